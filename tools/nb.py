#!/usr/bin/env python3
"""The tool for the book's notebooks.

    python tools/nb.py run   [files]   execute in a fresh kernel, store the outputs, normalize
    python tools/nb.py fmt   [files]   normalize only: outputs are kept, nothing is executed
    python tools/nb.py check [files]   report everything that is not clean

Files default to book/*.ipynb. Exit status: 0 clean, 1 problems, 2 wrong use.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import lint

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
CELL_METADATA = ("tags", "mystnb")  # anything else is an editor's own business


# ------------------------------------------------------------------ read and write
def read(path: Path) -> NotebookNode:
    """Read a notebook, with every field present and every text in one string.

    nbformat's own reader invents random ids where there are none.
    """
    raw = json.loads(path.read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        defaults = {"id": "", "metadata": {}, "source": ""}
        if cell["cell_type"] == "code":
            defaults |= {"outputs": [], "execution_count": None}
        for key, value in defaults.items():
            cell.setdefault(key, value)
        cell["source"] = _joined(cell["source"])
        for output in cell.get("outputs", []):
            _join_output(output)
    return nbformat.from_dict(raw)


def _joined(text: str | list[str]) -> str:
    return "".join(text) if isinstance(text, list) else text


def _join_output(output: dict) -> None:
    if "text" in output:
        output["text"] = _joined(output["text"])
    for mime, value in output.get("data", {}).items():
        if not mime.endswith("json"):
            output["data"][mime] = _joined(value)


def dump(notebook: NotebookNode) -> str:
    """The notebook as text: sorted keys, one space of indent, one newline at the end."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write(path: Path, notebook: NotebookNode) -> None:
    path.write_text(dump(notebook), encoding="utf-8", newline="\n")


# ------------------------------------------------------------------ normalize
def normalize(notebook: NotebookNode) -> NotebookNode:
    """Drop what editors and kernels add, and keep what the reader sees."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    seen: set[str] = set()
    count = 0
    for cell in notebook.cells:
        _normalize_cell(cell)
        cell.id = _identifier(cell, seen)
        seen.add(cell.id)
        if cell.cell_type == "code":
            # A cell that was never run keeps its null, which `check` reports.
            if cell.execution_count is not None:
                count += 1
                cell.execution_count = count
            cell.outputs = _merged([_normalize_output(o, cell) for o in cell.outputs])
    return notebook


def _normalize_cell(cell: NotebookNode) -> None:
    kept = {k: v for k, v in cell.metadata.items() if k in CELL_METADATA and v}
    cell.metadata = nbformat.from_dict(kept)
    if not cell.get("attachments"):
        cell.pop("attachments", None)
    if cell.cell_type == "code":
        cell.source = re.sub(r"[ \t]+$", "", cell.source, flags=re.M)
    cell.source = cell.source.strip("\n")


def _identifier(cell: NotebookNode, seen: set[str]) -> str:
    """Keep an id; give a new cell one made of its text, so that all who add it agree."""
    if cell.id and cell.id not in seen:
        return cell.id
    base = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
    candidate, k = base, 1
    while candidate in seen:
        candidate, k = f"{base}-{k}", k + 1
    return candidate


def _normalize_output(output: NotebookNode, cell: NotebookNode) -> NotebookNode:
    if output.output_type == "error":
        # The real one holds paths and colors; a page shows this line.
        output.traceback = [f"{output.ename}: {output.evalue}"]
    elif output.output_type != "stream":
        output.metadata = nbformat.from_dict({})
        output.pop("transient", None)
    if output.output_type == "execute_result":
        output.execution_count = cell.execution_count
    return output


def _merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and "stream" == output.output_type == last.output_type and last.name == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


# ------------------------------------------------------------------ execute
def execute(path: Path, timeout: int) -> list[str]:
    """Run a notebook and store what it gave. An error leaves the file as it was."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = normalize(read(path))
    before = {c.id: (c.source, c.outputs) for c in notebook.cells if _is_ignored(c)}
    progress = Progress(path, notebook)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        # Else each kernel warns on the terminal that its port on this machine is not encrypted.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
        on_cell_start=progress,
    )
    try:
        client.execute(env=_environment())
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return [progress.failure(error)]
    for cell in notebook.cells:
        # A timing keeps its stored text while its code is the same: no needless diff.
        source, outputs = before.get(cell.id, (None, []))
        if source == cell.source and outputs:
            cell.outputs = outputs
    write(path, normalize(notebook))
    return []


