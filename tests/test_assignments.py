"""The graders are graded: of every assignment, each answer has the marks that it should have."""

from __future__ import annotations

import ast
import json
import os
import re
import time

import nbformat
import pytest

from grader import build, sandbox, source
from grader.grade import Grader, everyone, sandboxed
from grader.marks import ASSIGNMENTS, ROOT, Assignment, Question, load, names
from grader.proof import faults, here
from grader.read import Submission
from grader.results import total

SLOW = "LOSSBOOK_SLOW" in os.environ
SEEDS = range(20) if SLOW else (0,)  # weekly.yml tries them all
ALLOWED_METADATA = {"assignment", "deletable", "display_name", "editable", "grade", "grade_id"}
ALLOWED_METADATA |= {"kernelspec", "language", "locked", "lossbook", "name", "nbgrader", "points"}
ALLOWED_METADATA |= {"schema_version", "solution", "task"}
each = pytest.mark.parametrize("name", names())

try:
    sandbox.check()
    WHY_NOT = ""
except sandbox.NoSandbox as problem:
    WHY_NOT = str(problem)


@each
@pytest.mark.parametrize("seed", SEEDS)
def test_marks_are_what_they_should_be(name, seed):
    assert list(faults(load(name), seed)) == []


@pytest.mark.skipif(not SLOW, reason="minutes: LOSSBOOK_SLOW=1")
@each
def test_marks_are_the_same_in_the_sandbox(name):
    assert list(faults(load(name), 99, sandboxed(True))) == []


@pytest.mark.skipif(bool(WHY_NOT), reason="no sandbox on this machine")
@each
def test_the_solution_and_the_blank_in_the_sandbox(name):
    assignment = load(name)
    grader = Grader(assignment, 5, sandboxed(True))
    texts = [build.text(assignment, with_solutions=True), build.text(assignment)]
    solved, blank = (grader.submission(Submission("a", content=t.encode())) for t in texts)
    assert total(solved) == sum(question.marks for question in assignment.marked), solved
    assert total(blank) == 0 and not any(blank["answers"].values())


@each
def test_an_assignment_is_whole(name):
    assignment = load(name)
    assert (ROOT / f"book/{name}.ipynb").exists(), "named as its chapter"
    assert sum(question.marks for question in assignment.questions) == 20
    assert 4 <= len(assignment.marked) <= 6 and len(assignment.written) == 1
    assert sum("sympy" in question.packages for question in assignment.marked) >= 1
    assert not any("lossbook" in question.packages for question in assignment.marked)
    text = (assignment.folder / "assignment.py").read_text(encoding="utf-8")
    assert "What is wrong with" in text


@each
def test_every_item_has_a_wrong_version_and_every_question_an_equal_one(name):
    assignment = load(name)
    versions = source.versions(assignment.folder / "versions.py")
    for question in assignment.marked:
        mine = [version for version in versions if version.question == question.name]
        lost = {item for version in mine for item in version.loses}
        assert lost == {item.name for item in question.items}, f"{question.name}: {lost}"
        assert any(not version.loses for version in mine), f"{question.name} has no equal version"
        assert sum(bool(version.loses) for version in mine) >= 2, question.name


@each
def test_versions_name_sections_of_the_chapter(name):
    """A failure in brackets, as (bce-eps), is a label of the chapter."""
    chapter = json.loads((ROOT / f"book/{name}.ipynb").read_text(encoding="utf-8"))
    text = "\n".join("".join(cell["source"]) for cell in chapter["cells"])
    labels = re.findall(r"(?m)^(?:\(([\w-]+)\)=|.*\$\$ \(([\w-]+)\)|:label: ([\w-]+))$", text)
    labels = {label for each in labels for label in each if label}
    for version in source.versions(load(name).folder / "versions.py"):
        for label in re.findall(r"\(([a-z]+-[a-z-]+)\)$", version.says):
            assert label in labels, f"{name} has no label {label}"


