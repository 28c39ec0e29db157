"""Writes graded submissions into nbgrader's gradebook, one transaction each.

What nbgrader's own autograde does in some forty small transactions (students, submissions, automatic
scores, comments, late penalties) happens here in one, by the same rules, together with a record of
what was graded. After a crash the gradebook holds all of a submission's result or nothing of it.

The records live in two tables of our own beside nbgrader's. nbgrader and its migrations only touch
tables that they know, so these disturb nothing; deleting them only makes the next run grade again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sql
from nbgrader import api
from sqlalchemy import exc

from autograder.check import CheckError

LOCK_SECONDS = 20.0

_ours = sql.MetaData()
RECORDS = sql.Table(
    "autograder_submission",
    _ours,
    sql.Column("assignment", sql.String(128), primary_key=True),
    sql.Column("student", sql.String(128), primary_key=True),
    sql.Column("submission_id", sql.String(32), nullable=False),  # nbgrader's row
    sql.Column("digest", sql.String(64), nullable=False),  # of all that was graded
    sql.Column("files", sql.String(64), nullable=False),  # of the autograded folder
    sql.Column("scores", sql.Text, nullable=False),  # automatic scores by cell, JSON
    sql.Column("flags", sql.Text, nullable=False),  # why a person should look, JSON
)
PREPARED = sql.Table(
    "autograder_assignment",
    _ours,
    sql.Column("assignment", sql.String(128), primary_key=True),
    sql.Column("digest", sql.String(64), nullable=False),  # of the instructor's notebooks
)

_assignment, _notebook, _cell = (t.__table__ for t in (api.Assignment, api.Notebook, api.BaseCell))
_graded, _tasks = api.GradeCell.__table__, api.TaskCell.__table__
_source, _student = api.SourceCell.__table__, api.Student.__table__
_submission, _submitted = api.SubmittedAssignment.__table__, api.SubmittedNotebook.__table__
_grade, _comment = api.Grade.__table__, api.Comment.__table__

# Statements of every submission, made once: building them costs more than running them.
_p = sql.bindparam
_FIND_SUBMISSION = sql.select(
    _submission.c.id, _submission.c.timestamp, _submission.c.extension
).where(_submission.c.assignment_id == _p("of"), _submission.c.student_id == _p("student"))
_FIND_STUDENT = sql.select(_student.c.id).where(_student.c.id == _p("student"))
_FIND_SUBMITTED = sql.select(_submitted.c.id, _submitted.c.late_submission_penalty).where(
    _submitted.c.notebook_id == _p("notebook"), _submitted.c.assignment_id == _p("submission")
)
# By cell first: that is how the tables' indexes are ordered.
_FIND_GRADES = sql.select(_grade).where(
    _grade.c.cell_id.in_(_p("cells", expanding=True)), _grade.c.notebook_id == _p("place")
)
_FIND_COMMENTS = sql.select(_comment.c.id, _comment.c.cell_id, _comment.c.auto_comment).where(
    _comment.c.cell_id.in_(_p("cells", expanding=True)), _comment.c.notebook_id == _p("place")
)
_ADD_STUDENT, _ADD_SUBMISSION = sql.insert(_student), sql.insert(_submission)
_ADD_SUBMITTED, _ADD_GRADE = sql.insert(_submitted), sql.insert(_grade)
_ADD_COMMENT, _ADD_RECORD = sql.insert(_comment), sql.insert(RECORDS)
# A score that a person gives at this moment is not lost: it is not written here.
_SET_GRADE = (
    sql.update(_grade)
    .where(_grade.c.id == _p("row"))
    .values(auto_score=_p("score"), needs_manual_grade=_p("needs"))
)
_SET_COMMENT = (
    sql.update(_comment).where(_comment.c.id == _p("row")).values(auto_comment=_p("text"))
)
_DROP_RECORD = sql.delete(RECORDS).where(
    RECORDS.c.assignment == _p("of"), RECORDS.c.student == _p("who")
)

# What the late-penalty plug-in of the course says: (student, score, seconds late) -> penalty.
Penalty = Callable[[str, float, float], float | None]


@dataclass(frozen=True)
class NotebookCells:
    """One notebook of an assignment as the gradebook knows it; cells by their grade_id."""

    id: str
    name: str
    kernelspec: dict | None
    graded: dict[str, str]  # name -> id; scored automatically or by hand
    tasks: dict[str, str]
    solutions: dict[str, str]
    max_scores: dict[str, float]
    sources: dict[str, dict]  # cell_type, locked, source, checksum

    @property
    def max_score(self) -> float:
        return sum(self.max_scores.values())


@dataclass(frozen=True)
class NotebookResult:
    """What grading one notebook gave.

    `scores` has the automatic score of each graded cell, None where a person decides;
    `unanswered` names solution cells that are as they were handed out. `missing`: nothing was handed
    in. `look`: a person must look at every score.
    """

    scores: dict[str, float | None] = field(default_factory=dict)
    unanswered: frozenset[str] = frozenset()
    missing: bool = False
    look: bool = False


@dataclass(frozen=True)
class Graded:
    """One student's result, ready to be recorded."""

    student: str
    digest: str
    files: str
    notebooks: dict[str, NotebookResult]
    timestamp: datetime | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """The gradebook's state after recording: manual scores and extra credit included."""

    score: float
    max_score: float
    penalty: float
    by_hand: bool  # cells wait for a person


