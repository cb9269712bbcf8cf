"""Optimizers with a step size for each number: AdaGrad, RMSProp, Adam, AdamW (chapter 10).

Each divides a gradient by a root mean square of gradients, so that a step has nearly the same
size whatever unit the loss is in. Squares leave the range of float32 beyond gradients of
1.8e19, where such a step is 0.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from lossbook.arrays import Array, namespace
from lossbook.checks import check_number
from lossbook.descent.optimizers import Elementwise, Schedule


@dataclass(frozen=True)
class AdaGrad(Elementwise):
    r"""A step size for each number, which falls with the gradients that it has seen.

    .. math::
        s_{k+1} = s_k + g_k^2, \qquad
        \theta_{k+1} = \theta_k - \eta\, \frac{g_k}{\sqrt{s_{k+1}} + \epsilon}

    Parameters
    ----------
    rate
        The size :math:`\eta \ge 0` of the first step: a number or a schedule.
    eps
        Added to the root, so that a gradient of 0 gives a step of 0; positive.
    initial
        The value that the sum of squares starts from; at least 0.
    weight_decay
        Adds this times the parameters to the gradient; at least 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, theta = AdaGrad(0.1), np.zeros(2)
    >>> state, update = optimizer.step(optimizer.start(theta), np.array([1e3, -1e-3]), theta)
    >>> update.round(6)
    array([-0.1,  0.1])

    Notes
    -----
    As ``torch.optim.Adagrad``. ``optax.adagrad`` adds its eps under the root, and starts the
    sum from 0.1. J. Duchi, E. Hazan and Y. Singer, *Adaptive subgradient methods for online
    learning and stochastic optimization*, 2011. Chapter 10.
    """

    rate: float | Schedule = 0.01
    _: KW_ONLY
    eps: float = 1e-10
    initial: float = 0.0
    slots: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("eps", self.eps, 0, open_low=True)
        check_number("initial", self.initial, 0)

    def blank(self, x: Array) -> tuple[Array, ...]:
        return (namespace(x).full_like(x, self.initial),)

    def rule(self, xp, k, g, total):
        total = total + g**2
        return g / (xp.sqrt(total) + self.eps), total


@dataclass(frozen=True)
class RMSProp(Elementwise):
    r"""AdaGrad that forgets: the gradient over its recent root mean square.

    .. math::
        s_{k+1} = \alpha\, s_k + (1-\alpha)\, g_k^2, \qquad
        \theta_{k+1} = \theta_k - \eta\, \frac{g_k}{\sqrt{s_{k+1}} + \epsilon}

    Parameters
    ----------
    rate
        The step size :math:`\eta \ge 0`: a number or a schedule.
    decay
        The factor :math:`\alpha` in [0, 1] by which old squares fade.
    eps
        Added to the root; positive.
    momentum
        With a number :math:`\beta` in (0, 1], the steps are pushes
        :math:`b_{k+1} = \beta\, b_k + g_k / (\sqrt{s_{k+1}} + \epsilon)`.
    weight_decay
        Adds this times the parameters to the gradient; at least 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, theta = RMSProp(0.1), np.zeros(2)
    >>> state, update = optimizer.step(optimizer.start(theta), np.array([1e3, -1e-3]), theta)
    >>> update.round(3)  # the mean starts from 0, so the first step is 1 / sqrt(1 - decay) long
    array([-1.,  1.])

    Notes
    -----
    As ``torch.optim.RMSprop``. ``optax.rmsprop`` has another default decay, 0.9, and adds eps
    under the root unless ``eps_in_sqrt=False``. T. Tieleman and G. Hinton, *Neural networks for
    machine learning*, lecture 6.5, 2012. Chapter 10.
    """

    rate: float | Schedule = 0.01
    _: KW_ONLY
    decay: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    slots: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("decay", self.decay, 0, 1)
        check_number("eps", self.eps, 0, open_low=True)
        check_number("momentum", self.momentum, 0, 1)

    def rule(self, xp, k, g, square, push):
        square = self.decay * square + (1 - self.decay) * g**2
        direction = g / (xp.sqrt(square) + self.eps)
        push = self.momentum * push + direction if self.momentum else direction
        return push, square, push


@dataclass(frozen=True)
class Adam(Elementwise):
    r"""The mean of recent gradients over their root mean square.

    .. math::
        m_k &= \beta_1 m_{k-1} + (1-\beta_1)\, g_k, \qquad
        v_k = \beta_2 v_{k-1} + (1-\beta_2)\, g_k^2, \\
        \theta_{k+1} &= \theta_k - \eta\,
        \frac{m_k / (1-\beta_1^k)}{\sqrt{v_k / (1-\beta_2^k)} + \epsilon}

    Parameters
    ----------
    rate
        The step size :math:`\eta \ge 0`, nearly the size of a step: a number or a schedule.
    beta1, beta2
        The factors in [0, 1) by which old gradients and old squares fade.
    eps
        Added to the root; positive.
    bias_correction
        Whether to divide by :math:`1-\beta^k`, the share of an average's weights that has been
        filled after k steps. Without it both averages begin near 0.
    weight_decay
        Adds this times the parameters to the gradient; at least 0. Adam then divides it by the
        root as well: :class:`AdamW` does not.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, theta = Adam(0.1), np.zeros(3)
    >>> slopes = np.array([1e3, -1e-3, 0.0])
    >>> optimizer.step(optimizer.start(theta), slopes, theta)[1].round(4) + 0.0
    array([-0.1,  0.1,  0. ])

    Notes
    -----
    As ``torch.optim.Adam`` and ``optax.adam``: eps is outside of the root, after the correction,
    as in algorithm 1 of the paper. ``keras.optimizers.Adam`` corrects the rate instead of the
    averages, which makes its eps a larger one at first, and takes 1e-7. D. P. Kingma and J. Ba,
    *Adam: a method for stochastic optimization*, 2015, algorithm 1. Chapter 10.
    """

    rate: float | Schedule = 1e-3
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    bias_correction: bool = True
    slots: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("beta1", "beta2"):
            if check_number(name, getattr(self, name), 0, 1) == 1:
                raise ValueError(f"{name} must be a number in [0, 1), got 1")
        check_number("eps", self.eps, 0, open_low=True)

    def rule(self, xp, k, g, mean, square):
        mean = self.beta1 * mean + (1 - self.beta1) * g
        square = self.beta2 * square + (1 - self.beta2) * g**2
        filled = (1.0, 1.0)
        if self.bias_correction:
            filled = (1 - self.beta1**k, 1 - self.beta2**k)
        root = xp.sqrt(square / filled[1])
        return mean / filled[0] / (root + self.eps), mean, square


@dataclass(frozen=True)
class AdamW(Adam):
    r"""Adam whose weight decay does not pass through the averages.

    .. math::
        \theta_{k+1} = \theta_k - \eta\, \lambda\, \theta_k - \eta\,
        \frac{m_k / (1-\beta_1^k)}{\sqrt{v_k / (1-\beta_2^k)} + \epsilon}

    Parameters
    ----------
    rate
        The step size :math:`\eta \ge 0`: a number or a schedule; it scales the decay too.
    beta1, beta2
        The factors in [0, 1) by which old gradients and old squares fade.
    eps
        Added to the root; positive.
    bias_correction
        Whether to divide the averages by :math:`1-\beta^k`.
    weight_decay
        The share :math:`\lambda \ge 0` by which the parameters shrink, times the rate.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, theta = AdamW(0.1, weight_decay=0.5), np.array([2.0, 2.0])
    >>> update = optimizer.step(optimizer.start(theta), np.array([0.0, 1e-3]), theta)[1]
    >>> update.round(4)
    array([-0.1, -0.2])

    Notes
    -----
    As ``torch.optim.AdamW`` and ``optax.adamw``, whose default decay is 1e-4. In the paper the
    decay is not multiplied by the rate, only by its schedule. I. Loshchilov and F. Hutter,
    *Decoupled weight decay regularization*, 2019, algorithm 2. Chapter 10.
    """

    _: KW_ONLY
    weight_decay: float = 0.01
    decoupled: ClassVar[bool] = True
