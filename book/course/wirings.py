"""The trained networks of chapters 3 and 5, one for each wiring, each trained in a few seconds.

Chapter 3 is about what a trained network does with its inputs and outputs. How a network is
trained is the subject of chapters 4 and 5, so it stands here, in NumPy (see ``training``).
Every function returns plain float64 weights in Keras' layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import training
from .data import Alphabet

Array = np.ndarray


class Cell(NamedTuple):
    """W (D, H), U (H, H), b (H,): a recurrent cell, and E (K, D), the rows that it reads."""

    E: Array
    W: Array
    U: Array
    b: Array


class Output(NamedTuple):
    """V (H, K), c (K,): the layer that turns a state into K logits."""

    V: Array
    c: Array


def first_weights(
    rng: np.random.Generator, tokens: int, features: int, units: int, classes: int,
    gain: float = 1.0,
) -> list[Array]:  # fmt: skip
    """E, W, U, b, V, c before training, in single precision because that is faster.

    gain   the orthogonal U is multiplied with it
    """
    weights = [
        rng.uniform(-0.2, 0.2, (tokens, features)),
        training.glorot(rng, features, units),
        training.orthogonal(rng, units, gain),
        np.zeros(units),
        training.glorot(rng, units, classes),
        np.zeros(classes),
    ]
    return [w.astype(np.float32) for w in weights]


def labelled(
    inputs: Array,
    targets: Array,
    weight: Array,
    *,
    tokens: int,
    classes: int,
    epochs: int,
    seed: int,
    features: int = 32,
    units: int = 64,
    rate: float = 0.003,
    gain: float = 1.0,
    remind: bool = False,
) -> tuple[Cell, Output]:
    """A network that answers at the timesteps where ``weight`` is not 0.

    inputs   tokens (N, T)
    targets  classes (N, T)
    weight   (N, T): 1 at the last timestep only is many to one, 1 everywhere many to many
    remind   True: every timestep reads its own token's vector plus the first token's
    """
    weights = first_weights(np.random.default_rng(seed), tokens, features, units, classes, gain)
    weight = weight.astype(np.float32)

    def loss_and_gradients(x: Array, y: Array, w: Array):  # type: ignore[no-untyped-def]
        E, W, U, b, V, c = weights
        vectors = E[x] + E[x[:, :1]] if remind else E[x]
        h_0 = np.zeros((len(x), units), dtype=np.float32)
        h = training.forward(vectors, h_0, W, U, b)
        loss, dh, dV, dc = training.readout(h, y, w, V, c)
        dx, _, dW, dU, db = training.backward(dh, vectors, h, h_0, W, U)
        dE = training.embedding_gradient(E, x, dx)
        if remind:
            dE += training.embedding_gradient(E, x[:, 0], dx.sum(axis=1))
        return loss, [dE, dW, dU, db, dV, dc]

    training.fit(
        weights, loss_and_gradients, (inputs, targets, weight), epochs=epochs, seed=seed, rate=rate
    )
    E, W, U, b, V, c = (w.astype(float) for w in weights)
    return Cell(E, W, U, b), Output(V, c)


def classifier(
    texts: Sequence[str], labels: Array, alphabet: Alphabet, classes: int,
    *, epochs: int, seed: int, gain: float = 1.0,
) -> tuple[Cell, Output]:  # fmt: skip
    """Many to one: one answer for a text, given after its last character."""
    lengths = np.array([len(text) for text in texts])
    inputs = alphabet.encode(texts, lengths.max())
    last = np.arange(lengths.max()) == lengths[:, None] - 1  # (N, T)
    targets = np.broadcast_to(labels[:, None], inputs.shape)
    return labelled(
        inputs, targets, last, tokens=len(alphabet), classes=classes, epochs=epochs, seed=seed,
        gain=gain,
    )  # fmt: skip


def tagger(
    texts: Sequence[str], tags: Sequence[Array], alphabet: Alphabet, classes: int,
    *, epochs: int, seed: int, delay: int = 0,
) -> tuple[Cell, Output]:  # fmt: skip
    """Many to many of equal length: an answer for every character, ``delay`` timesteps later."""
    length = max(len(text) for text in texts) + delay
    inputs = alphabet.encode(texts, length)
    targets = np.zeros_like(inputs)
    weight = np.zeros(inputs.shape)
    for row, own in enumerate(tags):
        targets[row, delay : delay + len(own)] = own
        weight[row, delay : delay + len(own)] = 1
    return labelled(
        inputs, targets, weight, tokens=len(alphabet), classes=classes, epochs=epochs, seed=seed
    )


def writer(
    texts: Sequence[str], labels: Array, alphabet: Alphabet, starts: int,
    *, epochs: int, seed: int, units: int = 96, remind: bool = False,
) -> tuple[Cell, Output]:  # fmt: skip
    """One to many: read a start token (``len(alphabet) + label``), then write the text.

    With ``remind`` the start token's vector is added to every later input, too. In training the
    network reads the true text, one character late, whatever it would have written itself
    (teacher forcing). After the text it learns to write a 0, padding.
    """
    lengths = np.array([len(text) for text in texts])
    targets = alphabet.encode(texts, lengths.max() + 1)
    first = len(alphabet) + labels[:, None]
    inputs = np.concatenate([first, targets[:, :-1]], axis=1)
    weight = np.arange(targets.shape[1]) <= lengths[:, None]
    return labelled(
        inputs, targets, weight, tokens=len(alphabet) + starts, classes=len(alphabet),
        epochs=epochs, seed=seed, units=units, remind=remind,
    )  # fmt: skip


def translator(
    texts: Sequence[str], answers: Sequence[str], source: Alphabet, target: Alphabet,
    start_token: int, *, epochs: int, seed: int, units: int = 128,
) -> tuple[Cell, Cell, Output]:  # fmt: skip
    """Many to many of unequal length: an encoder reads, its last state starts the decoder.

    The answers must all have the same length.
    """
    rng = np.random.default_rng(seed)
    reads = first_weights(rng, len(source), 16, units, 1)[:4]
    weights = reads + first_weights(rng, len(target), 16, units, len(target))
    lengths = np.array([len(text) for text in texts])
    inputs = source.encode(texts, lengths.max())
    targets = target.encode(answers, len(answers[0]))
    begun = np.full((len(texts), 1), start_token)
    forced = np.concatenate([begun, targets[:, :-1]], axis=1)

    def loss_and_gradients(x, length, told, y):  # type: ignore[no-untyped-def]
        E1, W1, U1, b1, E2, W2, U2, b2, V, c = weights
        rows, zeros = np.arange(len(x)), np.zeros((len(x), units), dtype=np.float32)
        read = training.forward(E1[x], zeros, W1, U1, b1)
        thought = read[rows, length - 1]  # the state after each text's last character
        written = training.forward(E2[told], thought, W2, U2, b2)
        every = np.ones(y.shape, dtype=np.float32)
        loss, dh, dV, dc = training.readout(written, y, every, V, c)
        dx2, dthought, dW2, dU2, db2 = training.backward(dh, E2[told], written, thought, W2, U2)
        dread = np.zeros_like(read)
        dread[rows, length - 1] = dthought
        dx1, _, dW1, dU1, db1 = training.backward(dread, E1[x], read, zeros, W1, U1)
        dE1 = training.embedding_gradient(E1, x, dx1)
        dE2 = training.embedding_gradient(E2, told, dx2)
        return loss, [dE1, dW1, dU1, db1, dE2, dW2, dU2, db2, dV, dc]

    training.fit(
        weights, loss_and_gradients, (inputs, lengths, forced, targets), epochs=epochs, seed=seed,
        rate=0.002,
    )  # fmt: skip
    E1, W1, U1, b1, E2, W2, U2, b2, V, c = (w.astype(float) for w in weights)
    return Cell(E1, W1, U1, b1), Cell(E2, W2, U2, b2), Output(V, c)
