"""Divergence of two rows of logits, and the distillation that is built on it (chapter 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from lossbook.arrays import (
    Array,
    ArrayLike,
    as_near,
    as_number,
    constant,
    plain_cpu,
    same_kind,
    times,
)
from lossbook.checks import check_number, check_real, check_row, check_same_shape
from lossbook.divergence.probs import checked_pair
from lossbook.driver import Prepared, public
from lossbook.excess import absent, difference, exact_minus, excess, select
from lossbook.reduction import Reduction
from lossbook.rule import Quotient, divided, pick, rule


@public
def kl_divergence_from_logits(
    p_logits: ArrayLike,
    q_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Kullback-Leibler divergence of two softmaxes, from their logits.

    .. math::
        D(p\,\Vert\,q) = \sum_j p_j \ln \frac{p_j}{q_j}, \qquad
        p = \operatorname{softmax}(x/\tau), \quad q = \operatorname{softmax}(z/\tau)

    Parameters
    ----------
    p_logits
        Logits x of the distribution that is averaged over, any real numbers or
        :math:`-\infty`; floats, K of them along ``axis``.
    q_logits
        Logits z of the distribution that it is compared with, same shape.
    temperature
        The number :math:`\tau > 0` that divides both.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        The reduced divergence in nats, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or the temperature is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> x, z = np.array([[0.0, 0.0], [1.0, 1e-9]]), np.array([[1000.0, 0.0], [1.0, 0.0]])
    >>> kl_divergence_from_logits(x, z, reduction="none")
    array([4.99306853e+02, 9.83059667e-20])

    Notes
    -----
    With :math:`u = (z - x)/\tau` and :math:`v = u - \sum_j p_j u_j` it is
    :math:`\ln \sum_j p_j e^{v_j} = \ln\bigl(1 + \sum_j p_j (e^{v_j} - 1 - v_j)\bigr)`, a sum
    without negative terms. The derivatives are :math:`-p_j v_j/\tau` and
    :math:`(q_j - p_j)/\tau`. A probability that underflows to 0 counts as 0, and so does
    a row of nothing but :math:`-\infty`. Chapter 5.
    """
    named = {"p_logits": p_logits, "q_logits": q_logits}
    x, z, weights, where = checked_pair(axis, **named, weights=weights, where=where)
    params = {"temperature": _temperature(temperature, x)}
    rule = kl_divergence_from_logits_rule
    return Prepared(rule, (x, z), params, weights, where, reduction, axis)


@rule("row", wrt=2)
def kl_divergence_from_logits_rule(xp, x, z, *, temperature=1.0):
    pair = compare(xp, x, z, temperature)

    def value():
        return pair.scaled / temperature

    def slope():
        return (
            lambda: over(pair.minus_pv(), temperature),
            lambda: over(pair.q_minus_p(), temperature),
        )

    return value, slope


