"""Find the submissions in a folder or an archive from a learning platform, trusting no name.

Archives are never unpacked to disk: a member is read into memory, up to a limit, and its
name is only ever a label. Links are not followed. Of each student little is read, so that
nobody can fill the memory of the class.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path

from grader.values import BadValue

LARGEST = 5_000_000  # bytes of a notebook
LARGEST_ARCHIVE = 20_000_000  # bytes of an archive that one student handed in
LARGEST_STUDENT = 30_000_000  # bytes of all that is read of one student, packed or unpacked
MOST_FILES = 200  # in the archives that one student handed in
MOST_NOTES = 20
LONGEST_PATH = 1000  # letters; normalizing accents takes the square of their number
ENTRY = b"PK\x01\x02"  # begins each entry of an archive's directory
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack beyond what is asked for
EMPTY = "an empty folder"
NOT_OURS = ("not a notebook", "of assignment")  # how notes on files begin that are only noise
ID = "(?P<id>[0-9]{1,18})"
CANVAS = re.compile(rf"(?P<who>[^\s_]+)_(?:LATE_)?{ID}_[0-9]{{1,18}}_.*", re.S)
MOODLE = re.compile(rf"(?P<who>.+?)_{ID}_assignsubmission_(?:file|onlinetext).*", re.S)
NOTEBOOK = re.compile(r"(?i:\.ipynb(-\d{1,3})?(\.txt|\.json)?)$")  # browsers add the second
SUFFIX = re.compile(rf"{NOTEBOOK.pattern}|\.([a-z0-9]{{1,5}}|[A-Z0-9]{{1,5}})$")


@dataclass
class Submission:
    """One student's work: a notebook's bytes, or a note that says why there are none."""

    student: str
    lms_id: str = ""
    file: str = ""
    content: bytes | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.content or b"").hexdigest()


@dataclass(frozen=True)
class File:
    """A file that was found. `read` gives at most so many bytes; one with a note is not read.

    `packed` is its size in an archive: much can be packed that unpacks to nothing.
    """

    path: str
    read: Callable[[int], bytes] = lambda most: b""
    note: str = ""
    packed: int = 0


@dataclass(frozen=True)
class Notebook:
    """A file that was read, and the assignment that it says it is of."""

    path: str
    content: bytes
    assignment: str


def submissions(place: Path, wanted: str, results: Path | None = None) -> list[Submission]:
    """One for each student, sorted. `wanted` is the assignment's name; `results` is no student."""
    if not place.exists():
        raise ValueError(f"{place} does not exist: give a folder of submissions or a zip file")
    if results and any(_is(place, each) for each in (results, results / wanted)):
        raise ValueError(f"{place} holds the submissions: the results need another folder")
    with ExitStack() as stack:
        if place.is_dir():
            files = list(_folder(place, results))
        elif zipfile.is_zipfile(place):
            files = _below_one_top(list(_members(stack.enter_context(_archive(place)))))
        else:
            raise ValueError(f"{place} is neither a folder nor a zip file")
        by_student: dict[tuple[str, str], list[File]] = defaultdict(list)
        for file in files:
            by_student[_owner(file.path)].append(file)
        found = {owner: _one(*owner, by_student[owner], wanted) for owner in sorted(by_student)}
    return _distinct(found)


# ---------------------------------------------------------------- files
def _below_one_top(files: list[File]) -> list[File]:
    """Of an archive of one folder what lies in it, if it holds students."""
    tops = {file.path.partition("/")[0] for file in files}
    inner = {file.path.split("/")[1] for file in files if "/" in file.path} - {""}
    if len(tops) > 1 or not inner or any(map(_named, tops)):
        return files
    named = [bool(_named(name)) for name in inner]
    folders = all(file.path.count("/") > 1 or file.path.endswith("/") for file in files)
    if all(named) or (folders and len(inner) > 1 and not any(named)):
        return [replace(file, path=file.path.partition("/")[2]) for file in files]
    if len(inner) > 1:  # students, or one student's work?
        raise ValueError("the archive is one folder: unpack it, and give the folder of students")
    return files


