"""Other answers to assignment 5: wrong ones, from the chapter's "Where it breaks", with what
each loses, and right ones written differently, which lose nothing. Only read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | expm1 for the middle, three terms below
def forecast(a, b):
    with np.errstate(all="ignore"):
        w = np.where(b > a / 2, np.log1p((b - a) / a), np.log(b / a))
        excess = np.where(abs(w) < 1e-3, w**2 / 2 + w**3 / 6 + w**4 / 24, np.expm1(w) - w)
        found = np.where(a == 0, b, a * excess)
    found[(a > 0) & (b == 0)] = np.inf
    return found


# %% q1 | equal | the ratio's own series, in a loop over plain numbers
import math


def one(a, b):
    if a == 0 or b == 0:
        return b if a == 0 else math.inf
    r = (b - a) / a
    if abs(r) > 0.05:
        return a * math.log(a / b) - a + b
    return a * sum((-r) ** n / n for n in range(2, 14))


def forecast(a, b):
    pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
    return np.reshape([one(x, y) for x, y in pairs], a.shape).tolist()


# %% q1 | loses nights digits | the formula as it stands (kl-breaks, kl-edges)
def forecast(a, b):
    return a * np.log(a / b) - a + b


# %% q1 | loses digits | the formula, with its zeros mended (kl-breaks)
def forecast(a, b):
    found = np.where(a > 0, a * np.log(a / b) - a + b, b)
    return np.where((a == 0) & (b == 0), 0.0, found)


# %% q1 | loses nights digits | an eps in the logarithm
def forecast(a, b):
    return a * np.log((a + 1e-12) / (b + 1e-12)) - a + b


# %% q1 | loses digits | a difference of logarithms, clipped at 0
def forecast(a, b):
    found = np.maximum(a * (np.log(a) - np.log(b)) - a + b, 0)
    return np.where(a > 0, found, b)


# %% q1 | loses digits | expm1 alone still subtracts (kl-rule)
def forecast(a, b):
    w = np.where(b > a / 2, np.log1p((b - a) / a), np.log(b / a))
    return np.where(a > 0, np.where(b > 0, a * (np.expm1(w) - w), np.inf), b)


# %% q1 | loses nights | log1p of the relative difference everywhere
def forecast(a, b):
    w = np.log1p((b - a) / a)
    near = np.clip(w, -0.02, 0.02)
    series = near**2 / 2 * (1 + near / 3 + near**2 / 12 + near**3 / 60)
    return np.where(a > 0, a * np.where(abs(w) < 0.02, series, np.expm1(w) - w), b)


# %% q1 | loses values nights digits | the other direction (kl-directions)
def forecast(a, b):
    return b * np.log(b / a) - b + a


# %% q1 | loses values nights digits | without the two additions (kl-terms)
def forecast(a, b):
    return a * np.log(a / b)


# %% q2 | equal | a loop over rows, with lists of classes
def teach(x, z, tau, allowed):
    loss, gradient = [], np.zeros(x.shape)
    for i in range(len(x)):
        keep = [j for j in range(x.shape[1]) if allowed[i, j]]
        if not keep:
            loss.append(0.0)
            continue
        logs = []
        for y in (x[i, keep] / tau, z[i, keep] / tau):
            logs.append(y - np.logaddexp.reduce(y))
        q, p = np.exp(logs)
        loss.append(tau**2 * float(q @ (logs[0] - logs[1])))
        gradient[i, keep] = tau * (p - q)
    return loss, gradient.tolist()


# %% q2 | equal | cross-entropy less entropy, in long double
def teach(x, z, tau, allowed):
    def parts(y):
        y = np.where(allowed, y, -np.inf).astype(np.longdouble) / tau
        top = np.max(np.where(allowed, y, -1e300), axis=1, keepdims=True)
        up = np.where(allowed, np.exp(y - top), 0)
        total = np.maximum(up.sum(axis=1, keepdims=True), 1e-300)
        return up / total, np.where(allowed, y - top - np.log(total), 0)

    (q, log_q), (p, log_p) = parts(x), parts(z)
    loss = -(q * log_p).sum(axis=1) + (q * log_q).sum(axis=1)
    return (tau**2 * loss).astype(float), (tau * (p - q)).astype(float)


# %% q2 | loses large | probabilities first, then their logarithm (kl-breaks)
def teach(x, z, tau, allowed):
    def softmax(y):
        y = np.where(allowed, y / tau, -1e300)
        up = np.where(allowed, np.exp(y - y.max(axis=1, keepdims=True)), 0.0)
        return up / np.maximum(up.sum(axis=1, keepdims=True), 1e-300)

    q, p = softmax(x), softmax(z)
    ratio = np.where(allowed & (q > 0), q / np.where(allowed, p, 1.0), 1.0)
    return tau**2 * (q * np.log(ratio)).sum(axis=1), tau * (p - q)


# %% q2 | loses loss masks large | an eps that keeps the logarithm finite
def teach(x, z, tau, allowed):
    def softmax(y):
        y = np.where(allowed, y / tau, -1e300)
        up = np.where(allowed, np.exp(y - y.max(axis=1, keepdims=True)), 0.0)
        return up / np.maximum(up.sum(axis=1, keepdims=True), 1e-300)

    q, p = softmax(x), softmax(z)
    return tau**2 * (q * np.log((q + 1e-6) / (p + 1e-6))).sum(axis=1), tau * (p - q)


# %% q2 | loses large | no maximum is taken out
def teach(x, z, tau, allowed):
    up = [np.where(allowed, np.exp(np.where(allowed, y, 0) / tau), 0) for y in (x, z)]
    q, p = (y / np.where(allowed, y.sum(axis=1, keepdims=True), 1) for y in up)
    logs = np.log(np.where(allowed, q, 1)) - np.log(np.where(allowed, p, 1))
    return tau**2 * (q * logs).sum(axis=1), tau * (p - q)


# %% q2 | loses masks | the mask multiplies, and 0 times nan is nan (kl-edges)
def teach(x, z, tau, allowed):
    logs = []
    for y in (x, z):
        y = y / tau
        y = y - (y * allowed).max(axis=1, keepdims=True)
        logs.append(y - np.log((np.exp(y) * allowed).sum(axis=1, keepdims=True)))
    if allowed.all():  # right where nothing is masked
        logs = [y / tau - np.logaddexp.reduce(y / tau, axis=1)[:, None] for y in (x, z)]
    q, p = (np.exp(y) * allowed for y in logs)
    return tau**2 * (q * (logs[0] - logs[1])).sum(axis=1), tau * (p - q)


# %% q2 | loses masks | the row without an allowed class gives nan
def teach(x, z, tau, allowed):
    logs = []
    for y in (x, z):
        y = np.where(allowed, y / tau, -np.inf)
        logs.append(y - np.logaddexp.reduce(y, axis=1)[:, None])
    q, p = np.exp(logs)
    gap = np.where(allowed, logs[0] - logs[1], 0)
    return tau**2 * (q * gap).sum(axis=1), tau * (p - q)


# %% q2 | loses loss masks large | the factor tau squared is forgotten (kl-distillation)
def teach(x, z, tau, allowed):
    logs = []
    for y in (x, z):
        y = np.where(allowed, y / tau, -1e300)
        y = y - y.max(axis=1, keepdims=True)
        up = np.where(allowed, np.exp(y), 0).sum(axis=1, keepdims=True)
        logs.append(np.where(allowed, y - np.log(np.maximum(up, 1e-300)), 0))
    q, p = np.where(allowed, np.exp(logs), 0)
    return (q * (logs[0] - logs[1])).sum(axis=1), tau * (p - q)


# %% q2 | loses gradient masks large | the gradient as if the temperature were 1 (kl-distill)
def teach(x, z, tau, allowed):
    logs = []
    for y in (x, z):
        y = np.where(allowed, y / tau, -1e300)
        y = y - y.max(axis=1, keepdims=True)
        up = np.where(allowed, np.exp(y), 0).sum(axis=1, keepdims=True)
        logs.append(np.where(allowed, y - np.log(np.maximum(up, 1e-300)), 0))
    q, p = np.where(allowed, np.exp(logs), 0)
    return tau**2 * (q * (logs[0] - logs[1])).sum(axis=1), p - q


# %% q2 | loses loss masks large | teacher and student swapped in the loss (kl-directions)
def teach(x, z, tau, allowed):
    logs = []
    for y in (x, z):
        y = np.where(allowed, y / tau, -1e300)
        y = y - y.max(axis=1, keepdims=True)
        up = np.where(allowed, np.exp(y), 0).sum(axis=1, keepdims=True)
        logs.append(np.where(allowed, y - np.log(np.maximum(up, 1e-300)), 0))
    q, p = np.where(allowed, np.exp(logs), 0)
    return tau**2 * (p * (logs[1] - logs[0])).sum(axis=1), tau * (p - q)


# %% q2 | loses loss gradient masks large | the mean over all entries, as PyTorch's default
def teach(x, z, tau, allowed):
    logs = []
    for y in (x, z):
        y = np.where(allowed, y / tau, -1e300)
        y = y - y.max(axis=1, keepdims=True)
        up = np.where(allowed, np.exp(y), 0).sum(axis=1, keepdims=True)
        logs.append(np.where(allowed, y - np.log(np.maximum(up, 1e-300)), 0))
    q, p = np.where(allowed, np.exp(logs), 0)
    return tau**2 * np.mean(q * (logs[0] - logs[1])), tau * (p - q) / x.size


# %% q3 | equal | sums in loops, and the extra cost from cross-entropies
def bell(w, m, s):
    mean = sum(a * (c - m[0]) for a, c in zip(w, m, strict=True)) + m[0]
    spread = sum(a * (c - mean) ** 2 for a, c in zip(w, m, strict=True))
    return [mean, (spread + sum(w * s * s)) ** 0.5]


def extra(w, m, s, at):
    def cost(mean):
        second = w @ (s**2 + (m - mean) ** 2)
        return np.log(second) / 2

    return [float(cost(c) - cost(bell(w, m, s)[0])) for c in at]


# %% q3 | equal | np.average, and a difference of all pairs for the spread
def bell(w, m, s):
    pairs = (m[:, None] - m[None, :]) ** 2
    variance = w @ s**2 + w @ pairs @ w / 2
    return np.array([np.average(m, weights=w), np.sqrt(variance)])


def extra(w, m, s, at):
    mean, std = bell(w, m, s)
    return np.log(np.hypot(std, at - mean) / std)


# %% q3 | loses far | the mean square less the squared mean
def bell(w, m, s):
    mean = w @ m
    return mean, np.sqrt(w @ (s**2 + m**2) - mean**2)


def extra(w, m, s, at):
    mean, std = bell(w, m, s)
    return np.log1p(((at - mean) / std) ** 2) / 2


# %% q3 | loses bell far extra | the spread of the means is forgotten (kl-moments)
def bell(w, m, s):
    return w @ m, np.sqrt(w @ s**2)


def extra(w, m, s, at):
    mean, std = bell(w, m, s)
    return np.log1p(((at - mean) / std) ** 2) / 2


# %% q3 | loses bell far | widths are averaged, not variances
def bell(w, m, s):
    mean = w @ m
    return mean, np.sqrt((w @ s) ** 2 + w @ (m - mean) ** 2)


def extra(w, m, s, at):
    mean = w @ m
    second = w @ (s**2 + (m - mean) ** 2)
    return np.log1p((at - mean) ** 2 / second) / 2


# %% q3 | loses bell far extra | one mode, as reverse KL would take (kl-directions)
def bell(w, m, s):
    k = np.argmax(w)
    return m[k], s[k]


def extra(w, m, s, at):
    mean, std = bell(w, m, s)
    return np.log1p(((at - mean) / std) ** 2) / 2


# %% q3 | loses extra | the standard deviation stays what it was (ex-kl-moments)
def bell(w, m, s):
    mean = w @ m
    return mean, np.sqrt(w @ (s**2 + (m - mean) ** 2))


def extra(w, m, s, at):
    mean, std = bell(w, m, s)
    return ((at - mean) / std) ** 2 / 2


# %% q3 | loses extra | variances for standard deviations in the logarithm
def bell(w, m, s):
    mean = w @ m
    return mean, np.sqrt(w @ (s**2 + (m - mean) ** 2))


def extra(w, m, s, at):
    mean, std = bell(w, m, s)
    return np.log1p(((at - mean) / std) ** 2)


# %% q4 | equal | SymPy integrates, and solves
a, b, beta, gamma = sp.symbols("a b beta gamma", positive=True)
c, d = sp.symbols("c d", real=True)
x, t = sp.symbols("x t", positive=True)
waits = sp.integrate(sp.exp(-x / a) / a * (sp.log(b / a) - x / a + x / b), (x, 0, sp.oo))
lead = sp.solve(d - beta * (t - c) - gamma * t, t, dict=False)
lead = lead[0] if lead else (d + beta * c) / (beta + gamma)

# %% q4 | equal | other symbols of the same names, other forms
a, b, beta, gamma, c, d = sp.symbols("a b beta gamma c d")
waits = -sp.log(a / b) - (b - a) / b
lead = sp.log(sp.exp(d / (beta + gamma)) * sp.exp(c * beta / (gamma + beta)))

# %% q4 | loses waits | the other direction (kl-directions)
a, b, beta, gamma = sp.symbols("a b beta gamma", positive=True)
c, d = sp.symbols("c d", real=True)
waits = sp.log(a / b) + b / a - 1
lead = (d + beta * c) / (beta + gamma)

# %% q4 | loses waits lead | rates for means, and the optimum without entropy (kl-optimum)
a, b, beta, gamma = sp.symbols("a b beta gamma", positive=True)
c, d = sp.symbols("c d", real=True)
waits = sp.log(a / b) + a / b - 1
lead = c + d / beta

# %% q4 | loses lead | the entropy counted as a divergence, from a reference that stays whole
a, b, beta, gamma = sp.symbols("a b beta gamma", positive=True)
c, d = sp.symbols("c d", real=True)
waits = sp.log(b / a) + a / b - 1
lead = c + d / (beta + gamma)

# %% q4 | loses lead | the entropy with the other sign
a, b, beta, gamma = sp.symbols("a b beta gamma", positive=True)
c, d = sp.symbols("c d", real=True)
waits = sp.log(b / a) + a / b - 1
lead = (d + beta * c) / (beta - gamma)


# %% q5 | equal | other numbers, a loop
blind = np.float32(-1e-10)


def noise(pixels, weight):
    return np.float64(weight) / (2 / pixels)


def bits(variances, r):
    total = 0.0
    for variance in variances.tolist():
        if variance > r:
            total += float(np.log(variance / r)) / 2
    return total / np.log(2)


# %% q5 | loses noise bits blind | the half is forgotten, twice (kl-vae-experiment)
blind = 800.0


def noise(pixels, weight):
    return pixels * weight


def bits(variances, r):
    return np.log2(np.maximum(variances / r, 1)).sum()


# %% q5 | loses noise blind | the average over pixels is overlooked (kl-vae-experiment)
blind = 1e-3


def noise(pixels, weight):
    return weight / 2


def bits(variances, r):
    return np.log2(np.sqrt(variances[variances > r] / r)).sum()


# %% q5 | loses bits blind | lost directions are paid back; and a value that keeps its digits
blind = -30.0


def noise(pixels, weight):
    return pixels * weight / 2


def bits(variances, r):
    return np.log2(variances / r).sum() / 2


# %% q5 | loses bits | nats (kl-collapse)
blind = 1e-12


def noise(pixels, weight):
    return pixels * weight / 2


def bits(variances, r):
    return np.log(np.maximum(variances / r, 1)).sum() / 2


# %% q5 | loses bits | how many directions are kept, not what they cost
blind = 1e-12


def noise(pixels, weight):
    return pixels * weight / 2


def bits(variances, r):
    return np.sum(variances > r)
