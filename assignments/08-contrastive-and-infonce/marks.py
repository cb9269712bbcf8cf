"""Hidden marks of assignment 8. The truth is mpmath's, from the definitions: sums over sets,
all triplets one by one, a difference quotient, a search for the lowest loss.
"""

import itertools

import mpmath
import numpy as np
from mpmath import exp, log, log1p, mpf, sqrt

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


# ------------------------------------------------------------------ question 1
def row_loss(s, right, keep, tau):
    """-ln of the share of the right ones; None for a row that is no anchor."""
    good = [mpf(float(t)) for t in s[right & keep]]
    bad = [mpf(float(t)) for t in s[~right & keep]]
    if not good:
        return None
    odds = sum(exp((t - good[0]) / mpf(tau)) for t in bad)
    return log1p(odds / sum(exp((t - good[0]) / mpf(tau)) for t in good))


def ask_any(s, right, keep, tau):
    with mpmath.workdps(60):
        rows = (row_loss(*row, tau) for row in zip(s, right, keep, strict=True))
        losses = [loss for loss in rows if loss is not None]
        truth = float(sum(losses) / len(losses)) if losses else 0.0
    asked = "any_of(s, right, keep, tau)"
    return Ask(asked, truth, s=s, right=right, keep=keep, tau=float(tau))


def questions(rng, rows=5, passages=7):
    """Cosines; every question keeps two right passages and two others, and leaves out the best."""
    s = rng.uniform(-1, 1, (rows, passages))
    right, keep = rng.random((rows, passages)) < 0.4, rng.random((rows, passages)) < 0.7
    right[:, :5], keep[:, :5] = [True, True, False, False, False], [True, True, True, True, False]
    s[:, 4] = 1.1
    order = rng.permutation(passages)
    return s[:, order], right[:, order], keep[:, order]


def any_values(rng):
    return [ask_any(*questions(rng), tau) for tau in rng.uniform(0.2, 2, 3)]


def any_cold(rng):
    """Each side wins by far in some row, beyond what exp can hold."""
    asked = []
    for tau in rng.uniform([1e-4, 5e-4], [2e-4, 1e-3]):
        s, right, keep = questions(rng)
        first = np.where(right & keep, s - 3, s)  # the right ones lose
        asked += [ask_any(first, right, keep, tau), ask_any(s, right, keep, tau)]
    return asked


def any_masks(rng):
    s, right, keep = questions(rng)
    without, empty, certain, noisy, loud = rng.permutation(5)
    right[without] = False
    keep[empty] = False
    right[certain] = True
    left_out = keep[without].copy()
    left_out[np.argmax(left_out)] = False
    keep[without] = left_out
    right[without] = ~left_out  # right passages, but none that is kept
    for row, left in ((noisy, np.nan), (loud, 1e6), (without, np.nan), (empty, np.nan)):
        s[row] = np.where(keep[row], s[row], left)
    tau = rng.uniform(0.1, 1)
    nothing = ask_any(s, np.zeros_like(right), keep, tau)
    return [ask_any(s, right, keep, tau), nothing, ask_any(s, right, np.zeros_like(keep), tau)]


def any_digits(rng):
    """Losses down to 1e-200; then scores near 2 ** 30 that differ by sixteenths."""
    s, right, keep = questions(rng)
    asked = []
    for ahead in (40, 450):
        clear = np.where(right, 0.01 * s + 1, 0.01 * s)
        asked.append(ask_any(clear, right, keep, 1 / rng.uniform(ahead, 1.1 * ahead)))
    large = 2.0**30 + rng.integers(-4, 5, s.shape) / 16
    return [*asked, ask_any(large, right, keep, rng.uniform(0.05, 0.2))]


