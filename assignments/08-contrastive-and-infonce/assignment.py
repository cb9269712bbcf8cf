# %% [markdown]
# # Assignment 8: Contrastive losses and InfoNCE
#
# 20 marks, about 90 minutes. It belongs to chapter 8 of the book; its symbols are used here. Logarithms are natural, losses are in nats.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 3 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.) All arrays are float64, or boolean where it says so.
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. Several right answers (4 marks)
#
# A question may have several passages that answer it, and it is enough to find one. So the loss of question $i$ is
#
# $$ \ell_i = -\ln \frac{\sum_{j \in R_i} e^{s_{ij}/\tau}}{\sum_{j \in K_i} e^{s_{ij}/\tau}}, $$
#
# where $K_i$ are the passages that are kept as candidates of question $i$, and $R_i$ those of them that answer it.
#
# Write `any_of(s, right, keep, tau)`. All three arrays have the shape (questions, passages): the scores `s`, and the booleans `right` (it answers the question) and `keep` (it is a candidate). Return one number, the mean of $\ell_i$ over the questions that have a right passage among those kept, or 0 if there are none.
#
# It must be right for scores of any size and for $\tau \ge 10^{-4}$, and keep its digits: where the loss is tiny, and where scores are large and differ little. A score that is not kept has no influence, even if it is nan.


# %% answer q1
def any_of(s, right, keep, tau):
    """The mean loss of the questions that have a right candidate."""
    ### BEGIN SOLUTION
    right, rival = right & keep, ~right & keep
    anchors = right.any(axis=1)
    if not anchors.any():
        return 0.0
    s, right, rival = s[anchors], right[anchors], rival[anchors]
    top = np.where(right | rival, s, -np.inf).max(axis=1, keepdims=True)

    def log_sum(kept):
        with np.errstate(divide="ignore"):
            return np.logaddexp.reduce(np.where(kept, (s - top) / tau, -np.inf), axis=1)

    return np.logaddexp(0.0, log_sum(rival) - log_sum(right)).mean()
    ### END SOLUTION


# %% check q1
scores = np.array([[0.5, 0.5, 0.5, 0.5], [0.2, 0.0, 0.0, 0.0]])
right = np.array([[True, True, False, False], [True, False, False, False]])
everything = np.ones((2, 4), dtype=bool)
found = any_of(scores[:1], right[:1], everything[:1], 0.1)
assert np.shape(found) == (), "the result is one number"
assert np.isclose(found, 0.6931, atol=1e-4), "two right ones of four equal candidates: ln 2"
keep = np.array([[True, False, False, True]])
assert np.isclose(any_of(scores[1:], right[1:], keep, 0.1), 0.1269, atol=1e-4), (
    "0.2 against 0, at a temperature of 0.1, costs ln(1 + e^-2)"
)
assert np.isclose(any_of(scores, right, everything, 0.1), 0.5169, atol=1e-4), "the mean of two"

# %% [markdown]
# ## 2. All triplets of a batch (3 marks)
#
# A triplet of a batch is an anchor, a positive (*another* row with the anchor's label), and a negative (a row with another label). Its loss is $\max(0, d_{ap} - d_{an} + m)$, with distances that are **not** squared; nothing is added to the differences (PyTorch adds $10^{-6}$).
#
# Write `triplets(x, labels, margin)` for embeddings `x` of the shape (rows, dimensions) and integers `labels`. Return a tuple of three numbers:
#
# - the mean loss of all triplets,
# - the mean loss of those triplets whose loss is above 0,
# - the share of triplets whose negative is strictly nearer to the anchor than the positive.
#
# Where there is nothing to take a mean or a share of, the number is 0. The rows need not be normalized, and may lie close together at a place far from the origin. There are at most 40 rows.


# %% answer q2
def triplets(x, labels, margin):
    """Mean loss of all triplets, of those with a loss, and the share in the wrong order."""
    ### BEGIN SOLUTION
    distances = np.sqrt(((x[:, None] - x) ** 2).sum(axis=-1))
    same = labels[:, None] == labels
    positive = same & ~np.eye(len(x), dtype=bool)
    anchor, near, far = np.nonzero(positive[:, :, None] & ~same[:, None, :])
    if len(anchor) == 0:
        return 0.0, 0.0, 0.0
    gaps = distances[anchor, near] - distances[anchor, far]
    losses = np.maximum(0.0, gaps + margin)
    active = losses[losses > 0]
    return losses.mean(), active.mean() if len(active) else 0.0, np.mean(gaps > 0)
    ### END SOLUTION


