"""Hidden marks of assignment 9. The truth is from the definitions: tokens counted one by one,
exact fractions, a difference quotient, a search, and mpmath's logarithms.
"""

from fractions import Fraction

import mpmath
import numpy as np
from mpmath import exp, log, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def tokens_of(keep, user):
    """The places of the kept tokens of each user who has any."""
    found = {}
    for place in np.argwhere(keep).tolist():
        found.setdefault(int(user[place[0]]), []).append(tuple(place))
    return list(found.values())


def ask_by_user(losses, keep, user):
    means = [
        sum(Fraction(float(losses[place])) for place in places) / len(places)
        for places in tokens_of(keep, user)
    ]
    truth = float(sum(means) / max(len(means), 1))
    return Ask("by_user(losses, keep, user)", truth, losses=losses, keep=keep, user=user)


def ask_shares(keep, user):
    truth, users = np.zeros(keep.shape), tokens_of(keep, user)
    for places in users:
        for place in places:
            truth[place] = 1 / (len(users) * len(places))
    return Ask("shares(keep, user)", truth, keep=keep, user=user)


def texts(rng):
    """Four users with one to four texts; every text has a token and some padding."""
    user = rng.permutation([0, 0, 0, 0, 5, 5, 9, 12])
    lengths = rng.permutation([1, 2, 3, 4, 5, 6, 2, 5])
    return rng.gamma(2, 1, (8, 7)), np.arange(7) < lengths[:, None], user


def user_values(rng):
    return [ask_by_user(*texts(rng)) for _ in range(2)]


def user_masks(rng):
    """Padding that is no number; users without a token; a negative number; nothing at all."""
    losses, keep, user = texts(rng)
    keep[user == 12] = False
    keep[np.flatnonzero(user == 0)[0]] = False
    losses = np.where(keep, losses, rng.choice([np.nan, np.inf, 1e300], keep.shape))
    losses[-1, -1], losses[0, -1] = np.nan, np.inf
    nothing = np.zeros_like(keep)
    return [ask_by_user(losses, keep, user - 9), ask_by_user(losses, nothing, user)]


def ask_all_shares(rng):
    _, keep, user = texts(rng)
    fewer = keep.copy()
    fewer[user == 9] = False
    return [ask_shares(keep, user), ask_shares(fewer, user - 9), ask_shares(keep & False, user)]


# ------------------------------------------------------------------ question 2
def ask_together(n, mean, var):
    """From sums of squares, as fractions: no cancellation there."""
    rows = [
        (int(k), Fraction(float(m)), Fraction(float(v)))
        for k, m, v in zip(n, mean, var, strict=True)
        if k
    ]
    count = sum(k for k, _, _ in rows)
    center = sum(k * m for k, m, _ in rows) / max(count, 1)
    square = sum(k * (v + m * m) for k, m, v in rows) / max(count, 1)
    truth = (count, float(center), float(square - center**2))
    return Ask("together(n, mean, var)", truth, n=np.asarray(n), mean=mean, var=var)


def pieces(rng, at=0.0):
    n = rng.permutation([1, 3, 40, 500, 20_000, 1_000_000])
    mean, var = at + rng.normal(size=6), rng.uniform(0.1, 2, 6)
    return n, mean, np.where(n == 1, 0.0, var)


def empty_pieces(rng):
    n, mean, var = pieces(rng)
    n[(n < 3) | (n == 500) | (n > 1e5)] = 0
    gone = [np.where(n == 0, np.nan, part) for part in (mean, var)]
    nothing, lone = np.full(3, np.nan), np.array([np.nan, 2.5, np.nan])
    return [
        ask_together(n, *gone),
        ask_together(np.zeros(3, int), nothing, nothing),
        ask_together(np.array([0, 4, 0]), lone, lone),
    ]


def close_means(rng):
    return [ask_together(*pieces(rng, at)) for at in rng.uniform([2e6, 5e6], [3e6, 9e6])]


# ------------------------------------------------------------------ question 3
def weighted(a, b, g):
    return (a ** (1 + g) + b ** (1 + g)) / (a**g + b**g)


