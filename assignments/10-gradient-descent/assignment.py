# %% [markdown]
# # Assignment 10: Gradient descent
#
# 20 marks, about 90 minutes. It belongs to chapter 10 of the book; its symbols are used here.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 3 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.) All arrays are float64.
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. Before the first step (4 marks)
#
# A linear model is to be fitted by gradient descent, with weights $w_i \ge 0$ and a penalty:
#
# $$ L(\theta) = \frac{\sum_i w_i\,(x_i^\top \theta - y_i)^2}{\sum_i w_i} + \frac\alpha2 \lVert \theta \rVert^2. $$
#
# Write `plan(X, w, alpha, eps)`. `X` has the shape (examples, parameters), its row $i$ is $x_i$; `w` has the shape (examples,); `alpha` $\ge 0$ and $0 <$ `eps` $< 1$ are numbers. Return a tuple of three numbers:
#
# - the border of the rate: below it the run converges from every start,
# - the best constant rate,
# - the number of steps $k$ after which, at the best rate, the distance from the minimum is at most `eps` times that of the start, whatever the start. Do not round $k$ to an integer.
#
# The sum of the weights is positive, though some may be 0. All curvatures are positive and not all equal, also where there are fewer examples than parameters. $k$ must keep nine digits where the condition number is large and $X$ is diagonal.


# %% answer q1
def plan(X, w, alpha, eps):
    """The border, the best rate, and the steps that it takes."""
    ### BEGIN SOLUTION
    H = 2 * (X.T * w) @ X / w.sum() + alpha * np.eye(X.shape[1])
    low, *_, high = np.linalg.eigvalsh(H)
    steps = -np.log(eps) / (2 * np.arctanh(low / high))  # ln((kappa + 1) / (kappa - 1))
    return 2 / high, 2 / (high + low), steps
    ### END SOLUTION


# %% check q1
X = np.array([[2.0, 0.0], [0.0, 1.0]])
found = plan(X, np.array([1.0, 1.0]), 0.0, 0.01)
assert len(found) == 3, "three numbers"
assert np.allclose(found[:2], [0.5, 0.4]), "the curvatures are 4 and 1"
assert np.isclose(found[2], 9.015, atol=1e-3), "each step leaves 3/5 of the distance"
found = plan(X, np.array([3.0, 1.0]), 1.0, 0.01)
assert np.allclose(found[:2], [2 / 7, 2 / 8.5]), "the curvatures are 6 + 1 and 0.5 + 1"

# %% [markdown]
# ## 2. An optimizer (4 marks)
#
# Write `descend(grad, theta, rates, beta, most, alpha)`. It starts at `theta`, an array of the shape (d,), with $b = 0$, and takes one step for each rate $\eta$ in the array `rates`:
#
# 1. $g = $ `grad(theta)`, an array of the shape (d,). Call `grad` once for each step.
# 2. If any entry of $g$ is nan or infinite, the step is skipped: $\theta$ and $b$ stay as they are. (Its rate is used up.)
# 3. If $g$ is longer than `most`, it is scaled to the length `most`. Entries may be as large as $10^{200}$. (`most` $> 0$ may be `np.inf`: no limit.)
# 4. $b \leftarrow \beta b + g$, as in the heavy ball of the chapter.
# 5. $\theta \leftarrow \theta - \eta\,(b + \alpha\theta)$: the weight decay $\alpha$ has no part in $b$.
#
# Return an array of the shape (steps + 1, d): the start, and $\theta$ after each step, skipped ones too. The array `theta` that was passed in must not be changed.


# %% answer q2
def descend(grad, theta, rates, beta, most, alpha):
    """All points of the run."""
    ### BEGIN SOLUTION
    b, points = np.zeros(len(theta)), [theta.copy()]
    for rate in rates:
        theta, g = points[-1], grad(points[-1].copy())
        if np.isfinite(g).all():
            largest = np.abs(g).max()
            length = largest * np.linalg.norm(g / largest) if largest > 0 else 0.0
            if length > most:
                g = g / largest * (most / np.linalg.norm(g / largest))
            b = beta * b + g
            theta = theta - rate * (b + alpha * theta)
        points.append(theta)
    return np.array(points)
    ### END SOLUTION


# %% check q2
start = np.array([1.0, 0.0])
found = descend(lambda theta: 2 * theta, start, np.array([0.25, 0.25]), 0.5, np.inf, 0.0)
assert np.shape(found) == (3, 2), "the start and two points"
assert np.allclose(np.array(found)[:, 0], [1, 0.5, 0.0]), "b is 2, then 0.5 * 2 + 1 = 2"
found = descend(lambda theta: np.array([3.0, 4.0]), start, np.array([0.1]), 0.0, 1.0, 0.0)
assert np.allclose(found[1], [0.94, -0.08]), "the gradient is 5 long, and is cut to a length of 1"
found = descend(lambda theta: 0 * theta, start, np.array([0.1]), 0.0, 1.0, 0.5)
assert np.allclose(found[1], [0.95, 0.0]), "nothing but weight decay"

