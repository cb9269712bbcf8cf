"""Grade submissions: one process for each question, one row for each student, nothing lost."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from grader import judge, sandbox, source
from grader.marks import Ask, Assignment, Item, Question
from grader.read import Submission, answers
from grader.results import Result, basis, file_key, total, write_whole
from grader.sandbox import Answers, Limits
from grader.values import BadValue, encode

MISSING = re.compile(r"ModuleNotFoundError: No module named '(\w{1,40})[.\w]*'")
IMPORT = re.compile(r"(?:import|from) (\w+)")
LONGEST = 100_000  # letters of an answer, or of a set-up cell
BUILT_IN = re.compile(r"\w*(Error|Exit|Interrupt|Warning|Iteration)")
Runner = Callable[[dict, list[dict], tuple[str, ...], Limits], Answers]
Drawn = dict[tuple[str, str], list[Ask]]


class Grader:
    """An assignment, a seed and a way to run code; `submission` grades one student."""

    def __init__(self, assignment: Assignment, seed: int, run: Runner):
        self.assignment, self.seed, self.run = assignment, seed, run
        self.stopped = False
        self.drawn: Drawn = assignment.drawn(seed)
        cells = source.read(assignment.folder / "assignment.py")
        self.setup = "\n".join(cell.source for cell in cells if cell.kind == "setup")
        self.places = [source.place(n) for n, c in enumerate(cells, 1) if c.kind == "setup"]
        self.blank = {c.name: source.blank(c) for c in cells if c.kind in source.ANSWERS}

    def submission(self, given: Submission) -> Result:
        """All that is known about one submission, as JSON can hold it."""
        start, notes = time.monotonic(), list(given.notes)
        cells: dict[str, list[str]] = {}
        if given.content is not None:
            try:
                cells = answers(given.content)
            except BadValue as problem:
                notes.append(f"the file cannot be read as a notebook: {problem}")
        added = self._added(cells)
        marked = self.assignment.marked
        questions = {q.name: self.question(q, cells.get(q.name), added) for q in marked}
        names = [question.name for question in self.assignment.questions]
        return {
            "student": given.student,
            "lms_id": given.lms_id,
            "file": given.file,
            "notes": notes,
            "questions": questions,
            "answers": {name: self._text(name, cells.get(name)) for name in names},
            "seconds": round(time.monotonic() - start, 2),
        }

    def question(
        self, question: Question, cells: list[str] | None, added: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Marks by item, with the reason of each loss, and notes for the instructor.

        `added` is the student's set-up cell, of which only the imports are run.
        """
        if self.stopped:
            raise InterruptedError("grading was stopped")
        if not cells:
            return _nothing(question, "the answer cell is missing")
        if cells == [self.blank[question.name]]:
            return _nothing(question, "no answer")
        if sum(map(len, cells)) > LONGEST:
            return _nothing(question, f"longer than {LONGEST} letters")
        asks = [ask for item in question.items for ask in self.drawn[question.name, item.name]]
        requests = [{"expression": ask.expression, "inputs": _inputs(ask)} for ask in asks]
        setup = "\n".join(line for line in self.setup.splitlines() if _has(question, line))
        job = {"setup": setup, "added": added, "cells": cells}
        found = self.run(job, requests, question.packages, Limits(seconds=question.seconds))
        if self.stopped:  # it was ended: what came back says nothing of the answer
            raise InterruptedError("grading was stopped")
        notes = [*found.cells, *([found.note] if found.note else [])]
        if len(cells) > 1:
            notes.append(f"{len(cells)} cells of this name, run in order")
        code = "\n".join(cells)
        items, number = {}, 0
        for item in question.items:
            why = ""
            for ask in self.drawn[question.name, item.name]:
                why = why or _why(found, number, ask, item, code, notes)
                number += 1
            items[item.name] = {"marks": 0 if why else item.marks, "of": item.marks, "why": why}
        return {"items": items, "notes": list(dict.fromkeys(notes))}

    def _added(self, cells: dict[str, list[str]]) -> list[str]:
        """The student's set-up cell, if it is not ours nor too long to be looked at."""
        texts = [text for place in self.places for text in cells.get(place, [])]
        return texts if sum(map(len, texts)) <= LONGEST and texts != [self.setup] else []

    def _text(self, name: str, cells: list[str] | None) -> str:
        """What stands in an answer cell, for people to read; empty if it is untouched."""
        text = "\n\n".join(cells or []).strip()
        text = text.encode(errors="replace").decode()  # no half characters: files cannot hold them
        return "" if text == self.blank[name] else text[:50_000]