def ask_share(rng):
    a, b, g = rng.uniform(0.2, 3, 6), rng.uniform(0.2, 3, 6), rng.uniform(-3, 3, 6)

    def quotient(a, b, g):
        step = mpf("1e-16")
        return (weighted(a + step, b, g) - weighted(a - step, b, g)) / (2 * step)

    return [Ask("at(share, a=a, b=b, g=g)", exactly(quotient, a, b, g), a=a, b=b, g=g)]


def ask_turn(rng):
    """Where the loss is highest, by golden section."""
    b = rng.uniform(0.3, 4, 4)

    def highest(b):
        low, high, golden = b, 20 * b, (mpmath.sqrt(5) - 1) / 2
        while high - low > mpf("1e-16"):
            left, right = high - golden * (high - low), low + golden * (high - low)
            if weighted(left, b, -2) > weighted(right, b, -2):
                high = right
            else:
                low = left
        return low

    return [Ask("at(turn, b=b)", exactly(highest, b), b=b)]


def falls(g):
    """Whether the loss falls anywhere as a grows; b is 1, for only a / b matters."""
    for power in (-40, -20, -1, 0, 1, 20, 40):
        a = mpf(10) ** power
        if weighted(a * (1 + mpf("1e-60")), 1, g) < weighted(a, 1, g):
            return True
    return False


def ask_harmless(rng):
    """By halving, from a power at which nothing falls."""
    with mpmath.workdps(250):
        wrong, right = mpf(-3), mpf("-0.5")
        for _ in range(50):
            g = (right + wrong) / 2
            right, wrong = (right, g) if falls(g) else (g, wrong)
        return [Ask("harmless", float(right))]


# ------------------------------------------------------------------ question 4
def far_apart(answer):
    sizes, means = ([float(x) for x in part] for part in answer)
    if len(sizes) != 2 or not all(1 <= n <= 1000 and n % 1 == 0 for n in sizes):
        return "two integers from 1 to 1,000 are asked for"
    if len(means) != 2 or not all(0 <= m <= 10 for m in means):
        return "two means from 0 to 10 are asked for"
    whole = sum(n * m for n, m in zip(sizes, means, strict=True)) / sum(sizes)
    shown = np.float16(np.float16(means[0]) + means[1]) / 2  # as the code adds up
    if not whole >= 9.9 - 1e-9:
        return "the mean over the tokens is too low"
    return bool(shown <= 5) or "the code returns more"


def stands_still():
    total = np.float16(0)
    while np.float16(total + np.float16(3)) != total:
        total = np.float16(total + np.float16(3))
    return float(total)


def ask_repaired(losses, keep):
    kept = [Fraction(float(x)) for x in losses[keep]]
    truth = float(sum(kept) / max(len(kept), 1))
    return Ask("repaired(losses, keep)", truth, losses=losses, keep=keep)


def epochs(rng):
    """Unequal batches, one of them empty; sums beyond float16, and beyond float32; nothing."""
    keep = np.arange(6) < rng.integers(1, 7, (5, 4, 1))
    keep[0, :, 1:] = False
    keep[2] = False
    scale = np.array([9.0, 1.0, 1.0, 4.0, 2.0])[:, None, None]
    losses = (scale * rng.gamma(2, 1, keep.shape)).astype(np.float16)
    losses = np.where(keep, losses, rng.choice([np.nan, np.inf], keep.shape)).astype(np.float16)
    large = rng.uniform(1e4, 6e4, (12, 6, 9)).astype(np.float16)
    long = rng.gamma(2, 1, (3, 20, 25, 40)).astype(np.float16)
    long[:, 0, 0, 0] = 6e4
    return [
        ask_repaired(losses, keep),
        ask_repaired(large, rng.random(large.shape) < 0.9),
        ask_repaired(losses, np.zeros_like(keep)),
        *(ask_repaired(each, rng.random(each.shape) < 0.9) for each in long),
    ]


