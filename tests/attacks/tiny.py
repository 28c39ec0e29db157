"""The assignment under attack: two functions that double their argument, and their hidden cases.

Run as a script it is a grader in a process of its own, so that it can be another user or have fewer
layers. A line of JSON on stdin is a submission, a line on stdout what became of it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograder import check
from autograder.engine.limits import Limits
from autograder.engine.rebuild import SubmissionError, parse_notebook
from autograder.engine.run import grade_submission
from autograder.engine.zygote import Zygote
from tests.engine.driver import adopt_orphans, left_behind
from tests.engine.making import blueprint, code, notebook, solution, test_cell, text

HONEST = "import numpy as np\ndef double(x):\n    return 2 * x"
OTHER = "def twice(x):\n    return x + x"
TEST = (
    "check({0})\n### BEGIN HIDDEN TESTS\nfrom check import grade\ngrade({0})\n### END HIDDEN TESTS"
)
LIMITS = {"cell_seconds": 5, "call_seconds": 2, "check_seconds": 5, "submission_seconds": 30,
          "memory": 512 << 20}  # fmt: skip
SECRET = "the-secret-of-this-course"


def instructor() -> list[dict]:
    return [
        text("# Doubling"), solution("raise NotImplementedError()", "double"),
        test_cell(TEST.format("double"), "test-double"),
        solution("raise NotImplementedError()", "twice"),
        test_cell(TEST.format("twice"), "test-twice"),
        text("Why?", "why", grade=True, solution=True, points=1),
    ]  # fmt: skip


def hidden(seed: int) -> check.CheckSet:
    """Hidden cases; another seed gives other numbers in the same shapes."""
    random, arrays, entries = np.random.default_rng(seed), [], []
    for k in range(3):
        x = random.standard_normal((2, 3))
        arrays += [x, 2 * x]
        entries.append(
            {"id": f"case{k}", "slot": f"case{k}", "group": "all", "kwargs": {},
             "args": {"l": [{"a": 2 * k}]}, "expects": {"a": 2 * k + 1}, "tolerance": 1e-6,
             "mistakes": {}, "score": None}
        )  # fmt: skip
    manifest: dict[str, Any] = {
        "format": 1, "assignment": "tiny", "kind": "hidden", "allows": ["numpy"], "drivers": None,
        "draw_key": "00" * 32, "secret_id": "", "digest": "of no file",
        "checks": {name: {
            "points": 2.0, "parameters": ["x"], "returns": ["y (A, B)"], "misconceptions": [],
            "groups": [{"id": "all", "title": "all cases", "points": 2.0}],
            "cases": entries, "calls": 2, "driver": None,
        } for name in ("double", "twice")},
    }  # fmt: skip
    return check.CheckSet(manifest, arrays, Path("tiny.npz"))


def hand_in(source: str, between: Sequence[str] = (), after: Sequence[str] = ()) -> dict:
    """A student's notebook with `source` as the answer, and cells of their own."""
    cells = instructor()
    cells[1] = solution(source, "double")
    cells[3] = solution(OTHER, "twice")
    cells[2:2] = map(code, between)
    return notebook(*cells, *map(code, after))


class Grader:
    """Grades submissions to the assignment in this process."""

    def __init__(self, without: Sequence[str] = ()):
        self.sets = {seed: hidden(seed) for seed in (1, 2)}
        self.zygote = Zygote(("numpy",), without=without)

    def grade(self, raw: bytes, seed: int = 1, **limits: float) -> dict:
        bounds = Limits(**{**LIMITS, **limits})
        start = time.monotonic()
        try:
            submitted = parse_notebook(raw, Path("tiny.ipynb"), bounds)
        except SubmissionError as error:
            return {"refused": str(error)}
        blue = blueprint(*instructor())
        graded = grade_submission(self.zygote, blue, submitted, self.sets[seed], bounds)
        seconds = time.monotonic() - start
        return {
            "points": {name: score.points for name, score in graded.scores.items()},
            "of": {name: score.max_points for name, score in graded.scores.items()},
            "flags": graded.flags, "notes": graded.notes, "notebook": graded.notebook,
            "seconds": seconds, "left": left_behind(self.zygote),
        }  # fmt: skip


def main() -> None:
    adopt_orphans()
    os.environ["AUTOGRADER_SECRET"] = SECRET
    grader = Grader([name for name in sys.argv[1].split(",") if name])
    zygote = grader.zygote._process.pid
    hello = {"pid": os.getpid(), "zygote": zygote, "layers": sorted(grader.zygote.layers)}
    print(json.dumps(hello), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        raw = request.pop("raw").encode("utf-8", "surrogatepass")
        print(json.dumps(grader.grade(raw, **request)), flush=True)
    grader.zygote.close()


if __name__ == "__main__":
    main()
