"""Sends a generator, or a must-raise reference, where a value belongs."""

# twice: any

from autograder.engine import harness

harness._packed = lambda answer: (
    "answer", {"value": {"r": "ValueError"}, "after": {"g": 1}, "first": 0}, []
)  # fmt: skip


def double(x):
    raise ValueError
