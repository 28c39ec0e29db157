"""What is written out of `checks.py` is the function object itself, however it was put together."""

import functools
import math
from collections.abc import Callable

import numpy as np
import pytest

from autograder.as_source import function_source
from autograder.check import CheckError

SCALE = np.array([1.0, 2.0])
ONE_ID_TWICE = [("in_place", lambda z: z + 1), ("in_place", lambda z: z + 2)]


def plus(number):
    return lambda z: z + number


def twice(function):
    return lambda z: function(function(z))


def surrounded(plus):
    """A parameter that has the name of something else at the top of the file."""
    return lambda z: plus(z) + 1


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def annotated(z: Callable, by: np.ndarray = SCALE, *, more=math.pi) -> float:
    """Text with a "quotation" in it."""
    return z * by + more


def loop_of_functions():
    return [lambda z, k=k: z + k for k in range(3)]


class Remembers:
    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, z):
        self.calls.append(z)
        return self.function(z) + len(self.calls)


def defined(function, allows=("numpy",)):
    """The function that the written source defines, in a cell that knows nothing else."""
    cell = {}
    exec(function_source("answer", function, allows), cell)
    assert set(cell) == {"__builtins__", "answer", "make_answer"}
    return cell["answer"]


@pytest.mark.parametrize(
    ("function", "argument", "result"),
    [
        (plus(3), 1, 4),
        (twice(plus(3)), 1, 7),
        (surrounded(twice(plus(3))), 1, 8),
        (ONE_ID_TWICE[0][1], 1, 2),
        (ONE_ID_TWICE[1][1], 1, 3),
        (twice(lambda z: (lambda y: y * z)(3)), 2, 18),
        (loop_of_functions()[2], 5, 7),
        (factorial, 5, 120),
        (functools.partial(max, 4), 3, 4),
        (math.sqrt, 9, 3),
        (np.tanh, 0, 0),
        (str.upper, "a", "A"),
        (Remembers(twice(plus(1))), 1, 4),
    ],
)
def test_the_written_function_does_the_same(function, argument, result):
    assert defined(function)(argument) == result


def test_defaults_are_the_values_that_they_had():
    np.testing.assert_array_equal(defined(annotated)(1.0), SCALE + math.pi)


def test_two_lambdas_on_a_line_are_told_apart():
    first, second = lambda z: z + 1, lambda z: z + 2
    assert (defined(first)(0), defined(second)(0)) == (1, 2)


def test_an_objects_state_is_its_own():
    original = Remembers(plus(0))
    written = defined(original)
    assert [written(0), written(0)] == [1, 2]
    assert original.calls == []


def test_what_students_may_not_import_is_refused():
    with pytest.raises(CheckError, match="a submission may not import"):
        function_source("answer", np.tanh, allows=())


def test_what_cannot_be_written_down_is_refused():
    def counting():
        number = 0

        def count(z):
            nonlocal number
            number += z
            return number

        return count

    with pytest.raises(CheckError, match="cannot stand alone"):
        function_source("answer", counting(), allows=())
    file = open("/dev/null")  # noqa: SIM115
    with pytest.raises(CheckError, match="no source can be written"):
        function_source("answer", lambda z: file.read(z) + z, allows=())
    file.close()
