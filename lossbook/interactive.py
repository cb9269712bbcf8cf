"""Figures that a reader can operate: a slider over numbers that were computed in advance.

A chart of Altair is a Vega-Lite specification. The browser only looks up the numbers for
the slider's value, so no formula is written a second time in another language, and the
stored output of a cell is the same on every machine.
"""

from __future__ import annotations

import csv
import html
import io
import json
import math
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossbook.show import Table, num

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Interactive", "Slider", "numbers"]

#: JupyterLab 4 draws this type; it knows none for version 6, whose charts look the same.
VEGA_LITE = "application/vnd.vegalite.v5+json"


@dataclass(frozen=True)
class Slider:
    """A number the reader chooses: evenly spaced, from ``low`` to ``high``.

    Parameters
    ----------
    name : str
        The column of the data that holds it.
    label : str
        What stands beside the slider.
    low, high, step : float
        The values.
    start : float
        The value shown first, and in print.

    Raises
    ------
    ValueError
        If ``high`` or ``start`` is not a whole number of steps from ``low``, or the name
        is no name in Vega.

    Examples
    --------
    >>> slider = Slider("tau", "temperature", low=0.5, high=2, step=0.5, start=1)
    >>> slider.values
    [0.5, 1.0, 1.5, 2.0]
    >>> slider.here
    'abs(datum.tau - tau) < 0.25'
    """

    name: str
    label: str
    low: float
    high: float
    step: float
    start: float

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z]\w*", self.name):
            raise ValueError(f"the name of a slider is letters and digits, got {self.name!r}")
        for what in ("high", "start"):
            steps = (getattr(self, what) - self.low) / self.step
            if steps < 0 or not math.isclose(steps, round(steps), abs_tol=1e-9):
                raise ValueError(
                    f"{what}={getattr(self, what)} is not {self.low} plus steps of {self.step}"
                )
        if self.start > self.high:
            raise ValueError(f"start={self.start} is above high={self.high}")

    @property
    def values(self) -> list[float]:
        """All values, each the float nearest to its decimal."""
        count = round((self.high - self.low) / self.step) + 1
        return [round(self.low + k * self.step, 10) for k in range(count)]

    @property
    def here(self) -> str:
        """The filter that keeps the rows of the slider's value."""
        return f"abs(datum.{self.name} - {self.name}) < {self.step / 2}"

    @property
    def param(self) -> alt.Parameter:
        """What ``add_params`` of a chart takes."""
        import altair as alt

        bind = alt.binding_range(min=self.low, max=self.high, step=self.step, name=self.label)
        return alt.param(name=self.name, value=self.start, bind=bind)


def numbers(**columns: Iterable[float | str]) -> alt.Data:
    """Columns as the data of a chart, as CSV rounded alike on every machine.

    Parameters
    ----------
    **columns : iterables of numbers or of text
        All of one length. Numbers get five digits, and 0 below 1e-12.

    Returns
    -------
    altair.Data

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> numbers(x=[0, 1 / 3], name=["a", "b"]).values
    'x,name\\n0,a\\n0.33333,b\\n'
    """
    import altair as alt

    raw = {name: list(column) for name, column in columns.items()}
    if len({len(column) for column in raw.values()}) != 1:
        lengths = {name: len(column) for name, column in raw.items()}
        raise ValueError(f"columns of one length are needed, got {lengths}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(raw)
    writer.writerows(zip(*([_cell(c) for c in column] for column in raw.values()), strict=True))
    kinds = {n: "string" if isinstance(c[0], str) else "number" for n, c in raw.items()}
    return alt.Data(values=text.getvalue(), format=alt.CsvDataFormat(type="csv", parse=kinds))


def _cell(x: float | str) -> str:
    return x if isinstance(x, str) else num(x, sig=5, rtol=1e-12, atol=1e-12)


class Interactive:
    """A chart with its sliders, the same numbers as a table, and a text in their place.

    JupyterLab draws the chart. On the site ``lab.js`` does, and tells a screen reader the
    table's row for the slider's value. Where no script runs, text and table remain. The
    caption stands in the cell's metadata, as for all figures.

    Parameters
    ----------
    chart : altair.Chart or altair.LayerChart
        Not a concatenation, whose width cannot follow the page's.
    table : lossbook.show.Table
        A row for each value of the slider, which stands in the first column; with
        several sliders, in the order of ``add_params``, in the first columns.
    alt : str
        What a reader sees who moves the slider, in words.

    Raises
    ------
    ValueError
        If there is no text, the chart has no slider, or a slider starts at a value
        that the table does not have.

    Examples
    --------
    >>> import altair
    >>> from lossbook.show import table
    >>> slider = Slider("k", "power k", low=1, high=3, step=1, start=2)
    >>> data = numbers(k=slider.values, y=[2.0**k for k in slider.values])
    >>> bar = altair.Chart(data).mark_bar().encode(y="y:Q").transform_filter(slider.here)
    >>> rows = table([[k, 2.0**k] for k in slider.values], ["k", "power of 2"])
    >>> Interactive(bar.add_params(slider.param), rows, alt="A bar that doubles.")
    Interactive figure: A bar that doubles.
    """

    def __init__(self, chart: alt.Chart | alt.LayerChart, table: Table, alt: str) -> None:
        if not alt.strip():
            raise ValueError("an interactive figure needs an alternative text")
        self.alt, self.table = alt, table
        self.chart = chart.properties(description=alt)
        self.spec: dict[str, Any] = self.chart.to_dict()
        # Whoever reads it has told the version by its MIME type or loads its own.
        self.spec.pop("$schema", None)
        starts = [p["value"] for p in self.spec.get("params", []) if "bind" in p]
        if not starts:
            raise ValueError("the chart has no slider: chart.add_params(slider.param)")
        if tuple(map(num, starts)) not in {row[: len(starts)] for row in table.rows}:
            raise ValueError(f"the table has no row that starts with {starts}")

    def __repr__(self) -> str:
        return f"Interactive figure: {self.alt}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if "google.colab" in sys.modules:
            # It draws no chart from the type above; Altair's own output fetches Vega.
            return self.chart._repr_mimebundle_()
        # Markdown may hold HTML, and JupyterLab prefers a chart to it, but HTML to a chart.
        page = self._html()
        return {VEGA_LITE: self.spec, "text/markdown": page, "text/plain": repr(self)}

    def _html(self) -> str:  # not "_repr_html_", which IPython would add to the above
        compact = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
        # A script element ends at "</script", whatever it holds.
        spec = json.dumps(self.spec, **compact).replace("<", "\\u003c")
        name = "The numbers of this figure as a table"
        return "\n".join(
            [
                '<div class="lossbook-lab" role="group" aria-label="Interactive figure">',
                f'<div class="lossbook-lab-view"><p>{html.escape(self.alt)}</p></div>',
                f'<script type="application/json">{spec}</script>',
                f"<details><summary>{name}</summary>",
                f'<div class="lossbook-lab-table" role="region" tabindex="0" aria-label="{name}">',
                self.table._repr_html_(),
                "</div></details></div>",
            ]
        )
