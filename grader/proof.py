"""Grade the graders: the solution has full marks, the blank none, each version its own.

python -m grader.proof 03            in this process: fast, for the author's own code only
python -m grader.proof 03 --sandbox  as submissions are graded
"""

from __future__ import annotations

import argparse
import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

from grader import child, sandbox, source
from grader.grade import Grader, Runner, sandboxed
from grader.marks import ASSIGNMENTS, Assignment, Question, load, names
from grader.sandbox import Answers, Limits
from grader.values import BadValue, decode


def here(job: dict, asks: list[dict], packages: tuple[str, ...], limits: Limits) -> Answers:
    """Run a job in this process. Never for a student's code."""
    found = Answers()

    def take(line: dict) -> None:
        if line.get("ready") is False:
            raise RuntimeError(f"the set-up of the assignment fails: {line['error']}")
        if "cell" in line:
            found.cells.append(line["cell"])
        elif "error" in line and "ask" in line:
            found.errors[line["ask"]] = line["error"]
        elif "value" in line:
            with contextlib.suppress(BadValue):
                found.values[line["ask"]] = decode(line["value"])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child.answer(job, lambda: asks, take)
    return found


def faults(assignment: Assignment, seed: int, run: Runner = here) -> Iterator[str]:
    """Everything in which the marks are not what the author says that they are."""
    grader = Grader(assignment, seed, run)
    cells = source.read(assignment.folder / "assignment.py")
    solved = {cell.name: source.solved(cell) for cell in cells if cell.kind == "answer"}
    for question in assignment.marked:
        yield from _fault(grader, question, solved[question.name], (), "the solution")
        everything = tuple(item.name for item in question.items)
        blank = grader.blank[question.name] + "\n"  # not recognized as blank: it is run
        yield from _fault(grader, question, blank, everything, "the blank")
    asked = {question.name: question for question in assignment.marked}
    for version in source.versions(assignment.folder / "versions.py"):
        where = asked[version.question]
        yield from _fault(grader, where, version.source, version.loses, version.says)


def _fault(grader: Grader, question: Question, code: str, loses: tuple[str, ...], says: str):
    found = grader.question(question, [code])
    lost = {name: item["why"] for name, item in found["items"].items() if item["why"]}
    if set(lost) != set(loses):
        should = ", ".join(loses) or "nothing"
        yield (
            f"{grader.assignment.name}, {question.name}, {says}: loses {lost or 'nothing'}, "
            f"should lose {should}; {'; '.join(found['notes'])}"
        )


def main() -> None:
    """Print the faults; exit 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m grader.proof", description=__doc__)
    parser.add_argument("assignment", nargs="*", help="names, or their beginnings; default all")
    parser.add_argument("--assignments", type=Path, default=ASSIGNMENTS)
    parser.add_argument("--sandbox", action="store_true")
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    if args.sandbox:
        sandbox.check()
    run, count = sandboxed(True) if args.sandbox else here, 0
    for name in args.assignment or names(args.assignments):
        assignment = load(name, args.assignments)
        for seed in args.seed:
            for fault in faults(assignment, seed, run):
                print(f"seed {seed}: {fault}")
                count += 1
        print(f"{assignment.name}: {count or 'no'} faults so far")
    raise SystemExit(bool(count))


if __name__ == "__main__":
    main()
