"""The judge: what a loss is worth exactly, from its formula alone.

Nothing here knows the rules. The formula of the catalogue is differentiated by sympy and
evaluated by mpmath, with as many digits as it takes for the first fifty to be right. Where
an input stands at the edge of its domain, the formula means its limit from inside.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.parsing.sympy_parser import parse_expr

from lossbook.catalogue import Entry, Input

DIGITS = 50

_EDGES = {"real": (-sp.oo, sp.oo), "probability": (0, 1), "nonnegative": (0, sp.oo)}
_EDGES |= {"nonpositive": (-sp.oo, 0), "positive": (0, sp.oo), "simplex": (0, 1)}
_EDGES |= {"log_simplex": (-sp.oo, 0), "sign": (), "box": (-sp.oo, sp.oo)}
_EDGES |= {"grade": (0, sp.oo)}

_STEPS = {"Heaviside": lambda x, at_0=0.5: at_0 if x == 0 else x > 0}
_STEPS |= {"DiracDelta": lambda x: 0}  # the slope of a step, at whose edge no slope is asked for
_MODULES = [_STEPS, "mpmath"]


def formula(entry: Entry, size: int | None = None, index: int | None = None) -> sp.Expr:
    """The formula of an entry, all parameters as symbols.

    For a function of rows, ``size`` writes it out for that many entries ``z0, z1, ...``;
    without it the sum stays symbolic. ``index`` picks an entry of a row that is given.

    Examples
    --------
    >>> from lossbook.catalogue import entry
    >>> formula(entry("softplus"))
    log(exp(z) + 1)
    >>> formula(entry("logsumexp"), size=2)
    log(exp(z0) + exp(z1))
    """
    params = tuple(p.symbol for p in entry.params.values())
    return _formula(entry.formula, entry.kind, entry.inputs, params, size, index)


@functools.cache  # every slope of it asks for it again
def _formula(
    text: str,
    kind: str,
    inputs: tuple[Input, ...],
    params: tuple[str, ...],
    size: int | None,
    index: int | None,
) -> sp.Expr:
    numbers = {name: _number_symbol(name) for name in params}
    if kind == "element":
        numbers |= {x.symbol: _number_symbol(x.symbol) for x in inputs}
        return parse_expr(text, local_dict=numbers)
    names = {name: sp.Symbol(name, integer=True) for name in "ijK"}
    names |= {x.symbol: sp.IndexedBase(x.symbol) for x in inputs}
    names |= {x.symbol: names["i"] for x in inputs if x.domain == "label"}
    expr = parse_expr(text, local_dict=numbers | names)
    if size is None:
        return expr
    at = {names["K"]: size} if index is None else {names["K"]: size, names["i"]: index}
    rows = {
        names[x.symbol][k]: symbol
        for x in inputs if x.domain != "label"
        for k, symbol in enumerate(row_symbols(size, x.symbol))
    }  # fmt: skip
    return _written_out(expr.subs(at)).doit().subs(rows)


def _written_out(expr: sp.Expr) -> sp.Expr:
    """Its sums as terms. The outer ones go first: the limits of the inner are then numbers."""
    if not expr.has(sp.Sum):
        return expr
    if not isinstance(expr, sp.Sum):
        return expr.func(*map(_written_out, expr.args))
    *inner, (name, low, high) = expr.limits
    term = sp.Sum(expr.function, *inner) if inner else expr.function
    return sp.Add(*(_written_out(term.subs(name, k)) for k in range(int(low), int(high) + 1)))


def simple_formula(entry: Entry, size: int | None = None, index: int | None = None) -> sp.Expr:
    """The formula with every parameter at the value that leaves it out."""
    return formula(entry, size, index).subs(
        {_number_symbol(p.symbol): sp.nsimplify(p.neutral) for p in entry.params.values()}
    )


def row_symbols(size: int, name: str = "z") -> tuple[sp.Symbol, ...]:
    """The symbols of the entries of a row."""
    return sp.symbols(f"{name}0:{size}", real=True)


def symbols(entry: Entry, size: int | None = None) -> list[tuple[sp.Symbol, ...]]:
    """The symbols of each input: one for a number, ``size`` for a row, none for a label."""
    if entry.kind == "element":
        return [(_number_symbol(x.symbol),) for x in entry.inputs]
    return [() if x.domain == "label" else row_symbols(size, x.symbol) for x in entry.inputs]


def value(entry: Entry, *inputs: Any, **params: float) -> Any:
    """The exact value at one point: an mpmath number, or a list of them for a row.

    Examples
    --------
    >>> from lossbook.catalogue import entry
    >>> mpmath.nstr(value(entry("softplus"), -1000.0), 10)
    '5.075958898e-435'
    """
    point = _Point(entry, inputs, params)
    each = [point.number(i, None) for i in point.results()]
    return each if entry.kind == "vector" else each[0]


def slope(entry: Entry, *inputs: Any, wrt: int = 0, **params: float) -> Any:
    """The exact derivative for an input: a number, a row, or a Jacobian's rows."""
    point = _Point(entry, inputs, params)
    by = symbols(entry, point.size)[wrt]
    jacobian = [[point.number(i, x) for x in by] for i in point.results()]
    if entry.kind == "vector":
        return jacobian
    return jacobian[0] if entry.kind == "row" else jacobian[0][0]


