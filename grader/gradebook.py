"""nbgrader's gradebook, for those who mark by hand in its formgrader.

    python -m grader.gradebook results/ --assignment 03 --course course/          marks into it
    python -m grader.gradebook results/ --assignment 03 --course course/ --pull   and back

The first fills gradebook.db and autograded/; then `nbgrader formgrade` in course/. No code of a
student is run. The second takes the marks given there over into written.csv; then run
`python -m grader` again. Needs assignments/requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import sysconfig
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader import source
from grader.build import notebook
from grader.marks import ASSIGNMENTS, Assignment, load
from grader.results import Result, alone, basis, key, total_of, write_whole
from grader.write import fill_written


def _opened(course: Path):
    from nbgrader.api import Gradebook

    # nbgrader calls alembic by its name, which only an activated environment has.
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    return Gradebook(f"sqlite:///{course.resolve() / 'gradebook.db'}")


def push(assignment: Assignment, results: list[Result], course: Path) -> None:
    """Marks of the machine, and answers that wait for a person.

    Marks given by hand stay as long as the answer is the same.
    """
    course.mkdir(parents=True, exist_ok=True)
    name = assignment.name
    with _opened(course) as book:
        _cells(assignment, book)
        for result in results:
            student, changed = key(result), _changed(assignment, result, course)
            book.update_or_create_student(student, last_name=result["student"])
            book.update_or_create_submission(name, student)
            for question in assignment.marked:
                grade = book.find_grade(f"{question.name}-marks", name, name, student)
                grade.manual_score = total_of(result, question.name)
                grade.needs_manual_grade = False
            for question in assignment.written:
                grade = book.find_grade(question.name, name, name, student)
                empty = not result["answers"][question.name]
                if grade.manual_score is None or question.name in changed:
                    grade.manual_score = 0 if empty else None
                    grade.needs_manual_grade = not empty
            page = nbformat.writes(answered(assignment, result)) + "\n"
            write_whole(_page(assignment, result, course), page)
        book.db.commit()


def _page(assignment: Assignment, result: Result, course: Path) -> Path:
    """The notebook that is read in formgrader."""
    return course / "autograded" / key(result) / assignment.name / f"{assignment.name}.ipynb"


def _changed(assignment: Assignment, result: Result, course: Path) -> set[str]:
    """The written questions whose answer is another than the one that is read in formgrader."""
    page = _page(assignment, result, course)
    if not page.exists():
        return set()
    shown = {cell.id: cell.source for cell in nbformat.read(page, as_version=4).cells}
    given = {cell.id: cell.source for cell in answered(assignment, result).cells}
    return {q.name for q in assignment.written if shown.get(q.name) != given[q.name]}


def _cells(assignment: Assignment, book) -> None:
    name = assignment.name
    book.update_or_create_assignment(name)
    book.update_or_create_notebook(name, name)
    text = {"cell_type": "markdown"}
    for question in assignment.marked:
        mine = f"{question.name}-marks"
        book.update_or_create_task_cell(mine, name, name, max_score=question.marks, **text)
        book.update_or_create_source_cell(mine, name, name, locked=True, **text)
    for question in assignment.written:
        book.update_or_create_grade_cell(
            question.name, name, name, max_score=question.marks, **text
        )
        book.update_or_create_solution_cell(question.name, name, name)
        book.update_or_create_source_cell(question.name, name, name, locked=False, **text)


def answered(assignment: Assignment, result: Result) -> NotebookNode:
    """Our notebook with the student's answers in it, and the mark scheme before the written."""
    made = notebook(assignment)
    schemes = {
        cell.name: source.scheme(cell)
        for cell in source.read(assignment.folder / "assignment.py")
        if cell.kind == "written"
    }
    cells = []
    for cell in made.cells:
        if cell.id in schemes:
            text = f"**Mark scheme**\n\n{schemes[cell.id]}"
            cells.append(nbformat.v4.new_markdown_cell(text, id=f"{cell.id}-scheme"))
        given = result["answers"].get(cell.id)
        if given:
            cell.source = _shown(given) if cell.cell_type == "markdown" else given
        cells.append(cell)
    made.cells = cells
    return made


def _shown(text: str) -> str:
    """As it was typed: formgrader would run a script in it, in the page that gives the marks."""
    return f'<pre style="white-space: pre-wrap">{escape(text)}</pre>'


def pull(assignment: Assignment, results: list[Result], course: Path, out: Path) -> int:
    """Take marks given in nbgrader over into written.csv; returns how many.

    Not those of another answer than the one that is graded now: push that first.
    """
    from nbgrader.api import MissingEntry

    name, found = assignment.name, {}
    with _opened(course) as book:
        for result in results:
            changed = _changed(assignment, result, course)
            for question in assignment.written:
                if question.name in changed or not result["answers"][question.name]:
                    continue
                try:
                    grade = book.find_grade(question.name, name, name, key(result))
                except MissingEntry:  # handed in after the last push
                    continue
                if grade.manual_score is not None and not grade.needs_manual_grade:
                    found[key(result), question.name] = grade.manual_score
    fill_written(assignment, results, out, found)
    return len(found)


def main() -> None:
    """Push, or pull."""
    parser = argparse.ArgumentParser(
        prog="python -m grader.gradebook",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", type=Path, help="what python -m grader wrote")
    parser.add_argument("--assignment", required=True)
    parser.add_argument("--course", type=Path, required=True, help="nbgrader's folder")
    parser.add_argument("--pull", action="store_true", help="take marks back into written.csv")
    parser.add_argument("--assignments", type=Path, default=ASSIGNMENTS)
    args = parser.parse_args()
    assignment = load(args.assignment, args.assignments)
    out = args.results / assignment.name
    results = _kept(assignment, out)
    if not results:
        raise SystemExit(f"{out} holds no results as of now: run python -m grader first")
    try:
        with alone(out):
            if args.pull:
                print(f"{pull(assignment, results, args.course, out)} marks taken over")
            else:
                push(assignment, results, args.course)
                print(f"{len(results)} students are in {args.course / 'gradebook.db'}")
    except (ValueError, OSError) as problem:
        raise SystemExit(f"grader: {problem}") from None


def _kept(assignment: Assignment, out: Path) -> list[Result]:
    """The results of the last grading; what an earlier one left of others is not among them."""
    found, now = [], basis(assignment)
    for path in sorted((out / "work").glob("*.json")):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["basis"]["marks"] == now:
                found.append(kept["result"])
        except (ValueError, KeyError, TypeError):
            raise SystemExit(f"{path} is broken: run python -m grader again") from None
    return found


if __name__ == "__main__":
    main()
