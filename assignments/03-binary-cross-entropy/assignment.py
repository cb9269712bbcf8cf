# %% [markdown]
# # Assignment 3: Binary cross-entropy
#
# 20 marks, about 90 minutes. It belongs to chapter 3 of the book; its symbols are used here.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 3 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.)
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. What a step brings, in bits (4 marks)
#
# With a weight $a \ge 0$ on yes and $b \ge 0$ on no, the loss of a logit $z$, measured in bits, is
#
# $$ \ell(z) = -a \log_2 \sigma(z) - b \log_2\bigl(1 - \sigma(z)\bigr). $$
#
# A training step moves the logit from $z$ to $z + s$. Write `change(z, s, a, b)`: by how much the loss changes, $\ell(z + s) - \ell(z)$. All four are arrays of one shape, of any number of axes; return an array of that shape, without a sum or mean.
#
# Logits and steps have either sign and are up to $10^4$ in size. The change must keep its digits however small the step is, and where hardly any loss is left; except near the minimum of $\ell$, where the two parts cancel.
#
# Of use: $\dfrac{1 + e^{z+s}}{1 + e^z} = 1 + \sigma(z)\,(e^s - 1)$.


# %% answer q1
def change(z, s, a, b):
    """The loss after the step less the loss before, in bits, entry by entry."""
    ### BEGIN SOLUTION
    no = rise(z, s)  # of ln(1 + e^z)
    yes = rise(-z, -s)
    return (a * yes + b * no) / np.log(2.0)


def rise(z, s):
    """ln(1 + e^(z + s)) - ln(1 + e^z), as ln(1 + sigma(z) (e^s - 1)) if the step is small."""
    small = np.clip(s, -1.0, 1.0)
    sigma = np.exp(-np.logaddexp(0.0, -z))
    near = np.log1p(sigma * np.expm1(small))
    far = np.logaddexp(0.0, z + s) - np.logaddexp(0.0, z)
    return np.where(abs(s) < 1, near, far)
    ### END SOLUTION


# %% check q1
one, none = np.ones((2, 1)), np.zeros((2, 1))
found = change(np.array([[0.0], [2.0]]), np.array([[2.0], [-2.0]]), one, none)
assert np.shape(found) == (2, 1), "the result must have the shape of z"
assert np.isclose(found[0, 0], -0.8169, atol=1e-4), "1 bit at z = 0 falls to 0.1831 at z = 2"
assert np.isclose(found[1, 0], 0.8169, atol=1e-4), "and back"
found = change(np.zeros(1), np.array([2.0]), np.array([3.0]), np.ones(1))
assert np.isclose(found[0], -0.3821, atol=1e-3), "a = 3, b = 1: 3 times -0.8169, and 2.0685 more"

# %% [markdown]
# ## 2. Back from the loss (3 marks)
#
# A log file holds for each example its label and its loss in bits, $-\log_2 \sigma(z)$ for a yes and $-\log_2(1 - \sigma(z))$ for a no; the logits are lost. Write `recover(loss, y)` for two arrays of one shape, losses $> 0$ and labels 0 or 1. Return two arrays of that shape: the logits $z$, and the derivatives of the losses with respect to $z$, in bits.
#
# Losses may be anything from $10^{-300}$ to 5000 bits. Where $z$ is near 0, an absolute error of $10^{-12}$ is enough.


# %% answer q2
def recover(loss, y):
    """The logits, and the slopes of the losses in bits."""
    ### BEGIN SOLUTION
    nats = loss * np.log(2.0)
    wrong = -np.expm1(-nats)  # the probability of the other label
    z = np.log(wrong) + nats  # of the odds against the label
    side = np.where(y == 1, -1.0, 1.0)
    return side * z, side * wrong / np.log(2.0)
    ### END SOLUTION


# %% check q2
z, slope = recover(np.array([1.0, 2.0, 2.0]), np.array([1, 1, 0]))
assert np.shape(z) == np.shape(slope) == (3,), "two arrays of the shape of loss"
assert np.allclose(z, [0, -np.log(3), np.log(3)]), "two bits: the label had odds of 1 : 3"
assert np.isclose(slope[0], -0.7213, atol=1e-4), "a coin, and the label is yes: -0.7213 bits"
assert np.isclose(slope[2], 1.0820, atol=1e-4), "p = 3/4, and the label is no: 1.0820 bits"