def _folder(place: Path, results: Path | None) -> Iterator[File]:
    """All files, and the folders right below; what cannot be read is a note, not an end."""
    problems: list[OSError] = []
    for folder, folders, files in os.walk(place, onerror=problems.append):
        here = Path(folder)
        top = here == place
        folders[:] = [name for name in sorted(folders) if not _is(here / name, results)]
        for name in [*folders, *sorted(files)]:
            path = here / name
            label = _joined(path.relative_to(place).parts)
            if _is_noise(label):
                continue
            if os.path.islink(path):
                yield File(label, note="a link, not followed")
            elif name not in folders:
                yield File(label, partial(_start, path))
            elif top:
                yield File(f"{label}/", note=EMPTY)
    for problem in problems:
        label = _joined(Path(problem.filename).relative_to(place).parts)
        if not label:
            raise ValueError(f"{place} cannot be read: {problem.strerror}")
        yield File(f"{label}/", note=f"cannot be read: {type(problem).__name__}")


def _is(path: Path, other: Path | None) -> bool:
    return other is not None and os.path.realpath(path) == os.path.realpath(other)


def _start(path: Path, most: int) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
        raise OSError("not a plain file")
    with path.open("rb") as file:
        return file.read(most)


def _archive(file: Path | BytesIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as problem:
        raise ValueError(f"an archive that cannot be read: {problem}") from None


def _members(archive: zipfile.ZipFile) -> Iterator[File]:
    for member in archive.infolist():
        label = _joined(re.split(r"[/\\]", member.filename))
        if not label or _is_noise(label):
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            yield File(label, note="a link, not followed")
        elif member.compress_type not in BOUNDED:
            yield File(label, note="packed in a way that is not read")
        elif not member.is_dir():
            yield File(label, partial(_member, archive, member), packed=member.compress_size)
        elif "/" not in label:
            yield File(f"{label}/", note=EMPTY)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """At most so many bytes, whatever the archive says about its sizes."""
    with archive.open(member) as file:
        return file.read(most)


def _joined(parts: tuple[str, ...] | list[str]) -> str:
    """No way up and no root; ë in one character or in two, as systems differ in that."""
    label = "/".join(part for part in parts if part not in ("", ".", ".."))
    return unicodedata.normalize("NFC", label[:LONGEST_PATH])


def _is_noise(name: str) -> bool:
    noise = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "desktop.ini")
    return any(part in noise or part.startswith("._") for part in name.split("/"))


def printable(text: str, instead: str = "_") -> str:
    """Letters of every script; nothing that ends a line, moves a cursor or turns text round."""
    return "".join(instead if _is_control(c) else c for c in text)


def _is_control(c: str) -> bool:
    joiners = "\u200c\u200d"  # Persian and Indian names are written with them
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in joiners


class Desk:
    """Where one student's files are read, and only so much of them."""

    def __init__(self) -> None:
        self.left, self.files = LARGEST_STUDENT, 0
        self.notebooks: list[Notebook] = []
        self.notes: list[str] = []

    def take(self, file: File, deep: bool = True) -> None:
        """A notebook as it is, an archive's notebooks, and other files by name only."""
        note = file.note
        if not note and NOTEBOOK.search(file.path):
            note = self._notebook(file)
        elif not note and deep and file.path.lower().endswith(".zip"):
            note = self._unpack(file)
        elif not note:
            note = NOT_OURS[0]
        if note:
            self.note(file.path, note)

    def note(self, path: str, note: str) -> None:
        """Say something of a file, as long as there is not too much said."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(f"{printable(Path(path).name)[:100]}: {note}")
        elif len(self.notes) == MOST_NOTES:
            self.notes.append("and more files")

    def _read(self, file: File, most: int) -> bytes | str:
        """The content, or why there is none."""
        if self.left <= 0:
            return f"more than {LARGEST_STUDENT // 1_000_000} MB in all, not read"
        try:
            content = file.read(most + 1)
        except Exception as problem:  # no permission; encrypted, or broken, or not known to zlib
            # A wrong checksum is found after all has been unpacked.
            self.left -= max(most, file.packed)
            return f"cannot be read: {type(problem).__name__}"
        self.left -= max(len(content), file.packed)
        return f"larger than {most // 1_000_000} MB" if len(content) > most else content

    def _notebook(self, file: File) -> str:
        content = self._read(file, LARGEST)
        if isinstance(content, str):
            return content
        self.notebooks.append(Notebook(file.path, content, _assignment(content)))
        return ""

    def _unpack(self, file: File) -> str:
        content = self._read(file, LARGEST_ARCHIVE)
        if isinstance(content, str):
            return content
        self.files += content.count(ENTRY)
        if self.files > MOST_FILES:
            return f"more than {MOST_FILES} files in archives, not read"
        try:
            archive = _archive(BytesIO(content))
        except ValueError as problem:
            return str(problem)
        for member in _latest_first(_members(archive)):
            if member.note != EMPTY:
                path = f"{file.path[:-4]}/{member.path}"
                self.take(replace(member, path=path), deep=False)
        return ""


# ---------------------------------------------------------------- students
def _named(top: str) -> re.Match[str] | None:
    """A name that Canvas or Moodle made.

    What follows the platform's number is the student's own and may look like the other
    platform's, so the one with the shorter name is right. On some sites the name before it is
    the student's own, too: where it could end in two places, there is no telling whose it is.
    """
    patterns = (CANVAS,) if top.count("_assignsubmission_") > 1 else (CANVAS, MOODLE)
    found = [match for pattern in patterns if (match := pattern.fullmatch(top))]
    return min(found, key=lambda match: len(match["who"]), default=None)


def _owner(path: str) -> tuple[str, str]:
    """The student and the platform's number: from Canvas's or Moodle's names, or the folder."""
    top, _, rest = path.partition("/")
    if found := _named(top):
        return found["who"], found["id"]
    return (top if rest or path.endswith("/") else SUFFIX.sub("", top)), ""


