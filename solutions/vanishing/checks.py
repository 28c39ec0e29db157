"""Checks of `vanishing`: activations and their slopes, back-propagation through time, clipping.

All gradients come from `tf.GradientTape` through Keras; the norms of dh_T/dh_t from the Jacobians that
it gives; clipping from TensorFlow.
"""

import keras_layers as keras_reference
import numpy as np

from autograder.authoring import Assignment, Case, Check, Group, Misconception

# --------------------------------------------------------------------------- inputs


def signed(rng, *shape):
    """Numbers of both signs, none near 0."""
    z = rng.uniform(0.1, 3.5, shape) * rng.choice([-1.0, 1.0], shape)
    flat = z.reshape(-1)
    flat[0], flat[-1] = -abs(flat[0]), abs(flat[-1])
    return z


def activation_cases(rng):
    yield Case("a vector", "typical", signed(rng, 6))
    yield Case("a matrix", "typical", signed(rng, 3, 5))
    yield Case("a batch of sequences", "typical", signed(rng, 2, 4, 3))
    zeros = signed(rng, 3, 4)
    zeros[1, 1:3] = 0.0
    yield Case("zeros among the values", "edge", zeros)
    large = signed(rng, 8) * 2500
    large[:4] = [-1e4, -800.0, 800.0, 1e4]
    yield Case("values up to 10,000", "edge", large)


def leaky_cases(rng):
    alphas = rng.uniform(0.05, 0.45, 4).round(3)
    cases = list(activation_cases(rng))
    for case, alpha in zip(cases, [*alphas, 0.25]):
        yield Case(case.slot, case.group, case.args[0], float(alpha))
    yield Case("a slope near 1", "edge", signed(rng, 4, 2), 0.9)


def weights(rng, D, H, gain=0.9):
    """Signed weights in Keras' layout of a size that does not saturate tanh."""
    W = rng.normal(0, 0.6 / np.sqrt(D), (D, H))
    U = rng.normal(0, gain / np.sqrt(H), (H, H))
    return W, U, rng.normal(0, 0.3, H)


def backward_case(slot, group, rng, B, T, D, H, last_only=False, scale=1.0, gain=0.9):
    W, U, b = weights(rng, D, H, gain)
    x, h_0 = rng.normal(0, scale, (B, T, D)), rng.uniform(-0.8, 0.8, (B, H))
    h = keras_reference.simple_rnn(x, h_0, W, U, b)
    dh = rng.normal(0, 1, h.shape)
    if last_only:
        dh[:, :-1] = 0.0
    return Case(slot, group, dh, x, h, h_0, W, U)


def backward_cases(rng):
    yield backward_case("one timestep", "step", rng, 3, 1, 2, 4)
    yield backward_case("one timestep, more features than units", "step", rng, 2, 1, 5, 3)
    yield backward_case(
        "5 timesteps, loss at the last one", "last", rng, 3, 5, 2, 4, last_only=True
    )
    yield backward_case(
        "4 timesteps, loss at the last one", "last", rng, 2, 4, 6, 3, last_only=True
    )
    yield backward_case("5 timesteps, loss at every one", "every", rng, 3, 5, 2, 4)
    yield backward_case("7 timesteps, loss at every one", "every", rng, 2, 7, 4, 3)
    # Sizes that coincide let mistakes through that otherwise raise an error.
    yield backward_case("as many features as units", "sizes", rng, 2, 5, 3, 3)
    yield backward_case("as many sequences as timesteps", "sizes", rng, 4, 4, 2, 3)
    yield backward_case("one sequence", "edge", rng, 1, 5, 3, 2)
    yield backward_case("one feature, one unit", "edge", rng, 2, 6, 1, 1)
    yield backward_case("25 timesteps", "edge", rng, 2, 25, 2, 3, gain=1.2)
    yield backward_case("saturated units", "edge", rng, 2, 5, 3, 4, scale=4.0)


def norms_case(slot, group, rng, T, H, gain=0.9, scale=1.0):
    W, U, b = weights(rng, 2, H, gain)
    x, h_0 = rng.normal(0, scale, (1, T, 2)), rng.uniform(-0.3, 0.3, (1, H))
    return Case(slot, group, keras_reference.simple_rnn(x, h_0, W, U, b * min(1, scale))[0], U)


def norms_cases(rng):
    yield norms_case("6 timesteps, 4 units", "typical", rng, 6, 4)
    yield norms_case("5 timesteps, 3 units", "typical", rng, 5, 3, gain=1.2)
    yield norms_case("as many timesteps as units", "typical", rng, 4, 4)
    yield norms_case("30 timesteps, the gradient vanishes", "long", rng, 30, 4, gain=0.6)
    yield norms_case(
        "12 timesteps, the gradient explodes", "long", rng, 12, 5, gain=2.2, scale=0.02
    )
    yield norms_case("one timestep", "edge", rng, 1, 3)
    yield norms_case("two timesteps", "edge", rng, 2, 5)
    yield norms_case("one unit", "edge", rng, 5, 1, gain=1.1)
    yield norms_case("saturated units", "edge", rng, 4, 3, gain=1.5, scale=2.5)


def clip_case(slot, group, rng, shapes, ratio, size=1.0):
    grads = [rng.normal(0, size, shape) for shape in shapes]
    norm = np.sqrt(sum((g * g).sum() for g in grads))
    return Case(slot, group, grads, float(ratio * norm))


