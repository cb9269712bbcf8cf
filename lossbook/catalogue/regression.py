"""Entries of chapter 6, regression losses."""

import numpy as np

from lossbook.catalogue.entry import Entry, Input, Parameter, Peer

CHAPTER = "06-regression-losses"
PREDICTIONS = Input("predictions", "yhat", "real")
MEANS = Input("means", "mu", "real")
FINITE = Input("targets", "y", "real")
COUNTS = Input("targets", "y", "nonnegative")

INF = float("inf")
PLAIN = ((1.5, 1.0), (-2.0, 1.0), (0.3, 0.0), (2.5, -1.0))
NEAR = ((1.0, 1.0), (1e-9, 0.0), (1e-150, 0.0))
FAR = ((10004.0, 0.0), (1e300, 0.0))
INFINITE = ((INF, 1.0),)


# ------------------------------------------------------------------------ other libraries
def _unreduced(function, x, y):
    return function(x, y, reduction="none")


def _keras(function, x, y):
    # Keras takes the truth first and averages over the last axis: give it one of length 1
    return function(y[..., None], x[..., None])


def _of_the_error(function, x, y):
    return function(1.0, x - y)


def _sklearn_pinball(function, x, y):
    return np.reshape(
        [function([t], [p], alpha=0.5) for p, t in zip(np.ravel(x), np.ravel(y), strict=True)],
        np.shape(x),
    )


def _torch_gaussian(function, m, v, y):
    return function(m, y, v, full=True, reduction="none")


def _torch_gaussian_of_logs(function, m, s, y):
    return function(m, y, s.exp(), full=True, reduction="none")


def _scipy_gaussian(function, m, v, y):
    return -function(y, m, np.sqrt(v))


def _scipy_gaussian_of_logs(function, m, s, y):
    return -function(y, m, np.exp(s / 2))


def _torch_poisson(function, z, y):
    return function(z, y, log_input=True, reduction="none")


def _torch_poisson_of_rates(function, r, y):
    return function(r, y, log_input=False, reduction="none")


# --------------------------------------------------------------- the size of what cancels
def _size(terms):
    """Sizes that may be too large for a float: then they are infinite."""

    def of(*columns):
        with np.errstate(all="ignore"):
            return terms(*columns)

    return of


@_size
def _gaussian_terms(m, v, y):
    return np.abs(np.log(2 * np.pi * v)) / 2 + ((m - y) / np.sqrt(v)) ** 2 / 2


@_size
def _gaussian_variance_terms(m, v, y):
    return (1 + ((m - y) / np.sqrt(v)) ** 2) / v / 2


@_size
def _gaussian_of_logs_terms(m, s, y):
    return np.abs(s) / 2 + _gaussian_log_variance_terms(m, s, y)


@_size
def _gaussian_log_variance_terms(m, s, y):
    return (1 + ((m - y) * np.exp(-s / 2)) ** 2) / 2


@_size
def _tukey_terms(x, y):
    share = np.minimum(np.abs(x - y) / 4.685, 1)
    return np.abs(x - y) * (1 - share**2)


