"""Checks of `lstm`: gates, a step, a layer, the initial bias, the weight count and a step's gradients.

References come from `keras.layers.LSTM` and, for the gradients, from `tf.GradientTape` through
`keras.layers.LSTMCell`.
"""

import numpy as np
from cells import (
    LSTM_STEP,
    LSTM_STEP_PARAMETERS,
    blocks,
    by_formulas,
    exp_ratio,
    hard_sigmoid,
    lstm_step_with,
    sigmoid,
)
from keras_layers import lstm, lstm_step_gradients

from autograder.authoring import Assignment, Case, Check, Group, Misconception

# --------------------------------------------------------------------------- inputs


def weights(rng, D, H):
    """Signed `W (D, 4H)`, `U (H, 4H)`, `b (4H,)` of a size that saturates no gate."""
    W = rng.normal(0, 0.8 / np.sqrt(D), (D, 4 * H))
    U = rng.normal(0, 0.8 / np.sqrt(H), (H, 4 * H))
    return W, U, rng.normal(0, 0.5, 4 * H)


def states(rng, B, H):
    """`h (B, H)` inside (-1, 1), as every LSTM's output; `c (B, H)` beyond it, as cells grow."""
    return rng.uniform(-0.9, 0.9, (B, H)), rng.normal(0, 1.3, (B, H))


def sigmoid_cases(rng):
    yield Case("a vector", "typical", rng.normal(0, 2, 6))
    yield Case("a matrix", "typical", rng.normal(0, 2, (3, 4)))
    yield Case("three axes, zero among the values", "typical", rng.integers(-3, 4, (2, 3, 4)) / 2.0)
    yield Case("a single value", "typical", rng.normal(0, 2, 1))
    # Ordinary values in between: a step from 0 to 1 must not pass for a sigmoid.
    large = np.array([-1e4, -800.0, -40.0, -1.5, 0.0, 2.5, 40.0, 800.0, 1e4])
    yield Case(
        "values up to 10000 on both sides",
        "large",
        large + rng.uniform(-0.4, 0.4, 9) * (np.abs(large) < 100),
    )
    yield Case(
        "a large and a small value", "large", np.array([[rng.uniform(720, 9e3)], [rng.normal()]])
    )
    yield Case(
        "large negative values", "large", np.array([-rng.uniform(720, 9e3), -1e4, rng.normal()])
    )


def step_case(slot, group, rng, B, D, H, scale=1.0, **options):
    x_t = rng.normal(0, scale, (B, D))
    return Case(slot, group, x_t, *states(rng, B, H), *weights(rng, D, H), **options)


def step_cases(rng):
    yield step_case("a batch of 2, 3 features, 4 units", "typical", rng, 2, 3, 4)
    yield step_case("a batch of 3, 5 features, 2 units", "typical", rng, 3, 5, 2)
    # Sizes that coincide let mistakes through that otherwise raise an error.
    yield step_case("as many features as units", "sizes", rng, 2, 3, 3)
    yield step_case(
        "batch, features and units of the same size", "sizes", rng, 4, 4, 4, public=False
    )
    yield step_case("one sequence", "edge", rng, 1, 2, 3)
    yield step_case("one feature, one unit", "edge", rng, 3, 1, 1)
    yield step_case("large inputs", "large", rng, 3, 2, 4, scale=2000.0)
    yield step_case("very large inputs", "large", rng, 2, 4, 5, scale=3000.0, public=False)


def layer_case(slot, group, rng, B, T, D, H, *flags, **named):
    x = rng.normal(0, 1, (B, T, D))
    arrays = (x, *states(rng, B, H), *weights(rng, D, H))
    return Case(slot, group, *arrays, *flags, **named)


def layer_cases(rng):
    sequences, state = {"return_sequences": True}, {"return_state": True}
    yield layer_case("a batch, last output", "last", rng, 2, 5, 3, 4)
    yield layer_case("a batch, both flags False", "last", rng, 3, 4, 5, 2, False, False)
    yield layer_case("a batch, every output", "sequences", rng, 3, 5, 2, 4, **sequences)
    yield layer_case(
        "every output, flag by position", "sequences", rng, 2, 4, 6, 3, True, public=False
    )
    yield layer_case("last output and states", "state", rng, 2, 5, 4, 3, **state)
    yield layer_case("every output and states", "state", rng, 3, 4, 2, 5, **sequences, **state)
    yield layer_case("both flags by position", "state", rng, 2, 6, 4, 3, True, True, public=False)
    yield layer_case("as many sequences as timesteps", "edge", rng, 4, 4, 3, 2, **sequences)
    yield layer_case("as many features as units", "edge", rng, 2, 5, 3, 3)
    yield layer_case("one sequence", "edge", rng, 1, 5, 2, 3, **sequences)
    yield layer_case("one timestep", "edge", rng, 3, 1, 2, 4, **state)
    yield layer_case("40 timesteps, one feature", "edge", rng, 2, 40, 1, 3)


def bias_cases(rng):
    H = int(rng.integers(3, 9))
    yield Case("a few units", "bias", H)
    yield Case("more units", "bias", H + int(rng.integers(4, 12)))
    yield Case("two units", "bias", 2)
    yield Case("one unit", "bias", 1)


def count_cases(rng):
    D, H = (int(n) for n in rng.integers(3, 40, 2))
    yield Case("more units than features", "count", D, H + D)
    yield Case("more features than units", "count", 2 * D + H, H)
    yield Case("one feature", "count", 1, H)
    yield Case("one unit", "count", D, 1)
    yield Case("32 features, 32 units", "count", 32, 32)


def backward_case(slot, group, rng, B, D, H, from_above=1.0, from_next=1.0, scale=1.0, **options):
    dh_t, dc_t = from_above * rng.normal(0, 1, (B, H)), from_next * rng.normal(0, 1, (B, H))
    x_t = rng.normal(0, scale, (B, D))
    arrays = (dh_t, dc_t, x_t, *states(rng, B, H), *weights(rng, D, H))
    return Case(slot, group, *arrays, **options)


