# %% [markdown]
# # Assignment 6: Regression losses
#
# 20 marks, about 90 minutes. It belongs to chapter 6 of the book; its symbols are used here, with the error $e = \hat y - y$.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone. Put everything an answer needs into its own cell. Only NumPy is at hand there (in question 4 also SymPy).
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. Log-cosh with a bound (4 marks)
#
# Log-cosh imitates Huber's loss with $\delta = 1$ only. For another bound it has to be scaled:
#
# $$ \rho(e) = \delta^2 \ln\cosh\frac e\delta . $$
#
# Write `smooth(yhat, y, delta)` for float64 arrays `yhat` and `y` and a number `delta` > 0. Return two arrays of the shape of `yhat`: the loss $\rho(e)$ and its pull $\psi(e) = \rho'(e)$, entry by entry. Both must keep their digits for errors of any size: as good as zero, or thousands of times `delta`. If the shapes of `yhat` and `y` differ, raise a `ValueError`, even where NumPy would broadcast.


# %% answer q1
def smooth(yhat, y, delta):
    """The scaled log-cosh loss of each entry, and its pull."""
    ### BEGIN SOLUTION
    if np.shape(yhat) != np.shape(y):
        raise ValueError(f"shapes {np.shape(yhat)} and {np.shape(y)}")
    u = (yhat - y) / delta
    size = np.abs(u)
    near = np.log1p(2 * np.sinh(np.minimum(size, 20.0) / 2) ** 2)
    loss = np.where(size < 20, near, size + np.log1p(np.exp(-2 * size)) - np.log(2.0))
    return delta * (delta * loss), delta * np.tanh(u)
    ### END SOLUTION


# %% check q1
loss, pull = smooth(np.array([3.0, -3.0, 1.0]), np.array([1.0, -1.0, 1.0]), 1.0)
assert np.shape(loss) == np.shape(pull) == (3,), "both results have the shape of yhat"
assert np.allclose(loss, [1.3250, 1.3250, 0.0], atol=1e-4), "ln cosh 2 = 1.3250"
assert np.allclose(pull, [0.9640, -0.9640, 0.0], atol=1e-4), "tanh 2 = 0.9640"
assert np.isclose(smooth(np.array([4.0]), np.zeros(1), 2.0)[0][0], 5.3000), "4 ln cosh 2 = 5.3000"

# %% [markdown]
# ## 2. Bread for tomorrow (3 marks)
#
# A bakery has written down how many loaves were asked for, and on how many days: `demand` and `days`, arrays of whole numbers of shape (K,), in any order. Each loaf too few costs `short` euros, each loaf too many costs `over` euros, both > 0.
#
# Write `stock(demand, days, short, over)`. Return the number of loaves, one of those in `demand`, for which the mean cost over all these days is smallest, and that mean cost, in euros per day. If several numbers cost the same, return the smallest of them.


# %% answer q2
def stock(demand, days, short, over):
    """The cheapest number of loaves, and its mean cost per day."""
    ### BEGIN SOLUTION
    gap = demand[None, :] - demand[:, None]
    cost = (days * np.where(gap > 0, short * gap, -over * gap)).sum(axis=1)
    best = demand[np.isclose(cost, cost.min(), rtol=1e-12)].min()
    return best, cost.min() / days.sum()
    ### END SOLUTION


# %% check q2
loaves, cost = stock(np.array([80, 100, 90]), np.array([1, 1, 1]), 1.0, 1.0)
assert (loaves, round(float(cost), 4)) == (90, 6.6667), "equal prices: the median, at 20/3 euros"
assert stock(np.array([80, 100, 90]), np.array([1, 1, 1]), 9.0, 1.0)[0] == 100, "too few is dear"
assert stock(np.array([80, 100]), np.array([1, 1]), 1.0, 1.0)[0] == 80, "a tie: the smaller"

# %% [markdown]
# ## 3. A center that has its own scale (3 marks)
#
# A lab reports measurements `y`, a float64 array of shape (N,), with gross errors among them. In which unit, nobody knows, so a fixed bound $\delta$ is out of the question. Take
#
# $$ \delta = 1.345 \cdot 1.4826 \cdot \operatorname{MAD}, \qquad \operatorname{MAD} = \text{median of } |y_j - \text{median of } y| , $$
#
# once, from the data. Write `center(y)`: the number $c$ at which the pulls of Huber's loss with this bound balance, $\sum_j \psi(c - y_j) = 0$, to six digits or more. If more than half of the measurements are equal, the MAD is 0; return the median then. (You may use that $\sum_j \psi(c - y_j)$ never falls as $c$ grows. For the data here there is one such $c$.)


# %% answer q3
def center(y):
    """Where the pulls of Huber's loss balance, its bound taken from the data."""
    ### BEGIN SOLUTION
    middle = np.median(y)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - middle))
    if delta == 0:
        return middle
    low, high = middle - delta, middle + delta
    while np.sum(np.clip(low - y, -delta, delta)) > 0:
        low -= delta
    while np.sum(np.clip(high - y, -delta, delta)) < 0:
        high += delta
    for _ in range(100):
        c = (low + high) / 2
        low, high = (low, c) if np.sum(np.clip(c - y, -delta, delta)) > 0 else (c, high)
    return (low + high) / 2
    ### END SOLUTION


