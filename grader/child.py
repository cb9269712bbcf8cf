"""What runs inside the sandbox: a student's cells, then the expressions asked for.

It holds no tests and no expected values, so there is nothing here worth reading or
patching. Student code can send whatever it likes; only the right numbers earn marks.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import ModuleSpec
from opcode import opmap
from typing import Any

LONGEST = 300  # characters of an error message
CO_COROUTINE = 0x80
IPYTHON = (  # lines of a notebook that are not Python, and no reason to lose marks
    (r"([ \t]*)%time[ \t]+(\w.*)", r"\1\2"),  # what is timed is run
    (r"([ \t]*)(%%?[a-z].*|[!?].*|[\w.]+\?{1,2}[ \t]*(#.*)?)", r"\1pass"),
    (r"([ \t]*\w[\w, \t]*=[ \t]*)(%[a-z].*|!.*)", r"\1None"),
)
SHOWING = ("IPython", "matplotlib", "tqdm")


def answer(job: dict, asks: Callable[[], Iterable[dict]], send: Callable[[dict], None]) -> None:
    """Run the cells, then evaluate what is asked for. `asks` is called after the cells."""
    # The names that a notebook has and a program has not.
    notebook = Nothing()
    space: dict[str, Any] = {"__name__": "__main__", "display": notebook, "get_ipython": notebook}
    error = _run(job["setup"], space)
    send({"ready": not error, "error": error})  # before a line of the student has run
    if error:
        return
    for text in job.get("added", ()):
        _bring(text, space)
    for cell in job["cells"]:
        error = _run(cell, space)
        if error:
            send({"cell": error})
    for number, ask in enumerate(asks()):
        try:
            send({"ask": number, "value": _value(ask, space)})
        except BaseException as problem:
            send({"ask": number, "error": _named(problem)})


def _run(source: str, space: dict) -> str:
    try:
        code = _compiled(source)
        result = eval(code, space)
        if code.co_flags & CO_COROUTINE:
            _finish(result)
    except BaseException as problem:  # SystemExit and KeyboardInterrupt too
        return _named(problem)
    return ""


def _bring(text: str, space: dict) -> None:
    """Run the imports of a student's set-up cell, and nothing else of it."""
    with contextlib.suppress(BaseException):  # what does not compile does nothing in a notebook
        _import(_compiled(text, ast.PyCF_ONLY_AST).body, space)


def _import(lines: list[ast.stmt], space: dict) -> bool:
    """Import name by name, as some may not be here; says whether all are."""
    is_whole = True
    for line in lines:
        if isinstance(line, ast.Import | ast.ImportFrom):
            for name in line.names:
                line.names = [name]
                is_whole &= not _run(ast.unparse(line), space)
        elif isinstance(line, ast.Try) and not _import(line.body, space):
            for handler in line.handlers:
                _import(handler.body, space)
    return is_whole


class Nothing:
    """What shows something, where nobody looks: all that is done with it gives nothing."""

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):  # NumPy and copy ask for these, and take an answer seriously
            raise AttributeError(name)
        return self

    def __iter__(self) -> Iterator:
        """Empty, or as many as there are names: `fig, ax = plt.subplots()`."""
        asking = sys._getframe(1)
        operation, names = asking.f_code.co_code[asking.f_lasti :][:2]
        return iter([self] * names if operation == opmap["UNPACK_SEQUENCE"] else ())

    def __len__(self) -> int:
        return 0

    def __exit__(self, *error: Any) -> None:
        pass

    def _itself(self, *args: Any, **keywords: Any) -> Nothing:
        return self

    __call__ = __enter__ = __getitem__ = __setitem__ = __delitem__ = _itself
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _itself
    __lt__ = __le__ = __gt__ = __ge__ = _itself


class Bar(Nothing):
    """tqdm, and a bar that it makes: what is counted is run."""

    def __init__(self, iterable: Iterable = ()):
        self.steps = iterable

    def __call__(self, iterable: Any = (), *args: Any, **keywords: Any) -> Bar:
        return Bar(iterable)

    def __iter__(self) -> Iterator:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


