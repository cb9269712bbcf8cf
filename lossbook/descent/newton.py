"""Steps that ask for more than a gradient: Newton's, and a line search (chapter 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lossbook.arrays import Array, cast, namespace
from lossbook.checks import check_number
from lossbook.descent.optimizers import Optimizer, Schedule, State
from lossbook.descent.schedules import check_count
from lossbook.descent.trees import Tree, inner, like, matching, tree_map


@dataclass(frozen=True)
class Newton(Optimizer):
    r"""Newton's method: the step to where a quadratic model of the loss is smallest.

    .. math::
        \theta_{k+1} = \theta_k - \eta\, (H_k + \lambda I)^{-1} g_k

    Parameters
    ----------
    hessian
        A function of the parameters, one array of n numbers, that gives the n x n matrix
        :math:`H` of second derivatives there.
    rate
        The factor :math:`\eta \ge 0` of the step: a number or a schedule.
    damping
        The number :math:`\lambda \ge 0` added to the diagonal.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range; at a step, if the parameters are not one array of one
        dimension, the matrix has another shape, or it is singular.

    Examples
    --------
    >>> import numpy as np
    >>> curvature = np.array([[1.0, 0.0], [0.0, 100.0]])
    >>> optimizer, theta = Newton(lambda x: curvature), np.array([5.0, -3.0])
    >>> state, update = optimizer.step(optimizer.start(theta), curvature @ theta, theta)
    >>> theta + update  # one step, whatever the condition number
    array([0., 0.])

    Notes
    -----
    Where the matrix is not positive definite the step may lead uphill or to a saddle: use
    ``damping``, or :class:`Backtracking`, which then stops. J. Nocedal and S. J. Wright,
    *Numerical optimization*, 2006, section 3.3. Chapter 10.
    """

    hessian: Callable[[Array], Array]
    rate: float | Schedule = 1.0
    damping: float = 0.0

    def __post_init__(self) -> None:
        if not callable(self.hessian):
            raise TypeError(f"hessian must be a function, got {type(self.hessian).__qualname__}")
        self.check_rate()
        check_number("damping", self.damping, 0)

    def step(self, state: State, gradient: Tree, parameters: Tree) -> tuple[State, Tree]:
        """The next state, and what is to be added to the parameters."""
        if getattr(parameters, "ndim", None) != 1:
            raise ValueError("parameters must be one array of one dimension for Newton's method")
        [g] = matching(parameters, gradient)
        xp, n = namespace(g), g.shape[0]
        matrix = self.hessian(parameters)
        if not hasattr(matrix, "dtype"):
            raise TypeError(f"the Hessian must be an array, got {type(matrix).__qualname__}")
        if tuple(matrix.shape) != (n, n):
            raise ValueError(f"the Hessian must have shape {(n, n)}, got {tuple(matrix.shape)}")
        matrix = like("hessian", matrix, g)
        if self.damping:
            matrix = matrix + self.damping * xp.eye(n, dtype=g.dtype, device=g.device)
        try:
            direction = xp.linalg.solve(matrix, g)
        except (ValueError, RuntimeError) as error:  # NumPy's and torch's LinAlgError
            raise ValueError(
                f"the Hessian after {state.count} steps is singular: set damping"
            ) from error
        update = cast(-self.rate_at(state.count) * direction, parameters.dtype)
        return State(state.count + 1, state.memory), update


@dataclass(frozen=True)
class Backtracking:
    r"""Backtracking line search: a step is shortened until the loss falls enough.

    .. math::
        L(\theta + t u) \le L(\theta) + c\, t\, \langle g, u \rangle,
        \qquad t = 1, \beta, \beta^2, \dots

    Parameters
    ----------
    shrink
        The factor :math:`\beta` in (0, 1) by which a step is shortened.
    fraction
        The share c in (0, 1) of the fall along the tangent that is asked for (Armijo's rule).
    tries
        How often it is shortened at most.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from lossbook import GradientDescent, minimize
    >>> path = minimize(lambda x: (50 * x**2, 100 * x), np.array(1.0), GradientDescent(1.0),
    ...                 steps=1, line_search=Backtracking())
    >>> path.rates.tolist(), path.values.tolist()
    ([0.015625], [50.0, 15.8203125])

    Notes
    -----
    The loss is evaluated once for each length that is tried. It is for a loss of all the data
    and a step that leads downhill, such as that of :class:`GradientDescent` or
    :class:`Newton`. L. Armijo, *Minimization of functions having Lipschitz continuous first
    partial derivatives*, 1966. Chapter 10.
    """

    shrink: float = 0.5
    fraction: float = 1e-4
    tries: int = 60

    def __post_init__(self) -> None:
        for name in ("shrink", "fraction"):
            if check_number(name, getattr(self, name), 0, 1, open_low=True) == 1:
                raise ValueError(f"{name} must be a number in (0, 1), got 1")
        check_count("tries", self.tries)

    def scale(
        self,
        value_at: Callable[[Tree], float],
        point: Tree,
        value: float,
        gradient: Tree,
        update: Tree,
    ) -> float | None:
        """The factor t of the update; None if no length makes the loss fall enough."""
        slope, t = inner(gradient, update), 1.0
        if not slope < 0:
            return None
        for _ in range(self.tries + 1):
            moved = tree_map(lambda x, u, t=t: x + t * u, point, update)
            found = value_at(moved)
            if found < value and found <= value + self.fraction * t * slope:
                return t
            t *= self.shrink
        return None
