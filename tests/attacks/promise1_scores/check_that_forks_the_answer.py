"""Answers from a forked child and from the parent both: the first whole frame of each call counts,
and what is wrong in one of them is wrong."""

import os


def double(x):
    return 0 * x if os.fork() else 2 * x + 1
