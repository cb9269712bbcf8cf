# %% [markdown]
# # Assignment 3: Binary cross-entropy
#
# 20 marks, about 90 minutes. It belongs to chapter 3 of the book; its symbols are used here.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone. Put everything an answer needs into its own cell. Only NumPy is at hand there (in question 3 also SymPy).
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. Two pulls, in bits (4 marks)
#
# With a weight $a \ge 0$ on yes and $b \ge 0$ on no, the loss of a logit $z$, measured in bits, is
#
# $$ \ell = -a \log_2 \sigma(z) - b \log_2\bigl(1 - \sigma(z)\bigr). $$
#
# Write `bits(z, a, b)` for arrays of one shape; return an array of that shape, without a sum or mean. It must be right for every finite logit, of any size, and keep its digits where the loss is tiny.


# %% answer q1
def bits(z, a, b):
    """The loss in bits, entry by entry."""
    ### BEGIN SOLUTION
    up, down = np.exp(np.minimum(z, 0.0)), np.exp(-np.maximum(z, 0.0))
    line = b * np.maximum(z, 0.0) - a * np.minimum(z, 0.0)
    return (line + (a + b) * np.log1p(up * down)) / np.log(2.0)
    ### END SOLUTION


# %% check q1
found = bits(np.array([0.0, 0.0, 2.0]), np.array([1.0, 3.0, 1.0]), np.array([0.0, 1.0, 0.0]))
assert np.shape(found) == (3,), "the result must have the shape of z"
assert np.isclose(found[0], 1.0), "a logit of 0 is a coin: it costs one bit"
assert np.isclose(found[1], 4.0), "at z = 0 the loss is a + b bits"
assert np.isclose(found[2], 0.1831, atol=1e-4), "z = 2, a = 1, b = 0 costs 0.1831 bits"

# %% [markdown]
# ## 2. Its slope (3 marks)
#
# Write `slope(z, a, b)`, the derivative of the same loss with respect to $z$, still in bits. It must keep its digits where the computed $\sigma(z)$ rounds to 1.


# %% answer q2
def slope(z, a, b):
    """The derivative of the loss in bits with respect to z, entry by entry."""
    ### BEGIN SOLUTION
    up, down = np.exp(np.minimum(z, 0.0)), np.exp(-np.maximum(z, 0.0))
    return (b * up - a * down) / (up + down) / np.log(2.0)
    ### END SOLUTION


# %% check q2
one, none = np.ones(2), np.zeros(2)
found = slope(np.array([0.0, 2.0]), one, none)
assert np.shape(found) == (2,), "the result must have the shape of z"
assert np.isclose(found[0], -0.7213, atol=1e-4), "z = 0, a = 1, b = 0: the slope is -0.7213"
assert np.isclose(found[1], -0.1720, atol=1e-4), "z = 2, a = 1, b = 0: the slope is -0.1720"
assert np.isclose(slope(np.array([2.0]), none[:1], one[:1])[0], 1.2707, atol=1e-4), "b = 1, a = 0"

# %% [markdown]
# ## 3. Labels that somebody flipped (3 marks)
#
# Each label was flipped with probability $\eta < \frac12$ before you got it. So you pass the prediction through the same noise, and take the loss of what comes out:
#
# $$ \tilde p = (1 - 2\eta)\,\sigma(z) + \eta, \qquad \tilde\ell = -y \ln \tilde p - (1-y) \ln (1 - \tilde p). $$
#
# Give two SymPy expressions; any equivalent form is right.
#
# - `gradient`: $\partial\tilde\ell / \partial z$, in the symbols `z`, `y`, `eta`.
# - `timid`: without that correction, a clean label that is 1 with probability $q$ reaches the plain loss $\ell(z, y)$ flipped with probability $\eta$. The logit $z$ at which the expected plain loss is smallest, in the symbols `q`, `eta`.

# %% answer q3
z, y, q, eta = sp.symbols("z y q eta", real=True)
### BEGIN SOLUTION
sigma = 1 / (1 + sp.exp(-z))
noisy = (1 - 2 * eta) * sigma + eta
outer = (noisy - y) / (noisy * (1 - noisy))
gradient = outer * (1 - 2 * eta) * sigma * (1 - sigma)
seen = (1 - 2 * eta) * q + eta
timid = sp.log(seen / (1 - seen))
### END SOLUTION

# %% check q3
assert isinstance(gradient, sp.Expr), "gradient must be a SymPy expression"
assert isinstance(timid, sp.Expr), "timid must be a SymPy expression"
assert gradient.free_symbols <= {z, y, eta}, "gradient may contain z, y and eta only"
assert timid.free_symbols <= {q, eta}, "timid may contain q and eta only"
plain = gradient.subs({eta: 0, z: 1.5, y: 1})
assert abs(plain - (1 / (1 + sp.exp(-1.5)) - 1)) < 1e-9, "without noise it is the known gradient"

