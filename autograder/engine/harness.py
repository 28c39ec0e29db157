"""Serves the calls of one check, inside the student's process (a fork of it).

It holds no reference and no score: inputs come in, arrays go out. Whatever students' code does to
this module changes only its own answers.
"""

from __future__ import annotations

import contextlib
import io
import signal
import types
from collections.abc import Callable, Iterator
from typing import Any

from autograder import check
from autograder.engine import frames


class CallTimeout(BaseException):
    """The call took too long. Not an Exception, so that `except Exception` does not swallow it."""


def serve(connection: frames.Connection, function: Any) -> None:
    """Answer one request: all cases of a check, called in the order that it gives.

    One frame an answer: kind "answer" with the value and the arguments after the call, kind "error"
    with the message, the student's line and its number.
    """
    request = connection.receive(bounds=frames.Bounds(header=64 << 20, body=1 << 34, arrays=1 << 20,
                                                      values=1 << 30))  # fmt: skip
    data = request.data
    driver = check.load_driver(data["drivers"], data["driver"])
    cases = [_case(entry, request.arrays) for entry in data["cases"]]
    seconds = data["call_seconds"]
    for index in data["order"]:
        answer = _call(function, cases[index], driver, seconds)
        connection.send(*_packed(answer))


def _case(entry: dict, arrays: list) -> check.Case:
    return check.Case(
        id="", slot="", group="", args=entry["args"], kwargs=entry["kwargs"], expects={},
        tolerance=0.0, mistakes={}, score=None, arrays=arrays,
    )  # fmt: skip


def _call(
    function: Callable, case: check.Case, driver: Callable | None, seconds: float
) -> check.Answer:
    def stop(*_: object) -> None:
        raise CallTimeout

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return check.call(function, case, driver)
    except CallTimeout:
        return check.Answer(missing=f"time limit of {seconds:g} s")
    except BaseException as error:
        return check.Answer(**check.describe_error(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _packed(answer: check.Answer) -> tuple[str, Any, list]:
    if answer.missing is not None:
        return "missing", {"why": answer.missing}, []
    if answer.error is not None:
        return "error", {"error": answer.error, "lineno": answer.lineno, "line": answer.line}, []
    value, arrays = check.pack(answer.value)
    after, more = check.pack(check._plain(answer.args_after))
    return (
        "answer",
        {"value": value, "after": after, "first": len(arrays)},
        [*arrays, *more],
    )


def snapshot(function: Any, namespace: dict) -> Any:
    """The function as it is now, whatever later cells redefine.

    For processes that cannot fork (TensorFlow after its first operation): the notebook's plain
    functions are rebuilt over a copy of its global names.
    """
    if not isinstance(function, types.FunctionType) or function.__globals__ is not namespace:
        return function
    held = dict(namespace)
    for name, value in namespace.items():
        if isinstance(value, types.FunctionType) and value.__globals__ is namespace:
            held[name] = _rebuilt(value, held)
    return _rebuilt(function, held)


def _rebuilt(function: types.FunctionType, names: dict) -> types.FunctionType:
    copy = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__dict__.update(function.__dict__)
    return copy


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """What functions print while a check calls them is heard by nobody."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
