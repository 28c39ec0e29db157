"""Grades a whole class: in parallel, resumable, into nbgrader's gradebook.

    submitted/  ─ read ─>  workers, each with a warm interpreter  ─ outcome ─>  one writer: this process
                                                                               files by rename, then one
                                                                               transaction a submission

A submission is done when the gradebook holds its result for the digest of everything that the result
depends on. Whatever moment a run is killed at, running it again grades the rest and nothing twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from traitlets.config import Config

from autograder import submissions
from autograder.build import Course, generate
from autograder.check import CheckError
from autograder.engine.rebuild import AssignmentError
from autograder.engine.sandbox import SandboxError
from autograder.engine.zygote import ZygoteError
from autograder.gradebook import GradebookWriter, Graded, Known, Penalty
from autograder.grader import Grader, Outcome, ZygoteDied, read_bytes
from autograder.nbgrader_course import load_config
from autograder.submissions import Submission
from autograder.workers import DaskPool, Job, LocalPool, Pool, WorkerDied, prepare_workers


@dataclass(frozen=True)
class Options:
    """What `autograder grade` was told."""

    workers: int = 0  # 0: as many as cores
    scheduler: str | None = None
    students: tuple[str, ...] = ()
    force: bool = False
    dry_run: bool = False
    allow_weaker: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the report.

    `state`: graded, flagged (recorded, and a person should look), "up to date", or what a dry run
    would do ("new", "changed", ...).
    """

    student: str
    state: str
    score: float | None = None
    max_score: float | None = None
    penalty: float = 0.0
    by_hand: bool = False
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_json(self) -> dict:
        return dataclasses.asdict(self)


@dataclass
class Report:
    """All rows of a run.

    `memory` is the most that one submission used, in bytes; `lacking` names isolation layers that a
    submission was graded without, because `--allow-weaker` said so.
    """

    assignment: str
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    workers: int = 0
    lacking: set[str] = field(default_factory=set)

    def count(self, *states: str) -> int:
        return sum(row.state in states for row in self.rows)


# Told as the run goes on: rows, and how many of how many are done.
Listener = Callable[[Row | None, int, int], None]


def grade_class(
    course: Course,
    assignment: str,
    options: Options = Options(),
    listen: Listener = lambda row, done, total: None,
) -> Report:
    """Grade all submissions of an assignment that are new or changed.

    Args:
        listen: called with each new row (or None), the number done and the number to do.

    Raises:
        CheckError: the run cannot go on; what is recorded stays recorded.
    """
    return ClassRun(course, assignment, options).run(listen)


