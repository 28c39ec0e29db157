"""Checks of `bidirectional`: reversal with lengths, a bidirectional RNN and a masked LSTM.

The references are `keras.layers.Bidirectional` with given weights (merge modes and the mask are
Keras' own) and `tf.reverse_sequence`.
"""

import numpy as np
from keras_layers import bidirectional_masked_lstm, bidirectional_simple_rnn, reversed_valid_parts

from autograder.authoring import Assignment, Case, Check, Group, Misconception, Raises

# --------------------------------------------------------------------------- inputs


def weights(rng, D, H, gates=1):
    """Signed weights `W (D, G*H)`, `U (H, G*H)`, `b (G*H,)` that do not saturate."""
    W = rng.normal(0, 0.8 / np.sqrt(D), (D, gates * H))
    U = rng.normal(0, 0.8 / np.sqrt(H), (H, gates * H))
    return W, U, rng.normal(0, 0.4, gates * H)


def reverse_case(slot, group, rng, lengths, T, D):
    x = rng.normal(0, 1, (len(lengths), T, D))
    return Case(slot, group, x, np.array(lengths, dtype=np.int64))


def reverse_cases(rng):
    yield reverse_case("three lengths", "ragged", rng, rng.permutation([5, 3, 4]), 6, 2)
    yield reverse_case("one sequence fills its row", "ragged", rng, [4, 6, 2, 3], 6, 5)
    yield reverse_case("as many sequences as timesteps", "ragged", rng, [2, 4, 3, 4], 4, 3)
    yield reverse_case("no padding at all", "edge", rng, [5, 5], 5, 3)
    yield reverse_case("a sequence of length 1 among others", "edge", rng, [1, 4], 5, 1)
    yield reverse_case("one sequence, half of it padding", "edge", rng, [4], 8, 2)


def rnn_case(slot, group, rng, B, T, D, H, *flags, expects=None, **named):
    x = rng.normal(0, 1, (B, T, D))
    args = (x, weights(rng, D, H), weights(rng, D, H), *flags)
    return Case(slot, group, *args, expects=expects, **named)


def rnn_cases(rng):
    every = {"return_sequences": True}
    yield rnn_case("a batch, last outputs", "last", rng, 2, 5, 3, 4)
    yield rnn_case("as many features as units, last outputs", "last", rng, 3, 4, 5, 5)
    yield rnn_case("a batch, every output", "sequences", rng, 3, 5, 2, 4, **every)
    yield rnn_case("as many sequences as timesteps", "sequences", rng, 4, 4, 3, 2, **every)
    yield rnn_case(
        "as many features as units, every output", "sequences", rng, 2, 6, 3, 3, "concat", True
    )
    yield rnn_case("sum of every output", "modes", rng, 2, 4, 3, 5, merge_mode="sum", **every)
    yield rnn_case("product of the last outputs", "modes", rng, 3, 5, 4, 2, "mul")
    yield rnn_case("mean of every output", "modes", rng, 2, 5, 3, 4, "ave", True)
    yield rnn_case("None: a pair of sequences", "modes", rng, 3, 4, 2, 5, merge_mode=None, **every)
    yield rnn_case("None: a pair of last outputs", "modes", rng, 2, 6, 3, 4, None)
    yield rnn_case(
        "a mode that does not exist", "modes", rng, 2, 4, 3, 2, "max", expects=Raises("ValueError")
    )
    yield rnn_case("one timestep", "edge", rng, 3, 1, 2, 4, **every)
    yield rnn_case("one sequence, 25 timesteps", "edge", rng, 1, 25, 3, 2)
    yield rnn_case("one feature, one unit", "edge", rng, 2, 5, 1, 1, **every)


def lstm_case(slot, group, rng, lengths, T, D, H, scale=1.0, padding=1.0, **flags):
    x = rng.normal(0, scale, (len(lengths), T, D))
    for row, length in zip(x, lengths):
        row[length:] = rng.normal(0, padding, row[length:].shape)
    lengths = np.array(lengths, dtype=np.int64)
    return Case(slot, group, x, lengths, weights(rng, D, H, 4), weights(rng, D, H, 4), **flags)


