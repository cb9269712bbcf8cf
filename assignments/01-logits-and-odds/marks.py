"""Hidden marks of assignment 1. The truth comes from Bayes' rule with probabilities, in mpmath's
numbers, which neither overflow nor round away, and from counting."""

import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
from mpmath import exp, log, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def decibans(prior, results, hit, false):
    """By Bayes' rule: a product of probabilities for each side."""
    found = []
    with mpmath.workdps(50):
        for start, row in zip(prior.tolist(), results.tolist(), strict=True):
            ill, well = exp(mpf(start)), mpf(1)
            for result, h, f in zip(row, hit.tolist(), false.tolist(), strict=True):
                if not math.isnan(result):
                    ill *= mpf(h) if result else 1 - mpf(h)
                    well *= mpf(f) if result else 1 - mpf(f)
            found.append(float(10 * mpmath.log10(ill / well)) if ill else -math.inf)
    return np.array(found)


def ask_weigh(prior, results, hit, false):
    given = {"prior": prior, "results": results, "hit": hit, "false": false}
    return Ask("weigh(prior, results, hit, false)", decibans(**given), **given)


def taken(rng, *shape):
    return rng.integers(0, 2, shape).astype(float)


def all_taken(rng):
    hit, false = rng.uniform(0.6, 0.95, 4), rng.uniform(0.05, 0.4, 4)
    return [ask_weigh(rng.normal(scale=2, size=6), taken(rng, 6, 4), hit, false)]


def some_missing(rng):
    results = taken(rng, 6, 5)
    results[rng.random(results.shape) < 0.3] = np.nan
    results[0], results[1, 2:4], results[2, 0] = np.nan, np.nan, np.nan
    hit, false = rng.uniform(0.6, 0.95, 5), rng.uniform(0.05, 0.4, 5)
    return [ask_weigh(rng.normal(scale=2, size=6) - 3, results, hit, false)]


def hundreds(rng):
    """Alarms only, quiet only, and priors that no probability holds."""
    hit, false = rng.uniform(0.8, 0.95, 700), rng.uniform(0.02, 0.05, 700)
    results = np.stack([np.ones(700), np.zeros(700), taken(rng, 700)])
    long = ask_weigh(rng.normal(size=3), results, hit, false)
    prior = rng.permutation([900, -900, 3e5, -3e5]) * rng.uniform(1, 3, 4)
    return [long, ask_weigh(prior, taken(rng, 4, 3), hit[:3], false[:3])]


def never_missed(rng):
    """A test that finds every ill patient: alarm, none, and not taken."""
    hit, false = rng.uniform(0.6, 0.95, 4), rng.uniform(0.05, 0.4, 4)
    hit[1] = 1.0
    results = taken(rng, 6, 4)
    results[:, 1] = [1, 0, 1, 0, np.nan, 1]
    return [ask_weigh(rng.normal(scale=2, size=6), results, hit, false)]


# ------------------------------------------------------------------ question 2
def any_of(n):
    def log_odds(z):
        none = (1 / (1 + exp(z))) ** n
        return log((1 - none) / none)

    return log_odds


def ask_any(z, n):
    """400 digits, so that 1 - (1 - p)^n may be written as it is defined."""
    return Ask("at_least_one(z, n)", exactly(any_of(n), z, digits=400), z=z, n=n)


def ordinary(rng):
    few = int(rng.integers(2, 6))
    z = rng.normal(size=(3, 2)) - 3
    even = np.log(np.expm1(np.log(2) / few)) + rng.uniform(-1e-9, 1e-9, 4)  # the result is near 0
    asked = [ask_any(z, few), ask_any(rng.uniform(-9, -7, 4), 50), ask_any(z[0] + 5, few)]
    return [*asked, ask_any(even, few)]


def rare(rng):
    z = np.concatenate([rng.uniform(-700, -600, 2), rng.uniform(-200, -40, 4)])
    return [ask_any(z, int(n)) for n in (1, rng.integers(10, 100), rng.integers(1e5, 1e6))]


def sure(rng):
    z = np.concatenate([rng.uniform(2, 5, 2), rng.uniform(800, 5000, 2)])
    return [ask_any(z, int(n)) for n in (rng.integers(2, 9), rng.integers(1e5, 1e6))]


# ------------------------------------------------------------------ question 3
def ask_natural(rng):
    p = rng.uniform(0.05, 0.95, 6)
    return [Ask("at(natural, p=p)", exactly(lambda p: log(1 - p), p), p=p)]


def minus_log(z, y):
    """By the sum of a geometric series over all counts, long after it has converged."""
    return log(sum(exp(z * k) for k in range(400))) - y * z


def ask_A(rng):
    z = -rng.uniform(0.4, 4, 6)
    return [Ask("at(A, z=z)", exactly(lambda z: minus_log(z, 0), z), z=z)]


def ask_gradient(rng):
    z, y = -rng.uniform(0.4, 4, 6), rng.integers(0, 9, 6).astype(float)
    step = mpf("1e-15")

    def slope(z, y):
        return (minus_log(z + step, y) - minus_log(z - step, y)) / (2 * step)

    return [Ask("at(gradient, z=z, y=y)", exactly(slope, z, y), z=z, y=y)]


