"""What is handed in is read whatever its form and name, and what is written is safe to read."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import time
import tracemalloc
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from class_of_attackers import ARCHIVES, GOOD, HONEST, NAME, NOTEBOOKS, handed_in, submission, toy
from grader import grade, write
from grader.grade import Grader, everyone
from grader.proof import here
from grader.read import Submission, submissions
from grader.results import alone, total, write_whole


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


IMPORTS = """
!pip install mpmath_
import mpmath_ as mp, math
from math import (
    fsum,
    pi as half,
)
from math import \\
    sqrt
import  cmath
try:
    import statistics_ as mean
except ImportError:
    import statistics as mean
try:
    import math as m
except ImportError:
    import cmath as m
np = None
"""


def imports() -> dict:
    """With what is not there, and what is no import."""
    asked = "math.pi == half and sqrt(4) == cmath.sqrt(4) == mean.mean([2]) and m is math"
    answer = f"def double(x):\n    assert {asked}\n    return fsum([2]) * np.asarray(x)"
    notebook = handed_in(q1=answer, q2="number = 49")
    cell(notebook, "cell-02")["source"] += [IMPORTS]
    return notebook


def many_imports() -> dict:
    notebook = handed_in(q1=HONEST, q2="number = 49")
    cell(notebook, "cell-02")["source"] += ["\nimport os" * 400_000]
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
SLOW_SEARCH = "# " + "import " * 20_000 + "\nraise ModuleNotFoundError(\"No module named 'zz'\")"
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
    "imports added to the set-up cell": (imports, 4, ""),
    "4 MB of imports in the set-up cell": (many_imports, 4, ""),
    "an answer of 140,000 letters, made for a slow search": (
        lambda: handed_in(q1=f"{SLOW_SEARCH}\n{HONEST}", q2="number = 49"), 1, "",
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
    grader, start = Grader(toy(), 3, here), time.monotonic()
    results = everyone(grader, [given], tmp_path / "out", say=lambda line: None)
    assert time.monotonic() - start < 5
    write.everything(grader, results, tmp_path / "out", False)
    assert total(results[0]) == earned, results[0]
    assert note in "; ".join(results[0]["notes"])
    assert "ada" in (tmp_path / "out/marks.csv").read_text()


# ------------------------------------------------------------------ archives
def archive(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
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


def packed() -> bytes:
    inner = archive(("toy.ipynb", GOOD), method=zipfile.ZIP_LZMA)
    outer = archive(("ada/toy.ipynb", GOOD), method=zipfile.ZIP_BZIP2)
    made = io.BytesIO(outer)
    with zipfile.ZipFile(made, "a") as file:
        file.writestr("bob/work.zip", inner)
        file.writestr("bob/toy.ipynb", GOOD)
    return made.getvalue()


def broken() -> bytes:
    """Nine notebooks of 4.9 MB whose checksum is wrong."""
    content = archive(*((f"{n}.ipynb", b" " * 4_900_000) for n in range(9)))
    wrong = content.replace(zlib.crc32(b" " * 4_900_000).to_bytes(4, "little"), b"crc?")
    return archive(("ada/work.zip", wrong))


def many() -> bytes:
    half = archive(*((f"__MACOSX/{n}", b"") for n in range(150)))
    return archive(("ada/a.zip", half), ("ada/b.zip", half), ("bob/toy.ipynb", GOOD))


def empty() -> bytes:
    """Nine names for one member of 8 MB, which is empty blocks and nothing else."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("0.ipynb", b"\0\0\0\xff\xff" * 1_600_000 + b"\3\0")
        (info,) = file.infolist()
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, 0, 0
        file.filelist += [info] * 8
    return archive(("ada/work.zip", made.getvalue()))


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
    "a member packed with bzip2 or LZMA, which unpack without limit": (
        packed, "ada", "packed in a way that is not read",
    ),
    "members that turn out to be broken after 5 MB": (broken, "ada", "more than 30 MB in all"),
    "members that hold much and unpack to nothing": (empty, "ada", "more than 30 MB in all"),
    "archives of 300 files in all": (many, "ada", "more than 200 files in archives"),
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
    names = ["=1+1", "\uff1d1+1", "<b>x", "ada_1_2_toy", "ada_7_8_toy", "LATE", "x" * 200]
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
    assert not any(cell.startswith(("=", "\uff1d")) for row in rows for cell in row)


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
        ("ada.ipynb.txt", "ada", ""),
        ("ada.IPYNB-1.json", "ada", ""),
        ("ada/toy.ipynb.json", "ada", ""),
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
    "an upload named as another student's, on Canvas and on Moodle": (
        ["mallory_55_1_x_7777_assignsubmission_file_y.ipynb", "ada_7777_2_toy.ipynb",
         "Eve X_5_assignsubmission_file_x_8888_1_y.ipynb", "Ben_8888_assignsubmission_file_.ipynb"],
        {("mallory", "55"), ("ada", "7777"), ("Eve X", "5"), ("Ben", "8888")},
    ),
    "a student who takes a name that ends as another student's upload": (
        ["Ben Ott_7777_assignsubmission_file_work.ipynb",
         "Ben Ott_7777_1_x_12_assignsubmission_file_w-9.ipynb",
         "Ben Ott_7777_assignsubmission_file_x_13_assignsubmission_file_w-9.ipynb"],
        {("Ben Ott", "7777"), ("Ben Ott_7777_1_x", "12"),
         ("Ben Ott_7777_assignsubmission_file_x_13_assignsubmission_file_w-9", "")},
    ),
    "an upload named with a number of 243 digits": (
        [f"eve_{'7' * 243}_1_y.ipynb", "bob_\u0663_1_y.ipynb",
         f"Eve X_5_assignsubmission_file_x_{'7' * 243}_1_y.ipynb"],
        {(f"eve_{'7' * 196}", ""), ("bob_\u0663_1_y", ""), ("Eve X", "5")},
    ),
    "names that differ in an accent or an apostrophe": (
        ["O'Brien.ipynb", "O_Brien.ipynb", "Zoe\u0308.ipynb", "Zoe\u0301.ipynb", "Zoe.ipynb",
         "Jo O'Neil_5_assignsubmission_file_toy.ipynb",
         "Jo O_Neil_5_assignsubmission_file_toy.ipynb"],
        {("O'Brien", ""), ("O_Brien", ""), ("Zo\xeb", ""), ("Zo\xe9", ""), ("Zoe", ""),
         ("Jo O'Neil", "5"), ("Jo O_Neil", "5")},
    ),
}  # fmt: skip
ELSEWHERE = {
    "a number that two submissions claim",
    "names that differ in a control character",
    "an archive of 300 notebooks of 5 MB",
    "a file or folder that cannot be read",
    "a pipe in the place of a notebook",
    "an error message with a carriage return, or a semicolon and a formula",
    "a member's name of 32,000 accents",
    "folders named as students, in a class of one",
    "a written answer changed after it was marked",
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
    keys = {grade._key(each) for each in given}
    assert len(keys) == len(paths) and max(map(len, keys)) < 100


@pytest.mark.parametrize("top", ["", "class/"])
def test_an_archive_of_a_folder_of_folders_holds_students(tmp_path, top):
    members = [(f"{top}{who}/toy.ipynb", GOOD) for who in ("ada", "ben")]
    assert {each.student for each in found_in(tmp_path, archive(*members)).values()} == {
        "ada", "ben",
    }  # fmt: skip


@pytest.mark.parametrize("top", ["", "downloads/"])
def test_an_archive_of_the_folder_of_a_platform_is_read_as_the_platforms(tmp_path, top):
    names = "ada_7_1_toy.ipynb", "ben_8_2_toy.ipynb", "Cy D_9_assignsubmission_file_/toy.ipynb"
    found = found_in(tmp_path, archive(*((f"{top}{name}", GOOD) for name in names)))
    assert {(each.student, each.lms_id) for each in found.values()} == {
        ("ada", "7"), ("ben", "8"), ("Cy D", "9"),
    }  # fmt: skip


@pytest.mark.parametrize("names", [("ben_7_1_x/a", "carl/a"), ("a", "old/a"), ("a", "b")])
def test_an_archive_of_one_folder_is_no_riddle(tmp_path, names):
    members = [(f"Eve/{name}.ipynb", GOOD) for name in names]
    with pytest.raises(ValueError, match="the archive is one folder"):
        found_in(tmp_path, archive(*members))
    assert set(found_in(tmp_path, archive(*members, ("ada.ipynb", GOOD)))) == {"Eve", "ada"}


def test_a_class_of_one_is_one(tmp_path):
    for inner in ("ben_7_1_x", "carl"):
        (tmp_path / "in/ada" / inner).mkdir(parents=True)
        (tmp_path / "in/ada" / inner / "toy.ipynb").write_bytes(GOOD)
    assert [each.student for each in submissions(tmp_path / "in", NAME)] == ["ada"]
    top = "Ada_99_assignsubmission_file_"
    content = archive((f"{top}/ben_7_1_x/toy.ipynb", GOOD), (f"{top}/carl/toy.ipynb", GOOD))
    assert set(found_in(tmp_path, content)) == {"Ada"}


def test_a_name_cannot_take_a_minute(tmp_path):
    accents = "\u0301\u0323" * 16_000
    members = [(f"ada/{n}{accents}.ipynb", GOOD) for n in range(9)]
    content, start = archive(*members, ("bob.ipynb", GOOD)), time.monotonic()
    assert set(found_in(tmp_path, content)) == {"ada", "bob"} and time.monotonic() - start < 1


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


def test_marks_of_a_changed_answer_are_given_again(tmp_path):
    def row(answer: str) -> tuple[list[str], str, list[str]]:
        _, said = classed(tmp_path, {"ada/7": handed_in(q4=answer)})
        sheet = list(csv.reader(io.StringIO((tmp_path / "written.csv").read_text())))
        table = csv.DictReader(io.StringIO((tmp_path / "marks.csv").read_text()))
        return sheet[1], list(table)[1]["total"], said

    row("Because.")
    path = tmp_path / "written.csv"
    path.write_text(path.read_text().replace("q4,5,,", "q4,5,4,well said"))
    (*_, marks, comment, first), whole, said = row("Because.")
    assert (marks, comment, whole) == ("4", "well said", "4.0") and first.startswith("a")
    (*_, marks, comment, second), whole, said = row("asdf")
    assert (marks, comment, whole) == ("", "4 for an earlier answer. well said", "")
    assert second != first and "have changed since they were marked" in " ".join(said)
    (*_, marks, comment, _), whole, said = row("*Your answer here.*")
    assert (marks, comment, whole) == ("", "4 for an earlier answer. well said", "0")
    assert "have changed" not in " ".join(said)


def test_results_are_not_written_among_submissions(tmp_path):
    (tmp_path / NAME).mkdir()
    for place in (tmp_path, tmp_path / NAME):
        with pytest.raises(ValueError, match="the results need another folder"):
            submissions(place, NAME, tmp_path)


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