def lstm_cases(rng):
    every = {"return_sequences": True}
    yield lstm_case("no padding, last outputs", "full", rng, [4, 4], 4, 3, 2)
    yield lstm_case("no padding, every output", "full", rng, [5, 5, 5], 5, 2, 4, **every)
    yield lstm_case("three lengths, last outputs", "last", rng, [3, 6, 4], 6, 2, 5)
    yield lstm_case("every row padded, last outputs", "last", rng, [4, 2], 6, 3, 3, padding=4.0)
    yield lstm_case("three lengths, every output", "sequences", rng, [5, 2, 6], 6, 4, 3, **every)
    yield lstm_case(
        "every row padded, every output", "sequences", rng, [2, 4], 7, 3, 3, padding=4.0, **every
    )
    yield lstm_case("as many rows as timesteps", "sequences", rng, [4, 1, 3, 2], 4, 2, 3, **every)
    yield lstm_case("one sequence, one feature, one unit", "edge", rng, [4], 6, 1, 1, **every)
    yield lstm_case("one timestep", "edge", rng, [1, 1], 1, 3, 4)
    yield lstm_case("large inputs", "edge", rng, [5, 3], 5, 3, 2, scale=1500.0)


def count_cases(rng):
    D, H = (int(n) for n in rng.integers(3, 40, 2))
    yield Case("simple recurrent layer", "rnn", D, H + D, "rnn")
    yield Case("simple recurrent layer, one feature", "rnn", 1, H, "rnn")
    yield Case("LSTM", "gated", H + D, H, "lstm")
    yield Case("LSTM, by name", "gated", D=D, H=H, cell="lstm")
    yield Case("GRU", "gated", D, H + 1, "gru")


# --------------------------------------------------------------------------- references


def reverse_sequences(x, lengths):
    return reversed_valid_parts(x, lengths)


def bidirectional_rnn(x, forward, backward, merge_mode="concat", return_sequences=False):
    return bidirectional_simple_rnn(x, forward, backward, merge_mode, return_sequences)


def bidirectional_lstm(x, lengths, forward, backward, return_sequences=False):
    return bidirectional_masked_lstm(x, lengths, forward, backward, return_sequences)


def bidirectional_param_count(D, H, cell):
    import keras

    layers = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    layer = keras.layers.Bidirectional(layers[cell](H))
    layer.build((None, None, D))
    return layer.count_params()


# --------------------------------------------------------------------------- misconceptions: reversal


def reverse(x, lengths):
    out = x.copy()
    for i, n in enumerate(lengths):
        out[i, :n] = x[i, :n][::-1]
    return out


def reverse_in_place(x, lengths):
    for i, n in enumerate(lengths):
        x[i, :n] = x[i, :n][::-1].copy()
    return x


def reverse_zero_padding(x, lengths):
    out = np.zeros_like(x)
    for i, n in enumerate(lengths):
        out[i, :n] = x[i, :n][::-1]
    return out


def reverse_padding_first(x, lengths):
    return np.stack([np.concatenate([row[n:], row[:n][::-1]]) for row, n in zip(x, lengths)])