# %% check q2
line, labels = np.array([[0.0], [1.0], [3.0]]), np.array([0, 0, 1])
found = triplets(line, labels, 2.0)
assert len(found) == 3, "three numbers"
assert np.allclose(found, (0.5, 1.0, 0.0)), "two triplets, of which one has a loss: 1 - 2 + 2"
assert np.allclose(triplets(line, np.array([0, 1, 0]), 2.0), (3.5, 3.5, 1.0)), (
    "two triplets, 3 - 1 + 2 and 3 - 2 + 2, and both negatives are nearer"
)

# %% [markdown]
# ## 3. The bias of SigLIP (3 marks)
#
# In a batch of $N$ pairs all partners have the similarity $s$, and all others have the similarity $r$. SigLIP's loss is then
#
# $$ L = \operatorname{softplus}\bigl(-(s/\tau + b)\bigr) + (N - 1) \operatorname{softplus}(r/\tau + b), \qquad \operatorname{softplus}(h) = \ln(1 + e^h). $$
#
# Give three SymPy expressions; any equivalent form is right.
#
# - `slope`: $\partial L / \partial \tau$, in the symbols `s`, `r`, `tau`, `b`, `N`.
# - `bias`: an encoder that tells nothing apart has $r = s$. The bias $b$ at which its loss is smallest, in the symbols `s`, `tau`, `N`.
# - `fall`: an encoder that tells partners apart has $s > r$. At the bias $b = -(s + r)/(2\tau)$ and low temperatures its loss is close to $N e^{-c/\tau}$ (the quotient goes to 1 as $\tau \to 0$; for large $h$, $\operatorname{softplus}(-h)$ is close to $e^{-h}$). The number $c$, in the symbols `s`, `r`.

# %% answer q3
s, r, b = sp.symbols("s r b", real=True)
tau, N = sp.symbols("tau N", positive=True)
### BEGIN SOLUTION
partner, other = s / tau + b, r / tau + b
loss = sp.log(1 + sp.exp(-partner)) + (N - 1) * sp.log(1 + sp.exp(other))
slope = sp.diff(loss, tau)
bias = -sp.log(N - 1) - s / tau  # the logit is the log odds of 1 : N - 1
fall = (s - r) / 2  # both logits are (s - r) / (2 tau), and softplus(-h) is close to e^-h
### END SOLUTION

# %% check q3
assert all(isinstance(each, sp.Expr) for each in (slope, bias, fall)), "SymPy expressions"
assert slope.free_symbols <= {s, r, tau, b, N}, "slope may contain s, r, tau, b and N only"
assert bias.free_symbols <= {s, tau, N}, "bias may contain s, tau and N only"
assert fall.free_symbols <= {s, r}, "fall may contain s and r only"
numbers = {s: 1, r: 0, tau: 1, b: -1, N: 3}
assert abs(slope.doit().subs(numbers) - 0.5) < 1e-9, (
    "the partner's logit is 0: it pulls with one half"
)
assert abs(bias.doit().subs({s: 0.5, tau: 1, N: 2}) + 0.5) < 1e-9, (
    "one partner, one other: a logit of 0"
)

# %% [markdown]
# ## 4. What is wrong with this code? (4 marks)
#
# This is to be the NT-Xent loss of the views `x` and `y`, two float64 arrays of the shape (things, dimensions): row `i` of one is the partner of row `i` of the other, the candidates of a view are all *other* views, and the loss is the mean over all views.
#
# ```python
# def nt_xent(x, y, tau):
#     u = np.concatenate([x, y])
#     u = u / np.linalg.norm(u, axis=1, keepdims=True)
#     e = np.exp(u @ u.T / tau)
#     others = e.sum(axis=1) - np.exp(1 / tau)   # without the view itself
#     view = np.arange(len(u))
#     partner = np.roll(view, len(x))
#     return np.mean(np.log(others) - np.log(e[view, partner]))
# ```
#
# All vectors have lengths between 0.5 and 2.
#
# - `x`, `y`: assign a batch, each array of the shape (2, 3), for which at $\tau = 0.02$ it returns a number that is more than 1 away from the true loss, or no finite number at all. (Here no exponential overflows.)
# - `repaired(x, y, tau)`: write it as it should be, for $\tau \ge 10^{-4}$. Return one number, with an absolute error of at most $10^{-8}$.


# %% answer q4
def repaired(x, y, tau):
    """The NT-Xent loss of two views."""
    ### BEGIN SOLUTION
    u = np.concatenate([x, y])
    u = u / np.linalg.norm(u, axis=1, keepdims=True)
    s = u @ u.T
    np.fill_diagonal(s, -np.inf)
    view = np.arange(len(u))
    partner = s[view, np.roll(view, len(x))]
    return np.logaddexp.reduce((s - partner[:, None]) / tau, axis=1).mean()
    ### END SOLUTION


# x, y
### BEGIN SOLUTION
x = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
y = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
### END SOLUTION


