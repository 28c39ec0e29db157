"""Every assignment: in step, solvable, honest to the untouched, merciless to misconceptions."""

import json
import re
import time

import numpy as np
import pytest

from autograder.authoring import load_assignment
from autograder.build import (
    build,
    checks_data,
    find_course,
    folder_bytes,
    load_driver_of,
    out_of_step,
    recheck,
    run_check,
    seeded,
)
from autograder.check import CheckSet, read_npz
from autograder.mutants import as_markdown, known_mutants
from autograder.source import read_source, solution_namespace

from ..conftest import ASSIGNMENTS, ROOT

# Assignments of one group run in one test process: building and importing is shared.
each = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ASSIGNMENTS]
)

CORE = re.compile(
    r"_step|_layer|_forward|_backward|^bidirectional_(rnn|lstm)$|^stacked_(rnn|lstm)$"
)


@each
def test_exercises_are_in_step_with_solutions(built, name):
    course = built(name)
    assert out_of_step(course, name) == [], "run `make exercises` and commit exercises/"


@each
def test_every_misconception_is_caught_and_told_its_own_hint(built, name):
    found = known_mutants(built(name), name)
    assert [f"{m.check}: {m.id}" for m in found if not m.ok] == []
    hints = [(m.check, m.hint) for m in found]
    assert len(set(hints)) == len(hints)


@each
def test_there_are_enough_misconceptions_and_right_variants(built, name):
    assignment = load_assignment(built(name).folder(name))
    for check in assignment.checks:
        core = bool(CORE.search(check.name))
        if any(case.score for case in check.cases(np.random.default_rng(0))):
            continue  # scored by accuracy: there is no single right output to be wrong about
        assert len(check.misconceptions) >= (8 if core else 4), check.name
        assert len(check.right) >= (3 if core else 0), check.name


@each
def test_references_are_reproduced(built, name):
    assert set(recheck(built(name), name).values()) == {""}


@each
def test_solution_agrees_with_the_reference_on_fresh_cases(built, name):
    """Other random cases than any that are stored, hidden or public."""
    course = built(name)
    assignment = load_assignment(course.folder(name))
    namespace = solution_namespace(read_source(course.folder(name), assignment), name)
    public = read_npz(course.exercises / name / "public.npz")[0]
    manifest, arrays = checks_data(
        assignment, "hidden", b"a secret that only this test has", public=public
    )
    fresh = CheckSet(manifest, arrays, course.hidden / "fresh")
    for check in assignment.checks:
        driver = load_driver_of(fresh, check.name)
        if fresh[check.name].calls == 1:
            continue  # trains for long; its cases are the same data under another seed
        verdict = run_check(
            fresh[check.name], list(fresh[check.name].cases), namespace[check.name], driver
        )
        assert verdict.right, verdict.text()


@each
def test_the_checks_of_a_submission_take_little_time(built, name):
    course = built(name)
    assignment = load_assignment(course.folder(name))
    if "keras" in assignment.allows:
        pytest.skip("a Keras model a case takes longer")
    namespace = solution_namespace(read_source(course.folder(name), assignment), name)
    seconds = []
    for number in range(3):
        start = time.process_time()
        checks = CheckSet.load(course.hidden / f"{name}.npz")
        for check in checks.values():
            driver = load_driver_of(checks, check.name)
            assert run_check(check, check.draw(str(number)), namespace[check.name], driver).right
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.3


@each
def test_the_untouched_exercise_scores_nothing(built, name):
    course = built(name)
    checks = CheckSet.load(course.hidden / f"{name}.npz")

    def untouched(*args, **kwargs):
        raise NotImplementedError()

    for check in checks.values():
        verdict = run_check(
            check, check.draw("untouched"), untouched, load_driver_of(checks, check.name)
        )
        assert verdict.points == 0
        assert "not written yet" in verdict.text()


@each
@pytest.mark.filterwarnings("ignore")
def test_no_group_is_earned_by_a_trivial_function(built, name):
    course = built(name)
    checks = CheckSet.load(course.hidden / f"{name}.npz")
    for check in checks.values():
        if check.driver or check.calls == 1:
            continue
        trivial = {
            "zeros": lambda *a, _c=check, **k: zeros_like_reference(_c, a, k),
            "ones": lambda *a, _c=check, **k: zeros_like_reference(_c, a, k, 1),
            "first input": lambda *a, **k: a[0],
        }
        for label, function in trivial.items():
            verdict = run_check(check, check.draw("trivial"), function)
            earned = [g.title for g in verdict.groups if g.points]
            assert not earned, f"{check.name}: {label} earns {earned}"


