"""Hidden marks of the toy."""

from grader.marks import Ask, Item, Question, Written


def numbers(rng):
    x = rng.uniform(1, 2, 5)
    return [Ask("double(x)", 2 * x, x=x)]


def table(rng):
    x = rng.uniform(1, 2, (2, 3))
    return [Ask("double(x)", 2 * x, x=x), Ask("[double(x), x]", [2 * x, x], x=x)]


def points(rng):
    x = rng.uniform(1, 2, 4)
    return [Ask("at(square, x=x)", x * x, x=x)]


QUESTIONS = (
    Question(
        "q1",
        (Item("numbers", 1, "numbers", numbers), Item("table", 2, "a table", table)),
        seconds=3.0,
    ),
    Question("q2", (Item("number", 1, "`number`", lambda rng: [Ask("number", 49)]),)),
    Question("q3", (Item("points", 2, "`square`", points),), packages=("numpy", "sympy")),
    Written("q4", 5, "the reason"),
)
