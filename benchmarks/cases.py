"""What is measured: each loss, its inputs, and the same loss in other libraries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import mpmath
import numpy as np
import torch
import torch.nn.functional as F

import lossbook as lb

Arrays = list[np.ndarray]
TORCH, OPTAX, KERAS = "torch.nn.functional.", "optax.losses.", "keras.losses."
SCALE = 1 / 0.07  # the one that CLIP starts with


def one_row(*point: np.ndarray) -> Arrays:
    """A point of the catalogue as a batch of one."""
    return [x[None] for x in point]


@dataclass(frozen=True)
class Case:
    """A loss in some sizes, and its peers: a dotted name, or a function of the same inputs.

    ``function`` is ours. The judge is its entry in the catalogue, or ``entry``: the points are
    those of the entry and of ``sample``, and ``embed`` makes inputs of one. A loss that has no
    entry has ``exact``. ``wrt`` counts the inputs to differentiate for: 0 is NumPy, value alone.
    """

    name: str
    function: str
    draw: Callable[..., Arrays]
    sizes: Sequence[tuple[int, ...]]
    quick: tuple[int, ...]
    peers: dict[str, str | Callable[..., Any]]
    wrt: int = 1
    sample: Callable[..., Arrays] | None = None
    embed: Callable[..., Arrays] = one_row
    entry: str = ""
    exact: Callable[..., Any] | None = None

    def inputs(self, size: Sequence[int], seed: int = 0) -> Arrays:
        """Its inputs in float32, the same each time."""
        return self.draw(np.random.default_rng(seed), *size)

    def missing(self) -> list[str]:
        """The peers whose library is not installed, or lacks the function."""
        lacking = () if hasattr(F, "linear_cross_entropy") else ("torch, in chunks",)
        return [n for n in self.peers if find_spec(_module(n)) is None or n in lacking]

    def names(self) -> list[str]:
        """What there is to call: ours first."""
        return ["lossbook", *(n for n in self.peers if n not in self.missing())]

    def ways(self) -> dict[str, Callable[..., Any]]:
        """The functions to call."""
        return {name: self.way(name) for name in self.names()}

    def way(self, name: str) -> Callable[..., Any]:
        """The function to call, ours or a peer's, whose library alone is loaded."""
        if name == "lossbook":
            return OURS.get(self.function) or getattr(lb, self.function)
        peer = self.peers[name]
        return _resolved(peer) if isinstance(peer, str) else peer


def _module(name: str) -> str:
    return name.split(",")[0].replace("scikit-learn", "sklearn").replace("-", "_")


def _resolved(name: str) -> Callable[..., Any]:
    """The function of that name, called as the cases call it."""
    module, _, last = name.rpartition(".")
    found = getattr(import_module(module), last)
    options = {"from_logits": True} if "crossentropy" in last else {}
    return {
        "torch": found,
        "optax": lambda *arrays: found(*arrays).mean(),
        "keras": lambda prediction, truth: found(truth, prediction, **options).mean(),
        "scipy": lambda z: found(z, axis=-1),
    }[name.split(".")[0]]


# ------------------------------------------------------------------------------ inputs
def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def several(count):
    return lambda rng, *shape: [normal(rng, *shape) for _ in range(count)]


def only_logits(rng, n, k):
    return [3 * normal(rng, n, k)]


def logits_and_labels(rng, n, k):
    return [3 * normal(rng, n, k), rng.integers(0, k, n)]


def logits_and_targets(rng, n):
    return [3 * normal(rng, n), rng.integers(0, 2, n).astype(np.float32)]


def scores_and_grades(rng, n, k):
    return [normal(rng, n, k), rng.integers(0, 5, (n, k)).astype(np.float32)]


def linear_layer(rng, n, d, k):
    return [normal(rng, n, d), normal(rng, k, d) / np.float32(math.sqrt(d)), rng.integers(0, k, n)]


def unit_layer(z, y):
    """Logits as features: the layer that leaves them as they are."""
    return [z[None], np.eye(len(z), dtype=z.dtype), y[None]]


# ------------------------------------------------------- what other libraries compose
def torch_log_cosh(x, y):
    d = x - y
    return (d + F.softplus(-2 * d) - math.log(2)).mean()


