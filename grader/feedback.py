"""Pages in HTML: feedback for a student, and the sheet from which a person marks."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from grader import source
from grader.marks import Assignment, Question
from grader.read import NOT_OURS
from grader.results import ByHand, Result, complete, hand, key, title, total

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem }}
tr {{ border-bottom: 1px solid #ccc }}
pre {{ white-space: pre-wrap; background: #f4f4f4; padding: .8rem }}
</style>
<h1>{title}</h1>
{body}
</html>
"""

NOTHING = "No notebook of this assignment was found in what you handed in."


def feedback(assignment: Assignment, result: Result, by_hand: ByHand) -> str:
    """What a student is told: marks by item and the kind of each loss; no input, no value."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in _for_the_student(result))
    body = (
        f"<p>{escape(result['student'])}: <strong>{_sum(assignment, result, by_hand)}</strong></p>"
        + (_table(assignment, result, by_hand) if _found(result) else f"<p>{NOTHING}</p>")
        + (f"<ul>{notes}</ul>" if notes else "")
    )
    return PAGE.format(title=escape(title(assignment)), body=body)


def _found(result: Result) -> bool:
    """Whether there is any answer cell; a table of seventeen missing ones says less than a line."""
    items = [item for each in result["questions"].values() for item in each["items"].values()]
    whys = {item["why"] for item in items}
    return any(result["answers"].values()) or whys != {"the answer cell is missing"}


def _for_the_student(result: Result) -> list[str]:
    """Notes on other files help only those of whom nothing was found."""
    noise = re.compile("|".join(f": {each}" for each in NOT_OURS))
    return [note for note in result["notes"] if not (result["file"] and noise.search(note))]


def _sum(assignment: Assignment, result: Result, by_hand: ByHand) -> str:
    most = sum(question.marks for question in assignment.questions)
    whole = complete(assignment, result, by_hand)
    if whole is not None:
        return f"{whole:g} of {most} marks"
    hands = {question: hand(result, question, by_hand) for question in assignment.written}
    come = sum(question.marks for question, marks in hands.items() if marks is None)
    so_far = total(result) + sum(marks or 0 for marks in hands.values())
    return f"{so_far:g} of {most - come} marks so far, {come} to come"


def _table(assignment: Assignment, result: Result, by_hand: ByHand) -> str:
    heads = "<tr><th>Question</th><th>What was looked at</th><th>Marks</th><th>Why</th></tr>"
    rows = []
    for number, question in enumerate(assignment.questions, 1):
        if isinstance(question, Question):
            for item in question.items:
                found = result["questions"][question.name]["items"][item.name]
                rows.append(_row(number, item.says, found["marks"], item.marks, found["why"]))
        else:
            marks = hand(result, question, by_hand)
            why = "" if result["answers"][question.name] else "no answer"
            if marks is None:
                rows.append(_row(number, question.says, "-", question.marks, "not marked yet"))
            else:
                rows.append(_row(number, question.says, f"{marks:g}", question.marks, why))
    return "\n".join(["<table>", heads, *rows, "</table>"])


def _row(*entries: Any) -> str:
    number, says, marks, possible, why = (_code(str(each)) for each in entries)
    return f"<tr><td>{number}</td><td>{says}</td><td>{marks} of {possible}</td><td>{why}</td></tr>"


def _code(text: str) -> str:
    """Names in backticks, as the assignments write them, in the letters of code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def sheet(assignment: Assignment, results: list[Result]) -> str:
    """The mark scheme of each written question, and all answers to it. For instructors alone."""
    parts = ["<p>Put the marks into written.csv; the keys are the same.</p>"]
    cells = {cell.name: cell for cell in source.read(assignment.folder / "assignment.py")}
    for question in assignment.written:
        parts.append(f"<h2>{question.name}: {_code(question.says)}, {question.marks} marks</h2>")
        parts.append(f"<pre>{escape(source.scheme(cells[question.name]))}</pre>")
        for result in results:
            text = result["answers"][question.name]
            name = escape(f"{result['student']} ({key(result)})")
            parts.append(f"<h3>{name}</h3>\n<pre>{escape(text or 'no answer')}</pre>")
    return PAGE.format(title=escape(title(assignment)), body="\n".join(parts))
