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


def sigmoid(z: np.ndarray) -> np.ndarray:
    """`keras.ops.sigmoid`."""
    return np.asarray(keras.ops.sigmoid(tf.constant(z)))


def leaky_relu(z: np.ndarray, alpha: float) -> np.ndarray:
    """`alpha*z + (1 - alpha)*relu(z)`, with `keras.ops.relu`; ReLU itself for `alpha = 0`.

    TensorFlow's own leaky ReLU keeps its slope in float32; the identity keeps all digits.
    """
    return np.asarray(_leaky_relu(tf.constant(z), alpha))


def _leaky_relu(z: tf.Tensor, alpha: float) -> tf.Tensor:
    return alpha * z + (1 - alpha) * keras.ops.relu(z)


def sigmoid_gradient(z: np.ndarray) -> np.ndarray:
    """Slope of `keras.ops.sigmoid` at every z, by `tf.GradientTape`."""
    return _slope(keras.ops.sigmoid, z)


def leaky_relu_gradient(z: np.ndarray, alpha: float) -> np.ndarray:
    """Slope of `leaky_relu` at every z, by `tf.GradientTape`; TensorFlow's ReLU has slope 0 at 0."""
    return _slope(lambda tensor: _leaky_relu(tensor, alpha), z)


def _slope(function: Any, z: np.ndarray) -> np.ndarray:
    tensor = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        total = tf.reduce_sum(function(tensor))
    return np.asarray(tape.gradient(total, tensor))


