"""Other answers to assignment 7: wrong ones, from the chapter's "Where it breaks", with what
each loses, and right ones written differently, which lose nothing. Only read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | a loop over pairs
def graded_auc(s, r, real):
    good = whole = 0.0
    for i in range(len(s)):
        for j in range(len(s)):
            if real[i] and real[j] and r[i] > r[j]:
                whole += r[i] - r[j]
                good += (r[i] - r[j]) * (1.0 if s[i] > s[j] else 0.5 if s[i] == s[j] else 0.0)
    return good / whole if whole else float("nan")


# %% q1 | equal | one AUC for each threshold of the grade, from ranks, in float32
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    order = np.sort(s)
    rank = (np.searchsorted(order, s, "left") + np.searchsorted(order, s, "right") + 1) / 2
    good = whole = 0.0
    low = min(r, default=0)
    for high in np.unique(r):
        up = r >= high
        n, rest = up.sum(), (~up).sum()
        good += (high - low) * (rank[up].sum() - n * (n + 1) / 2)
        whole += (high - low) * n * rest
        low = high
    return np.float32(good / whole) if whole else np.float32(np.nan)


# %% q1 | loses ties | a tie counts as right
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = np.maximum(r[:, None] - r[None, :], 0.0)
    count = s[:, None] >= s[None, :]
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses ties | a tie counts as wrong (rank-auc)
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = np.maximum(r[:, None] - r[None, :], 0.0)
    count = s[:, None] > s[None, :]
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses ties | the difference of two infinite scores is nan
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = np.maximum(r[:, None] - r[None, :], 0.0)
    count = (1 + np.sign(s[:, None] - s[None, :])) / 2
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses ties | equal up to a tolerance
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = np.maximum(r[:, None] - r[None, :], 0.0)
    same = np.isclose(s[:, None], s[None, :])
    count = np.where(same, 0.5, s[:, None] > s[None, :])
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses ties | larger first, and equal up to a tolerance after that
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = np.maximum(r[:, None] - r[None, :], 0.0)
    above, same = s[:, None] > s[None, :], np.isclose(s[:, None], s[None, :])
    count = np.where(above, 1.0, np.where(same, 0.5, 0.0))
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses values ties padding | relevant or not, as AUC has it (rank-auc)
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = np.where((r[:, None] > 0) & (r[None, :] == 0), 1.0, 0.0)
    count = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses values ties padding | every pair counts alike
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = (r[:, None] > r[None, :]).astype(float)
    count = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses padding | padding gets the weight 0, and 0 times nan is nan (rank-nothing)
def graded_auc(s, r, real):
    weight = np.maximum(r[:, None] - r[None, :], 0.0) * real[:, None] * real[None, :]
    count = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    return (weight * count).sum() / weight.sum() if weight.sum() else np.nan


# %% q1 | loses padding | a list without a pair counts as 0
def graded_auc(s, r, real):
    s, r = s[real], r[real]
    weight = np.maximum(r[:, None] - r[None, :], 0.0)
    count = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    return (weight * count).sum() / max(weight.sum(), 1e-12)


# %% q2 | equal | loops over pairs, plain numbers
import math


def margins(s, r, m):
    total, count, gradient = 0.0, 0, [0.0] * len(s)
    for i in range(len(s)):
        for j in range(len(s)):
            if r[i] > r[j]:
                x = float(m * (r[i] - r[j]) - (s[i] - s[j]))
                e = math.exp(-abs(x))
                total += max(x, 0.0) + math.log1p(e)
                push = (1.0 if x > 0 else e) / (1 + e)
                gradient[i] -= push
                gradient[j] += push
                count += 1
    return total / max(count, 1), [g / max(count, 1) for g in gradient]


# %% q2 | equal | logaddexp, and a matrix of all pairs
def margins(s, r, m):
    worse = r[:, None] > r[None, :]
    x = m * (r[:, None] - r[None, :]) - (s[:, None] - s[None, :])
    count = max(worse.sum(), 1)
    push = np.where(worse, np.exp(-np.logaddexp(0, -x)), 0.0) / count
    loss = np.where(worse, np.logaddexp(0, x), 0.0).sum() / count
    return np.array(loss), push.sum(axis=0) - push.sum(axis=1)


# %% q2 | loses large digits | the sigmoid, and its logarithm (rank-breaks)
def margins(s, r, m):
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    if not len(i):
        return 0.0, gradient
    p = 1 / (1 + np.exp(m * (r[i] - r[j]) - (s[i] - s[j])))
    np.add.at(gradient, i, (p - 1) / len(i))
    np.add.at(gradient, j, (1 - p) / len(i))
    return np.mean(-np.log(p)), gradient


# %% q2 | loses loss large digits | an eps in the logarithm (rank-overflow)
def margins(s, r, m):
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    if not len(i):
        return 0.0, gradient
    p = 1 / (1 + np.exp(m * (r[i] - r[j]) - (s[i] - s[j])))
    np.add.at(gradient, i, (p - 1) / len(i))
    np.add.at(gradient, j, (1 - p) / len(i))
    return np.mean(-np.log(p + 1e-4)), gradient


# %% q2 | loses large digits | softplus typed as it stands (rank-overflow)
def margins(s, r, m):
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    if not len(i):
        return 0.0, gradient
    x = m * (r[i] - r[j]) - (s[i] - s[j])
    push = np.exp(-np.logaddexp(0, -x)) / len(i)
    np.add.at(gradient, i, -push)
    np.add.at(gradient, j, push)
    return np.mean(np.log(1 + np.exp(x))), gradient


# %% q2 | loses digits | log for log1p
def margins(s, r, m):
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    if not len(i):
        return 0.0, gradient
    x = m * (r[i] - r[j]) - (s[i] - s[j])
    push = np.exp(-np.logaddexp(0, -x)) / len(i)
    np.add.at(gradient, i, -push)
    np.add.at(gradient, j, push)
    return np.mean(np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))), gradient


# %% q2 | loses loss gradient | a list without a pair gives nan (rank-nothing)
def margins(s, r, m):
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    x = m * (r[i] - r[j]) - (s[i] - s[j])
    push = np.exp(-np.logaddexp(0, -x)) / np.float64(len(i))
    np.add.at(gradient, i, -push)
    np.add.at(gradient, j, push)
    return np.mean(np.logaddexp(0, x)), gradient + 0 * np.mean(x)


# %% q2 | loses gradient large digits | an item in several pairs is counted once
def margins(s, r, m):
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    if not len(i):
        return 0.0, gradient
    x = m * (r[i] - r[j]) - (s[i] - s[j])
    push = np.exp(-np.logaddexp(0, -x)) / len(i)
    gradient[i] -= push
    gradient[j] += push
    return np.mean(np.logaddexp(0, x)), gradient


# %% q2 | loses loss gradient large digits | one margin for all pairs (rank-hinge)
def margins(s, r, m):
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    if not len(i):
        return 0.0, gradient
    x = m * (r[i] > 0) / 2 - (s[i] - s[j])
    push = np.exp(-np.logaddexp(0, -x)) / len(i)
    np.add.at(gradient, i, -push)
    np.add.at(gradient, j, push)
    return np.mean(np.logaddexp(0, x)), gradient


# %% q2 | loses loss gradient large digits | the sum over the pairs, not their mean
def margins(s, r, m):
    worse = r[:, None] > r[None, :]
    x = m * (r[:, None] - r[None, :]) - (s[:, None] - s[None, :])
    push = np.where(worse, np.exp(-np.logaddexp(0, -x)), 0.0)
    return np.where(worse, np.logaddexp(0, x), 0.0).sum(), push.sum(axis=0) - push.sum(axis=1)


# %% q2 | loses loss gradient large digits | the mean over all entries of the matrix
def margins(s, r, m):
    worse = r[:, None] > r[None, :]
    x = m * (r[:, None] - r[None, :]) - (s[:, None] - s[None, :])
    push = np.where(worse, np.exp(-np.logaddexp(0, -x)), 0.0) / worse.size
    return np.where(worse, np.logaddexp(0, x), 0.0).mean(), push.sum(axis=0) - push.sum(axis=1)


# %% q2 | loses loss gradient digits | a hinge (rank-hinge)
def margins(s, r, m):
    worse = r[:, None] > r[None, :]
    x = m * (r[:, None] - r[None, :]) - (s[:, None] - s[None, :])
    count = max(worse.sum(), 1)
    push = np.where(worse & (x > 0), 1.0, 0.0) / count
    return np.where(worse, np.maximum(0, x), 0.0).sum() / count, push.sum(0) - push.sum(1)


# %% q3 | equal | the page from the top, group by group, in float32
def clicks(s, gain, look):
    pages = np.zeros(len(s))
    pages[: min(len(s), len(look))] = look[: len(s)]
    found, place = 0.0, 0
    for level in sorted(set(s.tolist()), reverse=True):
        group = gain[s == level]
        found += group.mean() * pages[place : place + len(group)].sum()
        place += len(group)
    best = np.dot(sorted(gain, reverse=True), pages)
    return np.float32(found / best) if best else float("nan")


# %% q3 | equal | an average of cumulative sums
def clicks(s, gain, look):
    total = np.concatenate([[0.0], np.cumsum(look), np.full(len(s), np.sum(look))])
    first = (s[None, :] > s[:, None]).sum(axis=1)
    last = (s[None, :] >= s[:, None]).sum(axis=1)
    best = sum(g * x for g, x in zip(sorted(gain)[::-1], look, strict=False))
    with np.errstate(invalid="ignore"):
        return np.sum(gain * (total[last] - total[first]) / (last - first)) / np.float64(best)


# %% q3 | loses ties ends | a stable sort shows tied items as they are stored (rank-ndcg)
def clicks(s, gain, look):
    n = min(len(s), len(look))
    best = np.sort(gain)[::-1][:n] @ look[:n]
    order = np.argsort(-s, kind="stable")
    return gain[order][:n] @ look[:n] / best if best else np.nan


# %% q3 | loses ties ends | sorted by the truth as well: the best order of ties (rank-ndcg)
def clicks(s, gain, look):
    n = min(len(s), len(look))
    best = np.sort(gain)[::-1][:n] @ look[:n]
    order = np.lexsort((-gain, -s))
    return gain[order][:n] @ look[:n] / best if best else np.nan


# %% q3 | loses ties ends | the mean of the best and the worst order
def clicks(s, gain, look):
    n = min(len(s), len(look))
    best = np.sort(gain)[::-1][:n] @ look[:n]
    if not best:
        return np.nan
    orders = (np.lexsort((-gain, -s)), np.lexsort((gain, -s)))
    return sum(gain[order][:n] @ look[:n] for order in orders) / 2 / best


# %% q3 | loses ties ends | orders are drawn, not counted
def clicks(s, gain, look):
    rng = np.random.default_rng(0)
    n = min(len(s), len(look))
    best = np.sort(gain)[::-1][:n] @ look[:n]
    if not best:
        return np.nan
    found = 0.0
    for _ in range(2000):
        order = np.lexsort((rng.random(len(s)), -s))
        found += gain[order][:n] @ look[:n]
    return found / 2000 / best


# %% q3 | loses ties ends | tied items all get their mean place, rounded
def clicks(s, gain, look):
    seen = np.concatenate([look, np.zeros(len(s))])
    best = np.sort(gain)[::-1] @ seen[: len(s)]
    ahead = (s[None, :] > s[:, None]).sum(axis=1)
    tied = (s[None, :] == s[:, None]).sum(axis=1)
    place = (ahead + (tied - 1) / 2).astype(int)
    return gain @ seen[place] / best if best else np.nan


# %% q3 | loses ends | the best order is not cut off (rank-ndcg)
def clicks(s, gain, look):
    seen = np.concatenate([look[: len(s)], np.zeros(max(len(s) - len(look), 0))])
    long = np.concatenate([look, np.full(len(s), look[-1])])[: len(s)]
    ahead = (s[None, :] > s[:, None]).sum(axis=1)
    tied = (s[None, :] == s[:, None]).sum(axis=1)
    share = [seen[a : a + t].mean() for a, t in zip(ahead, tied, strict=True)]
    best = np.sort(gain)[::-1] @ long
    return gain @ np.array(share) / best if best else np.nan


# %% q3 | loses ends | a page without clicks counts as 0 (rank-ndcg)
def clicks(s, gain, look):
    seen = np.concatenate([look[: len(s)], np.zeros(max(len(s) - len(look), 0))])
    ahead = (s[None, :] > s[:, None]).sum(axis=1)
    tied = (s[None, :] == s[:, None]).sum(axis=1)
    share = [seen[a : a + t].mean() for a, t in zip(ahead, tied, strict=True)]
    return gain @ np.array(share) / max(np.sort(gain)[::-1] @ seen, 1e-9)


# %% q3 | loses pages ties ends | the discount of NDCG, not what is looked at (rank-dcg)
def clicks(s, gain, look):
    discount = 1 / np.log2(np.arange(2, 2 + len(s)))
    best = np.sort(gain)[::-1] @ discount
    return gain[np.argsort(-s)] @ discount / best if best else np.nan


# %% q3 | loses pages ties ends | sorted by rising scores
def clicks(s, gain, look):
    n = min(len(s), len(look))
    best = np.sort(gain)[::-1][:n] @ look[:n]
    return gain[np.argsort(s)][:n] @ look[:n] / best if best else np.nan


# %% q4 | equal | SymPy differentiates; the best of each, put into one another
delta = sp.symbols("delta", real=True)
nu, a, b, t, q = sp.symbols("nu a b t q", positive=True)
total = sp.exp(delta / 2) + sp.exp(-delta / 2) + nu
loss = -a * sp.log(sp.exp(delta / 2) / total) - b * sp.log(sp.exp(-delta / 2) / total)
loss -= t * sp.log(nu / total)
slope = sp.Derivative(loss, delta)
[root] = sp.solve((b - a) * (q**2 + 1) + (a + b) * (q**2 - 1), q)  # q is e^(delta / 2)
lead, draws = 2 * sp.log(root), t / (a + b) * (root + 1 / root)

# %% q4 | equal | hyperbolic functions
delta, nu, a, b, t = sp.symbols("delta nu a b t")
slope = (b - a) / 2 + (a + b + t) * sp.sinh(delta / 2) / (2 * sp.cosh(delta / 2) + nu)
lead = sp.log(a) - sp.log(b)
draws = 2 * t / (a + b) * sp.cosh(lead / 2)

# %% q4 | loses slope lead draws | as if a draw were half a win for each (rank-bradley-terry)
delta = sp.symbols("delta", real=True)
nu, a, b, t = sp.symbols("nu a b t", positive=True)
slope = (a + b + t) / (1 + sp.exp(-delta)) - a - t / 2
lead, draws = sp.log((a + t / 2) / (b + t / 2)), t / (a + b + t)

# %% q4 | loses slope | the draws are forgotten in the number of games
delta = sp.symbols("delta", real=True)
nu, a, b, t = sp.symbols("nu a b t", positive=True)
up, down = sp.exp(delta / 2), sp.exp(-delta / 2)
slope = (b - a) / 2 + (a + b) * (up - down) / (up + down + nu) / 2
lead, draws = sp.log(a / b), t / sp.sqrt(a * b)

# %% q4 | loses slope lead draws | the wrong signs; and draws at a lead of 0
delta = sp.symbols("delta", real=True)
nu, a, b, t = sp.symbols("nu a b t", positive=True)
up, down = sp.exp(delta / 2), sp.exp(-delta / 2)
slope = (a - b) / 2 - (a + b + t) * (up - down) / (up + down + nu) / 2
lead, draws = sp.log(b / a), 2 * t / (a + b)

# %% q4 | loses draws | the share of draws for their strength
delta = sp.symbols("delta", real=True)
nu, a, b, t = sp.symbols("nu a b t", positive=True)
up, down = sp.exp(delta / 2), sp.exp(-delta / 2)
slope = (b - a) / 2 + (a + b + t) * (up - down) / (up + down + nu) / 2
lead, draws = sp.log(a / b), t / (a + b + t)

# %% q5 | equal | other answers
silent, empty, after = np.array([0, 0, 1, 1]), 30 / 40, (-3.9, 1e-6, 1.2)

# %% q5 | loses silent empty | first in the file is best; undefined lists left out (rank-ndcg)
silent, empty, after = [1, 0, 0, 0], 1.0, [0.5, 0.5, -4.0]

# %% q5 | loses silent after | too many relevant items; the pairs that are won save too much
silent, empty, after = [0, 1, 1, 1], 0.75, [4.0, 4.0, -4.0]

# %% q5 | loses after empty | the loss falls, as in the chapter (rank-worse)
silent, empty, after = [0, 0, 0, 1], 0.25, [3.0, -0.1, -0.1]

# %% q5 | loses after | leads of 0, which nobody can call an order
silent, empty, after = [0, 0, 0, 1], 0.75, [0, 0, -4]

# %% q5 | loses after | the lost pair costs enough, by a lead that is out of bounds
silent, empty, after = [0, 0, 0, 1], 0.75, [3.0, 3.0, -10.0]