# %% [markdown]
# ## 3. A gradient that looks ahead (3 marks)
#
# Somebody guesses the next gradient from the last two, by $2 g_k - g_{k-1}$, and steps along that. On a parabola $\frac12 \lambda x^2$ this is
#
# $$ x_{k+1} = x_k - \eta \lambda\, (2 x_k - x_{k-1}), \qquad x_{-1} = x_0. $$
#
# Put $x_k = r^k$ to find the roots, as for the heavy ball. Give three SymPy expressions; any equivalent form is right.
#
# - `border`: the number such that the run converges from every $x_0$ for $0 < \eta <$ `border`, and not beyond, in the symbol `lam` (for $\lambda$).
# - `best`: the rate at which it converges fastest (the largest root in size is smallest), in the symbol `lam`.
# - `point`: $x_k$ at the rate `best`, one expression in the symbols `k` and `x0` that is right for all $k \ge 0$; `Piecewise`, `ceiling` and `(-1)**k` are allowed.

# %% answer q3
lam, x0 = sp.symbols("lam x0", positive=True)
k = sp.symbols("k", integer=True, nonnegative=True)
### BEGIN SOLUTION
# r^2 - (1 - 2h) r - h = 0 with h = eta lam: one root above 0, one below. The lower one is -1 at
# h = 2/3. They are equal in size where their sum 1 - 2h is 0; then r^2 = 1/2.
border = 2 / (3 * lam)
best = 1 / (2 * lam)
point = x0 * sp.Rational(1, 2) ** sp.ceiling(k / 2)
### END SOLUTION

# %% check q3
assert all(isinstance(each, sp.Expr) for each in (border, best, point)), "SymPy expressions"
assert border.free_symbols <= {lam} and best.free_symbols <= {lam}, "may contain lam only"
assert point.free_symbols <= {k, x0}, "point may contain k and x0 only"
assert abs(point.doit().subs({k: 0, x0: 3}) - 3) < 1e-9, "the start is x0"
assert 0 < best.subs(lam, 1) < border.subs(lam, 1), "the best rate is below the border"

# %% [markdown]
# ## 4. What is wrong with this code? (3 marks)
#
# This is to say whether `slope` is the derivative of `loss` at the number `z`, in float64:
#
# ```python
# def agrees(loss, slope, z):
#     h = 1e-10
#     found = (loss(z + h) - loss(z)) / h
#     return abs(found - slope(z)) <= 0.01 * abs(found) + 1e-8
# ```
#
# - `rejected`: for the loss $z^2$ and its *right* slope $2z$, assign a number `z` of at most $10^{12}$ in size at which the code says that they do not agree.
# - `accepted`: for the loss $z^2$ and the *wrong* slope $z$, assign a number `z` other than 0 at which the code says that they agree. (At 0 that slope is right.)
# - `bend(loss, z)`: an estimate of the *second* derivative of `loss` at `z` from its values alone, right to six digits. `loss` takes and returns a number; $1 \le |z| \le 10^6$. Between $z/2$ and $3z/2$ the loss $\ell$ is smooth (outside, it may be nan), and near $z$
#
# $$ |\ell| \le 5\,|z^2 \ell^{(2)}|, \qquad |z^2 \ell^{(4)}| \le 30\,|\ell^{(2)}|. $$


# %% answer q4
def bend(loss, z):
    """The second derivative of the loss at z, by differences."""
    ### BEGIN SOLUTION
    h = 1.5e-4 * abs(z)  # of the two errors, h^2 and epsilon / h^2, both are small
    return ((loss(z + h) - loss(z)) + (loss(z - h) - loss(z))) / h**2
    ### END SOLUTION


# rejected, accepted
### BEGIN SOLUTION
rejected = 1e8  # z + h is z
accepted = 1e-9  # the tolerance 1e-8 is larger than both slopes
### END SOLUTION

# %% check q4
assert np.ndim(rejected) == np.ndim(accepted) == 0, "each is one number"
assert np.isfinite(rejected) and abs(rejected) <= 1e12, "at most 1e12 in size"
assert np.isfinite(accepted) and accepted != 0, "accepted is a number other than 0"
assert np.isclose(bend(lambda z: z**2, 3.0), 2.0, rtol=1e-6), "z^2 bends by 2 at 3"
assert np.isclose(bend(lambda z: z**3, -1000.0), -6000.0, rtol=1e-6), "z^3 by 6z at -1000"

