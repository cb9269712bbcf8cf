# %% [markdown]
# # Assignment 5: KL divergence
#
# 20 marks, about 90 minutes. It belongs to chapter 5 of the book; its symbols are used here.
#
# - Replace `raise NotImplementedError()` in each answer cell. The cell below it checks your answer on a few inputs. Passing does not mean full marks: after you hand in, other inputs are tried, of the kinds listed below each question.
# - Each answer cell is marked by itself, in a fresh process, after the set-up cell alone, so put everything an answer needs into its own cell. Only NumPy and Python's standard library can be imported there (in question 4 also SymPy); any other import, even one that is not used, costs the question. (A plot may stay; nothing is drawn there.)
# - Do not delete or rename the cells. Restart the kernel and run all cells before you hand in this file.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. A forecast of orders (4 marks)
#
# The number of orders that a shop gets in an hour is Poisson distributed with rate $a$. The forecast says Poisson with rate $b$. The divergence of the truth from the forecast is
#
# $$ D_{KL}\bigl(\mathrm{Poisson}(a) \,\Vert\, \mathrm{Poisson}(b)\bigr) = a \ln \frac ab - a + b . $$
#
# Write `forecast(a, b)` for float64 arrays of one shape with entries $\ge 0$, most of them for hours in which the forecast was nearly right. Return the divergence in nats, entry by entry, with at least eight right digits however close $a$ and $b$ are. A rate of 0 is a night without orders: $D(0 \Vert b) = b$, also for $b = 0$; and $D(a \Vert 0) = \infty$ for $a > 0$.


# %% answer q1
def forecast(a, b):
    """The divergence of Poisson(a) from Poisson(b), entry by entry, in nats."""
    ### BEGIN SOLUTION
    with np.errstate(divide="ignore"):
        safe = np.where(a > 0, a, 1.0)
        away = (b - safe) / safe
        w = np.where(abs(away) < 0.5, np.log1p(np.maximum(away, -0.5)), np.log(b) - np.log(safe))
    near = np.clip(w, -0.1, 0.1)
    series = near**2 / 2 * (1 + near / 3 * (1 + near / 4 * (1 + near / 5 * (1 + near / 6))))
    term = np.where(abs(w) < 0.1, a * series, a * -w - a + b)
    return np.where(a > 0, term, b)
    ### END SOLUTION


# %% check q1
found = forecast(np.array([2.0, 1.0, 3.0]), np.array([1.0, 2.0, 3.0]))
assert np.shape(found) == (3,), "the result must have the shape of a"
assert np.isclose(found[0], 0.3863, atol=1e-4), "2 orders, 1 forecast: 2 ln 2 - 1 = 0.3863 nats"
assert np.isclose(found[1], 0.3069, atol=1e-4), "1 order, 2 forecast: 1 - ln 2 = 0.3069 nats"
assert np.isclose(found[2], 0.0, atol=1e-12), "a right forecast costs nothing"

# %% [markdown]
# ## 2. A teacher with forbidden answers (4 marks)
#
# A student network with logits $z$ learns from a teacher with logits $x$, at temperature $\tau$. In each row some classes are forbidden. On the other classes, and with both softmaxes taken over these alone,
#
# $$ \ell = \tau^2 \, D_{KL}\bigl(\operatorname{softmax}(x/\tau) \,\Vert\, \operatorname{softmax}(z/\tau)\bigr) . $$
#
# Write `teach(x, z, tau, allowed)` for arrays of shape (rows, classes), `allowed` being boolean, and a number `tau` > 0. Return two arrays: the loss of each row, of shape (rows,), and its gradient for $z$, of shape (rows, classes).
#
# - A forbidden class has gradient 0, and its logits are to be ignored: they may be anything, also nan or infinite.
# - A row in which no class is allowed has loss 0 and gradient 0.
# - Allowed logits are finite and may be large (tens of thousands); the results are finite. An error below $10^{-9}$ does not matter here.


# %% answer q2
def teach(x, z, tau, allowed):
    """The loss of each row, and its gradient for z."""
    ### BEGIN SOLUTION
    log_q, log_p = (log_softmax(y / tau, allowed) for y in (x, z))
    q, p = (np.where(allowed, np.exp(y), 0.0) for y in (log_q, log_p))
    loss = tau**2 * (q * (log_q - log_p)).sum(axis=1)
    return loss, tau * (p - q)


def log_softmax(y, allowed):
    y = np.where(allowed, y, -1e300)
    y = np.where(allowed, y - y.max(axis=1, keepdims=True), 0.0)
    total = np.where(allowed, np.exp(y), 0.0).sum(axis=1, keepdims=True)
    return np.where(allowed, y - np.log(np.where(total > 0, total, 1.0)), 0.0)
    ### END SOLUTION


