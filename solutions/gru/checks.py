"""Checks of `gru`: the deck's step, Keras' step, a layer, from one to the other, the weight count.

References come from `keras.layers.GRU`. The deck updates `(1-z) * h + z * h~`, Keras `z * h + (1-z) * h~`.
Since sigma(-a) = 1 - sigma(a), the deck's step is Keras' `GRU(reset_after=False)` with the z block of
W, U and b negated: that identity is the reference of `gru_step` and `deck_to_keras`, and a test holds
it against the deck's equations written out.
"""

import numpy as np
from cells import blocks, by_formulas, exp_ratio, hard_sigmoid, sigmoid
from keras_layers import gru

from autograder.authoring import Assignment, Case, Check, Group, Misconception

# --------------------------------------------------------------------------- inputs


def weights(rng, D, H):
    """Signed `W (D, 3H)`, `U (H, 3H)` of a size that saturates no gate."""
    W = rng.normal(0, 0.9 / np.sqrt(D), (D, 3 * H))
    return W, rng.normal(0, 0.9 / np.sqrt(H), (H, 3 * H))


def step_case(slot, group, rng, bias, B, D, H, scale=1.0, **options):
    x_t, h_prev = rng.normal(0, scale, (B, D)), rng.uniform(-0.95, 0.95, (B, H))
    b = rng.normal(0, 0.6, (*bias, 3 * H))
    return Case(slot, group, x_t, h_prev, *weights(rng, D, H), b, **options)


def step_cases_with(bias):
    """Cases of a step whose bias has these axes in front of its 3H values."""

    def cases(rng):
        yield step_case("a batch of 2, 3 features, 4 units", "typical", rng, bias, 2, 3, 4)
        yield step_case("a batch of 3, 5 features, 2 units", "typical", rng, bias, 3, 5, 2)
        # Sizes that coincide let mistakes through that otherwise raise an error.
        yield step_case("as many features as units", "sizes", rng, bias, 2, 3, 3)
        yield step_case("batch, features and units of the same size", "sizes", rng, bias, 4, 4, 4)
        yield step_case("one sequence", "edge", rng, bias, 1, 2, 3)
        yield step_case("one feature, one unit", "edge", rng, bias, 3, 1, 1)
        yield step_case("large inputs", "large", rng, bias, 3, 2, 4, scale=2000.0)
        large = {"scale": 3000.0, "public": False}
        yield step_case("very large inputs", "large", rng, bias, 2, 4, 5, **large)

    return cases


def layer_case(slot, group, rng, B, T, D, H, *flag, **named):
    x, h_0 = rng.normal(0, 1, (B, T, D)), rng.uniform(-0.95, 0.95, (B, H))
    b = rng.normal(0, 0.6, (2, 3 * H))
    return Case(slot, group, x, h_0, *weights(rng, D, H), b, *flag, **named)


def layer_cases(rng):
    sequences = {"return_sequences": True}
    yield layer_case("a batch, last output", "last", rng, 2, 5, 3, 4)
    yield layer_case("a batch, return_sequences=False", "last", rng, 3, 4, 5, 2, False)
    yield layer_case("a batch, every output", "sequences", rng, 3, 5, 2, 4, **sequences)
    yield layer_case("every output, flag by position", "sequences", rng, 2, 4, 6, 3, True)
    yield layer_case("as many sequences as timesteps", "sizes", rng, 4, 4, 3, 2, **sequences)
    yield layer_case("as many features as units", "sizes", rng, 2, 5, 3, 3)
    yield layer_case("one sequence", "edge", rng, 1, 5, 2, 3, **sequences)
    yield layer_case("one timestep", "edge", rng, 3, 1, 2, 4)
    yield layer_case("40 timesteps, one feature", "edge", rng, 2, 40, 1, 3)


def convert_case(slot, group, rng, D, H):
    return Case(slot, group, *weights(rng, D, H), rng.normal(0, 0.6, 3 * H))


def convert_cases(rng):
    yield convert_case("3 features, 4 units", "typical", rng, 3, 4)
    yield convert_case("5 features, 2 units", "typical", rng, 5, 2)
    yield convert_case("as many features as units", "edge", rng, 3, 3)
    # W is 3 x 3 here, and so is U: rows and columns are easily mixed up.
    yield convert_case("3 features, one unit", "edge", rng, 3, 1)
    yield convert_case("one feature, one unit", "edge", rng, 1, 1)


def count_cases(rng):
    D, H = (int(n) for n in rng.integers(3, 40, 2))
    yield Case("Keras' default", "default", D, H + D)
    yield Case("reset_after=True", "default", 2 * D + H, H, reset_after=True)
    yield Case("32 features, 32 units", "default", 32, 32)
    yield Case("one feature, flag by position", "default", 1, H, True)
    yield Case("reset_after=False", "before", D, H + D, reset_after=False)
    yield Case("reset_after=False by position", "before", 2 * D + H, H, False)
    yield Case("one unit, reset_after=False", "before", D, 1, reset_after=False)


