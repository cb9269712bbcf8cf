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


# %% q1 | loses values | it broadcasts (the head of the chapter)
def smooth(yhat, y, delta):
    u = (yhat - y) / delta
    near = np.log1p(2 * np.sinh(np.clip(u, -20, 20) / 2) ** 2)
    loss = np.where(np.abs(u) < 20, near, np.abs(u) - np.log(2))
    return delta**2 * loss, delta * np.tanh(u)


# %% q1 | loses values | it compares lengths, not shapes
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


# %% q1 | loses values large tiny | Huber's loss itself (reg-between)
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
def stiffness(x, y):
    c = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - c * x))
    if delta == 0:
        return c
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c * x - y), delta)
        c = (weight * x * y).sum() / (weight * x * x).sum()
    return c


# %% q3 | equal | the lowest sum of losses, by Newton's method, plain numbers
def stiffness(x, y):
    rows = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]

    def median(v):
        v = sorted(v)
        return (v[(len(v) - 1) // 2] + v[len(v) // 2]) / 2

    c = median(b / a for a, b in rows)
    delta = 1.345 * 1.4826 * median(abs(b - c * a) for a, b in rows)
    if delta <= 0:
        return c
    for _ in range(200):
        inside = sum(a * a for a, b in rows if abs(c * a - b) < delta) or rows[0][0] ** 2
        c -= sum(a * max(-delta, min(delta, c * a - b)) for a, b in rows) / inside
    return c


# %% q3 | loses errors units | the pulls balance, without the factor x of the chain rule
def stiffness(x, y):
    m = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - m * x))
    if delta == 0:
        return m
    low, high = np.min((y - delta) / x), np.max((y + delta) / x)
    for _ in range(200):
        c = (low + high) / 2
        low, high = (low, c) if np.clip(c * x - y, -delta, delta).sum() > 0 else (c, high)
    return c


# %% q3 | loses errors units | Huber's center of the ratios (reg-influence)
def stiffness(x, y):
    ratio = y / x
    c = np.median(ratio)
    delta = 1.345 * 1.4826 * np.median(np.abs(ratio - c))
    if delta == 0:
        return c
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c - ratio), delta)
        c = (weight * ratio).sum() / weight.sum()
    return c


# %% q3 | loses errors units | least squares (reg-influence)
def stiffness(x, y):
    m = np.median(y / x)
    return m if np.median(np.abs(y - m * x)) == 0 else (x * y).sum() / (x * x).sum()


# %% q3 | loses errors units | the median of the ratios
def stiffness(x, y):
    return np.median(y / x)


# %% q3 | loses errors units | one round of reweighting only
def stiffness(x, y):
    c = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - c * x))
    if delta == 0:
        return c
    weight = delta / np.maximum(np.abs(c * x - y), delta)
    return (weight * x * y).sum() / (weight * x * x).sum()


# %% q3 | loses errors units equal | a bound in a fixed unit (reg-irls)
def stiffness(x, y):
    c = np.median(y / x)
    for _ in range(3000):
        weight = 1 / np.maximum(np.abs(c * x - y), 1)
        c = (weight * x * y).sum() / (weight * x * x).sum()
    return c


# %% q3 | loses errors units equal | the standard deviation for the scale, which the errors blow up
def stiffness(x, y):
    c = np.median(y / x)
    delta = 1.345 * np.std(y - c * x)
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c * x - y), delta)
        c = (weight * x * y).sum() / (weight * x * x).sum()
    return c


# %% q3 | loses equal | the bound of zero is not looked at
def stiffness(x, y):
    c = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - c * x))
    for _ in range(2000):
        weight = np.minimum(1, delta / np.abs(c * x - y)) if delta else 0 * y
        c = (weight * x * y).sum() / (weight * x * x).sum()
    return c


# %% q3 | loses errors units | the factor 1.4826 is left out (reg-irls)
def stiffness(x, y):
    c = np.median(y / x)
    delta = 1.345 * np.median(np.abs(y - c * x))
    if delta == 0:
        return c
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c * x - y), delta)
        c = (weight * x * y).sum() / (weight * x * x).sum()
    return c


