"""Serves the calls of one check, inside the student's process (a fork of it).

It holds no reference and no score: inputs come in, arrays go out. Whatever students' code does to
this module changes only its own answers.
"""

from __future__ import annotations

import contextlib
import io
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

from autograder import check
from autograder.engine import frames

MOST_LATE = 2  # cases: a function that never ends is not waited for in every one
BATCH_BYTES = 1 << 18
BATCH_SECONDS = 0.1  # far less than the grader's patience with one call


class CallTimeout(BaseException):
    """The call took too long. Not an Exception, so that `except Exception` does not swallow it."""


def serve(connection: frames.Connection, function: Any) -> None:
    """Answer one request: all cases of a check, called in the order that it gives.

    One frame an answer: kind "answer" with the value and the arguments after the call, kind "error"
    with the message, the student's line and its number, kind "missing" for a call that took too long;
    after two such cases the others are not called. Told to `batch`, it sends many of them at once:
    each sending costs a change to the grader and back.
    """
    request = connection.receive(bounds=frames.Bounds(header=64 << 20, body=1 << 34, arrays=1 << 20,
                                                      values=1 << 30))  # fmt: skip
    data = request.data
    driver = check.load_driver(data["drivers"], data["driver"])
    cases = [_case(entry, request.arrays) for entry in data["cases"]]
    seconds = data["call_seconds"]
    waiting: list[bytes] = []
    size, since = 0, time.monotonic()
    late: set[int] = set()  # cases that took too long
    for index in data["order"]:
        if len(late) < MOST_LATE:
            answer = _call(function, cases[index], driver, seconds)
            if answer.missing is not None:
                late.add(index)
            frame = frames.encode(*_packed(answer))
        else:
            frame = frames.encode("missing", {"called": False})
        waiting += frame
        size += sum(map(len, frame))
        if not data["batch"] or size > BATCH_BYTES or time.monotonic() - since > BATCH_SECONDS:
            connection.send_encoded(waiting)
            waiting, size, since = [], 0, time.monotonic()
    connection.send_encoded(waiting)


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
        return "missing", {"called": True}, []
    if answer.error is not None:
        return "error", {"error": answer.error, "lineno": answer.lineno, "line": answer.line}, []
    value, arrays = check.pack(answer.value)
    after, more = check.pack(check._plain(answer.args_after))
    return (
        "answer",
        {"value": value, "after": after, "first": len(arrays)},
        [*arrays, *more],
    )


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """What functions print while a check calls them is heard by nobody."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
