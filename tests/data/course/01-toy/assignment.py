# %% [markdown]
# # Assignment 1: A toy
#
# The tests of the grader use it.

# %% setup
import numpy as np
import sympy as sp

# %% [markdown]
# ## 1. Double (3 marks)
#
# Return twice `x`.


# %% answer q1
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION


# %% check q1
assert double(2) == 4, "twice two is four"

# %% [markdown]
# ## 2. Seven squared (1 mark)
#
# Assign `number`.

# %% answer q2
### BEGIN SOLUTION
number = 49
### END SOLUTION

# %% [markdown]
# ## 3. Square (2 marks)
#
# Give `square`, the square of the symbol `x`.

# %% answer q3
x = sp.symbols("x")
### BEGIN SOLUTION
square = x**2
### END SOLUTION

# %% [markdown]
# ## 4. In words (5 marks)
#
# Say why.

# %% [markdown] written q4
# === BEGIN MARK SCHEME ===
# - 5: because.
# === END MARK SCHEME ===
# Because it is so.
