"""Entries of chapter 5, KL divergence."""

import numpy as np

from lossbook.catalogue.entry import TEMPERATURE, Entry, Input, Parameter, Peer

P = Input("p", "p", "simplex")
Q = Input("q", "q", "simplex")
SHARES = "p[j]*log(p[j]/q[j]) - p[j] + q[j]"
INF = float("inf")


# ---------------------------------------------------------- how the others are called
def _summed(function, *rows):
    return function(*rows).sum(-1)


def _torch_kl(function, p, q):
    return function(q.log(), p, reduction="none").sum(-1)


def _torch_kl_of_logs(function, a, b):
    return function(b, a, reduction="none", log_target=True).sum(-1)


def _torch_kl_of_logits(function, x, z):
    return _torch_kl_of_logs(function, x.log_softmax(-1), z.log_softmax(-1))


def _optax_kl_of_logs(function, a, b):
    return function(b, a)


def _squared(function, p, q):
    return function(p, q) ** 2


def _torch_gaussian(function, a, s, b, t):
    from torch.distributions import Normal

    return function(Normal(a, s), Normal(b, t)).sum(-1)


def _torch_standard(function, mean, v):
    from torch.distributions import Normal

    return function(Normal(mean, (v / 2).exp()), Normal(0.0 * mean, 0 * v + 1)).sum(-1)