# %% [markdown]
# ## 5. Rate or batch (3 marks)
#
# Near its minimum a loss has the curvatures `lam` (all positive), and along the eigenvector of each the gradient of *one* example has the variance `var`; both are arrays of the shape (d,). Some variances may be 0, not all. Batches are drawn independently, each of `batch` examples, drawn with replacement. You want the loss to stand, on average, at most `target` $> 0$ above its minimum in the long run.
#
# - `largest_rate(lam, var, batch, target)`: the largest rate with which that is so, with a relative error of at most $10^{-8}$. If it is so for every rate below the border $2/\lambda_{\max}$, return the border.
# - `smallest_batch(lam, var, rate, target)`: the smallest batch with which that is so, an integer of at least 1; or 0 if the rate is at or beyond the border.


# %% answer q5
def largest_rate(lam, var, batch, target):
    """The largest rate whose noise floor is at most the target."""
    ### BEGIN SOLUTION
    low, high = 0.0, 2 / lam.max()
    for _ in range(2000):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        pull = 2 - middle * lam
        if pull.min() > 0 and (middle * var / batch / pull).sum() / 2 <= target:
            low = middle
        else:
            high = middle
    return low
    ### END SOLUTION


def smallest_batch(lam, var, rate, target):
    """The smallest batch whose noise floor is at most the target; 0 if there is none."""
    ### BEGIN SOLUTION
    if rate >= 2 / lam.max():
        return 0
    return max(1, int(np.ceil((rate * var / (2 - rate * lam)).sum() / 2 / target)))
    ### END SOLUTION


# %% check q5
lam, var = np.array([1.0, 4.0]), np.array([0.0, 3.0])
assert np.isclose(largest_rate(lam, var, 10, 0.025), 0.2, rtol=1e-8), (
    "at a rate of 0.2, E x^2 is 0.0125 in the second direction, and its curvature is 4"
)
assert smallest_batch(lam, var, 0.2, 0.026) == 10, "a batch of 9 has a floor of 0.0278"
assert smallest_batch(lam, var, 0.5, 1.0) == 0, "0.5 is the border: 2 / 4"

# %% [markdown]
# ## 6. In your own words (3 marks)
#
# Three runs, and no error is shown. For each say what has happened, by what you recognize it, and what you change.
#
# 1. A network of two layers with $\tanh$ between them, 64 hidden units, ten balanced classes. All weights started at 0.1, all biases at 0. The loss has fallen from 2.303 to 1.9, and stands there. On every picture the 64 hidden units have one and the same value.
# 2. The parameters are kept in bfloat16; the rate is 0.01, and the entries of the gradient are about 0.2. Not one of the weights, which lie between 1 and 2, has changed in 1,000 steps. The biases, which are about 0.01, do change. From which rate on would the weights change?
# 3. Batches of 20, a constant rate: the loss over all data goes up and down around 0.02 above its minimum. To get lower, somebody takes batches of 80 and, since "larger batches allow larger rates", four times the rate. It still is around 0.02. Where would it be with batches of 80 and the old rate?
#
# Each run is worth 1 mark. Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: the units of the hidden layer started equal, so they get equal gradients and stay equal: 64 act as one (equal values on every picture show it). Start the weights at random. Not "more units", "a larger rate" or "wait longer".
# - 1: lost steps: a step of $0.01 \cdot 0.2 = 0.002$ is less than half the gap of bfloat16 from 1 to 2 ($1/256 = 0.0039$) and is rounded away; near 0.01 the gaps are a hundred times smaller. From a rate of about 0.02 on. Keep the parameters in float32 and round a copy for the forward pass. Half a mark for the cause without the number, or for the larger rate as the only remedy.
# - 1: the noise floor of batches, nearly proportional to the rate and to 1 over the batch size: 4 / 4 changes nothing. With the old rate about 0.005. Or let the rate fall. Half a mark for the cause without the number.
# === END MARK SCHEME ===
# 1. All hidden units started with the same weights. So they have the same value, get the same gradient, and stay equal: 64 units act as one, which the equal values show. Start the weights at random.
#
# 2. The steps get lost. A step is $0.01 \cdot 0.2 = 0.002$, but from 1 to 2 the gap of bfloat16 is 1/128, and a step of less than half of it, 0.0039, is rounded away. Near 0.01 the gaps are far smaller. From a rate of 0.02 on the weights would move, in coarse jumps. Better: keep the parameters in float32, and round a copy for the forward pass.
#
# 3. The noise floor of the batches is nearly proportional to the rate and to $1/|B|$. Four times the rate undid what the batches had won. With the old rate it would be around 0.005. Or let the rate fall.