def clip_cases(rng):
    some = [(3, 4), (4,), (2, 2, 3)]
    yield clip_case("three arrays, norm above the limit", "clip", rng, some, rng.uniform(0.3, 0.6))
    yield clip_case("large gradients", "clip", rng, [(5, 2), (7,)], 0.01, size=200.0)
    yield clip_case("norm below the limit", "keep", rng, some, rng.uniform(1.5, 2.5))
    yield clip_case("norm just below the limit", "keep", rng, [(6,), (3, 3)], 1.05)
    yield Case("all gradients zero", "edge", [np.zeros((2, 3)), np.zeros(4)], 1.5)
    yield clip_case("one array", "edge", rng, [(4, 5)], 0.5)
    # Every array alone is below the limit, together they are above it.
    yield clip_case("many small arrays", "edge", rng, [(3,), (2, 2), (4,), (1,), (5,)], 0.9)
    big = [rng.normal(0, 1, (2, 2)), rng.normal(30, 5, 3), rng.normal(0, 0.1, (4, 1))]
    yield Case("one array much larger than the others", "edge", big, float(rng.uniform(2, 4)))


# --------------------------------------------------------------------------- references


def sigmoid(z):
    return keras_reference.sigmoid(z)


def relu(z):
    return keras_reference.leaky_relu(z, 0.0)


def leaky_relu(z, alpha):
    return keras_reference.leaky_relu(z, alpha)


def sigmoid_grad(z):
    return keras_reference.sigmoid_gradient(z)


def relu_grad(z):
    return keras_reference.leaky_relu_gradient(z, 0.0)


def leaky_relu_grad(z, alpha):
    return keras_reference.leaky_relu_gradient(z, alpha)


def rnn_backward(dh, x, h, h_0, W, U):
    # The bias is not an argument; any output that is not saturated gives it away.
    before = np.concatenate([h_0[:, None], h[:, :-1]], axis=1)
    steepest = np.abs(h).reshape(-1, h.shape[2]).argmin(axis=0)
    sums = np.arctanh(h) - x @ W - before @ U
    b = sums.reshape(-1, h.shape[2])[steepest, np.arange(h.shape[2])]
    *gradients, outputs = keras_reference.simple_rnn_gradients(dh, x, h_0, W, U, b)
    np.testing.assert_allclose(outputs, h, atol=1e-9)
    return tuple(gradients)


def gradient_norms(h, U):
    return np.linalg.norm(keras_reference.simple_rnn_jacobians(h, U), ord=2, axis=(1, 2))


def clip_by_global_norm(grads, max_norm):
    return keras_reference.clip_by_global_norm(grads, max_norm)


# --------------------------------------------------------------------------- activations: mistakes


def s(z):
    """A stable sigmoid."""
    return 0.5 * (1 + np.tanh(z / 2))


def writes_into(function):
    """The right result, written over the input."""

    def in_place(z, *alpha):
        z[...] = function(z, *alpha)
        return z

    return in_place


IN_PLACE = (
    "the result is written into z, which belongs to the caller (and which back-propagation needs "
    "once more). Assigning to z[...] changes it; make a new array."
)

SIGMOID = [
    Misconception(
        "sign",
        lambda z: s(-z),
        "the curve falls where it should rise: look at the sign in the exponent.",
    ),
    Misconception(
        "precedence",
        lambda z: 1 / 1 + np.exp(-z),
        "1 / 1 + exp(-z) is (1/1) + exp(-z). The sum belongs in brackets.",
    ),
    Misconception(
        "tanh",
        np.tanh,
        "this is tanh, between -1 and 1. The sigmoid lies between 0 and 1.",
    ),
    Misconception(
        "unstable",
        lambda z: np.exp(z) / (1 + np.exp(z)),
        "exp(z) overflows beyond 709, and infinity / infinity is NaN. Which of the two ways to write the "
        "sigmoid has no infinity above the fraction bar?",
    ),
    Misconception(
        "clipped",
        lambda z: s(np.clip(z, -2, 2)),
        "values beyond some limit are cut off; the sigmoid goes on to 0 and to 1.",
    ),
    Misconception(
        "hard",
        lambda z: np.clip(0.2 * z + 0.5, 0, 1),
        "this is the hard sigmoid, made of three straight lines. The sigmoid is a smooth curve.",
    ),
    Misconception(
        "exponential",
        lambda z: np.exp(-z) / (1 + np.exp(-z)),
        "this is 1 minus the sigmoid: the numerator is 1, not exp(-z).",
    ),
    Misconception("in_place", writes_into(s), IN_PLACE, detects="inplace"),
]

