"""Contrastive losses of a batch, some rows of similarities at a time: the same as all at once."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cases import over_libraries, plain, to
from lossbook import (
    clip_loss,
    cross_entropy,
    in_batch_info_nce,
    info_nce,
    nt_xent,
    pairwise_cosines,
    reduce,
    soft_cross_entropy,
    sup_con_loss,
)
from lossbook.arrays import namespace
from lossbook.contrastive.candidates import held

ROWS, MORE, WIDTH = 13, 5, 4
SIZES = [1, 7, 13, 100, None]  # rows in a chunk
WEIGHTS = torch.linspace(0, 2, ROWS, dtype=torch.float64)
WHERE = torch.arange(ROWS) % 4 != 1
LABELS = torch.tensor([3, 0, 3, 7, -2, 7, 7, 0, 5, -2, 3, 6, 6])  # 0 is alone where WHERE is
SHARES = [{}, {"weights": WEIGHTS}, {"where": WHERE}, {"weights": WEIGHTS, "where": WHERE}]
OPTIONS = [
    {},
    {"queue": True},
    {"negative_mask": True},
    {"queue": True, "negative_mask": True, "where": WHERE, "weights": WEIGHTS},
]


def drawn(*rows, seed=0, dtype=torch.float64):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn((n, WIDTH), generator=rng, dtype=dtype).requires_grad_() for n in rows]


def marks(columns):
    """Negatives that are left out, some partners among them."""
    rng = torch.Generator().manual_seed(1)
    return torch.rand((ROWS, columns), generator=rng) < 0.7


def of_batch(a, b, queue=None, negative_mask=None, where=None, **options):
    """In-batch InfoNCE of the matrix of similarities."""
    s = pairwise_cosines(a, b if queue is None else torch.cat([b, queue]))
    keep = torch.ones(s.shape, dtype=torch.bool)
    if negative_mask is not None:
        keep = negative_mask | torch.eye(*s.shape, dtype=torch.bool)
    if where is not None:
        keep[:, :ROWS] &= where
    labels = torch.arange(ROWS)
    return info_nce(s, labels, temperature=0.3, candidate_mask=keep, where=where, **options)


def of_views(a, b, where=None, weights=None, reduction="mean"):
    """NT-Xent of the matrix of similarities."""
    z, on = torch.cat([a, b]), None if where is None else torch.cat([where, where])
    keep = ~torch.eye(2 * ROWS, dtype=torch.bool)
    each = info_nce(
        pairwise_cosines(z), torch.arange(2 * ROWS).roll(ROWS), temperature=0.3,
        candidate_mask=keep if on is None else keep & on, where=on, reduction="none",
    )  # fmt: skip
    return reduce(each.reshape(2, -1).mean(0), where=where, weights=weights, reduction=reduction)


def of_both(u, v, log_scale, where=None, **options):
    """The loss of CLIP of the matrix of similarities."""
    s, labels = pairwise_cosines(u, v) * log_scale.exp(), torch.arange(ROWS)
    find = functools.partial(cross_entropy, class_mask=where, where=where, **options)
    return (find(s, labels) + find(s.T, labels)) / 2


def of_labels(z, where=None, **options):
    """The supervised contrastive loss of the matrix of similarities."""
    others = ~torch.eye(ROWS, dtype=torch.bool)
    if where is not None:
        others &= where
    positive = (LABELS[:, None] == LABELS) & others
    count = positive.sum(-1, keepdim=True)
    anchors = (count[:, 0] > 0) & (True if where is None else where)
    return soft_cross_entropy(
        pairwise_cosines(z) / 0.3, torch.where(positive, 1 / count.clamp(min=1), 0.0).double(),
        class_mask=others, where=anchors, **options,
    )  # fmt: skip


def same(ours, theirs, rel=1e-11):
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    assert torch.allclose(ours, theirs, rtol=rel, atol=1e-13)


def alike(ours, theirs, inputs):
    """The same values, and the same derivatives for an upstream gradient that isn't all ones."""
    same(ours, theirs)
    upstream = torch.linspace(-1, 3, ours.numel(), dtype=ours.dtype).reshape(ours.shape)
    found, expected = (torch.autograd.grad(x, inputs, upstream) for x in (ours, theirs))
    for a, b in zip(found, expected, strict=True):
        same(a, b)


