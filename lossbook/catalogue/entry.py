"""What the catalogue says of a loss or function, and how.

Formulas are written in sympy's notation, with the symbols that the inputs and parameters
name. A function of rows writes ``z[j]`` for an entry, ``K`` for their number and, where
it gives a row, ``i`` for the entry that it gives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import lossbook as lb
from lossbook.driver import Prepared


@dataclass(frozen=True)
class Input:
    """An array that a loss takes: its name, its symbol, and what it may hold.

    ``domain`` is one of "real", "probability", "nonnegative", "positive", "nonpositive", "sign".
    In a function of rows each input is a row of such numbers, or one of "simplex"
    (probabilities that sum to 1), "log_simplex" (their logarithms), "grade" (how relevant an
    item of a list is, 0 or more), "box" (x1, y1, x2, y2), but for a "label": the number of an
    entry of the row, in the formula ``z[y]``.
    """

    name: str
    symbol: str
    domain: str


@dataclass(frozen=True)
class Parameter:
    """A number that a loss takes: its symbol, and the value that leaves it out."""

    symbol: str
    neutral: float


@dataclass(frozen=True)
class Peer:
    """The same loss in another library: its dotted name and how to call it.

    ``call`` gets the function and the inputs; ``note`` says where it differs.
    """

    name: str
    call: Callable[..., Any]
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """What is known of a loss or function.

    Attributes
    ----------
    name, chapter, function
        The public function, and the chapter (as its file is named) that derives it.
    inputs, params
        Arrays in the order of the arguments; parameters by the name of the keyword.
    formula
        Its value, in sympy's notation.
    is_loss
        Whether it is a loss, which is reduced, or a function.
    ordinary, hostile
        Inputs for the verification table: those where all must agree, and those that break
        the popular formulas.
    ulps
        Bounds on the error of value and slope, in units in the last place of the true
        result, for targets of 0 and 1; and what each unit of the widest gap between logits
        (or of a logit itself) adds to them, from the rounding of the exponent. A third bound is
        for the slope in the second input, where a rule has one.
    terms
        For the value (key "value") or the slope in an input (key its position): the size of the
        terms that cancel in it, as a function of the inputs. The ulps are then of that size.
    minimized_by, convex, slope_bound
        What the loss asks for; whether it is convex in the prediction, and the largest size of
        its slope there (for the parameters that the function has by default). The prediction
        is all inputs that the rule differentiates for; of two distributions, the second.
    peers, sources
        The same loss elsewhere; keys of the book's bibliography.
    """

    name: str
    chapter: str
    inputs: tuple[Input, ...]
    formula: str
    ulps: tuple[float, ...]
    ulps_per_gap: float = 0.0
    terms: Mapping[str | int, Callable[..., Any]] = field(default_factory=dict)
    params: Mapping[str, Parameter] = field(default_factory=dict)
    is_loss: bool = False
    ordinary: tuple[tuple, ...] = ()
    hostile: tuple[tuple, ...] = ()
    minimized_by: str = ""
    convex: bool | None = None
    slope_bound: str = ""
    peers: tuple[Peer, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def function(self) -> Callable[..., Any]:
        """The public function."""
        return getattr(lb, self.name)

    @functools.cached_property
    def kind(self) -> str:
        """The kind of its rule: "element", "row" or "vector"."""
        return self.prepare(*self.arrays(self.ordinary[0])).rule.kind

    @functools.cached_property
    def wrt(self) -> int:
        """How many of the inputs, from the first on, the rule differentiates for."""
        return self.prepare(*self.arrays(self.ordinary[0])).rule.wrt

    def arrays(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        """Inputs as NumPy arrays: labels as integers, all else in double precision."""
        kinds = [np.int64 if x.domain == "label" else np.float64 for x in self.inputs]
        return [np.asarray(x, dtype=kind) for x, kind in zip(inputs, kinds, strict=True)]

    def prepare(self, *inputs: Any, **params: Any) -> Prepared:
        """The function's rule with its checked inputs, not yet evaluated."""
        return self.function.prepare(*inputs, **params)


LOGITS = Input("logits", "z", "real")
LABELS = Input("labels", "y", "label")
PROBS = Input("probs", "p", "probability")
TARGETS = Input("targets", "y", "probability")
SMOOTHING = {"label_smoothing": Parameter("epsilon", 0.0), "pos_weight": Parameter("w", 1.0)}
TEMPERATURE = {"temperature": Parameter("tau", 1.0)}


def plain(function, *arrays):
    """Call a peer that takes the same arguments in the same order."""
    return function(*arrays)
