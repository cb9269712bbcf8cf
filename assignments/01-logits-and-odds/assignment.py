# %% [markdown]
# # Assignment 1: Logits and odds
#
# 20 marks, about 90 minutes. It belongs to chapter 1 of the book; its symbols are used here, and logarithms without a base are natural.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 3 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.)
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. What the tests say together (3 marks)
#
# $N$ patients may take $T$ tests for one illness. Test $j$ gives an alarm with probability $h_j$ if the patient is ill, and with probability $f_j$ if not. The tests are independent given that the patient is ill, and also given that not.
#
# Write `weigh(prior, results, hit, false)`. It returns, as an array of shape $(N,)$, the log-odds of being ill after the tests, in *decibans*: $10 \log_{10}$ of the odds.
#
# - `prior`, shape $(N,)$: the log-odds before the tests, in nats; up to $10^6$ in size.
# - `results`, shape $(N, T)$: 1 for an alarm, 0 for none, nan for a test not taken. A patient may have taken none.
# - `hit` and `false`, shape $(T,)$: the $h_j$ with $0 < h_j \le 1$, and the $f_j$ with $0 < f_j < 1$. A test with $h_j = 1$ that gives no alarm rules the illness out: the log-odds are $-\infty$.
#
# There may be hundreds of tests.


# %% answer q1
def weigh(prior, results, hit, false):
    """The log-odds after the tests, in decibans, one for each patient."""
    ### BEGIN SOLUTION
    with np.errstate(divide="ignore"):  # h = 1: no alarm is worth minus infinity
        alarm, quiet = np.log(hit / false), np.log((1 - hit) / (1 - false))
    terms = np.where(results == 1, alarm, np.where(results == 0, quiet, 0.0))
    return 10 / np.log(10) * (prior + terms.sum(axis=1))
    ### END SOLUTION


# %% check q1
hit, false = np.array([0.8, 0.5]), np.array([0.08, 0.4])
found = weigh(np.zeros(3), np.array([[1, np.nan], [0, np.nan], [np.nan, 1]]), hit, false)
assert np.shape(found) == (3,), "one number for each patient"
assert np.isclose(found[0], 10.0), "even odds, then an alarm ten times likelier if ill: 10 decibans"
assert np.isclose(found[1], -6.6276, atol=1e-3), (
    "no alarm: odds of 0.2/0.92, which is -6.63 decibans"
)
assert np.isclose(found[2], 0.9691, atol=1e-3), "a ratio of 1.25 is worth 0.97 decibans"

# %% [markdown]
# ## 2. At least one of many (3 marks)
#
# Each of $n$ disks fails this year with log-odds $z$, independently of the others. Write `at_least_one(z, n)`: the log-odds, in nats, that at least one of them fails. `z` is an array of any number of axes and `n` a whole number from 1 to $10^6$; return an array of the shape of `z`.
#
# It must be right for logits from $-700$ to 5000: log-odds in, log-odds out, and finite every time. Where the result is near 0, an absolute error of $10^{-12}$ is enough.


# %% answer q2
def at_least_one(z, n):
    """The log-odds that at least one of n fails, entry by entry."""
    ### BEGIN SOLUTION
    none = -n * np.logaddexp(0.0, z)  # the log-probability that none fails
    small = np.maximum(none, -np.log(2.0))
    large = np.minimum(none, -np.log(2.0))
    some = np.where(none > -np.log(2.0), np.log(-np.expm1(small)), np.log1p(-np.exp(large)))
    return some - none
    ### END SOLUTION


# %% check q2
found = at_least_one(np.array([0.0, -3.0]), 2)
assert np.shape(found) == (2,), "the result must have the shape of z"
assert np.isclose(found[0], np.log(3)), "two coins: at least one head has odds of 3"
assert np.shape(at_least_one(np.zeros((3, 1)), 2)) == (3, 1), "z may have any number of axes"
assert np.allclose(at_least_one(np.array([-2.5, 1.5]), 1), [-2.5, 1.5]), "one disk: nothing changes"

# %% [markdown]
# ## 3. Another canonical pair (3 marks)
#
# You count how many emails arrive before the next spam. If each is spam with probability $p$, independently, the count is $y = 0, 1, 2, \dots$ with probability
#
# $$ P(y) = p\,(1-p)^y = e^{y z - A(z)}, $$
#
# an exponential family with $h(y) = 1$ and a natural parameter $z$, which is not the logit. Give three SymPy expressions; any equivalent form is right.
#
# - `natural`: $z$, in the symbol `p`.
# - `A`: $A(z)$, in the symbol `z`.
# - `gradient`: the derivative of $-\ln P(y)$ with respect to $z$, in the symbols `z` and `y`.

# %% answer q3
p, z, y = sp.symbols("p z y", real=True)
### BEGIN SOLUTION
natural = sp.log(1 - p)
A = -sp.log(1 - sp.exp(z))
gradient = sp.diff(A, z) - y
### END SOLUTION

# %% check q3
assert isinstance(natural, sp.Expr), "natural must be a SymPy expression"
assert isinstance(A, sp.Expr), "A must be a SymPy expression"
assert isinstance(gradient, sp.Expr), "gradient must be a SymPy expression"
assert natural.free_symbols <= {p}, "natural may contain p only"
assert A.free_symbols <= {z}, "A may contain z only"
assert gradient.free_symbols <= {z, y}, "gradient may contain z and y only"
log_of_nothing = -A.subs(z, natural.subs(p, 0.25))
assert abs(log_of_nothing - sp.log(0.25)) < 1e-9, "at y = 0, P(y) is p"

