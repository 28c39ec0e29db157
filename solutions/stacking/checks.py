"""Checks of `stacking`: simple recurrent layers and LSTMs on top of each other, and their weights.

References come from Keras' `StackedRNNCells`, which runs all layers inside one loop over time: not
layer after layer, as a student writes it.
"""

import numpy as np
from cells import blocks, lstm_step_with
from keras_layers import stacked_cells

from autograder.authoring import Assignment, Case, Check, Group, Misconception

# --------------------------------------------------------------------------- inputs


def weights(rng, D, units, gates=1):
    """Pairs of layers from bottom to top, signed weights that do not saturate: a list of (W, U, b)."""
    layers = []
    for H in units:
        W = rng.normal(0, 0.9 / np.sqrt(D), (D, gates * H))
        U = rng.normal(0, 0.9 / np.sqrt(H), (H, gates * H))
        layers.append((W, U, rng.normal(0, 0.5, gates * H)))
        D = H
    return layers


def rnn_case(slot, group, rng, B, T, D, units, *flag, **named):
    return Case(slot, group, rng.normal(0, 1, (B, T, D)), weights(rng, D, units), *flag, **named)


def lstm_case(slot, group, rng, B, T, D, units, *flags, **named):
    x = rng.normal(0, 1.2, (B, T, D))
    return Case(slot, group, x, weights(rng, D, units, gates=4), *flags, **named)


def rnn_cases(rng):
    sequences = {"return_sequences": True}
    yield rnn_case("two layers, last output", "last", rng, 2, 5, 3, [4, 6])
    yield rnn_case("three layers, return_sequences=False", "last", rng, 3, 4, 2, [5, 3, 4], False)
    yield rnn_case("two layers, every output", "sequences", rng, 3, 5, 4, [2, 6], **sequences)
    yield rnn_case("three layers, flag by position", "sequences", rng, 2, 6, 5, [4, 3, 2], True)
    # With equal sizes any layer fits at any place: exchanging them raises no error.
    yield rnn_case("three layers of equal size", "equal", rng, 2, 5, 3, [3, 3, 3], **sequences)
    yield rnn_case("equal sizes, last output", "equal", rng, 4, 6, 2, [2, 2])
    yield rnn_case("one layer", "edge", rng, 2, 4, 3, [5], **sequences)
    yield rnn_case("one timestep", "edge", rng, 3, 1, 2, [4, 3])
    yield rnn_case("one sequence, one unit in the middle", "edge", rng, 1, 5, 3, [4, 1, 2])
    yield rnn_case("as many sequences as timesteps", "edge", rng, 4, 4, 3, [2, 5], **sequences)
    yield rnn_case("five layers, 25 timesteps", "edge", rng, 2, 25, 1, [3, 2, 4, 2, 3])


def lstm_cases(rng):
    sequences, state = {"return_sequences": True}, {"return_state": True}
    hidden = {"public": False}
    yield lstm_case("two layers, last output", "last", rng, 2, 5, 3, [4, 6])
    yield lstm_case("three layers, flags False", "last", rng, 3, 4, 2, [5, 3, 4], False, False)
    yield lstm_case("two layers, every output", "sequences", rng, 3, 5, 4, [2, 3], **sequences)
    yield lstm_case("equal sizes, flag by position", "sequences", rng, 2, 5, 3, [3, 3, 3], True)
    yield lstm_case("last output and states", "state", rng, 2, 4, 3, [4, 2, 3], **state)
    yield lstm_case("every output and states", "state", rng, 3, 5, 2, [3, 3], **sequences, **state)
    yield lstm_case("both flags by position", "state", rng, 2, 4, 5, [3, 2], True, True, **hidden)
    yield lstm_case("one layer", "edge", rng, 2, 4, 3, [5], **state)
    yield lstm_case("one timestep", "edge", rng, 3, 1, 2, [4, 3])
    yield lstm_case("one sequence, one unit in the middle", "edge", rng, 1, 5, 3, [4, 1, 2])
    yield lstm_case("as many sequences as timesteps", "edge", rng, 4, 4, 3, [2, 5], **sequences)
    yield lstm_case("four layers, 20 timesteps", "edge", rng, 2, 20, 1, [3, 2, 4, 2], **hidden)


