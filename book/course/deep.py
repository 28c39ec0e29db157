"""Simple recurrent networks with layers, directions and dropout, trained in NumPy in seconds.

``Network`` is what chapters 1 and 8 to 10 measure with: any number of ``SimpleRNN`` layers on top of
each other, read forward, backward or in both directions, with the three kinds of dropout, and
an answer for the whole sequence or for every timestep. The gradients are those of chapter 5.
``forward`` agrees with Keras and the gradients with finite differences (tests/book/test_deep.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from .data import PAD

Array = np.ndarray
DIRECTIONS = {"forward": (False,), "backward": (True,), "both": (False, True)}

threadpool_limits(limits=1, user_api="blas")  # small products: one thread is the fastest


class Network:
    """Embedding, recurrent layers, softmax. Tokens (N, T) are padded on the right with 0.

    units              the size of each layer (and of each direction), from bottom to top
    direction          ``forward``, ``backward`` or ``both`` (concatenated), in every layer
    every_step         an answer at every timestep, (N, T, K), or one a sequence, (N, K)
    dropout            rate on the inputs of every layer, one mask a sequence
    recurrent_dropout  rate on the state before every step, one mask a sequence
    output_dropout     rate on what enters softmax, a new mask for every value
    fresh_masks        True: ``dropout`` and ``recurrent_dropout`` draw anew at every timestep
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        embed: int = 32,
        units: Sequence[int] = (64,),
        direction: str = "forward",
        every_step: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        output_dropout: float = 0.0,
        fresh_masks: bool = False,
        seed: int = 0,
        dtype: type = np.float32,
    ) -> None:
        self.backwards = DIRECTIONS[direction]
        self.units, self.every_step, self.dtype = list(units), every_step, dtype
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.output_dropout, self.fresh_masks = output_dropout, fresh_masks
        self._rng = rng = np.random.default_rng(seed)
        weights = {"E": rng.uniform(-0.05, 0.05, (vocabulary, embed))}
        width = embed
        for layer, size in enumerate(self.units):
            for back in self.backwards:
                q, _ = np.linalg.qr(rng.normal(size=(size, size)))
                name = _name(layer, back)
                weights |= {
                    f"W{name}": _glorot(rng, width, size),
                    f"U{name}": q,
                    f"b{name}": np.zeros(size),
                }
            width = size * len(self.backwards)
        weights |= {"V": _glorot(rng, width, classes), "c": np.zeros(classes)}
        self.weights = {name: value.astype(dtype) for name, value in weights.items()}

    def count_params(self) -> int:
        """All numbers that training changes."""
        return sum(value.size for value in self.weights.values())

    # --- forward ---

    def layers(self, tokens: Array, training: bool = False) -> list[Array]:
        """Every layer's outputs (N, T, width), in forward time, from bottom to top.

        Padding leaves a state as it is, in both directions.
        """
        self._tape = []
        real = (tokens.T != PAD)[..., None]  # (T, N, 1)
        x = self.weights["E"][tokens.T]  # (T, N, D)
        outputs = []
        for layer in range(len(self.units)):
            halves = [self._run(x, real, layer, back, training) for back in self.backwards]
            x = np.concatenate(halves, axis=-1)
            outputs.append(x)
        return [h.swapaxes(0, 1) for h in outputs]

    def _mask(self, rate: float, timesteps: int, shape: tuple[int, int], training: bool) -> Array:
        if not training or rate == 0:
            return np.ones((1, 1, 1), dtype=self.dtype)
        full = (timesteps if self.fresh_masks else 1, *shape)
        return ((self._rng.random(full) >= rate) / (1 - rate)).astype(self.dtype)

    def _run(self, x: Array, real: Array, layer: int, back: bool, training: bool) -> Array:
        """One layer in one direction: (T, N, D) -> (T, N, H)."""
        name, (T, N, D) = _name(layer, back), x.shape
        W, U, b = (self.weights[f"{letter}{name}"] for letter in "WUb")
        size = len(b)
        m = self._mask(self.dropout, T, (N, D), training)
        r = self._mask(self.recurrent_dropout, T, (N, size), training)
        masked = x * m
        z = masked @ W + b
        before, out = np.empty_like(z), np.empty_like(z)
        h = np.zeros((N, size), dtype=self.dtype)
        for t in reversed(range(T)) if back else range(T):
            before[t] = h * r[t if len(r) > 1 else 0]
            h = np.where(real[t], np.tanh(z[t] + before[t] @ U), h)
            out[t] = h
        self._tape.append((layer, back, masked, m, r, before, out, real))
        return out

    def _summary(self, top: Array) -> Array:
        """What the output layer reads of the top layer: everything, or each half's last state."""
        if self.every_step:
            return top
        halves = np.split(top, len(self.backwards), axis=-1)
        ends = [h[:, 0 if back else -1] for h, back in zip(halves, self.backwards, strict=True)]
        return np.concatenate(ends, axis=-1)

    def probabilities(self, tokens: Array) -> Array:
        """(N, K), or (N, T, K) with ``every_step``."""
        features = self._summary(self.layers(tokens)[-1])
        return _softmax(features @ self.weights["V"] + self.weights["c"])

    def evaluate(self, tokens: Array, labels: Array) -> tuple[float, float]:
        """Mean cross-entropy and accuracy; padded timesteps do not count."""
        p = self.probabilities(tokens)
        valid = tokens != PAD if self.every_step else np.ones(len(tokens), dtype=bool)
        chosen = np.take_along_axis(p, labels[..., None], -1)[..., 0][valid]
        right = (p.argmax(axis=-1) == labels)[valid]
        return float(-np.log(chosen + 1e-9).mean()), float(right.mean())

    # --- training ---

    def fit(
        self,
        tokens: Array,
        labels: Array,
        *,
        epochs: int,
        batch_size: int = 64,
        rate: float = 0.005,
        each_epoch: Callable[[], object] | None = None,
    ) -> list[object]:
        """Adam with a rate that falls to 0. Returns what ``each_epoch()`` returned, in order."""
        first = {name: np.zeros_like(value) for name, value in self.weights.items()}
        second = {name: np.zeros_like(value) for name, value in self.weights.items()}
        steps, step, log = epochs * -(-len(tokens) // batch_size), 0, []
        for _ in range(epochs):
            order = self._rng.permutation(len(tokens))
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                gradients = self.gradients(tokens[rows], labels[rows])[1]
                norm = np.sqrt(sum(float((g * g).sum()) for g in gradients.values()))
                step += 1
                size = rate * (1 - step / steps) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                for name, g in gradients.items():
                    g = g * min(1.0, 1.0 / (norm + 1e-9))  # clipped to a norm of 1
                    first[name] += 0.1 * (g - first[name])
                    second[name] += 0.001 * (g * g - second[name])
                    self.weights[name] -= size * first[name] / (np.sqrt(second[name]) + 1e-7)
            if each_epoch is not None:
                log.append(each_epoch())
        return log

    def gradients(
        self, tokens: Array, labels: Array, training: bool = True
    ) -> tuple[float, dict[str, Array]]:
        """The loss of a batch and its gradient with respect to every weight."""
        T = max(1, int((tokens != PAD).sum(axis=1).max()))
        tokens = tokens[:, :T]
        labels = labels[:, :T] if self.every_step else labels
        w = self.weights
        top = self.layers(tokens, training)[-1]
        features = self._summary(top)
        drop = np.ones((), dtype=self.dtype)
        if training and self.output_dropout:
            kept = self._rng.random(features.shape) >= self.output_dropout
            drop = (kept / (1 - self.output_dropout)).astype(self.dtype)
        read = features * drop
        p = _softmax(read @ w["V"] + w["c"])
        valid = (tokens != PAD if self.every_step else np.ones(len(tokens)))[..., None]
        count = valid.sum()
        target = np.zeros_like(p)
        np.put_along_axis(target, labels[..., None], 1, axis=-1)
        loss = float(-(valid[..., 0] * np.log((p * target).sum(axis=-1) + 1e-9)).sum() / count)
        dz = ((p - target) * valid / count).astype(self.dtype)
        grad = {
            "V": _rows(read).T @ _rows(dz),
            "c": _rows(dz).sum(axis=0),
        }
        dh = self._into_top((dz @ w["V"].T) * drop, top.shape)
        for layer in reversed(range(len(self.units))):
            dx = 0
            for half, back in enumerate(self.backwards):
                size = self.units[layer]
                own = dh[..., half * size : (half + 1) * size]
                dx = dx + self._back(own, layer, back, grad)
            dh = dx
        grad["E"] = np.zeros_like(w["E"])
        np.add.at(grad["E"], tokens.T.ravel(), _rows(dh))
        return loss, grad

    def _into_top(self, dfeatures: Array, shape: tuple[int, ...]) -> Array:
        """The gradient of the top layer's outputs, (T, N, width)."""
        if self.every_step:
            return dfeatures.swapaxes(0, 1)
        N, T, width = shape
        dh = np.zeros((T, N, width), dtype=self.dtype)
        size = self.units[-1]
        for half, back in enumerate(self.backwards):
            columns = slice(half * size, (half + 1) * size)
            dh[0 if back else -1, :, columns] = dfeatures[:, columns]
        return dh

    def _back(self, dh: Array, layer: int, back: bool, grad: dict[str, Array]) -> Array:
        """Back-propagation through time of one layer in one direction; returns dx."""
        tape = next(entry for entry in self._tape if entry[:2] == (layer, back))
        _, _, masked, m, r, before, out, real = tape
        name = _name(layer, back)
        U_transposed = np.ascontiguousarray(self.weights[f"U{name}"].T)
        dz = np.empty_like(out)
        carry = np.zeros_like(out[0])
        times = range(len(out)) if back else reversed(range(len(out)))
        for t in times:
            arriving = dh[t] + carry
            dz[t] = np.where(real[t], arriving * (1 - out[t] ** 2), 0)
            through = (dz[t] @ U_transposed) * r[t if len(r) > 1 else 0]
            carry = np.where(real[t], through, arriving)
        grad[f"W{name}"] = _rows(masked).T @ _rows(dz)
        grad[f"U{name}"] = _rows(before).T @ _rows(dz)
        grad[f"b{name}"] = _rows(dz).sum(axis=0)
        return (dz @ self.weights[f"W{name}"].T) * m


def _name(layer: int, back: bool) -> str:
    return f"{layer}{'b' if back else 'f'}"


def _rows(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> Array:
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
