"""Hidden marks of assignment 7. The truth is counting: pairs in loops and fractions, all orders of
a page one by one; exponentials in fifty digits; derivatives by difference quotients."""

from fractions import Fraction
from itertools import pairwise, permutations
from math import inf, nan

import mpmath
import numpy as np
from mpmath import exp, log, log1p, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def counted(s, r, real):
    good, whole = Fraction(0), Fraction(0)
    items = [(a, b) for a, b, keep in zip(s, r, real, strict=True) if keep]
    for s_i, r_i in items:
        for s_j, r_j in items:
            if r_i > r_j:
                weight = Fraction(float(r_i)) - Fraction(float(r_j))
                whole += weight
                good += weight * (2 if s_i > s_j else 1 if s_i == s_j else 0) / 2
    return float(good / whole) if whole else nan


def ask_auc(s, r, real=None):
    s, r = np.asarray(s, dtype=float), np.asarray(r, dtype=float)
    real = np.ones(len(s), bool) if real is None else np.asarray(real)
    truth = counted(s, r, real)
    return Ask("graded_auc(s, r, real)", truth, s=s, r=r, real=real)


def grades(rng):
    fixed = ask_auc([0.3, 0.1, 0.2, 0.5], [0, 3, 1, 2])
    return [fixed] + [
        ask_auc(rng.normal(size=12) * size, rng.permutation([0, 0, 1, 1, 1, 2, 3, 3, 4, 0, 5, 2]))
        for size in (1, 1e-3, 50)
    ]


def tied(rng):
    """Ties of scores, infinite scores among them, and some that are equal only nearly."""
    near = [1.0, np.nextafter(1.0, 2), 1.0, np.nextafter(1.0, 0), 0.5, 1.0]
    ends = [inf, 2.0, -inf, inf, -inf, 2.0, inf]
    return [
        ask_auc(rng.integers(0, 3, 12), rng.permutation([0, 0, 1, 1, 1, 2, 3, 3, 4, 0, 5, 2])),
        ask_auc(near, [1, 3, 1, 0, 1, 2]),
        ask_auc(ends, [2, 1, 0, 1, 3, 1, 0]),
        ask_auc([1e308, -1e308, 0.0, 1e308], [1, 2, 0, 0]),
        ask_auc([1.0, 1 + 1e-12, 0.5], [2, 1, 0]),  # nearly equal, in the wrong order
    ]


def padded(rng):
    s = np.array([1.0, 0.0, 0.2, 0.5, 0.0, 2.0, -0.3, 0.0]) + rng.uniform(-0.1, 0.1, 8)
    r = np.array([0.0, 1, 2, 0, 1, 3, 0, 1])
    real = np.array([True, False, True, True, False, True, True, False])
    s[~real], r[~real] = [nan, 9.0, inf], [7.0, nan, -1.0]
    flat = np.array([1.0, 1.0, 1.0, 5.0])
    size = int(rng.integers(9, 14))
    some = np.arange(size) < size - 4  # at least five real items, of at least two grades
    more = np.concatenate([[0.0, 2.0], rng.integers(0, 3, size - 2)])
    order = rng.permutation(size)
    return [
        ask_auc(s, r, real),
        ask_auc(rng.normal(size=size), more[order], some[order]),
        ask_auc(rng.normal(size=4), flat, [True, True, True, False]),
        ask_auc(rng.normal(size=4), flat, [False] * 4),
        ask_auc(rng.normal(size=1), [2.0]),
    ]


# ------------------------------------------------------------------ question 2
def by_pairs(s, r, m):
    """Loss and gradient by the definition, pair by pair, in fifty digits."""
    pairs = [(i, j) for i in range(len(s)) for j in range(len(s)) if r[i] > r[j]]
    if not pairs:
        return 0.0, np.zeros(len(s))
    with mpmath.workdps(400):  # 1e300 and 1 in one sum
        s, r = ([mpf(float(x)) for x in v] for v in (s, r))
        missing = [mpf(float(m)) * (r[i] - r[j]) - (s[i] - s[j]) for i, j in pairs]
    with mpmath.workdps(50):
        total, gradient = mpf(0), [mpf(0)] * len(s)
        for (i, j), x in zip(pairs, missing, strict=True):
            total += log1p(exp(x)) if x < 500 else x + exp(-x)
            push = 1 / (1 + exp(-x))
            gradient[i] -= push
            gradient[j] += push
        return float(total / len(pairs)), np.array([float(g / len(pairs)) for g in gradient])


def ask_margins(s, r, m, part=None):
    s, r = np.asarray(s, dtype=float), np.asarray(r, dtype=float)
    truth, given = by_pairs(s, r, m), {"s": s, "r": r, "m": float(m)}
    if part is None:
        return Ask("margins(s, r, m)", truth, **given)
    return Ask(f"margins(s, r, m)[{part}]", truth[part], **given)


