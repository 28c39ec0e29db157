"""Checks of `dropout`: masks, and the layers that use them at every timestep.

References: TensorFlow's own dropout, fed with the numbers that the contract says are drawn; Keras' cells
in training, with the masks of the case where Keras would draw its own.
"""

import keras_layers as keras_reference
import numpy as np
from cells import blocks, sigmoid

from autograder.authoring import Assignment, Case, Check, Generator, Group, Misconception

# --------------------------------------------------------------------------- inputs


def seed(rng):
    return Generator(int(rng.integers(1, 2**31)))


def rate_of(rng):
    """A rate well away from 0.5, where what is kept and what is dropped could be exchanged."""
    return float(rng.choice([rng.uniform(0.2, 0.4), rng.uniform(0.6, 0.75)]).round(2))


def mask_cases(rng):
    yield Case("a mask for 3 rows of 5", "typical", seed(rng), (3, 5), rate_of(rng))
    yield Case("a mask for a vector", "typical", seed(rng), (9,), rate_of(rng))
    yield Case("a mask for a batch of sequences", "typical", seed(rng), (2, 4, 3), rate_of(rng))
    yield Case("a square mask, rate 0.3", "typical", seed(rng), (4, 4), 0.3)
    yield Case("rate 0: nothing is dropped", "edge", seed(rng), (3, 4), 0.0)
    yield Case("rate 0.9", "edge", seed(rng), (6, 7), 0.9)
    yield Case("rate 0.05", "edge", seed(rng), (10, 8), 0.05)
    yield Case("a single column", "edge", seed(rng), (7, 1), rate_of(rng))


def scaled_masks(rng, *shape):
    """A mask as dropout makes it, with something dropped and something kept in every one."""
    for _ in range(10_000):
        rate = rng.uniform(0.3, 0.5)
        masks = (rng.random(shape) >= rate) / (1 - rate)
        each = masks.reshape(-1, shape[-2] * shape[-1])
        kept = (each > 0).sum(axis=1)
        different = len({row.tobytes() for row in each}) == len(each)
        if each.shape[1] < 4 or (((kept > 0) & (kept < each.shape[1])).all() and different):
            return masks
    raise RuntimeError("no mask has both values: change the sizes")


def weights(rng, D, H, G):
    """Signed weights in Keras' layout of a size that does not saturate."""
    W = rng.normal(0, 0.8 / np.sqrt(D), (D, G * H))
    U = rng.normal(0, 0.8 / np.sqrt(H), (H, G * H))
    return W, U, rng.normal(0, 0.4, G * H)


def layer_case(make, slot, group, rng, B, T, D, H, *flag, masked="both", **flags):
    """`masked`: which of the two masks drops anything; the other is all ones."""
    inputs, shape = make(rng, B, T, D, H)
    input_mask = scaled_masks(rng, *shape, B, D)
    recurrent_mask = scaled_masks(rng, *shape, B, H)
    if masked in ("recurrent", "none"):
        input_mask = np.ones_like(input_mask)
    if masked in ("input", "none"):
        recurrent_mask = np.ones_like(recurrent_mask)
    return Case(slot, group, *inputs, input_mask, recurrent_mask, *flag, **flags)


