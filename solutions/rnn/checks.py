"""Checks of `rnn`: a step, a loop and a layer of a simple recurrent network.

The slide layout, `W (H, D)`, is Keras' layout transposed: the references come from
`keras.layers.SimpleRNN` with `W.T` and `U.T`.
"""

import numpy as np
from keras_layers import simple_rnn

from autograder.authoring import Assignment, Case, Check, Group, Misconception

# --------------------------------------------------------------------------- inputs


def weights(rng, D, H):
    """Signed weights `W (H, D)`, `U (H, H)`, `b (H,)` of a size that does not saturate tanh."""
    W = rng.normal(0, 0.7 / np.sqrt(D), (H, D))
    U = rng.normal(0, 0.7 / np.sqrt(H), (H, H))
    return W, U, rng.normal(0, 0.4, H)


def step_case(slot, group, rng, D, H, scale=1.0):
    W, U, b = weights(rng, D, H)
    x_t, h_prev = rng.normal(0, scale, D), rng.uniform(-0.9, 0.9, H)
    return Case(slot, group, x_t, h_prev, W, U, b)


def step_cases(rng):
    yield step_case("3 features, 4 units", "typical", rng, 3, 4)
    yield step_case("7 features, 2 units", "typical", rng, 7, 2)
    # W and U have the same shape: exchanging or transposing them raises no error.
    yield step_case("as many features as units", "square", rng, 5, 5)
    yield step_case("one feature, one unit", "edge", rng, 1, 1)
    yield step_case("one feature, 6 units", "edge", rng, 1, 6)
    yield step_case("large inputs", "edge", rng, 4, 3, scale=40.0)


def forward_case(slot, group, rng, T, D, H):
    return Case(
        slot, group, rng.normal(0, 1, (T, D)), rng.uniform(-0.9, 0.9, H), *weights(rng, D, H)
    )


def forward_cases(rng):
    yield forward_case("5 timesteps", "typical", rng, 5, 3, 4)
    yield forward_case("as many features as units", "typical", rng, 4, 3, 3)
    yield forward_case("40 timesteps", "long", rng, 40, 2, 5)
    yield forward_case("one timestep", "edge", rng, 1, 3, 4)
    yield forward_case("one feature, one unit", "edge", rng, 6, 1, 1)


