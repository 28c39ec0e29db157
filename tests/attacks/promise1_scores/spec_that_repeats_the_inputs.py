"""Sends a packed value whose shape and arrays contradict each other: one array, claimed often."""

# twice: any

from autograder.engine import harness

harness._packed = lambda answer: (
    "answer", {"value": {"a": 0}, "after": {"l": [{"l": [{"a": 0}]}, {"l": []}]}, "first": 1}, []
)  # fmt: skip


def double(x):
    return x
