"""Plain nbgrader, nbgrader with the plug-ins, the command and a cluster give the same gradebook.

SAME_SCORES is how many submissions of a made-up class are compared: by default 10, without the one that
never ends, which alone takes minutes. `SAME_SCORES=200 pytest tests/grading/test_same_scores.py -n 0` is
the whole comparison; plain nbgrader takes a second or more a submission.
"""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from autograder.class_run import Options, grade_class
from autograder.nbgrader_course import run_converter
from autograder.sample_class import make_class

from . import making


@contextlib.contextmanager
def cluster():
    """A Dask scheduler and a worker process on this machine."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None,
        host="127.0.0.1",
    ) as made:  # fmt: skip
        yield made.scheduler_address


def four_ways(klass, tmp_path, monkeypatch, assignment):
    """The class graded in four ways; the gradebook's content by way."""
    states = {}
    course, submitted = klass.course, klass.folder / "submitted"
    for way in ("stock", "plug-ins", "command", "scheduler"):
        one = making.Class(course, tmp_path / way)
        shutil.copytree(submitted, one.folder / "submitted")
        monkeypatch.setenv("COURSE_DATA", str(one.folder))
        monkeypatch.setenv("AUTOGRADER_PLUGINS", "off" if way == "stock" else "on")
        if way == "command":
            grade_class(course, assignment, Options(workers=2))
        elif way == "scheduler":
            with cluster() as address:
                grade_class(course, assignment, Options(scheduler=address))
        else:
            run_converter(course, "generate_assignment", assignment,
                          CourseDirectory={"release_directory": str(one.folder / "release")})  # fmt: skip
            autograde(course, assignment)
        states[way] = one.state()
        assert one.whole()
    return states


def autograde(course, assignment):
    """nbgrader's own command."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", assignment, "--log-level=WARN"],
        cwd=course.root, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def assert_equal(states):
    stock = states.pop("stock")
    assert stock[0], "plain nbgrader graded nothing"
    for way, state in states.items():
        for ours, theirs in zip(state, stock):
            assert ours == theirs, way


@pytest.mark.slow
def test_a_small_class_gets_the_same_gradebook_in_four_ways(fresh, tmp_path, monkeypatch):
    fresh.honest(len(making.KINDS))
    assert_equal(four_ways(fresh, tmp_path, monkeypatch, "small"))


@pytest.mark.slow
def test_a_made_up_class_gets_the_same_gradebook_in_four_ways(built, tmp_path, monkeypatch):
    course, students = built("rnn"), int(os.environ.get("SAME_SCORES", "10"))
    klass = making.Class(course, tmp_path / "class")
    plans = make_class(course, "rnn", students, 1, klass.folder / "submitted")
    if "SAME_SCORES" not in os.environ:
        endless = next(plan for plan in plans if plan.kind == "endless")
        shutil.rmtree(klass.folder / "submitted" / endless.name)
        plans.remove(endless)
    states = four_ways(klass, tmp_path, monkeypatch, "rnn")
    assert {row[0] for row in states["stock"][0]} == {plan.name for plan in plans}
    assert_equal(states)
