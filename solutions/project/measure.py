"""Measure what models and baselines reach under the grader's conditions: `accuracies.csv`.

    python solutions/project/measure.py [--seeds 10] [MODEL ...]

Every run has its own seed, for the split of the names as well as for the training. Runs on one
thread; rows of the models named (default: all) are replaced, the others stay.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(
    TF_CPP_MIN_LOG_LEVEL="3",
    CUDA_VISIBLE_DEVICES="-1",
    TF_NUM_INTRAOP_THREADS="1",
    TF_NUM_INTEROP_THREADS="1",
)

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import drivers  # noqa: E402
import names  # noqa: E402

TABLE = HERE / "accuracies.csv"
FIELDS = ("model", "kind", "seed", "accuracy", "cpu_seconds", "parameters", "versions")


def classifier(vocab_size: int, n_languages: int, *parts: layers.Layer, rate: float) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int64"),
            *parts,
            layers.Dense(n_languages, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model


def bag_of_letters(v: int, n: int) -> keras.Model:
    """No order at all: the mean of the letters' embeddings."""
    return classifier(v, n, layers.Embedding(v, 64), layers.GlobalAveragePooling1D(), rate=0.01)


def unmasked_rnn(v: int, n: int) -> keras.Model:
    """SimpleRNN that reads the padding too, with Adam's default rate."""
    return classifier(v, n, layers.Embedding(v, 32), layers.SimpleRNN(64), rate=0.001)


def simple_rnn(v: int, n: int) -> keras.Model:
    """SimpleRNN with a mask."""
    return classifier(
        v, n, layers.Embedding(v, 32, mask_zero=True), layers.SimpleRNN(64), rate=0.003
    )


def gru(v: int, n: int) -> keras.Model:
    """The fair model: one masked GRU."""
    return classifier(v, n, layers.Embedding(v, 32, mask_zero=True), layers.GRU(64), rate=0.003)


def lstm(v: int, n: int) -> keras.Model:
    """A fair model too: one masked LSTM."""
    return classifier(v, n, layers.Embedding(v, 32, mask_zero=True), layers.LSTM(64), rate=0.003)


def bidirectional_gru(v: int, n: int) -> keras.Model:
    """The good model: both directions, dropout, a larger step."""
    return classifier(
        v,
        n,
        layers.Embedding(v, 48, mask_zero=True),
        layers.Bidirectional(layers.GRU(64)),
        layers.Dropout(0.3),
        rate=0.005,
    )


MODELS: dict[str, Callable[[int, int], keras.Model]] = {
    f.__name__: f for f in (bag_of_letters, unmasked_rnn, simple_rnn, gru, lstm, bidirectional_gru)
}


def counted(n: int, smoothing: float = 0.3) -> Callable:
    """Naive Bayes over runs of up to `n` letters."""

    def baseline(train_names: list[str], train_labels: np.ndarray, test_names: list[str]):
        def runs(name: str) -> list[str]:
            text = f"^{name.lower()}$" if n > 1 else name.lower()
            return [text[i : i + k] for k in range(1, n + 1) for i in range(len(text) - k + 1)]

        classes, table = sorted(set(train_labels.tolist())), {}
        for name, label in zip(train_names, train_labels.tolist()):
            for run in runs(name):
                table.setdefault(run, np.zeros(len(classes)))[classes.index(label)] += 1
        total = sum(table.values()) + smoothing * len(table)
        scores = [
            sum((np.log((table.get(r, 0) + smoothing) / total) for r in runs(name)), 0 * total)
            for name in test_names
        ]
        return np.array(classes)[np.argmax(scores, axis=1)]

    return baseline


def majority(train_names: list[str], train_labels: np.ndarray, test_names: list[str]):
    return np.full(len(test_names), np.bincount(train_labels).argmax())


BASELINES = {
    "majority": majority,
    "letters": counted(1),
    "letter_pairs": counted(2),
    "letter_triples": counted(3),
}


def run(name: str, seed: int) -> dict:
    """One row: split and train with this seed, count what is right."""
    data = names.task(seed)
    start = time.process_time()
    parameters = 0
    if name in BASELINES:
        predicted = BASELINES[name](data.train_names, data.train_labels, data.test_names)
        expected, kind = data.test_labels, "baseline"
    else:
        small = names.model_task(seed)
        predicted = drivers.model_of(MODELS[name], *small.sizes, **small.arguments)
        expected, kind = small.expected, "model"
        parameters = MODELS[name](*small.sizes).count_params()
    return {
        "model": name,
        "kind": kind,
        "seed": seed,
        "accuracy": f"{np.mean(predicted == expected):.4f}",
        "cpu_seconds": f"{time.process_time() - start:.1f}",
        "parameters": parameters,
        "versions": " ".join(
            [f"python {platform.python_version()}"]
            + [f"{p} {importlib.metadata.version(p)}" for p in ("tensorflow", "keras", "babel")]
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    wanted = options.models or [*BASELINES, *MODELS]
    rows = list(csv.DictReader(TABLE.open())) if TABLE.is_file() else []
    rows = [row for row in rows if row["model"] not in wanted]
    for name in wanted:
        for seed in range(options.seeds):
            rows.append(run(name, seed))
            print(rows[-1]["model"], rows[-1]["seed"], rows[-1]["accuracy"], flush=True)
            keras.backend.clear_session()
        order = [*BASELINES, *MODELS]
        rows.sort(key=lambda row: (order.index(row["model"]), int(row["seed"])))
        with TABLE.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        found = [float(row["accuracy"]) for row in rows if row["model"] == name]
        print(
            f"{name}: {np.mean(found):.3f} ± {np.std(found, ddof=1) if len(found) > 1 else 0:.3f}"
        )


if __name__ == "__main__":
    main()
