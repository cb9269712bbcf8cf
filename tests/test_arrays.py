"""Arrays of two libraries: recognized, checked, and never converted behind one's back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import over_libraries, to
from lossbook import arrays


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
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_the_ends_of_an_interval_belong_to_it(library, dtype):
    (x,) = to(library, [[0.0, 1.0]], dtype)
    arrays.check_within("x", x, 0, 1)
    arrays.check_within("x", x, -math.inf, math.inf)
    for low, high in ((0.1, 1), (0, 0.9)):
        with pytest.raises(ValueError, match="x must be in "):
            arrays.check_within("x", x, low, high)
    info = torch.finfo(getattr(torch, dtype))
    (largest, infinite) = to(library, [[info.max], [math.inf]], dtype)
    arrays.check_within("x", largest, 0, arrays.LARGEST)
    with pytest.raises(ValueError, match=r"x must be in \[0, inf\), got inf at index 0"):
        arrays.check_within("x", infinite, 0, arrays.LARGEST)


@over_libraries
def test_nan_passes_a_check_that_lets_it_and_no_other(library):
    (x,) = to(library, [[0.5, math.nan]])
    arrays.check_within("x", x, 0, 1, nan=True)
    with pytest.raises(ValueError, match=r"x must be in \[0, 1\], got nan at index 1"):
        arrays.check_within("x", x, 0, 1)
    (worse,) = to(library, [[math.nan, 2.0]])
    with pytest.raises(ValueError, match="got 2 at index 1"):
        arrays.check_within("x", worse, 0, 1, nan=True)


@over_libraries
def test_what_a_mask_leaves_out_is_not_checked(library):
    (x,) = to(library, [[[0.5, 7.0], [math.nan, -3.0]]])
    (where, narrow) = to(library, [[[1, 0], [0, 0]], [1, 0]], "bool")
    arrays.check_within("x", x, 0, 1, where=where)
    arrays.check_signs("x", 0 * x + 1, where=where)
    with pytest.raises(ValueError, match=r"got nan at index \(1, 0\)"):
        arrays.check_within("x", x, 0, 1, where=narrow)


def test_parameters():
    assert arrays.check_number("n", np.float32(0.5), 0, 1) == 0.5
    assert arrays.check_number("n", np.int64(3), 0) == 3.0
    assert arrays.check_number("n", 0, 0) == 0.0
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"n must be a number in \(0, inf\), got "):
            arrays.check_number("n", wrong, 0, open_low=True)
    assert [arrays.check_axis(a, 3) for a in (0, 2, -1, -3, np.int64(1))] == [0, 2, 2, 0, 1]


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


@over_libraries
def test_a_message_shows_enough_digits(library):
    for dtype, number, shown in (
        ("float64", 1.0000001, "1.0000001"),
        ("float32", 1.0000001, "1.00000012"),
        ("float32", 1.1, "1.1"),
        ("int64", 123456789, "123456789"),
    ):
        (x,) = to(library, [[number]], dtype)
        with pytest.raises(ValueError, match=rf"got {shown} at index 0$"):
            arrays.check_within("x", x, 0, 1)
