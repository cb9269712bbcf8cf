"""Promise: other libraries agree with lossbook, or differ where the catalogue says so."""

from __future__ import annotations

import functools
import math

import numpy as np
import optax
import pytest
import torch
from scipy.spatial.distance import jensenshannon

import lossbook as lb
from cases import CATALOGUE, LOGITS_ONLY, SLOPES, over
from lossbook import exact
from lossbook.catalogue import entry as find
from lossbook.verify import agrees, call_peer, verification_table

PEERS = [pytest.param(e, p, id=f"{e.name}-{p.name}") for e in CATALOGUE for p in e.peers]


@pytest.mark.parametrize("entry, peer", PEERS)
def test_peers_agree_on_ordinary_inputs(entry, peer):
    for inputs in entry.ordinary:
        found, true = call_peer(entry, peer, inputs), exact.value(entry, *inputs)
        assert np.ravel(found) == pytest.approx(np.ravel(true).astype(float), rel=1e-6, abs=1e-9)


TABLES = [(e, "value", 0) for e in CATALOGUE] + [(e, "slope", wrt) for e, wrt in SLOPES]


@pytest.mark.parametrize("entry, of, wrt", TABLES, ids=lambda x: getattr(x, "name", x))
def test_a_verification_table_has_only_ticks_for_lossbook(entry, of, wrt):
    table = verification_table(entry.name, of, wrt)
    ours = [table.headers.index(name) for name in ("lossbook", "autograd") if name in table.headers]
    truth = table.headers.index(f"exact {of}")
    assert len(ours) == (1 if of == "value" else 2)
    for row in table.rows:
        if "nan" not in row[truth]:  # the softmax of a row in which nothing is possible
            assert [row[k] for k in ours] == ["✓"] * len(ours), row


@over(CATALOGUE)
def test_ordinary_inputs_are_those_where_all_agree(entry):
    table = verification_table(entry.name)
    for row in table.rows[: len(entry.ordinary)]:
        for cell in row[len(entry.inputs) + 1 :]:
            assert cell == "✓" or cell.startswith("off by "), row


@over(LOGITS_ONLY)
def test_a_row_without_a_possible_entry_gives_zeros(entry):
    # the one place where the exact answer is 0/0, and the package says what it means
    nothing = [-math.inf] * 3
    assert np.isnan(np.ravel(exact.slope(entry, nothing)).astype(float)).all()
    assert agrees(np.zeros(3) if entry.name == "softmax" else -np.inf * np.ones(3),
                  np.broadcast_to(entry.function(np.array(nothing)), 3))  # fmt: skip


# --------------------------------------------------------------- what the notes claim
CLIPPED = -math.log(1e-7)
FLOORED = 0.5e6 + math.log(2e-6 * math.pi) / 2
LOW_RATE = 1e-9 - math.log(1e-9)
ALL = ("torch", "optax", "keras")
P, Q = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], dtype=torch.float64)
torch_kl = functools.partial(torch.nn.functional.kl_div, reduction="sum")
CLAIMS = [
    # loss, whose, at which inputs, what they give, what is right
    ("softplus", "torch", (20.5,), 20.5, 20.5 + math.log1p(math.exp(-20.5))),
    ("logistic_loss", "torch", (-710.0, 1.0), math.inf, 710.0),
    ("binary_cross_entropy_from_probs", "torch", (0.0, 1.0), 100.0, math.inf),
    ("binary_cross_entropy_from_probs", "keras", (0.0, 1.0), CLIPPED, math.inf),
    ("binary_focal_loss", "keras", (-50.0, 1.0), CLIPPED, 50.0),
    ("log1mexp", "jax", (-0.5,), math.log(1 - math.exp(-0.5)), math.log(1 - math.exp(-0.5))),
    ("norm", "torch", ([3e200, 4e200, 0.0],), math.inf, 5e200),
    ("log_mean_exp", "torch", ([1e-17, 3e-17, 2e-17],), 0.0, 2e-17),
    ("normalize", "torch", ([3e200, 4e200, 0.0],), [0, 0, 0], [0.6, 0.8, 0]),
    ("euclidean_distance", "torch", ([1.0, 2, 3], [1.0, 2, 3]), math.sqrt(3) * 1e-6, 0.0),
    ("cosine_similarity", "torch", ([3e200, 4e200, 0.0], [1.0, 2, 2]), 0.0, 11 / 15),
    ("cosine_similarity", "optax", ([0.0, 0, 0], [1.0, 2, 2]), math.nan, 0.0),
    ("cosine_similarity", "scipy", ([0.0, 0, 0], [1.0, 2, 2]), math.nan, 0.0),
    (
        "triplet_loss",
        "torch",
        ([0.0, 0, 0], [0.0, 0, 0], [0.5, 0, 0]),
        0.5 + 1e-6 * (3**0.5 + 1),
        0.5,
    ),
    ("triplet_loss", "optax", ([0.0, 0, 0], [0.0, 0, 0], [0.5, 0, 0]), 0.500999, 0.5),
    ("info_nce", "torch", ([40.0, 0, 0], 0), 0.0, 2 * math.exp(-40)),
    ("pairwise_hinge_loss", "torch", (1.0, 1e-17), 0.0, 1e-17),
    ("ranking_softmax_loss", "optax", ([40.0, 0, 0], [1.0, 0, 0]), 0.0, 2 * math.exp(-40)),
    *(("cross_entropy", x, ([40.0, 0, 0], 0), 0.0, 2 * math.exp(-40)) for x in ALL),
    *(("soft_cross_entropy", x, ([40.0, 0, 0], [1.0, 0, 0]), 0.0, 2 * math.exp(-40)) for x in ALL),
    ("cross_entropy_from_probs", "keras", ([0.0, 1.0], 0), CLIPPED, math.inf),
    ("soft_cross_entropy_from_probs", "keras", ([0.0, 1.0], [1.0, 0.0]), CLIPPED, math.inf),
    ("kl_divergence", "keras", ([0.5, 0.5], [1.0, 0.0]), CLIPPED / 2 - math.log(2), math.inf),
    ("log_cosh_loss", "optax", (1e-9, 0.0), 0.0, 5e-19),
    ("log_cosh_loss", "keras", (1e-9, 0.0), 0.0, 5e-19),
    ("gaussian_nll", "torch", (1.0, 1e-8, 0.0), FLOORED, 0.5e8 + math.log(2e-8 * math.pi) / 2),
    *(("poisson_nll_from_rates", x, (1e-9, 1.0), 1e-9 - math.log(1e-9 + eps), LOW_RATE)
      for x, eps in (("torch", 1e-8), ("keras", 1e-7))),
]  # fmt: skip