def _one(student: str, lms_id: str, files: list[File], wanted: str) -> Submission:
    """Of a student's files the notebook of this assignment, the latest if there are several."""
    desk, name = Desk(), printable(student)[:200]
    for file in _latest_first(files):
        if file.note != EMPTY or len(files) == 1:
            desk.take(file)
    ours = [each for each in desk.notebooks if each.assignment == wanted]
    others = [each for each in desk.notebooks if each.assignment not in (wanted, "")]
    for each in others:
        desk.note(each.path, f"{NOT_OURS[1]} {each.assignment}")
    chosen = ours or [each for each in desk.notebooks if each not in others]
    if not chosen:
        notes = [*desk.notes, "no notebook of this assignment"]
        return Submission(name, lms_id, notes=notes)
    if len(chosen) > 1:
        desk.notes.append(f"{len(chosen)} notebooks; the last by name was taken")
    last = max(chosen, key=lambda each: _counted(each.path))
    return Submission(name, lms_id, printable(last.path)[:300], last.content, desk.notes)


def _latest_first(files: Iterable[File]) -> list[File]:
    return sorted(files, key=lambda file: _counted(file.path), reverse=True)


def _counted(path: str) -> tuple[int, str]:
    """Sort key in which Canvas's second and tenth resubmission, x-1 and x-9, come in order."""
    count = re.search(r"(?i)-(\d{1,3})(\.ipynb)?(\.txt|\.json)?$", path)
    return (int(count[1]) if count else 0), path


def _distinct(found: dict[tuple[str, str], Submission]) -> list[Submission]:
    """Two names that look alike stay two students, and a number that two claim is noted."""
    alike = Counter((each.student, each.lms_id) for each in found.values())
    claims = Counter(each.lms_id for each in found.values() if each.lms_id)
    for (name, lms_id), each in found.items():
        if alike[each.student, lms_id] > 1:
            each.student += f" ({hashlib.sha256(ascii(name).encode()).hexdigest()[:6]})"
        if claims[lms_id] > 1:
            each.notes.append(f"{claims[lms_id]} submissions claim the number {lms_id}")
    return list(found.values())


# ---------------------------------------------------------------- notebooks
def _assignment(content: bytes) -> str:
    try:
        name = notebook(content)["metadata"]["lossbook"]["assignment"]
    except (BadValue, KeyError, TypeError):
        return ""
    return re.sub(r"[^\w-]", "", str(name)[:200])[:60]


def notebook(content: bytes) -> dict:
    """A notebook's JSON; `BadValue` if it is none. Editors write NaN, so that is no fault."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise BadValue("not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise BadValue("not a notebook")
    return found


def answers(content: bytes) -> dict[str, list[str]]:
    """The sources of the cells by their nbgrader name. Several of one name stay in order."""
    by_name: dict[str, list[str]] = defaultdict(list)
    by_id: dict[str, list[str]] = defaultdict(list)
    for cell in notebook(content)["cells"]:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if isinstance(source, str):
            by_name[_text(cell, "metadata", "nbgrader", "grade_id")].append(source)
            # Colab keeps a cell's id in the metadata.
            by_id[_text(cell, "id") or _text(cell, "metadata", "id")].append(source)
    by_name.pop("", None)
    return {**by_id, **by_name}  # an editor that drops the metadata still keeps the ids


def _text(found: object, *path: str) -> str:
    """What stands at a place of the JSON, if there is such a place and text in it."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
