# %% [markdown]
# # Assignment 7: Ranking
#
# 20 marks, about 90 minutes. It belongs to chapter 7 of the book; its symbols are used here: $s$ is a score, $r$ a relevance, $\delta$ a lead.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 4 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.)
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. AUC for grades (3 marks)
#
# AUC knows only 0 and 1. For graded relevance, let $\mathcal P$ be the pairs of items of a list with $r_i > r_j$, and let a pair count by how far its grades are apart:
#
# $$ A = \frac{\sum_{(i,j) \in \mathcal P} (r_i - r_j)\, c_{ij}}{\sum_{(i,j) \in \mathcal P} (r_i - r_j)}, \qquad c_{ij} = \begin{cases} 1 & s_i > s_j \\ \tfrac12 & s_i = s_j \\ 0 & s_i < s_j. \end{cases} $$
#
# Write `graded_auc(s, r, real)` for one list: three arrays of shape (K,). `real` is boolean, and False for an item that only pads the list; its score and relevance may be anything, also nan. Scores of real items may be infinite (a rule put the item first or last), and equal infinite scores are tied. Return one number; nan if no pair is left to judge by.


# %% answer q1
def graded_auc(s, r, real):
    """The share of pairs in the right order, weighted by the difference of grades."""
    ### BEGIN SOLUTION
    s, r = s[real], r[real]
    weight = np.maximum(r[:, None] - r[None, :], 0.0)
    count = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    return (weight * count).sum() / weight.sum() if weight.sum() > 0 else np.nan
    ### END SOLUTION


# %% check q1
everything = np.ones(3, bool)
found = graded_auc(np.array([3.0, 1.0, 2.0]), np.array([2.0, 1.0, 0.0]), everything)
assert np.ndim(found) == 0, "the result is one number"
assert np.isclose(found, 0.75), "weights 1, 2 and 1, of which one 1 is in the wrong order: 3/4"
assert graded_auc(np.zeros(3), np.array([2.0, 1.0, 0.0]), everything) == 0.5, "all tied: a half"
two = np.array([True, True, False])
assert graded_auc(np.array([3.0, 1.0, 9.0]), np.array([1.0, 0.0, 0.0]), two) == 1, "two are real"

# %% [markdown]
# ## 2. A margin that grows with the grade (4 marks)
#
# An item that is three grades better should lead by more than one that is a single grade better. So each pair asks for its own margin, and the loss of one list is the mean over its pairs $\mathcal P$ (those with $r_i > r_j$):
#
# $$ L = \frac{1}{|\mathcal P|} \sum_{(i, j) \in \mathcal P} \ln\Bigl(1 + e^{\,m\,(r_i - r_j)\, -\, (s_i - s_j)}\Bigr) . $$
#
# Write `margins(s, r, m)` for float64 arrays `s`, `r` of shape (K,) and a number `m` ≥ 0. Return the pair of the loss, a number, and its gradient for `s`, of shape (K,). Scores are finite, of any size up to $10^{300}$. Where all pairs are in order by a wide lead, loss and gradient are tiny and must keep their digits. A list with nothing to put in order has loss 0 and gradient 0.


# %% answer q2
def margins(s, r, m):
    """The loss of a list, and its gradient for the scores."""
    ### BEGIN SOLUTION
    i, j = np.nonzero(r[:, None] > r[None, :])
    gradient = np.zeros(len(s))
    if len(i) == 0:
        return 0.0, gradient
    missing = m * (r[i] - r[j]) - (s[i] - s[j])
    small = np.exp(-np.abs(missing))
    loss = np.maximum(missing, 0.0) + np.log1p(small)
    push = np.where(missing > 0, 1.0, small) / (1 + small) / len(i)
    np.add.at(gradient, i, -push)
    np.add.at(gradient, j, push)
    return loss.mean(), gradient
    ### END SOLUTION


# %% check q2
loss, gradient = margins(np.array([1.0, 0.0]), np.array([2.0, 0.0]), 0.5)
assert np.ndim(loss) == 0 and np.shape(gradient) == (2,), "a number, and an array like s"
assert np.isclose(loss, np.log(2)), "a lead of 1 where 0.5 * 2 is asked for: ln 2"
assert np.allclose(gradient, [-0.5, 0.5]), "and each score is pushed by one half"
loss, _ = margins(np.array([0.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]), 2.0)
assert np.isclose(loss, 2.1269, atol=1e-4), "two pairs of ln(1 + e^2) = 2.1269 each: their mean"

