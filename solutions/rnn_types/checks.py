"""Checks of `rnn_types`: one recurrent cell, wired for four shapes of problems.

References: `SimpleRNN` with a `Dense` softmax for the classifiers; `Embedding`, `SimpleRNNCell` and
`Dense`, stepped token by token, for what generates. Cases whose answer is a choice between tokens
are drawn until every choice is clear, so that rounding cannot turn it.
"""

import itertools

import numpy as np
from keras_layers import greedy_simple_rnn, simple_rnn, simple_rnn_classifier
from keras_layers import softmax as keras_softmax

from autograder.authoring import Assignment, Case, Check, Group, Misconception

# --------------------------------------------------------------------------- the right functions
# What the misconceptions are made from, one part at a time wrong.


def soft(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def cell(x_t, h_prev, W, U, b):
    return np.tanh(x_t @ W + h_prev @ U + b)


def states(x, h_0, W, U, b):
    h, kept = h_0, []
    for t in range(x.shape[1]):
        h = cell(x[:, t], h, W, U, b)
        kept.append(h)
    return np.stack(kept, axis=1)


def decode(token, h, E, W, U, b, V, c, steps):
    tokens = []
    for _ in range(steps):
        h = cell(E[token], h, W, U, b)
        token = np.argmax(h @ V + c, axis=-1)
        tokens.append(token)
    return np.stack(tokens, axis=1)


def encode(x, h_0, encoder):
    return states(x, h_0, *encoder)[:, -1]


# --------------------------------------------------------------------------- inputs


def weights(rng, D, H, size=0.7):
    """Signed weights in Keras' layout of a size that does not saturate tanh."""
    W = rng.normal(0, size / np.sqrt(D), (D, H))
    U = rng.normal(0, size / np.sqrt(H), (H, H))
    return W, U, rng.normal(0, 0.4, H)


def readout(rng, H, K, size=1.5):
    return rng.normal(0, size / np.sqrt(H), (H, K)), rng.normal(0, 0.6, K)


def softmax_cases(rng):
    yield Case("a vector", "typical", rng.normal(0, 1.5, 5))
    yield Case("3 rows of 4", "typical", rng.normal(0, 1.5, (3, 4)))
    # Without keepdims a square matrix is divided along the wrong axis and raises no error.
    yield Case("a square matrix", "typical", rng.normal(0, 1.5, (4, 4)))
    yield Case("a batch of sequences", "typical", rng.normal(0, 1.5, (2, 5, 3)))
    yield Case("one class", "typical", rng.normal(0, 1.5, (3, 1)))
    yield Case("values in the thousands", "stable", rng.uniform(-1e4, 1e4, (3, 6)))
    close = rng.uniform(5e3, 1e4, (4, 1)) + rng.normal(0, 1, (4, 5))
    yield Case("large values, small differences", "stable", close)
    apart = rng.normal(0, 1.5, (3, 4)) + np.array([[-9000.0], [0.0], [9000.0]])
    yield Case("rows far apart", "stable", apart)
    yield Case("large negative values", "stable", rng.normal(-8e3, 1, (2, 2, 4)))


def classifier_case(slot, group, rng, B, T, D, H, K, size=1.5):
    x, h_0 = rng.normal(0, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    return Case(slot, group, x, h_0, *weights(rng, D, H), *readout(rng, H, K, size))


def classifier_cases(rng):
    yield classifier_case("a batch of 3 sequences", "typical", rng, 3, 5, 2, 4, 6)
    yield classifier_case("more features than units", "typical", rng, 2, 6, 5, 3, 4)
    # Sizes that coincide let mistakes through that otherwise raise an error.
    yield classifier_case("as many sequences as timesteps", "sizes", rng, 4, 4, 2, 3, 5)
    yield classifier_case("as many units as features and classes", "sizes", rng, 2, 5, 3, 3, 3)
    yield classifier_case("one sequence", "edge", rng, 1, 5, 3, 2, 4)
    yield classifier_case("one timestep", "edge", rng, 3, 1, 2, 4, 5)
    yield classifier_case("25 timesteps, one feature, one unit", "edge", rng, 2, 25, 1, 1, 3)
    yield classifier_case("large logits", "edge", rng, 2, 4, 3, 5, 4, size=4000.0)


def clear(token, h, E, W, U, b, V, c, steps):
    """Is every choice of a token clear, and does every row visit several tokens?"""
    visited = []
    for _ in range(steps):
        h = cell(E[token], h, W, U, b)
        logits = h @ V + c
        order = np.sort(logits, axis=-1)
        if logits.shape[1] > 1 and (order[:, -1] - order[:, -2]).min() < 1e-3:
            return False
        token = logits.argmax(axis=-1)
        visited.append(token)
    wanted = min(3, steps, V.shape[1])
    rows = np.stack(visited, axis=1)
    return all(len(set(row)) >= wanted for row in rows.tolist())


def draw(make, *checked):
    """The first of many drawings that satisfies all conditions."""
    for _ in range(5000):
        arguments = make()
        if all(condition(arguments) for condition in checked):
            return arguments
    raise RuntimeError("no drawing is clear: change the sizes")


def generate_case(slot, group, rng, B, K, D, H, steps):
    def make():
        E = rng.normal(0, 1, (K, D))
        lively = weights(rng, D, H, size=1.6)
        token_0, h_0 = rng.integers(0, K, B), rng.uniform(-0.9, 0.9, (B, H))
        return token_0, h_0, E, *lively, *readout(rng, H, K), steps

    def start_matters(arguments):
        token_0, h_0, *rest, c, steps = arguments
        tokens = decode(*arguments).tolist()
        from_zeros = decode(token_0, np.zeros_like(h_0), *rest, c, steps)
        without_c = decode(token_0, h_0, *rest, np.zeros_like(c), steps)
        return tokens not in (from_zeros.tolist(), without_c.tolist())

    return Case(slot, group, *draw(make, lambda a: clear(*a), start_matters))


def with_tie(rng, K, H):
    """A readout that ties two tokens exactly, whatever the state, and prefers none to them."""
    V, c = readout(rng, H, K)
    first, second = sorted(rng.choice(K - 1, 2, replace=False))
    V, c = 0.1 * V / np.abs(V).max(), np.clip(c, -1, 1)
    # A product with zeros is exactly 0 in any order of summation.
    V[:, [first, second]] = 0.0
    c[[first, second]] = 3.0
    return V, c


def generate_cases(rng):
    yield generate_case("6 tokens for 3 rows", "typical", rng, 3, 7, 4, 5, 6)
    yield generate_case("5 tokens for 2 rows", "typical", rng, 2, 9, 3, 6, 5)
    yield generate_case("8 tokens for 4 rows", "typical", rng, 4, 6, 5, 3, 8)
    yield generate_case("as many rows as steps", "sizes", rng, 5, 7, 3, 4, 5)
    yield generate_case("as many features as units and tokens", "sizes", rng, 3, 6, 6, 6, 4)
    yield generate_case("one row", "edge", rng, 1, 6, 3, 4, 7)
    yield generate_case("one step", "edge", rng, 6, 8, 3, 4, 1)
    yield generate_case("30 steps", "edge", rng, 2, 8, 2, 7, 30)
    E, (V, c) = rng.normal(0, 1, (5, 3)), with_tie(rng, 5, 4)
    token_0, h_0 = rng.integers(0, 5, 2), rng.uniform(-0.9, 0.9, (2, 4))
    yield Case("two tokens tie", "edge", token_0, h_0, E, *weights(rng, 3, 4), V, c, 3)


def encode_decode_case(slot, group, rng, B, T, D, H, K, D_E, steps):
    def make():
        x, h_0 = rng.normal(0, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
        encoder, decoder = weights(rng, D, H, size=0.9), weights(rng, D_E, H, size=1.6)
        E, start = rng.normal(0, 1, (K, D_E)), int(rng.integers(0, K))
        return x, h_0, encoder, start, E, decoder, *readout(rng, H, K), steps

    def is_clear(arguments):
        x, h_0, encoder, start, E, decoder, V, c, _ = arguments
        tokens = np.full(B, start)
        return clear(tokens, encode(x, h_0, encoder), E, *decoder, V, c, steps)

    def input_matters(arguments):
        """Does the answer depend on h_0, on the order of the input and on which state is taken?"""
        x, h_0, encoder, start, E, decoder, V, c, _ = arguments
        seen = states(x, h_0, *encoder)
        contexts = [seen[:, -1], h_0, np.zeros_like(h_0), encode(x, np.zeros_like(h_0), encoder)]
        if T > 1:
            contexts += [seen[:, 0], seen.mean(axis=1), encode(x[:, ::-1], h_0, encoder)]
        token = np.full(B, start)
        answer, *others = [decode(token, h, E, *decoder, V, c, steps).tolist() for h in contexts]
        return answer not in others

    return Case(slot, group, *draw(make, is_clear, input_matters))


def encode_decode_cases(rng):
    yield encode_decode_case("5 timesteps in, 6 tokens out", "typical", rng, 3, 5, 2, 4, 7, 3, 6)
    yield encode_decode_case("7 timesteps in, 4 tokens out", "typical", rng, 2, 7, 4, 5, 8, 3, 4)
    yield encode_decode_case("4 timesteps in, 9 tokens out", "typical", rng, 4, 4, 3, 6, 7, 5, 9)
    # Encoder and decoder have weights of the same shapes, so that they can be mistaken.
    yield encode_decode_case("all sizes of both parts equal", "sizes", rng, 3, 5, 4, 4, 6, 4, 5)
    yield encode_decode_case("as many sequences as timesteps", "sizes", rng, 5, 5, 2, 4, 7, 2, 6)
    yield encode_decode_case("one sequence", "edge", rng, 1, 5, 2, 6, 7, 3, 6)
    yield encode_decode_case("one timestep in", "edge", rng, 3, 1, 2, 5, 6, 4, 5)
    yield encode_decode_case("one token out", "edge", rng, 5, 4, 2, 3, 6, 3, 1)


# --------------------------------------------------------------------------- references


def softmax(z):
    return keras_softmax(z)


def many_to_one(x, h_0, W, U, b, V, c):
    return simple_rnn_classifier(x, h_0, W, U, b, V, c, return_sequences=False)


def many_to_many(x, h_0, W, U, b, V, c):
    return simple_rnn_classifier(x, h_0, W, U, b, V, c, return_sequences=True)


def generate(token_0, h_0, E, W, U, b, V, c, steps):
    return greedy_simple_rnn(token_0, h_0, E, W, U, b, V, c, steps)


def encode_decode(x, h_0, encoder, start_token, E, decoder, V, c, steps):
    h_T = simple_rnn(x, h_0, *encoder)[:, -1]
    return greedy_simple_rnn(np.full(len(x), start_token), h_T, E, *decoder, V, c, steps)


# --------------------------------------------------------------------------- softmax: mistakes


def softmax_without_keepdims(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1)


def softmax_in_place(z):
    z -= z.max(axis=-1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


SOFTMAX = [
    Misconception(
        "unstable",
        lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True),
        "right while z is small; exp overflows beyond 709, and far below zero every term becomes 0. "
        "Subtracting the same number from all values of a row changes nothing in the result: which "
        "number makes exp safe?",
    ),
    Misconception(
        "maximum_of_everything",
        lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(axis=-1, keepdims=True),
        "one maximum is subtracted from the whole array. A row far below it becomes 0/0: every row "
        "needs its own.",
    ),
    Misconception(
        "clipped",
        lambda z: soft(np.clip(z, -500, 500)),
        "clipping z keeps exp finite, but values beyond the limit become equal. Shift each row instead.",
    ),
    Misconception(
        "first_axis",
        lambda z: soft(z, axis=0),
        "the columns add up to 1. Classes are on the last axis, whatever the rank.",
    ),
    Misconception(
        "second_axis",
        lambda z: soft(z, axis=1),
        "axis 1 is the last axis of a matrix only. With a vector or a batch of sequences it is another "
        "axis, or none.",
    ),
    Misconception(
        "whole_array",
        lambda z: soft(z, axis=None),
        "the whole array adds up to 1. Every row must: sum over the last axis only.",
    ),
    Misconception(
        "without_keepdims",
        softmax_without_keepdims,
        "the sums of the rows are divided along the wrong axis. A sum over the last axis loses that "
        "axis; it must stay, with length 1, to line up with the rows.",
    ),
    Misconception(
        "no_exponential",
        lambda z: z / z.sum(axis=-1, keepdims=True),
        "the values are divided by their sum, with no exponential: probabilities come out negative.",
    ),
    Misconception(
        "sigmoid",
        lambda z: 0.5 * (1 + np.tanh(z / 2)),
        "this is the sigmoid of each value. Softmax makes the values of a row compete: they add up to 1.",
    ),
    Misconception(
        "logarithm",
        lambda z: np.log(np.maximum(soft(z), 1e-300)),
        "these are logarithms of the probabilities; wanted are the probabilities.",
    ),
    Misconception(
        "in_place",
        softmax_in_place,
        "`-=` shifts the caller's array. Give the shifted values a name of their own.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- classifiers: mistakes


def one(x, h_0, W, U, b, V, c):
    return soft(states(x, h_0, W, U, b)[:, -1] @ V + c)


def many(x, h_0, W, U, b, V, c):
    return soft(states(x, h_0, W, U, b) @ V + c)


def states_in_place(x, h_0, W, U, b):
    kept = []
    for t in range(x.shape[1]):
        h_0[:] = cell(x[:, t], h_0, W, U, b)
        kept.append(h_0.copy())
    return np.stack(kept, axis=1)


class KeepsState:
    """Goes on from the state where the last call with the same shapes stopped."""

    def __init__(self, many):
        self.many, self.kept = many, {}

    def __call__(self, x, h_0, W, U, b, V, c):
        sizes = x.shape + V.shape
        h = states(x, self.kept.setdefault(sizes, h_0), W, U, b)
        self.kept[sizes] = h[:, -1]
        return soft((h if self.many else h[:, -1]) @ V + c)


KEEPS_STATE = "the second call goes on from the state in which the first one ended. Start from h_0 every time."
ZERO_START = "the loop starts from zeros; it must start from h_0, whatever it holds."

MANY_TO_ONE = [
    Misconception(
        "logits",
        lambda x, h_0, W, U, b, V, c: states(x, h_0, W, U, b)[:, -1] @ V + c,
        "these are the logits: the right numbers, before softmax turns them into probabilities.",
    ),
    Misconception(
        "labels",
        lambda x, h_0, W, U, b, V, c: np.argmax(one(x, h_0, W, U, b, V, c), axis=-1),
        "you return the most probable class of each sequence; wanted are the probabilities of all K.",
    ),
    Misconception(
        "softmax_over_batch",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b)[:, -1] @ V + c, axis=0),
        "the columns add up to 1: softmax runs over the batch. Each sequence's classes compete, and "
        "they are on the last axis.",
    ),
    Misconception(
        "sigmoid",
        lambda x, h_0, W, U, b, V, c: (
            0.5 * (1 + np.tanh((states(x, h_0, W, U, b)[:, -1] @ V + c) / 2))
        ),
        "each logit goes through the sigmoid on its own. One class out of K calls for softmax.",
    ),
    Misconception(
        "first_state",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b)[:, 0] @ V + c),
        "the decision is taken after the first timestep. Which state has read everything?",
    ),
    Misconception(
        "mean_state",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b).mean(axis=1) @ V + c),
        "the states are averaged over time. Many-to-one reads the answer from the last state alone.",
    ),
    Misconception(
        "mean_probabilities",
        lambda x, h_0, W, U, b, V, c: many(x, h_0, W, U, b, V, c).mean(axis=1),
        "the probabilities of all timesteps are averaged. There is one decision, from the last state.",
    ),
    Misconception(
        "every_timestep",
        many,
        "there is an answer at every timestep; that is many-to-many. Here one answer is wanted.",
    ),
    Misconception(
        "keeps_time_axis",
        lambda x, h_0, W, U, b, V, c: many(x, h_0, W, U, b, V, c)[:, -1:],
        "a time axis of length 1 is left over; needed is (B, K).",
    ),
    Misconception(
        "last_of_batch",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b)[-1] @ V + c),
        "index -1 takes the last sequence of the batch. Time is on axis 1.",
    ),
    Misconception(
        "zero_start",
        lambda x, h_0, W, U, b, V, c: one(x, np.zeros_like(h_0), W, U, b, V, c),
        ZERO_START,
    ),
    Misconception(
        "state_not_updated",
        lambda x, h_0, W, U, b, V, c: soft(cell(x[:, -1], h_0, W, U, b) @ V + c),
        "only the last input counts: every turn of the loop starts from h_0 again. What must the next "
        "step see?",
    ),
    Misconception(
        "no_output_bias",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b)[:, -1] @ V),
        "the logits lack their bias c.",
    ),
    Misconception(
        "tanh_around_logits",
        lambda x, h_0, W, U, b, V, c: soft(np.tanh(states(x, h_0, W, U, b)[:, -1] @ V + c)),
        "the logits go through tanh before softmax. The output layer is linear, then softmax.",
    ),
    Misconception(
        "backwards",
        lambda x, h_0, W, U, b, V, c: one(x[:, ::-1], h_0, W, U, b, V, c),
        "the sequence is read from its end. Timestep 0 comes first.",
    ),
    Misconception(
        "in_place",
        lambda x, h_0, W, U, b, V, c: soft(states_in_place(x, h_0, W, U, b)[:, -1] @ V + c),
        "the states are written into h_0, which belongs to the caller. Bind a new name instead.",
        detects="inplace",
    ),
    Misconception("keeps_state", KeepsState(many=False), KEEPS_STATE, detects="state"),
]


