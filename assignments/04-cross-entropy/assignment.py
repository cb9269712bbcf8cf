# %% [markdown]
# # Assignment 4: Cross-entropy
#
# 20 marks, about 90 minutes. It belongs to chapter 4 of the book; its symbols are used here. Classes count from 0.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 3 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.)
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. Votes (4 marks)
#
# Several people label each picture: $v_k$ of them vote for class $k$. The loss of a picture with the logits $z$ is the mean over its votes, in bits:
#
# $$ \ell = -\frac{1}{\sum_j v_j} \sum_k v_k \log_2 p_k, \qquad p = \operatorname{softmax}(z). $$
#
# Write `vote_loss(z, votes)`, both of shape $(N, K)$; return $\ell$ for each picture, shape $(N,)$.
#
# - Logits may have any size, and losses may be tiny; digits count.
# - A logit of $-\infty$ rules a class out. Without votes for it, it changes nothing; with one, the loss is $\infty$.
# - A picture without votes has the loss 0, even if its logits are nan. Otherwise at least one logit is finite.


# %% answer q1
def vote_loss(z, votes):
    """The mean loss of the votes in bits, one for each picture."""
    ### BEGIN SOLUTION
    count = votes.sum(axis=1)
    z = np.where(count[:, None] > 0, z, 0.0)
    d = z - z.max(axis=1, keepdims=True)
    largest = np.arange(z.shape[1]) == d.argmax(axis=1)[:, None]
    rest = np.where(largest, 0.0, np.exp(d)).sum(axis=1, keepdims=True)
    cost = np.where(votes > 0, np.log1p(rest) - d, 0.0)  # before 0 meets infinity
    return (votes * cost).sum(axis=1) / np.maximum(count, 1) / np.log(2)
    ### END SOLUTION


