"""Hidden marks of assignment 4. The truth is mpmath's, from the definitions, with so many digits
that one minus a tiny probability keeps it; gradients are difference quotients."""

import math

import mpmath
import numpy as np
from mpmath import exp, log, mpf

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


def probabilities(row):
    """The softmax as it is defined; e to the minus infinity is 0."""
    e = [exp(mpf(float(x))) if x > -np.inf else mpf(0) for x in row]
    return [x / sum(e) for x in e]


# ------------------------------------------------------------------ question 1
def bits_of_votes(z, votes):
    found = np.zeros(len(z))
    with mpmath.workdps(500):
        for i in np.flatnonzero(votes.sum(axis=1)):
            pairs = [(int(v), p) for v, p in zip(votes[i], probabilities(z[i]), strict=True) if v]
            count = sum(v for v, _ in pairs)
            lost = any(p == 0 for _, p in pairs)
            mean = math.inf if lost else -sum(v * log(p) for v, p in pairs) / count
            found[i] = float(mean / log(2))
    return found


def ask_votes(z, votes):
    return Ask("vote_loss(z, votes)", bits_of_votes(z, votes), z=z, votes=votes)


def some_votes(rng, *shape):
    votes = rng.integers(0, 4, shape).astype(float)
    votes[:, 0] += 1
    return votes


def usual_votes(rng):
    return [ask_votes(rng.normal(scale=2, size=(5, 4)), some_votes(rng, 5, 4))]


def large_logits(rng):
    """Far from 0 all together, and classes with votes that are far below the others."""
    z = rng.normal(size=(6, 4))
    z += np.array([2000.0, -2000.0, 2e9, -2e9, 0.0, 0.0])[:, None]
    z[4:, 0] -= rng.uniform(1000, 5000, 2)
    return [ask_votes(z, some_votes(rng, 6, 4))]


def all_agree(rng):
    """All votes for a class that is surer and surer."""
    z, votes = rng.normal(size=(5, 4)), np.zeros((5, 4))
    own = rng.integers(0, 4, 5)
    z[np.arange(5), own] += np.array([20, 38, 60, 200, 500]) * rng.uniform(1, 1.2)
    votes[np.arange(5), own] = rng.integers(1, 9, 5)
    return [ask_votes(z, votes)]


def ruled_out(rng):
    """Classes without and with votes at minus infinity; pictures without votes."""
    z, votes = rng.normal(size=(6, 4)), some_votes(rng, 6, 4)
    z[0, 1], votes[0, 1] = -np.inf, 0
    z[1, 1:], votes[1, 1:] = -np.inf, 0
    z[2, 3], votes[2, 3] = -np.inf, 2
    votes[3:5], z[4] = 0, np.nan
    return [ask_votes(z, votes)]


# ------------------------------------------------------------------ question 2
def as_products(loss, tokens, size, texts):
    """The probability of everything, as one number, and its roots."""
    with mpmath.workdps(50):
        chance = mpf(1)
        for mean, count in zip(loss.tolist(), tokens.tolist(), strict=True):
            chance *= exp(-mpf(mean) * int(count)) if count else 1
        per_token = chance ** (-1 / mpf(tokens.sum()))
        bits = -mpmath.log(chance, 2) / mpf(size.sum())
        per_text = mpmath.log10(chance ** (-1 / mpf(texts.sum())))
    return tuple(np.float64(float(x)) for x in (per_token, bits, per_text))


def ask_report(loss, tokens, size, texts):
    given = {"loss": loss, "tokens": tokens, "size": size, "texts": texts}
    return Ask("report(loss, tokens, size, texts)", as_products(**given), **given)


def files(rng, count, longest):
    texts = rng.integers(1, 5, count).astype(float)
    tokens = texts * rng.integers(5, longest, count)
    return rng.uniform(1, 5, count), tokens, np.floor(tokens * rng.uniform(3, 5, count)), texts


def short_texts(rng):
    return [ask_report(*files(rng, 4, 60))]


def empty_files(rng):
    loss, tokens, size, texts = files(rng, 5, 60)
    empty = rng.permutation(5) < 2
    loss[empty] = np.nan
    return [ask_report(loss, *(np.where(empty, 0, x) for x in (tokens, size, texts)))]


def long_texts(rng):
    loss, tokens, size, texts = files(rng, 4, 60)
    return [ask_report(loss, tokens * 500, size * 500, texts)]


# ------------------------------------------------------------------ question 3
def smoothed(eps, K):
    """The loss of (a) at the gap u, from the probabilities."""

    def loss(u):
        p, q = probabilities_of(u, K)
        return -(1 - eps) * log(p) - eps * log(q)

    return loss


def probabilities_of(u, K):
    """Of the label, and of one of its rivals."""
    return exp(u) / (exp(u) + K - 1), 1 / (exp(u) + K - 1)


def best_gap(eps, K):
    """Where the difference quotient of the loss is 0: it rises with u, so halve the interval."""
    loss, step = smoothed(eps, K), mpf("1e-15")
    low, high = mpf(-20), mpf(20)
    for _ in range(120):
        middle = (low + high) / 2
        falls = loss(middle + step) < loss(middle - step)
        low, high = (middle, high) if falls else (low, middle)
    return middle


