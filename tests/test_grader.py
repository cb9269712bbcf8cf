"""The grader gives the right marks, whatever is handed in, and loses nobody."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
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
from grader.results import alone, total, write_whole
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
    words = ("killed", "stopped after", "too much output", "SystemExit", "MemoryError")
    for word in (*words, "the cell stops", "not an array"):
        assert word not in attack.outcome or word in said


@needs_sandbox
def test_honest_students_lose_nothing_to_attackers(attacked):
    assert marks(attacked["first"]) == marks(attacked["last"]) == 3
    assert not Path("/tmp/lossbook-was-here").exists()
    running = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True).stdout
    for line in running.splitlines():  # a child of ours, or of nobody
        assert "/box/child.py" not in line or int(line.split()[0]) not in (1, os.getpid())


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


# ------------------------------------------------------------------ honest answers
NOTEBOOK = """\
%matplotlib inline
double?
?double
files = !ls
best = %timeit -o 1 + 1
%time two = 2
get_ipython().run_line_magic("matplotlib", "inline")
async def awaited():
    return two
factor = await awaited()
display(factor)
def double(x: float) -> float:
    assert double.__annotations__["x"] is float
    return {answer}
"""


@needs_sandbox
@pytest.mark.parametrize(
    "answer",
    ["factor * x", "np.longdouble(factor) * x", "(factor * x).tolist()",
     "(np.linalg.svd(np.eye(200))[1][0] + 1) * x"],
)  # fmt: skip
def test_what_works_in_a_notebook_loses_nothing(answer):
    grader = Grader(toy(), 1, sandboxed(True))
    found = grader.question(toy().marked[0], [NOTEBOOK.replace("{answer}", answer)])
    assert [item["why"] for item in found["items"].values()] == ["", ""], found


def test_lists_of_tensors_that_carry_gradients_are_numbers():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    np.testing.assert_array_equal(decode(encode([x[0], x[1]])), [1, 2])
    np.testing.assert_array_equal(decode(encode([[x], [2 * x]])), [[[1, 2]], [[2, 4]]])
    left, right = decode(encode((x, [x, x[:1].bfloat16()])))
    assert left.tolist() == right[0].tolist() == [1, 2] and right[1].tolist() == [1]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "import mpmath_, numpy\ndef double(x):\n    return 2 * x",
            "mpmath_ cannot be imported here",
        ),
        ("def double(x):\n    from mpmath_.libmp import f", "mpmath_ cannot be imported here"),
        ("__import__('a' + 'b_')", "the cell stops with ModuleNotFoundError"),
        ("1 / 0\ndef double(x):\n    return 2 * x", "the cell stops with ZeroDivisionError"),
        ("def double(x):\n    return y", "stopped with NameError"),
        ("def double(x):\n    return 2.000001 * x", "right to about 6 digits only"),
        ("def double(x):\n    return x + 1", "wrong value"),
    ],
)
def test_a_loss_is_said_so_that_it_can_be_mended(code, why):
    found = Grader(toy(), 1, here).question(toy().marked[0], [code])
    assert {item["why"] for item in found["items"].values()} == {why}, found


def test_a_machine_that_is_short_of_processes_costs_no_marks(monkeypatch):
    said = [BlockingIOError(11, "Resource temporarily unavailable"), (b"", "stopped after 60 s")]
    said.append((b'{"ready": true, "error": ""}\n{"ask": 0, "error": "ValueError: x"}\n', ""))

    def talk(*_):
        if isinstance(said[0], OSError):
            raise said.pop(0)
        return said.pop(0)

    monkeypatch.setattr(sandbox, "_talk", talk)
    monkeypatch.setattr(sandbox, "PAUSES", (0, 0, 0))
    job = ({"setup": "", "cells": []}, [{}], ("numpy",), sandbox.Limits(), True)
    assert sandbox.run(*job).errors == {0: "ValueError: x"}
    said += [(b"", "no process")] * 3
    with pytest.raises(sandbox.NoSandbox, match="did not start: 'no process'"):
        sandbox.run(*job)


def test_millions_of_lines_are_not_read():
    lines = b'{"ready": true, "error": ""}\n' + b"\n" * 4_000_000
    start = time.monotonic()
    found = sandbox._read(lines, "", 1)
    assert found.note == "stopped: too much output" and time.monotonic() - start < 1


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


def colab() -> dict:
    notebook = bare()
    for each in notebook["cells"]:
        each["metadata"] = {"id": each.pop("id")}
    return notebook


def nan() -> dict:
    notebook = handed_in(q1=HONEST, q2="number = 49")
    notebook["metadata"]["zoom"] = float("nan")
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
    "cell ids in the metadata alone, as Colab writes them": (colab, 4, ""),
    "NaN in the metadata": (nan, 4, ""),
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
    assert {(each.student, each.lms_id) for each in given} >= {("ada", "1"), ("ada", "7")}
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
    assert set(ZIPS) | set(ALIKE) | names | ELSEWHERE == set(ARCHIVES)
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


ALIKE = {
    "an upload named as another student's at Moodle": (
        ["mallory_55_1_x_7777_assignsubmission_file_y.ipynb", "ada_7777_2_toy.ipynb"],
        {("mallory", "55"), ("ada", "7777")},
    ),
    "names that differ in an accent or an apostrophe": (
        ["O'Brien.ipynb", "O_Brien.ipynb", "Zoe\u0308.ipynb", "Zoe\u0301.ipynb", "Zoe.ipynb"],
        {("O'Brien", ""), ("O_Brien", ""), ("Zo\xeb", ""), ("Zo\xe9", ""), ("Zoe", "")},
    ),
}
ELSEWHERE = {
    "a number that two submissions claim",
    "names that differ in a control character",
    "an archive of 300 notebooks of 5 MB",
    "a file or folder that cannot be read",
    "a pipe in the place of a notebook",
    "an error message with a carriage return, or a semicolon and a formula",
    "a script in a written answer",
}


@pytest.mark.parametrize("name", ALIKE)
def test_nobody_takes_the_row_of_another(name, tmp_path):
    paths, owners = ALIKE[name]
    path = tmp_path / "class.zip"
    path.write_bytes(archive(*((each, GOOD) for each in paths)))
    given = submissions(path, NAME)
    assert {(each.student, each.lms_id) for each in given} == owners
    assert all(each.content == GOOD for each in given)
    assert len({grade._key(each) for each in given}) == len(paths)


@pytest.mark.parametrize("top", ["", "hand-ins/"])
def test_the_folders_of_a_zipped_folder_are_the_students(tmp_path, top):
    content = archive((f"{top}ada/toy.ipynb", GOOD), (f"{top}bob/toy.ipynb", GOOD))
    assert set(found_in(tmp_path, content)) == {"ada", "bob"}


def test_a_student_with_one_folder_of_work_is_one(tmp_path):
    content = archive(("ada/toy.ipynb", GOOD), ("ada/more/old.ipynb", GOOD))
    assert set(found_in(tmp_path, content)) == {"ada"}


def test_names_that_print_alike_are_two_students(tmp_path):
    path = tmp_path / "class.zip"
    path.write_bytes(archive(("a\x01.ipynb", GOOD), ("a\x02.ipynb", GOOD)))
    given = submissions(path, NAME)
    assert len({each.student for each in given}) == 2
    assert all(each.student.isprintable() for each in given)


def test_an_archive_cannot_fill_the_memory(tmp_path):
    bomb = archive(*((f"{n}.ipynb", b" " * 4_900_000) for n in range(20)))
    many = archive(("ada/work.zip", bomb), ("bob/toy.ipynb", GOOD))
    tracemalloc.start()
    found = found_in(tmp_path, many)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    assert "more than 30 MB in all" in "; ".join(found["ada"].notes)
    assert len("; ".join(found["ada"].notes)) < 2000 and found["bob"].content == GOOD


def test_what_cannot_be_read_is_a_row(tmp_path, monkeypatch):
    for name in ("ada", "bob", "cyd"):
        (tmp_path / name).mkdir()
    (tmp_path / "ada/toy.IPYNB").write_bytes(GOOD)
    (tmp_path / "bob/toy.ipynb").write_bytes(GOOD)
    os.mkfifo(tmp_path / "cyd/toy.ipynb")
    (tmp_path / "results/01-toy").mkdir(parents=True)
    opened = Path.open

    def refused(path, *args, **options):
        if "bob" in path.parts:
            raise PermissionError
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refused)
    found = {each.student: each for each in submissions(tmp_path, NAME, tmp_path / "results")}
    assert found.keys() == {"ada", "bob", "cyd"} and found["ada"].content == GOOD
    assert "PermissionError" in found["bob"].notes[0] and "cannot be" in found["cyd"].notes[0]

    def walk(place, onerror):
        onerror(PermissionError(13, "no", str(tmp_path / "eve")))
        return iter(())

    monkeypatch.setattr(os, "walk", walk)
    (given,) = submissions(tmp_path, NAME)
    assert given.student == "eve" and "PermissionError" in given.notes[0]


def test_moodle_texts_belong_to_the_student_who_wrote_them(tmp_path):
    folder = "Ada Lovelace_99_assignsubmission_"
    members = (f"{folder}onlinetext/text.html", b"hello"), (f"{folder}file/toy.ipynb", GOOD)
    found = found_in(tmp_path, archive(*members))
    assert list(found) == ["Ada Lovelace"] and found["Ada Lovelace"].content == GOOD


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
     '{"dtype":"int8","shape":[1000000000,0],"data":[]}',
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
    assert said(1.0, lambda x: "a reason" if x < 2 else True) == "a reason"
    assert said([1 + 1e-6, np.inf, 0.0], [1, np.inf, 0]) == "right to about 6 digits only"
    assert said([1.0, 0.0], [1.0, 1e-12]) == "wrong where the value is tiny"
    assert said([1.0, 1e-6], [1.0, 0.0]) == said([1.0, 3.0], [1.0, 2.0]) == "wrong value"
    assert said(np.zeros((9, 0)), (1.0, 2.0)) == "not as many results as asked for"
    assert not said([True, False], np.array([True, False])) and not said([1, 0], [1.0, 0.0])


# ------------------------------------------------------------------ what is written
def classed(out: Path, given: dict[str, dict], **options) -> tuple[list[dict], list[str]]:
    """Grade notebooks by student, "ada" or "ada/12" with the platform's number."""
    submitted = []
    for name, each in given.items():
        student, _, number = name.partition("/")
        submitted.append(submission(student.split("#")[0], each))
        submitted[-1].lms_id = number
    grader = Grader(toy(), 1, here)
    results = everyone(grader, submitted, out, say=lambda line: None)
    return results, write.everything(grader, results, out, False, **options)


