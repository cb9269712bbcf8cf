"""The checks of inputs: what passes, and what a message shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import over_libraries, to
from lossbook import checks


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_the_ends_of_an_interval_belong_to_it(library, dtype):
    (x,) = to(library, [[0.0, 1.0]], dtype)
    checks.check_within("x", x, 0, 1)
    checks.check_within("x", x, -math.inf, math.inf)
    for low, high in ((0.1, 1), (0, 0.9)):
        with pytest.raises(ValueError, match="x must be in "):
            checks.check_within("x", x, low, high)
    info = torch.finfo(getattr(torch, dtype))
    (largest, infinite) = to(library, [[info.max], [math.inf]], dtype)
    checks.check_within("x", largest, 0, checks.LARGEST)
    with pytest.raises(ValueError, match=r"x must be in \[0, inf\), got inf at index 0"):
        checks.check_within("x", infinite, 0, checks.LARGEST)


@over_libraries
def test_nan_passes_a_check_that_lets_it_and_no_other(library):
    (x,) = to(library, [[0.5, math.nan]])
    checks.check_within("x", x, 0, 1, nan=True)
    with pytest.raises(ValueError, match=r"x must be in \[0, 1\], got nan at index 1"):
        checks.check_within("x", x, 0, 1)
    (worse,) = to(library, [[math.nan, 2.0]])
    with pytest.raises(ValueError, match="got 2 at index 1"):
        checks.check_within("x", worse, 0, 1, nan=True)


@over_libraries
def test_what_a_mask_leaves_out_is_not_checked(library):
    (x,) = to(library, [[[0.5, 7.0], [math.nan, -3.0]]])
    (where, narrow) = to(library, [[[1, 0], [0, 0]], [1, 0]], "bool")
    checks.check_within("x", x, 0, 1, where=where)
    checks.check_signs("x", 0 * x + 1, where=where)
    with pytest.raises(ValueError, match=r"got nan at index \(1, 0\)"):
        checks.check_within("x", x, 0, 1, where=narrow)


def test_parameters():
    assert checks.check_number("n", np.float32(0.5), 0, 1) == 0.5
    assert checks.check_number("n", np.int64(3), 0) == 3.0
    assert checks.check_number("n", 0, 0) == 0.0
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"n must be a number in \(0, inf\), got "):
            checks.check_number("n", wrong, 0, open_low=True)
    assert [checks.check_axis(a, 3) for a in (0, 2, -1, -3, np.int64(1))] == [0, 2, 2, 0, 1]


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
            checks.check_within("x", x, 0, 1)
