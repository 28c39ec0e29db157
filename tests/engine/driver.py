"""Grades notebooks in a process of its own, for tests that need another user or other layers.

Reads a line of JSON per notebook from stdin, writes one back: {"cells": [source, ...], "limits": {...}}
gives {"outputs": [...], "flags": [...], "seconds": ..., "layers": [...]}.
"""

from __future__ import annotations

import json
import os
import sys
import time

from autograder.engine.limits import Limits
from autograder.engine.rebuild import Blueprint, parse_notebook
from autograder.engine.run import grade_submission
from autograder.engine.zygote import Zygote

MARK = "a secret in the grader's environment"


def main() -> None:
    os.environ["AUTOGRADER_SECRET"] = MARK
    without = sys.argv[1].split(",") if sys.argv[1] else []
    empty = Blueprint({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    with Zygote(("numpy",), without=without) as zygote:
        print(json.dumps({"layers": sorted(zygote.layers), "pid": os.getpid()}), flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            limits = Limits(**request.get("limits", {}))
            cells = [{"cell_type": "code", "source": s, "metadata": {}} for s in request["cells"]]
            raw = json.dumps({"cells": cells}).encode()
            submitted = parse_notebook(raw, "submission", limits)
            start = time.monotonic()
            graded = grade_submission(zygote, empty, submitted, None, limits)
            print(
                json.dumps(
                    {
                        "outputs": [cell["outputs"] for cell in graded.notebook["cells"]],
                        "flags": graded.flags,
                        "seconds": time.monotonic() - start,
                        "left": left_behind(),
                    }
                ),
                flush=True,
            )


def left_behind() -> list[str]:
    """Command lines of processes that carry the tests' mark."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                with open(f"/proc/{entry.name}/cmdline", "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if b"OUTLIVES" in words:
                found.append(words.decode())
    return found


if __name__ == "__main__":
    main()
