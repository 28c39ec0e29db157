"""The network that chapters 8 to 10 train: its gradients are right, its outputs are Keras'."""

import sys

import chapter
import numpy as np
import pytest

sys.path.insert(0, str(chapter.BOOK))

from course.deep import Network

TOKENS = np.array([[3, 1, 4, 2, 5], [2, 6, 0, 0, 0], [1, 1, 3, 0, 0]])


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("every_step", [False, True])
def test_gradients_are_those_of_finite_differences(direction, every_step):
    options = {"embed": 4, "units": (5, 3), "direction": direction, "every_step": every_step}
    network = Network(7, 3, dtype=np.float64, seed=1, **options)
    rng = np.random.default_rng(0)
    for name, value in network.weights.items():
        network.weights[name] = value + 0.3 * rng.normal(size=value.shape)
    labels = rng.integers(0, 3, TOKENS.shape if every_step else 3)
    _, gradients = network.gradients(TOKENS, labels, training=False)
    for name, weight in network.weights.items():
        for _ in range(4):
            at = tuple(rng.integers(0, n) for n in weight.shape)
            losses = []
            for change in (1e-6, -2e-6):
                weight[at] += change
                losses.append(network.gradients(TOKENS, labels, training=False)[0])
            weight[at] += 1e-6
            assert abs((losses[0] - losses[1]) / 2e-6 - gradients[name][at]) < 1e-8


def test_one_mask_serves_all_timesteps_unless_it_is_asked_to_change():
    for fresh, count in ((False, 1), (True, 5)):
        network = Network(7, 3, dropout=0.5, recurrent_dropout=0.5, fresh_masks=fresh)
        network.layers(TOKENS, training=True)
        _, _, _, m, r, *_ = network._tape[0]
        assert m.shape == (count, 3, 32) and r.shape == (count, 3, 64)
        assert set(np.unique(m)) == {0, 2}


def test_two_layers_in_both_directions_are_keras_bidirectional():
    keras = pytest.importorskip("keras")
    network = Network(7, 3, embed=4, units=(5, 3), direction="both", dtype=np.float64, seed=2)
    x = network.weights["E"][TOKENS]
    mask = TOKENS != 0
    for layer, ours in enumerate(network.layers(TOKENS)):
        wrapped = keras.layers.Bidirectional(
            keras.layers.SimpleRNN(network.units[layer], return_sequences=True, dtype="float64"),
            dtype="float64",
        )
        wrapped.build(x.shape)
        w = network.weights
        wrapped.set_weights([w[f"{a}{layer}{way}"] for way in "fb" for a in "WUb"])
        x = np.asarray(wrapped(x, mask=mask))
        assert np.abs((ours - x)[mask]).max() < 1e-12