# ------------------------------------------------------------------ question 4
def stored(z):
    """The code of the question."""
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-z))
        return p, np.log(p / (1 - p))


def is_off(z):
    p, back = stored(np.float64(z))
    if not (z < 36 and 0 < p < 1):
        return "not below 36, or p is 0 or 1 there"
    return bool(abs(back - z) > 0.01) or "back is near enough to z there"


def rounded(x):
    """To four significant bits, in whole numbers; a tie to the even one."""
    step = Fraction(1, 16)  # from one half to 1
    while x / step >= 16:
        step *= 2
    return round(x / step) * step


def largest_coarse():
    """All sums up to 2, as fine as it takes to meet each number of the format."""
    sums = {rounded(1 + Fraction(k, 1000)) for k in range(1001)}
    return float(max(p for p in map(rounded, (1 / each for each in sums)) if p < 1))


def lowest_back():
    """By trying: logits that are dense, down to where no float is left."""
    back = stored(np.linspace(-760, -690, 70001))[1]
    return float(back[np.isfinite(back)].min())


# ------------------------------------------------------------------ question 5
def by_counting(z, y, edges):
    """One example at a time; the digits hold 1 - p for any logit up to 500."""
    found = []
    with mpmath.workdps(250):
        for low, high in pairwise(edges):
            bin_ = [(mpf(float(a)), int(b)) for a, b in zip(z, y, strict=True) if low <= a < high]
            p = [1 / (1 + exp(-a)) for a, _ in bin_]
            mean, variance = sum(p), sum(each * (1 - each) for each in p)
            above = sum(b for _, b in bin_) - mean
            surprise = float(above / mpmath.sqrt(variance)) if bin_ else math.nan
            found.append((len(bin_), float(mean), surprise))
    return tuple(np.array(column) for column in zip(*found, strict=True))


def ask_audit(z, y, edges):
    given = {"z": z, "y": y, "edges": edges}
    return Ask("audit(z, y, edges)", by_counting(**given), **given)


def drawn(rng, z):
    return (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(int)


def usual(rng):
    """Every bin holds something, and nothing lies on an edge."""
    edges = np.array([-3.0, -1.0, 0.0, 1.5, 3.0])
    z = np.concatenate([rng.uniform(-3, 3, 40), [-2, -0.5, 0.7, 2]]) + 1e-6
    return [ask_audit(z, drawn(rng, z), edges)]


def ties_and_gaps(rng):
    """Logits on each edge, the last one too, some outside, and bins with nothing in them."""
    edges = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    z = np.concatenate([edges, rng.uniform(-2, 0, 8), [-7.0, 8.0, 3.0, -1.0]])
    z = z[(z < 1.0) | (z >= 2.0)]
    z[z == 2.0] = 3.0
    return [ask_audit(z, 1 - drawn(rng, z), edges), ask_audit(z[:1], np.array([1]), edges)]


def very_sure(rng):
    """Bins in which everything came as said, and bins with one exception."""
    edges = np.array([-500.0, -200.0, -40.0, 40.0, 60.0, 200.0, 500.0])
    z = np.concatenate([
        rng.uniform(-480, -300, 3), rng.uniform(-100, -45, 4), rng.normal(size=5),
        rng.uniform(42, 58, 3), rng.uniform(80, 150, 4), rng.uniform(300, 480, 3),
    ])  # fmt: skip
    y = np.concatenate([[0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 1, 0], [1] * 3, [1, 1, 0, 1], [1] * 3])
    return [ask_audit(z, y, edges)]


QUESTIONS = (
    Question("q1", (
        Item("values", 1, "tests that were all taken", all_taken, rtol=1e-5),
        Item("gaps", 1, "tests that were not taken, and one that finds everybody who is ill",
             lambda rng: some_missing(rng) + never_missed(rng)),
        Item("many", 1, "hundreds of tests, and large priors", hundreds),
    )),
    Question("q2", (
        Item("values", 1, "logits of ordinary size", ordinary, 1e-5, 1e-12),
        Item("rare", 1, "failures that are very improbable", rare, atol=1e-12),
        Item("sure", 1, "failures that are next to certain", sure, atol=1e-12),
    )),
    Question("q3", (
        Item("natural", 1, "`natural`, at points", ask_natural),
        Item("A", 1, "`A`, at points", ask_A),
        Item("gradient", 1, "`gradient`, at points", ask_gradient),
    ), packages=("numpy", "sympy")),
    Question("q4", (
        Item("off", 1, "`off`", lambda rng: [Ask("off", is_off)]),
        Item("coarse", 2, "`coarse`", lambda rng: [Ask("coarse", largest_coarse())]),
        Item("lowest", 1, "`lowest`", lambda rng: [Ask("lowest", lowest_back())], rtol=2e-4),
    )),
    Question("q5", (
        Item("values", 1, "bins with ordinary logits", usual, rtol=1e-5),
        Item("ties", 1, "logits on an edge or outside, and empty bins", ties_and_gaps),
        Item("sure", 1, "bins of very sure predictions", very_sure),
    )),
    Written("q6", 4, "an odds ratio over two groups, and what to save"),
)  # fmt: skip
