"""Read the text of an assignment: a percent script, one cell after each line of ``# %%``.

# %% [markdown]            text
# %% setup                 code that runs before every answer
# %% answer q1             code with ### BEGIN SOLUTION ... ### END SOLUTION
# %% check q1              visible checks
# %% [markdown] written q5 the mark scheme, then a model answer
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HEADER = re.compile(r"# %%(?P<text> \[markdown\])?(?: (?P<kind>[a-z]+))?(?: (?P<name>q\d))?")
KINDS = {
    ("text", ""),
    ("code", "setup"),
    ("code", "answer"),
    ("code", "check"),
    ("text", "written"),
}
ANSWERS = ("answer", "written")  # what a student fills in
SCHEME = re.compile(r"=== BEGIN MARK SCHEME ===\n(.*?)=== END MARK SCHEME ===\n?", re.S)
SOLUTION = re.compile(r"(?m)^([ \t]*)### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION[ \t]*$", re.S)


@dataclass(frozen=True)
class Cell:
    """A cell of the source: kind is text, setup, answer, check or written."""

    kind: str
    name: str
    source: str

    @property
    def is_code(self) -> bool:
        return self.kind in ("setup", "answer", "check")


def read(path: Path) -> list[Cell]:
    """The cells of an assignment's source; a header that is not understood is an error."""
    cells: list[Cell] = []
    header, lines = None, []
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), "# %%"], 1):
        if not line.startswith("# %%"):
            lines.append(line)
            continue
        if header:
            cells.append(_cell(header, lines))
        header, lines = HEADER.fullmatch(line), []
        if not header:
            raise ValueError(f"{path}, line {number}: {line!r} is no kind of cell")
    return _sound(path, cells)


def _cell(header: re.Match, lines: list[str]) -> Cell:
    kind, name = header["kind"] or "", header["name"] or ""
    if ("text" if header["text"] else "code", kind) not in KINDS:
        raise ValueError(f"{header[0]!r} is no kind of cell")
    if header["text"]:
        lines = [re.sub("^# ?", "", line) for line in lines]
    return Cell(kind or "text", name, "\n".join(lines).strip("\n"))


def _sound(path: Path, cells: list[Cell]) -> list[Cell]:
    answers = [cell.name for cell in cells if cell.kind in ANSWERS]
    if len(set(answers)) != len(answers) or "" in answers:
        raise ValueError(f"{path}: every answer needs a name of its own, such as q1: {answers}")
    for cell in cells:
        if cell.kind == "answer" and not SOLUTION.search(cell.source):
            raise ValueError(f"{path}: the answer {cell.name} has no solution between its markers")
        if cell.kind == "written" and not SCHEME.search(cell.source):
            raise ValueError(f"{path}: the written question {cell.name} has no mark scheme")
    return cells


def place(number: int) -> str:
    """The name in the notebook of the cell of this number, if it is no answer."""
    return f"cell-{number:02}"


def solved(cell: Cell) -> str:
    """The answer as the author gives it."""
    if cell.kind == "written":
        return SCHEME.sub("", cell.source).strip("\n")
    return SOLUTION.sub(lambda found: found[2].rstrip("\n"), cell.source)


def blank(cell: Cell) -> str:
    """The answer as the student finds it."""
    if cell.kind == "written":
        return "*Your answer here.*"
    return SOLUTION.sub(r"\1# YOUR CODE HERE\n\1raise NotImplementedError()", cell.source)


def scheme(cell: Cell) -> str:
    """The mark scheme of a written question."""
    return SCHEME.search(cell.source)[1].strip("\n")


@dataclass(frozen=True)
class Version:
    """Another answer to a question, and the names of the items that it must lose."""

    question: str
    loses: tuple[str, ...]
    says: str
    source: str


def versions(path: Path) -> list[Version]:
    """Read versions.py: cells headed ``# %% q1 | equal | ...`` or ``# %% q1 | loses a b | ...``."""
    found = []
    for part in re.split(r"(?m)^# %% ", path.read_text(encoding="utf-8"))[1:]:
        header, _, source = part.partition("\n")
        question, fate, says = header.split(" | ")
        word, *loses = fate.split()
        if (word == "equal") == bool(loses) or word not in ("equal", "loses"):
            raise ValueError(f"{path}: {fate!r} is neither 'equal' nor 'loses' and names of items")
        found.append(Version(question, tuple(loses), says, source.strip("\n")))
    return found