def many_previous_state(x, h_0, W, U, b, V, c):
    h = states(x, h_0, W, U, b)
    return soft(np.concatenate([h_0[:, None], h[:, :-1]], axis=1) @ V + c)


MANY_TO_MANY = [
    Misconception(
        "logits",
        lambda x, h_0, W, U, b, V, c: states(x, h_0, W, U, b) @ V + c,
        "these are the logits: the right numbers, before softmax turns them into probabilities.",
    ),
    Misconception(
        "labels",
        lambda x, h_0, W, U, b, V, c: np.argmax(many(x, h_0, W, U, b, V, c), axis=-1),
        "you return the most probable class at each timestep; wanted are the probabilities of all K.",
    ),
    Misconception(
        "softmax_over_time",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b) @ V + c, axis=1),
        "softmax runs over axis 1, which is time here: the timesteps compete instead of the classes.",
    ),
    Misconception(
        "softmax_over_all",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b) @ V + c, axis=None),
        "the whole array adds up to 1. The K values of every timestep must.",
    ),
    Misconception(
        "last_only",
        one,
        "there is one answer for each sequence; that is many-to-one. Here every timestep has its own.",
    ),
    Misconception(
        "last_repeated",
        lambda x, h_0, W, U, b, V, c: np.repeat(
            one(x, h_0, W, U, b, V, c)[:, None], x.shape[1], axis=1
        ),
        "all timesteps give the answer of the last state. Each has a state of its own.",
    ),
    Misconception(
        "time_first",
        lambda x, h_0, W, U, b, V, c: many(x, h_0, W, U, b, V, c).transpose(1, 0, 2),
        "the answers are stacked along axis 0, which gives (T, B, K). The batch comes first.",
    ),
    Misconception(
        "previous_state",
        many_previous_state,
        "answer t comes from the state before step t, which has not seen x[:, t] yet.",
    ),
    Misconception(
        "state_not_updated",
        lambda x, h_0, W, U, b, V, c: soft(np.tanh(x @ W + (h_0 @ U)[:, None] + b) @ V + c),
        "the first timestep is right, the later ones see h_0 again: the state is never updated.",
    ),
    Misconception(
        "zero_start",
        lambda x, h_0, W, U, b, V, c: many(x, np.zeros_like(h_0), W, U, b, V, c),
        ZERO_START,
    ),
    Misconception(
        "no_output_bias",
        lambda x, h_0, W, U, b, V, c: soft(states(x, h_0, W, U, b) @ V),
        "the logits lack their bias c.",
    ),
    Misconception(
        "backwards",
        lambda x, h_0, W, U, b, V, c: many(x[:, ::-1], h_0, W, U, b, V, c),
        "the sequences are read from their end. Timestep 0 comes first.",
    ),
    Misconception(
        "running_mean",
        lambda x, h_0, W, U, b, V, c: (
            np.cumsum(many(x, h_0, W, U, b, V, c), axis=1)
            / np.arange(1, x.shape[1] + 1)[None, :, None]
        ),
        "answer t is the mean of all answers so far. Each stands for itself: the state already "
        "remembers.",
    ),
    Misconception(
        "in_place",
        lambda x, h_0, W, U, b, V, c: soft(states_in_place(x, h_0, W, U, b) @ V + c),
        "the states are written into h_0, which belongs to the caller. Bind a new name instead.",
        detects="inplace",
    ),
    Misconception("keeps_state", KeepsState(many=True), KEEPS_STATE, detects="state"),
]

