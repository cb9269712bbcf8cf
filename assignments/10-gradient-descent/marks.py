"""Hidden marks of assignment 10. The truth is mpmath's: eigenvalues in forty digits, steps
counted out with their whole past, recursions that are run, bisection on what is to hold.
"""

import mpmath
import numpy as np
from mpmath import log, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def plan(X, w, alpha, eps):
    """By mpmath's eigenvalues, and by how much two opposite corners shrink in one step."""
    with mpmath.workdps(40):
        rows = [[mpf(float(t)) for t in row] for row in X]
        weights, size = [mpf(float(t)) for t in w], X.shape[1]
        H = mpmath.matrix(size, size)
        for i in range(size):
            for j in range(size):
                pairs = zip(weights, rows, strict=True)
                H[i, j] = 2 * sum(v * row[i] * row[j] for v, row in pairs) / sum(weights)
            H[i, i] += mpf(alpha)
        values = sorted(mpmath.eigsy(H, eigvals_only=True))
        best = 2 / (values[0] + values[-1])
        steps = log(mpf(eps)) / log(abs(1 - best * values[0]))
        return float(2 / values[-1]), float(best), float(steps)


def ask_plan(X, w, alpha, eps, part):
    truth = plan(X, w, float(alpha), float(eps))
    asked, truth = {
        "rates": ("plan(X, w, alpha, eps)[:2]", truth[:2]),
        "steps": ("plan(X, w, alpha, eps)[2]", truth[2]),
        "all": ("plan(X, w, alpha, eps)", truth),
    }[part]
    return Ask(asked, truth, X=X, w=w, alpha=float(alpha), eps=float(eps))


def ordinary_plans(part):
    def draw(rng):
        asked = []
        for alpha in (0.0, rng.uniform(0.2, 2)):
            X = rng.normal(size=(9, 3)) * [1, 2, 3]
            X[:3] += 2 * np.eye(3)
            w, eps = rng.uniform(0.5, 3, 9), rng.uniform(0.001, 0.5)
            asked.append(ask_plan(X, w, alpha, eps, part))
        return asked

    return draw


def wide_plans(rng):
    """Fewer examples than parameters; weights of 0, on rows that would change everything."""
    wide = rng.normal(size=(2, 5))
    X = np.append(rng.normal(size=(6, 3)), 1e3 * rng.normal(size=(3, 3)), axis=0)
    w = np.append(rng.uniform(1, 2, 6), np.zeros(3))
    return [
        ask_plan(wide, rng.uniform(1, 2, 2), rng.uniform(0.1, 1), 0.01, "all"),
        ask_plan(X, w, rng.uniform(0.1, 1), 0.01, "all"),
    ]


def long_valleys(rng):
    """Condition numbers from 1e10 to 1e13, of a diagonal matrix."""
    asked = []
    for power in rng.uniform([5, 6], [5.5, 6.5]):
        X = np.diag([1.0, 10**-power, rng.uniform(0.1, 0.5)])
        asked.append(ask_plan(X, rng.uniform(0.5, 2, 3), 0.0, rng.uniform(0.001, 0.1), "steps"))
    return asked


# ------------------------------------------------------------------ question 2
def run_of(grad, theta, rates, beta, most, alpha):
    """In mpmath, with the whole past of b written out at every step."""
    with mpmath.workdps(40):
        points, past = [[mpf(float(t)) for t in theta]], []
        for rate in rates:
            g, here = grad(len(points) - 1, points[-1]), points[-1]
            if not all(mpmath.isfinite(t) for t in g):
                points.append(here)
                continue
            length = mpmath.sqrt(sum(t * t for t in g))
            past.append([t * mpf(most) / length for t in g] if length > most else g)
            b = [
                sum(mpf(beta) ** (len(past) - 1 - j) * old[i] for j, old in enumerate(past))
                for i in range(len(g))
            ]
            step = [b_i + mpf(alpha) * t for b_i, t in zip(b, here, strict=True)]
            points.append([t - mpf(float(rate)) * s for t, s in zip(here, step, strict=True)])
        return np.array([[float(t) for t in point] for point in points])


