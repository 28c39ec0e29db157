"""Graders under attack: root or an ordinary user, with user namespaces or without."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import nbformat
import pytest
from nbgrader.utils import determine_grade

from tests.attacks.tiny import hand_in
from tests.engine.conftest import KINDS, ROOT, command_for


def a_line(submission: dict | str, **options: float) -> str:
    """A line for the grader: a notebook, or the text of a file that claims to be one."""
    raw = submission if isinstance(submission, str) else json.dumps(submission)
    return json.dumps({"raw": raw, **options}) + "\n"


def as_nbgrader_sees_it(result: dict) -> None:
    """The notebook is a valid one, and nbgrader reads the same points from it."""
    whole = nbformat.from_dict(result["notebook"])
    nbformat.validate(whole)
    for cell in whole.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in result["points"]:
            expected = result["points"][grade_id], result["of"][grade_id]
            assert determine_grade(cell) == expected


class Attacked:
    """A grader in another process, and what it makes of a submission."""

    def __init__(self, kind: str):
        self.kind = kind
        without = "userns" if kind.endswith("without-userns") else ""
        command = [sys.executable, "-m", "tests.attacks.tiny", without]
        self.process = subprocess.Popen(
            command_for(kind, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=ROOT, env={**os.environ, "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.hello = self._read()

    def _read(self) -> dict:
        line = self.process.stdout.readline()
        assert line, "the grader ended"
        return json.loads(line)

    def grade(self, submission: dict | str, seed: int = 1, **limits: float) -> dict:
        """Grade a notebook, or the text of a file that claims to be one."""
        self.process.stdin.write(a_line(submission, seed=seed, **limits))
        self.process.stdin.flush()
        result = self._read()
        if "refused" not in result:
            as_nbgrader_sees_it(result)
        return result

    def attack(self, source: str, *after: str, between: tuple = (), **options: float) -> dict:
        return self.grade(hand_in(source, between, after), **options)

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()


@pytest.fixture(scope="session", params=KINDS)
def grader(request):
    grader = Attacked(request.param)
    yield grader
    grader.close()


@pytest.fixture(scope="session")
def root_grader():
    """For attacks on what does not depend on layers."""
    grader = Attacked("root" if os.geteuid() == 0 else "user")
    yield grader
    grader.close()
