"""Other answers to assignment 3: wrong ones, from the chapter's "Where it breaks", with what
each loses, and right ones written differently, which lose nothing. Only read, never run as one.
"""

import numpy as np
import sympy as sp


# %% q1 | equal | NumPy's logaddexp
def bits(z, a, b):
    return (a * np.logaddexp(0, -z) + b * np.logaddexp(0, z)) / np.log(2)


# %% q1 | equal | a loop over plain numbers, and lists back
import math


def bits(z, a, b):
    def softplus(x):
        return max(x, 0.0) + math.log1p(math.exp(-abs(x)))

    found = np.empty(z.shape)
    for place in np.ndindex(z.shape):
        x = float(z[place])
        found[place] = (a[place] * softplus(-x) + b[place] * softplus(x)) / math.log(2)
    return found.tolist()


# %% q1 | equal | in long double, with logaddexp2
def bits(z, a, b):
    w = z.astype(np.longdouble) / np.log(np.longdouble(2))
    return (a * np.logaddexp2(0, -w) + b * np.logaddexp2(0, w)).astype(float)


# %% q1 | loses large digits | the plain formula: nan and inf where p rounds (bce-breaks)
def bits(z, a, b):
    p = 1 / (1 + np.exp(-z))
    return -a * np.log2(p) - b * np.log2(1 - p)


# %% q1 | loses large digits | an eps in the logarithm (bce-eps)
def bits(z, a, b):
    p = 1 / (1 + np.exp(-z))
    return -a * np.log2(p + 1e-10) - b * np.log2(1 - p + 1e-10)


# %% q1 | loses large digits | a clip of the probability (bce-eps)
def bits(z, a, b):
    p = np.clip(1 / (1 + np.exp(-z)), 1e-12, 1 - 1e-12)
    return -a * np.log2(p) - b * np.log2(1 - p)


# %% q1 | loses large digits | logarithms cut off at -100 (bce-clamp)
def bits(z, a, b):
    p = 1 / (1 + np.exp(-z))
    logs = np.maximum(np.log(p), -100), np.maximum(np.log(1 - p), -100)
    return -(a * logs[0] + b * logs[1]) / np.log(2)


# %% q1 | loses digits | log(1 + x) for log1p (bce-rule)
def bits(z, a, b):
    line = b * np.maximum(z, 0) - a * np.minimum(z, 0)
    return (line + (a + b) * np.log(1 + np.exp(-abs(z)))) / np.log(2)


# %% q1 | loses large | the softplus without a maximum overflows (bce-rule)
def bits(z, a, b):
    return (a * np.log1p(np.exp(-z)) + b * np.log1p(np.exp(z))) / np.log(2) + 0 * np.exp(abs(z))


# %% q1 | loses values large digits | the half alone (bce-both-halves)
def bits(z, a, b):
    return a * np.logaddexp(0, -z) / np.log(2)


# %% q1 | loses values large digits | nats, not bits
def bits(z, a, b):
    return a * np.logaddexp(0, -z) + b * np.logaddexp(0, z)


# %% q1 | loses values large digits | the mean
def bits(z, a, b):
    return np.mean((a * np.logaddexp(0, -z) + b * np.logaddexp(0, z)) / np.log(2))


# %% q2 | equal | two sigmoids, each from the small side
def slope(z, a, b):
    def sigmoid(x):
        e = np.exp(-np.abs(x))
        return np.where(x >= 0, 1 / (1 + e), e / (1 + e))

    return (b * sigmoid(z) - a * sigmoid(-z)) / np.log(2)


# %% q2 | equal | by logaddexp
def slope(z, a, b):
    yes, no = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    return (b * yes - a * no) * np.log2(np.e)


# %% q2 | loses digits | the sigmoid minus one (bce-rule)
def slope(z, a, b):
    p = 1 / (1 + np.exp(-z))
    return (b * p - a * (1 - p)) / np.log(2)


# %% q2 | loses digits | the chain rule, one factor at a time (bce-chain)
def slope(z, a, b):
    p = 1 / (1 + np.exp(-z))
    return (-a / p + b / (1 - p)) * p * (1 - p) / np.log(2)


# %% q2 | loses digits | the chain rule with a clamped denominator (bce-clamp)
def slope(z, a, b):
    p = 1 / (1 + np.exp(-z))
    outer = (b * p - a * (1 - p)) / np.maximum(p * (1 - p), 1e-12)
    return outer * p * (1 - p) / np.log(2)


# %% q2 | loses digits | a finite difference
def slope(z, a, b):
    def loss(z):
        return (a * np.logaddexp(0, -z) + b * np.logaddexp(0, z)) / np.log(2)

    return (loss(z + 1e-6) - loss(z - 1e-6)) / 2e-6


