"""What a clean chapter notebook is: the rules behind ``nb.py check``.

Every function here yields or returns messages; none changes a notebook.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

import equations

MAX_NOTEBOOK = 1_000_000  # bytes, outputs included
MAX_IMAGE = 200_000  # characters of base64
MAX_TEXT = 8_000  # characters of one text output
MAX_LAB = 40_000  # of an interactive figure, which holds its numbers for all sliders
MAX_IGNORED = 2  # cells per notebook whose output nbval does not compare
IGNORE = "nbval-ignore-output"
EXACT = "exact-digits"
TWIN = "text/vnd.lossbook.figure"
VEGA_LITE = "application/vnd.vegalite.v5+json"
LAB = '<div class="lossbook-lab"'
STAMP = b"lossbook-twin"

TAGS = {IGNORE, EXACT, "raises-exception", "full-width", "margin", "scroll-output"} | {
    f"{verb}-{what}" for verb in ("hide", "remove") for what in ("input", "output", "cell")
}
TEXTS = {"text/plain", "text/html", "text/latex", "text/markdown", TWIN}
MIMES = TEXTS | {"image/png", VEGA_LITE}

VARYING = {
    r"\b0x[0-9a-fA-F]{6,}\b": "a memory address",
    r"(?<![\w.])/(tmp|home|root|Users|usr|var|work|mnt)/|site-packages|\b[A-Z]:\\Users": (
        "a path of one machine"
    ),
    r"ipykernel_\d+|<ipython-input": "a kernel's file name",
    r"device='?(cuda|mps)": "a device name",
    r"grad_fn=<": "an autograd repr: print .item() or .detach()",
    r"\d\s?(ms|µs|μs|us|ns|sec|seconds|minutes|it/s)\b": "a timing",
    r"\d+%\|": "a progress bar",
    r"\bnp\.(float|int|uint|bool|str)\d*_?\(": "a NumPy scalar's repr: use lossbook.num",
}
MANY_DIGITS = r"\d\.\d{9,}"


def problems(notebook: NotebookNode) -> list[str]:
    """Everything that is not clean, each with the place where it stands."""
    # First the ids: nbformat repairs them silently.
    if found := list(_ids(notebook)):
        return found
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {str(error).splitlines()[0]}"]
    found = [*_counts(notebook), *_balance(notebook)]
    for i, cell in enumerate(notebook.cells):
        found += [f"{place(i, cell)}: {message}" for message in _cell(cell)]
    return found + equations.problems(notebook, place)


def place(i: int, cell: NotebookNode) -> str:
    """A cell's position, counted from 0 in the file, with its id and its prompt."""
    prompt = cell.get("execution_count")
    return f"cell {i}" + (f", In [{prompt}]" if prompt else "") + f", id {cell.get('id')!r}"


# ------------------------------------------------------------------ the notebook
def _ids(notebook: NotebookNode) -> Iterator[str]:
    uses = Counter(cell.get("id") for cell in notebook.cells)
    for i, cell in enumerate(notebook.cells):
        if not cell.get("id"):
            yield f"{place(i, cell)}: no id: run fmt"
        elif uses[cell.id] > 1:
            yield f"{place(i, cell)}: the id is used {uses[cell.id]} times: run fmt"


def _counts(notebook: NotebookNode) -> Iterator[str]:
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if None in counts:
        yield (
            f"{counts.count(None)} of {len(counts)} code cells were never run, and nbval passes "
            "such cells unseen: run them"
        )
    elif counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, expected 1 to {len(counts)}: run the notebook"


def _balance(notebook: NotebookNode) -> Iterator[str]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ignored = [cell for cell in code if IGNORE in _tags(cell)]
    if len(ignored) > MAX_IGNORED:
        names = ", ".join(cell.id for cell in ignored)
        yield f"{len(ignored)} cells are tagged {IGNORE}, expected at most {MAX_IGNORED}: {names}"
    if not any(_texts(o) for cell in code if cell not in ignored for o in cell.outputs):
        yield "no output that nbval compares: the notebook proves nothing"


