"""Hidden marks of assignment 2. The truth is mpmath's, from the definitions without any shift:
its exponentials do not overflow, and its digits hold one minus what is left."""

import mpmath
import numpy as np
from mpmath import exp, log, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


def wide(row):
    return [mpf(float(x)) for x in row]


# ------------------------------------------------------------------ question 1
def shares(z, m):
    found = np.zeros(z.shape)
    with mpmath.workdps(50):
        for row, (logits, stock) in enumerate(zip(z, m, strict=True)):
            there = np.flatnonzero(stock)
            e = [mpf(float(stock[k])) * exp(mpf(float(logits[k]))) for k in there]
            for k, each in zip(there, e, strict=True):
                found[row, k] = float(each / sum(e))
    return found


def ask_recommend(z, m):
    return Ask("recommend(z, m)", shares(z, m), z=z, m=m)


def copies(rng, *shape):
    return rng.integers(1, 20, shape).astype(float)


def ordinary_shelves(rng):
    z, m = rng.normal(scale=2, size=(4, 5)), copies(rng, 4, 5)
    m[0, 1], m[2, 3] = 0, 0
    return [ask_recommend(z, m)]


def far_apart(rng):
    """Logits that overflow or underflow by themselves, in rows that lie far apart."""
    z = rng.normal(scale=3, size=(6, 4))
    z += np.array([2000.0, -2000.0, 0.0, 2e5, -2e5, 90.0])[:, None] * rng.uniform(1, 2)
    z[2] = rng.uniform(-600, -400, 4) * [1, 0, 1, 1]
    alike = 10.0 ** np.array([[17], [17], [60], [200]]) * rng.uniform(1, 9, (4, 1))
    alike *= rng.permutation([[1], [-1], [1], [-1]])  # so large that ln m is lost in them
    stock = rng.permuted([[1.0, 3.0, 7.0]] * 4, axis=1)
    return [ask_recommend(z, copies(rng, 6, 4)), ask_recommend(np.repeat(alike, 3, 1), stock)]


def sold_out(rng):
    """What is sold out holds the largest logit, infinities and nan."""
    z, m = rng.normal(scale=2, size=(6, 4)), copies(rng, 6, 4)
    for row, hidden in enumerate((5000.0, np.inf, -np.inf, np.nan, 1e300)):
        k = rng.integers(4)
        z[row, k], m[row, k] = hidden, 0
    return [ask_recommend(z, m)]


def empty_shelf(rng):
    z, m = rng.normal(scale=2, size=(3, 4)), copies(rng, 3, 4)
    m[1] = 0
    return [ask_recommend(z, m), ask_recommend(z[:1], 0 * m[:1])]


# ------------------------------------------------------------------ question 2
def exact_share(z, chosen):
    found = []
    with mpmath.workdps(500):
        for row, mask in zip(z, chosen, strict=True):
            e = [exp(x) for x in wide(row)]
            inside = sum(x for x, here in zip(e, mask, strict=True) if here)
            found.append(float(log(inside / sum(e))) if inside else -np.inf)
    return np.array(found)


def ask_share(z, chosen):
    return Ask("log_share(z, chosen)", exact_share(z, chosen), z=z, chosen=chosen)


def some(rng, rows, K):
    """Masks with at least one class inside and one outside."""
    chosen = rng.random((rows, K)) < 0.5
    chosen[:, 0], chosen[:, 1] = True, False
    return chosen


def plain_rows(rng):
    return [ask_share(rng.normal(scale=2, size=(5, 6)), some(rng, 5, 6))]


def large_rows(rng):
    """Far from 0 all together, and chosen classes that are far below the others."""
    z, chosen = rng.normal(size=(6, 5)), some(rng, 6, 5)
    z += np.array([3000.0, -3000.0, 2e9, -2e9, 0.0, 0.0])[:, None]
    z[4:] -= chosen[4:] * np.array([[900.0], [4000.0]]) * rng.uniform(1, 2)
    return [ask_share(z, chosen)]


