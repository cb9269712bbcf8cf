"""Functions of a row of logits: what is special to them. The rest is in the shared suites."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import LIBRARIES, LOGITS_ONLY, gradient, over, over_libraries, plain, to
from lossbook import StreamingLogSumExp, log_softmax, logsumexp, softmax, sparsemax

SOME = settings(max_examples=40, deadline=None, derandomize=True, database=None)
rows = st.lists(st.floats(-50, 50, width=16), min_size=1, max_size=6)


@over_libraries
def test_a_row_of_one_is_certain(library):
    (z,) = to(library, [[[0.03], [-1000.0], [1e300]]])
    assert plain(softmax(z)).tolist() == [[1]] * 3
    assert plain(log_softmax(z)).tolist() == [[0]] * 3
    assert plain(logsumexp(z)).tolist() == plain(z)[:, 0].tolist()
    assert plain(sparsemax(z)).tolist() == [[1]] * 3


@over_libraries
def test_the_winner_keeps_the_digits_of_what_it_lacks_to_one(library):
    (z,) = to(library, [[40.0, 0.0, 0.0]])
    assert plain(log_softmax(z))[0] == pytest.approx(-2 * math.exp(-40), rel=1e-15)
    (z,) = to(library, [[0.0, -50.0, -60.0]])
    assert plain(logsumexp(z)) == pytest.approx(math.exp(-50) + math.exp(-60), rel=1e-15)
    (z,) = to(library, [[20.0, 0.0]], "float32")
    assert plain(log_softmax(z))[0] == pytest.approx(-math.exp(-20), rel=1e-6)


@over_libraries
def test_large_logits_in_single_precision(library):
    z, y = to(library, [[1e8, 1e8], [1e4, 1e4 - 1]], "float32")
    assert plain(log_softmax(z)) == pytest.approx([-math.log(2)] * 2, rel=1e-6)
    assert plain(log_softmax(y)) == pytest.approx([-0.3132617, -1.3132617], rel=1e-6)


@over_libraries
@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1e3, 1e300])
def test_extreme_temperatures(library, temperature):
    (z,) = to(library, [[2.1, -0.3, 5.7]])
    p = plain(softmax(z, temperature=temperature))
    assert p == pytest.approx([0, 0, 1] if temperature < 1 else [1 / 3] * 3, abs=1e-2)
    assert p.sum() == pytest.approx(1, rel=1e-15)
    assert plain(log_softmax(z, temperature=temperature))[2] <= 0


@over(LOGITS_ONLY)
def test_a_thousand_logits_against_extended_precision(entry):
    # rows that are too long for the exact judge: 64 bits of mantissa instead
    z = np.random.default_rng(0).normal(size=(20, 1000)) * 4
    for dtype in ("float64", "float32"):
        (x,) = to("numpy", [z], dtype)
        wide = x.astype(np.longdouble)
        top = wide.max(-1, keepdims=True)
        total = np.exp(wide - top).sum(-1, keepdims=True)
        expected = {
            "softmax": np.exp(wide - top) / total,
            "log_softmax": wide - top - np.log(total),
            "logsumexp": (top + np.log(total))[:, 0],
        }[entry.name]
        for library in LIBRARIES:
            found = plain(entry.function(*to(library, [x], dtype)))
            bound = (entry.ulps[0] + entry.ulps_per_gap * np.ptp(z)) * np.finfo(dtype).eps
            assert (abs(found - expected) <= bound * abs(expected)).all()


# --------------------------------------------------------------------------- sparsemax
def simplex_point(row):
    """The nearest point of the simplex, in fractions: try every size of the support."""
    z = [Fraction(x) for x in row]
    for size in range(len(z), 0, -1):
        largest = sorted(z, reverse=True)[:size]
        theta = (sum(largest) - 1) / size
        if largest[-1] > theta:
            return [max(x - theta, Fraction(0)) for x in z]
    raise AssertionError


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    @SOME
    @given(rows, st.sampled_from(LIBRARIES))
    def holds(row, library):
        found = plain(sparsemax(*to(library, [row])))
        exact = simplex_point(row)
        assert sum(exact) == 1
        assert found == pytest.approx(np.array(exact, float), abs=1e-14)
        assert [p > 0 for p in found] == [p > 0 for p in exact]

    holds()


def test_sparsemax_by_bisection_for_long_rows():
    z = np.random.default_rng(1).normal(size=(10, 1000))
    low, high = z.max(-1, keepdims=True) - 1, z.max(-1, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(z - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    for library, (dtype, off) in itertools.product(
        LIBRARIES, [("float64", 1e-14), ("float32", 1e-5)]
    ):
        found = plain(sparsemax(*to(library, [z], dtype)))
        assert found == pytest.approx(np.maximum(z - low, 0), abs=off)
        assert found.sum(-1) == pytest.approx(1, abs=off)


@over_libraries
def test_sparsemax_of_ties_shifts_and_certainties(library):
    z = to(library, [[[1.0, 1.0, 1.0], [1.0, 1.0, -5.0], [9.0, 1.0, 1.0], [0.5, 0.0, -0.5]]])[0]
    expected = [[1 / 3] * 3, [0.5, 0.5, 0], [1, 0, 0], [0.75, 0.25, 0]]
    assert plain(sparsemax(z)) == pytest.approx(np.array(expected), abs=1e-15)
    assert plain(sparsemax(z + 1000)) == pytest.approx(np.array(expected), abs=1e-12)
    (z,) = to(library, [[1.0, 0.5, -math.inf]])
    assert plain(sparsemax(z)).tolist() == [0.75, 0.25, 0]


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # in torch itself
def test_sparsemax_has_a_forward_derivative():
    x, t = torch.from_numpy(np.random.default_rng(4).normal(size=(2, 6, 5)))
    rows = torch.autograd.functional.jacobian(sparsemax, x)  # by the backward pass
    expected = torch.einsum("abcd,cd->ab", rows, t)
    assert torch.allclose(torch.func.jvp(sparsemax, (x,), (t,))[1], expected)


def test_differences_confirm_the_derivatives_of_sparsemax():
    # away from the places where an entry enters the support, and twice: it is piecewise linear
    z = torch.tensor([[1.0, 0.5, -3.0], [0.0, 0.1, 0.2]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sparsemax, z)
    assert torch.autograd.gradgradcheck(sparsemax, z)
    assert torch.autograd.gradcheck(lambda z: sparsemax(z / 2, axis=0), z)
    g = torch.tensor([[0.3, -1.0, 2.0], [1.0, 2.0, 4.0]], dtype=torch.float64)
    expected = [[0.65, -0.65, 0.0], [-4 / 3, -1 / 3, 5 / 3]]
    assert plain(sparsemax.prepare(z.detach()).pull(g)) == pytest.approx(np.array(expected))


# ------------------------------------------------------------------------------ streams
def pieces():
    """Two rows of numbers, minus infinity among them, and places to cut them."""
    number = st.floats(-800, 800, width=32) | st.sampled_from([-math.inf, 1e308, -1e308])
    rows = st.integers(1, 8).flatmap(
        lambda k: st.lists(st.lists(number, min_size=k, max_size=k), min_size=2, max_size=2)
    )
    return st.tuples(rows, st.sets(st.integers(1, 7)))


def cut(z, places):
    edges = [0, *sorted(p for p in places if p < z.shape[-1]), z.shape[-1]]
    return [z[..., a:b] for a, b in itertools.pairwise(edges)]


def test_a_stream_is_the_logsumexp_however_it_is_cut_and_merged():
    @SOME
    @given(pieces(), st.sampled_from(LIBRARIES), st.randoms(use_true_random=False))
    def holds(rows_and_places, library, random):
        z, parts = np.array(rows_and_places[0]), None
        parts = [to(library, [p])[0] for p in cut(z, rows_and_places[1])]
        whole = pytest.approx(plain(logsumexp(*to(library, [z]))), rel=1e-14, abs=1e-13)
        first, *others = parts
        stream = StreamingLogSumExp(first)
        for part in others:
            assert stream.update(part) is stream
        assert plain(stream.value) == whole
        streams = [StreamingLogSumExp(p) for p in parts]
        while len(streams) > 1:  # any tree of merges, in any order
            taken = streams.pop(random.randrange(len(streams)))
            streams[random.randrange(len(streams))].merge(taken)
        assert plain(streams[0].value) == whole

    holds()


@over_libraries
def test_a_stream_keeps_the_digits_of_a_small_rest(library):
    (z,) = to(library, [[0.0, -50.0, -60.0]])
    for order in itertools.permutations(range(3)):
        stream = StreamingLogSumExp(z[order[0] : order[0] + 1])
        for k in order[1:]:
            stream.update(z[k : k + 1])
        assert plain(stream.value) == pytest.approx(math.exp(-50) + math.exp(-60), rel=1e-15)


@over_libraries
def test_nothing_possible_so_far_is_minus_infinity(library):
    (nothing, some) = to(library, [[[-math.inf] * 2] * 2, [[1.0, -math.inf], [-math.inf] * 2]])
    stream = StreamingLogSumExp(nothing)
    assert plain(stream.value).tolist() == [-math.inf] * 2
    assert plain(stream.update(some).value).tolist() == [1, -math.inf]
    assert plain(stream.update(nothing).value).tolist() == [1, -math.inf]


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_stream_gives_back_the_dtype_of_its_pieces(library, dtype):
    (z,) = to(library, [[1.0, 2.0]], dtype)
    value = StreamingLogSumExp(z).update(z).value
    assert value.dtype == z.dtype and value.shape == ()


def test_a_stream_is_differentiable():
    z = torch.tensor([[0.3, -1.0, 2.0, 2.0, -9.0], [1.0, 1.0, 1.0, 1.0, -60.0]]).double()

    def streamed(z):
        stream = StreamingLogSumExp(z[:, :2]).update(z[:, 2:4])
        return stream.merge(StreamingLogSumExp(z[:, 4:])).value

    assert plain(streamed(z)) == pytest.approx(plain(logsumexp(z)), rel=1e-15)
    for weights in (torch.ones(2), torch.tensor([0.3, -2.0])):
        found, expected = (
            gradient(lambda z, f=f, w=weights: (f(z) * w).sum(), z) for f in (streamed, logsumexp)
        )
        assert plain(found) == pytest.approx(plain(expected), rel=1e-14)
    assert torch.autograd.gradgradcheck(streamed, z.requires_grad_())


def test_a_stream_of_impossible_pieces_has_a_finite_gradient():
    z = torch.tensor([-math.inf, -math.inf, 0.5, 1.5], dtype=torch.float64)

    def streamed(z):
        return StreamingLogSumExp(z[:2]).update(z[2:]).value

    assert plain(gradient(streamed, z)) == pytest.approx(plain(softmax(z)), rel=1e-15)


@over_libraries
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_temperatures_beyond_the_range_of_the_dtype(library, dtype):
    [z] = to(library, [[1.0, 0.0, -np.inf]], dtype)
    for temperature, expected in ((1e-50, [1, 0, 0]), (1e39, [0.5, 0.5, 0])):
        assert plain(softmax(z, temperature=temperature)).tolist() == expected
        assert plain(log_softmax(z, temperature=temperature))[2] == -np.inf


def test_what_is_left_out_has_no_derivative_whatever_comes_from_above():
    z = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    p = softmax(z, where=torch.tensor([True, True, False]))
    (slope,) = torch.autograd.grad(p.sqrt().sum(), z)  # infinite at the probability 0
    assert slope[2] == 0 and slope.isfinite().all()


def test_a_result_may_be_overwritten():
    """As that of torch's softmax. A view that a step of autograd returns could not be."""
    for shape in ((4,), (2, 3, 4)):
        z = torch.randn(shape, requires_grad=True)
        doubled = softmax(z).mul_(2)
        torch.autograd.backward(doubled[..., 0].sum())
        expected = torch.autograd.grad(2 * torch.softmax(z, -1)[..., 0].sum(), z)[0]
        assert torch.allclose(z.grad, expected, atol=1e-7)