def _is_ignored(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and lint.IGNORE in cell.metadata.get("tags", [])


def _environment() -> dict[str, str]:
    """What conftest.py gives to nbval's kernels: one thread, and this checkout first."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    fixed = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return threads | dict(os.environ) | fixed


class Progress:
    """Knows which cell runs, and shows it on a terminal."""

    def __init__(self, path: Path, notebook: NotebookNode) -> None:
        self.path, self.notebook, self.index = path, notebook, 0

    def __call__(self, cell: NotebookNode, cell_index: int) -> None:
        self.index = cell_index
        if sys.stdout.isatty():
            last = len(self.notebook.cells) - 1
            print(f"\r{_shown(self.path)}: cell {cell_index} of {last} ", end="", flush=True)

    def failure(self, error: Exception) -> str:
        """Where the run stopped and why, in the words of the cell's own error."""
        where = lint.place(self.index, self.notebook.cells[self.index])
        name = getattr(error, "ename", "") or type(error).__name__
        value = getattr(error, "evalue", "") or str(error).strip()
        traceback = re.sub(r"\x1b\[[\d;]*m", "", str(getattr(error, "traceback", "")))
        shown = f"{where}: {name}: {value}\n{traceback}".rstrip()
        return f"{shown}\n{_shown(self.path)} was left as it was"


# ------------------------------------------------------------------ commands
def run(path: Path, timeout: int) -> list[str]:
    print(f"{_shown(path)}: running ...", flush=True)
    start = time.perf_counter()
    problems = execute(path, timeout)
    if not problems:
        print(f"{_shown(path)}: executed in {time.perf_counter() - start:.1f} s", flush=True)
    return problems or check(path, timeout)


def fmt(path: Path, timeout: int) -> list[str]:
    text = dump(normalize(read(path)))
    if text != path.read_bytes().decode("utf-8"):
        write(path, normalize(read(path)))
        print(f"{_shown(path)}: normalized")
    return []


def check(path: Path, timeout: int) -> list[str]:
    problems = lint.problems(read(path))
    text = path.read_bytes().decode("utf-8")
    if len(text.encode()) > lint.MAX_NOTEBOOK:
        problems.append(f"{len(text.encode()):,} bytes, expected at most {lint.MAX_NOTEBOOK:,}")
    if text != dump(normalize(read(path))):
        problems.append(f"not normalized: python tools/nb.py fmt {_shown(path)}")
    return problems


def _shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _notebooks(files: list[str], parser: argparse.ArgumentParser) -> list[Path]:
    missing = [f for f in files if not Path(f).is_file()]
    if missing:
        parser.error(f"no such file: {', '.join(missing)}")
    return [Path(f) for f in files] or sorted((ROOT / "book").glob("*.ipynb"))


def _not_a_notebook(path: Path) -> str | None:
    try:
        read(path)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return f"not a notebook: {type(error).__name__}: {error}"
    return None


def main(argv: list[str] | None = None) -> int:
    commands = {"run": run, "fmt": fmt, "check": check}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=commands)
    parser.add_argument("files", nargs="*", metavar="file")
    parser.add_argument("--timeout", type=int, default=120, help="seconds per cell (120)")
    args = parser.parse_intermixed_args(argv)
    paths, count = _notebooks(args.files, parser), 0
    for path in paths:
        wrong = _not_a_notebook(path)
        for problem in [wrong] if wrong else commands[args.command](path, args.timeout):
            count += 1
            print(f"{_shown(path)}: {problem}", flush=True)
    print(f"nb.py {args.command}: {len(paths)} notebooks, {count} problems")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