# --------------------------------------------------------------------------- references


def deck_to_keras(W, U, b):
    H = U.shape[0]
    sign = np.where(np.arange(3 * H) < H, -1.0, 1.0)
    return W * sign, U * sign, b * sign


def gru_step(x_t, h_prev, W, U, b):
    return gru(x_t[:, None], h_prev, *deck_to_keras(W, U, b), reset_after=False)[:, 0].copy()


def gru_step_keras(x_t, h_prev, W, U, b):
    return gru(x_t[:, None], h_prev, W, U, b)[:, 0].copy()


def gru_layer(x, h_0, W, U, b, return_sequences=False):
    outputs = gru(x, h_0, W, U, b)
    return outputs if return_sequences else outputs[:, -1].copy()


def gru_param_count(D, H, reset_after=True):
    import keras

    layer = keras.layers.GRU(H, reset_after=reset_after)
    layer.build((None, None, D))
    return layer.count_params()


# --------------------------------------------------------------------------- misconceptions

PARAMETERS = ("x_t", "h_prev", "W", "U", "b")
# What both kinds of step compute first: products with the three blocks, z, r and h.
PRODUCTS = {
    "order": lambda s: "zrh",
    "x": lambda s: blocks(s.x_t @ s.W, s.order, "zrh"),
    "u": lambda s: blocks(s.h_prev @ s.U, s.order, "zrh"),
    "U_h": lambda s: blocks(s.U, s.order, "zrh")[2],
    "gate": lambda s: sigmoid,
}
DECK = {
    **PRODUCTS,
    "bias": lambda s: blocks(s.b, s.order, "zrh"),
    "z": lambda s: s.gate(s.x[0] + s.u[0] + s.bias[0]),
    "r": lambda s: s.gate(s.x[1] + s.u[1] + s.bias[1]),
    "sum_n": lambda s: s.x[2] + (s.r * s.h_prev) @ s.U_h + s.bias[2],
    "n": lambda s: np.tanh(s.sum_n),
    "h_t": lambda s: (1 - s.z) * s.h_prev + s.z * s.n,
    "result": lambda s: s.h_t,
}
KERAS = {
    **PRODUCTS,
    "bias": lambda s: blocks(s.b[0], s.order, "zrh"),
    "recurrent": lambda s: blocks(s.b[1], s.order, "zrh"),
    "z": lambda s: s.gate(s.x[0] + s.bias[0] + s.u[0] + s.recurrent[0]),
    "r": lambda s: s.gate(s.x[1] + s.bias[1] + s.u[1] + s.recurrent[1]),
    "sum_n": lambda s: s.x[2] + s.bias[2] + s.r * (s.u[2] + s.recurrent[2]),
    "n": lambda s: np.tanh(s.sum_n),
    "h_t": lambda s: s.z * s.h_prev + (1 - s.z) * s.n,
    "result": lambda s: s.h_t,
}


def deck_with(**changed):
    return by_formulas(PARAMETERS, DECK, **changed)


def keras_with(**changed):
    return by_formulas(PARAMETERS, KERAS, **changed)


def interleaved(a):
    return [a[..., k::3] for k in range(3)]


def joined(W, U, b):
    """`W`, `U` and `b` with every block's columns regrouped as if they were interleaved."""
    return [np.concatenate(interleaved(a), axis=-1) for a in (W, U, b)]


def deck_in_place(x_t, h_prev, W, U, b):
    h_t = deck_with()(x_t, h_prev, W, U, b)
    h_prev[...] = h_t
    return h_t


def keras_in_place(x_t, h_prev, W, U, b):
    h_t = keras_with()(x_t, h_prev, W, U, b)
    h_prev[...] = h_t
    return h_t


