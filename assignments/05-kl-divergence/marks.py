"""Hidden marks of assignment 5. The truth is mpmath's: sums over counts and classes by the
definition, cross-entropies component by component, derivatives by difference quotients."""

import mpmath
import numpy as np
from mpmath import exp, factorial, log, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def by_counts(a, b):
    """The definition, summed over the number of orders."""
    total = mpf(0)
    for k in range(120):
        total += exp(-a) * a**k / factorial(k) * (k * log(a / b) - a + b)
    return total


def ask_forecast(a, b, truth):
    return Ask("forecast(a, b)", truth, a=a, b=b)


def ordinary(rng):
    a, b = rng.uniform(0.2, 20, (2, 6))
    whole = exactly(by_counts, a, b)
    return [ask_forecast(x, y, t) for x, y, t in
            ((a, b, whole), *((v.reshape(2, 3) for v in (a, b, whole)),))]  # fmt: skip


def nights(rng):
    few, none = rng.uniform(0.5, 5, 4), np.zeros(4)
    least = 10.0 ** rng.uniform(-60, -30, 4)
    tiny = exactly(lambda a, b: a * log(a / b) - a + b, few, least)
    a = np.concatenate([none, few, none, few, least])
    b = np.concatenate([few, none, none, least, few])
    truth = np.concatenate([few, none + np.inf, none, tiny, few])
    order = rng.permutation(a.size)
    return [ask_forecast(a[order], b[order], truth[order])]


def nearly_right(rng):
    step = 10.0 ** np.concatenate([rng.uniform(-10, -8, 5), rng.uniform(-8, -1, 9)])
    a = rng.uniform(0.5, 20, step.size)
    b = a * (1 + step * rng.choice([-1, 1], step.size))
    return [ask_forecast(a, b, exactly(lambda a, b: a * log(a / b) - a + b, a, b))]


# ------------------------------------------------------------------ question 2
def taught(x, z, tau, allowed):
    """Loss and gradient of each row by the definition, in fifty digits."""
    loss, gradient = np.zeros(len(x)), np.zeros(x.shape)
    with mpmath.workdps(50):
        for i, row in enumerate(allowed):
            j = np.flatnonzero(row)
            q, p = ([exp(mpf(float(y)) / mpf(tau)) for y in each[i, j]] for each in (x, z))
            q, p = ([y / mpmath.fsum(each) for y in each] for each in (q, p))
            each = [a * log(a / b) for a, b in zip(q, p, strict=True)]
            loss[i] = float(mpf(tau) ** 2 * mpmath.fsum(each))
            gradient[i, j] = [float(mpf(tau) * (b - a)) for a, b in zip(q, p, strict=True)]
    return loss, gradient


def ask_teach(x, z, tau, allowed, part=None):
    truth = taught(x, z, tau, allowed)
    given = {"x": x, "z": z, "tau": float(tau), "allowed": allowed}
    if part is None:
        return Ask("teach(x, z, tau, allowed)", truth, **given)
    return Ask(f"teach(x, z, tau, allowed)[{part}]", truth[part], **given)


def all_allowed(rng, part):
    asked = []
    for tau in (1.0, rng.uniform(2, 4), rng.uniform(0.4, 0.7)):
        x, z = rng.normal(scale=2, size=(2, 4, 5))
        asked.append(ask_teach(x, z, tau, np.ones((4, 5), bool), part))
    return asked


def some_allowed(rng):
    x, z = rng.normal(scale=2, size=(2, 5, 4))
    allowed = rng.random((5, 4)) < 0.5
    allowed[:3] = [[True, False, True, True], [False] * 4, [False, False, True, False]]
    x[0, 1], z[0, 1] = 60.0, 80.0  # only finite numbers in this one
    first = ask_teach(x[:1].copy(), z[:1].copy(), 1.5, allowed[:1])
    x[~allowed], z[~allowed] = rng.choice([np.nan, np.inf, -np.inf, 1e6], (2, (~allowed).sum()))
    x[1], z[1] = [np.nan, -np.inf, 5.0, np.inf], -np.inf
    return [first, ask_teach(x, z, rng.uniform(1.5, 3), allowed)]


