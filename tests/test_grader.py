"""The grader gives the right marks, whatever code is handed in, and loses nobody."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from class_of_attackers import (
    GOOD,
    HONEST,
    NAME,
    TABLE,
    attacks,
    handed_in,
    submission,
    table,
    toy,
)
from grader import grade, judge, results, sandbox, write
from grader.grade import Grader, everyone, sandboxed
from grader.marks import Ask, load
from grader.proof import here
from grader.read import answers
from grader.results import total
from grader.values import BadValue, decode, encode, loads

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
from IPython.display import display
import matplotlib.pyplot as plt
from tqdm.auto import tqdm
plt.plot([1, 2]).set_title("none")
still = (two
!= 4)
rest = (7
%two)
assert still and rest == 1 and list(tqdm(range(3), leave=False)) == [0, 1, 2]
async def awaited():
    return two
factor = await awaited()
display(factor)
def double(x: float) -> float:
    assert double.__annotations__["x"] is float
    return {answer}
"""


SHOWN = """\
import IPython, matplotlib
from IPython.display import Math
from tqdm import tqdm_notebook, trange
matplotlib.use("Agg")
fig, ax = plt.subplots(figsize=(4, 3))
figure, ((a, b), (c, d)) = plt.subplots(2, 2)
line, = ax.plot([1], lw=2 * plt.rcParams["lines.linewidth"])
n, bins, patches = a.hist([1, 2])
plt.rcParams["figure.figsize"] = 4, 3
with plt.xkcd():
    plt.plot([1])
for each in fig.axes:
    each.set_color(plt.cm.viridis(0.5)[0])
sp.init_printing()
sp.plot(sp.Symbol("x"), show=False)
square = 0
with tqdm(total=3) as bar:
    bar.update(len(ax.lines))
tqdm.write(f"{bar}")
bars = [tqdm(range(2), desc="a"), tqdm_notebook([2, 3]), trange(2)]
for bar in bars:
    for _ in bar:
        bar.set_description("b").refresh()
        square += sp.Symbol("x") ** 2 / 6
"""


@needs_sandbox
def test_what_shows_something_loses_nothing():
    added = "import matplotlib.pyplot as plt, pandas_\nfrom tqdm import tqdm"
    found = Grader(toy(), 1, sandboxed(True)).question(toy().marked[2], [SHOWN], [added])
    assert [item["why"] for item in found["items"].values()] == [""], found
    assert found["notes"] == []


@needs_sandbox
@pytest.mark.parametrize(
    "answer",
    ["factor * x", "np.longdouble(factor) * x", "(factor * x).tolist()",
     "tuple((factor * x).tolist())", "tuple(map(np.float32, x)) and tuple(factor * x)",
     "(np.linalg.svd(np.eye(200))[1][0] + 1) * x"],
)  # fmt: skip
def test_what_works_in_a_notebook_loses_nothing(answer):
    grader = Grader(toy(), 1, sandboxed(True))
    found = grader.question(toy().marked[0], [NOTEBOOK.replace("{answer}", answer)])
    assert [item["why"] for item in found["items"].values()] == ["", ""], found
    assert found["notes"] == []


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


def test_an_answer_cannot_keep_the_grader_busy():
    error, start = "ModuleNotFoundError: No module named 'zz'", time.monotonic()
    assert grade._stopped(error, "import " * 14_000, "stopped") == "stopped with " + error[:19]
    assert time.monotonic() - start < 1
    found = Grader(toy(), 1, here).question(toy().marked[0], [HONEST + "#" * 100_000])
    assert {item["why"] for item in found["items"].values()} == {"longer than 100000 letters"}


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
    assert not said((1.0, 2.0), [1.0, 2.0]) and not said(((1, 2), (3, 4)), [[1, 2], [3, 4]])
    assert not said((), np.zeros(0)) and not said(tuple(range(300)), np.arange(300))
    assert said((1.0, [2.0]), [1.0, 2.0]) == "more results than asked for"
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
        ({"--out": "in"}, "need another folder"),
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


