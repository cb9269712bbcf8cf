"""What an optimizer is; gradient descent and momentum (chapter 10).

An optimizer is a set of numbers. What it remembers from step to step is in a :class:`State`,
which ``start`` makes and ``step`` replaces; nothing is changed in place. For parameters in half
precision it is kept, and a step computed, in float32; the update is then rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeAlias

from lossbook.arrays import Array, cast, namespace, working_dtype
from lossbook.checks import check_number
from lossbook.descent.trees import Tree, arrays, floats, matching, rebuild

Schedule: TypeAlias = Callable[[int], float]
"""The rate of step k, counted from 0."""


class State(NamedTuple):
    """What an optimizer remembers: the steps taken, and some arrays for each parameter."""

    count: int
    memory: tuple[tuple[Array, ...], ...]


class Optimizer:
    """What :func:`lossbook.minimize` asks of an optimizer."""

    rate: float | Schedule
    slots: ClassVar[int] = 0  # arrays remembered for each parameter

    def rate_at(self, count: int) -> float:
        """The rate of the step after ``count`` steps."""
        if not callable(self.rate):
            return float(self.rate)
        return check_number(f"the rate of step {count}", float(self.rate(count)), 0)

    def start(self, parameters: Tree) -> State:
        """The state before the first step."""
        wide = (cast(x, working_dtype(x)) for x in arrays(floats(parameters)))
        return State(0, tuple(self.blank(x) for x in wide))

    def blank(self, x: Array) -> tuple[Array, ...]:
        """What is remembered for a parameter before the first step."""
        return (namespace(x).zeros_like(x),) * self.slots

    def step(self, state: State, gradient: Tree, parameters: Tree) -> tuple[State, Tree]:
        """The next state, and what is to be added to the parameters."""
        raise NotImplementedError

    def check_rate(self) -> None:
        if not callable(self.rate):
            check_number("rate", self.rate, 0)


@dataclass(frozen=True)
class Elementwise(Optimizer):
    """An optimizer that treats each array, and mostly each number, alone."""

    rate: float | Schedule
    weight_decay: float = field(default=0.0, kw_only=True)
    decoupled: ClassVar[bool] = False  # weight decay beside the rule, not through it

    def __post_init__(self) -> None:
        self.check_rate()
        check_number("weight_decay", self.weight_decay, 0)

    def rule(self, xp: Any, k: int, g: Array, *memory: Array) -> tuple[Array, ...]:
        """The direction of step k = 1, 2, ..., and what is remembered from now on."""
        raise NotImplementedError

    def step(
        self,
        state: State,
        gradient: Tree,
        parameters: Tree,
    ) -> tuple[State, Tree]:
        rate, updates, memories = self.rate_at(state.count), [], []
        points, slopes = arrays(parameters), matching(parameters, gradient)
        xp = namespace(points[0])
        for x, g, memory in zip(points, slopes, state.memory, strict=True):
            decay = self.weight_decay * x if self.weight_decay else None
            if decay is not None and not self.decoupled:
                g = g + decay
            direction, *memory = self.rule(xp, state.count + 1, g, *memory)
            if decay is not None and self.decoupled:
                direction = direction + decay
            updates.append(-rate * direction)
            memories.append(tuple(memory))
        return State(state.count + 1, tuple(memories)), rebuild(parameters, updates)


@dataclass(frozen=True)
class GradientDescent(Elementwise):
    r"""Gradient descent: a step against the gradient.

    .. math::
        \theta_{k+1} = \theta_k - \eta\, g_k

    With batches (:func:`lossbook.minibatches`) it is stochastic gradient descent (SGD).

    Parameters
    ----------
    rate
        The step size :math:`\eta \ge 0`: a number, or a schedule that gives it for
        step 0, 1, ...
    weight_decay
        Adds this times the parameters to the gradient, as the penalty
        :math:`\tfrac{\lambda}{2} \lVert\theta\rVert^2` does; at least 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, theta = GradientDescent(0.25), np.array([4.0, -2.0])
    >>> state, update = optimizer.step(optimizer.start(theta), 2 * theta, theta)
    >>> theta + update
    array([ 2., -1.])

    Notes
    -----
    As ``torch.optim.SGD`` and ``optax.sgd``. A.-L. Cauchy, *Méthode générale pour la
    résolution des systèmes d'équations simultanées*, 1847. Chapter 10.
    """

    def rule(self, xp, k, g):
        return (g,)


@dataclass(frozen=True)
class HeavyBall(Elementwise):
    r"""Gradient descent with momentum: past gradients push on.

    .. math::
        b_{k+1} = \beta\, b_k + g_k, \qquad \theta_{k+1} = \theta_k - \eta\, b_{k+1}

    Parameters
    ----------
    rate
        The step size :math:`\eta \ge 0`: a number or a schedule.
    momentum
        The factor :math:`\beta` in [0, 1] by which a push fades at each step.
    weight_decay
        Adds this times the parameters to the gradient; at least 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from lossbook import minimize
    >>> path = minimize(lambda x: (x**2, 2 * x), np.array(1.0), HeavyBall(0.1, 0.5), steps=3)
    >>> [round(float(x), 3) for x in path.points]
    [1.0, 0.8, 0.54, 0.302]

    Notes
    -----
    As ``torch.optim.SGD(momentum=...)`` and ``optax.sgd``. Polyak's form
    :math:`\theta_{k+1} = \theta_k - \eta g_k + \beta (\theta_k - \theta_{k-1})`, and Keras's
    velocity :math:`v_{k+1} = \beta v_k - \eta g_k`, take the same steps while the rate is
    constant. When it changes, they keep the speed and this form scales it.
    B. T. Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964.
    Chapter 10.
    """

    momentum: float = 0.9
    slots: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("momentum", self.momentum, 0, 1)

    def rule(self, xp, k, g, push):
        push = self.momentum * push + g
        return push, push


@dataclass(frozen=True)
class Nesterov(HeavyBall):
    r"""Momentum that takes the next push into account already.

    .. math::
        b_{k+1} = \beta\, b_k + g_k, \qquad
        \theta_{k+1} = \theta_k - \eta\, (g_k + \beta\, b_{k+1})

    Parameters
    ----------
    rate
        The step size :math:`\eta \ge 0`: a number or a schedule.
    momentum
        The factor :math:`\beta` in [0, 1] by which a push fades at each step.
    weight_decay
        Adds this times the parameters to the gradient; at least 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from lossbook import minimize
    >>> start = np.array([1.0, -2.0])
    >>> path = minimize(lambda x: (sum(x**2), 2 * x), start, Nesterov(0.1), steps=3)
    >>> [np.round(x, 4).tolist() for x in path.points[1:]]
    [[0.62, -1.24], [0.2224, -0.4448], [-0.1084, 0.2167]]

    Notes
    -----
    As ``torch.optim.SGD(nesterov=True)`` and ``optax.sgd(nesterov=True)``: the gradient is
    taken at the point that Nesterov's method looks ahead to, so the points recorded here are
    those. Yu. Nesterov, *A method of solving a convex programming problem with convergence
    rate O(1/k²)*, 1983; I. Sutskever et al., *On the importance of initialization and momentum
    in deep learning*, 2013, section 2. Chapter 10.
    """

    def rule(self, xp, k, g, push):
        push = self.momentum * push + g
        return g + self.momentum * push, push
