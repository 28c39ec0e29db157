"""A CSV that an experiment adds a row to after each of its runs, so that it can be interrupted."""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


class Record:
    """``experiments/<name>.csv``: lines that say how it came about, then a row for each run.

    key  the columns that tell runs apart; a run that the file has is not done again
    """

    def __init__(self, name: str, columns: Sequence[str], key: Sequence[str]) -> None:
        self.path = Path(__file__).with_name(f"{name}.csv")
        self.columns, self.key = tuple(columns), tuple(key)
        if not self.path.exists():
            self._begin(name)

    def _begin(self, name: str) -> None:
        import keras
        import tensorflow

        lines = (
            f"command: cd book && python -m experiments.{name}",
            f"python {platform.python_version()}, numpy {np.__version__}, "
            f"tensorflow {tensorflow.__version__}, keras {keras.__version__}",
            f"machine: {platform.system()} {platform.machine()}, {os.cpu_count()} cores shared "
            "with other work, one thread",
        )
        with self.path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"# {line}\n" for line in lines)
            csv.DictWriter(file, self.columns, lineterminator="\n").writeheader()

    def rows(self) -> list[dict[str, str]]:
        """All rows so far, values as text."""
        with self.path.open(encoding="utf-8") as file:
            return list(csv.DictReader(line for line in file if not line.startswith("#")))

    def has(self, **run: Any) -> bool:
        """Whether there is a row with these values in the columns of ``key``."""
        return any(all(row[c] == str(run[c]) for c in self.key) for row in self.rows())

    def add(self, row: dict[str, Any]) -> None:
        """One more row, on the disk when this returns."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(row)
