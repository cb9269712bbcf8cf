"""Checks that a reader can see: a claim that is asserted, witnesses side by side."""

from __future__ import annotations

import functools
import importlib
import math
import os
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import sympy as sp

from lossbook import exact
from lossbook.catalogue import Entry, Peer
from lossbook.catalogue import entry as find
from lossbook.show import Table, UnstableDigits, num, table

TOLERANCE = 1e-13
"""Relative error up to which a witness agrees in the verification table."""


def check(label: str, *claims: Any) -> None:
    """Assert the claims of a numbered equation, and say so.

    A claim is true or false, or a sympy expression (or matrix) that must simplify to zero.

    Parameters
    ----------
    label
        The label of the equation, as it stands in the text.
    *claims
        One claim at least.

    Raises
    ------
    AssertionError
        If a claim does not hold; the message names the equation and the claim.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> check("binomial", (x + 1) ** 2 - (x**2 + 2 * x + 1), 1 + 1 == 2)
    checked: equation binomial
    """
    if not claims:
        raise ValueError(f"check({label!r}) needs at least one claim")
    for number, claim in enumerate(claims, 1):
        if not _holds(claim):
            raise AssertionError(f"equation {label}: claim {number} does not hold: {claim}")
    print(f"checked: equation {label}")


def _holds(claim: Any) -> bool:
    if isinstance(claim, sp.MatrixBase):
        return all(_holds(e) for e in claim)
    if isinstance(claim, sp.Expr):
        return sp.simplify(claim) == 0
    return bool(claim)


def verification_table(name: str, of: Literal["value", "slope"] = "value", wrt: int = 0) -> Table:
    """A loss by every witness, at ordinary and at hostile inputs.

    The judge is the formula, differentiated by sympy and evaluated by mpmath in fifty
    digits. A witness that agrees shows a tick; one that does not shows its number.

    Parameters
    ----------
    name
        The name of a loss or function in the catalogue.
    of
        Its value, or its derivative for the prediction. The witnesses of the derivative are
        the rule, autograd through the rule, and autograd through torch's own function.
    wrt
        Which input the derivative is for, by position.

    Returns
    -------
    Table
    """
    entry = find(name)
    truth = exact.value if of == "value" else functools.partial(exact.slope, wrt=wrt)
    witnesses = _value_witnesses(entry) if of == "value" else _slope_witnesses(entry, wrt)
    rows = []
    for inputs in (*entry.ordinary, *entry.hostile):
        right = truth(entry, *inputs)
        verdicts = [_verdict(right, witness, inputs) for witness in witnesses.values()]
        rows.append([*(_given(x) for x in inputs), _show(right), *verdicts])
    symbols = [f"${sp.latex(sp.Symbol(x.symbol))}$" for x in entry.inputs]
    headers = [*symbols, f"exact {of}", *witnesses]
    what = f"{of} in {entry.inputs[wrt].name}" if entry.wrt > 1 and of == "slope" else of
    return table(rows, headers, caption=_caption(entry, what))


def _caption(entry: Entry, what: str) -> str:
    return (
        f"The {what} of `{entry.name}` in float64. ✓ agrees with fifty digits to a relative error "
        "of $10^{-13}$, or to the smallest float; what does not is shown, and “off by” is its "
        "relative error where the first digits are the same."
    )


def _value_witnesses(entry: Entry) -> dict[str, Callable[[tuple], Any]]:
    ours = {"lossbook": lambda inputs: entry.function(*entry.arrays(inputs), **_alone(entry))}
    peers = {_family(p): functools.partial(call_peer, entry, p) for p in _installed(entry)}
    return ours | peers


def _slope_witnesses(entry: Entry, wrt: int) -> dict[str, Callable[[tuple], Any]]:
    ours = {
        "lossbook": lambda inputs: our_slope(entry, inputs, wrt),
        "autograd": lambda inputs: autograd_slope(entry, inputs, wrt),
    }
    peer = next((p for p in _installed(entry) if _family(p) == "torch"), None)
    return ours | ({"torch": lambda inputs: peer_slope(entry, peer, inputs, wrt)} if peer else {})


def _installed(entry: Entry) -> list[Peer]:
    return [p for p in entry.peers if _resolve(p.name) is not None]


def _verdict(truth: Any, witness: Callable[[tuple], Any], inputs: tuple) -> str:
    try:
        found = witness(inputs)
    except Exception as error:  # what a library raises is a result to show
        return type(error).__name__
    if agrees(found, truth):
        return "✓"
    shown = _show(found)
    if shown != _show(truth) or "nan" in shown:
        return shown
    worst = max(abs(float(f) / t - 1) for f, t in _pairs(found, truth) if t)
    return f"off by {num(worst, 1, rtol=1e-3)}"


