"""Schedules: the rate as a function of the step, counted from 0 (chapter 10)."""

from __future__ import annotations

import math
from numbers import Integral

from lossbook.checks import check_number
from lossbook.descent.optimizers import Schedule


def constant_rate(rate: float) -> Schedule:
    r"""The same rate at every step.

    .. math::
        \eta_k = \eta

    Parameters
    ----------
    rate
        The rate, at least 0.

    Returns
    -------
    Schedule
        A function of the step.

    Raises
    ------
    TypeError, ValueError
        If the rate is not a number from 0 up.

    Examples
    --------
    >>> constant_rate(0.1)(1000)
    0.1

    Notes
    -----
    The same as the number itself. Chapter 10.
    """
    rate = check_number("rate", rate, 0)
    return lambda step: rate


def step_decay(rate: float, every: int, factor: float = 0.1) -> Schedule:
    r"""A rate that falls by a factor every so many steps.

    .. math::
        \eta_k = \eta\, \gamma^{\lfloor k/n \rfloor}

    Parameters
    ----------
    rate
        The first rate, at least 0.
    every
        The number n of steps between two falls.
    factor
        What the rate is multiplied by, in [0, 1].

    Returns
    -------
    Schedule
        A function of the step.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> schedule = step_decay(1.0, every=10, factor=0.5)
    >>> [schedule(k) for k in (0, 9, 10, 35)]
    [1.0, 1.0, 0.5, 0.125]

    Notes
    -----
    As ``torch.optim.lr_scheduler.StepLR`` and ``optax.exponential_decay(staircase=True)``.
    Chapter 10.
    """
    rate, factor = check_number("rate", rate, 0), check_number("factor", factor, 0, 1)
    every = check_count("every", every)
    return lambda step: rate * factor ** (step // every)


def cosine_decay(rate: float, steps: int, floor: float = 0.0) -> Schedule:
    r"""A rate that falls along half a cosine, and then stays.

    .. math::
        \eta_k = \eta_\text{min}
        + \frac{\eta - \eta_\text{min}}{2} \Bigl(1 + \cos\frac{\pi \min(k, n)}{n}\Bigr)

    Parameters
    ----------
    rate
        The first rate, at least 0.
    steps
        The number n of steps that the fall takes.
    floor
        The rate at its end, in [0, rate].

    Returns
    -------
    Schedule
        A function of the step.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> schedule = cosine_decay(1.0, 100)
    >>> [round(schedule(k), 4) for k in (0, 50, 100, 200)]
    [1.0, 0.5, 0.0, 0.0]

    Notes
    -----
    As ``optax.cosine_decay_schedule``, and as ``torch.optim.lr_scheduler.CosineAnnealingLR``
    for the first n steps, after which that rises again. I. Loshchilov and F. Hutter, *SGDR:
    stochastic gradient descent with warm restarts*, 2017, equation 5. Chapter 10.
    """
    rate, steps = check_number("rate", rate, 0), check_count("steps", steps)
    floor = check_number("floor", floor, 0, rate)
    fall = rate - floor

    def schedule(step: int) -> float:
        return floor + fall / 2 * (1 + math.cos(math.pi * min(step, steps) / steps))

    return schedule


def warmup(rate: float | Schedule, steps: int) -> Schedule:
    r"""A rate that rises in equal steps, and then follows another schedule.

    .. math::
        \eta_k = \frac{k+1}{n}\, \eta_0 \quad (k < n), \qquad
        \eta_k = \text{rate}(k - n) \quad (k \ge n)

    Parameters
    ----------
    rate
        What follows: a number, or a schedule whose first rate is the top :math:`\eta_0`.
    steps
        The number n of steps of the rise.

    Returns
    -------
    Schedule
        A function of the step.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> schedule = warmup(cosine_decay(1.0, 100), 4)
    >>> [round(schedule(k), 4) for k in (0, 1, 2, 3, 4, 54, 104)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.0]

    Notes
    -----
    As torch's ``LinearLR(start_factor=1/n, total_iters=n-1)`` in a ``SequentialLR``. The linear
    rise of ``optax.warmup_cosine_decay_schedule`` begins at 0 instead, so that its first step
    does nothing. P. Goyal et al., *Accurate, large minibatch SGD*, 2017, section 2.2.
    Chapter 10.
    """
    steps = check_count("steps", steps)
    after = rate if callable(rate) else constant_rate(rate)
    top = float(after(0))
    return lambda step: top * (step + 1) / steps if step < steps else after(step - steps)


def check_count(name: str, x: object, low: int = 1) -> int:
    """A whole number from ``low`` up."""
    if not isinstance(x, Integral) or isinstance(x, bool):
        raise TypeError(f"{name} must be a whole number, got {type(x).__qualname__}")
    if x < low:
        raise ValueError(f"{name} must be at least {low}, got {x}")
    return int(x)
