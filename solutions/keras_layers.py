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


def lstm(
    x: np.ndarray,
    h_0: np.ndarray,
    c_0: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`keras.layers.LSTM` from `h_0, c_0 (B, H)`: all outputs `(B, T, H)`, last `h` and `c`."""
    options = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    layer = keras.layers.LSTM(U.shape[0], **options)
    outputs, h_T, c_T = run(layer, x, [W, U, b], [h_0, c_0])
    return outputs, h_T, c_T


def lstm_step_gradients(
    dh_t: np.ndarray,
    dc_t: np.ndarray,
    x_t: np.ndarray,
    h_prev: np.ndarray,
    c_prev: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Gradients of `sum(dh_t * h_t) + sum(dc_t * c_t)` through one `keras.layers.LSTMCell`.

    Returns:
        With respect to x_t, h_prev, c_prev, W, U and b, by `tf.GradientTape`.
    """
    cell = keras.layers.LSTMCell(U.shape[0], dtype="float64")
    cell.build(x_t.shape)
    cell.set_weights([W, U, b])
    inputs = [tf.constant(a) for a in (x_t, h_prev, c_prev)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        _, (h_t, c_t) = cell(inputs[0], inputs[1:], training=False)
        loss = tf.reduce_sum(dh_t * h_t) + tf.reduce_sum(dc_t * c_t)
    weights = [variable.value for variable in cell.trainable_variables]
    return tuple(np.asarray(gradient) for gradient in tape.gradient(loss, inputs + weights))


def gru(
    x: np.ndarray,
    h_0: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
    reset_after: bool = True,
) -> np.ndarray:
    """`keras.layers.GRU` over `x (B, T, D)` from `h_0 (B, H)`: all outputs `(B, T, H)`.

    The bias is `(2, 3H)` with `reset_after`, else `(3H,)`.
    """
    options = {"return_sequences": True, "dtype": "float64"}
    layer = keras.layers.GRU(U.shape[0], reset_after=reset_after, **options)
    return run(layer, x, [W, U, b], [h_0])[0]


def bidirectional_simple_rnn(
    x: np.ndarray,
    forward: tuple[np.ndarray, ...],
    backward: tuple[np.ndarray, ...],
    merge_mode: str | None,
    return_sequences: bool,
) -> np.ndarray | tuple[np.ndarray, ...]:
    """`keras.layers.Bidirectional` of two `SimpleRNN` over `x (B, T, D)`, each from zeros."""
    cell = keras.layers.SimpleRNN(
        forward[1].shape[0], return_sequences=return_sequences, dtype="float64"
    )
    layer = keras.layers.Bidirectional(cell, merge_mode=merge_mode, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([*forward, *backward])
    result = layer(tf.constant(x), training=False)
    if merge_mode is None:
        return tuple(np.asarray(half) for half in result)
    return np.asarray(result)


def bidirectional_masked_lstm(
    x: np.ndarray,
    lengths: np.ndarray,
    forward: tuple[np.ndarray, ...],
    backward: tuple[np.ndarray, ...],
    return_sequences: bool,
) -> np.ndarray:
    """`keras.layers.Bidirectional` of two `LSTM` over right-padded `x (B, T, D)`, by a mask."""
    cell = keras.layers.LSTM(
        forward[1].shape[0], return_sequences=return_sequences, dtype="float64"
    )
    layer = keras.layers.Bidirectional(cell, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([*forward, *backward])
    mask = np.arange(x.shape[1]) < np.asarray(lengths)[:, None]
    return np.asarray(layer(tf.constant(x), mask=tf.constant(mask), training=False))


def reversed_valid_parts(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`tf.reverse_sequence`: the first `lengths[i]` timesteps of each row in reverse order."""
    return np.asarray(tf.reverse_sequence(tf.constant(x), lengths, seq_axis=1, batch_axis=0))


def softmax(z: np.ndarray) -> np.ndarray:
    """`tf.nn.softmax` over the last axis of `z`, of any rank."""
    return np.asarray(tf.nn.softmax(tf.constant(z), axis=-1))


def simple_rnn_classifier(
    x: np.ndarray,
    h_0: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
    V: np.ndarray,
    c: np.ndarray,
    return_sequences: bool,
) -> np.ndarray:
    """`SimpleRNN` and `Dense(K, softmax)` over its output: `(B, K)`, or `(B, T, K)`."""
    layer = keras.layers.SimpleRNN(U.shape[0], return_sequences=return_sequences, dtype="float64")
    return dense_softmax(run(layer, x, [W, U, b], [h_0])[0], V, c)


def dense_softmax(h: np.ndarray, V: np.ndarray, c: np.ndarray) -> np.ndarray:
    """`keras.layers.Dense(K, activation="softmax")` over the last axis of `h`."""
    output = keras.layers.Dense(V.shape[1], activation="softmax", dtype="float64")
    output.build(h.shape)
    output.set_weights([V, c])
    return np.asarray(output(tf.constant(h)))


def greedy_simple_rnn(
    token: np.ndarray,
    h: np.ndarray,
    E: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
    V: np.ndarray,
    c: np.ndarray,
    steps: int,
) -> np.ndarray:
    """`Embedding`, `SimpleRNNCell` and `Dense`, each token fed back: int64 `(B, steps)`."""
    embedding = keras.layers.Embedding(*E.shape, dtype="float64")
    embedding.build(token.shape)
    embedding.set_weights([E])
    cell = keras.layers.SimpleRNNCell(U.shape[0], dtype="float64")
    cell.build((len(token), E.shape[1]))
    cell.set_weights([W, U, b])
    output = keras.layers.Dense(V.shape[1], dtype="float64")
    output.build(h.shape)
    output.set_weights([V, c])
    state, tokens = [tf.constant(h)], []
    for _ in range(steps):
        h_t, state = cell(embedding(token), state)
        # NumPy's argmax gives the lowest index of equal logits; TensorFlow's promises none.
        token = np.asarray(output(h_t)).argmax(axis=-1)
        tokens.append(token)
    return np.stack(tokens, axis=1).astype(np.int64)
