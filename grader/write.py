"""Write the results: tables for the instructor, and what learning platforms read."""

from __future__ import annotations

import csv
import io
import json
import platform
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from grader.feedback import feedback, sheet
from grader.grade import Grader
from grader.marks import Assignment
from grader.read import printable
from grader.results import (
    ByHand,
    Result,
    complete,
    fingerprint,
    hand,
    key,
    title,
    total,
    versions,
    write_whole,
)

WRITTEN = ("key", "student", "question", "possible", "marks", "comment", "answer")
EARLIER = "for an earlier answer"
SAME = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")  # whom Canvas means


def everything(
    grader: Grader, results: list[Result], out: Path, isolated: bool, roster: Path | None = None
) -> list[str]:
    """Write all files of a graded class; returns what there is to say."""
    assignment = grader.assignment
    stale = fill_written(assignment, results, out)
    by_hand = _written_marks(assignment, out / "written.csv")
    _table(out / "marks.csv", _marks_rows(grader, results, by_hand))
    left_out = canvas(assignment, results, by_hand, out, roster)
    write_whole(out / "written.html", sheet(assignment, results))
    for result in results:
        name = key(result)
        page = feedback(assignment, result, by_hand)
        write_whole(out / "feedback" / f"{name}.html", page)
        scope = json.dumps(gradescope(assignment, result, by_hand), indent=1)
        write_whole(out / "gradescope" / f"{name}.json", scope + "\n")
    _remove_others({key(result) for result in results}, out)
    write_whole(out / "about.json", json.dumps(_about(grader, isolated), indent=1) + "\n")
    waiting = sum(complete(assignment, each, by_hand) is None for each in results)
    said = [f"Marks are in {out / 'marks.csv'}, a page for each student in {out / 'feedback'}."]
    if waiting:
        said.append(
            f"{waiting} submissions wait for marks by hand: read {out / 'written.html'}, fill in "
            f"{out / 'written.csv'}, and run the same command again."
        )
    if stale:
        said.append(
            f"{len(stale)} written answers have changed since they were marked. The old marks are "
            f"among the comments of {out / 'written.csv'}: {'; '.join(stale)}."
        )
    if left_out:
        said.append(f"Not in canvas.csv, enter by hand: {'; '.join(left_out)}.")
    return said


def _remove_others(keys: set[str], out: Path) -> None:
    """A page of an earlier run that is nobody's now would be handed out by mistake."""
    for page in [*(out / "feedback").glob("*.html"), *(out / "gradescope").glob("*.json")]:
        if page.stem not in keys:
            page.unlink()


# ---------------------------------------------------------------- tables
def _table(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(each) for each in row] for row in rows)
    write_whole(path, text.getvalue())


def _cell(value: Any) -> Any:
    """Text on one line, that a spreadsheet does not take for a formula."""
    if not isinstance(value, str):
        return "" if value is None else value
    value = printable(value, " ")
    first = unicodedata.normalize("NFKC", value.lstrip()[:1])  # of full width, too
    return "'" + value if first.startswith(("=", "+", "-", "@")) else value


def _theirs(text: str) -> str:
    """Text of a student, without what begins a new cell where a comma is in the numbers."""
    return text.replace(";", ",")


def _marks_rows(grader: Grader, results: list[Result], by_hand: ByHand) -> Iterable[list]:
    assignment = grader.assignment
    items = [(q.name, item.name) for q in assignment.marked for item in q.items]
    written = assignment.written
    heads = [f"{question}/{item}" for question, item in items]
    yield [
        "student",
        "lms_id",
        *heads,
        "by machine",
        *[q.name for q in written],
        "total",
        "file",
        "notes",
    ]
    possible = [item.marks for q in assignment.marked for item in q.items]
    hands = [question.marks for question in written]
    line = [*possible, sum(possible), *hands, sum(possible) + sum(hands)]
    yield ["(possible)", "", *line, "", ""]
    for result in results:
        found = [result["questions"][question]["items"][item]["marks"] for question, item in items]
        hands = [hand(result, question, by_hand) for question in written]
        notes = list(result["notes"])
        for name, question in result["questions"].items():
            notes += [f"{name}: {note}" for note in question["notes"]]
        line = [_theirs(result["student"]), result["lms_id"], *found, total(result), *hands]
        texts = [_theirs(result["file"]), _theirs(" | ".join(notes))]
        yield [*line, complete(assignment, result, by_hand), *texts]


