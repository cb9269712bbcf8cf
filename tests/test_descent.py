"""Optimizers against torch.optim and optax, the loop and its records, and the tape."""

from __future__ import annotations

import collections
import functools
import math
import warnings

import numpy as np
import optax
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lossbook as lb
from cases import LOSSES, over, over_libraries, plain, sample, to
from lossbook import (
    AdaGrad,
    Adam,
    AdamW,
    Backtracking,
    GradientDescent,
    HeavyBall,
    Nesterov,
    Newton,
    RMSProp,
    binary_cross_entropy,
    clip_by_norm,
    clip_by_value,
    constant_rate,
    cosine_decay,
    minibatches,
    minimize,
    numerical_gradient,
    squared_error,
    step_decay,
    value_and_grad,
    warmup,
)
from lossbook.descent import Diverged
from lossbook.descent.tape import Node, loss_of

START = {"weight": np.array([[1.0, -2.0], [0.5, 3.0]]), "bias": np.array([0.1, -0.3])}
STEPS = 25


def slopes(w, b):
    """A gradient that changes its size and its sign on the way."""
    return 4 * w**3 / (1 + w**2) - 1, 30 * b + w.sum()


def objective(theta):
    w, b = theta["weight"], theta["bias"]
    slope_w, slope_b = slopes(w, b)
    return 0.0, {"weight": slope_w, "bias": slope_b}


def our_points(optimizer, start=START, **options):
    path = minimize(objective, start, optimizer, steps=STEPS, **options)
    return [np.concatenate([plain(x).ravel() for x in p.values()]) for p in path.points]


def torch_points(make, dtype=torch.float64, scheduler=None, before=lambda tensors: None):
    tensors = [torch.tensor(x, dtype=dtype, requires_grad=True) for x in START.values()]
    optimizer, found = make(tensors), []
    schedule = scheduler and scheduler(optimizer)
    for _ in range(STEPS + 1):
        found.append(np.concatenate([plain(t).ravel() for t in tensors]))
        for t, g in zip(tensors, slopes(*(t.detach() for t in tensors)), strict=True):
            t.grad = g
        before(tensors)
        optimizer.step()
        if schedule:
            schedule.step()
    return found


def optax_points(optimizer):
    import jax

    jax.config.update("jax_enable_x64", True)
    theta, found = {k: jax.numpy.asarray(v) for k, v in START.items()}, []
    state = optimizer.init(theta)
    for _ in range(STEPS + 1):
        found.append(np.concatenate([np.ravel(theta[k]) for k in START]))
        updates, state = optimizer.update(objective(theta)[1], state, theta)
        theta = optax.apply_updates(theta, updates)
    return found


T = torch.optim
PEERS = [
    (GradientDescent(0.01), lambda p: T.SGD(p, 0.01), optax.sgd(0.01)),
    (GradientDescent(0.01, weight_decay=0.3), lambda p: T.SGD(p, 0.01, weight_decay=0.3),
     optax.chain(optax.add_decayed_weights(0.3), optax.sgd(0.01))),
    (HeavyBall(0.01, 0.8), lambda p: T.SGD(p, 0.01, 0.8), optax.sgd(0.01, 0.8)),
    (HeavyBall(0.01, 0.8, weight_decay=0.1),
     lambda p: T.SGD(p, 0.01, 0.8, weight_decay=0.1), None),
    (Nesterov(0.01), lambda p: T.SGD(p, 0.01, 0.9, nesterov=True),
     optax.sgd(0.01, 0.9, nesterov=True)),
    (Nesterov(0.01, 0.5, weight_decay=0.1),
     lambda p: T.SGD(p, 0.01, 0.5, nesterov=True, weight_decay=0.1), None),
    (AdaGrad(0.1), lambda p: T.Adagrad(p, 0.1), None),
    (AdaGrad(0.1, eps=0.5, initial=2.0, weight_decay=0.2),
     lambda p: T.Adagrad(p, 0.1, eps=0.5, initial_accumulator_value=2.0, weight_decay=0.2), None),
    (RMSProp(0.01), lambda p: T.RMSprop(p, 0.01),
     optax.rmsprop(0.01, decay=0.99, eps_in_sqrt=False)),
    (RMSProp(0.02, decay=0.9, eps=0.1, momentum=0.7, weight_decay=0.1),
     lambda p: T.RMSprop(p, 0.02, 0.9, 0.1, 0.1, 0.7), None),
    (RMSProp(0.02, decay=0.9, eps=0.1, momentum=0.7), None,
     optax.rmsprop(0.02, 0.9, 0.1, eps_in_sqrt=False, momentum=0.7)),
    (Adam(0.1), lambda p: T.Adam(p, 0.1), optax.adam(0.1)),
    (Adam(0.1, beta1=0.5, beta2=0.9, eps=0.3, weight_decay=0.2),
     lambda p: T.Adam(p, 0.1, (0.5, 0.9), 0.3, 0.2), None),
    (AdamW(0.1), lambda p: T.AdamW(p, 0.1), optax.adamw(0.1, weight_decay=0.01)),
    (AdamW(0.1, beta1=0.8, eps=0.01, weight_decay=0.5),
     lambda p: T.AdamW(p, 0.1, (0.8, 0.999), 0.01, 0.5),
     optax.adamw(0.1, 0.8, eps=0.01, weight_decay=0.5)),
]  # fmt: skip