def backward_cases(rng):
    yield backward_case("a batch of 3, 2 features, 4 units", "typical", rng, 3, 2, 4)
    yield backward_case("a batch of 2, 4 features, 3 units", "typical", rng, 2, 4, 3, public=False)
    yield backward_case("dc_t is zero", "paths", rng, 2, 3, 4, from_next=0.0)
    yield backward_case("dh_t is zero", "paths", rng, 4, 2, 3, from_above=0.0)
    yield backward_case("as many features as units", "edge", rng, 2, 3, 3)
    yield backward_case("one sequence", "edge", rng, 1, 2, 3)
    yield backward_case("one feature, one unit", "edge", rng, 3, 1, 1)
    yield backward_case("large inputs", "edge", rng, 3, 2, 3, scale=8.0)


# --------------------------------------------------------------------------- references


def sigmoid_of_keras(z):
    import keras

    return np.asarray(keras.ops.sigmoid(keras.ops.convert_to_tensor(z, "float64")))


def lstm_step(x_t, h_prev, c_prev, W, U, b):
    _, h_t, c_t = lstm(x_t[:, None], h_prev, c_prev, W, U, b)
    return h_t, c_t


def lstm_layer(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    outputs, h_T, c_T = lstm(x, h_0, c_0, W, U, b)
    out = outputs if return_sequences else outputs[:, -1].copy()
    return (out, h_T, c_T) if return_state else out


def keras_layer(D, H):
    import keras

    layer = keras.layers.LSTM(H, dtype="float64")
    layer.build((None, None, D))
    return layer


def lstm_bias(H):
    return np.array(keras_layer(1, H).get_weights()[2])


def lstm_param_count(D, H):
    return keras_layer(D, H).count_params()


def lstm_step_backward(dh_t, dc_t, x_t, h_prev, c_prev, W, U, b):
    return lstm_step_gradients(dh_t, dc_t, x_t, h_prev, c_prev, W, U, b)


# --------------------------------------------------------------------------- misconceptions


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid_branch(z):
    return 1 / (1 + np.exp(-z)) if z >= 0 else np.exp(z) / (1 + np.exp(z))


def sigmoid_in_place(z):
    np.clip(z, -500, 500, out=z)
    return 1 / (1 + np.exp(-z))


SIGMOID = [
    Misconception(
        "overflow",
        exp_ratio,
        "right for ordinary values; for large positive z both exponentials overflow, and infinity over "
        "infinity is NaN. Divide numerator and denominator by exp(z) on paper.",
    ),
    Misconception(
        "sign",
        lambda z: sigmoid(-z),
        "the curve falls from 1 to 0: the gate opens where it should close. Look at the sign in the "
        "exponent.",
    ),
    Misconception(
        "tanh",
        np.tanh,
        "this is tanh, which runs from -1 to 1. A gate runs from 0 to 1, and is 1/2 at 0.",
    ),
    Misconception(
        "precedence",
        lambda z: 1 / 1 + np.exp(-z),
        "1 / 1 + ... is read as (1 / 1) + ...: the whole denominator needs brackets.",
    ),
    Misconception(
        "hard_sigmoid",
        lambda z: np.clip(z / 6 + 0.5, 0, 1),
        "this is the piecewise linear `hard_sigmoid`. The logistic function has no corners.",
    ),
    Misconception(
        "softmax",
        softmax,
        "your values add up to 1 along the last axis: that is softmax. The sigmoid looks at every number "
        "on its own.",
    ),
    Misconception(
        "derivative",
        lambda z: sigmoid(z) * (1 - sigmoid(z)),
        "this is the slope of the sigmoid, largest at 0. Here its value is wanted.",
    ),
    Misconception(
        "clipped_early",
        lambda z: sigmoid(np.clip(z, -10, 10)),
        "z is clipped so early that the result is no longer exact. If you clip at all, clip where "
        "exp(-z) is already far below 1e-6.",
    ),
    Misconception(
        "if_on_array",
        sigmoid_branch,
        "`if` needs one truth value, and `z >= 0` is a whole array of them. Use a formula that is safe "
        "for every z, or one that chooses element by element.",
    ),
    Misconception(
        "in_place",
        sigmoid_in_place,
        "z is overwritten, although it belongs to the caller. Make a new array.",
        detects="inplace",
    ),
]


step_right = lstm_step_with()


def step_in_place(x_t, h_prev, c_prev, W, U, b):
    i, f, g, o = blocks(x_t @ W + h_prev @ U + b, "ifco", "ifco")
    c_prev *= sigmoid(f)
    c_prev += sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_prev), c_prev


ORDER_IFOC = (
    "the last two blocks are exchanged, as in books that write i, f, o, c. Keras puts the candidate third "
    "and the output gate last."
)

