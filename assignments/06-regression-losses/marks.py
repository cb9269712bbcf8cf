"""Hidden marks of assignment 6. The truth is fifty digits of exponentials, costs in fractions,
an exact solution of the balance, difference quotients, and the given code itself."""

from fractions import Fraction

import mpmath
import numpy as np
from mpmath import exp, expm1, log, log1p, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def log_cosh(yhat, y, delta):
    """From the two exponentials; cosh - 1 is a square, so nothing is subtracted."""
    u = abs(yhat - y) / delta
    if u > 1:
        return delta**2 * (u + log1p(exp(-2 * u)) - log(2))
    return delta**2 * log1p(expm1(u) ** 2 * exp(-u) / 2)


def slope(yhat, y, delta):
    u = 2 * abs(yhat - y) / delta
    size = delta * -expm1(-u) / (1 + exp(-u))
    return size if yhat > y else -size


def ask_smooth(yhat, y, delta):
    # the error is rounded once, to float64; that is not the question here
    e = np.asarray(yhat) - np.asarray(y)
    truth = exactly(log_cosh, e, 0.0, delta), exactly(slope, e, 0.0, delta)
    return Ask("smooth(yhat, y, delta)", truth, yhat=yhat, y=y, delta=float(delta))


def ordinary(rng):
    asked = []
    for shape in ((6,), (3, 2)):
        yhat, y = rng.normal(scale=3, size=(2, *shape))
        asked += [ask_smooth(yhat, y, delta) for delta in (1.0, rng.uniform(1.5, 4))]
    return asked


def far_off(rng):
    e = np.concatenate([rng.uniform(800, 5000, 3), rng.uniform(1e5, 1e8, 3), [1e170]])
    e *= rng.choice([-1, 1], e.size)
    return [ask_smooth(e, np.zeros(7), delta) for delta in (1.0, rng.uniform(0.2, 0.8))]


def nearly_right(rng):
    ends = rng.uniform(-60, -9, 4), rng.uniform(-9, -2, 6), rng.uniform(-1.5, -1, 2)
    e = 10.0 ** np.concatenate(ends)
    e *= rng.choice([-1, 1], e.size)
    y = np.concatenate([np.zeros(6), rng.uniform(1, 2, 6)])
    return [ask_smooth(y + e, y, delta) for delta in (1.0, rng.uniform(2, 5))]


def refuses(rng):
    """An error where the shapes differ, and an answer where they agree."""
    column, row = rng.normal(size=(4, 1)), rng.normal(size=4)
    shapes = ((column, row), (row, column), (row[:1], row), (column, column.T))
    refused = [Ask("smooth(yhat, y, 1.0)", ValueError, yhat=a, y=b) for a, b in shapes]
    return [ask_smooth(column, 2 * column, 1.0), *refused]


# ------------------------------------------------------------------ question 2
def cheapest(demand, days, short, over):
    """Every number tried, in fractions."""
    short, over = Fraction(short), Fraction(over)
    costs = {}
    for stock in demand.tolist():
        each = zip(demand.tolist(), days.tolist(), strict=True)
        total = sum(n * (short * max(d - stock, 0) + over * max(stock - d, 0)) for d, n in each)
        costs[stock] = total / int(days.sum())
    least = min(costs.values())
    return min(stock for stock, cost in costs.items() if cost == least), float(least)


def ask_stock(demand, days, short, over, order):
    given = {"demand": np.array(demand)[order], "days": np.array(days)[order]}
    given |= {"short": float(short), "over": float(over)}
    return Ask("stock(demand, days, short, over)", cheapest(**given), **given)


def some_bread(rng):
    """Shares of days that are far from a tie."""
    asked = []
    for short, over in ((3, 1), (1, 4), (0.7, 1.9), (19, 1)):
        demand = 20 + np.cumsum(rng.integers(1, 15, 9))
        days = rng.integers(5, 12, 9)
        days[4] += 101 - days.sum()  # a prime, so no share is a tie
        asked.append(ask_stock(demand, days, short, over, rng.permutation(9)))
    return asked