# %% check q2
some = np.array([[True, True, False]])
one, other = np.array([[0.0, 0.0, 5.0]]), np.array([[np.log(3.0), 0.0, -7.0]])
loss, gradient = teach(one, other, 1.0, some)
assert np.shape(loss) == (1,) and np.shape(gradient) == (1, 3), "one loss per row, and a gradient"
assert np.isclose(loss[0], 0.1438, atol=1e-4), "(1/2, 1/2) against (3/4, 1/4) is 0.1438"
assert np.allclose(gradient, [[0.25, -0.25, 0.0]]), "its gradient is p - q on the allowed classes"
assert np.isclose(teach(2 * one, 2 * other, 2.0, some)[0][0], 4 * 0.1438, atol=4e-4), "tau = 2"

# %% [markdown]
# ## 3. One bell for a mixture (3 marks)
#
# A sensor is in state $k$ with probability $w_k$, and its reading is then $N(m_k, s_k^2)$. So the reading $x$ has the density $q(x) = \sum_k w_k N(m_k, s_k^2)$. Only one Gaussian can be stored. All three inputs are arrays of shape (K,), with $w_k > 0$ adding up to 1 and $s_k > 0$.
#
# - `bell(w, m, s)`: the pair (mean, standard deviation) of the Gaussian $p$ with the smallest forward divergence $D_{KL}(q \Vert p)$. Readings may be far from 0 (as time stamps are), and the standard deviation must keep eight digits even then.
# - `extra(w, m, s, at)`: the mean has to be a round number. For each mean in `at`, an array of shape (M,), the Gaussian with this mean and the standard deviation that is best *for it* is stored. Return, as an array of shape (M,), by how many nats $D_{KL}(q \Vert p)$ is then larger than that smallest value.


# %% answer q3
def bell(w, m, s):
    """Mean and standard deviation of the best Gaussian under forward KL."""
    ### BEGIN SOLUTION
    mean = m[0] + w @ (m - m[0])
    return mean, np.sqrt(w @ (s**2 + (m - mean) ** 2))
    ### END SOLUTION


def extra(w, m, s, at):
    """By how many nats the best Gaussian with each mean is worse."""
    ### BEGIN SOLUTION
    mean, std = bell(w, m, s)
    return np.log1p(((at - mean) / std) ** 2) / 2  # the best variance is std^2 + (at - mean)^2
    ### END SOLUTION


# %% check q3
half, modes, width = np.array([0.5, 0.5]), np.array([-3.0, 3.0]), np.ones(2)
assert np.allclose(bell(half, modes, width), [0.0, np.sqrt(10)]), "modes at -3 and 3: N(0, 10)"
assert np.allclose(bell(np.ones(1), np.array([2.0]), np.array([0.5])), [2.0, 0.5]), "one state"
found = extra(half, modes, width, np.array([0.0, 3.0, 3.0]))
assert np.shape(found) == (3,), "extra has one entry for each mean"
assert np.isclose(found[0], 0.0, atol=1e-12), "0 is the best mean: nothing more"
assert np.isclose(found[1], 0.3209, atol=1e-4), "with the mean 3 the best is N(3, 19): 0.3209 more"

# %% [markdown]
# ## 4. Two derivations (3 marks)
#
# Give two SymPy expressions; any equivalent form is right.
#
# - `waits`: customers wait a time with density $\frac1a e^{-x/a}$, $x \ge 0$; a model says $\frac1b e^{-x/b}$. The divergence $D_{KL}$ of the truth from the model, in the symbols `a`, `b`.
# - `lead`: a policy $\pi = (\pi_1, \pi_2)$ over two answers is rewarded for staying undecided, too, by its entropy with a weight $\gamma$:
#
# $$ J(\pi) = \mathbb{E}_\pi\, r - \beta\, D_{KL}(\pi \,\Vert\, \rho) + \gamma\, H(\pi), \qquad \beta, \gamma > 0 . $$
#
# `lead` is $\ln(\pi_1/\pi_2)$ of the policy with the largest $J$, in the symbols `d` $= r_1 - r_2$, `c` $= \ln(\rho_1/\rho_2)$, `beta`, `gamma`.

# %% answer q4
a, b, beta, gamma = sp.symbols("a b beta gamma", positive=True)
c, d = sp.symbols("c d", real=True)
### BEGIN SOLUTION
waits = sp.log(b / a) + a / b - 1
lead = (d + beta * c) / (beta + gamma)
### END SOLUTION

# %% check q4
assert isinstance(waits, sp.Expr), "waits must be a SymPy expression"
assert isinstance(lead, sp.Expr), "lead must be a SymPy expression"
assert waits.free_symbols <= {a, b}, "waits may contain a and b only"
assert lead.free_symbols <= {d, c, beta, gamma}, "lead may contain d, c, beta and gamma only"
assert abs(waits.subs({a: 1.0, b: 1.0})) < 1e-9, "equal means: no divergence"
assert abs(lead.subs({d: 1.0, c: 0.0, beta: 1.0, gamma: 0.0}) - 1) < 1e-9, "without entropy"