def mistakes_of_both(step_with, update):
    """Misconceptions that the deck's and Keras' step share; `update` mixes old and new."""
    return [
        Misconception(
            "order_rzh",
            step_with(order=lambda s: "rzh"),
            "the first two blocks are exchanged, which is PyTorch's order (r, z, n). Keras' order is z, r, h.",
        ),
        Misconception(
            "interleaved",
            lambda x_t, h_prev, W, U, b: step_with()(x_t, h_prev, *joined(W, U, b)),
            "you take every third column for a gate. The blocks lie side by side: H neighbouring columns "
            "each.",
        ),
        Misconception(
            "no_update_gate",
            step_with(h_t=lambda s: s.n),
            "the new state is the candidate alone. Which gate mixes it with the old state?",
        ),
        Misconception(
            "only_new_part",
            step_with(h_t=lambda s: update(s.z, 0 * s.h_prev, s.n)),
            "the gated candidate is there, but nothing of the old state is carried over. The update has two "
            "terms.",
        ),
        Misconception(
            "old_not_gated",
            step_with(h_t=lambda s: s.h_prev + update(s.z, 0 * s.h_prev, s.n)),
            "the old state is carried over whole. In a GRU it makes room by as much as the new one takes.",
        ),
        Misconception(
            "new_not_gated",
            step_with(h_t=lambda s: update(s.z, s.h_prev, 0 * s.n) + s.n),
            "the candidate is added whole; only the old state is gated. One gate weighs both.",
        ),
        Misconception(
            "mixed_by_reset",
            step_with(h_t=lambda s: update(s.r, s.h_prev, s.n)),
            "the reset gate mixes old and new. It acts inside the candidate; another gate does the mixing.",
        ),
        Misconception(
            "tanh_around_mix",
            step_with(h_t=lambda s: np.tanh(update(s.z, s.h_prev, s.n))),
            "tanh is applied once more to the mixture. The candidate has been through it already; the old "
            "state passes as it is.",
        ),
        Misconception(
            "reset_in_update",
            step_with(h_t=lambda s: update(s.z, s.r * s.h_prev, s.n)),
            "the reset gate also scales the old state in the last equation. It belongs to the candidate only.",
        ),
        Misconception(
            "sigmoid_candidate",
            step_with(n=lambda s: sigmoid(s.sum_n)),
            "the candidate goes through the sigmoid and is never negative. It is no gate: which function "
            "gives values of both signs?",
        ),
        Misconception(
            "tanh_gates",
            step_with(gate=lambda s: np.tanh),
            "the gates go through tanh and become negative. A gate lies between 0 and 1.",
        ),
        Misconception(
            "hard_gates",
            step_with(gate=lambda s: hard_sigmoid),
            "the gates use the `hard_sigmoid` that early versions of Keras had by default. Here it is the "
            "logistic sigmoid.",
        ),
        Misconception(
            "gates_without_state",
            step_with(
                z=lambda s: s.gate(s.x[0] + s.bias[0]),
                r=lambda s: s.gate(s.x[1] + s.bias[1]),
            ),
            "the gates look at the input alone. What does the old state contribute to their sums?",
        ),
        Misconception(
            "no_bias",
            lambda x_t, h_prev, W, U, b: step_with()(x_t, h_prev, W, U, 0 * b),
            "the biases are missing. Every block has some.",
        ),
        Misconception(
            "returns_twice",
            step_with(result=lambda s: (s.h_t, s.h_t)),
            "you return two values, as an LSTM's step does. A GRU has a single state.",
        ),
        Misconception(
            "unstable_sigmoid",
            step_with(gate=lambda s: exp_ratio),
            "right until a sum gets large: then exp overflows and the gate is NaN. Use a sigmoid that is "
            "safe for every z.",
        ),
    ]


DECK_STEP = [
    Misconception(
        "keras_update",
        deck_with(h_t=lambda s: s.z * s.h_prev + (1 - s.z) * s.n),
        "z and 1 - z are exchanged: this is Keras' update. In this part an open gate, z = 1, writes the "
        "new value.",
    ),
    Misconception(
        "reset_after",
        deck_with(n=lambda s: np.tanh(s.x[2] + s.r * s.u[2] + s.bias[2])),
        "the reset gate scales the product with U_h. In this part it scales the state before it is "
        "multiplied.",
    ),
    Misconception(
        "no_reset",
        deck_with(n=lambda s: np.tanh(s.x[2] + s.u[2] + s.bias[2])),
        "the candidate reads the whole old state: the reset gate is not used.",
    ),
    Misconception(
        "reset_reversed",
        deck_with(n=lambda s: np.tanh(s.x[2] + ((1 - s.r) * s.h_prev) @ s.U_h + s.bias[2])),
        "the reset gate works the wrong way round. In spite of its name r = 1 lets the state in.",
    ),
    Misconception(
        "reset_on_sum",
        deck_with(n=lambda s: np.tanh(s.r * (s.x[2] + s.u[2] + s.bias[2]))),
        "the reset gate scales the whole sum of the candidate. Only the state is reset, never the input.",
    ),
    Misconception(
        "reset_on_input",
        deck_with(n=lambda s: np.tanh(s.r * s.x[2] + s.u[2] + s.bias[2])),
        "the reset gate scales the input's term; it belongs to the state's.",
    ),
    Misconception(
        "reset_by_update_gate",
        deck_with(n=lambda s: np.tanh(s.x[2] + (s.z * s.h_prev) @ s.U_h + s.bias[2])),
        "the update gate stands where the reset gate should: look at the candidate.",
    ),
    Misconception(
        "candidate_without_state",
        deck_with(n=lambda s: np.tanh(s.x[2] + s.bias[2])),
        "the candidate does not see the old state at all. Which term is missing?",
    ),
    Misconception(
        "candidate_without_bias",
        deck_with(n=lambda s: np.tanh(s.x[2] + (s.r * s.h_prev) @ s.U_h)),
        "the gates have their biases, the candidate has not.",
    ),
    *mistakes_of_both(deck_with, lambda z, old, new: (1 - z) * old + z * new),
    Misconception(
        "in_place",
        deck_in_place,
        "the new state is written into h_prev. The caller still needs the old one: return a new array.",
        detects="inplace",
    ),
]

