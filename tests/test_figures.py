"""A figure's twin says what the figure shows, and says the same on every machine."""

from __future__ import annotations

import base64
import hashlib
import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

import lint
from lossbook import figures
from lossbook.twin import describe, rounded


@pytest.fixture
def ax():
    return Figure().subplots()


def twin(ax):
    return describe(ax.figure)


# ------------------------------------------------------------------ rounding
@pytest.mark.parametrize("boundary", [0.0625, 0.125, 0.3335, 0.0005, 0.9995])
@pytest.mark.parametrize("noise", [-3e-16, -1e-17, 1e-17, 3e-16])
@pytest.mark.parametrize("relative", [False, True])
def test_noise_in_the_last_bits_never_shows(boundary, noise, relative):
    exact = rounded([boundary, 1.0], relative)
    assert rounded([boundary * (1 + noise), 1.0 - abs(noise)], relative) == exact


def test_rounding_keeps_three_digits_of_the_largest():
    assert rounded([123.456, 0.4]) == ["123", "0"]
    assert rounded([123.456, 0.4], relative=True) == ["123", "0.4"]
    assert rounded([1e-9, 2.3456e-9]) == ["1e-09", "2.35e-09"]


def test_rounding_of_what_is_not_an_ordinary_number():
    assert rounded([np.nan, np.inf, -np.inf, -0.0]) == ["nan", "inf", "-inf", "0"]
    assert rounded([5e-324, 0]) == ["0", "0"]
    assert rounded([1e308, -1e308]) == ["1e+308", "-1e+308"]
    assert rounded([]) == []


# ------------------------------------------------------------------ what the twin says
def test_labels_scales_and_limits(ax):
    ax.set(title="A title", xlabel="margin", ylabel="loss", yscale="log", xlim=(-2, 2))
    assert twin(ax) == "axes 0: 'A title', x 'margin' linear [-2, 2], y 'loss' log"


def test_titles_texts_and_legends_of_figure_and_axes(ax):
    ax.figure.suptitle("Above")
    ax.figure.text(0, 0, "below")
    ax.plot([0, 1], [0, 1], label="ours")
    ax.legend(title="who")
    ax.figure.legend(["a", "b"])
    ax.annotate("here", (0, 0))
    lines = [line.strip() for line in twin(ax).splitlines()]
    for line in ("title 'Above'", "text 'below'", "legend who | ours", "text 'here'"):
        assert line in lines


def test_named_ticks(ax):
    ax.bar(["mean", "sum"], [1, 2])
    assert "ticks ['mean', 'sum']" in twin(ax)


def test_long_lines_are_sampled_with_their_range(ax):
    y = np.zeros(100)
    y[55] = 7.0  # between the samples
    ax.plot(np.arange(100), y)
    assert "y 100: 0 0 0 0 0 0 0 0 0 | from 0 to 7" in twin(ax)
    assert "x 100: 0 12 25 37 50 62 74 87 99 | from 0 to 99" in twin(ax)


def draw_line(ax, change):
    x = np.linspace(0, 1, 50)
    ax.plot(x, x**2 * (1.02 if change else 1))


def draw_scatter(ax, change):
    ax.scatter([1, 2, 3], [1, 2, 3.1 if change else 3], c=[1, 2, 3])


def draw_scatter_color(ax, change):
    ax.scatter([1, 2, 3], [1, 2, 3], c=[1, 2, 4 if change else 3])


def draw_band(ax, change):
    ax.fill_between([0, 1, 2], [0, 0, 0], [1, 2.5 if change else 2, 1])


def draw_segments(ax, change):
    ax.vlines([0, 1], 0, [1, 3 if change else 2])


def draw_contour_level(ax, change):
    x = np.linspace(-1, 1, 21)
    ax.contour(x, x, x**2 + x[:, None] ** 2, levels=[0.5, 0.9 if change else 0.8])


def draw_contour_data(ax, change):
    x = np.linspace(-1, 1, 21)
    ax.contourf(x, x, x**2 * (1.2 if change else 1) + x[:, None] ** 2, levels=[0, 0.5, 0.8])


def draw_mesh(ax, change):
    ax.pcolormesh(np.array([[1.0, 2.0], [3.0, 5.0 if change else 4.0]]))


def draw_image(ax, change):
    ax.imshow(np.array([[1.0, 2.0], [3.0, 5.0 if change else 4.0]]))


