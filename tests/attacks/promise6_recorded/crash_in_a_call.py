"""Crashes the process in the graded call: the other function still gets its points."""

# stock: a DeadKernelError ends the notebook: no scores
# says: ended its process
import ctypes


def double(x):
    ctypes.string_at(0)
