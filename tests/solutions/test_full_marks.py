"""Right answers get full marks and untouched exercises nothing, in the engine and in plain nbgrader."""

import shutil
import subprocess
import sys

import nbformat
import pytest

from autograder.authoring import load_assignment
from autograder.class_run import Options, grade_class
from autograder.nbgrader_course import run_converter
from autograder.sample_class import fill_in

from ..conftest import ASSIGNMENTS
from ..grading.making import Class


def hand_in(klass, name, pictures=True):
    """The untouched exercise, the solution, and as many mixtures of right variants as hold them all.

    Without `pictures`, plain nbgrader leaves out the cells that draw or train for show: it heeds a tag
    in what a student hands in, where the engine does not.
    """
    course, assignment = klass.course, load_assignment(klass.course.folder(name))
    blank = nbformat.read(course.released / name / f"{name}.ipynb", as_version=4)
    solved = nbformat.read(course.source / name / f"{name}.ipynb", as_version=4)
    # Every submission of the project trains a network.
    mixtures = 1 if name == "project" else max(len(check.right) for check in assignment.checks)
    notebooks = {"untouched": blank, "solution": None}
    notebooks |= {f"variant{number}": None for number in range(mixtures)}
    for number, student in enumerate(notebooks):
        choices = dict.fromkeys((check.name for check in assignment.checks), "right")
        if student.startswith("variant"):
            for check in assignment.checks:
                if check.right:
                    choices[check.name] = list(check.right)[(number - 2) % len(check.right)]
        notebook = notebooks[student] or fill_in(assignment, blank, solved, choices)
        if not pictures:
            notebook = nbformat.from_dict(notebook)
            for cell in notebook.cells:
                if cell.metadata.get("nbgrader", {}).get("locked") and "plt." in cell.source:
                    cell.metadata["tags"] = ["skip-execution"]
        folder = klass.folder / "submitted" / student / name
        shutil.copytree(course.released / name, folder)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return list(notebooks), {check.name: check.points for check in assignment.checks}


def points(klass, name):
    """Student to the automatic points of the cells that grade a function."""
    found = {}
    for student, cell, automatic, *_ in klass.grades():
        if cell.startswith("test_"):
            found.setdefault(student, {})[cell.removeprefix("test_")] = automatic
    return found


@pytest.mark.slow
@pytest.mark.parametrize("way", ["engine", "nbgrader"])
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_right_answers_get_full_marks_and_untouched_ones_nothing(
    built, tmp_path, monkeypatch, name, way
):
    klass = Class(built(name), tmp_path / "class")
    monkeypatch.setenv("COURSE_DATA", str(klass.folder))
    monkeypatch.setenv("AUTOGRADER_PLUGINS", "on" if way == "engine" else "off")
    students, full = hand_in(klass, name, pictures=way == "engine")
    if way == "engine":
        grade_class(klass.course, name, Options(workers=1))
    else:
        release = {"release_directory": str(klass.folder / "release")}
        run_converter(klass.course, "generate_assignment", name, CourseDirectory=release)
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "autograde", name, "--log-level=WARN"],
            cwd=klass.course.root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    expected = {student: full for student in students}
    expected["untouched"] = dict.fromkeys(full, 0)
    assert points(klass, name) == expected
