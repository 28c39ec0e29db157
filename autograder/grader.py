"""An assignment, ready to grade submissions: the instructor's notebooks, checks, files and limits.

A `Grader` is made once, from the course's configuration and the gradebook; it travels to workers as
it is. Each process that grades keeps warm interpreters for it (`warm_zygote`).
"""

from __future__ import annotations

import atexit
import fnmatch
import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config
from traitlets.utils.importstring import import_item

import autograder.engine
from autograder import check, submissions
from autograder.build import Course
from autograder.check import CheckError, CheckSet
from autograder.engine.limits import Limits
from autograder.engine.rebuild import (
    AssignmentError,
    Blueprint,
    SubmissionError,
    parse_notebook,
    rebuild,
)
from autograder.engine.run import GradedSubmission, grade_submission
from autograder.engine.zygote import Zygote, ZygoteError
from autograder.gradebook import NotebookCells, NotebookResult
from autograder.secret import load_secret
from autograder.source import grade_name
from autograder.submissions import Submission

# What of nbgrader's own steps the engine and the gradebook writer do themselves.
_REPLACED = frozenset(
    {
        "Execute",
        "SaveAutoGrades",
        "AssignLatePenalties",
        "CheckCellMetadata",
        "RunInSandbox",
        "Remember",
    }  # fmt: skip
)


class ZygoteDied(ZygoteError):
    """The warm interpreter ended while a submission ran, twice: it may lie with the submission."""


@dataclass
class Outcome:
    """What grading one submission gave.

    `notebooks` are files as nbgrader's feedback and formgrader read them. `flags` say why a person
    should look; `notes` are for the report. `lacking` names isolation layers that were not there.
    `infrastructure`: it failed for no fault of the submission and is to be graded again.
    """

    student: str
    results: dict[str, NotebookResult] = field(default_factory=dict)
    notebooks: dict[str, bytes] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    lacking: set[str] = field(default_factory=set)
    infrastructure: bool = False


