# %% [markdown]
# # Assignment 9: Reduction
#
# 20 marks, about 90 minutes. It belongs to chapter 9 of the book; its symbols are used here.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 3 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.) Arrays are float64 where nothing else is said.
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. A mean over users (3 marks)
#
# Some users write a hundred times as much as others, and all users are to count alike. So the loss is the mean over the *users* of the mean over all tokens of that user.
#
# The arrays `losses` and `keep` (boolean) have the shape (texts, tokens), and `user` holds the number of the user who wrote each text, any integers. What is not kept is padding, and may be nan or inf. A user without a kept token does not count at all. The mean of nothing is 0.
#
# - `by_user(losses, keep, user)`: the loss, one number.
# - `shares(keep, user)`: the share of each token, $\partial L / \partial \ell$, an array of the shape of `keep`; 0 for padding.


# %% answer q1
def by_user(losses, keep, user):
    """The mean over users of the mean over their tokens."""
    ### BEGIN SOLUTION
    return float((np.where(keep, losses, 0.0) * shares(keep, user)).sum())
    ### END SOLUTION


def shares(keep, user):
    """By how much each token counts."""
    ### BEGIN SOLUTION
    found = np.zeros(keep.shape)
    users = np.unique(user[keep.any(axis=1)])
    for one in users:
        own = keep & (user == one)[:, None]
        found[own] = 1 / (own.sum() * len(users))
    return found
    ### END SOLUTION


# %% check q1
losses = np.array([[1.0, 2.0, 3.0], [10.0, np.nan, np.nan], [4.0, 6.0, np.nan]])
keep = np.array([[True, True, True], [True, False, False], [True, True, False]])
user = np.array([7, 3, 7])
found = by_user(losses, keep, user)
assert np.shape(found) == (), "the loss is one number"
assert np.isclose(found, 6.6), "user 7 has the mean 16 / 5, user 3 has the mean 10"
found = shares(keep, user)
assert np.shape(found) == (3, 3), "the shares have the shape of keep"
assert np.allclose(found[0], 0.1), "user 7 has one half, shared by five tokens"
assert np.allclose(found[1], [0.5, 0, 0]), "user 3 has one half, for a single token"

# %% [markdown]
# ## 2. Put the pieces together (3 marks)
#
# Each piece of a data set reports three numbers: how many losses it has, their mean, and their variance (the mean of the squared distances from *its own* mean). You want the same three numbers for all losses together.
#
# Write `together(n, mean, var)`. The arguments are arrays of the shape (pieces,), `n` of integers up to a million. A piece may be empty: then `n` is 0, and its mean and variance are nan. Return a tuple of three numbers: the count, the mean and the variance of the whole, all 0 if every piece is empty. The variance must be right to seven digits also where the means are large, up to $10^7$, and nearly equal.


# %% answer q2
def together(n, mean, var):
    """Count, mean and variance of all losses."""
    ### BEGIN SOLUTION
    n, mean, var = n[n > 0], mean[n > 0], var[n > 0]
    if len(n) == 0:
        return 0, 0.0, 0.0
    share = n / n.sum()
    center = mean[0] + (share * (mean - mean[0])).sum()
    return n.sum(), center, (share * (var + (mean - center) ** 2)).sum()
    ### END SOLUTION


# %% check q2
found = together(np.array([2, 1]), np.array([3.0, 9.0]), np.array([1.0, 0.0]))
assert len(found) == 3, "three numbers"
assert np.allclose(found[:2], [3, 5.0]), "the losses 2, 4 and 9 have the mean 5"
assert np.isclose(found[2], 26 / 3), "the squared distances from 5 are 9, 1 and 16"

