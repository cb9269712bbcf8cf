"""Cross-entropy of a linear layer, in chunks: the same as with all logits in memory."""

import itertools

import numpy as np
import pytest
import torch

from lossbook import (
    cross_entropy,
    linear_cross_entropy,
    linear_soft_cross_entropy,
    soft_cross_entropy,
    value_and_grad,
)

ROWS, WIDTH, CLASSES = 13, 5, 11
SIZES = [1, 4, 7, 13, 100, None]  # rows in a chunk


def layer(lead=(ROWS,), seed=0, dtype=torch.float64):
    rng = torch.Generator().manual_seed(seed)
    shapes = (*lead, WIDTH), (CLASSES, WIDTH), (CLASSES,)
    return [torch.randn(s, generator=rng, dtype=dtype).requires_grad_() for s in shapes]


def truth(lead=(ROWS,), seed=1):
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, lead, generator=rng)
    targets = torch.rand((*lead, CLASSES), generator=rng, dtype=torch.float64)
    return labels, targets / targets.sum(-1, keepdim=True)


def masks(labels, targets):
    """Some classes that are not on offer, none of them true."""
    keep = torch.arange(CLASSES) % 4 != 3
    labels = torch.where(keep[labels], labels, 0)
    targets = targets * keep
    return keep, labels, targets / targets.sum(-1, keepdim=True)


def both(x, weight, bias, labels, targets, soft, chunk_size=None, **options):
    """The loss in chunks, and the composition."""
    logits = x @ weight.T if bias is None else x @ weight.T + bias
    if soft:
        return (
            linear_soft_cross_entropy(
                x, weight, targets, bias=bias, chunk_size=chunk_size, **options
            ),
            soft_cross_entropy(logits, targets, **options),
        )
    return (
        linear_cross_entropy(x, weight, labels, bias=bias, chunk_size=chunk_size, **options),
        cross_entropy(logits, labels, **options),
    )


def slopes(value, inputs, upstream):
    return torch.autograd.grad(value, inputs, upstream, retain_graph=True)


def same(ours, theirs):
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)


OPTIONS = [
    {},
    {"label_smoothing": 0.3},
    {"weights": torch.linspace(0, 2, ROWS, dtype=torch.float64)},
    {"where": torch.arange(ROWS) % 3 != 1},
    {"where": torch.zeros(ROWS, dtype=torch.bool)},
    {
        "weights": torch.linspace(0, 2, ROWS, dtype=torch.float64),
        "where": torch.arange(ROWS) % 3 != 1,
        "label_smoothing": 0.1,
    },
]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "weighted_mean"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o) or "plain")
@pytest.mark.parametrize("chunk_size", SIZES)
def test_value_and_gradients_are_those_of_the_composition(soft, reduction, options, chunk_size):
    inputs, (labels, targets) = layer(), truth()
    ours, theirs = both(*inputs, labels, targets, soft, chunk_size, reduction=reduction, **options)
    same(ours, theirs)
    upstream = torch.randn(theirs.shape, dtype=torch.float64)  # not all ones
    for a, b in zip(*(slopes(v, inputs, upstream) for v in (ours, theirs)), strict=True):
        same(a, b)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_a_mask_of_classes(soft, wide):
    inputs = layer()
    keep, labels, targets = masks(*truth())
    keep = keep.expand(ROWS, -1) if wide else keep
    ours, theirs = both(*inputs, labels, targets, soft, 4, class_mask=keep)
    same(ours, theirs)
    one = torch.ones((), dtype=torch.float64)
    for a, b in zip(slopes(ours, inputs, one), slopes(theirs, inputs, one), strict=True):
        same(a, b)


