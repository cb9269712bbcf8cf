"""Promise: torch's autograd gets the derived slope, and every derivative after it is right."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import sympy as sp
import torch

from cases import (
    CATALOGUE,
    ELEMENTS,
    LOGITS_ONLY,
    LOSSES,
    OTHER_VALUES,
    REDUCTIONS,
    ROWS,
    SLOPES,
    TOTALS,
    WIDTH,
    alone,
    close,
    gradient,
    over,
    over_reductions,
    over_slopes,
    plain,
    points,
    sample,
    to,
    value_and_slope,
)
from lossbook import exact, reduce, value_and_grad
from lossbook.catalogue import entry as find


def tensors(entry, size=6, seed=0):
    """Inputs of an entry, the first of them a leaf that requires its gradient."""
    x, *others = to("torch", sample(entry, size, seed))
    return (x.requires_grad_(), *others)


def leaves(entry, size=6):
    """The inputs that the rule differentiates for, as leaves, and the others."""
    arrays = to("torch", sample(entry, size))
    return [x.requires_grad_() for x in arrays[: entry.wrt]], arrays[entry.wrt :]


def beside(slope, g):
    """Numbers for each loss, with an axis for the entries of its row if it has one."""
    return g.reshape(g.shape + (1,) * (slope.ndim - g.ndim)) if g.ndim else g


def random_like(x, seed=5):
    return torch.tensor(np.random.default_rng(seed).normal(size=tuple(x.shape))).to(x.dtype)


def options(entry, reduction, size=6):
    """Every option of a loss at once: weights, a mask, and its own parameters."""
    rng = np.random.default_rng(4)
    weights, where = torch.tensor(rng.uniform(0, 2, size)), torch.tensor(rng.random(size) < 0.7)
    params = {name: OTHER_VALUES[name] for name in entry.params}
    return {"weights": weights, "where": where, "reduction": reduction, **params}


# -------------------------------------------------------- the slope is the formula's slope
def number(symbol):
    return sp.Symbol(symbol, real=True)


@over_slopes(SLOPES)
def test_the_formula_differentiated_by_sympy_is_the_slope_of_the_rule(entry, wrt):
    columns = sample(entry, 5)
    _, slope = value_and_slope(entry, columns, wrt, **alone(entry))
    found = slope.reshape(5, -1)
    for k, (numbers, label) in enumerate(points(entry, columns)):
        outputs = range(WIDTH) if entry.kind == "vector" else [label]
        expected = [derived(entry.name, index, wrt)(*numbers) for index in outputs]
        assert found[k] == pytest.approx(np.ravel(expected), rel=1e-11, abs=1e-14)


@functools.cache
def derived(name, index, wrt):
    entry = find(name)
    size = None if entry.kind == "element" else WIDTH
    names = exact.symbols(entry, size)
    slopes = [sp.diff(exact.simple_formula(entry, size, index), x) for x in names[wrt]]
    return sp.lambdify(list(itertools.chain(*names)), slopes, ["math", HEAVISIDE])


HEAVISIDE = {"Heaviside": lambda x, at_0=0.5: at_0 if x == 0 else float(x > 0)}
HEAVISIDE |= {"DiracDelta": lambda x: 0.0}


# ------------------------------------------------------------- autograd calls that slope
@over(CATALOGUE)
def test_backward_is_upstream_times_slope(entry):
    # random upstream gradients: a sum alone would not see them mixed up
    xs, others = leaves(entry, (3, 4))
    result = entry.function(*xs, *others, **alone(entry))
    upstream = random_like(result)
    found = torch.autograd.grad(result, xs, upstream)
    inputs, g = [x.detach() for x in xs] + others, plain(upstream)
    for wrt in range(entry.wrt):
        _, slope = value_and_slope(entry, inputs, wrt, **alone(entry))
        if entry.kind == "vector":
            expected = np.einsum("...i,...ik->...k", g, slope)
        else:
            expected = beside(slope, g) * slope
        assert plain(found[wrt]) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@over(LOSSES)
@over_reductions
def test_backward_is_what_value_and_grad_gives(entry, reduction):
    xs, others = leaves(entry)
    keywords = options(entry, reduction)
    result = entry.function(*xs, *others, **keywords)
    upstream = random_like(result)
    found = torch.autograd.grad(result, xs, upstream)
    shares = {k: keywords[k].numpy() for k in ("weights", "where")}
    every = tuple(range(entry.wrt))
    for library, given in (("torch", keywords), ("numpy", keywords | shares)):
        arrays = to(library, [*(x.detach() for x in xs), *others])
        value, slopes = value_and_grad(entry.function, *arrays, wrt=every, **given)
        assert plain(value) == pytest.approx(plain(result), rel=1e-14)
        for f, slope in zip(found, map(plain, slopes), strict=True):
            expected = beside(slope, plain(upstream)) * slope
            assert plain(f) == pytest.approx(expected, rel=1e-14, abs=1e-16)


@over(LOSSES)
@over_reductions
def test_backward_is_that_of_the_losses_reduced_in_plain_operations(entry, reduction):
    xs, others = leaves(entry)
    keywords = options(entry, reduction)
    own = {k: keywords[k] for k in entry.params}
    shared = {k: v for k, v in keywords.items() if k not in own}
    reduced = reduce(entry.function(*xs, *others, reduction="none", **own), **shared)
    upstream = random_like(reduced)
    expected = torch.autograd.grad(reduced, xs, upstream)
    found = torch.autograd.grad(entry.function(*xs, *others, **keywords), xs, upstream)
    for a, b in zip(found, expected, strict=True):
        assert plain(a) == pytest.approx(plain(b), rel=1e-14, abs=1e-16)


# ------------------------------------------------------- against differences, twice over
@over(CATALOGUE)
@pytest.mark.parametrize("check", [torch.autograd.gradcheck, torch.autograd.gradgradcheck])
def test_differences_confirm_first_and_second_derivatives(entry, check):
    xs, others = leaves(entry, 3)
    for reduction in REDUCTIONS if entry.is_loss else (None,):
        keywords = options(entry, reduction, 3) if entry.is_loss else {}
        assert check(functools.partial(call, entry, others, keywords), xs)


def call(entry, others, keywords, *xs):
    return entry.function(*xs, *others, **keywords)


@over([e for e in LOGITS_ONLY if "temperature" in e.params])
def test_differences_confirm_them_at_another_temperature(entry):
    x, *_ = tensors(entry, 2)
    keep = torch.tensor([True, True, False, True])
    for axis in (0, 1):
        where = keep if axis else keep[:2, None]
        f = functools.partial(call, entry, (), {"temperature": 0.3, "where": where, "axis": axis})

        def masked(x, f=f, where=where):  # the logarithm of a probability of 0 has no difference
            return torch.where(where, f(x), 0.0)

        assert torch.autograd.gradcheck(masked, x)
        assert torch.autograd.gradgradcheck(masked, x)


# ------------------------------------------------------------------ higher derivatives
def derivatives(function, x, order):
    """The derivatives of a function of one number, by autograd on autograd."""
    x = torch.tensor([x], dtype=torch.float64, requires_grad=True)
    y, found = function(x), []
    for _ in range(order):
        y = torch.autograd.grad(y, x, create_graph=True)[0] if y.requires_grad else 0 * y
        found.append(y.item())
    return found


FOCAL = pytest.mark.xfail(reason="log1p(up * down) has third derivatives of one side at 0")
PLACES = {"real": [0.0, 1.3, -0.4], "probability": [0.5, 0.2], "nonpositive": [-0.7, -0.1]}
PLACES["nonnegative"] = [0.8, 2.5]  # not at the margin


@pytest.mark.parametrize(
    "entry, x",
    [
        pytest.param(
            e, x, id=f"{e.name} at {x}",
            marks=FOCAL if (e.name, x) == ("binary_focal_loss", 0) else (),
        )
        for e in ELEMENTS for x in PLACES.get(e.inputs[0].domain, [0.0, 1.0, 2.5][e.is_loss :])
    ],
)  # fmt: skip
def test_three_derivatives_are_those_of_the_formula(entry, x):
    # at a logit of exactly 0 too, where max, min and abs have two sides
    for target in hard_and_soft(entry):
        others = dict(zip([number(i.symbol) for i in entry.inputs[1:]], target, strict=True))
        expr, at = exact.simple_formula(entry).subs(others), number(entry.inputs[0].symbol)
        expected = [float(sp.diff(expr, at, k).subs(at, x)) for k in (1, 2, 3)]
        found = derivatives(functools.partial(at_target, entry, target), x, 3)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-13)


def hard_and_soft(entry):
    targets = {"sign": (1.0, -1.0), "real": (0.25, -2.0), "positive": (0.5, 2.0)}
    targets |= {"probability": (0.0, 1.0, 0.3), "nonnegative": (0.0, 1.0, 3.0)}
    domains = [i.domain for i in entry.inputs]
    domains[: entry.wrt] = [d.replace("nonnegative", "positive") for d in domains[: entry.wrt]]
    return list(itertools.product(*(targets[d] for d in domains[1:])))


def at_target(entry, target, x):
    return entry.function(x, *(torch.full_like(x, y) for y in target), **alone(entry))


@over([e for e in ROWS if e.inputs[0].name == "logits"])
@pytest.mark.parametrize("row", [[0.0, 0.0, 0.0], [1.0, 1.0, -2.0], [3.0, 0.5, 0.5]])
def test_second_derivatives_are_right_where_logits_tie(entry, row):
    truth = {"label": 1, "simplex": [0.25, 0.0, 0.75], "real": [0.5, -1.0, 0.5]}
    others = [truth[i.domain] for i in entry.inputs[1:]]
    z, *fixed = map(torch.from_numpy, entry.arrays([row, *others]))
    names, *rest = exact.symbols(entry, 3)
    numbers = dict(zip(names, row, strict=True))
    for symbols, other in zip(rest, others, strict=True):
        numbers |= dict(zip(symbols, np.ravel(other)[: len(symbols)], strict=True))
    for i in range(3) if entry.kind == "vector" else [0]:
        found = torch.autograd.functional.hessian(
            lambda z, i=i: entry.function(z, *fixed).reshape(-1)[i], z
        )
        index = i if entry.kind == "vector" else 1
        formula = exact.simple_formula(entry, 3, index)
        expected = np.array(sp.hessian(formula, names).subs(numbers).evalf(20), float)
        assert plain(found) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@over([e for e in ELEMENTS if e.inputs[0].name == "logits"])
@pytest.mark.parametrize("z", [1000.0, -1000.0, float("inf"), float("-inf"), 50.0, -50.0])
def test_second_and_third_derivatives_are_finite_at_extreme_logits(entry, z):
    for target in hard_and_soft(entry):
        found = derivatives(functools.partial(at_target, entry, target), z, 3)
        assert np.isfinite(found).all()
        assert max(map(abs, found[1:])) < 1e-19


def test_the_curvature_of_a_logit_keeps_its_tail():
    entry = find("binary_cross_entropy")
    for z in (0.0, 50.0, -50.0, 700.0):
        second = derivatives(lambda x: entry.function(x, torch.ones_like(x)), z, 2)[1]
        expected = exact.slope(find("sigmoid"), z)
        assert second == pytest.approx(float(expected), rel=1e-13)


# ------------------------------------------------------------------- how torch is used
@over(LOSSES)
@over_reductions
def test_backward_twice_adds_up(entry, reduction):
    x, *others = tensors(entry)
    value = entry.function(x, *others, **options(entry, reduction)).sum()
    value.backward(retain_graph=True)
    once = x.grad.clone()
    value.backward()
    assert torch.equal(x.grad, 2 * once)


@over(LOSSES)
@over_reductions
def test_create_graph_gives_the_same_gradient(entry, reduction):
    x, *others = tensors(entry)
    value = entry.function(x, *others, **options(entry, reduction))
    upstream = random_like(value)
    with_graph, without = (
        torch.autograd.grad(value, x, upstream, create_graph=g, retain_graph=True)[0]
        for g in (True, False)
    )
    assert with_graph.requires_grad and not without.requires_grad
    assert plain(with_graph) == pytest.approx(plain(without), rel=1e-14)


@over(LOSSES)
@over_reductions
def test_a_penalty_on_the_gradient_can_be_trained(entry, reduction):
    # the gradient of |gradient|^2 through the same graph that gave the gradient is 2 H g, with
    # second derivatives H that the differences above confirm
    x, *others = tensors(entry, 3)

    def total(x):
        return entry.function(x, *others, **options(entry, reduction, 3)).sum()

    (slope,) = torch.autograd.grad(total(x), x, create_graph=True)
    (found,) = torch.autograd.grad(slope.square().sum(), x)
    curvature = torch.autograd.functional.hessian(total, x.detach())
    expected = 2 * torch.tensordot(curvature, slope.detach(), dims=x.ndim)
    assert close(found, expected, 1e-12, least=1e-14)


@over(LOSSES)
def test_no_graph_where_none_is_wanted(entry):
    x, *others = tensors(entry)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            for reduction in REDUCTIONS:
                assert not entry.function(x, *others, reduction=reduction).requires_grad
    assert not entry.function(x.detach(), *others).requires_grad
    value, slope = value_and_grad(entry.function, x, *others)
    assert not value.requires_grad and not slope.requires_grad


def flat(found):
    """The tensors in tuples of tuples."""
    return [found] if isinstance(found, torch.Tensor) else [t for f in found for t in flat(f)]


@over(LOSSES)
@pytest.mark.parametrize("reduction", TOTALS)
def test_weights_can_be_learned(entry, reduction):
    x, *others = tensors(entry, 4)
    weights = torch.tensor([0.5, 1.0, 2.0, 0.1], dtype=torch.float64, requires_grad=True)
    where = torch.tensor([True, True, False, True])

    # squared: what comes from upstream is no 1, and has a derivative itself
    def of_both(x, weights):
        keywords = {"weights": weights, "where": where, "reduction": reduction}
        return entry.function(x, *others, **keywords).square()

    def in_plain_operations(x, weights):
        # the differences above confirm the derivatives of each loss
        each, w = entry.function(x, *others, reduction="none")[where], weights[where]
        divisor = {"sum": 1, "mean": len(each), "weighted_mean": w.sum()}[reduction]
        return ((w * each).sum() / divisor).square()

    for derivatives_of in (torch.autograd.functional.jacobian, torch.autograd.functional.hessian):
        found, expected = (
            derivatives_of(f, (x.detach(), weights.detach()))
            for f in (of_both, in_plain_operations)
        )
        for a, b in zip(flat(found), flat(expected), strict=True):
            assert close(a, b, 1e-12, least=1e-13)
    of_both(x, weights).backward()
    assert weights.grad[2] == 0
    constant = of_both(x.detach(), weights.detach())
    assert plain(of_both(x, weights)) == pytest.approx(plain(constant), rel=1e-15)


@over(LOSSES)
@over_reductions
def test_what_is_overwritten_before_backward_is_noticed(entry, reduction):
    for which in ("input", "target", "weights", "where"):
        x, *others = tensors(entry)
        if which == "target" and (not others or entry.wrt > 1):
            continue
        weights, where = torch.rand(6, dtype=torch.float64), torch.rand(6) < 0.5
        shares = {"where": where} if which == "where" else {"weights": weights}
        product = x * 1.0
        value = entry.function(product, *others, **shares, reduction=reduction).sum()
        {"input": product.detach(), "target": (others or [x])[-1], **shares}[which].zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            value.backward()


@over(CATALOGUE)
def test_parameters_subclasses_and_views_are_tensors(entry):
    x, *others = to("torch", sample(entry))
    expected = gradient(lambda x: entry.function(x, *others, **alone(entry)).sum(), x)
    parameter = torch.nn.Parameter(x)
    entry.function(parameter, *others, **alone(entry)).sum().backward()
    assert torch.equal(parameter.grad, expected)
    leaf = x.repeat(2, *[1] * (x.ndim - 1)).requires_grad_()
    entry.function(leaf[: len(x)], *others, **alone(entry)).sum().backward()
    assert torch.equal(leaf.grad[: len(x)], expected)


@over(CATALOGUE)
def test_func_grad_and_jacobian_see_the_slope(entry):
    x, *others = to("torch", sample(entry, 2))
    f = functools.partial(call, entry, others, alone(entry))
    expected = gradient(lambda x: f(x).sum(), x)
    assert torch.allclose(torch.func.grad(lambda x: f(x).sum())(x), expected, rtol=1e-14)
    jacobian = torch.autograd.functional.jacobian(f, x)
    assert torch.allclose(jacobian.flatten(0, f(x).ndim - 1).sum(0), expected, rtol=1e-13)


@over(LOSSES)
def test_autocast_changes_nothing(entry):
    arrays = to("torch", sample(entry), "float32")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = gradient(entry.function, *arrays)
    assert torch.equal(inside, gradient(entry.function, *arrays))


@over(LOSSES)
@pytest.mark.parametrize("reduction", TOTALS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_loss_scale_saves_the_gradient_of_half_precision(entry, reduction, dtype):
    # divided by 4096 first, these gradients would lose their digits, and no scale brings them back
    x, *others = to("torch", [np.repeat(c, 4096, axis=0) for c in sample(entry, 1)], "float32")
    x = (4 * x if entry.inputs[0].name == "logits" else x).to(getattr(torch, dtype))
    scaled = gradient(lambda x: 2.0**12 * entry.function(x, *others, reduction=reduction), x)
    wide = [o.double() if o.is_floating_point() else o for o in others]
    _, slope = value_and_grad(entry.function, x.double(), *wide, reduction=reduction)
    eps = torch.finfo(x.dtype).eps
    expected = (2.0**12 * slope).to(x.dtype)  # which may be infinite in float16
    assert close(scaled, expected, 2 * eps, least=eps * 1e-3)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # in torch itself
@over(LOSSES)
def test_the_forward_derivative_is_that_of_the_backward_pass(entry):
    x, *others = to("torch", sample(entry, 5))
    loss = functools.partial(entry.function, **alone(entry))
    t = torch.from_numpy(np.random.default_rng(0).normal(size=x.shape))
    found = torch.func.jvp(lambda x: loss(x, *others), (x,), (t,))[1]
    upstream = torch.linspace(-1, 2, found.numel(), dtype=x.dtype).reshape(found.shape)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(loss(x, *others), x, upstream)
    assert (found * upstream).sum().item() == pytest.approx((slope * t).sum().item(), rel=1e-9)