KERAS_STEP = [
    Misconception(
        "deck_update",
        keras_with(h_t=lambda s: (1 - s.z) * s.h_prev + s.z * s.n),
        "z and 1 - z are exchanged: this is the update of part 1. In Keras an open gate, z = 1, keeps the "
        "old state.",
    ),
    Misconception(
        "reset_before",
        keras_with(
            n=lambda s: np.tanh(s.x[2] + s.bias[2] + (s.r * s.h_prev) @ s.U_h + s.recurrent[2])
        ),
        "the reset gate scales the state before the product, as in part 1. Here the product comes first.",
    ),
    Misconception(
        "bias_outside_reset",
        keras_with(n=lambda s: np.tanh(s.x[2] + s.bias[2] + s.r * s.u[2] + s.recurrent[2])),
        "in the candidate the recurrent bias stands outside the reset gate's brackets. It belongs to the "
        "product with U_h.",
    ),
    Misconception(
        "both_biases_reset",
        keras_with(n=lambda s: np.tanh(s.x[2] + s.r * (s.u[2] + s.bias[2] + s.recurrent[2]))),
        "both biases stand inside the reset gate's brackets. b[0] belongs to the input.",
    ),
    Misconception(
        "biases_swapped",
        lambda x_t, h_prev, W, U, b: keras_with()(x_t, h_prev, W, U, b[::-1]),
        "right wherever the two biases are added up, wrong where they are not: b[0] is the input's bias, "
        "b[1] the recurrent one.",
    ),
    Misconception(
        "no_recurrent_bias",
        keras_with(recurrent=lambda s: [0, 0, 0]),
        "b[1] is not used anywhere.",
    ),
    Misconception(
        "no_input_bias",
        keras_with(bias=lambda s: [0, 0, 0]),
        "b[0] is not used anywhere.",
    ),
    Misconception(
        "input_bias_twice",
        keras_with(recurrent=lambda s: s.bias),
        "b[0] is added with the input and again with the state. The second row of b is for the state.",
    ),
    Misconception(
        "gates_without_recurrent_bias",
        keras_with(
            z=lambda s: s.gate(s.x[0] + s.bias[0] + s.u[0]),
            r=lambda s: s.gate(s.x[1] + s.bias[1] + s.u[1]),
        ),
        "the candidate has both biases, the gates only b[0]. Each of the three blocks has two.",
    ),
    Misconception(
        "candidate_without_recurrent_bias",
        keras_with(n=lambda s: np.tanh(s.x[2] + s.bias[2] + s.r * s.u[2])),
        "the gates have both biases, the candidate only b[0].",
    ),
    Misconception(
        "no_reset",
        keras_with(n=lambda s: np.tanh(s.x[2] + s.bias[2] + s.u[2] + s.recurrent[2])),
        "the candidate reads the whole old state: the reset gate is not used.",
    ),
    Misconception(
        "reset_reversed",
        keras_with(n=lambda s: np.tanh(s.x[2] + s.bias[2] + (1 - s.r) * (s.u[2] + s.recurrent[2]))),
        "the reset gate works the wrong way round. In spite of its name r = 1 lets the state in.",
    ),
    Misconception(
        "reset_on_sum",
        keras_with(n=lambda s: np.tanh(s.r * (s.x[2] + s.bias[2] + s.u[2] + s.recurrent[2]))),
        "the reset gate scales the whole sum of the candidate. The input's part is never reset.",
    ),
    Misconception(
        "reset_by_update_gate",
        keras_with(n=lambda s: np.tanh(s.x[2] + s.bias[2] + s.z * (s.u[2] + s.recurrent[2]))),
        "the update gate stands where the reset gate should: look at the candidate.",
    ),
    *mistakes_of_both(keras_with, lambda z, old, new: z * old + (1 - z) * new),
    Misconception(
        "in_place",
        keras_in_place,
        "the new state is written into h_prev. The caller still needs the old one: return a new array.",
        detects="inplace",
    ),
]