@pytest.mark.parametrize("ours, in_torch, in_optax", PEERS, ids=[repr(p[0]) for p in PEERS])
def test_steps_are_those_of_torch_and_optax(ours, in_torch, in_optax):
    found = our_points(ours)
    assert len(found) == STEPS + 1 and not np.array_equal(found[0], found[-1])
    if in_torch:
        np.testing.assert_allclose(found, torch_points(in_torch), rtol=1e-12, atol=1e-13)
    if in_optax:
        np.testing.assert_allclose(found, optax_points(in_optax), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("ours, in_torch, _", PEERS, ids=[repr(p[0]) for p in PEERS])
def test_float32_stays_float32_in_both_libraries(ours, in_torch, _):
    single = {k: v.astype(np.float32) for k, v in START.items()}
    found = our_points(ours, single)
    tensors = {k: torch.tensor(v) for k, v in single.items()}
    np.testing.assert_allclose(our_points(ours, tensors), found, rtol=1e-4, atol=1e-5)
    if in_torch:
        np.testing.assert_allclose(
            found, torch_points(in_torch, torch.float32), rtol=1e-4, atol=1e-5
        )
    for start in (single, tensors):
        state = ours.start(start)
        wide = {k: 1.0 * v for k, v in START.items()}  # a gradient in float64 changes nothing
        wide = {k: torch.tensor(v) for k, v in wide.items()} if start is tensors else wide
        state, update = ours.step(state, wide, start)
        kept = [*update.values(), *(x for memory in state.memory for x in memory)]
        assert {str(x.dtype).removeprefix("torch.") for x in kept} == {"float32"}


def test_where_optax_has_another_definition():
    # its AdaGrad: eps under the root, the sum starts from 0.1; its RMSProp: eps under the root
    ours = our_points(AdaGrad(0.1, eps=1e-7, initial=0.1))
    theirs = optax_points(optax.adagrad(0.1, eps=0.3))
    assert abs(ours[5] - theirs[5]).max() > 1e-3
    np.testing.assert_allclose(
        our_points(AdaGrad(0.1, eps=1e-300, initial=0.1)),
        optax_points(optax.adagrad(0.1, eps=0.0)),
        rtol=1e-9,
    )
    inside = optax_points(optax.rmsprop(0.01, decay=0.99, eps=0.3))
    assert abs(our_points(RMSProp(0.01, eps=0.3))[5] - inside[5]).max() > 1e-3
    with_defaults = optax_points(optax.rmsprop(0.01))
    assert abs(our_points(RMSProp(0.01))[5] - with_defaults[5]).max() > 1e-2


def test_keras_corrects_the_rate_of_adam_and_not_its_averages():
    g, k, eps = 1e-3, 1, 1e-3
    square, mean = 1e-3 * g**2, 0.1 * g
    in_keras = 0.1 * math.sqrt(1 - 0.999**k) / (1 - 0.9**k) * mean / (math.sqrt(square) + eps)
    theta = np.zeros(1)
    optimizer = Adam(0.1, eps=eps)
    update = optimizer.step(optimizer.start(theta), np.array([g]), theta)[1]
    assert -update[0] == pytest.approx(0.05) and in_keras < 0.004


def test_known_answers_of_torch():
    # known_answers.json, "torch-adam" and "torch-sgd-nesterov": recomputed with mpmath
    def parabola(x):
        return (x**2).sum(), 2 * x

    start = np.array([1.0, -2.0])
    path = minimize(parabola, start, Adam(0.1), steps=3)
    right = [[0.9000000005, -1.90000000025], [0.8004122286917922, -1.8001664861157005],
             [0.7015862729460296, -1.7006233920464644]]  # fmt: skip
    np.testing.assert_allclose(path.points[1:], right, rtol=1e-14)
    path = minimize(parabola, start, Nesterov(0.1), steps=3)
    right = [[0.62, -1.24], [0.2224, -0.4448], [-0.108352, 0.216704]]
    np.testing.assert_allclose(path.points[1:], right, rtol=1e-14)


# ------------------------------------------------------------------------ identities
def walk(optimizer, gradients, start=0.0):
    """The points of a run whose gradients are given."""
    theta, found = np.array([start]), []
    state = optimizer.start(theta)
    for g in gradients:
        state, update = optimizer.step(state, np.array([g]), theta)
        theta = theta + update
        found.append(theta[0])
    return np.array(found)


sizes = st.floats(-1e3, 1e3).filter(lambda g: abs(g) > 1e-3)
runs = st.lists(sizes, min_size=1, max_size=12)


@given(runs)
def test_momentum_of_zero_is_none(gradients):
    plainly = walk(GradientDescent(0.1), gradients)
    for optimizer in (HeavyBall(0.1, 0.0), Nesterov(0.1, 0.0)):
        assert np.array_equal(walk(optimizer, gradients), plainly)


@given(runs)
def test_heavy_ball_is_polyaks_while_the_rate_is_constant(gradients):
    before = now = 0.0
    theirs = []
    for g in gradients:
        before, now = now, now - 0.1 * g + 0.9 * (now - before)
        theirs.append(now)
    np.testing.assert_allclose(walk(HeavyBall(0.1), gradients), theirs, rtol=1e-9, atol=1e-9)


def test_and_not_when_the_rate_changes():
    halved = step_decay(0.1, 1, 0.5)
    ours = walk(HeavyBall(halved), [1.0, 0.0])
    assert ours == pytest.approx([-0.1, -0.1 - 0.05 * 0.9])  # Polyak: -0.1 - 0.1 * 0.9


@given(runs, st.floats(1e-6, 1e6))
def test_adaptive_steps_do_not_depend_on_the_unit_of_the_loss(gradients, unit):
    scaled = [unit * g for g in gradients]
    for kind in (AdaGrad, RMSProp, Adam):
        optimizer = kind(0.1, eps=1e-150)
        np.testing.assert_allclose(
            walk(optimizer, scaled), walk(optimizer, gradients), rtol=1e-9, atol=1e-12
        )


@given(st.floats(1e-150, 1e150))
def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient(g):
    assert walk(Adam(0.1, eps=1e-300), [-g]) == pytest.approx(0.1)
    biased = walk(Adam(0.1, eps=1e-300, bias_correction=False), [-g])
    assert biased == pytest.approx(0.1 * 0.1 / math.sqrt(1e-3))


@given(runs)
def test_weight_decay_beside_and_inside(gradients):
    inside = walk(GradientDescent(0.1, weight_decay=0.5), gradients, start=2.0)
    theta, by_hand = 2.0, []
    for g in gradients:
        theta = (1 - 0.1 * 0.5) * theta - 0.1 * g
        by_hand.append(theta)
    np.testing.assert_allclose(inside, by_hand, rtol=1e-9, atol=1e-9)
    assert np.array_equal(walk(AdamW(0.1, weight_decay=0.0), gradients), walk(Adam(0.1), gradients))


@pytest.mark.parametrize("optimizer", [p[0] for p in PEERS], ids=repr)
def test_a_step_changes_nothing_in_place(optimizer):
    theta, g = np.array([1.0, 2.0]), np.array([0.5, -0.5])
    theta.flags.writeable = g.flags.writeable = False
    state = optimizer.start(theta)
    for memory in state.memory:
        for x in memory:
            x.flags.writeable = False
    one, again = (optimizer.step(state, g, theta) for _ in range(2))
    assert np.array_equal(one[1], again[1]) and (one[0].count, state.count) == (1, 0)


# --------------------------------------------------------------------------- schedules
def rates_of(schedule, count=30):
    return [schedule(k) for k in range(count)]


def torch_rates(make, count=30):
    optimizer, found = T.SGD([torch.zeros(1, requires_grad=True)], 0.4), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schedule = make(optimizer)
        for _ in range(count):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
    return found


S = T.lr_scheduler
SCHEDULES = [
    (step_decay(0.4, 7, 0.5), lambda o: S.StepLR(o, 7, 0.5), optax.exponential_decay(
        0.4, 7, 0.5, staircase=True)),
    (cosine_decay(0.4, 29, 0.1), lambda o: S.CosineAnnealingLR(o, 29, 0.1),
     optax.cosine_decay_schedule(0.4, 29, alpha=0.25)),
    (warmup(0.4, 5), lambda o: S.LinearLR(o, 1 / 5, total_iters=4), None),
    (warmup(cosine_decay(0.4, 25), 5), lambda o: S.SequentialLR(o, [
        S.LinearLR(o, 1 / 5, total_iters=4), S.CosineAnnealingLR(o, 25)], [5]), None),
    (constant_rate(0.4), lambda o: S.ConstantLR(o, 1.0), optax.constant_schedule(0.4)),
]  # fmt: skip


@pytest.mark.parametrize("ours, in_torch, in_optax", SCHEDULES)
def test_schedules_are_those_of_torch_and_optax(ours, in_torch, in_optax):
    assert rates_of(ours) == pytest.approx(torch_rates(in_torch), rel=1e-12, abs=1e-16)
    if in_optax:
        assert rates_of(ours) == pytest.approx([float(in_optax(k)) for k in range(30)], rel=1e-6)


def test_a_cosine_stays_down_where_torch_rises_again():
    ours, theirs = cosine_decay(0.4, 10), torch_rates(lambda o: S.CosineAnnealingLR(o, 10))
    assert ours(25) == 0 and theirs[20] == pytest.approx(0.4)


def test_optax_warms_up_from_zero():
    assert float(optax.warmup_cosine_decay_schedule(0, 0.4, 5, 20)(0)) == 0
    assert warmup(0.4, 5)(0) == pytest.approx(0.08)


@pytest.mark.parametrize("kind", [Adam, functools.partial(HeavyBall, momentum=0.9)])
def test_a_schedule_is_the_rate_of_each_step(kind):
    peer = T.Adam if kind is Adam else functools.partial(T.SGD, momentum=0.9)
    ours = our_points(kind(cosine_decay(0.01, STEPS)))
    theirs = torch_points(
        lambda p: peer(p, lr=0.01), scheduler=lambda o: S.CosineAnnealingLR(o, STEPS)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


# ---------------------------------------------------------------------------- clipping
def test_clipping_is_that_of_torch_but_for_its_1e_6():
    def shorten(tensors):
        torch.nn.utils.clip_grad_norm_(tensors, 2.0)

    ours = our_points(GradientDescent(0.1), clip=lambda g: clip_by_norm(g, 2.0))
    theirs = torch_points(lambda p: T.SGD(p, 0.1), before=shorten)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    ours = our_points(GradientDescent(0.1), clip=lambda g: clip_by_value(g, 2.0))
    theirs = torch_points(
        lambda p: T.SGD(p, 0.1), before=lambda ts: torch.nn.utils.clip_grad_value_(ts, 2.0)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)


@over_libraries
@pytest.mark.parametrize("size", [1e-300, 1e-3, 1.0, 1e160, 1e307])
def test_clipping_by_norm_keeps_the_direction(library, size):
    g = dict(zip("ab", to(library, [[3 * size, -4 * size], [[12 * size]]]), strict=True))
    found = clip_by_norm(g, size)
    found = np.concatenate([plain(x).ravel() for x in found.values()])
    np.testing.assert_allclose(found, np.array([3, -4, 12]) / 13 * size, rtol=1e-14)
    untouched = clip_by_norm(g, min(20 * size, 1.7e308))
    assert all(plain(untouched[k]).tolist() == plain(g[k]).tolist() for k in g)


@over_libraries
def test_clipping_in_float32_does_not_overflow(library):
    [g] = to(library, [[3e38, 3e38]], "float32")
    assert plain(clip_by_norm(g, 1e-10)) == pytest.approx([math.sqrt(0.5) * 1e-10] * 2, rel=1e-6)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=5), st.floats(1e-100, 1e100))