STEP = [
    Misconception(
        "order_ifoc", lstm_step_with(blocks=lambda s: blocks(s.z, "ifoc", "ifco")), ORDER_IFOC
    ),
    Misconception(
        "order_fico",
        lstm_step_with(blocks=lambda s: blocks(s.z, "fico", "ifco")),
        "the input gate and the forget gate are exchanged. Which one multiplies the old cell, and which "
        "block comes first in i, f, c, o?",
    ),
    Misconception(
        "order_icfo",
        lstm_step_with(blocks=lambda s: blocks(s.z, "icfo", "ifco")),
        "this is the block order of TensorFlow 1 (i, c, f, o). Keras' order is i, f, c, o.",
    ),
    Misconception(
        "order_iofc",
        lstm_step_with(blocks=lambda s: blocks(s.z, "iofc", "ifco")),
        "this is the block order of ONNX (i, o, f, c). Keras' order is i, f, c, o.",
    ),
    Misconception(
        "interleaved",
        lstm_step_with(blocks=lambda s: [s.z[:, k::4] for k in range(4)]),
        "you take every fourth column for a gate. The gates lie side by side: H neighbouring columns each.",
    ),
    Misconception(
        "sigmoid_candidate",
        lstm_step_with(g=lambda s: sigmoid(s.blocks[2])),
        "the candidate goes through the sigmoid, so the cell could only ever be raised. It is no gate: "
        "which function gives values of both signs?",
    ),
    Misconception(
        "tanh_gates",
        lstm_step_with(
            i=lambda s: np.tanh(s.blocks[0]),
            f=lambda s: np.tanh(s.blocks[1]),
            o=lambda s: np.tanh(s.blocks[3]),
        ),
        "the gates go through tanh and become negative. A gate lets between nothing (0) and everything "
        "(1) through.",
    ),
    Misconception(
        "hard_gates",
        lstm_step_with(
            i=lambda s: hard_sigmoid(s.blocks[0]),
            f=lambda s: hard_sigmoid(s.blocks[1]),
            o=lambda s: hard_sigmoid(s.blocks[3]),
        ),
        "the gates use the `hard_sigmoid` that early versions of Keras had by default. Here it is the "
        "logistic sigmoid.",
    ),
    Misconception(
        "no_output_tanh",
        lstm_step_with(h_t=lambda s: s.o * s.c_t),
        "the cell state is right, but it is put out as it is: something keeps it between -1 and 1 before "
        "the output gate.",
    ),
    Misconception(
        "output_of_old_cell",
        lstm_step_with(h_t=lambda s: s.o * np.tanh(s.c_prev)),
        "c_t is right, but h_t shows the cell from before the update.",
    ),
    Misconception(
        "tanh_outside",
        lstm_step_with(h_t=lambda s: np.tanh(s.o * s.c_t)),
        "tanh is taken of the product; the gate should scale what comes out of tanh.",
    ),
    Misconception(
        "squashed_cell",
        lstm_step_with(
            c_t=lambda s: np.tanh(s.f * s.c_prev + s.i * s.g),
            h_t=lambda s: s.o * s.c_t,
        ),
        "h_t is right, but the c_t that you hand on has gone through tanh. The conveyor belt itself is not "
        "squashed.",
    ),
    Misconception(
        "sigmoid_cell",
        lstm_step_with(c_t=lambda s: sigmoid(s.f * s.c_prev + s.i * s.g)),
        "the new cell state goes through a sigmoid, as one of the slides prints it. That is a misprint: "
        "the update is a plain sum of two products.",
    ),
    Misconception(
        "input_is_forget",
        lstm_step_with(i=lambda s: s.f),
        "the input gate repeats the forget gate's formula, as one of the slides prints it. It has weights "
        "of its own.",
    ),
    Misconception(
        "no_input_gate",
        lstm_step_with(c_t=lambda s: s.f * s.c_prev + s.g),
        "the candidate enters the cell ungated. Which gate decides how much of it is stored?",
    ),
    Misconception(
        "no_forget_gate",
        lstm_step_with(c_t=lambda s: s.c_prev + s.i * s.g),
        "the old cell is kept whole: nothing is ever forgotten. Which gate is missing?",
    ),
    Misconception(
        "forget_reversed",
        lstm_step_with(c_t=lambda s: (1 - s.f) * s.c_prev + s.i * s.g),
        "the forget gate works the wrong way round. In spite of its name it says how much is kept: 1 keeps "
        "everything.",
    ),
    Misconception(
        "coupled_gates",
        lstm_step_with(c_t=lambda s: s.f * s.c_prev + (1 - s.f) * s.g),
        "old and new share the cell as f and 1 - f, which is how a GRU mixes. An LSTM has a separate input "
        "gate.",
    ),
    Misconception(
        "coupled_to_input",
        lstm_step_with(c_t=lambda s: (1 - s.i) * s.c_prev + s.i * s.g),
        "as much is forgotten as is stored: 1 - i stands where the forget gate should. An LSTM keeps both "
        "apart, so that it can store and keep at once; which block of the sum is not used?",
    ),
    Misconception(
        "no_candidate_bias",
        lstm_step_with(g=lambda s: np.tanh(s.blocks[2] - blocks(s.b, "ifco", "ifco")[2])),
        "the three gates have their bias, the candidate has none. Its block of b is the third.",
    ),
    Misconception(
        "no_bias",
        lstm_step_with(z=lambda s: s.x_t @ s.W + s.h_prev @ s.U),
        "the bias is missing from the sum. Count the terms: input, state, bias.",
    ),
    Misconception(
        "forget_bias_added",
        lstm_step_with(f=lambda s: sigmoid(s.blocks[1] + 1)),
        "1 is added to the forget gate. The unit forget bias is a starting value inside b, not part of the "
        "step.",
    ),
    Misconception(
        "no_state",
        lstm_step_with(z=lambda s: s.x_t @ s.W + s.b),
        "the gates do not see h_prev. Which term reads the state?",
    ),
    Misconception(
        "gates_read_cell",
        lstm_step_with(z=lambda s: s.x_t @ s.W + s.c_prev @ s.U + s.b),
        "U multiplies the cell state; the gates read the hidden state, the one that was put out.",
    ),
    Misconception(
        "gates_read_both",
        lstm_step_with(z=lambda s: s.x_t @ s.W + (s.h_prev + s.c_prev) @ s.U + s.b),
        "the gates look at h_prev and at c_prev. (Variants with such peepholes exist, with weights of "
        "their own.) Here they read h_prev alone.",
    ),
    Misconception(
        "states_swapped",
        lambda x_t, h_prev, c_prev, W, U, b: step_right(x_t, c_prev, h_prev, W, U, b),
        "h_prev and c_prev are exchanged: U reads h_prev, and the forget gate acts on c_prev.",
    ),
    Misconception(
        "returns_swapped",
        lstm_step_with(result=lambda s: (s.c_t, s.h_t)),
        "both values are right, in the wrong order: first h_t, then c_t.",
    ),
    Misconception(
        "only_h",
        lstm_step_with(result=lambda s: s.h_t),
        "only h_t comes back. The next step also needs the cell state.",
    ),
    Misconception(
        "unstable_sigmoid",
        lstm_step_with(
            i=lambda s: exp_ratio(s.blocks[0]),
            f=lambda s: exp_ratio(s.blocks[1]),
            o=lambda s: exp_ratio(s.blocks[3]),
        ),
        "right until a sum gets large: then exp overflows and the gate is NaN. Use a sigmoid that is safe "
        "for every z.",
    ),
    Misconception(
        "in_place",
        step_in_place,
        "the new cell state is written into c_prev. The caller still needs the old one: `*=` and `+=` "
        "change the array they are used on.",
        detects="inplace",
    ),
]