REVERSE = [
    Misconception(
        "whole_row",
        lambda x, lengths: x[:, ::-1].copy(),
        "the whole row is reversed, its padding along with it: the padding stands in front now. Only the "
        "first lengths[i] timesteps of row i change places.",
    ),
    Misconception(
        "padding_first",
        reverse_padding_first,
        "the valid part is reversed, but it has moved to the end of the row. It starts at timestep 0, "
        "as before; the padding keeps its place.",
    ),
    Misconception(
        "padding_erased",
        reverse_zero_padding,
        "the padded positions became 0. They keep what they held; only the valid part changes.",
    ),
    Misconception(
        "batch_reversed",
        lambda x, lengths: x[::-1].copy(),
        "the order of the sequences in the batch is reversed. Time is axis 1.",
    ),
    Misconception(
        "features_reversed",
        lambda x, lengths: x[:, :, ::-1].copy(),
        "features change places instead of timesteps. x[i] is (T, D): time is its first axis.",
    ),
    Misconception(
        "features_too",
        lambda x, lengths: reverse(x, lengths)[:, :, ::-1].copy(),
        "the timesteps are in the right order, but each one's features are reversed too.",
    ),
    Misconception(
        "first_length_for_all",
        lambda x, lengths: reverse(x, np.full(len(x), lengths[0])),
        "the first row is right; the others are reversed with its length. Row i has lengths[i].",
    ),
    Misconception(
        "longest_length_for_all",
        lambda x, lengths: reverse(x, np.full(len(x), max(lengths))),
        "every row is reversed over the longest length: the shorter ones take padding along. Row i has "
        "lengths[i].",
    ),
    Misconception(
        "one_short",
        lambda x, lengths: reverse(x, np.asarray(lengths) - 1),
        "the last valid timestep stays where it was. x[:n] already stops before index n.",
    ),
    Misconception(
        "one_too_many",
        lambda x, lengths: reverse(x, np.asarray(lengths) + 1),
        "one step of padding is reversed along. The valid part has the indices 0 to lengths[i] - 1.",
    ),
    Misconception(
        "cut",
        lambda x, lengths: reverse(x, lengths)[:, : max(lengths)].copy(),
        "the result is shorter than x when every sequence is padded. Keep all T timesteps.",
    ),
    Misconception(
        "in_place",
        reverse_in_place,
        "the caller's x is reversed. Work on a copy.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- misconceptions: RNN


def states(x, layer, h_0=None):
    """All states of a simple RNN, (B, T, H)."""
    W, U, b = layer
    h = np.zeros((x.shape[0], U.shape[0])) if h_0 is None else h_0
    outputs = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + h @ U + b)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def merge(f, b, mode):
    match mode:
        case "concat":
            return np.concatenate([f, b], axis=-1)
        case "sum":
            return f + b
        case "mul":
            return f * b
        case "ave":
            return (f + b) / 2
        case None:
            return f, b
    raise ValueError(mode)


def rnn_from_parts(
    flip=lambda x: x[:, ::-1],
    back=lambda s: s[:, ::-1],
    last=lambda f, b: (f[:, -1], b[:, -1]),
    merge=merge,
    run_backward=None,
    weights=lambda f, b: (f, b),
):
    """A bidirectional RNN from parts, so that one part at a time can be wrong.

    `last` gets both directions in the order in which they were read.
    """

    def layer(x, forward, backward, merge_mode="concat", return_sequences=False):
        forward, backward = weights(forward, backward)
        f = states(x, forward)
        b = run_backward(x, f, backward) if run_backward else states(flip(x), backward)
        if return_sequences:
            return merge(f, back(b), merge_mode)
        return merge(*last(f, b), merge_mode)

    return layer


rnn_right = rnn_from_parts()


def merge_but(**changed):
    """`merge` with some modes wrong."""

    def wrong(f, b, mode):
        return changed[str(mode)](f, b) if str(mode) in changed else merge(f, b, mode)

    return wrong


def merge_unknown(f, b, mode):
    return merge(f, b, mode if mode in ("sum", "mul", "ave", None) else "concat")


def merge_unknown_to_none(f, b, mode):
    return merge(f, b, mode) if mode in ("concat", "sum", "mul", "ave", None) else None


def rnn_pair_not_flipped(x, forward, backward, merge_mode="concat", return_sequences=False):
    back = (lambda s: s) if merge_mode is None else (lambda s: s[:, ::-1])
    return rnn_from_parts(back=back)(x, forward, backward, merge_mode, return_sequences)


def rnn_in_place(x, forward, backward, merge_mode="concat", return_sequences=False):
    f = states(x, forward)
    x[:] = x[:, ::-1].copy()
    b = states(x, backward)
    if return_sequences:
        return merge(f, b[:, ::-1], merge_mode)
    return merge(f[:, -1], b[:, -1], merge_mode)


class KeepsState:
    """A layer whose forward half goes on from where the last call with the same shapes stopped."""

    def __init__(self):
        self.kept = {}

    def __call__(self, x, forward, backward, merge_mode="concat", return_sequences=False):
        shapes = x.shape + forward[1].shape
        f, b = states(x, forward, self.kept.get(shapes)), states(x[:, ::-1], backward)
        self.kept[shapes] = f[:, -1]
        if return_sequences:
            return merge(f, b[:, ::-1], merge_mode)
        return merge(f[:, -1], b[:, -1], merge_mode)


RNN = [
    Misconception(
        "not_flipped_back",
        rnn_from_parts(back=lambda s: s),
        "the backward half is still in the order in which it was read: at position t it must show the "
        "state after reading x[T-1] down to x[t].",
    ),
    Misconception(
        "pair_not_flipped",
        rnn_pair_not_flipped,
        "with merge_mode=None the backward half is left in the order in which it was read. It is "
        "aligned with the forward half in every mode.",
    ),
    Misconception(
        "last_column",
        rnn_from_parts(last=lambda f, b: (f[:, -1], b[:, 0])),
        "the backward half is taken at timestep T-1, where it has read a single input. Where in time "
        "does it end?",
    ),
    Misconception(
        "both_first",
        rnn_from_parts(last=lambda f, b: (f[:, 0], b[:, -1])),
        "both halves are taken at timestep 0. The backward half ends there, the forward half begins.",
    ),
    Misconception(
        "not_reversed",
        rnn_from_parts(flip=lambda x: x, back=lambda s: s),
        "both halves read the sequence forwards. The backward one must start at its end.",
    ),
    Misconception(
        "batch_reversed",
        rnn_from_parts(flip=lambda x: x[::-1], back=lambda s: s[::-1]),
        "x[::-1] reverses the order of the sequences, not of the timesteps. Time is axis 1.",
    ),
    Misconception(
        "features_reversed",
        rnn_from_parts(flip=lambda x: x[:, :, ::-1], back=lambda s: s),
        "the backward half reads each timestep's features in reverse. It is the timesteps, axis 1, that "
        "change order.",
    ),
    Misconception(
        "shared_weights",
        rnn_from_parts(weights=lambda f, b: (f, f)),
        "both halves use the weights of `forward`. They are two networks with weights of their own.",
    ),
    Misconception(
        "weights_exchanged",
        rnn_from_parts(weights=lambda f, b: (b, f)),
        "the forward half runs with `backward`'s weights and the backward half with `forward`'s.",
    ),
    Misconception(
        "backward_first",
        rnn_from_parts(merge=merge_but(concat=lambda f, b: np.concatenate([b, f], -1))),
        "the halves are joined in the wrong order: the forward half comes first.",
    ),
    Misconception(
        "pair_exchanged",
        rnn_from_parts(merge=merge_but(**{"None": lambda f, b: (b, f)})),
        "with merge_mode=None the pair comes in the wrong order: (forward, backward).",
    ),
    Misconception(
        "joined_in_time",
        rnn_from_parts(merge=merge_but(concat=lambda f, b: np.concatenate([f, b], axis=-2))),
        "the halves are laid one after the other along the wrong axis. At every timestep their units "
        "stand side by side: 2H features.",
    ),
    Misconception(
        "backward_goes_on",
        rnn_from_parts(run_backward=lambda x, f, w: states(x[:, ::-1], w, f[:, -1])),
        "the backward half starts from the state in which the forward half ended. The two know nothing "
        "of each other: both start from zeros.",
    ),
    Misconception(
        "reads_forward_states",
        rnn_from_parts(run_backward=lambda x, f, w: states(f[:, ::-1], w)),
        "the backward half reads the forward half's states, as a second layer of a stack would. Both "
        "halves read x.",
    ),
    Misconception(
        "mode_ignored",
        rnn_from_parts(merge=lambda f, b, mode: np.concatenate([f, b], axis=-1)),
        "the halves are concatenated whatever merge_mode says.",
    ),
    Misconception(
        "ave_is_sum",
        rnn_from_parts(merge=merge_but(ave=lambda f, b: f + b)),
        "`ave` gives the sum. What turns a sum of two into a mean?",
    ),
    Misconception(
        "mul_is_sum",
        rnn_from_parts(merge=merge_but(mul=lambda f, b: f + b)),
        "`mul` gives the sum; it is the product, element by element.",
    ),
    Misconception(
        "one_array_for_none",
        rnn_from_parts(merge=merge_but(**{"None": lambda f, b: np.stack([f, b])})),
        "with merge_mode=None the two halves come stacked in one array. Return them as a pair.",
    ),
    Misconception(
        "none_is_concat",
        rnn_from_parts(merge=merge_but(**{"None": lambda f, b: np.concatenate([f, b], axis=-1)})),
        "merge_mode=None means: do not merge. Return the two halves as a pair.",
    ),
    Misconception(
        "unknown_is_concat",
        rnn_from_parts(merge=merge_unknown),
        "a mode that does not exist is taken for `concat`. A typing error would go unnoticed: raise "
        "ValueError.",
    ),
    Misconception(
        "unknown_is_nothing",
        rnn_from_parts(merge=merge_unknown_to_none),
        "for a mode that does not exist the function falls through and returns None. Raise ValueError.",
    ),
    Misconception(
        "flag_reversed",
        lambda x, forward, backward, merge_mode="concat", return_sequences=False: rnn_right(
            x, forward, backward, merge_mode, not return_sequences
        ),
        "return_sequences works the wrong way round: True asks for every output.",
    ),
    Misconception(
        "in_place",
        rnn_in_place,
        "x is reversed where it stands, and the caller's data with it. Reverse into a new array.",
        detects="inplace",
    ),
    Misconception(
        "keeps_state",
        KeepsState(),
        "the second call goes on from where the first one ended. Nothing may be kept between calls: "
        "start from zeros every time.",
        detects="state",
    ),
]

# --------------------------------------------------------------------------- misconceptions: LSTM


def sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * z))