def count_cases(rng):
    K, E = int(rng.integers(50, 3000)), int(rng.integers(6, 30))
    a, b, c = (int(n) for n in rng.choice(np.arange(3, 40), 3, replace=False))
    yield Case("one layer", "one", K, E, [a])
    yield Case("one layer as wide as the embedding", "one", K, E, [E])
    yield Case("10000 words, 32 features, 32 units", "one", 10_000, 32, [32])
    yield Case("two layers", "several", K, E, [a, b])
    yield Case("three layers of different sizes", "several", K + E, E, [b, c, a])
    yield Case("four layers of 32 units", "several", 10_000, 32, [32, 32, 32, 32])
    yield Case("layers of one unit", "several", K, E, [1, 1, a])


# --------------------------------------------------------------------------- references


def stacked_rnn(x, layers, return_sequences=False):
    import keras

    cells = [keras.layers.SimpleRNNCell(len(b), dtype="float64") for _, _, b in layers]
    outputs, _ = stacked_cells(x, cells, layers)
    return outputs if return_sequences else outputs[:, -1].copy()


def stacked_lstm(x, layers, return_sequences=False, return_state=False):
    import keras

    cells = [keras.layers.LSTMCell(len(U), dtype="float64") for _, U, _ in layers]
    outputs, states = stacked_cells(x, cells, layers)
    out = outputs if return_sequences else outputs[:, -1].copy()
    return (out, [tuple(pair) for pair in states]) if return_state else out


def stack_param_count(vocab_size, embed_dim, units):
    import keras

    layers = [keras.layers.Input((None,)), keras.layers.Embedding(vocab_size, embed_dim)]
    layers += [keras.layers.SimpleRNN(H, return_sequences=True) for H in units]
    return keras.Sequential(layers).count_params()


# --------------------------------------------------------------------------- misconceptions


def rnn_step(x_t, state, W, U, b):
    h = np.tanh(x_t @ W + state[0] @ U + b)
    return (h,)


def lstm_step_of(**changed):
    step = lstm_step_with(**changed)
    return lambda x_t, state, W, U, b: step(x_t, *state, W, U, b)


def run_layer(step, parts, x, weights, start=None):
    """One layer from zeros or given states: arrays (B, T, H) of every part of its state."""
    state = start or (np.zeros((len(x), len(weights[1]))),) * parts
    steps = []
    for t in range(x.shape[1]):
        state = step(x[:, t], state, *weights)
        steps.append(state)
    return [np.stack(part, axis=1) for part in zip(*steps)]


def repeat_last(sequence):
    return np.repeat(sequence[:, -1:], sequence.shape[1], axis=1)


def one_step_late(sequence):
    return np.concatenate([0 * sequence[:, :1], sequence[:, :-1]], axis=1)


def stack_with(
    step=rnn_step,
    parts=1,
    read=lambda x: x,
    order=lambda layers: layers,
    between=lambda states, below: states[0],
    start=lambda states: None,
    top=lambda outputs: outputs[-1],
    last=lambda out: out[:, -1],
    every=lambda out: out,
    pair=lambda states: tuple(part[:, -1] for part in states),
    answer=lambda out, pairs: (out, pairs),
):
    """A stack from parts, so that one part at a time can be wrong.

    Args:
        step, parts: the cell, and of how many arrays its state consists.
        read: what happens to x, `order` what to the list of layers.
        between: what the next layer reads, from the layer's states and from what it read itself.
        start: where the next layer starts, from the states of the one below.
        top: the result, from the outputs of all layers.
        last, every: what is returned of it without and with return_sequences.
        pair, answer: a layer's final states, and what is returned with return_state.
    """

    def stack(x, layers, return_sequences=False, return_state=False):
        current, states, outputs, pairs = read(x), None, [], []
        for of_layer in order(layers):
            first = None if states is None else start(states)
            states = run_layer(step, parts, current, of_layer, first)
            outputs.append(states[0])
            pairs.append(pair(states))
            current = between(states, current)
        out = top(outputs)
        out = every(out) if return_sequences else last(out)
        return answer(out, pairs) if return_state else out

    return stack


