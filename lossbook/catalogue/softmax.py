"""Entries of chapter 2, stable softmax."""

from lossbook.catalogue.entry import LOGITS, TEMPERATURE, Entry, Peer, plain


def _last_axis(function, z):
    return function(z, axis=-1)


def _torch_rows(function, z):
    return function(z, dim=-1)


ENTRIES = (
    Entry(
        "softmax",
        "02-stable-softmax",
        (LOGITS,),
        "exp(z[i]/tau)/Sum(exp(z[j]/tau), (j, 0, K - 1))",
        ulps=(3, 6),
        ulps_per_gap=1.0,
        params=TEMPERATURE,
        ordinary=(([2.1, -0.3, 5.7],), ([0.0, 0.0, 0.0],)),
        hostile=(
            ([1000.0, 1000.0, 0.0],),
            ([0.0, -700.0, -800.0],),
            ([0.0, float("-inf"), 1.0],),
            ([float("-inf")] * 3,),
        ),
        peers=(
            Peer("torch.softmax", _torch_rows),
            Peer("scipy.special.softmax", _last_axis),
            Peer("jax.nn.softmax", plain),
        ),
        sources=("blanchard2021",),
    ),
    Entry(
        "log_softmax",
        "02-stable-softmax",
        (LOGITS,),
        "z[i]/tau - log(Sum(exp(z[j]/tau), (j, 0, K - 1)))",
        ulps=(3, 4),
        ulps_per_gap=1.0,
        params=TEMPERATURE,
        ordinary=(([2.1, -0.3, 5.7],), ([0.0, 0.0, 0.0],)),
        hostile=(
            ([40.0, 0.0, 0.0],),
            ([1000.0, 1000.0, 0.0],),
            ([0.0, float("-inf"), 1.0],),
            ([float("-inf")] * 3,),
        ),
        peers=(
            Peer("torch.special.log_softmax", _torch_rows),
            Peer("scipy.special.log_softmax", _last_axis),
            Peer("jax.nn.log_softmax", plain),
        ),
        sources=("blanchard2021",),
    ),
    Entry(
        "logsumexp",
        "02-stable-softmax",
        (LOGITS,),
        "log(Sum(exp(z[j]), (j, 0, K - 1)))",
        ulps=(3, 3),
        ulps_per_gap=1.0,
        terms={"value": lambda z: abs(z.max(-1))},
        ordinary=(([2.1, -0.3, 5.7],), ([0.0, 0.0, 0.0],)),
        hostile=(
            ([0.0, -50.0, -60.0],),
            ([1000.0, 1000.0, 0.0],),
            ([-1000.0, -1000.0, -1000.0],),
            ([float("-inf")] * 3,),
        ),
        peers=(
            Peer("torch.logsumexp", _torch_rows),
            Peer("scipy.special.logsumexp", _last_axis),
            Peer("jax.nn.logsumexp", plain),
        ),
        sources=("blanchard2021",),
    ),
)