def sigmoid_overflowing(z):
    return np.exp(z) / (1 + np.exp(z))


def lstm_states(
    x, layer, start=None, order=(0, 1, 2, 3), gate=sigmoid, candidate=np.tanh, squash=np.tanh
):
    """All h and c of an LSTM over unpadded input, each (B, T, H)."""
    W, U, b = layer
    H = U.shape[0]
    h, c = (np.zeros((len(x), H)), np.zeros((len(x), H))) if start is None else start
    hs, cs = [], []
    for t in range(x.shape[1]):
        z = x[:, t] @ W + h @ U + b
        i, f, g, o = (z[:, k * H : (k + 1) * H] for k in order)
        c = gate(f) * c + gate(i) * candidate(g)
        h = gate(o) * squash(c)
        hs.append(h)
        cs.append(c)
    return np.stack(hs, axis=1), np.stack(cs, axis=1)


def valid(x, lengths):
    return (np.arange(x.shape[1]) < np.asarray(lengths)[:, None])[..., None]


def at(outputs, steps):
    return outputs[np.arange(len(outputs)), steps]


def lstm_from_parts(
    flip=reverse,
    back=reverse,
    padding=lambda out, lengths: out * valid(out, lengths),
    last=lambda f, b, n: (at(f, n - 1), b[:, 0]),
    weights=lambda f, b: (f, b),
    first=lambda f, b: (f, b),
    prepare=lambda x, lengths: x,
    pick=0,
    goes_on=False,
    **cell,
):
    """A masked bidirectional LSTM from parts; `last` gets both halves in forward time."""

    def layer(x, lengths, forward, backward, return_sequences=False):
        forward, backward = weights(forward, backward)
        x = prepare(x, lengths)
        both = lstm_states(x, forward, **cell)
        start = tuple(at(s, lengths - 1) for s in both) if goes_on else None
        f = both[pick]
        b = back(lstm_states(flip(x, lengths), backward, start, **cell)[pick], lengths)
        if return_sequences:
            return padding(np.concatenate(first(f, b), axis=-1), lengths)
        return np.concatenate(first(*last(f, b, lengths)), axis=-1)

    return layer