def ask_valley(rng, beta, alpha, most=np.inf):
    """A parabola in each coordinate, and rates that change."""
    theta, bottom, bend = rng.normal(size=3), rng.normal(size=3), rng.uniform(0.5, 3, 3)
    rates = rng.uniform(0.05, 0.3, 7)

    def grad(_, point):
        rows = zip(bend, point, bottom, strict=True)
        return [mpf(float(c)) * (t - mpf(float(a))) for c, t, a in rows]

    truth = run_of(grad, theta, rates, beta, most, alpha)
    asked = "(descend(lambda t: c * (t - a), theta, rates, beta, most, alpha), theta)"
    given = {"theta": theta, "rates": rates, "beta": beta, "most": most, "alpha": alpha}
    return Ask(asked, (truth, theta), c=bend, a=bottom, **given)


def ask_given(rng, g, most, beta, alpha):
    """Gradients that are handed out one after the other, wherever the run is."""
    theta, rates = rng.normal(size=g.shape[1]), rng.uniform(0.05, 0.3, len(g))
    truth = run_of(lambda k, _: [mpf(float(t)) for t in g[k]], theta, rates, beta, most, alpha)
    asked = "descend(lambda t, row=iter(g): next(row), theta, rates, beta, most, alpha)"
    given = {"theta": theta, "rates": rates, "beta": beta, "most": most, "alpha": alpha}
    return Ask(asked, truth, g=g, **given)


def momentum(rng):
    beta = float(rng.uniform(0.5, 0.9))
    return [ask_valley(rng, 0.0, 0.0), ask_valley(rng, beta, 0.0)]


def decay(rng):
    alpha, beta = (float(x) for x in rng.uniform([0.2, 0.5], [0.6, 0.9]))
    return [ask_valley(rng, 0.0, alpha), ask_valley(rng, beta, alpha)]


def clipping(rng):
    """Long, short, zero and enormous gradients."""
    g = rng.normal(size=(7, 3))
    g[1] *= 30
    g[2] *= 0.01
    g[3] = 0
    g[5] *= 1e199
    beta = float(rng.uniform(0.3, 0.9))
    return [ask_valley(rng, beta, 0.0, 0.5), ask_given(rng, g, 1.5, beta, 0.0)]


def skipping(rng):
    g = rng.normal(size=(8, 3))
    g[2, 1], g[4, 0], g[5, 2], g[5, 0] = np.nan, -np.inf, np.inf, np.nan
    beta, alpha = (float(x) for x in rng.uniform([0.3, 0.2], [0.9, 0.6]))
    return [ask_given(rng, g, np.inf, beta, alpha), ask_given(rng, g, 0.7, beta, 0.0)]


# ------------------------------------------------------------------ question 3
def largest_root(product):
    """The largest root of the recursion in size."""
    half = mpmath.sqrt((1 - 2 * product) ** 2 + 4 * product) / 2
    middle = mpf("0.5") - product
    return max(abs(middle + half), abs(middle - half))


def ahead_border(lam):
    low, high = mpf(0), 4 / lam
    for _ in range(150):
        middle = (low + high) / 2
        low, high = (middle, high) if largest_root(middle * lam) < 1 else (low, middle)
    return low


def ahead_best(lam):
    """The lowest point of the largest root, by thirds."""
    low, high = mpf("0.01") / lam, 1 / lam
    for _ in range(250):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if largest_root(left * lam) < largest_root(right * lam):
            high = right
        else:
            low = left
    return low


def ask_rate(name, formula):
    def draw(rng):
        lam = rng.uniform(0.2, 5, 3)
        return [Ask(f"at({name}, lam=lam)", exactly(formula, lam), lam=lam)]

    return draw


