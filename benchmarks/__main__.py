"""python -m benchmarks measures, python -m benchmarks limits only what the machine can do,
and python -m benchmarks table prints what was measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyperf
import torch

from benchmarks import limits
from benchmarks.cases import CASES
from benchmarks.measure import Task, find, memory, times
from benchmarks.table import limit_table, table

RESULTS = Path(__file__).parent / "results" / "measured.json"
WEIGHED = ("lossbook", "torch", "scipy")  # whose memory is measured


def processes(calls_each: int | None) -> ProcessPoolExecutor:
    """One process at a time, with the libraries loaded; a new one after so many calls."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.measure", "keras", "sklearn.metrics"])
    return ProcessPoolExecutor(1, context, max_tasks_per_child=calls_each)


def tasks(options: argparse.Namespace) -> list[Task]:
    """What is asked for. A GPU has no number of threads."""
    places = [("cpu", n) for n in options.threads] if "cpu" in options.device else []
    places += [("cuda", 1)] if "cuda" in options.device else []
    return [
        Task(c.name, size, threads, device, options.seconds, options.rounds)
        for device, threads in places
        for c in CASES
        if (not options.only or c.name in options.only) and (c.wrt or device == "cpu")
        for size in ((c.quick,) if options.quick else c.sizes)
    ]


def measure(options: argparse.Namespace) -> None:
    """Run all tasks, and keep what is found after each."""
    found, todo = limits_of(options), tasks(options)
    with processes(None if options.quick else 1) as timing, processes(1) as once:
        for number, task in enumerate(todo, 1):
            first = task.case not in {b.get_metadata()["case"] for b in found}
            suite = call(timing, times, task, first)
            names = [n for n in find(task.case).names() if n.startswith(WEIGHED)]
            weights = [b for name in names for b in call(once, memory, task, name)]
            found += [*suite, *weights]
            print(f"[{number}/{len(todo)}] {task.label}", file=sys.stderr)
            keep(found, options.file)
    keep(found, options.file, limits_of(options))  # the machine may be another one by now


def limits_of(options: argparse.Namespace) -> list[pyperf.Benchmark]:
    """What the machine can do; a GPU has no such list."""
    found = []
    with processes(1) as each:
        for threads in options.threads if "cpu" in options.device else ():
            task = Task(limits.CASE, (), threads)
            found += call(each, limits.measured, task, options.quick)
            print(task.label, file=sys.stderr)
    return found


def measure_limits(options: argparse.Namespace) -> None:
    """The limits anew, beside what else the file holds."""
    known = pyperf.BenchmarkSuite.load(str(options.file)) if options.file.exists() else ()
    others = [b for b in known if b.get_metadata()["case"] != limits.CASE]
    keep([*limits_of(options), *others], options.file)


def keep(found: list[pyperf.Benchmark], file: Path, again: Sequence[pyperf.Benchmark] = ()) -> None:
    """Write what is found; runs of the same ``again`` are put to those."""
    suite = pyperf.BenchmarkSuite(found)
    if again:
        suite.add_runs(pyperf.BenchmarkSuite(again))
    file.parent.mkdir(parents=True, exist_ok=True)
    suite.dump(str(file), compact=False, replace=True)


def call(pool: ProcessPoolExecutor, function: Any, *args: Any) -> pyperf.BenchmarkSuite:
    return pyperf.BenchmarkSuite.loads(pool.submit(function, *args).result())


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["run", "limits", "table"], default="run")
    parser.add_argument("--quick", action="store_true", help="small sizes, a few runs")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    parser.add_argument("--device", nargs="+", choices=["cpu", "cuda"], default=devices)
    parser.add_argument("--only", nargs="+", choices=[c.name for c in CASES], metavar="CASE")
    parser.add_argument("--seconds", type=float, help="for each case and size")
    parser.add_argument("--rounds", type=int, help="pairs of runs at least")
    parser.add_argument("--file", type=Path, default=RESULTS)
    options = parser.parse_args(argv)
    if options.what == "table":
        suite = pyperf.BenchmarkSuite.load(str(options.file))
        print(table(suite), limit_table(suite), sep="\n\n")
        return
    if options.what == "limits":
        measure_limits(options)
        return
    if options.seconds is None:
        options.seconds = 0.05 if options.quick else 15.0
    options.rounds = options.rounds or (3 if options.quick else 5)
    measure(options)


if __name__ == "__main__":
    main()
