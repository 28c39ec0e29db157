"""Names and their languages, read by more layers, by wider ones, and in both directions.

    cd book && python -m experiments.names_layers

Each network (``course.deep.Network``: SimpleRNN layers, Adam, 8 epochs) learns on four fifths of
the CLDR names and is measured on the rest. A row of ``names_layers.csv`` is one training, and rows
that the file has are not run again. About six minutes of CPU time in all.

units     the layers from bottom to top, ``64+64``
reversed  accuracy on the same held-out names, written from right to left
seconds   CPU seconds of one epoch
"""

from __future__ import annotations

import csv
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from course import data
from course.deep import Network

RESULTS = Path(__file__).with_suffix(".csv")
COLUMNS = (
    "units",
    "direction",
    "rate",
    "seed",
    "parameters",
    "train",
    "test",
    "reversed",
    "seconds",
)
SEEDS, EPOCHS, LENGTH = range(5), 8, 24
SETTINGS = [
    *(((64,) * depth, "forward", rate) for rate in (0.005, 0.002) for depth in (1, 2, 3, 4)),
    ((96,), "forward", 0.005),
    ((64,), "backward", 0.005),
    ((32,), "both", 0.005),
    ((64,), "both", 0.005),
]


def turned(tokens: np.ndarray) -> np.ndarray:
    """Every name from its last letter to its first; padding stays on the right."""
    result = np.zeros_like(tokens)
    for row, name in zip(result, tokens, strict=True):
        length = int((name != data.PAD).sum())
        row[:length] = name[:length][::-1]
    return result


def train(units: tuple[int, ...], direction: str, rate: float, seed: int) -> dict[str, Any]:
    """One row of the results."""
    training, test = data.split(data.names(), seed=seed)
    alphabet = data.Alphabet(training.names)
    x, x_test = (alphabet.encode(part.names, LENGTH) for part in (training, test))
    network = Network(len(alphabet), 12, units=units, direction=direction, seed=seed)
    start = time.process_time()
    network.fit(x, training.labels, epochs=EPOCHS, rate=rate)
    seconds = (time.process_time() - start) / EPOCHS
    return {
        "units": "+".join(map(str, units)),
        "direction": direction,
        "rate": rate,
        "seed": seed,
        "parameters": network.count_params(),
        "train": round(network.evaluate(x, training.labels)[1], 4),
        "test": round(network.evaluate(x_test, test.labels)[1], 4),
        "reversed": round(network.evaluate(turned(x_test), test.labels)[1], 4),
        "seconds": round(seconds, 3),
    }


def results() -> list[dict[str, str]]:
    """The recorded rows."""
    with RESULTS.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def main() -> None:
    if not RESULTS.exists():
        with RESULTS.open("w", encoding="utf-8", newline="") as file:
            file.write(
                f"# python -m experiments.names_layers; Python {platform.python_version()}, "
            )
            file.write(f"NumPy {np.__version__}, one thread of {platform.machine()}\n")
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writeheader()
    have = {tuple(row[c] for c in COLUMNS[:4]) for row in results()}
    for seed in SEEDS:
        for units, direction, rate in SETTINGS:
            if ("+".join(map(str, units)), direction, str(rate), str(seed)) not in have:
                row = train(units, direction, rate, seed)
                with RESULTS.open("a", encoding="utf-8", newline="") as file:
                    csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)


if __name__ == "__main__":
    main()
