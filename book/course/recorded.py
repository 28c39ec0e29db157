"""Results of the experiments that are too slow for a build, as ``experiments/*.csv`` has them."""

from __future__ import annotations

import csv
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "experiments"


def rows(name: str) -> list[dict[str, str]]:
    """All rows of ``experiments/<name>.csv``, values as text.

    Lines that begin with ``#`` say how the file came about: command, versions, machine. The
    script ``experiments/<name>.py`` makes the file.
    """
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


class AddingProblem:
    """The recorded runs of the adding problem, see ``experiments/adding_problem.py``."""

    LIMIT = 2000  # updates after which a run gave up
    SOLVED = 0.01  # mean squared error on new sequences

    def __init__(self) -> None:
        self.rows = rows("adding_problem")
        self.lengths = sorted({int(row["T"]) for row in self.rows})
        self.seeds = len({row["seed"] for row in self.rows})

    def runs(self, cell: str, timesteps: int) -> list[dict[str, str]]:
        """All runs of a cell at this length."""
        return [r for r in self.rows if r["cell"] == cell and int(r["T"]) == timesteps]

    def best(self, cell: str, timesteps: int) -> list[dict[str, str]]:
        """The runs with the better learning rate: more of them solved, then a smaller error."""
        found = self.runs(cell, timesteps)
        by_rate = [
            [r for r in found if r["rate"] == rate] for rate in sorted({r["rate"] for r in found})
        ]
        return max(
            by_rate,
            key=lambda runs: (
                sum(map(self.solved, runs)),
                -sum(float(r["error"]) for r in runs) / len(runs),
            ),
        )

    def solved(self, run: dict[str, str]) -> bool:
        return float(run["error"]) < self.SOLVED

    def updates(self, cell: str, timesteps: int) -> list[int]:
        """Updates of each of the best runs; ``LIMIT`` where the problem was not solved."""
        return [
            int(r["updates"]) if self.solved(r) else self.LIMIT for r in self.best(cell, timesteps)
        ]

    def told(self, cell: str, timesteps: int) -> str:
        """In words: how many runs solved it, and after how many updates."""
        runs = self.best(cell, timesteps)
        done = [int(r["updates"]) for r in runs if self.solved(r)]
        if not done:
            return f"none (error {sum(float(r['error']) for r in runs) / len(runs):.2f})"
        return f"{len(done)} of {len(runs)}, {sum(done) / len(done):,.0f} updates"