def test_marks_by_hand_outlive_everything(tmp_path):
    anna = {"anna": handed_in(q1=HONEST, q4="Because.")}
    ben, wei = {"ben": handed_in(q4="So.")}, {"Li Wei/8": handed_in(q4="Why not.")}
    classed(tmp_path, anna | ben | wei)
    sheet = tmp_path / "written.csv"
    text = sheet.read_text().replace("q4,5,,", "q4,5,4,fine; thanks")
    sheet.write_bytes(text.replace(",", "\t").encode("utf-16"))  # as a spreadsheet may save it
    classed(tmp_path, anna)
    assert {path.stem[:4] for path in (tmp_path / "feedback").iterdir()} == {"anna"}
    assert sheet.read_text().count("4,fine; thanks") == 3, "marks of who is not in this run stay"
    sheet.write_text(sheet.read_text().replace(",", ";").replace("fine; thanks", "fine"))
    results, _ = classed(tmp_path, anna | ben | {"Li Wei/9": handed_in(q4="New.")} | wei)
    rows = csv.DictReader(io.StringIO((tmp_path / "marks.csv").read_text()))
    totals = {(row["student"], row["lms_id"]): row["total"] for row in rows}
    assert totals["Li Wei", "8"] == "4.0" and totals["Li Wei", "9"] == ""
    assert totals["ben", ""] == "4.0" and totals["anna", ""] == "7.0"
    pages = [(tmp_path / "feedback" / f"{write.key(each)}.html").read_text() for each in results]
    assert "7 of 11 marks" in pages[0]
    assert "0 of 6 marks so far, 5 to come" in pages[2] and "- of 5" in pages[2]

    sheet.write_text("name,marks\nanna,3\n")
    with pytest.raises(ValueError, match="no column key"):
        classed(tmp_path, anna)


