"""Other answers to assignment 10: wrong ones, from the chapter's "Where it breaks" and "Often
said", with what each loses, and right ones written differently, which lose nothing. Only read,
never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | singular values of the weighted rows, squared
def plan(X, w, alpha, eps):
    rows = np.sqrt(2 * w / w.sum())[:, None] * X
    curvatures = np.zeros(X.shape[1])
    singular = np.linalg.svd(rows, compute_uv=False)
    curvatures[: len(singular)] = singular**2
    curvatures += alpha
    low, high = curvatures.min(), curvatures.max()
    log_factor = np.log1p(-2 * low / (high + low))
    return 2 / high, 2 / (high + low), np.log(eps) / log_factor


# %% q1 | equal | a sum of outer products, log1p of 2 / (kappa - 1)
def plan(X, w, alpha, eps):
    H = alpha * np.eye(X.shape[1])
    for x, weight in zip(X, w / w.sum(), strict=True):
        H += 2 * weight * np.outer(x, x)
    values = sorted(np.linalg.eigvals(H).real.tolist())
    kappa = values[-1] / values[0]
    k = -np.log(eps) / np.log1p(2 / (kappa - 1))
    return [2 / values[-1], 2 / (values[-1] + values[0]), k]


# %% q1 | loses digits | the logarithm of a number that is nearly 1
def plan(X, w, alpha, eps):
    H = 2 * (X.T * w) @ X / w.sum() + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 2 / (high + low), np.log(eps) / np.log((high - low) / (high + low))


# %% q1 | loses rates steps wide | the factor 2 of a squared error is forgotten
def plan(X, w, alpha, eps):
    H = (X.T * w) @ X / w.sum() + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 2 / (high + low), -np.log(eps) / (2 * np.arctanh(low / high))


# %% q1 | loses rates steps wide | divided by the number of examples, not by the weights
def plan(X, w, alpha, eps):
    H = 2 * (X.T * w) @ X / len(w) + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 2 / (high + low), -np.log(eps) / (2 * np.arctanh(low / high))


# %% q1 | loses rates steps wide digits | no weights
def plan(X, w, alpha, eps):
    H = 2 * X.T @ X / len(X) + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 2 / (high + low), -np.log(eps) / (2 * np.arctanh(low / high))


# %% q1 | loses rates wide | 1 over the curvature, which the lemma recommends (gd-lemma)
def plan(X, w, alpha, eps):
    H = 2 * (X.T * w) @ X / w.sum() + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 1 / high, -np.log(eps) / (2 * np.arctanh(low / high))


# %% q1 | loses steps wide | half the condition number times a logarithm (gd-steps)
def plan(X, w, alpha, eps):
    H = 2 * (X.T * w) @ X / w.sum() + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 2 / (high + low), -np.log(eps) * high / low / 2


# %% q1 | loses steps wide digits | the heavy ball's root of the condition number (gd-momentum)
def plan(X, w, alpha, eps):
    H = 2 * (X.T * w) @ X / w.sum() + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 2 / (high + low), -np.log(eps) / (2 * np.arctanh((low / high) ** 0.5))


# %% q1 | loses steps wide | rounded to an integer
def plan(X, w, alpha, eps):
    H = 2 * (X.T * w) @ X / w.sum() + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    return 2 / high, 2 / (high + low), np.ceil(-np.log(eps) / (2 * np.arctanh(low / high)))


# %% q1 | loses wide | the singular values alone, where there are fewer examples
def plan(X, w, alpha, eps):
    kept = w > 0
    rows = np.sqrt(2 * w[kept] / w.sum())[:, None] * X[kept]
    curvatures = np.linalg.svd(rows, compute_uv=False) ** 2 + alpha
    low, high = curvatures[-1], curvatures[0]
    return 2 / high, 2 / (high + low), -np.log(eps) / (2 * np.arctanh(low / high))


# %% q2 | equal | plain lists, and math.hypot
import math


def descend(grad, theta, rates, beta, most, alpha):
    now, b = theta.tolist(), [0.0] * len(theta)
    points = [now]
    for rate in rates.tolist():
        g = [float(t) for t in grad(np.array(now))]
        if all(map(math.isfinite, g)):
            length = math.hypot(*g)
            shrink = most / length if length > most else 1.0
            b = [beta * old + shrink * t for old, t in zip(b, g, strict=True)]
            now = [t - rate * (p + alpha * t) for t, p in zip(now, b, strict=True)]
        points.append(now)
    return points


# %% q2 | equal | an array that is filled, the decay as a factor
def descend(grad, theta, rates, beta, most, alpha):
    points = np.empty((len(rates) + 1, len(theta)))
    points[0], b = theta, 0.0
    for k, rate in enumerate(rates):
        g = np.asarray(grad(points[k]))
        points[k + 1] = points[k]
        if not np.isfinite(g).all():
            continue
        unit = max(np.abs(g).max(), 1e-300)
        length = np.sqrt(((g / unit) ** 2).sum())
        b = beta * b + (g / unit) * min(unit, most / max(length, 1e-300))
        points[k + 1] = (1 - rate * alpha) * points[k] - rate * b
    return points


# %% q2 | loses momentum decay clip skip | the velocity form, with rates that change (gd-practice)
def descend(grad, theta, rates, beta, most, alpha):
    points, v = [theta], np.zeros(len(theta))
    for rate in rates:
        g = grad(points[-1])
        if np.isfinite(g).all():
            unit = max(np.abs(g).max(), 1e-300)
            length = np.linalg.norm(g / unit)
            g = g / unit * min(unit, most / max(length, 1e-300))
            v = beta * v - rate * g
            points.append(points[-1] + v - rate * alpha * points[-1])
        else:
            points.append(points[-1])
    return np.array(points)


# %% q2 | loses momentum decay clip skip | Nesterov's step (gd-momentum)
def descend(grad, theta, rates, beta, most, alpha):
    points, b = [theta], np.zeros(len(theta))
    for rate in rates:
        g, now = grad(points[-1]), points[-1]
        if np.isfinite(g).all():
            unit = max(np.abs(g).max(), 1e-300)
            g = g / unit * min(unit, most / max(np.linalg.norm(g / unit), 1e-300))
            b = beta * b + g
            now = now - rate * (g + beta * b + alpha * now)
        points.append(now)
    return np.array(points)


# %% q2 | loses decay skip | weight decay in the gradient, so in b (gd-weight-decay)
def descend(grad, theta, rates, beta, most, alpha):
    points, b = [theta], np.zeros(len(theta))
    for rate in rates:
        g, now = grad(points[-1]), points[-1]
        if np.isfinite(g).all():
            unit = max(np.abs(g).max(), 1e-300)
            g = g / unit * min(unit, most / max(np.linalg.norm(g / unit), 1e-300))
            b = beta * b + g + alpha * now
            now = now - rate * b
        points.append(now)
    return np.array(points)


# %% q2 | loses momentum decay clip | the start is changed in place
def descend(grad, theta, rates, beta, most, alpha):
    b, points = np.zeros(len(theta)), [theta.copy()]
    for rate in rates:
        g = grad(theta)
        if np.isfinite(g).all():
            unit = max(np.abs(g).max(), 1e-300)
            g = g / unit * min(unit, most / max(np.linalg.norm(g / unit), 1e-300))
            b = beta * b + g
            theta -= rate * (b + alpha * theta)
        points.append(theta.copy())
    return np.array(points)


# %% q2 | loses momentum decay clip skip | the same array in every place of the list
def descend(grad, theta, rates, beta, most, alpha):
    theta, b = theta.copy(), np.zeros(len(theta))
    points = [theta]
    for rate in rates:
        g = grad(theta)
        if np.isfinite(g).all():
            length = np.linalg.norm(g)
            b *= beta
            b += g * min(1, most / max(length, 1e-300))
            theta -= rate * (b + alpha * theta)
        points.append(theta)
    return np.array(points)


# %% q2 | loses clip | a length that overflows, and 0 / 0 (gd-traps)
def descend(grad, theta, rates, beta, most, alpha):
    points, b = [theta], np.zeros(len(theta))
    for rate in rates:
        g, now = grad(points[-1]), points[-1]
        if np.isfinite(g).all():
            if most < np.inf:
                g = g * min(1, most / np.linalg.norm(g))
            b = beta * b + g
            now = now - rate * (b + alpha * now)
        points.append(now)
    return np.array(points)


# %% q2 | loses clip skip | each entry is clipped, not the length
def descend(grad, theta, rates, beta, most, alpha):
    points, b = [theta], np.zeros(len(theta))
    for rate in rates:
        g, now = grad(points[-1]), points[-1]
        if np.isfinite(g).all():
            b = beta * b + np.clip(g, -most, most)
            now = now - rate * (b + alpha * now)
        points.append(now)
    return np.array(points)


# %% q2 | loses clip skip | b is clipped, not the gradient
def descend(grad, theta, rates, beta, most, alpha):
    points, b = [theta], np.zeros(len(theta))
    for rate in rates:
        g, now = grad(points[-1]), points[-1]
        if np.isfinite(g).all():
            b = beta * b + g
            b = b * min(1, most / max(math.hypot(*b), 1e-300))
            now = now - rate * (b + alpha * now)
        points.append(now)
    return np.array(points)


import math


# %% q2 | loses skip | clipping is to help against infinity (gd-traps)
def descend(grad, theta, rates, beta, most, alpha):
    points, b = [theta], np.zeros(len(theta))
    for rate in rates:
        g, now = grad(points[-1]), points[-1]
        unit = max(np.abs(g).max(), 1e-300)
        g = g / unit * min(unit, most / max(np.linalg.norm(g / unit), 1e-300))
        b = beta * b + np.nan_to_num(g)
        now = now - rate * (b + alpha * now)
        points.append(now)
    return np.array(points)


# %% q2 | loses skip | a skipped step still moves by the momentum
def descend(grad, theta, rates, beta, most, alpha):
    points, b = [theta], np.zeros(len(theta))
    for rate in rates:
        g, now = grad(points[-1]), points[-1]
        if not np.isfinite(g).all():
            g = 0 * theta
        unit = max(np.abs(g).max(), 1e-300)
        g = g / unit * min(unit, most / max(np.linalg.norm(g / unit), 1e-300))
        b = beta * b + g
        now = now - rate * (b + alpha * now)
        points.append(now)
    return np.array(points)


# %% q3 | equal | other forms: odd and even k by a power of -1
lam, x0, k = sp.symbols("lam x0 k", positive=True)
border = sp.sqrt(4 / (9 * lam**2))
best = sp.Rational(1, 2) / lam
point = x0 * 2 ** (-k / 2) * ((1 + (-1) ** k) + (1 - (-1) ** k) / sp.sqrt(2)) / 2

# %% q3 | equal | odd and even k as two pieces
lam, x0 = sp.symbols("lam x0", positive=True)
k = sp.symbols("k", integer=True, nonnegative=True)
border, best = 2 / (3 * lam), 1 / (2 * lam)
even = sp.Eq(sp.Mod(k, 2), 0)
point = sp.Piecewise((x0 / 2 ** (k / 2), even), (x0 / 2 ** ((k + 1) / 2), True))

# %% q3 | equal | solved by SymPy
lam, x0, eta = sp.symbols("lam x0 eta", positive=True)
k, f = sp.symbols("k", integer=True, nonnegative=True), sp.Function("f")
r = sp.symbols("r")
poly = r**2 - r + eta * lam * (2 * r - 1)
[border] = sp.solve(poly.subs(r, -1), eta)
best = sp.solve(sp.Poly(poly, r).coeff_monomial(r), eta)[0]
point = sp.rsolve(f(k + 2) - f(k) / 2, f(k), {f(0): x0, f(1): x0 / 2})

# %% q3 | loses border best point | plain gradient descent (gd-border)
lam, x0 = sp.symbols("lam x0", positive=True)
k = sp.symbols("k", integer=True, nonnegative=True)
border, best = 2 / lam, 1 / lam
point = 0**k * x0

# %% q3 | loses point | the size of the roots alone
lam, x0 = sp.symbols("lam x0", positive=True)
k = sp.symbols("k", integer=True, nonnegative=True)
border, best = 2 / (3 * lam), 1 / (2 * lam)
point = x0 / sp.sqrt(2) ** k

# %% q3 | loses point | the companion of a double root, which there is none (gd-double-root)
lam, x0 = sp.symbols("lam x0", positive=True)
k = sp.symbols("k", integer=True, nonnegative=True)
border, best, r = 2 / (3 * lam), 1 / (2 * lam), 1 / sp.sqrt(2)
point = (1 + (1 - r) * k) * r**k * x0

# %% q3 | loses point | x_k falls in the even steps, not in the odd ones
lam, x0 = sp.symbols("lam x0", positive=True)
k = sp.symbols("k", integer=True, nonnegative=True)
border, best = 2 / (3 * lam), 1 / (2 * lam)
point = x0 / 2 ** sp.floor(k / 2)

# %% q3 | loses border best point | only the root above 0 is looked at
lam, x0 = sp.symbols("lam x0", positive=True)
k = sp.symbols("k", integer=True, nonnegative=True)
border, best = 2 / lam, 2 / (3 * lam)
point = x0 / 3**k


# %% q4 | equal | Richardson's extrapolation
def bend(loss, z):
    def central(h):
        return (loss(z + h) - 2 * loss(z) + loss(z - h)) / h**2

    h = abs(z) * 1e-3
    return (4 * central(h) - central(2 * h)) / 3


rejected, accepted = -1e6, np.float32(1e-9)


# %% q4 | equal | differences of slopes by a complex step (gd-checking)
def bend(loss, z):
    def slope(z):
        return loss(z + 1e-200j).imag / 1e-200

    h = 1e-5 * abs(z)
    return (slope(z + h) - slope(z - h)) / (2 * h)


rejected, accepted = 10**12, -3e-9


# %% q4 | equal | five points
def bend(loss, z):
    places = 2.0 ** np.floor(np.log2(abs(z))) * 2.0**-11 * np.arange(-2, 3)
    values = np.array([loss(z + h) for h in places])
    return values @ [-1, 16, -30, 16, -1] / 12 / places[3] ** 2


rejected, accepted = 1e9, 5e-9


# %% q4 | loses bend | the step that is right for a first derivative (gd-checking)
def bend(loss, z):
    h = 1e-5 * abs(z)
    return (loss(z + h) - 2 * loss(z) + loss(z - h)) / h**2


rejected, accepted = 1e8, 1e-9


# %% q4 | loses bend | a step that is too long
def bend(loss, z):
    h = 1e-3 * abs(z)
    return (loss(z + h) - 2 * loss(z) + loss(z - h)) / h**2


rejected, accepted = 1e8, 1e-9


# %% q4 | loses bend | one-sided (gd-checking)
def bend(loss, z):
    h = 1.5e-4 * abs(z)
    return (loss(z + 2 * h) - 2 * loss(z + h) + loss(z)) / h**2


rejected, accepted = 1e8, 1e-9


# %% q4 | loses bend | a step that does not grow with z (gd-checking)
def bend(loss, z):
    h = 1.5e-4
    return (loss(z + h) - 2 * loss(z) + loss(z - h)) / h**2


rejected, accepted = 1e8, 1e-9


# %% q4 | loses bend | the smallest step that there is (gd-checking)
def bend(loss, z):
    h = 2.3e-16 * abs(z)
    return (loss(z + h) - 2 * loss(z) + loss(z - h)) / h**2


rejected, accepted = 1e8, 1e-9


# %% q4 | loses rejected accepted bend | nothing is seen, and the code is kept
def bend(loss, z):
    def slope(z):
        return (loss(z + 1e-10) - loss(z)) / 1e-10

    return (slope(z + 1e-10) - slope(z)) / 1e-10


rejected, accepted = 1.0, 2.0


# %% q4 | loses accepted | where the values stop to change, the wrong slope is rejected as well
def bend(loss, z):
    h = 1.5e-4 * abs(z)
    return (loss(z + h) - 2 * loss(z) + loss(z - h)) / h**2


rejected, accepted = 1e8, 1e8


# %% q4 | loses accepted | at 0, where the wrong slope is right
def bend(loss, z):
    h = 1.5e-4 * abs(z)
    return (loss(z + h) - 2 * loss(z) + loss(z - h)) / h**2


rejected, accepted = 1e8, 0.0


# %% q5 | equal | bisection by geometric means, and the batches tried one by one
def largest_rate(lam, var, batch, target):
    kept = var > 0
    a, v = lam[kept], var[kept] / batch
    low, high = 0.0, 2 / lam.max()

    def above(rate):
        return sum(rate * n / (2 - rate * c) for c, n in zip(a, v, strict=True)) / 2 - target

    if a.max() < lam.max() and above(high) <= 0:
        return high
    low, high = 1e-30 * high, high
    for _ in range(300):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if above(middle) <= 0 else (low, middle)
    return high


def smallest_batch(lam, var, rate, target):
    if rate * max(lam) >= 2:
        return 0
    one = sum(rate * n / (2 - rate * c) for c, n in zip(lam, var, strict=True)) / 2
    count = 1
    while one / count > target:
        count += 1
    return count


# %% q5 | equal | bisection on the logarithm of what is left to the border
def largest_rate(lam, var, batch, target):
    top = lam.max()
    share = lam / top  # with rate = 2 s / top, and s / (1 - s) = e^u
    low, high = -80.0, 60.0
    for _ in range(200):
        u = (low + high) / 2
        s, left = 1 / (1 + np.exp(-u)), 1 / (1 + np.exp(u))
        pull = (1 - share) + share * left
        floor = (s / top * var / batch / pull).sum() / 2
        low, high = (u, high) if floor <= target else (low, u)
    return 2 / top / (1 + np.exp(-low))


def smallest_batch(lam, var, rate, target):
    pull = 2 - rate * lam
    if (pull <= 0).any():
        return np.int64(0)
    return np.maximum(1, np.ceil(np.sum(rate * var / pull) / (2 * target))).astype(int)


# %% q5 | loses rate border batch | linear in the rate, as for small ones (gd-floor)
def largest_rate(lam, var, batch, target):
    return min(4 * target * batch / var.sum(), 2 / lam.max())


def smallest_batch(lam, var, rate, target):
    return max(1, int(np.ceil(rate * var.sum() / 4 / target)))


# %% q5 | loses rate border batch | the mean square distance for the loss
def largest_rate(lam, var, batch, target):
    low, high = 0.0, 2 / lam.max()
    for _ in range(200):
        middle = (low + high) / 2
        floor = (middle * var / batch / (lam * (2 - middle * lam))).sum()
        low, high = (middle, high) if floor <= target else (low, middle)
    return low


def smallest_batch(lam, var, rate, target):
    if rate >= 2 / lam.max():
        return 0
    return max(1, int(np.ceil((rate * var / (lam * (2 - rate * lam))).sum() / target)))


# %% q5 | loses border | bisection that stops too early
def largest_rate(lam, var, batch, target):
    low, high = 0.0, 2 / lam.max()
    while high - low > 1e-10:
        middle = (low + high) / 2
        floor = (middle * var / batch / (2 - middle * lam)).sum() / 2
        low, high = (middle, high) if floor <= target else (low, middle)
    return low


def smallest_batch(lam, var, rate, target):
    if rate >= 2 / lam.max():
        return 0
    return max(1, int(np.ceil((rate * var / (2 - rate * lam)).sum() / 2 / target)))


# %% q5 | loses border | the border of the directions that have noise
def largest_rate(lam, var, batch, target):
    low, high = 0.0, 2 / lam[var > 0].max()
    for _ in range(200):
        middle = (low + high) / 2
        floor = (middle * var / batch / (2 - middle * lam)).sum() / 2
        low, high = (middle, high) if floor <= target else (low, middle)
    return low


def smallest_batch(lam, var, rate, target):
    if rate >= 2 / lam.max():
        return 0
    return max(1, int(np.ceil((rate * var / (2 - rate * lam)).sum() / 2 / target)))


# %% q5 | loses batch | a batch above the border, and none for a floor that one example meets
def largest_rate(lam, var, batch, target):
    low, high = 0.0, 2 / lam.max()
    for _ in range(300):
        middle = (low + high) / 2
        floor = (middle * var / batch / (2 - middle * lam)).sum() / 2
        low, high = (middle, high) if floor <= target else (low, middle)
    return low


def smallest_batch(lam, var, rate, target):
    return int(np.ceil((rate * var / abs(2 - rate * lam)).sum() / 2 / target))


# %% q5 | loses batch | rounded down
def largest_rate(lam, var, batch, target):
    low, high = 0.0, 2 / lam.max()
    for _ in range(300):
        middle = (low + high) / 2
        floor = (middle * var / batch / (2 - middle * lam)).sum() / 2
        low, high = (middle, high) if floor <= target else (low, middle)
    return high


def smallest_batch(lam, var, rate, target):
    if rate >= 2 / lam.max():
        return 0
    return max(1, int((rate * var / (2 - rate * lam)).sum() / 2 / target))


# %% q5 | loses batch | the border of the directions that have noise, for the batch
def largest_rate(lam, var, batch, target):
    low, high = 0.0, 2 / lam.max()
    for _ in range(300):
        middle = (low + high) / 2
        floor = (middle * var / batch / (2 - middle * lam)).sum() / 2
        low, high = (middle, high) if floor <= target else (low, middle)
    return low


def smallest_batch(lam, var, rate, target):
    lam, var = lam[var > 0], var[var > 0]
    if rate >= 2 / lam.max():
        return 0
    return max(1, int(np.ceil((rate * var / (2 - rate * lam)).sum() / 2 / target)))


# %% q5 | loses batch | at the border it still says that a batch is large enough
def largest_rate(lam, var, batch, target):
    low, high = 0.0, 2 / lam.max()
    for _ in range(300):
        middle = (low + high) / 2
        floor = (middle * var / batch / (2 - middle * lam)).sum() / 2
        low, high = (middle, high) if floor <= target else (low, middle)
    return low


def smallest_batch(lam, var, rate, target):
    if rate > 2 / lam.max():
        return 0
    noisy = var > 0
    floor = (rate * var[noisy] / (2 - rate * lam[noisy])).sum() / 2
    return max(1, int(np.ceil(floor / target)))
