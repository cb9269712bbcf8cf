# %% [markdown]
# # Assignment 6: Regression losses
#
# 20 marks, about 90 minutes. It belongs to chapter 6 of the book; its symbols are used here, with the error $e = \hat y - y$.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 4 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.)
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. Log-cosh with a bound (3 marks)
#
# Log-cosh imitates Huber's loss with $\delta = 1$ only. For another bound it has to be scaled:
#
# $$ \rho(e) = \delta^2 \ln\cosh\frac e\delta . $$
#
# Write `smooth(yhat, y, delta)` for float64 arrays `yhat` and `y` of any shape and a number `delta` > 0. Return two arrays of the shape of `yhat`: the loss $\rho(e)$ and its pull $\psi(e) = \rho'(e)$, entry by entry. Both must keep their digits for errors of any size: as good as zero, or thousands of times `delta`. If the shapes of `yhat` and `y` differ, raise a `ValueError`, even where NumPy would broadcast.


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
table = smooth(np.array([[3.0, 0.0], [1.0, 2.0]]), np.ones((2, 2)), 1.0)
assert np.shape(table[0]) == np.shape(table[1]) == (2, 2), "arrays may have any shape"
assert np.isclose(smooth(np.array([4.0]), np.zeros(1), 2.0)[0][0], 5.3000), "4 ln cosh 2 = 5.3000"

# %% [markdown]
# ## 2. Bread for tomorrow (3 marks)
#
# A bakery has written down how many loaves were asked for, and on how many days: `demand` and `days`, arrays of whole numbers above 0 of shape (K,), in any order, no demand twice. Each loaf too few costs `short` euros, each loaf too many costs `over` euros, both > 0.
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
# ## 3. A spring in unknown units (4 marks)
#
# A lab pulls a spring by the lengths `x` > 0 and measures the forces `y`, float64 arrays of shape (N,), with gross errors among the forces. The force is proportional to the length, $\hat y = c\,x$. In which units, nobody knows ($c$ may be $10^{-12}$ or $10^{12}$), so a fixed bound $\delta$ is out of the question. Take
#
# $$ m = \text{median of } \frac{y_j}{x_j}, \qquad \delta = 1.345 \cdot 1.4826 \cdot \text{median of } |y_j - m\,x_j| , $$
#
# once, from the data. Write `stiffness(x, y)`: the number $c$ that minimizes $\sum_j \rho(c\,x_j - y_j)$, where $\rho$ is Huber's loss with this bound, to six digits or more. If $\delta$ is 0, return $m$. (For the data here there is one such $c$. Mind the slope of the sum with respect to $c$.)


# %% answer q3
def stiffness(x, y):
    """The slope of a line through 0 by Huber's loss, its bound taken from the data."""
    ### BEGIN SOLUTION
    m = np.median(y / x)
    delta = 1.345 * 1.4826 * np.median(np.abs(y - m * x))
    if delta == 0:
        return m
    low, high = np.min((y - delta) / x), np.max((y + delta) / x)
    for _ in range(200):
        c = (low + high) / 2
        pull = np.sum(x * np.clip(c * x - y, -delta, delta))
        low, high = (low, c) if pull > 0 else (c, high)
    return (low + high) / 2
    ### END SOLUTION


# %% check q3
x, y = np.array([1.0, 1.0, 1.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0, 4.0, 50.0])
assert np.ndim(stiffness(x, y)) == 0, "the result is one number"
assert np.isclose(stiffness(x, y), 2.5697, atol=1e-4), (
    "m = 2, delta = 1.9941, and 7c - 14 = 2 delta at c = 2.5697"
)
assert np.isclose(stiffness(x, 1000 * y), 2569.7, atol=0.1), "another unit of force"
assert np.isclose(stiffness(10 * x, y), 0.25697, atol=1e-5), "another unit of length"

# %% [markdown]
# ## 4. Student's noise, with its scale (3 marks)
#
# The noise is Student's $t$ with $\nu > 0$ degrees of freedom and a scale $\sqrt v$, and the network predicts $u = \ln v$ beside $\hat y$. Up to a constant, the loss of an error $e$ is
#
# $$ \ell = \frac{\nu + 1}{2} \ln\Bigl(1 + \frac{e^2}{\nu\, e^{u}}\Bigr) + \frac u2 . $$
#
# (In $e^u$ the letter is the number 2.718….) Give three SymPy expressions; any equivalent form is right.
#
# - `spread`: $\partial\ell/\partial u$, in the symbols `e`, `u`, `nu`.
# - `peak`: for a fixed $u$, the positive error that pulls hardest (where $|\partial\ell/\partial e|$ is largest), in the symbols `u`, `nu`.
# - `crowd`: $n$ examples share one $u$. One of them has an error $e \ne 0$, all others have the error 0. If $n$ is above a border, their summed loss falls without end as $u \to -\infty$; if it is below, some $u$ is best. The border, in the symbol `nu`.