@public
def distillation_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Divergence of a student's softened probabilities from a teacher's, from logits.

    .. math::
        \ell(z, x) = \tau^2 D\bigl(\operatorname{softmax}(x/\tau)\,\Vert\,
        \operatorname{softmax}(z/\tau)\bigr)

    The factor :math:`\tau^2` makes up for what the temperature takes from the gradient.

    Parameters
    ----------
    student_logits
        Logits z of the model that learns; floats, K of them along ``axis``.
    teacher_logits
        Logits x of the model that is learned from, same shape. No gradient goes to it.
    temperature
        The number :math:`\tau > 0` that divides both.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, the temperature is not positive, or the teacher requires a gradient.

    Examples
    --------
    >>> import numpy as np
    >>> student, teacher = np.array([1.0, 1.5, 0.3]), np.array([2.0, 1.0, 0.1])
    >>> float(round(distillation_loss(student, teacher, temperature=3.0), 6))
    0.234068

    Notes
    -----
    The derivative for a student's logit is :math:`\tau (q_j - p_j)`, which tends to
    :math:`(z_j - x_j)/K` for large :math:`\tau` and logits of mean 0. G. Hinton, O. Vinyals
    and J. Dean, *Distilling the knowledge in a neural network*, 2015, section 2. Chapter 5.
    """
    named = {"student_logits": student_logits, "teacher_logits": teacher_logits}
    z, x, weights, where = same_kind(**named, weights=weights, where=where)
    check_row("student_logits", z, axis)
    check_real("teacher_logits", x)
    check_same_shape(student_logits=z, teacher_logits=x)
    params = {"temperature": _temperature(temperature, z)}
    inputs = (z, as_number(x))
    return Prepared(distillation_loss_rule, inputs, params, weights, where, reduction, axis)


@rule("row")
def distillation_loss_rule(xp, z, x, *, temperature=1.0):
    temperature = min(temperature, 1e15 if z.dtype.itemsize < 8 else 1e100)  # the limit
    pair = compare(xp, x, z, temperature)

    def value():
        return pair.scaled * temperature

    def slope():
        change = pair.q_minus_p()
        return change if temperature == 1 else change * temperature

    return value, slope


def _temperature(temperature: float, x: Array) -> float:
    return as_near(check_number("temperature", temperature, 0, open_low=True), x)


class Pair(NamedTuple):
    """The divergence times the temperature, and the parts of its derivatives, if wanted.

    v is how much more the logits z than the logits x rise above their mean, over the temperature.
    """

    scaled: Array
    minus_pv: Callable[[], Array | Quotient]
    q_minus_p: Callable[[], Array | Quotient]


def over(x: Array | Quotient, tau: float) -> Array | Quotient:
    """``x`` over the temperature, without a walk over it if that is 1."""
    return x if tau == 1 else x / tau


def compare(xp: Any, x: Array, z: Array, tau: float) -> Pair:
    """What the divergence of softmax(z/tau) from softmax(x/tau) and its slopes need."""
    if not plain_cpu(x[:1] + z[:1]):  # nobody may look at values here
        return _from_rise(xp, x, z, tau)
    pair = _from_sums(xp, x, z, tau)
    # near 0 the terms of the definition cancel; from 1/2 on it keeps to the catalogue's bounds
    clear = (pair.scaled > 0.5 * tau) & (pair.scaled < xp.inf)
    if bool(xp.all(clear)):
        return pair
    (rows,) = xp.nonzero(~clear)  # near 0, or at an edge: these once more, and with care
    if rows.shape == clear.shape:
        return _from_rise(xp, x, z, tau)
    return _mended(pair, rows, _from_rise(xp, x[rows], z[rows], tau))


def _from_sums(xp: Any, x: Array, z: Array, tau: float) -> Pair:
    """By the definition, whose terms cancel where the divergence is small."""
    low_x, low = (y - xp.max(constant(y), axis=-1, keepdims=True) for y in (x, z))
    p, q = (xp.exp(over(y, tau)) for y in (low_x, low))
    total_p, total_q = _total(xp, p), _total(xp, q)
    mean = _total(xp, p * (low - low_x)) / total_p
    scaled = tau * xp.log(total_q / total_p) - mean

    def minus_pv():
        u = (z - pick(z, xp.argmax(x, axis=-1, keepdims=True))) - low_x
        mean = _total(xp, p * u) / total_p
        if not bool(xp.all(xp.isfinite(mean))):  # u where p is 0 may be infinite, or the sum
            u = xp.where(p == 0, 0.0, u)
            mean = _total(xp, p / total_p * u)
        if tau == 1:
            return Quotient(p * (mean - u), total_p)
        return p / total_p * (mean - u) / tau  # over a small one the numerator could overflow

    def q_minus_p():
        return Quotient(q * (total_p / total_q) - p, total_p)

    return Pair(scaled[:, 0], minus_pv, q_minus_p)


def _mended(pair: Pair, rows: Array, careful: Pair) -> Pair:
    """A pair with some of its rows from another one."""

    def mend(all_rows, some):
        all_rows[rows] = some
        return all_rows

    return Pair(
        mend(pair.scaled, careful.scaled),
        lambda: mend(divided(pair.minus_pv()), careful.minus_pv()),
        lambda: mend(divided(pair.q_minus_p()), careful.q_minus_p()),
    )


def _from_rise(xp: Any, x: Array, z: Array, tau: float) -> Pair:
    """By the rise of the logits from one of them, where p is largest: it says all that matters."""
    p, total_p, most, _ = _softmax(xp, x, tau)
    q, total_q, peak, low = _softmax(xp, z, tau)
    out = low == -xp.inf  # what q rules out
    out = out if absent(xp, out) else out & (p > 0)  # and p allows
    empty, broken = most == -xp.inf, xp.any(out, axis=-1, keepdims=True)
    skip = empty | broken

    first = xp.argmax(constant(x), axis=-1, keepdims=True)
    base_x, base = (xp.take_along_axis(constant(y), first, axis=-1) for y in (x, z))
    rise, more = exact_minus(xp, z, base)
    rise_x, more_x = exact_minus(xp, x, base_x)
    u = select(xp, p == 0, xp.inf, (rise - rise_x) + (more - more_x))
    u, rise = select(xp, skip, 0.0, u), select(xp, skip, 0.0, rise)
    mean = xp.sum(times(xp, p, u), axis=-1, keepdims=True)
    v = (u - mean) / tau

    far = select(xp, skip, 0.0, peak - base) - mean + tau * (xp.log(total_q) - xp.log(total_p))
    close = far <= 0.7 * tau  # the other form is for small divergences, and would overflow
    # the logarithm is ln q + D/tau: at most 0.7 in a close row, in others it could overflow
    tail = xp.exp(xp.minimum((rise - mean) / tau - xp.log(total_p), 1.0))
    terms = excess(xp, v, p, tail)
    total = select(xp, ~close, 0.0, _total(xp, terms))
    scaled = select(xp, empty, 0.0, select(xp, ~close, far, tau * xp.log1p(total)))
    scaled = select(xp, broken, xp.inf, scaled)

    def minus_pv():
        pull = over(-times(xp, p, u - mean), tau)  # v may be infinite where p v is not
        return pull if absent(xp, broken) else xp.where(broken, _steep(xp, p, out), pull)

    def q_minus_p():
        change = difference(xp, v - xp.log1p(total), p, q)
        return select(xp, skip | ~close, select(xp, empty, 0.0, q - p), change)

    return Pair(scaled[:, 0], minus_pv, q_minus_p)


def _softmax(xp, z, tau):
    """Probabilities, the sum that they were divided by, the largest logit, the rest below it."""
    top = xp.max(constant(z), axis=-1, keepdims=True)
    low = z - select(xp, top == -xp.inf, 0.0, top)
    e = xp.exp(low / tau)
    total = _total(xp, e)
    total = select(xp, total == 0, 1.0, total)
    return e / total, total, top, low


def _total(xp, x):
    return xp.sum(x, axis=-1, keepdims=True)


def _steep(xp, p, out):
    """The slope of an infinite divergence: away from what the other one rules out."""
    lost = xp.where(out, p, 0.0)
    return times(xp, lost - p * _total(xp, lost), xp.inf * xp.ones_like(p))
