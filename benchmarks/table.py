"""From the measured file to a table: ours over each peer."""

from __future__ import annotations

from collections.abc import Sequence

import pyperf

from benchmarks.limits import CASE, rates

HEAD = ("loss, size", "peer", "time: ours over theirs", "10 to 90 %", "MB: ours / theirs")
HEAD += ("ulps at ordinary inputs", "ulps at hostile inputs", "time on the GPU")
LIMIT_HEAD = ("limit", "threads", "rate", "10 to 90 %", "unit")
UNITS = {
    "bytes": ("GB/s", 1e9),
    "exponentials": ("10⁹/s", 1e9),
    "logarithms": ("10⁹/s", 1e9),
    "flops": ("10⁹ flops/s", 1e9),
    "operations": ("10⁶/s", 1e6),
}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> pyperf.Benchmark:
    """The ratios of neighboring runs, with pyperf's statistics."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    about = {"name": "ratio"}
    return pyperf.Benchmark([pyperf.Run(each, metadata=about, collect_metadata=False)])


def rows(suite: pyperf.BenchmarkSuite) -> list[list[str]]:
    """A row for each case, size, number of threads, and peer; the GPU is a column."""
    found = [(b, m) for b in suite if (m := b.get_metadata())["case"] != CASE]
    times = {(*_place(m), m["beside"], m["library"]): (b, m) for b, m in found if "beside" in m}
    memory = {(*_place(m), m["library"]): b.get_values()[0] for b, m in found if "beside" not in m}
    made, absent = [], {}
    for (*place, peer, library), (ours, about) in times.items():
        if library == peer or about["device"] != "cpu":
            continue
        what = f"{place[0]} {place[1]}" + (f", {place[2]} threads" if place[2] > 1 else "")
        theirs, _ = times[(*place, peer, peer)]
        sizes = [memory.get((*place, name)) for name in (library, peer)]
        ulps = [_ulps(times, place[0], peer, kind) for kind in ("ordinary", "hostile")]
        on_gpu = _on_gpu(times, place, peer)
        made.append([what, peer, *_time(ours, theirs), _pair(sizes, 1e6), *ulps, on_gpu])
        absent |= {place[0]: about["not_installed"]} if "not_installed" in about else {}
    return made + [[case, name, "not installed", *[""] * 5] for case, name in absent.items()]


def _place(about: dict) -> tuple:
    return about["case"], about["size"], about["threads"], about["device"]


def _time(ours: pyperf.Benchmark, theirs: pyperf.Benchmark) -> tuple[str, str]:
    r = ratios(ours.get_values(), theirs.get_values())
    return f"{r.median():.2f}", f"{r.percentile(10):.2f} to {r.percentile(90):.2f}"


def _on_gpu(times: dict, place: list, peer: str) -> str:
    pair = [times.get((*place[:2], 1, "cuda", peer, name)) for name in ("lossbook", peer)]
    return "" if None in pair else " in ".join(_time(pair[0][0], pair[1][0]))


def _pair(numbers: Sequence[float | None], unit: float = 1.0) -> str:
    if None in numbers:
        return ""
    return " / ".join(_short(x / unit) for x in numbers)


def _ulps(times: dict, case: str, peer: str, kind: str) -> str:
    """Value and gradient, ours and theirs; a case is judged in one size."""
    known = {key[5]: m for key, (_, m) in times.items()
             if key[0] == case and key[4] == peer and f"ulps_value_{kind}" in m}  # fmt: skip
    names = [f"ulps_{of}_{kind}" for of in ("value", "gradient")]
    pairs = [[known.get(n, {}).get(name) for n in ("lossbook", peer)] for name in names]
    return "; ".join(filter(None, map(_pair, pairs)))


def _short(x: float) -> str:
    if x >= 2**23:
        return "all lost"
    return f"{x:.1f}" if x < 10 else f"{x:.0f}" if x < 1e4 else f"{x:.0e}".replace("e+0", "e")


def table(suite: pyperf.BenchmarkSuite) -> str:
    """The table in Markdown."""
    made = rows(suite)
    width = len(HEAD) if any(row[-1] for row in made) else len(HEAD) - 1
    return _markdown([row[:width] for row in (HEAD, *made)])


def limit_rows(suite: pyperf.BenchmarkSuite) -> list[list[str]]:
    """What the machine can do: a row for each limit and number of threads."""
    made = []
    for threads in sorted({m["threads"] for b in suite if (m := b.get_metadata())["case"] == CASE}):
        of = {m["limit"]: m["of"] for b in suite if (m := b.get_metadata())["case"] == CASE}
        for name, values in rates(suite, threads).items():
            unit, size = UNITS[of[name]]
            r = ratios(values, [size] * len(values))
            spread = f"{_rate(r.percentile(10))} to {_rate(r.percentile(90))}"
            made.append([name, str(threads), _rate(r.median()), spread, unit])
    return made


def _rate(x: float) -> str:
    return f"{x:.0f}" if x >= 10 else f"{x:.1f}" if x >= 1 else f"{x:.2f}"


def limit_table(suite: pyperf.BenchmarkSuite) -> str:
    """The limits in Markdown."""
    return _markdown([LIMIT_HEAD, *limit_rows(suite)])


def _markdown(made: Sequence[Sequence[str]]) -> str:
    head, *others = made
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *others))
