"""Other answers to assignment 6: wrong ones, from the chapter's "Where it breaks", with what
each loses, and right ones written differently, which lose nothing. Only read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | the series near zero, the exponential beyond, in long double
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = (yhat - y).astype(np.longdouble) / delta
    size = np.abs(u)
    t = np.minimum(size, 0.05)
    series = t**2 / 2 - t**4 / 12 + t**6 / 45 - 17 * t**8 / 2520 + 31 * t**10 / 14175
    loss = np.where(size < 0.05, series, size + np.log1p(np.exp(-2 * size)) - np.log(size * 0 + 2))
    return (delta**2 * loss).astype(float), (delta * np.tanh(u)).astype(float)


# %% q1 | equal | a loop over plain numbers
import math


def smooth(yhat, y, delta):
    if np.shape(yhat) != np.shape(y):
        raise ValueError("yhat and y must have the same shape")
    loss, pull = np.zeros(yhat.shape), np.zeros(yhat.shape)
    for place in np.ndindex(yhat.shape):
        u = float(yhat[place] - y[place]) / delta
        if abs(u) < 1:  # cosh u - 1 is a square over 2 e^u
            value = math.log1p(math.expm1(u) ** 2 / math.exp(u) / 2)
        else:
            value = abs(u) + math.log1p(math.exp(-2 * abs(u))) - math.log(2)
        loss[place], pull[place] = delta * delta * value, delta * math.tanh(u)
    return loss.tolist(), pull.tolist()


# %% q1 | loses large tiny | the formula as it stands (reg-breaks)
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = (yhat - y) / delta
    return delta**2 * np.log(np.cosh(u)), delta * np.tanh(u)


# %% q1 | loses tiny | the usual repair (reg-breaks)
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = np.abs(yhat - y) / delta
    loss = u + np.log1p(np.exp(-2 * u)) - np.log(2)
    return delta**2 * loss, delta * np.tanh((yhat - y) / delta)


# %% q1 | loses tiny | logaddexp, as Optax does (reg-breaks)
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = (yhat - y) / delta
    return delta**2 * (np.logaddexp(u, -u) - np.log(2)), delta * np.tanh(u)


# %% q1 | loses large | sinh overflows (reg-rule)
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = (yhat - y) / delta
    return delta**2 * np.log1p(2 * np.sinh(u / 2) ** 2), delta * np.tanh(u)


# %% q1 | loses large | the pull as a quotient of exponentials
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = (yhat - y) / delta
    near = np.log1p(2 * np.sinh(np.clip(u, -20, 20) / 2) ** 2)
    loss = np.where(np.abs(u) < 20, near, np.abs(u) - np.log(2))
    return delta**2 * loss, delta * np.sinh(u) / np.cosh(u)


# %% q1 | loses shapes | it broadcasts (the head of the chapter)
def smooth(yhat, y, delta):
    u = (yhat - y) / delta
    near = np.log1p(2 * np.sinh(np.clip(u, -20, 20) / 2) ** 2)
    loss = np.where(np.abs(u) < 20, near, np.abs(u) - np.log(2))
    return delta**2 * loss, delta * np.tanh(u)


# %% q1 | loses shapes | it compares lengths, not shapes
def smooth(yhat, y, delta):
    if len(yhat) != len(y):
        raise ValueError("shapes")
    u = (yhat - y) / delta
    near = np.log1p(2 * np.sinh(np.clip(u, -20, 20) / 2) ** 2)
    loss = np.where(np.abs(u) < 20, near, np.abs(u) - np.log(2))
    return delta**2 * loss, delta * np.tanh(u)


# %% q1 | loses values large tiny | the bound is left out (reg-smooth-l1)
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = yhat - y
    near = np.log1p(2 * np.sinh(np.clip(u, -20, 20) / 2) ** 2)
    loss = np.where(np.abs(u) < 20, near, np.abs(u) - np.log(2))
    return loss, np.tanh(u)


# %% q1 | loses values large tiny | divided by the bound once, like smooth L1 (reg-smooth-l1)
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    u = (yhat - y) / delta
    near = np.log1p(2 * np.sinh(np.clip(u, -20, 20) / 2) ** 2)
    loss = np.where(np.abs(u) < 20, near, np.abs(u) - np.log(2))
    return delta * loss, np.tanh(u)


# %% q1 | loses values large tiny shapes | Huber's loss itself (reg-between)
def smooth(yhat, y, delta):
    if yhat.shape != y.shape:
        raise ValueError("shapes")
    e = yhat - y
    k = np.minimum(np.abs(e), delta)
    return k * (np.abs(e) - k / 2), np.clip(e, -delta, delta)


# %% q2 | equal | the quantile, by counting days
def stock(demand, days, short, over):
    order = np.argsort(demand)
    share = np.cumsum(days[order]) / days.sum()
    best = demand[order][np.argmax(share >= short / (short + over))]
    e = best - demand
    return int(best), float(np.average(np.maximum(over * e, -short * e), weights=days))


# %% q2 | equal | a loop, on a list of all days
def stock(demand, days, short, over):
    every = [int(d) for d, n in zip(demand, days, strict=True) for _ in range(n)]
    best = None
    for loaves in sorted(set(every)):
        cost = sum(short * (d - loaves) if d > loaves else over * (loaves - d) for d in every)
        if best is None or cost < best[1]:
            best = loaves, cost
    return best[0], best[1] / len(every)


# %% q2 | loses stock ties | both prices change places (reg-quantile)
def stock(demand, days, short, over):
    order = np.argsort(demand)
    share = np.cumsum(days[order]) / days.sum()
    best = demand[order][np.argmax(share >= over / (short + over))]
    e = best - demand
    return best, np.average(np.maximum(over * e, -short * e), weights=days)


# %% q2 | loses stock ties | NumPy's quantile, which interpolates and does not know the days
def stock(demand, days, short, over):
    best = np.quantile(demand, short / (short + over))
    e = best - demand
    return best, np.average(np.maximum(over * e, -short * e), weights=days)


# %% q2 | loses stock ties | the data are taken to be in order
def stock(demand, days, short, over):
    share = np.cumsum(days) / days.sum()
    best = demand[np.argmax(share >= short / (short + over))]
    e = best - demand
    return best, np.average(np.maximum(over * e, -short * e), weights=days)


# %% q2 | loses stock ties | the mean demand, as squared error wants (reg-squared)
def stock(demand, days, short, over):
    mean = np.average(demand, weights=days)
    best = demand[np.argmin(np.abs(demand - mean))]
    e = best - demand
    return best, np.average(np.maximum(over * e, -short * e), weights=days)


# %% q2 | loses stock ties | the cost is divided by the sum of the prices (reg-quantile)
def stock(demand, days, short, over):
    tau = short / (short + over)
    gap = demand[None, :] - demand[:, None]
    cost = (days * np.maximum(tau * gap, (tau - 1) * gap)).sum(axis=1) / days.sum()
    return demand[cost == cost.min()].min(), cost.min()


# %% q2 | loses ties | the larger of two that cost the same
def stock(demand, days, short, over):
    order = np.argsort(demand)
    share = np.cumsum(days[order]) / days.sum()
    best = demand[order][np.argmax(share > short / (short + over))]
    e = best - demand
    return best, np.average(np.maximum(over * e, -short * e), weights=days)


# %% q2 | loses ties | the first that is found
def stock(demand, days, short, over):
    gap = demand[None, :] - demand[:, None]
    cost = (days * np.where(gap > 0, short * gap, -over * gap)).sum(axis=1)
    return demand[np.argmin(cost)], cost.min() / days.sum()


# %% q3 | equal | iteratively reweighted least squares
def center(y):
    c = np.median(y)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - c))
    if delta == 0:
        return c
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c - y), delta)
        c = (weight * y).sum() / weight.sum()
    return c


# %% q3 | equal | Newton's method, in a loop over plain numbers
def center(y):
    values = sorted(float(v) for v in y)

    def median(v):
        v = sorted(v)
        return (v[(len(v) - 1) // 2] + v[len(v) // 2]) / 2

    c = median(values)
    delta = 1.345 * 1.4826 * median([abs(v - c) for v in values])
    if delta <= 0:
        return c
    for _ in range(200):
        inside = sum(abs(c - v) < delta for v in values) or 1
        c -= sum(max(-delta, min(delta, c - v)) for v in values) / inside
    return c


# %% q3 | loses center | the mean (reg-influence)
def center(y):
    d = np.median(np.abs(y - np.median(y)))
    return np.median(y) if d == 0 else np.mean(y)


# %% q3 | loses center | the median
def center(y):
    return np.median(y)


# %% q3 | loses center | one round of reweighting only
def center(y):
    c = np.median(y)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - c))
    if delta == 0:
        return c
    weight = delta / np.maximum(np.abs(c - y), delta)
    return (weight * y).sum() / weight.sum()


# %% q3 | loses center equal | a bound in a fixed unit (reg-irls)
def center(y):
    c = np.median(y)
    for _ in range(3000):
        weight = 1 / np.maximum(np.abs(c - y), 1)
        c = (weight * y).sum() / weight.sum()
    return c


# %% q3 | loses center equal | the standard deviation for the scale, which the errors blow up
def center(y):
    c = np.median(y)
    delta = 1.345 * np.std(y)
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c - y), delta)
        c = (weight * y).sum() / weight.sum()
    return c


# %% q3 | loses equal | the scale of zero is not looked at
def center(y):
    c = np.median(y)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - c))
    for _ in range(2000):
        weight = np.minimum(1, delta / np.abs(c - y)) if delta else 0 * y
        c = (weight * y).sum() / weight.sum()
    return c


# %% q3 | loses center | the factor 1.4826 is left out (reg-irls)
def center(y):
    c = np.median(y)
    delta = 1.345 * np.median(np.abs(y - c))
    if delta == 0:
        return c
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c - y), delta)
        c = (weight * y).sum() / weight.sum()
    return c


# %% q3 | loses center | values outside of the bound are thrown away, not clipped
def center(y):
    middle = np.median(y)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - middle))
    return np.mean(y[np.abs(y - middle) <= delta])


# %% q4 | equal | SymPy differentiates and solves
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / (nu * sp.exp(u))) + u / 2
pull, spread = sp.diff(loss, e), sp.diff(loss, u)
x = sp.symbols("x", positive=True)
peak = sp.solve(sp.numer(sp.together(sp.diff(loss, e, 2).subs(e, x))), x)[0]

# %% q4 | equal | derivatives left as they stand, a root of a square
e, u, nu = sp.symbols("e u nu", real=True)
loss = (nu + 1) / 2 * (sp.log(nu * sp.exp(u) + e**2) - sp.log(nu) - u) + u / 2
pull, spread = sp.Derivative(loss, e), sp.Derivative(loss, u)
peak = sp.sqrt(nu * sp.exp(u))

# %% q4 | loses pull spread peak | the scale is left out (reg-likelihood)
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / nu)
pull, spread, peak = sp.diff(loss, e), sp.diff(loss, u), sp.sqrt(nu)

# %% q4 | loses spread | the term of the scale is forgotten
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / (nu * sp.exp(u)))
pull, spread, peak = sp.diff(loss, e), sp.diff(loss, u), sp.sqrt(nu * sp.exp(u))

# %% q4 | loses spread peak | slope of a normal likelihood, peak at its scale (reg-log-variance)
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
pull = (nu + 1) * e / (nu * sp.exp(u) + e**2)
spread = (1 - e**2 * sp.exp(-u)) / 2
peak = sp.exp(u / 2)

# %% q4 | loses spread peak | the derivative for v, not for its logarithm; the square of the peak
e, u = sp.symbols("e u", real=True)
nu, v = sp.symbols("nu v", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / (nu * v)) + sp.log(v) / 2
pull, spread = (sp.diff(loss, each).subs(v, sp.exp(u)) for each in (e, v))
peak = nu * sp.exp(u)

# %% q5 | equal | other numbers, found by trying
column = np.std([1.0, 3.0, 5.0, 7.0]) * np.sqrt(2)
pixels = np.array([9, 9 + 240])
large = (-3e11, -3e11 + 2, -3e11 + 4)

# %% q5 | loses column large | a perfect fit has no error; and numbers that keep their digits
column, pixels, large = 0.0, (16, 128), [1e6, 1e6 + 1, 1e6 + 2]

# %% q5 | loses column pixels | the root is forgotten; a difference that wraps, not to 0
column, pixels, large = 10.0, [3, 254], [1e9, 1e9 + 1, 1e9 + 2]

# %% q5 | loses pixels large | near enough to wrap, too near; and no variance
column, pixels, large = 3.1623, [0, 16], [1e9, 1e9, 1e9]