def layer_with(
    step=None,
    start=lambda h_0: h_0,
    read=lambda x: x,
    carry=lambda old, new, first: new,
    keep=lambda old, new: new,
    last=lambda outputs: outputs[:, -1],
):
    """A layer from parts, so that one part at a time can be wrong. `first` is `h_0`."""
    step = step or keras_with()

    def layer(x, h_0, W, U, b, return_sequences=False):
        first = h = start(h_0)
        outputs = []
        for x_t in np.swapaxes(read(x), 0, 1):
            new = step(x_t, h, W, U, b)
            outputs.append(keep(h, new))
            h = carry(h, new, first)
        outputs = np.stack(outputs, axis=1)
        return outputs if return_sequences else last(outputs)

    return layer


layer_right = layer_with()


def layer_time_first(x, h_0, W, U, b, return_sequences=False):
    h, outputs = h_0, []
    for x_t in x:
        h = keras_with()(x_t, h, W, U, b)
        outputs.append(h)
    return np.stack(outputs, axis=1) if return_sequences else h


def layer_stacked_first(x, h_0, W, U, b, return_sequences=False):
    outputs = layer_right(x, h_0, W, U, b, True)
    return outputs.transpose(1, 0, 2).copy() if return_sequences else outputs[:, -1]


def layer_rows_share_state(x, h_0, W, U, b, return_sequences=False):
    h, rows = h_0[:1], []
    for row in x:
        outputs = layer_right(row[None], h, W, U, b, True)
        h = outputs[:, -1]
        rows.append(outputs[0])
    outputs = np.stack(rows)
    return outputs if return_sequences else outputs[:, -1]


def layer_flag_reversed(x, h_0, W, U, b, return_sequences=False):
    return layer_right(x, h_0, W, U, b, not return_sequences)


def layer_always_sequences(x, h_0, W, U, b, return_sequences=False):
    return layer_right(x, h_0, W, U, b, True)


def layer_in_place(x, h_0, W, U, b, return_sequences=False):
    outputs = []
    for t in range(x.shape[1]):
        h_0[:] = keras_with()(x[:, t], h_0, W, U, b)
        outputs.append(h_0.copy())
    return np.stack(outputs, axis=1) if return_sequences else outputs[-1]


class KeepsState:
    """A layer that goes on, when it meets a batch again, from where it stopped on it.

    What was kept is used up: two calls with the same arguments always differ, however many came before.
    """

    def __init__(self):
        self.kept = {}

    def __call__(self, x, h_0, W, U, b, return_sequences=False):
        key = x.tobytes()
        known = key in self.kept
        outputs = layer_right(x, self.kept.pop(key, h_0), W, U, b, True)
        if not known:
            self.kept[key] = outputs[:, -1]
        return outputs if return_sequences else outputs[:, -1]


LAYER = [
    Misconception(
        "zero_start",
        layer_with(start=lambda h_0: 0 * h_0),
        "the layer starts from zeros. The first step must see h_0.",
    ),
    Misconception(
        "state_not_updated",
        layer_with(carry=lambda old, new, first: first),
        "the first timestep is right; every later one starts from h_0 again. What must change at the end "
        "of each turn of the loop?",
    ),
    Misconception(
        "previous_state",
        layer_with(keep=lambda old, new: old),
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
        "Every sequence of a batch has its own row of h_0.",
    ),
    Misconception(
        "first_row_of_h_0",
        layer_with(start=lambda h_0: np.repeat(h_0[:1], len(h_0), axis=0)),
        "every sequence starts from the first row of h_0. Row i belongs to sequence i.",
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
        "deck_update",
        layer_with(keras_with(h_t=lambda s: (1 - s.z) * s.h_prev + s.z * s.n)),
        "the step inside your layer updates as in part 1. The layer is Keras': z = 1 keeps the old state.",
    ),
    Misconception(
        "reset_before",
        layer_with(
            keras_with(
                n=lambda s: np.tanh(s.x[2] + s.bias[2] + (s.r * s.h_prev) @ s.U_h + s.recurrent[2])
            )
        ),
        "the step inside your layer resets before the product, as in part 1. The layer is Keras' default: "
        "after it.",
    ),
    Misconception(
        "bias_outside_reset",
        layer_with(
            keras_with(n=lambda s: np.tanh(s.x[2] + s.bias[2] + s.r * s.u[2] + s.recurrent[2]))
        ),
        "in the candidate of your layer's step the recurrent bias stands outside the reset gate's "
        "brackets.",
    ),
    Misconception(
        "order_rzh",
        layer_with(keras_with(order=lambda s: "rzh")),
        "the step inside your layer reads the blocks in the order r, z, h. Keras' order is z, r, h.",
    ),
    Misconception(
        "in_place",
        layer_in_place,
        "the states are written into h_0, which belongs to the caller. Bind a new name instead.",
        detects="inplace",
    ),
    Misconception(
        "keeps_state",
        KeepsState(),
        "the second call goes on from where the first one ended. Nothing may be kept between calls: start "
        "from h_0 every time.",
        detects="state",
    ),
]


