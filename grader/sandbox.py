"""Run a job in a process of its own: bubblewrap around it, limits on all that it may use."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from glob import glob
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from grader import seccomp, values

HERE = Path(__file__).resolve().parent
MOST_OUTPUT = 4_000_000  # bytes
MOST_LINES = 1000  # beyond one for each request
PAUSES = (0, 1, 3)  # seconds before each attempt: a machine may be short of processes for a while
MEMORY = {"torch": 8 << 30}  # address space; numpy and sympy are content with the default
NONE = {"FSIZE": 0, "CORE": 0, "MEMLOCK": 0, "SIGPENDING": 0}  # the last bounds timers, too
running: set[subprocess.Popen] = set()
ENVIRONMENT = {
    "LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR") or "",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
WHY_NOT = """\
The sandbox does not work here, so nothing was graded: {reason}
Submissions are programs by others. Without isolation they run as you: they can read and change
your files and other students' work, use the network, and leave processes behind.
 - Linux: install bubblewrap (apt-get install bubblewrap). Where user namespaces are restricted
   (Ubuntu 24.04 and later): sysctl kernel.apparmor_restrict_unprivileged_userns=0
 - macOS and Windows have no bubblewrap: grade in a virtual machine with Linux.
 - Or, on a machine that holds nothing of value and is thrown away afterwards: --no-isolation"""


class NoSandbox(RuntimeError):
    """Isolation was asked for and is not to be had."""


@dataclass(frozen=True)
class Limits:
    """What one question of one student may use: seconds of computing, bytes of memory.

    On the clock it may take three times as long, so that a busy machine costs no marks.
    """

    seconds: float = 20.0
    memory: int = 1 << 30


@dataclass
class Answers:
    """What came back: numbers or an error by request, errors of cells, and how it ended."""

    values: dict[int, object] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    cells: list[str] = field(default_factory=list)
    note: str = ""


def run(job: dict, asks: list[dict], packages: tuple[str, ...], limits: Limits, isolated: bool):
    """Start a process, give it the job, and take what it says within the limits."""
    memory = max([limits.memory, *(MEMORY.get(name, 0) for name in packages)])
    caps = NONE | {"AS": memory, "CPU": max(1, round(limits.seconds)), "NOFILE": 64}
    if not isolated and sys.platform != "linux":
        caps = {}
    path = ["/box", "/box/site"] if isolated else [str(HERE), sysconfig.get_path("purelib")]
    job = job | {"limits": caps, "path": path}
    text = "".join(json.dumps(part) + "\n" for part in (job, asks)).encode()
    problem = ""
    for pause in PAUSES:
        time.sleep(pause)
        try:
            output, note = _talk(packages, text, limits.seconds, isolated)
        except (OSError, RuntimeError) as refused:  # no process, pipe or thread to be had
            problem = str(refused)
            continue
        if b'"ready"' in output[:100]:
            return _read(output, note, len(asks))
        problem = note
    raise NoSandbox(f"the sandbox did not start: {problem!r}. What was graded is kept.")


def _talk(packages: tuple[str, ...], text: bytes, seconds: float, isolated: bool):
    command = [sys.executable, "-s", "-S", "-B", "-P"]
    keep: tuple[int, ...] = ()
    if isolated:
        keep = (_filter(),)
        bubble = [*_bubble(packages), "--seccomp", str(keep[0])]
        command = [*bubble, _python(), *command[1:], "/box/child.py"]
    else:
        command.append(str(HERE / "child.py"))
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            pass_fds=keep,
            start_new_session=True,
        )
    finally:
        for each in keep:
            os.close(each)
    running.add(process)
    try:
        threading.Thread(target=_feed, args=(process, text), daemon=True).start()
        output, note = _listen(process, 3 * seconds)
        return output, note or _end(process, seconds) or _complaint(process)
    finally:
        running.discard(process)
        process.kill()  # bubblewrap takes everything in the sandbox down with it
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _complaint(process: subprocess.Popen) -> str:
    """What bubblewrap says of itself; the student's process has no such channel."""
    said = select.select([process.stderr], [], [], 0)[0]
    return os.read(process.stderr.fileno(), 500).decode(errors="replace") if said else ""


def _feed(process: subprocess.Popen, text: bytes) -> None:
    try:
        process.stdin.write(text)
        process.stdin.close()
    except OSError:  # it ended before it had read everything
        pass


def _listen(process: subprocess.Popen, seconds: float) -> tuple[bytes, str]:
    output, end = bytearray(), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        piece = os.read(process.stdout.fileno(), 1 << 16)
        if not piece:
            return bytes(output), ""
        output += piece
        if len(output) > MOST_OUTPUT:
            return bytes(output), "stopped: too much output"
    return bytes(output), f"stopped after {seconds:g} s on the clock"


def _end(process: subprocess.Popen, seconds: float) -> str:
    try:
        code = process.wait(5)
    except subprocess.TimeoutExpired:  # it closed the channel and lives on
        return ""
    killed = code in (-signal.SIGKILL, 128 + signal.SIGKILL)  # the kernel's way to say enough
    return f"killed after {seconds:g} s of computing, or by itself" if killed else ""


def _read(output: bytes, note: str, count: int) -> Answers:
    """Take what is well formed, once for each request; the rest is noise of a student's code."""
    found = Answers(note=note)
    first, *lines = output.split(b"\n", count + MOST_LINES)
    started = values.loads(first)
    if not started["ready"]:
        raise RuntimeError(f"the set-up of the assignment fails: {started['error']}")
    done = 0
    for line in lines[: count + MOST_LINES - 1]:  # what is left is not split: it may be millions
        try:
            done += _take(values.loads(line), found, count)
        except values.BadValue:
            continue
    if done < count and not note:
        flooded = len(lines) == count + MOST_LINES
        found.note = "stopped: too much output" if flooded else "the process died"
    return found