def agrees(found: Any, truth: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether numbers equal exact ones, to a relative tolerance.

    Examples
    --------
    >>> agrees(math.inf, exact.mpmath.inf), agrees(math.nan, 0)
    (True, False)
    """
    return all(_close(float(f), t, tolerance) for f, t in _pairs(found, truth))


def _pairs(found: Any, truth: Any) -> list[tuple[Any, Any]]:
    found, truth = (np.ravel(np.asarray(x)) for x in (found, truth))
    return list(zip(found, truth, strict=True))


def _close(found: float, truth: Any, tolerance: float) -> bool:
    if not math.isfinite(found) or not exact.mpmath.isfinite(truth):
        return found == float(truth)
    # what is below the range of normal floats can't have all its digits
    floor = 2.0**-1074 / tolerance
    return abs(found - truth) <= tolerance * max(abs(truth), floor)


def _show(x: Any) -> str:
    if np.ndim(x):
        return (", " if np.ndim(x) == 1 else "; ").join(_show(e) for e in x)
    x = float(x)
    if math.isnan(x):
        return "nan"
    if x == 0 or not 1e-30 < abs(x) < 1e-16:
        return num(x, 4, rtol=1e-9)
    try:  # what is left of a cancellation has few digits of its own
        return num(x, 3, rtol=1e-4)
    except UnstableDigits:
        return num(x, 2, rtol=1e-4)


def _given(x: Any) -> str:
    """An input as it is, with all the digits that it takes."""
    if isinstance(x, int):
        return str(x)
    if np.ndim(x):
        return ", ".join(_given(e) for e in x)
    short = _show(x)
    return short if float(short) == x else repr(x)


# ------------------------------------------------------------------- the witnesses
def our_slope(entry: Entry, inputs: tuple, wrt: int = 0) -> Any:
    """The slope by the rule, on NumPy; for a row from a row, its Jacobian."""
    prepared = entry.prepare(*entry.arrays(inputs), **_alone(entry))
    if entry.kind != "vector":
        return prepared.value_and_grads()[1][wrt]
    units = np.eye(len(inputs[0]))
    return [prepared.pull(unit) for unit in units]


def _alone(entry: Entry) -> dict[str, str]:
    return {"reduction": "none"} if entry.is_loss else {}


def autograd_slope(entry: Entry, inputs: tuple, wrt: int = 0) -> Any:
    """The slope that torch's autograd gives, of the rule."""
    return _jacobian(entry.function, entry.arrays(inputs), wrt)


def peer_slope(entry: Entry, peer: Peer, inputs: tuple, wrt: int = 0) -> Any:
    """The slope that a torch function gets from autograd."""
    function = functools.partial(peer.call, _resolve(peer.name))
    return _jacobian(function, entry.arrays(inputs), wrt)


def _jacobian(function: Callable, arrays: list[np.ndarray], wrt: int) -> Any:
    import torch

    tensors = [torch.from_numpy(a.copy()) for a in arrays]

    def of_one(x: torch.Tensor) -> torch.Tensor:
        return function(*(x if k == wrt else t for k, t in enumerate(tensors)))

    return torch.autograd.functional.jacobian(of_one, tensors[wrt]).numpy()


def _resolve(name: str) -> Callable | None:
    """The function of a dotted name, or None where the library is not installed."""
    module, _, rest = name.partition(".")
    os.environ.setdefault("KERAS_BACKEND", "torch")  # its default, tensorflow, is not needed
    try:
        found = importlib.import_module(module)
    except ImportError:
        return None
    for part in rest.split("."):
        if not hasattr(found, part):
            found = importlib.import_module(f"{found.__name__}.{part}")
        else:
            found = getattr(found, part)
    return found


def _family(peer: Peer) -> str:
    return peer.name.split(".")[0]


def call_peer(entry: Entry, peer: Peer, inputs: tuple) -> Any:
    """The value that a peer gives, as a NumPy array."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = peer.call(_resolve(peer.name), *_convert(entry, peer, inputs))
    return found.numpy() if hasattr(found, "detach") else np.asarray(found)


def _convert(entry: Entry, peer: Peer, inputs: tuple) -> list[Any]:
    """The inputs as arrays of the peer's own kind, in double precision."""
    arrays = entry.arrays(inputs)
    if _family(peer) == "keras":
        import keras

        keras.config.set_floatx("float64")
    if _family(peer) in ("torch", "keras"):
        import torch

        return [torch.from_numpy(a) for a in arrays]
    if _family(peer) in ("jax", "optax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        return [jax.numpy.asarray(a) for a in arrays]
    return arrays
