"""The data of `project`: names from Unicode CLDR, through Babel, split by key.

The grader's splits are made here at build time and live in the hidden set alone; no name of CLDR is
committed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))
from course import data

sys.path.pop(0)

LENGTH = 24  # nine names in ten are shorter
TRAINED = 4000  # names that the grader trains a model on


@dataclass(frozen=True)
class Task:
    """Names to learn from and names to label; the test's labels are the reference."""

    train_names: list[str]
    train_labels: np.ndarray
    test_names: list[str]
    test_labels: np.ndarray


def task(seed: int) -> Task:
    """All names in twelve languages; a fifth of the CLDR keys is held out, with all translations."""
    train, test = data.split(data.names(), seed=seed)
    order = np.random.default_rng(seed).permutation(len(train))
    train = train.take(order)
    return Task(train.names, train.labels, test.names, test.labels)


@dataclass(frozen=True)
class ModelTask:
    """What the driver gets, and the labels that it must predict."""

    sizes: tuple[int, int]
    arguments: dict
    expected: np.ndarray


def model_task(seed: int) -> ModelTask:
    """The first TRAINED names of a split as tokens, and its held-out names."""
    whole = task(seed)
    train_names, labels = whole.train_names[:TRAINED], whole.train_labels[:TRAINED]
    alphabet = data.Alphabet(train_names)
    arguments = {
        "tokens": alphabet.encode(train_names, LENGTH),
        "labels": labels,
        "test_tokens": alphabet.encode(whole.test_names, LENGTH),
        "seed": seed,
    }
    return ModelTask((len(alphabet), len(data.LANGUAGES)), arguments, whole.test_labels)