def large(rng):
    x, z = rng.uniform(1e4, 5e4, (2, 4, 5)) * rng.choice([-1, 1], (2, 4, 5))
    x[0] = z[0] + rng.normal(size=5)
    x[1], z[1] = x[1] - 9e4, z[1] - 9e4  # all of them far below 0
    x[2], z[2] = [0, -9e4, -9e4, -9e4, -9e4], [-9e4, 0, 5, -9e4, 5]
    return [ask_teach(x, z, 2.0, np.ones((4, 5), bool)),
            ask_teach(x / 50, z / 50, 0.5, np.ones((4, 5), bool))]  # fmt: skip


# ------------------------------------------------------------------ question 3
def crossed(w, m, s, mean, std):
    """The cross-entropy of the mixture with a Gaussian, component by component."""
    each = [a * (d**2 + (c - mean) ** 2) for a, c, d in zip(w, m, s, strict=True)]
    return log(std) + mpmath.fsum(each) / (2 * std**2)


def best(w, m, s):
    total = mpmath.fsum(w)
    w = [a / total for a in w]  # floats add up to 1 only nearly
    mean = mpmath.fsum(a * c for a, c in zip(w, m, strict=True))
    second = mpmath.fsum(a * (d**2 + c**2) for a, c, d in zip(w, m, s, strict=True))
    return w, mean, mpmath.sqrt(second - mean**2)


def mixture(rng, count, far=0.0):
    w = rng.uniform(0.2, 1, count)
    m = far + rng.uniform(-6, 6, count)
    return w / w.sum(), m, rng.uniform(0.3, 2, count)


def ask_bell(rng, far):
    asked = []
    for count in (2, 3, 5):
        w, m, s = mixture(rng, count, far)
        with mpmath.workdps(50):
            _, mean, std = best(*([mpf(float(y)) for y in each] for each in (w, m, s)))
        truth = float(mean), float(std)
        asked.append(Ask("bell(w, m, s)", truth, w=w, m=m, s=s))
    return asked


def at_best(w, m, s, mean):
    """The cross-entropy with the standard deviation at which a difference quotient is 0."""

    def cost(std):
        return crossed(w, m, s, mean, std)

    low, high, step = mpf(-5), mpf(5), mpf("1e-15")
    for _ in range(120):
        middle = (low + high) / 2
        falls = cost(exp(middle + step)) < cost(exp(middle - step))
        low, high = (middle, high) if falls else (low, middle)
    return cost(exp(middle))


def ask_extra(rng):
    asked = []
    for count in (1, 2, 4):
        w, m, s = mixture(rng, count)
        at = rng.permutation([np.round(w @ m), *rng.uniform(-9, 9, count + 1)])
        with mpmath.workdps(50):
            given = [[mpf(float(y)) for y in each] for each in (w, m, s)]
            share, mean, std = best(*given)
            least = crossed(share, *given[1:], mean, std)
            truth = [float(at_best(share, *given[1:], mpf(c)) - least) for c in at.tolist()]
        asked.append(Ask("extra(w, m, s, at)", truth, w=w, m=m, s=s, at=at))
    return asked


# ------------------------------------------------------------------ question 4
def by_quadrature(a, b):
    def term(x):
        return exp(-x / a) / a * (log(b / a) - x / a + x / b)

    return mpmath.quad(term, [0, a, 5 * a, 20 * a, mpmath.inf])


def best_lead(d, c, beta, gamma):
    """Where a difference quotient of J is zero, by halving; the policy from its lead t."""

    def objective(t):
        pi, rho = (1 / (1 + exp(-y)), 1 / (1 + exp(y))), (1 / (1 + exp(-c)), 1 / (1 + exp(c)))
        apart = sum(p * log(p / r) for p, r in zip(pi, rho, strict=True))
        return pi[0] * d - beta * apart - gamma * sum(p * log(p) for p in pi)

    low, high, step = mpf(-60), mpf(60), mpf("1e-15")
    for _ in range(60):
        middle = (low + high) / 2
        y = middle + step
        above = objective(y)
        y = middle - step
        rising = above > objective(y)
        low, high = (middle, high) if rising else (low, middle)
    return (low + high) / 2