def simple_rnn_gradients(
    dh: np.ndarray,
    x: np.ndarray,
    h_0: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Gradients of `sum(dh * h)` through `keras.layers.SimpleRNN`, and its outputs `h (B, T, H)`.

    Returns:
        With respect to x, h_0, W, U and b, by `tf.GradientTape`; last the outputs.
    """
    layer = keras.layers.SimpleRNN(U.shape[0], return_sequences=True, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([W, U, b])
    inputs = [tf.constant(x), tf.constant(h_0)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        h = layer(inputs[0], initial_state=inputs[1], training=False)
        loss = tf.reduce_sum(dh * h)
    sources = inputs + [variable.value for variable in layer.trainable_variables]
    return (*(np.asarray(gradient) for gradient in tape.gradient(loss, sources)), np.asarray(h))


def simple_rnn_jacobians(h: np.ndarray, U: np.ndarray) -> np.ndarray:
    """dh_T/dh_t for t = 1..T of a tanh network that gave the states `h (T, H)`: `(T, H, H)`.

    `keras.layers.SimpleRNNCell` with an identity kernel reproduces any given states when its
    input is `arctanh(h_t) - h_{t-1} @ U`. Row k of a batch of H copies asks for unit k of h_T, so
    that one pass of `tf.GradientTape` gives all rows of all Jacobians.
    """
    T, H = h.shape
    cell = keras.layers.SimpleRNNCell(H, dtype="float64")
    cell.build((H, H))
    cell.set_weights([np.eye(H), U, np.zeros(H)])
    states = [tf.constant(np.tile(h[0], (H, 1)))]
    with tf.GradientTape() as tape:
        tape.watch(states[0])
        for t in range(1, T):
            x_t = np.arctanh(h[t]) - h[t - 1] @ U
            states.append(cell(tf.constant(np.tile(x_t, (H, 1))), [states[-1]])[0])
        last = tf.reduce_sum(tf.linalg.diag_part(states[-1]))
    np.testing.assert_allclose(states[-1][0], h[-1], atol=1e-9)
    return np.stack([np.asarray(gradient) for gradient in tape.gradient(last, states)])


def clip_by_global_norm(
    grads: list[np.ndarray], max_norm: float
) -> tuple[list[np.ndarray], np.ndarray]:
    """`tf.clip_by_global_norm`: the clipped arrays and the norm before."""
    clipped, norm = tf.clip_by_global_norm([tf.constant(g) for g in grads], max_norm)
    return [np.asarray(g) for g in clipped], np.asarray(norm)


def stacked_cells(x: np.ndarray, cells: list[Any], weights: list[tuple]) -> tuple:
    """`keras.layers.StackedRNNCells` over `x (B, T, D)` from zeros: all layers in one loop over time.

    Args:
        x: the batch.
        cells: Keras cells in float64, from bottom to top.
        weights: `(W, U, b)` of each.

    Returns:
        The top's outputs `(B, T, H)` and the last states, one list of arrays per cell.
    """
    stack = keras.layers.StackedRNNCells(cells, dtype="float64")
    layer = keras.layers.RNN(stack, return_sequences=True, return_state=True, dtype="float64")
    layer.build(x.shape)
    for cell, of_cell in zip(cells, weights):
        cell.set_weights(of_cell)
    outputs, *states = layer(tf.constant(x), training=False)
    return np.asarray(outputs), [
        [np.asarray(s) for s in tf.nest.flatten(state)] for state in states
    ]


def dropout(x: np.ndarray, uniform: np.ndarray, rate: float) -> np.ndarray:
    """TensorFlow's dropout of `x`, the code under `keras.layers.Dropout`, fed with given draws.

    Args:
        x: what is dropped.
        uniform: numbers in [0, 1), one for each of x.
        rate: the share that becomes 0.
    """

    def drawn(shape: Any, dtype: Any) -> tf.Tensor:
        return tf.constant(uniform, dtype=dtype)

    return np.asarray(tf.nn.experimental.general_dropout(tf.constant(x), rate, drawn))


class _GivenMasks:
    """A Keras cell that takes its dropout masks from outside where it would draw them."""

    def use(self, input_mask: Any, recurrent_mask: Any) -> None:
        self.given_input_mask, self.given_recurrent_mask = input_mask, recurrent_mask

    def get_dropout_mask(self, step_input: Any) -> Any:
        return self.given_input_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        return self.given_recurrent_mask


class _SimpleRNNCellWithMasks(_GivenMasks, keras.layers.SimpleRNNCell):
    pass


class _LSTMCellWithMasks(_GivenMasks, keras.layers.LSTMCell):
    pass


def _run_with_masks(
    kind: Any, x: np.ndarray, weights: list, state: list, input_mask: Any, recurrent_mask: Any
) -> np.ndarray:
    # The rates only switch dropout on: the masks are given.
    rates = {"dropout": 0.5, "recurrent_dropout": 0.5}
    cell = kind(weights[1].shape[0], **rates, dtype="float64")
    cell.use(input_mask, recurrent_mask)
    layer = keras.layers.RNN(cell, return_sequences=True, dtype="float64")
    layer.build(x.shape)
    layer.set_weights(weights)
    state = [tf.constant(s) for s in state]
    return np.asarray(layer(tf.constant(x), initial_state=state, training=True))


def simple_rnn_with_masks(
    x: np.ndarray,
    h_0: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
    input_mask: np.ndarray,
    recurrent_mask: np.ndarray,
) -> np.ndarray:
    """`keras.layers.SimpleRNNCell` in training, its two masks given: all outputs `(B, T, H)`."""
    masks = tf.constant(input_mask), tf.constant(recurrent_mask)
    return _run_with_masks(_SimpleRNNCellWithMasks, x, [W, U, b], [h_0], *masks)


def lstm_with_masks(
    x: np.ndarray,
    h_0: np.ndarray,
    c_0: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
    input_masks: np.ndarray,
    recurrent_masks: np.ndarray,
) -> np.ndarray:
    """`keras.layers.LSTMCell` in training, a mask for each gate given: all outputs `(B, T, H)`.

    Keras draws one mask for each gate since 3.8; the order is i, f, c, o.
    """
    masks = [tf.constant(m) for m in input_masks], [tf.constant(m) for m in recurrent_masks]
    return _run_with_masks(_LSTMCellWithMasks, x, [W, U, b], [h_0, c_0], *masks)
