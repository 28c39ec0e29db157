"""A made-up class does what it says: every choice is judged as that mistake or as right."""

import numpy as np
import pytest

from autograder.authoring import load_assignment
from autograder.build import load_driver_of, run_check
from autograder.check import CheckSet
from autograder.sample_class import implementation, make_class, plan_class

from ..conftest import ASSIGNMENTS


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ASSIGNMENTS]
)
@pytest.mark.filterwarnings("ignore")
def test_written_out_implementations_are_judged_like_the_originals(built, name):
    course = built(name)
    assignment = load_assignment(course.folder(name))
    checks = CheckSet.load(course.exercises / name / "public.npz")
    for check in assignment.checks:
        data = checks[check.name]
        if data.calls == 1:
            continue
        driver = load_driver_of(checks, check.name)
        for label in [*check.right, *(m.id for m in check.misconceptions)]:
            namespace = {"np": np}
            exec(implementation(assignment, check.name, label), namespace)
            verdict = run_check(data, list(data.cases), namespace[check.name], driver)
            where = f"{check.name}: {label}"
            if label in check.right:
                assert verdict.right, f"{where}\n{verdict.text()}"
            else:
                assert verdict.misconception == label, f"{where}\n{verdict.text()}"


def test_a_class_has_all_kinds_and_is_left_alone(course, tmp_path):
    target = tmp_path / "submitted"
    made = make_class(course, "rnn", 12, 0, target)
    assert {s.kind for s in made} == {
        *("right", "partly", "misconception", "blank", "crash", "endless", "variant")
    }
    times = {p: p.stat().st_mtime_ns for p in target.rglob("*.ipynb")}
    assert make_class(course, "rnn", 12, 0, target) == made
    assert {p: p.stat().st_mtime_ns for p in target.rglob("*.ipynb")} == times


def test_the_same_seed_makes_the_same_class(course):
    assignment = load_assignment(course.folder("rnn"))
    assert plan_class(assignment, 50, 3) == plan_class(assignment, 50, 3)
    assert plan_class(assignment, 50, 3) != plan_class(assignment, 50, 4)