def test_a_clipped_gradient_is_never_longer(entries, limit):
    g = np.array(entries)
    assert math.hypot(*clip_by_norm(g, limit)) <= limit * (1 + 1e-14)
    clipped = clip_by_value(g, limit)
    assert abs(clipped).max() <= limit and (np.sign(clipped) == np.sign(g)).all()


@over_libraries
def test_infinity_has_no_direction(library):
    [g] = to(library, [[math.inf, 1.0]])
    with pytest.raises(ValueError, match="gradient must be finite, got inf at index 0"):
        clip_by_norm(g, 1.0)
    with pytest.raises(ValueError, match=r"gradient\['w'\]\[1\] must be finite, got inf at"):
        clip_by_norm({"w": [0 * g[1:], g]}, 1.0)
    assert plain(clip_by_value(g, 1.0)).tolist() == [1, 1]
    theirs = torch.tensor([0.0, 0.0], requires_grad=True)
    theirs.grad = torch.tensor([math.inf, 1.0])
    torch.nn.utils.clip_grad_norm_([theirs], 1.0)
    assert math.isnan(theirs.grad[0]) and theirs.grad[1] == 0


# -------------------------------------------------------------- Newton and line search
HILLS = np.array([[3.0, 1.0], [1.0, 50.0]])


def quadratic(x):
    return 0.5 * x @ HILLS @ x, HILLS @ x