def ask_waits(rng):
    a, b = rng.uniform(0.3, 5, (2, 4))
    return [Ask("at(waits, a=a, b=b)", exactly(by_quadrature, a, b), a=a, b=b)]


def ask_lead(rng):
    given = rng.uniform(-2, 2, 4), rng.uniform(-2, 2, 4), *rng.uniform(0.3, 2, (2, 4))
    names = "d", "c", "beta", "gamma"
    expression = f"at(lead, {', '.join(f'{name}={name}' for name in names)})"
    return [Ask(expression, exactly(best_lead, *given), **dict(zip(names, given, strict=True)))]


# ------------------------------------------------------------------ question 5
def is_blind(v):
    v = float(v)
    if not 0 < abs(v) < 1:
        return "not between -1 and 1, or 0"
    found = -0.5 * (1 + v - 0.0 - np.exp(v))
    with mpmath.workdps(700):
        true = (mpmath.expm1(mpf(v)) - mpf(v)) / 2
        return bool(abs(mpf(float(found)) / true - 1) > 0.9) or "kl has a right digit there"


def ask_noise(rng):
    pixels, weight = int(rng.integers(50, 900)), float(rng.uniform(0.001, 4))
    return [Ask("noise(pixels, weight)", pixels * weight / 2, pixels=pixels, weight=weight)]


def one_direction(ratio):
    """R nats leave an error of variance lambda e^(-2R), which costs that over 2r, and R: the R
    at which the sum is smallest, where a difference quotient changes sign, in bits."""

    def loss(R):
        return ratio * exp(-2 * R) / 2 + R

    low, high, step = mpf(0), mpf(20), mpf("1e-15")
    if loss(step) > loss(low):
        return low
    for _ in range(90):
        middle = (low + high) / 2
        falls = loss(middle + step) < loss(middle - step)
        low, high = (middle, high) if falls else (low, middle)
    return middle / log(2)


def ask_bits(rng):
    """Directions above and below the variance, and one case in which all are lost."""
    asked = []
    for above in (0, *rng.integers(1, 9, 3)):
        r, lost = float(rng.uniform(0.1, 30)), rng.uniform(0.05, 0.9, rng.integers(2, 9))
        ratio = rng.permutation(np.concatenate([lost, 1.1 + rng.exponential(5, above)]))
        truth = float(sum(exactly(one_direction, ratio)))
        asked.append(Ask("bits(variances, r)", truth, variances=r * ratio, r=r))
    return asked


BOTH = ("numpy", "sympy")
QUESTIONS = (
    Question("q1", (
        Item("values", 1, "ordinary rates", ordinary, rtol=1e-5),
        Item("nights", 1, "rates of 0, and of nearly 0", nights),
        Item("digits", 2, "digits of a forecast that is nearly right", nearly_right, rtol=1e-8),
    )),
    Question("q2", (
        Item("loss", 1, "the loss, at several temperatures",
             lambda rng: all_allowed(rng, 0), 1e-7, 1e-9),
        Item("gradient", 1, "the gradient, at several temperatures",
             lambda rng: all_allowed(rng, 1), 1e-7, 1e-9),
        Item("masks", 1, "forbidden classes, and rows with nothing else", some_allowed, 1e-7, 1e-9),
        Item("large", 1, "large logits", large, 1e-7, 1e-9),
    )),
    Question("q3", (
        Item("bell", 1, "`bell`, for several mixtures", lambda rng: ask_bell(rng, 0.0)),
        Item("far", 1, "`bell`, far from 0", lambda rng: ask_bell(rng, 1.7e9), rtol=1e-8),
        Item("extra", 1, "`extra`, for several mixtures", ask_extra, 1e-9, 1e-12),
    )),
    Question("q4", (
        Item("waits", 1, "`waits`, at points", ask_waits),
        Item("lead", 2, "`lead`, at points", ask_lead),
    ), packages=BOTH),
    Question("q5", (
        Item("noise", 1, "`noise`", ask_noise),
        Item("bits", 1, "`bits`, for several sets of data", ask_bits),
        Item("blind", 1, "`blind`", lambda rng: [Ask("blind", is_blind)]),
    )),
    Written("q6", 3, "what an average of estimates tends to"),
)  # fmt: skip
