"""Every labeled equation of a chapter has a check beside it that runs.

An equation is labeled by ``$$ ... $$ (label)``, by a ``{math}`` directive with
``:label:``, or by ``\\label{label}``. Its check is a call ``check("label", ...)``
in a code cell of the same notebook. What cannot be checked says why, in a MyST
comment line: ``% unchecked label: reason``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from nbformat import NotebookNode

DOLLARS = re.compile(r"\$\$(?:(?!\$\$).)+\$\$[ \t]*\(([^()\s]+)\)|\$\$(?:(?!\$\$).)+\$\$", re.S)
DIRECTIVE = re.compile(
    r"^[ \t]*(?:`{3,}|:{3,})\{math\}[^\n]*\n(?:[ \t]*:[^\n]*\n)*?[ \t]*:label:[ \t]*(\S+)", re.M
)
LATEX = re.compile(r"\\label\{([^}]+)\}")
UNCHECKED = re.compile(r"^%[ \t]*unchecked[ \t]+(\S+):[ \t]*(.*)$", re.M)
FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}|:{3,})[ \t]*(.*)$")
LISTING = re.compile(r"(?!\{)|\{code")

Labels = dict[str, str]  # label: where it stands


def problems(notebook: NotebookNode, place: Callable[[int, NotebookNode], str]) -> list[str]:
    """Labels without a check, checks without a label, excuses without a reason."""
    markdown = [(place(i, c), prose(c.source)) for i, c in enumerate(notebook.cells)
                if c.cell_type == "markdown"]  # fmt: skip
    code = [(place(i, c), c) for i, c in enumerate(notebook.cells) if c.cell_type == "code"]
    labels: Labels = {}
    found = []
    for where, text in markdown:
        for label in labels_in(text):
            if label in labels:
                found.append(f"{where}: label {label!r} stands in {labels[label]} already")
            labels.setdefault(label, where)
    excused = {label: (where, why) for where, text in markdown
               for label, why in UNCHECKED.findall(text)}  # fmt: skip
    checked: Labels = {}
    for where, cell in code:
        found += _calls(where, cell, checked)
    return found + list(_compare(labels, checked, excused))


def _compare(labels: Labels, checked: Labels, excused: dict[str, tuple[str, str]]) -> Iterator[str]:
    for label, where in labels.items():
        if label not in checked and label not in excused:
            yield (
                f'{where}: equation {label!r} is not checked: call check("{label}", ...) in a '
                f"code cell, or write a line '% unchecked {label}: reason'"
            )
    for label, where in checked.items():
        if label not in labels:
            yield f"{where}: check of {label!r}, but no equation has that label{_known(labels)}"
    for label, (where, why) in excused.items():
        if label not in labels:
            yield f"{where}: 'unchecked {label}', but no equation has that label{_known(labels)}"
        elif label in checked:
            yield f"{where}: 'unchecked {label}', but {checked[label]} checks it: drop the line"
        elif not why.strip():
            yield f"{where}: 'unchecked {label}' without a reason"


def _known(labels: Labels) -> str:
    return f" (labels here: {', '.join(labels)})" if labels else " (no labels here)"


# ------------------------------------------------------------------ Markdown
def prose(text: str) -> str:
    """Markdown without listings; the contents of directives stay."""
    kept, fences = [], []
    for line in text.splitlines():
        match = FENCE.match(line)
        if match and fences and _closes(match, fences[-1]):
            listing = fences.pop()[1]
        elif match and not (fences and fences[-1][1]):
            listing = bool(LISTING.match(match[2]))
            fences.append((match[1], listing))
        else:
            listing = bool(fences) and fences[-1][1]
        if not listing:
            kept.append(line)
    return re.sub(r"(?<!`)(`+)(?!`)[^\n]+?(?<!`)\1(?!`)", "", "\n".join(kept))


def _closes(match: re.Match[str], fence: tuple[str, bool]) -> bool:
    mark, rest = match[1], match[2]
    return not rest.strip() and mark[0] == fence[0][0] and len(mark) >= len(fence[0])


def labels_in(text: str) -> list[str]:
    """The labels of the equations in a piece of Markdown without listings."""
    dollars = [m[1] for m in DOLLARS.finditer(text) if m[1]]
    return dollars + DIRECTIVE.findall(text) + LATEX.findall(text)


# ------------------------------------------------------------------ code
def _calls(where: str, cell: NotebookNode, checked: Labels) -> Iterator[str]:
    try:
        tree = ast.parse(without_magics(cell.source))
    except SyntaxError as error:
        if "raises-exception" not in cell.metadata.get("tags", []):
            yield f"{where}: not Python: {error.msg} in line {error.lineno}"
        return
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and _is_check(n.func)):
        first = call.args[0] if call.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            checked.setdefault(first.value, where)
        else:
            shown = ast.unparse(first) if first else "nothing"
            yield f"{where}: check({shown}, ...): the label must be a string written out"


def _is_check(function: ast.expr) -> bool:
    return getattr(function, "id", getattr(function, "attr", None)) == "check"


def without_magics(source: str) -> str:
    """Python as it is; else with IPython's %, ! and ? lines replaced by pass."""
    try:
        ast.parse(source)
    except SyntaxError:
        magic = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2}[ \t]*)$", re.M)
        return magic.sub(r"\1pass", source)
    return source
