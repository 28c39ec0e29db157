"""SimpleRNN, LSTM and GRU on the language of a name, five seeds each. About fifteen minutes.

    cd book && python -m experiments.cells_on_names

The task of chapter 1: CLDR names in twelve languages, one fifth of the keys held out. Embedding of
32, one recurrent layer, softmax; Adam 0.003, batches of 128, ten epochs. A row is one training;
rows that ``cells_on_names.csv`` has are not run again. ``accuracy`` is that of the last epoch on
held-out names. Seconds per epoch are CPU seconds of the process, TensorFlow on one thread, the
median of all epochs: other work on the machine hardly changes them.
"""

from __future__ import annotations

import csv
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from course import data, runs

RESULTS = Path(__file__).with_suffix(".csv")
COLUMNS = ("cell", "units", "seed", "weights", "accuracy", "cpu_seconds_per_epoch")
SEEDS = range(5)
CELLS = (
    ("SimpleRNN", 64),
    ("LSTM", 64),
    ("GRU", 64),
    ("GRU, reset before", 64),
    ("GRU", 75),  # about as many weights as the LSTM of 64 units
)
LENGTH, EPOCHS = 20, 10


def layer(cell: str, units: int) -> Any:
    """The Keras layer of a name in ``CELLS``."""
    import keras

    if cell == "GRU, reset before":
        return keras.layers.GRU(units, reset_after=False)
    return getattr(keras.layers, cell)(units)


def train(cell: str, units: int, seed: int) -> dict[str, Any]:
    """One row of the results."""
    import keras

    names = data.names()
    train, test = data.split(names, seed=seed)
    alphabet = data.Alphabet(name.lower() for name in train.names)
    x, x_test = (
        alphabet.encode([name.lower() for name in part.names], LENGTH) for part in (train, test)
    )
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.layers.Embedding(len(alphabet), 32, mask_zero=True),
            layer(cell, units),
            keras.layers.Dense(len(names.languages), activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    times = []
    for _ in range(EPOCHS):
        start = time.process_time()
        model.fit(x, train.labels, batch_size=128, verbose=0)
        times.append(time.process_time() - start)
    predicted = model.predict(x_test, verbose=0, batch_size=2048).argmax(axis=1)
    return {
        "cell": cell, "units": units, "seed": seed,
        "weights": model.layers[1].count_params(),
        "accuracy": f"{(predicted == test.labels).mean():.4f}",
        "cpu_seconds_per_epoch": f"{np.median(times):.2f}",
    }  # fmt: skip


def read() -> list[dict[str, str]]:
    """The recorded rows; lines that begin with # say how they came about."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def main() -> None:
    runs.quiet_tensorflow()
    import keras
    import tensorflow

    done = {(r["cell"], int(r["units"]), int(r["seed"])) for r in read()}
    if not done:
        with RESULTS.open("w", encoding="utf-8") as file:
            file.write(
                "# command: cd book && python -m experiments.cells_on_names\n"
                f"# python {platform.python_version()}, numpy {np.__version__}, "
                f"tensorflow {tensorflow.__version__}, keras {keras.__version__}\n"
                f"# machine: {platform.system()} {platform.machine()}, {os.cpu_count()} cores "
                "shared with other work, TensorFlow on one thread\n" + ",".join(COLUMNS) + "\n"
            )
    for seed in SEEDS:
        for cell, units in CELLS:
            if (cell, units, seed) in done:
                continue
            row = train(cell, units, seed)
            with RESULTS.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
            print(row, flush=True)
            keras.backend.clear_session()


if __name__ == "__main__":
    sys.exit(main())