def ask_point(rng):
    """The recursion itself, at the best rate for a curvature of 1."""
    k, x0 = np.array([1.0, 2, 3, 7, 30]), rng.uniform(0.5, 3, 5)

    def run(k, x0):
        before = now = x0
        for _ in range(int(k)):
            before, now = now, now - best * (2 * now - before)
        return now

    with mpmath.workdps(50):
        best = ahead_best(mpf(1))
    return [Ask("at(point, k=k, x0=x0)", exactly(run, k, x0), k=k, x0=x0)]


# ------------------------------------------------------------------ question 4
def agrees(slope, z):
    """The code of the question, for the loss z^2."""
    z, h = float(z), 1e-10
    found = ((z + h) ** 2 - z**2) / h
    return abs(found - slope(z)) <= 0.01 * abs(found) + 1e-8


def is_rejected(z):
    if not abs(float(z)) <= 1e12:
        return "at most 1e12 in size is asked for"
    return not agrees(lambda z: 2 * z, z) or "the code gets this right"


def is_accepted(z):
    if not np.isfinite(float(z)) or float(z) == 0:
        return "a finite number other than 0 is asked for"
    return bool(agrees(lambda z: z, z)) or "the code gets this right"


LOSSES = (
    ("lambda z: z ** 2 - c * z", lambda z, c: mpf(2), (3, 9)),
    ("lambda z: np.sqrt(c * z)", lambda z, c: -mpmath.sqrt(c / z) / (4 * z), (2, 9)),
    ("lambda z: c * z ** 3", lambda z, c: 6 * c * z, (-9e5, -1e3)),
    ("lambda z: c / z", lambda z, c: 2 * c / z**3, (-1e4, -1e2)),
)
ROOT, EXP = LOSSES[1][:2], ("lambda z: np.exp(z) + c", lambda z, c: mpmath.exp(z))


def bends(rng):
    """Where the values are large beside the bend, and where the bend itself changes fast."""
    roots = [(*ROOT, (3 * 10.0**power, 9 * 10.0**power)) for power in (1, 2, 3, 4, 5, 5, 5)]
    asked = []
    for code, formula, (low, high) in (*LOSSES, *roots, (*EXP, (4, 5)), (*EXP, (4.8, 5))):
        z, c = (float(x) for x in rng.uniform([low, 1], [high, 2]))
        truth = float(exactly(formula, z, c))
        asked.append(Ask(f"bend({code}, z)", truth, z=z, c=c))
    return asked


# ------------------------------------------------------------------ question 5
def floor(lam, var, rate, batch):
    """Half the sum of lambda E x^2, each the limit of V <- (1 - eta lambda)^2 V + eta^2 s^2."""
    total = mpf(0)
    for bend, noise in zip(lam, var, strict=True):
        bend, noise = mpf(float(bend)), mpf(float(noise)) / batch
        total += bend * rate**2 * noise / (1 - (1 - rate * bend) ** 2) / 2 if noise else 0
    return total


def best_rate(lam, var, batch, target):
    with mpmath.workdps(50):
        low, high = mpf(0), 2 / mpf(float(lam.max()))
        for _ in range(220):
            middle = (low + high) / 2
            enough = floor(lam, var, middle, batch) <= mpf(target)
            low, high = (middle, high) if enough else (low, middle)
        return float(low)


def ask_largest(lam, var, batch, target):
    given = {"lam": lam, "var": var, "batch": int(batch), "target": float(target)}
    return Ask("largest_rate(lam, var, batch, target)", best_rate(**given), **given)


def directions(rng, size=6):
    lam = rng.permutation(np.append(rng.uniform(0.1, 1, size - 2), [3.0, 0.02]))
    return lam * rng.uniform(0.5, 2), rng.uniform(0.2, 2, size)


def ordinary_rates(rng):
    asked = []
    for share in (0.3, 0.7):
        lam, var = directions(rng)
        batch = rng.integers(5, 50)
        with mpmath.workdps(30):
            target = floor(lam, var, mpf(share) * 2 / mpf(lam.max()), int(batch))
        asked.append(ask_largest(lam, var, batch, float(target)))
    return asked


