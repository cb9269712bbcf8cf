"""Entries of chapter 6 whose inputs are boxes."""

import numpy as np

from lossbook.catalogue.entry import Entry, Input
from lossbook.regression.boxes import axes, edges, giou_pulls, iou_pulls, overlap

CHAPTER = "06-regression-losses"
BOXES = (Input("predictions", "a", "box"), Input("targets", "b", "box"))


def _length(box, axis):
    return f"({box}[{axis + 2}] - {box}[{axis}])"


def _shared(axis):
    return f"Max(Min(a[{axis + 2}], b[{axis + 2}]) - Max(a[{axis}], b[{axis}]), 0)"


def _hull(axis):
    return f"(Max(a[{axis + 2}], b[{axis + 2}]) - Min(a[{axis}], b[{axis}]))"


SHARED = f"{_shared(0)}*{_shared(1)}"
UNION = f"({_length('a', 0)}*{_length('a', 1)} + {_length('b', 0)}*{_length('b', 1)} - {SHARED})"
HULL = f"({_hull(0)}*{_hull(1)})"
IOU = f"{SHARED}/{UNION}"

UNIT = [0.0, 0.0, 1.0, 1.0]
ORDINARY_BOXES = (
    (UNIT, [0.5, 0.5, 1.5, 2.0]),
    ([0.0, 0.0, 4.0, 3.0], [1.0, 1.0, 2.0, 2.0]),
    ([0.0, 0.0, 4.0, 1.0], [1.0, -2.0, 2.0, 2.0]),
)
HOSTILE_BOXES = (
    (UNIT, [3.0, 0.0, 4.0, 2.0]),
    (UNIT, [3.0, 2.0, 5.0, 3.0]),
    ([0.0, 0.0, 1.0 + 2.0**-52, 1.0], [1e-9, -1e-9, 1.0, 1.0 - 1e-9]),
    ([0.0, 0.0, 1e200, 1e200], [1e199, 1e199, 3e200, 2e200]),
)


def _pull_terms(pulls):
    """For boxes: what pulls at an edge from outside and from inside, not one less the other."""

    def of(a, b):
        x, y = axes(np, a, b)
        areas = overlap(np, x, y)
        along = [pulls(x, y, areas), pulls(y, x, areas)]
        return np.abs(edges(np, x, y, *(p._replace(outside=-p.outside) for p in along)))

    return of


def _all_giou_pulls(this, other, areas):
    wider = other.whole_a * this.gap + other.only_a * this.only_b
    pulls = giou_pulls(this, other, areas)
    return pulls._replace(outside=pulls.outside + 2 * wider)


ENTRIES = (
    Entry(
        "iou",
        CHAPTER,
        BOXES,
        IOU,
        ulps=(4.5, 7),
        terms={0: _pull_terms(iou_pulls)},
        ordinary=ORDINARY_BOXES,
        hostile=HOSTILE_BOXES,
    ),
    Entry(
        "iou_loss",
        CHAPTER,
        BOXES,
        f"1 - {IOU}",
        ulps=(3.5, 7),
        terms={0: _pull_terms(iou_pulls)},
        is_loss=True,
        ordinary=ORDINARY_BOXES,
        hostile=HOSTILE_BOXES,
        minimized_by="a box near most of the boxes; if no two overlap, any one of them",
        convex=False,
        slope_bound="oo",
        sources=("yu2016",),
    ),
    Entry(
        "giou_loss",
        CHAPTER,
        BOXES,
        f"1 - {IOU} + 1 - {UNION}/{HULL}",
        ulps=(3.5, 7),
        terms={0: _pull_terms(_all_giou_pulls)},
        is_loss=True,
        ordinary=ORDINARY_BOXES,
        hostile=HOSTILE_BOXES,
        minimized_by="a box near most of the boxes",
        convex=False,
        slope_bound="oo",
        sources=("rezatofighi2019",),
    ),
)
