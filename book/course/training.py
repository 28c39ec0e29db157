"""A simple recurrent network that trains in NumPy: gradients by hand, Adam, no framework.

Chapter 3 trains its small networks with it and chapter 5 explains it. The layout is Keras'
(batch first, weights on the right). Training a network of this size takes about half as long as
in Keras, because there is no graph to build and no batch to copy.

``forward`` and ``backward`` agree with Keras' ``SimpleRNN`` and TensorFlow's gradients
(tests/book/test_ch05_vanishing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

Array = np.ndarray

# Products of matrices this small take longer on several threads than on one, and on a busy
# machine many times as long. From here on NumPy uses one thread.
threadpool_limits(limits=1, user_api="blas")


def glorot(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Uniform numbers between -a and a, ``a = sqrt(6 / (rows + columns))``."""
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def orthogonal(rng: np.random.Generator, size: int, gain: float = 1.0) -> Array:
    """A random orthogonal matrix times ``gain``, each direction equally likely."""
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    return gain * q * np.sign(np.diag(r))


def softmax(z: Array) -> Array:
    """Probabilities from logits, over the last axis."""
    exponentials = np.exp(z - z.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


# An activation function, and its slope as a function of its value.
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "relu": (lambda z: np.maximum(z, 0), lambda h: (h > 0).astype(h.dtype)),
}


def forward(x: Array, h_0: Array, W: Array, U: Array, b: Array, activation: str = "tanh") -> Array:
    """x (B, T, D), h_0 (B, H) -> every state, (B, T, H)."""
    f, _ = ACTIVATIONS[activation]
    h = x @ W + b  # what the inputs contribute, all timesteps in one product
    state = h_0
    for t in range(x.shape[1]):
        state = f(h[:, t] + state @ U)
        h[:, t] = state
    return h


def backward(
    dh: Array, x: Array, h: Array, h_0: Array, W: Array, U: Array, activation: str = "tanh"
) -> tuple[Array, Array, Array, Array, Array]:
    """Back-propagation through time: dx, dh_0, dW, dU, db.

    dh  (B, T, H), the gradient of the loss that arrives at every output from above; what comes
        from later timesteps is added here
    h   (B, T, H), the states that ``forward`` returned
    """
    dz = ACTIVATIONS[activation][1](h)  # the slopes; times what arrives, the gradient before f
    carry = np.zeros_like(h_0)
    U_transposed = np.ascontiguousarray(U.T)
    for t in reversed(range(h.shape[1])):
        dz[:, t] *= dh[:, t] + carry
        carry = dz[:, t] @ U_transposed
    before = np.concatenate([h_0[:, None], h[:, :-1]], axis=1)
    flat = dz.reshape(-1, dz.shape[-1])
    return (
        dz @ W.T,
        carry,
        _rows(x).T @ flat,
        _rows(before).T @ flat,
        flat.sum(axis=0),
    )


def _rows(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


def readout(
    h: Array, y: Array, weight: Array, V: Array, c: Array
) -> tuple[float, Array, Array, Array]:
    """A softmax at every timestep: loss, dh, dV, dc.

    y       int (B, T), the right class at every timestep
    weight  (B, T), how much a timestep counts: 0 where nothing is asked. The loss is the mean
            over all timesteps that count, of the negative logarithm of the right class'
            probability.
    """
    probabilities = softmax(h @ V + c)
    right = np.take_along_axis(probabilities, y[..., None], axis=-1)[..., 0]
    total = weight.sum()
    loss = -(weight * np.log(right + 1e-12)).sum() / total
    dlogits = probabilities
    np.put_along_axis(dlogits, y[..., None], (right - 1)[..., None], axis=-1)
    dlogits *= (weight / total)[..., None]
    return float(loss), dlogits @ V.T, _rows(h).T @ _rows(dlogits), _rows(dlogits).sum(axis=0)


def embedding_gradient(E: Array, tokens: Array, dx: Array) -> Array:
    """The gradient of ``E[tokens]``: every use of a row adds to that row's gradient."""
    gradient = np.zeros_like(E)
    np.add.at(gradient, tokens.ravel(), _rows(dx))
    return gradient


def norm(gradients: Sequence[Array]) -> float:
    """The length of all gradients taken together as one long vector."""
    return float(np.sqrt(sum((g * g).sum(dtype=float) for g in gradients)))


class Adam:
    """Adam (Kingma and Ba, 2015), which changes the given arrays in place.

    max_norm  clip the gradients of each update to this global norm first; None leaves them
    """

    def __init__(self, weights: Sequence[Array], rate: float, max_norm: float | None = 1.0):
        self.weights, self.rate, self.max_norm = list(weights), rate, max_norm
        self._mean = [np.zeros_like(w) for w in self.weights]
        self._square = [np.zeros_like(w) for w in self.weights]
        self._count = 0

    def update(self, gradients: Sequence[Array]) -> float:
        """One step downhill; returns the gradients' norm before clipping."""
        length = norm(gradients)
        scale = 1.0 if self.max_norm is None else min(1.0, self.max_norm / (length + 1e-12))
        self._count += 1
        rate = self.rate * np.sqrt(1 - 0.999**self._count) / (1 - 0.9**self._count)
        for w, g, mean, square in zip(
            self.weights, gradients, self._mean, self._square, strict=True
        ):
            g = g * w.dtype.type(scale)
            mean += 0.1 * (g - mean)
            square += 0.001 * (g * g - square)
            w -= w.dtype.type(rate) * mean / (np.sqrt(square) + 1e-7)
        return length


def fit(
    weights: Sequence[Array],
    loss_and_gradients: Callable[..., tuple[float, Sequence[Array]]],
    arrays: Sequence[Array],
    *,
    epochs: int,
    seed: int,
    rate: float = 0.003,
    batch_size: int = 64,
) -> list[float]:
    """Train ``weights`` in place on shuffled batches; the mean loss of every epoch.

    loss_and_gradients  called with the rows of ``arrays`` that make a batch
    """
    rng = np.random.default_rng(seed)
    optimiser = Adam(weights, rate)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(arrays[0]))
        batches = np.array_split(order, max(1, round(len(order) / batch_size)))
        total = 0.0
        for rows in batches:
            loss, gradients = loss_and_gradients(*(a[rows] for a in arrays))
            optimiser.update(gradients)
            total += loss / len(batches)
        losses.append(float(total))
    return losses
