# %% [markdown]
# # Assignment 2: Stable softmax
#
# 20 marks, about 90 minutes. It belongs to chapter 2 of the book; its symbols are used here, and everything is in nats.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone. Put everything an answer needs into its own cell. Only NumPy is at hand there (in question 3 also SymPy).
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. A shelf with stock (4 marks)
#
# A shop recommends one of $K$ products. Product $i$ has the logit $z_i$ and $m_i \ge 0$ copies on the shelf; each copy is as likely as any other of its product, so
#
# $$ p_i = \frac{m_i e^{z_i}}{\sum_j m_j e^{z_j}}. $$
#
# Write `recommend(z, m)` for arrays of shape $(N, K)$, one shelf in each row; return $p$, of the same shape.
#
# - Where $m_i > 0$, the logit is finite, of any size; the rows may lie far apart.
# - A product that is sold out, $m_i = 0$, has $p_i = 0$, whatever its logit holds: a huge number, infinity or nan.
# - An empty shelf, all $m_i = 0$, is a row of zeros.


# %% answer q1
def recommend(z, m):
    """The probability of each product, row by row."""
    ### BEGIN SOLUTION
    there = m > 0
    logits = np.where(there, z, -np.inf)  # before the maximum is taken
    top = logits.max(axis=1, keepdims=True)
    shifted = np.where(there, z - np.where(np.isfinite(top), top, 0.0), -np.inf)
    e = m * np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    return e / np.where(total > 0, total, 1.0)
    ### END SOLUTION


# %% check q1
found = recommend(np.array([[0.0, 0.0], [np.log(2), 0.0]]), np.array([[1.0, 3.0], [2.0, 0.0]]))
assert np.shape(found) == (2, 2), "the result must have the shape of z"
assert np.allclose(found[0], [0.25, 0.75]), "equal logits: in proportion to the stock"
assert np.allclose(found[1], [1.0, 0.0]), "the only product left has probability 1"
found = recommend(np.log([[1.0, 2.0, 3.0]]), np.array([[6.0, 3.0, 2.0]]))
assert np.allclose(found, 1 / 3), "6, 3 and 2 copies of 1, 2 and 3 weigh the same"

# %% [markdown]
# ## 2. Is it a dog at all? (4 marks)
#
# Of the $K$ classes of a model, 120 are breeds of dogs. The probability of a dog is the sum of theirs. Write `log_share(z, chosen)`: for finite logits `z` and booleans `chosen`, both of shape $(N, K)$, return
#
# $$ \ln \sum_{i \text{ chosen}} p_i, \qquad p = \operatorname{softmax}(z), $$
#
# for each row, as an array of shape $(N,)$. It must be right for logits of any size, and keep its digits where the chosen classes have nearly all of the probability. If no class of a row is chosen it is $-\infty$; if all are, it is exactly 0.


# %% answer q2
def log_share(z, chosen):
    """The log-probability that the class is one of those chosen, row by row."""
    ### BEGIN SOLUTION
    d = z - z.max(axis=1, keepdims=True)
    inside = np.logaddexp.reduce(np.where(chosen, d, -np.inf), axis=1)
    outside = np.logaddexp.reduce(np.where(chosen, -np.inf, d), axis=1)
    return -np.logaddexp(0.0, outside - inside)
    ### END SOLUTION


# %% check q2
found = log_share(
    np.zeros((2, 4)), np.array([[True, False, False, False], [True, True, True, False]])
)
assert np.shape(found) == (2,), "one number for each row"
assert np.isclose(found[0], np.log(1 / 4)), "one of four equal classes"
assert np.isclose(found[1], np.log(3 / 4)), "three of four equal classes"

# %% [markdown]
# ## 3. Rewards (3 marks)
#
# One of three actions is drawn from $p = \operatorname{softmax}(z)$, and action $i$ brings the reward $R_i$. So the mean reward is $J = \sum_i p_i R_i$, and the entropy is $H = -\sum_i p_i \ln p_i$. Give three SymPy expressions; any equivalent form is right.
#
# - `reward`: $\partial J / \partial z_1$, in the symbols `z1`, `z2`, `z3`, `R1`, `R2`, `R3`.
# - `spread`: $\partial H / \partial z_1$, in the symbols `z1`, `z2`, `z3`.
# - `largest`: the largest value of $J + \tau H$ that any logits can reach, for a fixed $\tau > 0$, in the symbols `R1`, `R2`, `R3`, `tau`.

# %% answer q3
z1, z2, z3 = sp.symbols("z1 z2 z3", real=True)
R1, R2, R3 = sp.symbols("R1 R2 R3", real=True)
tau = sp.symbols("tau", positive=True)
### BEGIN SOLUTION
total = sp.exp(z1) + sp.exp(z2) + sp.exp(z3)
p1, p2, p3 = (sp.exp(z) / total for z in (z1, z2, z3))
J = p1 * R1 + p2 * R2 + p3 * R3
H = -(p1 * sp.log(p1) + p2 * sp.log(p2) + p3 * sp.log(p3))
reward = p1 * (R1 - J)
spread = -p1 * (sp.log(p1) + H)
largest = tau * sp.log(sp.exp(R1 / tau) + sp.exp(R2 / tau) + sp.exp(R3 / tau))
### END SOLUTION

