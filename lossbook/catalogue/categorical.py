"""Entries of chapter 4, cross-entropy."""

from lossbook.catalogue.entry import LABELS, LOGITS, Entry, Input, Parameter, Peer, plain

CHAPTER = "04-cross-entropy"
SMOOTHING = {"label_smoothing": Parameter("epsilon", 0.0)}
TARGETS = Input("targets", "q", "simplex")
PROBS = Input("probs", "p", "simplex")
INF = float("inf")


def _unreduced(function, prediction, truth):
    return function(prediction, truth, reduction="none")


def _keras(function, prediction, truth, **options):
    # Keras takes the truth first, and rows in a batch
    return function(truth[None], prediction[None], **options)[0]


def _keras_logits(function, prediction, truth):
    return _keras(function, prediction, truth, from_logits=True)


ENTRIES = (
    Entry(
        "cross_entropy",
        CHAPTER,
        (LOGITS, LABELS),
        "log(Sum(exp(z[j]), (j, 0, K - 1))) - (1 - epsilon)*z[y]"
        " - epsilon/K*Sum(z[j], (j, 0, K - 1))",
        ulps=(4, 6),
        ulps_per_gap=1.0,
        params=SMOOTHING,
        is_loss=True,
        ordinary=(([2.1, -0.3, 5.7], 2), ([2.1, -0.3, 5.7], 0), ([0.0, 0.0, 0.0], 1)),
        hostile=(
            ([40.0, 0.0, 0.0], 0),
            ([1e8, 1e8, 0.0], 1),
            ([0.0, 1000.0, 0.0], 2),
            ([0.0, -1000.0, -1000.0], 0),
        ),
        minimized_by="the log-probabilities of the classes, up to a constant",
        convex=True,
        slope_bound="1",
        peers=(
            Peer(
                "torch.nn.functional.cross_entropy",
                _unreduced,
                "loses the digits of a confident right answer",
            ),
            Peer(
                "optax.softmax_cross_entropy_with_integer_labels",
                plain,
                "loses the digits of a confident right answer, and of large logits",
            ),
            Peer(
                "keras.losses.sparse_categorical_crossentropy",
                _keras_logits,
                "loses the digits of a confident right answer",
            ),
        ),
        sources=("szegedy2016",),
    ),
    Entry(
        "soft_cross_entropy",
        CHAPTER,
        (LOGITS, TARGETS),
        "log(Sum(exp(z[j]), (j, 0, K - 1)))*Sum((1 - epsilon)*q[j] + epsilon/K, (j, 0, K - 1))"
        " - Sum(((1 - epsilon)*q[j] + epsilon/K)*z[j], (j, 0, K - 1))",
        ulps=(4, 6),
        ulps_per_gap=1.0,
        params=SMOOTHING,
        is_loss=True,
        ordinary=(
            ([2.1, -0.3, 5.7], [0.0, 0.0, 1.0]),
            ([2.1, -0.3, 5.7], [0.5, 0.25, 0.25]),
            ([0.0, 0.0, 0.0], [0.125, 0.75, 0.125]),
        ),
        hostile=(
            ([40.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
            ([1e8, 1e8, 0.0], [0.0, 1.0, 0.0]),
            ([1000.0, 0.0, 0.0], [0.5, 0.5, 0.0]),
            ([-INF, 0.0, 1.0], [0.0, 1.0, 0.0]),
            ([-INF, 0.0, 1.0], [0.5, 0.5, 0.0]),
        ),
        minimized_by="the logarithm of the target, up to a constant",
        convex=True,
        slope_bound="1",
        peers=(
            Peer(
                "torch.nn.functional.cross_entropy",
                _unreduced,
                "loses the digits of a confident right answer; nan for a target of 0 at a logit "
                "of -inf",
            ),
            Peer(
                "optax.softmax_cross_entropy",
                plain,
                "loses the digits of a confident right answer; nan for a target of 0 at a logit "
                "of -inf",
            ),
            Peer(
                "keras.losses.categorical_crossentropy",
                _keras_logits,
                "loses the digits of a confident right answer; nan for a target of 0 at a logit "
                "of -inf",
            ),
        ),
        sources=("szegedy2016",),
    ),
    Entry(
        "nll_loss",
        CHAPTER,
        (Input("log_probs", "x", "log_simplex"), LABELS),
        "-x[y]",
        ulps=(0, 0),
        is_loss=True,
        ordinary=(([-1.5, -0.5, -1.75], 0), ([-1.5, -0.5, -1.75], 1)),
        hostile=(([0.0, -INF, -INF], 0), ([0.0, -INF, -INF], 1), ([-1e-300, -1000.0, -800.0], 0)),
        minimized_by="the log-probabilities of the classes",
        convex=True,
        slope_bound="1",
        peers=(Peer("torch.nn.functional.nll_loss", _unreduced),),
    ),
    Entry(
        "cross_entropy_from_probs",
        CHAPTER,
        (PROBS, LABELS),
        "-(1 - epsilon)*log(p[y]) - epsilon/K*Sum(log(p[j]), (j, 0, K - 1))",
        ulps=(4, 1),
        params=SMOOTHING,
        is_loss=True,
        ordinary=(([0.125, 0.25, 0.625], 2), ([0.125, 0.25, 0.625], 0)),
        hostile=(([1.0, 0.0, 0.0], 0), ([1.0, 0.0, 0.0], 1), ([1e-300, 1.0, 0.0], 0)),
        minimized_by="the probabilities of the classes",
        convex=True,
        slope_bound="oo",
        peers=(
            Peer(
                "keras.losses.sparse_categorical_crossentropy",
                _keras,
                "divides a row by its sum and clips to [1e-7, 1 - 1e-7]",
            ),
        ),
        sources=("szegedy2016",),
    ),
    Entry(
        "soft_cross_entropy_from_probs",
        CHAPTER,
        (PROBS, TARGETS),
        "-Sum(((1 - epsilon)*q[j] + epsilon/K)*log(p[j]), (j, 0, K - 1))",
        ulps=(4.5, 1.5),
        params=SMOOTHING,
        is_loss=True,
        ordinary=(
            ([0.125, 0.25, 0.625], [0.0, 0.0, 1.0]),
            ([0.125, 0.25, 0.625], [0.5, 0.25, 0.25]),
        ),
        hostile=(
            ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
            ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0]),
            ([1e-300, 1.0, 0.0], [1.0, 0.0, 0.0]),
        ),
        minimized_by="the target",
        convex=True,
        slope_bound="oo",
        peers=(
            Peer(
                "keras.losses.categorical_crossentropy",
                _keras,
                "divides a row by its sum and clips to [1e-7, 1 - 1e-7]",
            ),
        ),
        sources=("szegedy2016",),
    ),
    Entry(
        "focal_loss",
        CHAPTER,
        (LOGITS, LABELS),
        "(1 - exp(z[y])/Sum(exp(z[j]), (j, 0, K - 1)))**gamma"
        "*(log(Sum(exp(z[j]), (j, 0, K - 1))) - z[y])",
        ulps=(8, 10),
        ulps_per_gap=2.0,
        params={"gamma": Parameter("gamma", 2.0)},
        is_loss=True,
        ordinary=(([2.1, -0.3, 5.7], 2), ([2.1, -0.3, 5.7], 0), ([0.0, 0.0, 0.0], 1)),
        hostile=(([20.0, 1.0, 0.0], 0), ([0.0, 1000.0, 0.0], 2), ([0.0, -1000.0, -1000.0], 0)),
        minimized_by="not the log-probabilities of the classes: they are drawn together",
        convex=False,
        slope_bound="1.13 for γ = 2, growing with γ",
        sources=("lin2017",),
    ),
    Entry(
        "z_loss",
        CHAPTER,
        (LOGITS,),
        "log(Sum(exp(z[j]), (j, 0, K - 1)))**2",
        ulps=(9, 8),
        ulps_per_gap=1.0,
        terms={"value": lambda z: z.max(-1) ** 2, 0: lambda z: abs(z.max(-1))},
        is_loss=True,
        ordinary=(([2.1, -0.3, 5.7],), ([0.0, 0.0, 0.0],)),
        hostile=(([0.0, -50.0, -60.0],), ([1000.0, 1000.0, 0.0],), ([0.0, -INF, 1.0],)),
        minimized_by="logits that are log-probabilities",
        convex=False,
        slope_bound="oo",
        sources=("chowdhery2023",),
    ),
)
