"""A chapter runs again when what it imports has changed, and only then."""

import fresh

from .conftest import BOOK


def loaded(source):
    course = BOOK / "course"
    return {path.relative_to(course).as_posix() for path in fresh.files(source, course)}


def test_the_imports_of_a_chapter_are_found_in_every_form():
    assert "data.py" in loaded("from course import data, plots as p\n")
    assert "notes.py" in loaded("from course.notes import glue\n")
    assert "runs.py" in loaded("import course.runs\n")
    assert loaded("import numpy as np\nfrom keras import layers\n") == set()


def test_a_module_brings_the_modules_that_it_imports_and_no_others():
    names = loaded("from course import plots")
    assert {"plots.py", "figures/canvas.py"} <= names
    assert "data.py" not in names and "runs.py" not in names


def test_a_changed_module_changes_the_digest_of_the_chapters_that_import_it(tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    (course / "data.py").write_text("x = 1\n")
    (course / "runs.py").write_text("y = 1\n")
    page = tmp_path / "page.md"
    page.write_text("```{code-cell}\nfrom course import data\n```\n")
    before = fresh.digest(page, course)
    (course / "runs.py").write_text("y = 2\n")
    assert fresh.digest(page, course) == before
    (course / "data.py").write_text("x = 2\n")
    assert fresh.digest(page, course) != before


def test_a_record_that_is_made_anew_changes_the_digest_of_the_chapters_that_name_it(tmp_path):
    course, experiments = tmp_path / "course", tmp_path / "experiments"
    course.mkdir()
    experiments.mkdir()
    (experiments / "names.csv").write_text("accuracy\n0.7\n")
    shows, other = tmp_path / "shows.md", tmp_path / "other.md"
    shows.write_text("`book/experiments/names.py` makes them.\n")
    other.write_text("Nothing recorded, but a file_names.csv of its own.\n")
    before = [fresh.digest(page, course) for page in (shows, other)]
    (experiments / "names.csv").write_text("accuracy\n0.8\n")
    after = [fresh.digest(page, course) for page in (shows, other)]
    assert before[0] != after[0] and before[1] == after[1]
