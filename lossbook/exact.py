"""The judge: what a loss is worth exactly, from its formula alone.

Nothing here knows the rules. The formula of the catalogue is differentiated by sympy and
evaluated by mpmath, with as many digits as it takes for the first fifty to be right.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import sympy as sp
from sympy.parsing.sympy_parser import parse_expr

from lossbook.catalogue import Entry

DIGITS = 50

_EDGES = {"real": (-sp.oo, sp.oo), "probability": (0, 1), "nonnegative": (0, sp.oo)}
_EDGES |= {"nonpositive": (-sp.oo, 0), "sign": (), "positive": (0, sp.oo)}


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
    symbols = {s: sp.Symbol(s, real=True) for s in _symbols(entry)}
    if entry.kind == "element":
        return parse_expr(entry.formula, local_dict=symbols)
    rows = {"z": sp.IndexedBase("z"), "j": sp.Symbol("j", integer=True)}
    rows |= {"i": sp.Symbol("i", integer=True), "K": sp.Symbol("K", integer=True)}
    expr = parse_expr(entry.formula, local_dict=symbols | rows)
    if size is None:
        return expr
    at = {rows["K"]: size} if index is None else {rows["K"]: size, rows["i"]: index}
    expr = expr.subs(at).doit()
    return expr.subs({rows["z"][k]: z for k, z in enumerate(row_symbols(size))})


def simple_formula(entry: Entry) -> sp.Expr:
    """The formula with every parameter at the value that leaves it out."""
    return formula(entry).subs(
        {sp.Symbol(p.symbol, real=True): sp.nsimplify(p.neutral) for p in entry.params.values()}
    )


def row_symbols(size: int) -> tuple[sp.Symbol, ...]:
    """The symbols of the entries of a row."""
    return sp.symbols(f"z0:{size}", real=True)


def value(entry: Entry, *inputs: Any, **params: float) -> Any:
    """The exact value at one point: an mpmath number, or a list of them for a row.

    Examples
    --------
    >>> from lossbook.catalogue import entry
    >>> mpmath.nstr(value(entry("softplus"), -1000.0), 10)
    '5.075958898e-435'
    """
    if entry.kind == "element":
        return _number(entry, inputs, params, derivative=False)
    rows = range(len(inputs[0])) if entry.kind == "vector" else (None,)
    each = [_row_number(entry, inputs[0], params, i, None) for i in rows]
    return each if entry.kind == "vector" else each[0]


def slope(entry: Entry, *inputs: Any, **params: float) -> Any:
    """The exact derivative for the prediction: a number, a row, or a Jacobian's rows."""
    if entry.kind == "element":
        return _number(entry, inputs, params, derivative=True)
    size = len(inputs[0])
    rows = range(size) if entry.kind == "vector" else (None,)
    jacobian = [[_row_number(entry, inputs[0], params, i, k) for k in range(size)] for i in rows]
    return jacobian if entry.kind == "vector" else jacobian[0]


# ---------------------------------------------------------------- one number from one
def _number(entry: Entry, inputs: Sequence[float], params: dict, derivative: bool) -> Any:
    first, *others = inputs
    # Exact zeros and ones go into the formula first: 0 log p is then 0, whatever p.
    whole = tuple(int(x) if float(x).is_integer() else None for x in others)
    expr = _expression(entry.name, whole, derivative)
    x = sp.Symbol(entry.inputs[0].symbol, real=True)
    if _is_edge(entry, first):
        return _limit(entry, expr, x, first, others, params)
    return _evaluate(_compiled(entry.name, whole, derivative), [first, *others], entry, params)


@functools.cache
def _expression(name: str, whole: tuple, derivative: bool) -> sp.Expr:
    from lossbook.catalogue import entry as find

    entry = find(name)
    expr = formula(entry)
    for given, number in zip(entry.inputs[1:], whole, strict=True):
        if number is not None:
            expr = expr.subs(sp.Symbol(given.symbol, real=True), number)
    return sp.diff(expr, sp.Symbol(entry.inputs[0].symbol, real=True)) if derivative else expr


@functools.cache
def _compiled(name: str, whole: tuple, derivative: bool) -> Callable:
    from lossbook.catalogue import entry as find

    symbols = [sp.Symbol(s, real=True) for s in _symbols(find(name))]
    return sp.lambdify(symbols, _expression(name, whole, derivative), modules="mpmath")


def _is_edge(entry: Entry, x: float) -> bool:
    return math.isinf(x) or x in _EDGES[entry.inputs[0].domain]


def _limit(entry, expr, x, point, others, params) -> Any:
    """The limit from inside the domain: what the edge of a formula means."""
    fixed = dict(zip(_symbols(entry)[1:], [*others, *_numbers(entry, params)], strict=True))
    expr = expr.subs({sp.Symbol(k, real=True): sp.nsimplify(v) for k, v in fixed.items()})
    low = _EDGES[entry.inputs[0].domain][0]
    at = sp.oo * int(math.copysign(1, point)) if math.isinf(point) else sp.Integer(int(point))
    found = sp.limit(expr, x, at, "+" if at == low else "-")
    if found.is_infinite:
        return mpmath.inf if found.is_extended_positive else -mpmath.inf
    with mpmath.workdps(DIGITS):
        return mpmath.mpf(sp.N(found, DIGITS))


# ---------------------------------------------------------------- numbers from rows
def _row_number(entry, row, params, index, by) -> Any:
    function = _compiled_row(entry.name, len(row), index, by)
    return _evaluate(function, list(row), entry, params)


@functools.cache
def _compiled_row(name: str, size: int, index: int | None, by: int | None) -> Callable:
    from lossbook.catalogue import entry as find

    entry, z = find(name), row_symbols(size)
    expr = formula(entry, size, index)
    expr = expr if by is None else sp.diff(expr, z[by])
    symbols = [*z, *(sp.Symbol(p.symbol, real=True) for p in entry.params.values())]
    return sp.lambdify(symbols, expr, modules="mpmath")


# ------------------------------------------------------------------------ precision
def _evaluate(function: Callable, inputs: list[float], entry: Entry, params: dict) -> Any:
    numbers = [float(x) for x in inputs] + _numbers(entry, params)
    with mpmath.workdps(_digits_needed(entry, numbers)):
        try:
            return function(*(mpmath.mpf(x) for x in numbers))
        except ZeroDivisionError:  # no number: 0/0
            return mpmath.nan


def _digits_needed(entry: Entry, numbers: Sequence[float]) -> int:
    """Enough for 1 + x and 1 + e^x to keep fifty digits of the small part."""
    finite = [abs(x) for x in numbers if math.isfinite(x) and x]
    digits = max((abs(math.log10(x)) for x in finite), default=0)
    if entry.inputs[0].domain in ("real", "nonpositive"):  # these are exponents
        digits += 2 * max(finite, default=0) / math.log(10)
    return DIGITS + 20 + int(digits)


def _symbols(entry: Entry) -> list[str]:
    return [x.symbol for x in entry.inputs] + [p.symbol for p in entry.params.values()]


def _numbers(entry: Entry, params: dict) -> list[float]:
    return [float(params.get(name, p.neutral)) for name, p in entry.params.items()]
