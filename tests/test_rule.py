"""The driver of a rule: what is asked of it and no more, in the shape that was given."""

from __future__ import annotations

import inspect
from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

import lossbook.rule
from cases import over_libraries, plain, to
from lossbook import cross_entropy, softmax, value_and_grad, z_loss
from lossbook.rule import Quotient, Result, Share, Want, divided, evaluate, rule

ALL = Want(each=True, total=True, grads=True)


def recorder(kind, wrt=1):
    """A rule that counts the calls of its two functions: the square, or what is made of it."""
    calls = []

    @rule(kind, wrt)
    def squares(xp, x, *others):
        def value():
            calls.append("value")
            return xp.sum(x**2, axis=-1) if kind == "row" else x**2 if not others else x * others[0]

        def slope(*g):
            calls.append("slope")
            if wrt == 2:
                return others[0], x
            return 2 * x * g[0] if g else 2 * x

        return value, slope

    return squares, calls


@pytest.mark.parametrize(
    "want, called",
    [
        (Want(each=True), ["value"]),
        (Want(total=True), ["value"]),
        (Want(grads=True), ["slope"]),
        (ALL, ["value", "slope"]),
        (Want(), []),
    ],
)
def test_only_what_is_wanted_is_computed(want, called):
    squares, calls = recorder("element")
    done = evaluate(squares, [np.arange(3.0)], {}, want)
    assert calls == called
    assert [x is not None for x in done] == [want.each, want.total, want.grads]


@over_libraries
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 0)])
def test_results_have_the_shape_of_the_input(library, shape):
    (x,) = to(library, [np.ones(shape)])
    each, total, (grad,) = evaluate(recorder("element")[0], [x], {}, ALL)
    assert tuple(each.shape) == tuple(grad.shape) == shape and total == np.prod(shape)
    wide = to(library, [np.ones((*shape, 4))])
    each, _, (grad,) = evaluate(recorder("row")[0], wide, {}, ALL)
    assert tuple(each.shape) == shape and tuple(grad.shape) == (*shape, 4)
    each, _, _ = evaluate(recorder("vector")[0], wide, {}, Want(each=True))
    assert tuple(each.shape) == (*shape, 4)


@over_libraries
@pytest.mark.parametrize("size", [1, 4])
def test_upstream_of_a_vector_rule_is_a_row_for_each_row(library, size):
    x, g = to(library, np.random.default_rng(0).normal(size=(2, 3, size)))
    (grad,) = evaluate(recorder("vector")[0], [x], {}, Want(grads=True), Share(g)).grads
    assert plain(grad) == pytest.approx(2 * plain(x) * plain(g))


@over_libraries
def test_a_rule_may_have_a_slope_for_several_inputs(library):
    x, y, w = to(library, np.random.default_rng(1).normal(size=(3, 40_000)))
    where = w > 0
    share = Share(w, 0.5, where)
    _, total, (dx, dy) = evaluate(recorder("element", 2)[0], [x, y], {}, ALL, share, whole=True)
    kept = plain(where) * plain(w)
    assert plain(total) == pytest.approx(0.5 * (kept * plain(x) * plain(y)).sum())
    assert plain(dx) == pytest.approx(0.5 * kept * plain(y))
    assert plain(dy) == pytest.approx(0.5 * kept * plain(x))


@over_libraries
def test_weights_and_masks_of_rows(library):
    x, w = to(library, [np.arange(12.0).reshape(4, 3), [2.0, 0.0, 1.0, 1.0]])
    (mask,) = to(library, [[1, 1, 0, 1]], "bool")
    each, total, (grad,) = evaluate(recorder("row")[0], [x], {}, ALL, Share(w, 1.0, mask))
    counts = np.array([2.0, 0, 0, 1])
    assert plain(each) == pytest.approx(counts * (plain(x) ** 2).sum(-1))
    assert plain(total) == pytest.approx(plain(each).sum())
    assert plain(grad) == pytest.approx(2 * plain(x) * counts[:, None])