class Stand:
    """Stands in for packages that show something: no answer needs them, and many import them."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        is_mine = name.partition(".")[0] in SHOWING
        return ModuleSpec(name, self, is_package=True) if is_mine else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        module.__version__ = "0"  # too old for SymPy, which then does without
        module.tqdm = module.tqdm_notebook = Bar()
        module.trange = module.tnrange = lambda *steps, **_: Bar(range(*steps))
        module.__getattr__ = Nothing().__getattr__


def _compiled(source: str, flags: int = 0) -> Any:
    # As a notebook does: `await` outside of functions, and no __future__ but the student's own.
    options = {"flags": flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, "dont_inherit": True}
    lines = source.split("\n")
    while True:
        try:
            return compile("\n".join(lines), "<answer>", "exec", **options)
        except SyntaxError as problem:
            # Only the line that is at fault: elsewhere `!= 4` may go on with a line above.
            number = (problem.lineno or 1) - 1
            if number >= len(lines) or (python := _python(lines[number])) == lines[number]:
                raise
            lines[number] = python


def _python(line: str) -> str:
    """What is run in the place of a line of IPython; any other line as it is."""
    for pattern, python in IPYTHON:
        if found := re.fullmatch(pattern, line):
            return found.expand(python)
    return line


def _finish(coroutine: Any) -> None:
    """Run what was awaited. An event loop needs sockets, and there are none here."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def _value(ask: dict, space: dict) -> dict:
    try:
        from grader import values
    except ImportError:  # in the sandbox there is no package, only this file's neighbor
        import values

    inputs = {
        name: values.decode(given["array"]) if "array" in given else given["plain"]
        for name, given in ask["inputs"].items()
    }
    return values.encode(eval(ask["expression"], {**space, "at": at, **inputs}))


def at(expression: Any, **points: Any):
    """A sympy expression at points, symbols by name: any equivalent form gives these numbers."""
    import numpy as np
    import sympy as sp

    if not isinstance(expression, sp.Basic | int | float):
        raise TypeError(f"expected a sympy expression, not {type(expression).__name__}")
    expression = sp.sympify(expression).doit()
    names = {symbol.name: symbol for symbol in expression.free_symbols}
    if unknown := sorted(names.keys() - points.keys()):
        raise ValueError(f"free symbols: {', '.join(unknown)}")
    rows = zip(*(np.asarray(value).ravel().tolist() for value in points.values()), strict=True)
    found = []
    for row in rows:
        given = dict(zip(points, row, strict=True))
        exact = {symbol: sp.Float(given[name], 40) for name, symbol in names.items()}
        found.append(_real(sp.N(expression.subs(exact), 30)))
    return np.array(found)


def _real(number: Any) -> float:
    real, imaginary = number.as_real_imag()
    if abs(imaginary) > 1e-12 * (1 + abs(real)):
        raise ValueError("a complex number")
    return float(real)


def _named(problem: BaseException) -> str:
    try:
        return f"{type(problem).__name__}: {problem}"[:LONGEST]
    except BaseException:
        return "an error that cannot be printed"


def limit(limits: dict[str, int]) -> None:
    """Hard limits: from here on this process cannot raise them."""
    import resource

    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def main() -> None:
    """Read a job, then what is asked, from stdin; send a line of JSON for each answer."""
    source, channel = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # what a student prints goes nowhere
        os.dup2(nothing, standard)

    def send(line: dict) -> None:
        left = json.dumps(line).encode() + b"\n"
        while left:
            left = left[os.write(channel, left) :]

    job = json.loads(source.readline())
    sys.path += job["path"]
    sys.meta_path.append(Stand())
    limit(job["limits"])
    warnings.simplefilter("ignore")
    answer(job, lambda: json.loads(source.readline()), send)
    os._exit(0)  # threads and exit handlers that are left do not matter


if __name__ == "__main__":
    main()
