#!/usr/bin/env python3
"""The catalogue for other programs: losses.json, and the schema that says what it holds.

    python tools/losses.py            write both to book/_extra/
    python tools/losses.py --check    say whether they are up to date

The site serves them beside its index.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

import api
import lossbook as lb
from lossbook import exact
from lossbook.catalogue import CATALOGUE, Entry

EXTRA = Path(__file__).resolve().parent.parent / "book" / "_extra"
TEXT: dict[str, Any] = {"type": "string"}
WORDS = TEXT | {"minLength": 1}


def _object(**properties: Any) -> dict[str, Any]:
    closed = {"type": "object", "additionalProperties": False, "required": list(properties)}
    return closed | {"properties": properties}


def _said(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return schema | {"description": description}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": description}


DOMAINS = (
    "real", "probability", "nonnegative", "positive", "nonpositive", "sign", "simplex",
    "log_simplex", "grade", "box", "label",
)  # fmt: skip
INPUT = _object(name=WORDS, symbol=WORDS, domain={"enum": list(DOMAINS)})
PARAMETER = _object(
    name=WORDS,
    symbol=WORDS,
    neutral=_said({"type": "number"}, "The value that leaves the parameter out."),
)
PEER = _object(name=_said(WORDS, "Dotted."), note=_said(TEXT, "Where it differs."))
FORMULA = _object(
    sympy=_said(WORDS, "In sympy's notation; K is the length of a row."),
    latex=_said(WORDS, "The same for a page."),
)
CHAPTER = _object(
    number={"type": "integer", "minimum": 1},
    title=WORDS,
    page=_said(WORDS, "Of this site, with the anchor of the section."),
)
ULPS = _object(
    bounds=_list({"type": "number"}, "Of the value, then of the slope in each input."),
    per_gap=_said({"type": "number"}, "Added for each unit of the widest gap between logits."),
    of_terms=_said({"type": "boolean"}, "Whether some are ulps of terms that cancel."),
)
LOSS = _object(
    name=WORDS,
    is_loss=_said({"type": "boolean"}, "Whether it is reduced; else a function."),
    chapter=CHAPTER,
    formula=FORMULA,
    inputs=_list(INPUT, "In the order of the arguments."),
    parameters=_list(PARAMETER, "Keywords of the function that the formula names."),
    minimized_by=_said(TEXT, "What the loss asks for."),
    convex=_said({"type": ["boolean", "null"]}, "In the prediction; null where not judged."),
    slope_bound=_said(TEXT, "The largest slope in the prediction; oo if there is none."),
    ulps=_said(ULPS, "Bounds on the error, in units in the last place."),
    peers=_list(PEER, "The same loss in other libraries."),
    sources=_list(WORDS, "Keys of the book's bibliography."),
)
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The losses of lossbook",
    **_object(version=_said(WORDS, "The version of the package."), losses=_list(LOSS, "One each.")),
}


class _Printer(LatexPrinter):
    """A step is written as a bracket that holds its condition."""

    def _print_Heaviside(self, expr: sp.Expr, exp: str | None = None) -> str:
        text = rf"\left[{self._print(expr.args[0])} > 0\right]"
        return text if exp is None else f"{text}^{{{exp}}}"


def latex(entry: Entry) -> str:
    """The formula for a page."""
    formula = exact.formula(entry)
    for x in entry.inputs:
        if x.domain == "label":  # written as the index i there
            symbols = (sp.Symbol(name, integer=True) for name in ("i", x.symbol))
            formula = formula.xreplace(dict([symbols]))
    return _Printer({"ln_notation": True}).doprint(formula)


@functools.cache
def _chapters() -> dict[str, Path]:
    return api.chapters()


def record(entry: Entry) -> dict[str, Any]:
    """What the file says of an entry."""
    target = api.places()[entry.name]
    page = _chapters()[target]
    return {
        "name": entry.name,
        "is_loss": entry.is_loss,
        "chapter": {
            "number": int(page.stem[:2]),
            "title": api.title(page),
            "page": f"book/{page.stem}.html#{target}",
        },
        "formula": {"sympy": entry.formula, "latex": latex(entry)},
        "inputs": [vars(x) for x in entry.inputs],
        "parameters": [{"name": name, **vars(p)} for name, p in entry.params.items()],
        "minimized_by": entry.minimized_by,
        "convex": entry.convex,
        "slope_bound": entry.slope_bound,
        "ulps": {
            "bounds": list(entry.ulps),
            "per_gap": entry.ulps_per_gap,
            "of_terms": bool(entry.terms),
        },
        "peers": [{"name": p.name, "note": p.note} for p in entry.peers],
        "sources": list(entry.sources),
    }


def files() -> dict[str, str]:
    """The name and the text of each file."""
    losses = {"version": lb.__version__, "losses": [record(e) for e in CATALOGUE]}
    found = {"losses.json": losses, "losses.schema.json": SCHEMA}
    return {n: json.dumps(x, indent=1, ensure_ascii=False) + "\n" for n, x in found.items()}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    checked, stale = parser.parse_args(argv).check, []
    for name, text in files().items():
        path = EXTRA / name
        if not checked:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(
            f"losses.py: out of date: {', '.join(stale)}: python tools/losses.py", file=sys.stderr
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