# %% [markdown]
# ## 5. What is wrong with this code? (3 marks)
#
# The loss of a VAE, in float64. `x` and `decoded` have shape (examples, pixels), `mean` and `log_var` (examples, hidden coordinates). `error` and `kl` are meant to be minus the bound on $\ln P(x)$, with a decoder $N(\text{decoded}, r)$: up to a constant, minus its log-density is $(x - \text{decoded})^2/(2r)$ for each pixel.
#
# ```python
# def vae_loss(x, decoded, mean, log_var, weight=1.0):
#     error = np.mean((x - decoded) ** 2)
#     kl = -0.5 * np.sum(1 + log_var - mean**2 - np.exp(log_var)) / len(x)
#     return error + weight * kl
# ```
#
# - `noise(pixels, weight)`: up to a constant factor and a constant, this is the loss of a VAE whose decoder has a variance $r$ that nobody chose. Return this $r$, a number.
# - `bits(variances, r)`: a linear VAE with enough hidden coordinates, whose decoder has the variance `r`, is trained to the optimum. `variances` is an array: the variance $\lambda$ of the data in each of its principal directions. Return the mean KL term of an example, over all hidden coordinates together, in *bits*.
# - `blind`: one example and one hidden coordinate, `mean` is 0. A log-variance between $-1$ and 1, not 0, for which `kl` has no right digit (its relative error is above 0.9).

# %% answer q5
### BEGIN SOLUTION
blind = 1e-9
### END SOLUTION


def noise(pixels, weight):
    """The variance of the decoder for which this is the loss."""
    ### BEGIN SOLUTION
    return pixels * weight / 2
    ### END SOLUTION


def bits(variances, r):
    """The KL term in all directions together, in bits."""
    ### BEGIN SOLUTION
    return np.log2(np.maximum(variances / r, 1.0)).sum() / 2
    ### END SOLUTION


# %% check q5
assert np.ndim(blind) == 0 and 0 < abs(blind) < 1, "blind is one number of that range, not 0"
assert np.isclose(noise(2, 1.0), 1.0), "two pixels, weight 1: r = 1"
found = bits(np.array([4.0, 16.0, 1.0]), 1.0)
assert np.isclose(found, 3.0), "1 bit, 2 bits, and nothing for the third direction"

# %% [markdown]
# ## 6. In your own words (3 marks)
#
# A policy $\pi$ is fine-tuned with a penalty for leaving its reference $\rho$. The dashboard shows the averages of $k_1 = \ln \frac{\pi}{\rho}$ and $k_3 = \frac{\rho}{\pi} - 1 - \ln \frac{\rho}{\pi}$ over answers.
#
# (a, 1 mark) Over 64 answers drawn from $\pi$ the average of $k_1$ is $-0.003$. "A divergence is never negative, so this is a bug; I clip each value at 0." Judge both halves. (b, 2 marks) By mistake the dashboard is fed a million answers drawn from $\rho$. To what do the two averages tend? Give each expectation with one line of algebra, and say which of the two can still be used, and for what. Use at most 150 words; formulas count as one word each.

# %% [markdown] written q6
# === BEGIN MARK SCHEME ===
# - 1: no bug: only the expectation of $k_1$ is $\ge 0$, and an average over few answers may be negative; clipping drops the negative values only, so the average becomes too large.
# - 1: $\mathbb{E}_\rho k_1 = \sum \rho \ln \frac\pi\rho = -D_{KL}(\rho \Vert \pi)$: turned around, it is the divergence in the other direction.
# - 1: $\mathbb{E}_\rho k_3 = \sum \frac{\rho^2}{\pi} - 1 - D_{KL}(\rho \Vert \pi)$, which is neither divergence (accept $\chi^2(\rho \Vert \pi) - D_{KL}(\rho \Vert \pi)$); $\rho/\pi - 1$ has the mean 0 under $\pi$ only.
# === END MARK SCHEME ===
# (a) No bug: $k_1$ is negative for every answer that $\rho$ likes better. Its expectation is not negative, an average of 64 can be. Clipping removes the negative values only, so the average comes out too high, most of all near the reference, where almost everything cancels.
#
# (b) $\mathbb{E}_\rho k_1 = \sum \rho \ln\frac\pi\rho = -D_{KL}(\rho \Vert \pi)$, so with its sign turned it measures the other direction. $\mathbb{E}_\rho k_3 = \sum \rho\,(\frac\rho\pi - 1) - \sum \rho \ln\frac\rho\pi = \sum\frac{\rho^2}{\pi} - 1 - D_{KL}(\rho \Vert \pi)$, which is not a KL divergence: $\rho/\pi - 1$ is 0 on average only for answers from $\pi$. It says nothing about $D_{KL}(\pi \Vert \rho)$.