# %% [markdown]
# ## 3. Weights made from the losses (3 marks)
#
# Two examples have the losses $a > 0$ and $b > 0$. To look more or less at what is hard, somebody makes the weights from the losses themselves, $w = \ell^g$ with some number $g$, and takes the weighted mean
#
# $$ L = \frac{a^g \cdot a + b^g \cdot b}{a^g + b^g}. $$
#
# Give two SymPy expressions; any equivalent form is right.
#
# - `share`: the share $\partial L/\partial a$ of the first example, with the gradient going through the weights, in the symbols `a`, `b`, `g`.
# - `turn`: for $g = -2$ the share of the first example is positive for small $a$ and negative for large $a$: training makes a hard example *worse*. The loss $a$ at which it changes its sign, in the symbol `b`.
#
# And a number:
#
# - `harmless`: the smallest $g$ for which the share is negative for no $a$ and $b$ at all. (For $b = 1$ the share has the sign of $a^{g+1} + (g+1)\,a - g$.)

# %% answer q3
a, b = sp.symbols("a b", positive=True)
g = sp.symbols("g", real=True)
### BEGIN SOLUTION
share = sp.diff((a ** (g + 1) + b ** (g + 1)) / (a**g + b**g), a)
turn = (1 + sp.sqrt(2)) * b  # a^2 - 2ab - b^2 = 0
harmless = -1  # below it (g + 1) a is negative, and wins for a large a
### END SOLUTION

# %% check q3
assert all(isinstance(each, sp.Expr) for each in (share, turn)), "SymPy expressions"
assert share.free_symbols <= {a, b, g}, "share may contain a, b and g only"
assert turn.free_symbols <= {b}, "turn may contain b only"
numbers = {a: 3, b: 1, g: 1}
assert abs(share.doit().subs(numbers) - 0.875) < 1e-9, (
    "L = (a^2 + 1) / (a + 1): its slope at 3 is 14 / 16"
)
assert np.ndim(harmless) == 0 and np.isfinite(float(harmless)), "harmless is one number"

# %% [markdown]
# ## 4. What is wrong with this code? (3 marks)
#
# This is to be the mean loss over all kept tokens of an epoch. `losses` (float16) and `keep` (boolean) have the shape (batches, texts, tokens).
#
# ```python
# def epoch_loss(losses, keep):
#     total = np.float16(0)
#     for batch, mask in zip(losses, keep):
#         mean = (batch * mask).sum() / mask.sum()
#         total = np.float16(total + mean)
#     return total / len(losses)
# ```
#
# - `sizes`, `means`: two batches, without padding. Assign their numbers of kept tokens (two integers from 1 to 1,000) and their mean losses (two numbers from 0 to 10), such that the code returns 5 or less, though the mean over the tokens is 9.9 or more.
# - `stop`: the batches of a long epoch all have the mean loss 3. Assign the number at which `total` stands still.
# - `repaired(losses, keep)`: write it as it should be. Padding may be nan or inf, a batch may be all padding, and the mean of nothing is 0. Return one number, with a relative error of at most $10^{-9}$, for up to 20,000 losses.


# %% answer q4
def repaired(losses, keep):
    """The mean over all kept tokens of an epoch."""
    ### BEGIN SOLUTION
    kept = losses[keep].astype(np.float64)
    return kept.sum() / max(len(kept), 1)
    ### END SOLUTION


# sizes, means, stop
### BEGIN SOLUTION
sizes, means = (999, 1), (10.0, 0.0)
stop = 8192  # neighbors are 8 apart from here on, and 3 is less than half of that
### END SOLUTION

# %% check q4
assert np.shape(sizes) == np.shape(means) == (2,), "two sizes, two means"
assert all(1 <= n <= 1000 and n == int(n) for n in sizes), "sizes: integers from 1 to 1,000"
assert all(0 <= m <= 10 for m in means), "means lie between 0 and 10"
assert np.ndim(stop) == 0, "stop is one number"
losses = np.array([[[1, 2, 3]], [[10, 0, 0]]], dtype=np.float16)
found = repaired(losses, np.array([[[True, True, True]], [[True, False, False]]]))
assert np.shape(found) == (), "the result is one number"
assert np.isclose(found, 4.0), "four tokens are kept: 1, 2, 3 and 10"

