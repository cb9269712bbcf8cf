"""The benchmarks: the quick set runs, and the table says what was measured. No absolute times."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pyperf
import pytest
import torch

from benchmarks import cases
from benchmarks.__main__ import RESULTS, main
from benchmarks.cases import CASES, Case
from benchmarks.judge import LOST, worst
from benchmarks.limits import AMOUNTS, LIMITS, WORK, against, least, rates
from benchmarks.measure import Task, caller, times
from benchmarks.table import HEAD, LIMIT_HEAD, limit_rows, limit_table, ratios, rows, table
from benchmarks.traffic import PAGE, Traffic, traffic
from benchmarks.traffic import least as least_bytes

ROOT = Path(__file__).resolve().parent.parent
SCALARS = [c for c in CASES if c.wrt]


# ---------------------------------------------------------------------- what is measured
@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    file = tmp_path_factory.mktemp("benchmarks") / "quick.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--seconds", "0", "--rounds", "2"]
    command += ["--threads", "1", "--device", "cpu"]
    # jax compiles for each question to the judge anew: what it has compiled before is kept
    kept = {"JAX_COMPILATION_CACHE_DIR": str(file.parent / "jax")}
    kept |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = subprocess.run(
        [*command, "--file", file], cwd=ROOT, env=os.environ | kept, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"/{len(CASES)}] ") == len(CASES)  # the progress
    return pyperf.BenchmarkSuite.load(str(file))


def test_the_quick_set_has_a_row_for_each_case_and_peer(quick):
    found = {(row[0].rsplit(" ", 1)[0], row[1]) for row in rows(quick) if row[2] != "not installed"}
    there = {(c.name, peer) for c in CASES for peer in c.peers if peer not in c.missing()}
    assert found == there


def test_each_row_of_the_quick_set_is_filled(quick):
    for row in rows(quick):
        if row[2] == "not installed":
            continue
        gradient = not row[0].startswith("NumPy")
        assert float(row[2]) > 0 and " to " in row[3]
        assert bool(row[4]) == row[1].startswith(("torch", "scipy"))
        assert [cell.count("; ") for cell in row[5:7]] == [gradient, gradient]


def test_all_compute_the_same_loss(quick):
    for bench in quick:
        about = bench.get_metadata()
        if "beside" in about:
            assert about["ulps_value_ordinary"] < LOST / 1000, about["name"]


def test_ours_is_exact_at_hostile_inputs(quick):
    for bench in quick:
        about = bench.get_metadata()
        if "beside" in about and about["library"] == "lossbook":
            most = 32 if "single precision" in about["case"] else 2
            assert about["ulps_value_hostile"] < most, about["name"]


def test_the_machine_is_described_without_its_name_and_paths(quick):
    for bench in quick:
        about = bench.get_metadata()
        assert {"cpu_model_name", "cpu_count", "threads", "torch_version", "timer"} <= set(about)
        assert not {"hostname", "python_executable", "platform"} & set(about)
        assert not any("/" in str(v) for k, v in about.items() if k != "name")


def test_the_quick_set_has_the_limits(quick):
    found = rates(quick)
    assert set(found) == {limit.name for limit in LIMITS}
    assert all(rate > 0 for values in found.values() for rate in values)
    assert {case for case, *_ in against(quick)} == set(WORK)


def test_limits_alone_are_put_beside_what_is_there(tmp_path, capsys):
    file = tmp_path / "known.json"
    pyperf.BenchmarkSuite(PAIR).dump(str(file))
    for _ in range(2):  # the second replaces the first
        main(["limits", "--quick", "--threads", "1", "--file", str(file)])
    suite = pyperf.BenchmarkSuite.load(str(file))
    assert len(suite) == len(LIMITS) + len(PAIR)
    assert rows(suite) == rows(pyperf.BenchmarkSuite(PAIR))
    main(["table", "--file", str(file)])
    assert capsys.readouterr().out.endswith(limit_table(suite) + "\n")


def test_memory_beyond_the_inputs_is_what_must_be_made():
    case = next(c for c in CASES if c.name == "squared error")
    count = 10**7
    names = ("lossbook", "torch")
    for found in _alone(Task(case.name, (count,)), names):
        (bench,) = pyperf.BenchmarkSuite.loads(found)
        (peak,) = bench.get_values()
        assert bench.get_unit() == "byte"
        assert 4 * count * 0.9 < peak < 4 * count * 3  # at least the gradient


def _alone(task, names):
    """In a process that holds nothing else: arrays of this size go back when they are freed."""
    code = "from benchmarks.measure import Task, memory\n"
    code += f"for name in {names!r}:\n    print(memory({task!r}, name).strip())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_runs_alternate(monkeypatch):
    calls = []
    case = Case("toy", "squared_error", cases.several(2), [(4,)], (4,), {})
    ways = {n: lambda *_, n=n: calls.append(n) for n in ("lossbook", "one", "other")}
    monkeypatch.setattr(Case, "ways", lambda self: ways)
    monkeypatch.setattr("benchmarks.measure.find", lambda name: case)
    monkeypatch.setattr("benchmarks.measure.caller", lambda name, way, *_: way)
    monkeypatch.setattr("benchmarks.measure._loops", lambda call: 1)
    monkeypatch.setattr(Task, "start", lambda self: (case, []))  # this process keeps its cores
    suite = pyperf.BenchmarkSuite.loads(times(Task("toy", (4,), seconds=0, rounds=3), judge=False))
    assert calls == 3 * ["lossbook", "one", "lossbook", "other"]
    assert {b.get_nvalue() for b in suite} == {3}


# ------------------------------------------------------------------------------- peers
def number(x):
    return float(x.detach() if hasattr(x, "detach") else x)


@pytest.mark.parametrize("case", SCALARS, ids=lambda c: c.name)
def test_peers_have_the_same_gradient(case):
    inputs = case.inputs(case.quick)
    found = {n: caller(n, w, inputs, case.wrt)() for n, w in case.ways().items()}
    value, grads = found.pop("lossbook")
    for name, (other, slopes) in found.items():
        assert number(other) == pytest.approx(number(value), rel=1e-4), name
        for a, b in zip(grads, slopes, strict=True):
            assert np.asarray(b) == pytest.approx(np.asarray(a), rel=1e-3, abs=1e-5), name


def test_a_missing_peer_is_named(monkeypatch):
    (clip,) = (c for c in CASES if c.name == "CLIP")
    hide = lambda name: None if name == "optax" else name  # noqa: E731
    monkeypatch.setattr(cases, "find_spec", hide)
    assert clip.missing() == ["optax, composed"]
    assert "optax, composed" not in clip.ways()


# ------------------------------------------------------------------------------- the judge
def test_the_judge_counts_ulps():
    one = mpmath.mpf(1)
    assert worst(np.float32(1) + np.float32(2) ** -23, one, 0.0) == 1.0
    assert worst([1.0, 1.0 + 2.0**-22], [one, one], 0.0) == 2.0
    assert worst(2.0**-23, mpmath.mpf(0), 1.0) == 1.0  # beside terms of size 1
    assert worst([1.0, np.nan], [one, one], 0.0) == LOST
    assert worst(0.0, one, 0.0) == LOST


# ------------------------------------------------------------------------------- the table
def bench(library, values, beside=None, unit="second", **more):
    about = {"case": "toy", "size": "9", "threads": 1, "device": "cpu"} | more
    about |= {"library": library, "unit": unit} | ({"beside": beside} if beside else {})
    about["name"] = " ".join(map(str, about.values()))
    return pyperf.Benchmark([pyperf.Run(values, metadata=about, collect_metadata=False)])


OURS = {"ulps_value_ordinary": 0.5, "ulps_gradient_ordinary": 1.25, "ulps_value_hostile": 0.75}
THEIRS = {"ulps_value_ordinary": 20.0, "ulps_gradient_ordinary": 1e5, "ulps_value_hostile": LOST}
PAIR = [
    bench("lossbook", [1.0, 2.0, 9.0], "torch", not_installed="gone", **OURS),
    bench("torch", [2.0, 4.0, 3.0], "torch", **THEIRS),
    bench("lossbook", [40_000_000], unit="byte"),
    bench("torch", [120_000_000], unit="byte"),
]


def test_the_table_of_made_up_numbers():
    assert rows(pyperf.BenchmarkSuite(PAIR)) == [
        ["toy 9", "torch", "0.50", "0.50 to 2.50", "40 / 120",
         "0.5 / 20; 1.2 / 1e5", "0.8 / all lost", ""],
        ["toy", "gone", "not installed", "", "", "", "", ""],
    ]  # fmt: skip


def test_the_ratio_is_that_of_neighbors():
    r = ratios([1.0, 10.0, 100.0], [2.0, 20.0, 200.0])  # a machine that gets slower
    assert r.get_values() == (0.5, 0.5, 0.5)
    assert (r.median(), r.percentile(10), r.percentile(90)) == (0.5, 0.5, 0.5)


def test_a_gpu_is_a_column():
    gpu = {"device": "cuda"}
    more = [bench("lossbook", [3.0] * 3, "torch", **gpu), bench("torch", [4.0] * 3, "torch", **gpu)]
    (row, _) = rows(pyperf.BenchmarkSuite([*PAIR, *more]))
    assert row[-1] == "0.75 in 0.75 to 0.75"
    assert table(pyperf.BenchmarkSuite([*PAIR, *more])).startswith(f"| {' | '.join(HEAD)} |\n")
    assert HEAD[-1] not in table(pyperf.BenchmarkSuite(PAIR))


def test_threads_are_rows_and_share_what_was_judged():
    two = [bench("lossbook", [1.0, 1.0], "torch", threads=2)]
    two += [bench("torch", [4.0, 4.0], "torch", threads=2)]
    found = [row for row in rows(pyperf.BenchmarkSuite([*PAIR, *two])) if row[1] == "torch"]
    assert [row[0] for row in found] == ["toy 9", "toy 9, 2 threads"]
    assert found[1][2] == "0.25" and found[1][4] == "" and found[1][5:7] == found[0][5:7]


def test_the_kept_results_make_a_table():
    suite = pyperf.BenchmarkSuite.load(str(RESULTS))
    names = {row[0] for row in rows(suite)}
    for case in CASES:
        for size in case.sizes:
            assert f"{case.name} {'×'.join(map(str, size))}" in names


def test_the_kept_results_have_the_limits():
    suite = pyperf.BenchmarkSuite.load(str(RESULTS))
    assert set(rates(suite)) == {limit.name for limit in LIMITS}
    assert len(against(suite)) > len(WORK) / 2


# ------------------------------------------------------------------------------- the limits
def limit(name, of, values, amount, threads=1):
    about = {"case": "limits", "threads": threads, "device": "cpu", "unit": "second"}
    about |= {"limit": name, "of": of, "amount": amount, "library": "torch"}
    about["name"] = " ".join(map(str, about.values()))
    return pyperf.Benchmark([pyperf.Run(values, metadata=about, collect_metadata=False)])


def test_a_rate_is_what_was_done_over_its_time():
    suite = pyperf.BenchmarkSuite([*PAIR, limit("copy", "bytes", [2.0, 1.0, 4.0], 8e9)])
    assert rates(suite) == {"copy": [4e9, 8e9, 2e9]} and rates(suite, 2) == {}
    assert limit_rows(suite) == [["copy", "1", "4.0", "2.4 to 7.2", "GB/s"]]
    assert limit_table(suite).startswith(f"| {' | '.join(LIMIT_HEAD)} |\n| --- |")
    assert rows(suite) == rows(pyperf.BenchmarkSuite(PAIR))


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_does_what_it_says(limit):
    quick = limit.smaller()
    assert quick.amount == AMOUNTS[quick.of](quick.size) <= limit.amount
    once = quick.start(quick.size)
    with Traffic() as found:
        once()
    assert found.operations == 1
    if quick.of == "bytes":
        assert found.moved == quick.amount


@pytest.mark.parametrize("case", [c for c in CASES if c.name in WORK], ids=lambda c: c.name)
def test_the_least_is_each_input_and_each_gradient_once(case):
    inputs, work = case.inputs(case.quick), WORK[case.name](*case.quick)
    assert work.read == sum(x.nbytes for x in inputs)
    assert work.written == sum(x.nbytes for x in inputs[: case.wrt])


def test_the_least_time_has_three_parts():
    rate = {"copy in the cache": 100.0, "copy in memory": 10.0, "exponentials": 2.0}
    rate["matrix product, float32"] = 4.0
    few, many = (WORK["binary cross-entropy"](n) for n in (10, 10**7))
    assert least(few, rate) == {"bytes": 1.2, "exponentials": 10.0, "flops": 0.0}
    assert least(many, rate)["bytes"] == 1.2e7
    assert least(WORK["CLIP"](2, 3), rate)["flops"] == 6 * 4 * 3 / 4


# ------------------------------------------------------------------------------- traffic
NUMBERS = 2**16


def test_traffic_of_one_operation():
    with Traffic() as found:
        torch.exp(torch.ones(NUMBERS))
    assert (found.operations, found.moved) == (2, 3 * 4 * NUMBERS)  # written, read, written
    assert found.new == found.most == 2 * 4 * NUMBERS
    assert found.missed == 0  # neither is needed any more


def test_a_cache_that_is_too_small_is_missed():
    x, size = torch.ones(NUMBERS), 4 * NUMBERS
    for cache, missed in ((4 * size, 3 * size), (size // 2, 4 * size)):
        with Traffic(cache) as found:
            y = x + 1
            z = torch.exp(y)
        # x is read, y and z are kept; where y does not fit, it is read again
        assert found.missed == missed and z.shape == y.shape


def test_what_is_forgotten_is_free_again():
    with Traffic() as found:
        y = torch.ones(NUMBERS)
        for _ in range(5):
            y = y + 1
    assert found.new == 6 * y.nbytes and found.most == 2 * y.nbytes


def test_views_move_nothing_and_indices_what_they_name():
    x, few = torch.ones(NUMBERS), torch.arange(4)
    with Traffic() as found:
        x.reshape(2, -1).T[:5].detach()
    assert found.operations == found.moved == 0
    with Traffic() as found:
        x.gather(0, few)
    assert found.moved == 4 * 8 + 4 * 4


def test_an_output_is_written_and_not_read():
    x, out = torch.ones(NUMBERS), torch.zeros(NUMBERS)
    with Traffic() as found:
        torch.multiply(x, 2.0, out=out)
        out.copy_(x)
    assert found.moved == 4 * x.nbytes + found.new  # the 2 as an array of one number
    assert found.missed <= 2 * x.nbytes + 2 * PAGE


def test_traffic_of_a_loss_holds_both_passes():
    x = torch.ones(NUMBERS)
    found = traffic(lambda x: (x * x).sum(), x)
    assert found.new >= 3 * x.nbytes  # the square, and two shares of the gradient
    assert least_bytes(x) == 2 * x.nbytes
