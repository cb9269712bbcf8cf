"""Time, memory and accuracy of a case, each task in a process of its own.

The clock, the runs with the description of the machine, and the statistics are pyperf's.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")  # its default, tensorflow, is not needed
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch is told below how many there are

import pyperf
import torch

from benchmarks.cases import CASES, Arrays, Case
from benchmarks.judge import Question, questions, worst

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
KEPT = ("cpu_model_name", "cpu_count", "cpu_affinity", "load_avg_1min", "date")
KEPT += ("python_implementation", "python_version", "perf_version", "timer")
LIBRARIES = ("lossbook", "numpy", "torch", "jax", "optax", "keras", "scipy", "scikit-learn")
SHORTEST = 0.02  # seconds in a run, so that the clock's own cost does not count


@dataclass(frozen=True)
class Task:
    """A case in one size, where, and how long to measure it."""

    case: str
    size: tuple[int, ...]
    threads: int = 1
    device: str = "cpu"
    seconds: float = 15.0
    rounds: int = 5

    @property
    def label(self) -> str:
        where = f"threads: {self.threads}" if self.device == "cpu" else self.device
        return f"{' '.join(filter(None, [self.case, '×'.join(map(str, self.size))]))}, {where}"

    def start(self) -> tuple[Case, Arrays]:
        """Hold this process to its cores, and make the inputs."""
        hold(self.threads)
        case = find(self.case)
        return case, case.inputs(self.size)


def hold(threads: int) -> None:
    """Hold this process to so many cores."""
    if CORES:  # jax asks which there are, and takes no number
        os.sched_setaffinity(0, CORES[:threads])
    torch.set_num_threads(threads)


def find(name: str) -> Case:
    """The case of that name."""
    return next(c for c in CASES if c.name == name)


def caller(name: str, way: Callable, arrays: Arrays, wrt: int, device: str = "cpu") -> Callable:
    """A function without arguments that gives value and gradients, and has them when it ends."""
    if wrt == 0:
        return lambda: (way(*arrays), ())
    if name.startswith("optax"):
        import jax

        both = jax.jit(jax.value_and_grad(way, argnums=tuple(range(wrt))))
        given = [jax.numpy.asarray(a) for a in arrays]
        return lambda: jax.block_until_ready(both(*given))
    given = [torch.from_numpy(a).to(device) for a in arrays]
    leaves = [x.requires_grad_() for x in given[:wrt]]

    def call() -> tuple[Any, Any]:
        value = way(*given)
        grads = torch.autograd.grad(value, leaves)
        if device != "cpu":
            torch.cuda.synchronize()
        return value, grads

    return call


# -------------------------------------------------------------------------------- time
def times(task: Task, judge: bool = True) -> str:
    """Ours and a peer in turns, for each peer: a suite of pyperf's, as JSON."""
    case, arrays = task.start()
    ways = case.ways()
    if task.device != "cpu":
        ways = {n: w for n, w in ways.items() if not n.startswith("optax")}
    calls = {n: caller(n, w, arrays, case.wrt, task.device) for n, w in ways.items()}
    loops = {name: _loops(call) for name, call in calls.items()}
    ours, *peers = calls
    found = {peer: ([], []) for peer in peers}
    end = pyperf.perf_counter() + task.seconds
    while len(found[peers[0]][0]) < task.rounds or pyperf.perf_counter() < end:
        for peer, pair in found.items():
            for name, values in zip((ours, peer), pair, strict=True):
                values.append(timed(calls[name], loops[name]))
    about = describe(task) | {"not_installed": "; ".join(case.missing())}
    ulps = accuracy(case, ways) if judge else {}
    return suite_of(
        benchmark(about, values, library=n, beside=peer, loops=loops[n], **ulps.get(n, {}))
        for peer, pair in found.items()
        for n, values in zip((ours, peer), pair, strict=True)
    )


def timed(call: Callable, loops: int) -> float:
    start = pyperf.perf_counter()
    for _ in range(loops):
        call()
    return (pyperf.perf_counter() - start) / loops


def _loops(call: Callable) -> int:
    timed(call, 2)  # compiles, and touches memory for the first time
    return max(1, round(SHORTEST / timed(call, 1)))


def suite_of(benchmarks: Iterator[pyperf.Benchmark]) -> str:
    out = io.StringIO()
    pyperf.BenchmarkSuite(list(benchmarks)).dump(out)
    return out.getvalue()


def benchmark(about: dict, values: list[float], unit: str = "second", **more: Any):
    name = ", ".join(str(x) for x in (about["label"], unit, more["library"], more.get("beside")))
    known = {k: v for k, v in (about | more).items() if v != "" and k != "label"}
    run = pyperf.Run(values, metadata={"name": name, "unit": unit} | known, collect_metadata=False)
    return pyperf.Benchmark([run])


def describe(task: Task) -> dict[str, Any]:
    """The task, and the machine as pyperf describes it, without its name and its paths."""
    known = pyperf.Run([1.0]).get_metadata()
    machine = {k: known[k] for k in KEPT if k in known} | _caches()
    machine |= {f"{name}_version": version(name) for name in LIBRARIES}
    if task.device != "cpu":
        machine["gpu"] = torch.cuda.get_device_name()
    size = "×".join(map(str, task.size))
    about = {"case": task.case, "size": size, "threads": task.threads, "device": task.device}
    return {"label": task.label} | about | machine


def _caches() -> dict[str, str]:
    places = sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    texts = [[(p / name).read_text().strip() for name in ("level", "type", "size")] for p in places]
    return {f"cpu_cache_L{level}_{kind.lower()}": size for level, kind, size in texts}


# ------------------------------------------------------------------------------ memory
def memory(task: Task, name: str) -> str:
    """The peak of memory beyond the inputs, while value and gradient are made once."""
    case, arrays = task.start()
    way = case.way(name)
    caller(name, way, case.inputs(case.quick), case.wrt, task.device)()  # what is loaded once
    call = caller(name, way, arrays, case.wrt, task.device)
    if task.device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        peak = torch.cuda.max_memory_allocated() - before
    else:
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak is counted anew
        before = _status("VmRSS")
        call()
        peak = _status("VmHWM") - before
    about = describe(task)
    return suite_of(iter([benchmark(about, [max(peak, 1)], unit="byte", library=name)]))


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


# ---------------------------------------------------------------------------- accuracy
def accuracy(case: Case, ways: dict[str, Callable]) -> dict[str, dict[str, float]]:
    """For each way the worst errors of value and gradient, in ulps."""
    found = {name: {} for name in ways}
    for kind, asked in questions(case).items():
        for name, way in ways.items():
            errors = [_errors(caller(name, way, q.inputs, case.wrt)(), q) for q in asked]
            of = ("value", "gradient") if case.wrt else ("value",)
            found[name] |= {f"ulps_{o}_{kind}": max(e[k] for e in errors) for k, o in enumerate(of)}
    return found


def _errors(found: tuple, question: Question) -> list[float]:
    value, grads = found
    each = [worst(*x) for x in zip((value, *grads), question.exact, question.terms, strict=False)]
    return [each[0], max(each[1:], default=0.0)]
