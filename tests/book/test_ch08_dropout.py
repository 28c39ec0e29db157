"""Chapter 8's layers with masks are Keras' layers with the same masks; its explorer draws them."""

import json

import chapter
import numpy as np
import pytest

from .conftest import chapters

NAME = "08_dropout"


@pytest.fixture(scope="module")
def names():
    return chapter.namespace(NAME, ("setup", "layer"))


@pytest.fixture(params=[(3, 7, 5, 4), (1, 1, 1, 1), (2, 4, 1, 6)], ids=str)
def shape(request):
    return request.param


def keras_layer(kind, shape, rng):
    keras = pytest.importorskip("keras")
    B, T, D, H = shape
    layer = getattr(keras.layers, kind)(
        H, dropout=0.25, recurrent_dropout=0.5, return_sequences=True, dtype="float64"
    )
    layer.build((B, T, D))
    layer.set_weights([0.5 * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def test_the_lstm_with_masks_is_keras_lstm_with_the_same_masks(names, shape):
    B, T, D, H = shape
    rng = np.random.default_rng(B + T)
    layer = keras_layer("LSTM", shape, rng)
    x = rng.normal(size=(B, T, D))
    m = names["draw_mask"](rng, (4, B, D), 0.25)
    r = names["draw_mask"](rng, (4, B, H), 0.5)
    layer.cell._dropout_mask, layer.cell._recurrent_dropout_mask = list(m), list(r)
    expected = np.asarray(layer(x, training=True))
    ours = names["DroppedLSTM"](*layer.get_weights())
    assert np.abs(ours(x, m, r)[0] - expected).max() < 1e-12
    idle = ours(x, np.ones_like(m), np.ones_like(r))[0]
    assert np.abs(idle - np.asarray(layer(x))).max() < 1e-12


def test_the_simple_layer_with_masks_is_keras_simple_rnn_with_the_same_masks(names, shape):
    B, T, D, H = shape
    rng = np.random.default_rng(B + T)
    layer = keras_layer("SimpleRNN", shape, rng)
    x = rng.normal(size=(B, T, D))
    m = names["draw_mask"](rng, (B, D), 0.25)
    r = names["draw_mask"](rng, (B, H), 0.5)
    layer.cell._dropout_mask, layer.cell._recurrent_dropout_mask = m, r
    expected = np.asarray(layer(x, training=True))
    ours = names["DroppedRecurrent"](*layer.get_weights())(x, m, r)
    assert np.abs(ours - expected).max() < 1e-12


def test_a_mask_has_the_rate_and_the_scale(names):
    mask = names["draw_mask"](np.random.default_rng(0), 100_000, 0.2)
    assert set(np.unique(mask)) == {0, 1.25} and abs(mask.mean() - 1) < 0.01


def mulberry(seed):
    a = seed

    def imul(x, y):
        return (x * y) & 0xFFFFFFFF

    while True:
        a = (a + 0x6D2B79F5) & 0xFFFFFFFF
        t = imul(a ^ (a >> 15), a | 1)
        t ^= (t + imul(t ^ (t >> 7), t | 61)) & 0xFFFFFFFF
        yield (t ^ (t >> 14)) / 2**32


@pytest.mark.xdist_group("book")
@pytest.mark.skipif(NAME not in chapters(), reason="the chapter is not in the table of contents")
def test_the_explorer_shows_what_numpy_computes(read):
    explorer = read(NAME).locator("#explorer-dropout")
    stage = explorer.locator(".explorer-stage")

    def shown():
        return np.array(json.loads(stage.get_attribute("data-states")))

    def expected(seed, rate, fresh):
        random = mulberry(seed)
        count = 10 if fresh else 1
        masks = np.array([[next(random) >= rate for _ in range(8)] for _ in range(count)])
        scaled = np.broadcast_to(masks / (1 - rate), (10, 8))
        return np.cumprod(scaled, axis=0)

    np.testing.assert_allclose(shown(), expected(2, 0.5, False), atol=1e-9)
    explorer.locator(".again").click()
    explorer.locator(".rate").fill("0.1")
    explorer.locator(".fresh").select_option("fresh")
    np.testing.assert_allclose(shown(), expected(3, 0.1, True), atol=1e-9)
    explorer.locator(".scaled").uncheck()
    assert set(np.unique(shown())) <= {0, 1}
