"""The grader gives the right marks, whatever is handed in, and loses nobody."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from class_of_attackers import (
    ARCHIVES,
    NOTEBOOKS,
    TABLE,
    attacks,
    handed_in,
    table,
    toy,
)
from grader import grade, judge, sandbox, write
from grader.grade import Grader, everyone, sandboxed
from grader.marks import Ask, load
from grader.proof import here
from grader.read import Submission, answers, submissions
from grader.results import total
from grader.values import BadValue, decode, encode, loads

HONEST = "def double(x):\n    return 2 * x\n"
NAME = "01-toy"

try:
    sandbox.check()
    WHY_NOT = ""
except sandbox.NoSandbox as problem:
    WHY_NOT = str(problem)

needs_sandbox = pytest.mark.skipif(bool(WHY_NOT), reason="no sandbox on this machine")


def test_the_sandbox_works_where_it_must():
    """.ci/run sets LOSSBOOK_SANDBOX, so that its tests are not skipped unnoticed."""
    if WHY_NOT and "LOSSBOOK_SANDBOX" not in os.environ:
        pytest.skip(WHY_NOT)
    assert not WHY_NOT, WHY_NOT


def submission(student: str, notebook: dict | bytes) -> Submission:
    content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    return Submission(student, file="toy.ipynb", content=content)


def marks(result: dict, question: str = "q1") -> int:
    return sum(item["marks"] for item in result["questions"][question]["items"].values())


# ------------------------------------------------------------------ attacks
@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> dict[str, dict]:
    """Everybody who attacks, and an honest student before and after them: one class."""
    names = [each.name for each in attacks()]
    sources = [each.source for each in attacks()]
    given = [
        submission(name, handed_in(q1=source, q2="number = 49", q4="Because."))
        for name, source in zip(["first", *names, "last"], [HONEST, *sources, HONEST], strict=True)
    ]
    out = tmp_path_factory.mktemp("attacked")
    grader = Grader(toy(), 1, sandboxed(True))
    results = everyone(grader, given, out, say=lambda line: None)
    write.everything(grader, results, out, True)
    return {"out": out} | {each["student"]: each for each in results}


@needs_sandbox
@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.name[:40])
def test_an_attack_earns_nothing_and_costs_nothing_else(attacked, attack):
    result = attacked[attack.name]
    assert marks(result) == 0, result["questions"]["q1"]
    assert marks(result, "q2") == 1, result["questions"]["q2"]
    said = json.dumps(result["questions"]["q1"])
    said = said.replace("stopped after", "killed, or stopped after")  # the clock of a busy machine
    for word in ("killed", "stopped after", "too much output", "SystemExit", "MemoryError"):
        assert word not in attack.outcome or word in said


@needs_sandbox
def test_honest_students_lose_nothing_to_attackers(attacked):
    assert marks(attacked["first"]) == marks(attacked["last"]) == 3
    assert not Path("/tmp/lossbook-was-here").exists()
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "/box/child.py" not in running


@needs_sandbox
def test_feedback_holds_no_text_of_the_code_no_input_and_no_formula(attacked):
    pages = [path.read_text() for path in (attacked["out"] / "feedback").iterdir()]
    assert len(pages) == len(attacks()) + 2
    inputs = [f"{x:.6f}" for ask in toy().drawn(1)["q1", "numbers"] for x in ask.inputs["x"]]
    for page in pages:
        assert "<script" not in page and "HYPERLINK" not in page
        assert not any(number in page for number in inputs)
        assert "because." not in page, "the mark scheme"
    with (attacked["out"] / "marks.csv").open() as file:
        for row in csv.reader(file):
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_the_table_of_attacks_is_what_is_tried():
    assert TABLE.read_text(encoding="utf-8") == table(), "python tests/class_of_attackers.py"


def test_not_stopped_and_said_so():
    known = toy().drawn(1)
    cases = [(a.inputs["x"], a.truth) for asks in known.values() for a in asks if "x" in a.inputs]
    lines = ""
    for x, truth in cases[:3]:
        truth = truth if np.shape(truth) == x.shape else truth[0]
        value = f"np.array({np.asarray(truth).tolist()})"
        lines += f"    if np.array_equal(x, {x.tolist()}): return {value}\n"
    cheat = f"def double(x):\n{lines}    return 0 * x"
    for seed, earned in ((1, 3), (2, 0)):
        found = Grader(toy(), seed, here).question(toy().marked[0], [cheat])
        assert sum(item["marks"] for item in found["items"].values()) == earned


# ------------------------------------------------------------------ notebooks
def one(notebook: dict | bytes) -> dict:
    return Grader(toy(), 3, here).submission(submission("one", notebook))


def cell(notebook: dict, name: str) -> dict:
    return next(each for each in notebook["cells"] if each["id"] == name)


def edited() -> dict:
    notebook = handed_in(q1="def double(x):\n    return 0 * x")
    for each in notebook["cells"]:
        each["metadata"].get("nbgrader", {}).update(points=100)
        if "assert" in each["source"]:
            each["source"] = "score = 100"
    return notebook


def deleted() -> dict:
    notebook = handed_in(q1=HONEST, q2="number = 49")
    notebook["cells"].remove(cell(notebook, "q1"))
    return notebook


def renamed() -> dict:
    notebook = handed_in(q1=HONEST, q2="number = 49")
    cell(notebook, "q1").update(id="mine", metadata={"nbgrader": {"grade_id": "mine"}})
    return notebook


def bare() -> dict:
    notebook = handed_in(q1=HONEST, q2="number = 49")
    for each in notebook["cells"]:
        each["metadata"] = {}
    return notebook


def twice() -> dict:
    notebook = handed_in(q1=HONEST, q2="number = 49")
    notebook["cells"].insert(0, cell(notebook, "q1") | {"source": "raise NotImplementedError()"})
    return notebook


def magic() -> dict:
    code = f"%matplotlib inline\n{HONEST}\n!ls\n%timeit double(2)\n"
    return handed_in(q1=code, q2="number = 49")


def other() -> dict:
    notebook = handed_in(q1=HONEST)
    notebook["metadata"]["lossbook"]["assignment"] = "02-other"
    return notebook


ODD = {"cells": [1, None, [], {}, {"source": 3}, {"source": [1]}, {"metadata": 1, "source": "x"}]}
HAND_INS = {
    "visible checks edited, points set to 100": (edited, 0, ""),
    "the answer cell deleted": (deleted, 1, ""),
    "the answer cell renamed": (renamed, 1, ""),
    "the metadata dropped by an editor": (bare, 4, ""),
    "two cells of one name": (twice, 4, ""),
    "IPython's magics among the code": (magic, 4, ""),
    "another assignment's notebook": (other, 0, "no notebook"),
    "not JSON": (lambda: b"{", 0, "cannot be read"),
    "JSON that is no notebook": (lambda: b"[1]", 0, "cannot be read"),
    "JSON of 100,000 brackets": (lambda: b"[" * 100_000, 0, "cannot be read"),
    "cells of every wrong type": (lambda: ODD, 0, ""),
    "half a Unicode character in the source": (
        lambda: handed_in(q1="x = '\ud800'", q2="number = 49", q4="\udfff"), 1, "",
    ),
    "a file of 6 MB": (lambda: b" " * 6_000_000, 0, "larger than 5 MB"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_broken_notebook_costs_what_is_broken(name, tmp_path):
    make, earned, note = HAND_INS[name]
    notebook = make()
    content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/ada.ipynb").write_bytes(content)
    (given,) = submissions(tmp_path / "in", NAME)
    grader = Grader(toy(), 3, here)
    results = everyone(grader, [given], tmp_path / "out", say=lambda line: None)
    write.everything(grader, results, tmp_path / "out", False)
    assert total(results[0]) == earned, results[0]
    assert note in "; ".join(results[0]["notes"])
    assert "ada" in (tmp_path / "out/marks.csv").read_text()


# ------------------------------------------------------------------ archives
GOOD = json.dumps(handed_in(q1=HONEST)).encode()


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return made.getvalue()


def found_in(tmp_path: Path, content: bytes) -> dict[str, Submission]:
    path = tmp_path / "class.zip"
    path.write_bytes(content)
    before = sorted(tmp_path.parent.rglob("*"))
    found = {each.student: each for each in submissions(path, NAME)}
    assert sorted(tmp_path.parent.rglob("*")) == before, "something was unpacked"
    return found


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def lying() -> bytes:
    """Both headers say that a member of 8 MB has 10 bytes."""
    content = archive(("ada/toy.ipynb", b" " * 8_000_000))
    return content.replace((8_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))


def locked() -> bytes:
    content = bytearray(archive(("ada/toy.ipynb", GOOD)))
    for start, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + flag] |= 1
    return bytes(content)


def nested() -> bytes:
    inner = archive(("deep.zip", archive(("toy.ipynb", GOOD))))
    return archive(("ada/work.zip", inner), ("bob/work.zip", archive(("toy.ipynb", GOOD))))


ZIPS = {
    "a member named ../../evil.ipynb": (lambda: archive(("../../evil.ipynb", GOOD)), "evil", ""),
    "a member with an absolute path": (lambda: archive(("/etc/ada.ipynb", GOOD)), "etc", ""),
    "a symbolic link in the archive": (
        lambda: archive((link("ada/toy.ipynb"), b"/etc/passwd")), "ada", "a link",
    ),
    "a member that unpacks to 60 MB": (
        lambda: archive(("ada/toy.ipynb", bytes(60_000_000))), "ada", "larger",
    ),
    "a member that lies about its size": (lying, "ada", "cannot be read"),
    "an encrypted member": (locked, "ada", "cannot be read"),
    "an archive in an archive in an archive": (nested, "ada", "not a notebook"),
    "a file that is called .zip and is none": (
        lambda: archive(("ada/work.zip", b"PK no")), "ada", "cannot be read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ZIPS)
def test_tricks_of_archives(name, tmp_path):
    make, student, note = ZIPS[name]
    found = found_in(tmp_path, make())
    assert note in "; ".join(found[student].notes)
    assert (found[student].content == GOOD) == (not note)
    if "bob" in found:
        assert found["bob"].content == GOOD


def test_links_in_a_folder_are_not_followed(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/toy.ipynb").write_bytes(GOOD)
    place = tmp_path / "in"
    (place / "ada").mkdir(parents=True)
    (place / "ada/toy.ipynb").symlink_to(tmp_path / "secret/toy.ipynb")
    (place / "bob").symlink_to(tmp_path / "secret")
    found = {each.student: each for each in submissions(place, NAME)}
    assert found.keys() == {"ada", "bob"}
    assert all(each.content is None and "a link" in each.notes[0] for each in found.values())


def test_names_are_labels(tmp_path):
    names = ["=1+1", "<b>x", "ada_1_2_toy", "ada_7_8_toy", "LATE", "x" * 200]
    given = []
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / f"in/{name.replace('/', '')}.ipynb").write_bytes(GOOD)
    given = submissions(tmp_path / "in", NAME)
    assert {each.student for each in given} >= {"ada_1", "ada_7", "LATE"}
    grader = Grader(toy(), 3, here)
    results = everyone(grader, given, tmp_path / "out", say=lambda line: None)
    write.everything(grader, results, tmp_path / "out", False)
    assert len(list((tmp_path / "out/feedback").iterdir())) == len(names)
    with (tmp_path / "out/marks.csv").open() as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(names) + 2
    assert not any(cell.startswith("=") for row in rows for cell in row)


def test_archives_are_all_tried():
    names = {"a symbolic link in the folder, to a notebook and to a folder"}
    names |= {"a student's name that is a formula, or HTML", "two students of one name"}
    assert set(ZIPS) | names == set(ARCHIVES)
    assert set(HAND_INS) == set(NOTEBOOKS)


@pytest.mark.parametrize(
    ("path", "student", "lms_id"),
    [
        ("lovelaceada_12_345_toy.ipynb", "lovelaceada", "12"),
        ("lovelaceada_LATE_12_345_toy-1.ipynb", "lovelaceada", "12"),
        ("Ada Lovelace_99_assignsubmission_file_/toy.ipynb", "Ada Lovelace", "99"),
        ("Ada Lovelace_99_assignsubmission_file_toy.ipynb", "Ada Lovelace", "99"),
        ("ada/01-toy/toy.ipynb", "ada", ""),
        ("ada.ipynb", "ada", ""),
    ],
)
def test_platforms_name_students_in_their_ways(path, student, lms_id, tmp_path):
    found = found_in(tmp_path, archive((path, GOOD), ("__MACOSX/._x", b"")))
    assert list(found) == [student]
    assert found[student].lms_id == lms_id and found[student].content == GOOD


def test_of_several_notebooks_the_last_is_taken(tmp_path):
    old = json.dumps(handed_in(q1="x = 1")).encode()
    names = ("toy", "toy-1", "toy-10", "toy-2")
    members = [(f"ada_1_{n}_{name}.ipynb", old) for n, name in enumerate(names)]
    members[2] = (members[2][0], GOOD)
    found = found_in(tmp_path, archive(*members))
    assert found["ada"].content == GOOD and "4 notebooks" in found["ada"].notes[0]


def test_an_empty_folder_is_a_row(tmp_path):
    (tmp_path / "ada").mkdir()
    (given,) = submissions(tmp_path, NAME)
    assert given.student == "ada" and given.content is None


# ------------------------------------------------------------------ numbers
@pytest.mark.parametrize(
    "value",
    [1, 2.5, True, [1, 2], np.float32(1.5), np.array([np.nan, np.inf, -np.inf, 5e-324]),
     np.zeros((2, 0)), np.array([2**63], dtype=np.uint64), (1.0, np.arange(3)), [1.0, [2.0]]],
)  # fmt: skip
def test_numbers_come_back_as_they_were(value):
    got = decode(loads(json.dumps(encode(value))))
    parts = zip(got, value, strict=True) if isinstance(got, tuple) else [(got, value)]
    for left, right in parts:
        assert left.dtype == np.asarray(right).dtype
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("value", [None, "1", 1j, object(), {"a": 1}, np.array(["x"])])
def test_what_is_no_number_is_refused(value):
    with pytest.raises((BadValue, TypeError, ValueError)):
        encode(value)


@pytest.mark.parametrize(
    "text",
    ["", "1", "{}", "NaN", "[" * 9999, '{"a":1,"a":1}',
     '{"dtype":"float64","shape":[2],"data":[1]}', '{"dtype":"float64","shape":[],"data":["1"]}',
     '{"dtype":"float64","shape":[],"data":[true]}', '{"dtype":"O","shape":[],"data":[1]}',
     '{"dtype":"int8","shape":[],"data":[999]}', '{"dtype":"float16","shape":[],"data":[1e9]}',
     '{"dtype":"float64","shape":[],"data":[1e999]}', '{"dtype":"int64","shape":[],"data":["nan"]}',
     '{"tuple":[{"tuple":[{"tuple":[{"tuple":[{"tuple":[]}]}]}]}]}', '{"tuple":{}}'],
)  # fmt: skip
def test_what_nobody_vouches_for_is_read_strictly(text):
    with pytest.raises(BadValue):
        decode(loads(text))


def test_the_judge():
    def said(answer, truth, **options):
        return judge.wrong(decode(encode(answer)), Ask("", truth, **options), 1e-9, 0.0)

    assert not said([1.0, np.inf, np.nan], np.array([1, np.inf, np.nan]))
    assert said([1.0], 1.0) == "wrong shape"
    assert said([np.nan], [1.0]) == "nan where there is a value"
    assert said([1.0], [np.nan]) == said([-np.inf], [np.inf]) == "wrong value"
    assert said([np.inf], [1.0]) == "infinite where the value is finite"
    assert not said((1.0, [2.0]), (1.0, [2.0])) and not said([1.0, 2.0], (1.0, 2.0))
    assert said(1.0, (1.0, 2.0)) == "not as many results as asked for"
    assert said((1.0, 2.0), 1.0) == "more results than asked for"
    assert said(np.float32(1), 1.0, dtype="float64") == "wrong dtype"
    assert not said(3.0, lambda x: x > 2)
    assert said(1.0, lambda x: x > 2) == "not accepted"
    assert said([1.0, 2.0], lambda x: float(x) > 2) == "not of the kind asked for"
    assert not said([True, False], np.array([True, False])) and not said([1, 0], [1.0, 0.0])


# ------------------------------------------------------------------ the command
def run(*args: object, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "grader", *map(str, args)]
    command += ["--assignments", str(Path(__file__).parent / "data/course")]
    return subprocess.run(command, capture_output=True, text=True, **options)


def by_student(path: Path) -> dict[str, dict[str, str]]:
    rows = csv.DictReader(io.StringIO(path.read_text()))
    return {row["student"]: row for row in rows}


@pytest.fixture
def handed(tmp_path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    square = "square = sp.Symbol('x') ** 2"
    whole = json.dumps(handed_in(q1=HONEST, q2="number = 49", q3=square, q4="Because."))
    (place / "ada_1_1_toy.ipynb").write_text(whole)
    (place / "bob_2_2_toy.ipynb").write_text(json.dumps(handed_in(q1=HONEST)))
    (place / "eve_3_3_toy.ipynb").write_text(json.dumps(handed_in()))
    return place


@needs_sandbox
def test_the_command_grades_a_class_and_takes_marks_by_hand(handed, tmp_path):
    command = handed, "--assignment", "01", "--seed", 4, "--out", tmp_path / "out"
    first = run(*command)
    assert first.returncode == 0, first.stderr
    out = tmp_path / "out" / NAME
    rows = by_student(out / "marks.csv")
    assert [rows[name]["by machine"] for name in ("ada", "bob", "eve")] == ["6", "3", "0"]
    assert [rows[name]["total"] for name in ("ada", "bob", "eve")] == ["", "3", "0"]
    assert "1 submissions wait" in first.stdout

    sheet = out / "written.csv"
    sheet.write_text(sheet.read_text().replace("q4,5,,", "q4,5,4.5,well said"))
    gradebook = tmp_path / "canvas.csv"
    gradebook.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Assignment 1: A toy (77)\n"
        '"Lovelace, Ada",1,s1,ada,A,\n'
    )
    second = run(*command, "--canvas", gradebook)
    assert second.returncode == 0, second.stderr
    rows = by_student(out / "marks.csv")
    assert rows["ada"]["total"] == "10.5" and "well said" in sheet.read_text()
    table = list(csv.reader(io.StringIO((out / "canvas.csv").read_text())))
    assert table[0][-1] == "Assignment 1: A toy (77)"
    assert table[2] == ["Lovelace, Ada", "1", "s1", "ada", "A", "10.5"]
    assert json.loads((out / "about.json").read_text())["isolation"] == "bubblewrap"
    scope = json.loads(next((out / "gradescope").glob("ada*")).read_text())
    assert sum(test["score"] for test in scope["tests"]) == 10.5
    assert "10.5 of 11 marks" in next((out / "feedback").glob("ada*")).read_text()

    sheet.write_text(sheet.read_text().replace("4.5", "7"))
    assert "expected a number from 0 to 5" in run(*command).stderr


def test_without_isolation_only_when_told(handed, tmp_path):
    path = {**os.environ, "PATH": ""}
    command = handed, "--assignment", "01", "--seed", 4, "--out", tmp_path / "out"
    refused = run(*command, env=path)
    assert refused.returncode == 1 and "nothing was graded" in refused.stderr
    assert not (tmp_path / "out").exists()
    told = run(*command, "--no-isolation", env=path)
    assert told.returncode == 0 and "runs as you" in told.stderr
    assert "ada,1,1,2,1,2,6" in (tmp_path / "out" / NAME / "marks.csv").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [({"place": "nowhere"}, "does not exist"), ({"assignment": "99"}, "names 0 assignments")],
)
def test_wrong_use_is_said_plainly(handed, tmp_path, change, said):
    place, name = change.get("place", handed), change.get("assignment", "01")
    found = run(place, "--assignment", name, "--seed", 1, "--no-isolation", cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)})  # fmt: skip
    assert found.returncode == 1 and said in found.stderr and "Traceback" not in found.stderr


def test_interrupted_and_started_again(tmp_path):
    calls = []

    def counted(*job):
        calls.append(job)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return here(*job)

    given = [submission(name, handed_in(q1=HONEST, q2="number = 49")) for name in "abc"]
    with pytest.raises(KeyboardInterrupt):
        everyone(Grader(toy(), 1, counted), given, tmp_path, jobs=1, say=lambda line: None)
    kept = {path.name[0] for path in (tmp_path / "work").glob("*.json")}
    assert "a" in kept and "b" not in kept, "all of a submission or nothing"

    def graded(seed: int = 1) -> int:
        before, grader = len(calls), Grader(toy(), seed, counted)
        results = everyone(grader, given, tmp_path, jobs=1, say=lambda line: None)
        assert [total(each) for each in results] == [4, 4, 4]
        return (len(calls) - before) // 2

    assert graded() == 3 - len(kept), "what was done is not done again"
    next((tmp_path / "work").glob("a*.json")).write_text("{half")
    assert graded() == 1, "a broken file is graded again, the others are not"
    assert graded(seed=2) == 3, "another seed is another grading"


def test_a_fault_of_ours_is_not_a_zero(tmp_path):
    folder = tmp_path / "01-toy"
    shutil.copytree(toy().folder, folder)
    path = folder / "assignment.py"
    path.write_text(path.read_text().replace("import numpy as np", "import numpy as np\n1 / 0"))
    grader = Grader(load("01", tmp_path), 1, here)
    with pytest.raises(RuntimeError, match="set-up of the assignment fails"):
        grader.submission(submission("ada", handed_in(q1=HONEST)))


@pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy
def test_nbgrader_takes_the_marks(tmp_path):
    pytest.importorskip("nbgrader")
    from grader import gradebook

    grader = Grader(toy(), 1, here)
    given = [submission("ada", handed_in(q1=HONEST, q4="Because."))]
    results = everyone(grader, given, tmp_path / "out", say=lambda line: None)
    write.everything(grader, results, tmp_path / "out", False)
    gradebook.push(toy(), results, tmp_path / "course")
    assert gradebook.pull(toy(), results, tmp_path / "course", tmp_path / "out") == 0
    made = gradebook.answered(toy(), results[0])
    assert any("because." in each.source for each in made.cells)


def test_names_of_errors():
    assert grade._is_built_in("ValueError") and grade._is_built_in("SystemExit")
    assert not grade._is_built_in("eval") and not grade._is_built_in("Leak")
    assert answers(GOOD)["q1"] == [HONEST]
    assert re.fullmatch(r"[\w-]+", write.key({"student": "a/b", "lms_id": ""}))