def tied_bread(rng):
    """Shares that are hit exactly, in binary fractions, so that no rounding decides."""
    demand = 20 + np.cumsum(rng.integers(2, 15, 4))
    down, mixed = [3, 2, 1, 0], [2, 3, 0, 1]  # the smaller of two equals comes later
    return [
        ask_stock(demand, [1, 1, 1, 1], 1, 1, down),
        ask_stock(demand, [2, 4, 1, 1], 3, 1, mixed),
        ask_stock(demand, [3, 1, 3, 1], 0.5, 0.5, rng.permutation(4)),
        ask_stock(demand, [1, 2, 4, 1], 1, 7, down),
    ]


# ------------------------------------------------------------------ question 3
def balance(x, y):
    """The slope of the sum is made of straight lines: find the piece that crosses 0, exactly."""
    rows = [(Fraction(float(a)), Fraction(float(b))) for a, b in zip(x, y, strict=True)]

    def median(values):
        values = sorted(values)
        return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2

    m = median([b / a for a, b in rows])
    delta = Fraction("1.345") * Fraction("1.4826") * median([abs(b - m * a) for a, b in rows])
    if delta == 0:
        return float(m)

    def total(c):
        return sum(a * max(-delta, min(delta, c * a - b)) for a, b in rows)

    corners = sorted({(b + sign * delta) / a for a, b in rows for sign in (-1, 1)})
    low = max(c for c in corners if total(c) <= 0)
    high = min(c for c in corners if total(c) >= 0)
    if total(low) == 0:
        return float(low)
    return float(low - total(low) * (high - low) / (total(high) - total(low)))


def ask_stiffness(x, y):
    return Ask("stiffness(x, y)", balance(x, y), x=x, y=y)


def with_errors(rng, cases):
    """With gross errors on one side: how many values, and the units of length and force."""
    asked = []
    for count, length, force in cases:
        x = rng.uniform(0.3, 2, count)
        y = force * (2 * x + rng.normal(size=count))
        y[:3] += force * rng.uniform(15, 80, 3)
        order = rng.permutation(count)
        asked.append(ask_stiffness(length * x[order], y[order]))
    return asked


ORDINARY = ((15, 1.0, 3.0), (16, 0.1, 2.0), (30, 3.0, 20.0))
UNITS = ((16, 1e2, 2e-10), (21, 1e-3, 5e8), (15, 1e-6, 2e-6))


def mostly_equal(rng):
    """Powers of two and whole numbers, so that equal ratios are equal in float64, too."""
    c = float(rng.integers(2, 40))
    x = 2.0 ** rng.integers(-2, 3, 8)
    y = c * x
    y[5:] += rng.uniform(60, 90, 3)
    order = rng.permutation(8)
    return [
        ask_stiffness(x[order], y[order]),
        ask_stiffness(x[:4], y[:4]),
        ask_stiffness(x[:1], y[:1]),
    ]


# ------------------------------------------------------------------ question 4
STEP = mpf("1e-15")


def student(e, u, nu):
    return (nu + 1) / 2 * log(1 + e**2 / (nu * exp(u))) + u / 2


def by_log_variance(e, u, nu):
    return (student(e, u + STEP, nu) - student(e, u - STEP, nu)) / (2 * STEP)


def hardest(u, nu):
    """By halving: where the second difference of the loss changes its sign."""
    low, high = mpf(0), mpf(100)
    for _ in range(70):
        e = (low + high) / 2
        bend = student(e + STEP, u, nu) - 2 * student(e, u, nu) + student(e - STEP, u, nu)
        low, high = (e, high) if bend > 0 else (low, e)
    return (low + high) / 2


def collapses(nu):
    """By halving: the number of examples whose summed loss no longer falls for a tiny scale."""
    low, high, u = mpf(0), mpf(100), mpf(-150)
    for _ in range(70):
        n = (low + high) / 2
        ends = ((n - 1) * v / 2 + student(mpf(1), v, nu) for v in (u - 1, u + 1))
        shrunk, grown = ends
        low, high = (low, n) if shrunk < grown else (n, high)
    return (low + high) / 2


