"""The words in which an assignment says what it asks for, and what each answer is worth."""

from __future__ import annotations

import importlib.util
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ROOT / "assignments"


class Ask:
    """One request: an expression in the student's names, its inputs, and what must come back.

    ``Ask("loss(z, y)", truth, z=z, y=y)``. `truth` is an array, a number, a tuple of such, or
    a function that is given the answer and says whether it is right (or, as a string that the
    student reads, why it is not), or the class of the error that must be raised. It never
    leaves this process. Inputs are arrays, numbers, strings, or lists of these.
    """

    def __init__(self, expression: str, truth: Any, dtype: str | None = None, **inputs: Any):
        self.expression, self.truth, self.dtype, self.inputs = expression, truth, dtype, inputs


@dataclass(frozen=True)
class Item:
    """Marks that are earned together: all requests right, or none.

    `says` is printed in the student's notebook and feedback: name what is looked at, without
    a number that would give it away.
    """

    name: str
    marks: int
    says: str
    draw: Callable[[np.random.Generator], list[Ask]]
    rtol: float = 1e-9
    atol: float = 0.0


@dataclass(frozen=True)
class Question:
    """A question that the machine marks. Only `packages` can be imported by the answer."""

    name: str
    items: tuple[Item, ...]
    packages: tuple[str, ...] = ("numpy",)
    seconds: float = 20.0

    @property
    def marks(self) -> int:
        return sum(item.marks for item in self.items)


@dataclass(frozen=True)
class Written:
    """A question that a person marks; the mark scheme stands in the assignment's source."""

    name: str
    marks: int
    says: str


@dataclass(frozen=True)
class Assignment:
    """A folder of assignments/: its name, and its questions in order."""

    folder: Path
    questions: tuple[Question | Written, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def marked(self) -> list[Question]:
        return [each for each in self.questions if isinstance(each, Question)]

    @property
    def written(self) -> list[Written]:
        return [each for each in self.questions if isinstance(each, Written)]

    def drawn(self, seed: int) -> dict[tuple[str, str], list[Ask]]:
        """The requests of each item. An item's draw does not depend on the other items."""
        found = {}
        for question in self.marked:
            for item in question.items:
                place = zlib.crc32(f"{self.name}/{question.name}/{item.name}".encode())
                found[question.name, item.name] = item.draw(np.random.default_rng([seed, place]))
        return found


def names(folder: Path = ASSIGNMENTS) -> list[str]:
    """All assignments of a folder, in order."""
    return sorted(path.parent.name for path in folder.glob("*/marks.py"))


def load(name: str, folder: Path = ASSIGNMENTS) -> Assignment:
    """An assignment by its name or the beginning of it, such as 03."""
    found = [each for each in names(folder) if each.startswith(name)]
    if len(found) != 1:
        raise ValueError(f"{name!r} names {len(found)} assignments of {', '.join(names(folder))}")
    path = folder / found[0] / "marks.py"
    spec = importlib.util.spec_from_file_location(f"marks_{found[0]}".replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickling of tests look there
    spec.loader.exec_module(module)
    return Assignment(folder / found[0], tuple(module.QUESTIONS))