# --------------------------------------------------------------------------- generation: mistakes


def generate_not_fed_back(token_0, h_0, E, W, U, b, V, c, steps):
    h, tokens = h_0, []
    for _ in range(steps):
        h = cell(E[token_0], h, W, U, b)
        tokens.append(np.argmax(h @ V + c, axis=-1))
    return np.stack(tokens, axis=1)


def generate_state_not_updated(token_0, h_0, E, W, U, b, V, c, steps):
    token, tokens = token_0, []
    for _ in range(steps):
        token = np.argmax(cell(E[token], h_0, W, U, b) @ V + c, axis=-1)
        tokens.append(token)
    return np.stack(tokens, axis=1)


def generate_soft_feedback(token_0, h_0, E, W, U, b, V, c, steps):
    x_t, h, tokens = E[token_0], h_0, []
    for _ in range(steps):
        h = cell(x_t, h, W, U, b)
        logits = h @ V + c
        tokens.append(np.argmax(logits, axis=-1))
        x_t = soft(logits) @ E
    return np.stack(tokens, axis=1)


def generate_before_step(token_0, h_0, E, W, U, b, V, c, steps):
    token, h, tokens = token_0, h_0, []
    for _ in range(steps):
        logits = h @ V + c
        h = cell(E[token], h, W, U, b)
        token = np.argmax(logits, axis=-1)
        tokens.append(token)
    return np.stack(tokens, axis=1)