# %% [markdown]
# ## 3. Labels that somebody flipped (3 marks)
#
# Before you got them, each yes was turned into no with probability $m$, each no into yes with probability $f$; $m + f < 1$. The plain loss is $\ell(z, 1) = -\ln \sigma(z)$ for a yes and $\ell(z, 0) = -\ln (1 - \sigma(z))$ for a no. Give two SymPy expressions; any equivalent form is right.
#
# - `timid`: you train with the plain loss on the labels that you got. The logit at which its expected value is smallest, if a clean label is yes with probability $q$; in the symbols `q`, `m`, `f`.
# - `repaired`: there is one pair of functions, $g_1(z)$ for a label that you got as yes and $g_0(z)$ for one that you got as no, whose mean over the flips is the plain loss of the clean label, whichever label that is, at every $z$. The function $g_1$, in the symbols `z`, `m`, `f`.

# %% answer q3
z, q, m, f = sp.symbols("z q m f", real=True)
### BEGIN SOLUTION
seen = (1 - m) * q + f * (1 - q)
timid = sp.log(seen / (1 - seen))
# (1 - m) g1 + m g0 = l1 and f g1 + (1 - f) g0 = l0
yes, no = sp.log(1 + sp.exp(-z)), sp.log(1 + sp.exp(z))
repaired = ((1 - f) * yes - m * no) / (1 - m - f)
### END SOLUTION

# %% check q3
assert isinstance(timid, sp.Expr), "timid must be a SymPy expression"
assert isinstance(repaired, sp.Expr), "repaired must be a SymPy expression"
assert timid.free_symbols <= {q, m, f}, "timid may contain q, m and f only"
assert repaired.free_symbols <= {z, m, f}, "repaired may contain z, m and f only"
clean = repaired.doit().subs({m: 0, f: 0, z: 1.5})
assert abs(clean - sp.log(1 + sp.exp(-1.5))) < 1e-9, "without flips it is the plain loss"

# %% [markdown]
# ## 4. What is wrong with this code? (3 marks)
#
# This runs somewhere in production, in float64, on numbers:
#
# ```python
# def loss_and_gradient(z, y):
#     s = 1 / (1 + np.exp(-z))
#     p = (s + 0.01) / 1.02  # never 0 and never 1
#     loss = -(y * np.log(p) + (1 - y) * np.log(1 - p))
#     outer = (p - y) / (p * (1 - p))
#     return loss, outer * s * (1 - s) / 1.02
# ```
#
# For $y = 1$ assign three numbers:
#
# - `cap`: the value that the loss it returns approaches, and never exceeds, as $z \to -\infty$; four digits or more.
# - `dead`: a logit at which the gradient that it returns is smaller than 0.01 in size, though that of the plain loss $-\ln \sigma(z)$ is larger than 0.99.
# - `strongest`: the logit at which the gradient that it returns is largest in size; four digits or more.

# %% answer q4
### BEGIN SOLUTION
cap, dead = np.log(102), -12.0
best = np.sqrt(0.01**2 + 0.01) - 0.01  # s(1 - s)/(s + 0.01) is largest at this s
strongest = np.log(best / (1 - best))
### END SOLUTION

# %% check q4
assert np.ndim(cap) == np.ndim(dead) == np.ndim(strongest) == 0, "each answer is one number"
assert all(np.isfinite([cap, dead, strongest])), "each answer is finite"

# %% [markdown]
# ## 5. A model trained on a part of the data (3 marks)
#
# Frauds are looked for among payments from $S$ countries. For training, in country $c$ a share `kept_yes[c]` of the frauds was kept and a share `kept_no[c]` of the others, at random, all shares in $(0, 1]$. A model trained on what was kept, which knows the country, gives the logits `z`; `country` holds whole numbers from 0 to $S - 1$. `z` and `country` have shape $(N,)$, the shares have shape $(S,)$.
#
# - `chance(z, country, kept_yes, kept_no)`: the probability of fraud for each payment as it comes in, when nothing is left out; shape $(N,)$.
# - `decide(z, country, kept_yes, kept_no, miss, alarm, human)`: to let a fraud pass costs `miss`, to block an honest payment costs `alarm`, and to ask a human, who is always right, costs `human`; all else is free. Return for each payment the action with the lowest expected cost, as a whole number: 0 to let pass, 1 to block, 2 to ask. Costs are positive numbers, and there are no ties.