# ------------------------------------------------------------------ a cell
def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _cell(cell: NotebookNode) -> Iterator[str]:
    if cell.cell_type not in ("code", "markdown"):
        yield f"a cell of type {cell.cell_type!r}, expected code or markdown"
    if not cell.source.strip():
        yield "an empty cell"
    for tag in sorted(set(_tags(cell)) - TAGS):
        yield f"unknown tag {tag!r}, expected one of {', '.join(sorted(TAGS))}"
    if cell.cell_type == "code":
        yield from _source(cell)
        for output in cell.outputs:
            yield from _output(cell, output)


def _source(cell: NotebookNode) -> Iterator[str]:
    if re.search(r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)_", cell.source, re.M):
        yield f"an NBVAL_ comment: use the tag {IGNORE}, which readers do not see"
    if cell.source.rstrip().endswith(";"):
        yield "ends in ';', which nbval ignores: end with plt.show(), or assign to _"


def _output(cell: NotebookNode, output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error" and "raises-exception" not in _tags(cell):
        yield f"a stored error, {output.ename}: {output.evalue}"
    if output.output_type == "stream" and output.name == "stderr":
        last = (output.text.strip().splitlines() or [""])[-1]
        yield f"writes to stderr, expected no warning: {last[:100]!r}"
    for mime in sorted(set(output.get("data", {})) - MIMES):
        yield f"an output of type {mime}, expected one of {', '.join(sorted(MIMES))}"
    if "image/png" in output.get("data", {}):
        yield from _figure(cell, output.data)
    for text in _texts(output):
        yield from _text(cell, text)


def _texts(output: NotebookNode) -> list[str]:
    if output.output_type == "stream":
        found = [output.text]
    elif output.output_type == "error":
        found = [output.evalue]
    else:
        found = [value for mime, value in output.data.items() if mime in TEXTS]
    return [text for text in found if text.strip()]


def _text(cell: NotebookNode, text: str) -> Iterator[str]:
    limit = MAX_LAB if text.startswith(LAB) else MAX_TEXT
    if len(text) > limit:
        yield f"a text output of {len(text):,} characters, expected at most {limit:,}"
    if IGNORE in _tags(cell) or text in _shown_source(cell):
        return
    patterns = (
        VARYING
        if EXACT in _tags(cell)
        else VARYING
        | {MANY_DIGITS: f"a number with ten digits or more: use lossbook.num, or the tag {EXACT}"}
    )
    for pattern, what in patterns.items():
        if match := re.search(pattern, text):
            start = max(match.start() - 20, 0)
            yield f"an output holds {what}: {text[start : match.end() + 20]!r}"


def _shown_source(cell: NotebookNode) -> set[str]:
    """The texts of lossbook.source: code holds numbers and names that do not vary."""
    listings = [o.data for o in cell.outputs if "text/markdown" in o.get("data", {})]
    listings = [data for data in listings if data["text/markdown"].startswith("```")]
    return {text for data in listings for text in data.values()}


# ------------------------------------------------------------------ a figure
def _figure(cell: NotebookNode, data: NotebookNode) -> Iterator[str]:
    image = data["image/png"]
    if len(image) > MAX_IMAGE:
        yield f"an image of {len(image):,} characters, expected at most {MAX_IMAGE:,}"
    if not cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip():
        yield "a figure without alternative text: set mystnb.image.alt in the cell's metadata"
    if TWIN not in data:
        yield "a figure without its text twin: call lossbook.use_book_style() first"
    elif _stamp(image) != hashlib.sha256(data[TWIN].encode()).hexdigest()[:16]:
        yield "the image was not drawn with the twin beside it, so it is stale: run the notebook"


def _stamp(image: str) -> str | None:
    """The PNG text chunk that lossbook.use_book_style writes."""
    raw = base64.b64decode(image)
    at = 8
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        key, _, value = raw[at + 8 : at + 8 + size].partition(b"\0")
        if raw[at + 4 : at + 8] == b"tEXt" and key == STAMP:
            return value.decode("latin-1")
        at += size + 12
    return None
