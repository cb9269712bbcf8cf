"""Settings for ``pytest --nbval``, and messages that say where and what to do.

A chapter's kernel is a child of pytest, so it inherits the environment set here.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

# On two cores, two kernels with two spinning OpenMP threads each take many times as long.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# A chapter imports lossbook from this checkout, whatever is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))

DIFFERS = """\
In the diff, '+' is what the notebook stores and '-' is what this run gave.
If the stored output is out of date:  python tools/nb.py run {path}
If only a last digit differs: show fewer digits (lossbook.num); do not ignore the output."""
STOPPED = """\
The cell stopped with the error above; the rest of the chapter is skipped.
Repair it, then:  python tools/nb.py run {path}"""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    option = config.option
    if not getattr(option, "nbval", False):
        return
    if option.nbval_lax:
        raise pytest.UsageError("--nbval-lax switches the comparison of --nbval off: drop it")
    if option.dist == "worksteal":  # what pyproject.toml has for the package
        option.dist = "loadscope"
    if getattr(option, "numprocesses", None) and option.dist not in ("loadscope", "loadfile"):
        raise pytest.UsageError(
            f"--dist {option.dist} tears a chapter apart, whose cells share one kernel: "
            "use --dist loadscope"
        )


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: the collector need not look at them again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _is_cell(item: pytest.Item) -> bool:
    return type(item).__name__ == "IPyNbCell"


def pytest_runtest_setup(item: pytest.Item) -> None:
    stopped = getattr(item.parent, "stopped_at", None) if _is_cell(item) else None
    if stopped is not None:
        pytest.skip(f"In [{stopped}] of this chapter stopped with an error")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if _is_cell(item) and call.excinfo and report.failed:
        prompt, path = item.cell_num + 1, os.path.relpath(item.path, ROOT)
        differs = "outputs differ" in str(call.excinfo.value)
        if not differs:
            item.parent.stopped_at = prompt
        place = f"{path}, code cell In [{prompt}], cell id {item.cell.get('id')}\n"
        advice = (DIFFERS if differs else STOPPED).format(path=path)
        report.sections.append(("Where and what to do", place + advice))
    return report