def generate_first_row(token_0, h_0, E, W, U, b, V, c, steps):
    token, h, tokens = token_0, h_0, []
    for _ in range(steps):
        h = cell(E[token], h, W, U, b)
        token = np.full(len(token_0), np.argmax((h @ V + c)[0]))
        tokens.append(token)
    return np.stack(tokens, axis=1)


def generate_argmax_of_state(token_0, h_0, E, W, U, b, V, c, steps):
    token, h, tokens = token_0, h_0, []
    for _ in range(steps):
        h = cell(E[token], h, W, U, b)
        token = np.argmax(h, axis=-1) % len(E)
        tokens.append(token)
    return np.stack(tokens, axis=1)


def generate_last_of_ties(token_0, h_0, E, W, U, b, V, c, steps):
    token, h, tokens = token_0, h_0, []
    for _ in range(steps):
        h = cell(E[token], h, W, U, b)
        logits = h @ V + c
        token = logits.shape[1] - 1 - np.argmax(logits[:, ::-1], axis=-1)
        tokens.append(token)
    return np.stack(tokens, axis=1)


def generate_in_place(token_0, h_0, E, W, U, b, V, c, steps):
    tokens = []
    for _ in range(steps):
        h_0[:] = cell(E[token_0], h_0, W, U, b)
        token_0 = np.argmax(h_0 @ V + c, axis=-1)
        tokens.append(token_0)
    return np.stack(tokens, axis=1)


