"""One submission's process: puts the sandbox on, then does what the grader asks, cell by cell.

The first lines run before any of the student's code; from the first cell on, everything here is
in the student's hands and is trusted with nothing. Requests and replies, one frame each:

    files   {"names": [...]} + bytes      -> ready  {"layers": [...]}
    cell    {"source": ...}               -> cell   {"outputs", "updates", "count"}
    check   {"name", "slot", "count"}      -> check  {"found": bool}
    keep    {"fork": str}                  -> keep   {"forked": bool}
    end                                   -> end

A check's function must stay as it is at its cell. `keep` comes before the next cell. Where that cell can
only give names and global data new values, a copy of the names that the function reaches is enough
(`fork`: "if needed"). Where it may change anything, a fork keeps the notebook as it is ("together"), and
after a call that ended its process each check gets a fork to itself ("alone"). A fork costs as much as
ten cells, and after TensorFlow's first operation there can be none: checks are called where the cells ran,
as far as that goes.

Checks get their inputs (each over its own socket) only after `end`, when the grader no longer listens
to anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import types
from pathlib import Path
from typing import Any

from autograder.engine import frames, harness, sandbox, snapshot
from autograder.engine.jail import Jail, make_home
from autograder.engine.limits import Limits
from autograder.engine.shell import Cells, Shell

_fork, _exit = os.fork, os._exit
_FROM_GRADER = frames.Bounds(header=64 << 20, body=1 << 33, arrays=1 << 16, values=1 << 30)


def main(
    shell: Shell,
    jail: Jail,
    limits: Limits,
    channel: int,
    slots: list[int],
    modules: dict[str, tuple[bytes, types.ModuleType]],
) -> None:
    """Runs in the fork; does not return.

    Args:
        channel: the socket to the grader.
        slots: one socket per check cell.
        modules: the course's own Python files, imported beforehand for a notebook that has the same.
    """
    status = 1
    try:
        connection = frames.Connection(channel, _FROM_GRADER)
        uid = sandbox.unused_uid(os.getpid())
        files = connection.receive()
        try:
            home = make_home(jail, uid)
            cells = Cells(shell, limits.output_bytes, limits.cell_seconds)
            sandbox.enter(jail.layers, limits, jail.ruleset, uid=uid)
            _write_files(files, Path(home), modules)
        except Exception as error:
            connection.send("refused", {"why": f"{type(error).__name__}: {error}"})
            _exit(1)
        connection.send("ready", {"layers": sorted(jail.layers)})
        checks = asyncio.run(_serve(connection, cells, slots))
        connection.close()
        _serve_checks(checks)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        status = 0
    except BaseException:
        pass
    finally:
        _exit(status)


def _write_files(
    frame: frames.Frame, home: Path, modules: dict[str, tuple[bytes, types.ModuleType]]
) -> None:
    for name, content in zip(frame.data["names"], frame.arrays):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.tobytes()
        path.write_bytes(raw)
        if name in modules and raw == modules[name][0]:
            # No need to compile the same file for every submission.
            sys.modules[name.removesuffix(".py")] = modules[name][1]


async def _serve(
    connection: frames.Connection, cells: Cells, slots: list[int]
) -> list[tuple[int, Any]]:
    """Until `end`. Returns the checks that are called in this process."""
    fresh: list[tuple[int, Any]] = []  # since the last `keep`
    kept: list[tuple[int, Any]] = []  # copies
    while True:
        frame = connection.receive()
        match frame.kind:
            case "cell":
                result = await cells.run(frame.data["source"])
                connection.send("cell", result)
            case "check":
                names, slot = cells.shell.user_ns, slots[frame.data["slot"]]
                found = frame.data["name"] in names
                if found:
                    fresh.append((slot, names[frame.data["name"]]))
                else:
                    os.close(slot)
                if frame.data["count"]:
                    cells.shell.execution_count += 1
                connection.send("check", {"found": found})
            case "keep":
                kept = _keep(fresh, kept, frame.data["fork"], cells, slots, connection)
                fresh = []
                connection.send("keep", {"forked": not kept})
            case "end":
                connection.send("end")
                return kept + fresh
            case _:
                raise ValueError(frame.kind)


def _keep(
    fresh: list[tuple[int, Any]], kept: list[tuple[int, Any]], fork: str, cells: Cells,
    slots: list[int], connection: frames.Connection,
) -> list[tuple[int, Any]]:  # fmt: skip
    """Keep checks' functions as they are. Returns those that this process keeps."""
    names = cells.shell.user_ns
    # TensorFlow's first operation in a process costs as much as all checks of a small network.
    here = not _may_fork() or (fork != "alone" and "tensorflow" in sys.modules)
    if here:
        return kept + [(slot, snapshot.loose_snapshot(function, names)) for slot, function in fresh]
    if fork == "if needed":
        try:
            return kept + [(slot, snapshot.snapshot(function, names)) for slot, function in fresh]
        except snapshot.OnlyForkKeepsError:
            pass
    if kept or fresh:
        _fork_checks(kept + fresh, slots, connection)
    return []


def _fork_checks(
    checks: list[tuple[int, Any]], slots: list[int], connection: frames.Connection
) -> None:
    """Leave a copy of this process behind that will serve these checks, one after the other."""
    if _fork() == 0:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            own = {slot for slot, _ in checks}
            for other in [*slots, connection.descriptor]:
                if other not in own:
                    with contextlib.suppress(OSError):
                        os.close(other)
            _serve_checks(checks)
        finally:
            _exit(0)
    for slot, _ in checks:
        os.close(slot)


def _serve_checks(checks: list[tuple[int, Any]]) -> None:
    for slot, function in checks:
        with contextlib.suppress(Exception), harness.hushed():
            harness.serve(frames.Connection(slot), function)
        os.close(slot)


def _may_fork() -> bool:
    """TensorFlow's threads do not live on in a fork: after its first operation a fork hangs."""
    context = sys.modules.get("tensorflow.python.eager.context")
    try:
        return context is None or not context.context()._initialized
    except Exception:
        return True