def layer_with(
    step=step_right,
    start=lambda h_0, c_0: (h_0, c_0),
    read=lambda x: x,
    carry=lambda old, new, first: new,
    keep=lambda old, new: new[0],
    last=lambda outputs: outputs[:, -1],
    answer=lambda out, h_T, c_T: (out, h_T, c_T),
):
    """A layer from parts, so that one part at a time can be wrong. `first` is `(h_0, c_0)`."""

    def layer(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
        first = state = start(h_0, c_0)
        outputs = []
        for x_t in np.swapaxes(read(x), 0, 1):
            new = step(x_t, *state, W, U, b)
            outputs.append(keep(state, new))
            state = carry(state, new, first)
        outputs = np.stack(outputs, axis=1)
        out = outputs if return_sequences else last(outputs)
        return answer(out, *state) if return_state else out

    return layer


layer_right = layer_with()


def layer_time_first(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    h, c, outputs = h_0, c_0, []
    for x_t in x:
        h, c = step_right(x_t, h, c, W, U, b)
        outputs.append(h)
    out = np.stack(outputs, axis=1) if return_sequences else h
    return (out, h, c) if return_state else out


def layer_stacked_first(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    outputs, h, c = layer_right(x, h_0, c_0, W, U, b, True, True)
    out = outputs.transpose(1, 0, 2).copy() if return_sequences else h
    return (out, h, c) if return_state else out


def layer_rows_share_state(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    h, c, rows, states_of_rows = h_0[:1], c_0[:1], [], []
    for row in x:
        outputs, h, c = layer_right(row[None], h, c, W, U, b, True, True)
        rows.append(outputs[0])
        states_of_rows.append((h[0], c[0]))
    outputs = np.stack(rows)
    out = outputs if return_sequences else outputs[:, -1]
    h_T, c_T = (np.stack(states) for states in zip(*states_of_rows))
    return (out, h_T, c_T) if return_state else out


def layer_flag_reversed(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    return layer_right(x, h_0, c_0, W, U, b, not return_sequences, return_state)


def layer_always_sequences(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    return layer_right(x, h_0, c_0, W, U, b, True, return_state)


def layer_state_ignored(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    return layer_right(x, h_0, c_0, W, U, b, return_sequences)


def layer_always_state(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    return layer_right(x, h_0, c_0, W, U, b, return_sequences, True)


def layer_initial_state(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    out = layer_right(x, h_0, c_0, W, U, b, return_sequences)
    return (out, h_0, c_0) if return_state else out


def layer_state_of_every_step(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    outputs = layer_right(x, h_0, c_0, W, U, b, True)
    cells = layer_with(keep=lambda old, new: new[1])(x, h_0, c_0, W, U, b, True)
    out = outputs if return_sequences else outputs[:, -1]
    return (out, outputs, cells) if return_state else out


def layer_in_place(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    outputs = []
    for t in range(x.shape[1]):
        h_0[:], c_0[:] = step_right(x[:, t], h_0, c_0, W, U, b)
        outputs.append(h_0.copy())
    out = np.stack(outputs, axis=1) if return_sequences else outputs[-1]
    return (out, h_0.copy(), c_0.copy()) if return_state else out


class KeepsState:
    """A layer that goes on, when it meets a batch again, from where it stopped on it.

    What was kept is used up: two calls with the same arguments always differ, however many came before.
    """

    def __init__(self):
        self.kept = {}

    def __call__(self, x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
        h, c = self.kept.pop(x.tobytes(), (None, None))
        if h is None:
            outputs, h, c = layer_right(x, h_0, c_0, W, U, b, True, True)
            self.kept[x.tobytes()] = h, c
        else:
            outputs, h, c = layer_right(x, h, c, W, U, b, True, True)
        out = outputs if return_sequences else outputs[:, -1]
        return (out, h, c) if return_state else out


LAYER = [
    Misconception(
        "zero_start",
        layer_with(start=lambda h_0, c_0: (0 * h_0, 0 * c_0)),
        "the layer starts from zeros. The first step must see h_0 and c_0.",
    ),
    Misconception(
        "zero_cell",
        layer_with(start=lambda h_0, c_0: (h_0, 0 * c_0)),
        "h_0 is used, but the cell starts from zeros. What is c_0 for?",
    ),
    Misconception(
        "cell_starts_as_h",
        layer_with(start=lambda h_0, c_0: (h_0, h_0)),
        "the cell starts as a copy of h_0. It has a starting value of its own.",
    ),
    Misconception(
        "cell_not_updated",
        layer_with(carry=lambda old, new, first: (new[0], first[1])),
        "the first timestep is right; after it the hidden state moves on, but every step sees c_0 again. "
        "The step returns two things.",
    ),
    Misconception(
        "cell_reset",
        layer_with(carry=lambda old, new, first: (new[0], 0 * new[1])),
        "the cell is emptied at every step after the first: look where it is set to zeros.",
    ),
    Misconception(
        "hidden_not_updated",
        layer_with(carry=lambda old, new, first: (first[0], new[1])),
        "the cell moves on, but the gates of every step see h_0 again.",
    ),
    Misconception(
        "state_not_updated",
        layer_with(carry=lambda old, new, first: first),
        "the first timestep is right; every later one starts from h_0 and c_0 again. What must change at "
        "the end of each turn of the loop?",
    ),
    Misconception(
        "carry_swapped",
        layer_with(carry=lambda old, new, first: new[::-1]),
        "the first timestep is right; then h and c change places. In which order does the step return "
        "them, and in which do you unpack them?",
    ),
    Misconception(
        "cells_collected",
        layer_with(keep=lambda old, new: new[1]),
        "the outputs are the cell states. What a layer puts out is h; c stays inside.",
    ),
    Misconception(
        "previous_state",
        layer_with(keep=lambda old, new: old[0]),
        "output t is the state before step t, so that h_0 comes first. Collect after the update.",
    ),
    Misconception(
        "backwards",
        layer_with(read=lambda x: x[:, ::-1]),
        "the sequence is read from its end. Timestep 0 comes first.",
    ),
    Misconception(
        "time_first",
        layer_time_first,
        "the loop runs over axis 0 of x, the batch. Time is axis 1: x[:, t] is (B, D).",
    ),
    Misconception(
        "stacked_time_first",
        layer_stacked_first,
        "the outputs are stacked along axis 0, which gives (T, B, H). The batch comes first: (B, T, H).",
    ),
    Misconception(
        "rows_share_state",
        layer_rows_share_state,
        "the first sequence is right; each later one goes on from the state where the one before ended. "
        "Every sequence of a batch has its own row of h_0 and c_0.",
    ),
    Misconception(
        "first_output",
        layer_with(last=lambda outputs: outputs[:, 0]),
        "without return_sequences you return the first output; the last one has read the whole sequence.",
    ),
    Misconception(
        "last_of_batch",
        layer_with(last=lambda outputs: outputs[-1]),
        "outputs[-1] takes the last sequence of the batch. The last timestep is on axis 1.",
    ),
    Misconception(
        "keeps_time_axis",
        layer_with(last=lambda outputs: outputs[:, -1:]),
        "the last output still has a time axis of length 1; needed is (B, H).",
    ),
    Misconception(
        "flag_reversed",
        layer_flag_reversed,
        "return_sequences works the wrong way round: True asks for every output.",
    ),
    Misconception(
        "always_sequences",
        layer_always_sequences,
        "you always return every output. Without return_sequences only the last one is wanted.",
    ),
    Misconception(
        "state_ignored",
        layer_state_ignored,
        "right without return_state; with it the final states are wanted as well.",
    ),
    Misconception(
        "always_state",
        layer_always_state,
        "you always return the final states. Without return_state only the output is wanted.",
    ),
    Misconception(
        "state_order",
        layer_with(answer=lambda out, h_T, c_T: (out, c_T, h_T)),
        "the final states come in the wrong order: first h, then c.",
    ),
    Misconception(
        "state_nested",
        layer_with(answer=lambda out, h_T, c_T: (out, (h_T, c_T))),
        "the final states are wrapped in a pair of their own. Three values are wanted side by side.",
    ),
    Misconception(
        "state_without_cell",
        layer_with(answer=lambda out, h_T, c_T: (out, h_T)),
        "the last cell state is missing: an LSTM's state has two parts.",
    ),
    Misconception(
        "state_without_output",
        layer_with(answer=lambda out, h_T, c_T: (h_T, c_T)),
        "with return_state the output is still wanted, in front of the two states.",
    ),
    Misconception(
        "initial_state",
        layer_initial_state,
        "the states that you return are h_0 and c_0. Wanted are those after the last step.",
    ),
    Misconception(
        "state_of_every_step",
        layer_state_of_every_step,
        "you return the states of every timestep; return_state asks for the final ones, (B, H) each.",
    ),
    Misconception(
        "order_ifoc",
        layer_with(lstm_step_with(blocks=lambda s: blocks(s.z, "ifoc", "ifco"))),
        ORDER_IFOC,
    ),
    Misconception(
        "no_output_tanh",
        layer_with(lstm_step_with(h_t=lambda s: s.o * s.c_t)),
        "the step inside your layer puts the cell out without tanh. Look at the last equation of the step.",
    ),
    Misconception(
        "in_place",
        layer_in_place,
        "the states are written into h_0 and c_0, which belong to the caller. Bind new names instead.",
        detects="inplace",
    ),
    Misconception(
        "keeps_state",
        KeepsState(),
        "the second call goes on from where the first one ended. Nothing may be kept between calls: start "
        "from h_0 and c_0 every time.",
        detects="state",
    ),
]


def ones_in_block(H, k):
    return np.repeat(np.eye(4)[k], H)


BIAS = [
    Misconception(
        "zeros",
        lambda H: np.zeros(4 * H),
        "all zeros: every gate starts half open. Which gate should start more open than that?",
    ),
    Misconception(
        "all_ones",
        lambda H: np.ones(4 * H),
        "every block starts at 1. Only one gate gets this treatment.",
    ),
    Misconception(
        "first_block",
        lambda H: ones_in_block(H, 0),
        "the ones are in the first block, which is the input gate's in Keras' order.",
    ),
    Misconception(
        "third_block",
        lambda H: ones_in_block(H, 2),
        "the ones are in the third block, which is the candidate's. The order is i, f, c, o; Python "
        "counts from 0.",
    ),
    Misconception(
        "last_block",
        lambda H: ones_in_block(H, 3),
        "the ones are in the output gate's block.",
    ),
    Misconception(
        "all_gates",
        lambda H: np.repeat([1.0, 1.0, 0.0, 1.0], H),
        "all three gates start at 1; unit forget bias means the forget gate alone.",
    ),
    Misconception(
        "interleaved",
        lambda H: np.tile([0.0, 1.0, 0.0, 0.0], H),
        "every fourth value is 1. The blocks lie side by side: all H values of a gate are neighbours.",
    ),
    Misconception(
        "one_value",
        lambda H: np.eye(4 * H)[H],
        "a single 1: only the first unit's forget gate is opened. The block has H values.",
    ),
    Misconception(
        "matrix",
        lambda H: ones_in_block(H, 1).reshape(4, H),
        "the values are right, but come as a matrix. The bias is one vector, its blocks end to end.",
    ),
    Misconception(
        "one_block",
        np.ones,
        "this is the forget gate's block alone; the bias has four blocks.",
    ),
]

COUNT = [
    Misconception(
        "one_gate",
        lambda D, H: D * H + H * H + H,
        "this is a simple recurrent layer's count. How many blocks stand side by side in an LSTM's W?",
    ),
    Misconception(
        "three_gates",
        lambda D, H: 3 * (D * H + H * H + H),
        "three gates, but four blocks: the candidate has weights too.",
    ),
    Misconception(
        "no_bias",
        lambda D, H: 4 * (D * H + H * H),
        "the biases are missing.",
    ),
    Misconception(
        "one_bias",
        lambda D, H: 4 * (D * H + H * H) + H,
        "every block has its own bias, as it has its own weights.",
    ),
    Misconception(
        "two_biases",
        lambda D, H: 4 * (D * H + H * H + 2 * H),
        "one bias per block: input and state share it. (PyTorch keeps two; Keras has one.)",
    ),
    Misconception(
        "no_recurrent_weights",
        lambda D, H: 4 * (D * H + H),
        "the weights that read the state are missing.",
    ),
    Misconception(
        "square_of_features",
        lambda D, H: 4 * (D * H + D * D + H),
        "the recurrent weights connect units with units: their number depends on H alone.",
    ),
    Misconception(
        "cell_weights",
        lambda D, H: 4 * (D * H + 2 * H * H + H),
        "the cell state is counted like a second input of the gates. No matrix reads c.",
    ),
]

BACKWARD_PARAMETERS = ("dh_t", "dc_t", *LSTM_STEP_PARAMETERS)
BACKWARD_FORMULAS = {
    **{name: LSTM_STEP[name] for name in ("z", "blocks", "i", "f", "g", "o", "c_t")},
    "t": lambda s: np.tanh(s.c_t),
    "dc": lambda s: s.dc_t + s.dh_t * s.o * (1 - s.t**2),
    "di": lambda s: s.dc * s.g,
    "df": lambda s: s.dc * s.c_prev,
    "dg": lambda s: s.dc * s.i,
    "do": lambda s: s.dh_t * s.t,
    "dz_i": lambda s: s.di * s.i * (1 - s.i),
    "dz_f": lambda s: s.df * s.f * (1 - s.f),
    "dz_g": lambda s: s.dg * (1 - s.g**2),
    "dz_o": lambda s: s.do * s.o * (1 - s.o),
    "dz": lambda s: np.concatenate([s.dz_i, s.dz_f, s.dz_g, s.dz_o], axis=1),
    "dx_t": lambda s: s.dz @ s.W.T,
    "dh_prev": lambda s: s.dz @ s.U.T,
    "dc_prev": lambda s: s.dc * s.f,
    "dW": lambda s: s.x_t.T @ s.dz,
    "dU": lambda s: s.h_prev.T @ s.dz,
    "db": lambda s: s.dz.sum(axis=0),
    "result": lambda s: (s.dx_t, s.dh_prev, s.dc_prev, s.dW, s.dU, s.db),
}


def backward_with(**changed):
    return by_formulas(BACKWARD_PARAMETERS, BACKWARD_FORMULAS, **changed)


backward_right = backward_with()


def backward_in_place(dh_t, dc_t, x_t, h_prev, c_prev, W, U, b):
    _, c_t = step_right(x_t, h_prev, c_prev, W, U, b)
    o = sigmoid(blocks(x_t @ W + h_prev @ U + b, "ifco", "ifco")[3])
    gradients = backward_right(dh_t, dc_t, x_t, h_prev, c_prev, W, U, b)
    dc_t += dh_t * o * (1 - np.tanh(c_t) ** 2)
    return gradients


BACKWARD = [
    Misconception(
        "dh_not_into_cell",
        backward_with(dc=lambda s: s.dc_t),
        "the gradient of the cell is only what the next step sends. h_t depends on c_t as well, so dh_t "
        "adds to it.",
    ),
    Misconception(
        "dc_ignored",
        backward_with(dc=lambda s: s.dh_t * s.o * (1 - s.t**2)),
        "dc_t is not used: the gradient that comes along the cell from the next step is lost.",
    ),
    Misconception(
        "no_tanh_slope",
        backward_with(dc=lambda s: s.dc_t + s.dh_t * s.o),
        "on the way from h_t to c_t the slope of tanh is missing.",
    ),
    Misconception(
        "slope_at_cell",
        backward_with(dc=lambda s: s.dc_t + s.dh_t * s.o * (1 - s.c_t**2)),
        "1 - y**2 is the slope of tanh when y is tanh's output. You square its input, c_t.",
    ),
    Misconception(
        "slope_on_both",
        backward_with(dc=lambda s: (s.dc_t + s.dh_t * s.o) * (1 - s.t**2)),
        "dc_t arrives at the cell itself, past the tanh: only the part that comes from dh_t gets its slope.",
    ),
    Misconception(
        "slope_at_output",
        backward_with(dc=lambda s: s.dc_t + s.dh_t * s.o * (1 - (s.o * s.t) ** 2)),
        "the slope of tanh is taken at h_t, which is already multiplied by the output gate.",
    ),
    Misconception(
        "no_output_gate",
        backward_with(dc=lambda s: s.dc_t + s.dh_t * (1 - s.t**2)),
        "from h_t to c_t the gradient passes the output gate, too: what h_t shows of the cell is scaled.",
    ),
    Misconception(
        "no_gate_slopes",
        backward_with(
            dz_i=lambda s: s.di, dz_f=lambda s: s.df, dz_g=lambda s: s.dg, dz_o=lambda s: s.do
        ),
        "the gradients of the gates are taken for those of the sums inside them: every activation has a "
        "slope.",
    ),
    Misconception(
        "candidate_sigmoid_slope",
        backward_with(dz_g=lambda s: s.dg * s.g * (1 - s.g)),
        "the candidate is a tanh; you use the slope of a sigmoid for it.",
    ),
    Misconception(
        "gates_tanh_slope",
        backward_with(
            dz_i=lambda s: s.di * (1 - s.i**2),
            dz_f=lambda s: s.df * (1 - s.f**2),
            dz_o=lambda s: s.do * (1 - s.o**2),
        ),
        "the gates are sigmoids; you use the slope of tanh for them.",
    ),
    Misconception(
        "input_forget_swapped",
        backward_with(di=lambda s: s.dc * s.c_prev, df=lambda s: s.dc * s.g),
        "the gradients of input and forget gate are exchanged: each gate's gradient holds what that gate "
        "multiplies.",
    ),
    Misconception(
        "forget_reads_new_cell",
        backward_with(df=lambda s: s.dc * s.c_t),
        "the forget gate multiplies the old cell, so c_prev stands in its gradient, not c_t.",
    ),
    Misconception(
        "output_without_tanh",
        backward_with(do=lambda s: s.dh_t * s.c_t),
        "the output gate multiplies tanh(c_t); its gradient holds the same factor.",
    ),
    Misconception(
        "output_gets_cell_gradient",
        backward_with(do=lambda s: s.dc * s.t),
        "the output gate acts on h_t alone, so only dh_t reaches it, not the cell's gradient.",
    ),
    Misconception(
        "order_ifoc",
        backward_with(dz=lambda s: np.concatenate([s.dz_i, s.dz_f, s.dz_o, s.dz_g], axis=1)),
        "the four blocks are put back side by side in another order than i, f, c, o.",
    ),
    Misconception(
        "cell_not_gated",
        backward_with(dc_prev=lambda s: s.dc),
        "dc_prev is the gradient of c_t unchanged. What was the old cell multiplied with on its way into "
        "c_t?",
    ),
    Misconception(
        "cell_direct_only",
        backward_with(dc_prev=lambda s: s.dc_t * s.f),
        "dc_prev holds only what came in as dc_t. What dh_t sends into the cell flows on to c_prev, too.",
    ),
    Misconception(
        "state_keeps_gradient",
        backward_with(dh_prev=lambda s: s.dz @ s.U.T + s.dh_t),
        "dh_t is added to dh_prev. h_prev reaches this step through the gates only; what other steps send "
        "to it is added by the caller.",
    ),
    Misconception(
        "dU_from_new_state",
        backward_with(dU=lambda s: (s.o * s.t).T @ s.dz),
        "dU is built with h_t. U multiplied the state from before the step.",
    ),
    Misconception(
        "mean_over_batch",
        backward_with(
            dW=lambda s: s.x_t.T @ s.dz / len(s.dz),
            dU=lambda s: s.h_prev.T @ s.dz / len(s.dz),
            db=lambda s: s.dz.mean(axis=0),
        ),
        "the weights' gradients are means over the batch. The loss is a sum, so they are sums.",
    ),
    Misconception(
        "bias_not_summed",
        backward_with(db=lambda s: s.dz),
        "db has a row for every sequence. All of them share one bias, so their gradients add up.",
    ),
    Misconception(
        "weights_transposed",
        backward_with(dW=lambda s: s.dz.T @ s.x_t, dU=lambda s: s.dz.T @ s.h_prev),
        "dW and dU are transposed: a gradient has the shape of its weights.",
    ),
    Misconception(
        "states_swapped",
        backward_with(result=lambda s: (s.dx_t, s.dc_prev, s.dh_prev, s.dW, s.dU, s.db)),
        "dh_prev and dc_prev are returned in the wrong order.",
    ),
    Misconception(
        "in_place",
        backward_in_place,
        "dc_t is changed by adding to it with `+=`. It belongs to the caller: write a new name on the left.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- right, but different


def sigmoid_by_sign(z):
    out = np.empty_like(z)
    positive = z >= 0
    out[positive] = 1 / (1 + np.exp(-z[positive]))
    e = np.exp(z[~positive])
    out[~positive] = e / (1 + e)
    return out


def sigmoid_naive(z):
    # exp overflows to infinity and 1 / infinity is 0: a warning, and the right value.
    return 1 / (1 + np.exp(-z))


def step_gate_by_gate(x_t, h_prev, c_prev, W, U, b):
    H = h_prev.shape[1]

    def total(k):
        s = slice(k * H, (k + 1) * H)
        return x_t @ W[:, s] + h_prev @ U[:, s] + b[s]

    c_t = sigmoid_naive(total(1)) * c_prev + sigmoid_naive(total(0)) * np.tanh(total(2))
    return sigmoid_naive(total(3)) * np.tanh(c_t), c_t


def step_loops(x_t, h_prev, c_prev, W, U, b):
    B, H = h_prev.shape
    h_t, c_t = np.empty((B, H)), np.empty((B, H))
    for n in range(B):
        for j in range(H):
            sums = []
            for k in range(4):
                total = b[k * H + j]
                total += sum(x_t[n, d] * W[d, k * H + j] for d in range(x_t.shape[1]))
                total += sum(h_prev[n, m] * U[m, k * H + j] for m in range(H))
                sums.append(np.array([total]))
            i, f, o = (sigmoid_by_sign(sums[k])[0] for k in (0, 1, 3))
            c_t[n, j] = f * c_prev[n, j] + i * np.tanh(sums[2][0])
            h_t[n, j] = o * np.tanh(c_t[n, j])
    return h_t, c_t


def step_einsum(x_t, h_prev, c_prev, W, U, b):
    B, H = h_prev.shape
    joined = np.concatenate([x_t, h_prev], axis=1)
    kernel = np.concatenate([W, U]).reshape(-1, 4, H)
    z = np.einsum("bd,dgh->gbh", joined, kernel) + b.reshape(4, 1, H)
    i, f, o = np.exp(-np.logaddexp(0, -z[[0, 1, 3]]))
    c_t = f * c_prev + i * np.tanh(z[2])
    return [o * np.tanh(c_t), c_t]


def step_float32_bias(x_t, h_prev, c_prev, W, U, b):
    # The bias alone passes through float32: harmless at this tolerance.
    return step_gate_by_gate(x_t, h_prev, c_prev, W, U, b.astype(np.float32))


def layer_projected_first(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    B, T, _ = x.shape
    projected = x @ W + b
    out = np.empty((B, T, h_0.shape[1]))
    h, c = h_0, c_0
    for t in range(T):
        i, f, g, o = np.split(projected[:, t] + h @ U, 4, axis=-1)
        c = sigmoid_naive(f) * c + sigmoid_naive(i) * np.tanh(g)
        h = out[:, t] = sigmoid_naive(o) * np.tanh(c)
    result = out if return_sequences else out[:, -1]
    return (result, h, c) if return_state else result


def layer_row_by_row(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    rows = [
        layer_projected_first(x[n : n + 1], h_0[n : n + 1], c_0[n : n + 1], W, U, b, True, True)
        for n in range(len(x))
    ]
    out, h, c = (np.concatenate(part) for part in zip(*rows))
    result = out if return_sequences else h
    return [result, h, c] if return_state else result


def layer_time_major_inside(x, h_0, c_0, W, U, b, return_sequences=False, return_state=False):
    h, c, outputs = h_0, c_0, []
    for x_t in x.transpose(1, 0, 2):
        h, c = step_einsum(x_t, h, c, W, U, b)
        outputs.append(h)
    result = np.array(outputs).swapaxes(0, 1) if return_sequences else h
    return (result, h, c) if return_state else result


def bias_by_slice(H):
    b = np.zeros(4 * H)
    b[H : 2 * H] = 1
    return b


def backward_gate_by_gate(dh_t, dc_t, x_t, h_prev, c_prev, W, U, b):
    W_i, W_f, W_c, W_o = np.split(W, 4, axis=1)
    U_i, U_f, U_c, U_o = np.split(U, 4, axis=1)
    b_i, b_f, b_c, b_o = np.split(b, 4)
    i = sigmoid_naive(x_t @ W_i + h_prev @ U_i + b_i)
    f = sigmoid_naive(x_t @ W_f + h_prev @ U_f + b_f)
    g = np.tanh(x_t @ W_c + h_prev @ U_c + b_c)
    o = sigmoid_naive(x_t @ W_o + h_prev @ U_o + b_o)
    c = f * c_prev + i * g
    dc = dc_t + dh_t * o / np.cosh(c) ** 2
    d_i, d_f = dc * g * (i - i * i), dc * c_prev * (f - f * f)
    d_c, d_o = dc * i * (1 - g * g), dh_t * np.tanh(c) * (o - o * o)
    dx = d_i @ W_i.T + d_f @ W_f.T + d_c @ W_c.T + d_o @ W_o.T
    dh = d_i @ U_i.T + d_f @ U_f.T + d_c @ U_c.T + d_o @ U_o.T
    parts = (d_i, d_f, d_c, d_o)
    dW = np.hstack([x_t.T @ d for d in parts])
    dU = np.hstack([h_prev.T @ d for d in parts])
    return dx, dh, dc * f, dW, dU, np.hstack([d.sum(0) for d in parts])


def backward_row_by_row(dh_t, dc_t, x_t, h_prev, c_prev, W, U, b):
    rows = [
        backward_gate_by_gate(*(a[n : n + 1] for a in (dh_t, dc_t, x_t, h_prev, c_prev)), W, U, b)
        for n in range(len(x_t))
    ]
    parts = list(zip(*rows))
    return [np.concatenate(p) for p in parts[:3]] + [np.sum(p, axis=0) for p in parts[3:]]


def backward_numeric(dh_t, dc_t, x_t, h_prev, c_prev, W, U, b):
    # Central differences of fourth order: within the tolerance, so it counts as right.
    inputs = [x_t, h_prev, c_prev, W, U, b]

    def loss():
        h_t, c_t = step_gate_by_gate(*inputs)
        return (dh_t * h_t).sum() + (dc_t * c_t).sum()

    inputs[:] = [a.copy() for a in inputs]
    gradients, eps = [], 1e-3
    for a in inputs:
        gradient = np.zeros_like(a)
        for index in np.ndindex(a.shape):
            value, sums = a[index], []
            for shift in (-2, -1, 1, 2):
                a[index] = value + shift * eps
                sums.append(loss())
            a[index] = value
            gradient[index] = (sums[0] - 8 * sums[1] + 8 * sums[2] - sums[3]) / (12 * eps)
        gradients.append(gradient)
    return tuple(gradients)


ASSIGNMENT = Assignment(
    name="lstm",
    allows=["numpy", "matplotlib"],
    checks=[
        Check(
            name="sigmoid",
            points=2,
            returns=["the result"],
            groups=[
                Group("typical", "ordinary values, arrays of any rank", 1),
                Group("large", "large values", 1),
            ],
            cases=sigmoid_cases,
            reference=sigmoid_of_keras,
            misconceptions=SIGMOID,
            right={
                "by sign": sigmoid_by_sign,
                "through tanh": sigmoid,
                "1 / (1 + exp(-z))": sigmoid_naive,
                "through logaddexp": lambda z: np.exp(-np.logaddexp(0, -z)),
            },
        ),
        Check(
            name="lstm_step",
            points=8,
            returns=["h_t (B, H)", "c_t (B, H)"],
            groups=[
                Group("typical", "a step on a batch", 3),
                Group("sizes", "sizes that coincide: which matrix is which?", 2),
                Group("edge", "a single sequence, feature or unit", 1.5),
                Group("large", "large inputs, gates wide open or shut", 1.5),
            ],
            cases=step_cases,
            reference=lstm_step,
            misconceptions=STEP,
            right={
                "gate by gate": step_gate_by_gate,
                "plain loops": step_loops,
                "einsum over a joined matrix": step_einsum,
                "a bias in float32": step_float32_bias,
            },
        ),
        Check(
            name="lstm_layer",
            points=8,
            returns=["out (B, H) (B, T, H)", "h_T (B, H)", "c_T (B, H)"],
            groups=[
                Group("last", "a batch, last output", 2),
                Group("sequences", "a batch, every output", 2),
                Group("state", "the final states as well", 2),
                Group(
                    "edge", "sizes that coincide, a single sequence or timestep, 40 timesteps", 2
                ),
            ],
            cases=layer_cases,
            reference=lstm_layer,
            misconceptions=LAYER,
            right={
                "all inputs projected first": layer_projected_first,
                "sequence by sequence": layer_row_by_row,
                "time first inside": layer_time_major_inside,
            },
        ),
        Check(
            name="lstm_bias",
            points=2,
            returns=["b (4H)"],
            groups=[Group("bias", "the initial bias", 2)],
            cases=bias_cases,
            reference=lstm_bias,
            misconceptions=BIAS,
            right={
                "a slice": bias_by_slice,
                "one row of a matrix": lambda H: (
                    (np.arange(4)[:, None] == np.full(H, 1)).ravel() * 1.0
                ),
                "whole numbers": lambda H: np.array([0] * H + [1] * H + [0] * 2 * H),
            },
        ),
        Check(
            name="lstm_param_count",
            points=2,
            returns=["the count"],
            groups=[Group("count", "the number of weights", 2)],
            cases=count_cases,
            reference=lstm_param_count,
            misconceptions=COUNT,
            right={
                "with a NumPy integer": lambda D, H: np.int64(4 * H) * (D + H + 1),
                "block by block": lambda D, H: sum(D * H + H * H + H for _ in "ifco"),
            },
        ),
        Check(
            name="lstm_step_backward",
            points=6,
            returns=[
                "dx_t (B, D)",
                "dh_prev (B, H)",
                "dc_prev (B, H)",
                "dW (D, 4H)",
                "dU (H, 4H)",
                "db (4H)",
            ],
            groups=[
                Group("typical", "gradients from above and from the next step", 3),
                Group("paths", "a gradient from one side only", 1.5),
                Group("edge", "sizes that coincide, a single sequence or unit, large inputs", 1.5),
            ],
            cases=backward_cases,
            reference=lstm_step_backward,
            misconceptions=BACKWARD,
            right={
                "gate by gate": backward_gate_by_gate,
                "sequence by sequence": backward_row_by_row,
                "numeric differences": backward_numeric,
            },
        ),
    ],
)