def whole_row(x, lengths):
    return x[:, ::-1]


def repeat_last(out, lengths):
    """What a masked layer gives by itself: padded positions show the last valid output."""
    steps = np.minimum(np.arange(out.shape[1]), np.asarray(lengths)[:, None] - 1)
    return np.take_along_axis(out, steps[..., None], axis=1)


def lstm_repeats(x, lengths, forward, backward, return_sequences=False):
    f = repeat_last(lstm_states(x, forward)[0], lengths)
    b = lstm_states(reverse(x, lengths), backward)[0]
    b = reverse(b, lengths) * valid(x, lengths)
    if return_sequences:
        return np.concatenate([f, b], axis=-1)
    return np.concatenate([f[:, -1], b[:, 0]], axis=-1)


def lstm_cut(x, lengths, forward, backward, return_sequences=False):
    return lstm_right(x[:, : max(lengths)], lengths, forward, backward, return_sequences)


lstm_right = lstm_from_parts()


def lstm_in_place(x, lengths, forward, backward, return_sequences=False):
    x *= valid(x, lengths)
    return lstm_right(x, lengths, forward, backward, return_sequences)


LSTM = [
    Misconception(
        "lengths_ignored",
        lstm_from_parts(
            flip=whole_row,
            back=whole_row,
            padding=lambda out, lengths: out,
            last=lambda f, b, n: (f[:, -1], b[:, 0]),
        ),
        "the padding is read like any other input, in both directions. Which of your steps looks at "
        "`lengths`?",
    ),
    Misconception(
        "backward_reads_padding",
        lstm_from_parts(flip=whole_row, back=whole_row),
        "the forward half is right; the backward half starts in the padding and arrives at the text "
        "with a state that is no longer zero.",
    ),
    Misconception(
        "flipped_back_whole_row",
        lstm_from_parts(back=whole_row, last=lambda f, b, n: (at(f, n - 1), b[:, -1])),
        "the input is reversed by lengths, but the backward outputs are flipped back over the whole row: "
        "they slide into the padding.",
    ),
    Misconception(
        "not_flipped_back",
        lstm_from_parts(
            back=lambda s, lengths: s, last=lambda f, b, n: (at(f, n - 1), at(b, n - 1))
        ),
        "the last outputs are right; with return_sequences the backward half is still in the order in "
        "which it was read.",
    ),
    Misconception(
        "padding_not_zero",
        lstm_from_parts(padding=lambda out, lengths: out),
        "the valid positions are right; the padded ones show what the network made of the padding. They "
        "are 0 here.",
    ),
    Misconception(
        "last_output_repeated",
        lstm_repeats,
        "at padded positions the forward half repeats its last output, as a single masked layer does. "
        "Bidirectional layers put 0 there.",
    ),
    Misconception(
        "zero_inputs",
        lstm_from_parts(
            prepare=lambda x, lengths: x * valid(x, lengths),
            flip=whole_row,
            back=whole_row,
            last=lambda f, b, n: (f[:, -1], b[:, 0]),
        ),
        "setting padded inputs to 0 does not skip them: the state still changes through U and b at every "
        "padded step.",
    ),
    Misconception(
        "last_column",
        lstm_from_parts(last=lambda f, b, n: (f[:, -1], b[:, 0])),
        "the forward half is taken at the end of the row, after the padding. Each sequence ends at its "
        "own length.",
    ),
    Misconception(
        "both_at_the_end",
        lstm_from_parts(last=lambda f, b, n: (at(f, n - 1), at(b, n - 1))),
        "without return_sequences the backward half is taken at the last valid timestep, where it has "
        "read one input. Where in time has it read everything?",
    ),
    Misconception(
        "one_past_the_end",
        lstm_from_parts(last=lambda f, b, n: (at(f, np.minimum(n, f.shape[1] - 1)), b[:, 0])),
        "the forward half is taken one step too late: a sequence of length n ends at index n - 1.",
    ),
    Misconception(
        "longest_length",
        lambda x, lengths, forward, backward, return_sequences=False: lstm_right(
            x, np.full_like(lengths, max(lengths)), forward, backward, return_sequences
        ),
        "every sequence is treated as if it were as long as the longest. Row i has lengths[i].",
    ),
    Misconception(
        "cut",
        lstm_cut,
        "the result is cut to the longest sequence of the batch. It keeps all T = x.shape[1] timesteps.",
    ),
    Misconception(
        "shared_weights",
        lstm_from_parts(weights=lambda f, b: (f, f)),
        "both halves use the weights of `forward`. They are two networks with weights of their own.",
    ),
    Misconception(
        "backward_first",
        lstm_from_parts(first=lambda f, b: (b, f)),
        "the halves are joined in the wrong order: the forward half comes first.",
    ),
    Misconception(
        "backward_goes_on",
        lstm_from_parts(goes_on=True),
        "the backward half starts from the state in which the forward half ended. Both start from zeros.",
    ),
    Misconception(
        "gate_order",
        lstm_from_parts(order=(0, 1, 3, 2)),
        "the last two gate blocks are exchanged. Keras keeps them in the order i, f, c, o.",
    ),
    Misconception(
        "forget_first",
        lstm_from_parts(order=(1, 0, 2, 3)),
        "the first two gate blocks are exchanged. Keras keeps them in the order i, f, c, o.",
    ),
    Misconception(
        "candidate_sigmoid",
        lstm_from_parts(candidate=sigmoid),
        "the candidate went through the sigmoid with the gates. It goes through tanh.",
    ),
    Misconception(
        "no_tanh_on_c",
        lstm_from_parts(squash=lambda c: c),
        "the output gate multiplies c itself; before that, c goes through tanh.",
    ),
    Misconception(
        "cell_state",
        lstm_from_parts(pick=1),
        "what you return is the cell state c. The output of an LSTM is h.",
    ),
    Misconception(
        "overflow",
        lstm_from_parts(gate=sigmoid_overflowing),
        "large inputs give NaN: exp(z) / (1 + exp(z)) becomes inf / inf. Write the sigmoid so that exp "
        "never gets a large positive number.",
    ),
    Misconception(
        "in_place",
        lstm_in_place,
        "the padding of the caller's x is overwritten. Work on a new array.",
        detects="inplace",
    ),
]