def torch_kl(x, z):
    p, q = x.log_softmax(-1), z.log_softmax(-1)
    return F.kl_div(q, p, log_target=True, reduction="batchmean")


def optax_kl(x, z):
    from jax.nn import log_softmax
    from optax.losses import kl_divergence_with_log_targets as kl

    return kl(log_softmax(z), log_softmax(x)).mean()


def torch_clip(u, v):
    s, own = SCALE * (F.normalize(u) @ F.normalize(v).T), torch.arange(len(u), device=u.device)
    return (F.cross_entropy(s, own) + F.cross_entropy(s.T, own)) / 2


def optax_clip(u, v):
    import jax.numpy as jnp
    from optax.losses import softmax_cross_entropy_with_integer_labels as loss

    u, v = (x / jnp.linalg.norm(x, axis=-1, keepdims=True) for x in (u, v))
    s, own = SCALE * (u @ v.T), jnp.arange(len(u))
    return (loss(s, own).mean() + loss(s.T, own).mean()) / 2


def torch_infonce(q, k):
    s = SCALE * (F.normalize(q) @ F.normalize(k).T)
    return F.cross_entropy(s, torch.arange(len(q), device=q.device))


def optax_infonce(q, k):
    import jax.numpy as jnp
    from optax.losses import softmax_cross_entropy_with_integer_labels as loss

    q, k = (x / jnp.linalg.norm(x, axis=-1, keepdims=True) for x in (q, k))
    return loss(SCALE * (q @ k.T), jnp.arange(len(q))).mean()


def metric_learning_clip(u, v):
    from pytorch_metric_learning.losses import NTXentLoss

    own, loss = torch.arange(len(u), device=u.device), NTXentLoss(temperature=1 / SCALE)
    # the same tensor of labels twice would mean: without the pairs of a row with itself
    one, other = (loss(a, own, ref_emb=b, ref_labels=own.clone()) for a, b in ((u, v), (v, u)))
    return (one + other) / 2


def exact_infonce(q, k):
    """The formula, of rows of mpmath numbers."""
    q, k = ([[x / mpmath.norm(row) for x in row] for row in rows] for rows in (q, k))
    s = [[mpmath.fdot(a, b) / mpmath.mpf(0.07) for b in k] for a in q]
    each = (mpmath.log(sum(map(mpmath.exp, row))) - row[i] for i, row in enumerate(s))
    return sum(each) / len(q)


def exact_clip(u, v):
    return (exact_infonce(u, v) + exact_infonce(v, u)) / 2


def torch_pairs(loss):
    def mean(s, r):
        pairs = r[:, :, None] > r[:, None, :]
        each = torch.where(pairs, loss(s[:, :, None] - s[:, None, :]), 0.0)
        return (each.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()

    return mean


def torch_linear(x, w, y):
    """What F.linear_cross_entropy, new in torch 2.13, does unless it is told to take chunks."""
    return F.cross_entropy(x @ w.T, y)


def torch_linear_in_chunks(x, w, y):
    """In chunks as large as ours: those that it chooses by itself take longer on a CPU."""
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=256)
    return F.linear_cross_entropy(x, w, y, options=options)


def optax_linear(x, w, y):
    from optax.losses import softmax_cross_entropy_with_integer_labels as loss

    return loss(x @ w.T, y).mean()


def scipy_cross_entropy(z, y):
    from scipy.special import log_softmax

    return -log_softmax(z, axis=-1)[np.arange(len(y)), y].mean()


def sklearn_cross_entropy(z, y):
    from scipy.special import softmax
    from sklearn.metrics import log_loss

    return log_loss(y, softmax(z, axis=-1), labels=np.arange(z.shape[1]))


def clip(u, v, **options):
    return lb.clip_loss(u, v, log_scale=math.log(SCALE), **options)


def infonce(q, k, **options):
    return lb.in_batch_info_nce(q, k, temperature=1 / SCALE, **options)


OURS = {
    "clip": clip,
    "clip, fast": partial(clip, precision="input"),
    "infonce": infonce,
    "infonce, fast": partial(infonce, precision="input"),
}