def ordinary(rng, part):
    marks = [0, 0, 1, 1, 2, 3, 4]
    asked = [ask_margins(rng.normal(size=7), rng.permutation(marks), m, part)
             for m in (0.0, rng.uniform(0.3, 0.8), rng.uniform(1, 2))]  # fmt: skip
    same = ask_margins(np.full(4, 0.3), [1, 0, 0, 2], 0.7, part)
    flat = ask_margins(rng.normal(size=3), [1, 1, 1], 0.7, part)
    return [*asked, same, flat]


def far_apart(rng):
    s = 1000.0 * rng.permutation(np.arange(1, 7)) + rng.uniform(0, 200, 6)
    s *= [1, -1, 1, -1, 1, -1]  # no lead is below 800
    wide = s * 1e290
    return [
        ask_margins(s, rng.permutation([0, 0, 1, 2, 3, 1]), 1.0),
        ask_margins(wide, rng.permutation([0, 0, 1, 2, 3, 1]), 1.0),
        ask_margins([5000.0, 0.0], [0, 1], 0.5),
    ]


def in_order(rng):
    """Binary relevance, so that each entry of the gradient is a sum of one sign."""
    asked = []
    for low, high in ((17, 30), (36, 60), (200, 300)):
        above, below = rng.uniform(high, high * 1.2, 3), rng.uniform(0, high - low, 3)
        order = rng.permutation(6)
        s, r = np.concatenate([above, below])[order], np.repeat([1, 0], 3)[order]
        asked.append(ask_margins(s, r, rng.uniform(0.5, 1)))
    return asked


# ------------------------------------------------------------------ question 3
def all_orders(s, gain, look):
    """Every order of the page, as a reader may meet it."""
    count = len(s)
    seen = [Fraction(float(x)) for x in look[:count]] + [Fraction(0)] * (count - len(look))
    given = [Fraction(float(g)) for g in gain]
    orders = list(permutations(range(count)))
    worth = [sum(given[i] * seen[k] for k, i in enumerate(order)) for order in orders]
    shown = [w for w, order in zip(worth, orders, strict=True)
             if all(s[i] >= s[j] for i, j in pairwise(order))]  # fmt: skip
    best = max(worth)
    return float(sum(shown) / len(shown) / best) if best else nan


def ask_clicks(s, gain, look):
    s, gain, look = (np.asarray(x, dtype=float) for x in (s, gain, look))
    truth = all_orders(s, gain, look)
    return Ask("clicks(s, gain, look)", truth, s=s, gain=gain, look=look)


def falling(rng, count):
    return np.sort(rng.uniform(0.05, 1, count))[::-1]


def pages(rng):
    """Without ties; the order of the scores is nowhere that of the file."""
    s = rng.permutation(np.arange(6.0)) + rng.uniform(-0.3, 0.3, 6)
    s[:2] = 9.0, 10.0
    return [ask_clicks(size * s, rng.uniform(0, 1, 6), falling(rng, 6)) for size in (1, 1e-3, -1)]


def tied_pages(rng):
    groups = ([1, 1, 2, 2, 2, 0], [0, 0, 0, 0, 0, 0], [-1, 3, 3, 3, -1, 2])
    asked = []
    for group in groups:
        gain = np.sort(rng.uniform(0.1, 1, 6))[:: rng.choice([-1, 1])]
        asked.append(ask_clicks(rng.permutation(group), gain, falling(rng, 6)))
    gain = np.array([1.0] + [0.0] * 49)  # fifty items, one of them good, all alike
    look, truth = falling(rng, 50), None
    truth = float(sum(Fraction(float(x)) for x in look) / 50 / Fraction(float(look[0])))
    given = {"s": np.full(50, 0.2), "gain": gain, "look": look}
    return [*asked, Ask("clicks(s, gain, look)", truth, **given)]


def cut_off(rng):
    """Fewer and more places than items, a tie across the end, and nobody who clicks."""
    gain = rng.uniform(0.1, 1, 5)
    tie = np.array([3.0, 1.0, 1.0, 1.0, 0.0])
    return [
        ask_clicks(rng.normal(size=5), gain, falling(rng, 2)),
        ask_clicks(rng.permutation(tie), gain, falling(rng, 3)),
        ask_clicks(rng.normal(size=5), gain, falling(rng, 9)),
        ask_clicks(rng.normal(size=4), np.zeros(4), falling(rng, 4)),
        ask_clicks(rng.normal(size=4), gain[:4], np.zeros(4)),
    ]


# ------------------------------------------------------------------ question 4
STEP = mpf("1e-15")


def results(delta, nu, a, b, t):
    total = exp(delta / 2) + exp(-delta / 2) + nu
    logs = (log(exp(delta / 2) / total), log(exp(-delta / 2) / total), log(nu / total))
    return -sum(n * x for n, x in zip((a, b, t), logs, strict=True))