# %% check q3
assert isinstance(reward, sp.Expr), "reward must be a SymPy expression"
assert isinstance(spread, sp.Expr), "spread must be a SymPy expression"
assert isinstance(largest, sp.Expr), "largest must be a SymPy expression"
assert reward.free_symbols <= {z1, z2, z3, R1, R2, R3}, "reward may contain z and R only"
assert spread.free_symbols <= {z1, z2, z3}, "spread may contain z only"
assert largest.free_symbols <= {R1, R2, R3, tau}, "largest may contain R and tau only"
even = {z1: 0, z2: 0, z3: 0}
assert abs(reward.subs(even).subs({R1: 9, R2: 0, R3: 0}) - 2) < 1e-9, "a third of 9 - 3"
assert abs(sp.N(spread.subs(even))) < 1e-9, "the entropy is largest where all are equal"

# %% [markdown]
# ## 4. What is wrong with this code? (3 marks)
#
# An attention layer computes its weights in float32, one row for each word. `z` and `keep` have the same shape; a score counts where `keep` is True.
#
# ```python
# def weights(z, keep):
#     z = np.asarray(z, dtype=np.float32)
#     z = np.where(keep, z, z - np.float32(1e9))
#     e = np.exp(z - z.max())
#     return e / e.sum(axis=-1, keepdims=True)
# ```
#
# Assign:
#
# - `apart`: scores of shape $(2, 2)$, as a list of two lists, none larger than 200 in size and none masked, for which it returns a nan.
# - `taken`: two scores `[a, b]`, one row of which only $b$ is masked, for which the masked $b$ gets the larger weight.
# - `swallowed`: the largest $x$ for which the scores $(x, 0, 0)$, all three masked, get three equal weights; two digits or more.

# %% answer q4
### BEGIN SOLUTION
apart = [[200.0, 200.0], [0.0, 0.0]]
taken = [0.0, 2e9]
swallowed = 32.0  # float32 numbers near a billion are 64 apart, and a tie goes to the billion
### END SOLUTION

# %% check q4
assert np.shape(apart) == (2, 2) and np.abs(apart).max() <= 200, "two rows of two scores"
assert np.shape(taken) == (2,) and np.isfinite(taken).all(), "two finite scores"
assert np.ndim(swallowed) == 0 and swallowed >= 0, "one number"

# %% [markdown]
# ## 5. As many as you like (3 marks)
#
# $e^{H}$, with $H$ the entropy, is the *effective number* of classes: $k$ for $k$ equally likely ones. Some methods ask for that number and look for the temperature.
#
# Write `temperature_for(z, many)`: for a row `z` of shape $(K,)$, the temperature $\tau$ at which the effective number of $\operatorname{softmax}(z/\tau)$ is `many`, as one number, right to a millionth of itself.
#
# There is exactly one: `many` is less than $K$ and more than the number of logits that share the maximum. The logits may lie anywhere and have any scale; $\tau$ is promised to be between $10^{-3}$ and $10^{3}$ times the difference of the largest and the smallest.


# %% answer q5
def temperature_for(z, many):
    """The temperature at which the effective number of classes is many."""
    ### BEGIN SOLUTION
    d = z - z.max()
    low, high = -1e-3 * d.min(), -1e3 * d.min()
    for _ in range(100):  # the entropy rises with the temperature: halve the interval
        middle = np.sqrt(low * high)
        e = np.exp(d / middle)
        p = e / e.sum()
        entropy = np.log(e.sum()) - p @ d / middle
        low, high = (middle, high) if entropy < np.log(many) else (low, middle)
    return middle
    ### END SOLUTION


# %% check q5
# two logits, 2 apart: at the temperature 2/ln 3 they have 3/4 and 1/4
number = np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
found = temperature_for(np.array([2.0, 0.0]), number)
assert np.ndim(found) == 0, "one number"
assert np.isclose(found, 2 / np.log(3), rtol=1e-5), "3/4 and 1/4 need a temperature of 2/ln 3"

# %% [markdown]
# ## 6. In your own words (3 marks)
#
# A chatbot samples each word at $\tau = 0.7$ from the nucleus that holds 0.9 of the probability. (a) "Let us classify emails with it at $\tau = 0.1$, taking the most probable label: that will be more accurate." Is it? And if the label is sampled? (b) For more variety a colleague sets $\tau = 1.3$ and leaves the 0.9 as it is. What happens to the nucleus, and what would have happened to a cut at the 50 most probable words? Use at most 120 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: the temperature keeps the order, so the most probable label and the accuracy are the same at any $\tau$.
# - 1: a sampled label is more often the most probable one at a low $\tau$: more accurate if that one is right more often than the others (at most as accurate as always taking it).
# - 1: heat flattens the distribution, so 0.9 takes many more words, possibly most of the vocabulary: the two must be tuned together; the 50 most probable words would stay the same 50 (and hold less).
# === END MARK SCHEME ===
# (a) No: dividing all logits by one number keeps their order, so the most probable label stays, and so does the accuracy. A sampled label is the most probable one more often when it is cold, so the accuracy rises toward that of always taking it, if that label is right more often than the others.
#
# (b) Heat moves probability from the likely words to the unlikely ones, so many more words are needed for 0.9; the nucleus may swallow most of the vocabulary. The 50 most probable words would be the same 50, holding less. Tune both together.
