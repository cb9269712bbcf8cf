"""Other answers to assignment 4: wrong ones, from the chapter's "Where it breaks", with what
each loses, and right ones written differently, which lose nothing. Only read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | each class against the rest, by logaddexp
def vote_loss(z, votes):
    found = np.zeros(len(z))
    for i in range(len(z)):
        for k in np.flatnonzero(votes[i]):
            rest = np.delete(z[i], k)
            cost = np.inf
            if z[i, k] > -np.inf:
                cost = np.logaddexp(0, np.logaddexp.reduce(rest - z[i, k]))
            found[i] += votes[i, k] * cost
    return found / np.maximum(votes.sum(axis=1), 1) * np.log2(np.e)


# %% q1 | equal | a loop over plain numbers, and a list back
import math


def vote_loss(z, votes):
    found = []
    for row, v in zip(z.tolist(), votes.tolist(), strict=True):
        if not sum(v):
            found.append(0.0)
            continue
        top = max(row)
        k = row.index(top)
        rest = math.fsum(math.exp(x - top) for j, x in enumerate(row) if j != k)
        parts = [n * (math.log1p(rest) + (top - x)) for n, x in zip(v, row, strict=True) if n]
        found.append(math.fsum(parts) / sum(v) / math.log(2))
    return found


# %% q1 | equal | in long double, shares of the votes
def vote_loss(z, votes):
    with np.errstate(all="ignore"):
        d = z.astype(np.longdouble) - z.max(axis=1, keepdims=True)
        others = np.exp(d)
        others[np.arange(len(z)), d.argmax(axis=1)] = 0
        cost = np.log1p(others.sum(axis=1, keepdims=True)) - d
        share = votes / votes.sum(axis=1, keepdims=True)
        each = np.where(share > 0, share * cost, 0).sum(axis=1) / np.log(np.longdouble(2))
    return np.where(votes.any(axis=1), each, 0).astype(float)


# %% q1 | loses large digits edges | three steps: softmax, pick, logarithm (ce-fused)
def vote_loss(z, votes):
    e = np.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    return -(votes * np.log2(p)).sum(axis=1) / votes.sum(axis=1)


# %% q1 | loses large digits | the max trick, then the logarithm of p (ce-fused)
def vote_loss(z, votes):
    count = votes.sum(axis=1)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    terms = np.where(votes > 0, votes * np.log2(p), 0).sum(axis=1)
    return -terms / np.maximum(count, 1)


# %% q1 | loses digits | the log-sum-exp adds the rivals to 1 (ce-digits)
def vote_loss(z, votes):
    count = votes.sum(axis=1)
    d = z - z.max(axis=1, keepdims=True)
    cost = np.log(np.exp(d).sum(axis=1, keepdims=True)) - d
    terms = np.where(votes > 0, votes * cost, 0).sum(axis=1) / np.log(2)
    return terms / np.maximum(count, 1)


# %% q1 | loses large digits | the log-sum-exp of large numbers, subtracted late (ce-verification)
def vote_loss(z, votes):
    count = votes.sum(axis=1)
    cost = np.logaddexp.reduce(z, axis=1)[:, None] - z
    terms = np.where(votes > 0, votes * cost, 0).sum(axis=1) / np.log(2)
    return terms / np.maximum(count, 1)


# %% q1 | loses large digits | log1p, but the logit is subtracted last (ce-verification)
def vote_loss(z, votes):
    z = np.where(votes.any(axis=1, keepdims=True), z, 0.0)
    top = z.max(axis=1, keepdims=True)
    others = np.exp(z - top)
    others[np.arange(len(z)), z.argmax(axis=1)] = 0
    cost = (np.log1p(others.sum(axis=1, keepdims=True)) + top) - z
    terms = np.where(votes > 0, votes * cost, 0).sum(axis=1)
    return terms / np.maximum(votes.sum(axis=1), 1) / np.log(2)


# %% q1 | loses edges | 0 times infinity, and 0 divided by 0 (ce-labels)
def vote_loss(z, votes):
    d = z - z.max(axis=1, keepdims=True)
    others = np.exp(d)
    others[np.arange(len(z)), d.argmax(axis=1)] = 0
    cost = np.log1p(others.sum(axis=1, keepdims=True)) - d
    return (votes * cost).sum(axis=1) / votes.sum(axis=1) / np.log(2)


# %% q1 | loses edges | what is not finite is turned into 0 (ce-labels)
def vote_loss(z, votes):
    d = z - z.max(axis=1, keepdims=True)
    others = np.exp(d)
    others[np.arange(len(z)), d.argmax(axis=1)] = 0
    cost = np.log1p(others.sum(axis=1, keepdims=True)) - d
    terms = (votes * np.nan_to_num(cost, posinf=0)).sum(axis=1)
    return terms / np.maximum(votes.sum(axis=1), 1) / np.log(2)


# %% q1 | loses large digits edges | an eps in the logarithm
def vote_loss(z, votes):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    terms = -(votes * np.log2(p + 1e-12)).sum(axis=1)
    return np.where(votes.any(axis=1), terms / np.maximum(votes.sum(axis=1), 1), 0)


# %% q1 | loses values large digits edges | votes that are not shares (ce-gradient-section)
def vote_loss(z, votes):
    d = z - z.max(axis=1, keepdims=True)
    others = np.exp(d)
    others[np.arange(len(z)), d.argmax(axis=1)] = 0
    cost = np.log1p(others.sum(axis=1, keepdims=True)) - d
    return np.where(votes > 0, votes * cost, 0).sum(axis=1) / np.log(2)


# %% q1 | loses values large edges | the majority alone
def vote_loss(z, votes):
    d = z - z.max(axis=1, keepdims=True)
    others = np.exp(d)
    others[np.arange(len(z)), d.argmax(axis=1)] = 0
    cost = np.log1p(others.sum(axis=1, keepdims=True)) - d
    first = cost[np.arange(len(z)), votes.argmax(axis=1)] / np.log(2)
    return np.where(votes.any(axis=1), first, 0)


# %% q1 | loses values large digits edges | nats
def vote_loss(z, votes):
    d = z - z.max(axis=1, keepdims=True)
    others = np.exp(d)
    others[np.arange(len(z)), d.argmax(axis=1)] = 0
    cost = np.log1p(others.sum(axis=1, keepdims=True)) - d
    return np.where(votes > 0, votes * cost, 0).sum(axis=1) / np.maximum(votes.sum(axis=1), 1)


# %% q1 | loses values large digits edges | two softmaxes (ce-mistakes)
def vote_loss(z, votes):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    cost = np.log2(np.exp(p).sum(axis=1, keepdims=True)) - p / np.log(2)
    return np.where(votes > 0, votes * cost, 0).sum(axis=1) / np.maximum(votes.sum(axis=1), 1)


# %% q2 | equal | a loop in plain numbers
import math


def report(loss, tokens, size, texts):
    bits = 0.0
    for a, n in zip(loss, tokens, strict=True):
        if n:
            bits += float(a) * float(n) / math.log(2)
    return [2 ** (bits / sum(tokens)), bits / sum(size), bits * math.log10(2) / sum(texts)]


# %% q2 | equal | a weighted mean of the files that have tokens
def report(loss, tokens, size, texts):
    has = tokens > 0
    mean = np.average(loss[has], weights=tokens[has])
    bytes_per_token = size.sum() / tokens.sum()
    per_text = tokens.sum() / texts.sum()
    return np.array(
        [np.exp(mean), mean / np.log(2) / bytes_per_token, mean * per_text * np.log10(np.e)]
    )


# %% q2 | equal | nan dropped by nansum
def report(loss, tokens, size, texts):
    total = np.nansum(loss * tokens)
    return (
        np.exp(total / tokens.sum()),
        np.log2(np.exp(1)) * total / size.sum(),
        total / texts.sum() / np.log(10),
    )


# %% q2 | loses edges | nan times 0 (ce-labels)
def report(loss, tokens, size, texts):
    total = (loss * tokens).sum()
    return (
        np.exp(total / tokens.sum()),
        total / np.log(2) / size.sum(),
        total / np.log(10) / texts.sum(),
    )


# %% q2 | loses edges | the perplexity of a text overflows before its logarithm
def report(loss, tokens, size, texts):
    total = np.nansum(loss * tokens)
    ppl = np.exp(total / texts.sum())
    return np.exp(total / tokens.sum()), total / np.log(2) / size.sum(), np.log10(ppl)


# %% q2 | loses edges | so does a power
def report(loss, tokens, size, texts):
    total = np.nansum(loss * tokens)
    ppl = np.exp(total / tokens.sum())
    with np.errstate(over="ignore"):
        return ppl, total / np.log(2) / size.sum(), np.log10(ppl ** (tokens.sum() / texts.sum()))


# %% q2 | loses values edges | the mean of the mean losses (ce-bytes)
def report(loss, tokens, size, texts):
    mean = np.nanmean(loss)
    total = mean * tokens.sum()
    return np.exp(mean), total / np.log(2) / size.sum(), total / np.log(10) / texts.sum()


# %% q2 | loses values edges | the mean of the perplexities (ce-bytes)
def report(loss, tokens, size, texts):
    total = np.nansum(loss * tokens)
    ppl = np.nansum(np.exp(loss) * tokens) / tokens.sum()
    return ppl, total / np.log(2) / size.sum(), total / np.log(10) / texts.sum()


# %% q2 | loses values edges | two to the nats, and nats per byte (ce-perplexity-section)
def report(loss, tokens, size, texts):
    total = np.nansum(loss * tokens)
    return 2 ** (total / tokens.sum()), total / size.sum(), total / np.log(10) / texts.sum()


# %% q2 | loses values edges | bits per token
def report(loss, tokens, size, texts):
    total = np.nansum(loss * tokens)
    mean = total / tokens.sum()
    return np.exp(mean), mean / np.log(2), total / np.log(10) / texts.sum()


# %% q3 | equal | SymPy differentiates and solves
eps, K, p, c, u = sp.symbols("eps K p c u", positive=True)
s = sp.exp(u) + K - 1
loss = sp.log(s) - (1 - eps) * u
gap = sp.solve(sp.numer(sp.together(sp.diff(loss, u).subs(sp.exp(u), p))), p)[0]
gap = sp.log(gap)
floor = loss.subs(u, gap)
slope = sp.diff(-sp.log(p) + c * (1 - p), p) * p * (1 - p)

# %% q3 | equal | other forms, other assumptions
eps, K, p, c = sp.symbols("eps K p c")
gap = sp.log(1 - eps) - sp.log(eps) + sp.log(K - 1)
floor = sp.log((K - 1) / eps) - (1 - eps) * gap
slope = (p - 1) * (1 + c * p)

# %% q3 | loses gap floor | smoothed over all classes, as in the chapter (ce-smoothing-section)
eps, K, p, c = sp.symbols("eps K p c", positive=True)
gap = sp.log(1 + K * (1 - eps) / eps)
top, rest = 1 - eps + eps / K, eps / K
floor = -top * sp.log(top) - (K - 1) * rest * sp.log(rest)
slope = (p - 1) * (1 + c * p)

# %% q3 | loses slope | the derivative for the probability
eps, K, p, c = sp.symbols("eps K p c", positive=True)
gap = sp.log((1 - eps) * (K - 1) / eps)
floor = -(1 - eps) * sp.log(1 - eps) - eps * sp.log(eps / (K - 1))
slope = -1 / p - c

# %% q3 | loses slope | prediction minus target, whatever is added (ce-gradient-section)
eps, K, p, c = sp.symbols("eps K p c", positive=True)
gap = sp.log((1 - eps) * (K - 1) / eps)
floor = -(1 - eps) * sp.log(1 - eps) - eps * sp.log(eps / (K - 1))
slope = p - 1 + c * (p - 1)

# %% q3 | loses gap floor | the rivals' number forgotten: two classes
eps, K, p, c = sp.symbols("eps K p c", positive=True)
gap = sp.log((1 - eps) / eps) * (K - 1)
floor = -(1 - eps) * sp.log(1 - eps) - eps * sp.log(eps)
slope = (p - 1) * (1 + c * p)

# %% q3 | loses floor | the loss of the label alone (ce-entropy-floor)
eps, K, p, c = sp.symbols("eps K p c", positive=True)
gap = sp.log((1 - eps) * (K - 1) / eps)
floor = -sp.log(1 - eps)
slope = (p - 1) * (1 + c * p)

# %% q4 | equal | other numbers
lowest, factor, dead = np.float32(2.813), 9.159, np.array([-3, 12])

# %% q4 | equal | found by trying
tried = np.arange(4, 20, 1e-4)
factor = tried[np.log(1 + 999 * np.exp(-tried)) < 0.1][0]
lowest = np.exp(np.log(np.exp(4) + 99) - 4)
dead = (100.0, 130.0)

# %% q4 | loses lowest factor dead | the loss, and an answer that is right (ce-mistakes)
lowest, factor, dead = np.log1p(99 * np.exp(-4)), np.log(999 / 0.1), [20.0, 0.0]

# %% q4 | loses lowest factor dead | the floor without the factor; and too near (ce-floor)
lowest, factor, dead = 1 + 99 / np.e, np.log(1000 / 0.1), [0.0, 8.0]


# %% q4 | loses lowest | guessing
lowest, factor, dead = 100, 9.1589, [0, 15]

# %% q4 | loses dead | infinitely wrong
lowest, factor, dead = 2.8132, 9.1589, [0.0, np.inf]


# %% q5 | equal | loops, the probability of a rival from log-odds
def pull(z, y, w):
    found = np.zeros(z.shape)
    total = sum(w[label] for label in y if label >= 0)
    for i, label in enumerate(y):
        if label < 0:
            continue
        for k in range(z.shape[1]):
            if k != label:
                p = np.exp(-np.logaddexp.reduce(z[i] - z[i, k]))
                found[i, k] = w[label] * p / total
                found[i, label] -= w[label] * p / total
    return found.tolist()


# %% q5 | equal | only the rows that are kept, in long double
def pull(z, y, w):
    kept = np.flatnonzero(y >= 0)
    found = np.zeros(z.shape, dtype=np.longdouble)
    if len(kept):
        d = z[kept].astype(np.longdouble)
        p = np.exp(d - d.max(axis=1, keepdims=True))
        p = p / p.sum(axis=1, keepdims=True)
        p[np.arange(len(kept)), y[kept]] = 0
        p[np.arange(len(kept)), y[kept]] = -p.sum(axis=1)
        share = w[y[kept]] / w[y[kept]].sum()
        found[kept] = share[:, None] * p
    return found.astype(float)


# %% q5 | loses digits | the probability minus 1 (ce-digits)
def pull(z, y, w):
    kept = y >= 0
    z = np.where(kept[:, None], z, 0)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    weight = np.where(kept, w[y], 0)
    return weight[:, None] * p / (weight.sum() or 1)


# %% q5 | loses digits | exponentials as written out (ce-fused)
def pull(z, y, w):
    kept = y >= 0
    z = np.where(kept[:, None], z, 0)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    own = np.arange(z.shape[1]) == y[:, None]
    p = np.where(own, -np.where(own, 0, p).sum(axis=1, keepdims=True), p)
    weight = np.where(kept, w[y], 0)
    return weight[:, None] * p / (weight.sum() or 1)


# %% q5 | loses digits | a difference quotient
def pull(z, y, w):
    kept = y >= 0
    clean, labels = np.where(kept[:, None], z, 0.0), np.where(kept, y, 0)

    def loss(z):
        d = z - z.max(axis=1, keepdims=True)
        return np.log(np.exp(d).sum(axis=1)) - d[np.arange(len(y)), labels]

    weight, found = np.where(kept, w[labels], 0), np.zeros(z.shape)
    for k in range(z.shape[1]):
        step = 1e-5 * (np.arange(z.shape[1]) == k)
        found[:, k] = weight * (loss(clean + step) - loss(clean - step)) / 2e-5
    return found / (weight.sum() or 1)


# %% q5 | loses padding | the label -1 is the last class (ce-labels)
def pull(z, y, w):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] = 0
    p[np.arange(len(y)), y] = -p.sum(axis=1)
    return w[y][:, None] * p / w[y].sum()


# %% q5 | loses padding | a padded row times 0: nan stays nan (ce-labels)
def pull(z, y, w):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    own = np.arange(z.shape[1]) == y[:, None]
    p = np.where(own, -np.where(own, 0, p).sum(axis=1, keepdims=True), p)
    weight = w[y] * (y >= 0)
    return weight[:, None] * p / (weight.sum() or 1)


# %% q5 | loses padding | the mean of nothing is nan (ce-labels)
def pull(z, y, w):
    kept = y >= 0
    z = np.where(kept[:, None], z, 0)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    own = np.arange(z.shape[1]) == y[:, None]
    p = np.where(own, -np.where(own, 0, p).sum(axis=1, keepdims=True), p)
    weight = np.where(kept, w[y], 0)
    return weight[:, None] * p / weight.sum()


# %% q5 | loses values padding digits | divided by the number of rows (ce-weights)
def pull(z, y, w):
    kept = y >= 0
    z = np.where(kept[:, None], z, 0)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    own = np.arange(z.shape[1]) == y[:, None]
    p = np.where(own, -np.where(own, 0, p).sum(axis=1, keepdims=True), p)
    weight = np.where(kept, w[y], 0)
    return weight[:, None] * p / max(kept.sum(), 1)


# %% q5 | loses values padding digits | each entry has the weight of its own class
def pull(z, y, w):
    kept = y >= 0
    z = np.where(kept[:, None], z, 0)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    own = np.arange(z.shape[1]) == y[:, None]
    p = np.where(own, -np.where(own, 0, p).sum(axis=1, keepdims=True), p)
    return kept[:, None] * w * p / (np.where(kept, w[y], 0).sum() or 1)