def zeros_like_reference(check, args, kwargs, fill=0):
    """A constant of the right shape: looked up in the cases by the arguments."""
    for case in check.cases:
        known_args, known_kwargs = case.arguments()
        try:
            np.testing.assert_equal((list(args), kwargs), (known_args, known_kwargs))
        except AssertionError:
            continue
        return filled(case.reference(), fill)
    return None


def filled(value, fill):
    if isinstance(value, (tuple, list)):
        return type(value)(filled(item, fill) for item in value)
    if isinstance(value, np.ndarray):
        return np.full_like(value, fill)
    return type(value)(fill) if isinstance(value, (int, float)) else None


@each
def test_nothing_secret_is_in_the_students_folder(built, name):
    """No line of a solution, no hidden case, no code of a misconception."""
    course = built(name)
    assignment = load_assignment(course.folder(name))
    notebook = read_source(course.folder(name), assignment)
    shipped = folder_bytes(course.exercises / name)
    text = json.loads(shipped[f"{name}.ipynb"])
    student = "\n".join("".join(cell["source"]) for cell in text["cells"])
    public = CheckSet.load(course.exercises / name / "public.npz")
    # The drivers are code that is meant to be there; the rest of the file is data and hints.
    data = json.dumps({**read_npz(public.path)[0], "drivers": None})

    for line in solution_lines(notebook):
        shown = line in student or line in data or line in (public.drivers or "")
        assert not shown, f"a solution's line is shipped: {line}"
    assert "grade(" not in student.replace("grade_id", "")
    assert "BEGIN" not in student
    assert not re.search(r"\blambda\b|\bdef \w+\(", data), "code of a misconception is shipped"

    hidden = CheckSet.load(course.hidden / f"{name}.npz")
    known = {a.tobytes() for check in public.values() for c in check.cases for a in inputs_of(c)}
    for check in hidden.values():
        for case in check.cases:
            # Sizes, masks of ones and the like are no secret: what counts are random numbers.
            own = [a for a in inputs_of(case) if np.unique(a).size > 6]
            assert not [a.shape for a in own if a.tobytes() in known], f"{case.id} is public"


def inputs_of(case):
    """The arrays that a case is called with."""
    args, kwargs = case.arguments()
    queue, found = [*args, *kwargs.values()], []
    while queue:
        value = queue.pop()
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            queue += value
    return found


def solution_lines(notebook):
    """The lines between the solution marks that are long enough to say something.

    Lines that the instructor also gives outside (an import, a model that is shown) are no secret.
    """
    secret, given = [], set()
    for cell in notebook.cells:
        inside = False
        for line in map(str.strip, cell.source.splitlines()):
            if "BEGIN SOLUTION" in line:
                inside = True
            elif "END SOLUTION" in line:
                inside = False
            elif inside and len(line) > 24 and line[-1] not in "([{":  # an opening says nothing
                secret.append(line)
            elif not inside:
                given.add(line)
    return [line for line in secret if not any(line in shown for shown in given)]


@pytest.mark.slow
def test_the_books_table_of_misconceptions_is_in_step(built):
    found = [m for name in ASSIGNMENTS for m in known_mutants(built(name), name)]
    page = ROOT / "book" / "appendices" / "misconceptions.md"
    message = "run `make exercises` and commit the page"
    assert page.read_text(encoding="utf-8") == as_markdown(found), message


def test_building_twice_gives_the_same_bytes(built):
    course = built("rnn")
    before = folder_bytes(course.released / "rnn")
    build(course, "rnn", force=True)
    assert folder_bytes(course.released / "rnn") == before


def test_ids_and_seeds_do_not_depend_on_order():
    first = seeded(b"key", "a", "b", 0).random(3)
    seeded(b"key", "a", "c", 0).random(3)
    np.testing.assert_array_equal(first, seeded(b"key", "a", "b", 0).random(3))


def test_course_is_found_from_a_folder_below():
    assert find_course(ROOT / "book").root == ROOT