# ------------------------------------------------------------------ question 2
def by_counting(x, labels, margin):
    """One triplet after the other, in fifty digits."""
    losses, active, wrong = [], [], []
    with mpmath.workdps(50):
        points = [[mpf(float(t)) for t in row] for row in x]

        def distance(i, j):
            return sqrt(sum((a - b) ** 2 for a, b in zip(points[i], points[j], strict=True)))

        far = {pair: distance(*pair) for pair in itertools.product(range(len(x)), repeat=2)}
        for a, p, n in itertools.permutations(range(len(x)), 3):
            if labels[a] == labels[p] != labels[n]:
                losses.append(max(mpf(0), far[a, p] - far[a, n] + mpf(margin)))
                active += [losses[-1]] if losses[-1] > 0 else []
                wrong.append(mpf(int(far[a, n] < far[a, p])))
        return tuple(float(sum(m) / max(len(m), 1)) for m in (losses, active, wrong))


def ask_triplets(x, labels, margin):
    labels = np.asarray(labels)
    truth = by_counting(x, labels, float(margin))
    return Ask("triplets(x, labels, margin)", truth, x=x, labels=labels, margin=float(margin))


def triplet_values(rng):
    labels = rng.permutation([0, 0, 0, 1, 1, 2, 2, 5])
    return [ask_triplets(rng.normal(size=(8, 3)), labels, m) for m in rng.uniform(0.3, 1.5, 2)]


def triplet_far(rng):
    x = 1e7 * rng.uniform(1, 2, 4) + rng.normal(size=(7, 4))
    return [ask_triplets(x, rng.permutation([0, 0, 0, 1, 1, 2, 2]), rng.uniform(0.3, 1.5))]


def triplet_cases(rng):
    """Ties and losses of exactly 0 on integers; rows that coincide; nothing to take a mean of."""
    shift, size = float(rng.integers(-5, 6)), float(rng.integers(1, 40))
    line = np.array([[0.0], [3.0], [3.0], [-3.0], [5.0], [rng.integers(7, 30)]])
    line, order = size * line + shift, rng.permutation(6)
    spread = np.array([[0.0], [1.0], [50.0], [51.0]]) + shift
    grid = rng.integers(-2, 3, (int(rng.integers(5, 9)), 2)).astype(float)
    labels = rng.permutation([0, 0, 1, 1, 0, 1, 2, 2][: len(grid)])
    cases = [
        ask_triplets(line[order], np.array([4, 4, 7, 7, 4, 1])[order], 2 * size),
        ask_triplets(np.ones((5, 2)) * shift, [0, 0, 1, 1, 1], rng.uniform(0.1, 1)),
        ask_triplets(spread, [0, 0, 1, 1], 2.0),
        ask_triplets(line, np.arange(6), 2.0),
        ask_triplets(line, np.zeros(6, int), 2.0),
        ask_triplets(grid, labels, 1.0),
    ]
    return [cases[i] for i in rng.permutation(6)]


# ------------------------------------------------------------------ question 3
def siglip(s, r, tau, b, count):
    return log1p(exp(-s / tau - b)) + (count - 1) * log1p(exp(r / tau + b))


def ask_slope(rng):
    """By a central difference in fifty digits."""
    points = [rng.uniform(-1, 1, 6), rng.uniform(-1, 1, 6), rng.uniform(0.3, 2, 6)]
    points += [rng.uniform(-4, 4, 6), rng.integers(2, 40, 6).astype(float)]

    def quotient(s, r, tau, b, count):
        step = mpf("1e-16")
        up, down = siglip(s, r, tau + step, b, count), siglip(s, r, tau - step, b, count)
        return (up - down) / (2 * step)

    given = dict(zip(("s", "r", "tau", "b", "N"), points, strict=True))
    asked = "at(slope, s=s, r=r, tau=tau, b=b, N=N)"
    return [Ask(asked, exactly(quotient, *points), **given)]