def ask_smoothed(name, truth):
    def draw(rng):
        eps, K = rng.uniform(0.02, 0.9, 6), rng.integers(2, 200, 6).astype(float)
        return [Ask(f"at({name}, eps=eps, K=K)", exactly(truth, eps, K), eps=eps, K=K)]

    return draw


def ask_slope(rng):
    """Two classes will do: the logit of p is moved a little."""
    step = mpf("1e-15")

    def quotient(p, c):
        def loss(z):
            return log(1 + exp(-z)) + c / (1 + exp(z))

        z = log(p / (1 - p))
        return (loss(z + step) - loss(z - step)) / (2 * step)

    p, c = rng.uniform(0.05, 0.95, 6), rng.uniform(0.5, 4, 6)
    return [Ask("at(slope, p=p, c=c)", exactly(quotient, p, c), p=p, c=c)]


# ------------------------------------------------------------------ question 4
def floor_of(factor, K):
    """The outer loss of perfect logits: the inner softmax is 1 at the label and 0 elsewhere."""
    return -log(exp(factor) / (exp(factor) + K - 1))


def best_factor():
    low, high = mpf(1), mpf(50)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if floor_of(middle, 1000) > 0.1 else (low, middle)
    return float(low)


def is_dead(pair):
    """Both derivatives as difference quotients, label 0."""
    if not np.isfinite(pair).all():
        return "not finite"
    a, b = (mpf(float(x)) for x in pair)
    step = mpf("1e-15")

    def once(a, b):
        return log(1 + exp(b - a))

    def twice(a, b):
        return once(4 / (1 + exp(b - a)), 4 / (1 + exp(a - b)))

    def size(loss):
        return abs(loss(a + step, b) - loss(a - step, b)) / (2 * step)

    with mpmath.workdps(400):  # they hold any float plus the step
        holds = size(twice) < 1e-4 and size(once) > 0.99
    return bool(holds) or "the conditions do not hold for these logits"


# ------------------------------------------------------------------ question 5
def exact_pull(z, y, w):
    found = np.zeros(z.shape)
    with mpmath.workdps(500):
        total = sum(mpf(float(w[label])) for label in y if label >= 0)
        for i in np.flatnonzero(y >= 0):
            for k, p in enumerate(probabilities(z[i])):
                found[i, k] = float(mpf(float(w[y[i]])) * (p - int(k == y[i])) / total)
    return found


def ask_pull(z, y, w):
    return Ask("pull(z, y, w)", exact_pull(z, y, w), z=z, y=y, w=w)


def usual_batch(rng):
    return [ask_pull(rng.normal(size=(5, 4)), rng.permutation([0, 1, 2, 3, 1]), weights(rng, 4))]


def weights(rng, K):
    return rng.permutation(np.arange(1, K + 1) * rng.uniform(0.5, 1))


def padded(rng):
    z, y = rng.normal(size=(5, 4)), np.array([1, -1, 3, 0, -1])
    z[4] = np.nan
    asked = [ask_pull(z[:4], y[:4], weights(rng, 4)), ask_pull(z, y, weights(rng, 4))]
    return [*asked, ask_pull(z[[1, 4]], y[[1, 4]], weights(rng, 4))]


def sure_rows(rng):
    """Right and surer and surer; and rows far from 0."""
    z, y = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    z[np.arange(6), y] += np.array([20, 38, 60, 200, 500, 3]) * rng.uniform(1, 1.2)
    z[4:] += np.array([[3000.0], [-3000.0]])
    return [ask_pull(z, y, weights(rng, 4))]


QUESTIONS = (
    Question("q1", (
        Item("values", 1, "ordinary logits", usual_votes, rtol=1e-5),
        Item("large", 1, "logits of any size", large_logits),
        Item("digits", 1, "digits where all votes agree with a sure model", all_agree),
        Item("edges", 1, "classes that are ruled out, and pictures without votes", ruled_out),
    )),
    Question("q2", (
        Item("values", 1, "short texts", short_texts, rtol=1e-5),
        Item("edges", 1, "long texts, and files without tokens",
             lambda rng: long_texts(rng) + empty_files(rng)),
    )),
    Question("q3", (
        Item("gap", 1, "`gap`, at points", ask_smoothed("gap", best_gap)),
        Item("floor", 1, "`floor`, at points",
             ask_smoothed("floor", lambda eps, K: smoothed(eps, K)(best_gap(eps, K)))),
        Item("slope", 1, "`slope`, at points", ask_slope),
    ), packages=("numpy", "sympy")),
    Question("q4", (
        Item("lowest", 1, "`lowest`",
             lambda rng: [Ask("lowest", float(exp(floor_of(4, 100))))], rtol=2e-4),
        Item("factor", 1, "`factor`", lambda rng: [Ask("factor", best_factor())], rtol=2e-4),
        Item("dead", 1, "`dead`", lambda rng: [Ask("dead", is_dead)]),
    )),
    Question("q5", (
        Item("values", 1, "a batch without padding", usual_batch, rtol=1e-5),
        Item("padding", 1, "padding, and a batch of nothing else", padded, rtol=1e-5),
        Item("digits", 2, "digits of a tiny gradient, and logits of any size", sure_rows),
    )),
    Written("q6", 4, "what compares, and a loss that rises with the accuracy"),
)  # fmt: skip