def draw_bars(ax, change):
    ax.bar([1, 2], [3, 4.1 if change else 4])


def draw_polygon(ax, change):
    ax.fill([0, 1, 1], [0, 0, 1.1 if change else 1])


def draw_color(ax, change):
    ax.plot([0, 1], [0, 1], color="red" if change else "blue")


def draw_style(ax, change):
    ax.plot([0, 1], [0, 1], "--" if change else "-")


def draw_inset(ax, change):
    ax.inset_axes([0.5, 0.5, 0.4, 0.4]).plot([0, 1], [0, 2 if change else 1])


def draw_text(ax, change):
    ax.text(0, 0, "four" if change else "three")


DRAWINGS = [value for name, value in sorted(globals().items()) if name.startswith("draw_")]


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda d: d.__name__)
def test_a_change_shows_and_a_repetition_does_not(draw):
    same, again, changed = (Figure().subplots() for _ in range(3))
    draw(same, False), draw(again, False), draw(changed, True)
    assert twin(same) == twin(again) != twin(changed)


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda d: d.__name__)
def test_drawing_a_figure_does_not_change_its_twin(ax, draw):
    draw(ax, False)
    before = twin(ax)
    ax.figure.savefig(io.BytesIO(), format="png")
    assert twin(ax) == before


def test_a_logarithmic_axis_keeps_the_digits_of_small_values(ax):
    ax.semilogy([1, 2, 3], [1e-9, 1e-4, 1.0])
    assert "y 3: 1e-09 0.0001 1" in twin(ax)


def test_marked_noise_is_named_without_its_numbers(ax):
    figures.rounding_noise(*ax.plot([1, 2], [1e-16, 3e-17], label="error"), ax.scatter([1], [2]))
    assert "line 'error'" in twin(ax) and "2 points of rounding noise" in twin(ax)
    assert "e-16" not in twin(ax) and "x 1:" not in twin(ax)


def test_a_color_bar_is_named_by_its_limits(ax):
    ax.figure.colorbar(ax.imshow([[0, 3]]))
    assert "color bar 0 3" in twin(ax)


# ------------------------------------------------------------------ style and labels
def test_style_is_legible():
    with mpl.rc_context():
        figures.use_book_style()
        sizes = [k for k in mpl.rcParams if k in figures._STYLE and k.endswith("size")]
        assert min(mpl.rcParams[k] for k in sizes if k != "figure.figsize") >= 9
        assert mpl.rcParams["figure.facecolor"] == mpl.rcParams["savefig.facecolor"] == "white"
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][0] == figures.COLORS["blue"]


def test_labels_stand_at_the_right_end_in_a_legible_color(ax):
    (line,) = ax.plot([2, 0, np.nan], [1, 4, 0], color=figures.COLORS["yellow"])
    label = figures.label_line(ax, line, "falling", dy=3)
    assert label.xy == (2.0, 1.0) and label.get_text() == "falling"
    assert 1.05 / (figures._luminance(to_rgb(label.get_color())) + 0.05) >= 4.5


def test_a_point_is_labeled_in_black_or_as_asked(ax):
    assert to_rgb(figures.label_line(ax, (1, 2), "here").get_color()) == (0, 0, 0)
    assert to_rgb(figures.label_line(ax, (1, 2), "x", color="#0000aa").get_color()) == to_rgb(
        "#00a"
    )


def test_a_line_without_a_finite_point_is_an_error(ax):
    (line,) = ax.plot([np.nan], [1], label="empty")
    with pytest.raises(ValueError, match="'empty' has no finite point"):
        figures.label_line(ax, line, "x")


# ------------------------------------------------------------------ the image's stamp
def test_the_image_names_its_twin_and_the_notebook_tool_reads_it(ax):
    ax.plot([0, 1], [0, 1])
    image = figures._png(ax.figure)
    expected = hashlib.sha256(twin(ax).encode()).hexdigest()[:16]
    assert Image.open(io.BytesIO(image)).info[figures.STAMP] == expected
    assert (lint.TWIN, lint.STAMP.decode()) == (figures.TWIN, figures.STAMP)
    assert lint._stamp(base64.b64encode(image).decode()) == expected


def test_an_empty_figure_has_no_image():
    assert figures._png(Figure()) is None
