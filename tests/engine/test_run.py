"""Points come from right answers alone, and every submission ends recorded."""

from __future__ import annotations

import json
import types

import nbformat
import numpy as np
import pytest
from nbgrader.utils import determine_grade

from autograder import check
from autograder.engine import run
from autograder.engine.frames import FrameError
from autograder.engine.limits import Limits
from autograder.engine.rebuild import AssignmentError, Blueprint, parse_notebook
from autograder.engine.run import grade_submission
from tests.engine.conftest import said
from tests.engine.making import blueprint, check_set, code, notebook, solution, test_cell, text

pytestmark = pytest.mark.xdist_group("engine-run")
RIGHT = "def double(x):\n    return 2 * x"
GRADE = "check(double)\n### BEGIN HIDDEN TESTS\ngrade(double)\n### END HIDDEN TESTS"
LIMITS = Limits(cell_seconds=5, call_seconds=1, check_seconds=5, submission_seconds=60)


@pytest.fixture(scope="module")
def checks():
    return check_set()


@pytest.fixture
def grade(zygote, checks):
    def grade(source, *after, own=None, limits=LIMITS, files=None):
        own = own or [solution("stub", "double"), test_cell(GRADE, "test")]
        cells = [solution(source, "double"), *own[1:], *map(code, after)]
        raw = json.dumps(notebook(*cells)).encode()
        submitted = parse_notebook(raw, "s.ipynb", limits)
        graded = grade_submission(zygote, blueprint(*own), submitted, checks, limits, files)
        whole = nbformat.from_dict(graded.notebook)
        nbformat.validate(whole)
        for cell in whole.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id in graded.scores:
                score = graded.scores[grade_id]
                assert determine_grade(cell) == (score.points, score.max_points)
        return graded

    return grade


def test_a_right_function_earns_all_points(grade):
    graded = grade(RIGHT)
    assert (graded.points, graded.max_points, graded.flags) == (2.0, 2.0, [])
    shown, value = graded.notebook["cells"][1]["outputs"]
    assert "right in all 3 cases" in shown["data"]["text/plain"]
    assert float(value["data"]["text/plain"]) == 2.0


@pytest.mark.parametrize(
    ("source", "said_"),
    [
        ("def double(x):\n    return 4 * x", "2 times"),
        ("def double(x):\n    raise ValueError('no way')", "ValueError: no way"),
        ("def double(x):\n    x *= 2\n    return x", "is changed afterwards"),
        ("n = [0]\ndef double(x):\n    n[0] += 1\n    return 2 * x + (n[0] > 3)", "called again"),
        ("def double(x): return x.tolist", "of type"),
        ("x = 1", "`double` is not defined"),
        ("double = 3", "TypeError"),
        ("def double(x):\n    while True: pass", "time limit of 1 s"),
        ("import os\ndef double(x): os._exit(0)", "ended its process"),
        ("import sys\ndef double(x): sys.exit()", "SystemExit"),
        ("def double(x): return bytearray(1 << 40)", "MemoryError"),
        ("def double(", "`double` is not defined"),
        ("import numpy as np\ndef double(x): return np.zeros(1 << 25)", "limit"),
    ],
)
def test_a_wrong_function_earns_nothing_and_hears_why(grade, source, said_):
    limits = Limits(cell_seconds=5, call_seconds=1, check_seconds=3, answer_bytes=1 << 20)
    graded = grade(source, limits=limits)
    assert graded.points == 0
    assert said_ in graded.notebook["cells"][1]["outputs"][0]["data"]["text/plain"]


def test_a_check_sees_the_function_as_it_is_at_its_cell(grade):
    own = [solution("s", "double"), test_cell(GRADE, "early"), code("double = None", "x", locked=True),
           test_cell(GRADE, "late")]  # fmt: skip
    graded = grade(RIGHT, own=own)
    assert {k: s.points for k, s in graded.scores.items()} == {"early": 2.0, "late": 0.0}


def test_what_else_stands_in_a_checks_cell_runs_and_says_nothing_about_points(grade):
    cell = "import sys\nprint('setting', file=sys.stderr)\nfactor = 2\n" + GRADE + "\n1 / 0"
    own = [solution("s", "double"), test_cell(cell, "test")]
    graded = grade("def double(x):\n    return factor * x", own=own)
    assert graded.points == 2.0
    assert "setting" in said(graded.notebook["cells"][1]["outputs"])