ENTRIES = (
    Entry(
        "squared_error",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "(yhat - y)**2",
        ulps=(2, 0.5),
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, (1e4, 0.0), (1e154, 0.0), *INFINITE),
        minimized_by="the mean",
        convex=True,
        slope_bound="oo",
        peers=(
            Peer("torch.nn.functional.mse_loss", _unreduced),
            Peer("optax.squared_error", lambda f, x, y: f(x, y)),
            Peer("keras.losses.mean_squared_error", _keras),
        ),
    ),
    Entry(
        "absolute_error",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "Abs(yhat - y)",
        ulps=(0.5, 0.5),
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, *FAR, *INFINITE),
        minimized_by="a median",
        convex=True,
        slope_bound="1",
        peers=(
            Peer("torch.nn.functional.l1_loss", _unreduced),
            Peer("keras.losses.mean_absolute_error", _keras),
        ),
    ),
    Entry(
        "quantile_loss",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "Max(tau*(y - yhat), (1 - tau)*(yhat - y))",
        ulps=(1.5, 1),
        params={"quantile": Parameter("tau", 0.5)},
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, *FAR),
        minimized_by="a quantile, that of level τ",
        convex=True,
        slope_bound="1/2 for τ = 1/2, the larger of τ and 1 - τ",
        peers=(Peer("sklearn.metrics.mean_pinball_loss", _sklearn_pinball),),
        sources=("koenker1978",),
    ),
    Entry(
        "huber_loss",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "Piecewise(((yhat - y)**2/2, Abs(yhat - y) <= delta),"
        " (delta*(Abs(yhat - y) - delta/2), True))",
        ulps=(2, 0.5),
        params={"delta": Parameter("delta", 1.0)},
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, *FAR),
        minimized_by="where the errors, cut off at ±δ, add up to 0",
        convex=True,
        slope_bound="1 for δ = 1, growing as δ",
        peers=(
            Peer("torch.nn.functional.huber_loss", _unreduced),
            Peer("scipy.special.huber", _of_the_error),
            Peer("optax.huber_loss", lambda f, x, y: f(x, y)),
            Peer("keras.losses.huber", _keras),
        ),
        sources=("huber1964",),
    ),
    Entry(
        "smooth_l1_loss",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "Piecewise(((yhat - y)**2/(2*beta), Abs(yhat - y) <= beta),"
        " (Abs(yhat - y) - beta/2, True))",
        ulps=(2.5, 1),
        params={"beta": Parameter("beta", 1.0)},
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, *FAR),
        minimized_by="where the errors, cut off at ±β, add up to 0",
        convex=True,
        slope_bound="1",
        peers=(Peer("torch.nn.functional.smooth_l1_loss", _unreduced),),
        sources=("girshick2015",),
    ),
    Entry(
        "log_cosh_loss",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "log(cosh(yhat - y))",
        ulps=(6, 4),
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, (1e4, 0.0), *INFINITE),
        minimized_by="where the tanh of the errors adds up to 0",
        convex=True,
        slope_bound="1",
        peers=(
            Peer("optax.log_cosh", lambda f, x, y: f(x, y), "loses the digits of small errors"),
            Peer("keras.losses.log_cosh", _keras, "loses the digits of small errors"),
        ),
    ),
    Entry(
        "pseudo_huber_loss",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "delta**2*(sqrt(1 + ((yhat - y)/delta)**2) - 1)",
        ulps=(4, 2.5),
        params={"delta": Parameter("delta", 1.0)},
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, *FAR, *INFINITE),
        minimized_by="where e/√(1 + (e/δ)²), summed over the errors e, is 0",
        convex=True,
        slope_bound="1 for δ = 1, growing as δ",
        peers=(Peer("scipy.special.pseudo_huber", _of_the_error),),
        sources=("charbonnier1997",),
    ),
    Entry(
        "tukey_loss",
        CHAPTER,
        (PREDICTIONS, FINITE),
        "Piecewise((c**2/6*(1 - (1 - ((yhat - y)/c)**2)**3), Abs(yhat - y) <= c), (c**2/6, True))",
        ulps=(4, 4),
        terms={0: _tukey_terms},
        params={"cutoff": Parameter("c", 4.685)},
        is_loss=True,
        ordinary=PLAIN,
        hostile=(*NEAR, *FAR),
        minimized_by="a center of most of the data, of which there may be several",
        convex=False,
        slope_bound="1.341 for c = 4.685, growing as c",
        sources=("beaton1974",),
    ),
    Entry(
        "gaussian_nll",
        CHAPTER,
        (MEANS, Input("variances", "v", "nonnegative"), FINITE),
        "log(2*pi*Max(v, nu))/2 + (mu - y)**2/(2*Max(v, nu))",
        ulps=(5, 2, 5),
        terms={"value": _gaussian_terms, 1: _gaussian_variance_terms},
        params={"min_variance": Parameter("nu", 0.0)},
        is_loss=True,
        ordinary=((0.0, 1.0, 1.0), (1.0, 4.0, -2.5), (0.5, 0.3, 0.5)),
        hostile=((0.0, 1e-300, 1.0), (0.0, 1e-9, 1e-9), (1e200, 1e300, 0.0)),
        minimized_by="the mean and the variance",
        convex=False,
        slope_bound="oo",
        peers=(
            Peer(
                "torch.nn.functional.gaussian_nll_loss",
                _torch_gaussian,
                "takes no variance below 1e-6",
            ),
            Peer("scipy.stats.norm.logpdf", _scipy_gaussian),
        ),
        sources=("nix1994",),
    ),
    Entry(
        "gaussian_nll_from_log_variances",
        CHAPTER,
        (MEANS, Input("log_variances", "u", "real"), FINITE),
        "(log(2*pi) + u + (mu - y)**2*exp(-u))/2",
        ulps=(7, 6, 7),
        terms={"value": _gaussian_of_logs_terms, 1: _gaussian_log_variance_terms},
        is_loss=True,
        ordinary=((0.0, 0.0, 1.0), (1.0, 1.5, -2.0), (0.5, -1.5, 0.5)),
        hostile=((0.0, -700.0, 1.0), (0.0, -40.0, 1e-9), (1e200, 700.0, 0.0), (0.0, 1000.0, 1.0)),
        minimized_by="the mean and the logarithm of the variance",
        convex=False,
        slope_bound="oo",
        peers=(
            Peer(
                "torch.nn.functional.gaussian_nll_loss",
                _torch_gaussian_of_logs,
                "takes no variance below 1e-6",
            ),
            Peer("scipy.stats.norm.logpdf", _scipy_gaussian_of_logs),
        ),
        sources=("nix1994",),
    ),
    Entry(
        "poisson_nll",
        CHAPTER,
        (Input("log_rates", "z", "real"), COUNTS),
        "exp(z) - y*z",
        ulps=(2.5, 2.5),
        terms={
            "value": _size(lambda z, y: np.exp(z) + np.abs(y * z)),
            0: _size(lambda z, y: np.exp(z) + y),
        },
        is_loss=True,
        ordinary=((0.0, 1.0), (1.5, 4.0), (-1.0, 2.0), (0.7, 0.0)),
        hostile=((-50.0, 0.0), (-1000.0, 3.0), (700.0, 2.0), (float("-inf"), 0.0)),
        minimized_by="the logarithm of the mean",
        convex=True,
        slope_bound="oo",
        peers=(Peer("torch.nn.functional.poisson_nll_loss", _torch_poisson),),
    ),
    Entry(
        "poisson_nll_from_rates",
        CHAPTER,
        (Input("rates", "r", "nonnegative"), COUNTS),
        "r - y*log(r)",
        ulps=(2, 1.5),
        terms={"value": _size(lambda r, y: r + np.abs(y * np.log(r)))},
        is_loss=True,
        ordinary=((1.0, 1.0), (4.5, 4.0), (0.4, 2.0), (2.0, 0.0)),
        hostile=((0.0, 0.0), (0.0, 1.0), (1e-300, 3.0), (1e300, 2.0)),
        minimized_by="the mean",
        convex=True,
        slope_bound="oo",
        peers=(
            Peer(
                "torch.nn.functional.poisson_nll_loss",
                _torch_poisson_of_rates,
                "adds 1e-8 to the rate before the logarithm",
            ),
            Peer("keras.losses.poisson", _keras, "adds 1e-7 to the rate before the logarithm"),
        ),
    ),
)