# %% q2 | loses values digits | weights that are taken to add up to one (bce-gradient)
def slope(z, a, b):
    return (1 / (1 + np.exp(-z)) - a) / np.log(2)


# %% q2 | loses values digits | the wrong sign
def slope(z, a, b):
    up, down = np.exp(np.minimum(z, 0.0)), np.exp(-np.maximum(z, 0.0))
    return (a * down - b * up) / (up + down) / np.log(2.0)


# %% q3 | equal | SymPy differentiates, and simplifies nothing
z, y, q, eta = sp.symbols("z y q eta", real=True)
noisy = (1 - 2 * eta) / (1 + sp.exp(-z)) + eta
gradient = sp.Derivative(-y * sp.log(noisy) - (1 - y) * sp.log(1 - noisy), z)
timid = sp.log((q + eta - 2 * q * eta) / (1 - q - eta + 2 * q * eta))

# %% q3 | equal | other symbols of the same names, and tanh
z, y, q, eta = sp.symbols("z y q eta", positive=True)
sigma = (1 + sp.tanh(z / 2)) / 2
noisy = eta + (1 - 2 * eta) * sigma
gradient = (1 - 2 * eta) * sp.sech(z / 2) ** 2 / 4 * ((1 - y) / (1 - noisy) - y / noisy)
timid = 2 * sp.atanh((1 - 2 * eta) * (2 * q - 1))

# %% q3 | loses gradient | the inner factor 1 - 2 eta is forgotten (bce-chain)
z, y, q, eta = sp.symbols("z y q eta", real=True)
sigma = 1 / (1 + sp.exp(-z))
noisy = (1 - 2 * eta) * sigma + eta
gradient = (noisy - y) / (noisy * (1 - noisy)) * sigma * (1 - sigma)
timid = sp.log((q + eta - 2 * q * eta) / (1 - q - eta + 2 * q * eta))

# %% q3 | loses gradient timid | prediction minus target, as if nothing were new (bce-gradient)
z, y, q, eta = sp.symbols("z y q eta", real=True)
gradient = (1 - 2 * eta) / (1 + sp.exp(-z)) + eta - y
timid = sp.log(q / (1 - q))

# %% q3 | loses timid | the probability for the logit (bce-label-noise)
z, y, q, eta = sp.symbols("z y q eta", real=True)
noisy = (1 - 2 * eta) / (1 + sp.exp(-z)) + eta
gradient = sp.diff(-y * sp.log(noisy) - (1 - y) * sp.log(1 - noisy), z)
timid = (1 - 2 * eta) * q + eta

# %% q4 | equal | other numbers
dead = np.float32(-35)
negative = 20
cap = 8 * np.log(10)

# %% q4 | loses dead | the clamp is not reached yet (bce-clamp)
dead, negative, cap = -20.0, 30.0, 18.420680743952367

# %% q4 | loses dead negative | right answers, where nothing is dead, and a wrong sign
dead, negative, cap = 40.0, -30.0, 18.42

# %% q4 | loses cap | the cap of a clip (bce-eps)
dead, negative, cap = -40.0, 30.0, -np.log(1e-7)


# %% q5 | equal | by counting
def chance(z, kept_yes, kept_no):
    odds = np.exp(z) * kept_no / kept_yes
    return odds / (1 + odds)


def act(z, kept_yes, kept_no, miss, alarm):
    p = chance(z, kept_yes, kept_no)
    return [bool(each) for each in p > alarm / (alarm + miss)]


# %% q5 | loses chance act | the shift in the wrong direction (bce-prior-correction)
def chance(z, kept_yes, kept_no):
    return 1 / (1 + np.exp(-z - np.log(kept_yes / kept_no)))


def act(z, kept_yes, kept_no, miss, alarm):
    return chance(z, kept_yes, kept_no) > alarm / (alarm + miss)


# %% q5 | loses chance act | the probability is divided, not the odds (bce-prior-correction)
def chance(z, kept_yes, kept_no):
    return np.clip(1 / (1 + np.exp(-z)) / kept_yes * kept_no, 0, 1)


def act(z, kept_yes, kept_no, miss, alarm):
    return chance(z, kept_yes, kept_no) > alarm / (alarm + miss)


# %% q5 | loses act | a threshold of one half, whatever it costs (bce-threshold)
def chance(z, kept_yes, kept_no):
    return 1 / (1 + np.exp(-z + np.log(kept_yes / kept_no)))


def act(z, kept_yes, kept_no, miss, alarm):
    return chance(z, kept_yes, kept_no) > 0.5


# %% q5 | loses act | costs without the correction (bce-threshold)
def chance(z, kept_yes, kept_no):
    return 1 / (1 + np.exp(-z + np.log(kept_yes / kept_no)))


def act(z, kept_yes, kept_no, miss, alarm):
    return 1 / (1 + np.exp(-z)) > alarm / (alarm + miss)
