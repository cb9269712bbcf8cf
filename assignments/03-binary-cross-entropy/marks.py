"""Hidden marks of assignment 3. The truth is mpmath's, from the definitions, with so many digits
that the difference of two losses and one minus a tiny probability keep theirs."""

import mpmath
import numpy as np
from mpmath import exp, log, log1p, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def in_bits(z, a, b):
    return (a * log1p(exp(-z)) + b * log1p(exp(z))) / log(2)


def ask_change(z, s, a, b):
    """The difference as it is defined, in 400 digits."""
    truth = exactly(
        lambda z, s, a, b: in_bits(z + s, a, b) - in_bits(z, a, b), z, s, a, b, digits=400
    )
    return Ask("change(z, s, a, b)", truth, z=z, s=s, a=a, b=b)


def moderate(rng):
    z, s = rng.normal(scale=2, size=(2, 6))
    a, b = rng.uniform(0, 3, (2, 6))
    return [ask_change(z, s, a, b), ask_change(*(x.reshape(3, 1, 2) for x in (z, s, a, b)))]


def far(rng):
    """Large logits and large steps, toward 0, away from it and across."""
    z = np.concatenate([rng.uniform(40, 100, 3), rng.uniform(1000, 5000, 3)])
    z = np.concatenate([z, -z])
    s = np.concatenate([rng.uniform(5, 30, 2), rng.uniform(1000, 9000, 4)])
    s = np.concatenate([s, -s, s, -s]) * rng.uniform(0.9, 1.1, 24)
    z = np.concatenate([z, rng.permutation(z)])
    return [ask_change(z, s, *rng.uniform(0.1, 2, (2, 24)))]


def tiny_steps(rng):
    s = 10.0 ** np.concatenate([rng.uniform(-16, -7, 6), rng.uniform(-200, -20, 2)])
    s[0] = rng.uniform(6e-8, 9e-8)  # its square still counts
    s *= rng.choice([-1, 1], 8)
    z = np.concatenate([rng.uniform(-3, 3, 4), rng.uniform(20, 60, 2), rng.uniform(-60, -20, 2)])
    one, none = np.ones(8), np.zeros(8)
    return [ask_change(z, s, one, none), ask_change(z, s, none, one)]


def little_left(rng):
    """Sure and right before and after: both losses are tiny, and so is the change."""
    z, s = rng.uniform(40, 300, 8), rng.uniform(-2, 2, 8)
    one, none = np.ones(8), np.zeros(8)
    return [ask_change(z, s, one, none), ask_change(-z, -s, none, one)]


# ------------------------------------------------------------------ question 2
def ask_recover(rng, loss):
    """The logit of 2^-loss by the definition of odds, and b sigma(z) - a sigma(-z)."""
    y = rng.permutation(np.arange(loss.size) % 2).reshape(loss.shape)
    z = exactly(lambda x, y: (2 * y - 1) * -log(2**x - 1), loss, y, digits=400)
    slope = exactly(lambda x, y: (1 - 2 * y) * (1 - 2**-x) / log(2), loss, y, digits=400)
    return Ask("recover(loss, y)", (z, slope), loss=loss, y=y)


def ordinary(rng):
    loss = rng.uniform(0.1, 6, 6)
    even = 1 + rng.uniform(-1e-9, 1e-9, 4)  # one bit: the logit is near 0
    return [ask_recover(rng, x) for x in (loss, loss.reshape(3, 2), even)]


def tiny(rng):
    digits = np.concatenate([rng.uniform(-18, -9, 5), rng.uniform(-299, -30, 5)])
    return [ask_recover(rng, 10.0**digits)]


def huge(rng):
    loss = np.concatenate([rng.uniform(60, 900, 4), rng.uniform(1100, 5000, 4)])
    return [ask_recover(rng, loss)]


# ------------------------------------------------------------------ question 3
def ask_timid(rng):
    q, m, f = rng.uniform(0.05, 0.95, 6), rng.uniform(0.02, 0.4, 6), rng.uniform(0.02, 0.4, 6)
    odds = exactly(lambda q, m, f: log(q * (1 - m) + (1 - q) * f)
                   - log(q * m + (1 - q) * (1 - f)), q, m, f)  # fmt: skip
    return [Ask("at(timid, q=q, m=m, f=f)", odds, q=q, m=m, f=f)]


def seen_as_yes(z, m, f):
    """Two equations, one for each clean label, solved as numbers."""
    flips = mpmath.matrix([[1 - m, m], [f, 1 - f]])
    return mpmath.lu_solve(flips, mpmath.matrix([log1p(exp(-z)), log1p(exp(z))]))[0]


def ask_repaired(rng):
    z, m, f = rng.uniform(-5, 5, 6), rng.uniform(0.02, 0.4, 6), rng.uniform(0.02, 0.4, 6)
    return [Ask("at(repaired, z=z, m=m, f=f)", exactly(seen_as_yes, z, m, f), z=z, m=m, f=f)]


