"""Grades notebooks in a process of its own, for tests that need another user or other layers.

Reads a line of JSON per notebook from stdin, writes one back: {"cells": [source, ...], "limits": {...}}
gives {"outputs": [...], "flags": [...], "seconds": ..., "left": [...]}. Arguments: layers to leave out,
and `careless` for a warm interpreter that ends nothing of what a submission leaves.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from autograder.engine import kernel, zygote
from autograder.engine.limits import Limits
from autograder.engine.reap import descendants
from autograder.engine.rebuild import Blueprint, parse_notebook
from autograder.engine.run import grade_submission
from autograder.engine.zygote import Zygote

MARK = "a secret in the grader's environment"


def main() -> None:
    adopt_orphans()
    os.environ["AUTOGRADER_SECRET"] = MARK
    without = sys.argv[1].split(",") if sys.argv[1] else []
    if "careless" in sys.argv[2:]:
        zygote._MAIN = Path(__file__).with_name("careless_zygote.py")
    empty = Blueprint({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    with Zygote(("numpy",), without=without) as warm:
        print(json.dumps({"layers": sorted(warm.layers), "pid": os.getpid()}), flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            limits = Limits(**request.get("limits", {}))
            cells = [{"cell_type": "code", "source": s, "metadata": {}} for s in request["cells"]]
            raw = json.dumps({"cells": cells}).encode()
            submitted = parse_notebook(raw, "submission", limits)
            start = time.monotonic()
            graded = grade_submission(warm, empty, submitted, None, limits)
            print(
                json.dumps(
                    {
                        "outputs": [cell["outputs"] for cell in graded.notebook["cells"]],
                        "flags": graded.flags,
                        "seconds": time.monotonic() - start,
                        "left": left_behind(warm),
                    }
                ),
                flush=True,
            )


def adopt_orphans() -> None:
    """Whatever loses its parent below this process becomes its child: nothing gets out of sight."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)


def left_behind(warm: Zygote) -> dict[int, str]:
    """What runs below this process beside the warm interpreter: process ids and command lines.

    By descent and not by name: other tests, at work at the same moment, run the same attacks.
    """
    # Two processes: one waits for the other, which forks.
    own = [warm._process.pid]
    own += children(own[0])
    left = {}
    for pid in descendants(os.getpid()):
        if pid not in own:
            with contextlib.suppress(OSError):  # it has just ended
                left[pid] = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return left


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    main()