def test_half_precision_goes_through_float32_and_comes_back():
    seen = []

    @rule("element")
    def spy(xp, x, y):
        seen.extend([x.dtype, y.dtype])
        return (lambda: x), (lambda: x)

    x = torch.ones(2, dtype=torch.bfloat16)
    each, total, (grad,) = evaluate(spy, [x, torch.ones(2, dtype=torch.float64)], {}, ALL)
    assert seen == [torch.float32, torch.float32]
    assert {each.dtype, total.dtype, grad.dtype} == {torch.bfloat16}


def test_totals_are_added_up_in_double_precision():
    x = np.full(2**16 * 3 + 5, 0.1, dtype=np.float32)
    total = evaluate(recorder("element")[0], [x], {}, Want(total=True)).total
    assert total == np.float32((np.float32(0.1) ** 2).astype(float) * x.size)
    one_large = np.array([1e8] + [1.0] * 64, dtype=np.float32)
    root = evaluate(recorder("element")[0], [np.sqrt(one_large)], {}, Want(total=True)).total
    assert root == np.float32((np.sqrt(one_large) ** 2).astype(float).sum())


def test_a_rule_shows_its_source_and_its_name():
    squares, _ = recorder("element")
    assert squares.__name__ == "squares"
    assert "def squares" in inspect.getsource(inspect.unwrap(squares))


def test_no_warning_at_the_edge_and_none_hidden_elsewhere():
    @rule("element")
    def edge(xp, x):
        return (lambda: xp.log(x)), (lambda: 1 / x)

    x = np.zeros(2, dtype=np.float16)
    each, total, (grad,) = evaluate(edge, [x], {}, ALL)
    assert (each == -np.inf).all() and total == -np.inf and (grad == np.inf).all()
    with pytest.warns(RuntimeWarning):
        np.log(np.zeros(1))


def test_a_share_is_cut_and_reshaped_with_its_losses():
    share = Share(np.arange(6.0), 2.0, np.arange(6) > 1)
    wide = share.reshape((2, 3))
    assert wide.upstream.shape == wide.mask.shape == (2, 3) and wide.factor == 2.0
    assert share[2:4].upstream.tolist() == [2, 3] and share[2:4].mask.tolist() == [True, True]
    assert Share()[0:1] == Share() == Share().reshape((0,))
    assert Result() == (None, None, None)


def parts(kind, quotient):
    """A rule whose slope (and value, if it is a row) are what is left to be divided, or divided."""

    @rule(kind)
    def share(xp, x):
        total = xp.sum(x, axis=-1, keepdims=True)
        part = quotient(x, total)
        return (
            (lambda: xp.log(total)[:, 0], lambda: part / 2)
            if kind == "row"
            else (lambda: part, lambda g: g * (x / total))
        )

    return share


@over_libraries
@pytest.mark.parametrize("block", [1, 4, 2**17])
@pytest.mark.parametrize("kind, weighted", [("row", False), ("row", True), ("vector", False)])
def test_a_quotient_is_divided_where_it_is_stored(library, block, kind, weighted, monkeypatch):
    monkeypatch.setattr(lossbook.rule, "BLOCK", block)
    x, g = to(library, np.random.default_rng(3).uniform(1, 2, (2, 9, 4)), "float32")
    (w,) = to(library, [np.arange(9.0)], "float32")
    (mask,) = to(library, [np.arange(9) % 3 > 0], "bool")
    share = Share(w, 0.3, mask) if weighted else Share(factor=0.3)
    share = share if kind == "row" else Share(g)
    want = ALL if kind == "row" else Want(each=True, grads=True)
    ours = evaluate(parts(kind, Quotient), [x], {}, want, share)
    theirs = evaluate(parts(kind, lambda a, b: a / b), [x], {}, want, share)
    assert plain(ours.each) == pytest.approx(plain(theirs.each), rel=2e-7)
    assert plain(ours.grads[0]) == pytest.approx(plain(theirs.grads[0]), rel=3e-7)
    assert ours.each.dtype == ours.grads[0].dtype == x.dtype