def layer_case(slot, group, rng, B, T, D, H, *flag, **flags):
    W, U, b = weights(rng, D, H)
    x, h_0 = rng.normal(0, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    return Case(slot, group, x, h_0, W.T.copy(), U.T.copy(), b, *flag, **flags)


def layer_cases(rng):
    yield layer_case("a batch, last output", "last", rng, 2, 5, 3, 4)
    yield layer_case("a batch, return_sequences=False", "last", rng, 3, 6, 2, 5, False)
    sequences = {"return_sequences": True}
    yield layer_case("a batch, every output", "sequences", rng, 3, 5, 2, 4, **sequences)
    yield layer_case("every output, flag by position", "sequences", rng, 2, 4, 6, 3, True)
    # Sizes that coincide let mistakes through that otherwise raise an error.
    yield layer_case("as many sequences as timesteps", "sizes", rng, 4, 4, 3, 2, **sequences)
    yield layer_case("as many features as units", "sizes", rng, 2, 5, 3, 3)
    yield layer_case("one sequence", "edge", rng, 1, 5, 3, 4, **sequences)
    yield layer_case("one timestep", "edge", rng, 3, 1, 2, 4)
    yield layer_case("30 timesteps, one feature", "edge", rng, 2, 30, 1, 5)


def count_cases(rng):
    D, H = (int(n) for n in rng.integers(3, 40, 2))
    yield Case("small", "count", D, H + D)
    yield Case("more features than units", "count", 2 * D + H, H)
    yield Case("one feature", "count", 1, H)
    yield Case("32 features, 32 units, as on the slide", "count", 32, 32)


# --------------------------------------------------------------------------- references


def rnn_step(x_t, h_prev, W, U, b):
    return simple_rnn(x_t[None, None], h_prev[None], W.T, U.T, b)[0, 0]


def rnn_forward(x, h_0, W, U, b):
    return simple_rnn(x[None], h_0[None], W.T, U.T, b)[0]


def rnn_layer(x, h_0, W, U, b, return_sequences=False):
    outputs = simple_rnn(x, h_0, W, U, b)
    return outputs if return_sequences else outputs[:, -1].copy()


def rnn_param_count(D, H):
    import keras

    layer = keras.layers.SimpleRNN(H)
    layer.build((None, None, D))
    return layer.count_params()


# --------------------------------------------------------------------------- misconceptions


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def step_in_place(x_t, h_prev, W, U, b):
    new = np.tanh(W @ x_t + U @ h_prev + b)
    h_prev[:] = new
    return new


STEP = [
    Misconception(
        "no_tanh",
        lambda x, h, W, U, b: W @ x + U @ h + b,
        "the sum is right, but nothing keeps it between -1 and 1. Which function is wrapped around it?",
    ),
    Misconception(
        "sigmoid",
        lambda x, h, W, U, b: sigmoid(W @ x + U @ h + b),
        "your values lie between 0 and 1: the activation here is tanh, not the sigmoid.",
    ),
    Misconception(
        "relu",
        lambda x, h, W, U, b: np.maximum(0, W @ x + U @ h + b),
        "negative sums became 0: the activation here is tanh, not ReLU.",
    ),
    Misconception(
        "no_bias",
        lambda x, h, W, U, b: np.tanh(W @ x + U @ h),
        "this is the step without its bias. Count the terms inside tanh: there are three.",
    ),
    Misconception(
        "bias_outside",
        lambda x, h, W, U, b: np.tanh(W @ x + U @ h) + b,
        "the bias is added after tanh; it belongs inside, where it shifts the sum.",
    ),
    Misconception(
        "no_state",
        lambda x, h, W, U, b: np.tanh(W @ x + b),
        "the result does not depend on h_prev: this is a Dense layer, it has no memory. "
        "Which term carries the state?",
    ),
    Misconception(
        "no_input",
        lambda x, h, W, U, b: np.tanh(U @ h + b),
        "the result does not depend on x_t. Which term lets the input in?",
    ),
    Misconception(
        "swapped",
        lambda x, h, W, U, b: np.tanh(U @ x + W @ h + b),
        "W and U are exchanged: W (H, D) belongs to the input, U (H, H) to the state.",
    ),
    Misconception(
        "keras_layout",
        lambda x, h, W, U, b: np.tanh(x @ W + h @ U + b),
        "vectors are multiplied from the left, as with Keras' W (D, H). Here W is (H, D): the matrix "
        "stands in front.",
    ),
    Misconception(
        "state_transposed",
        lambda x, h, W, U, b: np.tanh(W @ x + h @ U + b),
        "the input term is right; in the state's term U is transposed. h @ U and U @ h differ.",
    ),
    Misconception(
        "separate_tanh",
        lambda x, h, W, U, b: np.tanh(W @ x) + np.tanh(U @ h + b),
        "tanh is applied to the terms one by one; it belongs around their sum.",
    ),
    Misconception(
        "bias_twice",
        lambda x, h, W, U, b: np.tanh((W @ x + b) + (U @ h + b)),
        "the bias is added twice, once with each matrix; there is one bias for the sum.",
    ),
    Misconception(
        "in_place",
        step_in_place,
        "the new state is written into h_prev. The caller still needs the old state: return a new array.",
        detects="inplace",
    ),
]


def looped(step=rnn_step, start=lambda h_0: h_0, keep=lambda old, new: new):
    """A forward pass from parts, so that one part at a time can be wrong."""

    def forward(x, h_0, W, U, b):
        h, outputs = start(h_0), []
        for x_t in x:
            new = np.tanh(W @ x_t + U @ h + b)
            outputs.append(keep(h, new))
            h = new
        return np.stack(outputs)

    return forward


def forward_right(x, h_0, W, U, b):
    h, outputs = h_0, []
    for x_t in x:
        h = np.tanh(W @ x_t + U @ h + b)
        outputs.append(h)
    return np.stack(outputs)


def forward_aliased(x, h_0, W, U, b):
    h, outputs = h_0.copy(), []
    for x_t in x:
        h[:] = np.tanh(W @ x_t + U @ h + b)
        outputs.append(h)
    return np.stack(outputs)


def forward_linear_output(x, h_0, W, U, b):
    h, outputs = h_0, []
    for x_t in x:
        z = W @ x_t + U @ h + b
        outputs.append(z)
        h = np.tanh(z)
    return np.stack(outputs)


def forward_linear_state(x, h_0, W, U, b):
    z, outputs = h_0, []
    for x_t in x:
        z = W @ x_t + U @ z + b
        outputs.append(np.tanh(z))
    return np.stack(outputs)


def forward_in_place(x, h_0, W, U, b):
    outputs = []
    for x_t in x:
        h_0[:] = np.tanh(W @ x_t + U @ h_0 + b)
        outputs.append(h_0.copy())
    return np.stack(outputs)


def forward_previous_input(x, h_0, W, U, b):
    return forward_right(np.vstack([np.zeros_like(x[:1]), x[:-1]]), h_0, W, U, b)


FORWARD = [
    Misconception(
        "zero_start",
        lambda x, h_0, W, U, b: forward_right(x, np.zeros_like(h_0), W, U, b),
        "the loop starts from zeros. The first step must see h_0, whatever it holds.",
    ),
    Misconception(
        "state_not_updated",
        lambda x, h_0, W, U, b: np.stack([np.tanh(W @ x_t + U @ h_0 + b) for x_t in x]),
        "the first output is right, the later ones see h_0 again. What must change at the end of each "
        "turn of the loop?",
    ),
    Misconception(
        "last_only",
        lambda x, h_0, W, U, b: forward_right(x, h_0, W, U, b)[-1],
        "this is the last state only; the function returns the state after every timestep.",
    ),
    Misconception(
        "concatenated",
        lambda x, h_0, W, U, b: np.concatenate(list(forward_right(x, h_0, W, U, b)), axis=0),
        "np.concatenate joins the outputs end to end into one long vector, as the slide's code does. "
        "np.stack lays them under each other.",
    ),
    Misconception(
        "previous_state",
        looped(keep=lambda old, new: old),
        "row t holds the state before step t, so h_0 is in and the last state is missing. Append after "
        "the update.",
    ),
    Misconception(
        "with_h_0",
        lambda x, h_0, W, U, b: np.vstack([h_0, forward_right(x, h_0, W, U, b)]),
        "there is one row too many: h_0 is where the loop starts, not one of its outputs.",
    ),
    Misconception(
        "backwards",
        lambda x, h_0, W, U, b: forward_right(x[::-1], h_0, W, U, b),
        "the sequence is read from its end. Timestep 0 comes first.",
    ),
    Misconception(
        "stacked_on_features",
        lambda x, h_0, W, U, b: forward_right(x, h_0, W, U, b).T.copy(),
        "time is on the last axis. The outputs are rows: axis 0 counts timesteps.",
    ),
    Misconception(
        "one_array_reused",
        forward_aliased,
        "all rows are equal: every entry of the list is the same array, overwritten each step. Make a "
        "new array for each state.",
    ),
    Misconception(
        "linear_output",
        forward_linear_output,
        "the state goes through tanh, but what you collect is the sum before it.",
    ),
    Misconception(
        "linear_state",
        forward_linear_state,
        "the first output is right; then the sum before tanh is carried on as the state. The state is "
        "the output of the step.",
    ),
    Misconception(
        "one_step_late",
        forward_previous_input,
        "the inputs arrive one step late: output t must have seen x[t].",
    ),
    Misconception(
        "list_returned",
        lambda x, h_0, W, U, b: list(forward_right(x, h_0, W, U, b)),
        "the numbers are right, but they come as a list of arrays. Stack them into one array (T, H).",
    ),
    Misconception(
        "in_place",
        forward_in_place,
        "the states are written into h_0, which belongs to the caller. Bind a new name instead.",
        detects="inplace",
    ),
]


def layer_right(x, h_0, W, U, b, return_sequences=False):
    h, outputs = h_0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + h @ U + b)
        outputs.append(h)
    return np.stack(outputs, axis=1) if return_sequences else h