def test_ignored_labels():
    inputs, (labels, targets) = layer(), truth()
    labels[::3] = -100
    ours, theirs = both(*inputs, labels, targets, False, 4, ignore_index=-100)
    same(ours, theirs)
    one = torch.ones((), dtype=torch.float64)
    for a, b in zip(slopes(ours, inputs, one), slopes(theirs, inputs, one), strict=True):
        same(a, b)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("lead", [(), (2, 3), (0,), (2, 0, 3)])
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_rows_along_any_number_of_axes(soft, lead, reduction):
    inputs, (labels, targets) = layer(lead), truth(lead)
    ours, theirs = both(*inputs, labels, targets, soft, 2, reduction=reduction)
    same(ours, theirs)
    upstream = torch.ones_like(theirs)
    for a, b in zip(*(slopes(v, inputs, upstream) for v in (ours, theirs)), strict=True):
        same(a, b)


@pytest.mark.parametrize("wanted", list(itertools.product([True, False], repeat=3)))
def test_only_what_is_asked_for_gets_a_gradient(wanted):
    inputs, (labels, _) = layer(), truth()
    inputs = [x.detach().requires_grad_(w) for x, w in zip(inputs, wanted, strict=True)]
    loss = linear_cross_entropy(*inputs[:2], labels, bias=inputs[2], chunk_size=4)
    assert loss.requires_grad == any(wanted)
    if any(wanted):
        loss.backward()
    assert tuple(x.grad is not None for x in inputs) == wanted


def test_a_second_derivative():
    inputs, (labels, targets) = layer((3,)), truth((3,))
    for soft in (False, True):
        assert torch.autograd.gradgradcheck(
            lambda *p, soft=soft: both(*p, labels, targets, soft, 2)[0], inputs
        )


def test_backward_twice_through_a_kept_graph():
    (x, weight, bias), (labels, _) = layer(), truth()
    loss = 3 * linear_cross_entropy(x, weight, labels, bias=bias, chunk_size=4)
    loss.backward(retain_graph=True)
    once = x.grad.clone()
    loss.backward()
    assert torch.equal(x.grad, 2 * once)


def test_learned_weights_of_the_rows():
    inputs, (labels, targets) = layer(), truth()
    weights = torch.rand(ROWS, dtype=torch.float64).requires_grad_()
    ours, theirs = both(*inputs, labels, targets, False, 4, weights=weights)
    one = torch.ones((), dtype=torch.float64)
    a, b = (slopes(v, [*inputs, weights], one) for v in (ours, theirs))
    for x, y in zip(a, b, strict=True):
        same(x, y)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_formats_add_up_in_a_wider_one(dtype):
    (x, weight, bias), (labels, _) = layer((4096,)), truth((4096,))
    exact = torch.autograd.grad(linear_cross_entropy(x, weight, labels, bias=bias), (weight, bias))
    narrow = [p.detach().to(dtype).requires_grad_() for p in (x, weight, bias)]
    loss = linear_cross_entropy(*narrow[:2], labels, bias=narrow[2], chunk_size=16)
    found = torch.autograd.grad(loss, narrow[1:])
    assert all(g.dtype == dtype for g in found) and loss.dtype == dtype
    eps = torch.finfo(dtype).eps
    for g, e in zip(found, exact, strict=True):
        assert (g - e).abs().max() < 4 * eps * e.abs().max()