# %% [markdown]
# ## 3. Expected clicks on a page (4 marks)
#
# A page shows items by falling score. Place $k$ (counted from 0) is looked at with probability `look[k]`; places beyond the end of `look` are not looked at. If a reader looks at item $i$, they click it with probability `gain[i]`. Items of equal score are shown in random order, all orders alike.
#
# Write `clicks(s, gain, look)`: the expected number of clicks on the page, divided by the largest number that any order of the items could have. `s` and `gain` have shape (K,), `look` has shape (n,), with n smaller than, equal to or larger than K; `look` never rises. Return one number; nan if no order would have any clicks. It has to be exact: no drawing of random orders. K may be 50, so nor can all orders be tried.


# %% answer q3
def clicks(s, gain, look):
    """Expected clicks, relative to the best order; ties in random order."""
    ### BEGIN SOLUTION
    seen = np.zeros(len(s))
    seen[: len(look)] = look[: len(s)]
    best = np.sort(gain)[::-1] @ seen
    if best == 0:
        return np.nan
    ahead = (s[None, :] > s[:, None]).sum(axis=1)
    tied = (s[None, :] == s[:, None]).sum(axis=1)
    share = [seen[a : a + t].mean() for a, t in zip(ahead, tied, strict=True)]
    return gain @ np.array(share) / best
    ### END SOLUTION


# %% check q3
look, gain = np.array([1.0, 0.5, 0.25]), np.array([0.0, 0.4, 0.0])
assert np.ndim(clicks(np.array([2.0, 1.0, 0.0]), gain, look)) == 0, "the result is one number"
assert np.isclose(clicks(np.array([2.0, 1.0, 0.0]), gain, look), 0.5), "second of three: 0.5 / 1"
assert np.isclose(clicks(np.zeros(3), gain, look), 1.75 / 3), "all tied: the mean of look"
assert np.isclose(clicks(np.zeros(3), gain, look[:1]), 1 / 3), "one place that is looked at"

# %% [markdown]
# ## 4. Chess has draws (3 marks)
#
# Bradley and Terry's model has no draws. R. R. Davidson's does: with the lead $\delta = s_1 - s_2$ and a number $\nu > 0$ that says how common draws are,
#
# $$ P(\text{1 wins}) = \frac{e^{\delta/2}}{D}, \qquad P(\text{2 wins}) = \frac{e^{-\delta/2}}{D}, \qquad P(\text{draw}) = \frac{\nu}{D}, \qquad D = e^{\delta/2} + e^{-\delta/2} + \nu . $$
#
# After $a > 0$ wins of player 1, $b > 0$ wins of player 2 and $t > 0$ draws, the loss is $\ell$, the negative logarithm of the likelihood of these results. Give three SymPy expressions; any equivalent form is right.
#
# - `slope`: $\partial\ell/\partial\delta$, in the symbols `delta`, `nu`, `a`, `b`, `t`.
# - `lead` and `draws`: the $\delta$ and the $\nu$ at which the loss is smallest if *both* are free, in the symbols `a`, `b`, `t`.

# %% answer q4
delta = sp.symbols("delta", real=True)
nu, a, b, t = sp.symbols("nu a b t", positive=True)
### BEGIN SOLUTION
up, down = sp.exp(delta / 2), sp.exp(-delta / 2)
slope = (b - a) / 2 + (a + b + t) * (up - down) / (up + down + nu) / 2
lead = sp.log(a / b)  # two numbers fit two shares exactly: P(1 wins) : P(2 wins) = a : b,
draws = t / sp.sqrt(a * b)  # and P(draw)^2 : P(1 wins) P(2 wins) = nu^2
### END SOLUTION

# %% check q4
for answer, may in ((slope, {delta, nu, a, b, t}), (lead, {a, b, t}), (draws, {a, b, t})):
    assert isinstance(answer, sp.Expr), "each answer must be a SymPy expression"
    assert answer.free_symbols <= may, f"it may contain {may} only"
even = {delta: 0.0, nu: 1.0, a: 3.0, b: 3.0, t: 2.0}
assert abs(slope.doit().subs(even)) < 1e-9, "as many wins as losses at a lead of 0: no slope"
assert abs(lead.doit().subs({a: 3.0, b: 3.0, t: 2.0})) < 1e-9, "as many wins: no lead"

