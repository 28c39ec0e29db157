"""TensorFlow runs in the sandbox: in a fork of an interpreter that imported it and ran nothing."""

from __future__ import annotations

import json

import pytest

from autograder.engine.limits import Limits
from autograder.engine.rebuild import parse_notebook
from autograder.engine.run import grade_submission
from autograder.engine.zygote import Zygote
from tests.engine.conftest import said
from tests.engine.making import blueprint, check_set, code, notebook, solution, test_cell

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine-tensorflow")]
LIMITS = Limits(cell_seconds=120, call_seconds=60, check_seconds=120)


@pytest.fixture(scope="module")
def tensorflow():
    with Zygote(("numpy", "tensorflow", "keras")) as zygote:
        yield zygote


def grade(zygote, source, *after):
    own = [code("import tensorflow as tf\nimport keras", "setup", locked=True), solution("s", "double"),
           test_cell("grade(double)", "t1"), *after]  # fmt: skip
    theirs = notebook(solution(source, "double"))
    submitted = parse_notebook(json.dumps(theirs).encode(), "s", LIMITS)
    return grade_submission(zygote, blueprint(*own), submitted, check_set(), LIMITS)


LAYER = "def double(x):\n    return (tf.constant(x) * 2).numpy()"
RUN = code(
    "print(keras.Sequential([keras.layers.Dense(2)])(tf.ones((1, 3))).shape)", "m", locked=True
)


def test_a_model_is_built_and_run(tensorflow):
    graded = grade(tensorflow, LAYER, RUN)
    assert "(1, 2)" in said(graded.notebook["cells"][3]["outputs"])
    assert graded.scores["t1"].points == 2.0 and graded.flags == []


def test_a_check_after_the_first_operation_sees_the_function_of_its_cell(tensorflow):
    later = code("double = None\nscale = 3", "later", locked=True)
    source = "scale = int(tf.constant(2))\n\ndef double(x):\n    return x * scale"
    assert grade(tensorflow, source, later).scores["t1"].points == 2.0


def test_a_check_before_the_first_operation_sees_the_function_of_its_cell(tensorflow):
    later = code("double = None\ntwo = lambda x: 3\nscale = tf.constant(3)", "later", locked=True)
    source = "scale = 2\n\ndef two(x):\n    return x * scale\n\ndef double(x):\n    return two(x)"
    graded = grade(tensorflow, source, later)
    assert graded.scores["t1"].points == 2.0 and graded.flags == []


@pytest.mark.parametrize("started", ["", "tf.zeros(1) + 1\n"], ids=["may fork", "may not fork"])
def test_a_check_that_ends_its_process_takes_no_other_along(tensorflow, started):
    own = [code("import tensorflow as tf", "setup", locked=True), solution("s", "double"),
           test_cell("grade(double)", "t1"), code("1", "a", locked=True), solution("s", "twice"),
           test_cell("grade(twice)", "t2"), code("2", "b", locked=True)]  # fmt: skip
    theirs = notebook(solution(started + "import os\n\ndef double(x):\n    os._exit(1)", "double"),
                      solution("def twice(x):\n    return (tf.constant(x) * 2).numpy()", "twice"))  # fmt: skip
    submitted = parse_notebook(json.dumps(theirs).encode(), "s", LIMITS)
    graded = grade_submission(tensorflow, blueprint(*own), submitted, check_set(), LIMITS)
    assert (graded.scores["t1"].points, graded.scores["t2"].points) == (0.0, 2.0)


def test_other_libraries_are_not_there(tensorflow):
    graded = grade(tensorflow, LAYER, code("import sklearn", "x", locked=True))
    assert "ModuleNotFoundError" in said(graded.notebook["cells"][3]["outputs"])