class ClassRun:
    """One run of `autograder grade`."""

    def __init__(self, course: Course, assignment: str, options: Options = Options()):
        from nbgrader.converters import Autograde
        from nbgrader.coursedir import CourseDirectory

        self.course, self.assignment, self.options = course, assignment, options
        self.config = load_config(course)
        self.coursedir = CourseDirectory(config=self.config)
        self.autograde = Autograde(coursedir=self.coursedir, config=self.config)
        self.submitted = self._step(self.coursedir.submitted_directory)
        self.autograded = self._step(self.coursedir.autograded_directory)
        self.mode = int(str(self.autograde.permissions), 8)
        self.ignored = submissions.ignored_by(self.coursedir.ignore)
        self.pool: Pool | None = None
        self.succeeded = 0
        self.extensions: dict[str, Any] = {}

    def _step(self, name: str) -> Path:
        path = Path(self.coursedir.format_path(name, "{student}", "{assignment}"))
        if path.parts[-2:] != ("{student}", "{assignment}"):
            raise CheckError(
                "nbgrader_config.py, c.CourseDirectory.directory_structure: `autograder grade` needs "
                "nbgrader's own order of folders, step/student/assignment."
            )
        return path.parent.parent

    # ----------------------------------------------------------------- the run

    def run(self, listen: Listener = lambda row, done, total: None) -> Report:
        """Grade what is to be graded.

        Raises:
            CheckError: the run cannot go on; what is recorded stays recorded.
        """
        start = time.monotonic()
        report = Report(self.assignment)
        with contextlib.ExitStack() as stack:
            students, refused = self._students()
            for name, why in refused.items():
                report.rows.append(Row(name, "flagged", flags=(why,)))
            if self.options.dry_run:
                self._look(students, report)
                for row in report.rows:
                    listen(row, 0, 0)
                return report
            stack.enter_context(only_one(self.autograded, self.assignment))
            if not self.options.scheduler:
                prepare_workers()
            gradebook = stack.enter_context(self._gradebook())
            prepare_assignment(self.course, self.config, self.assignment, gradebook)
            gradebook.check_writable()
            grader = self._grader(gradebook)
            todo = self._plan(gradebook, grader, students, report)
            for row in report.rows:
                listen(row, 0, len(todo))
            if todo:
                self.pool = make_pool(grader, self.options, len(todo))
                stack.callback(self.pool.close)
                report.workers = self.pool.workers
                self._grade(gradebook, grader, [s for s, _ in todo], report, listen)
        report.seconds = time.monotonic() - start
        return report

    def _students(self) -> tuple[list[str], dict[str, str]]:
        found, refused = submissions.find_students(self.submitted, self.assignment)
        wanted = self.options.students
        for student in wanted:
            if student not in found and student not in refused:
                raise CheckError(
                    f"{student} has handed in nothing: there is no {self.submitted / student}/"
                    f"{self.assignment}."
                )
        if wanted:
            found = [s for s in found if s in wanted]
            refused = {s: why for s, why in refused.items() if s in wanted}
        excluded = {s for s in str(self.coursedir.student_id_exclude or "").split(",") if s}
        found = [s for s in found if s not in excluded]
        if not found and not refused:
            raise CheckError(
                f"nothing was handed in: put submissions into {self.submitted}/<student>/"
                f"{self.assignment}/."
            )
        return found, refused

    def _look(self, students: Sequence[str], report: Report) -> None:
        """What a run would do; makes and changes nothing."""
        todo: list[tuple[str, str]] = [(student, "new") for student in students]
        database = make_url(self.coursedir.db_url).database
        is_file = self.coursedir.db_url.startswith("sqlite")
        if not is_file or (database and Path(database).is_file()):
            with self._gradebook(look_only=True) as gradebook:
                current = gradebook.load() and gradebook.prepared() == self._source_digest()
                if current:
                    todo = self._plan(gradebook, self._grader(gradebook), students, report)
                elif gradebook.notebooks:
                    todo = [(student, "the assignment changed") for student in students]
        report.rows += [Row(student, why) for student, why in todo]

    def _source_digest(self) -> str:
        return source_digest(self.config, self.assignment)

    def _gradebook(self, look_only: bool = False) -> GradebookWriter:
        return GradebookWriter(
            self.coursedir.db_url, self.coursedir.course_id, self.assignment,
            late_penalty(self.config), self.autograde.create_student, look_only=look_only,
        )  # fmt: skip

    def _grader(self, gradebook: GradebookWriter) -> Grader:
        return Grader.prepare(
            self.course, self.config, self.assignment, gradebook.notebooks,
            self.options.allow_weaker,
        )  # fmt: skip

    def _plan(
        self, gradebook: GradebookWriter, grader: Grader, students: Sequence[str], report: Report
    ) -> list[tuple[str, str]]:
        """Students to grade, each with the reason; the others' rows go into the report."""
        known = gradebook.known()
        self.extensions = gradebook.extensions()
        todo = []
        for student in students:
            entry = known.get(student)
            if self.options.force or entry is None:
                todo.append((student, "again" if entry else "new"))
                continue
            submission = self._read(student, grader)
            if self._digest(submission, grader, gradebook) != entry.digest:
                todo.append((student, "changed"))
            elif not self._files_there(student, entry):
                todo.append((student, "autograded files missing or changed"))
            else:
                report.rows.append(Row(student, "up to date", flags=entry.flags))
        return todo

    def _files_there(self, student: str, entry: Known) -> bool:
        files = submissions.read_autograded(self.autograded, student, self.assignment)
        return submissions.files_digest(files) == entry.files

    def _read(self, student: str, grader: Grader) -> Submission:
        return submissions.read_submission(
            self.submitted, student, self.assignment, list(grader.blueprints),
            grader.limits.submission_bytes, self.ignored,
        )  # fmt: skip

    def _digest(self, submission: Submission, grader: Grader, gradebook: GradebookWriter) -> str:
        extension = self.extensions.get(submission.student)
        return grader.digest_of(submission, gradebook.duedate, extension)

    # ----------------------------------------------------------------- grading

    def _grade(
        self, gradebook: GradebookWriter, grader: Grader, todo: list[str], report: Report,
        listen: Listener,
    ) -> None:  # fmt: skip
        assert self.pool is not None
        waiting = iter(todo)
        again: list[Job] = []
        done, listening = 0, True
        while listening:
            while self.pool.room():
                job = again.pop() if again else self._next(waiting, grader, gradebook)
                if job is None:
                    break
                self.pool.submit(job)
            listening = self.pool.busy()
            for job, outcome in self.pool.finished(1.0) if listening else ():
                if isinstance(outcome, BaseException):
                    failed = self._failed(job, outcome, grader)
                    if failed is None:
                        again.append(job)
                        continue
                    outcome = failed
                else:
                    self.succeeded += 1
                row = self._record(job, outcome, grader, gradebook)
                report.rows.append(row)
                report.memory = max(report.memory, outcome.memory)
                report.lacking |= outcome.lacking
                done += 1
                listen(row, done, len(todo))
            listen(None, done, len(todo))
            listening = listening or bool(again)

    def _next(
        self, waiting: Iterator[str], grader: Grader, gradebook: GradebookWriter
    ) -> Job | None:
        student = next(waiting, None)
        if student is None:
            return None
        submission = self._read(student, grader)
        return Job(submission, self._digest(submission, grader, gradebook))

    def _failed(self, job: Job, error: BaseException, grader: Grader) -> Outcome | None:
        """What to record of a submission that no result came for; None to try once more.

        Raises:
            CheckError: it would be the same for every submission.
        """
        if isinstance(error, (AssignmentError, SandboxError, CheckError)):
            raise CheckError(str(error)) from error
        job.deaths += 1
        if job.deaths < 2 and not isinstance(error, ZygoteDied):
            return None
        starts = not isinstance(error, ZygoteDied)
        if isinstance(error, ZygoteError) and starts and not self.succeeded:
            # Not one has gone well: it lies with the machine.
            raise CheckError(str(error)) from error
        if isinstance(error, WorkerDied):
            reason = "its worker ended twice while grading it (killed, or out of memory)"
        elif isinstance(error, ZygoteDied):
            reason = str(error)
        elif isinstance(error, ZygoteError):
            reason = f"its sandbox failed twice: {error}"
        else:
            reason = f"the grader failed on it twice ({type(error).__name__}: {error})"
        reason += "; it is graded again at the next run"
        outcome = Outcome(job.submission.student, flags=[reason], infrastructure=True)
        for name in grader.blueprints:
            grader.refuse(outcome, name, reason)
        return outcome

    def _record(
        self, job: Job, outcome: Outcome, grader: Grader, gradebook: GradebookWriter
    ) -> Row:
        """Files first, then the transaction: a crash between leaves a result that is not recorded."""
        student = outcome.student
        files = submissions.merge(job.submission.files, grader.files) | outcome.notebooks
        submissions.write_autograded(self.autograded, student, self.assignment, files, self.mode)
        graded = Graded(
            student,
            "" if outcome.infrastructure else job.digest,
            submissions.files_digest(files),
            outcome.results,
            job.submission.timestamp,
            tuple(outcome.flags),
        )
        recorded = gradebook.record(graded)
        return Row(
            student, "flagged" if outcome.flags else "graded", recorded.score, recorded.max_score,
            recorded.penalty, recorded.by_hand, tuple(outcome.flags), tuple(outcome.notes),
            outcome.seconds,
        )  # fmt: skip