# ------------------------------------------------------------------ question 4
def given_gradient(z):
    """The gradient of the code in the question, for y = 1, in mpmath's numbers."""
    s = 1 / (1 + exp(-z))
    p = (s + mpf("0.01")) / mpf("1.02")
    return (p - 1) / (p * (1 - p)) * s * (1 - s) / mpf("1.02")


def is_dead(z):
    if not np.isfinite(z):
        return "not a finite logit"
    given, plain = exactly(given_gradient, float(z)), exactly(lambda z: 1 / (1 + exp(z)), float(z))
    return bool(abs(given) < 0.01 and plain > 0.99) or "the conditions do not hold at this logit"


def where_strongest():
    """By halving: its size rises up to there, and falls after."""
    low, high, step = mpf(-10), mpf(5), mpf("1e-15")
    with mpmath.workdps(50):
        for _ in range(100):
            middle = (low + high) / 2
            rising = abs(given_gradient(middle + step)) > abs(given_gradient(middle - step))
            low, high = (middle, high) if rising else (low, middle)
    return float(low)


# ------------------------------------------------------------------ question 5
SHARES = "z", "country", "kept_yes", "kept_no"


def in_population(z, kept_yes, kept_no):
    """By counting: yes and no among what was kept, divided by the shares kept."""
    yes, no = 1 / (1 + exp(-z)) / kept_yes, 1 / (1 + exp(z)) / kept_no
    return yes / (yes + no)


def payments(rng, z):
    """Countries in which frauds, others, or neither are rare in what was kept."""
    country = rng.permutation(np.arange(z.size) % 3)
    return country, rng.uniform(0.5, 1, 3) * [1, 0.1, 0.7], rng.uniform(0.5, 1, 3) * [0.1, 1, 0.9]


def ask_chance(rng):
    asked = []
    for usual in rng.integers(8, 15, 2):
        z = np.concatenate([rng.normal(scale=3, size=usual), rng.uniform(-500, -300, 3)])
        z = rng.permutation(z)
        country, yes, no = payments(rng, z)
        truth = exactly(in_population, z, yes[country], no[country])
        given = dict(zip(SHARES, (z, country, yes, no), strict=True))
        asked.append(Ask(f"chance({', '.join(SHARES)})", truth, **given))
    return asked


def ask_decide(rng):
    """A cheap human, a dear one, and one that is dearer than blocking everything."""
    asked = []
    for miss, alarm, human in ((9, 3, 1), (2, 6, 1), (2, 5, 4), (6, 1, 3)):
        miss, alarm, human = (float(x) for x in np.array([miss, alarm, human])
                              * rng.uniform(1, 1.1, 3))  # fmt: skip
        z = rng.permutation(np.linspace(-8, 8, 90) + rng.uniform(-0.05, 0.05, 90))
        country, yes, no = payments(rng, z)
        p = exactly(in_population, z, yes[country], no[country])
        costs = np.array([p * miss, (1 - p) * alarm, np.full(90, human)])
        first, second = np.sort(costs, axis=0)[:2]
        clear = first < 0.97 * second
        names = *SHARES, "miss", "alarm", "human"
        values = z[clear], country[clear], yes, no, miss, alarm, human
        truth = np.argmin(costs, axis=0)[clear]
        given = dict(zip(names, values, strict=True))
        asked.append(Ask(f"decide({', '.join(names)})", truth, **given))
    return asked


QUESTIONS = (
    Question("q1", (
        Item("values", 1, "logits and steps of ordinary size", moderate, rtol=1e-5),
        Item("large", 1, "large logits and steps of either sign", far),
        Item("small", 1, "digits of what a small step brings", tiny_steps),
        Item("left", 1, "digits where hardly any loss is left", little_left),
    )),
    Question("q2", (
        Item("values", 1, "losses of ordinary size", ordinary, 1e-5, 1e-12),
        Item("tiny", 1, "tiny losses", tiny),
        Item("large", 1, "large losses", huge),
    )),
    Question("q3", (
        Item("timid", 1, "`timid`, at points", ask_timid),
        Item("repaired", 2, "`repaired`, at points", ask_repaired),
    ), packages=("numpy", "sympy")),
    Question("q4", (
        Item("cap", 1, "`cap`", lambda rng: [Ask("cap", float(np.log(102)))], rtol=2e-4),
        Item("dead", 1, "`dead`", lambda rng: [Ask("dead", is_dead)]),
        Item("strongest", 1, "`strongest`",
             lambda rng: [Ask("strongest", where_strongest())], rtol=3e-4),
    )),
    Question("q5", (
        Item("chance", 1, "`chance`, for several shares", ask_chance),
        Item("decide", 2, "`decide`, for several shares and costs", ask_decide),
    )),
    Written("q6", 4, "a weight, and squared error"),
)  # fmt: skip