def _has(question: Question, line: str) -> bool:
    """Whether the question can run this line of ours: it imports nothing, or what is there."""
    package = IMPORT.match(line)
    return not package or package[1] in (*question.packages, *sys.stdlib_module_names)


def _why(found: Answers, number: int, ask: Ask, item: Item, code: str, notes: list[str]) -> str:
    """Why marks are lost. Nothing in it is what the student's code says, nor a value."""
    if number in found.values:
        return judge.wrong(found.values[number], ask, item.rtol, item.atol)
    if number not in found.errors:
        return found.note or "no value came back"
    error = found.errors[number]
    notes.append(error)  # for the instructor alone
    kind = error.partition(":")[0]
    if isinstance(ask.truth, type) and kind == ask.truth.__name__:
        return ""
    if kind == "BadValue":
        return "not an array or a number"
    if kind == "NameError" and found.cells:  # the name would be there, had the cell run
        return _stopped(found.cells[0], code, "the cell stops")
    return _stopped(error, code, "stopped")


def _stopped(error: str, code: str, how: str) -> str:
    """A package is named if the answer imports it by that name: nothing new can be in it."""
    missing = MISSING.match(error)
    if missing and any({"import", missing[1]} <= _words(line) for line in code.splitlines()):
        return f"{missing[1]} cannot be imported here"
    kind = error.partition(":")[0]
    return f"{how} with {kind}" if _is_built_in(kind) else f"{how} with an error"


def _words(line: str) -> set[str]:
    return set(re.findall(r"\w+", line))


def _is_built_in(name: str) -> bool:
    return hasattr(__import__("builtins"), name) and bool(BUILT_IN.fullmatch(name))


def _nothing(question: Question, why: str) -> dict[str, Any]:
    items = {item.name: {"marks": 0, "of": item.marks, "why": why} for item in question.items}
    return {"items": items, "notes": []}


def _inputs(ask: Ask) -> dict[str, dict]:
    """Arrays with dtype and shape; strings, numbers and lists of them as they are."""
    plain = (str, int, float, bool, list, dict, type(None))
    return {
        name: {"plain": value} if isinstance(value, plain) else {"array": encode(value)}
        for name, value in ask.inputs.items()
    }


# ---------------------------------------------------------------- a class
def sandboxed(isolated: bool) -> Runner:
    """The way to run code that the command uses."""
    return lambda *job: sandbox.run(*job, isolated=isolated)


def everyone(
    grader: Grader,
    given: list[Submission],
    out: Path,
    jobs: int = 2,
    isolated: bool = True,
    say: Callable[[str], None] = print,
) -> list[Result]:
    """Grade all, keeping each result on disk as it comes: what is done is not done again."""
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    same = {"seed": grader.seed, "isolated": isolated, "marks": basis(grader.assignment)}
    possible = sum(question.marks for question in grader.assignment.marked)
    results: dict[str, Result] = {}
    pool = ThreadPoolExecutor(jobs)
    waiting = {pool.submit(_kept, grader, each, work, same): each for each in given}
    try:
        for done, future in enumerate(as_completed(waiting), 1):
            student = waiting[future].student
            results[_key(waiting[future])] = result = future.result()
            say(f"[{done}/{len(given)}] {student}: {total(result):g} of {possible}")
    finally:
        grader.stopped = len(results) < len(given)  # questions that have not begun do not begin
        if grader.stopped:
            sandbox.stop()
        pool.shutdown(wait=True, cancel_futures=True)
    return [results[_key(each)] for each in given]


def _kept(grader: Grader, given: Submission, work: Path, same: dict) -> Result:
    path = work / f"{_key(given)}.json"
    same = same | {"notebook": given.fingerprint, "notes": given.notes}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["basis"] == same:
            return kept["result"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    result = grader.submission(given)
    write_whole(path, json.dumps({"basis": same, "result": result}, indent=1))
    return result


def _key(given: Submission) -> str:
    return file_key(given.student, given.lms_id)