class _Point:
    """The inputs at one point, as the numbers that the symbols of the formula stand for."""

    def __init__(self, entry: Entry, inputs: Sequence[Any], params: dict[str, float]) -> None:
        self.entry = entry
        self.size = None if entry.kind == "element" else len(inputs[0])
        given = zip(entry.inputs, inputs, strict=True)
        self.label = next((int(x) for i, x in given if i.domain == "label"), None)
        columns = zip(symbols(entry, self.size), inputs, strict=True)
        pairs = [zip(s, np.ravel(x).tolist(), strict=True) for s, x in columns if s]
        self.numbers = {symbol: float(x) for symbol, x in itertools.chain(*pairs)}
        self.params = [float(params.get(k, p.neutral)) for k, p in entry.params.items()]

    def results(self) -> Sequence[int | None]:
        """Which entry to compute: that of a row, the label's, or the only one there is."""
        return range(self.size) if self.entry.kind == "vector" else (self.label,)

    def number(self, index: int | None, by: sp.Symbol | None) -> Any:
        """The value for ``by`` None, else the derivative for that symbol."""
        # Exact zeros and ones of the truth go in first: 0 log p is then 0, whatever p.
        whole = self._whole(by) if self.entry.kind == "element" else ()
        if self.entry.kind == "element" and self._edges():
            return self._limit(index, whole, by)
        with mpmath.workdps(self._digits()):
            numbers = [mpmath.mpf(x) for x in (*self.numbers.values(), *self.params)]
            try:
                found = _compiled(self.entry.name, self.size, index, whole, by)(*numbers)
            except ZeroDivisionError:  # no number: 0/0
                found = mpmath.nan
        rows_of_chances = {x.domain for x in self.entry.inputs} & {"simplex", "log_simplex"}
        if mpmath.isnan(found) and rows_of_chances and self._edges():
            return self._limit(index, self._whole(by), by)
        return found

    def _whole(self, by: sp.Symbol | None) -> tuple[tuple[sp.Symbol, int], ...]:
        """The whole numbers that the truth holds."""
        predicted = 1 if self.entry.kind == "element" else self.entry.wrt
        names = symbols(self.entry, self.size)[predicted:]
        given = [s for s in itertools.chain(*names) if s != by and self.numbers[s].is_integer()]
        return tuple((s, int(self.numbers[s])) for s in given)

    def _edges(self) -> list[tuple[sp.Symbol, sp.Expr, str]]:
        """The symbols at an edge of their domain, the edge, and the side that is inside."""
        found = []
        whole = [] if self.entry.kind == "element" else [s for s, _ in self._whole(None)]
        for given, row in zip(self.entry.inputs, symbols(self.entry, self.size), strict=True):
            for s in [s for s in row if s not in whole]:
                x, ends = self.numbers[s], _EDGES[given.domain]
                predicted = self.entry.kind != "element" or given is self.entry.inputs[0]
                if math.isinf(x) or (predicted and x in ends):
                    found.append((s, _exactly(x), "+" if x == ends[0] else "-"))
        return found

    def _limit(self, index: int | None, whole: tuple, by: sp.Symbol | None) -> Any:
        edges = self._edges()
        expr = _expression(self.entry.name, self.size, index, whole, by)
        inside = {s: x for s, x in self.numbers.items() if s not in [e[0] for e in edges]}
        names = [_number_symbol(p.symbol) for p in self.entry.params.values()]
        fixed = [*inside.items(), *zip(names, self.params, strict=True)]
        expr = expr.subs({s: _exactly(x) for s, x in fixed})
        for symbol, edge, side in edges:
            terms = sp.Add.make_args(expr) if len(edges) > 1 else (expr,)
            expr = sum(sp.limit(t, symbol, edge, side) if t.has(symbol) else t for t in terms)
        if expr.is_infinite:
            return mpmath.inf if expr.is_extended_positive else -mpmath.inf
        with mpmath.workdps(DIGITS):
            return mpmath.mpf(sp.N(expr, DIGITS))

    def _digits(self) -> int:
        """Enough for 1 + x^2 and 1 + e^x to keep fifty digits of the small part."""
        numbers = (*self.numbers.values(), *self.params)
        finite = [abs(x) for x in numbers if math.isfinite(x) and x]
        digits = 2 * max((abs(math.log10(x)) for x in finite), default=0)
        if {x.domain for x in self.entry.inputs} & {"real", "nonpositive", "log_simplex"}:
            exponent = min(max(finite, default=0), 1e4)  # e^-10000 is 0 in every format
            digits += 2 * exponent / math.log(10)
        return DIGITS + 20 + int(digits)


def _exactly(x: float) -> sp.Expr:
    if math.isinf(x):
        return sp.oo if x > 0 else -sp.oo
    return sp.Rational(x)


@functools.cache
def _expression(name, size, index, whole, by) -> sp.Expr:
    from lossbook.catalogue import entry as find

    expr = formula(find(name), size, index).subs(dict(whole))
    return expr if by is None else sp.diff(expr, by)


@functools.cache
def _compiled(name, size, index, whole, by) -> Callable:
    from lossbook.catalogue import entry as find

    entry = find(name)
    names = [*itertools.chain(*symbols(entry, size))]
    names += [_number_symbol(p.symbol) for p in entry.params.values()]
    return sp.lambdify(names, _expression(name, size, index, whole, by), modules=_MODULES)


def _number_symbol(name: str) -> sp.Symbol:
    return sp.Symbol(name, real=True)