def all_read_x(step, parts):
    def stack(x, layers, return_sequences=False, return_state=False):
        all_states = [run_layer(step, parts, x, of_layer) for of_layer in layers]
        out = all_states[-1][0] if return_sequences else all_states[-1][0][:, -1]
        pairs = [tuple(part[:, -1] for part in states) for states in all_states]
        return (out, pairs) if return_state else out

    return stack


def shared_state(step, parts):
    """All layers write into one variable, inside the loop over time."""

    def stack(x, layers, return_sequences=False, return_state=False):
        state = (np.zeros((len(x), len(layers[0][1]))),) * parts
        outputs, pairs = [], []
        for t in range(x.shape[1]):
            current, pairs = x[:, t], []
            for of_layer in layers:
                state = step(current, state, *of_layer)
                current = state[0]
                pairs.append(state)
            outputs.append(current)
        out = np.stack(outputs, axis=1) if return_sequences else outputs[-1]
        return (out, pairs) if return_state else out

    return stack


def flag_reversed(right):
    return lambda x, layers, return_sequences=False, **named: right(
        x, layers, not return_sequences, **named
    )


class UsesUp:
    """A stack that empties the list of layers that it is given."""

    def __init__(self, right):
        self.right = right

    def __call__(self, x, layers, return_sequences=False, return_state=False):
        mine = []
        while layers:
            mine.append(layers.pop(0))
        return self.right(x, mine, return_sequences, return_state)


class KeepsState:
    """A stack that goes on, when it meets a batch again, from where it stopped on it.

    What was kept is used up: two calls with the same arguments always differ, however many came before.
    """

    def __init__(self, step, parts):
        self.step, self.parts, self.kept = step, parts, {}

    def __call__(self, x, layers, return_sequences=False, return_state=False):
        starts = self.kept.pop(x.tobytes(), None)
        current, pairs = x, []
        for k, of_layer in enumerate(layers):
            states = run_layer(self.step, self.parts, current, of_layer, starts and starts[k])
            pairs.append(tuple(part[:, -1] for part in states))
            current = states[0]
        if starts is None:
            self.kept[x.tobytes()] = pairs
        out = current if return_sequences else current[:, -1]
        return (out, pairs) if return_state else out