# --------------------------------------------------------------------------- parts


def prepare_assignment(
    course: Course, config: Config, assignment: str, gradebook: GradebookWriter
) -> None:
    """Make sure that the gradebook has the assignment as the instructor's notebooks have it.

    Raises:
        CheckError: it is not built, or nbgrader refuses (cells were added or removed after
            submissions were graded).
    """
    digest = source_digest(config, assignment)
    if gradebook.load() and gradebook.prepared() == digest:
        return
    scratch = course.root / "_build" / "staging" / f"gradebook-{os.getpid()}"
    try:
        generate(course, assignment, database=True, release_directory=str(scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    gradebook.load()
    gradebook.set_prepared(digest)


def source_digest(config: Config, assignment: str) -> str:
    """Digest of the instructor's notebooks of an assignment.

    Raises:
        CheckError: there are none.
    """
    from nbgrader.coursedir import CourseDirectory

    coursedir = CourseDirectory(config=config)
    folder = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    digest = hashlib.sha256()
    names = sorted(path.name for path in folder.glob("*.ipynb"))
    if not names:
        raise CheckError(f"{folder} has no notebook: run `autograder build {assignment}`.")
    for name in names:
        digest.update(name.encode() + b"\0" + read_bytes(folder / name, assignment))
    return digest.hexdigest()


def make_pool(grader: Grader, options: Options, jobs: int) -> Pool:
    """The workers that the options ask for; not more than there are jobs."""
    if options.scheduler:
        return DaskPool(grader, options.scheduler)
    workers = options.workers or len(os.sched_getaffinity(0))
    return LocalPool(grader, min(workers, jobs))


def late_penalty(config: Config) -> Penalty:
    """The course's own rule for late submissions: nbgrader's plug-in."""
    from nbgrader.preprocessors import AssignLatePenalties

    rule = AssignLatePenalties(config=config)
    rule.init_plugin()
    rule.plugin_inst.log.setLevel("ERROR")
    return rule.plugin_inst.late_submission_penalty


@contextlib.contextmanager
def only_one(autograded: Path, assignment: str) -> Iterator[None]:
    """Hold the assignment for this run; the lock goes with the process, however it ends.

    Raises:
        CheckError: another run holds it, or the folder cannot be written.
    """
    path = autograded / f".{assignment}.lock"
    try:
        autograded.mkdir(parents=True, exist_ok=True)
        file: Any = path.open("w")
    except OSError as error:
        raise submissions.unwritable(autograded, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CheckError(
                f"another `autograder grade {assignment}` is at work in {autograded}: wait for it, "
                "or stop it."
            ) from None
        yield
