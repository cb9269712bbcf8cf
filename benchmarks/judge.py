"""How exact: the worst error in ulps of float32, against fifty digits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import mpmath
import numpy as np

from benchmarks.cases import Arrays, Case
from lossbook import exact
from lossbook.accuracy import ulp
from lossbook.catalogue import entry as find

LOST = 2.0**23  # ulps of float32: no digit is left


class Question(NamedTuple):
    """Inputs; the exact value and gradients; the size of terms that cancel in each."""

    inputs: Arrays
    exact: list[Any]
    terms: list[Any]


def questions(case: Case) -> dict[str, list[Question]]:
    """Ordinary inputs and hostile ones: those of the catalogue, and some that are drawn."""
    if case.exact:
        (u, v), far = case.inputs((3, 4), seed=1), np.float32(1e25)  # its square is no float32
        asked = {"ordinary": [(u, v)], "hostile": [(u, u), (far * u, far * v)]}
        return {kind: [_of_rows(case, p) for p in points] for kind, points in asked.items()}
    entry = find(case.entry or case.function)
    drawn = (case.sample or case.draw)(np.random.default_rng(1), *[8, 3][: len(case.quick)])
    asked = {"ordinary": [*entry.ordinary, *zip(*drawn, strict=True)], "hostile": entry.hostile}
    return {kind: list(_of_points(case, entry, points)) for kind, points in asked.items()}


def _of_points(case: Case, entry: Any, points: Any) -> Iterator[Question]:
    """As float32 holds them, if it does; labels stay integers."""
    for point in points:
        given = [np.asarray(x) for x in point]
        with np.errstate(over="ignore"):
            given = [x if x.dtype.kind == "i" else x.astype(np.float32) for x in given]
        if not all(np.isfinite(x).all() for x in given):
            continue
        plain, columns = [x.tolist() for x in given], [x[None].astype(float) for x in given]
        wrt = range(min(case.wrt, entry.wrt))
        true = [exact.value(entry, *plain), *(exact.slope(entry, *plain, wrt=k) for k in wrt)]
        terms = [entry.terms[k](*columns) if k in entry.terms else 0.0 for k in ("value", *wrt)]
        yield Question(case.embed(*given), true, terms)


def _of_rows(case: Case, inputs: Arrays) -> Question:
    """A formula of all rows; an error of its gradient counts beside the largest entry."""
    shape = np.shape(inputs)
    with mpmath.workdps(2 * exact.DIGITS):

        def formula(*numbers: Any) -> Any:
            return case.exact(*np.reshape(np.array(numbers, dtype=object), shape))

        flat, units = (
            [mpmath.mpf(float(x)) for x in np.ravel(inputs)],
            np.eye(np.size(inputs), dtype=int),
        )
        slopes = [mpmath.diff(formula, flat, unit, relative=True) for unit in units.tolist()]
        grads = np.reshape(np.array(slopes, dtype=object), (len(inputs), -1))
        return Question(inputs, [formula(*flat), *grads], [0.0, *abs(grads).max(axis=1)])


def worst(found: Any, true: Any, terms: Any) -> float:
    """The largest error of some numbers; of what is no number, all is lost."""
    found = np.ravel(found.detach().cpu() if hasattr(found, "detach") else found).tolist()
    true = np.ravel(np.array(true, dtype=object))
    least = np.broadcast_to(np.ravel(np.array(terms, dtype=object)), true.shape)
    if not np.isfinite(found).all():
        return LOST
    each = zip(found, true, least, strict=True)
    return min(LOST, max(_error(f, t, mpmath.mpmathify(size)) for f, t, size in each))


def _error(found: float, true: Any, size: Any) -> float:
    return float(abs(found - true) / ulp(max(abs(true), size), "float32"))
