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
    from pathlib import Path
    import torch
    import torch.distributed as dist

    def work(rank, count):
        Path({folder!r}, f"{{rank}}.pid").write_text(str(os.getpid()))
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
        ("import time; time.sleep(600)", TimeoutError, "4 processes were stopped after 8 s"),
    ],
    ids=["killed", "raises", "hangs"],
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