@dataclass(frozen=True)
class Known:
    """What an earlier run recorded for a student, if the gradebook still holds it."""

    digest: str
    files: str
    flags: tuple[str, ...]


class GradebookWriter:
    """nbgrader's gradebook, open for one assignment.

    Args:
        url: any database that nbgrader takes.
        course: nbgrader's course id.
        penalty: the course's rule for late submissions; None for no penalties.
        create_students: record students that the gradebook does not know yet.
        lock_seconds: how long to wait for other programs that write.
        look_only: make nothing, not even the tables; for a gradebook that exists.

    Raises:
        CheckError: the database cannot be opened or written; says why.
    """

    def __init__(
        self,
        url: str,
        course: str,
        assignment: str,
        penalty: Penalty | None = None,
        create_students: bool = True,
        lock_seconds: float | None = None,
        look_only: bool = False,
    ):
        self.url, self.assignment = url, assignment
        self.penalty, self.create_students = penalty, create_students
        self.lock_seconds = LOCK_SECONDS if lock_seconds is None else lock_seconds
        with self._explained():
            if not look_only:
                # nbgrader itself makes what is missing: tables, their version, the course.
                api.Gradebook(url, course).close()
            self.engine = sql.create_engine(url)
            if self.engine.dialect.name == "sqlite":
                sql.event.listen(self.engine, "connect", self._connected)
                sql.event.listen(self.engine, "begin", _begin)
            if not look_only:
                with self._writing() as connection:
                    _mend_version(connection)
                    _ours.create_all(connection)
        self.notebooks: dict[str, NotebookCells] = {}
        self.duedate: datetime | None = None
        self._id = ""

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ----------------------------------------------------------------- connections

    def _connected(self, connection: Any, _: object) -> None:
        # Transactions begin where this module says, and wait for other programs' to end.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(self.lock_seconds * 1000)}")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sql.Connection]:
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sql.Connection]:
        with self._explained(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Database errors in words, with the remedy; passwords stay out of them."""
        try:
            yield
        except exc.IntegrityError:
            raise
        except (exc.SQLAlchemyError, OSError) as error:
            place = sql.make_url(self.url).render_as_string(hide_password=True)
            cause = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise CheckError(
                f"the gradebook {place} cannot be used ({cause}): {_remedy(cause)}. Then run the same "
                "command again; what is recorded stays."
            ) from error

    def check_writable(self) -> None:
        """Find out before the work whether results can be recorded.

        Raises:
            CheckError: they cannot.
        """
        with self._explained(), self._writing() as connection:
            connection.execute(sql.delete(RECORDS).where(RECORDS.c.assignment == ""))

    # ----------------------------------------------------------------- the assignment

    def load(self) -> bool:
        """Read the assignment's structure; False when the gradebook has none or no notebook of it."""
        self.notebooks = {}
        with self._reading() as connection:
            if not sql.inspect(connection).has_table(_assignment.name):
                return False
            row = connection.execute(
                sql.select(_assignment.c.id, _assignment.c.duedate).where(
                    _assignment.c.name == self.assignment
                )
            ).first()
            if row is None:
                return False
            self._id, self.duedate = row
            for notebook in connection.execute(
                sql.select(_notebook).where(_notebook.c.assignment_id == self._id)
            ).mappings():
                self.notebooks[notebook["name"]] = _load_notebook(connection, notebook)
        return bool(self.notebooks)

    def prepared(self) -> str | None:
        """Digest of the instructor's notebooks that the gradebook was last prepared from."""
        with self._reading() as connection:
            if not sql.inspect(connection).has_table(PREPARED.name):
                return None
            return connection.execute(
                sql.select(PREPARED.c.digest).where(PREPARED.c.assignment == self.assignment)
            ).scalar()

    def set_prepared(self, digest: str) -> None:
        with self._explained(), self._writing() as connection:
            connection.execute(sql.delete(PREPARED).where(PREPARED.c.assignment == self.assignment))
            connection.execute(
                sql.insert(PREPARED).values(assignment=self.assignment, digest=digest)
            )

    @property
    def max_score(self) -> float:
        return sum(notebook.max_score for notebook in self.notebooks.values())

    # ----------------------------------------------------------------- what is there

    def known(self) -> dict[str, Known]:
        """Students whose recorded result is still what the gradebook holds.

        A result that something else has replaced, or whose submission was removed, is not among them.
        """
        with self._reading() as connection:
            rows = connection.execute(
                sql.select(RECORDS)
                .join(_submission, _submission.c.id == RECORDS.c.submission_id)
                .where(RECORDS.c.assignment == self.assignment)
            ).mappings().all()  # fmt: skip
            names = {
                key: f"{notebook.name}/{name}"
                for notebook in self.notebooks.values()
                for name, key in (*notebook.graded.items(), *notebook.tasks.items())
            }
            held: dict[str, dict[str, float | None]] = {}
            for submission, cell, score in connection.execute(
                sql.select(_submitted.c.assignment_id, _grade.c.cell_id, _grade.c.auto_score)
                .join(_grade, _grade.c.notebook_id == _submitted.c.id)
                .where(_submitted.c.notebook_id.in_([n.id for n in self.notebooks.values()]))
            ):
                held.setdefault(submission, {})[names.get(cell, cell)] = score
        return {
            row["student"]: Known(row["digest"], row["files"], tuple(json.loads(row["flags"])))
            for row in rows
            if json.loads(row["scores"]) == held.get(row["submission_id"])
        }

    def extensions(self) -> dict[str, Any]:
        """Extra time that was granted, by student."""
        with self._reading() as connection:
            return {
                student: extension
                for student, extension in connection.execute(
                    sql.select(_submission.c.student_id, _submission.c.extension).where(
                        _submission.c.assignment_id == self._id
                    )
                )
                if extension is not None
            }

    # ----------------------------------------------------------------- recording

    def record(self, graded: Graded) -> Recorded:
        """Write one student's result in one transaction.

        Manual scores, extra credit and manual comments stay as they are.

        Raises:
            CheckError: the database cannot be written, or the student is not in it and may not be
                added. Nothing of the result is then in it.
        """
        with self._explained():
            try:
                with self._writing() as connection:
                    return self._record(connection, graded)
            except exc.IntegrityError:
                # Another program has just added the same student or submission.
                with self._writing() as connection:
                    return self._record(connection, graded)

    def remember(
        self, student: str, digest: str, files: str, flags: Sequence[str], look: bool = False
    ) -> None:
        """Remember a result that nbgrader itself has written, so that it is not graded again.

        Args:
            look: a person must look at every score.
        """
        with self._explained(), self._writing() as connection:
            submission = connection.execute(
                sql.select(_submission.c.id).where(
                    _submission.c.assignment_id == self._id, _submission.c.student_id == student
                )
            ).scalar_one()
            scores = {}
            for notebook in self.notebooks.values():
                place, _ = self._submitted(connection, submission, notebook)
                cells = {
                    key: name for name, key in (*notebook.graded.items(), *notebook.tasks.items())
                }
                mine = (_grade.c.cell_id.in_(list(cells))) & (_grade.c.notebook_id == place)
                if look:
                    connection.execute(
                        sql.update(_grade).where(mine).values(needs_manual_grade=True)
                    )
                for cell, score in connection.execute(
                    sql.select(_grade.c.cell_id, _grade.c.auto_score).where(mine)
                ):
                    scores[f"{notebook.name}/{cells[cell]}"] = score
            graded = Graded(student, digest, files, {}, flags=tuple(flags))
            self._remember(connection, graded, submission, scores)

    def _record(self, connection: sql.Connection, graded: Graded) -> Recorded:
        submission, timestamp, extension, new = self._submission(connection, graded)
        scores: dict[str, float | None] = {}
        total = penalties = 0.0
        by_hand = False
        late = _seconds_late(timestamp, self.duedate, extension)
        for name, cells in self.notebooks.items():
            result = graded.notebooks.get(name, NotebookResult(missing=True))
            place, penalty = self._submitted(connection, submission, cells, new)
            rows = self._grades(connection, place, cells, result, new)
            self._comments(connection, place, cells, result, new)
            scores |= {f"{name}/{row['name']}": row["auto_score"] for row in rows}
            score = sum(map(_score, rows))
            if not result.missing:
                wanted = self._penalty(graded.student, score, late)
                if wanted != penalty:
                    connection.execute(
                        sql.update(_submitted)
                        .where(_submitted.c.id == place)
                        .values(late_submission_penalty=wanted)
                    )
                penalty = wanted
            total += score
            penalties += penalty or 0.0
            by_hand |= any(row["needs_manual_grade"] for row in rows)
        self._remember(connection, graded, submission, scores)
        return Recorded(total, self.max_score, penalties, by_hand)

    def _submission(
        self, connection: sql.Connection, graded: Graded
    ) -> tuple[str, datetime | None, Any, bool]:
        """Id, timestamp and extension of the submission, and whether it is new."""
        who = {"of": self._id, "student": graded.student}
        row = connection.execute(_FIND_SUBMISSION, who).first()
        if row is not None:
            submission, timestamp, extension = row
            if graded.timestamp is not None and graded.timestamp != timestamp:
                timestamp = graded.timestamp
                connection.execute(
                    sql.update(_submission)
                    .where(_submission.c.id == submission)
                    .values(timestamp=timestamp)
                )
            return submission, timestamp, extension, False
        if connection.execute(_FIND_STUDENT, {"student": graded.student}).first() is None:
            if not self.create_students:
                raise CheckError(
                    f"{graded.student} is not in the gradebook: add the student with `nbgrader db "
                    "student add`, or set c.Autograde.create_student = True."
                )
            connection.execute(_ADD_STUDENT, {"id": graded.student})
        submission = uuid4().hex
        values = {"id": submission, "assignment_id": self._id, "student_id": graded.student,
                  "timestamp": graded.timestamp}  # fmt: skip
        connection.execute(_ADD_SUBMISSION, values)
        return submission, graded.timestamp, None, True

    def _submitted(
        self, connection: sql.Connection, submission: str, cells: NotebookCells, new: bool = False
    ) -> tuple[str, float | None]:
        """Id and late penalty of a submission's notebook."""
        if not new:
            which = {"notebook": cells.id, "submission": submission}
            row = connection.execute(_FIND_SUBMITTED, which).first()
            if row is not None:
                return row[0], row[1]
        place = uuid4().hex
        values = {"id": place, "assignment_id": submission, "notebook_id": cells.id,
                  "flagged": False}  # fmt: skip
        connection.execute(_ADD_SUBMITTED, values)
        return place, None

    def _grades(
        self, connection: sql.Connection, place: str, cells: NotebookCells, result: NotebookResult,
        new: bool,
    ) -> list[dict]:  # fmt: skip
        """Write automatic scores; returns all rows as they then are, with the cells' names."""
        wanted = {**cells.graded, **cells.tasks}
        rows: dict[str, dict] = {}
        if wanted and not new:
            found = connection.execute(_FIND_GRADES, {"cells": [*wanted.values()], "place": place})
            rows = {row["cell_id"]: dict(row) for row in found.mappings()}
        added, changed = [], []
        for name, cell in wanted.items():
            row = rows.get(cell)
            if row is None:
                row = {"id": uuid4().hex, "cell_id": cell, "notebook_id": place, "auto_score": None,
                       "manual_score": None, "extra_credit": None,
                       "needs_manual_grade": True}  # fmt: skip
                rows[cell] = row
                added.append(row)
            else:
                changed.append(row)
            if result.missing:
                row["auto_score"], row["needs_manual_grade"] = 0.0, result.look
            elif name in cells.graded:
                score = result.scores.get(name, 0.0)
                row["auto_score"] = score
                # As nbgrader: a score given by hand is to be looked at again.
                row["needs_manual_grade"] = (
                    score is None or row["manual_score"] is not None or result.look
                )
        if added:
            connection.execute(_ADD_GRADE, added)
        if changed:
            connection.execute(
                _SET_GRADE,
                [
                    {"row": r["id"], "score": r["auto_score"], "needs": r["needs_manual_grade"]}
                    for r in changed
                ],
            )
        return [rows[cell] | {"name": name} for name, cell in wanted.items()]

    def _comments(
        self, connection: sql.Connection, place: str, cells: NotebookCells, result: NotebookResult,
        new: bool,
    ) -> None:  # fmt: skip
        wanted = {**cells.solutions, **cells.tasks}
        present: dict[str, Any] = {}
        if wanted and not new:
            found = connection.execute(
                _FIND_COMMENTS, {"cells": [*wanted.values()], "place": place}
            )
            present = {row.cell_id: row for row in found}
        added, changed = [], []
        for name, cell in wanted.items():
            text = "No response." if name in result.unanswered and name in cells.solutions else None
            if cell not in present:
                added.append({"id": uuid4().hex, "cell_id": cell, "notebook_id": place,
                              "auto_comment": text})  # fmt: skip
            elif not result.missing and present[cell].auto_comment != text:
                changed.append({"row": present[cell].id, "text": text})
        if added:
            connection.execute(_ADD_COMMENT, added)
        if changed:
            connection.execute(_SET_COMMENT, changed)

    def _penalty(self, student: str, score: float, late: float) -> float | None:
        """The late penalty within bounds, as nbgrader takes it; None for none."""
        if late <= 0 or self.penalty is None:
            return None
        penalty = self.penalty(student, score, late)
        return None if penalty is None else min(max(penalty, 0), score)

    def _remember(
        self,
        connection: sql.Connection,
        graded: Graded,
        submission: str,
        scores: Mapping[str, float | None],
    ) -> None:
        connection.execute(_DROP_RECORD, {"of": self.assignment, "who": graded.student})
        connection.execute(
            _ADD_RECORD,
            {
                "assignment": self.assignment,
                "student": graded.student,
                "submission_id": submission,
                "digest": graded.digest,
                "files": graded.files,
                "scores": json.dumps(scores),
                "flags": json.dumps(graded.flags),
            },
        )


def _begin(connection: sql.Connection) -> None:
    """SQLite: a transaction that will write takes the lock at its start, so that it can wait for it."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _mend_version(connection: sql.Connection) -> None:
    """Complete a gradebook whose making was interrupted: without a version no upgrade is possible."""
    inspector = sql.inspect(connection)
    if inspector.has_table("alembic_version"):
        if connection.execute(sql.text("SELECT count(*) FROM alembic_version")).scalar():
            return
    elif connection.execute(sql.select(sql.func.count()).select_from(_assignment)).scalar():
        return  # an old gradebook: `nbgrader db upgrade` knows what to do with it
    else:
        connection.execute(
            sql.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        )
    connection.execute(
        sql.text("INSERT INTO alembic_version (version_num) VALUES (:version)"),
        {"version": api.get_alembic_version()},
    )


def _load_notebook(connection: sql.Connection, row: Mapping) -> NotebookCells:
    cells: dict[str, dict[str, str]] = {"GradeCell": {}, "TaskCell": {}, "SolutionCell": {}}
    for key, name, kind in connection.execute(
        sql.select(_cell.c.id, _cell.c.name, _cell.c.type).where(_cell.c.notebook_id == row["id"])
    ):
        cells[kind][name] = key
    points: dict[str, float] = {}
    for table in (_graded, _tasks):
        points |= {
            name: maximum
            for name, maximum in connection.execute(
                sql.select(_cell.c.name, table.c.max_score)
                .join(table, table.c.id == _cell.c.id)
                .where(_cell.c.notebook_id == row["id"])
            )
        }
    sources = {
        one["name"]: {k: one[k] for k in ("cell_type", "locked", "source", "checksum")}
        for one in connection.execute(
            sql.select(_source).where(_source.c.notebook_id == row["id"])
        ).mappings()
    }
    return NotebookCells(
        row["id"], row["name"], json.loads(row["kernelspec"]) if row["kernelspec"] else None,
        cells["GradeCell"], cells["TaskCell"], cells["SolutionCell"], points, sources,
    )  # fmt: skip


def _seconds_late(timestamp: datetime | None, duedate: datetime | None, extension: Any) -> float:
    if timestamp is None or duedate is None:
        return 0.0
    return max(0.0, (timestamp - duedate - extension if extension else timestamp - duedate)
               .total_seconds())  # fmt: skip


def _score(row: Mapping) -> float:
    """nbgrader's score of a cell: by hand if given, else automatic, and extra credit."""
    own = row["manual_score"] if row["manual_score"] is not None else row["auto_score"]
    return 0.0 if own is None else own + (row["extra_credit"] or 0.0)


def _remedy(cause: str) -> str:
    text = cause.lower()
    for sign, remedy in {
        "locked": "another program is writing it and does not stop: close it",
        "disk is full": "free some space on its disk",
        "disk i/o": "its disk does not work, or is full: mend that",
        "readonly": "make the file and its folder writable for you",
        "read-only": "mount its file system writable",
        "unable to open": "make its folder, writable for you",
        "no such column": "it is of an older nbgrader: save a copy, then run `nbgrader db upgrade`",
        "not a database": "the file is damaged: restore it from a copy",
        "malformed": "the file is damaged: restore it from a copy",
        "alembic": "run the command with the environment's `bin` folder on the PATH",
    }.items():
        if sign in text:
            return remedy
    return "mend that"
