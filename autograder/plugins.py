"""nbgrader's own `autograde` and formgrader's button, graded by the engine.

Two of nbgrader's configured lists name these preprocessors in place of its own (`use_engine`); nothing
is patched. Both read the submission themselves, from the same bytes as `autograder grade`, so that both
ways give the same result.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from autograder import submissions
from autograder.build import Course
from autograder.check import CheckError
from autograder.engine.rebuild import SubmissionError, parse_notebook, rebuild
from autograder.gradebook import GradebookWriter
from autograder.grader import Grader, Outcome, close_zygotes
from autograder.submissions import Submission

SANITIZE = ["autograder.plugins.RebuildNotebook", "nbgrader.preprocessors.CheckCellMetadata"]
AUTOGRADE = [
    "autograder.plugins.RunInSandbox",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
    "autograder.plugins.Remember",
]
IDLE_SECONDS = 600.0  # formgrader's server lives long; a warm interpreter need not


def use_engine(config: Config) -> None:
    """Name the engine's preprocessors in a course's configuration."""
    config.Autograde.sanitize_preprocessors = list(SANITIZE)
    config.Autograde.autograde_preprocessors = list(AUTOGRADE)


class _Engine(NbGraderPreprocessor):
    """What the preprocessors share: the assignment's grader and the submission."""

    def _open(self, resources: dict) -> tuple[Grader, Submission, str]:
        place = resources["nbgrader"]
        if "autograder" not in place:
            coursedir = CourseDirectory(config=self.config)
            grader, gradebook = _graders.get(self.config, coursedir, place["assignment"])
            submission = submissions.read_submission(
                _parent(coursedir, coursedir.submitted_directory), place["student"],
                place["assignment"], list(grader.blueprints), grader.limits.submission_bytes,
                submissions.ignored_by(coursedir.ignore),
            )  # fmt: skip
            place["autograder"] = grader, submission, gradebook
        return place["autograder"][0], place["autograder"][1], place["notebook"]


class RebuildNotebook(_Engine):
    """Sanitizes: the instructor's notebook with the student's answers in it."""

    def preprocess(
        self, nb: nbformat.NotebookNode, resources: dict
    ) -> tuple[nbformat.NotebookNode, dict]:
        grader, submission, name = self._open(resources)
        try:
            submitted = parse_notebook(
                submission.notebooks.get(name, b""), Path(f"{name}.ipynb"), grader.limits
            )
        except SubmissionError as error:
            self.log.error("%s", error)
            submitted = {"cells": []}
        rebuilt = rebuild(grader.blueprints[name], submitted)
        return nbformat.from_dict(rebuilt.notebook), resources


class RunInSandbox(_Engine):
    """Executes and judges: in the sandbox, by the oracle."""

    def preprocess(
        self, nb: nbformat.NotebookNode, resources: dict
    ) -> tuple[nbformat.NotebookNode, dict]:
        grader, submission, name = self._open(resources)
        with _graders.busy:
            outcome = Outcome(submission.student, flags=list(submission.problems))
            raw = submission.notebooks.get(name, b"")
            notebook = grader.grade_notebook(outcome, name, raw, submission)
        for text in outcome.flags:
            self.log.warning("%s: %s", submission.student, text)
        resources["nbgrader"]["outcome"] = outcome
        return notebook, resources


class Remember(_Engine):
    """Tells `autograder grade` what was graded here, and formgrader what a person must look at."""

    def preprocess(
        self, nb: nbformat.NotebookNode, resources: dict
    ) -> tuple[nbformat.NotebookNode, dict]:
        grader, submission, name = self._open(resources)
        place = resources["nbgrader"]
        outcome: Outcome = place.pop("outcome")
        gradebook: GradebookWriter = place.pop("autograder")[2]
        if len(grader.blueprints) == 1:
            extension = gradebook.extensions().get(submission.student)
            notebook = {f"{name}.ipynb": (nbformat.writes(nb) + "\n").encode()}
            files = submissions.merge(submission.files, grader.files) | notebook
            gradebook.remember(
                submission.student,
                grader.digest_of(submission, gradebook.duedate, extension),
                submissions.files_digest(files),
                outcome.flags,
                outcome.results[name].look,
            )
        return nb, resources


class _Graders:
    """Graders of this process, one an assignment, made anew when the course changes."""

    def __init__(self) -> None:
        self.busy = threading.RLock()
        self.held: dict[str, tuple[Any, Grader, GradebookWriter]] = {}
        self.timer: threading.Timer | None = None

    def get(
        self, config: Config, coursedir: CourseDirectory, assignment: str
    ) -> tuple[Grader, GradebookWriter]:
        """The assignment's grader, and its gradebook.

        Raises:
            CheckError: the assignment is not in the gradebook, or not built.
        """
        course = Course(Path(coursedir.root))
        with self.busy:
            self._rest_later()
            key = coursedir.root, coursedir.db_url, _state(course, coursedir, assignment)
            held = self.held.get(assignment)
            if held is not None and held[0] == key:
                held[2].load()
                return held[1], held[2]
            gradebook = GradebookWriter(coursedir.db_url, coursedir.course_id, assignment)
            if not gradebook.load():
                raise CheckError(
                    f"the gradebook has no assignment {assignment}: run `nbgrader "
                    f"generate_assignment {assignment}`."
                )
            grader = Grader.prepare(course, config, assignment, gradebook.notebooks)
            self.held[assignment] = key, grader, gradebook
            return grader, gradebook

    def _rest_later(self) -> None:
        """End warm interpreters that nobody has used for a while."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = threading.Timer(IDLE_SECONDS, self._rest)
        self.timer.daemon = True
        self.timer.start()

    def _rest(self) -> None:
        with self.busy:
            close_zygotes()


_graders = _Graders()


def _state(course: Course, coursedir: CourseDirectory, assignment: str) -> tuple:
    """What tells whether an assignment's files are the same as before."""
    folder = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files += [path for path in [course.hidden / f"{assignment}.npz"] if path.is_file()]
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def _parent(coursedir: CourseDirectory, step: str) -> Path:
    return Path(coursedir.format_path(step, "student", "assignment")).parent.parent
