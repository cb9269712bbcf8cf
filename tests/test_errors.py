"""Promise: bad input raises at once, and the message says what was expected and what came."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import CATALOGUE, LOSSES, WIDTH, over, over_libraries, sample, to
from lossbook import (
    StreamingLogSumExp,
    binary_cross_entropy,
    binary_focal_loss,
    brier_score,
    log_softmax,
    logistic_loss,
    logsumexp,
    reduce,
    softmax,
    sparsemax,
    value_and_grad,
)
from lossbook.catalogue import entry as find

NAN, INF = math.nan, math.inf
OUTSIDE = {
    "probability": ((1.5, -0.25, INF, -INF), "in [0, 1]"),
    "nonnegative": ((-0.25, -INF), "in [0, inf)"),
    "nonpositive": ((0.25, INF), "in (-inf, 0]"),
    "sign": ((0.0, 2.0, INF, NAN), "-1 or 1"),
    "positive": ((0.0, -0.25), "in (0, inf)"),
    "simplex": ((1.5, -0.25), "in [0, 1]"),
    "log_simplex": ((0.25, 7.0), "in (-inf, 0]"),
    "real": ((), "in (-inf, inf)"),
}


def raises(error, message, function, *args, **keywords):
    """The whole message, letter by letter."""
    with pytest.raises(error) as caught:
        function(*args, **keywords)
    assert str(caught.value) == message


def dtype_name(x):
    return str(x.dtype)


# ------------------------------------------------------------------------- predictions
@over(CATALOGUE)
@over_libraries
def test_predictions_that_are_no_floats(entry, library):
    name, columns = entry.inputs[0].name, sample(entry)
    for dtype in ("int64", "bool", "complex128"):
        x, *others = [*to(library, columns[:1], dtype), *to(library, columns[1:])]
        message = f"{name} must be a floating-point array, got dtype {dtype_name(x)}"
        raises(TypeError, message, entry.function, x, *others)


@over(CATALOGUE)
@pytest.mark.parametrize(
    "x, came",
    [
        (None, "None"),
        ("a", "dtype <U1"),
        ({}, "dtype object"),
        (object(), "dtype object"),
        (np.array([1.0, None]), "dtype object"),
        (True, "dtype bool"),
        (1j, "dtype complex128"),
    ],
    ids=["None", "text", "dict", "object", "objects", "bool", "complex"],
)
def test_what_is_no_array_of_floats_at_all(entry, x, came):
    name, others = entry.inputs[0].name, sample(entry)[1:]
    message = f"{name} must be a floating-point array, got {came}"
    raises(TypeError, message, entry.function, x, *others)


@over(CATALOGUE)
def test_ragged_lists_masked_arrays_and_other_libraries(entry):
    name, others = entry.inputs[0].name, sample(entry)[1:]
    with pytest.raises(TypeError, match=f"^{name} can't be read as an array of numbers: "):
        entry.function([[0.5], [0.5, 0.5]], *others)
    message = (
        f"{name} is a masked array, whose mask would be lost: "
        "pass its data, and its mask inverted as where="
    )
    raises(TypeError, message, entry.function, np.ma.masked_array([0.5], [True]), *others)
    message = f"{name} must be a NumPy array or a torch tensor, got {__name__}.Foreign"
    raises(TypeError, message, entry.function, Foreign(), *others)


class Foreign:
    def __array_namespace__(self):
        return np


@over(CATALOGUE)
@over_libraries
def test_predictions_outside_their_domain(entry, library):
    for k, given in enumerate(entry.inputs[: entry.wrt]):
        values, expected = OUTSIDE.get(given.domain, ((), ""))
        row = (3,) if entry.kind == "element" else (3, 1)
        for value in values:
            if given.domain in ("nonnegative", "nonpositive") and abs(value) == INF:
                continue
            for dtype in ("float64", "float32", "float16"):
                columns = sample(entry)
                columns[k][row] = value
                at = row if len(row) > 1 else 3
                message = f"{given.name} must be {expected}, got {value:g} at index {at}"
                raises(ValueError, message, entry.function, *to(library, columns, dtype))


# ----------------------------------------------------------------------------- targets
PAIRS = [e for e in LOSSES if len(e.inputs) == 2]
BINARY = [e for e in PAIRS if e.inputs[1].domain in ("probability", "sign")]
ELEMENT_PAIRS = [e for e in PAIRS if e.kind == "element"]


@over(ELEMENT_PAIRS)
@over_libraries
def test_no_broadcasting_between_predictions_and_targets(entry, library):
    x, y = to(library, sample(entry, 3))
    a, b = (i.name for i in entry.inputs)
    for u, v, came in (
        (x, y[:, None], "(3,) and (3, 1)"),
        (x[None], y, "(1, 3) and (3,)"),
        (x, y[0], "(3,) and ()"),
        (x[:0], y, "(0,) and (3,)"),
    ):
        message = f"{a} and {b} must have the same shape, got {came}"
        raises(ValueError, message, entry.function, u, v)


@over([e for e in LOSSES if e.kind == "row" and len(e.inputs) > 1])
@over_libraries
def test_no_broadcasting_between_rows(entry, library):
    arrays = to(library, sample(entry, 3))
    for k in range(1, len(arrays)):
        label = entry.inputs[k].domain == "label"
        fewer, more = arrays[k][:2], arrays[k][None]
        for wrong in (fewer, more):
            given = [wrong if j == k else a for j, a in enumerate(arrays)]
            with pytest.raises(ValueError, match="shape") as caught:
                entry.function(*given)
            for shape in (tuple(arrays[0].shape[:-1] if label else arrays[0].shape), wrong.shape):
                assert str(tuple(shape)) in str(caught.value)
            assert entry.inputs[k].name in str(caught.value)


@over(BINARY)
@over_libraries
def test_targets_outside_their_domain(entry, library):
    target, columns = entry.inputs[1], sample(entry, (2, 3))
    values, expected = OUTSIDE[target.domain]
    for value in (*values, NAN):
        columns[1][1, 2] = value
        message = f"{target.name} must be {expected}, got {value:g} at index (1, 2)"
        raises(ValueError, message, entry.function, *to(library, columns))
    (three,) = to(library, [np.full((2, 3), 3)], "uint8")
    message = f"{target.name} must be {expected}, got 3 at index (0, 0)"
    raises(ValueError, message, entry.function, to(library, columns)[0], three)
    x, y = to(library, [columns[0][0, 0], values[0]])
    raises(ValueError, message.replace("3 at index (0, 0)", f"{values[0]:g}"), entry.function, x, y)


@over([e for e in LOSSES if e.inputs[e.wrt :] and e.inputs[-1].domain != "label"])
@over_libraries
def test_targets_that_are_no_real_numbers(entry, library):
    *arrays, y = to(library, sample(entry))
    (y,) = to(library, [y], "complex128")
    message = f"{entry.inputs[-1].name} must hold real numbers, got dtype {dtype_name(y)}"
    raises(TypeError, message, entry.function, *arrays, y)
    message = f"{entry.inputs[-1].name} must hold real numbers, got None"
    raises(TypeError, message, entry.function, *arrays, None)


@over([e for e in LOSSES if "label" in [i.domain for i in e.inputs]])
@over_libraries
def test_labels_that_are_none(entry, library):
    x, labels = sample(entry)
    name = entry.inputs[1].name
    for bad in (-1, WIDTH, 100):
        wrong = labels.copy()
        wrong[2] = bad
        with pytest.raises(ValueError, match=rf"{name} must be .*, got {bad} at index 2"):
            entry.function(*to(library, [x, wrong]))
    for dtype in ("float64", "bool"):
        (wrong,) = to(library, [labels.astype(float)], dtype)
        with pytest.raises(TypeError, match=f"{name} must .*, got dtype {dtype_name(wrong)}"):
            entry.function(to(library, [x])[0], wrong)


@over([e for e in LOSSES if e.inputs[e.wrt :] and e.inputs[-1].domain != "label"])
@pytest.mark.parametrize("where_the_gradient_goes", ["grad", "no_grad"])
def test_targets_that_require_a_gradient(entry, where_the_gradient_goes):
    *arrays, y = to("torch", sample(entry))
    message = (
        "an input other than the prediction requires a gradient, and this loss has a "
        "derivative for its prediction only: detach() the other"
    )
    with torch.set_grad_enabled(where_the_gradient_goes == "grad"):
        raises(ValueError, message, entry.function, *arrays, y.requires_grad_())


# ----------------------------------------------------------------- libraries, devices
@over(PAIRS)
def test_libraries_are_not_mixed(entry):
    (x, y), (t, s) = sample(entry), to("torch", sample(entry))
    a, b = (i.name for i in entry.inputs)

    def mixed(tensor, array):
        return (
            f"{tensor} is a torch tensor and {array} a NumPy array: pass both of one library, "
            f"for example torch.as_tensor({array})"
        )

    raises(TypeError, mixed(a, b), entry.function, t, y)
    raises(TypeError, mixed(b, a), entry.function, x, s)
    raises(TypeError, mixed(a, b), entry.function, t, np.float64(1))
    raises(TypeError, mixed(a, "weights"), entry.function, t, s, weights=np.ones(6))
    raises(TypeError, mixed("where", a), entry.function, x, y, where=torch.ones(6) > 0)


@over(PAIRS)
def test_devices_are_not_mixed(entry):
    x, y = to("torch", sample(entry))
    a, b = (i.name for i in entry.inputs)
    message = f"{a} and {{}} must be on the same device, got cpu and meta"
    raises(ValueError, message.format(b), entry.function, x, y.to("meta"))
    ones = torch.ones(6).to("meta")
    raises(ValueError, message.format("weights"), entry.function, x, y, weights=ones)
    raises(ValueError, message.format("where"), entry.function, x, y, where=ones > 0)


# -------------------------------------------------------- weights, masks and reductions
@over(LOSSES)
@over_libraries
def test_weights_and_masks_that_do_not_fit(entry, library):
    arrays = to(library, sample(entry, (2, 3)))
    for shape in ((2,), (3, 2), (2, 1, 3), (2, 3, 1), (0,)):
        (weights,) = to(library, [np.ones(shape)])
        message = f"{{}} must have the shape (2, 3) or broadcast to it, got {shape}"
        raises(ValueError, message.format("weights"), entry.function, *arrays, weights=weights)
        raises(ValueError, message.format("where"), entry.function, *arrays, where=weights > 0)


@over(LOSSES)
@over_libraries
def test_masks_that_are_not_boolean(entry, library):
    arrays = to(library, sample(entry))
    for dtype in ("float64", "int64", "uint8"):
        (where,) = to(library, [np.ones(6)], dtype)
        message = f"where must be a boolean array, got dtype {dtype_name(where)}"
        raises(TypeError, message, entry.function, *arrays, where=where)


@over(LOSSES)
@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_weights_that_are_negative_or_no_numbers(entry, library, dtype):
    arrays = to(library, sample(entry))
    for bad in (-1.0, NAN, INF, -INF):
        (weights,) = to(library, [np.array([1, 1, bad, 1, 1, 1])], dtype)
        message = f"weights must be in [0, inf), got {bad:g} at index 2"
        raises(ValueError, message, entry.function, *arrays, weights=weights)
    message = "weights must be in [0, inf), got -1"
    raises(ValueError, message, entry.function, *arrays, weights=-1)
    (weights,) = to(library, [np.ones(6)], "complex128")
    message = f"weights must hold real numbers, got dtype {dtype_name(weights)}"
    raises(TypeError, message, entry.function, *arrays, weights=weights)


@over(LOSSES)
@over_libraries
@pytest.mark.parametrize("wrong", ["avg", "Mean", "batchmean", "", None, 1, True, ["mean"]])
def test_a_reduction_that_there_is_not(entry, library, wrong):
    arrays = to(library, sample(entry))
    message = f"reduction must be one of ('none', 'sum', 'mean', 'weighted_mean'), got {wrong!r}"
    raises(ValueError, message, entry.function, *arrays, reduction=wrong)
    raises(ValueError, message, reduce, arrays[0], reduction=wrong)


def test_reduce_takes_losses_only():
    raises(
        TypeError, "losses must be a floating-point array, got dtype int64", reduce, np.arange(3)
    )
    raises(TypeError, "losses must be a floating-point array, got None", reduce, None)


# -------------------------------------------------------------------------- parameters
RANGES = [
    (find("binary_cross_entropy"), "label_smoothing", "[0, 1]", (-0.1, 1.5, NAN, INF)),
    (find("binary_focal_loss"), "gamma", "[0, inf)", (-0.5, NAN, INF)),
    (find("binary_focal_loss"), "alpha", "[0, 1]", (-0.5, 1.5, NAN, INF)),
    (find("softmax"), "temperature", "(0, inf)", (0, 0.0, -1, NAN, INF)),
    (find("log_softmax"), "temperature", "(0, inf)", (0, 0.0, -1, NAN, INF)),
]


@pytest.mark.parametrize(
    "entry, name, interval, wrong", RANGES, ids=lambda x: getattr(x, "name", None)
)
def test_parameters_out_of_range(entry, name, interval, wrong):
    columns = sample(entry)
    for number in (*wrong, np.float32(-2)):
        message = f"{name} must be a number in {interval}, got {number}"
        raises(ValueError, message, entry.function, *columns, **{name: number})
    for other in ("1", True, [0.5], np.ones(1), torch.tensor(0.5), 1j, np.bool_(True)):
        message = f"{name} must be a number in {interval}, got {type(other).__qualname__}"
        raises(TypeError, message, entry.function, *columns, **{name: other})


@over([e for e in LOSSES if "pos_weight" in e.params])
@over_libraries
def test_pos_weights_that_do_not_fit(entry, library):
    arrays = to(library, sample(entry))
    for bad in (-1.0, NAN, INF):
        (w,) = to(library, [np.array([1, bad, 1, 1, 1, 1])], "float32")
        message = f"pos_weight must be in [0, inf), got {bad:g} at index 1"
        raises(ValueError, message, entry.function, *arrays, pos_weight=w)
    message = "pos_weight must have the shape (6,) or broadcast to it, got (5,)"
    (w,) = to(library, [np.ones(5)])
    raises(ValueError, message, entry.function, *arrays, pos_weight=w)
    message = "pos_weight must be in [0, inf), got inf"  # in the precision that is computed in
    for dtype in ("float32", "float16"):
        raises(
            ValueError, message, entry.function, *to(library, sample(entry), dtype), pos_weight=1e39
        )


def test_options_go_by_keyword():
    for function in (binary_cross_entropy, binary_focal_loss, brier_score, logistic_loss):
        with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
            function(np.zeros(3), np.ones(3), 0.1)


# -------------------------------------------------------------------------------- rows
@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp, sparsemax])
@over_libraries
def test_rows_and_axes_that_there_are_not(function, library):
    z, nothing, number = to(library, [np.zeros((2, 3)), np.zeros((2, 0)), np.zeros(())])
    for axis in (2, -3, 100):
        message = f"axis must be in [-2, 2) for 2 dimensions, got {axis}"
        raises(ValueError, message, function, z, axis=axis)
    for axis, came in ((None, "NoneType"), (1.0, "float"), ((0,), "tuple"), (True, "bool")):
        raises(TypeError, f"axis must be an integer, got {came}", function, z, axis=axis)
    message = "logits must have at least one entry in a row, got (2, 0)"
    raises(ValueError, message, function, nothing)
    message = "logits must have an axis of entries, got a single number"
    raises(ValueError, message, function, number)


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
@over_libraries
def test_masks_of_rows(function, library):
    z, wide = to(library, [np.zeros((2, 3)), np.ones((2, 2, 3))])
    message = f"where must be a boolean array, got dtype {dtype_name(wide)}"
    raises(TypeError, message, function, z, where=wide)
    message = "where must have the shape (2, 3) or broadcast to it, got (2, 2, 3)"
    raises(ValueError, message, function, z, where=wide > 0)


def test_pieces_of_a_stream():
    stream = StreamingLogSumExp(np.zeros((2, 3)))
    message = "a piece must have the rows of the pieces before, (2,), got (3,)"
    raises(ValueError, message, stream.update, np.zeros((3, 3)))
    raises(ValueError, message, stream.merge, StreamingLogSumExp(np.zeros((3, 1))))
    message = "logits must have at least one entry in a row, got (2, 0)"
    raises(ValueError, message, stream.update, np.zeros((2, 0)))
    message = "logits must be a floating-point array, got dtype int64"
    raises(TypeError, message, stream.update, np.zeros((2, 1), dtype=np.int64))
    with pytest.raises(TypeError):
        stream.update(torch.zeros(2, 3))


# ---------------------------------------------------------------------- value_and_grad
def test_what_has_no_gradient():
    z = np.zeros(3)
    message = (
        "a function from rows to rows has no gradient but a Jacobian matrix: "
        "differentiate a loss of it"
    )
    for function in (softmax, log_softmax, sparsemax):
        raises(TypeError, message, value_and_grad, function, z)
    for other in (np.sin, reduce, None):
        message = f"loss must be a loss of lossbook, got {other!r}"
        raises(TypeError, message, value_and_grad, other, z)
    for wrt in (1, -1, (0, 1)):
        message = f"wrt must be in [0, 1) for binary_cross_entropy, got {wrt}"
        raises(ValueError, message, value_and_grad, binary_cross_entropy, z, z, wrt=wrt)
