"""Make the students' notebooks, in nbgrader's format, from the text of the assignments.

python -m grader.build            write assignments/student/*.ipynb
python -m grader.build --solved   and the solved ones, to _build/course/, for instructors
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader import source
from grader.marks import ASSIGNMENTS, ROOT, Assignment, Question, load, names

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LOCKED = {"deletable": False, "editable": False}
AUTOMATIC = "Marks of the machine:"


def notebook(assignment: Assignment, with_solutions: bool = False) -> NotebookNode:
    """The student's notebook, or the solved one."""
    cells = source.read(assignment.folder / "assignment.py")
    _same_marks(assignment, cells)
    made: list[NotebookNode] = []
    for number, cell in enumerate(cells, 1):
        if cell.kind in source.ANSWERS:
            made.append(_answer(assignment, cell, with_solutions))
        else:
            made.append(_locked(cell, source.place(number)))
        more = any(later.name == cell.name for later in cells[number:])
        made += [_marks(q) for q in assignment.marked if q.name == cell.name and not more]
    metadata = {"kernelspec": KERNEL, "lossbook": {"assignment": assignment.name}}
    return new_notebook(cells=made, metadata=metadata)


def text(assignment: Assignment, with_solutions: bool = False) -> str:
    """The notebook as it is written: the same bytes from the same source."""
    return nbformat.writes(notebook(assignment, with_solutions)).rstrip("\n") + "\n"


def _same_marks(assignment: Assignment, cells: list[source.Cell]) -> None:
    answers = [cell.name for cell in cells if cell.kind in source.ANSWERS]
    asked = [question.name for question in assignment.questions]
    if answers != asked:
        raise ValueError(f"{assignment.name}: the source asks {answers}, marks.py marks {asked}")
    headings = re.findall(r"(?m)^## .*\((\d+) marks?\)$", "\n".join(c.source for c in cells))
    worth = [question.marks for question in assignment.questions]
    if [int(each) for each in headings] != worth:
        raise ValueError(f"{assignment.name}: headings say {headings} marks, marks.py {worth}")


def _nbgrader(name: str, **flags: bool | int) -> dict:
    plain = {"grade": False, "locked": True, "solution": False, "task": False}
    return plain | flags | {"grade_id": name, "schema_version": 3}


def _locked(cell: source.Cell, name: str) -> NotebookNode:
    metadata = LOCKED | {"nbgrader": _nbgrader(name)}
    if cell.is_code:
        return new_code_cell(cell.source, id=name, metadata=metadata)
    return new_markdown_cell(cell.source, id=name, metadata=metadata)


def _answer(assignment: Assignment, cell: source.Cell, with_solutions: bool) -> NotebookNode:
    text = source.solved(cell) if with_solutions else source.blank(cell)
    flags = {"locked": False, "solution": True}
    if cell.kind == "answer":
        metadata = {"deletable": False, "nbgrader": _nbgrader(cell.name, **flags)}
        return new_code_cell(text, id=cell.name, metadata=metadata)
    marks = next(q.marks for q in assignment.written if q.name == cell.name)
    flags |= {"grade": True, "points": marks}
    metadata = {"deletable": False, "nbgrader": _nbgrader(cell.name, **flags)}
    return new_markdown_cell(text, id=cell.name, metadata=metadata)


def _marks(question: Question) -> NotebookNode:
    """What is marked and for how much: a task cell, whose marks the grader puts in nbgrader."""
    name = f"{question.name}-marks"
    flags = {"grade": True, "task": True, "points": question.marks}
    lines = [f"- {item.says}: {item.marks}" for item in question.items]
    metadata = LOCKED | {"nbgrader": _nbgrader(name, **flags)}
    return new_markdown_cell("\n".join([AUTOMATIC, "", *lines]), id=name, metadata=metadata)


def main() -> None:
    """Build all assignments."""
    parser = argparse.ArgumentParser(prog="python -m grader.build", description=__doc__)
    parser.add_argument("--assignments", type=Path, default=ASSIGNMENTS, help="folder of sources")
    parser.add_argument("--solved", action="store_true", help="solved notebooks too")
    args = parser.parse_args()
    for name in names(args.assignments):
        assignment = load(name, args.assignments)
        _write(args.assignments / "student" / f"{name}.ipynb", text(assignment))
        if args.solved:
            _write(ROOT / "_build/course" / f"{name}.ipynb", text(assignment, with_solutions=True))


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="\n")
    print(path)


if __name__ == "__main__":
    main()
