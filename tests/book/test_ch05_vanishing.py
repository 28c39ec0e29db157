"""Chapter 5's gradients are those of Keras and TensorFlow, and its explorer computes as NumPy."""

import json

import chapter
import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

SIZES = [(3, 7, 5, 4), (1, 1, 1, 1), (2, 4, 1, 6)]  # B, T, D, H
ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "ReLU": "relu"}


@pytest.fixture(scope="module")
def names():
    return chapter.namespace("05_vanishing", ("setup", "layer"))


class Case:
    """A Keras layer, a batch, gradients from above, and what TensorFlow says of them."""

    def __init__(self, sizes, activation="tanh"):
        B, T, D, H = sizes
        rng = np.random.default_rng(sum(sizes))
        shapes = ((D, H), (H, H), (H,))
        self.weights = [0.5 * rng.normal(size=shape) for shape in shapes]
        self.x, self.h_0 = rng.normal(size=(B, T, D)), rng.normal(size=(B, H))
        self.dh = rng.normal(size=(B, T, H))
        layer = keras.layers.SimpleRNN(
            H, return_sequences=True, activation=activation, dtype="float64"
        )
        layer.build((B, T, D))
        layer.set_weights(self.weights)
        x, h_0 = tf.constant(self.x), tf.constant(self.h_0)
        with tf.GradientTape() as tape:
            tape.watch([x, h_0])
            h = layer(x, initial_state=h_0)
            loss = tf.reduce_sum(self.dh * h)
        self.h = h.numpy()
        gradients = tape.gradient(loss, [x, h_0, *layer.trainable_weights])
        self.gradients = [g.numpy() for g in gradients]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_by_hand_are_tensorflows(names, sizes):
    case = Case(sizes)
    W, U, b = case.weights
    total = [0, 0, 0]
    for i in range(len(case.x)):
        h = names["forward"](case.x[i], case.h_0[i], W, U, b)
        assert np.abs(h - case.h[i]).max() < 1e-12
        dx, dh_0, *rest = names["backward"](case.dh[i], case.x[i], h, case.h_0[i], W, U)
        assert np.abs(dx - case.gradients[0][i]).max() < 1e-12
        assert np.abs(dh_0 - case.gradients[1][i]).max() < 1e-12
        total = [one + other for one, other in zip(total, rest, strict=True)]
    for ours, expected in zip(total, case.gradients[2:], strict=True):
        assert np.abs(ours - expected).max() < 1e-12


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_training_modules_gradients_are_tensorflows(sizes, activation):
    from course import training

    case = Case(sizes, activation)
    W, U, b = case.weights
    h = training.forward(case.x, case.h_0, W, U, b, activation)
    assert np.abs(h - case.h).max() < 1e-12
    ours = training.backward(case.dh, case.x, h, case.h_0, W, U, activation)
    for own, expected in zip(ours, case.gradients, strict=True):
        assert np.abs(own - expected).max() < 1e-12


def test_the_training_modules_readout_is_a_weighted_cross_entropy():
    from course import training

    rng = np.random.default_rng(0)
    h, V, c = rng.normal(size=(3, 5, 4)), rng.normal(size=(4, 6)), rng.normal(size=6)
    y, weight = rng.integers(6, size=(3, 5)), rng.integers(2, size=(3, 5)).astype(float)
    arrays = [tf.constant(a) for a in (h, V, c)]
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        logits = arrays[0] @ arrays[1] + arrays[2]
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        expected = tf.reduce_sum(weight * each) / weight.sum()
    loss, dh, dV, dc = training.readout(h, y, weight, V, c)
    assert abs(loss - expected.numpy()) < 1e-9  # the logarithm is guarded by 1e-12
    gradients = tape.gradient(expected, arrays)
    for own, other in zip((dh, dV, dc), gradients, strict=True):
        assert np.abs(own - other.numpy()).max() < 1e-12


