"""Other answers to assignment 1: wrong ones, from the chapter's "Where it breaks", with what
each loses, and right ones written differently, which lose nothing. Only read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | in decibans from the start, the probability of what was seen picked first
def weigh(prior, results, hit, false):
    seen = ~np.isnan(results)
    ill = np.where(results == 1, hit, 1 - hit)
    well = np.where(results == 1, false, 1 - false)
    ratio = np.where(seen, ill / well, 1.0)
    return 10 * (prior * np.log10(np.e) + np.sum(np.log10(ratio), axis=1))


# %% q1 | equal | a loop over patients and tests, in plain numbers, and a list back
import math


def weigh(prior, results, hit, false):
    found = []
    for start, row in zip(prior.tolist(), results.tolist(), strict=True):
        total = start
        for r, h, f in zip(row, hit.tolist(), false.tolist(), strict=True):
            if r == 1:
                total += math.log(h) - math.log(f)
            elif r == 0:
                total += (math.log(1 - h) if h < 1 else -math.inf) - math.log(1 - f)
        found.append(total * 10 / math.log(10))
    return found


# %% q1 | equal | in long double
def weigh(prior, results, hit, false):
    h, f = hit.astype(np.longdouble), false.astype(np.longdouble)
    alarm, quiet = np.log(h / f), np.log1p(-h) - np.log1p(-f)
    total = prior.astype(np.longdouble)
    for j in range(len(hit)):
        total = total + np.where(results[:, j] == 1, alarm[j], 0)
        total = total + np.where(results[:, j] == 0, quiet[j], 0)
    return (10 * total / np.log(np.longdouble(10))).astype(float)


# %% q1 | loses many | Bayes' rule with probabilities: products that underflow (odds-evidence)
def weigh(prior, results, hit, false):
    seen = ~np.isnan(results)
    ill = np.prod(np.where(results == 1, hit, 1 - hit), axis=1, where=seen)
    well = np.prod(np.where(results == 1, false, 1 - false), axis=1, where=seen)
    p0 = 1 / (1 + np.exp(-prior))
    return 10 * np.log10(p0 * ill / ((1 - p0) * well))


# %% q1 | loses many | the odds multiplied (odds-logarithms)
def weigh(prior, results, hit, false):
    odds = np.exp(prior)
    ratio = np.where(results == 1, hit / false, (1 - hit) / (1 - false))
    return 10 * np.log10(odds * np.where(np.isnan(results), 1, ratio).prod(axis=1))


# %% q1 | loses gaps | 0 times infinity, dropped as if the test had not been taken
def weigh(prior, results, hit, false):
    alarm, quiet = np.log(hit / false), np.log((1 - hit) / (1 - false))
    return 10 / np.log(10) * (prior + np.nansum(results * alarm + (1 - results) * quiet, axis=1))


# %% q1 | loses gaps | a probability clipped, and evidence invented (odds-practice)
def weigh(prior, results, hit, false):
    hit = np.clip(hit, 1e-12, 1 - 1e-12)
    ratio = np.where(results == 1, np.log(hit / false), np.log((1 - hit) / (1 - false)))
    return 10 / np.log(10) * (prior + np.nansum(np.where(np.isnan(results), 0, ratio), axis=1))


# %% q1 | loses gaps | a test not taken is one without an alarm
def weigh(prior, results, hit, false):
    ratio = np.where(results == 1, hit / false, (1 - hit) / (1 - false))
    return 10 / np.log(10) * (prior + np.log(ratio).sum(axis=1))


# %% q1 | loses gaps | nan is not looked at
def weigh(prior, results, hit, false):
    alarm, quiet = np.log(hit / false), np.log((1 - hit) / (1 - false))
    terms = results * alarm + np.where(results == 1, 0, (1 - results) * quiet)
    return 10 / np.log(10) * (prior + terms.sum(axis=1))


# %% q1 | loses values gaps many | silence counts for nothing (odds-evidence)
def weigh(prior, results, hit, false):
    alarm = np.log(hit / false)
    return 10 / np.log(10) * (prior + np.where(results == 1, alarm, 0).sum(axis=1))


# %% q1 | loses values gaps many | posteriors added, the prior once for each test
def weigh(prior, results, hit, false):
    ratio = np.where(results == 1, hit / false, (1 - hit) / (1 - false))
    terms = np.where(np.isnan(results), 0, prior[:, None] + np.log(ratio))
    return 10 / np.log(10) * terms.sum(axis=1)


# %% q1 | loses values gaps many | nats
def weigh(prior, results, hit, false):
    ratio = np.where(results == 1, hit / false, (1 - hit) / (1 - false))
    return prior + np.log(np.where(np.isnan(results), 1, ratio)).sum(axis=1)


# %% q2 | equal | the odds, (1 + e^z)^n - 1, in logarithms
def at_least_one(z, n):
    s = n * (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))
    with np.errstate(over="ignore"):
        return np.where(s > 30, s + np.log1p(-np.exp(-s)), np.log(np.expm1(s)))


# %% q2 | equal | a loop over plain numbers, and lists back
import math


def at_least_one(z, n):
    def one(x):
        s = n * (max(x, 0.0) + math.log1p(math.exp(-abs(x))))
        return s + math.log(-math.expm1(-s))

    return np.array([one(x) for x in z.ravel().tolist()]).reshape(z.shape).tolist()


# %% q2 | equal | in long double
def at_least_one(z, n):
    s = n * np.logaddexp(np.longdouble(0), z.astype(np.longdouble))
    return (s + np.log(-np.expm1(-s))).astype(float)


# %% q2 | loses rare sure | by way of the probability (odds-round-trip)
def at_least_one(z, n):
    p = 1 / (1 + np.exp(-z))
    some = 1 - (1 - p) ** n
    return np.log(some / (1 - some))


# %% q2 | loses sure | the probability, with its digits at the small end only (odds-rounding)
def at_least_one(z, n):
    p = 1 / (1 + np.exp(-z))
    none = n * np.log1p(-p)
    return np.log(-np.expm1(none)) - none


# %% q2 | loses sure | the exponential overflows (odds-floats)
def at_least_one(z, n):
    return np.log(np.expm1(n * np.logaddexp(0, z)))


# %% q2 | loses rare | one remedy for both ends (odds-log1mexp)
def at_least_one(z, n):
    s = n * np.logaddexp(0, z)
    return s + np.log1p(-np.exp(-s))


# %% q2 | loses rare sure | the logarithm of one minus an exponential (odds-log1mexp)
def at_least_one(z, n):
    s = n * np.log(1 + np.exp(z))
    return s + np.log(1 - np.exp(-s))


# %% q2 | loses values sure | n times the odds: true for rare failures only
def at_least_one(z, n):
    return z + np.log(n)


# %% q2 | loses values rare sure | all of them, not one of them
def at_least_one(z, n):
    none = n * np.logaddexp(0, -z)
    return -none - np.log(-np.expm1(-none))


# %% q2 | loses values rare sure | the mean
def at_least_one(z, n):
    s = n * np.logaddexp(0, z)
    return np.mean(s + np.log(-np.expm1(-s)))


# %% q3 | equal | other forms of the same
p, z, y = sp.symbols("p z y", real=True)
natural = -sp.log(1 / (1 - p))
A = sp.log(1 / (1 - sp.exp(z)))
gradient = 1 / (sp.exp(-z) - 1) - y

# %% q3 | equal | SymPy solves and differentiates, and simplifies nothing
p, z, y = sp.symbols("p z y")
natural = sp.expand_log(sp.log(p * (1 - p)) - sp.log(p), force=True)
A = -sp.log(sp.solve(sp.Eq(natural, z), p)[0])
gradient = sp.Derivative(A - y * z, z)

# %% q3 | loses natural A gradient | the pair of the coin (odds-output-layers)
p, z, y = sp.symbols("p z y", real=True)
natural = sp.log(p / (1 - p))
A = sp.log(1 + sp.exp(z))
gradient = 1 / (1 + sp.exp(-z)) - y

# %% q3 | loses A gradient | the sign of A
p, z, y = sp.symbols("p z y", real=True)
natural = sp.log(1 - p)
A = sp.log(1 - sp.exp(z))
gradient = sp.diff(A, z) - y

# %% q3 | loses gradient | observation minus prediction
p, z, y = sp.symbols("p z y", real=True)
natural = sp.log(1 - p)
A = -sp.log(1 - sp.exp(z))
gradient = y - sp.exp(z) / (1 - sp.exp(z))

# %% q3 | loses gradient | the derivative for p, written in z
p, z, y = sp.symbols("p z y", real=True)
natural = sp.log(1 - p)
A = -sp.log(1 - sp.exp(z))
gradient = (-1 / p + y / (1 - p)).subs(p, 1 - sp.exp(z))

# %% q4 | equal | other numbers
off = np.float32(34)
coarse = 0.875
lowest = -709.8

# %% q4 | equal | found by trying
tried = np.arange(30, 40, 0.001)
p = 1 / (1 + np.exp(-tried))
back = np.log(p[p < 1] / (1 - p[p < 1]))
off = tried[(p < 1) & (tried < 36)][abs(back[: np.sum(tried < 36)] - tried[tried < 36]) > 0.01][0]
p = 1 / (1 + np.exp(np.arange(700, 750, 0.001)))
lowest = np.log(p[p > 0]).min()
coarse = np.round(16 / (9 / 8)) / 16

# %% q4 | loses off lowest | past the borders, and the smallest float (odds-rounding)
off, coarse, lowest = 36.5, 0.875, -1074 * np.log(2)

# %% q4 | loses off coarse lowest | the largest number below 1, and the smallest normal one
off, coarse, lowest = 20.0, 15 / 16, np.log(np.finfo(float).tiny)

# %% q4 | loses off coarse | the side on which the digits are kept, and an exact quotient
off, coarse, lowest = -35.0, 8 / 9, -709.7827

# %% q4 | loses off | p is 0, which is no probability that was kept
off, coarse, lowest = -1000.0, 0.875, -709.7827

# %% q4 | loses coarse lowest | both ends alike (odds-rounding)
off, coarse, lowest = 35.0, 1 - 2**-3.5, -np.log(2.0**52 - 1)


# %% q5 | equal | a loop over bins and examples
import math


def audit(z, y, edges):
    counts, means, surprises = [], [], []
    for k in range(len(edges) - 1):
        count, mean, above, variance = 0, 0.0, 0.0, 0.0
        for a, b in zip(z.tolist(), y.tolist(), strict=True):
            if edges[k] <= a < edges[k + 1]:
                p, rest = 1 / (1 + math.exp(-a)), 1 / (1 + math.exp(a))
                count, mean, variance = count + 1, mean + p, variance + p * rest
                above += rest if b == 1 else -p
        counts.append(count)
        means.append(mean)
        surprises.append(above / math.sqrt(variance) if count else math.nan)
    return counts, means, surprises


# %% q5 | equal | with digitize and bincount, in one array of three rows
def audit(z, y, edges):
    K = len(edges) - 1
    place = np.digitize(z, edges) - 1
    here = (place >= 0) & (place < K)
    z, y, place = z[here], y[here], place[here]
    yes, no = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    count = np.bincount(place, minlength=K)
    mean, variance, above = (
        np.bincount(place, weights=w, minlength=K) for w in (yes, yes * no, y * no - (1 - y) * yes)
    )
    safe = np.where(count > 0, variance, 1)
    return np.stack([count, mean, np.where(count > 0, above / np.sqrt(safe), np.nan)])


# %% q5 | loses sure | the slope and the difference from a stored probability (odds-floats)
def audit(z, y, edges):
    p = 1 / (1 + np.exp(-z))
    inside = (edges[:-1, None] <= z) & (z < edges[1:, None])
    with np.errstate(all="ignore"):
        surprise = (inside @ (y - p)) / np.sqrt(inside @ (p * (1 - p)))
    return inside.sum(axis=1), inside @ p, surprise


# %% q5 | loses sure | the right variance, and y minus a rounded probability (odds-floats)
def audit(z, y, edges):
    p, q = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    inside = (edges[:-1, None] <= z) & (z < edges[1:, None])
    with np.errstate(all="ignore"):
        surprise = (inside @ (y - p)) / np.sqrt(inside @ (p * q))
    return inside.sum(axis=1), inside @ p, surprise


# %% q5 | loses sure | a small number under the root
def audit(z, y, edges):
    p = 1 / (1 + np.exp(-z))
    inside = (edges[:-1, None] <= z) & (z < edges[1:, None])
    count = inside.sum(axis=1)
    surprise = (inside @ (y - p)) / np.sqrt(inside @ (p * (1 - p)) + 1e-12)
    return count, inside @ p, np.where(count > 0, surprise, np.nan)


# %% q5 | loses ties sure | NumPy's histogram: the last edge, and differences of running sums
def audit(z, y, edges):
    yes, no = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    count, mean, variance, above = (
        np.histogram(z, edges, weights=w)[0]
        for w in (np.ones(len(z)), yes, yes * no, y * no - (1 - y) * yes)
    )
    with np.errstate(all="ignore"):
        return count, mean, above / np.sqrt(variance)


# %% q5 | loses ties | the upper edge belongs to the bin, the lower does not
def audit(z, y, edges):
    yes, no = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    inside = (edges[:-1, None] < z) & (z <= edges[1:, None])
    with np.errstate(all="ignore"):
        surprise = (inside @ (y * no - (1 - y) * yes)) / np.sqrt(inside @ (yes * no))
    return inside.sum(axis=1), inside @ yes, surprise


# %% q5 | loses ties | no surprise counts as zero
def audit(z, y, edges):
    yes, no = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    inside = (edges[:-1, None] <= z) & (z < edges[1:, None])
    above = inside @ (y * no - (1 - y) * yes)
    with np.errstate(all="ignore"):
        return inside.sum(axis=1), inside @ yes, np.nan_to_num(above / np.sqrt(inside @ (yes * no)))


# %% q5 | loses values ties sure | the variance of a mean probability for all
def audit(z, y, edges):
    yes, no = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    inside = (edges[:-1, None] <= z) & (z < edges[1:, None])
    count = inside.sum(axis=1)
    with np.errstate(all="ignore"):
        p = (inside @ yes) / count
        surprise = (inside @ (y * no - (1 - y) * yes)) / np.sqrt(count * p * (1 - p))
    return count, inside @ yes, surprise


# %% q5 | loses values ties sure | the mean probability, not the expected number
def audit(z, y, edges):
    yes, no = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    inside = (edges[:-1, None] <= z) & (z < edges[1:, None])
    count, above = inside.sum(axis=1), inside @ (y * no - (1 - y) * yes)
    with np.errstate(all="ignore"):
        return count, (inside @ yes) / count, above / np.sqrt(inside @ (yes * no))
