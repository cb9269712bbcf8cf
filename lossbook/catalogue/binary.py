"""Entries of chapter 3, binary cross-entropy."""

from lossbook.catalogue.entry import (
    LOGITS,
    PROBS,
    SMOOTHING,
    TARGETS,
    Entry,
    Input,
    Parameter,
    Peer,
    plain,
)


def _unreduced(function, prediction, target):
    return function(prediction, target, reduction="none")


def _keras(function, prediction, target, **options):
    # Keras takes the truth first and averages over the last axis: give it one of length 1
    return function(target[..., None], prediction[..., None], **options)


def _keras_logits(function, z, y):
    return _keras(function, z, y, from_logits=True)


def _keras_focal(function, z, y):
    return _keras(function, z, y, from_logits=True, gamma=2.0)


def _focal(function, z, y):
    return function(z, y, alpha=None, gamma=2.0)


ENTRIES = (
    Entry(
        "binary_cross_entropy",
        "03-binary-cross-entropy",
        (LOGITS, TARGETS),
        "w*((1 - epsilon)*y + epsilon/2)*log(1 + exp(-z))"
        " + ((1 - epsilon)*(1 - y) + epsilon/2)*log(1 + exp(z))",
        ulps=(3, 4),
        params=SMOOTHING,
        is_loss=True,
        ordinary=((0.0, 1.0), (2.0, 1.0), (2.0, 0.0), (-1.5, 0.3)),
        hostile=((50.0, 1.0), (-50.0, 1.0), (-1000.0, 1.0), (1000.0, 0.0), (float("inf"), 1.0)),
        minimized_by="the log-odds of the event",
        convex=True,
        slope_bound="1",
        peers=(
            Peer("torch.nn.functional.binary_cross_entropy_with_logits", _unreduced),
            Peer("optax.sigmoid_binary_cross_entropy", plain),
            Peer("keras.losses.binary_crossentropy", _keras_logits),
        ),
    ),
    Entry(
        "binary_cross_entropy_from_probs",
        "03-binary-cross-entropy",
        (PROBS, TARGETS),
        "-w*((1 - epsilon)*y + epsilon/2)*log(p) - ((1 - epsilon)*(1 - y) + epsilon/2)*log(1 - p)",
        ulps=(4, 2.5),
        params=SMOOTHING,
        is_loss=True,
        ordinary=((0.9, 1.0), (0.3, 1.0), (0.3, 0.0), (0.2, 0.7)),
        hostile=((0.0, 1.0), (1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (1e-300, 1.0)),
        minimized_by="the probability of the event",
        convex=True,
        slope_bound="oo",
        peers=(
            Peer(
                "torch.nn.functional.binary_cross_entropy",
                _unreduced,
                "takes no logarithm below -100",
            ),
            Peer(
                "keras.losses.binary_crossentropy",
                _keras,
                "clips probabilities to [1e-7, 1 - 1e-7]",
            ),
        ),
    ),
    Entry(
        "binary_focal_loss",
        "03-binary-cross-entropy",
        (LOGITS, TARGETS),
        "y*(1 + exp(z))**(-gamma)*log(1 + exp(-z))"
        " + (1 - y)*(1 + exp(-z))**(-gamma)*log(1 + exp(z))",
        ulps=(4, 6.5),
        ulps_per_gap=2.0,
        params={"gamma": Parameter("gamma", 2.0)},
        is_loss=True,
        ordinary=((0.0, 1.0), (2.0, 1.0), (2.0, 0.0), (-1.5, 1.0)),
        hostile=((20.0, 1.0), (-50.0, 1.0), (-1000.0, 1.0), (1000.0, 1.0)),
        minimized_by="not the log-odds of the event: the probability is drawn toward 1/2",
        convex=False,
        slope_bound="1.13 for γ = 2, growing with γ",
        peers=(
            Peer("optax.sigmoid_focal_loss", _focal),
            Peer(
                "keras.losses.binary_focal_crossentropy",
                _keras_focal,
                "clips probabilities to [1e-7, 1 - 1e-7], for logits too",
            ),
        ),
        sources=("lin2017",),
    ),
    Entry(
        "logistic_loss",
        "03-binary-cross-entropy",
        (LOGITS, Input("signs", "s", "sign")),
        "log(1 + exp(-s*z))",
        ulps=(3, 4),
        is_loss=True,
        ordinary=((0.0, 1.0), (2.0, 1.0), (2.0, -1.0)),
        hostile=((50.0, 1.0), (-1000.0, 1.0), (1000.0, -1.0)),
        minimized_by="the log-odds of the event",
        convex=True,
        slope_bound="1",
        peers=(
            Peer(
                "torch.nn.functional.soft_margin_loss",
                _unreduced,
                "overflows where s z is below -709 (-88 in float32)",
            ),
            Peer("optax.sigmoid_binary_cross_entropy", lambda f, z, s: f(z, (1 + s) / 2)),
        ),
    ),
    Entry(
        "brier_score",
        "03-binary-cross-entropy",
        (LOGITS, TARGETS),
        "(1/(1 + exp(-z)) - y)**2",
        ulps=(9.5, 10),
        is_loss=True,
        ordinary=((0.0, 1.0), (2.0, 1.0), (2.0, 0.0), (-1.5, 0.3)),
        hostile=((20.0, 1.0), (40.0, 1.0), (-40.0, 1.0), (1000.0, 0.0)),
        minimized_by="the log-odds of the event",
        convex=False,
        slope_bound="8/27",
        sources=("brier1950",),
    ),
    Entry(
        "brier_score_from_probs",
        "03-binary-cross-entropy",
        (PROBS, TARGETS),
        "(p - y)**2",
        ulps=(2, 1),
        is_loss=True,
        ordinary=((0.9, 1.0), (0.3, 1.0), (0.3, 0.0), (0.2, 0.7)),
        hostile=((0.0, 1.0), (1.0, 1.0), (1e-300, 0.0)),
        minimized_by="the probability of the event",
        convex=True,
        slope_bound="2",
        sources=("brier1950",),
    ),
)