def layer_time_first(x, h_0, W, U, b, return_sequences=False):
    h, outputs = h_0, []
    for x_t in x:
        h = np.tanh(x_t @ W + h @ U + b)
        outputs.append(h)
    return np.stack(outputs, axis=1) if return_sequences else h


def layer_stacked_first(x, h_0, W, U, b, return_sequences=False):
    outputs = layer_right(x, h_0, W, U, b, True).transpose(1, 0, 2).copy()
    return outputs if return_sequences else outputs[-1]


def layer_last_of_batch(x, h_0, W, U, b, return_sequences=False):
    outputs = layer_right(x, h_0, W, U, b, True)
    return outputs if return_sequences else outputs[-1]


def layer_slide_layout(x, h_0, W, U, b, return_sequences=False):
    return layer_right(x, h_0, W.T, U.T, b, return_sequences)


def layer_rows_share_state(x, h_0, W, U, b, return_sequences=False):
    h, rows = h_0[0], []
    for sequence in x:
        states = []
        for x_t in sequence:
            h = np.tanh(x_t @ W + h @ U + b)
            states.append(h)
        rows.append(np.stack(states))
    outputs = np.stack(rows)
    return outputs if return_sequences else outputs[:, -1]


def layer_not_updated(x, h_0, W, U, b, return_sequences=False):
    outputs = np.tanh(x @ W + (h_0 @ U)[:, None] + b)
    return outputs if return_sequences else outputs[:, -1]


