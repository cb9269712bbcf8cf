"""Entries of chapter 9, reduction."""

import numpy as np

from lossbook.catalogue.entry import Entry, Input, Parameter, Peer

CHAPTER = "09-reduction"
ROW = (Input("losses", "l", "real"),)
ALL_J, ALL_I = "(j, 0, K - 1)", "(i, 0, K - 1)"

ABOVE = f"Sum(Heaviside(l[j] - l[i], 0), {ALL_J})"
TIED = f"Sum(1 - Heaviside(l[j] - l[i], 0) - Heaviside(l[i] - l[j], 0), {ALL_J})"
TAKEN = f"Max(0, Min(1, (K*beta - {ABOVE})/{TIED}))"


def _largest(losses):
    """A log-sum-exp near 0 is the largest number less nearly as much."""
    return abs(losses.max(-1)) + np.log(losses.shape[-1])


def _sizes(losses):
    return abs(losses).mean(-1)


def _torch_less_log_n(function, losses):
    return function(losses, dim=-1) - float(np.log(losses.shape[-1]))


def _mean(function, losses):
    return function(losses, axis=-1)


def _torch_mean(function, losses):
    return function(losses, dim=-1)


ENTRIES = (
    Entry(
        "log_mean_exp",
        CHAPTER,
        ROW,
        f"log(Sum(exp(l[j]), {ALL_J})/K)",
        ulps=(1.5, 3),
        ulps_per_gap=1.0,
        terms={"value": _largest},
        ordinary=(([2.1, -0.3, 5.7],), ([0.0, 0.0, 0.0],), ([1.0, 3.0],)),
        hostile=(
            ([1e-17, 3e-17, 2e-17],),
            ([1000.0, 1000.0, 0.0],),
            ([-1000.0, -1000.0, -1001.0],),
            ([float("inf"), 1.0, 0.0],),
        ),
        peers=(Peer("torch.logsumexp", _torch_less_log_n, "less ln N, which cancels"),),
        sources=("blanchard2021",),
    ),
    Entry(
        "tilted_mean",
        CHAPTER,
        ROW,
        f"log(Sum(exp(t*l[j]), {ALL_J})/K)/t",
        ulps=(1.5, 3),
        ulps_per_gap=1.0,
        terms={"value": _largest},
        params={"tilt": Parameter("t", 1.0)},
        ordinary=(([2.1, 0.3, 5.7],), ([1.0, 3.0],), ([0.7, 0.7, 0.7],)),
        hostile=(([1e-17, 3e-17, 2e-17],), ([1000.0, 1000.0, 0.0],), ([0.0, 710.0, 800.0],)),
        sources=("li2021tilted",),
    ),
    Entry(
        "cvar",
        CHAPTER,
        ROW,
        f"Sum(l[i]*{TAKEN}, {ALL_I})/(K*beta)",
        ulps=(2, 1),
        terms={"value": _sizes},
        params={"fraction": Parameter("beta", 1.0)},
        ordinary=(([2.1, 0.3, 5.7],), ([1.0, 3.0],), ([0.7, 0.7, 0.7],)),
        hostile=(([1e300, 1e300, 1e-300],), ([float("inf"), 1.0, 0.0],)),
        peers=(
            Peer("torch.mean", _torch_mean, "for the whole fraction only"),
            Peer("numpy.mean", _mean, "for the whole fraction only"),
        ),
        sources=("rockafellar2000", "fan2017"),
    ),
)