# --------------------------------------------------------------- the terms that cancel
def _chances(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _spread(*rows):
    return np.ptp(rows[-1] - rows[0] if rows[1:] else rows[0], axis=-1)[..., None]


def _pull_on_p(x, z):
    return _chances(x) * _spread(x, z)


def _pull_on_q(x, z):
    return np.maximum(_chances(x), _chances(z)) * np.minimum(_spread(x, z), 1)


def _pull_on_std(a, s, b, t):
    return (abs(s - t) / t * (s / t + 1) + ((a - b) / t) ** 2) / t


ENTRIES = (
    Entry(
        "entropy",
        "05-kl-divergence",
        (P,),
        "-Sum(p[j]*log(p[j]), (j, 0, K - 1))",
        ulps=(3, 3),
        ordinary=(([0.5, 0.5],), ([0.2, 0.3, 0.5],), ([0.36, 0.48, 0.16],)),
        hostile=(([1.0, 0.0],), ([0.0, 0.5, 0.5],), ([1.0, 1e-300],)),
        convex=False,
        slope_bound="oo",
        peers=(Peer("torch.special.entr", _summed), Peer("scipy.special.entr", _summed)),
        sources=("shannon1948",),
    ),
    Entry(
        "entropy_from_logits",
        "05-kl-divergence",
        (Input("logits", "z", "real"),),
        "log(Sum(exp(z[j]), (j, 0, K - 1)))"
        " - Sum(z[j]*exp(z[j]), (j, 0, K - 1))/Sum(exp(z[j]), (j, 0, K - 1))",
        ulps=(5, 5),
        ulps_per_gap=1.0,
        terms={0: lambda z: _chances(z) * _spread(z)},
        ordinary=(([2.1, -0.3, 5.7],), ([0.0, 0.0, 0.0],)),
        hostile=(([40.0, 0.0, 0.0],), ([1000.0, 999.0, 0.0],), ([0.0, -INF, 1.0],)),
        sources=("shannon1948",),
    ),
    Entry(
        "cross_entropy_between",
        "05-kl-divergence",
        (P, Q),
        "-Sum(p[j]*log(q[j]), (j, 0, K - 1))",
        ulps=(3, 2, 2),
        is_loss=True,
        ordinary=(([0.5, 0.5], [0.25, 0.75]), ([0.3, 0.7], [0.4, 0.6])),
        hostile=(([1.0, 0.0], [0.5, 0.5]), ([0.0, 1.0], [0.0, 1.0]), ([0.5, 0.5], [1.0, 0.0])),
        minimized_by="q = p, where it is the entropy of p",
        convex=True,
        slope_bound="oo",
    ),
    Entry(
        "kl_divergence",
        "05-kl-divergence",
        (P, Q),
        f"Sum({SHARES}, (j, 0, K - 1))",
        ulps=(5, 3, 2),
        is_loss=True,
        ordinary=(([0.5, 0.5], [0.25, 0.75]), ([0.3, 0.7], [0.4, 0.6])),
        hostile=(
            ([0.3, 0.7], [0.3, 0.7]),
            ([1.0, 0.0], [0.5, 0.5]),
            ([0.5, 0.5], [1.0, 0.0]),
            ([0.5, 0.5], [1.0, 1e-300]),
        ),
        minimized_by="q = p",
        convex=True,
        slope_bound="oo",
        peers=(
            Peer("torch.nn.functional.kl_div", _torch_kl, "takes ln q first and p second"),
            Peer("scipy.special.rel_entr", _summed),
            Peer(
                "keras.losses.kl_divergence",
                lambda f, p, q: f(p, q),
                "clips both to [1e-7, 1]",
            ),
        ),
        sources=("kullback1951",),
    ),
    Entry(
        "kl_divergence_from_log_probs",
        "05-kl-divergence",
        (Input("log_p", "a", "log_simplex"), Input("log_q", "b", "log_simplex")),
        "Sum(exp(a[j])*(exp(b[j] - a[j]) - 1 - (b[j] - a[j])), (j, 0, K - 1))",
        ulps=(5.5, 3, 3),
        is_loss=True,
        ordinary=(
            (np.log([0.5, 0.5]).tolist(), np.log([0.25, 0.75]).tolist()),
            (np.log([0.3, 0.7]).tolist(), np.log([0.4, 0.6]).tolist()),
        ),
        hostile=(
            ([0.0, -INF], np.log([0.5, 0.5]).tolist()),
            (np.log([0.5, 0.5]).tolist(), [0.0, -1000.0]),
        ),
        minimized_by="log_q = log_p",
        convex=True,
        slope_bound="1 in log_q, none in log_p",
        peers=(
            Peer("torch.nn.functional.kl_div", _torch_kl_of_logs, "takes ln q first"),
            Peer(
                "optax.losses.kl_divergence_with_log_targets",
                _optax_kl_of_logs,
                "takes ln q first",
            ),
        ),
        sources=("kullback1951",),
    ),
    Entry(
        "kl_divergence_from_logits",
        "05-kl-divergence",
        (Input("p_logits", "x", "real"), Input("q_logits", "z", "real")),
        "Sum(exp(x[j]/tau)*(x[j] - z[j])/tau, (j, 0, K - 1))/Sum(exp(x[j]/tau), (j, 0, K - 1))"
        " - log(Sum(exp(x[j]/tau), (j, 0, K - 1))) + log(Sum(exp(z[j]/tau), (j, 0, K - 1)))",
        ulps=(6, 6, 6),
        ulps_per_gap=1.0,
        terms={0: _pull_on_p, 1: _pull_on_q},
        params=TEMPERATURE,
        is_loss=True,
        ordinary=(([0.0, 0.0], [0.0, 1.0]), ([2.1, -0.3, 5.7], [1.0, 0.5, 4.0])),
        hostile=(
            ([1000.0, 0.0], [0.0, 1000.0]),
            ([0.0, -INF, 1.0], [1.0, -INF, 0.0]),
            ([0.0, 0.0], [0.0, -INF]),
        ),
        minimized_by="q_logits = p_logits, up to a constant",
        convex=True,
        slope_bound="1 for τ = 1, growing as 1/τ; none in p_logits",
        peers=(Peer("torch.nn.functional.kl_div", _torch_kl_of_logits, "takes ln q first"),),
        sources=("kullback1951",),
    ),
    Entry(
        "js_divergence",
        "05-kl-divergence",
        (P, Q),
        "Sum(beta*p[j]*log(p[j]/(beta*p[j] + (1 - beta)*q[j]))"
        " + (1 - beta)*q[j]*log(q[j]/(beta*p[j] + (1 - beta)*q[j])), (j, 0, K - 1))",
        ulps=(6, 4, 4),
        params={"beta": Parameter("beta", 0.5)},
        is_loss=True,
        ordinary=(([0.5, 0.5], [0.25, 0.75]), ([0.3, 0.7], [0.4, 0.6])),
        hostile=(
            ([1.0, 0.0], [0.0, 1.0]),
            ([1.0, 0.0], [0.5, 0.5]),
        ),
        minimized_by="q = p",
        convex=True,
        slope_bound="oo",
        peers=(
            Peer(
                "scipy.spatial.distance.jensenshannon",
                _squared,
                "gives the square root",
            ),
        ),
        sources=("lin1991",),
    ),
    Entry(
        "distillation_loss",
        "05-kl-divergence",
        (Input("student_logits", "z", "real"), Input("teacher_logits", "x", "real")),
        "tau**2*(Sum(exp(x[j]/tau)*(x[j] - z[j])/tau, (j, 0, K - 1))"
        "/Sum(exp(x[j]/tau), (j, 0, K - 1))"
        " - log(Sum(exp(x[j]/tau), (j, 0, K - 1))) + log(Sum(exp(z[j]/tau), (j, 0, K - 1))))",
        ulps=(6, 6),
        ulps_per_gap=1.0,
        terms={0: lambda z, x: _pull_on_q(x, z)},
        params=TEMPERATURE,
        is_loss=True,
        ordinary=(([0.0, 1.0], [0.0, 0.0]), ([1.0, 1.5, 0.3], [2.0, 1.0, 0.1])),
        hostile=(
            ([1.0, 0.0, 2.0], [1.0, 0.0, 2.0]),
            ([0.0, 1000.0], [1000.0, 0.0]),
        ),
        minimized_by="the teacher's logits, up to a constant",
        convex=True,
        slope_bound="1 for τ = 1, growing as τ",
        peers=(
            Peer(
                "torch.nn.functional.kl_div",
                lambda f, z, x: _torch_kl_of_logits(f, x, z),
                "takes ln q first, and has no temperature",
            ),
        ),
        sources=("hinton2014distilling",),
    ),
    Entry(
        "gaussian_kl",
        "05-kl-divergence",
        (
            Input("p_mean", "a", "real"),
            Input("p_std", "s", "positive"),
            Input("q_mean", "b", "real"),
            Input("q_std", "t", "positive"),
        ),
        "Sum((s[j]**2 + (a[j] - b[j])**2)/(2*t[j]**2) - 1/2 - log(s[j]/t[j]), (j, 0, K - 1))",
        ulps=(5, 3, 3, 3, 6),
        terms={3: _pull_on_std},
        is_loss=True,
        ordinary=(([0.0], [1.0], [1.0], [2.0]), ([0.5, -1.0], [0.1, 2.0], [0.5, 0.0], [3.0, 1.0])),
        hostile=(
            ([1.0], [1e-200], [1.0], [1e200]),
            ([0.0], [1e200], [0.0], [1e200]),
        ),
        minimized_by="q = p",
        convex=False,
        slope_bound="oo",
        peers=(Peer("torch.distributions.kl_divergence", _torch_gaussian),),
    ),
    Entry(
        "vae_kl",
        "05-kl-divergence",
        (Input("mean", "mu", "real"), Input("log_var", "v", "real")),
        "Sum((exp(v[j]) - 1 - v[j] + mu[j]**2)/2, (j, 0, K - 1))",
        ulps=(4, 1, 4),
        is_loss=True,
        ordinary=(([0.0], [0.0]), ([1.0, -0.5], [-1.386, 0.3])),
        hostile=(([0.0], [0.0]), ([0.0], [89.0]), ([0.0], [-INF])),
        minimized_by="mean 0 and variance 1",
        convex=True,
        slope_bound="oo",
        peers=(Peer("torch.distributions.kl_divergence", _torch_standard),),
        sources=("kingma2014vae",),
    ),
    Entry(
        "kl_estimate_k1",
        "05-kl-divergence",
        (Input("log_probs", "a", "real"), Input("ref_log_probs", "b", "real")),
        "a - b",
        ulps=(1, 1),
        is_loss=True,
        ordinary=((-1.0, -1.5), (-2.0, -1.0)),
        hostile=((-1000.0, -1.0), (-1e-9, -2e-9)),
        minimized_by="nothing: it has no lower bound",
        convex=True,
        slope_bound="1",
        sources=("schulman2020",),
    ),
    Entry(
        "kl_estimate_k2",
        "05-kl-divergence",
        (Input("log_probs", "a", "real"), Input("ref_log_probs", "b", "real")),
        "(a - b)**2/2",
        ulps=(2, 1),
        is_loss=True,
        ordinary=((-1.0, -1.5), (-2.0, -1.0)),
        hostile=((-1000.0, -1.0), (-1e-9, -2e-9)),
        minimized_by="the log-probability of the reference",
        convex=True,
        slope_bound="oo",
        sources=("schulman2020",),
    ),
    Entry(
        "kl_estimate_k3",
        "05-kl-divergence",
        (Input("log_probs", "a", "real"), Input("ref_log_probs", "b", "real")),
        "exp(b - a) - 1 - (b - a)",
        ulps=(4, 4),
        is_loss=True,
        ordinary=((-1.0, -1.5), (-2.0, -1.0)),
        hostile=((-1.0, -1.0001), (-1e-9, -2e-9), (-100.0, -1.0), (-1.0, -100.0)),
        minimized_by="the log-probability of the reference",
        convex=True,
        slope_bound="oo",
        sources=("schulman2020",),
    ),
)
