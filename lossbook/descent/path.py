"""The loop: steps from a start, and what happened on the way (chapter 10)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lossbook.checks import check_number
from lossbook.descent.newton import Backtracking
from lossbook.descent.optimizers import Optimizer
from lossbook.descent.schedules import check_count
from lossbook.descent.trees import Tree, floats, matching, norm, one_number, rebuild, tree_map


@dataclass(frozen=True)
class Path:
    """Where a run went. Entry k of each record is what was found after k steps.

    ``points`` holds the parameters (only the first and the last without ``keep_points``),
    ``values`` the losses, ``gradient_norms`` the lengths of the gradients before clipping,
    ``rates`` the rates of the steps, times the factor of the line search.
    ``stopped`` says why it ended: "steps", "tolerance", "diverged" (the loss or the gradient
    is nan or infinite) or "no decrease" (the line search found none).
    """

    points: list[Tree]
    values: np.ndarray
    gradient_norms: np.ndarray
    rates: np.ndarray
    stopped: str

    @property
    def last(self) -> Tree:
        """The parameters at the end."""
        return self.points[-1]

    def __len__(self) -> int:
        """The number of steps."""
        return len(self.rates)


class Diverged(ArithmeticError):
    """The loss or its gradient became nan or infinite; ``path`` holds the way there."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


def minimize(
    value_and_gradient: Callable[..., tuple[Any, Tree]],
    start: Tree,
    optimizer: Optimizer,
    *,
    steps: int,
    batches: Iterable[Any] | None = None,
    clip: Callable[[Tree], Tree] | None = None,
    line_search: Backtracking | None = None,
    tolerance: float | None = None,
    keep_points: bool = True,
    diverging: Literal["raise", "record"] = "raise",
) -> Path:
    r"""Take steps downhill, and record the way.

    .. math::
        \theta_{k+1} = \theta_k + u_k(\nabla L(\theta_k), \dots, \nabla L(\theta_0))

    Parameters
    ----------
    value_and_gradient
        A function of the parameters that gives the loss, one number, and its gradient, which
        has the form of the parameters. With batches it takes a batch as second argument.
    start
        Parameters: a float array, or a dict or list of them. They are not changed.
    optimizer
        What makes a step of the gradients, for example :class:`GradientDescent`.
    steps
        How many steps to take at most.
    batches
        What the function gets beside the parameters, one for each step (the last one again
        for the loss at the end), for example :func:`minibatches`; None for no batches.
    clip
        A function of the gradient that limits it, for example :func:`clip_by_norm` with its
        limit filled in; None for none.
    line_search
        Shortens a step that does not lower the loss enough; None for none.
    tolerance
        The run stops where the gradient is not longer than this; None for never.
    keep_points
        Whether to record all the points, or only the first and the last.
    diverging
        Whether to raise if the loss or the gradient is nan or infinite, or to stop and say
        so in the path ("record").

    Returns
    -------
    Path
        Points, losses, lengths of the gradient, rates, and why it stopped.

    Raises
    ------
    TypeError, ValueError
        If an argument or what the function returns is not of the kind that is expected.
    Diverged
        If the loss or its gradient becomes nan or infinite; the error holds the path.

    Examples
    --------
    >>> import numpy as np
    >>> from lossbook import GradientDescent, binary_cross_entropy, value_and_grad
    >>> data, labels = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([0.0, 1.0, 1.0])
    >>> def logistic_regression(theta):
    ...     loss, slopes = value_and_grad(binary_cross_entropy, data @ theta, labels)
    ...     return loss, data.T @ slopes
    >>> path = minimize(logistic_regression, np.zeros(2), GradientDescent(1.0), steps=100)
    >>> path.values[[0, 100]].round(3), path.stopped
    (array([0.693, 0.05 ]), 'steps')

    Notes
    -----
    Nothing is shown, and NumPy's warnings of overflow are off in the meantime: what is nan or
    infinite ends the run instead. Chapter 10.
    """
    check_count("steps", steps, 0)
    if tolerance is not None:
        check_number("tolerance", tolerance, 0)
    if diverging not in ("raise", "record"):
        raise ValueError(f'diverging must be "raise" or "record", got {diverging!r}')
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be one of lossbook's, got {optimizer!r}")
    if not isinstance(line_search, Backtracking | None):
        raise TypeError(f"line_search must be a Backtracking or None, got {line_search!r}")
    run = _Run(value_and_gradient, floats(start), optimizer, batches, clip, line_search)
    with np.errstate(all="ignore"):
        path = run.to(steps, tolerance, keep_points)
    if path.stopped == "diverged" and diverging == "raise":
        raise Diverged(_what_diverged(path), path)
    return path