def test_interrupted_and_started_again(tmp_path, monkeypatch):
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
        found = everyone(grader, given, tmp_path, jobs=1, say=lambda line: None)
        assert [total(each) for each in found] == [4, 4, 4]
        return (len(calls) - before) // 2

    assert graded() == 3 - len(kept), "what was done is not done again"
    for broken in ("{half", "[]", "null"):
        next((tmp_path / "work").glob("a*.json")).write_text(broken)
        assert graded() == 1, "a broken file is graded again, the others are not"
    assert graded(seed=2) == 3, "another seed is another grading"
    monkeypatch.setattr(grade, "basis", lambda assignment: "another")
    assert graded(seed=2) == 3, "another grader is another grading"


def test_marks_depend_on_the_grader_the_assignment_and_the_packages(tmp_path, monkeypatch):
    shutil.copytree(toy().folder, tmp_path / NAME)
    shutil.copytree(Path(results.__file__).parent, tmp_path / "grader")
    monkeypatch.setattr(results, "__file__", str(tmp_path / "grader/results.py"))
    assignment = load("01", tmp_path)

    def is_another(name: str) -> bool:
        before, path = results.basis(assignment), tmp_path / name
        path.write_text(path.read_text() + "\n# more" if path.exists() else "more")
        return results.basis(assignment) != before

    assert is_another("grader/judge.py") and is_another(f"{NAME}/marks.py")
    assert is_another(f"{NAME}/points.csv") and is_another(f"{NAME}/points.csv")
    assert not is_another(f"{NAME}/versions.py") and not is_another(f"{NAME}/.marks.py.swp")
    before = results.basis(assignment)
    monkeypatch.setattr(results, "version", lambda name: "0")
    assert results.basis(assignment) != before


@needs_sandbox
def test_it_stops_at_once_and_keeps_no_false_marks(tmp_path):
    slow = handed_in(q1="import time\ntime.sleep(100)", q2="number = 49")
    for name in "abc":
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(slow if name > "a" else handed_in()))
    command = [sys.executable, "-m", "grader", tmp_path, "--assignment", "01", "--seed", "4"]
    command += ["--jobs", "1", "--out", tmp_path / "out"]
    command += ["--assignments", Path(__file__).parent / "data/course"]
    # a run in the background is deaf to this signal, and would hand that down
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    grading = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
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

    course, out = tmp_path / "course", tmp_path / "out"

    def push(answer: str) -> list[dict]:
        grader = Grader(toy(), 1, here)
        given = [submission("ada", handed_in(q1=HONEST, q4=answer))]
        found = everyone(grader, given, out, say=lambda line: None)
        write.everything(grader, found, out, False)
        gradebook.push(toy(), found, course)
        return found

    def mark(found: list[dict]) -> None:
        with gradebook._opened(course) as book:
            grade = book.find_grade("q4", NAME, NAME, results.key(found[0]))
            grade.manual_score, grade.needs_manual_grade = 4, False
            book.db.commit()

    first = push("Because.")
    assert gradebook.pull(toy(), first, course, out) == 0
    made = gradebook.answered(toy(), first[0])
    assert any("because." in each.source for each in made.cells)
    mark(first)
    assert gradebook.pull(toy(), push("Because."), course, out) == 1, "a mark stays"
    for answer in ("asdf", "*Your answer here.*", "So."):
        assert gradebook.pull(toy(), push(answer), course, out) == 0, "of another answer"
        mark(first)
    first[0]["answers"]["q4"] = "Not pushed."
    assert gradebook.pull(toy(), first, course, out) == 0


def test_the_gradebook_takes_no_results_of_another_grading(tmp_path, monkeypatch):
    gradebook = pytest.importorskip("grader.gradebook")
    given = [submission("ada", handed_in(q1=HONEST))]
    everyone(Grader(toy(), 1, here), given, tmp_path, say=lambda line: None)
    assert len(gradebook._kept(toy(), tmp_path)) == 1
    monkeypatch.setattr(gradebook, "basis", lambda assignment: "another")
    assert gradebook._kept(toy(), tmp_path) == []


def test_names_of_errors():
    assert grade._is_built_in("ValueError") and grade._is_built_in("SystemExit")
    assert not grade._is_built_in("eval") and not grade._is_built_in("Leak")
    assert answers(GOOD)["q1"] == [HONEST]
    assert re.fullmatch(r"[\w-]+", write.key({"student": "a/b", "lms_id": ""}))
