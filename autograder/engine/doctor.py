"""`autograder doctor`: what isolation this machine gives, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.engine import sandbox
from autograder.engine.limits import Limits
from autograder.engine.sandbox import SandboxError

MEANING = {
    "userns": "Students' code sees only the files it may read, has no network and no other process "
    "in sight, and nothing that it starts outlives it.",
    "uid": "Started as root, the grader runs students' code as a user that owns nothing.",
    "landlock": "The kernel refuses every file but Python, the allowed libraries and an empty "
    "working folder.",
    "seccomp": "The kernel refuses sockets, looking into other processes, and calls that have often "
    "had security holes.",
    "no_new_privs": "Programs like sudo give students' code no rights.",
    "limits": "CPU time, memory, processes and files of one submission are bounded.",
}
WITHOUT = {
    "userns": "Then files and network rest on Landlock and seccomp alone, what a submission starts "
    "is killed by the grader instead of the kernel, disk use is bounded by looking, and what the "
    "kernel keeps for sockets by their number alone. What is left: students' code can ask whether a file exists whose path it guesses, how large and how old "
    "it is; it cannot read it.",
    "uid": "Then students' code would keep root's user id.",
    "landlock": "Then every file that the grader's user can read could be read.",
    "seccomp": "Then students' code could use the network and attack the kernel.",
    "no_new_privs": "Then set-uid programs could give rights.",
    "limits": "Then one submission could take the whole machine.",
}


def report(allows: Sequence[str] = ("numpy",), *, start: bool = True) -> tuple[list[str], bool]:
    """Lines for a person, and whether grading would start.

    Args:
        allows: libraries to try the sandbox with.
        start: also start a sandbox and grade a cell in it.
    """
    found = sandbox.detect()
    who = "root" if os.geteuid() == 0 else f"user {os.getuid()}"
    lines = [f"Linux {platform.release()}, {platform.machine()}, Python {platform.python_version()}, "
             f"as {who}", ""]  # fmt: skip
    for layer in found:
        lines.append(f"{'yes' if layer.there else 'NO ':4} {layer.name:13} {layer.detail}")
        lines.append(f"{'':19}{MEANING[layer.name]}")
        if not layer.there:
            lines.append(f"{'':19}{WITHOUT[layer.name]}")
            lines.append(f"{'':19}What to do: {layer.remedy}.")
    groups = delegated_cgroup()
    lines += ["", f"Control groups: {groups or 'not delegated to this user'}; memory of all processes "
              "of a submission together is bounded by the grader, which looks 5 times a second."]  # fmt: skip
    fine = all(layer.there for layer in found)
    if start:
        fine = _try(lines, allows) and fine
    if fine:
        lines += ["", "All layers are there: `autograder grade` isolates every submission."]
    else:
        lines += ["", "Grading stops on this machine until this is mended. `--allow-weaker` goes on "
                  "with the layers that are there."]  # fmt: skip
    return lines, fine


def _try(lines: list[str], allows: Sequence[str]) -> bool:
    """Start a sandbox and run one cell."""
    from autograder.engine.rebuild import AssignmentError, Blueprint, SubmissionError
    from autograder.engine.run import grade_submission
    from autograder.engine.zygote import Zygote, ZygoteError

    empty = Blueprint({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    cell = {"cell_type": "code", "source": "print(6 * 7)", "id": None, "grade_id": None}
    try:
        with Zygote(allows) as zygote:
            graded = grade_submission(zygote, empty, {"cells": [cell]}, None, Limits())
        worked = "42" in str(graded.notebook["cells"][0]["outputs"])
        lines += ["", f"A cell in a sandbox: {'runs' if worked else 'gives no output'}."]
        return worked
    except (SandboxError, ZygoteError, AssignmentError, SubmissionError) as error:
        lines += ["", f"A cell in a sandbox: {error}"]
        return False


def delegated_cgroup() -> str | None:
    """This process's control group (version 2) when it may make groups below it, else None."""
    try:
        line = next(
            line for line in Path("/proc/self/cgroup").read_text().splitlines()
            if line.startswith("0::")
        )  # fmt: skip
    except (OSError, StopIteration):
        return None
    folder = Path("/sys/fs/cgroup") / line[4:].lstrip("/")
    try:
        controllers = (folder / "cgroup.controllers").read_text().split()
    except OSError:
        return None
    usable = {"memory", "pids"} <= set(controllers) and os.access(folder, os.W_OK)
    return f"{folder} may be used" if usable else None


def main() -> int:
    """Print the report. Returns an exit status: 0 when grading would start."""
    lines, fine = report()
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if fine else 1