def converting(change, arrays="WUb"):
    """Weights whose three blocks, in some of the arrays, are replaced by `change(z, r, h)`."""

    def convert(W, U, b):
        old = {"W": W, "U": U, "b": b}
        right = dict(zip("WUb", deck_to_keras(W, U, b)))
        return tuple(
            np.concatenate(change(*np.split(old[name], 3, axis=-1)), axis=-1)
            if name in arrays
            else right[name]
            for name in "WUb"
        )

    return convert


def convert_in_place(W, U, b):
    H = U.shape[0]
    for array in (W, U, b):
        array[..., :H] *= -1
    return W, U, b


CONVERT = [
    Misconception(
        "unchanged",
        converting(lambda z, r, h: (z, r, h)),
        "the weights come back as they were. Which gate means the opposite in the other convention?",
    ),
    Misconception(
        "reset_negated",
        converting(lambda z, r, h: (z, -r, h)),
        "the second block is negated; that is the reset gate, which means the same in both conventions.",
    ),
    Misconception(
        "candidate_negated",
        converting(lambda z, r, h: (z, r, -h)),
        "the last block is negated; the candidate means the same in both conventions.",
    ),
    Misconception(
        "both_gates_negated",
        converting(lambda z, r, h: (-z, -r, h)),
        "both gates are turned round. Compare the two updates: where does r stand in them?",
    ),
    Misconception(
        "everything_negated",
        converting(lambda z, r, h: (-z, -r, -h)),
        "all blocks are negated. Only one gate changes its meaning.",
    ),
    Misconception(
        "bias_forgotten",
        converting(lambda z, r, h: (z, r, h), "b"),
        "W and U are right; the bias is part of the gate's sum, too.",
    ),
    Misconception(
        "recurrent_forgotten",
        converting(lambda z, r, h: (z, r, h), "U"),
        "W and b are right; U is part of the gate's sum, too.",
    ),
    Misconception(
        "only_the_bias",
        converting(lambda z, r, h: (z, r, h), "WU"),
        "only the bias is converted. The whole sum inside the gate has to change its sign.",
    ),
    Misconception(
        "one_minus_weights",
        converting(lambda z, r, h: (1 - z, r, h)),
        "1 - z is wanted of the gate, and you take 1 minus its weights. What must happen to the sum a so "
        "that sigma of it becomes 1 - sigma(a)?",
    ),
    Misconception(
        "blocks_swapped",
        converting(lambda z, r, h: (r, z, h)),
        "the first two blocks change places. Their order is the same in both conventions; one of them "
        "means something else.",
    ),
    Misconception(
        "rows_negated",
        lambda W, U, b: (
            np.where(np.arange(len(W))[:, None] < len(U), -W, W),
            np.where(np.arange(len(U))[:, None] < len(U), -U, U),
            np.where(np.arange(len(b)) < len(U), -b, b),
        ),
        "in the matrices you negate rows. The gates' blocks are columns.",
    ),
    Misconception(
        "two_biases",
        lambda W, U, b: (
            *deck_to_keras(W, U, b)[:2],
            np.stack([deck_to_keras(W, U, b)[2], 0 * b]),
        ),
        "the bias has two rows, as reset_after=True wants it. With reset_after=False it is one vector.",
    ),
    Misconception(
        "in_place",
        convert_in_place,
        "the given weights themselves are changed. Make copies first: calling this twice would undo it.",
        detects="inplace",
    ),
]

COUNT = [
    Misconception(
        "one_bias_always",
        lambda D, H, reset_after=True: 3 * (D * H + H * H + H),
        "with reset_after there are two biases for every block, because the recurrent one stands inside "
        "the reset gate's brackets.",
    ),
    Misconception(
        "two_biases_always",
        lambda D, H, reset_after=True: 3 * (D * H + H * H + 2 * H),
        "without reset_after one bias for every block is enough.",
    ),
    Misconception(
        "flag_reversed",
        lambda D, H, reset_after=True: 3 * (D * H + H * H + (1 if reset_after else 2) * H),
        "the flag works the wrong way round: which of the two kinds has the bias of shape (2, 3H)?",
    ),
    Misconception(
        "default_false",
        lambda D, H, reset_after=False: 3 * (D * H + H * H + (2 if reset_after else 1) * H),
        "right when the flag is given; its default is True.",
    ),
    Misconception(
        "four_blocks",
        lambda D, H, reset_after=True: 4 * (D * H + H * H + (2 if reset_after else 1) * H),
        "four blocks are an LSTM's. Count those of a GRU: two gates and the candidate.",
    ),
    Misconception(
        "two_blocks",
        lambda D, H, reset_after=True: 2 * (D * H + H * H + (2 if reset_after else 1) * H),
        "two gates, but three blocks: the candidate has weights too.",
    ),
    Misconception(
        "no_bias",
        lambda D, H, reset_after=True: 3 * (D * H + H * H),
        "the biases are missing.",
    ),
    Misconception(
        "one_extra_bias",
        lambda D, H, reset_after=True: 3 * (D * H + H * H + H) + (H if reset_after else 0),
        "with reset_after every block has a second bias, not just the candidate.",
    ),
    Misconception(
        "square_of_features",
        lambda D, H, reset_after=True: 3 * (D * H + D * D + (2 if reset_after else 1) * H),
        "the recurrent weights connect units with units: their number depends on H alone.",
    ),
]

