"""The gradebook's content follows nbgrader's rules."""

import json

import pytest

from autograder.check import CheckError
from autograder.class_run import Options, grade_class

from . import making


def by_cell(klass, student):
    return {cell: rest for who, cell, *rest in klass.grades() if who == student}


def test_each_kind_of_cell_gets_what_nbgrader_gives_it(klass, grade):
    klass.hand_in("anna", making.answered(klass.course))
    [row] = grade().rows
    assert (row.state, row.score, row.max_score, row.by_hand) == ("graded", 5.0, 10.0, True)
    assert by_cell(klass, "anna") == {
        "test_middle": [3.0, None, None, 0],
        "classical": [2.0, None, None, 0],
        "words": [None, None, None, 1],
        "drawing": [None, None, None, 1],
    }


def test_an_answer_left_blank_is_zero_and_says_no_response(klass, grade):
    klass.hand_in("ben", making.answered(klass.course, None, None))
    grade()
    assert by_cell(klass, "ben")["words"] == [0.0, None, None, 0]
    comments = {cell: text for _, cell, text, _ in klass.comments()}
    assert comments == {"middle": "No response.", "words": "No response.", "drawing": None}


def test_manual_scores_extra_credit_and_comments_stay_on_regrade(klass, grade):
    klass.hand_in("anna", making.answered(klass.course, making.FIRST))
    grade()
    klass.change("UPDATE grade SET manual_score = 1.5, extra_credit = 0.5 WHERE auto_score > 0")
    klass.change("UPDATE comment SET manual_comment = 'Well tried.'")
    klass.hand_in("anna", making.answered(klass.course, making.RIGHT, "Another answer."))
    [row] = grade().rows
    cells = by_cell(klass, "anna")
    # nbgrader has a person look again at what was scored by hand.
    assert cells["test_middle"] == [3.0, 1.5, 0.5, 1]
    assert cells["classical"] == [2.0, None, None, 0]
    assert row.score == klass.score("anna") == 4.0
    assert {text for _, _, _, text in klass.comments()} == {"Well tried."}


def late_course(klass, grade, monkeypatch, rule):
    klass.hand_in("anna", making.answered(klass.course), "2026-01-15 13:30:00 UTC")
    klass.hand_in("ben", making.answered(klass.course), "2026-01-15 11:59:59 UTC")
    klass.hand_in("cleo", making.answered(klass.course), "2026-01-15 13:00:00+02:00")
    grade()
    klass.change("UPDATE assignment SET duedate = '2026-01-15 12:00:00.000000'")
    monkeypatch.setattr("nbgrader.plugins.LateSubmissionPlugin.late_submission_penalty", rule)
    return {row.student: row for row in grade().rows}


@pytest.mark.parametrize(
    ("penalty", "kept"), [(1.25, 1.25), (99.0, 5.0), (-3.0, 0), (None, None)], ids=str
)
def test_late_penalties_are_the_plug_ins_and_bounded(klass, grade, monkeypatch, penalty, kept):
    asked = []

    def rule(self, student, score, seconds):
        asked.append((student, score, seconds))
        return penalty

    rows = late_course(klass, grade, monkeypatch, rule)
    assert asked == [("anna", 5.0, 5400.0)]
    assert {who: kept for who, _, kept in klass.penalties()} == {
        "anna": kept,
        "ben": None,
        "cleo": None,
    }
    assert rows["anna"].penalty == (kept or 0)


def test_an_extension_takes_the_penalty_away(klass, grade, monkeypatch):
    from nbgrader.api import Gradebook

    late_course(klass, grade, monkeypatch, lambda self, student, score, seconds: score)
    assert klass.penalties()[0][2] == 5.0
    with Gradebook(f"sqlite:///{klass.folder / 'gradebook.db'}") as gradebook:
        gradebook.grant_extension("small", "anna", hours=2)
    rows = {row.student: row.state for row in grade().rows}
    assert rows == {"anna": "graded", "ben": "up to date", "cleo": "up to date"}
    assert klass.penalties()[0][2] is None


def test_what_is_recorded_is_up_to_date_until_something_changes(klass, grade):
    klass.honest(3)
    assert grade().count("graded") == 3
    assert grade().count("up to date") == 3
    assert grade(force=True).count("graded") == 3
    klass.hand_in("s0001", making.answered(klass.course))
    assert [row.student for row in grade().rows if row.state == "graded"] == ["s0001"]
    # Somebody else's autograde has been at work: the record is no longer what the gradebook holds.
    klass.change("UPDATE grade SET auto_score = 3 WHERE auto_score = 0")
    (klass.folder / "autograded/s0000/small/small.ipynb").unlink()
    before = klass.files()
    report = grade()
    assert report.count("graded") >= 2
    assert "s0000/small/small.ipynb" in klass.files() and len(klass.files()) == len(before) + 1


def test_a_gradebook_is_made_where_there_is_none(fresh):
    fresh.hand_in("anna", making.answered(fresh.course))
    dry = grade_class(fresh.course, "small", Options(dry_run=True))
    assert [row.state for row in dry.rows] == ["new"]
    assert not (fresh.folder / "gradebook.db").exists()
    [row] = grade_class(fresh.course, "small", Options(workers=1)).rows
    assert (row.state, row.score) == ("graded", 5.0)
    assert fresh.rows("SELECT count(*) FROM alembic_version") == [(1,)]


def test_a_dry_run_changes_nothing(klass, grade):
    klass.honest(2)
    assert [row.state for row in grade(dry_run=True).rows] == ["new", "new"]
    grade()
    klass.hand_in("s0001", making.answered(klass.course))
    before = (klass.folder / "gradebook.db").read_bytes()
    rows = grade(dry_run=True).rows
    assert {row.student: row.state for row in rows} == {"s0000": "up to date", "s0001": "changed"}
    assert (klass.folder / "gradebook.db").read_bytes() == before


def test_only_the_named_students_are_graded(klass, grade):
    klass.honest(3)
    assert [row.student for row in grade(students=("s0001",)).rows] == ["s0001"]
    with pytest.raises(CheckError, match="nobody has handed in nothing"):
        grade(students=("nobody",))


def test_the_assignment_is_put_into_the_gradebook_again_when_it_changed(klass, grade):
    from autograder.build import Course

    klass.honest(1)
    grade()
    source = klass.course.source / "small" / "small.ipynb"
    original = source.read_bytes()
    notebook = json.loads(original)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "words":
            cell["metadata"]["nbgrader"]["points"] = 6
    try:
        source.write_text(json.dumps(notebook))
        [row] = grade_class(Course(klass.course.root), "small", Options(workers=1)).rows
    finally:
        source.write_bytes(original)
    assert (row.state, row.max_score) == ("graded", 12.0)


def test_nbgrader_reads_exports_and_upgrades_the_gradebook(klass, grade, run):
    klass.honest(2)
    grade()
    for command in (["export", "--to", str(klass.folder / "grades.csv")], ["db", "upgrade"],
                    ["generate_feedback", "small"]):  # fmt: skip
        done = run("nbgrader", *command, cwd=klass.course.root)
        assert done.returncode == 0, done.stderr
    assert "s0001" in (klass.folder / "grades.csv").read_text()
    feedback = klass.folder / "feedback" / "s0000" / "small" / "small.html"
    assert "middle: right in all" in feedback.read_text()
    assert grade().count("up to date") == 2