COUNT = [
    Misconception(
        "one_direction",
        lambda D, H, cell: count(D, H, cell) // 2,
        "this is one direction. There are two networks with weights of their own.",
    ),
    Misconception(
        "one_gru_bias",
        lambda D, H, cell: 2 * {"rnn": 1, "lstm": 4, "gru": 3}[cell] * H * (D + H + 1),
        "the GRU's count is too small. In Keras' default, reset_after=True, its bias has two rows.",
    ),
    Misconception(
        "gates_forgotten",
        lambda D, H, cell: 2 * H * (D + H + 1),
        "all cells get the count of the simple one. How many blocks of weights does a gated cell have?",
    ),
    Misconception(
        "candidate_forgotten",
        lambda D, H, cell: 2 * ({"rnn": 1, "lstm": 3, "gru": 2}[cell] * H * (D + H + 1)),
        "the gates are counted, the candidate is not. It has weights like a gate.",
    ),
    Misconception(
        "no_bias",
        lambda D, H, cell: 2 * {"rnn": 1, "lstm": 4, "gru": 3}[cell] * H * (D + H),
        "the matrices are counted; every block also has a bias.",
    ),
    Misconception(
        "merged_state",
        lambda D, H, cell: count(D, 2 * H, cell) // 2,
        "this is one layer of 2H units. Its halves would read each other's state: two directions do not.",
    ),
    Misconception(
        "reads_merged_output",
        lambda D, H, cell: (count(D, H, cell) + count(H, H, cell)) // 2,
        "the second direction is counted as if it read the first one's output (H). Both read x (D).",
    ),
]