def layer_previous(x, h_0, W, U, b, return_sequences=False):
    outputs = layer_right(x, h_0, W, U, b, True)
    outputs = np.concatenate([h_0[:, None], outputs[:, :-1]], axis=1)
    return outputs if return_sequences else outputs[:, -1]


def layer_in_place(x, h_0, W, U, b, return_sequences=False):
    outputs = []
    for t in range(x.shape[1]):
        h_0[:] = np.tanh(x[:, t] @ W + h_0 @ U + b)
        outputs.append(h_0.copy())
    return np.stack(outputs, axis=1) if return_sequences else outputs[-1]


class KeepsState:
    """A layer that goes on from where the last call with the same shapes stopped."""

    def __init__(self):
        self.kept = {}

    def __call__(self, x, h_0, W, U, b, return_sequences=False):
        h = self.kept.setdefault(x.shape + h_0.shape, h_0)
        outputs = layer_right(x, h, W, U, b, True)
        self.kept[x.shape + h_0.shape] = outputs[:, -1]
        return outputs if return_sequences else outputs[:, -1]


LAYER = [
    Misconception(
        "zero_start",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(
            x, np.zeros_like(h_0), W, U, b, return_sequences
        ),
        "the layer starts from zeros. It must start from h_0, row by row.",
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
        "flag_reversed",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(
            x, h_0, W, U, b, not return_sequences
        ),
        "return_sequences works the wrong way round: True asks for every output.",
    ),
    Misconception(
        "always_sequences",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(x, h_0, W, U, b, True),
        "you always return every output. Without return_sequences only the last one is wanted.",
    ),
    Misconception(
        "first_output",
        lambda x, h_0, W, U, b, return_sequences=False: (
            layer_right(x, h_0, W, U, b, True)
            if return_sequences
            else layer_right(x, h_0, W, U, b, True)[:, 0]
        ),
        "without return_sequences you return the first output; the last one has read the whole sequence.",
    ),
    Misconception(
        "last_of_batch",
        layer_last_of_batch,
        "outputs[-1] takes the last sequence of the batch. The last timestep is on axis 1.",
    ),
    Misconception(
        "keeps_time_axis",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(x, h_0, W, U, b, True)[
            :, (0 if return_sequences else -1) :
        ],
        "the last output still has a time axis of length 1; needed is (B, H).",
    ),
    Misconception(
        "slide_layout",
        layer_slide_layout,
        "this is the slide's layout, W (H, D). From here on W is (D, H) and U (H, H) multiplies from the "
        "right: x_t @ W + h @ U + b.",
    ),
    Misconception(
        "state_transposed",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(
            x, h_0, W, U.T, b, return_sequences
        ),
        "the input's term is right; U is transposed in the state's term.",
    ),
    Misconception(
        "rows_share_state",
        layer_rows_share_state,
        "the first sequence is right; each later one goes on from the state where the one before ended. "
        "Sequences of a batch know nothing of each other: every row has its own h_0.",
    ),
    Misconception(
        "first_row_of_h_0",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(
            x, np.repeat(h_0[:1], len(x), 0), W, U, b, return_sequences
        ),
        "every sequence starts from the first row of h_0. Row i belongs to sequence i.",
    ),
    Misconception(
        "state_not_updated",
        layer_not_updated,
        "the first timestep is right, the later ones see h_0 again: the state is never updated.",
    ),
    Misconception(
        "previous_state",
        layer_previous,
        "output t is the state before step t. Collect the state after the update.",
    ),
    Misconception(
        "no_bias",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(
            x, h_0, W, U, 0 * b, return_sequences
        ),
        "the bias is missing inside tanh.",
    ),
    Misconception(
        "backwards",
        lambda x, h_0, W, U, b, return_sequences=False: layer_right(
            x[:, ::-1], h_0, W, U, b, return_sequences
        ),
        "the sequence is read from its end. Timestep 0 comes first.",
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
        "the second call goes on from where the first one ended. Nothing may be kept between calls: "
        "start from h_0 every time.",
        detects="state",
    ),
]

COUNT = [
    Misconception(
        "no_bias",
        lambda D, H: H * D + H * H,
        "the two matrices are counted; every unit also has a bias.",
    ),
    Misconception(
        "no_recurrent_weights",
        lambda D, H: H * D + H,
        "this is a Dense layer's count. A recurrent layer also has the weights that read its own state.",
    ),
    Misconception(
        "two_biases",
        lambda D, H: H * D + H * H + 2 * H,
        "one bias per unit: the input and the state share it. (Some libraries have two; Keras has one.)",
    ),
    Misconception(
        "square_of_features",
        lambda D, H: H * D + D * D + H,
        "the recurrent matrix connects the units with themselves: its size depends on H alone.",
    ),
    Misconception(
        "bias_per_weight_row",
        lambda D, H: H * D + H * H + D,
        "there is a bias for every unit, not for every feature.",
    ),
]


