"""Chapter 10's layer computes what Keras computes, and its explorer what NumPy computes."""

import json

import chapter
import numpy as np
import pytest

from .conftest import chapters
from .test_explorers import LETTERS, U, W, b

NAME = "10_bidirectional"


@pytest.fixture(scope="module")
def names():
    return chapter.namespace(NAME, ("setup", "layer"))


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("shape", [(3, 7, 5, 4), (1, 1, 1, 1), (2, 4, 1, 6)], ids=str)
def test_the_layer_is_keras_bidirectional(names, shape, return_sequences, padded):
    keras = pytest.importorskip("keras")
    B, T, D, H = shape
    rng = np.random.default_rng(B + T)
    inner = keras.layers.SimpleRNN(H, return_sequences=return_sequences, dtype="float64")
    layer = keras.layers.Bidirectional(inner, dtype="float64")
    layer.build((B, T, D))
    weights = [0.5 * rng.normal(size=w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    x = rng.normal(size=(B, T, D))
    real = np.arange(T) < rng.integers(1, T + 1, B)[:, None] if padded else None
    expected = np.asarray(layer(x, mask=real))
    ours = names["Bidirectional"](weights[:3], weights[3:])
    assert np.abs(ours(x, real, return_sequences) - expected).max() < 1e-12


def read_row(row, order, mask):
    h, states = np.zeros(3), {}
    for t in order:
        if not (mask and row[t] == "·"):
            from_input = W[:, LETTERS.index(row[t])] if row[t] != "·" else 0
            h = np.tanh(from_input + U @ h + b)
        states[t] = h
    return states


@pytest.mark.xdist_group("book")
@pytest.mark.skipif(NAME not in chapters(), reason="the chapter is not in the table of contents")
def test_the_explorer_shows_what_numpy_computes(read):
    explorer = read(NAME).locator("#explorer-padding")
    stage = explorer.locator(".explorer-stage")

    def off():
        return float(stage.get_attribute("data-off"))

    def expected(word, length, mask):
        row = word + "·" * (length - len(word))
        ahead = read_row(row, range(length), mask)
        back = read_row(row, reversed(range(length)), mask)
        return np.concatenate([ahead[length - 1], back[0]])

    def shown():
        return np.array(json.loads(stage.get_attribute("data-summary")))

    np.testing.assert_allclose(shown(), expected("oslo", 9, False), atol=1e-12)
    assert off() > 0.1
    explorer.locator(".mask").check()
    np.testing.assert_allclose(shown(), expected("oslo", 9, True), atol=1e-12)
    assert off() < 1e-12
    explorer.locator(".take").select_option("column")
    assert off() > 0.1
    explorer.locator(".mask").uncheck()
    explorer.locator(".word").fill("reykjavik")
    explorer.locator(".length").fill("9")
    assert off() > 0.1  # no padding at all: the last column is wrong all the same
    explorer.locator(".take").select_option("ends")
    np.testing.assert_allclose(shown(), expected("reykjavik", 9, False), atol=1e-12)
    assert off() < 1e-12
