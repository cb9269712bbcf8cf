"""Other answers to assignment 2: wrong ones, from the chapter's "Where it breaks", with what
each loses, and right ones written differently, which lose nothing. Only read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | loses large | ln m is added to the logits, and is lost in large ones
def recommend(z, m):
    with np.errstate(divide="ignore"):
        logits = np.where(m > 0, z, 0.0) + np.log(m)
    top = np.maximum(logits.max(axis=1, keepdims=True), -1e300)
    e = np.exp(logits - top)
    return e / np.maximum(e.sum(axis=1, keepdims=True), 1e-300)


# %% q1 | equal | the stock as a logarithm, added after the shift
def recommend(z, m):
    there = m > 0
    top = np.where(there, z, -np.inf).max(axis=1, keepdims=True)
    e = np.exp(np.where(there, z - top, -np.inf) + np.log(np.maximum(m, 1)))
    return e / np.maximum(e.sum(axis=1, keepdims=True), 1e-300)


# %% q1 | equal | a loop over rows, plain numbers, and lists back
import math


def recommend(z, m):
    rows = []
    for logits, stock in zip(z.tolist(), m.tolist(), strict=True):
        there = [a for a, k in zip(logits, stock, strict=True) if k > 0]
        top = max(there, default=0.0)
        e = [k * math.exp(a - top) if k > 0 else 0.0 for a, k in zip(logits, stock, strict=True)]
        rows.append([x / math.fsum(e) if there else 0.0 for x in e])
    return rows


# %% q1 | equal | in long double
def recommend(z, m):
    z, m = z.astype(np.longdouble), m.astype(np.longdouble)
    found = np.zeros(z.shape, dtype=np.longdouble)
    for row in range(len(z)):
        k = m[row] > 0
        if k.any():
            e = m[row, k] * np.exp(z[row, k] - z[row, k].max())
            found[row, k] = e / e.sum()
    return found.astype(float)


# %% q1 | loses large masked empty | as written out (softmax-overflow)
def recommend(z, m):
    e = m * np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


# %% q1 | loses large | as written out, with the masks right (softmax-overflow)
def recommend(z, m):
    e = np.where(m > 0, m * np.exp(np.where(m > 0, z, 0)), 0)
    total = e.sum(axis=1, keepdims=True)
    return np.where(total > 0, e / total, 0)


# %% q1 | loses masked empty | the maximum over what is sold out too (softmax-masks)
def recommend(z, m):
    e = m * np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %% q1 | loses masked | the mask after the shift, not before the maximum (softmax-masks)
def recommend(z, m):
    e = np.where(m > 0, m * np.exp(z - z.max(axis=1, keepdims=True)), 0)
    total = e.sum(axis=1, keepdims=True)
    return e / np.where(total > 0, total, 1)


# %% q1 | loses large | one maximum for all rows (softmax-shift)
def recommend(z, m):
    there = m > 0
    top = z[there].max(initial=-np.inf)
    e = np.where(there, m * np.exp(np.where(there, z - top, 0)), 0)
    total = e.sum(axis=1, keepdims=True)
    return np.where(total > 0, e / total, 0)


# %% q1 | loses empty | minus infinity everywhere: nan (softmax-masks)
def recommend(z, m):
    logits = np.where(m > 0, z, -np.inf)
    e = m * np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %% q1 | loses large empty | minus a billion for a mask: an empty shelf sells (softmax-masks)
def recommend(z, m):
    logits = np.where(m > 0, z + np.log(np.maximum(m, 1)), -1e9)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %% q1 | loses large | an eps in the denominator, and no shift
def recommend(z, m):
    e = np.where(m > 0, m * np.exp(np.clip(np.where(m > 0, z, 0), -700, 700)), 0)
    return e / (e.sum(axis=1, keepdims=True) + 1e-12)


# %% q1 | loses values large masked empty | the stock is only a mask
def recommend(z, m):
    logits = np.where(m > 0, z, -np.inf)
    top = np.maximum(logits.max(axis=1, keepdims=True), -1e300)
    e = np.exp(logits - top)
    return e / np.maximum(e.sum(axis=1, keepdims=True), 1e-300)


# %% q1 | loses values large masked empty | not normalized again
def recommend(z, m):
    logits = np.where(m > 0, z, -np.inf)
    top = np.maximum(logits.max(axis=1, keepdims=True), -1e300)
    e = np.exp(logits - top)
    return m * e / np.maximum(e.sum(axis=1, keepdims=True), 1e-300)


# %% q2 | equal | log1p of the odds against, the larger side shifted to 1
def log_share(z, chosen):
    d = z - z.max(axis=1, keepdims=True)
    a = np.where(chosen, d, -np.inf).max(axis=1, keepdims=True)
    b = np.where(chosen, -np.inf, d).max(axis=1, keepdims=True)
    a, b = (np.where(np.isinf(x), 0, x) for x in (a, b))
    inside = np.sum(np.exp(d - a) * chosen, axis=1, where=chosen)
    outside = np.sum(np.exp(d - b), axis=1, where=~chosen)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = np.log(outside) + b[:, 0] - np.log(inside) - a[:, 0]
        return np.where(gap > 0, -gap - np.log1p(np.exp(-gap)), -np.log1p(np.exp(gap)))


# %% q2 | equal | a loop over rows and plain numbers
import math


def log_share(z, chosen):
    found = []
    for row, mask in zip(z.tolist(), chosen.tolist(), strict=True):
        inside = [x for x, here in zip(row, mask, strict=True) if here]
        outside = [x for x, here in zip(row, mask, strict=True) if not here]
        if not inside or not outside:
            found.append(0.0 if inside else -math.inf)
            continue
        a, b = max(inside), max(outside)
        gap = b - a
        gap += math.log(math.fsum(math.exp(x - b) for x in outside))
        gap -= math.log(math.fsum(math.exp(x - a) for x in inside))
        found.append(-max(gap, 0.0) - math.log1p(math.exp(-abs(gap))))
    return found


# %% q2 | equal | in long double
def log_share(z, chosen):
    d = z.astype(np.longdouble) - z.max(axis=1, keepdims=True)
    inside = np.logaddexp.reduce(np.where(chosen, d, -np.inf), axis=1)
    outside = np.logaddexp.reduce(np.where(chosen, -np.inf, d), axis=1)
    return (-np.logaddexp(np.longdouble(0), outside - inside)).astype(float)


# %% q2 | loses large digits ends | the logarithm of what is written out (softmax-overflow)
def log_share(z, chosen):
    e = np.exp(z)
    return np.log((e / e.sum(axis=1, keepdims=True) * chosen).sum(axis=1))


# %% q2 | loses large digits ends | the max trick, then a sum of probabilities (softmax-tails)
def log_share(z, chosen):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.log(np.sum(p * chosen, axis=1))


# %% q2 | loses digits | two log-sum-exps, the maximum subtracted first (softmax-tails)
def log_share(z, chosen):
    d = z - z.max(axis=1, keepdims=True)
    inside = np.where(chosen, d, -np.inf)
    return np.logaddexp.reduce(inside, axis=1) - np.logaddexp.reduce(d, axis=1)


# %% q2 | loses large digits | two log-sum-exps of large numbers (softmax-division-free)
def log_share(z, chosen):
    inside = np.where(chosen, z, -np.inf)
    return np.logaddexp.reduce(inside, axis=1) - np.logaddexp.reduce(z, axis=1)


# %% q2 | loses large | log1p of a quotient that overflows, or is nan
def log_share(z, chosen):
    d = z - z.max(axis=1, keepdims=True)
    e = np.exp(d)
    return -np.log1p(np.sum(e * ~chosen, axis=1) / np.sum(e * chosen, axis=1))


# %% q2 | loses ends | shifted by the maximum of each side, of which one may be empty
def log_share(z, chosen):
    def lse(x):
        top = x.max(axis=1, keepdims=True)
        return (top + np.log(np.exp(x - top).sum(axis=1, keepdims=True)))[:, 0]

    d = z - z.max(axis=1, keepdims=True)
    gap = lse(np.where(chosen, -np.inf, d)) - lse(np.where(chosen, d, -np.inf))
    return -np.logaddexp(0, gap)


# %% q2 | loses large digits ends | a small number in the logarithm
def log_share(z, chosen):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.log(np.sum(e * chosen, axis=1) / e.sum(axis=1) + 1e-12)


# %% q2 | loses values large digits ends | an answer for the two ends alone
def log_share(z, chosen):
    return np.where(np.arange(len(z)) < 20, 0.0, -np.inf)


# %% q2 | loses values large digits ends | the sum of the log-probabilities
def log_share(z, chosen):
    d = z - z.max(axis=1, keepdims=True)
    log_p = d - np.logaddexp.reduce(d, axis=1)[:, None]
    return np.sum(log_p * chosen, axis=1)


# %% q2 | loses values large digits ends | the mean over the chosen classes
def log_share(z, chosen):
    d = z - z.max(axis=1, keepdims=True)
    inside = np.logaddexp.reduce(np.where(chosen, d, -np.inf), axis=1)
    outside = np.logaddexp.reduce(np.where(chosen, -np.inf, d), axis=1)
    found = -np.logaddexp(0.0, outside - inside)
    count = chosen.sum(axis=1)
    return np.where(count == z.shape[1], 0, found - np.log(np.maximum(count, 1)))


# %% q3 | equal | SymPy differentiates, and simplifies nothing
z1, z2, z3, R1, R2, R3, tau, c, x = sp.symbols("z1 z2 z3 R1 R2 R3 tau c x", real=True)
lse = sp.log(sp.exp(z1) + sp.exp(z2) + sp.exp(z3))
J = sum(sp.exp(z - lse) * R for z, R in ((z1, R1), (z2, R2), (z3, R3)))
steady = -sp.Derivative(J, z1) / sp.Derivative(J, z2)
x = (1 - c) / (1 + sp.exp((R2 - R1) / tau))
p = [x, 1 - c - x, c]
largest = sum(q * R - tau * q * sp.log(q) for q, R in zip(p, (R1, R2, R3), strict=True))
level = R1 + tau * sp.log(1 + sp.exp((R2 - R1) / tau)) - tau * sp.log(1 / c - 1)

# %% q3 | equal | by pairs of classes
z1, z2, z3, R1, R2, R3, tau, c = sp.symbols("z1 z2 z3 R1 R2 R3 tau c")
e1, e2, e3 = sp.exp(z1), sp.exp(z2), sp.exp(z3)
steady = -e1 * (e2 * (R1 - R2) + e3 * (R1 - R3)) / (e2 * (e1 * (R2 - R1) + e3 * (R2 - R3)))
level = tau * sp.log(c / (1 - c) * (sp.exp(R1 / tau) + sp.exp(R2 / tau)))
largest = c * R3 + (1 - c) * level - tau * sp.log(c)

# %% q3 | loses steady | the factor p of the Jacobian is forgotten (softmax-derivatives)
z1, z2, z3, R1, R2, R3, tau, c = sp.symbols("z1 z2 z3 R1 R2 R3 tau c", real=True)
lse = sp.log(sp.exp(z1) + sp.exp(z2) + sp.exp(z3))
J = sum(sp.exp(z - lse) * R for z, R in ((z1, R1), (z2, R2), (z3, R3)))
steady = -(R1 - J) / (R2 - J)
level = tau * sp.log(c / (1 - c) * (sp.exp(R1 / tau) + sp.exp(R2 / tau)))
largest = c * R3 + (1 - c) * level - tau * sp.log(c)

# %% q3 | loses steady largest level | the diagonal alone, and no demand (softmax-gibbs)
z1, z2, z3, R1, R2, R3, tau, c = sp.symbols("z1 z2 z3 R1 R2 R3 tau c", real=True)
total = sp.exp(z1) + sp.exp(z2) + sp.exp(z3)
p1, p2 = sp.exp(z1) / total, sp.exp(z2) / total
steady = -p1 * (1 - p1) * R1 / (p2 * (1 - p2) * R2)
largest = tau * sp.log(sp.exp(R1 / tau) + sp.exp(R2 / tau) + sp.exp(R3 / tau))
level = tau * sp.log(c)

# %% q3 | loses largest | the entropy of being the third or not is forgotten
z1, z2, z3, R1, R2, R3, tau, c = sp.symbols("z1 z2 z3 R1 R2 R3 tau c", real=True)
total = sp.exp(z1) + sp.exp(z2) + sp.exp(z3)
p1, p2, p3 = (sp.exp(z) / total for z in (z1, z2, z3))
J = p1 * R1 + p2 * R2 + p3 * R3
steady = -p1 * (R1 - J) / (p2 * (R2 - J))
level = tau * sp.log(c / (1 - c) * (sp.exp(R1 / tau) + sp.exp(R2 / tau)))
largest = c * R3 + (1 - c) * tau * sp.log(sp.exp(R1 / tau) + sp.exp(R2 / tau))

# %% q3 | loses steady level | the inverse rate, and c for the odds of c
z1, z2, z3, R1, R2, R3, tau, c = sp.symbols("z1 z2 z3 R1 R2 R3 tau c", real=True)
total = sp.exp(z1) + sp.exp(z2) + sp.exp(z3)
p1, p2, p3 = (sp.exp(z) / total for z in (z1, z2, z3))
J = p1 * R1 + p2 * R2 + p3 * R3
steady = -p2 * (R2 - J) / (p1 * (R1 - J))
pair = tau * sp.log(sp.exp(R1 / tau) + sp.exp(R2 / tau))
level = pair + tau * sp.log(c)
largest = c * R3 + (1 - c) * pair - tau * (c * sp.log(c) + (1 - c) * sp.log(1 - c))

# %% q4 | equal | other numbers
apart = np.array([[-150, -160], [1, 2]])
taken = (-5, 3e9)
swallowed = 0.0039

# %% q4 | equal | rows that differ by more than float32 holds, found by trying
apart = [[-200, -200], [-50.5, 0.0]]
taken = [0.0, 1e30]
near = np.arange(0, 0.02, 1e-6, dtype=np.float32)
swallowed = near[near - np.float32(1e5) == -np.float32(1e5)].max()

# %% q4 | loses apart taken | rows that are near enough, and a masked score below the mask
apart = [[80.0, 0.0], [0.0, 1.0]]
taken = [0.0, 9e4]
swallowed = 2**-8

# %% q4 | loses swallowed | the whole spacing, not half of it (softmax-masks)
apart, taken, swallowed = [[0, 0], [200, 200]], [0.0, 1e10], 2**-7

# %% q4 | loses taken swallowed | an infinite score is not finite, and the chapter's mask
apart, taken, swallowed = [[0, 0], [200, 200]], [0.0, np.inf], 32.0

# %% q4 | loses apart | a row that is large by itself: the max trick holds (softmax-shift)
apart, taken, swallowed = [[200.0, 0.0], [200.0, 0.0]], [1.0, 2e9], 1 / 256


# %% q5 | equal | bisection in the logarithm, by the definition of the entropy
import math


def temperature_for(z, many):
    d = (z - np.max(z)).tolist()
    width = -min(d)

    def number(tau):
        e = [math.exp(x / tau) for x in d]
        total = math.fsum(e)
        return math.exp(-math.fsum(x / total * math.log(x / total) for x in e if x > 0))

    low, high = math.log(width) - 7, math.log(width) + 7
    for _ in range(80):
        middle = (low + high) / 2
        if number(math.exp(middle)) < many:
            low = middle
        else:
            high = middle
    return math.exp(low)


# %% q5 | equal | Newton's method by the slope Var/tau^3, kept inside a bracket, as an array
def temperature_for(z, many):
    d = (z - z.max()) / np.ptp(z)
    low, high, tau = 1e-3, 1e3, 1.0
    for _ in range(200):
        p = np.exp(d / tau)
        lse = np.log(p.sum())
        p = p / p.sum()
        mean = p @ d
        off = lse - mean / tau - np.log(many)
        low, high = (tau, high) if off < 0 else (low, tau)
        slope = p @ (d - mean) ** 2 / tau**3
        step = tau - off / slope if slope > 0 else 0
        tau = step if low < step < high else np.sqrt(low * high)
    return np.array(tau * np.ptp(z))


# %% q5 | loses scale | a bracket that is fixed, as in the chapter's fit (softmax-fit-temperature)
def temperature_for(z, many):
    d, low, high = z - z.max(), 0.01, 100.0
    for _ in range(100):
        middle = np.sqrt(low * high)
        e = np.exp(d / middle)
        p = e / e.sum()
        low, high = (
            (middle, high) if np.log(e.sum()) - p @ d / middle < np.log(many) else (low, middle)
        )
    return middle


# %% q5 | loses scale | exponentials as written out (softmax-overflow)
def temperature_for(z, many):
    low, high = 1e-3 * np.ptp(z), 1e3 * np.ptp(z)
    for _ in range(100):
        middle = np.sqrt(low * high)
        e = np.exp(z / middle)
        p = e[e > 0] / e.sum()
        low, high = (middle, high) if -p @ np.log(p) < np.log(many) else (low, middle)
    return middle


# %% q5 | loses ties | 0 ln 0 is nan, and every comparison with nan is false (softmax-temperature)
def temperature_for(z, many):
    d = z - z.max()
    low, high = -1e-3 * d.min(), -1e3 * d.min()
    for _ in range(100):
        middle = np.sqrt(low * high)
        p = np.exp(d / middle) / np.exp(d / middle).sum()
        low, high = (low, middle) if -np.sum(p * np.log(p)) > np.log(many) else (middle, high)
    return middle


# %% q5 | loses values scale ties | a search on a grid
def temperature_for(z, many):
    d = z - z.max()
    taus = -d.min() * np.geomspace(1e-3, 1e3, 5000)
    e = np.exp(d / taus[:, None])
    p = e / e.sum(axis=1, keepdims=True)
    entropy = np.log(e.sum(axis=1)) - (p @ d) / taus
    return taus[np.argmin(np.abs(entropy - np.log(many)))]


# %% q5 | loses values scale ties | 1/tau for tau
def temperature_for(z, many):
    d = z - z.max()
    low, high = -1e-3 * d.min(), -1e3 * d.min()
    for _ in range(100):
        middle = np.sqrt(low * high)
        e = np.exp(d / middle)
        p = e / e.sum()
        entropy = np.log(e.sum()) - p @ d / middle
        low, high = (middle, high) if entropy < np.log(many) else (low, middle)
    return 1 / middle


# %% q5 | loses values scale ties | the entropy, not the number, is set to many
def temperature_for(z, many):
    d = z - z.max()
    low, high = -1e-3 * d.min(), -1e3 * d.min()
    for _ in range(100):
        middle = np.sqrt(low * high)
        e = np.exp(d / middle)
        p = e / e.sum()
        entropy = np.log(e.sum()) - p @ d / middle
        low, high = (middle, high) if entropy < many else (low, middle)
    return middle