# --------------------------------------------------------------------------- right, but different


def step_concatenated(x_t, h_prev, W, U, b):
    return np.tanh(np.concatenate([W, U], axis=1) @ np.concatenate([x_t, h_prev]) + b)


def step_loops(x_t, h_prev, W, U, b):
    out = np.empty(len(b))
    for j in range(len(b)):
        total = b[j]
        for d in range(len(x_t)):
            total += W[j, d] * x_t[d]
        for k in range(len(h_prev)):
            total += U[j, k] * h_prev[k]
        out[j] = np.tanh(total)
    return out


def step_einsum(x_t, h_prev, W, U, b):
    return np.tanh(np.einsum("hd,d->h", W, x_t) + np.einsum("hk,k->h", U, h_prev) + b)


def forward_filled(x, h_0, W, U, b):
    out = np.empty((len(x), len(b)))
    projected = x @ W.T + b
    for t in range(len(x)):
        out[t] = np.tanh(projected[t] + U @ (out[t - 1] if t else h_0))
    return out


def forward_recursive(x, h_0, W, U, b):
    if len(x) == 0:
        return np.empty((0, len(b)))
    h = step_einsum(x[0], h_0, W, U, b)
    return np.vstack([h[None], forward_recursive(x[1:], h, W, U, b)])


def layer_row_by_row(x, h_0, W, U, b, return_sequences=False):
    out = np.stack([forward_filled(s, h, W.T, U.T, b) for s, h in zip(x, h_0)])
    return out if return_sequences else out[:, -1]


def layer_time_major_inside(x, h_0, W, U, b, return_sequences=False):
    h, outputs = h_0, []
    for x_t in np.swapaxes(x, 0, 1):
        h = np.tanh(np.einsum("bd,dh->bh", x_t, W) + np.einsum("bk,kh->bh", h, U) + b)
        outputs.append(h)
    return np.swapaxes(np.array(outputs), 0, 1) if return_sequences else outputs[-1]


def layer_float32_inside(x, h_0, W, U, b, return_sequences=False):
    # The bias alone passes through float32: harmless at this tolerance.
    return layer_right(x, h_0, W, U, b.astype(np.float32), return_sequences)


ASSIGNMENT = Assignment(
    name="rnn",
    allows=["numpy", "matplotlib"],
    checks=[
        Check(
            name="rnn_step",
            points=4,
            returns=["h_t (H)"],
            groups=[
                Group("typical", "a step with ordinary sizes", 2),
                Group("square", "as many features as units: which matrix is which?", 1),
                Group("edge", "a single feature or unit, large inputs", 1),
            ],
            cases=step_cases,
            reference=rnn_step,
            misconceptions=STEP,
            right={
                "one concatenated matrix": step_concatenated,
                "plain loops": step_loops,
                "einsum": step_einsum,
            },
        ),
        Check(
            name="rnn_forward",
            points=5,
            returns=["the sequence of states (T, H)"],
            groups=[
                Group("typical", "a short sequence", 3),
                Group("long", "a long sequence", 1),
                Group("edge", "a single timestep, feature or unit", 1),
            ],
            cases=forward_cases,
            reference=rnn_forward,
            misconceptions=FORWARD,
            right={
                "an array filled row by row": forward_filled,
                "recursion": forward_recursive,
                "the parts of this file": forward_right,
            },
        ),
        Check(
            name="rnn_layer",
            points=7,
            returns=["the output (B, H) (B, T, H)"],
            groups=[
                Group("last", "a batch, last output", 2),
                Group("sequences", "a batch, every output", 2),
                Group("sizes", "sizes that coincide", 1.5),
                Group("edge", "a single sequence or timestep, long sequences", 1.5),
            ],
            cases=layer_cases,
            reference=rnn_layer,
            misconceptions=LAYER,
            right={
                "sequence by sequence": layer_row_by_row,
                "time first inside": layer_time_major_inside,
                "a bias in float32": layer_float32_inside,
            },
        ),
        Check(
            name="rnn_param_count",
            points=2,
            returns=["the count"],
            groups=[Group("count", "the number of weights", 2)],
            cases=count_cases,
            reference=rnn_param_count,
            misconceptions=COUNT,
            right={"with a NumPy integer": lambda D, H: np.int64(H) * (D + H + 1)},
        ),
    ],
)
