"""Chapter 3's wirings compute what Keras computes, and its explorer counts as NumPy does."""

import json

import chapter
import numpy as np
import pytest

keras = pytest.importorskip("keras")

SIZES = [(3, 7, 5, 4, 6), (1, 1, 1, 1, 1), (2, 4, 1, 6, 3)]  # B, T, D, H, K


@pytest.fixture(scope="module")
def names():
    return chapter.namespace("03_shapes", ("setup", "layer"))


class Case:
    """A cell and an output layer in Keras with weights of our own, and a batch."""

    def __init__(self, B, T, D, H, K):
        self.rng = np.random.default_rng(B + T + D + H + K)
        self.x = self.draw(B, T, D)
        self.h_0 = self.draw(B, H)
        self.weights = [0.5 * self.draw(*shape) for shape in ((D, H), (H, H), (H,))]
        self.output = [self.draw(H, K), self.draw(K)]
        self.dense = keras.layers.Dense(K, dtype="float64")
        self.dense.build((B, H))
        self.dense.set_weights(self.output)

    def draw(self, *shape):
        return self.rng.normal(size=shape)

    def layer(self, weights=None, **options):
        W, U, b = weights or self.weights
        layer = keras.layers.SimpleRNN(len(b), dtype="float64", **options)
        layer.build((None, None, len(W)))
        layer.set_weights([W, U, b])
        return layer


@pytest.fixture(params=SIZES, ids=str)
def case(request):
    return Case(*request.param)


def test_many_to_one_is_keras_last_output_and_a_dense_layer(names, case):
    expected = case.dense(case.layer()(case.x)).numpy()
    ours = names["many_to_one"](names["Recurrent"](*case.weights), case.x, *case.output)
    assert ours.shape == expected.shape and np.abs(ours - expected).max() < 1e-12


def test_many_to_many_is_keras_sequence_and_a_dense_layer(names, case):
    expected = case.dense(case.layer(return_sequences=True)(case.x)).numpy()
    ours = names["many_to_many"](names["Recurrent"](*case.weights), case.x, *case.output)
    assert ours.shape == expected.shape and np.abs(ours - expected).max() < 1e-12


def test_one_to_one_is_two_dense_layers(names, case):
    W, _, b = case.weights
    hidden = keras.layers.Dense(len(b), activation="tanh", dtype="float64")
    hidden.build((None, len(W)))
    hidden.set_weights([W, b])
    x = case.x[:, :1]
    expected = case.dense(hidden(x[:, 0])).numpy()
    ours = names["one_to_one"](names["Recurrent"](*case.weights), x, *case.output)
    assert np.abs(ours - expected).max() < 1e-12


def written_by_keras(case, layer, state, token, E, steps):
    """Tokens and logits of a Keras layer that is called once a timestep with its last answer."""
    tokens, logits = [], []
    for _ in range(steps):
        state = layer(E[token][:, None], initial_state=state)
        logits.append(case.dense(state).numpy())
        token = logits[-1].argmax(axis=-1)
        tokens.append(token)
    return np.stack(tokens, axis=1), np.stack(logits, axis=1)


def test_one_to_many_feeds_keras_answers_back(names, case):
    K, D = case.output[1].size, case.weights[0].shape[0]
    E, token = case.draw(K, D), case.rng.integers(K, size=len(case.x))
    expected, logits = written_by_keras(case, case.layer(), case.h_0, token, E, 9)
    seen = []

    def choose(values):
        seen.append(values)
        return names["largest"](values)

    rnn = names["Recurrent"](*case.weights)
    ours = names["one_to_many"](rnn, case.h_0, token, E, *case.output, 9, choose)
    np.testing.assert_array_equal(ours, expected)
    assert np.abs(np.stack(seen, axis=1) - logits).max() < 1e-12


def test_read_then_write_is_an_encoder_whose_last_state_starts_a_decoder(names, case):
    (K,), (D, H) = case.output[1].shape, case.weights[0].shape
    second = [0.5 * case.draw(*shape) for shape in ((D, H), (H, H), (H,))]
    E = case.draw(K, D)
    state = case.layer()(case.x)
    start = np.zeros(len(case.x), dtype=int)
    expected, _ = written_by_keras(case, case.layer(second), state, start, E, 5)
    encoder, decoder = names["Recurrent"](*case.weights), names["Recurrent"](*second)
    ours = names["read_then_write"](encoder, decoder, case.x, 0, E, *case.output, 5)
    np.testing.assert_array_equal(ours, expected)


