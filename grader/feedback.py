"""Pages in HTML: feedback for a student, and the sheet from which a person marks."""

from __future__ import annotations

from html import escape
from typing import Any

from grader import source
from grader.marks import Assignment, Question
from grader.results import ByHand, Result, complete, key, title

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


def feedback(assignment: Assignment, result: Result, by_hand: ByHand) -> str:
    """What a student is told: marks by item and the kind of each loss; no input, no value."""
    rows = []
    for number, question in enumerate(assignment.questions, 1):
        if isinstance(question, Question):
            for item in question.items:
                found = result["questions"][question.name]["items"][item.name]
                rows.append(_row(number, item.says, found["marks"], item.marks, found["why"]))
        else:
            marks = by_hand.get((key(result), question.name))
            empty = not result["answers"][question.name]
            why = "no answer" if empty else "" if marks is not None else "not marked yet"
            marks = 0 if empty else "" if marks is None else f"{marks:g}"
            rows.append(_row(number, question.says, marks, question.marks, why))
    whole = complete(assignment, result, by_hand)
    most = sum(question.marks for question in assignment.questions)
    said = f"{whole:g} of {most} marks" if whole is not None else "Some marks are still to come."
    notes = "".join(f"<li>{escape(note)}</li>" for note in result["notes"])
    body = (
        f"<p>{escape(result['student'])}: <strong>{said}</strong></p>\n"
        "<table>\n<tr><th>Question</th><th>What was looked at</th><th>Marks</th><th>Why</th></tr>\n"
        + "\n".join(rows)
        + "\n</table>\n"
        + (f"<ul>{notes}</ul>" if notes else "")
    )
    return PAGE.format(title=escape(title(assignment)), body=body)


def _row(*entries: Any) -> str:
    number, says, marks, possible, why = (escape(str(each)) for each in entries)
    return f"<tr><td>{number}</td><td>{says}</td><td>{marks} of {possible}</td><td>{why}</td></tr>"


def sheet(assignment: Assignment, results: list[Result]) -> str:
    """The mark scheme of each written question, and all answers to it. For instructors alone."""
    parts = ["<p>Put the marks into written.csv; the keys are the same.</p>"]
    cells = {cell.name: cell for cell in source.read(assignment.folder / "assignment.py")}
    for question in assignment.written:
        parts.append(f"<h2>{question.name}: {escape(question.says)}, {question.marks} marks</h2>")
        parts.append(f"<pre>{escape(source.scheme(cells[question.name]))}</pre>")
        for result in results:
            text = result["answers"][question.name]
            name = escape(f"{result['student']} ({key(result)})")
            parts.append(f"<h3>{name}</h3>\n<pre>{escape(text or 'no answer')}</pre>")
    return PAGE.format(title=escape(title(assignment)), body="\n".join(parts))