def _take(said: object, found: Answers, count: int) -> int:
    if not isinstance(said, dict):
        return 0
    error = said.get("error", said.get("cell"))
    error = error[:300] if isinstance(error, str) else "an error"
    number = said.get("ask")
    if "cell" in said and len(found.cells) < 20:
        found.cells.append(error)
    fresh = type(number) is int and 0 <= number < count
    if not fresh or number in found.values or number in found.errors:
        return 0
    if "value" not in said:
        found.errors[number] = error
        return 1
    try:
        found.values[number] = values.decode(said["value"])
    except values.BadValue as problem:
        found.errors[number] = f"BadValue: {problem}"
    return 1


def stop() -> None:
    """End all that runs. Whoever waits for it gets answers that mean nothing."""
    for process in list(running):
        process.kill()


def check() -> None:
    """Raise `NoSandbox` unless the sandbox starts and keeps its promises here."""
    if sys.platform != "linux" or not shutil.which("bwrap"):
        raise NoSandbox(WHY_NOT.format(reason="there is no bubblewrap (bwrap)"))
    probe = """\
import os, socket
def refused(attempt):
    try:
        attempt()
    except OSError:
        return 1.0
    return 0.0
tried = [refused(os.fork), refused(socket.socket), refused(lambda: open("/box/x", "w")),
         refused(lambda: os.listdir("/home")), refused(lambda: open("/etc/passwd"))]"""
    try:
        job = {"setup": probe, "cells": []}
        asks = [{"expression": "tried", "inputs": {}}]
        found = run(job, asks, ("numpy",), Limits(), True)
    except (NoSandbox, NotImplementedError, RuntimeError) as problem:
        raise NoSandbox(WHY_NOT.format(reason=problem)) from None
    kept = found.values.get(0)
    if kept is None or list(kept) != [1.0] * 5:
        raise NoSandbox(WHY_NOT.format(reason=f"it leaks: {kept}, {found.errors}, {found.note}"))


# ---------------------------------------------------------------- what the sandbox holds
def _filter() -> int:
    """The read end of a pipe with the seccomp program in it."""
    reader, writer = os.pipe()
    os.write(writer, seccomp.program())
    os.close(writer)
    return reader


@cache
def _python() -> str:
    return os.path.realpath(sys.executable)


@cache
def _bubble(packages: tuple[str, ...]) -> list[str]:
    """Python, its library and the named packages, read-only, and nothing else at all."""
    only = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    only += ["--uid", "65534", "--gid", "65534", "--hostname", "box", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        only += ["--setenv", name, value]
    for place in _shared_libraries():
        only += ["--ro-bind-try", place, place]
    for place in ("/lib", "/lib64"):
        if os.path.islink(place):
            only += ["--symlink", os.readlink(place), place]
        else:
            only += ["--ro-bind-try", place, place]
    only += _library()
    for device in ("null", "zero", "urandom", "random"):
        only += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    for name in ("child.py", "values.py"):
        only += ["--ro-bind", str(HERE / name), f"/box/{name}"]
    only += ["--dir", "/box/site"]
    for entry in _entries(packages):
        only += ["--ro-bind", str(entry), f"/box/site/{entry.name}"]
    return [*only, "--remount-ro", "/", "--chdir", "/box"]


def _shared_libraries() -> list[str]:
    """The C library and its like; of /usr/lib as little as the distribution allows."""
    folder = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
    if os.path.isdir(folder):  # Debian, Ubuntu; on ARM the loader is a link beside it
        return [folder, "/usr/lib64", *glob("/usr/lib/ld-linux-*.so.*")]
    return ["/usr/lib", "/usr/lib64"]


def _library() -> list[str]:
    """The interpreter and the standard library, without the packages installed beside it."""
    binds = ["--ro-bind", _python(), _python()]
    for library in Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib").glob("libpython3*.so*"):
        binds += ["--ro-bind", str(library), str(library)]
    places = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    base = dict.fromkeys(("base", "platbase", "installed_base"), sys.base_prefix)
    places |= {sysconfig.get_path("stdlib", vars=base)}
    for place in sorted(os.path.realpath(each) for each in places):
        if os.path.isfile(os.path.join(place, "os.py")):
            binds += ["--ro-bind", place, place]
            for extra in ("site-packages", "dist-packages"):
                if os.path.isdir(os.path.join(place, extra)):
                    empty = os.path.join(place, extra)
                    binds += ["--tmpfs", empty, "--remount-ro", empty]
    if "/usr/lib" in _shared_libraries() and os.path.isdir("/usr/lib/python3"):
        binds += ["--tmpfs", "/usr/lib/python3", "--remount-ro", "/usr/lib/python3"]
    return binds


@cache
def _entries(packages: tuple[str, ...]) -> list[Path]:
    """The files and folders of these packages, and of what they need, in site-packages."""
    todo, seen, entries = list(packages), set(), {}
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        for file in found.files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__", "bin") and not top.endswith(".pth"):
                entries[top] = Path(found.locate_file(top))
        for needed in found.requires or []:
            if "extra ==" not in needed:
                todo.append(re.split(r"[\s<>=!~;\[(]", needed, maxsplit=1)[0])
    return [path for _, path in sorted(entries.items()) if path.exists()]