def test_a_drawn_token_follows_the_softmax(names):
    rng = np.random.default_rng(0)
    logits = np.log([0.1, 0.2, 0.7])
    drawn = names["sampled"](rng, 1.0)(np.broadcast_to(logits, (20_000, 3)))
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.1, 0.2, 0.7], atol=0.015)


# --- the explorer ------------------------------------------------------------------------------


def outputs(names, task, B, T, S, D, H, K):
    """The wiring's arrays, made by the chapter's functions, and what each answer depends on."""
    rng = np.random.default_rng(0)

    def cell():
        return names["Recurrent"](*(rng.normal(size=s) / 3 for s in ((D, H), (H, H), (H,))))

    rnn, second = cell(), cell()
    V, c, E = rng.normal(size=(H, K)), rng.normal(size=K), rng.normal(size=(K, D))

    def run(x):
        if task == "one to one":
            return names["one_to_one"](rnn, x[:, :1], V, c)[:, None]
        if task == "many to one":
            return names["many_to_one"](rnn, x, V, c)[:, None]
        if task == "many to many, equal":
            return names["many_to_many"](rnn, x, V, c)
        logits = []

        def choose(values):  # a choice that follows the logits smoothly shows every dependence
            logits.append(values)
            return names["largest"](values)

        if task == "one to many":
            h_0 = rnn(x[:, :1])[:, -1]  # the first input, as a vector that can be changed a little
            names["one_to_many"](rnn, h_0, np.zeros(B, int), E, V, c, S, choose)
        else:
            names["one_to_many"](second, rnn(x)[:, -1], np.zeros(B, int), E, V, c, S, choose)
        return np.stack(logits, axis=1)

    x = rng.normal(size=(B, T, D))
    base = run(x)
    depends = np.zeros((base.shape[1], T), dtype=bool)
    for t in range(T):
        changed = x.copy()
        changed[:, t] += 1e-3
        depends[:, t] = np.abs(run(changed) - base).max(axis=(0, 2)) > 0
    return base, depends


TASKS = [
    "one to one",
    "many to one",
    "many to many, equal",
    "one to many",
    "many to many, unequal",
]


@pytest.mark.xdist_group("book")
@pytest.mark.parametrize("task", TASKS)
def test_the_explorer_lists_shapes_and_reach_as_numpy_has_them(read, names, task):
    page = read("03_shapes")
    explorer = page.locator("#explorer-wirings")
    explorer.locator(".task").select_option(task)
    sizes = {"B": 3, "T": 4, "S": 6, "D": 5, "H": 7, "K": 9}
    for key, size in sizes.items():
        slider = explorer.locator(f"[data-size={key}] input")
        if slider.is_visible():
            slider.fill(str(size))
    T = 1 if task in ("one to one", "one to many") else sizes["T"]
    y, depends = outputs(names, task, **{**sizes, "T": T})
    answers = y.shape[1]
    stage = explorer.locator(".explorer-stage")
    for answer in range(answers):
        if answers > 1:
            explorer.locator(".at").fill(str(answer + 1))
        state = json.loads(stage.get_attribute("data-state"))
        assert [r for r in state["reach"][:T]] == depends[answer].tolist()
        assert not any(state["reach"][T:])
    shapes = {array["name"]: tuple(array["shape"]) for array in state["arrays"]}
    assert shapes["y"] == (y.shape if "many" in task.split(" to ")[1] else (y.shape[0], y.shape[2]))
    assert shapes["W"] == (5, 7) and shapes["U"] == (7, 7) and shapes["V"] == (7, 9)
    cells = 2 if task.endswith("unequal") else 1
    assert state["weights"] == cells * (5 * 7 + 7 * 7 + 7) + 7 * 9 + 9
    assert state["terms"] == y.shape[0] * y.shape[1]
    assert page.errors == [] and page.outside == []