def count(D, H, cell):
    gates, biases = {"rnn": (1, 1), "lstm": (4, 1), "gru": (3, 2)}[cell]
    return 2 * gates * H * (D + H + biases)


# --------------------------------------------------------------------------- right, but different


def reverse_by_index(x, lengths):
    steps = np.arange(x.shape[1])
    index = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return x[np.arange(len(x))[:, None], index]


def reverse_take_along(x, lengths):
    steps = np.arange(x.shape[1])[None]
    index = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return np.take_along_axis(x, index[..., None], axis=1)


def reverse_elementwise(x, lengths):
    out = np.empty_like(x)
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            source = lengths[b] - 1 - t if t < lengths[b] else t
            for d in range(x.shape[2]):
                out[b, t, d] = x[b, source, d]
    return out


def rnn_filled_from_the_end(x, forward, backward, merge_mode="concat", return_sequences=False):
    if merge_mode not in ("concat", "sum", "mul", "ave", None):
        raise ValueError(f"unknown merge mode {merge_mode!r}")
    B, T, _ = x.shape
    H = forward[1].shape[0]
    f, b = np.empty((B, T, H)), np.empty((B, T, H))
    h = np.zeros((B, H))
    for t in range(T):
        h = f[:, t] = np.tanh(x[:, t] @ forward[0] + h @ forward[1] + forward[2])
    h = np.zeros((B, H))
    for t in reversed(range(T)):
        h = b[:, t] = np.tanh(x[:, t] @ backward[0] + h @ backward[1] + backward[2])
    if not return_sequences:
        f, b = f[:, -1], b[:, 0]
    if merge_mode is None:
        return [f, b]
    merged = {"sum": f + b, "mul": np.multiply(f, b), "ave": 0.5 * f + 0.5 * b}
    return merged.get(merge_mode, np.concatenate([f, b], axis=-1))


def rnn_einsum(x, forward, backward, merge_mode="concat", return_sequences=False):
    halves = []
    for (W, U, b), order in ((forward, 1), (backward, -1)):
        projected = np.einsum("btd,dh->tbh", x, W)[::order] + b
        h, outputs = np.zeros((len(x), len(U))), []
        for z in projected:
            h = np.tanh(z + np.einsum("bk,kh->bh", h, U))
            outputs.append(h)
        sequence = np.array(outputs)[::order].swapaxes(0, 1)
        halves.append(sequence if return_sequences else h)
    return merge(*halves, merge_mode)


def rnn_row_by_row(x, forward, backward, merge_mode="concat", return_sequences=False):
    rows = [rnn_right(r[None], forward, backward, merge_mode, return_sequences) for r in x]
    if merge_mode is None:
        return tuple(np.concatenate([row[k] for row in rows]) for k in range(2))
    return np.concatenate(rows)


def lstm_row_by_row(x, lengths, forward, backward, return_sequences=False):
    """Each sequence on its own, without its padding."""
    H = forward[1].shape[0]
    out = np.zeros((*x.shape[:2], 2 * H))
    last = np.zeros((len(x), 2 * H))
    for i, n in enumerate(lengths):
        f = lstm_states(x[i : i + 1, :n], forward)[0][0]
        b = lstm_states(x[i : i + 1, :n][:, ::-1], backward)[0][0]
        out[i, :n, :H], out[i, :n, H:] = f, b[::-1]
        last[i, :H], last[i, H:] = f[-1], b[-1]
    return out if return_sequences else last


