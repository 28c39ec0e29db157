"""Ends whatever a submission started, where no pid namespace ends it all at once."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path


def kill_below(root: int, uids: Iterable[int] = (), seconds: float = 30.0) -> bool:
    """Kill every descendant of `root`, this process, until nothing is left.

    Args:
        root: must be a child subreaper, so that orphans come to it.
        uids: user ids that only the submission has.

    Returns:
        whether nothing is left.
    """
    deadline = time.monotonic() + seconds
    uids = set(uids)
    while True:
        for uid in uids:
            _kill_user(uid)
        rest = descendants(root)
        stopped: set[int] = set()
        # First all are stopped, for what is killed makes room for what forks: no fork outruns this.
        while not stopped.issuperset(rest) and time.monotonic() < deadline:
            for process in rest:
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGSTOP)
            stopped |= set(rest)
            rest = descendants(root)
        for process in rest:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not rest:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)


def _kill_user(uid: int) -> None:
    """Kill every process of a user id, as that user, all in one call that no fork outruns."""
    killer = os.fork()
    if killer == 0:
        with contextlib.suppress(BaseException):
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(killer, 0)


def descendants(root: int) -> list[int]:
    """Ids of all processes below `root`."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = Path(entry.path, "stat").read_text()
                parent = int(stat.rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        for child in children.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found
