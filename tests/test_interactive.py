"""An interactive figure is the same on every machine, and says in words what it shows."""

from __future__ import annotations

import html.parser
import json
import sys

import altair
import pytest
from IPython.core.formatters import DisplayFormatter

import lint
import vendor
from lossbook.interactive import VEGA_LITE, Interactive, Slider, numbers
from lossbook.show import table

SLIDER = Slider("tau", "temperature", low=0.1, high=0.7, step=0.1, start=0.3)


def figure(slider=SLIDER, alt="A </script> & a bar.", **rows):
    data = numbers(tau=slider.values, y=[t**2 for t in slider.values])
    bar = altair.Chart(data).mark_bar().encode(y="y:Q").transform_filter(slider.here)
    cells = [[t, t**2] for t in rows.get("tau", slider.values)]
    return Interactive(bar.add_params(slider.param), table(cells, ["τ", "τ²"]), alt)


class Elements(html.parser.HTMLParser):
    """The texts of a page by element, with scripts as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts = [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)


# ------------------------------------------------------------------ the slider
def test_values_are_the_decimals_themselves():
    assert SLIDER.values == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"high": 0.75}, "high=0.75 is not 0.1 plus steps of 0.1"),
        ({"start": 0.35}, "start=0.35 is not"),
        ({"start": 0.0}, "start=0.0 is not"),
        ({"start": 0.9}, "start=0.9 is above high=0.7"),
        ({"name": "my tau"}, "got 'my tau'"),
    ],
)
def test_a_slider_that_misses_its_values_is_an_error(change, message):
    good = {"name": "tau", "label": "τ", "low": 0.1, "high": 0.7, "step": 0.1, "start": 0.3}
    with pytest.raises(ValueError, match=message):
        Slider(**good | change)


# ------------------------------------------------------------------ the numbers
def test_rounding_noise_does_not_reach_the_data():
    noisy = numbers(x=[0.1 + 0.2, 1e-17, -1e-17], name=["a, b", "c", "d"]).values
    assert noisy == 'x,name\n0.3,"a, b"\n0,c\n0,d\n'


def test_columns_of_different_lengths_are_an_error():
    with pytest.raises(ValueError, match=r"\{'x': 1, 'y': 2\}"):
        numbers(x=[1], y=[1, 2])


# ------------------------------------------------------------------ the figure
def test_the_same_figure_is_the_same_output():
    first, again = (json.dumps(figure()._repr_mimebundle_()) for _ in range(2))
    assert first == again


def test_what_a_notebook_stores():
    # As IPython stores it, which asks for more than the bundle. HTML would hide the chart from
    # JupyterLab.
    bundle, _ = DisplayFormatter().format(figure())
    assert set(bundle) == {VEGA_LITE, "text/markdown", "text/plain"} <= lint.MIMES
    assert bundle["text/plain"] == "Interactive figure: A </script> & a bar."
    page = Elements(bundle["text/markdown"])
    assert "\n\n" not in bundle["text/markdown"]  # there Markdown ends a block of HTML
    (spec,) = page.texts["script"]
    assert json.loads(spec) == bundle[VEGA_LITE] == figure().spec
    assert page.texts["p"] == ["A </script> & a bar."] and "0.49" in page.texts["td"]
    assert "http" not in bundle["text/markdown"]


def test_colab_gets_what_loads_vega_by_itself(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert "vegaEmbed" in figure()._repr_mimebundle_()["text/html"]


def test_a_screen_reader_is_told_what_the_chart_shows():
    assert figure().spec["description"] == "A </script> & a bar."
    with pytest.raises(ValueError, match="needs an alternative text"):
        figure(alt=" ")


def test_a_chart_without_slider_is_an_error():
    with pytest.raises(ValueError, match="no slider"):
        Interactive(altair.Chart(numbers(x=[1])).mark_bar(), table([[1]], ["x"]), "A bar.")


def test_a_table_without_the_first_value_is_an_error():
    with pytest.raises(ValueError, match=r"no row that starts with \[0.3\]"):
        figure(tau=[0.1, 0.2])


# ------------------------------------------------------------------ what the site loads
def test_vendored_libraries_are_as_pinned():
    for name, library in vendor.LIBRARIES.items():
        vendor.check(vendor.ROOT / name, library)


def test_vega_lite_is_of_the_series_that_altair_writes_for():
    (pinned,) = (
        p for p in vendor.LIBRARIES["book/_extra/vendor/vega"].files if p.startswith("vega-lite@")
    )
    ours, wanted = pinned.partition("@")[2], altair.SCHEMA_VERSION.strip("v")
    assert ours.split(".")[:2] == wanted.split(".")[:2]