RELU = [
    Misconception(
        "absolute",
        np.abs,
        "negative values are turned into positive ones; ReLU makes them 0.",
    ),
    Misconception(
        "minimum",
        lambda z: np.minimum(0, z),
        "the negative values are kept and the positive ones are lost: max and min are exchanged.",
    ),
    Misconception(
        "step",
        lambda z: (z > 0).astype(float),
        "this is 0 or 1, the slope of ReLU. The function itself returns z where z is positive.",
    ),
    Misconception(
        "leaky",
        lambda z: np.where(z > 0, z, 0.01 * z),
        "negative values leak through with a small slope. That is the next function; here they become 0.",
    ),
    Misconception(
        "capped",
        lambda z: np.clip(z, 0, 6),
        "large values are cut off at 6. ReLU has no upper limit.",
    ),
    Misconception(
        "capped_at_one",
        lambda z: np.clip(z, 0, 1),
        "values above 1 are cut off. ReLU has no upper limit.",
    ),
    Misconception(
        "positive_values_only",
        lambda z: z[z > 0],
        "z[z > 0] drops the negative values, so that the shape is lost. They become 0 at their places.",
    ),
    Misconception("in_place", writes_into(lambda z: np.maximum(z, 0)), IN_PLACE, detects="inplace"),
]

LEAKY = [
    Misconception(
        "no_leak",
        lambda z, alpha: np.maximum(z, 0),
        "this is plain ReLU; alpha is not used. What happens to negative values?",
    ),
    Misconception(
        "fixed_slope",
        lambda z, alpha: np.where(z > 0, z, 0.01 * z),
        "the slope is always 0.01. It is the argument alpha.",
    ),
    Misconception(
        "wrong_side",
        lambda z, alpha: np.where(z > 0, alpha * z, z),
        "alpha is applied to the positive side. Positive values pass unchanged.",
    ),
    Misconception(
        "both_sides",
        lambda z, alpha: alpha * z,
        "everything is multiplied by alpha. Positive values pass unchanged.",
    ),
    Misconception(
        "absolute",
        lambda z, alpha: np.where(z > 0, z, -alpha * z),
        "the negative side comes out positive. alpha * z keeps the sign of z.",
    ),
    Misconception(
        "constant",
        lambda z, alpha: np.where(z > 0, z, -alpha),
        "negative values all become -alpha. They are multiplied by alpha.",
    ),
    Misconception(
        "floor",
        lambda z, alpha: np.maximum(alpha, z),
        "this is max(alpha, z): alpha has become a lower limit. The formula is max(alpha * z, z).",
    ),
    Misconception(
        "elu",
        lambda z, alpha: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        "this is the ELU, whose negative side bends to -alpha. Leaky ReLU is a straight line there.",
    ),
    Misconception(
        "in_place",
        writes_into(lambda z, alpha: np.maximum(alpha * z, z)),
        IN_PLACE,
        detects="inplace",
    ),
]

SIGMOID_GRAD = [
    Misconception(
        "takes_output",
        lambda z: z * (1 - z),
        "z * (1 - z) is right when z is already the output of the sigmoid. Here z is its input.",
    ),
    Misconception(
        "function",
        s,
        "this is the sigmoid itself; wanted is its slope.",
    ),
    Misconception(
        "one_minus",
        lambda z: 1 - s(z),
        "one of the two factors is missing: the slope is a product.",
    ),
    Misconception(
        "squared",
        lambda z: s(z) ** 2,
        "both factors are the same. Left of 0 the slope rises, right of 0 it falls again.",
    ),
    Misconception(
        "tanh_slope",
        lambda z: 1 - s(z) ** 2,
        "1 - y**2 is the slope of tanh. The sigmoid's is another one.",
    ),
    Misconception(
        "sign",
        lambda z: s(z) * (s(z) - 1),
        "the sigmoid rises everywhere, so its slope is positive.",
    ),
    Misconception(
        "tanh_itself",
        lambda z: 1 - np.tanh(z) ** 2,
        "this is the slope of tanh, which is 1 at 0. The sigmoid's largest slope is 0.25.",
    ),
    Misconception(
        "unstable",
        lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
        "the formula is right on paper; for large negative z it is infinity / infinity. Write the slope "
        "with the sigmoid, which stays between 0 and 1.",
    ),
    Misconception(
        "in_place", writes_into(lambda z: s(z) * (1 - s(z))), IN_PLACE, detects="inplace"
    ),
]

RELU_GRAD = [
    Misconception(
        "one_at_zero",
        lambda z: (z >= 0).astype(float),
        "right except where z is exactly 0: the slope there is 0 by convention.",
    ),
    Misconception(
        "half_at_zero",
        lambda z: np.heaviside(z, 0.5),
        "where z is exactly 0 you take the middle, one half. The convention here is the left side's slope, 0.",
    ),
    Misconception(
        "function",
        lambda z: np.maximum(z, 0),
        "this is ReLU itself; wanted is its slope, 0 or 1.",
    ),
    Misconception(
        "sign",
        np.sign,
        "negative values have slope -1: this is the slope of |z|. ReLU is flat there.",
    ),
    Misconception(
        "wrong_side",
        lambda z: (z < 0).astype(float),
        "the slope is 1 on the wrong side.",
    ),
    Misconception(
        "ones",
        np.ones_like,
        "the slope is 1 everywhere. Where is ReLU flat?",
    ),
    Misconception(
        "quotient",
        lambda z: np.maximum(z, 0) / z,
        "dividing ReLU by z gives 0/0 where z is 0.",
    ),
    Misconception(
        "in_place",
        writes_into(lambda z: (z > 0).astype(float)),
        IN_PLACE,
        detects="inplace",
    ),
]