def best_bias(s, tau, count):
    """The lowest point of the loss, by golden section."""
    low, high, golden = mpf(-60), mpf(60), (sqrt(5) - 1) / 2
    while high - low > mpf("1e-16"):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if siglip(s, s, tau, left, count) < siglip(s, s, tau, right, count):
            high = right
        else:
            low = left
    return (low + high) / 2


def ask_bias(rng):
    given = {"s": rng.uniform(-1, 1, 3), "tau": rng.uniform(0.2, 2, 3)}
    given["N"] = rng.integers(3, 5000, 3).astype(float)
    truth = exactly(best_bias, given["s"], given["tau"], given["N"])
    return [Ask("at(bias, s=s, tau=tau, N=N)", truth, **given)]


def ask_fall(rng):
    """From the loss itself at a very low temperature, and the definition of c."""
    s = rng.uniform(0.1, 1, 4)
    given = {"s": s, "r": s - rng.uniform(0.2, 1, 4)}

    def power(s, r):
        tau, count = mpf("1e-3"), 7
        return -tau * log(siglip(s, r, tau, -(s + r) / (2 * tau), count) / count)

    return [Ask("at(fall, s=s, r=r)", exactly(power, *given.values(), digits=400), **given)]


# ------------------------------------------------------------------ question 4
def given_code(x, y, tau):
    """The code of the question."""
    u = np.concatenate([x, y])
    with np.errstate(all="ignore"):
        u = u / np.linalg.norm(u, axis=1, keepdims=True)
        e = np.exp(u @ u.T / tau)
        others = e.sum(axis=1) - np.exp(1 / tau)
        view = np.arange(len(u))
        return np.mean(np.log(others) - np.log(e[view, np.roll(view, len(x))]))


def nt_xent(x, y, tau):
    """In fifty digits, view by view, over all other views."""
    with mpmath.workdps(50):
        views = [[mpf(float(t)) for t in row] for row in np.concatenate([x, y])]
        lengths = [sqrt(sum(t * t for t in view)) for view in views]
        count, total = len(views), mpf(0)
        for i, view in enumerate(views):
            dots = [sum(a * b for a, b in zip(view, other, strict=True)) for other in views]
            s = [dot / lengths[i] / lengths[j] for j, dot in enumerate(dots)]
            mate = s[(i + len(x)) % count]
            total += log(sum(exp((s[j] - mate) / mpf(tau)) for j in range(count) if j != i))
        return float(total / count)


def is_wrong(batch):
    x, y = (np.asarray(each, dtype=float) for each in batch)
    if x.shape != (2, 3) or y.shape != (2, 3):
        return "wrong shape"
    squares = np.square(np.clip(np.concatenate([x, y]), -9, 9)).sum(axis=1)
    if not np.all((squares >= 0.25) & (squares <= 4)):  # nan is refused here, too
        return "vectors of another length"
    if abs(given_code(x, y, 0.02) - nt_xent(x, y, 0.02)) <= 1:
        return "the code is right, or nearly"
    return True


def ask_repaired(x, y, tau):
    truth = nt_xent(x, y, tau)
    return Ask("repaired(x, y, tau)", truth, x=x, y=y, tau=float(tau))


def views(rng, lowest, highest):
    """Some partners near one another, some anywhere; lengths between 0.5 and 2."""
    asked = []
    for tau in rng.uniform(lowest, highest, 2):
        x = rng.normal(size=(4, 5))
        y = rng.normal(size=(4, 5)) + x * [[1], [1], [0], [0]]
        lengths = rng.uniform(0.5, 2, (2, 4, 1))
        x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
        asked.append(ask_repaired(x * lengths[0], y * lengths[1], tau))
    return asked


def ordinary_views(rng):
    """Near one another and hot; then at right angles, where exp(1 / tau) swallows the others."""
    frame = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    apart = ask_repaired(2 * frame[:2], frame[2:4], rng.uniform(0.021, 0.023))
    return [*views(rng, 0.3, 1), apart]