def mistakes_of_both(step, parts):
    """Misconceptions about stacking itself, whatever the cell."""

    def stack(**changed):
        return stack_with(step, parts, **changed)

    right = stack()
    return [
        Misconception(
            "flat_between",
            stack(between=lambda states, below: states[0][:, -1]),
            "the layers below the top hand up their last output only, (B, H): the next layer needs a "
            "sequence, with a time axis. In Keras terms, what does every layer but the last return?",
        ),
        Misconception(
            "one_step_between",
            stack(between=lambda states, below: states[0][:, -1:]),
            "the upper layers read a single timestep, the last output of the layer below. They should read "
            "all of its outputs, in order.",
        ),
        Misconception(
            "last_repeated_between",
            stack(between=lambda states, below: repeat_last(states[0])),
            "the upper layers read the same thing at every timestep: the last output of the layer below, "
            "repeated. At timestep t they should read its output at t.",
        ),
        Misconception(
            "one_step_late",
            stack(between=lambda states, below: one_step_late(states[0])),
            "each layer sees the one below one step late. At timestep t a layer reads what the layer below "
            "puts out at the same t: update from bottom to top.",
        ),
        Misconception(
            "all_read_x",
            all_read_x(step, parts),
            "every layer reads x. Only the lowest one does: the others read the layer below.",
        ),
        Misconception(
            "top_first",
            stack(order=lambda layers: layers[::-1]),
            "the layers are used from top to bottom. layers[0] is the lowest, the one that reads x.",
        ),
        Misconception(
            "same_weights",
            stack(order=lambda layers: [layers[0]] * len(layers)),
            "the lowest layer's weights are used at every level. Each layer has its own W, U and b.",
        ),
        Misconception(
            "only_lowest",
            stack(top=lambda outputs: outputs[0]),
            "this is the output of the lowest layer. The result is the top's.",
        ),
        Misconception(
            "one_below_top",
            stack(top=lambda outputs: outputs[-2] if len(outputs) > 1 else outputs[-1]),
            "the top layer is left out. Does your loop run over all of `layers`?",
        ),
        Misconception(
            "outputs_joined",
            stack(top=lambda outputs: np.concatenate(outputs, axis=-1)),
            "the outputs of all layers are joined. Only the top layer's are wanted.",
        ),
        Misconception(
            "state_handed_up",
            stack(start=lambda states: tuple(part[:, -1] for part in states)),
            "each layer starts from the final state of the layer below. Between layers only outputs are "
            "handed up; every layer starts from zeros.",
        ),
        Misconception(
            "shared_state",
            shared_state(step, parts),
            "all layers share one variable for their state, so each overwrites the other's memory. Keep "
            "one state per layer.",
        ),
        Misconception(
            "shortcut",
            stack(
                between=lambda states, below: (
                    states[0] + below if states[0].shape == below.shape else states[0]
                )
            ),
            "where the sizes allow, a layer's input is added to its output. (Such shortcuts exist; here "
            "there is none.)",
        ),
        Misconception(
            "no_recurrence",
            stack_with(
                lambda x_t, state, *w: step(x_t, tuple(0 * part for part in state), *w), parts
            ),
            "every timestep starts from zeros again. The zero state is for the first timestep only.",
        ),
        Misconception(
            "no_bias",
            stack(order=lambda layers: [(W, U, 0 * b) for W, U, b in layers]),
            "the biases are missing.",
        ),
        Misconception(
            "backwards",
            stack(read=lambda x: x[:, ::-1]),
            "the sequence is read from its end. Timestep 0 comes first.",
        ),
        Misconception(
            "first_output",
            stack(last=lambda out: out[:, 0]),
            "without return_sequences you return the first output; the last one has read the whole "
            "sequence.",
        ),
        Misconception(
            "last_of_batch",
            stack(last=lambda out: out[-1]),
            "out[-1] takes the last sequence of the batch. The last timestep is on axis 1.",
        ),
        Misconception(
            "keeps_time_axis",
            stack(last=lambda out: out[:, -1:]),
            "the last output still has a time axis of length 1; needed is (B, H).",
        ),
        Misconception(
            "stacked_time_first",
            stack(every=lambda out: out.transpose(1, 0, 2).copy()),
            "the result has time on its first axis. The batch comes first: (B, T, H).",
        ),
        Misconception(
            "flag_reversed",
            flag_reversed(right),
            "return_sequences works the wrong way round: True asks for every output of the top.",
        ),
        Misconception(
            "always_sequences",
            stack(last=lambda out: out),
            "you always return every output. Without return_sequences only the top's last one is wanted.",
        ),
        Misconception(
            "in_place",
            UsesUp(right),
            "the list `layers` is empty afterwards: `pop` takes the items out of the caller's list. Go "
            "through it without changing it.",
            detects="inplace",
        ),
        Misconception(
            "keeps_state",
            KeepsState(step, parts),
            "the second call goes on from where the first one ended. Nothing may be kept between calls: "
            "every layer starts from zeros.",
            detects="state",
        ),
    ]


def two_arguments(misconceptions):
    """The same mistakes as functions of a stack without states."""

    def without_state(function):
        return lambda x, layers, return_sequences=False: function(x, layers, return_sequences)

    return [
        Misconception(m.id, without_state(m.function), m.hint, m.detects) for m in misconceptions
    ]


RNN = [
    Misconception(
        "linear_layers",
        lambda x, layers, return_sequences=False: stack_with(
            lambda x_t, state, W, U, b: (x_t @ W + state[0] @ U + b,)
        )(x, layers, return_sequences),
        "tanh is missing from the layers. Without it a stack is no more than one linear map per timestep.",
    ),
    Misconception(
        "tanh_at_top_only",
        lambda x, layers, return_sequences=False: np.tanh(
            stack_with(lambda x_t, state, W, U, b: (x_t @ W + state[0] @ U + b,))(
                x, layers, return_sequences
            )
        ),
        "tanh is applied to the top's output only. Every layer applies it at every timestep, and carries "
        "the result on.",
    ),
    *two_arguments(mistakes_of_both(rnn_step, 1)),
]