LEAKY_GRAD = [
    Misconception(
        "one_at_zero",
        lambda z, alpha: np.where(z >= 0, 1.0, alpha),
        "right except where z is exactly 0: the slope there is alpha by convention.",
    ),
    Misconception(
        "zero_at_zero",
        lambda z, alpha: np.where(z > 0, 1.0, np.where(z < 0, alpha, 0.0)),
        "right except where z is exactly 0: the slope there is alpha by convention, not 0.",
    ),
    Misconception(
        "no_leak",
        lambda z, alpha: (z > 0).astype(float),
        "this is the slope of plain ReLU. The leaky one is not flat on the negative side.",
    ),
    Misconception(
        "function",
        lambda z, alpha: np.maximum(alpha * z, z),
        "this is leaky ReLU itself; wanted is its slope, which takes two values only.",
    ),
    Misconception(
        "fixed_slope",
        lambda z, alpha: np.where(z > 0, 1.0, 0.01),
        "the slope of the negative side is always 0.01. It is the argument alpha.",
    ),
    Misconception(
        "wrong_side",
        lambda z, alpha: np.where(z > 0, alpha, 1.0),
        "the two sides are exchanged: alpha belongs to the negative one.",
    ),
    Misconception(
        "negative",
        lambda z, alpha: np.where(z > 0, 1.0, -alpha),
        "the line rises on the negative side too, so its slope is positive.",
    ),
    Misconception(
        "slope_times_z",
        lambda z, alpha: np.where(z > 0, 1.0, alpha * z),
        "on the negative side this is the function's value. The slope of alpha * z is alpha.",
    ),
    Misconception(
        "in_place",
        writes_into(lambda z, alpha: np.where(z > 0, 1.0, alpha)),
        IN_PLACE,
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- backward: mistakes


def backward(
    dh,
    x,
    h,
    h_0,
    W,
    U,
    slope=lambda h_t: 1 - h_t**2,
    arriving=lambda dh_t, carried: dh_t + carried,
    carry=lambda dz, total, U: dz @ U.T,
    before=lambda h, h_0, t: h[:, t - 1] if t else h_0,
    order=reversed,
):
    """Back-propagation through time from parts, so that one part at a time can be wrong."""
    dx, carried = np.zeros_like(x), np.zeros_like(h_0)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(len(U))
    for t in order(range(x.shape[1])):
        total = arriving(dh[:, t], carried)
        dz = total * slope(h[:, t])
        dx[:, t] = dz @ W.T
        dW += x[:, t].T @ dz
        dU += before(h, h_0, t).T @ dz
        db += dz.sum(axis=0)
        carried = carry(dz, total, U)
    return dx, carried, dW, dU, db


def with_part(**part):
    return lambda *arguments: backward(*arguments, **part)


def changed(change):
    """The right gradients, changed afterwards: `change(gradients, arguments)`."""
    return lambda *arguments: change(backward(*arguments), arguments)


def overwritten(dh, x, h, h_0, W, U):
    dx, dh_0, *_ = backward(dh, x, h, h_0, W, U)
    # What the last turn of the loop, timestep 0, leaves behind.
    dz = first_dz(dh, x, h, h_0, W, U)
    return dx, dh_0, x[:, 0].T @ dz, h_0.T @ dz, dz.sum(axis=0)


def all_dz(dh, x, h, h_0, W, U):
    """Gradients with respect to the sums inside tanh, (B, T, H)."""
    carried, kept = np.zeros_like(h_0), []
    for t in reversed(range(x.shape[1])):
        dz = (dh[:, t] + carried) * (1 - h[:, t] ** 2)
        carried = dz @ U.T
        kept.append(dz)
    return np.stack(kept[::-1], axis=1)


def first_dz(*arguments):
    return all_dz(*arguments)[:, 0]


def backward_in_place(dh, x, h, h_0, W, U):
    dx = np.zeros_like(x)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(len(U))
    for t in reversed(range(x.shape[1])):
        dz = dh[:, t] * (1 - h[:, t] ** 2)
        dx[:, t] = dz @ W.T
        dW += x[:, t].T @ dz
        dU += (h[:, t - 1] if t else h_0).T @ dz
        db += dz.sum(axis=0)
        if t:
            dh[:, t - 1] += dz @ U.T
    return dx, dz @ U.T, dW, dU, db


BACKWARD = [
    Misconception(
        "not_through_time",
        with_part(arriving=lambda dh_t, carried: dh_t),
        "every timestep is treated alone: nothing comes back from the next one. State h_t is also an "
        "input of step t+1; its gradient has two parts.",
    ),
    Misconception(
        "only_the_last_loss",
        lambda dh, *rest: backward(
            np.concatenate([np.zeros_like(dh[:, :-1]), dh[:, -1:]], axis=1), *rest
        ),
        "only dh at the last timestep enters. With a loss at every output, dh[:, t] is added at every "
        "turn of the loop.",
    ),
    Misconception(
        "no_slope",
        with_part(slope=np.ones_like),
        "the slope of tanh is missing. The gradient passes through tanh before it reaches the sum.",
    ),
    Misconception(
        "slope_not_squared",
        with_part(slope=lambda h_t: 1 - h_t),
        "the slope of tanh is written with the square of its output; here the square is missing.",
    ),
    Misconception(
        "tanh_twice",
        with_part(slope=lambda h_t: 1 - np.tanh(h_t) ** 2),
        "tanh is applied once more inside the slope. h already is the output of tanh.",
    ),
    Misconception(
        "sigmoid_slope",
        with_part(slope=lambda h_t: h_t * (1 - h_t)),
        "h * (1 - h) is the slope of the sigmoid. This network uses tanh.",
    ),
    Misconception(
        "carried_before_slope",
        with_part(carry=lambda dz, total, U: total @ U.T),
        "what is sent to the step before has not passed through this step's tanh.",
    ),
    Misconception(
        "U_not_transposed",
        with_part(carry=lambda dz, total, U: dz @ U),
        "the way back through U uses U as it stands. Forward is h @ U; backward, which side's axis is "
        "summed over?",
    ),
    Misconception(
        "W_not_transposed",
        changed(lambda g, a: (all_dz(*a) @ a[4], *g[1:])),
        "dx uses W as it stands. Compare the shapes: dx is (B, T, D), the gradient of the sum (B, T, H).",
    ),
    Misconception(
        "dU_with_new_state",
        with_part(before=lambda h, h_0, t: h[:, t]),
        "dU pairs the gradient at step t with h_t. U was multiplied by the state before the step.",
    ),
    Misconception(
        "dU_without_h_0",
        with_part(before=lambda h, h_0, t: h[:, t - 1] if t else 0 * h_0),
        "dU lacks the first timestep, where the state before the step is h_0.",
    ),
    Misconception(
        "dU_wraps_around",
        with_part(before=lambda h, h_0, t: h[:, t - 1]),
        "at the first timestep h[:, t - 1] is h[:, -1], the last state. The state before it is h_0.",
    ),
    Misconception(
        "dU_transposed",
        changed(lambda g, a: (*g[:3], g[3].T.copy(), g[4])),
        "dU is transposed: its rows belong to the old state, its columns to the new one, as in U.",
    ),
    Misconception(
        "dh_0_before_U",
        changed(lambda g, a: (g[0], first_dz(*a), *g[2:])),
        "dh_0 stops at the sum of the first step. From there it has to go back through U.",
    ),
    Misconception(
        "dh_0_zero",
        changed(lambda g, a: (g[0], np.zeros_like(g[1]), *g[2:])),
        "dh_0 is zero. What is carried back after the last turn of the loop is the gradient of h_0.",
    ),
    Misconception(
        "overwritten",
        overwritten,
        "dW, dU and db hold the contribution of the first timestep alone. The same weights serve at every "
        "step: contributions add up.",
    ),
    Misconception(
        "mean_over_batch",
        changed(lambda g, a: (g[0], g[1], *(d / len(a[1]) for d in g[2:]))),
        "dW, dU and db are divided by the batch size. The loss is a sum, so gradients are sums.",
    ),
    Misconception(
        "mean_over_time",
        changed(lambda g, a: (g[0], g[1], *(d / a[1].shape[1] for d in g[2:]))),
        "dW, dU and db are divided by the number of timesteps. The loss is a sum, so gradients are sums.",
    ),
    Misconception(
        "db_of_every_sequence",
        changed(lambda g, a: (*g[:4], all_dz(*a).sum(axis=1))),
        "db has a row for each sequence. One bias serves the whole batch: sum over it.",
    ),
    Misconception(
        "forward_in_time",
        with_part(order=lambda steps: steps),
        "the loop runs from the first timestep to the last. Gradients come from the end.",
    ),
    Misconception(
        "dx_reversed",
        changed(lambda g, a: (g[0][:, ::-1].copy(), *g[1:])),
        "dx stands in the order in which the loop made it, last timestep first.",
    ),
    Misconception(
        "another_order",
        changed(lambda g, a: (*g[2:], g[0], g[1])),
        "the gradients come in another order. It is dx, dh_0, dW, dU, db.",
    ),
    Misconception(
        "in_place",
        backward_in_place,
        "the gradient that is carried back is added into dh itself, which belongs to the caller.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- norms: mistakes


def steps_of(h, U, slope=lambda h_t: 1 - h_t**2):
    """The Jacobians dh_t/dh_{t-1} for t = 1..T."""
    return [slope(h_t)[:, None] * U.T for h_t in h]


def spectral(P):
    return np.linalg.norm(P, 2)


def norms(h, U, steps=steps_of, size=spectral, extend=lambda P, J: P @ J):
    """The norms from parts, so that one part at a time can be wrong."""
    jacobians, P = steps(h, U), np.eye(len(U))
    found = [size(P)]
    for J in jacobians[:0:-1]:
        P = extend(P, J)
        found.append(size(P))
    return np.array(found[::-1])


def with_slope(slope):
    return lambda h, U: norms(h, U, steps=lambda h, U: steps_of(h, U, slope))


def from_the_first(h, U):
    P, found = np.eye(len(U)), [1.0]
    for J in steps_of(h, U)[1:]:
        P = J @ P
        found.append(spectral(P))
    return np.array(found)


def one_step_more(h, U):
    P, found = np.eye(len(U)), []
    for J in steps_of(h, U)[::-1]:
        P = P @ J
        found.append(spectral(P))
    return np.array(found[::-1])


def norms_in_place(h, U):
    found = norms(h, U)
    h *= h
    return found


def product_of_norms(h, U):
    single = [spectral(J) for J in steps_of(h, U)[1:]] + [1.0]
    return np.cumprod(single[::-1])[::-1]


NORMS = [
    Misconception(
        "frobenius",
        lambda h, U: norms(h, U, size=np.linalg.norm),
        "np.linalg.norm of a matrix is the Frobenius norm unless you ask for another. The spectral norm is "
        "the largest singular value; for the identity it is 1.",
    ),
    Misconception(
        "frobenius_before_the_last",
        lambda h, U: np.append(norms(h, U, size=np.linalg.norm)[:-1], 1.0),
        "the last entry is right, the others are too large: they are Frobenius norms, which "
        "np.linalg.norm gives unless you ask for another. The spectral norm is the largest singular "
        "value.",
    ),
    Misconception(
        "spectral_radius",
        lambda h, U: norms(h, U, size=lambda P: np.abs(np.linalg.eigvals(P)).max()),
        "this is the largest eigenvalue in size. A matrix that is not symmetric can stretch vectors by "
        "more than that: the spectral norm is the largest singular value.",
    ),
    Misconception(
        "largest_entry",
        lambda h, U: norms(h, U, size=lambda P: np.abs(P).max()),
        "this is the largest entry of the matrix. The spectral norm is its largest singular value.",
    ),
    Misconception(
        "squared",
        lambda h, U: norms(h, U, size=lambda P: spectral(P) ** 2),
        "these are the squares of the norms: a square root is missing.",
    ),
    Misconception(
        "no_slope",
        with_slope(np.ones_like),
        "these are the norms of powers of U. The slope of tanh at every step is missing.",
    ),
    Misconception(
        "slope_not_squared",
        with_slope(lambda h_t: 1 - h_t),
        "the slope of tanh is written with the square of its output; here the square is missing.",
    ),
    Misconception(
        "tanh_twice",
        with_slope(lambda h_t: 1 - np.tanh(h_t) ** 2),
        "tanh is applied once more inside the slope. h already is the output of tanh.",
    ),
    Misconception(
        "slope_of_the_step_before",
        lambda h, U: norms(h, U, steps=lambda h, U: steps_of(np.vstack([h[:1], h[:-1]]), U)),
        "dh_t/dh_(t-1) takes the slope at h_t, the output of the step, not at its input h_(t-1).",
    ),
    Misconception(
        "slope_on_the_wrong_side",
        lambda h, U: norms(h, U, steps=lambda h, U: [U.T * (1 - h_t**2) for h_t in h]),
        "the slopes multiply the columns of the step's matrix. The slope belongs to the unit that comes out: "
        "with dh_t as rows and dh_(t-1) as columns, which axis is it?",
    ),
    Misconception(
        "U_not_transposed",
        lambda h, U: norms(h, U, steps=lambda h, U: [(1 - h_t**2)[:, None] * U for h_t in h]),
        "in h @ U, row j of U belongs to the old unit j. In the Jacobian the old units are the columns.",
    ),
    Misconception(
        "opposite_order",
        lambda h, U: norms(h, U, extend=lambda P, J: J @ P),
        "the matrices are multiplied in the opposite order. dh_T/dh_t ends, on the right, with the step "
        "that leads away from h_t.",
    ),
    Misconception(
        "product_of_norms",
        product_of_norms,
        "the norms of single steps are multiplied. That is an upper bound; multiply the matrices, then "
        "take the norm.",
    ),
    Misconception(
        "single_steps",
        lambda h, U: np.array([spectral(J) for J in steps_of(h, U)[1:]] + [1.0]),
        "each entry is the norm of one step. The gradient from T back to t passes all steps between.",
    ),
    Misconception(
        "by_lag",
        lambda h, U: norms(h, U)[::-1].copy(),
        "the first entry is 1, so your order is by distance from the end. Entry t-1 belongs to h_t; the "
        "last one is 1.",
    ),
    Misconception(
        "from_the_first",
        from_the_first,
        "this is dh_t/dh_1, from the start to each t. Wanted is dh_T/dh_t, from each t to the end.",
    ),
    Misconception(
        "one_step_more",
        one_step_more,
        "one step too many: the last entry is dh_T/dh_T, which is 1, but yours has passed a step already.",
    ),
    Misconception(
        "in_place",
        norms_in_place,
        "h is squared in place, so the caller's states are lost.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- clipping: mistakes


def total(grads):
    return np.sqrt(sum((g * g).sum() for g in grads))


def scaled(measure=total, factor=lambda max_norm, norm: min(1.0, max_norm / max(norm, 1e-300))):
    """Clipping from parts: what is taken for the norm, and what the arrays are multiplied by."""

    def clip(grads, max_norm):
        norm = measure(grads)
        return [g * factor(max_norm, norm) for g in grads], norm

    return clip


clip = scaled()


def per_array(grads, max_norm):
    return [clip([g], max_norm)[0][0] for g in grads], total(grads)


def clip_in_place(grads, max_norm):
    norm = total(grads)
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return grads, norm


def norm_after(grads, max_norm):
    clipped, _ = clip(grads, max_norm)
    return clipped, total(clipped)


CLIP = [
    Misconception(
        "per_array",
        per_array,
        "every array is clipped by its own norm, which changes the direction of the whole gradient. One "
        "norm for all of them, one factor.",
    ),
    Misconception(
        "by_value",
        lambda grads, max_norm: ([np.clip(g, -max_norm, max_norm) for g in grads], total(grads)),
        "each number is cut off at the limit. That is clipping by value; here all are scaled by one factor.",
    ),
    Misconception(
        "always_scaled",
        scaled(factor=lambda max_norm, norm: max_norm / norm if norm else 1.0),
        "small gradients are scaled up to the limit. Clipping only ever makes them smaller.",
    ),
    Misconception(
        "zero_over_zero",
        lambda grads, max_norm: (
            [g * (np.float64(max_norm) / total(grads)) for g in grads]
            if not total(grads) < max_norm or total(grads) == 0
            else list(grads),
            total(grads),
        ),
        "with all gradients zero the factor is something / 0 and the result NaN. They should stay zero.",
    ),
    Misconception(
        "zero_division",
        scaled(factor=lambda max_norm, norm: min(1.0, max_norm / float(norm))),
        "with all gradients zero you divide by a norm of 0. Divide only where the norm is above the limit.",
    ),
    Misconception(
        "no_root",
        scaled(measure=lambda grads: sum((g * g).sum() for g in grads)),
        "the norm is the square root of the sum of squares; the root is missing.",
    ),
    Misconception(
        "sum_of_norms",
        scaled(measure=lambda grads: sum(np.linalg.norm(g) for g in grads)),
        "the norms of the arrays are added. The global norm is that of one long vector of all numbers: add "
        "the squares.",
    ),
    Misconception(
        "absolute_values",
        scaled(measure=lambda grads: sum(np.abs(g).sum() for g in grads)),
        "absolute values are added up. The global norm takes squares and a root.",
    ),
    Misconception(
        "largest_value",
        scaled(measure=lambda grads: max(np.abs(g).max() for g in grads)),
        "this takes the largest single number for the norm.",
    ),
    Misconception(
        "largest_array",
        scaled(measure=lambda grads: max(np.linalg.norm(g) for g in grads)),
        "this takes the norm of the largest array. All arrays count together.",
    ),
    Misconception(
        "root_mean_square",
        scaled(measure=lambda grads: total(grads) / np.sqrt(sum(g.size for g in grads))),
        "the squares are averaged. The norm is the root of their sum.",
    ),
    Misconception(
        "norm_after",
        norm_after,
        "the arrays are right; the norm you return is the one after clipping. Wanted is the one before.",
    ),
    Misconception(
        "limit_ignored",
        scaled(factor=lambda max_norm, norm: min(1.0, 1 / max(norm, 1e-300))),
        "the gradient is scaled to norm 1, whatever the limit. It is max_norm.",
    ),
    Misconception(
        "upside_down",
        scaled(factor=lambda max_norm, norm: norm / max_norm if norm > max_norm else 1.0),
        "gradients above the limit become larger: the factor is upside down.",
    ),
    Misconception(
        "norm_missing",
        lambda grads, max_norm: clip(grads, max_norm)[0],
        "only the list is returned; the norm before clipping is the second result.",
    ),
    Misconception(
        "norm_first",
        lambda grads, max_norm: clip(grads, max_norm)[::-1],
        "the two results are exchanged: first the list of arrays, then the norm.",
    ),
    Misconception(
        "in_place",
        clip_in_place,
        "`*=` scales the caller's arrays. Make new ones.",
        detects="inplace",
    ),
]

# --------------------------------------------------------------------------- right, but different


def sigmoid_two_branches(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def backward_all_at_once(dh, x, h, h_0, W, U):
    dz = all_dz(dh, x, h, h_0, W, U)
    before = np.concatenate([h_0[:, None], h[:, :-1]], axis=1)
    dW, dU = np.einsum("btd,bth->dh", x, dz), np.einsum("btk,bth->kh", before, dz)
    return [dz @ W.T, dz[:, 0] @ U.T, dW, dU, dz.sum(axis=(0, 1))]


def backward_sequence_by_sequence(dh, x, h, h_0, W, U):
    dx, dh_0 = np.empty_like(x), np.empty_like(h_0)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(len(U))
    for row in range(len(x)):
        carried = np.zeros(len(U))
        for t in range(x.shape[1] - 1, -1, -1):
            dz = (dh[row, t] + carried) * (1 - h[row, t]) * (1 + h[row, t])
            dx[row, t] = W @ dz
            dW += np.outer(x[row, t], dz)
            dU += np.outer(h[row, t - 1] if t > 0 else h_0[row], dz)
            db += dz
            carried = U @ dz
        dh_0[row] = carried
    return dx, dh_0, dW, dU, db


def backward_collected(dh, x, h, h_0, W, U):
    # Contributions collected in lists; dx stacked and turned round at the end.
    states, carried, parts = [h_0, *np.swapaxes(h, 0, 1)], 0.0, []
    for t in range(x.shape[1], 0, -1):
        dz = (dh[:, t - 1] + carried) * (1 - np.square(states[t]))
        carried = np.matmul(dz, U.T)
        parts.append((dz @ W.T, x[:, t - 1].T @ dz, states[t - 1].T @ dz, dz.sum(0)))
    dx, dW, dU, db = zip(*parts)
    return np.stack(dx[::-1], axis=1), carried, sum(dW), sum(dU), sum(db)


def norms_by_rows(h, U):
    # The transposed product, and singular values by SVD.
    P, found = np.eye(len(U)), [1.0]
    for h_t in h[:0:-1]:
        P = U @ (P * (1 - h_t**2)[:, None])
        found.insert(0, np.linalg.svd(P, compute_uv=False)[0])
    return np.array(found)


def norms_each_anew(h, U):
    out = np.empty(len(h))
    for t in range(len(h)):
        P = np.eye(len(U))
        for later in range(t + 1, len(h)):
            P = np.diag(1 - h[later] ** 2) @ U.T @ P
        out[t] = np.linalg.norm(P, ord=2)
    return out


def norms_by_eigenvalues(h, U):
    P, found = np.eye(len(U)), []
    for h_t in h[::-1]:
        found.append(np.sqrt(max(0.0, np.linalg.eigvalsh(P @ P.T)[-1])))
        P = P @ np.diag(1 - h_t**2) @ U.T
    return np.array(found[::-1])


def clip_one_vector(grads, max_norm):
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in grads]))
    return tuple(g.copy() if norm <= max_norm else g / norm * max_norm for g in grads), norm


ONE_POINT = [
    Group("typical", "vectors, matrices and batches of sequences", 0.5),
    Group("edge", "zeros and large values", 0.5),
]


def activation_check(name, reference, misconceptions, right, cases=activation_cases):
    return Check(
        name=name,
        points=1,
        returns=["values (N) (N, M) (B, T, H)"],
        groups=ONE_POINT,
        cases=cases,
        reference=reference,
        misconceptions=misconceptions,
        right=right,
    )


ASSIGNMENT = Assignment(
    name="vanishing",
    allows=["numpy", "matplotlib"],
    checks=[
        activation_check(
            "sigmoid",
            sigmoid,
            SIGMOID,
            {
                "two branches": sigmoid_two_branches,
                "through tanh": s,
                "overflowing to infinity, with a warning": lambda z: 1 / (1 + np.exp(-z)),
            },
        ),
        activation_check(
            "relu",
            relu,
            RELU,
            {
                "a product with the condition": lambda z: z * (z > 0),
                "half of z + |z|": lambda z: (z + np.abs(z)) / 2,
            },
        ),
        activation_check(
            "leaky_relu",
            leaky_relu,
            LEAKY,
            {
                "where": lambda z, alpha: np.where(z > 0, z, alpha * z),
                "two clipped parts": lambda z, alpha: np.maximum(z, 0) + alpha * np.minimum(z, 0),
            },
            leaky_cases,
        ),
        activation_check(
            "sigmoid_grad",
            sigmoid_grad,
            SIGMOID_GRAD,
            {
                "both branches": lambda z: sigmoid_two_branches(z) * sigmoid_two_branches(-z),
                "through tanh": lambda z: (1 - np.tanh(z / 2) ** 2) / 4,
            },
        ),
        activation_check(
            "relu_grad",
            relu_grad,
            RELU_GRAD,
            {
                "truth values": lambda z: z > 0,
                "where, integers": lambda z: np.where(z > 0, 1, 0),
            },
        ),
        activation_check(
            "leaky_relu_grad",
            leaky_relu_grad,
            LEAKY_GRAD,
            {
                "sum of both slopes": lambda z, alpha: (z > 0) + alpha * (z <= 0),
                "filled": lambda z, alpha: alpha + (1 - alpha) * (z > 0),
            },
            leaky_cases,
        ),
        Check(
            name="rnn_backward",
            points=10,
            returns=["dx (B, T, D)", "dh_0 (B, H)", "dW (D, H)", "dU (H, H)", "db (H)"],
            groups=[
                Group("step", "a single timestep", 2),
                Group("last", "several timesteps, loss at the last one", 2),
                Group("every", "several timesteps, loss at every one", 3),
                Group("sizes", "sizes that coincide", 1.5),
                Group("edge", "a single sequence, feature or unit; long and saturated", 1.5),
            ],
            cases=backward_cases,
            reference=rnn_backward,
            misconceptions=BACKWARD,
            right={
                "all weights at the end, einsum": backward_all_at_once,
                "sequence by sequence": backward_sequence_by_sequence,
                "contributions collected": backward_collected,
            },
        ),
        Check(
            name="gradient_norms",
            points=5,
            returns=["norms (T)"],
            groups=[
                Group("typical", "a short sequence", 2),
                Group("long", "vanishing and exploding gradients", 1.5),
                Group("edge", "one or two timesteps, one unit, saturated units", 1.5),
            ],
            cases=norms_cases,
            reference=gradient_norms,
            misconceptions=NORMS,
            right={
                "the transposed product, by SVD": norms_by_rows,
                "every product anew": norms_each_anew,
                "eigenvalues of P P^T": norms_by_eigenvalues,
            },
        ),
        Check(
            name="clip_by_global_norm",
            points=5,
            returns=["clipped", "norm"],
            groups=[
                Group("clip", "a norm above the limit", 2),
                Group("keep", "a norm below the limit", 1),
                Group("edge", "zeros, one array, many arrays, very different sizes", 2),
            ],
            cases=clip_cases,
            reference=clip_by_global_norm,
            misconceptions=CLIP,
            right={
                "one long vector": clip_one_vector,
                "an epsilon in the denominator": scaled(
                    factor=lambda max_norm, norm: min(1.0, max_norm / (norm + 1e-6))
                ),
                "through hypot": scaled(
                    measure=lambda grads: float(np.hypot.reduce([np.linalg.norm(g) for g in grads]))
                ),
            },
        ),
    ],
)
