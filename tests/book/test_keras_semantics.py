"""What the appendix says of Keras, tested: one test per statement, with code of its own."""

import inspect
import os
import re
import sys

import chapter
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")
layers = keras.layers

PAGE = "appendices/keras_semantics"
B, T, D, H = 3, 6, 5, 4
EXACT = dict(rtol=0, atol=1e-12)


def statements():
    """The names of the page's statements, from the tags of their cells."""
    tags = [tag for have, _ in chapter.cells(PAGE) for tag in have if tag.startswith("statement-")]
    return [tag.removeprefix("statement-").replace("-", "_") for tag in tags]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def build(layer, rng, scale=0.6):
    """The layer with random weights, biases too."""
    layer.build((B, T, D))
    layer.set_weights([rng.normal(size=w.shape) * scale for w in layer.get_weights()])
    return layer


def double(kind, *args, **kwargs):
    return kind(*args, dtype="float64", **kwargs)


def sigma(z):
    return 0.5 * (1 + np.tanh(z / 2))


def recur(step, x, h):
    """All states of ``step(x_t, h)`` over the second axis."""
    states = []
    for t in range(x.shape[1]):
        h = step(x[:, t], h)
        states.append(h)
    return np.stack(states, axis=1)


# ------------------------------------------------------------------ the page itself


def test_every_statement_of_the_page_has_its_test_and_its_number():
    module = sys.modules[__name__]
    named = statements()
    assert len(named) == len(set(named)) >= 19
    assert [name for name in named if not hasattr(module, f"test_{name}")] == []
    text = (chapter.BOOK / f"{PAGE}.md").read_text(encoding="utf-8")
    assert re.findall(r"^\*\*(\d+)\. ", text, re.M) == [str(n + 1) for n in range(len(named))]


def test_every_cell_of_the_page_holds_what_it_asserts():
    names = chapter.namespace(PAGE, ("page-setup", *(f"statement-{n}" for n in _tags())))
    assert "gap" in names


def test_every_statement_asserts_something():
    for have, source in chapter.cells(PAGE):
        if any(tag.startswith("statement-") for tag in have):
            assert re.search(r"^assert ", source, re.M), sorted(have)


def _tags():
    return [name.replace("_", "-") for name in statements()]


# ------------------------------------------------------------------ weights and gates


@pytest.mark.parametrize("kind, gates", [("SimpleRNN", 1), ("LSTM", 4), ("GRU", 3)])
def test_starting_weights(kind, gates):
    layer = double(getattr(layers, kind), H)
    layer.build((B, T, D))
    W, U, b = layer.get_weights()
    assert W.shape == (D, gates * H) and U.shape == (H, gates * H)
    limit = np.sqrt(6 / (D + gates * H))
    assert 0.8 * limit < np.abs(W).max() <= limit
    np.testing.assert_allclose(U @ U.T, np.eye(H), **EXACT)
    ones = H if kind == "LSTM" else 0
    assert b.sum() == ones


def test_forget_bias():
    for unit_forget_bias in (True, False):
        layer = layers.LSTM(H, unit_forget_bias=unit_forget_bias)
        layer.build((B, T, D))
        bias = layer.get_weights()[-1].reshape(4, H)
        assert (bias[1] == unit_forget_bias).all() and not bias[[0, 2, 3]].any()
    assert inspect.signature(layers.LSTM).parameters["unit_forget_bias"].default is True