def fill_written(
    assignment: Assignment, results: list[Result], out: Path, new: ByHand | None = None
) -> list[str]:
    """written.csv: one row for each answer that a person marks. What is filled in stays.

    But for marks of an answer that has changed: they become a comment. Returns whose.
    """
    path, new, rows, stale = out / "written.csv", new or {}, [], []
    kept = {(row["key"], row["question"]): row for row in _rows(path, WRITTEN)}
    for question in assignment.written:
        for result in results:
            place, answer = (key(result), question.name), result["answers"][question.name]
            old = kept.pop(place, dict.fromkeys(WRITTEN, ""))
            marks, comment, now = old["marks"], old["comment"], fingerprint(answer)
            if marks and old["answer"] != now:
                stale.append(f"{place[0]}, {question.name}")
                marks, comment = "", f"{marks} {EARLIER}. {comment}".strip()
            if answer or marks or comment:
                line = [place[0], _theirs(result["student"]), question.name, question.marks]
                rows.append([*line, new.get(place, marks), comment, now])
    for old in kept.values():  # a student who is not in this run: the marks are work, and stay
        if old["marks"] or old["comment"]:
            rows.append([old[name] for name in WRITTEN])
    _table(path, [WRITTEN, *rows])
    return stale


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """A table as spreadsheets save it: with commas, semicolons or tabs, in their encodings."""
    if not path.exists():
        return []
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval=""))
    missing = [name for name in columns if name not in (rows[0] if rows else first)]
    if missing:
        raise ValueError(f"{path}: no column {', '.join(missing)}; the first line is {first!r}")
    return rows


def _written_marks(assignment: Assignment, path: Path) -> ByHand:
    possible = {question.name: question.marks for question in assignment.written}
    found = {}
    for number, row in enumerate(_rows(path, WRITTEN), 2):
        text = row["marks"].strip().replace(",", ".")
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
def canvas(
    assignment: Assignment, results: list[Result], by_hand: ByHand, out: Path, roster: Path | None
) -> list[str]:
    """canvas.csv, which Canvas imports: a column of marks beside its own identity columns.

    Those are taken from the roster, a gradebook that Canvas exported. Returns the names of those
    whom it would have to guess.
    """
    exported = gradebook(roster) if roster else []
    people = {key(each): _person(each, exported) if roster else _named(each) for each in results}
    claims = Counter(person["ID"] for person in people.values() if person and person["ID"])
    heads = [name for name in (exported[0] if exported else ()) if name]
    column = next((name for name in heads if name.startswith(title(assignment))), title(assignment))
    possible = sum(question.marks for question in assignment.questions)
    rows, left_out = [[*SAME, column], ["    Points Possible", "", "", "", "", possible]], []
    for result in results:
        person = people[key(result)]
        if person and claims[person["ID"]] < 2:
            marks = complete(assignment, result, by_hand)
            rows.append([*(person.get(name, "") for name in SAME), marks])
        else:
            why = f"the number {person['ID']} is claimed twice" if person else "not in the export"
            left_out.append(f"{_theirs(result['student'])} ({why})")
    _table(out / "canvas.csv", rows)
    return left_out


def gradebook(roster: Path) -> list[dict[str, str]]:
    """What Canvas exported; an error if it is not that."""
    if not roster.exists():
        raise ValueError(f"{roster} does not exist: give a gradebook exported by Canvas")
    exported = _rows(roster, ("Student", "ID"))
    if not exported:
        raise ValueError(f"{roster} names no students")
    return exported


def _named(result: Result) -> dict[str, str]:
    return {"Student": _theirs(result["student"]), "ID": result["lms_id"]}


def _person(result: Result, exported: list[dict[str, str]]) -> dict[str, str] | None:
    """Canvas's row of this student, if there is one and no other."""
    if result["lms_id"]:  # a number of another column is another student's
        found = [row for row in exported if row["ID"] == result["lms_id"]]
    else:
        names = ("SIS Login ID", "SIS User ID", "Student")
        found = [r for r in exported if result["student"] in [r.get(name) for name in names]]
    return found[0] if len(found) == 1 else None


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
        elif (marks := hand(result, question, by_hand)) is not None:
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
        "packages": versions(grader.assignment),
    }