@dataclass
class Grader:
    """Everything that grading one assignment's submissions needs.

    `blueprints` by notebook; `files` lie beside the notebooks; `after` are the course's own nbgrader
    preprocessors for graded notebooks.
    """

    assignment: str
    blueprints: dict[str, Blueprint]
    checks: CheckSet | None
    files: dict[str, bytes]
    allows: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    after: list[Any] = field(default_factory=list)
    config: Config = field(default_factory=Config)
    allow_weaker: bool = False
    digest: str = ""  # of all this and of the engine

    @classmethod
    def prepare(
        cls,
        course: Course,
        config: Config,
        assignment: str,
        notebooks: Mapping[str, NotebookCells],
        allow_weaker: bool = False,
    ) -> Grader:
        """Read what the course has for an assignment.

        Args:
            config: the course's nbgrader configuration.
            notebooks: the assignment as the gradebook knows it.

        Raises:
            CheckError: something is missing or does not fit; says what to do.
        """
        from nbgrader.converters import Autograde
        from nbgrader.coursedir import CourseDirectory

        coursedir = CourseDirectory(config=config)
        folder = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
        digest = hashlib.sha256(engine_digest().encode())
        blueprints, has_checks = {}, False
        for name, cells in sorted(notebooks.items()):
            raw = read_bytes(folder / f"{name}.ipynb", assignment)
            digest.update(f"{name}\0".encode() + raw)
            source = json.loads(raw)
            release = released(source, cells)
            digest.update(json.dumps(release, sort_keys=True).encode())
            try:
                blueprints[name] = Blueprint(source, release, f"{folder / name}.ipynb")
            except AssignmentError as error:
                raise CheckError(str(error)) from error
            texts = ("".join(c["source"]) for c in source["cells"] if c["cell_type"] == "code")
            has_checks |= any(map(grade_name, texts))
        checks = _hidden(course, assignment, digest) if has_checks else None
        autograde = Autograde(coursedir=coursedir, config=config)
        files = _beside(folder, coursedir.ignore, autograde.exclude_overwriting.get(assignment, []))
        digest.update(submissions.files_digest(files).encode())
        limits = limits_of(config, assignment)
        digest.update(repr(limits).encode())
        settings = config.get("Autograder", {})
        allows = checks.allows if checks else settings.get("allows", {}).get(assignment, ("numpy",))
        return cls(
            assignment, blueprints, checks, files, tuple(allows), limits,
            [p for p in autograde.autograde_preprocessors if _short_name(p) not in _REPLACED],
            config, allow_weaker, digest.hexdigest(),
        )  # fmt: skip

    # ----------------------------------------------------------------- grading

    def grade(self, submission: Submission) -> Outcome:
        """Grade all notebooks of a submission in this thread's warm interpreter.

        Raises:
            AssignmentError, SandboxError: grading cannot go on for anybody.
            ZygoteError: the interpreter cannot be brought back.
        """
        start = time.perf_counter()
        outcome = Outcome(submission.student, flags=list(submission.problems))
        for name in self.blueprints:
            raw = submission.notebooks.get(name)
            if raw is None:
                outcome.results[name] = NotebookResult(missing=True)
                outcome.flags.append(_missing(name, submission))
            else:
                notebook = self.grade_notebook(outcome, name, raw, submission)
                notebook = self._finished(notebook, name, submission.student)
                if not outcome.results[name].look:
                    outcome.results[name] = results_of(notebook)
                outcome.notebooks[f"{name}.ipynb"] = notebook_bytes(notebook)
        outcome.seconds = time.perf_counter() - start
        return outcome

    def digest_of(self, submission: Submission, duedate: Any, extension: Any) -> str:
        """Digest of everything that a submission's result depends on."""
        text = f"{submission.digest()}{self.digest}{duedate}{extension}"
        return hashlib.sha256(text.encode()).hexdigest()

    def grade_notebook(
        self, outcome: Outcome, name: str, raw: bytes, submission: Submission
    ) -> nbformat.NotebookNode:
        """Grade one notebook of a submission; its result, flags and notes go into `outcome`.

        Returns:
            the notebook with its outputs, before the course's own preprocessors.
        """
        try:
            submitted = parse_notebook(raw, Path(f"{name}.ipynb"), self.limits)
        except SubmissionError as error:
            outcome.flags.append(str(error))
            return self.refuse(outcome, name, str(error))
        files = submissions.merge(submission.files, self.files)
        graded = self._in_sandbox(outcome, name, submitted, files)
        outcome.flags += graded.flags
        outcome.notes += graded.notes
        outcome.memory = max(outcome.memory, graded.memory)
        outcome.results[name] = NotebookResult()
        return nbformat.from_dict(graded.notebook)

    def _in_sandbox(
        self, outcome: Outcome, name: str, submitted: dict, files: Mapping[str, bytes]
    ) -> GradedSubmission:
        """Grade in this thread's warm interpreter; once more, in a new one, if that was killed.

        Raises:
            ZygoteDied: both were.
        """
        for _ in range(2):
            zygote = warm_zygote(self.allows, self.files.get("check.py"), self.allow_weaker)
            outcome.lacking |= set(zygote.lacking)
            process = zygote._process
            graded = grade_submission(
                zygote, self.blueprints[name], submitted, self.checks, self.limits, files
            )
            # What the submission seemed to do when its interpreter was killed is not its doing.
            if zygote._process is process and zygote.alive:
                return graded
        raise ZygoteDied("its warm interpreter was killed twice while it ran")

    def refuse(self, outcome: Outcome, name: str, reason: str) -> nbformat.NotebookNode:
        """A notebook that cannot be graded: no points, for a person to look at, and it says why."""
        rebuilt = rebuild(self.blueprints[name], {"cells": []})
        for cell, plan in zip(rebuilt.notebook["cells"], rebuilt.plans):
            if cell["cell_type"] == "code" and plan.grade_id:
                cell["outputs"] = [
                    {"output_type": "error", "ename": "NotGraded", "evalue": reason,
                     "traceback": [f"NotGraded: {reason}"]}
                ]  # fmt: skip
        notebook = nbformat.from_dict(rebuilt.notebook)
        scores: dict[str, float | None] = dict.fromkeys(results_of(notebook).scores, 0.0)
        outcome.results[name] = NotebookResult(scores, look=True)
        outcome.notebooks[f"{name}.ipynb"] = notebook_bytes(notebook)
        return notebook

    def _finished(self, notebook: dict, name: str, student: str) -> nbformat.NotebookNode:
        """The graded notebook after the course's own nbgrader preprocessors."""
        node = nbformat.from_dict(notebook)
        resources = {
            "nbgrader": {"student": student, "assignment": self.assignment, "notebook": name}
        }
        for preprocessor in self._preprocessors:
            node, resources = preprocessor(node, resources)
        return node

    @cached_property
    def _preprocessors(self) -> list[Any]:
        made = []
        for entry in self.after:
            kind = import_item(entry) if isinstance(entry, str) else entry
            made.append(kind(config=self.config) if isinstance(kind, type) else kind)
        return [p for p in made if getattr(p, "enabled", True)]

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key != "_preprocessors"}


def results_of(notebook: nbformat.NotebookNode) -> NotebookResult:
    """Scores and unanswered cells of a graded notebook, by nbgrader's own rules."""
    from nbgrader import utils

    scores: dict[str, float | None] = {}
    unanswered = set()
    for cell in notebook.cells:
        entry = cell.metadata.get("nbgrader", {})
        if "grade_id" not in entry:
            continue
        if utils.is_grade(cell):
            scores[entry["grade_id"]] = utils.determine_grade(cell)[0]
        solution = utils.is_solution(cell) and not utils.is_task(cell)
        if solution and entry.get("checksum") == utils.compute_checksum(cell):
            unanswered.add(entry["grade_id"])
    return NotebookResult(scores, frozenset(unanswered))