def test_lstm_gates(rng):
    layer = build(double(layers.LSTM, H, return_sequences=True), rng)
    W, U, b = layer.get_weights()
    x, h, c = rng.normal(size=(B, T, D)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    expected = layer(x, initial_state=[h, c]).numpy()
    for order, same in (("ifco", True), ("fico", False), ("ifoc", False)):
        place = {name: slice(k * H, (k + 1) * H) for k, name in enumerate(order)}
        cell = [c]

        def step(x_t, h, place=place, cell=cell):
            z = {name: x_t @ W[:, s] + h @ U[:, s] + b[s] for name, s in place.items()}
            cell[0] = sigma(z["f"]) * cell[0] + sigma(z["i"]) * np.tanh(z["c"])
            return sigma(z["o"]) * np.tanh(cell[0])

        found = recur(step, x, h)
        assert np.allclose(found, expected, **EXACT) == same, order


def gru(W, U, b, after, keeps):
    """A step of either kind: reset after or before, z keeps or replaces."""
    b_x, b_h = b if after else (b, np.zeros(3 * H))

    def step(x_t, h):
        part = [slice(k * H, (k + 1) * H) for k in range(3)]
        in_x = [x_t @ W[:, s] + b_x[s] for s in part]
        z, r = (sigma(in_x[k] + h @ U[:, part[k]] + b_h[part[k]]) for k in (0, 1))
        U_h, b_new = U[:, part[2]], b_h[part[2]]
        inner = r * (h @ U_h + b_new) if after else (r * h) @ U_h
        new = np.tanh(in_x[2] + inner)
        return z * h + (1 - z) * new if keeps else (1 - z) * h + z * new

    return step


def gru_case(rng, **kwargs):
    layer = build(double(layers.GRU, H, return_sequences=True, **kwargs), rng)
    x, h = rng.normal(size=(B, T, D)), rng.normal(size=(B, H))
    return layer, x, h, layer(x, initial_state=h).numpy()


def test_gru_reset_after(rng):
    layer, x, h, expected = gru_case(rng)
    W, U, b = layer.get_weights()
    assert inspect.signature(layers.GRU).parameters["reset_after"].default is True
    assert b.shape == (2, 3 * H)
    np.testing.assert_allclose(recur(gru(W, U, b, True, True), x, h), expected, **EXACT)
    bare = np.stack([b[0] + b[1], 0 * b[1]])  # the recurrent bias outside the reset gate
    assert np.abs(recur(gru(W, U, bare, True, True), x, h) - expected).max() > 0.01


def test_gru_reset_before(rng):
    layer, x, h, expected = gru_case(rng, reset_after=False)
    W, U, b = layer.get_weights()
    assert b.shape == (3 * H,)
    np.testing.assert_allclose(recur(gru(W, U, b, False, True), x, h), expected, **EXACT)


def test_gru_update(rng):
    layer, x, h, expected = gru_case(rng, reset_after=False)
    W, U, b = layer.get_weights()
    turned = [np.concatenate([-a[..., :H], a[..., H:]], axis=-1) for a in (W, U, b)]
    np.testing.assert_allclose(recur(gru(*turned, False, False), x, h), expected, **EXACT)
    assert np.abs(recur(gru(W, U, b, False, False), x, h) - expected).max() > 0.01
    # z near 1 keeps
    layer.set_weights([W, U, b + np.repeat([60.0, 0, 0], H)])
    np.testing.assert_allclose(layer(x, initial_state=h)[:, -1], h, **EXACT)


# ------------------------------------------------------------------ dropout


@pytest.mark.parametrize("seed", range(5))
def test_one_mask(seed):
    layer = layers.SimpleRNN(
        16,
        activation=None,
        kernel_initializer="identity",
        recurrent_initializer="zeros",
        return_sequences=True,
        dropout=0.5,
        seed=seed,
    )
    first, second = (layer(np.ones((2, T, 16)), training=True).numpy() for _ in range(2))
    assert (first == first[:, :1]).all() and set(first.ravel()) == {0, 2}
    assert (first != second).any()  # the next call draws again


@pytest.mark.parametrize("seed", range(5))
def test_recurrent_mask(seed):
    layer = layers.SimpleRNN(
        16,
        activation=None,
        recurrent_initializer="identity",
        return_sequences=True,
        recurrent_dropout=0.5,
        seed=seed,
    )
    found = layer(np.zeros((1, T, 16)), initial_state=np.ones((1, 16)), training=True).numpy()[0]
    kept = found[0] > 0
    assert 0 < kept.sum() < 16
    assert (found[:, ~kept] == 0).all()
    assert (found[:, kept] == 2.0 ** np.arange(1, T + 1)[:, None]).all()


@pytest.mark.parametrize("seed", range(5))
def test_cell_state(seed, rng):
    plain = build(double(layers.LSTM, H, return_state=True), rng)
    dropping = double(layers.LSTM, H, return_state=True, recurrent_dropout=0.9, seed=seed)
    dropping.build((B, T, D))
    W, U, b = plain.get_weights()
    x, start = rng.normal(size=(B, T, D)), list(rng.normal(size=(2, B, H)))
    gaps = []
    for recurrent in (0 * U, U):
        results = []
        for layer in (plain, dropping):
            layer.set_weights([W, recurrent, b])
            results.append(layer(x, initial_state=start, training=True)[2].numpy())
        gaps.append(np.abs(results[0] - results[1]).max())
    assert gaps[0] < 1e-12 and gaps[1] > 1e-3


@pytest.mark.parametrize("cell, gates", [("LSTMCell", 4), ("GRUCell", 3)])
def test_masks_per_gate(cell, gates):
    def masks(recurrent_dropout):
        made = getattr(layers, cell)(H, dropout=0.5, recurrent_dropout=recurrent_dropout, seed=3)
        return made.get_dropout_mask(np.ones((8, D)))

    shared, own = masks(0.0), masks(0.5)
    assert tuple(shared.shape) == (8, D)
    assert len(own) == gates
    assert len({np.asarray(mask).tobytes() for mask in own}) == gates


def test_inference(rng):
    plain = build(double(layers.LSTM, H), rng)
    dropping = double(layers.LSTM, H, dropout=0.5, recurrent_dropout=0.5)
    dropping.build((B, T, D))
    dropping.set_weights(plain.get_weights())
    x = rng.normal(size=(B, T, D))
    np.testing.assert_allclose(plain(x), dropping(x), **EXACT)
    assert np.abs(plain(x) - dropping(x, training=True)).max() > 1e-3


# ------------------------------------------------------------------ outputs and directions


@pytest.mark.parametrize("kind, states", [("SimpleRNN", 1), ("GRU", 1), ("LSTM", 2)])
def test_outputs(kind, states, rng):
    layer = build(double(getattr(layers, kind), H, return_sequences=True, return_state=True), rng)
    outputs, *last = layer(rng.normal(size=(B, T, D)))
    assert tuple(outputs.shape) == (B, T, H) and len(last) == states
    np.testing.assert_allclose(outputs[:, -1], last[0], **EXACT)


def test_go_backwards(rng):
    forward = build(double(layers.GRU, H, return_sequences=True), rng)
    backward = double(layers.GRU, H, return_sequences=True, go_backwards=True)
    backward.build((B, T, D))
    backward.set_weights(forward.get_weights())
    x = rng.normal(size=(B, T, D))
    np.testing.assert_allclose(backward(x), forward(x[:, ::-1]), **EXACT)


def two_ways(rng, **kwargs):
    return build(double(layers.Bidirectional, double(layers.SimpleRNN, H, **kwargs)), rng)


def reading(weights):
    W, U, b = weights
    return lambda x: recur(lambda x_t, h: np.tanh(x_t @ W + h @ U + b), x, np.zeros((len(x), H)))


def test_bidirectional_sequences(rng):
    both = two_ways(rng, return_sequences=True)
    x = rng.normal(size=(B, T, D))
    there, back = reading(both.get_weights()[:3]), reading(both.get_weights()[3:])
    expected = np.concatenate([there(x), back(x[:, ::-1])[:, ::-1]], axis=-1)
    np.testing.assert_allclose(both(x), expected, **EXACT)


def test_bidirectional_last(rng):
    both = two_ways(rng)
    x = rng.normal(size=(B, T, D))
    there, back = reading(both.get_weights()[:3]), reading(both.get_weights()[3:])
    expected = np.concatenate([there(x)[:, -1], back(x[:, ::-1])[:, -1]], axis=-1)
    np.testing.assert_allclose(both(x), expected, **EXACT)


# ------------------------------------------------------------------ masks

LENGTHS = np.array([T, 3, 1])
MASK = np.arange(T) < LENGTHS[:, None]


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_masked_state(kind, rng):
    layer = build(double(getattr(layers, kind), H, return_state=True), rng)
    x = rng.normal(size=(B, T, D))
    padded = layer(x, mask=MASK)
    for row, length in enumerate(LENGTHS):
        alone = layer(x[row : row + 1, :length])
        for a, b in zip(padded, alone, strict=True):
            np.testing.assert_allclose(a[row], b[0], **EXACT)


def test_masked_outputs(rng):
    x = rng.normal(size=(B, T, D))
    repeated = build(double(layers.LSTM, H, return_sequences=True), rng)(x, mask=MASK).numpy()
    zeros = two_ways(rng, return_sequences=True)(x, mask=MASK).numpy()
    for row, length in enumerate(LENGTHS):
        assert (repeated[row, length:] == repeated[row, length - 1]).all()
        assert (zeros[row, length:] == 0).all() and zeros[row, :length].all()


# ------------------------------------------------------------------ sizes and arguments


def test_parameters():
    def count(depth):
        embedding = layers.Embedding(10_000, 32)
        stack = [layers.SimpleRNN(32, return_sequences=True) for _ in range(depth)]
        return keras.Sequential([keras.Input((None,)), embedding, *stack]).count_params()

    assert count(1) - count(0) == 2_080 == 32 * 32 + 32 * 32 + 32
    assert count(1) == 322_080 and count(4) == 328_320


def test_arguments():
    for kind in (layers.SimpleRNN, layers.GRU, layers.LSTM):
        names = inspect.signature(kind).parameters
        assert "time_major" not in names and "implementation" not in names and "seed" in names
        with pytest.raises((ValueError, TypeError), match="time_major"):
            kind(H, time_major=True)
    layers.LSTM(H, implementation=2)  # accepted, though not listed
    assert "use_cudnn" in inspect.signature(layers.LSTM).parameters
