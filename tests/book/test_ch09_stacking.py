"""Chapter 9's tower of layers computes what a stack of Keras' layers computes."""

import chapter
import numpy as np
import pytest


@pytest.fixture(scope="module")
def names():
    return chapter.namespace("09_stacking", ("setup", "layer"))


@pytest.mark.parametrize("units", [[4], [4, 6], [3, 1, 5, 2]], ids=str)
def test_the_tower_is_a_stack_of_keras_layers(names, units):
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(len(units))
    stack = [keras.layers.SimpleRNN(H, return_sequences=True, dtype="float64") for H in units]
    x = expected = rng.normal(size=(3, 7, 5))
    for layer in stack:
        layer.build(expected.shape)
        layer.set_weights([0.5 * rng.normal(size=w.shape) for w in layer.get_weights()])
        expected = np.asarray(layer(expected))
    tower = names["Tower"](*(layer.get_weights() for layer in stack))
    assert np.abs(tower(x) - expected).max() < 1e-12
    assert tower(x).shape == (3, 7, units[-1])