# ------------------------------------------------------------------ question 5
def ask_added(losses, t):
    with mpmath.workdps(60):
        rows, tilt = [mpf(float(x)) for x in losses], mpf(float(t))
        truth = mpf(0)
        if t:
            top = max(tilt * x for x in rows)
            rest = sum(exp(tilt * x - top) for x in rows) / len(rows)
            truth = (top + log(rest)) / tilt - sum(rows) / len(rows)
    return Ask("added(losses, t)", float(truth), losses=losses, t=float(t))


def spread(rng, n=8, largest=4.0):
    return rng.permutation(np.append(rng.uniform(0, largest, n - 2), [0.0, largest]))


def ordinary_tilts(rng):
    return [ask_added(spread(rng), sign * rng.uniform(0.3, 2)) for sign in (1, -1)]


def large_tilts(rng):
    tilts = [*rng.uniform(1e4, 1e5, 2), -rng.uniform(1e4, 1e5), 1.0, -1.0]
    return [ask_added(spread(rng, largest=rng.uniform(800, 1000)), t) for t in tilts]


def small_tilts(rng):
    tilts = np.array([1, -1, 1, -1]) * 10.0 ** np.array([-3, -4, -6, -8]) * rng.uniform(1, 2, 4)
    return [ask_added(spread(rng), t) for t in tilts]


def near_a_thousand(rng):
    """Tiny tilts of large losses close to one another, whose mean no float64 holds."""
    asked = []
    while len(asked) < 3:
        losses = rng.permutation([1000.0, 998.7, *rng.uniform(998.7, 1000, 4)])
        mean = sum(map(Fraction, losses.tolist())) / 6
        if abs(Fraction(float(mean)) - mean) > 2e-14:
            asked.append(ask_added(losses, rng.choice([-1, 1]) * rng.uniform(1, 3) * 1e-8))
    return asked


def nearly_zero(answer):
    if np.shape(answer) != ():
        return "wrong shape"
    return bool(abs(float(answer)) <= 1e-6) or "wrong value"


def no_tilt(rng):
    same = np.full(7, rng.uniform(1, 900))
    pairs = [(spread(rng), 0), (same, 0), (same, 1e5), (same, -1e-8), (same[:1], 2)]
    return [Ask("added(losses, t)", nearly_zero, losses=a, t=float(t)) for a, t in pairs]


QUESTIONS = (
    Question("q1", (
        Item("values", 1, "`by_user`, texts of many lengths", user_values, 1e-5),
        Item("masks", 1, "`by_user`, padding and users without a token", user_masks),
        Item("shares", 1, "`shares`, with and without such users", ask_all_shares),
    )),
    Question("q2", (
        Item("values", 1, "pieces of many sizes",
             lambda rng: [ask_together(*pieces(rng)) for _ in range(2)], 1e-5),
        Item("empty", 1, "empty pieces", empty_pieces, 1e-6),
        Item("digits", 1, "large means that are nearly equal", close_means, 1e-7),
    )),
    Question("q3", (
        Item("share", 1, "`share`, at points", ask_share),
        Item("turn", 1, "`turn`, at points", ask_turn),
        Item("harmless", 1, "`harmless`", ask_harmless, 1e-6, 1e-6),
    ), packages=("numpy", "sympy")),
    Question("q4", (
        Item("batches", 1, "`sizes` and `means`", lambda rng: [Ask("(sizes, means)", far_apart)]),
        Item("stop", 1, "`stop`", lambda rng: [Ask("stop", stands_still())]),
        Item("repair", 1, "`repaired`, for several epochs", epochs),
    )),
    Question("q5", (
        Item("values", 1, "ordinary tilts", ordinary_tilts, 1e-5),
        Item("large", 1, "large tilts and losses", large_tilts, 1e-6),
        Item("small", 2, "small tilts, no tilt, and equal losses",
             lambda rng: [*small_tilts(rng), *near_a_thousand(rng), *no_tilt(rng)], 1e-6),
    )),
    Written("q6", 4, "eight processes, and shorter texts"),
)  # fmt: skip