# %% [markdown]
# ## 5. What a tilt adds (4 marks)
#
# Write `added(losses, t)`, by how much the tilted mean lies above the mean,
#
# $$ M_t - \bar\ell = \frac1t \ln \Bigl( \frac1N \sum_i e^{t\ell_i} \Bigr) - \frac1N \sum_i \ell_i, $$
#
# as one number. `losses` has the shape (N,), with values from 0 to 1000, which may all lie near 1000; either all are equal, or the largest and the smallest differ by 1 or more. The tilt `t` is a number of either sign; $10^{-8} \le |t| \le 10^5$, or $t = 0$, where the limit is meant. The relative error must stay below $10^{-6}$, or, where all losses are equal, the absolute error below $10^{-6}$.


# %% answer q5
def added(losses, t):
    """The tilted mean less the mean."""
    ### BEGIN SOLUTION
    u = t * (losses - losses.mean())
    if t == 0:
        return 0.0
    if np.abs(u).max() < 1:
        return np.log1p((np.expm1(u) - u).mean()) / t
    return (u.max() + np.log(np.exp(u - u.max()).mean())) / t
    ### END SOLUTION


# %% check q5
found = added(np.array([0.0, np.log(3.0)]), 1.0)
assert np.shape(found) == (), "the result is one number"
assert np.isclose(found, 0.1438, atol=1e-4), "the mean of 1 and 3 is 2, so ln 2 - ln(3) / 2"
assert np.isclose(added(np.array([0.0, np.log(3.0)]), -1.0), -0.1438, atol=1e-4), "t = -1"
assert np.isclose(added(np.array([0.0, 2.0]), 0.1), 0.0499, atol=1e-4), (
    "close to t / 2 times the variance, which is 1"
)

# %% [markdown]
# ## 6. In your own words (4 marks)
#
# (a) A trainer runs on 8 processes. Each takes documents of very different lengths, averages the loss over its own tokens, and calls `backward`; the gradients are then averaged over the processes. "The loss that it shows differs by one percent only from that on one process, so the gradient is right too." Is it? What must each process compute so that the gradient is exactly that of one process? Give the formula, with every factor.
#
# (b) The loss of a language model is the mean over texts of the *sum* over their tokens. After the texts are cut from 1,000 tokens to 500, it is 1,250; before, it was 2,400. "The model has become better. Only the data have changed, so the rate of gradient descent and the clipping of gradients longer than 1 stay as they are." Is that right? What do you advise?
#
# Each part is worth 2 marks. Use at most 200 words; formulas, $n = 8$ too, count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: (a) no: it is a mean of means. A token counts for $1/(8 n_b)$, more in a process with few tokens. A nearly right value says nothing about the gradient.
# - 1: each process takes the *sum* of its losses, divided by the number $n$ of tokens of all processes (known before `backward`), times 8 because the gradients are averaged: $L_b = \frac8n \sum_{i \in b} \ell_i$. Half a mark without the factor 8 (or "sum the gradients instead").
# - 1: (b) no: a sum grows with the number of tokens. Per token the loss was 2.4 and is 2.5, so it has become a little worse (half a mark for "not comparable" without these numbers).
# - 1: the gradient is about half as large, so the same rate takes steps half as long, and clipping cuts fewer of them (half a mark for one of the two). Divide by the number of tokens, and choose rate and clipping for that loss once.
# === END MARK SCHEME ===
# (a) No. The mean of own means is another objective: a token counts $1/(8n_b)$ instead of $1/n$. The value may be nearly the same while the gradient is far off. Count the tokens $n$ of all processes first; each process then differentiates $\frac8n \sum_{i \in b} \ell_i$. The 8 undoes the averaging of gradients.
#
# (b) No. A sum grows with the length: per token the loss was $2400/1000 = 2.4$ and is now $1250/500 = 2.5$. And the gradient is about half as large. With the same rate the steps are half as long, and fewer gradients are clipped. Divide by the number of all tokens, and choose rate and clipping once, for that loss.
