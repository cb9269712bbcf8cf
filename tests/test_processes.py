"""Promise: processes end within their time limit, whatever happens to one of them."""

from __future__ import annotations

import os
import textwrap
import time
from pathlib import Path

import pytest

from lossbook.processes import run_processes

SUM = """
    import torch
    import torch.distributed as dist

    def work(rank, count):
        x = torch.tensor([float(rank)])
        dist.all_reduce(x)
        return {"rank": rank, "sum": x.item()}
"""


def program(folder, body):
    path = folder / "program.py"
    path.write_text(textwrap.dedent(body), "utf-8")
    return path


def test_results_come_back_by_rank(tmp_path):
    found = run_processes(program(tmp_path, SUM), 3, timeout=90)
    assert found == [{"rank": rank, "sum": 3.0} for rank in range(3)]


DYING = """
    import os
    import signal
    from pathlib import Path
    import torch
    import torch.distributed as dist

    def work(rank, count):
        Path({folder!r}, f"{{rank}}.pid").write_text(str(os.getpid()))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nobody waits for those that stay
        dist.barrier()
        if rank == 1:
            {fate}
        dist.all_reduce(torch.ones(1))  # the others wait here
"""


@pytest.mark.parametrize(
    "fate, error, message",
    [
        ("os.kill(os.getpid(), 9)", RuntimeError, "process 1 of 4 was killed by signal 9"),
        ("raise ValueError('no data')", RuntimeError,
         "process 1 of 4 ended with exit code 1: ValueError: no data"),
        ("os._exit(0)", RuntimeError,
         "process 1 of 4 ended with exit code 0: work has not returned"),
        ("import time; time.sleep(600)", TimeoutError, "4 processes were stopped after 8 s"),
    ],
    ids=["killed", "raises", "ends", "hangs"],
)  # fmt: skip
def test_when_a_process_dies_the_error_is_clear_and_nothing_is_left_running(
    tmp_path, fate, error, message
):
    path = program(tmp_path, DYING.format(folder=str(tmp_path), fate=fate))
    timeout, start = (8 if error is TimeoutError else 90), time.monotonic()
    with pytest.raises(error, match=f"^{message}"):
        run_processes(path, 4, timeout=timeout)
    assert time.monotonic() - start < 90
    pids = [int(p.read_text()) for p in tmp_path.glob("*.pid")]
    assert len(pids) == 4
    assert not [pid for pid in pids if runs(pid)]


@pytest.mark.parametrize(
    "count, timeout, error, message",
    [
        (0, 5, ValueError, "count must be at least 1, got 0"),
        (2.0, 5, TypeError, "count must be a whole number, got float"),
        (2, 0, ValueError, "timeout must be a number in"),
        (2, float("nan"), ValueError, "timeout must be a number in"),
    ],
)
def test_a_count_or_a_time_limit_out_of_range_is_refused(tmp_path, count, timeout, error, message):
    with pytest.raises(error, match=f"^{message}"):
        run_processes(program(tmp_path, SUM), count, timeout=timeout)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_the_error_says_why_the_launcher_ended(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ImportError: no torch' >&2\nexit 1\n", "utf-8")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(RuntimeError, match="launcher ended with code 1: ImportError: no torch"):
        run_processes(program(tmp_path, SUM), 2)


def runs(pid):
    for _ in range(100):  # a process that was killed takes a moment to be gone
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return False  # it has ended, and nobody has asked how
        time.sleep(0.05)
    return True
