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
    """1 where a ValueError is raised: an expression cannot catch, so unittest does."""
    column, row = rng.normal(size=(4, 1)), rng.normal(size=4)
    shapes = ((column, row), (row, column), (row[:1], row), (column, column.T))
    caught = (
        "[__import__('unittest').TestCase().assertRaises(ValueError, smooth, yhat, y, 1.0), 1.0][1]"
    )
    fine = ask_smooth(column, 2 * column, 1.0)  # and where they agree, it answers
    return [fine, *(Ask(caught, 1.0, yhat=a, y=b) for a, b in shapes)]


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
def balance(y):
    """The sum of pulls is made of straight lines: find the piece that crosses 0, exactly."""
    given = sorted(Fraction(float(each)) for each in y)

    def median(values):
        values = sorted(values)
        return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2

    middle = median(given)
    delta = Fraction("1.345") * Fraction("1.4826") * median([abs(v - middle) for v in given])
    if delta == 0:
        return float(middle)

    def total(c):
        return sum(max(-delta, min(delta, c - v)) for v in given)

    corners = sorted({v + sign * delta for v in given for sign in (-1, 1)})
    low = max(c for c in corners if total(c) <= 0)
    high = min(c for c in corners if total(c) >= 0)
    if total(low) == 0:
        return float(low)
    return float(low - total(low) * (high - low) / (total(high) - total(low)))


def ask_center(y):
    return Ask("center(y)", balance(y), y=y)


def with_errors(rng):
    """In three units, with gross errors on one side, for odd and even numbers of values."""
    asked = []
    for count, unit, place in ((15, 1.0, 3.0), (16, 1e-6, 2e-6), (21, 1e4, -5e4), (30, 250.0, 0.0)):
        y = place + unit * rng.normal(size=count)
        y[:3] = place + unit * rng.uniform(15, 80, 3)
        asked.append(ask_center(rng.permutation(y)))
    return asked


def mostly_equal(rng):
    value, others = rng.uniform(1, 50), rng.uniform(60, 90, 3)
    return [
        ask_center(rng.permutation(np.concatenate([np.full(5, value), others]))),
        ask_center(np.full(4, value)),
        ask_center(np.array([value])),
    ]


# ------------------------------------------------------------------ question 4
STEP = mpf("1e-15")


def student(e, u, nu):
    return (nu + 1) / 2 * log(1 + e**2 / (nu * exp(u))) + u / 2


def by_error(e, u, nu):
    return (student(e + STEP, u, nu) - student(e - STEP, u, nu)) / (2 * STEP)


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


def ask_slope(name, formula):
    def draw(rng):
        e, u, nu = rng.uniform(-4, 4, 5), rng.uniform(-2, 2, 5), rng.uniform(0.5, 9, 5)
        truth = exactly(formula, e, u, nu)
        return [Ask(f"at({name}, e=e, u=u, nu=nu)", truth, e=e, u=u, nu=nu)]

    return draw


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


def wraps(answer):
    first, second = np.asarray(answer, dtype=float).ravel()
    if not all(0 <= x <= 255 and x == int(x) for x in (first, second)):
        return False
    pair = (np.array([int(x)], dtype=np.uint8) for x in (first, second))
    return abs(first - second) >= 100 and report(*pair)[0] == 0


def cancels(answer):
    true = np.asarray(answer, dtype=np.float64).ravel()
    if true.shape != (3,) or not (np.abs(true) <= 1e12).all():
        return False
    exact = [Fraction(x) for x in true.tolist()]
    mean = sum(exact) / 3
    variance = float(sum((x - mean) ** 2 for x in exact) / 3)
    return variance >= 0.1 and abs(report(true, true)[1] - variance) >= 0.5 * variance


BOTH = ("numpy", "sympy")
QUESTIONS = (
    Question("q1", (
        Item("values", 1, "ordinary errors, two bounds", ordinary, rtol=1e-5),
        Item("large", 1, "large errors", far_off),
        Item("tiny", 1, "digits of a tiny error", nearly_right),
        Item("shapes", 1, "shapes that differ", refuses),
    )),
    Question("q2", (
        Item("stock", 2, "the number and its cost, for several prices", some_bread),
        Item("ties", 1, "numbers that cost the same", tied_bread),
    )),
    Question("q3", (
        Item("center", 2, "data in several units, with gross errors", with_errors, rtol=2e-6),
        Item("equal", 1, "data that are mostly equal", mostly_equal, rtol=1e-6),
    )),
    Question("q4", (
        Item("pull", 1, "`pull`, at points", ask_slope("pull", by_error)),
        Item("spread", 1, "`spread`, at points", ask_slope("spread", by_log_variance), atol=1e-12),
        Item("peak", 1, "`peak`, at points", ask_peak),
    ), packages=BOTH),
    Question("q5", (
        Item("column", 1, "`column`", lambda rng: [Ask("column", np.sqrt(10.0))], rtol=2e-4),
        Item("pixels", 1, "`pixels`", lambda rng: [Ask("pixels", wraps)]),
        Item("large", 1, "`large`", lambda rng: [Ask("large", cancels)]),
    )),
    Written("q6", 4, "what a loss asks for, and what a penalty sees"),
)  # fmt: skip
