"""The adding problem, for each cell and for longer and longer sequences. About an hour.

    cd book && python -m experiments.adding_problem

Each network (32 units, Adam, gradients clipped to a norm of 1, batches of 32) trains on fresh
sequences. After every 100 updates its mean squared error on 1,000 others is measured; training
stops when that is below 0.01, or after 2,000 updates. A row is one training, and rows that
``adding_problem.csv`` has are not run again, so a stopped run goes on where it was.

The gated cells train with a learning rate of 0.01. The SimpleRNN is unstable at that rate, so it
gets a second chance at 0.003.
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
COLUMNS = ("cell", "T", "rate", "seed", "updates", "error", "seconds")
LENGTHS = (10, 20, 40, 80)
SEEDS = range(5)
CELLS = (
    ("SimpleRNN", 0.01),
    ("SimpleRNN", 0.003),
    ("GRU", 0.01),
    ("LSTM", 0.01),
    ("LSTM, forget bias 0", 0.01),
)
UNITS, BATCH, LIMIT, SOLVED = 32, 32, 2000, 0.01


def layer(cell: str) -> Any:
    """The Keras layer of a name in ``CELLS``."""
    import keras

    if cell == "LSTM, forget bias 0":
        return keras.layers.LSTM(UNITS, unit_forget_bias=False)
    return getattr(keras.layers, cell)(UNITS)


def train(cell: str, timesteps: int, rate: float, seed: int) -> dict[str, Any]:
    """One row of the results; ``updates`` is ``LIMIT`` where the problem was not solved."""
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((timesteps, 2)), layer(cell), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "mse")
    x_test, y_test = data.adding_problem(1000, timesteps, seed=1_000_000)
    start = time.perf_counter()
    for block in range(LIMIT // 100):
        x, y = data.adding_problem(100 * BATCH, timesteps, seed=1000 * seed + block)
        model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
        error = float(np.mean((model.predict_on_batch(x_test)[:, 0] - y_test) ** 2))
        if error < SOLVED:
            break
    return {
        "cell": cell, "T": timesteps, "rate": rate, "seed": seed, "updates": 100 * (block + 1),
        "error": f"{error:.5f}", "seconds": f"{time.perf_counter() - start:.1f}",
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

    done = {(r["cell"], int(r["T"]), float(r["rate"]), int(r["seed"])) for r in read()}
    if not done:
        with RESULTS.open("w", encoding="utf-8") as file:
            file.write(
                "# command: cd book && python -m experiments.adding_problem\n"
                f"# python {platform.python_version()}, numpy {np.__version__}, "
                f"tensorflow {tensorflow.__version__}, keras {keras.__version__}\n"
                f"# machine: {platform.system()} {platform.machine()}, {os.cpu_count()} cores "
                "shared with other work, TensorFlow on one thread; seconds are wall-clock\n"
                + ",".join(COLUMNS)
                + "\n"
            )
    for timesteps in LENGTHS:
        for seed in SEEDS:
            for cell, rate in CELLS:
                if (cell, timesteps, rate, seed) in done:
                    continue
                row = train(cell, timesteps, rate, seed)
                with RESULTS.open("a", encoding="utf-8", newline="") as file:
                    csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
                print(row, flush=True)
                keras.backend.clear_session()


if __name__ == "__main__":
    sys.exit(main())
