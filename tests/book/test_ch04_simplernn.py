"""Chapter 4 counts and reads as Keras does, by hand and in the page."""

import json

import chapter
import numpy as np
import pytest

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def names():
    return chapter.namespace("04_simplernn", ("setup", "layer"))


def stack(K, D, H, depth=1, sequences=False):
    layers = [keras.Input((None,)), keras.layers.Embedding(K, D)]
    for i in range(depth):
        full = sequences or i < depth - 1
        layers.append(keras.layers.SimpleRNN(H, return_sequences=full))
    return keras.Sequential(layers)


@pytest.mark.parametrize(("K", "D", "H"), [(10_000, 32, 32), (7, 3, 5), (1, 1, 1)])
def test_weights_counted_by_hand_are_keras_count(names, K, D, H):
    counted = names["count_embedding"](K, D) + names["count_simple_rnn"](D, H)
    assert counted == stack(K, D, H).count_params()


def test_the_slides_numbers_of_weights():
    assert stack(10_000, 32, 32).count_params() == 322_080
    assert stack(10_000, 32, 32, sequences=True).count_params() == 322_080
    assert stack(10_000, 32, 32, depth=4, sequences=True).count_params() == 328_320


def test_a_model_read_in_numpy_is_keras_after_every_token(names):
    rng = np.random.default_rng(0)
    model = keras.Sequential(
        [
            keras.Input((None,)),
            keras.layers.Embedding(9, 4, dtype="float64"),
            keras.layers.SimpleRNN(6, return_sequences=True, dtype="float64"),
            keras.layers.Dense(3, activation="softmax", dtype="float64"),
        ]
    )
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    tokens = rng.integers(9, size=11)
    expected = np.asarray(model(tokens[None]))[0]
    ours = names["read_in_numpy"](model.get_weights(), tokens)
    assert np.abs(ours - expected).max() < 1e-12


def test_a_summary_is_plain_text(names, capsys):
    names["summary"](stack(10_000, 32, 32))
    text = capsys.readouterr().out
    assert "322,080" in text and "(None, None, 32)" in text and "\x1b" not in text


@pytest.mark.xdist_group("book")
def test_the_explorer_counts_the_weights_that_keras_counts(read):
    page = read("04_simplernn")
    explorer = page.locator("#explorer-count_weights")
    stage = explorer.locator(".explorer-stage")
    assert json.loads(stage.get_attribute("data-state"))["total"] == 322_080
    sizes = {"vocabulary": 700, "D": 5, "H": 7, "depth": 3, "T": 4}
    for key, size in sizes.items():
        explorer.locator(f"[data-size={key}] input").fill(str(size))
    for sequences in (False, True):
        explorer.locator(".sequences").set_checked(sequences)
        model = stack(700, 5, 7, 3, sequences)
        state = json.loads(stage.get_attribute("data-state"))
        assert state["total"] == model.count_params()
        assert [layer["weights"] for layer in state["layers"]] == [
            layer.count_params() for layer in model.layers
        ]
        y = model(np.zeros((2, 4), dtype=int))
        assert tuple([2, *state["layers"][-1]["shape"][1:]]) == tuple(y.shape)
    assert f"{state['total']:,}" in explorer.locator(".total").inner_text()
    assert page.errors == [] and page.outside == []