# %% [markdown]
# ## 4. What is wrong with this code? (3 marks)
#
# This runs somewhere in production, in float64, on numbers:
#
# ```python
# def loss_and_gradient(z, y):
#     p = 1 / (1 + np.exp(-z))
#     loss = -(y * np.log(p + 1e-8) + (1 - y) * np.log(1 - p + 1e-8))
#     outer = (p - y) / np.maximum(p * (1 - p), 1e-12)
#     return loss, outer * p * (1 - p)
# ```
#
# For $y = 1$ assign three numbers:
#
# - `dead`: a logit at which the gradient that it returns is smaller than 0.01 in size, though the true one is larger than 0.99.
# - `negative`: a logit at which the loss that it returns is below zero.
# - `cap`: the value that the loss it returns approaches, and never exceeds, as $z \to -\infty$; four digits or more.

# %% answer q4
### BEGIN SOLUTION
dead, negative, cap = -40.0, 30.0, -np.log(1e-8)
### END SOLUTION

# %% check q4
assert np.ndim(dead) == np.ndim(negative) == np.ndim(cap) == 0, "each answer is one number"
assert all(np.isfinite([dead, negative, cap])), "each answer is finite"

# %% [markdown]
# ## 5. A model trained on a part of the data (3 marks)
#
# Of the positives a share `kept_yes` was kept for training, of the negatives a share `kept_no`, at random. A model trained on what was kept gives the logits `z`.
#
# - `chance(z, kept_yes, kept_no)`: the probability of yes in the *whole* population, as an array of the shape of `z`.
# - `act(z, kept_yes, kept_no, miss, alarm)`: a missed yes costs `miss`, a false alarm costs `alarm`, being right costs nothing. Return an array of booleans: True where saying yes has the lower expected cost in the whole population.


# %% answer q5
def chance(z, kept_yes, kept_no):
    """The probability in the whole population."""
    ### BEGIN SOLUTION
    shifted = z - np.log(kept_yes / kept_no)
    up, down = np.exp(np.minimum(shifted, 0.0)), np.exp(-np.maximum(shifted, 0.0))
    return up / (up + down)
    ### END SOLUTION


def act(z, kept_yes, kept_no, miss, alarm):
    """True where yes is the cheaper answer."""
    ### BEGIN SOLUTION
    return z - np.log(kept_yes / kept_no) > np.log(alarm / miss)
    ### END SOLUTION


# %% check q5
logits = np.array([-1.0, 0.0, 1.0])
assert np.allclose(chance(logits, 0.5, 0.5), 1 / (1 + np.exp(-logits))), (
    "equal shares change nothing"
)
assert np.isclose(chance(np.zeros(1), 1.0, 0.1)[0], 1 / 11), "odds of 1 : 1 were 1 : 10 before"
assert np.array_equal(act(logits, 1.0, 1.0, 1.0, 1.0), [False, False, True]), "equal costs: z > 0"

# %% [markdown]
# ## 6. In your own words (4 marks)
#
# A colleague trains with the target 0.7 for every example of a group. The loss of that group stops falling at 0.6109. "Something is broken, it should go to 0. And squared error has the same minimum, with a floor that is lower; let us take that."
#
# (a) Derive the lowest possible value, and say whether something is broken. (b) What does squared error of $\sigma(z)$ do to the training of an example that is confidently wrong, and why? Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: the gradient at the target 0.7 is $\sigma(z) - 0.7$, so the minimum is at $\sigma(z) = 0.7$.
# - 1: the value there is the entropy $-0.7 \ln 0.7 - 0.3 \ln 0.3 = 0.6109$; nothing is broken.
# - 1: the gradient of squared error has the factor $\sigma(z)(1 - \sigma(z))$ more.
# - 1: it vanishes where the answer is confidently wrong, so such an example hardly moves (or: not convex there). The floor says nothing about this: no mark for "lower is better".
# === END MARK SCHEME ===
# (a) $\partial\ell/\partial z = \sigma(z) - 0.7$ is zero only at $\sigma(z) = 0.7$, and $\ell$ is convex. There $\ell = -0.7\ln 0.7 - 0.3\ln 0.3 = 0.6109$, the entropy of the target. The model is perfect; nothing is broken.
#
# (b) Its gradient is $2(\sigma - y)\,\sigma(1-\sigma)$. Where the answer is confidently wrong $\sigma(1-\sigma)$ vanishes, and the example no longer pulls. Cross-entropy pulls with nearly full strength there, because the logarithm cancels this factor. The values of two floors say nothing about which loss trains better.
