"""Kullback-Leibler divergence of Gaussians (chapter 5): diagonal, full, and the VAE's.

A Gaussian is a row of d means along the last axis, with as many standard deviations or with a
d by d covariance. A single number is a row of one.
"""

from __future__ import annotations

import numpy as np

from lossbook.arrays import Array, ArrayLike, cast, constant, namespace, same_kind, working_dtype
from lossbook.checks import check_row, check_same_shape, refuse
from lossbook.divergence.probs import entries
from lossbook.driver import Prepared, public
from lossbook.excess import difference, excess, log_ratio
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def gaussian_kl(
    p_mean: ArrayLike,
    p_std: ArrayLike,
    q_mean: ArrayLike,
    q_std: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Kullback-Leibler divergence of two Gaussians with independent coordinates.

    .. math::
        D(p\,\Vert\,q) = \sum_j \Bigl( \frac{s_j^2 + (a_j - b_j)^2}{2 t_j^2}
        - \frac12 - \ln \frac{s_j}{t_j} \Bigr)

    Parameters
    ----------
    p_mean, p_std
        Means a and standard deviations s > 0 of the Gaussian that is averaged over; floats
        of the same shape, the coordinates along ``axis``.
    q_mean, q_std
        Means b and standard deviations t > 0 of the one that it is compared with, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the coordinates, which are added up.

    Returns
    -------
    Array
        The reduced divergence in nats, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or a standard deviation is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> float(gaussian_kl(np.array([0.0]), np.array([1.0]), np.array([1.0]), np.array([2.0])))
    0.4431471805599453

    Notes
    -----
    The derivatives are :math:`(a-b)/t^2`, :math:`s/t^2 - 1/s`, :math:`(b-a)/t^2` and
    :math:`(t^2 - s^2 - (a-b)^2)/t^3`. Chapter 5.
    """
    means, stds = {"p_mean": p_mean, "q_mean": q_mean}, {"p_std": p_std, "q_std": q_std}
    a, b, s, t, weights, where = checked_rows(axis, means | stds, weights, where)
    for name, x in (("p_std", s), ("q_std", t)):
        each = entries(where, x, axis)
        refuse(name, x, (x <= 0) | (x == np.inf), "in (0, inf)", each)
    return Prepared(gaussian_kl_rule, (a, s, b, t), {}, weights, where, reduction, axis)


@rule("row", wrt=4)
def gaussian_kl_rule(xp, a, s, b, t):
    w, half = 2 * log_ratio(xp, s, t, s - t), xp.ones_like(s) / 2
    ratio, far = s / t, (a - b) / t

    def value():
        wide = excess(xp, w, half, half * ratio * ratio)
        return xp.sum(wide + half * far * far, axis=-1)

    def slope():
        wider, more = (s - t) / t, ratio + 1  # their product is (s/t)^2 - 1, and may overflow
        steep = wider * (more / t) + far * (far / t)
        return far / t, wider * (more / s), -far / t, -steep

    return value, slope


@public
def vae_kl(
    mean: ArrayLike,
    log_var: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Kullback-Leibler divergence of a Gaussian from the standard one: a VAE's second term.

    .. math::
        D\bigl(N(\mu, e^v)\,\Vert\,N(0, 1)\bigr)
        = \frac12 \sum_j \bigl( e^{v_j} - 1 - v_j + \mu_j^2 \bigr)

    Parameters
    ----------
    mean
        The means :math:`\mu`; floats, the latent coordinates along ``axis``.
    log_var
        The logarithms v of the variances, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the coordinates, which are added up. For the divergence of each alone,
        give each an axis of its own: ``vae_kl(mean[..., None], log_var[..., None])``.

    Returns
    -------
    Array
        The reduced divergence in nats, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> float(vae_kl(np.array([1.0]), np.log([0.25])))
    0.8181471805599453

    Notes
    -----
    The derivatives are :math:`\mu_j` and :math:`(e^{v_j} - 1)/2`. D. P. Kingma and M. Welling,
    *Auto-encoding variational Bayes*, 2014, appendix B. Chapter 5.
    """
    named = {"mean": mean, "log_var": log_var}
    mean, log_var, weights, where = checked_rows(axis, named, weights, where)
    return Prepared(vae_kl_rule, (mean, log_var), {}, weights, where, reduction, axis)


@rule("row", wrt=2)
def vae_kl_rule(xp, mean, v):
    low = xp.minimum(v, 1e4)  # whose exponential is infinite already: inf - inf is not
    root, half = xp.exp(low / 2), xp.ones_like(v) / 2
    variance = half * root * root  # half of it, which is finite for longer

    def value():
        return xp.sum(excess(xp, low, half, variance) + half * mean * mean, axis=-1)

    def slope():
        return 1 * mean, difference(xp, v, half, variance)  # a copy, not the caller's own

    return value, slope


def gaussian_kl_full(
    p_mean: ArrayLike, p_cov: ArrayLike, q_mean: ArrayLike, q_cov: ArrayLike
) -> Array:
    r"""Kullback-Leibler divergence of two Gaussians, from their covariances.

    .. math::
        D(p\,\Vert\,q) = \frac12 \Bigl( \operatorname{tr}(T^{-1} S)
        + (a - b)^\top T^{-1} (a - b) - d - \ln \frac{\det S}{\det T} \Bigr)

    Parameters
    ----------
    p_mean, p_cov
        Mean a, of d numbers, and covariance S, a symmetric positive definite d by d matrix, of
        the Gaussian that is averaged over; floats, with any axes before these.
    q_mean, q_cov
        Mean b and covariance T of the one that it is compared with, same shapes.

    Returns
    -------
    Array
        One number for each pair of Gaussians.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or a covariance is not symmetric and positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([0.0, 1.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    >>> q = np.array([1.0, 0.0]), np.array([[1.0, 0.2], [0.2, 3.0]])
    >>> float(round(gaussian_kl_full(*p, *q), 6))
    1.154679

    Notes
    -----
    Computed by :func:`gaussian_kl_from_cholesky` from the factors. Chapter 5.
    """
    a, s, b, t = checked_matrices(p_mean=p_mean, p_cov=p_cov, q_mean=q_mean, q_cov=q_cov)
    factors = [cholesky(name, x) for name, x in (("p_cov", s), ("q_cov", t))]
    return cast(gaussian_kl_from_cholesky(a, factors[0], b, factors[1]), a.dtype)


def gaussian_kl_from_cholesky(
    p_mean: ArrayLike, p_chol: ArrayLike, q_mean: ArrayLike, q_chol: ArrayLike
) -> Array:
    r"""Kullback-Leibler divergence of two Gaussians, from Cholesky factors of their covariances.

    .. math::
        D(p\,\Vert\,q) = \frac12 \Bigl( \sum_j \bigl( M_{jj}^2 - 1 - 2 \ln M_{jj} \bigr)
        + \sum_{j > k} M_{jk}^2 + \lVert C^{-1} (a - b) \rVert^2 \Bigr), \qquad M = C^{-1} B

    Parameters
    ----------
    p_mean, p_chol
        Mean a, of d numbers, and the factor B of the covariance :math:`B B^\top`, lower
        triangular with a positive diagonal; floats, with any axes before these.
    q_mean, q_chol
        Mean b and factor C of the other Gaussian, same shapes.

    Returns
    -------
    Array
        One number for each pair of Gaussians; no term of it is negative.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or a factor is not lower triangular with a positive diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> a, B = np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> float(gaussian_kl_from_cholesky(a, B, 0 * a, B))
    0.5

    Notes
    -----
    Near B = C the matrix :math:`M - 1 = C^{-1} (B - C)` keeps its digits. Chapter 5.
    """
    a, f, b, g = checked_matrices(p_mean=p_mean, p_chol=p_chol, q_mean=q_mean, q_chol=q_chol)
    xp, dtype = namespace(a), working_dtype(a)
    for name, x in (("p_chol", f), ("q_chol", g)):
        refuse(name, x, (xp.triu(x, k=1) != 0), "lower triangular", None)
        diagonal = xp.linalg.diagonal(x)
        refuse(f"the diagonal of {name}", diagonal, ~(diagonal > 0), "positive", None)
    like = a.dtype
    a, f, b, g = (cast(x, dtype) for x in (a, f, b, g))
    with np.errstate(all="ignore"):
        moved = xp.linalg.solve(g, xp.concat([f - g, (a - b)[..., None]], axis=-1))
        lower, far = xp.tril(moved[..., :-1], k=-1), moved[..., -1]
        s, t = xp.linalg.diagonal(f), xp.linalg.diagonal(g)
        w = 2 * log_ratio(xp, s, t, s - t)
        own = excess(xp, w, xp.ones_like(w), (s / t) ** 2)
        rest = xp.sum(lower * lower, axis=(-2, -1))
        return cast(0.5 * (xp.sum(own + far * far, axis=-1) + rest), like)[()]


def cholesky(name: str, x: Array) -> Array:
    """The lower factor of a covariance."""
    xp = namespace(x)
    x = cast(x, working_dtype(x))
    flat = constant(x)
    size = xp.sqrt(xp.abs(xp.linalg.diagonal(flat)))
    skew = xp.abs(flat - xp.matrix_transpose(flat))
    uneven = skew > 1e-5 * size[..., None] * size[..., None, :]
    refuse(f"{name} minus its transpose", skew, uneven, "0", None)
    try:
        return xp.linalg.cholesky(x)
    except RuntimeError as error:  # torch's error is one, NumPy's is a ValueError
        raise ValueError(f"{name} must be positive definite: {error}") from None
    except ValueError as error:
        raise ValueError(f"{name} must be positive definite: {error}") from None


def checked_rows(axis, named, weights, where):
    """Rows of the same shape, all floats."""
    *inputs, weights, where = same_kind(**named, weights=weights, where=where)
    first = next(iter(named))
    for name, x in zip(named, inputs, strict=True):
        check_row(name, x, axis)
        if name != first:
            check_same_shape(**{first: inputs[0], name: x})
    return *inputs, weights, where


def checked_matrices(**named):
    """Two means and two matrices, whose shapes fit."""
    inputs = same_kind(**named)
    for name, x in zip(named, inputs, strict=True):
        check_row(name, x, -1)
    a, s, b, t = inputs
    expected = (*a.shape, a.shape[-1])
    for name, x in list(zip(named, inputs, strict=True))[1::2]:
        if tuple(x.shape) != expected:
            raise ValueError(f"{name} must have the shape {expected}, got {tuple(x.shape)}")
    check_same_shape(p_mean=a, q_mean=b)
    return a, s, b, t