class GenerateKeepsState:
    """Goes on from the state where the last call with the same shapes stopped."""

    def __init__(self):
        self.kept = {}

    def __call__(self, token_0, h_0, E, W, U, b, V, c, steps):
        sizes = (len(token_0), steps, *V.shape)
        h, token, tokens = self.kept.get(sizes, h_0), token_0, []
        for _ in range(steps):
            h = cell(E[token], h, W, U, b)
            token = np.argmax(h @ V + c, axis=-1)
            tokens.append(token)
        self.kept[sizes] = h
        return np.stack(tokens, axis=1)


def started(token_0, h_0, E, W, U, b, V, c, steps):
    return np.concatenate([token_0[:, None], decode(token_0, h_0, E, W, U, b, V, c, steps)], axis=1)


GENERATE = [
    Misconception(
        "starts_with_token_0",
        lambda *arguments: started(*arguments)[:, :-1],
        "token_0 is the first token of your output and the last generated one is missing. token_0 is "
        "what you were given: only what comes after it counts.",
    ),
    Misconception(
        "token_0_added",
        started,
        "there is one token too many: token_0 starts the loop and is not part of the output.",
    ),
    Misconception(
        "not_fed_back",
        generate_not_fed_back,
        "the first token is right, then token_0 is embedded again and again. What was chosen is the "
        "next input.",
    ),
    Misconception(
        "state_not_updated",
        generate_state_not_updated,
        "the tokens are fed back, the state is not: every step starts from h_0.",
    ),
    Misconception(
        "zero_start",
        lambda token_0, h_0, *rest: decode(token_0, np.zeros_like(h_0), *rest),
        ZERO_START,
    ),
    Misconception(
        "soft_feedback",
        generate_soft_feedback,
        "the first token is right, then a mixture of all embeddings is fed back, weighted with the "
        "probabilities. The next input is the embedding of the one token that was chosen.",
    ),
    Misconception(
        "before_the_step",
        generate_before_step,
        "the logits are read from the state before the step, so the first token has not seen token_0.",
    ),
    Misconception(
        "argmax_of_state",
        generate_argmax_of_state,
        "argmax runs over the H units of the state. A token is an index into the K logits.",
    ),
    Misconception(
        "no_output_bias",
        lambda token_0, h_0, E, W, U, b, V, c, steps: decode(
            token_0, h_0, E, W, U, b, V, np.zeros_like(c), steps
        ),
        "the logits lack their bias c.",
    ),
    Misconception(
        "least_likely",
        lambda token_0, h_0, E, W, U, b, V, c, steps: decode(
            token_0, h_0, E, W, U, b, -V, -c, steps
        ),
        "the token with the smallest logit is chosen, not the one with the largest.",
    ),
    Misconception(
        "first_row",
        generate_first_row,
        "every row continues with the token of row 0. Rows choose for themselves: argmax over the last "
        "axis.",
    ),
    Misconception(
        "last_of_ties",
        generate_last_of_ties,
        "where two logits are equal, the lowest index wins. That is what np.argmax does.",
    ),
    Misconception(
        "steps_first",
        lambda *arguments: decode(*arguments).T.copy(),
        "the tokens come as (steps, B). The batch comes first.",
    ),
    Misconception(
        "last_only",
        lambda *arguments: decode(*arguments)[:, -1],
        "only the last token is returned; all of them are wanted, (B, steps).",
    ),
    Misconception(
        "floats",
        lambda *arguments: decode(*arguments).astype(np.float64),
        "the tokens are right, but stored as floats: np.zeros makes floats unless you ask for dtype=int.",
    ),
    Misconception(
        "in_place",
        generate_in_place,
        "the state is written into h_0, which belongs to the caller. Bind a new name instead.",
        detects="inplace",
    ),
    Misconception("keeps_state", GenerateKeepsState(), KEEPS_STATE, detects="state"),
]