def nearly_all(rng):
    z, chosen = rng.normal(size=(5, 6)), some(rng, 5, 6)
    z += chosen * np.array([[20.0], [38.0], [50.0], [200.0], [500.0]]) * rng.uniform(1, 1.2)
    return [ask_share(z, chosen)]


def none_or_all(rng):
    all_, none, K = rng.integers(20, 26), rng.integers(3, 7), int(rng.integers(40, 60))
    chosen = np.vstack([np.ones((all_, K), bool), np.zeros((none, K), bool), some(rng, 3, K)])
    chosen = rng.permutation(chosen)
    return [ask_share(rng.normal(scale=3, size=chosen.shape), chosen)]


# ------------------------------------------------------------------ question 3
STEP = mpf("1e-15")


def quotient(value):
    """The derivative by the first logit, as a difference quotient in fifty digits."""

    def slope(z1, *others):
        return (value(z1 + STEP, *others) - value(z1 - STEP, *others)) / (2 * STEP)

    return slope


def mean_reward(z1, z2, z3, R1, R2, R3):
    e = [exp(z) for z in (z1, z2, z3)]
    return sum(x * R for x, R in zip(e, (R1, R2, R3), strict=True)) / sum(e)


def entropy(*z):
    e = [exp(each) for each in z]
    p = [x / sum(e) for x in e]
    return -sum(x * log(x) for x in p)


def balance(z1, z2, z3, *R):
    """How fast J rises with each of two logits, as difference quotients."""
    rise = quotient(mean_reward)(z1, z2, z3, *R)
    return -rise / quotient(lambda b, a, c: mean_reward(a, b, c, *R))(z2, z1, z3)


def halved(rises, low, high):
    """Where what rises passes 0, by halving."""
    for _ in range(170):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) > 0 else (middle, high)
    return middle


def constrained(R1, R2, R3, tau, c):
    """The objective at its best p1, where its difference quotient changes sign."""

    def objective(p1):
        p = p1, 1 - c - p1, c
        reward = sum(x * R for x, R in zip(p, (R1, R2, R3), strict=True))
        return reward - tau * sum(x * log(x) for x in p)

    step = mpf("1e-22")
    return objective(halved(lambda p: objective(p - step) - objective(p + step), step * 2,
                            1 - c - step * 2))  # fmt: skip


def reward_level(R1, R2, tau, c):
    """Where the best p without any demand gives c to the third."""

    def third(R3):
        e = [exp(R / tau) for R in (R1, R2, R3)]
        return e[2] / sum(e) - c

    return halved(third, mpf(-200), mpf(200))


def ask_symbols(name, truth, **points):
    given = ", ".join(f"{symbol}={symbol}" for symbol in points)
    return [Ask(f"at({name}, {given})", exactly(truth, *points.values()), **points)]


def three(rng, letter):
    return {f"{letter}{k}": rng.normal(scale=2, size=6) for k in (1, 2, 3)}


def ask_largest(rng):
    points = three(rng, "R") | {"tau": rng.uniform(0.5, 3, 6), "c": rng.uniform(0.05, 0.9, 6)}
    return ask_symbols("largest", constrained, **points)


def ask_level(rng):
    points = three(rng, "R") | {"tau": rng.uniform(0.5, 3, 6), "c": rng.uniform(0.05, 0.9, 6)}
    del points["R3"]
    return ask_symbols("level", reward_level, **points)


# ------------------------------------------------------------------ question 4
def weights(z, keep):
    """The code of the question."""
    with np.errstate(all="ignore"):
        z = np.asarray(z, dtype=np.float32)
        z = np.where(keep, z, z - np.float32(1e5))
        e = np.exp(z - z.max())
        return e / e.sum(axis=-1, keepdims=True)


def is_apart(z):
    if not (np.shape(z) == (2, 2) and np.abs(z).max() <= 200):
        return "not two rows of two scores up to 200 in size"
    found = weights(z, np.ones((2, 2), dtype=bool))
    return bool(np.isnan(found).any()) or "there is no nan for these scores"


