"""Dropout: the masks that Keras draws itself lead to the student's function, too."""

import sys

import numpy as np
import pytest

from autograder.authoring import load_assignment
from autograder.source import read_source, solution_namespace

from ..conftest import ROOT

sys.path.insert(0, str(ROOT / "solutions"))

pytestmark = pytest.mark.xdist_group("dropout")


@pytest.fixture(scope="module")
def solution():
    folder = ROOT / "solutions" / "dropout"
    return solution_namespace(read_source(folder, load_assignment(folder)), "dropout")


@pytest.fixture(scope="module")
def keras():
    import keras_layers

    return keras_layers.keras


def steps(cell, x, state):
    """The outputs of a cell in training that draws its masks at the first step and keeps them."""
    outputs = []
    for t in range(x.shape[1]):
        output, state = cell(x[:, t], state, training=True)
        outputs.append(np.asarray(output))
    return np.stack(outputs, axis=1)


def built(cell, D, rng):
    cell.build((None, D))
    cell.set_weights([rng.normal(0, 0.5, w.shape) for w in cell.get_weights()])
    return cell, cell.get_weights()


def test_simple_rnn_with_masks_drawn_by_keras(solution, keras):
    rng = np.random.default_rng(0)
    options = {"dropout": 0.4, "recurrent_dropout": 0.3, "dtype": "float64", "seed": 3}
    cell, weights = built(keras.layers.SimpleRNNCell(5, **options), 4, rng)
    x, h_0 = rng.normal(size=(3, 6, 4)), rng.normal(size=(3, 5))
    outputs = steps(cell, x, [h_0])
    masks = [np.asarray(cell._dropout_mask), np.asarray(cell._recurrent_dropout_mask)]
    assert all(0 < (mask == 0).sum() < mask.size for mask in masks)
    ours = solution["rnn_layer_dropout"](x, h_0, *weights, *masks, return_sequences=True)
    np.testing.assert_allclose(ours, outputs, atol=1e-12)


def test_lstm_with_masks_drawn_by_keras(solution, keras):
    rng = np.random.default_rng(1)
    options = {"dropout": 0.4, "recurrent_dropout": 0.3, "dtype": "float64", "seed": 4}
    cell, weights = built(keras.layers.LSTMCell(5, **options), 4, rng)
    x, (h_0, c_0) = rng.normal(size=(3, 6, 4)), rng.normal(size=(2, 3, 5))
    outputs = steps(cell, x, [h_0, c_0])
    masks = [np.stack(cell._dropout_mask), np.stack(cell._recurrent_dropout_mask)]
    # One mask for each gate, and no two alike.
    assert [len({m.tobytes() for m in four}) for four in masks] == [4, 4]
    ours = solution["lstm_layer_dropout"](x, h_0, c_0, *weights, *masks, return_sequences=True)
    np.testing.assert_allclose(ours, outputs, atol=1e-12)


def test_one_call_of_random_is_all_that_a_mask_takes(solution):
    ours, plain = np.random.default_rng(7), np.random.default_rng(7)
    for rate in (0.0, 0.3):
        solution["dropout_mask"](ours, (4, 3), rate)
        plain.random((4, 3))
    assert ours.random() == plain.random()
