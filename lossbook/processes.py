"""Run a piece of code in several processes that talk to each other by torch.distributed.

For trying out, on one machine without a GPU, what otherwise takes several: the processes are
local and use the gloo backend. They end within the time limit, whatever happens to them.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from datetime import timedelta
from numbers import Integral
from pathlib import Path
from typing import Any

from lossbook.checks import check_number

TOO_LATE = 3


def run_processes(program: str | Path, count: int, *, timeout: float = 60.0) -> list[Any]:
    """Run ``work(rank, count)`` of a program in each of ``count`` processes of one group.

    Parameters
    ----------
    program
        A Python file that defines ``work``. When it is called, the group of the processes is
        set up: ``torch.distributed`` can be used. What it returns must fit into JSON.
    count
        How many processes there are, at least 1; ``rank`` goes from 0 to count - 1.
    timeout
        The number of seconds after which all are stopped, positive.

    Returns
    -------
    list
        What each process has returned, by rank.

    Raises
    ------
    TypeError, ValueError
        If the count or the time limit is not a number in its range.
    RuntimeError
        If a process fails, dies, or ends before ``work`` returns: its rank and the reason. The
        others are stopped.
    TimeoutError
        If it takes longer than the time limit. All are stopped.
    """
    if not isinstance(count, Integral) or isinstance(count, bool):
        raise TypeError(f"count must be a whole number, got {type(count).__qualname__}")
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    timeout = check_number("timeout", timeout, 0, open_low=True)
    root = str(Path(__file__).parents[1])
    paths = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    with tempfile.TemporaryDirectory() as folder, Path(folder, "stderr").open("wb") as stderr:
        command = [sys.executable, "-m", "lossbook.processes", program, count, timeout, folder]
        launcher = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            code = launcher.wait(timeout + 20)  # it watches the clock itself, from its start on
        except subprocess.TimeoutExpired:
            code = TOO_LATE
        finally:
            _stop(launcher)
        if code == TOO_LATE:
            raise TimeoutError(f"{count} processes were stopped after {timeout:g} s: {program}")
        if code:
            raise RuntimeError(_read(folder, "error") or _launcher_error(folder, code))
        return [json.loads(_read(folder, f"{rank}.json")) for rank in range(count)]


def _stop(launcher: subprocess.Popen) -> None:
    """End the launcher and all that it started, which are one process group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all have ended
            os.killpg(launcher.pid, signal.SIGKILL)
    else:
        launcher.kill()
    launcher.wait()


def _launcher_error(folder: str, code: int) -> str:
    said = _read(folder, "stderr").strip().splitlines()[-1:]
    return ": ".join([f"the launcher ended with code {code}", *said])


def _read(folder: str | Path, name: str) -> str:
    path = Path(folder, name)
    return path.read_text("utf-8", "replace") if path.exists() else ""


# --------------------------------------------------------------- in the other processes
def _launch(program: str, count: int, timeout: float, folder: str) -> int:
    """Start the members from one process that has imported torch, and watch them."""
    import torch

    torch.set_num_threads(1)  # the members share the cores
    deadline = time.monotonic() + timeout
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    members = [
        context.Process(target=_member, args=(program, rank, count, timeout, folder), daemon=True)
        for rank in range(count)
    ]
    for member in members:
        member.start()
    try:
        while any(member.exitcode is None for member in members):
            _fail_with_the_first(members, folder)
            if time.monotonic() > deadline:
                return TOO_LATE
            time.sleep(0.01)
        _fail_with_the_first(members, folder)
        return 0
    finally:
        for member in members:  # at its exit it would wait for those that ignore SIGTERM
            member.kill()


def _failed(members: list, folder: str) -> list[int]:
    """The ranks of those that have ended otherwise than by returning from ``work``."""
    ended = [r for r, member in enumerate(members) if member.exitcode is not None]
    return [r for r in ended if members[r].exitcode or not Path(folder, f"{r}.json").exists()]


def _fail_with_the_first(members: list, folder: str) -> None:
    if not _failed(members, folder):
        return
    time.sleep(0.3)  # whoever has lost a peer fails too, but the cause has failed before
    rank = min(_failed(members, folder), key=lambda r: _when(folder, r))
    code = members[rank].exitcode
    reason = _read(folder, f"{rank}.error") or ("" if code else "work has not returned")
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    message = f"process {rank} of {len(members)} {ended}"
    Path(folder, "error").write_text(f"{message}: {reason}" if reason else message, "utf-8")
    sys.exit(1)  # the other members end with this process


def _when(folder: str, rank: int) -> int:
    """When a member said why it failed; one that was killed could not."""
    path = Path(folder, f"{rank}.error")
    return path.stat().st_mtime_ns if path.exists() else 0


def _member(program: str, rank: int, count: int, timeout: float, folder: str) -> None:
    """One process of the group."""
    import torch.distributed as dist

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the file is the launcher's
    names = [name for _, name in socket.if_nameindex()]
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if "lo" in names else "lo0")
    try:
        dist.init_process_group(
            "gloo",
            init_method=Path(folder, "store").as_uri(),
            rank=rank,
            world_size=count,
            timeout=timedelta(seconds=timeout),
        )
        result = runpy.run_path(program)["work"](rank, count)
        Path(folder, f"{rank}.json").write_text(json.dumps(result), "utf-8")
        dist.barrier()  # nobody leaves while another still needs it
        dist.destroy_process_group()
    except BaseException as error:  # SystemExit, too: it is not how work returns
        reason = "".join(traceback.format_exception_only(error)).strip()
        Path(folder, f"{rank}.error").write_text(reason, "utf-8", "replace")
        sys.exit(1)


if __name__ == "__main__":
    program, count, timeout, folder = sys.argv[1:]
    sys.exit(_launch(program, int(count), float(timeout), folder))
