"""Cells as lists of named formulas, so that a misconception changes one of them.

This is what the wrong implementations in `checks.py` files are made from; references never are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

Formula = Callable[[SimpleNamespace], Any]


def by_formulas(
    parameters: Sequence[str], formulas: Mapping[str, Formula], **changed: Formula
) -> Callable:
    """A function that evaluates named formulas in order; `changed` replaces some of them.

    Every formula gets a namespace with the arguments and what was computed before it; the last one,
    `result`, is returned.
    """

    def function(*args):
        s = SimpleNamespace(**dict(zip(parameters, args)))
        for name, formula in {**formulas, **changed}.items():
            setattr(s, name, formula(s))
        return s.result

    return function


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(z / 2))


def exp_ratio(z: np.ndarray) -> np.ndarray:
    """The sigmoid that overflows: right up to z = 709, NaN beyond."""
    return np.exp(z) / (1 + np.exp(z))


def hard_sigmoid(z: np.ndarray) -> np.ndarray:
    """The piecewise linear gate that early versions of Keras had by default."""
    return np.clip(z / 5 + 0.5, 0, 1)


def blocks(a: np.ndarray, order: str, wanted: str) -> list[np.ndarray]:
    """Read the gate blocks on the last axis as if they lay in `order`; returned as `wanted`."""
    parts = dict(zip(order, np.split(a, len(order), axis=-1)))
    return [parts[gate] for gate in wanted]


LSTM_STEP_PARAMETERS = ("x_t", "h_prev", "c_prev", "W", "U", "b")
LSTM_STEP: dict[str, Formula] = {
    "z": lambda s: s.x_t @ s.W + s.h_prev @ s.U + s.b,
    "blocks": lambda s: blocks(s.z, "ifco", "ifco"),
    "i": lambda s: sigmoid(s.blocks[0]),
    "f": lambda s: sigmoid(s.blocks[1]),
    "g": lambda s: np.tanh(s.blocks[2]),
    "o": lambda s: sigmoid(s.blocks[3]),
    "c_t": lambda s: s.f * s.c_prev + s.i * s.g,
    "h_t": lambda s: s.o * np.tanh(s.c_t),
    "result": lambda s: (s.h_t, s.c_t),
}


def lstm_step_with(**changed: Formula) -> Callable:
    """An LSTM's step, Keras' layout, with some formulas changed."""
    return by_formulas(LSTM_STEP_PARAMETERS, LSTM_STEP, **changed)