# %% q3 | loses errors units | values outside of the bound are thrown away, not clipped
def stiffness(x, y):
    m = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - m * x))
    kept = np.abs(y - m * x) <= delta
    return (x * y)[kept].sum() / (x * x)[kept].sum()


# %% q3 | loses units | an interval that is halved down to a width of 1e-9
def stiffness(x, y):
    m = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - m * x))
    if delta == 0:
        return m
    low, high = np.min((y - delta) / x), np.max((y + delta) / x)
    for _ in range(500):
        if high - low < 1e-9:
            break
        c = (low + high) / 2
        low, high = (low, c) if (x * np.clip(c * x - y, -delta, delta)).sum() > 0 else (c, high)
    return (low + high) / 2


# %% q3 | loses units | a bound below 1e-9 counts as 0
def stiffness(x, y):
    m = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - m * x))
    if delta < 1e-9:
        return m
    c = m
    for _ in range(2000):
        weight = delta / np.maximum(np.abs(c * x - y), delta)
        c = (weight * x * y).sum() / (weight * x * x).sum()
    return c


# %% q4 | equal | SymPy differentiates, solves and takes the limit
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / (nu * sp.exp(u))) + u / 2
spread = sp.diff(loss, u)
x, n = sp.symbols("x n", positive=True)
peak = sp.solve(sp.numer(sp.together(sp.diff(loss, e, 2).subs(e, x))), x)[0]
crowd = sp.solve((n - 1) / 2 + (1 - (nu + 1)) / 2, n)[0]

# %% q4 | equal | a derivative left as it stands, a root of a square
e, u, nu = sp.symbols("e u nu", real=True)
loss = (nu + 1) / 2 * (sp.log(nu * sp.exp(u) + e**2) - sp.log(nu) - u) + u / 2
spread, peak, crowd = sp.Derivative(loss, u), sp.sqrt(nu * sp.exp(u)), 2 * (nu + 1) / 2

# %% q4 | loses spread peak | the scale is left out (reg-likelihood)
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / nu)
spread, peak, crowd = sp.diff(loss, u), sp.sqrt(nu), nu + 1

# %% q4 | loses spread crowd | the term of the scale is forgotten
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / (nu * sp.exp(u)))
spread, peak, crowd = sp.diff(loss, u), sp.sqrt(nu * sp.exp(u)), sp.oo

# %% q4 | loses spread peak crowd | a normal likelihood instead (reg-log-variance)
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
spread, peak, crowd = (1 - e**2 * sp.exp(-u)) / 2, sp.exp(u / 2), nu

# %% q4 | loses spread peak crowd | the derivative for v; the square of the peak; only the others
e, u = sp.symbols("e u", real=True)
nu, v = sp.symbols("nu v", positive=True)
loss = (nu + 1) / 2 * sp.log(1 + e**2 / (nu * v)) + sp.log(v) / 2
spread, peak, crowd = sp.diff(loss, v).subs(v, sp.exp(u)), nu * sp.exp(u), nu

# %% q5 | equal | other numbers, found by trying
column = 10 + np.sqrt(8) * np.array([1, -1, 1, -1])
pixels = np.array([9, 9 + 240])
large = (-3e11, -3e11 + 2, -3e11 + 4)

# %% q5 | loses column large | a perfect fit has no error; and numbers that keep their digits
column, pixels, large = [10.0, 10.0, 10.0, 10.0], (16, 128), [1e6, 1e6 + 1, 1e6 + 2]

# %% q5 | loses column pixels | the factor 2 is forgotten; a difference that wraps, not to 0
column, pixels, large = [6, 6, 14, 14], [3, 254], [1e9, 1e9 + 1, 1e9 + 2]

# %% q5 | loses pixels large | near enough to wrap, too near; and no variance
column, pixels, large = [14, 10, 6, 10], [0, 16], [1e9, 1e9, 1e9]
