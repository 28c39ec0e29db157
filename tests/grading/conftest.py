"""A small course of its own, and classes that hand in its one assignment."""

import os
import shutil

import pytest

from ..conftest import ROOT
from . import making


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A course with the assignment `small`, built, with this course's configuration."""
    from autograder.build import Course, build

    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    (folder / "solutions").mkdir()
    course = Course(folder)
    making.write(course)
    build(course, "small")
    return course


@pytest.fixture(scope="session")
def gradebook(small, tmp_path_factory):
    """A gradebook that has the assignment and no submissions; making one takes seconds."""
    from autograder.class_run import prepare_assignment
    from autograder.gradebook import GradebookWriter
    from autograder.nbgrader_course import load_config

    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(path.parent))
        patch.setenv("AUTOGRADER_HIDDEN", "")
        config = load_config(small)
        with GradebookWriter(f"sqlite:///{path}", "recurrent-networks", "small") as writer:
            prepare_assignment(small, config, "small", writer)
    return path


@pytest.fixture
def klass(fresh, gradebook):
    """An empty class whose gradebook has the assignment."""
    shutil.copy(gradebook, fresh.folder)
    return fresh


@pytest.fixture
def fresh(small, tmp_path, monkeypatch):
    """An empty class without a gradebook; commands and calls find it through COURSE_DATA."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "class"))
    # load_config sets it; the next test's course has another.
    monkeypatch.setenv("AUTOGRADER_HIDDEN", os.environ.get("AUTOGRADER_HIDDEN", ""))
    monkeypatch.setenv("AUTOGRADER_PLUGINS", "on")
    (tmp_path / "class" / "submitted").mkdir(parents=True)
    return making.Class(small, tmp_path / "class")


@pytest.fixture
def grade(klass):
    """Grade the class in this process; keyword arguments are the command's options."""
    from autograder.class_run import Options, grade_class

    def grade(**options):
        options.setdefault("workers", 1)
        return grade_class(klass.course, "small", Options(**options))

    return grade