# %% [markdown]
# ## 5. What is wrong with this code? (3 marks)
#
# A team trains on the first function and reports the second. Arrays of the second have shape (queries, items).
#
# ```python
# def loss(leads):
#     return np.mean(np.log1p(np.exp(-leads)))
#
# def mean_ndcg(scores, relevance):
#     order = np.argsort(scores, axis=1, kind="stable")[:, ::-1]
#     ranked = np.take_along_axis(relevance, order, axis=1)
#     discount = 1 / np.log2(np.arange(2, 2 + scores.shape[1]))
#     best = -np.sort(-relevance, axis=1) @ discount
#     return np.mean((ranked @ discount) / np.maximum(best, 1e-9))
# ```
#
# - `silent`: a list of four relevances, each 0 or 1, of one query. A model that gives all four items the score 0 gets a `mean_ndcg` of 1, though the average over all orders of the four is below 0.8.
# - `empty`: of 40 queries (relevances 0 or 1) 10 have no relevant item. In all others the model puts the relevant items first. Assign what `mean_ndcg` returns; four digits or more.
# - `after`: three queries have one right and one wrong answer each, and leads of $-0.1$, $-0.1$, $-0.1$. Find three leads after an update, as a list, all between $-4$ and 4, such that `loss` at least doubles, though two leads are now positive and only one is negative.

# %% answer q5
### BEGIN SOLUTION
silent, empty, after = [0, 0, 0, 1], 0.75, [0.5, 0.5, -4.0]
### END SOLUTION

# %% check q5
assert np.shape(silent) == (4,) and set(silent) <= {0, 1}, "silent: four relevances, 0 or 1"
assert np.ndim(empty) == 0 and np.isfinite(empty), "empty is one number"
assert np.shape(after) == (3,) and max(np.abs(after)) <= 4, "after: three leads from -4 to 4"
assert sorted(np.sign(after)) == [-1, 1, 1], "two leads are positive, one is negative"

# %% [markdown]
# ## 6. In your own words (3 marks)
#
# Two chess leagues, north and south, never play each other. One score for each player is trained with the pairwise logistic loss on all games of the season; there were no draws. Two plans: "Whoever has a score above 2 may go to the finals", and "Ann, first in the north, has 5.1, the first in the south only 4.6, so Ann is the stronger". And a worry: Ann has won every game, and her score has been growing since the first epoch, while the loss falls and falls.
#
# (a) What is wrong with both plans? Name a change of the scores that proves it. (b) Why does Ann's score grow? At which lead would it have come to rest if she had played one opponent only, and won 24 games of 30? (c) Which further games would make the two leagues comparable, and what would you add to the loss so that Ann's score comes to rest? Each part is worth 1 mark. Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: only leads between players who are connected by games are trained; adding any number to all scores of one league changes no lead that was played, so no loss. It moves players across the threshold, and the south past Ann. Half a mark without the change.
# - 1: $-\ln\sigma(\delta)$ has no minimum at a finite lead if one side always wins; the force $\sigma(-\delta)$ fades and never ends. With 24 of 30 the lead rests at $\ln(24/6) = \ln 4 = 1.386$. Half a mark for each.
# - 1: games between the leagues, with wins on both sides (or a cycle of them: if one league wins all, the shift grows without end as Ann does); and a penalty on the size of the scores (or half a win and half a loss for each pair, a prior). Half a mark for each; games between the leagues are enough for the first. "Stop early" is no answer to the second: it decides where Ann stands by chance.
# === END MARK SCHEME ===
# (a) The loss sees only leads between players who met, and so within a league. Add $c$ to all scores of the south: no lead that was played changes, so no loss does, but players pass the threshold, and the first of the south passes Ann. The data say nothing about $c$.
#
# (b) For $a$ wins and $b$ losses the best lead is $\ln(a/b)$. With $b = 0$ it is infinite: the loss falls for any larger lead, and the force $\sigma(-\delta)$ fades but never ends. With 24 wins of 30 it rests at $\ln(24/6) = 1.386$.
#
# (c) Games between north and south in which both sides win some; if one side won all, $c$ would grow as Ann's score does. And a penalty $\frac\alpha2 \sum_i s_i^2$: then the sum has a minimum at a finite score, also for Ann.
