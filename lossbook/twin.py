"""A figure in words and rounded numbers, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = ["describe", "rounded"]

DIGITS = 3  # of an array's largest value; about what an eye sees in a figure
GUARD = 3  # digits rounded away first, see rounded
SAMPLES = 9


def describe(figure: Figure) -> str:
    """Return the twin of a figure: one line of text per artist.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    str

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> _ = ax.plot([0, 1, 2], [0, 0.5, 2], label="hinge", color="black")
    >>> _ = ax.set(xlabel="margin", ylabel="loss")
    >>> print(describe(ax.figure))
    axes 0: x 'margin' linear, y 'loss' linear
      line 'hinge' #000000 -
        x 3: 0 1 2
        y 3: 0 0.5 2
    """
    lines = [f"title {figure.get_suptitle()!r}"] if figure.get_suptitle() else []
    lines += [_text(t) for t in figure.texts if t.get_text() != figure.get_suptitle()]
    lines += [_legend(legend) for legend in figure.legends]
    for k, ax in enumerate(figure.axes):
        lines.append(f"axes {k}: {_heading(ax)}")
        lines += ["  " + line for line in _axes(ax)]
    return "\n".join(lines)


def rounded(values: Any, relative: bool = False) -> list[str]:
    """Round numbers for a twin so that noise in the last bits cannot show.

    All values get as many decimals as leave ``DIGITS`` digits of the largest.
    A value is rounded twice, first with ``GUARD`` more decimals: noise around
    an ordinary boundary such as 0.0625 is gone before the boundary counts.

    Parameters
    ----------
    values : array_like
    relative : bool
        Round each value to its own digits: right for a logarithmic axis.

    Returns
    -------
    list of str

    Examples
    --------
    >>> rounded([0.0625 - 1e-16, 0.0625 + 1e-16, 1.0, 1e-17])
    ['0.06', '0.06', '1', '0']
    >>> rounded([1e-8, 0.5], relative=True)
    ['1e-08', '0.5']
    """
    flat = np.ravel(np.asarray(values, dtype=float))
    if relative:
        return [_one(v, abs(v)) for v in flat]
    finite = np.abs(flat[np.isfinite(flat)])
    scale = float(finite.max()) if finite.size else 0.0
    return [_one(v, scale) for v in flat]


def _one(value: float, scale: float) -> str:
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if scale < 1e-300:
        return "0"
    # Rounded before the logarithm: 0.9999999999999999 and 1 are of one magnitude.
    decimals = DIGITS - 1 - math.floor(math.log10(float(f"{scale:.6g}")))
    if decimals > 290:
        return "0"
    return f"{round(round(value, decimals + GUARD), decimals):z.12g}"


def _series(name: str, values: Any, relative: bool = False) -> str:
    flat = np.ravel(np.asarray(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)))
    picked = flat
    if flat.size > SAMPLES + 3:
        index = np.linspace(0, flat.size - 1, SAMPLES).round().astype(int)
        finite = flat[np.isfinite(flat)]
        ends = [finite.min(), finite.max()] if finite.size else []
        picked = np.concatenate([flat[index], ends])
    shown = rounded(picked, relative)
    tail = f" | from {' to '.join(shown[SAMPLES:])}" if picked is not flat else ""
    return f"{name} {flat.size}: {' '.join(shown[:SAMPLES] if tail else shown)}{tail}"


def _heading(ax: Axes) -> str:
    title = f"{ax.get_title()!r}, " if ax.get_title() else ""
    parts = [
        f"{name} {axis.get_label_text()!r} {axis.get_scale()}{_limits(ax, name)}{_ticks(axis)}"
        for name, axis in _axis(ax)
    ]
    return title + ", ".join(parts)


def _axis(ax: Axes) -> Iterator[tuple[str, Axis]]:
    for name in "xyz":
        if hasattr(ax, f"{name}axis"):
            yield name, getattr(ax, f"{name}axis")


def _limits(ax: Axes, name: str) -> str:
    # Automatic limits follow from the data, which are described already.
    if getattr(ax, f"get_autoscale{name}_on")():
        return ""
    low, high = rounded(getattr(ax, f"get_{name}lim")(), _is_log(ax, name))
    return f" [{low}, {high}]"


def _is_log(ax: Axes, name: str) -> bool:
    return getattr(ax, f"get_{name}scale")() != "linear"


def _ticks(axis: Axis) -> str:
    from matplotlib.category import StrCategoryFormatter
    from matplotlib.ticker import FixedFormatter

    formatter = axis.get_major_formatter()
    if isinstance(formatter, StrCategoryFormatter | FixedFormatter):
        return f" ticks {[t.get_text() for t in axis.get_ticklabels()]}"
    return ""


def _axes(ax: Axes) -> Iterator[str]:
    if ax.get_label() == "<colorbar>":
        yield f"color bar {' '.join(rounded(ax.get_ylim() + ax.get_xlim()))}"
        return
    if ax.get_legend():
        yield _legend(ax.get_legend())
    for line in ax.lines:
        yield from _line(ax, line)
    for collection in ax.collections:
        yield from _collection(ax, collection)
    for image in ax.images:
        yield from _image(image)
    yield from _patches(ax)
    yield from map(_text, ax.texts)
    for child in ax.child_axes:
        yield f"inset {_heading(child)}"
        yield from ("  " + line for line in _axes(child))


def _legend(legend: Any) -> str:
    words = [legend.get_title().get_text(), *(t.get_text() for t in legend.get_texts())]
    return "legend " + " | ".join(w for w in words if w)


def _text(text: Any) -> str:
    return f"text {text.get_text()!r}"


def _name(artist: Artist) -> str:
    label = str(artist.get_label())
    return "" if label.startswith("_") or not label else f" {label!r}"


def _is_noise(artist: Artist) -> bool:
    return artist.get_gid() == "rounding-noise"


def _line(ax: Axes, line: Any) -> Iterator[str]:
    from matplotlib.colors import to_hex

    marker = "" if line.get_marker() in (None, "None", "", " ") else f" marker {line.get_marker()}"
    style = f"{to_hex(line.get_color())} {line.get_linestyle()}{marker}"
    yield f"line{_name(line)} {style}"
    if _is_noise(line):
        yield f"  {len(line.get_path().vertices)} points of rounding noise"
    else:
        yield "  " + _series("x", line.get_xdata(orig=False), _is_log(ax, "x"))
        yield "  " + _series("y", line.get_ydata(orig=False), _is_log(ax, "y"))


def _collection(ax: Axes, collection: Any) -> Iterator[str]:
    from matplotlib.collections import PathCollection
    from matplotlib.contour import ContourSet

    yield f"{type(collection).__name__}{_name(collection)}"
    if _is_noise(collection):
        yield "  rounding noise"
        return
    if isinstance(collection, ContourSet):
        yield "  " + _series("levels", collection.levels)
        points = _boxes(collection.get_paths())
    elif isinstance(collection, PathCollection):
        points = np.asarray(np.ma.filled(collection.get_offsets(), np.nan), dtype=float)
    else:
        points = _vertices(collection.get_paths())
    if len(points):
        yield "  " + _series("x", points[:, 0], _is_log(ax, "x"))
        yield "  " + _series("y", points[:, 1], _is_log(ax, "y"))
    if collection.get_array() is not None and not isinstance(collection, ContourSet):
        yield "  " + _series("values", collection.get_array())


def _vertices(paths: Iterable[Any]) -> np.ndarray:
    parts = [p.vertices for p in paths if len(p.vertices)]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def _boxes(paths: Iterable[Any]) -> np.ndarray:
    # The number of points on a contour may differ between machines; its extent does not.
    boxes = [p.get_extents().get_points() for p in paths if len(p.vertices)]
    return np.concatenate(boxes) if boxes else np.empty((0, 2))


def _image(image: Any) -> Iterator[str]:
    shape = " x ".join(map(str, np.shape(image.get_array())))
    yield f"image {shape}, extent {' '.join(rounded(image.get_extent()))}"
    yield "  " + _series("values", image.get_array())


def _patches(ax: Axes) -> Iterator[str]:
    from matplotlib.patches import Polygon, Rectangle

    bars = [p for p in ax.patches if isinstance(p, Rectangle)]
    if bars:
        yield f"rectangles {len(bars)}"
        for name in ("x", "y", "width", "height"):
            values = [getattr(p, f"get_{name}")() for p in bars]
            yield "  " + _series(name, values, _is_log(ax, "x" if name in ("x", "width") else "y"))
    for patch in ax.patches:
        if isinstance(patch, Rectangle):
            continue
        yield f"{type(patch).__name__}{_name(patch)}"
        if isinstance(patch, Polygon):
            yield "  " + _series("x", patch.get_xy()[:, 0], _is_log(ax, "x"))
            yield "  " + _series("y", patch.get_xy()[:, 1], _is_log(ax, "y"))
