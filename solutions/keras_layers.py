"""Reference outputs: Keras layers in float64 with given weights.

Every function takes and returns NumPy arrays. The weights are in Keras' layout, so that they go
straight into `set_weights`; the layer then computes what the student's function must.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf


def run(layer: Any, x: np.ndarray, weights: list[np.ndarray], state: list[np.ndarray]) -> list:
    """Build a recurrent layer on `x (B, T, D)`, give it weights, run it from a state."""
    layer.build(x.shape)
    layer.set_weights(weights)
    result = layer(tf.constant(x), initial_state=[tf.constant(s) for s in state], training=False)
    return [np.asarray(r) for r in (result if isinstance(result, (list, tuple)) else [result])]


def simple_rnn(
    x: np.ndarray, h_0: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """`keras.layers.SimpleRNN` over `x (B, T, D)` from `h_0 (B, H)`: all outputs `(B, T, H)`."""
    layer = keras.layers.SimpleRNN(U.shape[0], return_sequences=True, dtype="float64")
    return run(layer, x, [W, U, b], [h_0])[0]