# %% answer q5
def chance(z, country, kept_yes, kept_no):
    """The probability of fraud when nothing is left out."""
    ### BEGIN SOLUTION
    shifted = z - np.log(kept_yes / kept_no)[country]
    return np.exp(-np.logaddexp(0.0, -shifted))
    ### END SOLUTION


def decide(z, country, kept_yes, kept_no, miss, alarm, human):
    """0 to let pass, 1 to block, 2 to ask: whatever costs least."""
    ### BEGIN SOLUTION
    p = chance(z, country, kept_yes, kept_no)
    return np.argmin([p * miss, (1 - p) * alarm, human + 0 * p], axis=0)
    ### END SOLUTION


# %% check q5
zeros, home = np.zeros(2), np.array([0, 1])
found = chance(zeros, home, np.array([1.0, 0.5]), np.array([0.1, 0.5]))
assert np.shape(found) == (2,), "one probability for each payment"
assert np.allclose(found, [1 / 11, 1 / 2]), "odds of 1 : 1 were 1 : 10 before; then nothing changes"
logits, nowhere, whole = np.array([-3.0, 0.0, 3.0]), np.zeros(3, dtype=int), np.ones(1)
found = decide(logits, nowhere, whole, whole, 10.0, 10.0, 2.0)
assert np.array_equal(found, [0, 2, 1]), "5% and 95% need no human for 2, one half does"

# %% [markdown]
# ## 6. In your own words (4 marks)
#
# Each example of a large group is a yes with probability 0.2. A colleague trains with a weight $w$ on yes, $\ell = -w\,y \ln \sigma(z) - (1-y) \ln(1 - \sigma(z))$. For this group the model says 0.7, and the group's mean loss stops falling at 1.629.
#
# (a, 2 marks) "It says 0.7 where 20% are yes, and never comes below 1.629. Something is broken." Find $w$, and derive 1.629. Is anything broken, and how does one get 0.2 from the model? (b, 2 marks) "At $z = -8$ with $y = 1$ the squared error of $\sigma(z)$ is only 1 and the cross-entropy is 8. So squared error is the easier one to train." Give both gradients there, say how many times one is stronger and where the difference comes from, and what the losses 1 and 8 prove about training. Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: the expected loss $-0.2w \ln p - 0.8 \ln(1-p)$ is smallest at the odds $w/4$; these are $7/3$, so $w = 28/3 = 9.33$, and the loss is $-1.867 \ln 0.7 - 0.8 \ln 0.3 = 1.629$.
# - 1: nothing is broken: the weight shifts the logit by $\ln w = 2.23$; subtract it (odds of 7/3 become 1/4, so 0.2), or train without a weight.
# - 1: cross-entropy $\sigma - 1 = -0.9997$, squared error $2(\sigma - 1)\sigma(1-\sigma) = -0.00067$: about 1500 times weaker (accept 1400 to 1600).
# - 1: the factor $2\sigma(1-\sigma)$ vanishes where the answer is confidently wrong, so the example hardly moves; the logarithm cancels it. The values prove nothing (other units; a loss times a constant trains the same problem).
# === END MARK SCHEME ===
# (a) In expectation $\ell = -0.2w \ln p - 0.8\ln(1-p)$, with derivative $0.8p - 0.2w(1-p)$ in $z$: zero at odds of $w/4$. Odds of $0.7/0.3 = 7/3$ need $w = 28/3$. There the loss is $-\frac{28}{15} \ln 0.7 - 0.8 \ln 0.3 = 1.629$. Nothing is broken. The weight added $\ln w = 2.23$ to the logit; subtract it, and the odds are 1 : 4, which is 0.2.
#
# (b) Cross-entropy has $\sigma - 1 = -0.9997$, squared error $2(\sigma-1)\,\sigma(1-\sigma) = -0.00067$, 1500 times less. The sigmoid is flat there; the logarithm cancels its slope, the square does not, so the example hardly pulls. The values of two different losses prove nothing about training: they are in different units.