# --------------------------------------------------------------------------- both parts: mistakes


def translate(
    x,
    h_0,
    encoder,
    start_token,
    E,
    decoder,
    V,
    c,
    steps,
    context=encode,
    generator=decode,
):
    token = np.full(len(x), start_token)
    return generator(token, context(x, h_0, encoder), E, *decoder, V, c, steps)


def with_context(context):
    return lambda *arguments: translate(*arguments, context=context)


def with_generator(generator):
    return lambda *arguments: translate(*arguments, generator=generator)


def exchanged(x, h_0, encoder, start_token, E, decoder, V, c, steps):
    return translate(x, h_0, decoder, start_token, E, encoder, V, c, steps)


def encoder_twice(x, h_0, encoder, start_token, E, decoder, V, c, steps):
    return translate(x, h_0, encoder, start_token, E, encoder, V, c, steps)


def last_input_first(x, h_0, encoder, start_token, E, decoder, V, c, steps):
    """The decoder starts on the encoder's last input where its size allows, not on the token."""
    h = cell(x[:, -1], encode(x, h_0, encoder), *decoder)
    first = np.argmax(h @ V + c, axis=-1)
    rest = [decode(first, h, E, *decoder, V, c, steps - 1)] if steps > 1 else []
    return np.concatenate([first[:, None], *rest], axis=1)


def as_long_as_the_input(x, h_0, encoder, start_token, E, decoder, V, c, steps):
    return translate(x, h_0, encoder, start_token, E, decoder, V, c, x.shape[1])


def over_the_batch(x, h_0, encoder):
    h = h_0
    for row in x:
        h = cell(row, h, *encoder)
    return h


def encode_in_place(x, h_0, encoder):
    return states_in_place(x, h_0, *encoder)[:, -1]


