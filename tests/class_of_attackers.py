"""The attacks that the grader is tried with, and the table of them in assignments/attacks.md.

python tests/class_of_attackers.py    write the table
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grader.build import text  # noqa: E402
from grader.marks import Assignment, load  # noqa: E402
from grader.read import Submission  # noqa: E402

HONEST = "def double(x):\n    return 2 * x\n"
NAME = "01-toy"
DATA = Path(__file__).parent / "data"
TABLE = ROOT / "assignments/attacks.md"
HEAD = """\
# Attacks, and what becomes of them

`tests/test_grader.py` and `tests/test_grader_files.py` make each of these submissions and grade
them, the answers in the sandbox, beside an honest one. They fail if marks are earned that should
not be, if another question or student loses any, or if this table differs from what is tried.

"""

NOTEBOOKS = {
    "visible checks edited, points set to 100": "they are not read; points are ours",
    "the answer cell deleted": "that question only",
    "the answer cell renamed": "that question only: no cell has its name",
    "the metadata dropped by an editor": "found by the cell's id",
    "cell ids in the metadata alone, as Colab writes them": "found there",
    "NaN in the metadata": "read as Jupyter reads it",
    "imports added to the set-up cell": "run, of what the question has; nothing else of it is",
    "4 MB of imports in the set-up cell": "left out, no marks lost",
    "two cells of one name": "both run in order, as the notebook does, and noted",
    "IPython's magics among the code": "skipped, no marks lost",
    "another assignment's notebook": "a row with 0 and a note",
    "not JSON": "a row with 0 and a note",
    "JSON that is no notebook": "a row with 0 and a note",
    "JSON of 100,000 brackets": "a row with 0 and a note",
    "cells of every wrong type": "a row with 0",
    "half a Unicode character in the source": "that question only",
    "an answer of 140,000 letters, made for a slow search": "that question only: not run",
    "a file of 6 MB": "a row with 0 and a note",
}
ARCHIVES = {
    "a member named ../../evil.ipynb": "a label; nothing is unpacked to disk",
    "a member with an absolute path": "a label",
    "a symbolic link in the archive": "not followed, noted",
    "a symbolic link in the folder, to a notebook and to a folder": "not followed, noted",
    "a member that unpacks to 60 MB": "read up to 5 MB, then noted",
    "a member that lies about its size": "read up to 5 MB, then noted",
    "an encrypted member": "noted",
    "a member packed with bzip2 or LZMA, which unpack without limit": "not read, noted",
    "members that turn out to be broken after 5 MB": "read up to 30 MB in all, then noted",
    "members that hold much and unpack to nothing": "30 MB of what is packed, then noted",
    "archives of 300 files in all": "noted",
    "a member's name of 32,000 accents": "cut after 1,000",
    "an archive in an archive in an archive": "opened once, then noted",
    "a file that is called .zip and is none": "noted",
    "a student's name that is a formula, or HTML": "quoted, escaped",
    "two students of one name": "two rows, two pages",
    "an upload named as another student's, on Canvas and on Moodle": "the platform's own is read",
    "a student who takes a name that ends as another student's upload": "a row with that name",
    "an upload named with a number of 243 digits": "a name, which is cut",
    "folders named as students, in a class of one": "one row",
    "a number that two submissions claim": "both marked and noted, neither in canvas.csv",
    "names that differ in an accent or an apostrophe": "a row each, with one number, too",
    "names that differ in a control character": "a row each, told apart by a number",
    "an archive of 300 notebooks of 5 MB": "read up to 30 MB, then noted",
    "a file or folder that cannot be read": "a row and a note",
    "a pipe in the place of a notebook": "a row and a note",
    "an error message with a carriage return, or a semicolon and a formula": "one cell, no formula",
    "a written answer changed after it was marked": "waits for another mark",
    "a script in a written answer": "shown as it was typed, in nbgrader too",
}
NOT_STOPPED = {
    "answers from a table, for a seed that is known": "full marks: draw a fresh, secret seed",
    "another student's work": "full marks: compare submissions by other means",
    "an answer by a library that the question allows": "full marks: allow less, or ask otherwise",
}


@dataclass(frozen=True)
class Attack:
    """An answer to the toy's first question, and what should become of it."""

    name: str
    outcome: str
    source: str


def attacks() -> list[Attack]:
    """The answers of attacks.txt."""
    found = []
    for part in (DATA / "attacks.txt").read_text(encoding="utf-8").split("\n# %% ")[1:]:
        header, _, source = part.partition("\n")
        found.append(Attack(*header.split(" | "), source))
    return found


def toy() -> Assignment:
    """The assignment that is attacked."""
    return load("01", DATA / "course")


def handed_in(**answers: str) -> dict:
    """The toy's notebook with these answers, as JSON: q1="...", q2="..."."""
    notebook = json.loads(text(toy()))
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]]
    return notebook


def submission(student: str, notebook: dict | bytes) -> Submission:
    """What a student handed in, as the grader reads it."""
    content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    return Submission(student, file="toy.ipynb", content=content)


GOOD = json.dumps(handed_in(q1=HONEST)).encode()


def table() -> str:
    """assignments/attacks.md."""
    answers = {each.name: each.outcome for each in attacks()}
    parts = [("Answers", answers), ("Notebooks", NOTEBOOKS), ("Archives and names", ARCHIVES)]
    text = HEAD
    for title, rows in [*parts, ("Not stopped", NOT_STOPPED)]:
        text += f"## {title}\n\n| attack | what happens |\n|---|---|\n"
        text += "".join(f"| {name} | {outcome} |\n" for name, outcome in rows.items()) + "\n"
    return text.rstrip("\n") + "\n"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    print(TABLE)
