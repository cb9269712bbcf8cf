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
from pathlib import Path
from typing import Any

TOO_LATE = 3


def run_processes(program: str | Path, count: int, *, timeout: float = 60.0) -> list[Any]:
    """Run ``work(rank, count)`` of a program in each of ``count`` processes of one group.

    Parameters
    ----------
    program
        A Python file that defines ``work``. When it is called, the group of the processes is
        set up: ``torch.distributed`` can be used. What it returns must fit into JSON.
    count
        How many processes there are; ``rank`` goes from 0 to count - 1.
    timeout
        The number of seconds after which all are stopped.

    Returns
    -------
    list
        What each process has returned, by rank.

    Raises
    ------
    RuntimeError
        If a process fails or dies: its rank and the reason. The others are stopped.
    TimeoutError
        If it takes longer than the time limit. All are stopped.
    """
    root = str(Path(__file__).parents[1])
    paths = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "lossbook.processes", program, count, timeout, folder]
        launcher = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
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
            raise RuntimeError(_read(folder, "error") or f"the launcher ended with code {code}")
        return [json.loads(_read(folder, f"{rank}.json")) for rank in range(count)]


def _stop(launcher: subprocess.Popen) -> None:
    """End the launcher and all that it started, which are one process group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all have ended
            os.killpg(launcher.pid, signal.SIGKILL)
    else:
        launcher.kill()
    launcher.wait()


def _read(folder: str | Path, name: str) -> str:
    path = Path(folder, name)
    return path.read_text("utf-8") if path.exists() else ""


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
    while any(member.exitcode is None for member in members):
        _fail_with_the_first(members, folder)
        if time.monotonic() > deadline:
            return TOO_LATE
        time.sleep(0.01)
    _fail_with_the_first(members, folder)
    return 0


def _fail_with_the_first(members: list, folder: str) -> None:
    if not any(member.exitcode for member in members):
        return
    time.sleep(0.3)  # whoever has lost a peer fails too, but the cause has failed before
    rank = min((r for r, m in enumerate(members) if m.exitcode), key=lambda r: _when(folder, r))
    code, reason = members[rank].exitcode, _read(folder, f"{rank}.error")
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
    except Exception as error:
        reason = traceback.format_exception_only(error)[-1].strip()
        Path(folder, f"{rank}.error").write_text(reason, "utf-8")
        sys.exit(1)


if __name__ == "__main__":
    program, count, timeout, folder = sys.argv[1:]
    sys.exit(_launch(program, int(count), float(timeout), folder))
