"""Chapter 6: the LSTM is Keras' LSTM, its drawings say what they show, its explorers compute right."""

import json
import re

import chapter
import numpy as np
import pytest
from course import figures
from course.figures import lstm as drawings

from .conftest import BOOK

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def names():
    return chapter.namespace("06_lstm", ("setup", "layer"))


@pytest.fixture(params=[(3, 7, 5, 4), (1, 1, 1, 1), (2, 4, 1, 6)], ids=str)
def case(request):
    """Weights, a batch, two initial vectors, and what Keras makes of them."""
    B, T, D, H = request.param
    rng = np.random.default_rng(B + T + D + H)
    layer = keras.layers.LSTM(H, return_sequences=True, return_state=True, dtype="float64")
    layer.build((B, T, D))
    weights = [0.5 * rng.normal(size=w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    x, h_0, c_0 = rng.normal(size=(B, T, D)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    return x, h_0, c_0, weights, layer(x, initial_state=[h_0, c_0])


def test_the_layer_is_keras_lstm(names, case):
    x, h_0, c_0, weights, expected = case
    for ours, theirs in zip(names["LSTM"](*weights)(x, h_0, c_0), expected):
        assert np.abs(ours - np.asarray(theirs)).max() < 1e-12


def test_without_initial_vectors_the_layer_starts_from_zeros(names, case):
    x, h_0, c_0, weights, _ = case
    layer = names["LSTM"](*weights)
    for ours, zeros in zip(layer(x), layer(x, 0 * h_0, 0 * c_0)):
        np.testing.assert_array_equal(ours, zeros)


def test_the_sigmoid_is_right_even_where_the_exponential_overflows(names):
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(names["sigmoid"](np.array([-1e4, 0, 1e4])), [0, 0.5, 1])
    z = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(names["sigmoid"](z), 0.5 * (1 + np.tanh(z / 2)), rtol=0, atol=1e-15)


def test_both_mistakes_of_erratum_3_are_seen_beside_keras(names, case):
    x, h_0, c_0, weights, _ = case
    i, f, candidate, _ = names["LSTM"](*weights).gates(x[:, 0], h_0)
    right = names["update"](c_0, f, i, candidate)
    _, stepped = names["LSTM"](*weights).step(x[:, 0], h_0, c_0)
    np.testing.assert_array_equal(right, stepped)
    for wrong in ("update_repeated", "update_squashed"):
        assert np.abs(names[wrong](c_0, f, i, candidate) - right).max() > 1e-3


@pytest.mark.parametrize("reach", ["experiment_reach"])
def test_the_imaginary_part_gives_the_derivative(reach):
    """The complex step against differences, where these are still exact enough."""
    everything = chapter.namespace("06_lstm")
    measured = everything[reach](seed=3, forget_bias=1.0, timesteps=3, D=4, H=5)
    rng = np.random.default_rng(3)
    layer = everything["LSTM"](*everything["fresh_weights"](rng, 4, 5, 4, 1.0))
    xs = rng.normal(size=(3, 4))

    def last(c):
        h = np.zeros_like(c)
        norms = []
        for x_t in xs:
            h, c = layer.step(x_t, h, c)
            norms.append(c)
        return norms

    step = 1e-6 * np.eye(5)
    for plus, minus, norm in zip(last(step), last(-step), measured):
        assert abs(np.linalg.norm((plus - minus) / 2e-6, 2) - norm) < 1e-8


# --- drawings ---


@pytest.mark.parametrize("stage", drawings.STAGES)
def test_each_step_is_drawn_with_words_for_who_cannot_see_it(stage):
    picture = figures.lstm_cell(stage)
    assert 'role="img"' in picture.svg and "<title" in picture.svg and len(picture.alt) > 60
    assert not re.search(r"#[0-9a-f]{6}", picture.svg)


def test_an_unknown_stage_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match="simple, track, forget"):
        figures.lstm_cell("peephole")


def test_what_a_gate_lets_pass_is_the_product():
    picture = figures.gate((0.9, -0.6), (0.5, 0))
    assert "0.45, 0." in picture.alt


# --- explorers ---


@pytest.fixture
def module(browser, built_book):
    """Load a module of book/explorers in a page; returns evaluate(function, argument)."""
    from explorer import bundle

    page = browser.new_page()
    page.goto((built_book / "intro.html").as_uri())

    def load(name):
        url = bundle(BOOK / "explorers" / f"{name}.js")
        page.evaluate("async url => { window.loaded = await import(url); }", url)
        return page.evaluate

    yield load
    page.close()


IN_PAGE = """({kind, D, H, theta, x, y, B, T}) => {
  const net = loaded.network(kind, D, H);
  net.theta.set(theta);
  const { loss, gradient } = loaded.lossAndGradient(net, Float64Array.from(x), y, B, T);
  return { loss, gradient: Array.from(gradient) };
}"""


@pytest.mark.xdist_group("book")
@pytest.mark.parametrize(("kind", "blocks"), [("rnn", 1), ("lstm", 4)])
def test_the_gradients_in_the_page_are_those_of_tensorflow(module, kind, blocks):
    import tensorflow as tf

    B, T, D, H = 3, 6, 2, 5
    rng = np.random.default_rng(0)
    shapes = [(D, blocks * H), (H, blocks * H), (blocks * H,), (H, 1), (1,)]
    weights = [0.6 * rng.normal(size=shape) for shape in shapes]
    x, y = rng.normal(size=(B, T, D)), rng.normal(size=B)

    recurrent = (keras.layers.SimpleRNN if kind == "rnn" else keras.layers.LSTM)(H, dtype="float64")
    dense = keras.layers.Dense(1, dtype="float64")
    recurrent.build((B, T, D))
    dense.build((B, H))
    recurrent.set_weights(weights[:3])
    dense.set_weights(weights[3:])
    variables = [v.value for v in recurrent.trainable_variables + dense.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((dense(recurrent(x))[:, 0] - y) ** 2)
    expected = np.concatenate([np.ravel(g) for g in tape.gradient(loss, variables)])

    theta = np.concatenate([np.ravel(w) for w in weights])
    case = {"kind": kind, "D": D, "H": H, "theta": theta.tolist(), "B": B, "T": T}
    case |= {"x": x.ravel().tolist(), "y": y.tolist()}
    answer = module("networks")(IN_PAGE, case)
    assert abs(answer["loss"] - float(loss)) < 1e-12
    assert np.abs(np.array(answer["gradient"]) - expected).max() < 1e-12


@pytest.mark.xdist_group("book")
def test_the_first_weights_in_the_page_follow_keras(module):
    theta = module("networks")(
        """() => Array.from(loaded.initialise(loaded.network("lstm", 2, 5), loaded.random(3)).theta)"""
    )
    W, U, b = np.split(np.array(theta), [2 * 20, 2 * 20 + 5 * 20])[:3]
    np.testing.assert_allclose(U.reshape(5, 20) @ U.reshape(5, 20).T, np.eye(5), atol=1e-12)
    assert np.abs(W).max() <= np.sqrt(6 / 22) and W.min() < 0 < W.max()
    np.testing.assert_array_equal(b[:20], np.repeat([0, 1, 0, 0], 5))


@pytest.mark.xdist_group("book")
def test_training_in_the_page_tells_the_networks_apart_within_30_seconds(read):
    page = read("06_lstm")
    explorer = page.locator("#explorer-train_memory")
    stage = explorer.locator(".explorer-stage")
    assert stage.get_attribute("data-state") is None  # nothing is trained before the click
    explorer.locator(".start").press("Enter")
    page.wait_for_function(
        """() => JSON.parse(document.querySelector(
        "#explorer-train_memory .explorer-stage").dataset.state ?? "{}").done""",
        timeout=60_000,
    )
    state = json.loads(stage.get_attribute("data-state"))
    assert state["step"] == 600 and state["seconds"] < 30
    assert state["lstm"] < 0.05 and state["rnn"] > 0.1
    assert "LSTM 0.0" in explorer.locator(".status").inner_text()
    assert not page.errors


@pytest.mark.slow
@pytest.mark.xdist_group("book")
def test_every_seed_that_the_page_offers_tells_the_networks_apart(module):
    for seed in range(1, 6):
        last = module("train_memory")(
            """seed => [...loaded.training({ timesteps: 40, rate: 0.02, seed })].at(-1)""", seed
        )
        assert last["lstm"] < 0.05 and last["rnn"] > 0.8 * last["guess"]


@pytest.mark.xdist_group("book")
def test_training_in_the_page_can_be_stopped(read):
    page = read("06_lstm", width=390)
    explorer = page.locator("#explorer-train_memory")
    explorer.locator(".timesteps").select_option("80")
    explorer.locator(".start").press("Enter")
    explorer.locator(".stop").press("Enter")
    page.wait_for_function(
        """() => document.querySelector("#explorer-train_memory .status")
        .textContent.startsWith("Stopped")"""
    )
    assert explorer.locator(".start").is_enabled()


@pytest.mark.xdist_group("book")
def test_the_gates_in_the_page_compute_what_numpy_computes(module):
    evaluate = module("gates")
    rng = np.random.default_rng(0)
    for c, f, i, o, candidate in rng.uniform(0, 1, (20, 5)):
        step = evaluate(
            "([c, f, i, o, x]) => loaded.lstmStep({ c }, { f, i, o }, x)", [c, f, i, o, candidate]
        )
        expected = f * c + i * candidate
        assert abs(step["c"] - expected) < 1e-15
        assert abs(step["h"] - o * np.tanh(expected)) < 1e-15


@pytest.mark.xdist_group("book")
def test_the_goal_of_the_gates_is_reached_by_writing_keeping_and_showing(read):
    page = read("06_lstm")
    explorer = page.locator("#explorer-gates")

    def state():
        return json.loads(explorer.locator(".explorer-stage").get_attribute("data-state"))

    def make(preset, steps):
        explorer.locator(f'[data-preset="{preset}"]').press("Enter")
        for _ in range(steps):
            explorer.locator(".next").press("Enter")

    make("Write", 1)
    make("Keep", 10)
    assert state()["c"] == 0.8 and state()["h"] == 0 and not state()["reached"]
    make("Show", 1)
    assert state()["reached"] and abs(state()["h"] - np.tanh(0.8)) < 1e-12
    assert explorer.locator(".next").is_disabled()

    explorer.locator(".reset").press("Enter")
    make("Write", 1)
    make("Leak", 11)
    assert abs(state()["c"] - 0.8 * 0.7**11) < 1e-12
