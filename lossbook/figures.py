"""The book's figure style, and a text twin of every figure.

Two runs may draw the same figure in different pixels: fonts, antialiasing and
matplotlib's version decide. So each figure that a chapter shows carries, beside
its PNG, a few lines of text with its labels and rounded data. Validation compares
that text; readers never see it.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

from lossbook.twin import describe

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation

__all__ = ["COLORS", "describe", "label_line", "rounding_noise", "use_book_style"]

#: The palette of Okabe and Ito: eight colors that color-blind readers tell apart.
COLORS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}

#: MIME type of the twin. Front ends ignore types they do not know.
TWIN = "text/vnd.lossbook.figure"

#: Key of the PNG's text chunk that names the twin the image was drawn with.
STAMP = "lossbook-twin"

# 5.6 inches fill a 700 px column at about the size of the body text, and still
# leave the labels legible when a phone shrinks the image to 350 px.
_STYLE = {
    "figure.figsize": (5.6, 3.4),
    "figure.dpi": 144,
    "savefig.dpi": 144,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "image.cmap": "cividis",
    "svg.hashsalt": "lossbook",
}
_CYCLE = ("blue", "vermilion", "green", "purple", "black", "sky")


def use_book_style() -> None:
    """Set the book's figure style and give every shown figure its text twin.

    Call it once, in the chapter's first code cell. Outside a notebook only the
    style is set.

    Examples
    --------
    >>> import matplotlib
    >>> with matplotlib.rc_context():
    ...     use_book_style()
    ...     matplotlib.rcParams["figure.figsize"]
    [5.6, 3.4]
    """
    import matplotlib as mpl

    mpl.rcParams.update(_STYLE)
    mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=[COLORS[c] for c in _CYCLE])
    shell = _shell()
    if shell is not None:
        _register(shell)


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def _register(shell: Any) -> None:
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    # Loading the backend registers its own PNG formatter: ours must come after it.
    plt.switch_backend(mpl.get_backend())
    formatter = shell.display_formatter
    formatter.formatters["image/png"].for_type(Figure, _png)
    formatter.mimebundle_formatter.for_type(Figure, _twin)


def _twin(figure: Figure, include: Any = None, exclude: Any = None) -> dict[str, str]:
    return {TWIN: describe(figure)}


def _png(figure: Figure) -> bytes | None:
    if not figure.axes and not figure.lines:
        return None
    buffer = io.BytesIO()
    # The stamp ties the image to its twin: a stale image is found without comparing pixels.
    stamp = hashlib.sha256(describe(figure).encode()).hexdigest()[:16]
    figure.savefig(buffer, format="png", bbox_inches="tight", metadata={STAMP: stamp})
    return buffer.getvalue()


def label_line(
    ax: Axes,
    line: Line2D | tuple[float, float],
    text: str,
    *,
    dx: float = 5.0,
    dy: float = 0.0,
    color: str | None = None,
    **style: Any,
) -> Annotation:
    """Write a label at the right end of a line, in the line's color.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to write.
    line : matplotlib.lines.Line2D or pair of float
        The line, or the point in data coordinates to label.
    text : str
        The label.
    dx, dy : float
        Shift in points, to keep neighboring labels apart.
    color : str, optional
        By default the line's color, black for a point; darkened until it
        reads well on white.
    **style
        Passed on to :meth:`matplotlib.axes.Axes.annotate`.

    Returns
    -------
    matplotlib.text.Annotation

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> (line,) = ax.plot([0, 1, 2], [0, 1, 4])
    >>> label_line(ax, line, "square").xy
    (2.0, 4.0)
    """
    if isinstance(line, tuple):
        xy, own = line, "black"
    else:
        xy, own = _right_end(line), line.get_color()
    style = {"va": "center", "ha": "left", "annotation_clip": False} | style
    return ax.annotate(
        text, xy, (dx, dy), textcoords="offset points", color=_readable(color or own), **style
    )


def _right_end(line: Line2D) -> tuple[float, float]:
    import numpy as np

    x, y = (np.asarray(v, dtype=float) for v in line.get_data())
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not finite.size:
        raise ValueError(f"line {line.get_label()!r} has no finite point to put a label at")
    last = finite[np.argmax(x[finite])]
    return float(x[last]), float(y[last])


def _readable(color: Any) -> tuple[float, float, float]:
    """Darken a color until it has the contrast of 4.5 on white that text needs."""
    from matplotlib.colors import to_rgb

    r, g, b = to_rgb(color)
    while 1.05 / (_luminance((r, g, b)) + 0.05) < 4.5:
        r, g, b = 0.95 * r, 0.95 * g, 0.95 * b
    return r, g, b


def _luminance(rgb: tuple[float, float, float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def rounding_noise(*artists: Artist) -> None:
    """Mark artists whose data are rounding errors, so differ between machines.

    The twin then names them without their numbers. Everything else in the
    figure is compared as usual.

    Parameters
    ----------
    *artists : matplotlib.artist.Artist
        Lines or collections, such as measured errors in ulps.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> rounding_noise(*ax.plot([1, 2], [1e-16, 3e-17]))
    """
    for artist in artists:
        artist.set_gid("rounding-noise")