# %% check q3
assert np.ndim(center(np.array([1.0, 2.0, 3.0]))) == 0, "the result is one number"
assert np.isclose(center(np.array([1.0, 2.0, 3.0, 4.0])), 2.5), "symmetric data: their middle"
far = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 100.0])  # MAD 1.5, delta 2.9911
assert np.isclose(center(far), 3.5982, atol=1e-4), "5c - 15 = delta, so c = 3.5982"
assert np.isclose(center(1000 * far), 3598.2, atol=0.1), "another unit, the same place"

# %% [markdown]
# ## 4. Student's noise, with its scale (3 marks)
#
# The noise is Student's $t$ with $\nu > 0$ degrees of freedom and a scale $\sqrt v$, and the network predicts $u = \ln v$ beside $\hat y$. Up to a constant, the loss of an error $e$ is
#
# $$ \ell = \frac{\nu + 1}{2} \ln\Bigl(1 + \frac{e^2}{\nu\, e^{u}}\Bigr) + \frac u2 . $$
#
# (In $e^u$ the letter is the number 2.718….) Give three SymPy expressions; any equivalent form is right.
#
# - `pull`: $\partial\ell/\partial e$, in the symbols `e`, `u`, `nu`.
# - `spread`: $\partial\ell/\partial u$, in the symbols `e`, `u`, `nu`.
# - `peak`: the positive error that pulls hardest, in the symbols `u`, `nu`.

# %% answer q4
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
### BEGIN SOLUTION
pull = (nu + 1) * e / (nu * sp.exp(u) + e**2)
spread = (1 - (nu + 1) * e**2 / (nu * sp.exp(u) + e**2)) / 2
peak = sp.sqrt(nu) * sp.exp(u / 2)
### END SOLUTION

# %% check q4
for answer, may in ((pull, {e, u, nu}), (spread, {e, u, nu}), (peak, {u, nu})):
    assert isinstance(answer, sp.Expr), "each answer must be a SymPy expression"
    assert answer.free_symbols <= may, f"it may contain {may} only"
at = {e: 1.0, u: 0.0, nu: 1.0}
assert abs(pull.subs(at) - 1.0) < 1e-9, "e = 1, u = 0, nu = 1: the pull is 1"
assert abs(spread.subs(at)) < 1e-9, "e = 1, u = 0, nu = 1: the spread is right, the slope is 0"

# %% [markdown]
# ## 5. What is wrong with this code? (3 marks)
#
# A report that many people read, on arrays:
#
# ```python
# def report(predicted, true):
#     mse = np.mean((predicted - true) ** 2)
#     variance = np.mean(true**2) - np.mean(true) ** 2
#     return np.sqrt(mse), 1 - mse / variance  # RMSE, R squared
# ```
#
# Assign:
#
# - `column`: the RMSE that it returns for a perfect model with one output, `predicted` of shape (4, 1) and `true` of shape (4,), where both hold 1, 3, 5, 7; four digits or more.
# - `pixels`: a list of two whole numbers from 0 to 255 that are at least 100 apart. With `predicted` the first and `true` the second, as arrays `np.array([...], dtype=np.uint8)` of one entry each, the RMSE that it returns is 0.
# - `large`: a list of three numbers between $-10^{12}$ and $10^{12}$ for `true`, in float64, whose variance is at least 0.1, while the `variance` in the code is wrong by half of that or more.

# %% answer q5
### BEGIN SOLUTION
column, pixels, large = np.sqrt(10.0), [128, 0], [1e9, 1e9 + 1, 1e9 + 2]
### END SOLUTION

# %% check q5
assert np.ndim(column) == 0 and np.isfinite(column), "column is one number"
assert len(pixels) == 2 and all(0 <= each <= 255 for each in pixels), "pixels: two, 0 to 255"
assert abs(pixels[0] - pixels[1]) >= 100, "pixels must be at least 100 apart"
assert len(large) == 3 and max(np.abs(large)) <= 1e12, "large: three numbers of size up to 1e12"

# %% [markdown]
# ## 6. In your own words (4 marks)
#
# A courier service predicts the time of each delivery and adds up the times of a route. Most deliveries are quick, a few take very long. The model was trained on absolute error, "because that is robust". Predicted times of routes are now 12% too short. A colleague proposes to keep the loss and to add an L2 penalty, "so that the few long ones pull less".
#
# (a) Why are the sums too short? (b) What would the L2 penalty do to the pull of a long delivery? (c) Which loss fits the task, and what speaks against it? (d) The customer is to be told a time that 9 of 10 deliveries keep: which loss for that? Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: (a) absolute error asks for the median; with a long right tail it lies below the mean, and medians do not add up while means do.
# - 1: (b) nothing: the penalty looks at the parameters, not at errors; it only shrinks the weights.
# - 1: (c) squared error, which asks for the mean; its pull grows with the error, so a wrong record (not merely a slow delivery) moves it without bound. Half a mark for Huber with a large bound, if its bias is named.
# - 1: (d) the quantile loss with $\tau = 0.9$ (0.9 for a unit too low, 0.1 too high); no mark for the mean plus something.
# === END MARK SCHEME ===
# (a) Absolute error asks for the median. The times have a long right tail, so their median lies below their mean. Means add up over a route, medians do not.
#
# (b) Nothing. The penalty is $\lambda \lVert\theta\rVert^2$ and contains no error; $\psi(e)$ of each delivery stays $\pm 1$.
#
# (c) Squared error, since it asks for the mean and the long deliveries are part of it. Against it: $\psi(e) = 2e$ has no bound, so one wrong record, a courier who forgot to check out, moves the model as far as it likes. Clean those records; do not hide the slow deliveries.
#
# (d) The quantile loss with $\tau = 0.9$, for each delivery.