def lstm_stack(step=None, **changed):
    return stack_with(step or lstm_step_of(), 2, **changed)


def state_ignored(x, layers, return_sequences=False, return_state=False):
    return lstm_stack()(x, layers, return_sequences)


def always_state(x, layers, return_sequences=False, return_state=False):
    return lstm_stack()(x, layers, return_sequences, True)


LSTM = [
    *mistakes_of_both(lstm_step_of(), 2),
    Misconception(
        "cells_handed_up",
        lstm_stack(between=lambda states, below: states[1]),
        "the next layer reads the cell states. What an LSTM puts out is h; c stays inside its layer.",
    ),
    Misconception(
        "cell_handed_up_as_start",
        lstm_stack(start=lambda states: (0 * states[1][:, -1], states[1][:, -1])),
        "each layer's cell starts where the cell of the layer below ended. Every layer has a conveyor belt "
        "of its own, empty at the start.",
    ),
    Misconception(
        "order_ifoc",
        lstm_stack(lstm_step_of(blocks=lambda s: blocks(s.z, "ifoc", "ifco"))),
        "the last two gate blocks are exchanged inside your LSTM's step. Keras' order is i, f, c, o.",
    ),
    Misconception(
        "no_output_tanh",
        lstm_stack(lstm_step_of(h_t=lambda s: s.o * s.c_t)),
        "your LSTM's step puts the cell out without tanh.",
    ),
    Misconception(
        "states_top_first",
        lstm_stack(answer=lambda out, pairs: (out, pairs[::-1])),
        "the output is right; the states are listed from top to bottom. The lowest layer comes first.",
    ),
    Misconception(
        "pairs_reversed",
        lstm_stack(pair=lambda states: (states[1][:, -1], states[0][:, -1])),
        "the output is right; in every pair c stands before h. First h, then c.",
    ),
    Misconception(
        "states_of_top_only",
        lstm_stack(answer=lambda out, pairs: (out, pairs[-1:])),
        "only the top layer's states are returned; wanted is a pair for every layer.",
    ),
    Misconception(
        "states_as_one_layer",
        lstm_stack(answer=lambda out, pairs: (out, *pairs[-1])),
        "you return out, h and c, as a single layer does. A stack returns two values: out, and the list of "
        "all layers' pairs.",
    ),
    Misconception(
        "states_flat",
        lstm_stack(answer=lambda out, pairs: (out, [part for pair in pairs for part in pair])),
        "the states come as one flat list h, c, h, c, ... Keep h and c of a layer together in a pair.",
    ),
    Misconception(
        "states_by_kind",
        lstm_stack(answer=lambda out, pairs: (out, list(zip(*pairs)))),
        "the states are grouped as all h and all c. Wanted is one pair (h, c) per layer.",
    ),
    Misconception(
        "only_h",
        lstm_stack(answer=lambda out, pairs: (out, [h for h, _ in pairs])),
        "the cell states are missing: every layer's state has two parts.",
    ),
    Misconception(
        "states_without_output",
        lstm_stack(answer=lambda out, pairs: pairs),
        "with return_state the output is still wanted, in front of the states.",
    ),
    Misconception(
        "states_at_start",
        lstm_stack(pair=lambda states: tuple(part[:, 0] for part in states)),
        "these are the states after the first timestep; wanted are those after the last.",
    ),
    Misconception(
        "states_of_every_step",
        lstm_stack(pair=tuple),
        "you return the states of every timestep; return_state asks for the final ones, (B, H) each.",
    ),
    Misconception(
        "state_ignored",
        state_ignored,
        "right without return_state; with it the final states are wanted as well.",
    ),
    Misconception(
        "always_state",
        always_state,
        "you always return the states. Without return_state only the output is wanted.",
    ),
]


def counted(layer, embedding=lambda K, E: K * E, inputs=None):
    """A count from parts: weights per layer `layer(D, H)`, the embedding, and each layer's inputs."""
    inputs = inputs or (lambda E, units: [E, *units[:-1]])

    def count(vocab_size, embed_dim, units):
        sizes = zip(inputs(embed_dim, units), units)
        return embedding(vocab_size, embed_dim) + sum(layer(D, H) for D, H in sizes)

    return count