# --------------------------------------------------------------------------- right, but different


def sigmoid_naive(z):
    # exp overflows to infinity and 1 / infinity is 0: a warning, and the right value.
    return 1 / (1 + np.exp(-z))


def sigmoid_by_sign(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def deck_gate_by_gate(x_t, h_prev, W, U, b):
    H = h_prev.shape[1]
    z = sigmoid_naive(x_t @ W[:, :H] + h_prev @ U[:, :H] + b[:H])
    r = sigmoid_naive(x_t @ W[:, H:-H] + h_prev @ U[:, H:-H] + b[H:-H])
    new = np.tanh(x_t @ W[:, -H:] + (r * h_prev) @ U[:, -H:] + b[-H:])
    return h_prev + z * (new - h_prev)


def deck_loops(x_t, h_prev, W, U, b):
    B, H = h_prev.shape
    h_t = np.empty((B, H))

    def total(n, column, state):
        from_input = sum(x_t[n, d] * W[d, column] for d in range(len(W)))
        return from_input + sum(state[m] * U[m, column] for m in range(H)) + b[column]

    for n in range(B):
        z = sigmoid_by_sign(np.array([total(n, j, h_prev[n]) for j in range(H)]))
        r = sigmoid_by_sign(np.array([total(n, H + j, h_prev[n]) for j in range(H)]))
        reset = [r[m] * h_prev[n, m] for m in range(H)]
        for j in range(H):
            h_t[n, j] = (1 - z[j]) * h_prev[n, j] + z[j] * np.tanh(total(n, 2 * H + j, reset))
    return h_t


def deck_einsum(x_t, h_prev, W, U, b):
    B, H = h_prev.shape
    kernel, recurrent = W.reshape(-1, 3, H), U.reshape(-1, 3, H)
    sums = np.einsum("bd,dgh->gbh", x_t, kernel) + b.reshape(3, 1, H)
    z, r = sigmoid_by_sign(sums[:2] + np.einsum("bk,kgh->gbh", h_prev, recurrent[:, :2]))
    new = np.tanh(sums[2] + np.einsum("bk,bk,kh->bh", r, h_prev, recurrent[:, 2]))
    return (1 - z) * h_prev + z * new


def deck_float32_bias(x_t, h_prev, W, U, b):
    # The bias alone passes through float32: harmless at this tolerance.
    return deck_gate_by_gate(x_t, h_prev, W, U, b.astype(np.float32))


def keras_gate_by_gate(x_t, h_prev, W, U, b):
    W_z, W_r, W_h = np.split(W, 3, axis=1)
    U_z, U_r, U_h = np.split(U, 3, axis=1)
    (i_z, i_r, i_h), (b_z, b_r, b_h) = np.split(b[0], 3), np.split(b[1], 3)
    z = sigmoid_naive(x_t @ W_z + i_z + h_prev @ U_z + b_z)
    r = sigmoid_naive(x_t @ W_r + i_r + h_prev @ U_r + b_r)
    new = np.tanh(x_t @ W_h + i_h + r * (h_prev @ U_h + b_h))
    return new + z * (h_prev - new)


def keras_projected(x_t, h_prev, W, U, b):
    H = h_prev.shape[1]
    from_input, from_state = x_t @ W + b[0], h_prev @ U + b[1]
    gates = sigmoid_by_sign(from_input[:, : 2 * H] + from_state[:, : 2 * H])
    z, r = gates[:, :H], gates[:, H:]
    new = np.tanh(from_input[:, 2 * H :] + r * from_state[:, 2 * H :])
    return z * h_prev + (1 - z) * new


def keras_einsum(x_t, h_prev, W, U, b):
    B, H = h_prev.shape
    from_input = np.einsum("bd,dgh->gbh", x_t, W.reshape(-1, 3, H)) + b[0].reshape(3, 1, H)
    from_state = np.einsum("bk,kgh->gbh", h_prev, U.reshape(-1, 3, H)) + b[1].reshape(3, 1, H)
    z, r = np.exp(-np.logaddexp(0, -(from_input[:2] + from_state[:2])))
    return z * h_prev + (1 - z) * np.tanh(from_input[2] + r * from_state[2])


def layer_projected_first(x, h_0, W, U, b, return_sequences=False):
    B, T, _ = x.shape
    H = h_0.shape[1]
    projected = x @ W + b[0]
    out, h = np.empty((B, T, H)), h_0
    for t in range(T):
        from_state = h @ U + b[1]
        z, r = np.split(sigmoid_naive((projected[:, t] + from_state)[:, : 2 * H]), 2, axis=1)
        new = np.tanh(projected[:, t, 2 * H :] + r * from_state[:, 2 * H :])
        h = out[:, t] = z * h + (1 - z) * new
    return out if return_sequences else out[:, -1]


def layer_row_by_row(x, h_0, W, U, b, return_sequences=False):
    rows = [layer_projected_first(s[None], h[None], W, U, b, True)[0] for s, h in zip(x, h_0)]
    return np.stack(rows) if return_sequences else np.stack([row[-1] for row in rows])


def layer_time_major_inside(x, h_0, W, U, b, return_sequences=False):
    h, outputs = h_0, []
    for x_t in x.transpose(1, 0, 2):
        h = keras_einsum(x_t, h, W, U, b)
        outputs.append(h)
    return np.array(outputs).swapaxes(0, 1) if return_sequences else h


def convert_copies(W, U, b):
    H = len(U)
    W, U, b = W.copy(), U.copy(), b.copy()
    W[:, :H], U[:, :H], b[:H] = -W[:, :H], -U[:, :H], -b[:H]
    return [W, U, b]


ASSIGNMENT = Assignment(
    name="gru",
    allows=["numpy", "matplotlib"],
    checks=[
        Check(
            name="gru_step",
            points=7,
            returns=["h_t (B, H)"],
            groups=[
                Group("typical", "a step on a batch", 3),
                Group("sizes", "sizes that coincide: which matrix is which?", 1.5),
                Group("edge", "a single sequence, feature or unit", 1),
                Group("large", "large inputs, gates wide open or shut", 1.5),
            ],
            cases=step_cases_with(()),
            reference=gru_step,
            misconceptions=DECK_STEP,
            right={
                "gate by gate": deck_gate_by_gate,
                "plain loops": deck_loops,
                "einsum": deck_einsum,
                "a bias in float32": deck_float32_bias,
            },
        ),
        Check(
            name="gru_step_keras",
            points=7,
            returns=["h_t (B, H)"],
            groups=[
                Group("typical", "a step on a batch", 3),
                Group("sizes", "sizes that coincide: which matrix is which?", 1.5),
                Group("edge", "a single sequence, feature or unit", 1),
                Group("large", "large inputs, gates wide open or shut", 1.5),
            ],
            cases=step_cases_with((2,)),
            reference=gru_step_keras,
            misconceptions=KERAS_STEP,
            right={
                "gate by gate": keras_gate_by_gate,
                "both products first": keras_projected,
                "einsum": keras_einsum,
            },
        ),
        Check(
            name="gru_layer",
            points=5,
            returns=["the output (B, H) (B, T, H)"],
            groups=[
                Group("last", "a batch, last output", 1.5),
                Group("sequences", "a batch, every output", 1.5),
                Group("sizes", "sizes that coincide", 1),
                Group("edge", "a single sequence or timestep, 40 timesteps", 1),
            ],
            cases=layer_cases,
            reference=gru_layer,
            misconceptions=LAYER,
            right={
                "all inputs projected first": layer_projected_first,
                "sequence by sequence": layer_row_by_row,
                "time first inside": layer_time_major_inside,
            },
        ),
        Check(
            name="deck_to_keras",
            points=3,
            returns=["W (D, 3H)", "U (H, 3H)", "b (3H)"],
            groups=[
                Group("typical", "ordinary sizes", 2),
                Group("edge", "sizes that coincide, a single unit or feature", 1),
            ],
            cases=convert_cases,
            reference=deck_to_keras,
            misconceptions=CONVERT,
            right={
                "copies, then a slice": convert_copies,
                "split and join": converting(lambda z, r, h: (-z, r, h)),
                "a row of signs": lambda W, U, b: tuple(
                    a * np.repeat([-1.0, 1.0, 1.0], len(U)) for a in (W, U, b)
                ),
            },
        ),
        Check(
            name="gru_param_count",
            points=2,
            returns=["the count"],
            groups=[
                Group("default", "Keras' default", 1),
                Group("before", "with reset_after=False", 1),
            ],
            cases=count_cases,
            reference=gru_param_count,
            misconceptions=COUNT,
            right={
                "with a NumPy integer": lambda D, H, reset_after=True: (
                    np.int64(3 * H) * (D + H + 1 + bool(reset_after))
                ),
            },
        ),
    ],
)
