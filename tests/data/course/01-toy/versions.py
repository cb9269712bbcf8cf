"""Other answers to the toy. Only read, never run as one."""

import numpy as np


# %% q1 | equal | a product
def double(x):
    return 2 * x


# %% q1 | loses table | rows only
def double(x):
    return np.array([2 * each for each in x]) if np.ndim(x) == 1 else x[0] * 2


# %% q3 | loses points | the wrong power
import sympy as sp

square = sp.Symbol("x") ** 3

# %% q2 | loses number | a wrong number
number = 48