# %% [markdown]
# ## 4. What is wrong with this code? (4 marks)
#
# A service keeps probabilities and forgets the logits, in float64:
#
# ```python
# def stored(z):
#     p = 1 / (1 + np.exp(-z))
#     back = np.log(p / (1 - p))
#     return p, back
# ```
#
# Assign three numbers:
#
# - `off`: a logit $z$ below 36 for which `back` differs from $z$ by more than 0.01, though $0 < p < 1$.
# - `coarse`: to save space somebody computes $p$ in a format whose numbers have 4 significant bits. Take $e^{-z}$ as exact; the sum $1 + e^{-z}$ is rounded to the nearest number of the format, and so is $p$, the quotient. The largest $p$ below 1 that can come out, exactly.
# - `lowest`: in float64 again, the lowest finite number that `back` can be, whatever $z$ is; four digits or more.

# %% answer q4
### BEGIN SOLUTION
off = 35.0
coarse = 7 / 8  # after 1 comes 9/8; 8/9 lies between 14/16 and 15/16, nearer to 14/16
lowest = -np.log(np.finfo(float).max)  # e^-z is the largest float; beyond, p is 0
### END SOLUTION

# %% check q4
assert np.ndim(off) == np.ndim(coarse) == np.ndim(lowest) == 0, "each answer is one number"
assert all(np.isfinite([off, coarse, lowest])), "each answer is finite"
assert 0.5 < coarse < 1, "coarse is a probability below 1"

# %% [markdown]
# ## 5. An audit (3 marks)
#
# A model gave the logits `z`, and the events came out as `y`, 0 or 1, both of shape $(N,)$. If the model is calibrated and the events are independent, the number of yeses in a group has the mean $\sum_i \sigma(z_i)$ and the variance $\sum_i \sigma(z_i)\,\sigma(-z_i)$, summed over the group.
#
# Write `audit(z, y, edges)`. `edges` are $K + 1$ increasing logits. Bin $k$ holds the examples with $\mathtt{edges}_k \le z_i < \mathtt{edges}_{k+1}$; examples in no bin are left out. Return three arrays of shape $(K,)$:
#
# - the number of examples in each bin;
# - the expected number of yeses, 0 in an empty bin;
# - the surprise: yeses less their expected number, divided by the standard deviation; nan in an empty bin.
#
# Logits may be anything up to 500 in size. In a bin of very sure predictions the surprise may be tiny, or huge; it must keep its digits.


# %% answer q5
def audit(z, y, edges):
    """Counts, expected yeses and surprises, one of each for each bin."""
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z)))  # the improbable side
    yes = np.where(z > 0, 1 / (1 + np.exp(-np.abs(z))), small)
    no = np.where(z > 0, small, 1 / (1 + np.exp(-np.abs(z))))
    inside = (edges[:-1, None] <= z) & (z < edges[1:, None])
    count, expected = inside.sum(axis=1), inside @ yes
    above = inside @ np.where(y == 1, no, -yes)  # y - p, without forming 1 - p
    with np.errstate(invalid="ignore"):
        return count, expected, above / np.sqrt(inside @ (yes * no))
    ### END SOLUTION


# %% check q5
count, expected, surprise = audit(np.zeros(4), np.array([1, 1, 1, 0]), np.array([-1.0, 1.0, 2.0]))
assert np.array_equal(count, [4, 0]), "all four lie in the first bin"
assert np.allclose(expected, [2, 0]), "four coins: two yeses are expected"
assert np.isclose(surprise[0], 1.0), "three yeses are one standard deviation too many"
assert np.isnan(surprise[1]), "an empty bin has no surprise"

# %% [markdown]
# ## 6. In your own words (4 marks)
#
# (a, 2 marks) Untreated, 20% of the men and 80% of the women recover. The drug multiplies the odds by 4 in both groups. In the trial half of the patients are men, with the drug and without. "So over all patients the odds ratio is 4 as well." Compute it to two decimals, and say what makes it differ. (Hint: average the probabilities.) (b, 2 marks) One filter saves the probability of spam as a float32, another as text with six decimals (`0.123457`). From which of the two files can one still distinguish the thousand surest spams, and the thousand surest non-spams? Say for each of the four from about which logit on all saved values are equal, if they are before $\pm 80$, and what both filters should save. Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: men: odds of 1/4 become 1, so 0.5; women: 4 become 16, so $16/17 = 0.941$. Over all: 0.5 becomes 0.721, odds of 1 become 2.58: the odds ratio is 2.58.
# - 1: probabilities are averaged, and odds (or log-odds) are no average of those of the groups: the sigmoid is curved. No mark for "bias" or "confounding": the groups are the same in both arms.
# - 1: float32: spams fail, from about 17 on, where $p$ rounds to 1 (accept 16 to 18); non-spams do not: small numbers keep their digits (to about $-87$).
# - 1: six decimals: both fail, from about 14.5 on (accept 14 to 15) on either side, where all read 0.000000 or 1.000000; save the logit.
# === END MARK SCHEME ===
# (a) Men go from odds of 1/4 to 1, a probability of 0.5; women from 4 to 16, so $16/17 = 0.941$. Over all, $(0.2 + 0.8)/2 = 0.5$ becomes $(0.5 + 0.941)/2 = 0.721$, and odds of 1 become 2.58. What is averaged over patients is the probability, and the sigmoid is curved: the same shift of each log-odds is another, smaller shift of the log-odds of the mean. Nobody made a mistake.
#
# (b) Float32, spams: fail from about 17 on, next to 1 its numbers are $2^{-24}$ apart. Float32, non-spams: fine, small numbers keep their digits. Text: both fail from about 14.5 on, where $p$ or $1-p$ is below half of $10^{-6}$. Save the logit.
