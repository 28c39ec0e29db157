"""Answers an array of gigabytes, and one that only claims to be."""

# limits: {"answer_bytes": 1048576}
# says: limit
import numpy as np


def double(x):
    return np.broadcast_to(np.zeros(1), (1 << 28,))
