"""Arrays of two libraries: recognized, and never converted behind one's back."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from cases import over_libraries, to
from lossbook import arrays

ROOT = Path(__file__).resolve().parent.parent


class WithArray:
    """What pandas and others are to NumPy."""

    def __init__(self, numbers):
        self.numbers = np.array(numbers)

    def __array__(self, dtype=None, copy=None):
        return self.numbers if dtype is None else self.numbers.astype(dtype)


def test_which_library():
    assert arrays.is_torch(torch.zeros(1)) and arrays.is_torch(torch.nn.Parameter(torch.zeros(1)))
    assert not any(map(arrays.is_torch, (np.zeros(1), np.float32(1), 1.0, [1.0], None)))
    assert arrays.namespace(torch.zeros(1)).__name__ == "lossbook.tensors"
    assert arrays.namespace(np.zeros(1)).__name__ == "numpy"


def test_numbers_and_lists_become_what_the_others_are():
    x, y, nothing = arrays.same_kind(x=1, y=[[1, 2]], nothing=None)
    assert (x.dtype, x.shape, y.dtype, y.shape, nothing) == (float, (), float, (1, 2), None)
    flags, small = arrays.same_kind(flags=[True, False], small=np.float32(1))
    assert (flags.dtype, small.dtype) == (bool, np.float32)
    t = torch.zeros(2, dtype=torch.float64)
    x, y, flags = arrays.same_kind(x=1, y=t, flags=[True])
    assert (x.dtype, flags.dtype) == (torch.float64, torch.bool) and y is t
    frame, _ = arrays.same_kind(frame=WithArray([1.5]), other=1.0)
    assert frame.dtype == float


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_a_list_beside_a_narrow_tensor_has_the_digits_of_float32(dtype):
    (_, listed) = arrays.same_kind(x=torch.zeros(1, dtype=dtype), listed=[0.1])
    assert listed.dtype == torch.float32


def test_arrays_are_passed_on_as_they_are():
    x, t = np.zeros(3, np.float32), torch.zeros(3)
    assert arrays.same_kind(x=x)[0] is x and arrays.same_kind(t=t)[0] is t


@over_libraries
def test_kinds_of_numbers(library):
    def made(dtype):
        return to(library, [np.ones(2)], dtype)[0]

    assert [arrays.is_float(made(d)) for d in ("float64", "float16", "int64", "bool")] == [
        True, True, False, False
    ]  # fmt: skip
    assert [arrays.is_bool(made(d)) for d in ("bool", "uint8", "float64")] == [True, False, False]


@over_libraries
def test_booleans_count_as_numbers_in_the_same_memory(library):
    (flags, floats) = to(library, [[1, 0]], "bool") + to(library, [[1.0, 0.0]])
    numbers = arrays.as_number(flags)
    assert numbers.tolist() == [1, 0]
    numbers[1] = 1
    assert flags.tolist() == [True, True]
    assert arrays.as_number(floats) is floats


@over_libraries
def test_dtypes_to_work_in(library):
    def names(function):
        made = [to(library, [np.ones(1)], d)[0] for d in ("float16", "float32", "float64")]
        return [str(function(x)).rpartition(".")[2].strip("'>") for x in made]

    assert names(arrays.working_dtype) == ["float32", "float32", "float64"]
    assert names(arrays.wide_dtype) == ["float64"] * 3


def test_casts_and_constants_copy_nothing():
    x, t = np.zeros(2), torch.zeros(2, requires_grad=True)
    assert arrays.cast(x, x.dtype) is x and arrays.cast(t, t.dtype) is t
    assert arrays.cast(t, torch.float64).requires_grad
    assert arrays.constant(x) is x
    assert not arrays.constant(t).requires_grad and arrays.constant(t).data_ptr() == t.data_ptr()


@over_libraries
def test_zero_times_infinity_is_zero(library):
    a, b = to(library, [[0.0, 0.0, 2.0, 1.0], [math.inf, math.nan, math.inf, 3.0]])
    with np.errstate(invalid="ignore"):  # as the driver has it
        product = arrays.times(arrays.namespace(a), a, b)
    assert product.tolist() == [0, 0, math.inf, 3]


def test_zero_times_infinity_has_finite_derivatives():
    a = torch.tensor([0.0, 2.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([math.inf, 3.0], dtype=torch.float64, requires_grad=True)
    arrays.times(arrays.namespace(a), a, b).sum().backward()
    assert a.grad.tolist() == [0, 3] and b.grad.tolist() == [0, 2]


HARD_TO_RANK = [[1.0, 3.0, 3.0], [2.0, math.nan, math.nan], [-math.inf] * 3, [0.0, -0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_the_largest_of_a_row_is_where_torch_finds_it(dtype, requires_grad):
    x = torch.tensor(HARD_TO_RANK, dtype=dtype, requires_grad=requires_grad)
    xp = arrays.namespace(x)
    for axis, keepdims in ((-1, True), (1, False), (0, True)):
        found, expected = xp.argmax(x, axis=axis, keepdims=keepdims), x.argmax(axis, keepdims)
        assert found.dtype == torch.int64 and found.shape == expected.shape
        if axis:  # of columns with a tie of 3 and nan, torch promises nothing more
            assert (found == expected).all()
    assert xp.argmax(x[:1]) == 1 and xp.argmax(x[:1]).shape == ()


def test_the_largest_of_a_row_inside_a_transform():
    x = torch.tensor(HARD_TO_RANK[:1] * 2)
    found = torch.func.vmap(lambda row: arrays.namespace(row).argmax(row, axis=-1))(x)
    assert found.tolist() == [1, 1]


def test_the_largest_of_a_row_under_another_default_device_and_a_tracer():
    x = torch.tensor(HARD_TO_RANK[:1], requires_grad=True)
    xp = arrays.namespace(x)
    with torch.device("meta"):
        assert xp.argmax(x, axis=-1).item() == 1
    traced = make_fx(lambda x: xp.argmax(x, axis=-1))(x.detach())
    assert traced(-x.detach()).item() == 0  # nothing was found out while it was written down
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert xp.argmax(torch.ones(2, 3), axis=-1).shape == (2,)


COMPILED_FIRST = """
import torch
import lossbook as lb
pairs = lambda loss: lambda s, r: loss(s, r)
labels = lambda loss: lambda s, r: loss(s, r.long()[:, 0])
losses = pairs(lb.all_pairs_logistic_loss), pairs(lb.lambdarank_loss), labels(lb.cross_entropy)
for loss in losses:
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    for n, k in ((4, 6), (5, 6), (7, 8)):
        s, r = torch.randn(n, k), torch.randint(0, 3, (n, k)).float()
        assert torch.allclose(compiled(s, r), loss(s, r), rtol=1e-5)
"""


def test_a_compiler_may_be_the_first_to_call_a_loss_and_shapes_may_change():
    command = [sys.executable, "-W", "ignore", "-c", COMPILED_FIRST]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
