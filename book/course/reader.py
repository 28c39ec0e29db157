"""A small recurrent classifier in NumPy, trained in about a second: for chapters that need a
trained network before they have explained how one is trained.

Embedding, one simple recurrent layer, softmax on its last state; cross-entropy, Adam. The
backward pass is what chapter 5 derives. A Keras model of the same sizes reaches about the same accuracy, in a multiple of the time.
"""

from __future__ import annotations

import numpy as np

from .data import PAD


class Reader:
    """Reads tokens (N, T), padded on the right with 0, and names one of K classes.

    Parameters are float32: E (V, D), W (D, H), U (H, H), b (H,), V (H, K), c (K,).
    """

    def __init__(
        self, vocabulary: int, classes: int, embed: int = 32, units: int = 64, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        orthogonal, _ = np.linalg.qr(rng.normal(size=(units, units)))
        self.weights = {
            "E": rng.uniform(-0.05, 0.05, (vocabulary, embed)),
            "W": _glorot(rng, embed, units),
            "U": orthogonal,
            "b": np.zeros(units),
            "V": _glorot(rng, units, classes),
            "c": np.zeros(classes),
        }
        self.weights = {name: value.astype(np.float32) for name, value in self.weights.items()}
        self._rng = rng

    def states(self, tokens: np.ndarray) -> np.ndarray:
        """The state before the first and after every timestep, (T + 1, N, H).

        Padding leaves the state as it is, so the last entry belongs to the last real token.
        """
        w = self.weights
        h = np.zeros((tokens.shape[1] + 1, len(tokens), len(w["b"])), dtype=np.float32)
        from_input = w["E"] @ w["W"] + w["b"]  # (V, H): all that a token can contribute
        for t in range(tokens.shape[1]):
            new = np.tanh(from_input[tokens[:, t]] + h[t] @ w["U"])
            h[t + 1] = np.where((tokens[:, t] != PAD)[:, None], new, h[t])
        return h

    def probabilities(self, tokens: np.ndarray) -> np.ndarray:
        """(N, K)"""
        return _softmax(self.states(tokens)[-1] @ self.weights["V"] + self.weights["c"])

    def predict(self, tokens: np.ndarray) -> np.ndarray:
        """int64 (N,)"""
        return self.probabilities(tokens).argmax(axis=1)

    def fit(
        self,
        tokens: np.ndarray,
        labels: np.ndarray,
        epochs: int = 8,
        batch_size: int = 64,
        rate: float = 0.005,
    ) -> list[float]:
        """Train with a rate that falls to 0; returns the mean loss of every epoch."""
        first = {name: np.zeros_like(value) for name, value in self.weights.items()}
        second = {name: np.zeros_like(value) for name, value in self.weights.items()}
        losses, step = [], 0
        steps = epochs * -(-len(tokens) // batch_size)
        for _ in range(epochs):
            order = self._rng.permutation(len(tokens))
            total = 0.0
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                loss, gradients = self._gradients(tokens[rows], labels[rows])
                total += loss * len(rows)
                step += 1
                size = rate * (1 - step / steps) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                for name, g in gradients.items():
                    first[name] += 0.1 * (g - first[name])
                    second[name] += 0.001 * (g * g - second[name])
                    self.weights[name] -= size * first[name] / (np.sqrt(second[name]) + 1e-7)
            losses.append(total / len(tokens))
        return losses

    def _gradients(
        self, tokens: np.ndarray, labels: np.ndarray
    ) -> tuple[float, dict[str, np.ndarray]]:
        tokens = tokens[:, : max(1, int((tokens != PAD).sum(axis=1).max()))]
        w, rows = self.weights, np.arange(len(tokens))
        h = self.states(tokens)
        p = _softmax(h[-1] @ w["V"] + w["c"])
        loss = float(-np.log(p[rows, labels] + 1e-9).mean())
        p[rows, labels] -= 1
        p /= len(tokens)
        grad = {name: np.zeros_like(value) for name, value in w.items()}
        grad["V"], grad["c"] = h[-1].T @ p, p.sum(axis=0)
        dh = p @ w["V"].T
        into = np.zeros((len(w["E"]), len(w["b"])), dtype=np.float32)  # of what tokens contribute
        for t in reversed(range(tokens.shape[1])):
            real = (tokens[:, t] != PAD)[:, None]
            dz = np.where(real, dh * (1 - h[t + 1] ** 2), 0)
            grad["U"] += h[t].T @ dz
            np.add.at(into, tokens[:, t], dz)
            dh = np.where(real, dz @ w["U"].T, dh)
        grad["b"] = into.sum(axis=0)
        grad["W"], grad["E"] = w["E"].T @ into, into @ w["W"].T
        return loss, grad


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