def notebook_bytes(notebook: nbformat.NotebookNode) -> bytes:
    """The notebook file, as nbformat writes it."""
    return (nbformat.v4.writes(notebook) + "\n").encode("utf-8", "replace")


def released(source: Mapping, cells: NotebookCells) -> dict:
    """The students' version of a notebook as the gradebook has it: stubs, checksums, kernel."""
    metadata = dict(source.get("metadata", {}))
    if cells.kernelspec:
        metadata["kernelspec"] = cells.kernelspec
    copies = []
    for cell in source["cells"]:
        own = cell.get("metadata", {}).get("nbgrader", {})
        known = cells.sources.get(own.get("grade_id", ""))
        if known is None:
            continue
        nbgrader = {**own, "checksum": known["checksum"], "locked": known["locked"]}
        if own["grade_id"] in cells.max_scores and "points" in own:
            nbgrader["points"] = cells.max_scores[own["grade_id"]]
        copies.append(
            {
                "cell_type": known["cell_type"],
                "metadata": {**cell["metadata"], "nbgrader": nbgrader},
                "source": known["source"],
            }
        )
    return {"metadata": metadata, "cells": copies}


def limits_of(config: Config, assignment: str) -> Limits:
    """The limits that the course sets for an assignment.

    `c.Autograder.limits = {"cell_seconds": 60}` goes for all; a dictionary of the same kind under an
    assignment's name in `c.Autograder.assignment_limits` goes for that one, and wins.

    Raises:
        CheckError: there is no such limit, or it is no positive number.
    """
    try:
        settings = config.get("Autograder", {})
        own = settings.get("assignment_limits", {}).get(assignment, {})
        return Limits(**{**settings.get("limits", {}), **own})
    except (TypeError, ValueError) as error:
        raise CheckError(f"nbgrader_config.py, c.Autograder.limits: {error}.") from error


def engine_digest() -> str:
    """Digest of the code that decides on scores: the engine, the oracle and this file."""
    digest = hashlib.sha256()
    engine = Path(autograder.engine.__file__).parent
    own = [Path(__file__), Path(check.__file__), Path(submissions.__file__)]
    for path in [*sorted(engine.glob("*.py")), *own]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def read_bytes(path: Path, assignment: str) -> bytes:
    """The bytes of one of the course's own files.

    Raises:
        CheckError: it is missing.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckError(
            f"{path} cannot be read ({error.strerror}): run `autograder build {assignment}`."
        ) from None


def _hidden(course: Course, assignment: str, digest: Any) -> CheckSet:
    folder = Path(os.environ.get("AUTOGRADER_HIDDEN", course.hidden))
    checks = CheckSet.load(folder / f"{assignment}.npz", load_secret(course.root))
    digest.update(checks.digest.encode())
    return checks


def _beside(folder: Path, ignore: list[str], excluded: list[str]) -> dict[str, bytes]:
    """The instructor's files beside the notebooks, by relative name."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not path.is_file() or path.suffix == ".ipynb" or str(name) in excluded:
            continue
        if not any(fnmatch.fnmatch(part, glob) for part in name.parts for glob in ignore):
            files[str(name)] = path.read_bytes()
    return files


def _short_name(preprocessor: Any) -> str:
    name = preprocessor if isinstance(preprocessor, str) else preprocessor.__name__
    return name.rpartition(".")[2]


def _missing(name: str, submission: Submission) -> str:
    others = [u for u in submission.unknown if "/" not in u]
    hint = f"; there is {', '.join(map(repr, others[:3]))}: rename it" if others else ""
    return f"no notebook {name}.ipynb was handed in{hint}"


# --------------------------------------------------------------------------- warm interpreters

_local = threading.local()
_all: dict[int, Zygote] = {}
_guard = threading.Lock()


def warm_zygote(allows: tuple[str, ...], check_file: bytes | None, allow_weaker: bool) -> Zygote:
    """This thread's warm interpreter for these libraries, started on first use."""
    key = (allows, check_file, allow_weaker)
    held: Zygote | None = getattr(_local, "zygote", None)
    if held is not None and _local.key == key and id(held) in _all and held.alive:
        return held
    if held is not None:
        _forget(held)
    modules = {} if check_file is None else {"check.py": check_file.decode("utf-8", "replace")}
    zygote = Zygote(allows, modules=modules, allow_weaker=allow_weaker)
    _local.zygote, _local.key = zygote, key
    with _guard:
        _all[id(zygote)] = zygote
    return zygote


def _forget(zygote: Zygote) -> None:
    with _guard:
        _all.pop(id(zygote), None)
    zygote.close()


def close_zygotes() -> None:
    """End every warm interpreter of this process."""
    for zygote in list(_all.values()):
        _forget(zygote)


atexit.register(close_zygotes)
