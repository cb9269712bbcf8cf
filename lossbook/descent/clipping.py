"""Gradient clipping: a limit on what one step can do (chapter 10)."""

from __future__ import annotations

from lossbook.arrays import Array, namespace
from lossbook.checks import check_number, refuse
from lossbook.descent.trees import Tree, floats, leaves, scaled_norm, tree_map


def clip_by_norm(gradient: Tree, limit: float) -> Tree:
    r"""The gradient, shortened to a length if it is longer.

    .. math::
        g \min\left(1, \frac{c}{\lVert g \rVert_2}\right)

    Parameters
    ----------
    gradient
        An array, or a dict or list of arrays whose entries all count for one length.
    limit
        The greatest length c, positive.

    Returns
    -------
    Tree
        What came in, if it is short enough; otherwise the same direction with length c.

    Raises
    ------
    TypeError, ValueError
        If an entry is nan or infinite, so that there is no direction to keep, or the limit
        is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_norm({"weight": np.array([3e200, 4e200]), "bias": np.array([0.0])}, 1.0)
    {'weight': array([0.6, 0.8]), 'bias': array([0.])}

    Notes
    -----
    As ``torch.nn.utils.clip_grad_norm_``, which divides by the length plus 1e-6 and makes nan
    of an infinite entry, and ``optax.clip_by_global_norm``. The length can't overflow here:
    it is taken of the entries divided by the largest. R. Pascanu, T. Mikolov and Y. Bengio,
    *On the difficulty of training recurrent neural networks*, 2013, section 3.2. Chapter 10.
    """
    limit = check_number("limit", limit, 0, open_low=True)
    gradient = floats(gradient, "gradient")
    for name, g in leaves(gradient, "gradient"):
        refuse(name, g, ~namespace(g).isfinite(g), "finite", None)
    top, root = scaled_norm(gradient)
    if top == 0 or root <= limit / top:
        return gradient
    return tree_map(lambda g: g / top * (limit / root), gradient)


def clip_by_value(gradient: Tree, limit: float) -> Tree:
    r"""The gradient, with each entry cut off at a limit.

    .. math::
        \max(-c, \min(c, g_i))

    Parameters
    ----------
    gradient
        An array, or a dict or list of arrays.
    limit
        The greatest size c of an entry, positive.

    Returns
    -------
    Tree
        Entries in [-c, c]; nan stays nan. The direction is another one than before, unless
        nothing was cut off.

    Raises
    ------
    TypeError, ValueError
        If the gradient holds no floats or the limit is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_value(np.array([0.1, -30.0]), 1.0)
    array([ 0.1, -1. ])

    Notes
    -----
    As ``torch.nn.utils.clip_grad_value_`` and ``optax.clip``. Chapter 10.
    """
    limit = check_number("limit", limit, 0, open_low=True)
    gradient = floats(gradient, "gradient")
    return tree_map(lambda g: _clipped(g, limit), gradient)


def _clipped(g: Array, limit: float) -> Array:
    limit = min(limit, float(namespace(g).finfo(g.dtype).max))
    return namespace(g).clip(g, -limit, limit)