def test_canvas_gets_no_mark_of_another(tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section\nAda,7777,s1,ada,A\nBob,9999,s2,7778,A\n"
        "Cyd,5,9999,cyd,A\n"
    )
    class_ = {name: handed_in(q1=HONEST) for name in ("ada/7777", "eve/7777", "cyd", "7778/9999")}
    _, said = classed(tmp_path, class_ | {"9999": handed_in()}, roster=roster)
    rows = list(csv.reader(io.StringIO((tmp_path / "canvas.csv").read_text())))
    assert [row[:2] for row in rows[2:]] == [["Bob", "9999"]], (
        "login 9999 is Cyd's, whom a name claims too"
    )
    for part in ("ada (the number 7777 is claimed twice)", "eve (", "cyd (", "9999 ("):
        assert part in said[-1]
    roster.write_text("Name,Mark\nAda,1\n")
    with pytest.raises(ValueError, match="no column Student, ID"):
        classed(tmp_path, class_, roster=roster)


def test_two_hand_ins_of_one_number_are_noted(tmp_path):
    (tmp_path / "ada_7777_1_toy.ipynb").write_bytes(GOOD)
    (tmp_path / "eve_7777_1_toy.ipynb").write_bytes(GOOD)
    for each in submissions(tmp_path, NAME):
        assert "2 submissions claim the number 7777" in each.notes and each.content == GOOD


