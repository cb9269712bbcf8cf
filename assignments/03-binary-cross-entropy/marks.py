"""Hidden marks of assignment 3. The truth is mpmath's, from log1p and exp of the definition."""

import numpy as np
from mpmath import exp, log, log1p

from grader.exact import exactly
from grader.marks import Ask, Item, Question, Written


def in_bits(z, a, b):
    return (a * log1p(exp(-z)) + b * log1p(exp(z))) / log(2)


def slope_in_bits(z, a, b):
    return (b / (1 + exp(-z)) - a / (1 + exp(z))) / log(2)


def ask_bits(z, a, b):
    return Ask("bits(z, a, b)", exactly(in_bits, z, a, b), z=z, a=a, b=b)


def ask_slope(z, a, b):
    return Ask("slope(z, a, b)", exactly(slope_in_bits, z, a, b), z=z, a=a, b=b)


def moderate(rng, ask):
    z, a, b = rng.normal(scale=2, size=7), rng.uniform(0, 3, 7), rng.uniform(0, 3, 7)
    return [ask(z, a, b), ask(z.reshape(7, 1), a.reshape(7, 1), b.reshape(7, 1))]


def both_sides(rng, ask):
    z = np.concatenate([rng.uniform(45, 100, 2), rng.uniform(1000, 5000, 2)])
    z = np.concatenate([z, -z])
    return [ask(z, rng.uniform(0.1, 2, 8), rng.uniform(0.1, 2, 8))]


def right_answers(rng, ask):
    """Confident and right: what is left is tiny, and relative digits are asked for."""
    z = rng.uniform(17, 300, 6)
    return [ask(z, np.ones(6), np.zeros(6)), ask(-z, np.zeros(6), np.ones(6))]


# ------------------------------------------------------------------ question 3
def noisy_gradient(z, y, eta):
    """By a central difference of the loss in fifty digits: not the taught chain rule."""

    def loss(z):
        p = (1 - 2 * eta) / (1 + exp(-z)) + eta
        return -y * log(p) - (1 - y) * log(1 - p)

    step = type(z)("1e-15")
    return (loss(z + step) - loss(z - step)) / (2 * step)


def ask_gradient(rng):
    z, y, eta = rng.uniform(-5, 5, 6), rng.random(6), rng.uniform(0.02, 0.45, 6)
    return [Ask("at(gradient, z=z, y=y, eta=eta)", exactly(noisy_gradient, z, y, eta),
                z=z, y=y, eta=eta)]  # fmt: skip


def ask_timid(rng):
    q, eta = rng.uniform(0.05, 0.95, 6), rng.uniform(0.02, 0.45, 6)
    odds = exactly(
        lambda q, eta: log(q * (1 - eta) + (1 - q) * eta) - log(q * eta + (1 - q) * (1 - eta)),
        q, eta,
    )  # fmt: skip
    return [Ask("at(timid, q=q, eta=eta)", odds, q=q, eta=eta)]


# ------------------------------------------------------------------ question 4
def given_code(z):
    """What the code of the question returns for y = 1."""
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-z))
        return -np.log(p + 1e-8), (p - 1) / np.maximum(p * (1 - p), 1e-12) * p * (1 - p)


def is_dead(z):
    z = float(z)
    return abs(given_code(z)[1]) < 0.01 and exactly(lambda z: 1 / (1 + exp(z)), z) > 0.99


def is_negative(z):
    return given_code(float(z))[0] < 0


# ------------------------------------------------------------------ question 5
def in_population(z, kept_yes, kept_no):
    """By counting: yes and no among what was kept, divided by the shares kept."""
    yes, no = 1 / (1 + exp(-z)) / kept_yes, 1 / (1 + exp(z)) / kept_no
    return yes / (yes + no)


def ask_chance(rng):
    asked = []
    for yes, no in (rng.uniform(0.5, 1, 2) * [1, 0.1], rng.uniform(0.5, 1, 2) * [0.2, 1]):
        z = np.concatenate([rng.normal(scale=3, size=5), rng.uniform(-500, -300, 2)])
        shares = {"kept_yes": float(yes), "kept_no": float(no)}
        truth = exactly(in_population, z, yes, no)
        asked.append(Ask("chance(z, kept_yes, kept_no)", truth, z=z, **shares))
    return asked


def ask_act(rng):
    """Logits on both sides of the border, none on it."""
    asked = []
    for dear, cheap in ((6, 1), (1, 6)):
        lowest = np.array([0.1, 0.5, dear, cheap])
        yes, no, miss, alarm = (float(x) for x in rng.uniform(lowest, lowest * 1.5))
        border = float(exactly(lambda y, n, m, a: log(y * a / (n * m)), yes, no, miss, alarm))
        z = border + np.array([-1, -0.6, -0.3, 0.3, 0.6, 1, 4]) * rng.uniform(0.9, 1.1, 7)
        p = exactly(in_population, z, yes, no)
        truth = p * miss > (1 - p) * alarm
        names = "kept_yes", "kept_no", "miss", "alarm"
        given = dict(zip(names, (yes, no, miss, alarm), strict=True))
        asked.append(Ask(f"act(z, {', '.join(names)})", truth, z=z, **given))
    return asked


BOTH = ("numpy", "sympy")
QUESTIONS = (
    Question("q1", (
        Item("values", 1, "logits of ordinary size", lambda rng: moderate(rng, ask_bits), 1e-5),
        Item("large", 2, "large logits of either sign", lambda rng: both_sides(rng, ask_bits)),
        Item("digits", 1, "digits of a tiny loss", lambda rng: right_answers(rng, ask_bits)),
    )),
    Question("q2", (
        Item("values", 1, "logits of ordinary size", lambda rng: moderate(rng, ask_slope), 1e-5),
        Item("digits", 2, "large logits, and digits of a tiny slope",
             lambda rng: both_sides(rng, ask_slope) + right_answers(rng, ask_slope)),
    )),
    Question("q3", (
        Item("gradient", 2, "`gradient`, at points", ask_gradient),
        Item("timid", 1, "`timid`, at points", ask_timid),
    ), packages=BOTH),
    Question("q4", (
        Item("dead", 1, "`dead`", lambda rng: [Ask("dead", is_dead)]),
        Item("negative", 1, "`negative`", lambda rng: [Ask("negative", is_negative)]),
        Item("cap", 1, "`cap`", lambda rng: [Ask("cap", -np.log(1e-8))], rtol=2e-4),
    )),
    Question("q5", (
        Item("chance", 1, "`chance`, for several shares", ask_chance),
        Item("act", 2, "`act`, for several shares and costs", ask_act),
    )),
    Written("q6", 4, "the floor, and squared error"),
)  # fmt: skip
