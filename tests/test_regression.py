"""Regression losses: what is special to them. The rest is in the shared suites."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import gradient, over_libraries, plain, to
from lossbook import (
    absolute_error,
    gaussian_nll,
    gaussian_nll_from_log_variances,
    giou_loss,
    huber_loss,
    iou,
    iou_loss,
    l2_penalty,
    log_cosh_loss,
    poisson_nll,
    poisson_nll_from_rates,
    pseudo_huber_loss,
    quantile_loss,
    root_mean_squared_error,
    smooth_l1_loss,
    squared_error,
    tukey_loss,
    value_and_grad,
)
from lossbook.accuracy import error_in_ulps

INF, NAN = math.inf, math.nan
SOME = settings(max_examples=40, deadline=None, derandomize=True, database=None)
OF_THE_ERROR = [
    squared_error, absolute_error, quantile_loss, huber_loss, smooth_l1_loss, log_cosh_loss,
    pseudo_huber_loss, tukey_loss,
]  # fmt: skip


def each(loss, *arrays, **options):
    value, slope = value_and_grad(loss, *arrays, reduction="none", **options)
    return plain(value), plain(slope)


# ---------------------------------------------------------------------- what is refused
@pytest.mark.parametrize("loss", [*OF_THE_ERROR, root_mean_squared_error])
def test_a_column_against_a_row_is_refused(loss):
    # by broadcasting it would be the mean over all pairs
    with pytest.raises(ValueError, match=r"same shape, got \(5, 1\) and \(5,\)"):
        loss(np.zeros((5, 1)), np.zeros(5))


@pytest.mark.parametrize("loss", [gaussian_nll, gaussian_nll_from_log_variances])
def test_one_variance_for_all_is_refused(loss):
    with pytest.raises(
        ValueError, match=r"means and \w+ must .* same shape, got \(3,\) and \(1,\)"
    ):
        loss(np.zeros(3), np.ones(1), np.zeros(3))
    with pytest.raises(ValueError, match=r"means and targets must .* got \(3,\) and \(3, 1\)"):
        loss(np.zeros(3), np.ones(3), np.zeros((3, 1)))


@pytest.mark.parametrize("loss", [*OF_THE_ERROR, root_mean_squared_error])
@pytest.mark.parametrize("missing", [NAN, INF, -INF])
def test_a_missing_target_has_to_be_masked(loss, missing):
    for library in ("numpy", "torch"):
        for dtype in ("float64", "float32"):
            x, y = to(library, [[1.0, 2.0], [0.0, missing]], dtype)
            message = rf"targets must be in \(-inf, inf\), got {missing:g} at index 1"
            with pytest.raises(ValueError, match=message):
                loss(x, y)
            kept = loss(x, y, where=[True, False])
            assert plain(kept) == pytest.approx(plain(loss(x[:1], y[:1])), rel=1e-6)


@pytest.mark.parametrize(
    "loss, options, message",
    [
        (huber_loss, {"delta": 0.0}, r"delta must be a number in \(0, inf\), got 0.0"),
        (smooth_l1_loss, {"beta": -1.0}, r"beta must be a number in \(0, inf\), got -1.0"),
        (tukey_loss, {"cutoff": INF}, r"cutoff must be a number in \(0, inf\), got inf"),
        (quantile_loss, {"quantile": 0.0}, r"quantile must be a number in \(0, 1\], got 0.0"),
        (quantile_loss, {"quantile": 1.0}, "quantile must be less than 1, got 1"),
    ],
)
def test_options_out_of_range(loss, options, message):
    with pytest.raises(ValueError, match=message):
        loss(np.zeros(2), np.zeros(2), **options)


@over_libraries
def test_whole_numbers_are_not_subtracted_as_such(library):
    # 3 - 5 is 254 in 8 bits
    (x,), (y,) = to(library, [[3.0]]), to(library, [[5]], "uint8")
    assert plain(squared_error(x, y)) == 4 and plain(absolute_error(x, y)) == 2


# ------------------------------------------------------------------------- the extremes
@over_libraries
def test_small_and_large_errors(library):
    x, y = to(library, [[1e-9, 1e4, -1e300, 1e-160], [0.0] * 4])
    value, slope = each(log_cosh_loss, x, y)
    assert value == pytest.approx([5e-19, 9999.306852819440, 1e300, 5e-321], rel=1e-3, abs=0)
    assert value[:3] == pytest.approx([5e-19, 1e4 - math.log(2), 1e300], rel=1e-15, abs=0)
    assert slope == pytest.approx([1e-9, 1, -1, 1e-160], rel=1e-15, abs=0)
    for delta, far in ((1.0, 1e300), (100.0, 1e302), (1e-5, 1e295)):
        for loss in (huber_loss, pseudo_huber_loss):
            value, slope = each(loss, x, y, delta=delta)
            assert value[2] == pytest.approx(far, rel=1e-13)
            assert slope[2] == -delta
            assert value[0] == pytest.approx(5e-19, rel=1e-8)


@pytest.mark.parametrize("dtype, e", [("float64", 1.3e154), ("float32", 1.8e19)])
def test_a_square_overflows_where_the_true_one_does(dtype, e):
    for library in ("numpy", "torch"):
        x, y = to(library, [[e, 1.1 * e], [0.0, 0.0]], dtype)
        assert np.isinf(each(squared_error, x, y)[0]).tolist() == [False, True]
    assert np.isfinite(each(squared_error, *to("numpy", [[60000.0], [59900.0]], "float16"))[0])


@over_libraries
def test_half_precision_has_room_for_a_mean_of_large_squares(library):
    x, y = to(library, [[200.0] * 1000, [0.0] * 1000], "float16")
    assert plain(squared_error(x, y)) == 40000  # the sum is not in range, the mean is
    assert plain(root_mean_squared_error(300 + 0 * x, y)) == 300  # nor is this square


# ------------------------------------------------------------------------------ relations
errors = st.floats(-1e150, 1e150)
widths = st.floats(1e-3, 1e3)


@SOME
@given(st.lists(errors, min_size=1, max_size=5), widths)
def test_huber_and_smooth_l1_differ_by_a_factor(e, width):
    e = np.array(e)
    huber, slope = each(huber_loss, e, 0 * e, delta=width)
    smooth, steep = each(smooth_l1_loss, e, 0 * e, beta=width)
    assert huber == pytest.approx(width * smooth, rel=1e-14, abs=1e-300)
    assert slope == pytest.approx(width * steep, rel=1e-14, abs=1e-300)
    half_square = each(squared_error, e, 0 * e)[0] / 2
    inside = abs(e) <= width
    assert huber[inside] == pytest.approx(half_square[inside], rel=1e-14, abs=1e-300)


@SOME
@given(st.lists(errors, min_size=1, max_size=5), widths)
def test_all_lie_below_half_the_square_and_pull_less(e, width):
    e = np.array(e)
    for loss, options in (
        (huber_loss, {"delta": width}), (pseudo_huber_loss, {"delta": width}),
        (tukey_loss, {"cutoff": width}), (log_cosh_loss, {}),
    ):  # fmt: skip
        value, slope = each(loss, e, 0 * e, **options)
        assert (value <= (1 + 1e-15) * e * e / 2 + 1e-320).all()
        assert (abs(slope) <= abs(e) * (1 + 1e-15)).all() and (slope * e >= 0).all()


def test_how_far_apart_they_are_in_the_end():
    e = np.array([50.0, 1000.0])
    gap = each(huber_loss, e, 0 * e)[0] - each(log_cosh_loss, e, 0 * e)[0]
    assert gap == pytest.approx(math.log(2) - 0.5, rel=1e-12)  # Huber lies above
    gap = each(huber_loss, e, 0 * e)[0] - each(pseudo_huber_loss, e, 0 * e)[0]
    assert gap == pytest.approx([0.5 - 0.01, 0.5 - 0.0005], abs=1e-5)


@over_libraries
def test_at_an_error_of_zero_nothing_pulls(library):
    x, y = to(library, [[2.0], [2.0]])
    for loss in OF_THE_ERROR:
        assert each(loss, x, y) == (0, 0)
    assert each(quantile_loss, x, y, quantile=0.9)[1] == 0


@over_libraries
def test_too_low_costs_q_and_too_high_the_rest(library):
    x, y = to(library, [[0.0, 2.0], [1.0, 1.0]])
    value, slope = each(quantile_loss, x, y, quantile=0.9)
    assert value == pytest.approx([0.9, 0.1], rel=1e-15)
    assert slope == pytest.approx([-0.9, 0.1], rel=1e-15)
    assert each(quantile_loss, x, y)[0] == pytest.approx(each(absolute_error, x, y)[0] / 2)


@SOME
@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=9), st.sampled_from([0.1, 0.3, 0.5, 0.8])
)
def test_the_best_constant_of_the_quantile_loss_is_a_quantile(y, q):
    y = np.sort(np.array(y, dtype=float))
    losses = [float(quantile_loss(0 * y + c, y, quantile=q)) for c in y]
    best = y[np.isclose(losses, min(losses), rtol=1e-12)]
    below, up_to = np.mean(y < best[0]), np.mean(y <= best[-1])
    assert below <= q + 1e-12 and up_to >= q - 1e-12
    assert best[0] <= np.quantile(y, q, method="inverted_cdf") <= best[-1]


@pytest.mark.parametrize(
    "loss, best",
    [(squared_error, 22), (absolute_error, 3), (huber_loss, 3), (log_cosh_loss, 3.01884)],
)
def test_best_constants_with_an_outlier(loss, best):
    y = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        slope = value_and_grad(loss, middle + 0 * y, y)[1].sum()
        low, high = (low, middle) if slope > 0 else (middle, high)
    assert middle == pytest.approx(best, abs=1e-5)


def test_tukey_forgets_an_outlier_and_is_half_the_square_without_a_cutoff():
    e = np.array([0.5, 3.0, 5.0, 1e300])
    value, slope = each(tukey_loss, e, 0 * e)
    assert value[2] == value[3] == pytest.approx(4.685**2 / 6, rel=1e-15)
    assert (slope[2:] == 0).all() and (slope[:2] > 0).all()
    assert each(tukey_loss, e[:3], 0 * e[:3], cutoff=1e8)[0] == pytest.approx(e[:3] ** 2 / 2)


# --------------------------------------------------------------------------------- RMSE
@over_libraries
def test_rmse_of_a_perfect_fit_has_a_gradient(library):
    x, y = to(library, [[1.0, 2.0], [1.0, 2.0]])
    value, slope = value_and_grad(root_mean_squared_error, x, y)
    assert float(value) == 0 and plain(slope).tolist() == [0, 0]


def test_rmse_of_a_perfect_fit_in_autograd():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert gradient(root_mean_squared_error, x, x.clone()).tolist() == [0, 0]
    curvature = torch.autograd.functional.hessian(lambda z: root_mean_squared_error(z, x), x)
    assert torch.isfinite(curvature).all()
    popular = gradient(lambda z: torch.sqrt(torch.mean((z - x) ** 2)), x)
    assert torch.isnan(popular).all()


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e-36, 1e-12, 1.0, 1e30])
def test_rmse_and_its_gradient_in_ulps(library, dtype, scale):
    rng = np.random.default_rng(0)
    x, y = to(library, [scale * rng.normal(size=50), scale * rng.normal(size=50)], dtype)
    value, slope = value_and_grad(root_mean_squared_error, x, y)
    with mpmath.workdps(50):
        e = [mpmath.mpf(float(a)) - mpmath.mpf(float(b)) for a, b in zip(x, y, strict=True)]
        true = mpmath.sqrt(mpmath.fsum(d * d for d in e) / len(e))
        assert error_in_ulps(value, true, dtype) <= 2
        worst = max(
            error_in_ulps(s, d / (len(e) * true), dtype) for s, d in zip(slope, e, strict=True)
        )
    assert worst <= 3.5


@over_libraries
def test_rmse_of_rows_weights_and_masks(library):
    x, y, w = to(library, [[[4.0, 7.0], [1.0, NAN]], [[1.0, 3.0], [1.0, 5.0]], [[1.0, 3.0]] * 2])
    (keep,) = to(library, [[[True, True], [True, False]]], "bool")
    assert plain(root_mean_squared_error(x[:1], y[:1])) == pytest.approx(math.sqrt(12.5))
    assert plain(root_mean_squared_error(x[:1], y[:1], weights=w[:1])) == pytest.approx(
        math.sqrt((9 + 3 * 16) / 4)
    )
    by_row = plain(root_mean_squared_error(x, y, axis=1, where=keep))
    assert by_row == pytest.approx([math.sqrt(12.5), 0])
    value, slope = value_and_grad(root_mean_squared_error, x, y, where=keep, weights=w)
    assert float(value) == pytest.approx(math.sqrt((9 + 3 * 16) / 5))
    assert plain(slope) == pytest.approx(np.array([[3, 3 * 4], [0, 0]]) / (5 * float(value)))
    assert plain(root_mean_squared_error(x, y, where=keep & ~keep)) == 0
    assert plain(root_mean_squared_error(x[:0], y[:0])) == 0


@over_libraries
def test_rmse_keeps_shapes_and_takes_infinite_errors(library):
    x, y = to(library, [[[1.0, 2.0, INF]], [[0.0, 0.0, 0.0]]])
    value, slope = value_and_grad(root_mean_squared_error, x, y)
    assert float(value) == INF and plain(slope) == pytest.approx(np.array([[0, 0, 3**-0.5]]))
    (a, b) = to(library, [2.0, 5.0])
    value, slope = value_and_grad(root_mean_squared_error, a, b)
    assert float(value) == 3 and plain(slope) == -1 and slope.shape == ()


def test_rmse_agrees_with_gradcheck():
    x, y = to("torch", [np.arange(6.0).reshape(2, 3), np.ones((2, 3))])
    w = torch.rand(2, 3, dtype=torch.float64)
    for axis in (None, 0, 1):
        for weights in (None, w):

            def function(z, axis=axis, weights=weights):
                return root_mean_squared_error(z, y, axis=axis, weights=weights)

            z = (x + 0.3).requires_grad_()
            assert torch.autograd.gradcheck(function, z) and torch.autograd.gradgradcheck(
                function, z
            )


# --------------------------------------------------------------------------- likelihoods
@over_libraries
def test_a_variance_of_zero_gives_the_limit(library):
    m, v, y = to(library, [[1.0, 1.0], [0.0, 0.0], [1.0, 2.0]])
    value, (by_mean, by_variance) = value_and_grad(
        gaussian_nll, m, v, y, wrt=(0, 1), reduction="none"
    )
    assert plain(value).tolist() == [-INF, INF]
    assert plain(by_mean).tolist() == [0, -INF] and plain(by_variance).tolist() == [INF, -INF]
    (s,) = to(library, [[-INF, -INF]])
    value, (by_mean, by_log) = value_and_grad(
        gaussian_nll_from_log_variances, m, s, y, wrt=(0, 1), reduction="none"
    )
    assert plain(value).tolist() == [-INF, INF] and plain(by_log).tolist() == [0.5, -INF]


@over_libraries
def test_the_bound_of_the_variance_is_named_and_stops_the_gradient(library):
    m, v, y = to(library, [[0.0, 0.0], [0.0, 4.0], [1.0, 1.0]])
    options = {"min_variance": 1e-6, "reduction": "none"}
    value, (by_mean, by_variance) = value_and_grad(gaussian_nll, m, v, y, wrt=(0, 1), **options)
    assert plain(value)[0] == pytest.approx(499993.0922447210 + math.log(2 * math.pi) / 2)
    assert plain(by_mean)[0] == pytest.approx(-1e6)
    assert plain(by_variance) == pytest.approx([0, (1 - 0.25) / 8])


@SOME
@given(st.floats(-1e3, 1e3), st.floats(-50, 50), st.floats(-1e3, 1e3))
def test_variances_and_their_logarithms_agree(m, s, y):
    m, s, y = (np.array([x]) for x in (m, s, y))
    value, slopes = value_and_grad(gaussian_nll, m, np.exp(s), y, wrt=(0, 1))
    other, by_log = value_and_grad(gaussian_nll_from_log_variances, m, s, y, wrt=(0, 1))
    size = (1 + abs(s) + (m - y) ** 2 * np.exp(-s)).item()
    assert value == pytest.approx(other, abs=1e-13 * size)
    assert slopes[0] == pytest.approx(by_log[0], rel=1e-13)
    assert slopes[1] * np.exp(s) == pytest.approx(by_log[1], abs=1e-13 * size)  # chain rule


def test_the_best_variance_is_the_mean_squared_error():
    e = np.array([1.0, -2.0, 3.0])
    best = squared_error(e, 0 * e)
    slopes = value_and_grad(gaussian_nll, e, best + 0 * e, 0 * e, wrt=1)[1]
    assert slopes.sum() == pytest.approx(0, abs=1e-16)


@over_libraries
def test_counts(library):
    z, y = to(library, [[-INF, -INF, 800.0, INF], [0, 3, 2, 5]])
    value, slope = each(poisson_nll, z, y)
    assert value.tolist() == [0, INF, INF, INF] and slope.tolist() == [0, -3, INF, INF]
    r, y = to(library, [[0.0, 0.0, INF, 3.0], [0, 3, 5, 3]])
    value, slope = each(poisson_nll_from_rates, r, y)
    assert value[:3].tolist() == [0, INF, INF] and slope.tolist() == [1, -INF, 1, 0]
    with pytest.raises(ValueError, match=r"targets must be in \[0, inf\), got -1 at index 0"):
        poisson_nll(z, y - 1 - y)


def test_poisson_is_half_the_deviance_above_its_minimum():
    metrics = pytest.importorskip("sklearn.metrics")
    y, r = np.array([1.0, 4.0, 2.5]), np.array([0.3, 5.0, 2.0])
    above = poisson_nll_from_rates(r, y) - poisson_nll_from_rates(y, y)
    assert metrics.mean_poisson_deviance(y, r) == pytest.approx(2 * above)
    assert poisson_nll(np.log(r), y) == pytest.approx(poisson_nll_from_rates(r, y))


# -------------------------------------------------------------------------------- boxes
UNIT = [0.0, 0.0, 1.0, 1.0]


def pair(library, a, b, dtype="float64"):
    return to(library, [[a], [b]], dtype)


@over_libraries
@pytest.mark.parametrize(
    "a, b, iou_is, giou_is",
    [
        ([-1.0, -1.0, 1.0, 1.0], [-1.0, -1.0, 1.0, 1.0], 0, 0),
        (UNIT, [0.0, 0.0, 0.5, 0.5], 0.75, 0.75),
        (UNIT, [1.0, 0.0, 2.0, 1.0], 1, 1),
        (UNIT, [1.0, 1.0, 2.0, 2.0], 1, 1.5),
        (UNIT, [2.0, 0.0, 3.0, 1.0], 1, 4 / 3),
        (UNIT, [1e6, 1e6, 1e6 + 1, 1e6 + 1], 1, 2),
        ([3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0], 0, 0),  # without area, but the same
        ([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 2.0], 0.5, 0.5),
        ([3.0, 3.0, 3.0, 3.0], UNIT, 1, 17 / 9),
        ([0.5, 0.5, 0.5, 0.5], UNIT, 1, 1),
        ([0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], 1, 2),
    ],
)
def test_boxes(library, a, b, iou_is, giou_is):
    for p, q in (pair(library, a, b), pair(library, b, a)):
        assert plain(iou_loss(p, q)) == pytest.approx(iou_is, rel=1e-15)
        assert plain(giou_loss(p, q)) == pytest.approx(giou_is, rel=1e-11)
        assert plain(iou(p, q)) == pytest.approx(1 - iou_is, abs=1e-15)
        for loss in (iou_loss, giou_loss):
            assert np.isfinite(each(loss, p, q)[1]).all()


@over_libraries
def test_boxes_apart(library):
    a, b = pair(library, UNIT, [3.0, 0.0, 4.0, 1.0])
    assert not each(iou_loss, a, b)[1].any()
    slope = each(giou_loss, a, b)[1][0]
    assert slope[2] < 0 < slope[0]  # both ends go to the right: the far one shrinks the hull
    for _ in range(200):
        a = a - 0.1 * value_and_grad(giou_loss, a, b)[1]
    assert plain(iou_loss(a, b)) < 0.9


@over_libraries
def test_nearly_equal_boxes_keep_their_digits(library):
    a, b = pair(library, [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0 + 2.0**-50])
    true = 2.0**-50 / (1 + 2.0**-50)
    assert plain(iou_loss(a, b)) == pytest.approx(true, rel=1e-15, abs=0)
    a, b = pair(library, [0.0, 0.0, 1.0, 1.0], [1e-10, 1e-10, 1.0, 1.0])
    assert plain(giou_loss(a, b)) == pytest.approx(2e-10 - 1e-20, rel=1e-13, abs=0)


@SOME
@given(st.lists(st.floats(-4, 4, width=16), min_size=8, max_size=8), st.integers(-40, 40))
def test_overlap_knows_no_unit_and_no_origin(numbers, power):
    corners = np.sort(np.array(numbers).reshape(2, 2, 2), axis=1).reshape(2, 4)
    a, b = corners[:1], corners[1:]
    for loss in (iou_loss, giou_loss):
        value, slope = each(loss, a, b)
        scaled, steep = each(loss, a * 2.0**power, b * 2.0**power)
        assert np.array_equal(value, scaled) and np.array_equal(slope, steep * 2.0**power)
        assert np.array_equal(value, each(loss, a + 64, b + 64)[0])
        assert np.array_equal(value, each(loss, b, a)[0])
    assert each(iou_loss, a, b)[0] <= each(giou_loss, a, b)[0] <= 2
    x, y = each(giou_loss, a[:, [1, 0, 3, 2]], b[:, [1, 0, 3, 2]]), each(giou_loss, a, b)
    assert x[0] == pytest.approx(y[0]) and x[1] == pytest.approx(y[1][:, [1, 0, 3, 2]])


@SOME
@given(st.lists(st.floats(-4, 4), min_size=8, max_size=8))
def test_slopes_are_differences_of_values(numbers):
    corners = np.sort(np.array(numbers).reshape(2, 2, 2), axis=1).reshape(2, 4)
    a, b = corners[:1], corners[1:]
    step = 1e-6
    edges = np.r_[a[0, [0, 2]], b[0, [0, 2]]], np.r_[a[0, [1, 3]], b[0, [1, 3]]]
    if min(np.diff(np.sort(e)).min() for e in edges) < 1e-2:
        return  # at an edge that meets another the loss has a kink
    for loss in (iou_loss, giou_loss):
        slope = each(loss, a, b)[1]
        for k, unit in enumerate(np.eye(4)):
            rise = loss(a + step * unit, b) - loss(a - step * unit, b)
            assert slope[0, k] == pytest.approx(rise / (2 * step), rel=1e-4, abs=1e-6)


@over_libraries
@pytest.mark.parametrize("dtype, size", [("float16", 6e4), ("float32", 1e38), ("float64", 1e308)])
def test_areas_that_overflow(library, dtype, size):
    a, b = pair(library, [-size, -size, size, size], [-size, 0.0, size, size], dtype)
    assert plain(iou_loss(a, b)) == plain(giou_loss(a, b)) == 0.5
    assert np.isfinite(each(giou_loss, a, b)[1]).all()
    tiny = 1 / size
    a, b = pair(library, [0.0, 0.0, tiny, tiny], [0.0, 0.0, tiny, tiny / 2], dtype)
    assert plain(iou_loss(a, b)) == pytest.approx(0.5, abs=1e-2 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("loss", [iou, iou_loss, giou_loss])
def test_what_is_no_box(loss):
    good, bad = np.array([UNIT]), np.array([[0.0, 0.0, -2.0, 1.0]])
    with pytest.raises(ValueError, match="x2 - x1 of predictions must be at least 0, got -2 at"):
        loss(bad, good)
    with pytest.raises(ValueError, match="y2 - y1 of targets must be at least 0, got -1 at"):
        loss(good, np.array([[0.0, 1.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match=r"last axis of 4, got the shape \(2, 3\)"):
        loss(np.zeros((2, 3)), np.zeros((2, 3)))


# --------------------------------------------------------------------------- the penalty
def test_the_penalty_shrinks_as_weight_decay_does():
    start = torch.tensor([3.0, -4.0], dtype=torch.float64)
    by_penalty, by_decay = (start.clone().requires_grad_() for _ in range(2))
    (l2_penalty(by_penalty, strength=0.05)).backward()
    torch.optim.SGD([by_penalty], lr=0.1).step()
    by_decay.grad = torch.zeros_like(by_decay)
    torch.optim.SGD([by_decay], lr=0.1, weight_decay=2 * 0.05).step()
    assert torch.equal(by_penalty, by_decay)
    assert by_penalty.tolist() == pytest.approx([0.99 * 3, 0.99 * -4])


@over_libraries
def test_the_penalty(library):
    (w,) = to(library, [[[3.0, -4.0]]])
    value, slope = value_and_grad(l2_penalty, w, strength=0.5)
    assert float(value) == 12.5 and plain(slope).tolist() == [[3, -4]]
    assert plain(l2_penalty(w, strength=0)) == 0
    with pytest.raises(ValueError, match="strength must be a number in"):
        l2_penalty(w, strength=-1.0)


# ------------------------------------------------------------------ what others have broken
@over_libraries
def test_booleans_are_numbers(library):
    (x, numbers), (flags,) = to(library, [[0.5, 2.0], [1, 0]]), to(library, [[1, 0]], "bool")
    for loss in (*OF_THE_ERROR, root_mean_squared_error, gaussian_nll_from_log_variances):
        given = (x, x) if loss is gaussian_nll_from_log_variances else (x,)
        expected = plain(loss(*given, numbers))
        assert plain(loss(*given, flags)) == plain(loss(*given, [True, False])) == expected
    box, (whole,) = to(library, [[0, 0, 1, 1.0]])[0], to(library, [[0, 0, 1, 1]], "bool")
    assert plain(giou_loss(box, whole)) == 0


@over_libraries
def test_boxes_of_whole_numbers_are_not_wrapped(library):
    (box,) = to(library, [[0.0, 0, 6, 6]])
    for numbers, dtype in (([7, 0, 5, 5], "uint8"), ([0, 100, 100, -100], "int8")):
        (target,) = to(library, [numbers], dtype)
        with pytest.raises(ValueError, match="1 of targets must be at least 0, got -"):
            giou_loss(box, target)
    numbers = [-100, 0, 100, 5]
    found = giou_loss(box, to(library, [numbers], "int8")[0])
    assert plain(found) == plain(giou_loss(box, to(library, [numbers])[0]))


@pytest.mark.parametrize("delta", [0.7, 1.0, 3.0])
def test_the_curvature_of_the_hyperbola_has_no_jump(delta):
    x = torch.tensor([delta, -delta], dtype=torch.float64)
    bent = torch.autograd.functional.hessian(
        lambda x: pseudo_huber_loss(x, torch.zeros(2), delta=delta, reduction="sum"), x
    )
    assert plain(bent.diagonal()) == pytest.approx(2**-1.5)


@over_libraries
def test_a_rate_or_a_variance_of_minus_zero_pulls_as_zero_does(library):
    zero, one, none = to(library, [[-0.0], [1.0], [0.0]])
    _, slope = value_and_grad(poisson_nll_from_rates, zero, one)
    assert plain(slope) == -INF
    _, slopes = value_and_grad(gaussian_nll, one, zero, none, wrt=(0, 1))
    assert [float(plain(s)[0]) for s in slopes] == [INF, -INF]


@over_libraries
def test_rmse_of_errors_that_hardly_count(library):
    e, zero, w = to(library, [[1e-30, 5.0], [0.0, 0.0], [1e26, 1e-26]], "float32")
    value, slope = value_and_grad(root_mean_squared_error, e, zero, weights=w)
    assert plain(value) == pytest.approx(5e-26, rel=1e-6)
    assert plain(slope) == pytest.approx([1e-30 / 5e-26, 1e-26], rel=1e-6)
    e, zero, w = to(library, [[1e-30, 5.0], [0.0, 0.0], [1e38, 1e-38]], "float32")
    assert plain(root_mean_squared_error(e[:1], zero[:1], weights=w[:1])) == np.float32(1e-30)
    e, zero, w = to(library, [[3.0, 4.0], [0.0, 0.0], [1e308, 1e308]])
    assert plain(root_mean_squared_error(e, zero, weights=w)) == pytest.approx(12.5**0.5)


@over_libraries
def test_parameters_that_single_precision_has_not(library):
    (e,) = to(library, [[0.0, 0.5, -3.0]], "float32")
    half = plain(e) ** 2 / 2
    assert each(smooth_l1_loss, e, 0 * e, beta=1e-46)[0].tolist() == [0, 0.5, 3]
    for loss, name in ((pseudo_huber_loss, "delta"), (tukey_loss, "cutoff"), (huber_loss, "delta")):
        value, slope = each(loss, e, 0 * e, **{name: 1e39})
        assert value == pytest.approx(half, rel=1e-6)
        assert slope == pytest.approx(plain(e), rel=1e-6)
        for found in each(loss, e, 0 * e, **{name: 1e-46}):
            assert found == pytest.approx([0, 0, 0], abs=1e-44)


@over_libraries
def test_the_slope_of_a_tiny_variance(library):
    for sign in (-1, 1):
        given = to(library, [[sign * 2.0**-64], [2.0**-128], [0.0]], "float32")
        _, slopes = value_and_grad(gaussian_nll, *given, wrt=(0, 1))
        assert [float(plain(s)[0]) for s in slopes] == [sign * 2.0**64, 0]


def test_the_hessian_at_the_least_variance_is_symmetric():
    def loss(x):
        return gaussian_nll(x[:1], x[1:], torch.zeros(1), min_variance=1.0).sum()

    bent = torch.autograd.functional.hessian(loss, torch.tensor([1.0, 1.0]))
    assert torch.equal(bent, bent.T)


@pytest.mark.filterwarnings("ignore")  # those of the compiler about itself
def test_a_loss_compiles_as_one_graph():
    x, y = torch.tensor([0.5, 2.0], requires_grad=True), torch.tensor([1.0, 0.0])
    compiled = torch.compile(lambda x, y: squared_error(x, y), fullgraph=True, backend="eager")
    compiled(x, y).backward()
    assert x.grad.tolist() == [-0.5, 2]
