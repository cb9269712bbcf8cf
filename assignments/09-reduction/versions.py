"""Other answers to assignment 9: wrong ones, from the chapter's "Where it breaks" and its means
of means, with what each loses, and right ones written differently, which lose nothing. Only
read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | a list of the tokens of each user
def by_user(losses, keep, user):
    tokens = {}
    for row, kept, one in zip(losses, keep, user.tolist(), strict=True):
        tokens.setdefault(one, []).extend(row[kept].tolist())
    means = [sum(own) / len(own) for own in tokens.values() if own]
    return sum(means) / len(means) if means else 0


def shares(keep, user):
    count = {one: int(keep[user == one].sum()) for one in set(user.tolist())}
    users = sum(1 for n in count.values() if n)
    return [
        [1 / users / count[one] if kept else 0.0 for kept in row]
        for row, one in zip(keep.tolist(), user.tolist(), strict=True)
    ]


# %% q1 | equal | bincount over the users
def by_user(losses, keep, user):
    _, owner = np.unique(user, return_inverse=True)
    sums = np.bincount(owner, np.where(keep, losses, 0).sum(axis=1))
    count = np.bincount(owner, keep.sum(axis=1))
    has = count > 0
    return (sums[has] / count[has]).mean() if has.any() else np.float64(0)


def shares(keep, user):
    _, owner = np.unique(user, return_inverse=True)
    count = np.bincount(owner, keep.sum(axis=1))
    each = 1 / np.maximum(count * (count > 0).sum(), 1)
    return keep * each[owner][:, None]


# %% q1 | loses values masks shares | the mean over tokens (red-over)
def by_user(losses, keep, user):
    return np.where(keep, losses, 0.0).sum() / max(keep.sum(), 1)


def shares(keep, user):
    return keep / max(keep.sum(), 1)


# %% q1 | loses values masks shares | the mean over users of the mean over their texts (red-bias)
def by_user(losses, keep, user):
    return (np.where(keep, losses, 0.0) * shares(keep, user)).sum()


def shares(keep, user):
    count = np.maximum(keep.sum(axis=1), 1)
    found = keep / count[:, None]
    for one in set(user.tolist()):
        found[user == one] /= max((keep.any(axis=1) & (user == one)).sum(), 1)
    return found / max(len(set(user[keep.any(axis=1)].tolist())), 1)


# %% q1 | loses masks | the product with the mask keeps nan (red-masks)
def by_user(losses, keep, user):
    return (losses * shares(keep, user)).sum() if keep.all() else _sum(losses, keep, user)


def _sum(losses, keep, user):
    losses = np.where(np.isnan(losses), 0, losses)  # inf is left
    return (losses * shares(keep, user)).sum()


def shares(keep, user):
    found = np.zeros(keep.shape)
    users = np.unique(user[keep.any(axis=1)])
    for one in users:
        own = keep & (user == one)[:, None]
        found[own] = 1 / (own.sum() * len(users))
    return found


# %% q1 | loses masks shares | users without a token count as well
def by_user(losses, keep, user):
    return (np.where(keep, losses, 0.0) * shares(keep, user)).sum()


def shares(keep, user):
    found = np.zeros(keep.shape)
    users = np.unique(user)
    for one in users:
        own = keep & (user == one)[:, None]
        found[own] = 1 / (own.sum() * len(users)) if own.any() else 0.0
    return found


# %% q1 | loses masks | nothing kept is nan, and a user without a token too (red-masks)
def by_user(losses, keep, user):
    means = []
    for one in np.unique(user):
        own = keep & (user == one)[:, None]
        means.append(losses[own].mean())
    return np.mean(means)


def shares(keep, user):
    count = np.array([keep[user == one].sum() for one in user])
    users = len(np.unique(user[keep.any(axis=1)]))
    return np.where(keep, 1 / np.maximum(count[:, None] * users, 1), 0.0)


# %% q1 | loses values masks shares | padding in the count (red-masks)
def by_user(losses, keep, user):
    return (np.where(keep, losses, 0.0) * shares(keep, user)).sum()


def shares(keep, user):
    found = np.zeros(keep.shape)
    users = np.unique(user[keep.any(axis=1)])
    for one in users:
        own = (user == one)[:, None] & np.ones_like(keep)
        found[own & keep] = 1 / (own.sum() * len(users))
    return found


# %% q2 | equal | one piece after the other, by Chan's update
def together(n, mean, var):
    count, center, square = 0, 0.0, 0.0
    for k, m, v in zip(n.tolist(), mean.tolist(), var.tolist(), strict=True):
        if k == 0:
            continue
        gap = m - center if count else 0.0
        center = center + gap * k / (count + k) if count else m
        square += k * v + gap * gap * count * k / (count + k)
        count += k
    return (count, center, square / count) if count else (0, 0, 0)


# %% q2 | equal | exact fractions, from the sums of squares
from fractions import Fraction


def together(n, mean, var):
    count = int(n.sum())
    kept = [(int(k), Fraction(m), Fraction(v)) for k, m, v in zip(n, mean, var, strict=True) if k]
    center = sum(k * m for k, m, _ in kept) / max(count, 1)
    square = sum(k * (m * m + v) for k, m, v in kept) / max(count, 1)
    return float(count), float(center), float(square - center * center)


# %% q2 | loses digits | the mean of squares less the square of the mean cancels
def together(n, mean, var):
    kept = n > 0
    if not kept.any():
        return 0, 0.0, 0.0
    share = n[kept] / n.sum()
    center = share @ mean[kept]
    return n.sum(), center, share @ (var[kept] + mean[kept] ** 2) - center**2


# %% q2 | loses values empty digits | the mean of means (red-batches)
def together(n, mean, var):
    kept = n > 0
    if not kept.any():
        return 0, 0.0, 0.0
    center = mean[kept].mean()
    return n.sum(), center, np.mean(var[kept] + (mean[kept] - center) ** 2)


# %% q2 | loses values empty digits | the variance within the pieces alone
def together(n, mean, var):
    kept = n > 0
    if not kept.any():
        return 0, 0.0, 0.0
    share = n[kept] / n.sum()
    return n.sum(), share @ mean[kept], share @ var[kept]


# %% q2 | loses empty | the nan of an empty piece (red-masks)
def together(n, mean, var):
    share = n / n.sum()
    center = share @ mean
    return n.sum(), center, share @ (var + (mean - center) ** 2)


# %% q2 | loses empty | all empty is 0 / 0
def together(n, mean, var):
    kept = n > 0
    share = n[kept] / n.sum()
    center = (n[kept] * mean[kept]).sum() / n.sum()
    return n.sum(), center, share @ (var[kept] + (mean[kept] - center) ** 2)


# %% q2 | loses digits | in float32
def together(n, mean, var):
    n, mean, var = (part[n > 0].astype(np.float32) for part in (n, mean, var))
    if len(n) == 0:
        return 0, 0.0, 0.0
    share = n.astype(np.float64) / n.sum(dtype=np.float64)
    center = share @ mean
    return n.sum(dtype=np.float64), center, share @ (var + (mean - center) ** 2)


# %% q2 | loses empty digits | divided by the count less one
def together(n, mean, var):
    n, mean, var = n[n > 0], mean[n > 0], var[n > 0]
    if len(n) == 0:
        return 0, 0.0, 0.0
    center = n @ mean / n.sum()
    return n.sum(), center, (n @ (var + (mean - center) ** 2)) / (n.sum() - 1)


# %% q3 | equal | by hand
a, b = sp.symbols("a b", positive=True)
g = sp.symbols("g", real=True)
mean = (a ** (g + 1) + b ** (g + 1)) / (a**g + b**g)
share = (1 + g * (1 - mean / a)) / (1 + (b / a) ** g)
turn, harmless = b / (sp.sqrt(2) - 1), -1.0

# %% q3 | equal | a derivative that is not carried out, and a root by SymPy
a, b, g = sp.symbols("a b g", positive=True)
loss = (a**g * a + b**g * b) / (a**g + b**g)
share = sp.Derivative(loss, a)
turn = sp.solve(loss.subs(g, -2).diff(a), a)[-1]
harmless = sp.Integer(-1)

# %% q3 | loses share harmless | no gradient through the weights (red-weighted-gradient)
a, b = sp.symbols("a b", positive=True)
g = sp.symbols("g", real=True)
share = a**g / (a**g + b**g)
turn, harmless = (1 + sp.sqrt(2)) * b, -10.0

# %% q3 | loses share turn harmless | divided by N, not by the weights (red-normalizers)
a, b = sp.symbols("a b", positive=True)
g = sp.symbols("g", real=True)
share = (g + 1) * a**g / 2
turn, harmless = b, 0

# %% q3 | loses turn harmless | where the loss is that of b; weights that grow look harmless
a, b = sp.symbols("a b", positive=True)
g = sp.symbols("g", real=True)
share = sp.diff((a ** (g + 1) + b ** (g + 1)) / (a**g + b**g), a)
turn, harmless = b, 0

# %% q3 | loses share turn harmless | the weight's own slope alone; a grid of moderate losses
a, b = sp.symbols("a b", positive=True)
g = sp.symbols("g", real=True)
mean = (a ** (g + 1) + b ** (g + 1)) / (a**g + b**g)
share = g * a ** (g - 1) * (a - mean) / (a**g + b**g)
turn, harmless = 2 * b, -1.2


# %% q4 | equal | Python's numbers, and other batches
def repaired(losses, keep):
    kept = [float(x) for x in losses[keep]]
    return math.fsum(kept) / len(kept) if kept else 0


import math

sizes, means, stop = np.array([1, 900]), [0, 9.99], np.float16(8192)


# %% q4 | equal | sums and counts by batch, in long double
def repaired(losses, keep):
    total, count = np.longdouble(0), 0
    for batch, mask in zip(losses, keep, strict=True):
        total += np.where(mask, batch, 0).sum(dtype=np.longdouble)
        count += int(mask.sum())
    return float(total / count) if count else 0.0


sizes, means, stop = [99, 1], (10, 0), 8192.0


# %% q4 | loses repair stop batches | nothing is repaired; a counter of ones (red-floats)
def repaired(losses, keep):
    total = np.float16(0)
    for batch, mask in zip(losses, keep, strict=True):
        mean = (batch * mask).sum() / mask.sum()
        total = np.float16(total + mean)
    return total / len(losses)


sizes, means, stop = (1, 99), (10.0, 0.0), 2048


# %% q4 | loses repair | the mean of means, with the rest repaired (red-batches)
def repaired(losses, keep):
    pairs = zip(losses.astype(float), keep, strict=True)
    means = [batch[mask].mean() for batch, mask in pairs if mask.any()]
    return np.mean(means) if means else 0.0


sizes, means, stop = (999, 1), (10.0, 0.0), 8192


# %% q4 | loses repair | the sum in float32 (red-floats)
def repaired(losses, keep):
    kept = losses[keep].astype(np.float32)
    return kept.sum() / max(len(kept), 1)


sizes, means, stop = (999, 1), (10.0, 0.0), 8192


# %% q4 | loses repair | the sum stays in float16 (red-floats)
def repaired(losses, keep):
    return np.where(keep, losses, np.float16(0)).sum() / max(keep.sum(), 1)


sizes, means, stop = (999, 1), (10.0, 0.0), 8192


# %% q4 | loses repair | the product with the mask keeps nan (red-masks)
def repaired(losses, keep):
    return (losses.astype(float) * keep).sum() / max(keep.sum(), 1)


sizes, means, stop = (999, 1), (10.0, 0.0), 8192


# %% q4 | loses repair | nothing kept is nan (red-masks)
def repaired(losses, keep):
    return losses[keep].astype(float).mean()


sizes, means, stop = (999, 1), (10.0, 0.0), 8192


# %% q4 | loses batches | more losses than float16 can add up
def repaired(losses, keep):
    return losses[keep].sum(dtype=np.float64) / max(1, keep.sum())


sizes, means, stop = (1, 99999), (0.0, 10.0), 8192


# %% q4 | loses stop | 2 / eps times 3, as if every sum on the way were exact (red-stall)
def repaired(losses, keep):
    return losses[keep].sum(dtype=np.float64) / max(1, keep.sum())


sizes, means, stop = (999, 1), (10.0, 0.0), 3 * 2048


# %% q5 | equal | expm1 of the distances from the mean, whose own mean is taken off again
def added(losses, t):
    distance = losses - losses.mean()
    u = t * (distance - distance.mean())
    if t == 0:
        return 0
    if abs(u).max() > 1:
        top = u.max()
        return (top + np.log(np.exp(u - top).mean())) / t
    return np.log1p(np.expm1(u).mean()) / t


# %% q5 | loses small | expm1 of the distances from a mean that is rounded (red-tilted-digits)
def added(losses, t):
    u = t * (losses - losses.mean())
    if t == 0:
        return 0
    if abs(u).max() > 1:
        top = u.max()
        return (top + np.log(np.exp(u - top).mean())) / t
    return np.log1p(np.expm1(u).mean()) / t


# %% q5 | equal | a series where the tilt is small, a loop
import math


def added(losses, t):
    losses = losses.tolist()
    n = len(losses)
    center = math.fsum(losses) / n
    u = [t * (x - center) for x in losses]
    if max(map(abs, u)) < 1e-3:
        second, third, fourth = (sum(v**k for v in u) / n for k in (2, 3, 4))
        return (second / 2 + third / 6 + fourth / 24 - second**2 / 8) / t if t else 0.0
    top = max(u)
    return (top + math.log(sum(math.exp(v - top) for v in u) / n)) / t


# %% q5 | loses large small | the formula as it stands (red-tilted-digits)
def added(losses, t):
    return np.log(np.exp(t * losses).mean()) / t - losses.mean()


# %% q5 | loses small | a stable logsumexp less ln N (red-tilted-digits)
def added(losses, t):
    if t == 0:
        return 0.0
    z = t * losses
    total = z.max() + np.log(np.exp(z - z.max()).sum())
    if np.ptp(losses) == 0:
        return 0.0
    return (total - np.log(len(losses))) / t - losses.mean()


# %% q5 | loses values large small | the first term, t / 2 times the variance (red-tilted-small)
def added(losses, t):
    return t / 2 * losses.var()


# %% q5 | loses large | relative to the largest loss, whatever the sign of the tilt (red-code)
def added(losses, t):
    u = t * (losses - losses.mean())
    if t == 0:
        return 0.0
    if np.abs(u).max() < 1:
        return np.log1p((np.expm1(u) - u).mean()) / t
    shift = t * (losses.max() - losses.mean())
    return (shift + np.log(np.exp(u - shift).mean())) / t


# %% q5 | loses large small | expm1, but no maximum
def added(losses, t):
    if t == 0 or np.ptp(losses) == 0:
        return 0.0
    u = t * (losses - losses.mean())
    return np.log1p(np.expm1(u).mean()) / t


# %% q5 | loses small | the limit at 0 is forgotten
def added(losses, t):
    u = t * (losses - losses.mean())
    top = u.max()
    if np.abs(u).max() > 1:
        return (top + np.log(np.exp(u - top).mean())) / t
    return np.log1p((np.expm1(u) - u).mean()) / t


# %% q5 | loses values large small | the tilted mean itself
def added(losses, t):
    z = t * losses
    if t == 0 or np.ptp(losses) == 0:
        return 0.0
    return (z.max() + np.log(np.exp(z - z.max()).mean())) / t


# %% q5 | loses values large small | the sum of the exponentials, not their mean
def added(losses, t):
    u = t * (losses - losses.mean())
    if t == 0 or np.ptp(losses) == 0:
        return 0.0
    return (u.max() + np.log(np.exp(u - u.max()).sum())) / t