@over_libraries
def test_newton_is_there_in_one_step(library):
    start, hills = to(library, [[5.0, -3.0], HILLS])
    path = minimize(lambda x: (0.5 * x @ hills @ x, hills @ x), start, Newton(lambda x: hills),
                    steps=5, tolerance=1e-10)  # fmt: skip
    assert len(path) == 1 and path.stopped == "tolerance" and path.rates.tolist() == [1]


def test_newton_is_affine_invariant_and_damping_shortens_it():
    def f(x):  # convex, not quadratic
        return np.cosh(x).sum(), np.sinh(x)

    mix, start = np.array([[2.0, 1.0], [0.0, 0.3]]), np.array([1.0, -1.5])
    straight = minimize(f, start, Newton(lambda x: np.diag(np.cosh(x))), steps=3)

    def mixed(u):
        value, slope = f(mix @ u)
        return value, mix.T @ slope

    bent = minimize(mixed, np.linalg.solve(mix, start),
                    Newton(lambda u: mix.T @ np.diag(np.cosh(mix @ u)) @ mix), steps=3)  # fmt: skip
    np.testing.assert_allclose([mix @ u for u in bent.points], straight.points, rtol=1e-9)
    optimizer = Newton(lambda x: HILLS, damping=1e6)
    update = optimizer.step(optimizer.start(start), HILLS @ start, start)[1]
    np.testing.assert_allclose(update, -HILLS @ start / 1e6, rtol=1e-4)