@pytest.mark.parametrize("chunk_size", SIZES)
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "weighted_mean"])
class TestTheSameAsWithTheMatrix:
    @pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o) or "plain")
    def test_in_batch(self, options, reduction, chunk_size):
        inputs, options = drawn(ROWS, ROWS, MORE), dict(options)
        queue = inputs[2] if options.pop("queue", False) else None
        inputs = inputs if queue is not None else inputs[:2]
        if options.get("negative_mask"):
            options["negative_mask"] = marks(ROWS + MORE if queue is not None else ROWS)
        options |= {"queue": queue, "reduction": reduction}
        ours = in_batch_info_nce(*inputs[:2], temperature=0.3, chunk_size=chunk_size, **options)
        alike(ours, of_batch(*inputs[:2], **options), inputs)

    @pytest.mark.parametrize("options", SHARES, ids=lambda o: "-".join(o) or "plain")
    def test_two_views(self, options, reduction, chunk_size):
        inputs, options = drawn(ROWS, ROWS), options | {"reduction": reduction}
        ours = nt_xent(*inputs, temperature=0.3, chunk_size=chunk_size, **options)
        alike(ours, of_views(*inputs, **options), inputs)

    @pytest.mark.parametrize("options", SHARES, ids=lambda o: "-".join(o) or "plain")
    def test_both_directions_with_a_learned_scale(self, options, reduction, chunk_size):
        scale = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
        inputs, options = drawn(ROWS, ROWS), options | {"reduction": reduction}
        ours = clip_loss(*inputs, log_scale=scale, chunk_size=chunk_size, **options)
        alike(ours, of_both(*inputs, scale, **options), [*inputs, scale])

    @pytest.mark.parametrize("options", SHARES, ids=lambda o: "-".join(o) or "plain")
    def test_labels(self, options, reduction, chunk_size):
        [z], options = drawn(ROWS), options | {"reduction": reduction}
        ours = sup_con_loss(z, LABELS, temperature=0.3, chunk_size=chunk_size, **options)
        alike(ours, of_labels(z, **options), [z])


def two_kinds(a, b, **options):
    """The supervised contrastive loss of one batch; the other is there for the signature."""
    return sup_con_loss(a + 0 * b, [k % 2 for k in range(len(a))], temperature=0.05, **options)


CHUNKED = {
    "in_batch": functools.partial(in_batch_info_nce, temperature=0.05),
    "nt_xent": functools.partial(nt_xent, temperature=0.05),
    "clip": functools.partial(clip_loss, log_scale=3.0),
    "sup_con": two_kinds,
}
over_chunked = pytest.mark.parametrize("loss", CHUNKED.values(), ids=CHUNKED)


@over_chunked
@over_libraries
def test_single_precision_is_rounded_once_whatever_the_chunks(library, loss):
    a, b = (x.detach().numpy() for x in drawn(ROWS, ROWS, dtype=torch.float32))
    wide = float(loss(a.astype(float), b.astype(float)))
    x, y = to(library, [a, b], "float32")
    for chunk_size in SIZES:
        found = loss(x, y, chunk_size=chunk_size)
        assert found.dtype == x.dtype and float(found) == np.float32(wide)


@over_chunked
def test_gradients_of_single_precision_are_rounded_once_too(loss):
    """Also where all embeddings are nearly alike, and what they pull at nearly cancels."""
    a, b = drawn(ROWS, ROWS, dtype=torch.float32)
    for spread in (1.0, 1e-3):
        narrow = [(1 + spread * x).detach().requires_grad_() for x in (a, b)]
        wide = [x.detach().double().requires_grad_() for x in narrow]
        found = torch.autograd.grad(loss(*narrow, chunk_size=4), narrow)
        expected = torch.autograd.grad(loss(*wide), wide)
        for g, e in zip(found, expected, strict=True):
            eps = torch.finfo(torch.float32).eps
            assert ((g - e).abs() <= 0.501 * eps * e.abs()).all()


@over_chunked
@pytest.mark.parametrize("chunk_size", [2, None])
def test_second_derivatives(loss, chunk_size):
    inputs = [x.detach()[:3].requires_grad_() for x in drawn(ROWS, ROWS)]
    walk = functools.partial(loss, chunk_size=chunk_size)
    for reduction in ("none", "mean"):
        assert torch.autograd.gradgradcheck(functools.partial(walk, reduction=reduction), inputs)


@over_chunked
def test_a_gradient_that_will_be_differentiated_is_the_same(loss):
    """Also where one tensor is both anchors and candidates, and where a row has no weight."""
    a, b = drawn(ROWS, ROWS)
    for options in SHARES:
        value = loss(a, b, chunk_size=4, **options)
        plainly = torch.autograd.grad(value, (a, b), retain_graph=True)
        again = torch.autograd.grad(value, (a, b), create_graph=True)
        for x, y in zip(plainly, again, strict=True):
            same(x, y)
        found = torch.func.grad(lambda t, o=options: loss(t, b.detach(), **o))(a.detach())
        same(found, plainly[0])


@over_chunked
def test_no_rows_have_derivatives_too(loss):
    a = torch.zeros(0, WIDTH, requires_grad=True)
    for reduction in ("none", "mean"):
        value = loss(a, a, reduction=reduction).sum()
        (slope,) = torch.autograd.grad(value, a, create_graph=True)
        assert value == 0 and slope.shape == a.shape