FORGERIES = {
    "patched oracle": "import autograder.check as c\nc.judge = lambda *a: None\n"
    "c.Answer = lambda *a, **k: c\ndef double(x): return 0",
    "greedy value": "class Right:\n    def __eq__(self, other): return True\n"
    "    def __array__(self, *a, **k): return 1 / 0\ndef double(x): return Right()",
    "answers written by hand": "import os, stat, threading\n"
    "for n in range(3, 200):\n    try: os.write(n, b'AGF1' + bytes(12))\n    except OSError: pass",
    "cells answered by hand": "from autograder.engine import frames\nimport os\n"
    "raw = b''.join(frames.encode('cell', {'outputs': [], 'updates': [], 'count': 1}))\n"
    "for n in range(3, 200):\n    try: os.write(n, raw * 5)\n    except OSError: pass",
    "patched fork": "import os\nfrom autograder.engine import submission, harness\n"
    "submission._fork = lambda: 0\nharness.serve = lambda *a: None",
    "patched shell": "get_ipython().run_cell = None\nget_ipython().recorder = None",
    "an exit handler": "import atexit, os\natexit.register(lambda: os.write(3, b'x' * 100))\nexit()",
    "a display of points": "from IPython.display import display\ndisplay(2.0)\n2.0",
}


@pytest.mark.parametrize("source", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_earns_nothing(grade, source):
    graded = grade(source)
    assert graded.points == 0.0
    assert grade(RIGHT).points == 2.0  # and the next submission is graded as ever


def test_breaking_the_protocol_is_flagged(grade):
    graded = grade(FORGERIES["cells answered by hand"])
    assert any("connection" in flag for flag in graded.flags)


def test_hidden_inputs_do_not_come_out(grade):
    leak = (
        "import threading, os\nseen = []\n"
        "def double(x):\n    seen.append(x)\n    open('seen', 'w').write(str(x))\n    print(x)\n"
        "    raise ValueError(f'got {x.tolist()} {x.sum()} ' + '_'.join(map(str, x.ravel())))"
    )
    graded = grade(leak, "import time\ntime.sleep(0.2)\nprint(seen, os.listdir('.'))")
    text = json.dumps(graded.notebook)
    assert "[] []" in text
    for number in ("10.0", "15.0", "35.0", "75.0", "23.0", "195.0"):
        assert number not in text
    assert "ValueError" in text


def test_a_type_named_after_an_input_is_not_named(grade):
    graded = grade("def double(x):\n    return type('T' + str(int(x.sum())), (), {})()")
    assert "another type" in json.dumps(graded.notebook)


@pytest.mark.parametrize(
    "spec",
    [
        {"l": [{"a": 0}, {"a": 0}]}, {"a": 1}, {"a": -1}, {"a": True}, {"g": 3}, {"r": "ValueError"},
        {"v": 1 << 70}, {"l": 3}, {"a": 0, "v": 1}, [], None, {"o": 3}, {"x": 1},
        {"l": [{"l": [{"l": [{"l": [{"l": [{"l": [{"l": [{"l": [{"l": [{"l": [{"l": [{"v": 1}]}]}]}]}]}]}]}]}]}]}]},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(spec):
    with pytest.raises(FrameError):
        run.check_spec(spec, 1)


CLASSIC = "assert double(2) == 4"


@pytest.mark.parametrize(
    ("test", "points"),
    [
        (CLASSIC, 2.0), ("assert double(2) == 5", 0.0), ("1.5", 1.5), ("'text'", 2.0),
        (CLASSIC + "\nimport warnings\nwarnings.warn('careful')", 2.0), ("3.5", 0.0), ("-1", 0.0),
        ("float('nan')", 0.0), ("import os; os._exit(0)", 0.0), ("while True: pass", 0.0),
    ],
)  # fmt: skip
def test_a_classic_test_cell_is_scored_as_nbgrader_does(grade, test, points):
    own = [solution("s", "double"), test_cell(test, "test")]
    graded = grade(RIGHT, own=own, limits=Limits(cell_seconds=1))
    assert graded.scores["test"].points == points
    assert graded.scores["test"].how == "in-kernel"


def test_written_answers_wait_for_a_person(grade):
    own = [solution("s", "double"), text("Why?", "why", grade=True, solution=True, points=3)]
    graded = grade(RIGHT, own=own)
    assert graded.scores["why"].points is None and graded.scores["why"].max_points == 3


@pytest.mark.parametrize("crash", ["import os; os.abort()", "import os; os._exit(3)", "1 + 1"])
def test_what_ends_the_interpreter_is_flagged_and_the_rest_is_graded(zygote, checks, crash):
    blue = blueprint(solution("s", "double"), test_cell(GRADE, "early"), solution("s", "other"),
                     test_cell(GRADE, "late"))  # fmt: skip
    theirs = notebook(solution(RIGHT, "double"), solution(crash, "other"))
    submitted = parse_notebook(json.dumps(theirs).encode(), "s", LIMITS)
    graded = grade_submission(zygote, blue, submitted, checks, LIMITS)
    assert [graded.scores[k].points for k in ("early", "late")] == [2.0, 2.0]
    assert any("cell other was stopped" in flag for flag in graded.flags) == ("os" in crash)


TWO = [solution("s", "double"), test_cell(GRADE, "t1"), solution("s", "twice"),
       test_cell("grade(twice)", "t2")]  # fmt: skip


def grade_two(zygote, checks, first, second):
    theirs = notebook(solution(first, "double"), solution(second, "twice"))
    submitted = parse_notebook(json.dumps(theirs).encode(), "s", LIMITS)
    graded = grade_submission(zygote, blueprint(*TWO), submitted, checks, LIMITS)
    return [graded.scores[k].points for k in ("t1", "t2")]


@pytest.mark.parametrize(
    "crash", ["import os; os._exit(0)", "import ctypes; ctypes.string_at(0)", "while True: pass"]
)
def test_a_call_that_ends_its_process_costs_no_other_check_its_points(zygote, checks, crash):
    second = "def twice(x):\n    return x + x"
    assert grade_two(zygote, checks, f"def double(x):\n    {crash}", second) == [0.0, 2.0]


def test_checks_that_no_time_is_left_for_say_so(zygote, checks):
    limits = Limits(call_seconds=30, check_seconds=30, submission_seconds=3)
    slow = (
        "import signal\n\ndef double(x):\n    signal.pthread_sigmask(0, {14})\n    while True: pass"
    )
    theirs = notebook(solution(slow, "double"), solution("def twice(x): return 2 * x", "twice"))
    submitted = parse_notebook(json.dumps(theirs).encode(), "s", limits)
    graded = grade_submission(zygote, blueprint(*TWO), submitted, checks, limits)
    assert graded.points == 0
    assert "time limit of 3 s for the notebook" in graded.verdicts["t2"].text()


def test_a_helper_defined_after_its_check_is_missing_at_the_check(zygote, checks):
    first = "def double(x):\n    return helper(x)"
    second = "def helper(x):\n    return 2 * x\n\ndef twice(x):\n    return helper(x)"
    assert grade_two(zygote, checks, first, second) == [0.0, 2.0]


def test_a_helper_redefined_after_its_check_was_good_at_the_check(zygote, checks):
    first = "def helper(x):\n    return 2 * x\n\ndef double(x):\n    return helper(x)"
    second = "def helper(x):\n    return 3 * x\n\ndef twice(x):\n    return helper(x)"
    assert grade_two(zygote, checks, first, second) == [2.0, 0.0]


def test_a_function_that_never_ends_is_tried_on_two_cases(grade):
    graded = grade("def double(x):\n    while True: pass")
    [group] = graded.verdicts["test"].groups
    first, second, third = (result.finding.text for result in group.results)
    assert first == second == "no answer: time limit of 1 s."
    assert third.startswith("no answer: not called")


def test_a_function_too_slow_for_one_case_answers_the_others(grade):
    graded = grade("def double(x):\n    while x[0, 0] == 10: pass\n    return 2 * x")
    [group] = graded.verdicts["test"].groups
    assert [result.credit for result in group.results] == [1, 0, 1]


@pytest.mark.parametrize(
    "later",
    [
        "import numpy as np\nnp.seterr(all='raise')", "scale[0] = 3.0", "scale += 1", "scale = 3",
        "import numpy as np\nnp.exp = None", "def helper(x): return x", "del helper, np",
        "helper.__code__ = (lambda x: x).__code__", "helper.__defaults__[0]['two'] = 3",
        "class A:\n    def f(self): self.x = 1\nA().f()", "np = None", "%time 1", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("locked", [True, False])
def test_nothing_that_a_later_cell_does_changes_a_check(grade, later, locked):
    source = (
        "import numpy as np\nscale = np.ones(1)\n\n"
        "def helper(x, d={'two': 2}):\n    return d['two'] * x\n\n"
        "def double(x):\n    np.exp(np.full(1, -1e9))\n    return scale * helper(x)"
    )
    own = [solution("s", "double"), test_cell(GRADE, "test")]
    if locked:
        graded = grade(source, own=[*own, code(later, "later", locked=True)])
    else:
        graded = grade(source, later, own=own)
    assert graded.points == 2.0 and graded.flags == []


def test_what_a_check_changes_the_next_one_may_see_and_no_later_cell(zygote, checks):
    first = "calls = []\n\ndef double(x):\n    calls.append(x)\n    return 2 * x"
    second = "def twice(x):\n    return 2 * x"
    theirs = notebook(
        solution(first, "double"), solution(second, "twice"), code("print(len(calls))")
    )
    submitted = parse_notebook(json.dumps(theirs).encode(), "s", LIMITS)
    graded = grade_submission(zygote, blueprint(*TWO), submitted, checks, LIMITS)
    assert graded.points == 4.0
    [extra] = [c for c in graded.notebook["cells"] if c["source"].startswith("print")]
    assert said(extra["outputs"]).strip() == "0"


def test_files_beside_the_notebook_are_there(grade):
    own = [solution("s", "double"), code("print(open('data/a.txt').read())", "show", locked=True)]
    graded = grade("import helper\ndouble = helper.double", own=own,
                   files={"data/a.txt": b"hello", "helper.py": b"def double(x): return 2 * x"})  # fmt: skip
    assert "hello" in said(graded.notebook["cells"][1]["outputs"])


def test_the_same_submission_draws_the_same_cases(grade):
    first, second = grade(RIGHT), grade(RIGHT)
    assert first.digest == second.digest != grade(RIGHT + "\n").digest
    assert first.notebook == second.notebook


def test_points_that_differ_between_notebook_and_check_are_refused(zygote, checks):
    blue = blueprint(solution("s", "double"), test_cell(GRADE, "test", points=9))
    submitted = parse_notebook(b'{"cells": []}', "s", LIMITS)
    with pytest.raises(AssignmentError, match="worth 9 points"):
        grade_submission(zygote, blue, submitted, checks, LIMITS)


def test_a_check_without_hidden_cases_is_refused(zygote):
    blue = blueprint(solution("s", "double"), test_cell(GRADE, "test"))
    with pytest.raises(AssignmentError, match="no hidden cases"):
        grade_submission(zygote, blue, parse_notebook(b'{"cells": []}', "s", LIMITS), {}, LIMITS)


def test_two_checks_in_one_cell_are_refused():
    with pytest.raises(AssignmentError, match="a cell of its own"):
        Blueprint(notebook(test_cell("grade(f)\ngrade(g)", "t")))


def test_a_zygote_that_was_killed_is_replaced(grade, zygote):
    zygote._process.kill()
    zygote._process.wait()
    assert grade(RIGHT).points == 2.0


def test_redaction_keeps_what_helps():
    from autograder.engine.feedback import Redactor

    case = types.SimpleNamespace(args={"l": [{"a": 0}]}, kwargs={}, arrays=[np.zeros((3, 5))])
    redactor = Redactor(["def f(x):\n    return x @ weights"])
    kept = "ValueError: operands could not be broadcast together with shapes (3,5) (5,3)"
    answer = redactor.clean(check.Answer(error=kept, line="return x @ weights", lineno=2), case)
    assert answer.error == kept and answer.lineno == 2
    answer = redactor.clean(
        check.Answer(error="Secret123: 0.7312 17 zorg", line="x", lineno=2), case
    )
    assert answer.error == "an exception" and answer.line is None