def test_newton_says_what_is_wrong():
    start = np.array([1.0, 1.0])
    for matrix, message in (
        (np.ones((2, 2)), "the Hessian after 0 steps is singular: set damping"),
        (np.ones(2), r"the Hessian must have shape \(2, 2\), got \(2,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            minimize(quadratic, start, Newton(lambda x, m=matrix: m), steps=1)
    with pytest.raises(ValueError, match="parameters must be one array of one dimension"):
        minimize(objective, START, Newton(lambda x: HILLS), steps=1)
    with pytest.raises(TypeError, match="hessian must be a function, got ndarray"):
        Newton(HILLS)


@given(st.floats(1e-3, 1e6), st.floats(0.1, 0.9), st.floats(1e-4, 0.4))
def test_each_step_of_the_line_search_lowers_the_loss_enough(rate, shrink, fraction):
    search = Backtracking(shrink=shrink, fraction=fraction, tries=300)
    path = minimize(
        quadratic, np.array([1.0, 1.0]), GradientDescent(rate), steps=4, line_search=search
    )
    falls = path.values[:-1] - path.values[1:]
    asked = fraction * path.rates * path.gradient_norms[:-1] ** 2
    assert (falls >= asked * (1 - 1e-9)).all()
    for t in path.rates:  # a power of the factor, and no more of it than needed
        halvings = math.log(t / rate) / math.log(shrink)
        assert halvings == pytest.approx(round(halvings), abs=1e-6)


def test_a_search_that_finds_nothing_ends_the_run():
    uphill = minimize(lambda x: (x**2, -2 * x), np.array(1.0), GradientDescent(0.1), steps=9,
                      line_search=Backtracking())  # fmt: skip
    assert uphill.stopped == "no decrease" and len(uphill) == 0
    saddle = minimize(lambda x: (x @ [1, -1] * x @ [1, 1], np.array([2, -2]) * x),
                      np.array([0.1, 1.0]), Newton(lambda x: np.diag([2.0, -2.0])), steps=9,
                      line_search=Backtracking())  # fmt: skip
    assert saddle.stopped == "no decrease"


# --------------------------------------------------------------------------- the loop
def test_the_path_records_what_happened():
    path = minimize(lambda x: (x**2, 2 * x), np.array(1.0), GradientDescent(0.25), steps=3)
    assert [float(p) for p in path.points] == [1, 0.5, 0.25, 0.125] and float(path.last) == 0.125
    assert path.values.tolist() == [1, 0.25, 0.0625, 0.015625]
    assert path.gradient_norms.tolist() == [2, 1, 0.5, 0.25]
    assert path.rates.tolist() == [0.25] * 3 and len(path) == 3 and path.stopped == "steps"
    short = minimize(lambda x: (x**2, 2 * x), 1.0, GradientDescent(0.25), steps=3,
                     keep_points=False)  # fmt: skip
    assert [float(p) for p in short.points] == [1, 0.125]
    assert short.values.tolist() == path.values.tolist()
    early = minimize(lambda x: (x**2, 2 * x), 1.0, GradientDescent(0.25), steps=99, tolerance=0.6)
    assert early.stopped == "tolerance" and len(early) == 2
    through = minimize(lambda x: (x**2, 2 * x), 1.0, GradientDescent(0.5), steps=9)
    assert len(through) == 9  # a gradient of 0 is no reason to stop: momentum goes on
    nothing = minimize(lambda x: (x**2, 2 * x), 1.0, GradientDescent(0.25), steps=0)
    assert len(nothing) == 0 and nothing.values.tolist() == [1]


@pytest.mark.parametrize("dtype, steps", [("float32", 128), ("float64", 1024)])
def test_divergence_is_an_error_or_a_record(dtype, steps):
    # f = x^2/2 with a rate of 3: x doubles its size; the square overflows at half of the way
    def parabola(x):
        return x, x

    start = np.array(1, dtype)
    with pytest.raises(Diverged, match=f"the loss is inf after {steps} steps") as caught:
        minimize(parabola, start, GradientDescent(3.0), steps=2000)
    path = minimize(parabola, start, GradientDescent(3.0), steps=2000, diverging="record")
    assert path.stopped == "diverged" and len(path) == steps == len(caught.value.path)
    assert np.isfinite(path.values[:-1]).all() and "the last rate was 3" in str(caught.value)
    with pytest.raises(Diverged, match="the gradient is nan after 0 steps"):
        minimize(lambda x: (1.0, x * math.nan), start, GradientDescent(1.0), steps=1)


def test_nothing_is_shown(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        minimize(lambda x: (x**2, 2 * x), np.array(1.0), GradientDescent(9.0), steps=999,
                 diverging="record")  # fmt: skip
    assert capsys.readouterr() == ("", "")


def test_batches_come_with_the_steps():
    seen = []

    def mean_of(x, batch):
        seen.append(batch)
        return x, np.ones_like(x)

    path = minimize(mean_of, np.zeros(1), GradientDescent(0.1), steps=3, batches="abc")
    assert seen == ["a", "b", "c", "c"] and len(path) == 3
    with pytest.raises(ValueError, match="batches must hold one for each of 4 steps, got 3"):
        minimize(mean_of, np.zeros(1), GradientDescent(0.1), steps=4, batches="abc")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_an_epoch_holds_each_example_once(count, size, seed):
    size = min(size, count)
    batches, each = minibatches(count, size, seed=seed), math.ceil(count / size)
    for _ in range(2):
        epoch = [next(batches) for _ in range(each)]
        assert sorted(np.concatenate(epoch).tolist()) == list(range(count))
        assert all(len(b) == size for b in epoch[:-1])


def test_a_batch_gradient_is_unbiased():
    # all batches of an epoch together have the gradient of all the data
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    theta, batches = rng.normal(size=3), minibatches(12, 4)

    def slope(rows):
        return x[rows].T @ value_and_grad(squared_error, x[rows] @ theta, y[rows])[1]

    mean = np.mean([slope(next(batches)) for _ in range(3)], axis=0)
    np.testing.assert_allclose(mean, slope(np.arange(12)), rtol=1e-12)
    drawn = minibatches(5, 50, seed=1, replace=True)
    counts = np.bincount(np.concatenate([next(drawn) for _ in range(200)]), minlength=5)
    assert abs(counts / 2000 - 1).max() < 0.1


@over_libraries
def test_logistic_regression_reaches_the_minimum(library):
    rng = np.random.default_rng(1)
    x = np.c_[np.ones(80), rng.normal(size=(80, 2))]
    y = (x @ [0.5, 2.0, -1.0] + rng.logistic(size=80) > 0).astype(float)
    x, y, start = to(library, [x, y, np.zeros(3)])

    def loss(theta):
        value, slope = value_and_grad(binary_cross_entropy, x @ theta, y)
        return value, x.T @ slope

    def hessian(theta):
        p = lb.sigmoid(x @ theta)
        return (x.T * (p * (1 - p))) @ x / 80

    newton = minimize(loss, start, Newton(hessian), steps=20, tolerance=1e-12)
    assert newton.stopped == "tolerance" and len(newton) < 9
    for optimizer in (GradientDescent(4.0), HeavyBall(1.0), Nesterov(1.0)):
        path = minimize(loss, start, optimizer, steps=600)
        assert plain(path.last) == pytest.approx(plain(newton.last), rel=1e-6)


ARGUMENTS = [
    (lambda: GradientDescent(-1), ValueError, r"rate must be a number in \[0, inf\), got -1"),
    (lambda: GradientDescent("fast"), TypeError, r"rate must be a number in .*, got str"),
    (lambda: GradientDescent(1, weight_decay=-1), ValueError, "weight_decay must be .* got -1"),
    (lambda: HeavyBall(1, 1.5), ValueError, r"momentum must be a number in \[0, 1\], got 1.5"),
    (lambda: Adam(beta2=1), ValueError, r"beta2 must be a number in \[0, 1\), got 1"),
    (lambda: Adam(eps=0), ValueError, r"eps must be a number in \(0, inf\), got 0"),
    (lambda: RMSProp(decay=2), ValueError, "decay must be .* got 2"),
    (lambda: AdaGrad(initial=-1), ValueError, "initial must be .* got -1"),
    (lambda: Backtracking(shrink=1), ValueError, r"shrink must be a number in \(0, 1\), got 1"),
    (lambda: step_decay(0.1, 2.5), TypeError, "every must be a whole number, got float"),
    (lambda: cosine_decay(0.1, 0), ValueError, "steps must be at least 1, got 0"),
    (lambda: cosine_decay(0.1, 5, 0.2), ValueError, r"floor must be a number in \[0, 0.1\]"),
    (lambda: clip_by_norm(np.ones(2), 0), ValueError, r"limit must be a number in \(0, inf\)"),
    (lambda: minibatches(5, 6), ValueError, "size must be at most the count of 5, got 6"),
    (lambda: run(start=[1.0, 2.0]), TypeError, r"parameters\[0\] must be an array, got float"),
    (lambda: run(start=np.array([1, 2])), TypeError, "floating-point array, got dtype int64"),
    (lambda: run(start={}), ValueError, "parameters must hold at least one array, got {}"),
    (lambda: run(steps=-1), ValueError, "steps must be at least 0, got -1"),
    (lambda: run(tolerance=-1), ValueError, r"tolerance must be a number in \[0, inf\), got -1"),
    (lambda: run(diverging="?"), ValueError, 'diverging must be "raise" or "record"'),
    (lambda: run(lambda x: x), TypeError, "must return a value and a gradient, got ndarray"),
    (lambda: run(lambda x: (x, x)), ValueError, r"must be one number, got the shape \(2,\)"),
    (lambda: run(lambda x: (0.0, x[:, None])), ValueError,
     r"gradient must have the shape of its parameter, \(2,\), got \(2, 1\)"),
    (lambda: run(lambda x: (0.0, {"w": x})), ValueError,
     r"gradient must hold \['gradient'\], got \[\"gradient\['w'\]\"\]"),
    (lambda: run(optimizer=GradientDescent(lambda k: -k)), ValueError, "rate of step 1 must be"),
    (lambda: numerical_gradient(lambda x: x, np.ones(2)), ValueError, r"got the shape \(2,\)"),
    (lambda: numerical_gradient(sum, np.ones(2), step=0), ValueError, "step must be a number"),
]  # fmt: skip


def run(function=lambda x: (0.0, x), start=None, optimizer=None, steps=2, **options):
    start = np.ones(2) if start is None else start
    return minimize(function, start, optimizer or GradientDescent(0.1), steps=steps, **options)


@pytest.mark.parametrize("call, error, message", ARGUMENTS)
def test_errors_show_what_came_and_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- differences and tape
@over([e for e in LOSSES if e.wrt == 1 and len(e.inputs) == 2])
def test_differences_agree_with_the_slopes(entry):
    x, y = sample(entry)
    by_rule = value_and_grad(entry.function, x, y)[1]
    free = "simplex" not in entry.inputs[0].domain  # a step must not leave the simplex
    if free:
        by_differences = numerical_gradient(lambda x: entry.function(x, y), x)
        np.testing.assert_allclose(by_differences, by_rule, rtol=1e-7, atol=1e-9)


@over_libraries
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_differences_have_the_digits_that_the_docstring_names(library, dtype):
    [x] = to(library, [np.linspace(-300, 5, 12).reshape(3, 4)], dtype)
    found = numerical_gradient(lambda x: (x / (1 + abs(x))).sum(), x)
    assert found.dtype == x.dtype and found.shape == x.shape
    error = abs(plain(found) - 1 / (1 + abs(plain(x))) ** 2).max()
    assert error <= 12 * np.finfo(dtype).eps ** (2 / 3)


def forward(library, w, b, v, x, y):
    """A network of two layers that uses every operation of the tape."""
    hidden = (x @ w + b).tanh() if library == "tape" else torch.tanh(x @ w + b)
    z = (2 * hidden).relu() @ v + (1 + -(b @ v)) * 0.5 - b @ v * b @ v
    return (loss_of if library == "tape" else lambda f, *a: f(*a))(binary_cross_entropy, z, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_tape_agrees_with_autograd(dtype):
    rng = np.random.default_rng(0)
    shapes = [(3, 5), (1, 5), (5, 1)]
    parameters = [rng.normal(size=s).astype(dtype) for s in shapes]
    x, y = rng.normal(size=(8, 3)).astype(dtype), rng.integers(0, 2, (8, 1)).astype(dtype)
    nodes = [Node(p) for p in parameters]
    ours = forward("tape", *nodes, x, y)
    for _ in range(2):  # a second walk does not add to the first
        ours.backward()
    tensors = [torch.tensor(p, requires_grad=True) for p in parameters]
    theirs = forward("torch", *tensors, torch.tensor(x), torch.tensor(y))
    theirs.backward()
    tight = {"float32": 1e-5, "float64": 1e-12}[dtype]
    assert float(ours.value) == pytest.approx(theirs.item(), rel=tight)
    for node, tensor in zip(nodes, tensors, strict=True):
        assert node.gradient.dtype == dtype and node.gradient.shape == tensor.shape
        np.testing.assert_allclose(node.gradient, tensor.grad.numpy(), rtol=tight, atol=tight)


@over([e for e in LOSSES if e.kind == "element"])
def test_losses_pull_with_their_own_slopes(entry):
    columns = sample(entry)
    nodes = [Node(c) if k < entry.wrt else c for k, c in enumerate(columns)]
    (3 * loss_of(entry.function, *nodes)).backward()
    right = value_and_grad(entry.function, *columns, wrt=tuple(range(entry.wrt)))[1]
    for node, slope in zip(nodes, right, strict=False):
        np.testing.assert_allclose(node.gradient, 3 * slope, rtol=1e-15)


def test_numbers_and_arrays_stand_on_either_side_of_a_node():
    a, array = Node(np.array([[2.0, 3.0]])), np.array([[5.0, -1.0]])
    for other in (array, 7):
        sums = a + other, other + a, a - other, other - a, a * other, other * a
        x = a.value
        values = x + other, other + x, x - other, other - x, x * other, other * x
        for node, value, slope in zip(sums, values, (1, 1, 1, -1, other, other), strict=True):
            (node @ np.ones((2, 1))).backward()
            assert (node.value == value).all() and (a.gradient == slope).all()


def test_the_tape_adds_up_over_copies_and_refuses_what_it_can_not():
    a = Node(np.array([2.0]))
    b = a * a + a  # used three times
    (b * np.ones((1, 1))).backward()
    assert a.gradient.tolist() == [5]
    with pytest.raises(ValueError, match=r"takes matrices, got shapes \(1,\) and \(2, 2\)"):
        a @ np.eye(2)
    with pytest.raises(ValueError, match=r"must be one number, got the shape \(1,\)"):
        loss_of(squared_error, a, np.zeros(1), reduction="none")
    edge = Node(np.array([-math.inf, math.nan, 1.0])).relu().value
    assert edge[0] == 0 and math.isnan(edge[1]) and edge[2] == 1


# --------------------------------------------------------------- what broke it, and is mended
@pytest.mark.parametrize("dtype", [np.float16, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("optimizer", [AdaGrad(), RMSProp(), Adam(), AdamW()], ids=repr)
def test_in_half_precision_no_step_is_lost_on_the_way(optimizer, dtype):
    array = np.array if dtype is np.float16 else torch.tensor
    theta = array([1.0, 1.0, 1.0], dtype=dtype)
    g = array([0.0, 1e-3, 300.0], dtype=dtype)  # 300**2 is beyond float16, eps below it
    wide = np.array([1.0, 1.0, 1.0]), np.array([float(x) for x in g])
    _, update = optimizer.step(optimizer.start(theta), g, theta)
    _, expected = optimizer.step(optimizer.start(wide[0]), wide[1], wide[0])
    assert update.dtype == dtype
    assert np.allclose([float(x) for x in update], expected, rtol=1e-2)


def test_newton_steps_in_half_precision():
    for theta in (np.ones(2, np.float16), torch.ones(2).bfloat16()):
        hessian = 2 * (np.eye(2) if isinstance(theta, np.ndarray) else torch.eye(2))
        path = minimize(
            lambda x: ((x**2).sum(), 2 * x), theta, Newton(lambda x, h=hessian: h), steps=1
        )
        assert path.last.tolist() == [0, 0] and path.last.dtype == theta.dtype


ONES = np.ones(2)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: run_of(lambda x: (1.0, torch.ones(2))), "gradient is a torch tensor and param"),
        (lambda: run_of(lambda x: (1.0, x * 1j)), "gradient must hold real numbers, got dtype"),
        (lambda: run_of(lambda x: (None, x)), "the value must be one number, got NoneType"),
        (lambda: run_of(square, optimizer=0.1), "optimizer must be one of lossbook's, got 0.1"),
        (lambda: run_of(square, line_search=3), "line_search must be a Backtracking or None"),
        (lambda: run_of(square, [ONES, torch.ones(2)]), "parameters must be arrays of one library"),
        (lambda: run_of(square, optimizer=Newton(lambda x: [[1.0]])), "the Hessian must be an arr"),
        (
            lambda: run_of(square, optimizer=Newton(lambda x: torch.eye(2))),
            "hessian is a torch ten",
        ),
    ],
)
def test_what_a_run_cannot_use_is_refused_by_name(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()


def square(x):
    return (x**2).sum(), 2 * x


def run_of(function, start=ONES, *, optimizer=GradientDescent(0.1), **options):  # noqa: B008
    return minimize(function, start, optimizer, steps=1, **options)


def test_a_value_that_requires_a_gradient_is_a_number():
    value = torch.tensor(1.0, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_of(lambda x: (value * 1, x)).values.tolist() == [1, 1]


def test_named_tuples_are_trees():
    Point = collections.namedtuple("Point", "x y")
    path = run_of(lambda p: (1.0, Point(p.x, p.y)), Point(np.ones(2), np.zeros(1)))
    assert isinstance(path.last, Point) and path.last.x.tolist() == [0.9, 0.9]


def test_a_limit_beyond_the_dtype_cuts_nothing_off():
    for g in (np.float16([1, -2]), torch.tensor([1.0, -2.0])):
        assert clip_by_value(g, 1e300).tolist() == [1, -2]


def test_a_step_too_small_for_the_point_is_refused():
    with pytest.raises(ValueError, match="step must be large enough to change 1, got 1e-20"):
        numerical_gradient(lambda x: x.sum(), np.ones(2), step=1e-20)


def test_one_number_may_have_axes():
    assert np.allclose(numerical_gradient(lambda x: x[:1], np.ones(2)), [1, 0])


def test_whole_numbers_on_the_tape_are_floats():
    assert (Node(np.array([1, 2])) * 0.5).value.tolist() == [0.5, 1.0]
