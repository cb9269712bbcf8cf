"""Show numbers, tables and source code in the same characters on every machine."""

from __future__ import annotations

import ast
import html
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Source", "Table", "UnstableDigits", "num", "source", "table"]


class UnstableDigits(ValueError):
    """A number so near a rounding boundary that another machine may print another digit."""


def num(x: Any, sig: int = 4, rtol: float = 1e-7, atol: float = 0.0) -> str:
    """Format one number so that every machine prints the same characters.

    Parameters
    ----------
    x : number
        A Python, NumPy, mpmath or sympy number, or an array or tensor that
        holds one number.
    sig : int
        Significant digits. Trailing zeros are dropped.
    rtol : float
        The relative spread of ``x`` between machines. 1e-7 is ample for
        float64; take 1e-4 and ``sig=3`` after long float32 training.
    atol : float
        Anything no larger than this is printed as 0: give it where only
        rounding noise is left.

    Returns
    -------
    str
        Integers and truth values as they are; never ``-0``.

    Raises
    ------
    UnstableDigits
        If a number within ``rtol`` of ``x`` would print other digits.

    Examples
    --------
    >>> num(2 / 3), num(1e-5 / 3), num(-0.0), num(float("inf"))
    ('0.6667', '3.333e-6', '0', 'inf')
    >>> num(0.12345)
    Traceback (most recent call last):
        ...
    lossbook.show.UnstableDigits: 0.12345 with sig=4 may print 0.1234 or 0.1235: use ...
    """
    x = _scalar(x)
    if isinstance(x, int):
        return str(x)
    if not math.isfinite(x):
        return str(x)
    if abs(x) <= atol:
        return "0"
    text, spread = _digits(x, sig), abs(x) * rtol
    low, high = sorted((_digits(x - spread, sig), _digits(x + spread, sig)), key=float)
    exact = abs(float(text) - x) <= spread
    if low != high and not exact:
        raise UnstableDigits(
            f"{x!r} with sig={sig} may print {low} or {high}: {_other_digits(x, sig, rtol)}"
        )
    return text


def _scalar(x: Any) -> int | float:
    if hasattr(x, "item"):
        size = math.prod(getattr(x, "shape", ()))
        if size != 1:
            raise TypeError(f"num takes one number, got an array of shape {tuple(x.shape)}")
        x = x.item()
    return x if isinstance(x, int) else float(x)


def _digits(x: float, sig: int) -> str:
    # "z" turns -0 into 0; an exponent of -05 reads better as -5.
    return re.sub(r"e([+-])0*(\d+)$", lambda m: f"e{m[1].strip('+')}{m[2]}", f"{x:z.{sig}g}")


def _other_digits(x: float, sig: int, rtol: float) -> str:
    def stable(s: int) -> bool:
        return _digits(x * (1 - rtol), s) == _digits(x * (1 + rtol), s)

    fewer = next((s for s in range(sig - 1, 0, -1) if stable(s)), None)
    more = next((s for s in range(sig + 1, sig + 4) if stable(s)), None)
    choices = [f"sig={s}" for s in (fewer, more) if s]
    return "use " + " or ".join([*choices, "a smaller rtol"])


