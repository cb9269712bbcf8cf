# %% [markdown]
# # Assignment 2: Stable softmax
#
# 20 marks, about 90 minutes. It belongs to chapter 2 of the book; its symbols are used here, and everything is in nats.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 3 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.)
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
# Of the $K$ classes of a model, some are breeds of dogs. The probability of a dog is the sum of theirs. Write `log_share(z, chosen)`: for finite logits `z` and booleans `chosen`, both of shape $(N, K)$, return
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
# One of three actions is drawn from the probabilities $p$, and action $i$ brings the reward $R_i$. So the mean reward is $J = \sum_i p_i R_i$, and the entropy is $H = -\sum_i p_i \ln p_i$. Give three SymPy expressions; any equivalent form is right.
#
# - `steady`: $p = \operatorname{softmax}(z)$. The logit $z_1$ grows at the rate 1, and $z_3$ stays. The rate at which $z_2$ must change so that $J$ stays what it is, in the symbols `z1`, `z2`, `z3`, `R1`, `R2`, `R3`.
# - `largest`: now any $p$ is allowed in which the third action has the probability $c$, $0 < c < 1$. The largest value of $J + \tau H$, for a fixed $\tau > 0$, in the symbols `R1`, `R2`, `R3`, `tau`, `c`.
# - `level`: the reward $R_3$ for which the demand that $p_3$ be $c$ costs nothing, because the best $p$ of all meets it; in the symbols `R1`, `R2`, `tau`, `c`.
#
# Hint: write $p = \bigl((1-c)\,u,\ (1-c)(1-u),\ c\bigr)$. Then $H$ is the entropy of $(c, 1-c)$, and $1-c$ times that of $(u, 1-u)$.

# %% answer q3
z1, z2, z3 = sp.symbols("z1 z2 z3", real=True)
R1, R2, R3 = sp.symbols("R1 R2 R3", real=True)
tau, c = sp.symbols("tau c", positive=True)
### BEGIN SOLUTION
total = sp.exp(z1) + sp.exp(z2) + sp.exp(z3)
p1, p2, p3 = (sp.exp(z) / total for z in (z1, z2, z3))
J = p1 * R1 + p2 * R2 + p3 * R3
steady = -p1 * (R1 - J) / (p2 * (R2 - J))
pair = tau * sp.log(sp.exp(R1 / tau) + sp.exp(R2 / tau))  # the best of two actions
largest = c * R3 + (1 - c) * pair - tau * (c * sp.log(c) + (1 - c) * sp.log(1 - c))
level = pair + tau * sp.log(c / (1 - c))
### END SOLUTION

# %% check q3
assert isinstance(steady, sp.Expr), "steady must be a SymPy expression"
assert isinstance(largest, sp.Expr), "largest must be a SymPy expression"
assert isinstance(level, sp.Expr), "level must be a SymPy expression"
assert steady.free_symbols <= {z1, z2, z3, R1, R2, R3}, "steady may contain z and R only"
assert largest.free_symbols <= {R1, R2, R3, tau, c}, "largest may contain R, tau and c only"
assert level.free_symbols <= {R1, R2, tau, c}, "level may contain R1, R2, tau and c only"
found = steady.doit().subs({z1: 0, z2: 0, z3: 0, R1: 3, R2: -3, R3: 0})
assert abs(sp.N(found) - 1) < 1e-9, "gain and loss are alike, so both logits rise at the same rate"
found = largest.doit().subs({R1: 0, R2: 0, R3: 0, tau: 1, c: sp.Rational(1, 3)})
assert abs(sp.N(found) - sp.log(3).n()) < 1e-9, "no rewards: the entropy of three equal chances"

# %% [markdown]
# ## 4. What is wrong with this code? (3 marks)
#
# An attention layer computes its weights in float32, one row for each word. `z` and `keep` have the same shape; a score counts where `keep` is True.
#
# ```python
# def weights(z, keep):
#     z = np.asarray(z, dtype=np.float32)
#     z = np.where(keep, z, z - np.float32(1e5))
#     e = np.exp(z - z.max())
#     return e / e.sum(axis=-1, keepdims=True)
# ```
#
# Assign:
#
# - `apart`: scores of shape $(2, 2)$, as a list of two lists, none larger than 200 in size and none masked, for which it returns a nan.
# - `taken`: two scores `[a, b]`, one row of which only $b$ is masked, for which the masked $b$ gets the larger weight.
# - `swallowed`: the largest $x$ for which the scores $(x, 0, 0)$, all three masked, get three equal weights; three digits or more.

# %% answer q4
### BEGIN SOLUTION
apart = [[200.0, 200.0], [0.0, 0.0]]
taken = [0.0, 2e5]
swallowed = 2.0**-8  # float32 numbers near 1e5 are 2^-7 apart, and a tie goes to 1e5
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
# There is exactly one: `many` is less than $K$ and more than the number of logits that share the maximum. The logits may lie anywhere and have any scale; $\tau$ is promised to be between $10^{-3}$ and $10^{3}$ times the difference of the largest and the smallest logit.


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
# (a, 2 marks) Two models judge a picture. Ann averages their logits and takes the softmax; Bob takes both softmaxes and averages the probabilities. "The same, since only differences of logits count," says Ann. Show with logits of your choice, for two classes, that it is not the same. And what becomes of Ann's result, and of Bob's, if the first model's logits are all raised by 5? (b, 1 mark) A chatbot uses $\tau = 0.5$. One library drops the words that have less than a tenth of the probability of the likeliest word, and then divides the logits by $\tau$; another divides first. Which of them keeps more words, or is it the same, and why? With what in place of a tenth does the second keep the words that the first keeps? Use at most 120 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: an example with both results in numbers, right, such as $(4, 0)$ and $(-2, 0)$: Ann 0.731, Bob 0.551 for the first class.
# - 1: neither changes, with a reason: the first softmax is the same (Bob); all averaged logits rise by 2.5, so the differences stay (Ann).
# - 1: cutting first keeps more words (or as many): dividing by 0.5 squares each ratio to the likeliest word, so after it fewer reach a tenth. With a hundredth, $0.1^2$, they keep the same.
# === END MARK SCHEME ===
# (a) Logits $(4, 0)$ and $(-2, 0)$: Ann takes the softmax of $(1, 0)$, 0.731 for the first class. Bob averages 0.982 and 0.119 and gets 0.551. Ann's logit is a mean, Bob's probability is, and the sigmoid is curved. Raised by 5, the first model's softmax is as before, so is Bob's mean; Ann's logits all rise by 2.5, their differences stay. Nothing changes.
#
# (b) The ratio of a word to the likeliest is $e^{-d}$, with $d$ the difference of their logits. Dividing by 0.5 doubles $d$ and squares the ratio, so fewer reach a tenth: who cuts first keeps more, or as many. The second keeps the same words with $0.1^2 = 0.01$.