# %% check q1
found = vote_loss(np.zeros((3, 4)), np.array([[5.0, 0, 0, 0], [2, 1, 1, 3], [0, 0, 0, 0]]))
assert np.shape(found) == (3,), "one number for each picture"
assert np.allclose(found[:2], 2.0), "four equal classes: two bits, however the votes fall"
assert found[2] == 0, "no votes, no loss"
found = vote_loss(np.log([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
assert np.isclose(found[0], 1.2075, atol=1e-4), "the mean of 0.415 and 2 bits"

# %% [markdown]
# ## 2. A report (2 marks)
#
# A language model is tested on $B$ files. Arrays of shape $(B,)$ hold, for each file, the mean `loss` of its tokens in nats, and how many `tokens` and `texts` it has, and its `size` in bytes. A file without tokens has `loss` nan and 0 bytes and texts. One file at least has tokens.
#
# Write `report(loss, tokens, size, texts)`. It returns three numbers for all files together:
#
# - the perplexity per token;
# - bits per byte;
# - the logarithm, base 10, of the perplexity per text: as if each text were one token, whose loss is the sum of those of its tokens. Texts may be long.


# %% answer q2
def report(loss, tokens, size, texts):
    """Perplexity per token, bits per byte, log10 of the perplexity per text."""
    ### BEGIN SOLUTION
    total = np.where(tokens > 0, loss * tokens, 0.0).sum()
    bits = total / np.log(2) / size.sum()
    return np.exp(total / tokens.sum()), bits, total / np.log(10) / texts.sum()
    ### END SOLUTION


# %% check q2
found = report(np.log([2.0, 8.0]), np.array([4.0, 4.0]), np.array([8.0, 8.0]), np.array([1.0, 1.0]))
assert len(found) == 3, "three numbers"
assert np.isclose(found[0], 4.0), "as hard as one of 2, then as one of 8: as one of 4 on the whole"
assert np.isclose(found[1], 1.0), "4 + 12 bits in 16 bytes"
assert np.isclose(found[2], 2.40824, atol=1e-4), "16 bits for 2 texts: a perplexity of 256 each"

# %% [markdown]
# ## 3. Two relatives of the loss (3 marks)
#
# (a) Smooth the labels over the *rivals* alone: the target is $1 - \varepsilon$ for the label and $\varepsilon/(K-1)$ for each of the $K - 1$ others, $0 < \varepsilon < 1$. All rivals have the logit 0, and the label has the logit $u$. (b) Add a multiple $c \ge 0$ of the probability of being wrong: $\ell = -\ln p_y + c\,(1 - p_y)$.
#
# Give three SymPy expressions; any equivalent form is right.
#
# - `gap`: the $u$ at which the loss of (a) is smallest, in the symbols `eps`, `K`.
# - `floor`: the value of the loss there, in nats, in the symbols `eps`, `K`.
# - `slope`: $\partial\ell / \partial z_y$ of (b), in the symbols `p` for $p_y$, and `c`.

# %% answer q3
eps, K, p, c = sp.symbols("eps K p c", positive=True)
### BEGIN SOLUTION
gap = sp.log((1 - eps) * (K - 1) / eps)
floor = -(1 - eps) * sp.log(1 - eps) - eps * sp.log(eps / (K - 1))
slope = (-1 / p - c) * p * (1 - p)
### END SOLUTION

# %% check q3
assert isinstance(gap, sp.Expr), "gap must be a SymPy expression"
assert isinstance(floor, sp.Expr), "floor must be a SymPy expression"
assert isinstance(slope, sp.Expr), "slope must be a SymPy expression"
assert gap.free_symbols <= {eps, K}, "gap may contain eps and K only"
assert floor.free_symbols <= {eps, K}, "floor may contain eps and K only"
assert slope.free_symbols <= {p, c}, "slope may contain p and c only"
assert abs(slope.subs({c: 0, p: 0.3}) + 0.7) < 1e-9, "without c it is the known slope, p - 1"
assert abs(gap.subs({eps: 0.5, K: 2})) < 1e-9, "a target of one half each asks for equal logits"

# %% [markdown]
# ## 4. What is wrong with this code? (3 marks)
#
# ```python
# def softmax(z):
#     e = np.exp(z - z.max(axis=1, keepdims=True))
#     return e / e.sum(axis=1, keepdims=True)
#
# def cross_entropy(z, y):
#     return -np.log(softmax(z)[np.arange(len(y)), y]).mean()
#
# def train_loss(z, y):  # z: the logits of the model
#     return cross_entropy(4 * softmax(z), y)  # times 4: the loss did not fall
# ```
#
# The model is trained on `train_loss`. Assign:
#
# - `lowest`: for 100 classes, the lowest perplexity, $e$ to the `train_loss`, that a run can report; four digits or more.
# - `factor`: for 1000 classes, the factor in place of 4 with which the `train_loss` of perfect logits would be 0.1; four digits or more.
# - `dead`: the two logits `[a, b]` of a picture with label 0, two classes in all, for which the derivative of `train_loss` with respect to $a$ is smaller than $10^{-4}$ in size, though that of `cross_entropy(z, y)` is larger than 0.99.

# %% answer q4
### BEGIN SOLUTION
lowest = 1 + 99 * np.exp(-4)
factor = np.log(999 / np.expm1(0.1))
dead = [0.0, 20.0]
### END SOLUTION

# %% check q4
assert np.ndim(lowest) == np.ndim(factor) == 0, "one number each"
assert lowest > 1 and factor > 4, "no perplexity is below 1; and 4 is not enough"
assert np.shape(dead) == (2,) and np.isfinite(dead).all(), "two finite logits"

# %% [markdown]
# ## 5. The pull of a batch (4 marks)
#
# Write `pull(z, y, w)`: the gradient, with respect to all logits, of the class-weighted mean of the losses $-\ln p_y$ (nats),
#
# $$ L = \frac{\sum_i w_{y_i} \ell_i}{\sum_i w_{y_i}}. $$
#
# - `z` has shape $(N, K)$, finite and of any size; `y` holds $N$ whole numbers, `w` the weights $w_k > 0$ of the $K$ classes. Return an array of shape $(N, K)$.
# - A label of $-1$ is padding: the row counts in neither sum, its logits may be nan, and its gradient is 0. If all rows are padding, everything is 0.
# - Where the answer is right and sure the gradient is tiny, and must keep its digits.


# %% answer q5
def pull(z, y, w):
    """The gradient of the weighted mean loss with respect to the logits."""
    ### BEGIN SOLUTION
    kept = y >= 0
    z = np.where(kept[:, None], z, 0.0)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    own = np.arange(z.shape[1]) == y[:, None]
    rivals = np.where(own, 0.0, p).sum(axis=1, keepdims=True)  # 1 - p_y, without the 1
    weight = np.where(kept, w[y], 0.0)[:, None]
    total = weight.sum()
    return weight * np.where(own, -rivals, p) / (total if total > 0 else 1.0)
    ### END SOLUTION


# %% check q5
found = pull(np.zeros((2, 2)), np.array([0, 1]), np.array([1.0, 3.0]))
assert np.shape(found) == (2, 2), "the result must have the shape of z"
assert np.allclose(found, [[-0.125, 0.125], [0.375, -0.375]]), "a quarter and three quarters of 0.5"
found = pull(np.zeros((2, 2)), np.array([0, -1]), np.array([1.0, 3.0]))
assert np.allclose(found, [[-0.5, 0.5], [0, 0]]), "the second row is padding"

# %% [markdown]
# ## 6. In your own words (4 marks)
#
# (a, 2 marks) On the same text of 1,000,000 bytes, model A has a perplexity of 9 with its 400,000 tokens, model B one of 30 with its 220,000 tokens. "A is better, by far." Judge, with two numbers. (b, 2 marks) In the last epochs a classifier's validation loss rose from 0.31 to 0.52, and its validation accuracy from 90.1% to 90.8%. "One of the two must be computed wrongly." Suppose that pictures judged rightly cost nothing: what does a wrong one cost on average, before and after, and what probability (the geometric mean) does its label get? Explain how both numbers can rise. Which cheap repair lowers the loss without moving a single decision? Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: perplexities of different tokenizers do not compare; bits per byte do.
# - 1: A has $0.4 \log_2 9 = 1.268$, B $0.22 \log_2 30 = 1.080$ bits per byte: B is better.
# - 1: $0.31/0.099 = 3.13$ and $0.52/0.092 = 5.65$ nats, probabilities of 0.044 and 0.0035: a little fewer mistakes, made with far more confidence; the accuracy sees only the order, the loss the sizes.
# - 1: one temperature above 1, fitted on the validation loss: it divides all logits, so the order stays. (Stopping earlier or smoothing is no answer: it moves decisions.)
# === END MARK SCHEME ===
# (a) The token is part of the unit, so these perplexities do not compare. Bits per byte do: A has $400000 \log_2 9 / 10^6 = 1.268$, B $220000 \log_2 30/10^6 = 1.080$. B is better.
#
# (b) A wrong one costs $0.31/0.099 = 3.13$ nats before, $0.52/0.092 = 5.65$ after, so the labels get $e^{-3.13} = 4.4\%$ and $e^{-5.65} = 0.35\%$. There are fewer mistakes, and the model is surer of each: it has grown too sure of everything. Accuracy sees only which class is first, the loss by how much. Divide all logits by one temperature above 1, fitted on the validation pictures: the order, and with it each decision, stays, and the sure mistakes cost less.
