"""Find the submissions in a folder or an archive from a learning platform, trusting no name.

Archives are never unpacked to disk: a member is read into memory, up to a limit, and its
name is only ever a label. Links are not followed.
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from grader.values import BadValue, loads

LARGEST = 5_000_000  # bytes of a notebook
LARGEST_ARCHIVE = 50_000_000  # bytes of an archive that one student handed in
MOST_FILES = 10_000
CANVAS = re.compile(r"(?P<who>[^_]+)_(?:LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)")
MOODLE = re.compile(r"(?P<who>.+?)_(?P<id>\d+)_assignsubmission_file_?(?P<file>.*)")


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
class Found:
    """A file of a submission, or what is known about one that is not read."""

    path: str
    content: bytes | None
    note: str = ""


def submissions(place: Path, wanted: str) -> list[Submission]:
    """One for each student, sorted. `wanted` is the assignment's name."""
    if not place.exists():
        raise ValueError(f"{place} does not exist: give a folder of submissions or a zip file")
    if place.is_dir():
        files = list(_folder(place))
    elif zipfile.is_zipfile(place):
        files = list(_archive(place.read_bytes(), deep=True))
    else:
        raise ValueError(f"{place} is neither a folder nor a zip file")
    by_student: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for file in files:
        by_student[_owner(file.path)].append(file)
    found = [_one(*owner, each, wanted) for owner, each in sorted(by_student.items())]
    return _distinct(found)


# ---------------------------------------------------------------- files
def _folder(place: Path) -> Iterator[Found]:
    count = 0
    for path in sorted(place.rglob("*")):  # rglob does not follow links to folders
        name = _plain(path.relative_to(place).as_posix())
        if _is_noise(name):
            continue
        count += 1
        if count > MOST_FILES:
            raise ValueError(f"{place} holds more than {MOST_FILES} files")
        if path.is_symlink():
            yield Found(name, None, "a link, not followed")
        elif path.is_dir():
            if not any(path.iterdir()) and path.parent == place:
                yield Found(f"{name}/", None, "an empty folder")
        elif path.is_file():
            with path.open("rb") as file:
                yield from _opened(name, file.read(LARGEST_ARCHIVE + 1), deep=True)


def _opened(name: str, content: bytes, deep: bool) -> Iterator[Found]:
    """A notebook as it is, an archive's notebooks, and other files by name only."""
    if name.endswith(".zip") and deep:
        try:
            inside = list(_archive(content, deep=False))
        except ValueError as problem:
            yield Found(name, None, str(problem))
        else:
            stem = name.removesuffix(".zip")
            yield from (Found(f"{stem}/{each.path}", each.content, each.note) for each in inside)
    elif not name.endswith(".ipynb"):
        yield Found(name, None, "not a notebook")
    elif len(content) > LARGEST:
        yield Found(name, None, f"larger than {LARGEST // 1_000_000} MB")
    else:
        yield Found(name, content)


def _archive(content: bytes, deep: bool) -> Iterator[Found]:
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as problem:
        raise ValueError(f"an archive that cannot be read: {problem}") from None
    members = [each for each in archive.infolist() if not _is_noise(each.filename)]
    if len(members) > MOST_FILES:
        raise ValueError(f"an archive of more than {MOST_FILES} files")
    total = 0
    for member in members:
        name = _plain(member.filename)
        if stat.S_ISLNK(member.external_attr >> 16):
            yield Found(name, None, "a link, not followed")
        elif not member.is_dir():
            data, note = _member(archive, member, deep)
            total += len(data)
            if total > 100 * LARGEST_ARCHIVE:
                raise ValueError("an archive that unpacks to too much")
            yield from [Found(name, None, note)] if note else _opened(name, data, deep)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, deep: bool) -> tuple[bytes, str]:
    """At most so many bytes, whatever the archive says about its sizes."""
    most = LARGEST
    if member.filename.endswith(".zip") and deep:
        most = LARGEST_ARCHIVE
    elif not member.filename.endswith(".ipynb"):
        return b"", "not a notebook"
    try:
        with archive.open(member) as file:
            data = file.read(most + 1)
    except Exception as problem:  # encrypted, broken, or in a way that zlib does not know
        return b"", f"cannot be read from the archive: {type(problem).__name__}"
    return (b"", f"larger than {most // 1_000_000} MB") if len(data) > most else (data, "")


def _plain(name: str) -> str:
    """A label: no way up, no root, no control characters."""
    parts = [each for each in re.split(r"[/\\]", name) if each not in ("", ".", "..")]
    return "/".join(re.sub(r"[^\w .,()@+-]", "_", each) for each in parts)


def _is_noise(name: str) -> bool:
    parts = name.split("/")
    return any(part in ("__MACOSX", ".ipynb_checkpoints", ".DS_Store") for part in parts)


# ---------------------------------------------------------------- students
def _owner(path: str) -> tuple[str, str]:
    """The student and the platform's number: from Canvas's or Moodle's names, or the folder."""
    top, _, rest = path.partition("/")
    for pattern in (MOODLE, CANVAS):
        if found := pattern.fullmatch(top):
            return found["who"], found["id"]
    return (top if rest or path.endswith("/") else Path(top).stem), ""


def _one(student: str, lms_id: str, files: list[Found], wanted: str) -> Submission:
    """Of a student's files the notebook of this assignment, the latest if there are several."""
    notes = [f"{Path(file.path).name}: {file.note}" for file in files if file.note]
    notebooks = [file for file in files if file.content is not None]
    ours = [file for file in notebooks if _assignment(file.content) == wanted]
    others = [file for file in notebooks if _assignment(file.content) not in (wanted, "")]
    notes += [f"{Path(f.path).name}: of assignment {_assignment(f.content)}" for f in others]
    chosen = ours or [file for file in notebooks if file not in others]
    if not chosen:
        return Submission(student, lms_id, notes=[*notes, "no notebook of this assignment"])
    if len(chosen) > 1:
        notes.append(f"{len(chosen)} notebooks; the last by name was taken")
    last = max(chosen, key=lambda file: _counted(file.path))
    return Submission(student, lms_id, last.path, last.content, notes)


def _counted(path: str) -> tuple[int, str]:
    """Sort key in which Canvas's second and tenth resubmission, x-1 and x-9, come in order."""
    count = re.search(r"-(\d{1,3})\.ipynb$", path)
    return (int(count[1]) if count else 0), path


def _distinct(found: list[Submission]) -> list[Submission]:
    """Two students of one name get the platform's number behind it."""
    names = [each.student for each in found]
    for each in found:
        if names.count(each.student) > 1 and each.lms_id:
            each.student += f"_{each.lms_id}"
    return found


# ---------------------------------------------------------------- notebooks
def _assignment(content: bytes) -> str:
    try:
        name = notebook(content)["metadata"]["lossbook"]["assignment"]
    except (BadValue, KeyError, TypeError):
        return ""
    return re.sub(r"[^\w-]", "", str(name))[:60]


def notebook(content: bytes) -> dict:
    """A notebook's JSON; `BadValue` if it is none."""
    found = loads(content)
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
            by_name[_grade_id(cell)].append(source)
            by_id[str(cell.get("id"))].append(source)
    by_name.pop("", None)
    return {**by_id, **by_name}  # an editor that drops the metadata still keeps the ids


def _grade_id(cell: dict) -> str:
    try:
        return str(cell["metadata"]["nbgrader"]["grade_id"])
    except (KeyError, TypeError):
        return ""