def test_an_error_message_stays_in_its_cell(tmp_path):
    evil = 'raise ValueError("x\\r=1+1\\ralice;=HYPERLINK(1+1)\\0\\x1b[2J\\u202e")'
    classed(tmp_path, {"eve": handed_in(q1=evil), "bob;=1+1": handed_in()})
    text = (tmp_path / "marks.csv").read_bytes().decode()
    assert len(text.splitlines()) == 4, text
    assert ";" not in text and not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_the_page_of_a_student(tmp_path):
    notes = ["toy.pdf: not a notebook", "b.ipynb: of assignment 02-x", "2 notebooks; one taken"]
    given = submission("ada", handed_in(q1=HONEST))
    given.notes = notes
    none = Submission("bob", notes=["toy.pdf: not a notebook", "no notebook of this assignment"])
    grader = Grader(toy(), 1, here)
    results = everyone(grader, [given, none], tmp_path, say=lambda line: None)
    ada, bob = (write.feedback(toy(), each, {}) for each in results)
    assert "<code>number</code>" in ada and "`" not in ada
    assert "toy.pdf" not in ada and "02-x" not in ada and "2 notebooks" in ada
    assert "No notebook of this assignment was found" in bob and "<table>" not in bob
    assert "toy.pdf: not a notebook" in bob and "0 of 11 marks" in bob


def test_a_script_in_an_answer_is_text(tmp_path):
    pytest.importorskip("nbconvert")
    from nbconvert import HTMLExporter

    from grader import gradebook

    evil = "</pre><script>alert(1)</script> [x](javascript:alert(1)) $</p><script>2</script>$"
    results, _ = classed(tmp_path, {"eve": handed_in(q4=evil)})
    page, _ = HTMLExporter().from_notebook_node(gradebook.answered(toy(), results[0]))
    assert "alert(1)" in page and "<script>alert" not in page and "<script>2" not in page
    assert 'href="javascript' not in page


def test_files_are_written_whole_by_many(tmp_path):
    def often(text):
        for _ in range(200):
            write_whole(tmp_path / "file", text * 1000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(often, "abcd"))
    assert len(set((tmp_path / "file").read_text())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_two_runs_in_one_folder_are_refused(tmp_path):
    with (
        alone(tmp_path),
        pytest.raises(ValueError, match="another run"),
        alone(tmp_path),
    ):
        pass


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
    [
        ({"place": "nowhere"}, "does not exist"),
        ({"assignment": "99"}, "names 0 assignments"),
        ({"--out": __file__}, "Not a directory"),
        ({"--canvas": "nowhere.csv"}, "nowhere.csv does not exist"),
    ],
)
def test_wrong_use_is_said_plainly(handed, tmp_path, change, said):
    place, name = change.get("place", handed), change.get("assignment", "01")
    more = [part for option in change.items() if option[0].startswith("--") for part in option]
    found = run(place, "--assignment", name, "--seed", 1, "--no-isolation", *more, cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)})  # fmt: skip
    assert found.returncode == 1 and said in found.stderr and "Traceback" not in found.stderr


def test_a_terminal_of_few_letters_stops_nobody(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/Zo\xeb.ipynb").write_text(json.dumps(handed_in()))
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = "in", "--assignment", "01", "--seed", 1, "--no-isolation", "--out", "in"
    env = ascii_only | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    for _ in range(2):  # what is written among the submissions is no student
        found = run(*command[:-1], "in/results", cwd=tmp_path, env=env)
        assert found.returncode == 0 and "[1/1] Zo\\xeb" in found.stdout, found.stderr


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
    for broken in ("{half", "[]", "null"):
        next((tmp_path / "work").glob("a*.json")).write_text(broken)
        assert graded() == 1, "a broken file is graded again, the others are not"
    assert graded(seed=2) == 3, "another seed is another grading"


@needs_sandbox
def test_it_stops_at_once_and_keeps_no_false_marks(tmp_path):
    slow = handed_in(q1="import time\ntime.sleep(100)", q2="number = 49")
    for name in "abc":
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(slow if name > "a" else handed_in()))
    command = [sys.executable, "-m", "grader", tmp_path, "--assignment", "01", "--seed", "4"]
    command += ["--jobs", "1", "--out", tmp_path / "out"]
    command += ["--assignments", Path(__file__).parent / "data/course"]
    grading = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (kept := list((tmp_path / "out").rglob("work/a*.json"))):
        assert grading.poll() is None
        time.sleep(0.1)
    time.sleep(1)
    grading.send_signal(signal.SIGINT)
    start = time.monotonic()
    assert "Stopped. The same command goes on" in grading.communicate()[1]
    assert time.monotonic() - start < 4
    assert list((tmp_path / "out").rglob("work/*.json")) == kept


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
