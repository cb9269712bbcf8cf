"""What the machine can do, and what a loss must do at least: the time that it can't beat.

The rates are measured: bytes copied, exponentials, logarithms, products of matrices, operations
on one number. The work is counted: bytes of the inputs and of the gradient, each once, the
exponentials and the floating-point operations of the formula.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import pyperf
import torch

from benchmarks.measure import SHORTEST, Task, benchmark, describe, hold, suite_of, timed

CASE = "limits"  # the name of this one among the cases
CACHED, LONG, SIDE = 2**17, 2**25, 1024  # numbers: half a MiB, 128 MiB; rows of a matrix
ROUNDS = 7


class Limit(NamedTuple):
    """Something to do again and again, how much of what it does, and where to begin."""

    name: str
    of: str
    amount: int
    start: Callable[[int], Callable[[], object]]
    size: int

    def smaller(self) -> Limit:
        """The same for a quick test."""
        size = min(self.size, 2**18 if self.of == "bytes" else 256)
        return self._replace(size=size, amount=AMOUNTS[self.of](size))


def copying(n: int) -> Callable[[], object]:
    a, b = torch.ones(n), torch.zeros(n)
    return lambda: b.copy_(a)


def copying_anew(n: int) -> Callable[[], object]:
    a = torch.ones(n)
    return lambda: a.clone()


def applying(function: Callable, low: float, high: float) -> Callable[[int], Callable[[], object]]:
    def start(n: int) -> Callable[[], object]:
        x, out = torch.linspace(low, high, n), torch.empty(n)
        return lambda: function(x, out=out)

    return start


def product_of(dtype: torch.dtype) -> Callable[[int], Callable[[], object]]:
    def start(n: int) -> Callable[[], object]:
        a, b, out = (torch.full((n, n), 0.5, dtype=dtype) for _ in range(3))
        return lambda: torch.mm(a, b, out=out)

    return start


def one_number(_: int) -> Callable[[], object]:
    x = torch.ones(1)
    return lambda: x + x


AMOUNTS: dict[str, Callable[[int], int]] = {
    "bytes": lambda n: 8 * n,  # each number of float32 is read and written
    "exponentials": lambda n: n,
    "logarithms": lambda n: n,
    "flops": lambda n: 2 * n**3,
    "operations": lambda n: 1,
}


def _limit(name: str, of: str, start: Callable, size: int) -> Limit:
    return Limit(name, of, AMOUNTS[of](size), start, size)


LIMITS = (
    _limit("copy in the cache", "bytes", copying, CACHED),
    _limit("copy in memory", "bytes", copying, LONG),
    _limit("copy into fresh memory", "bytes", copying_anew, LONG),
    _limit("exponentials", "exponentials", applying(torch.exp, -9, 0), CACHED),
    _limit("logarithms", "logarithms", applying(torch.log1p, 0, 1), CACHED),
    _limit("matrix product, float32", "flops", product_of(torch.float32), SIDE),
    _limit("matrix product, float64", "flops", product_of(torch.float64), SIDE),
    _limit("operations on one number", "operations", one_number, 1),
)


def measured(task: Task, quick: bool = False) -> str:
    """All limits, in turns: a suite of pyperf's, as JSON."""
    hold(task.threads)
    asked = [limit.smaller() for limit in LIMITS] if quick else LIMITS
    calls = {limit: limit.start(limit.size) for limit in asked}
    loops = {}
    for limit, call in calls.items():
        timed(call, 2)
        loops[limit] = max(1, round(SHORTEST / timed(call, 3)))
    found = {limit: [] for limit in asked}
    for _ in range(2 if quick else ROUNDS):
        for limit, values in found.items():
            values.append(timed(calls[limit], loops[limit]))
    about = describe(task)
    return suite_of(
        benchmark(
            about | {"label": f"{limit.name}, threads: {task.threads}"},
            values,
            library="torch",
            limit=limit.name,
            of=limit.of,
            amount=limit.amount,
        )
        for limit, values in found.items()
    )


# --------------------------------------------------------------- from the measured file
def rates(suite: pyperf.BenchmarkSuite, threads: int = 1) -> dict[str, list[float]]:
    """For each limit how much it does in a second, run by run."""
    found = [(b, b.get_metadata()) for b in suite]
    return {
        about["limit"]: [about["amount"] / value for value in bench.get_values()]
        for bench, about in found
        if about["case"] == CASE and about["threads"] == threads
    }


class Work(NamedTuple):
    """The least that value and gradient of a loss take. A logarithm counts as an exponential."""

    read: int
    written: int
    exponentials: int = 0
    flops: int = 0


def _in_batch(n: int, d: int) -> Work:
    """Similarities of n things with n others, and two products for the gradients."""
    return Work(8 * n * d, 8 * n * d, n * n, 6 * n * n * d)


WORK: dict[str, Callable[..., Work]] = {
    "cross-entropy": lambda n, k: Work(4 * n * k + 8 * n, 4 * n * k, n * k),
    "binary cross-entropy": lambda n: Work(8 * n, 4 * n, 2 * n),
    "Huber": lambda n: Work(8 * n, 4 * n),
    "squared error": lambda n: Work(8 * n, 4 * n),
    "log-cosh": lambda n: Work(8 * n, 4 * n, 2 * n),
    "KL of two logit rows": lambda n, k: Work(8 * n * k, 8 * n * k, 2 * n * k),
    "triplet": lambda n, d: Work(12 * n * d, 12 * n * d),
    "CLIP": _in_batch,
    "CLIP in single precision": _in_batch,
    "InfoNCE": _in_batch,
    "InfoNCE in single precision": _in_batch,
    "linear cross-entropy": lambda n, d, k: Work(
        4 * d * (n + k) + 8 * n, 4 * d * (n + k), n * k, 6 * n * d * k
    ),
}  # sorting, as for all pairs, has no such count


def least(work: Work, rate: dict[str, float]) -> dict[str, float]:
    """The seconds for each part of the work, at the rates of the machine."""
    moved = work.read + work.written
    place = "copy in the cache" if moved <= 8 * CACHED else "copy in memory"
    return {
        "bytes": moved / rate[place],
        "exponentials": work.exponentials / rate["exponentials"],
        "flops": work.flops / rate["matrix product, float32"],
    }


def against(suite: pyperf.BenchmarkSuite) -> list[tuple[str, str, dict[str, float], float, float]]:
    """Each case and size on one thread: its least time by parts, and what ours and torch take."""
    rate = {name: median(values) for name, values in rates(suite).items()}
    times = {}
    for bench in suite:
        m = bench.get_metadata()
        if m["threads"] == 1 and m["device"] == "cpu" and m.get("beside", "").startswith("torch"):
            own = "lossbook" if m["library"] == "lossbook" else "torch"
            of = times.setdefault((m["case"], m["size"]), {})
            of.setdefault(own, median(bench.get_values()))  # torch in chunks comes second
    return [
        (case, size, least(WORK[case](*map(int, size.split("×"))), rate), t["lossbook"], t["torch"])
        for (case, size), t in times.items()
        if case in WORK
    ]
