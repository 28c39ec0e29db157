"""Broken, odd and hostile submissions are recorded with a reason; the others are graded."""

import json
import os

from . import making


def rows_of(report):
    return {row.student: row for row in report.rows}


def test_each_broken_submission_has_its_reason_and_the_rest_is_graded(klass, grade):
    good = making.answered(klass.course)
    doubled = making.answered(klass.course)
    doubled["cells"] = [cell for cell in doubled["cells"] for _ in range(2)]
    klass.hand_in("good", good)
    klass.hand_in("doubled", doubled)
    klass.hand_in("not-json", "{ this is")
    klass.hand_in("a-list", "[1, 2]")
    klass.hand_in("no-cells", json.dumps({"nbformat": 4, "metadata": {}}))
    klass.hand_in("nothing", None)
    (klass.hand_in("renamed", None) / "small (1).ipynb").write_text(json.dumps(good))
    (klass.hand_in("no-date", good) / "timestamp.txt").write_text("yesterday, I think")
    (klass.hand_in("a-folder", None) / "small.ipynb").mkdir()
    rows = rows_of(grade(workers=2))
    assert {student for student, row in rows.items() if row.state == "graded"} == {
        "good",
        "doubled",
    }
    reasons = {student: " ".join(row.flags) for student, row in rows.items()}
    for student, text in {
        "not-json": "small.ipynb is no notebook",
        "a-list": "small.ipynb is no notebook",
        "no-cells": "small.ipynb has no list of cells",
        "nothing": "no notebook small.ipynb was handed in",
        "renamed": "small (1).ipynb': rename it",
        "no-date": "timestamp.txt holds no date",
        "a-folder": "no notebook small.ipynb was handed in",
    }.items():
        assert text in reasons[student], student
    assert rows["doubled"].score == rows["no-date"].score == rows["good"].score == 5.0
    recorded = {who for who, *_ in klass.grades()}
    assert recorded == set(rows)
    for student in ("not-json", "a-list", "no-cells", "nothing", "renamed", "a-folder"):
        assert rows[student].score == 0.0
    by_hand = {who for who, cell, *_, needs in klass.grades() if cell == "test_middle" and needs}
    assert by_hand == {"not-json", "a-list", "no-cells"}
    # Running again grades none of them again.
    assert grade().count("up to date") == len(rows)


def test_links_are_not_followed(klass, grade, tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text(json.dumps(making.answered(klass.course)))
    elsewhere = tmp_path / "elsewhere" / "small"
    elsewhere.mkdir(parents=True)
    (elsewhere / "small.ipynb").write_text(secret.read_text())
    (klass.hand_in("file", None) / "small.ipynb").symlink_to(secret)
    (klass.folder / "submitted" / "folder").mkdir()
    (klass.folder / "submitted" / "folder" / "small").symlink_to(elsewhere)
    (klass.folder / "submitted" / "student").symlink_to(elsewhere.parent)
    good = klass.hand_in("good", making.answered(klass.course))
    (good / "data.txt").symlink_to(secret)
    (good / "inner").symlink_to(elsewhere)
    os.mkfifo(good / "pipe")
    rows = rows_of(grade())
    assert "a link" in rows["file"].flags[0] and rows["file"].score == 0.0
    assert "a link" in rows["folder"].flags[0] and rows["folder"].score == 0.0
    assert "a link" in rows["student"].flags[0] and rows["student"].score is None
    assert rows["good"].score == 5.0
    copied = {name for name in klass.files() if name.startswith("good/")}
    assert copied == {f"good/small/{name}" for name in
                      ("check.py", "public.npz", "small.ipynb", "timestamp.txt")}  # fmt: skip


def test_folders_that_cannot_be_students_are_told_and_the_rest_graded(klass, grade):
    names = ["a\nb", "x\x1b[31m", "<script>", "s" * 129, b"\xff\xfe", "a\u202eb", " x"]
    for name in names:
        (klass.folder / "submitted" / os.fsdecode(name) / "small").mkdir(parents=True)
    klass.hand_in("good", making.answered(klass.course))
    report = grade()
    assert (report.count("flagged"), report.count("graded")) == (len(names), 1)
    assert all(row.flags[0].startswith("its name") for row in report.rows if row.flags)
    assert klass.rows("SELECT id FROM student") == [("good",)]


def test_files_beside_the_notebook_are_there_but_never_instead_of_the_instructors(klass, grade):
    helped = "from helper import mean\ndef middle(numbers):\n    return mean(numbers)"
    place = klass.hand_in("anna", making.answered(klass.course, helped))
    (place / "helper.py").write_text("def mean(n):\n    return float(sum(n) / len(n))\n")
    (place / "check.py").write_text("check = grade = lambda f: 3.0\n")
    (place / "public.npz").mkdir()
    (place / "public.npz" / "x").write_text("a folder where a file belongs")
    [row] = grade().rows
    assert (row.state, row.score) == ("graded", 5.0)
    files = klass.files()
    source = klass.course.source / "small"
    assert files["anna/small/check.py"] == (source / "check.py").read_bytes()
    assert files["anna/small/public.npz"] == (source / "public.npz").read_bytes()
    assert "anna/small/helper.py" in files


def test_what_is_shown_of_names_and_reasons_is_harmless_for_a_terminal(klass, grade):
    from io import StringIO

    from rich.console import Console

    from autograder.grading_report import GradingView

    (klass.folder / "submitted" / "evil\x1b]0;title\x07" / "small").mkdir(parents=True)
    klass.hand_in("[red]markup", "{")
    screen = StringIO()
    view = GradingView(Console(file=screen, width=150), "small")
    view.summary(grade())
    assert "\x1b]" not in screen.getvalue() and "\x07" not in screen.getvalue()
    assert "[red]markup" in screen.getvalue()