def swallows():
    """By trying, from float to float."""
    scores = np.zeros((1, 3), dtype=np.float32)
    for x in np.arange(0, 0.05, 2.0**-16):
        scores[0, 0] = x
        if np.ptp(weights(scores, np.zeros((1, 3), dtype=bool))) > 0:
            return float(x) - 2.0**-16
    raise AssertionError("nothing is told apart")


def is_taken(pair):
    if not np.isfinite(pair).all():
        return "not finite"
    first, second = weights(np.reshape(pair, (1, 2)), np.array([[True, False]]))[0]
    return bool(second > first) or "the masked score does not get the larger weight"


# ------------------------------------------------------------------ question 5
def ask_temperature(z, tau):
    """The temperature is drawn, and its effective number is what is asked for."""
    return Ask("temperature_for(z, many)", float(tau), z=z, many=effective(z, tau))


def effective(z, tau):
    with mpmath.workdps(50):
        return float(exp(entropy(*(x / mpf(float(tau)) for x in wide(z)))))


def moderate(rng):
    return [ask_temperature(rng.normal(size=k) * 2, rng.uniform(0.5, 3)) for k in (3, 8)]


def any_scale(rng):
    """Far from 0, of a tiny range, and of a huge one: the temperature goes with the range."""
    asked = []
    for scale, shift in ((1.0, 5e5), (1.0, -5e5), (1e-5, 0.0), (1e6, 0.0)):
        z = rng.permutation(np.array([0.0, 0.2, 0.5, 0.9, 1.0]) + rng.uniform(0, 0.05, 5))
        asked.append(ask_temperature(scale * z + shift, scale * rng.uniform(0.1, 0.6)))
    return asked


def ties(rng):
    """Two or three share the maximum, and hardly more is asked for; or nearly all. And a logit
    so far below that its probability is no float."""
    z = rng.normal(size=2) - 3
    asked = [ask_temperature(np.concatenate([[1.0] * k, z]), rng.uniform(0.4, 0.6)) for k in (2, 3)]
    hot = ask_temperature(np.array([0.0, 0.0, 1.0]), rng.uniform(30, 45))
    below = np.array([1.0, 0.0, rng.uniform(-2050, -2000), 1.0])
    return [*asked, hot, ask_temperature(below, rng.uniform(2.2, 2.6))]


QUESTIONS = (
    Question("q1", (
        Item("values", 1, "ordinary logits", ordinary_shelves, rtol=1e-5),
        Item("large", 1, "logits of any size, in rows that lie far apart", far_apart),
        Item("masked", 1, "products that are sold out, whatever their logit holds", sold_out),
        Item("empty", 1, "an empty shelf among others", empty_shelf),
    )),
    Question("q2", (
        Item("values", 1, "ordinary logits", plain_rows, rtol=1e-5),
        Item("large", 1, "logits of any size", large_rows),
        Item("digits", 1, "digits where the chosen classes have nearly everything", nearly_all),
        Item("ends", 1, "rows in which no class is chosen, or all are", none_or_all),
    )),
    Question("q3", (
        Item("steady", 1, "`steady`, at points",
             lambda rng: ask_symbols("steady", balance, **three(rng, "z"), **three(rng, "R"))),
        Item("largest", 1, "`largest`, at points", ask_largest),
        Item("level", 1, "`level`, at points", ask_level),
    ), packages=("numpy", "sympy")),
    Question("q4", (
        Item("apart", 1, "`apart`", lambda rng: [Ask("apart", is_apart)]),
        Item("taken", 1, "`taken`", lambda rng: [Ask("taken", is_taken)]),
        Item("swallowed", 1, "`swallowed`", lambda rng: [Ask("swallowed", swallows())], rtol=5e-3),
    )),
    Question("q5", (
        Item("values", 1, "ordinary logits", moderate, rtol=1e-5),
        Item("scale", 1, "logits that lie anywhere, of any scale", any_scale, rtol=1e-6),
        Item("ties", 1, "logits that share the maximum, or lie far below it", ties, rtol=1e-6),
    )),
    Written("q6", 3, "two averages, and cutting before or after the temperature"),
)  # fmt: skip
