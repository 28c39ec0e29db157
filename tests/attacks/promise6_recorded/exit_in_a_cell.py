"""Ends the interpreter in every way it can, in one cell each."""

# stock: works against the student: the kernel dies, and nothing is scored
# points: 2
# flag: ended the interpreter
import os


def double(x):
    return 2 * x


# %% end
os._exit(0)