# %% answer q4
e, u = sp.symbols("e u", real=True)
nu = sp.symbols("nu", positive=True)
### BEGIN SOLUTION
spread = (1 - (nu + 1) * e**2 / (nu * sp.exp(u) + e**2)) / 2
peak = sp.sqrt(nu) * sp.exp(u / 2)
crowd = nu + 1  # as u falls, the slope of the sum goes to (n - (nu + 1)) / 2
### END SOLUTION

# %% check q4
for answer, may in ((spread, {e, u, nu}), (peak, {u, nu}), (crowd, {nu})):
    assert isinstance(answer, sp.Expr), "each answer must be a SymPy expression"
    assert answer.free_symbols <= may, f"it may contain {may} only"
at = {e: 1.0, u: 0.0, nu: 1.0}
assert abs(spread.doit().subs(at)) < 1e-9, "e = 1, u = 0, nu = 1: the spread is right, slope 0"

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
# - `column`: a list of four numbers with the mean 10. If an array `true` of shape (4,) holds them, and `predicted` of shape (4, 1) holds the same four (the model is perfect), the RMSE that it returns is 4 to four digits.
# - `pixels`: a list of two whole numbers from 0 to 255 that are at least 100 apart. With `predicted` the first and `true` the second, as arrays `np.array([...], dtype=np.uint8)` of one entry each, the RMSE that it returns is 0.
# - `large`: a list of three numbers between $-10^{12}$ and $10^{12}$ for `true`, in float64, whose variance is at least 0.1, while the `variance` in the code is off by at least half of the true variance.

# %% answer q5
### BEGIN SOLUTION
column, pixels, large = [6, 10, 10, 14], [128, 0], [1e9, 1e9 + 1, 1e9 + 2]
### END SOLUTION

# %% check q5
assert np.shape(column) == (4,) and np.isclose(np.mean(column), 10), "four, with the mean 10"
assert len(pixels) == 2 and all(0 <= each <= 255 for each in pixels), "pixels: two, 0 to 255"
assert abs(pixels[0] - pixels[1]) >= 100, "pixels must be at least 100 apart"
assert len(large) == 3 and max(np.abs(large)) <= 1e12, "large: three numbers of size up to 1e12"

# %% [markdown]
# ## 6. In your own words (4 marks)
#
# A courier service predicts the minutes of each delivery and adds them up to the time of a route of ten. Most deliveries take 3 to 8 minutes, one in twenty takes an hour; which one, nobody can know. The model was trained on absolute error. On new routes the predicted times are a third too short.
#
# (a) Why, and would more data help? (b) A colleague proposes Huber's loss with $\delta = 5$ minutes. What does it change for the sums, and do they become right? (c) Another trains a second model on the quantile loss with $\tau = 0.9$, adds up its predictions along a route, and promises: "9 of 10 routes take no longer than this sum." Is that right, and what would you train instead? (d) A model trained on squared error has a mean absolute error of 5.2 minutes on new deliveries, the old one 3.9. "So the new one is worse for us." Is that right?
#
# Each part is worth 1 mark. Use at most 200 words; formulas, $\tau = 0.9$ too, count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: (a) absolute error asks for the median; with a long right tail it lies below the mean, and means add up while medians do not. More data does not help: it is what the loss asks for. Half a mark without the second part.
# - 1: (b) its pull is $\pm\delta$ from 5 minutes on, so a delivery of an hour pulls like a slightly late one: its center lies between median and mean. The sums are less short, and still too short.
# - 1: (c) no: quantiles do not add up. Here the sum is too short: an hour is rarer than 1 in 10, so no single quantile contains one, but four routes in ten do ($1 - 0.95^{10} = 0.40$; the number is not asked for). Train the quantile loss on the times of whole routes. Half a mark for each of the two sentences.
# - 1: (d) no: the mean absolute error is smallest for the median, so it prefers the old model by its nature. Compare what is needed: errors (or bias) of the sums of routes, or the RMSE.
# === END MARK SCHEME ===
# (a) Absolute error asks for the median. The times have a long right tail, so their median lies below their mean, and what adds up is the mean. More data only finds the median more exactly.
#
# (b) Beyond 5 minutes its pull is constant, so an hour pulls no harder than a delivery that is a little late. It asks for something between median and mean: the sums are less short, not right.
#
# (c) No. Quantiles do not add up. The 0.9 quantile of one delivery is about 8 minutes, since an hour is rarer than 1 in 10; but of ten deliveries one takes an hour in $1 - 0.95^{10} = 40\%$ of the routes. Train the quantile loss with $\tau = 0.9$ on the totals of routes.
#
# (d) No. Mean absolute error rewards the median, and so the old model, whatever the sums do. Compare the errors of routes.
