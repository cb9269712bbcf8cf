"""Write the results: tables for the instructor, and what learning platforms read."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from grader.feedback import feedback, sheet
from grader.grade import Grader
from grader.marks import Assignment
from grader.results import ByHand, Result, complete, key, title, total, write_whole


def everything(grader: Grader, results: list[Result], out: Path, isolated: bool) -> list[str]:
    """Write all files of a graded class; returns what there is to say."""
    by_hand = _written_marks(grader.assignment, out / "written.csv")
    fill_written(grader.assignment, results, out)
    _table(out / "marks.csv", _marks_rows(grader, results, by_hand))
    _table(out / "canvas.csv", _canvas_rows(grader, results, by_hand, None))
    write_whole(out / "written.html", sheet(grader.assignment, results))
    for result in results:
        name = key(result)
        page = feedback(grader.assignment, result, by_hand)
        write_whole(out / "feedback" / f"{name}.html", page)
        scope = json.dumps(gradescope(grader.assignment, result, by_hand), indent=1)
        write_whole(out / "gradescope" / f"{name}.json", scope + "\n")
    write_whole(out / "about.json", json.dumps(_about(grader, isolated), indent=1) + "\n")
    waiting = sum(complete(grader.assignment, each, by_hand) is None for each in results)
    said = [f"Marks are in {out / 'marks.csv'}, a page for each student in {out / 'feedback'}."]
    if waiting:
        said.append(
            f"{waiting} submissions wait for marks by hand: read {out / 'written.html'}, fill in "
            f"{out / 'written.csv'}, and run the same command again."
        )
    return said


# ---------------------------------------------------------------- tables
def _table(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(each) for each in row] for row in rows)
    write_whole(path, text.getvalue())


def _cell(value: Any) -> Any:
    """Text that a spreadsheet does not take for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return "" if value is None else value


def _marks_rows(grader: Grader, results: list[Result], by_hand: ByHand) -> Iterable[list]:
    assignment = grader.assignment
    items = [(q.name, item.name) for q in assignment.marked for item in q.items]
    written = [question.name for question in assignment.written]
    heads = [f"{question}/{item}" for question, item in items]
    yield ["student", "lms_id", *heads, "by machine", *written, "total", "file", "notes"]
    possible = [item.marks for q in assignment.marked for item in q.items]
    hand = [question.marks for question in assignment.written]
    line = [*possible, sum(possible), *hand, sum(possible) + sum(hand)]
    yield ["(possible)", "", *line, "", ""]
    for result in results:
        found = [result["questions"][question]["items"][item]["marks"] for question, item in items]
        hands = [by_hand.get((key(result), name)) for name in written]
        notes = list(result["notes"])
        for name, question in result["questions"].items():
            notes += [f"{name}: {note}" for note in question["notes"]]
        line = [result["student"], result["lms_id"], *found, total(result), *hands]
        yield [*line, complete(assignment, result, by_hand), result["file"], "; ".join(notes)]


def fill_written(
    assignment: Assignment, results: list[Result], out: Path, new: ByHand | None = None
) -> None:
    """written.csv: one row for each answer that a person marks. What is filled in stays."""
    path, new = out / "written.csv", new or {}
    _table(path, list(_written_rows(assignment, results, _rows(path), new)))


def _written_rows(
    assignment: Assignment, results: list[Result], rows: list[dict[str, str]], new: ByHand
) -> Iterable[list]:
    kept = {(row["key"], row["question"]): row for row in rows}
    yield ["key", "student", "question", "possible", "marks", "comment"]
    for question in assignment.written:
        for result in results:
            if result["answers"][question.name]:
                place = key(result), question.name
                old = kept.get(place, {})
                line = [place[0], result["student"], question.name, question.marks]
                yield [*line, new.get(place, old.get("marks", "")), old.get("comment", "")]


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def _written_marks(assignment: Assignment, path: Path) -> ByHand:
    possible = {question.name: question.marks for question in assignment.written}
    found = {}
    for number, row in enumerate(_rows(path), 2):
        text = (row["marks"] or "").strip().replace(",", ".")
        if text:
            try:
                marks = float(text)
            except ValueError:
                marks = -1.0
            if not 0 <= marks <= possible.get(row["question"], 0):
                raise ValueError(
                    f"{path}, line {number}: marks are {text!r}, expected a number from 0 to "
                    f"{possible.get(row['question'], 0)}"
                )
            found[row["key"], row["question"]] = marks
    return found


# ---------------------------------------------------------------- platforms
def _canvas_rows(
    grader: Grader, results: list[Result], by_hand: ByHand, roster: Path | None
) -> Iterable[list]:
    """Canvas imports a column of marks beside its own identity columns."""
    assignment = grader.assignment
    same = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    exported = _rows(roster) if roster else []
    column = (
        next((c for c in exported[0] if c.startswith(title(assignment))), "") if exported else ""
    )
    yield [*same, column or title(assignment)]
    possible = sum(question.marks for question in assignment.questions)
    yield ["    Points Possible", "", "", "", "", possible]
    people = {}
    for row in exported:
        for name in ("ID", "SIS Login ID", "SIS User ID", "Student"):
            people.setdefault(row.get(name) or None, row)
    for result in results:
        marks = complete(assignment, result, by_hand)
        row = people.get(result["lms_id"] or None) or people.get(result["student"])
        if row:
            yield [*(row.get(name, "") for name in same), marks]
        else:
            yield [result["student"], result["lms_id"], "", "", "", marks]


def canvas(grader: Grader, results: list[Result], out: Path, roster: Path) -> None:
    """canvas.csv again, with the identity columns of a gradebook that Canvas exported."""
    by_hand = _written_marks(grader.assignment, out / "written.csv")
    _table(out / "canvas.csv", _canvas_rows(grader, results, by_hand, roster))


def gradescope(assignment: Assignment, result: Result, by_hand: ByHand) -> dict[str, Any]:
    """Gradescope's results.json. It holds what the feedback holds, and no more."""
    tests = []
    for number, question in enumerate(assignment.questions, 1):
        if question in assignment.marked:
            for item in question.items:
                found = result["questions"][question.name]["items"][item.name]
                tests.append(
                    _test(f"{number}. {item.says}", found["marks"], item.marks, found["why"])
                )
        elif (key(result), question.name) in by_hand:
            marks = by_hand[key(result), question.name]
            tests.append(_test(f"{number}. {question.says}", marks, question.marks, ""))
    return {"tests": tests, "visibility": "visible", "stdout_visibility": "hidden"}


def _test(name: str, score: float, possible: float, why: str) -> dict[str, Any]:
    return {"name": name, "score": score, "max_score": possible, "output": why}


def _about(grader: Grader, isolated: bool) -> dict[str, Any]:
    """What it takes to grade the same way again."""
    return {
        "assignment": grader.assignment.name,
        "seed": grader.seed,
        "isolation": "bubblewrap" if isolated else "none",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("numpy", "sympy", "mpmath")},
    }