# %% check q4
assert np.shape(x) == np.shape(y) == (2, 3), "x and y hold two vectors of three entries each"
lengths = np.linalg.norm(np.concatenate([x, y]), axis=1)
assert np.all((lengths >= 0.5) & (lengths <= 2)), "lengths between 0.5 and 2"
corners = np.array([[2.0, 0.0], [0.0, 0.5]])
assert np.isclose(repaired(corners, corners, 1.0), 0.5514, atol=1e-4), (
    "two pairs at right angles: ln(e + 2) - 1"
)
assert np.isclose(repaired(corners[:1], corners[1:], 0.1), 0.0), "the only candidate is the partner"

# %% [markdown]
# ## 5. Choose a temperature (3 marks)
#
# An anchor has $n$ negatives with the similarities `s`, of which $k$ share the largest value, $1 \le k < n$. You want these hardest negatives to get a given share of the push on all negatives; how strongly the partner is pulled does not matter.
#
# Write `temperature(s, share)`: the $\tau$ at which the $k$ hardest negatives *together* get this share. `s` is an array of the shape (n,), not sorted, and $k/n < $ `share` $< 1$. No formula gives it: search. Return one number, with a relative error of at most $10^{-6}$. The answer lies between $10^{-6}$ and $10^6$.


# %% answer q5
def temperature(s, share):
    """The temperature at which the hardest negatives take this share of the push."""
    ### BEGIN SOLUTION
    gaps = s.max() - s
    hardest = np.sum(gaps == 0)
    gaps = gaps[gaps > 0]
    wanted = hardest * (1 - share) / share  # what the others add up to, with the hardest at 1
    low, high = np.log(1e-7), np.log(1e7)
    for _ in range(100):
        middle = (low + high) / 2
        if np.exp(-gaps / np.exp(middle)).sum() < wanted:
            low = middle
        else:
            high = middle
    return np.exp(middle)
    ### END SOLUTION


# %% check q5
found = temperature(np.array([0.5, 0.9]), 0.9820138)  # e^4 / (e^4 + 1)
assert np.shape(found) == (), "the result is one number"
assert np.isclose(found, 0.1, rtol=1e-5), "0.9 gets e^4 times the push of 0.5"
found = temperature(np.array([1.0, 0.0, 1.0]), 0.8446375)  # 2e / (2e + 1)
assert np.isclose(found, 1.0, rtol=1e-5), "two share the largest similarity"

# %% [markdown]
# ## 6. In your own words (3 marks)
#
# A report on an encoder of pictures and captions, trained with in-batch InfoNCE, says:
#
# 1. "On one process, a batch of 512 pairs has a loss of 2.6. Split over 8 processes, each with its own negatives only, the mean loss is 1.2. Splitting trains better."
# 2. "At $\tau = 1$ our best batch of 512 pairs, in 512 dimensions, has a loss of 5.24, at $\tau = 0.1$ it has 0.9. So $\tau = 0.1$ fits better."
# 3. "On fresh pairs with $N = 64$ the expected loss is 0.3. As it is so low, the embeddings share at least 5 nats of information."
#
# Say for each claim whether it follows, and why (not). Say what should have been compared; give the number where you can compute it (1 mark each). Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: does not follow. A row now has 63 negatives, not 511: it is another, easier question (an encoder that knows nothing pays $\ln 64 = 4.2$, not $\ln 512 = 6.2$). Gather the keys (with their gradients), or compare on the same candidates.
# - 1: does not follow. Losses at different temperatures are compared with their floors: at $\tau = 1$ it is $\ln(1 + 511\,e^{-512/511}) = 5.24$, so that batch is perfect; at $\tau = 0.1$ the floor is about 0.02, far below 0.9. Half a mark for the floor of an anchor ($\ln(1 + 511\,e^{-2}) = 4.25$) or for "compare with the floor" without a number.
# - 1: does not follow. The bound is $\ln 64 - 0.3 = 3.86$ nats, and with 64 candidates never more than $\ln 64 = 4.16$; 5 nats take at least 149 candidates. (The information may be 5 nats or more: this does not show it.)
# === END MARK SCHEME ===
# 1. It does not follow. With its own negatives only a row has 64 candidates instead of 512: knowing nothing costs $\ln 64 = 4.2$, no longer $\ln 512 = 6.2$. It is an easier question. Gather the keys of all processes with their gradients, and compare on the same candidates.
#
# 2. It does not follow. At $\tau = 1$ no batch of 512 gets below $\ln(1 + 511 e^{-512/511}) = 5.24$: this one is perfect. At $\tau = 0.1$ the floor is 0.02, and 0.9 is far above it.
#
# 3. It does not follow. InfoNCE certifies $\ln N - \ell = \ln 64 - 0.3 = 3.86$ nats. With 64 candidates it can never certify more than 4.16; 5 nats need at least 149. There may be more information, but this does not prove it.
