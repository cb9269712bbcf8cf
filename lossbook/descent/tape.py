"""Reverse-mode differentiation on a short tape, for NumPy and the losses of this package.

A :class:`Node` remembers the nodes that it was computed from and how to *pull* a gradient
back to them. ``backward`` walks from a loss to the parameters, and each node adds up what
reaches it. Chapter 10 explains it; torch's autograd does the same on a larger scale.
"""

from __future__ import annotations

import itertools

import numpy as np

from lossbook.driver import value_and_grad

_clock = itertools.count()


class Node:
    """An array that knows its history.

    Examples
    --------
    >>> from lossbook import squared_error
    >>> w = Node(np.array([[1.0], [2.0]]))
    >>> loss_of(squared_error, np.array([[3.0, 1.0]]) @ w, np.array([[4.0]])).backward()
    >>> w.gradient.ravel().tolist()
    [6.0, 2.0]
    """

    __array_ufunc__ = None  # NumPy then leaves array @ node to the node

    def __init__(self, value, parents=(), pull=None):
        self.value, self.parents, self.pull = np.asarray(value) * 1.0, parents, pull
        self.born, self.gradient = next(_clock), None

    def __add__(self, other):
        other = as_node(other, self)
        return Node(self.value + other.value, (self, other), lambda g: (g, g))

    def __mul__(self, other):
        a, b = self, as_node(other, self)
        return Node(a.value * b.value, (a, b), lambda g: (g * b.value, g * a.value))

    def __matmul__(self, other):
        other = as_node(other, self)
        a, b = self.value, other.value
        if a.ndim != 2 or b.ndim != 2:
            raise ValueError(f"@ takes matrices, got shapes {a.shape} and {b.shape}")
        return Node(a @ b, (self, other), lambda g: (g @ b.T, a.T @ g))

    def __rmatmul__(self, other):
        return as_node(other, self) @ self

    def __neg__(self):
        return Node(-self.value, (self,), lambda g: (-g,))

    def __sub__(self, other):
        return self + -as_node(other, self)

    def __rsub__(self, other):
        return as_node(other, self) - self

    __radd__, __rmul__ = __add__, __mul__

    def tanh(self):
        t = np.tanh(self.value)
        return Node(t, (self,), lambda g: (g * (1 - t**2),))

    def relu(self):
        on = self.value > 0
        return Node(np.maximum(self.value, 0), (self,), lambda g: (g * on,))

    def backward(self):
        """Set the gradients of all that this number was computed from."""
        nodes, waiting = {}, [self]
        while waiting:
            node = waiting.pop()
            if node.born not in nodes:
                nodes[node.born] = node
                waiting += node.parents
        for node in nodes.values():
            node.gradient = np.zeros_like(node.value)
        self.gradient = np.ones_like(self.value)
        for born in sorted(nodes, reverse=True):  # a node comes before its parents
            node = nodes[born]
            slopes = node.pull(node.gradient) if node.pull else ()
            for parent, g in zip(node.parents, slopes, strict=True):
                parent.gradient = parent.gradient + unbroadcast(g, parent.value.shape)


def as_node(x, like):
    """A constant is a node without parents, in the precision of its partner."""
    return x if isinstance(x, Node) else Node(np.asarray(x, like.value.dtype))


def unbroadcast(g, shape):
    """What reaches an array that was repeated: the sum over its copies."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n < g.shape[i])
    return g.sum(repeated, keepdims=True)


def loss_of(loss, *inputs, **options):
    """A loss of lossbook on the tape: it pulls with its own slope."""
    wrt = tuple(i for i, x in enumerate(inputs) if isinstance(x, Node))
    plain = [x.value if isinstance(x, Node) else x for x in inputs]
    value, slopes = value_and_grad(loss, *plain, wrt=wrt, **options)
    if np.ndim(value):
        raise ValueError(f"the loss must be one number, got the shape {value.shape}")
    parents = tuple(inputs[i] for i in wrt)
    return Node(value, parents, lambda g: tuple(g * s for s in slopes))
