"""What is known about one graded submission, and how it is kept."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

from grader import source
from grader.marks import Assignment, Written

Result = dict[str, Any]
ByHand = dict[tuple[str, str], float]  # marks by a person: (key of the student, question)


def file_key(student: str, lms_id: str) -> str:
    """A file name that two students never share, and that no other student's coming changes."""
    safe = re.sub(r"[^A-Za-z0-9-]", "_", student)[:60].lstrip("-")  # tables quote a first minus
    digest = hashlib.sha256(student.encode(errors="replace")).hexdigest()[:12]
    number = f"id{lms_id}-" if lms_id else ""
    return f"{safe}-{number}{digest}"


def key(result: Result) -> str:
    """The file name of a student's pages."""
    return file_key(result["student"], result["lms_id"])


def versions(assignment: Assignment) -> dict[str, str]:
    """The packages on which the marks depend."""
    names = {"numpy", "sympy", "mpmath"}.union(*(each.packages for each in assignment.marked))
    found = {}
    for name in sorted(names):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def basis(assignment: Assignment) -> str:
    """A digest of all on which the marks depend, but for the seed and what is handed in."""
    ours = Path(__file__).parent.glob("*.py")
    theirs = [path for path in assignment.folder.rglob("*") if _counts(path, assignment.folder)]
    files = [(path.name, path.read_bytes()) for path in sorted([*ours, *theirs])]
    all_of_it = platform.python_version(), versions(assignment), files
    return hashlib.sha256(repr(all_of_it).encode()).hexdigest()


def _counts(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
    return path.is_file() and not hidden and path.name != "versions.py"


def fingerprint(answer: str) -> str:
    """Of an answer that a person marks. It begins with a letter: 12e4567 is a number to tables."""
    return answer and f"a{hashlib.sha256(answer.encode()).hexdigest()[:11]}"


def total_of(result: Result, question: str) -> int:
    """The marks of the machine for one question."""
    return sum(item["marks"] for item in result["questions"][question]["items"].values())


def total(result: Result) -> int:
    """The marks of the machine."""
    return sum(total_of(result, question) for question in result["questions"])


def hand(result: Result, question: Written, by_hand: ByHand) -> float | None:
    """The marks that a person gave; 0 if nothing was written, None as long as that waits."""
    nothing = None if result["answers"][question.name] else 0
    return by_hand.get((key(result), question.name), nothing)


def complete(assignment: Assignment, result: Result, by_hand: ByHand) -> float | None:
    """All marks, or None as long as some of them wait for a person."""
    hands = [hand(result, question, by_hand) for question in assignment.written]
    return None if None in hands else total(result) + sum(hands)


def title(assignment: Assignment) -> str:
    """The first heading of the notebook."""
    first = source.read(assignment.folder / "assignment.py")[0].source
    return first.splitlines()[0].lstrip("# ")


def write_whole(path: Path, text: str) -> None:
    """All of the file or nothing of it, whenever the power goes and whoever else writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{uuid4().hex}.part")
    try:
        # What a student wrote may hold half a character, which UTF-8 has no bytes for.
        part.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Two runs in one folder would write over each other's marks: the second is refused."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            pass
        except BlockingIOError:
            raise ValueError(f"another run writes into {out}: wait for its end") from None
        yield