def test_the_training_modules_adam_is_keras_adam():
    from course import training

    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=(4, 3)), rng.normal(size=(6, 4, 3))
    ours, theirs = start.copy(), tf.Variable(start)
    mine = training.Adam([ours], rate=0.01, max_norm=0.5)
    keras_adam = keras.optimizers.Adam(0.01, global_clipnorm=0.5, epsilon=1e-7)
    for gradient in gradients:
        assert mine.update([gradient]) == pytest.approx(np.linalg.norm(gradient))
        keras_adam.apply([tf.constant(gradient)], [theirs])
    assert np.abs(ours - theirs.numpy()).max() < 1e-6  # Keras keeps its counter in single precision


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "ReLU", "Leaky ReLU"])
def test_activations_and_slopes_are_keras(names, name):
    names["ALPHA"] = 0.25  # a slope that single precision holds exactly
    f, slope = names["ACTIVATIONS"][name]
    z = np.concatenate([np.linspace(-6, 6, 50), [-1e-3, 1e-3]])
    variable = tf.Variable(z)
    with tf.GradientTape() as tape:
        if name == "Leaky ReLU":
            value = tf.nn.leaky_relu(variable, alpha=0.25)
        else:
            value = getattr(keras.activations, ACTIVATIONS[name])(variable)
    assert np.abs(f(z) - value.numpy()).max() < 1e-12
    assert np.abs(slope(z) - tape.gradient(value, variable).numpy()).max() < 1e-12


def test_gradient_norms_are_those_of_keras_jacobian(names):
    T, D, H = 6, 3, 5
    rng = np.random.default_rng(3)
    layer = keras.layers.SimpleRNN(H, dtype="float64")
    layer.build((1, T, D))
    W, U, b = (0.6 * rng.normal(size=w.shape) for w in layer.get_weights())
    layer.set_weights([W, U, b])
    x = rng.normal(size=(1, T, D))
    h = names["forward"](x[0], np.zeros(H), W, U, b)
    ours = names["gradient_norms"](1 - h**2, U)
    for lag in range(1, T):
        state = tf.constant(h[T - 1 - lag][None])
        with tf.GradientTape() as tape:
            tape.watch(state)
            last = layer(x[:, T - lag :], initial_state=state)
        jacobian = tape.jacobian(last, state).numpy().reshape(H, H)
        assert abs(ours[lag] - np.linalg.norm(jacobian, 2)) < 1e-12
    assert ours[0] == 1


def test_the_global_norm_is_tensorflows(names):
    rng = np.random.default_rng(4)
    gradients = [rng.normal(size=shape) for shape in ((3, 4), (4, 4), (4,))]
    expected = tf.linalg.global_norm(gradients).numpy()
    assert abs(names["global_norm"](gradients) - expected) < 1e-12


# --- the explorer ------------------------------------------------------------------------------


@pytest.mark.xdist_group("book")
def test_the_explorers_curve_is_the_one_that_numpy_computes(read, names):
    page = read("05_vanishing")
    explorer = page.locator("#explorer-gradients")
    names["ALPHA"] = 0.1
    for activation, gain in (("tanh", 1.5), ("ReLU", 1), ("Leaky ReLU", 1.25), ("sigmoid", 2)):
        explorer.locator(".activation").select_option(activation)
        explorer.locator(".gain").fill(str(gain))
        state = json.loads(explorer.locator(".explorer-stage").get_attribute("data-state"))
        Q, W, x = (np.array(state["net"][key]) for key in ("Q", "W", "x"))
        np.testing.assert_allclose(Q @ Q.T, np.eye(len(Q)), atol=1e-12)
        f, slope = names["ACTIVATIONS"][activation]
        h, slopes = np.zeros(len(Q)), []
        for x_t in x:
            z = x_t @ W + h @ (gain * Q)
            h = f(z)
            slopes.append(slope(z))
        expected = names["gradient_norms"](slopes, gain * Q)
        np.testing.assert_allclose(state["values"], expected, rtol=1e-9)
        assert abs(state["mean"] - np.mean(slopes)) < 1e-12


@pytest.mark.xdist_group("book")
def test_the_explorer_answers_the_keyboard_and_says_what_is_left(read):
    page = read("05_vanishing")
    explorer = page.locator("#explorer-gradients")
    explorer.locator(".gain").fill("0.5")
    explorer.locator(".lag").fill("10")
    explorer.locator(".lag").press("ArrowRight")
    status = explorer.locator(".status").inner_text()
    assert status.startswith("Over 11 timesteps") and "it has vanished" in status
    before = explorer.locator(".explorer-stage").get_attribute("data-state")
    explorer.locator(".again").press("Enter")
    assert explorer.locator(".explorer-stage").get_attribute("data-state") != before
    assert page.errors == [] and page.outside == []
