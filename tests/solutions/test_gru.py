"""The identity that the references of `gru` rest on: the deck's GRU is Keras' with the z block negated."""

import math

import numpy as np
import pytest

from autograder.authoring import load_assignment

from ..conftest import ROOT


def deck_step(x_t, h_prev, W, U, b):
    """The deck's equations, number by number, with nothing shared with solution or reference."""
    B, D = x_t.shape
    H = h_prev.shape[1]
    out = np.empty((B, H))

    def total(n, column, state):
        return (
            sum(x_t[n, d] * W[d, column] for d in range(D))
            + sum(state[k] * U[k, column] for k in range(H))
            + b[column]
        )

    for n in range(B):
        h = list(h_prev[n])
        z = [1 / (1 + math.exp(-total(n, j, h))) for j in range(H)]
        r = [1 / (1 + math.exp(-total(n, H + j, h))) for j in range(H)]
        reset = [r[j] * h[j] for j in range(H)]
        for j in range(H):
            out[n, j] = (1 - z[j]) * h[j] + z[j] * math.tanh(total(n, 2 * H + j, reset))
    return out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.xdist_group("gru")
def test_the_decks_gru_is_that_of_keras_with_the_update_gate_turned_round(seed):
    rng = np.random.default_rng(seed)
    B, D, H = (int(n) for n in rng.integers(1, 6, 3))
    x_t, h_prev = rng.normal(size=(B, D)), rng.uniform(-1, 1, (B, H))
    weights = rng.normal(size=(D, 3 * H)), rng.normal(size=(H, 3 * H)), rng.normal(size=3 * H)
    reference = load_assignment(ROOT / "solutions" / "gru")["gru_step"].reference

    by_keras = reference(x_t, h_prev, *weights)

    np.testing.assert_allclose(by_keras, deck_step(x_t, h_prev, *weights), atol=1e-12)