ENCODE_DECODE = [
    Misconception(
        "decoder_from_zeros",
        with_context(lambda x, h_0, encoder: np.zeros_like(h_0)),
        "the decoder starts from zeros and knows nothing of the input. Which state carries it over?",
    ),
    Misconception(
        "decoder_from_h_0",
        with_context(lambda x, h_0, encoder: h_0),
        "the decoder starts from h_0, as if the encoder had not run.",
    ),
    Misconception(
        "first_state",
        with_context(lambda x, h_0, encoder: states(x, h_0, *encoder)[:, 0]),
        "the decoder starts from the encoder's first state, which has seen one input.",
    ),
    Misconception(
        "mean_state",
        with_context(lambda x, h_0, encoder: states(x, h_0, *encoder).mean(axis=1)),
        "the decoder starts from the mean of the encoder's states. The last one is handed over.",
    ),
    Misconception(
        "batch_axis",
        with_context(over_the_batch),
        "the encoder's loop runs over axis 0 of x, the batch. Time is axis 1: x[:, t] is (B, D).",
    ),
    Misconception(
        "encoder_from_zeros",
        with_context(lambda x, h_0, encoder: encode(x, np.zeros_like(h_0), encoder)),
        "the encoder starts from zeros; h_0 is its initial state.",
    ),
    Misconception(
        "input_backwards",
        with_context(lambda x, h_0, encoder: encode(x[:, ::-1], h_0, encoder)),
        "the encoder reads its input from the end. (Some translators do; here timestep 0 comes first.)",
    ),
    Misconception(
        "encoder_twice",
        encoder_twice,
        "both parts run with the encoder's weights. The decoder has its own.",
    ),
    Misconception(
        "exchanged",
        exchanged,
        "encoder and decoder are exchanged: the first tuple reads x, the second one writes.",
    ),
    Misconception(
        "not_fed_back",
        with_generator(generate_not_fed_back),
        "the start token is embedded at every step. From the second step on, the token that was just "
        "chosen is the input.",
    ),
    Misconception(
        "context_at_every_step",
        with_generator(generate_state_not_updated),
        "every step of the decoder starts from the encoder's last state again: its own state is never "
        "updated.",
    ),
    Misconception(
        "last_input_first",
        last_input_first,
        "the decoder's first input is x[:, -1]. It is the embedding of start_token.",
    ),
    Misconception(
        "start_token_counted",
        with_generator(lambda *arguments: started(*arguments)[:, :-1]),
        "your output begins with start_token and lacks its last token. The start token is only an input.",
    ),
    Misconception(
        "start_token_added",
        with_generator(started),
        "there is one token too many: start_token is not part of the output.",
    ),
    Misconception(
        "as_long_as_the_input",
        as_long_as_the_input,
        "the output is as long as the input. Its length is `steps`, whatever T is: that is the point of "
        "two networks.",
    ),
    Misconception(
        "before_the_step",
        with_generator(generate_before_step),
        "the first token is read from the encoder's state. The decoder takes a step first, on the start "
        "token.",
    ),
    Misconception(
        "no_output_bias",
        lambda x, h_0, encoder, start_token, E, decoder, V, c, steps: translate(
            x, h_0, encoder, start_token, E, decoder, V, np.zeros_like(c), steps
        ),
        "the logits lack their bias c.",
    ),
    Misconception(
        "floats",
        lambda *arguments: translate(*arguments).astype(np.float64),
        "the tokens are right, but stored as floats: np.zeros makes floats unless you ask for dtype=int.",
    ),
    Misconception(
        "in_place",
        with_context(encode_in_place),
        "the encoder's states are written into h_0, which belongs to the caller.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- right, but different


def softmax_by_logarithm(z):
    top = z.max(axis=-1, keepdims=True)
    return np.exp(z - top - np.log(np.exp(z - top).sum(axis=-1, keepdims=True)))


def softmax_row_by_row(z):
    out = np.empty(z.shape)
    for row in itertools.product(*map(range, z.shape[:-1])):
        shifted = np.exp(z[row] - max(z[row]))
        out[row] = shifted / sum(shifted)
    return out


def one_sequence_by_sequence(x, h_0, W, U, b, V, c):
    out = np.empty((len(x), V.shape[1]))
    for row, (sequence, h) in enumerate(zip(x, h_0)):
        for x_t in sequence:
            h = np.tanh(W.T @ x_t + U.T @ h + b)
        out[row] = softmax_by_logarithm(V.T @ h + c)
    return out


def one_einsum(x, h_0, W, U, b, V, c):
    projected, h = np.einsum("btd,dh->tbh", x, W) + b, h_0
    for p in projected:
        h = np.tanh(p + np.einsum("bk,kh->bh", h, U))
    return soft(np.einsum("bh,hk->bk", h, V) + c)


def one_float32_bias(x, h_0, W, U, b, V, c):
    # The bias alone passes through float32: harmless at this tolerance.
    return one(x, h_0, W, U, b, V, c.astype(np.float32))


def many_step_by_step(x, h_0, W, U, b, V, c):
    h, out = h_0, np.empty((*x.shape[:2], V.shape[1]))
    for t in range(x.shape[1]):
        h = cell(x[:, t], h, W, U, b)
        out[:, t] = softmax_by_logarithm(h @ V + c)
    return out


def many_einsum(x, h_0, W, U, b, V, c):
    return softmax_row_by_row(np.einsum("bth,hk->btk", states(x, h_0, W, U, b), V) + c)


def many_time_first_inside(x, h_0, W, U, b, V, c):
    h, outputs = h_0, []
    for x_t in np.swapaxes(x, 0, 1):
        h = cell(x_t, h, W, U, b)
        outputs.append(soft(h @ V + c))
    return np.swapaxes(np.array(outputs), 0, 1)


def generate_one_hot(token_0, h_0, E, W, U, b, V, c, steps):
    one_hot, h = np.eye(len(E)), h_0
    tokens = np.zeros((len(token_0), steps), dtype=int)
    for t in range(steps):
        h = cell(one_hot[tokens[:, t - 1] if t else token_0] @ E, h, W, U, b)
        tokens[:, t] = (h @ V + c).argmax(1)
    return tokens


def generate_by_probability(token_0, h_0, E, W, U, b, V, c, steps):
    projected = E @ W + b
    h, token, tokens = h_0, token_0, []
    for _ in range(steps):
        h = np.tanh(projected[token] + h @ U)
        token = soft(h @ V + c).argmax(axis=1).astype(np.int32)
        tokens.append(token)
    return np.column_stack(tokens)


def generate_row_by_row(token_0, h_0, E, W, U, b, V, c, steps):
    rows = []
    for token, h in zip(token_0, h_0):
        row = []
        for _ in range(steps):
            h = np.tanh(E[token] @ W + h @ U + b)
            token = int(np.argmax(h @ V + c))
            row.append(token)
        rows.append(row)
    return np.array(rows)


def encode_decode_in_loops(x, h_0, encoder, start_token, E, decoder, V, c, steps):
    h = h_0
    for t in range(x.shape[1]):
        h = cell(x[:, t], h, *encoder)
    return generate_row_by_row([start_token] * len(x), h, E, *decoder, V, c, steps)


ASSIGNMENT = Assignment(
    name="rnn_types",
    allows=["numpy", "matplotlib"],
    checks=[
        Check(
            name="softmax",
            points=3,
            returns=["probabilities (K) (B, K) (B, T, K)"],
            groups=[
                Group("typical", "vectors, matrices and batches of sequences", 1.5),
                Group("stable", "large values and rows far apart", 1.5),
            ],
            cases=softmax_cases,
            reference=softmax,
            misconceptions=SOFTMAX,
            right={
                "through the logarithm": softmax_by_logarithm,
                "row by row": softmax_row_by_row,
                "a tiny number in the denominator": lambda z: (
                    np.exp(z - z.max(-1, keepdims=True))
                    / (np.exp(z - z.max(-1, keepdims=True)).sum(-1, keepdims=True) + 1e-9)
                ),
            },
        ),
        Check(
            name="many_to_one",
            points=4,
            returns=["probabilities (B, K)"],
            groups=[
                Group("typical", "a batch of sequences", 2),
                Group("sizes", "sizes that coincide", 1),
                Group("edge", "a single sequence or timestep, long sequences, large logits", 1),
            ],
            cases=classifier_cases,
            reference=many_to_one,
            misconceptions=MANY_TO_ONE,
            right={
                "sequence by sequence": one_sequence_by_sequence,
                "einsum": one_einsum,
                "a bias that passed through float32": one_float32_bias,
            },
        ),
        Check(
            name="many_to_many",
            points=4,
            returns=["probabilities (B, T, K)"],
            groups=[
                Group("typical", "a batch of sequences", 2),
                Group("sizes", "sizes that coincide", 1),
                Group("edge", "a single sequence or timestep, long sequences, large logits", 1),
            ],
            cases=classifier_cases,
            reference=many_to_many,
            misconceptions=MANY_TO_MANY,
            right={
                "an array filled step by step": many_step_by_step,
                "einsum over all timesteps": many_einsum,
                "time first inside": many_time_first_inside,
            },
        ),
        Check(
            name="generate",
            points=4,
            returns=["tokens (B, steps)"],
            groups=[
                Group("typical", "several tokens for several rows", 2),
                Group("sizes", "sizes that coincide", 1),
                Group("edge", "a single row or step, many steps, equal logits", 1),
            ],
            cases=generate_cases,
            reference=generate,
            misconceptions=GENERATE,
            right={
                "one-hot vectors times E": generate_one_hot,
                "argmax of probabilities, int32": generate_by_probability,
                "row by row": generate_row_by_row,
            },
        ),
        Check(
            name="encode_decode",
            points=5,
            returns=["tokens (B, steps)"],
            groups=[
                Group("typical", "an input and an output of different lengths", 3),
                Group("sizes", "sizes that coincide", 1),
                Group("edge", "a single sequence, timestep or token", 1),
            ],
            cases=encode_decode_cases,
            reference=encode_decode,
            misconceptions=ENCODE_DECODE,
            right={
                "loops": encode_decode_in_loops,
                "with one-hot vectors": with_generator(generate_one_hot),
                "with probabilities": with_generator(generate_by_probability),
            },
        ),
    ],
)
