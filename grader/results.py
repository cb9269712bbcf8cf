"""What is known about one graded submission, and how it is kept."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from grader import source
from grader.marks import Assignment

Result = dict[str, Any]
ByHand = dict[tuple[str, str], float]  # marks by a person: (key of the student, question)


def file_key(student: str, lms_id: str) -> str:
    """A file name that two students never share."""
    safe = re.sub(r"[^A-Za-z0-9-]", "_", student)[:60]
    return f"{safe}-{hashlib.sha256(f'{student}/{lms_id}'.encode()).hexdigest()[:8]}"


def key(result: Result) -> str:
    """The file name of a student's pages."""
    return file_key(result["student"], result["lms_id"])


def total_of(result: Result, question: str) -> int:
    """The marks of the machine for one question."""
    return sum(item["marks"] for item in result["questions"][question]["items"].values())


def total(result: Result) -> int:
    """The marks of the machine."""
    return sum(total_of(result, question) for question in result["questions"])


def complete(assignment: Assignment, result: Result, by_hand: ByHand) -> float | None:
    """All marks, or None as long as some of them wait for a person."""
    marks = total(result)
    for question in assignment.written:
        if not result["answers"][question.name]:
            continue  # nothing written: nothing to wait for
        if (key(result), question.name) not in by_hand:
            return None
        marks += by_hand[key(result), question.name]
    return marks


def title(assignment: Assignment) -> str:
    """The first heading of the notebook."""
    first = source.read(assignment.folder / "assignment.py")[0].source
    return first.splitlines()[0].lstrip("# ")


def write_whole(path: Path, text: str) -> None:
    """All of the file or nothing of it, whenever the power goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    # What a student wrote may hold half a character, which UTF-8 has no bytes for.
    part.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    os.replace(part, path)