def border_rates(rng):
    """No noise where it is steepest; then targets so high or so low that few rates remain."""
    lam, var = directions(rng)
    quiet = np.where(lam == lam.max(), 0.0, var)
    tied = np.append(lam, lam.max())
    return [
        ask_largest(lam, quiet, 10, rng.uniform(50, 90)),
        ask_largest(tied, np.append(quiet, 0.0), 3, rng.uniform(50, 90)),
        ask_largest(lam, var, 20, rng.uniform(1, 9) * 1e4),
        ask_largest(lam, var, 20, rng.uniform(1, 9) * 1e-13),
    ]


def batches(rng):
    """Halfway between two integers; a floor met by one example; rates at and above the border."""
    lam, var = directions(rng)
    asked, border = [], 2 / lam.max()
    counts = (int(rng.integers(20, 60)), int(rng.integers(3, 20)))
    asked_for = [(share * border, n) for share, n in zip((0.2, 0.9), counts, strict=True)]
    for rate, count in [*asked_for, (0.5 * border, 0)]:
        with mpmath.workdps(30):
            target = float(floor(lam, var, mpf(float(rate)), 1) / (count + mpf("0.5")))
        given = {"rate": float(rate), "target": target}
        asked.append(Ask("smallest_batch(lam, var, rate, target)", count + 1,
                         lam=lam, var=var, **given))  # fmt: skip
    quiet = np.where(lam == lam.max(), 0.0, var)  # without noise, and still it diverges
    even = np.array([2.0, 4.0, 1.0])  # powers of two: nothing is rounded at the border itself
    beyond = ((1.01 * border, lam, var), (rng.uniform(2, 9) * border, lam, var))
    beyond += ((1.01 * border, lam, quiet), (0.5, even, np.array([1.0, 0.0, 1.0])))
    for rate, lam, var in beyond:
        given = {"rate": float(rate), "target": float(rng.uniform(1, 9))}
        asked.append(Ask("smallest_batch(lam, var, rate, target)", 0, lam=lam, var=var, **given))
    return asked


QUESTIONS = (
    Question("q1", (
        Item("rates", 1, "border and best rate", ordinary_plans("rates"), 1e-5),
        Item("steps", 1, "number of steps", ordinary_plans("steps"), 1e-5),
        Item("wide", 1, "fewer examples than parameters, and weights of 0", wide_plans),
        Item("digits", 1, "steps at large condition numbers", long_valleys),
    )),
    Question("q2", (
        Item("momentum", 1, "momentum, rates that change, and `theta` left alone", momentum),
        Item("decay", 1, "weight decay", decay),
        Item("clip", 1, "gradients of any length", clipping),
        Item("skip", 1, "gradients that are not finite", skipping),
    )),
    Question("q3", (
        Item("border", 1, "`border`, at points", ask_rate("border", ahead_border)),
        Item("best", 1, "`best`, at points", ask_rate("best", ahead_best)),
        Item("point", 1, "`point`, at points", ask_point),
    ), packages=("numpy", "sympy")),
    Question("q4", (
        Item("rejected", 1, "`rejected`", lambda rng: [Ask("rejected", is_rejected)]),
        Item("accepted", 1, "`accepted`", lambda rng: [Ask("accepted", is_accepted)]),
        Item("bend", 1, "`bend`, several losses and sizes", bends, 1e-6),
    )),
    Question("q5", (
        Item("rate", 1, "`largest_rate`, ordinary targets", ordinary_rates, 1e-8),
        Item("border", 1, "`largest_rate`, extreme targets and no noise", border_rates, 1e-8),
        Item("batch", 1, "`smallest_batch`", batches),
    )),
    Written("q6", 3, "three runs and what is wrong with them"),
)  # fmt: skip