# --------------------------------------------------------------------------- the cases
ROWS, LONG = (8192, 1000), (10**7,)
CASES = (
    Case("cross-entropy", "cross_entropy", logits_and_labels,
         [(1, 1000), (100, 1000), ROWS, (2048, 50257)], (64, 100), {
        "torch": TORCH + "cross_entropy",
        "optax": OPTAX + "softmax_cross_entropy_with_integer_labels",
        "keras": KERAS + "sparse_categorical_crossentropy",
    }),
    Case("binary cross-entropy", "binary_cross_entropy", logits_and_targets,
         [(10**3,), (10**5,), LONG], (1000,), {
        "torch": TORCH + "binary_cross_entropy_with_logits",
        "optax": OPTAX + "sigmoid_binary_cross_entropy",
        "keras": KERAS + "binary_crossentropy",
    }),
    Case("Huber", "huber_loss", several(2), [LONG], (1000,), {
        "torch": TORCH + "huber_loss",
        "optax": OPTAX + "huber_loss",
        "keras": KERAS + "huber",
    }),
    Case("squared error", "squared_error", several(2), [LONG], (1000,), {
        "torch": TORCH + "mse_loss",
        "optax": OPTAX + "squared_error",
        "keras": KERAS + "mean_squared_error",
    }),
    Case("log-cosh", "log_cosh_loss", several(2), [LONG], (1000,), {
        "torch, composed": torch_log_cosh,
        "optax": OPTAX + "log_cosh",
        "keras": KERAS + "log_cosh",
    }),
    Case("KL of two logit rows", "kl_divergence_from_logits", several(2), [ROWS], (64, 100), {
        "torch, composed": torch_kl,
        "optax, composed": optax_kl,
    }, wrt=2),
    Case("triplet", "triplet_loss", several(3), [(65536, 128)], (64, 16), {
        "torch": TORCH + "triplet_margin_loss",
        "optax": OPTAX + "triplet_margin_loss",
    }, wrt=3),
    Case("CLIP", "clip", several(2), [(4096, 256)], (32, 16), {
        "torch, composed": torch_clip,
        "optax, composed": optax_clip,
        "pytorch-metric-learning": metric_learning_clip,
    }, wrt=2, exact=exact_clip),
    Case("CLIP in single precision", "clip, fast", several(2), [(4096, 256)], (32, 16), {
        "torch, composed": torch_clip,
    }, wrt=2, exact=exact_clip),
    Case("InfoNCE", "infonce", several(2), [(4096, 256)], (32, 16), {
        "torch, composed": torch_infonce,
        "optax, composed": optax_infonce,
    }, wrt=2, exact=exact_infonce),
    Case("InfoNCE in single precision", "infonce, fast", several(2), [(4096, 256), (8192, 256)],
         (32, 16), {
        "torch, composed": torch_infonce,
    }, wrt=2, exact=exact_infonce),
    Case("all-pairs hinge", "all_pairs_hinge_loss", scores_and_grades, [(16, 1000)], (4, 20), {
        "torch, composed": torch_pairs(lambda d: F.relu(1 - d)),
    }),
    Case("all-pairs logistic", "all_pairs_logistic_loss", scores_and_grades,
         [(16, 1000)], (4, 20), {
        "torch, composed": torch_pairs(lambda d: F.softplus(-d)),
    }),
    Case("linear cross-entropy", "linear_cross_entropy", linear_layer,
         [(1024, 768, 50257), (4096, 768, 50257)], (16, 8, 100), {
        "torch": getattr(F, "linear_cross_entropy", torch_linear),
        "torch, in chunks": torch_linear_in_chunks,
        "optax, composed": optax_linear,
    }, wrt=2, sample=logits_and_labels, embed=unit_layer, entry="cross_entropy"),
    Case("NumPy logsumexp", "logsumexp", only_logits, [ROWS], (64, 100), {
        "scipy": "scipy.special.logsumexp",
    }, wrt=0),
    Case("NumPy softmax", "softmax", only_logits, [ROWS], (64, 100), {
        "scipy": "scipy.special.softmax",
    }, wrt=0),
    Case("NumPy cross-entropy", "cross_entropy", logits_and_labels, [ROWS], (64, 100), {
        "scipy, composed": scipy_cross_entropy,
        "scikit-learn": sklearn_cross_entropy,
    }, wrt=0),
)  # fmt: skip