def simple(D, H):
    return D * H + H * H + H


def count_in_place(vocab_size, embed_dim, units):
    units.insert(0, embed_dim)
    return vocab_size * embed_dim + sum(simple(D, H) for D, H in zip(units, units[1:]))


COUNT = [
    Misconception(
        "no_embedding",
        counted(simple, embedding=lambda K, E: 0),
        "the recurrent layers are counted; the table of word vectors below them holds most of the weights.",
    ),
    Misconception(
        "embedding_bias",
        counted(simple, embedding=lambda K, E: K * E + E),
        "an embedding is a table with a row per word: it has no bias.",
    ),
    Misconception(
        "inputs_never_change",
        counted(simple, inputs=lambda E, units: [E] * len(units)),
        "every layer is counted as if it read the embedding. What is the input of the second layer?",
    ),
    Misconception(
        "inputs_of_own_size",
        counted(simple, inputs=lambda E, units: units),
        "every layer's input is taken to be as wide as the layer itself. It is as wide as what lies below.",
    ),
    Misconception(
        "lowest_only",
        lambda K, E, units: K * E + simple(E, units[0]),
        "only the lowest recurrent layer is counted.",
    ),
    Misconception(
        "first_times_depth",
        lambda K, E, units: K * E + len(units) * simple(E, units[0]),
        "the lowest layer's count is multiplied by the depth. The layers have sizes of their own.",
    ),
    Misconception(
        "no_bias",
        counted(lambda D, H: D * H + H * H),
        "the biases of the recurrent layers are missing.",
    ),
    Misconception(
        "no_recurrent_weights",
        counted(lambda D, H: D * H + H),
        "this counts Dense layers. Each recurrent layer also reads its own state.",
    ),
    Misconception(
        "two_biases",
        counted(lambda D, H: D * H + H * H + 2 * H),
        "one bias per unit: input and state share it. (PyTorch keeps two; Keras has one.)",
    ),
    Misconception(
        "lstm",
        counted(lambda D, H: 4 * simple(D, H)),
        "these are LSTM layers, with four blocks each. Here the layers are simple ones.",
    ),
    Misconception(
        "output_layer",
        lambda K, E, units: counted(simple)(K, E, units) + units[-1] * K + K,
        "a Dense layer back to the vocabulary is counted as well. The stack ends with its top layer.",
    ),
    Misconception(
        "in_place",
        count_in_place,
        "the list `units` has changed: `insert` and `append` write into the caller's list. Make a new one.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- right, but different


def rnn_time_outside(x, layers, return_sequences=False):
    """All layers inside one loop over time, a list of states."""
    states = [np.zeros((len(x), len(b))) for _, _, b in layers]
    outputs = []
    for t in range(x.shape[1]):
        current = x[:, t]
        for k, (W, U, b) in enumerate(layers):
            current = states[k] = np.tanh(current @ W + states[k] @ U + b)
        outputs.append(current)
    return np.stack(outputs, axis=1) if return_sequences else outputs[-1]


def rnn_recursive(x, layers, return_sequences=False):
    (W, U, b), *above = layers
    out = np.empty((*x.shape[:2], len(b)))
    h = np.zeros((len(x), len(b)))
    for t, projected in enumerate((x @ W + b).transpose(1, 0, 2)):
        h = out[:, t] = np.tanh(projected + h @ U)
    if above:
        return rnn_recursive(out, above, return_sequences)
    return out if return_sequences else h


def rnn_row_by_row(x, layers, return_sequences=False):
    rows = []
    for sequence in x:
        for W, U, b in layers:
            h, states = np.zeros(len(b)), []
            for x_t in sequence:
                h = np.tanh(np.einsum("d,dh->h", x_t, W) + np.einsum("k,kh->h", h, U) + b)
                states.append(h)
            sequence = np.array(states)
        rows.append(sequence)
    out = np.array(rows)
    return out if return_sequences else out[:, -1]


def rnn_float32_bias(x, layers, return_sequences=False):
    # The biases alone pass through float32: harmless at this tolerance.
    return rnn_recursive(x, [(W, U, b.astype(np.float32)) for W, U, b in layers], return_sequences)


def gates(z):
    i, f, g, o = np.split(z, 4, axis=-1)
    return *(1 / (1 + np.exp(-a)) for a in (i, f, o)), np.tanh(g)


def lstm_time_outside(x, layers, return_sequences=False, return_state=False):
    pairs = [(np.zeros((len(x), len(U))),) * 2 for _, U, _ in layers]
    outputs = []
    for x_t in x.swapaxes(0, 1):
        for k, (W, U, b) in enumerate(layers):
            h, c = pairs[k]
            i, f, o, g = gates(x_t @ W + h @ U + b)
            c = f * c + i * g
            x_t = o * np.tanh(c)
            pairs[k] = (x_t, c)
        outputs.append(x_t)
    out = np.stack(outputs, axis=1) if return_sequences else outputs[-1]
    return [out, tuple(pairs)] if return_state else out


def lstm_projected_first(x, layers, return_sequences=False, return_state=False):
    pairs = []
    for W, U, b in layers:
        projected = np.einsum("btd,dh->bth", x, W) + b
        h = c = np.zeros((len(x), len(U)))
        x = np.empty((*x.shape[:2], len(U)))
        for t in range(x.shape[1]):
            i, f, o, g = gates(projected[:, t] + h @ U)
            c = f * c + i * g
            h = x[:, t] = o * np.tanh(c)
        pairs.append([h, c])
    out = x if return_sequences else x[:, -1]
    return (out, pairs) if return_state else out


def lstm_row_by_row(x, layers, return_sequences=False, return_state=False):
    rows = [lstm_projected_first(row[None], layers, True, True) for row in x]
    out = np.concatenate([row for row, _ in rows])
    pairs = [
        tuple(np.concatenate([pairs[k][part] for _, pairs in rows]) for part in (0, 1))
        for k in range(len(layers))
    ]
    out = out if return_sequences else out[:, -1]
    return (out, pairs) if return_state else out


def count_running(vocab_size, embed_dim, units):
    total, below = vocab_size * embed_dim, embed_dim
    for H in units:
        total += H * (below + H + 1)
        below = H
    return np.int64(total)


ASSIGNMENT = Assignment(
    name="stacking",
    allows=["numpy", "matplotlib"],
    checks=[
        Check(
            name="stacked_rnn",
            points=6,
            returns=["the output (B, H) (B, T, H)"],
            groups=[
                Group("last", "the top's last output", 2),
                Group("sequences", "every output of the top", 1.5),
                Group("equal", "layers of equal size: which is which?", 1),
                Group("edge", "a single layer, sequence or timestep; five layers", 1.5),
            ],
            cases=rnn_cases,
            reference=stacked_rnn,
            misconceptions=RNN,
            right={
                "time outside, layers inside": rnn_time_outside,
                "recursion over the layers": rnn_recursive,
                "sequence by sequence": rnn_row_by_row,
                "biases in float32": rnn_float32_bias,
            },
        ),
        Check(
            name="stacked_lstm",
            points=7,
            returns=["out (B, H) (B, T, H)", "the states"],
            groups=[
                Group("last", "the top's last output", 2),
                Group("sequences", "every output of the top", 1.5),
                Group("state", "the final states of all layers as well", 2),
                Group("edge", "a single layer, sequence or timestep; four layers", 1.5),
            ],
            cases=lstm_cases,
            reference=stacked_lstm,
            misconceptions=LSTM,
            right={
                "time outside, layers inside": lstm_time_outside,
                "all inputs projected first": lstm_projected_first,
                "sequence by sequence": lstm_row_by_row,
            },
        ),
        Check(
            name="stack_param_count",
            points=3,
            returns=["the count"],
            groups=[
                Group("one", "one recurrent layer on the embedding", 1),
                Group("several", "several layers", 2),
            ],
            cases=count_cases,
            reference=stack_param_count,
            misconceptions=COUNT,
            right={
                "a running total": count_running,
                "layer by layer": counted(simple),
            },
        ),
    ],
)
