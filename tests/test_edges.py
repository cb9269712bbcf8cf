"""Promise: finite inputs never raise or give nan, infinite ones give the limit, a nan shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import (
    CATALOGUE,
    ELEMENTS,
    LIBRARIES,
    LOGITS_ONLY,
    LOSSES,
    REDUCTIONS,
    TOTALS,
    alone,
    gradient,
    over,
    over_libraries,
    plain,
    sample,
    to,
    value_and_slope,
)
from lossbook import (
    StreamingLogSumExp,
    binary_cross_entropy,
    binary_cross_entropy_from_probs,
    binary_focal_loss,
    brier_score,
    log_softmax,
    logistic_loss,
    logsumexp,
    softmax,
    sparsemax,
    value_and_grad,
)
from lossbook.catalogue import entry as find
from lossbook.catalogue.entry import LOGITS, TARGETS

NAN, INF = math.nan, math.inf
WIDTHS = (1, 2, 3, 5)
FLOATS = {"float64": np.uint64, "float32": np.uint32, "float16": np.uint16}
over_floats = pytest.mark.parametrize("dtype", FLOATS)


# ------------------------------------------------------------------- any finite numbers
def finite(domain, shape, dtype, rng):
    """Any finite numbers of a domain: any bits, what often goes wrong, and ordinary ones."""
    if domain == "sign":
        return rng.choice([-1.0, 1.0], shape)
    info = np.finfo(dtype)
    bits = rng.integers(0, 2 ** (8 * info.dtype.itemsize), shape, FLOATS[dtype], endpoint=False)
    any_bits = bits.view(dtype)
    ordinary = [0, 1, 0.5, 1 / 3, 2, 17, 88.5, 710, 1 + info.eps, 1 - info.epsneg]
    small = [info.smallest_subnormal, info.smallest_normal, info.eps]
    large = [info.max, np.nextafter(info.max, 0, dtype=dtype), np.sqrt(info.max), 1 / info.eps]
    awkward = np.array([*ordinary, *small, *large]).astype(dtype)
    kinds = [np.where(np.isfinite(any_bits), any_bits, 0), rng.choice(awkward, shape)]
    kinds += [rng.choice(-awkward, shape), (3 * rng.normal(size=shape)).astype(dtype)]
    return within(domain, np.choose(rng.integers(0, 4, shape), kinds), info).astype(float)


def within(domain, x, info):
    """The numbers moved into a domain."""
    size = abs(x)
    if domain == "probability":
        p = np.where(size > 1, 1 / np.maximum(size, 1), size)
        return np.where(x < 0, 1 - p, p)
    return {
        "nonnegative": lambda: size,
        "positive": lambda: np.maximum(size, info.smallest_normal),
        "nonpositive": lambda: -size,
    }.get(domain, lambda: x)()


def row_of(domain, shape, dtype, rng):
    """Rows of such numbers, or labels."""
    if domain == "label":
        return rng.integers(0, shape[1], shape[0])
    if domain == "grade":
        return rng.choice([0.0, 0.25, 1.0, 2.0, 3.0, 1000.0], shape)
    if domain in ("simplex", "log_simplex"):
        p = chances(finite("probability", shape, dtype, rng))
        return p if domain == "simplex" else np.log(np.maximum(p, 1e-300))
    x = finite(domain, shape, dtype, rng)
    if domain == "box":
        return np.concatenate([np.minimum(x[:, :2], x[:, 2:]), np.maximum(x[:, :2], x[:, 2:])], 1)
    ties = rng.random(shape) < 0.2
    return np.where(ties, x[:, :1], x)


def chances(p):
    """Chances from any numbers, exact zeros among them."""
    p = np.where(p.sum(-1, keepdims=True) > 0.1, p, 1.0)
    return p / p.sum(-1, keepdims=True)


def batches(entry, dtype, count=60):
    """Columns of an entry, for rows in several widths."""
    rng, domains = np.random.default_rng(13), [i.domain for i in entry.inputs]
    if entry.kind == "element":
        columns = [finite(d, (3 * count,), dtype, rng) for d in domains]
        if len(columns) > 1 and domains[1] == domains[0]:
            columns[1][::7] = columns[0][::7]  # nothing between the two
        return [columns]
    made = [
        [row_of(d, (count, width), dtype, rng) for d in domains]
        for width in ([4] if "box" in domains else WIDTHS)
    ]
    for columns in made:
        if len(domains) > 1 and domains[1] == domains[0]:
            columns[1][::7] = columns[0][::7]
    return made


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda e: e.name)
@pytest.mark.parametrize("dtype", FLOATS)
def test_finite_inputs_never_raise_and_never_give_nan(entry, dtype):
    for library in LIBRARIES:
        for columns in batches(entry, dtype):
            arrays = to(library, columns, dtype)
            results = value_and_slope(entry, arrays, **alone(entry))
            assert not any(np.isnan(r).any() for r in results)
            if entry.is_loss:
                no_total_is_nan(entry, arrays, results[0])


def no_total_is_nan(entry, arrays, each):
    """Of a few losses at a time: of all of them the sum is infinite."""
    for k, start in enumerate(range(0, len(each), 5)):
        few = slice(start, start + (1, 2, 5)[k // 3 % 3])
        if overflows_both_ways(each[few]):
            continue
        reduction = TOTALS[k % 3]
        for result in value_and_slope(entry, [a[few] for a in arrays], reduction=reduction):
            assert not np.isnan(result).any()


def overflows_both_ways(losses):
    """Whether the sum of losses is infinity less infinity: likelihoods have both signs."""
    with np.errstate(over="ignore"):
        return np.isinf([losses[losses > 0].sum(), losses[losses < 0].sum()]).all()


@over([e for e in LOGITS_ONLY if "temperature" in e.params])
@over_libraries
def test_no_temperature_gives_nan(entry, library):
    rng = np.random.default_rng(14)
    for columns in batches(entry, "float64"):
        arrays = to(library, columns)
        for temperature in (1e-300, 1e300, 1.0, *10 ** rng.uniform(-300, 300, 10)):
            for result in value_and_slope(entry, arrays, temperature=temperature):
                assert not np.isnan(result).any()


@over_floats
@over_libraries
def test_sparsemax_is_a_distribution_for_all_finite_inputs(dtype, library):
    for columns in batches(find("softmax"), dtype):
        p = plain(sparsemax(*to(library, columns, dtype)))
        assert ((p >= 0) & (p <= 1 + 1e-6)).all()
        assert p.sum(-1) == pytest.approx(1, abs=8 * float(np.finfo(dtype).eps))


@over(LOSSES)
def test_any_weights_and_masks_do(entry):
    rng = np.random.default_rng(15)
    ends = [0.0, 5e-324, 1e-300, 1.0, 1e300]
    for k in range(40):
        kinds = [rng.choice(ends, 6), 10 ** rng.uniform(-320, 300, 6), rng.uniform(0, 3, 6)]
        weights = np.choose(rng.integers(0, 3, 6), kinds).tolist()
        mask = (rng.random(6) < rng.choice([0, 0.5, 1])).tolist()
        arrays = to(LIBRARIES[k % 2], sample(entry))
        keywords = {"weights": weights, "where": mask, "reduction": REDUCTIONS[k // 2 % 4]}
        value, slope = value_and_grad(entry.function, *arrays, **keywords)
        assert not np.isnan(plain(value)).any()
        assert not np.isnan(plain(slope)).any()


# ------------------------------------------------------------------------------- nan
@over(CATALOGUE)
@over_libraries
def test_nan_shows(entry, library):
    columns = sample(entry, 3)
    columns[0][1] = NAN
    arrays = to(library, columns)
    value, slope = value_and_slope(entry, arrays, **alone(entry))
    for result in (value, slope):
        assert np.isnan(result[1]).all() and np.isfinite(result[[0, 2]]).all()
    for reduction in REDUCTIONS[1:] if entry.is_loss else ():
        assert np.isnan(plain(entry.function(*arrays, reduction=reduction)))


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp, sparsemax])
@over_libraries
def test_one_nan_spoils_its_row_only(function, library):
    z = np.array([[0.0, 1.0, 2.0], [0.0, NAN, 2.0]])
    good, bad = plain(function(*to(library, [z])))
    assert np.isfinite(good).all() and np.isnan(bad).all()


@over(LOSSES)
def test_nan_shows_in_the_gradient_too(entry):
    x, *others = to("torch", sample(entry, 3))
    x[1] = NAN
    found = gradient(lambda x: entry.function(x, *others, reduction="sum"), x)
    assert torch.isnan(found).reshape(3, -1).all(-1).tolist() == [False, True, False]


# -------------------------------------------------------------------------- infinities
@over_libraries
def test_binary_cross_entropy_of_infinite_logits(library):
    z, y = to(library, [[INF, -INF, INF, -INF], [1, 0, 0, 1]])
    value, slope = value_and_grad(binary_cross_entropy, z, y, reduction="none")
    assert plain(value).tolist() == [0, 0, INF, INF]
    assert plain(slope).tolist() == [0, 0, 1, -1]
    value, slope = value_and_grad(logistic_loss, z, 2 * y - 1, reduction="none")
    assert plain(value).tolist() == [0, 0, INF, INF]
    assert plain(slope).tolist() == [0, 0, 1, -1]
    value, slope = value_and_grad(brier_score, z, y, reduction="none")
    assert plain(value).tolist() == [0, 0, 1, 1]
    assert plain(slope).tolist() == [0, 0, 0, 0]


@over_libraries
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_loss_of_infinite_logits(library, gamma):
    z, y = to(library, [[INF, -INF, INF, -INF], [1, 0, 0, 1]])
    value, slope = value_and_grad(binary_focal_loss, z, y, gamma=gamma, reduction="none")
    assert plain(value).tolist() == [0, 0, INF, INF]
    assert plain(slope).tolist() == [0, 0, 1, -1]


@over([e for e in ELEMENTS if e.inputs == (LOGITS, TARGETS)])
@over_libraries
@pytest.mark.parametrize("z", [INF, -INF, 1e308, -1e308])
def test_soft_targets_at_the_end_of_the_line(entry, library, z):
    arrays = to(library, [[z, z], [0.25, 0.75]])
    value, slope = value_and_grad(entry.function, *arrays, reduction="none")
    assert not np.isnan(plain(value)).any()
    assert np.isfinite(plain(slope)).all()


@over_libraries
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("pos_weight", [None, 0.0, 3.0])
def test_options_at_infinite_logits(library, smoothing, pos_weight):
    z, y = to(library, [[INF, -INF, INF, -INF], [1, 0, 0, 1]])
    keywords = {"label_smoothing": smoothing, "pos_weight": pos_weight, "reduction": "none"}
    value, slope = value_and_grad(binary_cross_entropy, z, y, **keywords)
    w = 1.0 if pos_weight is None else pos_weight
    up, down = w * (1 - smoothing / 2), 1 - smoothing / 2
    rest_up, rest_down = w * smoothing / 2, smoothing / 2
    expected = [rest_down, up and -rest_up, down, -up]
    assert plain(slope) == pytest.approx(expected)
    costs = [rest_down > 0, rest_up > 0, True, up > 0]
    assert plain(value).tolist() == [INF if cost else 0 for cost in costs]


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_binary_cross_entropy_of_certain_probabilities(library, dtype):
    p, y = to(library, [[0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0.5, 0.5]], dtype)
    value, slope = value_and_grad(binary_cross_entropy_from_probs, p, y, reduction="none")
    assert plain(value).tolist() == [0, 0, INF, INF, INF, INF]
    assert plain(slope).tolist() == [1, -1, -INF, INF, -INF, INF]


@over([e for e in ELEMENTS if e.inputs[0].domain == "probability"])
@over_libraries
def test_subnormal_probabilities(entry, library):
    tiny = np.array([5e-324, 1e-320, 2.2e-308])
    hard = [tiny, np.ones(3)][: len(entry.inputs)]
    value, slope = value_and_slope(entry, to(library, hard), **alone(entry))
    assert not np.isnan(value).any() and not np.isnan(slope).any()


# -------------------------------------------------------------------------------- rows
@over_libraries
def test_rows_of_logits_at_minus_infinity(library):
    (z,) = to(library, [[[0.0, -INF, 0.0], [-INF, -INF, -INF]]])
    assert plain(softmax(z)).tolist() == [[0.5, 0, 0.5], [0, 0, 0]]
    assert plain(log_softmax(z))[0] == pytest.approx([-math.log(2), -INF, -math.log(2)])
    assert plain(log_softmax(z))[1].tolist() == [-INF] * 3
    assert plain(logsumexp(z)) == pytest.approx([math.log(2), -INF])
    assert plain(value_and_grad(logsumexp, z)[1]).tolist() == [[0.5, 0, 0.5], [0, 0, 0]]


@over_libraries
def test_a_row_with_a_logit_of_plus_infinity_is_nan(library):
    (z,) = to(library, [[[INF, 0.0], [0.0, 1.0]]])
    for function in (softmax, log_softmax):
        first, second = plain(function(z))
        assert np.isnan(first).all() and np.isfinite(second).all()
    assert plain(logsumexp(z)) == pytest.approx([INF, math.log1p(math.e)])
    assert plain(StreamingLogSumExp(z).update(z).value)[0] == INF


@over(LOGITS_ONLY)
@over_libraries
def test_what_a_mask_leaves_out_of_a_row_may_hold_anything(entry, library):
    z = np.array([[0.3, -1.0, 2.0, 0.5], [0.3, -1.0, 2.0, 0.5], [1.0, 2.0, 3.0, 4.0]])
    keep = np.array([[True, True, False, True], [False, True, False, True], [False] * 4])
    dirty = np.where(keep, z, np.array([NAN, INF, -INF, NAN]))
    (clean, dirty), (where,) = to(library, [z, dirty]), to(library, [keep], "bool")
    found = value_and_slope(entry, [dirty], where=where)
    for a, b in zip(found, value_and_slope(entry, [clean], where=where), strict=True):
        assert np.array_equal(a, b)
    _, slope = found
    assert not slope[..., 2].any()
    for row in (0, 1):
        kept = value_and_slope(entry, to(library, [z[row][keep[row]]]))
        inside = found[0][row] if entry.kind == "row" else found[0][row][keep[row]]
        assert inside == pytest.approx(kept[0], rel=1e-15)
    assert not slope[2].any()


@over(LOGITS_ONLY)
def test_autograd_does_not_see_what_a_mask_leaves_out(entry):
    z = torch.tensor([[0.3, NAN, 2.0, INF], [NAN, NAN, INF, -INF]], dtype=torch.float64)
    where = torch.tensor([[True, False, True, False], [False] * 4])
    if entry.kind == "row":
        weights = torch.ones(2, dtype=torch.float64)
    else:
        weights = torch.rand(2, 4, dtype=torch.float64)

    def total(z):
        result = entry.function(z, where=where)
        return (torch.where(torch.isfinite(result), result, 0.0) * weights).sum()

    found = gradient(total, z)
    assert torch.isfinite(found).all() and not found[~where].any()
    curvature = torch.autograd.functional.hessian(total, z)
    assert torch.isfinite(curvature).all()