@over_chunked
def test_learned_weights(loss):
    a, b = drawn(ROWS, ROWS)
    weights = WEIGHTS.clone().requires_grad_()
    loss(a, b, weights=weights, chunk_size=4).backward()
    each = loss(a.detach(), b.detach(), reduction="none")
    same(weights.grad, each / ROWS)


@over_chunked
def test_only_what_is_asked_for_gets_a_gradient(loss):
    for wanted in ((True, False), (False, True), (False, False)):
        a, b = (
            x.detach().requires_grad_(w) for x, w in zip(drawn(ROWS, ROWS), wanted, strict=True)
        )
        value = loss(a, b, chunk_size=4)
        assert value.requires_grad == any(wanted)
        if any(wanted):
            value.backward()
        assert (a.grad is not None, b.grad is not None) == wanted


@over_chunked
def test_transforms_of_torch(loss):
    a, b = (x.detach() for x in drawn(ROWS, ROWS))
    x = a.clone().requires_grad_()
    loss(x, b).backward()
    same(torch.func.grad(loss)(a, b), x.grad)
    found = torch.func.vmap(loss, in_dims=(0, None))(torch.stack([a, b]), b)
    same(found, torch.stack([loss(a, b), loss(b, b)]))


@over_chunked
@pytest.mark.parametrize(
    ("size", "error", "message"),
    [(0, ValueError, "at least 1, got 0"), (2.0, TypeError, "must be an integer, got float")],
)
def test_chunk_sizes_that_are_none(loss, size, error, message):
    with pytest.raises(error, match=f"chunk_size .*{message}"):
        loss(np.eye(3), np.eye(3), chunk_size=size)


@over_libraries
def test_no_similarity_is_more_than_one(library):
    [s] = to(library, [[1 + 2**-52, -1 - 2**-52, 0.5]])
    assert plain(held(namespace(s), s)).tolist() == [1, -1, 0.5]
    if library == "torch":  # what is cut still pulls
        s.requires_grad_()
        held(namespace(s), s).sum().backward()
        assert s.grad.tolist() == [1, 1, 1]


@over_chunked
def test_the_similarities_are_never_all_in_memory(loss):
    seen = []

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **kwargs or {})
            if isinstance(out, torch.Tensor):
                seen.append(out.untyped_storage().nbytes())
            return out

    a, b = (torch.randn(1500, 2).requires_grad_() for _ in range(2))
    with Sizes():
        loss(a, b, where=torch.arange(1500) % 3 != 0, chunk_size=16).backward()
    columns = 2 * len(a) if loss is CHUNKED["nt_xent"] else len(a)
    assert max(seen) == 16 * columns * 8  # one chunk in double precision


@over_chunked
@over_libraries
def test_the_precision_of_the_input_is_kept_if_asked_for(library, loss):
    inputs = [x.detach().numpy() for x in drawn(ROWS, ROWS)]
    for dtype in ("float64", "float32", "float16"):
        x, y = to(library, inputs, dtype)
        fast = loss(x, y, precision="input", chunk_size=4)
        assert fast.dtype == x.dtype
        eps = 0 if dtype == "float64" else 2**-10 if dtype == "float16" else 20 * 2**-23
        assert float(fast) == pytest.approx(float(loss(x, y, chunk_size=4)), rel=eps, abs=0)


@over_chunked
def test_no_product_is_in_double_precision_if_the_input_is_not(loss):
    seen = set()

    class Products(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **kwargs or {})
            if "mm" in str(function):
                seen.add(out.dtype)
            return out

    a, b = drawn(ROWS, ROWS, dtype=torch.float32)
    for precision, dtype in {"input": torch.float32, "double": torch.float64}.items():
        seen.clear()
        with Products():
            loss(a, b, precision=precision).backward()
        assert seen == {dtype}
    for x in (a, b)[: 1 if loss is two_kinds else 2]:
        assert x.grad.dtype == torch.float32 and x.grad.isfinite().all()


@pytest.mark.parametrize(
    ("loss", "count"), [(CHUNKED["in_batch"], 3), (CHUNKED["clip"], 4)], ids=["in_batch", "clip"]
)
def test_how_often_the_similarities_are_formed(loss, count):
    """Once, and two products for the gradients. For both directions it is twice, not four times."""
    products = []

    class Products(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if "mm" in str(function):
                products.append(function)
            return function(*args, **kwargs or {})

    with Products():
        loss(*drawn(ROWS, ROWS)).backward()
    assert len(products) == count


@over_chunked
def test_precisions_that_are_none(loss):
    with pytest.raises(ValueError, match=r"precision must be one of .*, got 'half'"):
        loss(np.eye(3), np.eye(3), precision="half")


def test_a_scale_beyond_single_precision_is_refused_there():
    x = np.eye(3, dtype=np.float32)
    assert clip_loss(x, x, log_scale=100.0) == 0
    with pytest.raises(ValueError, match=r"log_scale must be in .* 88.*got 100"):
        clip_loss(x, x, log_scale=100.0, precision="input")