def rnn_inputs(rng, B, T, D, H):
    x, h_0 = rng.normal(0, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    return (x, h_0, *weights(rng, D, H, 1)), ()


def lstm_inputs(rng, B, T, D, H):
    x, h_0 = rng.normal(0, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    return (x, h_0, rng.normal(0, 1, (B, H)), *weights(rng, D, H, 4)), (4,)


def layer_cases(make):
    def cases(rng):
        every = {"return_sequences": True}

        def case(slot, group, *sizes, **options):
            return layer_case(make, slot, group, rng, *sizes, **options)

        yield case("the input masked, last output", "input", 3, 5, 4, 2, masked="input")
        yield case("the input masked, every output", "input", 2, 4, 3, 5, masked="input", **every)
        yield case("the state masked, last output", "recurrent", 3, 4, 2, 5, masked="recurrent")
        yield case(
            "the state masked, every output", "recurrent", 2, 6, 3, 4, masked="recurrent", **every
        )
        yield case("both masked, last output", "both", 3, 5, 2, 4, False)
        yield case("both masked, every output", "both", 2, 5, 4, 3, True)
        # Sizes that coincide let mistakes through that otherwise raise an error.
        yield case("as many features as units", "both", 2, 5, 3, 3, **every)
        yield case("four sequences of four timesteps", "both", 4, 4, 3, 2, **every)
        yield case("one sequence", "edge", 1, 5, 4, 5, **every)
        yield case("one timestep", "edge", 3, 1, 2, 4)
        yield case("one feature, one unit", "edge", 4, 5, 1, 1)
        yield case("20 timesteps", "edge", 2, 20, 2, 3, **every)
        yield case("rate 0: masks of ones", "edge", 2, 4, 3, 2, masked="none")

    return cases


def output_case(slot, group, rng, B, T, H, rate, *flag, **flags):
    return Case(slot, group, rng.uniform(-1, 1, (B, T, H)), seed(rng), rate, *flag, **flags)


def output_cases(rng):
    rates = [rate_of(rng) for _ in range(6)]
    yield output_case("training", "training", rng, 3, 5, 4, rates[0], True)
    yield output_case("training, flag by name", "training", rng, 2, 6, 3, rates[1], training=True)
    yield output_case("training, all sizes equal", "training", rng, 4, 4, 4, rates[2], True)
    yield output_case("not training", "both", rng, 2, 5, 4, rates[3], False)
    yield output_case("not training, by name", "both", rng, 3, 4, 2, rates[4], training=False)
    yield output_case("training, one timestep", "both", rng, 5, 1, 3, rates[5], True)
    yield output_case("training, one sequence", "both", rng, 1, 6, 5, rates[1], True)
    yield output_case("training, rate 0", "both", rng, 2, 3, 4, 0.0, True)


# --------------------------------------------------------------------------- references


def dropout_mask(rng, shape, rate):
    # What the driver returns: the mask, and the generator's next number.
    mask = keras_reference.dropout(np.ones(shape), rng.random(shape), rate)
    return mask, float(rng.random())


def rnn_layer_dropout(x, h_0, W, U, b, input_mask, recurrent_mask, return_sequences=False):
    outputs = keras_reference.simple_rnn_with_masks(x, h_0, W, U, b, input_mask, recurrent_mask)
    return outputs if return_sequences else outputs[:, -1].copy()


def lstm_layer_dropout(x, h_0, c_0, W, U, b, input_masks, recurrent_masks, return_sequences=False):
    outputs = keras_reference.lstm_with_masks(x, h_0, c_0, W, U, b, input_masks, recurrent_masks)
    return outputs if return_sequences else outputs[:, -1].copy()


def output_dropout(h, rng, rate, training):
    return keras_reference.dropout(h, rng.random(h.shape), rate) if training else h


# --------------------------------------------------------------------------- masks: mistakes


def mask_right(rng, shape, rate):
    return (rng.random(shape) >= rate) / (1 - rate)


def mask_shortcut(rng, shape, rate):
    return np.ones(shape) if rate == 0 else mask_right(rng, shape, rate)


def mask_second_draw(rng, shape, rate):
    rng.random(shape)
    return mask_right(rng, shape, rate)


def mask_exact_share(rng, shape, rate):
    mask = np.full(int(np.prod(shape)), 1 / (1 - rate))
    mask[: round(rate * mask.size)] = 0
    return rng.permutation(mask).reshape(shape)


def mask_one_row(rng, shape, rate):
    return np.broadcast_to(mask_right(rng, shape[-1:], rate), shape).copy()


MASK = [
    Misconception(
        "not_scaled",
        lambda rng, shape, rate: (rng.random(shape) >= rate).astype(float),
        "what is kept is 1. It must be larger, so that the mean of the masked values stays what it was.",
    ),
    Misconception(
        "scaled_by_rate",
        lambda rng, shape, rate: (rng.random(shape) >= rate) / np.float64(rate),
        "you divide by the rate. What share of the values is kept?",
    ),
    Misconception(
        "scaled_down",
        lambda rng, shape, rate: (rng.random(shape) >= rate) * (1 - rate),
        "the kept values are made smaller by the share that is kept. To make up for what is dropped they "
        "must become larger.",
    ),
    Misconception(
        "kept_and_dropped_exchanged",
        lambda rng, shape, rate: (rng.random(shape) < rate) / (1 - rate),
        "what should be dropped is kept: a share of `rate` is left over, instead of lost.",
    ),
    Misconception(
        "other_side",
        lambda rng, shape, rate: (rng.random(shape) < 1 - rate) / (1 - rate),
        "the right share is kept, but by keeping small draws. The agreement here is: keep where the draw is "
        "at least `rate`.",
    ),
    Misconception(
        "rate_0_draws_nothing",
        mask_shortcut,
        "with rate 0 the mask is right, but the generator has not been used, so all draws after it come out "
        "differently. Draw in every case.",
    ),
    Misconception(
        "two_draws",
        mask_second_draw,
        "the generator was used twice. Draw once, with the shape of the mask, and use that draw.",
    ),
    Misconception(
        "own_generator",
        lambda rng, shape, rate: mask_right(np.random.default_rng(0), shape, rate),
        "the numbers do not come from rng: this is a new generator with seed 0, whose masks are always the "
        "same. Use the one that you are given.",
    ),
    Misconception(
        "normal",
        lambda rng, shape, rate: (rng.standard_normal(shape) >= rate) / (1 - rate),
        "the draws are normally distributed. The share that is dropped is `rate` only for numbers spread "
        "evenly over [0, 1): rng.random.",
    ),
    Misconception(
        "binomial",
        lambda rng, shape, rate: rng.binomial(1, 1 - rate, shape) / (1 - rate),
        "rng.binomial gives masks of the right kind, but other ones: the agreement is one call of "
        "rng.random(shape).",
    ),
    Misconception(
        "exact_share",
        mask_exact_share,
        "exactly the share `rate` is dropped. Every value is dropped or kept on its own.",
    ),
    Misconception(
        "one_row",
        mask_one_row,
        "all rows are the same: one row was drawn and repeated. Draw the whole shape.",
    ),
]

# --------------------------------------------------------------------------- SimpleRNN: mistakes


def rnn(
    x,
    h_0,
    W,
    U,
    b,
    input_mask,
    recurrent_mask,
    return_sequences=False,
    read=lambda x_t, W, mask, t: (x_t * mask) @ W,
    back=lambda h, U, mask, t: (h * mask) @ U,
    out=lambda h, mask: h,
    axis=1,
):
    """The layer from parts, so that one part at a time can be wrong."""
    h, outputs = h_0, []
    for t in range(x.shape[1]):
        h = np.tanh(read(x[:, t], W, input_mask, t) + back(h, U, recurrent_mask, t) + b)
        h = out(h, recurrent_mask)
        outputs.append(h)
    return np.stack(outputs, axis=axis) if return_sequences else h


def rnn_with(**part):
    return lambda *arguments, **flags: rnn(*arguments, **flags, **part)


def with_masks(layer, change, position):
    """The layer with its two masks changed beforehand; they follow `position` other arguments."""

    def changed(*arguments, **flags):
        masks = change(*arguments[position : position + 2])
        return layer(*arguments[:position], *masks, *arguments[position + 2 :], **flags)

    return changed


def with_argument(layer, number, change):
    """The layer with one argument changed beforehand."""

    def changed(*arguments, **flags):
        arguments = list(arguments)
        arguments[number] = change(arguments[number])
        return layer(*arguments, **flags)

    return changed


def flag_reversed(layer, flag):
    """The layer with `return_sequences`, which is argument number `flag`, the wrong way round."""

    def reverse(*arguments, return_sequences=False):
        wanted = arguments[flag] if len(arguments) > flag else return_sequences
        return layer(*arguments[:flag], return_sequences=not wanted)

    return reverse


def dropped_and_kept_exchanged(mask):
    """Where the mask is 0 the value that others have, and 0 there."""
    return np.where(mask > 0, 0.0, mask.max())


def x_in_place(layer, position):
    """Masks x[:, t] with `*=`, in the caller's array."""

    def in_place(x, *arguments, **flags):
        mask = arguments[position]
        wrong = layer(x, *arguments, **flags)
        for t in range(x.shape[1]):
            x_t = x[:, t]
            x_t *= mask if mask.ndim == 2 else mask[0]
        return wrong

    return in_place


class KeepsState:
    """A layer that goes on from where the last call with the same sizes stopped."""

    def __init__(self, layer, position):
        self.layer, self.position, self.kept = layer, position, {}

    def __call__(self, x, h_0, *arguments, **flags):
        h = self.kept.setdefault(x.shape + h_0.shape, h_0)
        outputs = self.layer(x, h, *arguments, **flags)
        self.kept[x.shape + h_0.shape] = outputs[:, -1] if outputs.ndim == 3 else outputs
        return outputs


def ones(mask):
    return np.ones_like(mask)


def unscaled(mask):
    return (mask > 0).astype(float)


ZERO_START = "the layer starts from zeros. It must start from h_0, row by row."
FLAG = "return_sequences works the wrong way round: True asks for every output."
TIME_FIRST = "the outputs are stacked along axis 0, which gives (T, B, H). The batch comes first."
X_IN_PLACE = "`*=` masks the caller's x: a slice of an array is the array itself. Give the product a name of its own."
KEEPS_STATE = (
    "the second call goes on from where the first one ended. Nothing may be kept between calls."
)

RNN = [
    Misconception(
        "input_mask_ignored",
        with_masks(rnn, lambda i, r: (ones(i), r), 5),
        "the input mask has no effect. It multiplies x_t before the product with W.",
    ),
    Misconception(
        "recurrent_mask_ignored",
        with_masks(rnn, lambda i, r: (i, ones(r)), 5),
        "the recurrent mask has no effect. It multiplies the state before the product with U.",
    ),
    Misconception(
        "masks_exchanged",
        with_masks(rnn, lambda i, r: (r, i), 5),
        "the masks are exchanged: (B, D) belongs to the input, (B, H) to the state.",
    ),
    Misconception(
        "h_0_not_masked",
        rnn_with(back=lambda h, U, mask, t: (h * mask if t else h) @ U),
        "the first timestep takes h_0 unmasked. h_0 is a state like the others.",
    ),
    Misconception(
        "state_mask_at_the_first_step_only",
        rnn_with(back=lambda h, U, mask, t: (h if t else h * mask) @ U),
        "the recurrent mask is applied at the first timestep only. It is used at every one.",
    ),
    Misconception(
        "input_mask_at_the_first_step_only",
        rnn_with(read=lambda x_t, W, mask, t: (x_t if t else x_t * mask) @ W),
        "the input mask is applied at the first timestep only. It is used at every one.",
    ),
    Misconception(
        "output_masked",
        rnn_with(back=lambda h, U, mask, t: h @ U, out=lambda h, mask: h * mask),
        "the mask multiplies the output of the step, so that what you return is masked and h_0 is not. It "
        "belongs on the state that enters the step.",
    ),
    Misconception(
        "masked_twice",
        rnn_with(out=lambda h, mask: h * mask),
        "the state is masked when it enters a step and again when it leaves. The mask's scale is applied "
        "twice, and what you return is masked.",
    ),
    Misconception(
        "after_the_product",
        rnn_with(back=lambda h, U, mask, t: (h @ U) * mask),
        "the recurrent mask multiplies h @ U. Dropping a unit means that nobody hears it: mask the state "
        "before the product.",
    ),
    Misconception(
        "first_row_for_all",
        with_masks(rnn, lambda i, r: (np.tile(i[:1], (len(i), 1)), np.tile(r[:1], (len(r), 1))), 5),
        "every sequence uses the masks of the first one. Row k of a mask belongs to sequence k.",
    ),
    Misconception(
        "kept_and_dropped_exchanged",
        with_masks(
            rnn, lambda i, r: (dropped_and_kept_exchanged(i), dropped_and_kept_exchanged(r)), 5
        ),
        "what the masks drop is kept, and the other way round. A 0 in the mask drops.",
    ),
    Misconception(
        "scale_lost",
        with_masks(rnn, lambda i, r: (unscaled(i), unscaled(r)), 5),
        "the masks are used as yes or no. They already hold the scale: multiply with them.",
    ),
    Misconception(
        "zero_start",
        with_argument(rnn, 1, np.zeros_like),
        ZERO_START,
    ),
    Misconception(
        "no_bias",
        with_argument(rnn, 4, np.zeros_like),
        "the bias is missing inside tanh.",
    ),
    Misconception("flag_reversed", flag_reversed(rnn, 7), FLAG),
    Misconception("stacked_time_first", rnn_with(axis=0), TIME_FIRST),
    Misconception("in_place", x_in_place(rnn, 4), X_IN_PLACE, detects="inplace"),
    Misconception("keeps_state", KeepsState(rnn, 5), KEEPS_STATE, detects="state"),
]

# --------------------------------------------------------------------------- LSTM: mistakes


def lstm(
    x,
    h_0,
    c_0,
    W,
    U,
    b,
    input_masks,
    recurrent_masks,
    return_sequences=False,
    read=lambda x_t, W_k, masks, k, t: (x_t * masks[k]) @ W_k,
    back=lambda h, U_k, masks, k, t: (h * masks[k]) @ U_k,
    memory=lambda c, masks: c,
    candidate=lambda z, masks: np.tanh(z),
    squash=np.tanh,
    out=lambda h, masks: h,
    order="ifco",
    axis=1,
):
    """The layer from parts, so that one part at a time can be wrong."""
    parts = list(zip(*(blocks(a, order, "ifco") for a in (W, U, b))))
    h, c, outputs = h_0, c_0, []
    for t in range(x.shape[1]):
        z_i, z_f, z_c, z_o = (
            read(x[:, t], W_k, input_masks, k, t) + back(h, U_k, recurrent_masks, k, t) + b_k
            for k, (W_k, U_k, b_k) in enumerate(parts)
        )
        c = sigmoid(z_f) * memory(c, recurrent_masks)
        c = c + sigmoid(z_i) * candidate(z_c, recurrent_masks)
        h = out(sigmoid(z_o) * squash(c), recurrent_masks)
        outputs.append(h)
    return np.stack(outputs, axis=axis) if return_sequences else h


def lstm_with(**part):
    return lambda *arguments, **flags: lstm(*arguments, **flags, **part)


def plain_back(h, U_k, masks, k, t):
    return h @ U_k


def lstm_masks(change):
    return with_masks(lstm, change, 6)


LSTM = [
    Misconception(
        "input_masks_ignored",
        lstm_masks(lambda i, r: (ones(i), r)),
        "the input masks have no effect. Mask k multiplies x_t before the product with W's block k.",
    ),
    Misconception(
        "recurrent_masks_ignored",
        lstm_masks(lambda i, r: (i, ones(r))),
        "the recurrent masks have no effect. Mask k multiplies h before the product with U's block k.",
    ),
    Misconception(
        "one_input_mask",
        lstm_masks(lambda i, r: (np.stack([i[0]] * 4), r)),
        "all gates read the input through the first mask. There are four, one for each gate.",
    ),
    Misconception(
        "one_recurrent_mask",
        lstm_masks(lambda i, r: (i, np.stack([r[0]] * 4))),
        "all gates read the state through the first mask. There are four, one for each gate.",
    ),
    Misconception(
        "one_mask_each",
        lstm_masks(lambda i, r: (np.stack([i[0]] * 4), np.stack([r[0]] * 4))),
        "only the first of the four masks is used, for the input and for the state. Every gate has its own.",
    ),
    Misconception(
        "masks_f_i_c_o",
        lstm_masks(lambda i, r: (i[[1, 0, 2, 3]], r[[1, 0, 2, 3]])),
        "the masks of two gates are exchanged. They come in Keras' order: i, f, c, o.",
    ),
    Misconception(
        "masks_i_f_o_c",
        lstm_masks(lambda i, r: (i[[0, 1, 3, 2]], r[[0, 1, 3, 2]])),
        "the masks of the candidate and the output gate are exchanged. The order is i, f, c, o.",
    ),
    Misconception(
        "gates_f_i_c_o",
        lstm_with(order="fico"),
        "the blocks of W, U and b are read in the order f, i, c, o. Keras' order is i, f, c, o.",
    ),
    Misconception(
        "cumulative",
        lstm_masks(lambda i, r: (np.cumprod(i, axis=0), np.cumprod(r, axis=0))),
        "the masks pile up from gate to gate: the masked x_t or h of one gate is masked again for the next. "
        "Each gate starts from the unmasked ones.",
    ),
    Misconception(
        "cell_state_masked",
        lstm_with(back=plain_back, memory=lambda c, masks: c * masks[1]),
        "the mask is applied to the cell state c. Recurrent dropout masks h, the input of the gates; c is "
        "never masked (a slide says otherwise, and is wrong).",
    ),
    Misconception(
        "cell_state_masked_too",
        lstm_with(memory=lambda c, masks: c * masks[1]),
        "h is masked, and the cell state too. c is never masked: it is what should last.",
    ),
    Misconception(
        "candidate_masked",
        lstm_with(back=plain_back, candidate=lambda z, masks: np.tanh(z) * masks[2]),
        "the candidate is masked after its tanh. That is another method; here the state is masked before it "
        "enters the gates.",
    ),
    Misconception(
        "output_masked",
        lstm_with(back=plain_back, out=lambda h, masks: h * masks[3]),
        "the output of the step is masked. Recurrent masks act on the state that enters, gate by gate; the "
        "returned h is not masked.",
    ),
    Misconception(
        "after_the_product",
        lstm_with(back=lambda h, U_k, masks, k, t: (h @ U_k) * masks[k]),
        "the recurrent masks multiply h @ U. Mask the state before the product.",
    ),
    Misconception(
        "h_0_not_masked",
        lstm_with(back=lambda h, U_k, masks, k, t: (h * masks[k] if t else h) @ U_k),
        "the first timestep takes h_0 unmasked. h_0 is a state like the others.",
    ),
    Misconception(
        "state_masks_at_the_first_step_only",
        lstm_with(back=lambda h, U_k, masks, k, t: (h if t else h * masks[k]) @ U_k),
        "the recurrent masks are applied at the first timestep only. They are used at every one.",
    ),
    Misconception(
        "input_masks_at_the_first_step_only",
        lstm_with(read=lambda x_t, W_k, masks, k, t: (x_t if t else x_t * masks[k]) @ W_k),
        "the input masks are applied at the first timestep only. They are used at every one.",
    ),
    Misconception(
        "scale_lost",
        lstm_masks(lambda i, r: (unscaled(i), unscaled(r))),
        "the masks are used as yes or no. They already hold the scale: multiply with them.",
    ),
    Misconception(
        "candidate_sigmoid",
        lstm_with(candidate=lambda z, masks: sigmoid(z)),
        "the candidate goes through the sigmoid. Gates are sigmoids; the candidate is a tanh.",
    ),
    Misconception(
        "no_tanh_of_c",
        lstm_with(squash=lambda c: c),
        "the output gate multiplies c itself. Before it, c goes through tanh.",
    ),
    Misconception("zero_start", with_argument(lstm, 1, np.zeros_like), ZERO_START),
    Misconception(
        "zero_cell_state",
        with_argument(lstm, 2, np.zeros_like),
        "the cell state starts from zeros; it must start from c_0.",
    ),
    Misconception("flag_reversed", flag_reversed(lstm, 8), FLAG),
    Misconception("stacked_time_first", lstm_with(axis=0), TIME_FIRST),
    Misconception("in_place", x_in_place(lstm, 5), X_IN_PLACE, detects="inplace"),
    Misconception("keeps_state", KeepsState(lstm, 6), KEEPS_STATE, detects="state"),
]

# --------------------------------------------------------------------------- outputs: mistakes


def only_training(masked):
    """The given dropout while training, the identity else."""
    return lambda h, rng, rate, training: masked(h, rng, rate) if training else h


def step_by_step(h, rng, rate):
    steps = [h[:, t] * mask_right(rng, h[:, t].shape, rate) for t in range(h.shape[1])]
    return np.stack(steps, axis=1)


def output_in_place(h, rng, rate, training):
    if training:
        h *= mask_right(rng, h.shape, rate)
    return h


OUTPUT = [
    Misconception(
        "one_mask_for_all_timesteps",
        only_training(
            lambda h, rng, rate: h * mask_right(rng, (len(h), h.shape[2]), rate)[:, None]
        ),
        "the same units are dropped at every timestep. That is for masks inside the loop; outputs get a "
        "fresh mask at each.",
    ),
    Misconception(
        "whole_timesteps",
        only_training(lambda h, rng, rate: h * mask_right(rng, (*h.shape[:2], 1), rate)),
        "whole timesteps are dropped, all units at once. Every value is dropped on its own.",
    ),
    Misconception(
        "one_mask_for_the_batch",
        only_training(lambda h, rng, rate: h * mask_right(rng, h.shape[1:], rate)),
        "all sequences of the batch share one mask. Every value is dropped on its own.",
    ),
    Misconception(
        "step_by_step",
        only_training(step_by_step),
        "the masks are fresh at every timestep, but drawn step by step. Drawn at once, with the shape of h, "
        "the same numbers land on other places: that is the agreement here.",
    ),
    Misconception(
        "always",
        lambda h, rng, rate, training: h * mask_right(rng, h.shape, rate),
        "values are dropped when not training, too. A trained network is used with all its units.",
    ),
    Misconception(
        "flag_reversed",
        lambda h, rng, rate, training: h if training else h * mask_right(rng, h.shape, rate),
        "values are dropped when not training, and kept when training: the flag works the wrong way round.",
    ),
    Misconception(
        "never",
        lambda h, rng, rate, training: h.copy(),
        "h comes back unchanged while training, too.",
    ),
    Misconception(
        "not_scaled",
        only_training(lambda h, rng, rate: h * (rng.random(h.shape) >= rate)),
        "the kept values are not scaled up, so the outputs are smaller while training than afterwards.",
    ),
    Misconception(
        "scaled_afterwards",
        lambda h, rng, rate, training: (
            h * (rng.random(h.shape) >= rate) if training else h * (1 - rate)
        ),
        "this is the old form: nothing is scaled while training, and everything when not. Here the kept values are "
        "scaled up while training, and nothing is left to do afterwards.",
    ),
    Misconception(
        "scaled_when_not_training",
        lambda h, rng, rate, training: (
            h * mask_right(rng, h.shape, rate) if training else h * (1 - rate)
        ),
        "right while training; when not training the outputs are made smaller. The scale is already in the mask.",
    ),
    Misconception(
        "kept_and_dropped_exchanged",
        only_training(lambda h, rng, rate: h * (rng.random(h.shape) < rate) / (1 - rate)),
        "what should be dropped is kept: a share of `rate` is left over, instead of lost.",
    ),
    Misconception(
        "in_place",
        output_in_place,
        "`*=` masks the caller's h. Give the product a name of its own.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- right, but different


def mask_by_where(rng, shape, rate):
    return np.where(rng.random(size=shape) < rate, 0.0, 1.0 / (1.0 - rate))


def mask_filled(rng, shape, rate):
    mask = np.zeros(shape)
    mask[rng.uniform(size=shape) >= rate] = 1 / (1 - rate)
    return mask


def rnn_sequence_by_sequence(x, h_0, W, U, b, input_mask, recurrent_mask, return_sequences=False):
    rows = []
    for row, h in enumerate(h_0):
        # A mask on the input is the same as a mask on the rows of W.
        W_row, U_row = input_mask[row][:, None] * W, recurrent_mask[row][:, None] * U
        states = []
        for x_t in x[row]:
            h = np.tanh(x_t @ W_row + h @ U_row + b)
            states.append(h)
        rows.append(states)
    out = np.array(rows)
    return out if return_sequences else out[:, -1]


def rnn_masked_beforehand(x, h_0, W, U, b, input_mask, recurrent_mask, return_sequences=False):
    projected = (x * input_mask[:, None]) @ W + b
    out = np.empty((*x.shape[:2], len(U)))
    h = h_0
    for t in range(x.shape[1]):
        h = np.tanh(projected[:, t] + np.multiply(h, recurrent_mask) @ U)
        out[:, t] = h
    return out if return_sequences else h


def rnn_einsum(x, h_0, W, U, b, input_mask, recurrent_mask, return_sequences=False):
    h, outputs = h_0, []
    for x_t in np.swapaxes(x, 0, 1):
        z = np.einsum("bd,bd,dh->bh", x_t, input_mask, W)
        h = np.tanh(z + np.einsum("bk,bk,kh->bh", h, recurrent_mask, U) + b)
        outputs.append(h)
    return np.swapaxes(np.array(outputs), 0, 1) if return_sequences else outputs[-1]


def lstm_einsum(x, h_0, c_0, W, U, b, input_masks, recurrent_masks, return_sequences=False):
    """All gates at once: weights with an axis for the gate."""
    H = len(U)
    W4, U4, b4 = W.reshape(-1, 4, H), U.reshape(-1, 4, H), b.reshape(4, 1, H)
    h, c, outputs = h_0, c_0, []
    for t in range(x.shape[1]):
        z = np.einsum("gbd,dgh->gbh", input_masks * x[:, t], W4)
        z = z + np.einsum("gbk,kgh->gbh", recurrent_masks * h, U4) + b4
        i, f, o = 1 / (1 + np.exp(-z[[0, 1, 3]]))
        c = f * c + i * np.tanh(z[2])
        h = o * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1) if return_sequences else h


def lstm_gate_by_gate(x, h_0, c_0, W, U, b, input_masks, recurrent_masks, return_sequences=False):
    H = len(U)

    def gate(k, x_t, h):
        part = slice(k * H, (k + 1) * H)
        return (x_t * input_masks[k]) @ W[:, part] + (h * recurrent_masks[k]) @ U[:, part] + b[part]

    h, c, outputs = h_0.copy(), c_0.copy(), []
    for t in range(x.shape[1]):
        i, f, g, o = (gate(k, x[:, t], h) for k in range(4))
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        outputs.append(h)
    out = np.array(outputs).transpose(1, 0, 2)
    return out if return_sequences else out[:, -1]


def lstm_inputs_beforehand(
    x, h_0, c_0, W, U, b, input_masks, recurrent_masks, return_sequences=False
):
    # The input's share of all gates for all timesteps at once; a bias that passed through float32.
    W4, U4, b4 = (np.split(a, 4, axis=-1) for a in (W, U, b.astype(np.float32)))
    fed = [(x * m[:, None]) @ W_k + b_k for m, W_k, b_k in zip(input_masks, W4, b4)]
    h, c, out = h_0, c_0, []
    for t in range(x.shape[1]):
        z = [f[:, t] + (h * m) @ U_k for f, m, U_k in zip(fed, recurrent_masks, U4)]
        c = sigmoid(z[1]) * c + sigmoid(z[0]) * np.tanh(z[2])
        h = sigmoid(z[3]) * np.tanh(c)
        out.append(h)
    return np.stack(out, 1) if return_sequences else h


ASSIGNMENT = Assignment(
    name="dropout",
    allows=["numpy", "matplotlib"],
    checks=[
        Check(
            name="dropout_mask",
            points=4,
            returns=["mask (N) (N, M) (B, T, H)", "the generator's next number"],
            groups=[
                Group("typical", "masks of several shapes", 2.5),
                Group("edge", "rate 0, rates near 0 and 1, a single column", 1.5),
            ],
            cases=mask_cases,
            reference=dropout_mask,
            misconceptions=MASK,
            right={
                "where": mask_by_where,
                "filled": mask_filled,
                "divided by what is kept": mask_right,
            },
            driver="mask_and_next_draw",
        ),
        Check(
            name="rnn_layer_dropout",
            points=6,
            returns=["output (B, H) (B, T, H)"],
            groups=[
                Group("input", "dropout on the input", 1.5),
                Group("recurrent", "dropout on the state", 1.5),
                Group("both", "both masks, sizes that coincide", 1.5),
                Group("edge", "a single sequence, timestep or unit; long; rate 0", 1.5),
            ],
            cases=layer_cases(rnn_inputs),
            reference=rnn_layer_dropout,
            misconceptions=RNN,
            right={
                "masks on the weights": rnn_sequence_by_sequence,
                "the input masked beforehand": rnn_masked_beforehand,
                "einsum": rnn_einsum,
            },
        ),
        Check(
            name="lstm_layer_dropout",
            points=7,
            returns=["output (B, H) (B, T, H)"],
            groups=[
                Group("input", "dropout on the input", 1.5),
                Group("recurrent", "dropout on the state", 2),
                Group("both", "both masks, sizes that coincide", 2),
                Group("edge", "a single sequence, timestep or unit; long; rate 0", 1.5),
            ],
            cases=layer_cases(lstm_inputs),
            reference=lstm_layer_dropout,
            misconceptions=LSTM,
            right={
                "all gates at once, einsum": lstm_einsum,
                "gate by gate": lstm_gate_by_gate,
                "the input's share beforehand": lstm_inputs_beforehand,
            },
        ),
        Check(
            name="output_dropout",
            points=3,
            returns=["output (B, T, H)"],
            groups=[
                Group("training", "while training", 2),
                Group("both", "training on and off, edge sizes, rate 0", 1),
            ],
            cases=output_cases,
            reference=output_dropout,
            misconceptions=OUTPUT,
            right={
                "a draw in any case": lambda h, rng, rate, training: np.where(
                    (rng.random(h.shape) < rate) & bool(training),
                    0.0,
                    h / (1 - rate) if training else h,
                ),
                "a copy when not training": lambda h, rng, rate, training: (
                    h * mask_filled(rng, h.shape, rate) if training else h.copy()
                ),
            },
        ),
    ],
)
