"""Chapter 2's layers compute what Keras computes."""

import chapter
import numpy as np
import pytest

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def names():
    return chapter.namespace("02_numpy_rnn", ("setup", "layer"))


@pytest.fixture(params=[(3, 7, 5, 4), (1, 1, 1, 1), (2, 4, 1, 6)], ids=str)
def case(request):
    """A Keras layer, a batch, an initial state: every weight nonzero, no size like another."""
    B, T, D, H = request.param
    rng = np.random.default_rng(B + T + D + H)
    layer = keras.layers.SimpleRNN(H, return_sequences=True, dtype="float64")
    layer.build((B, T, D))
    weights = [0.4 * rng.normal(size=w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    x, h_0 = rng.normal(size=(B, T, D)), rng.normal(size=(B, H))
    return x, h_0, weights, np.asarray(layer(x, initial_state=h_0))


def test_the_layer_of_a_batch_is_keras_simple_rnn(names, case):
    x, h_0, weights, expected = case
    assert np.abs(names["Recurrent"](*weights)(x, h_0) - expected).max() < 1e-12


def test_without_a_state_the_layer_starts_from_zeros(names, case):
    x, h_0, weights, _ = case
    layer = names["Recurrent"](*weights)
    np.testing.assert_array_equal(layer(x), layer(x, np.zeros_like(h_0)))


def test_the_lectures_loop_with_transposed_weights_is_keras_simple_rnn(names, case):
    x, h_0, (W, U, b), expected = case
    alone = np.stack([names["run_lecture"](x[i], h_0[i], W.T, U.T, b) for i in range(len(x))])
    assert np.abs(alone - expected).max() < 1e-12


def test_initial_weights_follow_keras_recipes(names):
    W, U, b = names["initial_weights"](np.random.default_rng(0), D=5, H=7, gain=1.5)
    assert W.shape == (7, 5) and np.abs(W).max() <= np.sqrt(6 / 12) and W.min() < 0 < W.max()
    np.testing.assert_allclose(U @ U.T, 1.5**2 * np.eye(7), atol=1e-12)
    assert not b.any()