@dataclass(frozen=True, repr=False)
class Table:
    """A table that shows as HTML in a notebook and as aligned text elsewhere.

    Made by :func:`table`; all cells are text already.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    caption: str | None = None

    def __repr__(self) -> str:
        plain = [[_plain(c) for c in r] for r in (self.headers, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
        lines = [self._line(r, widths) for r in plain]
        lines.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join(([_plain(self.caption), ""] if self.caption else []) + lines)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = zip(cells, widths, self.numeric, strict=True)
        return "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in aligned).rstrip()

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col"{_right(n)}>{_rich(h)}</th>'
            for h, n in zip(self.headers, self.numeric, strict=True)
        )
        parts = ['<table class="lossbook-table">']
        if self.caption:
            parts.append(f"<caption>{_rich(self.caption)}</caption>")
        parts += [f"<thead><tr>{head}</tr></thead>", "<tbody>"]
        parts += [self._html_row(r) for r in self.rows]
        return "\n".join([*parts, "</tbody>", "</table>"])

    def _html_row(self, cells: Sequence[str]) -> str:
        first = f'<th scope="row"{_right(self.numeric[0])}>{_rich(cells[0])}</th>'
        rest = zip(cells[1:], self.numeric[1:], strict=True)
        return f"<tr>{first}{''.join(f'<td{_right(n)}>{_rich(c)}</td>' for c, n in rest)}</tr>"


def table(
    rows: Iterable[Sequence[Any]],
    headers: Sequence[str],
    caption: str | None = None,
    sig: int = 4,
    rtol: float = 1e-7,
    atol: float = 0.0,
) -> Table:
    """Lay out rows as a table whose first column names the row.

    Parameters
    ----------
    rows : iterable of sequences
        The cells: text as it is, numbers through :func:`num`. Text and
        headers may hold ```code``` in backticks and ``$maths$``.
    headers : sequence of str
        One per column.
    caption : str, optional
        What the table shows.
    sig, rtol, atol
        As in :func:`num`.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If there is no header, or a row has another length than the headers.

    Examples
    --------
    >>> table([["float32", 2**-24], ["float64", 2**-53]], ["dtype", "half an ulp of 1"])
    dtype    half an ulp of 1
    -------  ----------------
    float32           5.96e-8
    float64          1.11e-16
    """
    if not headers:
        raise ValueError("a table needs at least one header, got none")
    raw = [list(r) for r in rows]
    for i, r in enumerate(raw):
        if len(r) != len(headers):
            raise ValueError(f"row {i} has {len(r)} cells, expected {len(headers)}: {r!r}")
    cells = [tuple(c if isinstance(c, str) else num(c, sig, rtol, atol) for c in r) for r in raw]
    columns = zip(*cells, strict=True) if cells else ((),) * len(headers)
    numeric = tuple(bool(c) and all(map(_NUMBER.fullmatch, c)) for c in columns)
    return Table(tuple(headers), tuple(cells), numeric, caption)


def _right(numeric: bool) -> str:
    return ' class="lossbook-number"' if numeric else ""


_NUMBER = re.compile(r"-?(\d+(\.\d+)?(e-?\d+)?|inf)|nan")
_MARKED = re.compile(r"`([^`]+)`|\$([^$]+)\$")


def _plain(text: str) -> str:
    return _MARKED.sub(lambda m: m[1] or m[2], text)


def _rich(text: str) -> str:
    """HTML in which MathJax finds the maths, on the site and in a notebook."""

    def mark(m: re.Match[str]) -> str:
        if m[1]:
            return f"<code>{m[1]}</code>"
        return f'<span class="math notranslate nohighlight">\\({m[2]}\\)</span>'

    return _MARKED.sub(mark, html.escape(text, quote=False))


@dataclass(frozen=True, repr=False)
class Source:
    """Python source that shows as a code block in a notebook. Made by :func:`source`."""

    code: str

    def __repr__(self) -> str:
        return self.code

    def _repr_markdown_(self) -> str:
        longest = max(map(len, re.findall("`+", self.code)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}python\n{self.code}\n{fence}"


def source(obj: Callable[..., Any] | type, docstring: bool = True) -> Source:
    """Show the source of a function or class as it stands in its file.

    Parameters
    ----------
    obj : function or class
        What to show. Decorators that keep ``__wrapped__`` are looked through.
    docstring : bool
        If false, leave the docstring out.

    Returns
    -------
    Source

    Examples
    --------
    >>> def double(x):
    ...     "Twice x."
    ...     return 2 * x
    >>> source(double, docstring=False)
    def double(x):
        return 2 * x
    """
    code = textwrap.dedent(inspect.getsource(inspect.unwrap(obj))).rstrip()
    return Source(code if docstring else _without_docstring(code))


def _without_docstring(code: str) -> str:
    definition = ast.parse(code).body[0]
    if ast.get_docstring(definition, clean=False) is None:
        return code
    body = definition.body
    if len(body) == 1:
        return code
    lines = code.splitlines()
    after = lines[body[0].end_lineno :]
    while after and not after[0].strip():
        after.pop(0)
    return "\n".join(lines[: body[0].lineno - 1] + after)