SAME_IN_OTHER_WORDS = [
    # loss, whose, their call, ours: nothing is lost, but the arguments go otherwise
    ("cvar", "torch", P.mean, lambda: lb.cvar(P, fraction=1)),
    ("cvar", "numpy", P.numpy().mean, lambda: lb.cvar(P.numpy(), fraction=1)),
    ("kl_divergence", "torch", lambda: torch_kl(Q.log(), P), lambda: lb.kl_divergence(P, Q)),
    (
        "kl_divergence_from_log_probs", "torch",
        lambda: torch_kl(Q.log(), P.log(), log_target=True),
        lambda: lb.kl_divergence_from_log_probs(P.log(), Q.log()),
    ),
    (
        "kl_divergence_from_log_probs", "optax",
        lambda: optax.losses.kl_divergence_with_log_targets(*(np.log(x.numpy()) for x in (Q, P))),
        lambda: lb.kl_divergence_from_log_probs(P.log(), Q.log()),
    ),
    (
        "kl_divergence_from_logits", "torch",
        lambda: torch_kl(Q.log_softmax(-1), P.log_softmax(-1), log_target=True),
        lambda: lb.kl_divergence_from_logits(P, Q),
    ),
    (
        "js_divergence", "scipy", lambda: jensenshannon(P.numpy(), Q.numpy()) ** 2,
        lambda: lb.js_divergence(P, Q),
    ),
    (
        "distillation_loss", "torch",
        lambda: 4 * torch_kl((P / 2).log_softmax(-1), (Q / 2).log_softmax(-1), log_target=True),
        lambda: lb.distillation_loss(P, Q, temperature=2.0),
    ),
    (
        "gaussian_nll_from_log_variances", "torch",
        lambda: torch.nn.functional.gaussian_nll_loss(P, Q, Q.exp(), full=True),
        lambda: lb.gaussian_nll_from_log_variances(P, Q, Q),
    ),
]  # fmt: skip


@pytest.mark.parametrize("name, library, theirs, ours", SAME_IN_OTHER_WORDS)
def test_the_same_with_other_arguments(name, library, theirs, ours):
    [peer] = [p for p in find(name).peers if p.name.startswith(library)]
    assert peer.note
    assert float(theirs()) == pytest.approx(float(ours()), rel=1e-6)


@pytest.mark.parametrize("name, library, inputs, theirs, true", CLAIMS)
def test_a_note_on_a_peer_is_true(name, library, inputs, theirs, true):
    entry = find(name)
    [peer] = [p for p in entry.peers if p.name.startswith(library)]
    assert peer.note
    assert np.ravel(call_peer(entry, peer, inputs)) == pytest.approx(
        np.ravel(theirs), rel=1e-6, nan_ok=True
    )
    if name != "log1mexp":  # whose note is about another input
        assert not agrees(call_peer(entry, peer, inputs), exact.value(entry, *inputs))
    ours = entry.function(*entry.arrays(inputs))
    assert np.ravel(ours) == pytest.approx(np.ravel(true), rel=1e-13)
    assert agrees(ours, exact.value(entry, *inputs))


def test_every_note_is_tried():
    noted = {(e.name, p.name.split(".")[0]) for e in CATALOGUE for p in e.peers if p.note}
    assert noted == {claim[:2] for claim in (*CLAIMS, *SAME_IN_OTHER_WORDS)}