@each
def test_the_student_version_is_built_and_the_same_every_time(name):
    stored = (ASSIGNMENTS / f"student/{name}.ipynb").read_bytes()
    assert stored == build.text(load(name)).encode(), "make course"


@each
def test_the_student_version_gives_nothing_away(name):
    """Every line of it is in a cell that students may see, a blank, or a list of items."""
    assignment = load(name)
    made = nbformat.reads(build.text(assignment), as_version=4)
    shown = "\n".join(cell.source for cell in made.cells)
    assert not re.search(r"SOLUTION|MARK SCHEME|HIDDEN", shown)
    assert not any(cell.get("outputs") for cell in made.cells)
    allowed = {build.AUTOMATIC, ""}
    for cell in source.read(assignment.folder / "assignment.py"):
        text = source.blank(cell) if cell.kind in source.ANSWERS else cell.source
        allowed |= set(text.splitlines())
    for question in assignment.marked:
        allowed |= {f"- {item.says}: {item.marks}" for item in question.items}
    assert set(shown.splitlines()) <= allowed
    metadata = json.dumps([made.metadata, *(cell.metadata for cell in made.cells)])
    assert set(re.findall(r'"(\w+)":', metadata)) <= ALLOWED_METADATA


@each
def test_the_student_version_is_a_notebook_that_runs_without_its_answers(name):
    """Valid, locked where it should be, and its checks pass on the solution."""
    assignment = load(name)
    made = nbformat.reads(build.text(assignment), as_version=4)
    nbformat.validate(made)
    ids = [cell.metadata.nbgrader.grade_id for cell in made.cells]
    assert len(set(ids)) == len(ids)
    points = [cell.metadata.nbgrader.get("points", 0) for cell in made.cells]
    assert sum(points) == 20
    space: dict = {}
    solved = nbformat.reads(build.text(assignment, with_solutions=True), as_version=4)
    for cell in solved.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), space)


@each
def test_nothing_extra_is_needed(name):
    """Students have NumPy and SymPy, as Colab does; torch only where a question allows it."""
    assignment = load(name)
    allowed = {package for question in assignment.marked for package in question.packages}
    allowed |= {"math", "itertools", "functools"}
    for cell in source.read(assignment.folder / "assignment.py"):
        if cell.is_code:
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    found = [getattr(node, "module", None), *(a.name for a in node.names)]
                    assert (found[0] or found[1]).split(".")[0] in allowed


def test_building_says_what_does_not_fit(tmp_path):
    folder = tmp_path / "01-x"
    folder.mkdir()
    path = folder / "assignment.py"
    question = Question("q1", ())
    for text, said in (
        ("# %% anwser q1\n", "no kind of cell"),
        ("# %% answer q1\nx = 1\n", "no solution"),
        ("# %% [markdown] written q1\n# x\n", "no mark scheme"),
        ("# %% [markdown]\n# ## 1. A (3 marks)\n", "the source asks"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=said):
            build.notebook(Assignment(folder, (question,)))


@pytest.mark.skipif(not SLOW or bool(WHY_NOT), reason="minutes: LOSSBOOK_SLOW=1, and a sandbox")
def test_thirty_honest_submissions_take_three_minutes(tmp_path):
    assignment = load("03")
    content = build.text(assignment, with_solutions=True).encode()
    given = [Submission(f"student {n}", content=content) for n in range(30)]
    start = time.monotonic()
    results = everyone(Grader(assignment, 1, sandboxed(True)), given, tmp_path)
    assert time.monotonic() - start < 180
    assert {total(result) for result in results} == {16}


def test_a_fault_is_found():
    """The proof itself is tried: with a wrong list of losses it speaks."""
    assignment = load("03")
    question = assignment.marked[0]
    wrong = Grader(assignment, 1, here).question(question, ["def bits(z, a, b):\n    return z"])
    assert all(item["why"] for item in wrong["items"].values())
