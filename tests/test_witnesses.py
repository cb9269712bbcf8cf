"""Promise: other libraries agree with lossbook, or differ where the catalogue says so."""

from __future__ import annotations

import math

import numpy as np
import pytest

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
CLAIMS = [
    # loss, whose, at which inputs, what they give, what is right
    ("softplus", "torch", (20.5,), 20.5, 20.5 + math.log1p(math.exp(-20.5))),
    ("logistic_loss", "torch", (-710.0, 1.0), math.inf, 710.0),
    ("binary_cross_entropy_from_probs", "torch", (0.0, 1.0), 100.0, math.inf),
    ("binary_cross_entropy_from_probs", "keras", (0.0, 1.0), CLIPPED, math.inf),
    ("binary_focal_loss", "keras", (-50.0, 1.0), CLIPPED, 50.0),
    ("log1mexp", "jax", (-0.5,), math.log(1 - math.exp(-0.5)), math.log(1 - math.exp(-0.5))),
]


@pytest.mark.parametrize("name, library, inputs, theirs, true", CLAIMS)
def test_a_note_on_a_peer_is_true(name, library, inputs, theirs, true):
    entry = find(name)
    [peer] = [p for p in entry.peers if p.name.startswith(library)]
    assert peer.note
    assert float(call_peer(entry, peer, inputs)) == pytest.approx(theirs, rel=1e-6)
    ours = entry.function(*entry.arrays(inputs))
    assert float(ours) == pytest.approx(true, rel=1e-13)
    assert agrees(ours, exact.value(entry, *inputs))


def test_every_note_is_tried():
    noted = {(e.name, p.name.split(".")[0]) for e in CATALOGUE for p in e.peers if p.note}
    assert noted == {claim[:2] for claim in CLAIMS}