def test_numpy_arrays():
    inputs, (labels, targets) = layer(), truth()
    x, weight, bias = (p.detach().numpy() for p in inputs)
    for soft in (False, True):
        ours, theirs = both(x, weight, bias, labels.numpy(), targets.numpy(), soft, 4)
        assert np.isclose(ours, theirs, rtol=1e-13) and isinstance(ours, np.float64)
    value, (of_x, of_weight) = value_and_grad(
        linear_cross_entropy, x, weight, labels.numpy(), wrt=(0, 1), chunk_size=5
    )
    loss = cross_entropy(inputs[0] @ inputs[1].T, labels)
    expected = torch.autograd.grad(loss, inputs[:2])
    assert np.isclose(value, loss.item(), rtol=1e-13)
    assert np.allclose(of_x, expected[0], atol=1e-15)
    assert np.allclose(of_weight, expected[1], atol=1e-15)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"chunk_size": 0}, ValueError, "chunk_size must be at least 1, got 0"),
        ({"chunk_size": 2.0}, TypeError, "chunk_size must be an integer, got float"),
        ({"weight": np.ones((3, 2))}, ValueError, r"\(K, d\), got \(2, 4\) and \(3, 2\)"),
        ({"weight": np.ones(4)}, ValueError, r"got \(2, 4\) and \(4,\)"),
        ({"weight": np.ones((3, 4), "f")}, TypeError, "same dtype, got float64 and float32"),
        ({"weight": np.ones((3, 4), int)}, TypeError, "weight must be a floating-point array"),
        ({"bias": np.ones(4)}, ValueError, r"bias .* must have the same shape, got \(4,\)"),
        ({"labels": [0, 3]}, ValueError, r"labels must be in \[0, 3\), got 3 at index 1"),
        ({"labels": [0]}, ValueError, r"labels must have the shape of logits"),
        (
            {"class_mask": [True, True, False]},
            ValueError,
            "labels must be of a class that class_ma",
        ),
        ({"label_smoothing": 2}, ValueError, "label_smoothing must be a number in"),
    ],
)
def test_errors(change, error, message):
    good = {"features": np.ones((2, 4)), "weight": np.ones((3, 4)), "labels": [0, 2]}
    linear_cross_entropy(**good)
    with pytest.raises(error, match=message):
        linear_cross_entropy(**good | change)


def test_the_logits_are_never_all_in_memory():
    """On the meta device arrays have no memory; what is asked for is seen all the same."""
    seen = []

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **kwargs or {})
            if isinstance(out, torch.Tensor):
                seen.append(out.untyped_storage().nbytes())
            return out

    x, weight = torch.randn(512, 8).requires_grad_(), torch.randn(3000, 8).requires_grad_()
    labels = torch.randint(0, 3000, (512,))
    with Sizes():
        linear_cross_entropy(x, weight, labels, chunk_size=16).backward()
    assert max(seen) <= 16 * 3000 * 4  # one chunk of logits


# ------------------------------------------------------------------ what must not get in
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_row_that_is_left_out_may_hold_anything(bad, learned):
    (x, weight, bias), (labels, _) = layer(), truth()
    weights = torch.ones(ROWS, dtype=torch.float64)
    weights[3] = 0
    weights.requires_grad_(learned)
    dirty = x.detach().clone()
    dirty[3] = bad
    found = []
    for features in (x.detach(), dirty):
        features.requires_grad_()
        loss = linear_cross_entropy(
            features, weight, labels, bias=bias, weights=weights, chunk_size=4
        )
        found.append([loss, *torch.autograd.grad(loss, (features, weight, bias))])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-14) and bool(torch.isfinite(b).all())


def test_masked_rows_in_a_second_derivative():
    (x, weight, bias), (labels, _) = layer(), truth()
    dirty = x.detach().clone()
    dirty[3] = float("nan")
    loss = linear_cross_entropy(
        dirty.requires_grad_(), weight, labels, bias=bias, where=torch.arange(ROWS) != 3
    )
    (slope,) = torch.autograd.grad(loss, weight, create_graph=True)
    assert bool(torch.isfinite(torch.autograd.grad(slope.sum(), weight)[0]).all())


def test_half_precision_adds_chunks_up_as_one():
    (x, weight, _), (labels, _) = layer((4000,)), truth((4000,))
    x, weight = x.detach().half(), weight.detach().half() / 64
    found = {
        linear_cross_entropy(x, weight, labels, chunk_size=size).item() for size in (1, 7, None)
    }
    assert len(found) == 1


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # by torch itself
def test_a_compiler_shows_labels_out_of_range():
    (x, weight, _), (labels, _) = layer(), truth()
    labels[2] = CLASSES
    compiled = torch.compile(
        lambda *a: linear_cross_entropy(*a, reduction="none"), fullgraph=True, backend="eager"
    )
    losses = compiled(x, weight, labels)
    assert losses.isnan().tolist() == [i == 2 for i in range(ROWS)]