def cold_views(rng):
    return views(rng, 1e-4, 1e-3)


# ------------------------------------------------------------------ question 5
def right_temperature(s, share):
    """By bisection in fifty digits, over the logarithm of the temperature."""
    with mpmath.workdps(50):
        s, low, high = [mpf(float(t)) for t in s], log(mpf("1e-8")), log(mpf("1e8"))
        top = max(s)
        for _ in range(150):
            middle = (low + high) / 2
            push = [exp((t - top) / exp(middle)) for t in s]
            hardest = sum(p for p, t in zip(push, s, strict=True) if t == top)
            low, high = (middle, high) if hardest / sum(push) > mpf(share) else (low, middle)
        return float(exp(middle))


def ask_temperature(s, share):
    truth = right_temperature(s, float(share))
    return Ask("temperature(s, share)", truth, s=s, share=float(share))


def ordinary_shares(rng):
    asked = []
    for share in rng.uniform([0.3, 0.6], [0.5, 0.9]):
        s = rng.permutation(np.linspace(-0.8, 0.8, 8)) + rng.uniform(-0.1, 0.1, 8)
        asked.append(ask_temperature(s, share))
    return asked


def shared_places(rng):
    """Two or three at the top."""
    s = rng.uniform(-1, 0.9, 6)
    two, three = np.append(s, [0.95, 0.95]), np.append([1.0, 1.0, 1.0], s)
    return [
        ask_temperature(rng.permutation(two), rng.uniform(0.4, 0.9)),
        ask_temperature(rng.permutation(three), rng.uniform(0.5, 0.9)),
    ]


def extreme_shares(rng):
    """Cold: nearly tied, or nearly all of the push. Hot: hardly more than an equal share."""
    near = np.append(rng.uniform(-1, 0.5, 4), [0.9, 0.9 - rng.uniform(2, 9) * 1e-5])
    wide = rng.uniform(-1, 1, 8)
    return [
        ask_temperature(near, rng.uniform(0.8, 0.99)),
        ask_temperature(wide, 1 - rng.uniform(1, 9) * 1e-9),
        ask_temperature(wide, 1 / 8 + rng.uniform(1, 9) * 1e-6),
        ask_temperature(2000 * wide, rng.uniform(0.3, 0.8)),
    ]


QUESTIONS = (
    Question("q1", (
        Item("values", 1, "cosines and ordinary temperatures", any_values, 1e-5),
        Item("cold", 1, "low temperatures", any_cold),
        Item("masks", 1, "passages and questions that do not count", any_masks),
        Item("digits", 1, "digits of a tiny loss, and of large scores", any_digits),
    )),
    Question("q2", (
        Item("values", 1, "ordinary batches", triplet_values, 1e-5),
        Item("far", 1, "a batch far from the origin", triplet_far),
        Item("cases", 1, "ties, equal rows, and batches without a triplet", triplet_cases),
    )),
    Question("q3", (
        Item("slope", 1, "`slope`, at points", ask_slope),
        Item("bias", 1, "`bias`, at points", ask_bias),
        Item("fall", 1, "`fall`, at points", ask_fall),
    ), packages=("numpy", "sympy")),
    Question("q4", (
        Item("batch", 1, "`x` and `y`", lambda rng: [Ask("(x, y)", is_wrong)]),
        Item("repair", 2, "`repaired`, where no exponential overflows", ordinary_views, 1e-8, 1e-8),
        Item("cold", 1, "`repaired`, very low temperatures", cold_views, 1e-8, 1e-8),
    )),
    Question("q5", (
        Item("values", 1, "ordinary similarities and shares", ordinary_shares, 1e-6),
        Item("shared", 1, "several hardest negatives", shared_places, 1e-6),
        Item("extreme", 1, "very low and very high temperatures", extreme_shares, 1e-6),
    )),
    Written("q6", 3, "three claims of a report"),
)  # fmt: skip