def by_quotient(delta, nu, a, b, t):
    above = results(delta + STEP, nu, a, b, t)
    return (above - results(delta - STEP, nu, a, b, t)) / (2 * STEP)


def both_best(place):
    """Where both difference quotients of the loss are 0."""

    def formula(a, b, t):
        def slopes(delta, log_nu):
            nu = exp(log_nu)
            grown = results(delta, nu * exp(STEP), a, b, t)
            shrunk = results(delta, nu * exp(-STEP), a, b, t)
            return [by_quotient(delta, nu, a, b, t), (grown - shrunk) / (2 * STEP)]

        found = mpmath.findroot(slopes, (mpf(0), mpf(0)), tol=mpf("1e-40"))
        return exp(found[1]) if place else found[0]

    return formula


def ask_slope(rng):
    given = {"delta": rng.uniform(-3, 3, 5)}
    given |= {name: rng.uniform(0.3, 5, 5) for name in ("nu", "a", "b", "t")}
    expression = "at(slope, delta=delta, nu=nu, a=a, b=b, t=t)"
    return [Ask(expression, exactly(by_quotient, *given.values()), **given)]


def ask_best(name, place):
    def draw(rng):
        given = {each: rng.uniform(0.5, 5, 4) for each in ("a", "b", "t")}
        truth = exactly(both_best(place), *given.values())
        return [Ask(f"at({name}, a=a, b=b, t=t)", truth, **given)]

    return draw


# ------------------------------------------------------------------ question 5
def mean_ndcg(scores, relevance):
    """The code of the question."""
    order = np.argsort(scores, axis=1, kind="stable")[:, ::-1]
    ranked = np.take_along_axis(relevance, order, axis=1)
    discount = 1 / np.log2(np.arange(2, 2 + scores.shape[1]))
    best = -np.sort(-relevance, axis=1) @ discount
    return np.mean((ranked @ discount) / np.maximum(best, 1e-9))


def is_silent(answer):
    relevance = np.asarray(answer, dtype=float)
    if relevance.shape != (4,) or not set(relevance.tolist()) <= {0.0, 1.0}:
        return "four relevances, 0 or 1, are asked for"
    zeros = np.zeros((1, 4))
    values = [mean_ndcg(zeros, np.array([p])) for p in permutations(relevance.tolist())]
    if not abs(mean_ndcg(zeros, relevance[None]) - 1) < 1e-12:
        return "the code returns less than 1"
    return bool(np.mean(values) < 0.8) or "the average over all orders is too high"


def rises_and_wins(answer):
    leads = np.asarray(answer, dtype=float).ravel()
    if len(leads) != 3 or not (np.abs(leads) <= 4).all():
        return "three leads of the size asked for"
    if sorted(np.sign(leads)) != [-1, 1, 1]:
        return "two positive leads and a negative one are asked for"
    before, after = 3 * log1p(exp(mpf("0.1"))), sum(log1p(exp(-mpf(float(x)))) for x in leads)
    return bool(after >= 2 * before) or "the loss rises by less"


BOTH = ("numpy", "sympy")
QUESTIONS = (
    Question("q1", (
        Item("values", 1, "lists without ties", grades, rtol=1e-6),
        Item("ties", 1, "tied, infinite and nearly equal scores", tied, rtol=1e-6),
        Item("padding", 1, "padded lists, and lists without a pair", padded, rtol=1e-6),
    )),
    Question("q2", (
        Item("loss", 1, "the loss", lambda rng: ordinary(rng, 0), 1e-5),
        Item("gradient", 1, "the gradient", lambda rng: ordinary(rng, 1), 1e-5, 1e-9),
        Item("large", 1, "scores far apart", far_apart, 1e-9, 1e-12),
        Item("digits", 1, "digits where all pairs are in order", in_order, 1e-9),
    )),
    Question("q3", (
        Item("pages", 1, "pages without ties", pages, rtol=1e-6),
        Item("ties", 2, "pages with ties", tied_pages, rtol=1e-6),
        Item("ends", 1, "short and long `look`, and pages without clicks", cut_off, rtol=1e-6),
    )),
    Question("q4", (
        Item("slope", 1, "`slope`, at points", ask_slope, 1e-9, 1e-12),
        Item("lead", 1, "`lead`, at points", ask_best("lead", 0), 1e-9, 1e-12),
        Item("draws", 1, "`draws`, at points", ask_best("draws", 1)),
    ), packages=BOTH),
    Question("q5", (
        Item("silent", 1, "`silent`", lambda rng: [Ask("silent", is_silent)]),
        Item("empty", 1, "`empty`", lambda rng: [Ask("empty", 0.75)], rtol=1e-4),
        Item("after", 1, "`after`", lambda rng: [Ask("after", rises_and_wins)]),
    )),
    Written("q6", 3, "what scores mean, why one grows, and what to do"),
)  # fmt: skip