class _Run:
    """A run from a start: what stays the same, and the records that grow."""

    def __init__(self, function, start, optimizer, batches, clip, line_search) -> None:
        self.function, self.optimizer = function, optimizer
        self.clip, self.line_search = clip, line_search
        self.batches = None if batches is None else iter(batches)
        self.batch: tuple = ()
        self.points, self.state = [start], optimizer.start(start)
        self.values: list[float] = []
        self.norms: list[float] = []
        self.rates: list[float] = []

    def to(self, steps: int, tolerance: float | None, keep_points: bool) -> Path:
        stopped = None
        while stopped is None:
            last = len(self.rates) == steps
            self._next_batch(steps, last)
            value, gradient = self._evaluate(self.points[-1])
            self.values.append(value)
            self.norms.append(norm(gradient))
            if not (math.isfinite(value) and math.isfinite(self.norms[-1])):
                stopped = "diverged"
            elif tolerance is not None and self.norms[-1] <= tolerance:
                stopped = "tolerance"
            elif last:
                stopped = "steps"
            elif not self._step(value, gradient, keep_points):
                stopped = "no decrease"
        records = [np.array(x, float) for x in (self.values, self.norms, self.rates)]
        return Path(self.points, *records, stopped)

    def _next_batch(self, steps: int, last: bool) -> None:
        if self.batches is None or (last and self.batch):
            return
        try:
            self.batch = (next(self.batches),)
        except StopIteration:
            raise ValueError(
                f"batches must hold one for each of {steps} steps, got {len(self.rates)}"
            ) from None

    def _evaluate(self, point: Tree) -> tuple[float, Tree]:
        found = self.function(point, *self.batch)
        if not isinstance(found, tuple) or len(found) != 2:
            kind = type(found).__qualname__
            raise TypeError(f"value_and_gradient must return a value and a gradient, got {kind}")
        value, gradient = found
        gradient = rebuild(point, matching(point, gradient))
        return one_number("the value", value), gradient

    def _step(self, value: float, gradient: Tree, keep_points: bool) -> bool:
        point, rate = self.points[-1], self.optimizer.rate_at(self.state.count)
        clipped = gradient if self.clip is None else self.clip(gradient)
        self.state, update = self.optimizer.step(self.state, clipped, point)
        t = 1.0
        if self.line_search is not None:
            t = self.line_search.scale(
                lambda x: self._evaluate(x)[0], point, value, gradient, update
            )
            if t is None:
                return False
        self.rates.append(rate * t)
        moved = tree_map(lambda x, u: x + t * u, point, update)
        if keep_points or len(self.points) == 1:
            self.points.append(moved)
        else:
            self.points[-1] = moved
        return True


def _what_diverged(path: Path) -> str:
    name, found = "loss", path.values[-1]
    if math.isfinite(found):
        name, found = "gradient", path.gradient_norms[-1]
    text = f"the {name} is {found:g} after {len(path)} steps"
    if len(path):
        text += f" (the loss before: {path.values[-2]:.4g}); the last rate was {path.rates[-1]:g}"
    return text


def minibatches(
    count: int, size: int, *, seed: int | np.random.Generator = 0, replace: bool = False
) -> Iterator[np.ndarray]:
    r"""Random batches of examples, without end.

    .. math::
        B_k \subset \{0, \dots, N-1\}, \qquad
        \mathbb{E}\,\frac{1}{\lvert B_k \rvert} \sum_{i \in B_k} \nabla \ell_i = \nabla L

    Parameters
    ----------
    count
        The number N of examples.
    size
        The examples in a batch, from 1 to N (without replacement).
    seed
        A seed, or a NumPy generator to draw from.
    replace
        If false, each example comes once in an epoch, in a new order each time, and the last
        batch of an epoch is smaller if ``size`` does not divide N. If true, every example of
        every batch is drawn independently of all others.

    Returns
    -------
    Iterator
        Arrays of indices.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> batches = minibatches(5, 2)
    >>> epoch = [next(batches) for _ in range(3)]
    >>> [len(b) for b in epoch], sorted(int(i) for b in epoch for i in b)
    ([2, 2, 1], [0, 1, 2, 3, 4])

    Notes
    -----
    The mean over a smaller last batch gives its examples more weight; chapter 9 says what to
    do about it. Chapter 10.
    """
    count, size = check_count("count", count), check_count("size", size)
    if size > count and not replace:
        raise ValueError(f"size must be at most the count of {count}, got {size}")
    rng = np.random.default_rng(seed)
    return _independent(count, size, rng) if replace else _epochs(count, size, rng)


def _independent(count: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    while True:
        yield rng.integers(0, count, size)


def _epochs(count: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    while True:
        order = rng.permutation(count)
        for first in range(0, count, size):
            yield order[first : first + size]