def lstm_masked(x, lengths, forward, backward, return_sequences=False):
    """The mask inside the loop, as Keras does it: a padded step keeps the state."""
    B, T, _ = x.shape
    H = forward[1].shape[0]
    out = np.zeros((B, T, 2 * H))
    ends = []
    for (W, U, b), steps, half in (
        (forward, range(T), slice(0, H)),
        (backward, range(T - 1, -1, -1), slice(H, 2 * H)),
    ):
        h, c = np.zeros((B, H)), np.zeros((B, H))
        for t in steps:
            keep = (t < lengths)[:, None]
            z = np.split(x[:, t] @ W + h @ U + b, 4, axis=1)
            i, f, o = (sigmoid(z[k]) for k in (0, 1, 3))
            c_new = f * c + i * np.tanh(z[2])
            h, c = np.where(keep, o * np.tanh(c_new), h), np.where(keep, c_new, c)
            out[:, t, half] = np.where(keep, h, 0)
        ends.append(h)
    return out if return_sequences else np.hstack(ends)


def sigmoid_two_sided(z):
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + small), small / (1 + small))


def lstm_float32_bias(x, lengths, forward, backward, return_sequences=False):
    # The biases alone pass through float32: harmless at this tolerance.
    forward, backward = ((W, U, b.astype(np.float32)) for W, U, b in (forward, backward))
    layer = lstm_from_parts(gate=sigmoid_two_sided)
    return layer(x, lengths, forward, backward, return_sequences)


ASSIGNMENT = Assignment(
    name="bidirectional",
    allows=["numpy", "matplotlib"],
    checks=[
        Check(
            name="reverse_sequences",
            points=4,
            returns=["the reversed batch (B, T, D)"],
            groups=[
                Group("ragged", "sequences of several lengths", 3),
                Group("edge", "no padding, length 1, a single sequence", 1),
            ],
            cases=reverse_cases,
            reference=reverse_sequences,
            misconceptions=REVERSE,
            right={
                "fancy indexing": reverse_by_index,
                "take_along_axis": reverse_take_along,
                "plain loops": reverse_elementwise,
            },
        ),
        Check(
            name="bidirectional_rnn",
            points=8,
            returns=["the output (B, F) (B, T, F)"],
            groups=[
                Group("last", "last outputs, concatenated", 2),
                Group("sequences", "every output, concatenated", 3),
                Group("modes", "the other merge modes", 2),
                Group("edge", "a single timestep, sequence, feature or unit", 1),
            ],
            cases=rnn_cases,
            reference=bidirectional_rnn,
            misconceptions=RNN,
            right={
                "filled from the end": rnn_filled_from_the_end,
                "einsum, time first": rnn_einsum,
                "sequence by sequence": rnn_row_by_row,
            },
        ),
        Check(
            name="bidirectional_lstm",
            points=8,
            returns=["the output (B, F) (B, T, F)"],
            groups=[
                Group("full", "sequences without padding", 2),
                Group("last", "padded sequences, last outputs", 2),
                Group("sequences", "padded sequences, every output", 3),
                Group("edge", "a single sequence or timestep, large inputs", 1),
            ],
            cases=lstm_cases,
            reference=bidirectional_lstm,
            misconceptions=LSTM,
            right={
                "sequence by sequence": lstm_row_by_row,
                "a mask inside the loop": lstm_masked,
                "two-sided sigmoid, biases in float32": lstm_float32_bias,
            },
        ),
        Check(
            name="bidirectional_param_count",
            points=2,
            returns=["the count"],
            groups=[
                Group("rnn", "the simple recurrent layer", 1),
                Group("gated", "LSTM and GRU", 1),
            ],
            cases=count_cases,
            reference=bidirectional_param_count,
            misconceptions=COUNT,
            right={
                "with NumPy integers": lambda D, H, cell: np.int64(count(D, H, cell)),
                "the shapes added up": lambda D, H, cell: (
                    2 * D * H + 2 * H * H + 2 * H
                    if cell == "rnn"
                    else 8 * (D * H + H * H + H)
                    if cell == "lstm"
                    else 6 * (D * H + H * H + 2 * H)
                ),
                "one direction, doubled": lambda D, H, cell: sum(
                    [count(D, H, cell) // 2 for _ in range(2)]
                ),
            },
        ),
    ],
)