@over_libraries
def test_a_quotient_of_a_row_that_is_left_out_may_be_anything(library):
    @rule("row")
    def broken(xp, x):
        column = xp.sum(x, axis=-1, keepdims=True)
        return lambda: column[:, 0], lambda: Quotient(x / column, column - column)

    (x,), (mask,) = to(library, [np.ones((2, 3))]), to(library, [np.zeros(2)], "bool")
    done = evaluate(broken, [x], {}, Want(total=True, grads=True), Share(mask=mask))
    assert done.total == 0 and (plain(done.grads[0]) == 0).all()


def test_a_block_has_so_many_numbers_for_each_thread(monkeypatch):
    sizes = []

    @rule("element")
    def seen(xp, x):
        sizes.append(len(x))
        return lambda: x, lambda: x

    monkeypatch.setattr(lossbook.rule, "BLOCK", 8)
    for count, size in ((1, 8), (2, 16), (64, 32)):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        evaluate(seen, [torch.zeros(64)], {}, Want(total=True))
        assert sizes.pop() == size
        evaluate(seen, [np.zeros(64)], {}, Want(total=True))
        assert sizes.pop() == 8


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # in torch itself
@pytest.mark.parametrize("way", ["jvp", "vmap", "dual"])
def test_a_walk_can_be_followed(way, monkeypatch):
    monkeypatch.setattr(lossbook.rule, "BLOCK", 8)
    x, t = torch.from_numpy(np.random.default_rng(5).normal(size=(2, 7, 4)))
    expected = torch.func.jvp(partial(torch.softmax, dim=-1), (x,), (t,))[1]
    if way == "vmap":
        assert torch.allclose(torch.func.vmap(softmax)(x[None])[0], torch.softmax(x, -1))
    elif way == "jvp":
        assert torch.allclose(torch.func.jvp(softmax, (x,), (t,))[1], expected)
    else:
        with forward_ad.dual_level():
            found = forward_ad.unpack_dual(softmax(forward_ad.make_dual(x, t))).tangent
            assert torch.allclose(found, expected)


@pytest.mark.parametrize("weight", [1e-40, 1e-36, 1.0, 1e30, 1e38])
def test_a_gradient_in_range_survives_a_weight_near_its_ends(weight):
    rows, labels = torch.zeros(1, 100_000), torch.tensor([0])
    (w,) = to("torch", [[weight]], "float32")
    _, slope = value_and_grad(cross_entropy, rows, labels, weights=w, reduction="sum")
    slack = 3 * 2**-24 if weight > 1e-38 else 1e-4  # numbers so small have few digits
    assert float(slope[0, 0]) == pytest.approx(-float(w) * (1 - 1e-5), rel=slack)


def test_a_large_weight_and_a_large_upstream_gradient_do_not_meet_first():
    x = torch.tensor([[0.0, -200.0]], requires_grad=True)
    w, upstream = torch.tensor([1e38]), torch.tensor(1e3)
    loss = cross_entropy(x, torch.tensor([0]), weights=w, reduction="sum")
    for graph in (True, False):
        (slope,) = torch.autograd.grad(loss, x, upstream, create_graph=graph, retain_graph=True)
        assert (slope == 0).all()


def test_z_loss_has_a_slope_where_its_logits_are_the_largest():
    x = torch.full((1, 2), 3e38, requires_grad=True)
    z_loss(x).backward()
    assert torch.allclose(x.grad, x)


@over_libraries
@pytest.mark.parametrize("number", [1e-40, 1e-30, 0.07, 1e30])
def test_a_quotient_over_a_temperature_keeps_its_digits(library, number):
    rows, column = to(library, [np.array([[number / 3, 0.0]]), np.array([[3.0]])], "float32")
    found = Quotient(rows, column) / number
    slack = 1e-6 if number > 1e-38 else 1e-4  # a number so small has few digits itself
    assert plain(found.rows / found.column).tolist() == [[pytest.approx(1 / 9, rel=slack), 0]]


@over_libraries
@pytest.mark.parametrize("number", [1e-30, 0.3, 1e30])
def test_a_quotient_times_a_temperature_keeps_its_digits(library, number):
    rows, column = to(library, [np.array([[1 / number, 0.0]]), np.array([[3.0]])], "float32")
    found = Quotient(rows, column) * number
    assert plain(divided(found)).tolist() == [[pytest.approx(1 / 3, rel=1e-6), 0]]