def ask_spread(rng):
    e, u, nu = rng.uniform(-4, 4, 5), rng.uniform(-2, 2, 5), rng.uniform(0.5, 9, 5)
    truth = exactly(by_log_variance, e, u, nu)
    return [Ask("at(spread, e=e, u=u, nu=nu)", truth, e=e, u=u, nu=nu)]


def ask_crowd(rng):
    nu = rng.uniform(0.5, 9, 5)
    return [Ask("at(crowd, nu=nu)", exactly(collapses, nu), nu=nu)]


def ask_peak(rng):
    u, nu = rng.uniform(-2, 2, 5), rng.uniform(0.5, 9, 5)
    with mpmath.workdps(80):
        truth = exactly(hardest, u, nu, digits=80)
    return [Ask("at(peak, u=u, nu=nu)", truth, u=u, nu=nu)]


# ------------------------------------------------------------------ question 5
def report(predicted, true):
    """The code of the question: its RMSE, and the variance within."""
    mse = np.mean((predicted - true) ** 2)
    return np.sqrt(mse), np.mean(true**2) - np.mean(true) ** 2


def spreads(answer):
    true = np.asarray(answer, dtype=np.float64).ravel()
    if true.shape != (4,) or not np.isfinite(true).all():
        return "four finite numbers are asked for"
    if not abs(true.mean() - 10) < 1e-3:
        return "the mean is another"
    right = abs(report(true[:, None], true)[0] - 4) < 1e-3
    return right or "the code returns another RMSE"


def wraps(answer):
    first, second = np.asarray(answer, dtype=float).ravel()
    if not all(0 <= x <= 255 and x == int(x) for x in (first, second)):
        return "two whole numbers from 0 to 255 are asked for"
    if abs(first - second) < 100:
        return "too near one another"
    pair = (np.array([int(x)], dtype=np.uint8) for x in (first, second))
    return bool(report(*pair)[0] == 0) or "the code returns another RMSE"


def cancels(answer):
    true = np.asarray(answer, dtype=np.float64).ravel()
    if true.shape != (3,) or not (np.abs(true) <= 1e12).all():
        return "three numbers of the size asked for"
    exact = [Fraction(x) for x in true.tolist()]
    mean = sum(exact) / 3
    variance = float(sum((x - mean) ** 2 for x in exact) / 3)
    if variance < 0.1:
        return "their variance is too small"
    off = abs(report(true, true)[1] - variance)
    return off >= 0.5 * variance or "the code gets this right"


BOTH = ("numpy", "sympy")
QUESTIONS = (
    Question("q1", (
        Item("values", 1, "ordinary errors, two bounds, and shapes that differ",
             lambda rng: [*ordinary(rng), *refuses(rng)], rtol=1e-5),
        Item("large", 1, "large errors", far_off),
        Item("tiny", 1, "digits of a tiny error", nearly_right),
    )),
    Question("q2", (
        Item("stock", 2, "the number and its cost, for several prices", some_bread),
        Item("ties", 1, "numbers that cost the same", tied_bread),
    )),
    Question("q3", (
        Item("errors", 2, "data with gross errors",
             lambda rng: with_errors(rng, ORDINARY), rtol=2e-6),
        Item("units", 1, "very small and very large units",
             lambda rng: with_errors(rng, UNITS), rtol=2e-6),
        Item("equal", 1, "data most of which lie on one line", mostly_equal, rtol=1e-6),
    )),
    Question("q4", (
        Item("spread", 1, "`spread`, at points", ask_spread, atol=1e-12),
        Item("peak", 1, "`peak`, at points", ask_peak),
        Item("crowd", 1, "`crowd`, at points", ask_crowd),
    ), packages=BOTH),
    Question("q5", (
        Item("column", 1, "`column`", lambda rng: [Ask("column", spreads)]),
        Item("pixels", 1, "`pixels`", lambda rng: [Ask("pixels", wraps)]),
        Item("large", 1, "`large`", lambda rng: [Ask("large", cancels)]),
    )),
    Written("q6", 4, "what losses ask for, and what adds up"),
)  # fmt: skip
