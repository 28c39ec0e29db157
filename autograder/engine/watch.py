"""Looks at what a running submission uses, where the kernel bounds only each process.

Called a few times a second while the grader waits; short submissions never see it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from autograder.engine.frames import FrameError
from autograder.engine.limits import Limits

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SOCKET = 256 << 10  # what the kernel keeps for one at most, by its usual settings


class OverLimit(FrameError):
    """The submission uses more than it may, all its processes together."""


class Watch:
    """Memory of all processes below the zygote, and the size of its folder when that is on disk.

    Args:
        folder: None when there are namespaces: the folder is then a file system of bounded size.
    """

    def __init__(self, root: int, folder: Path | None):
        self.root, self.folder = root, folder
        self.limits = Limits()
        self.base = 0

    def begin(self, limits: Limits) -> None:
        self.limits = limits

    def look(self) -> None:
        """Raises: OverLimit."""
        processes = _tree(self.root)
        most = self.limits.memory + self.limits.disk_bytes
        # What is resident is never less than the share of it, and costs the kernel nothing to tell;
        # walking through the pages of an interpreter with TensorFlow takes milliseconds each time.
        # What was sent over a socket and not read is the kernel's, charged to no process.
        kept = _sockets(self.root) * _SOCKET if self.folder is None else 0
        if sum(map(_resident, processes[1:])) + kept > most:
            base = _resident(processes[0])
            if len(processes) > 1:
                base = max(base, _resident(processes[1]))
            if sum(_added(pid, base) for pid in processes[1:]) + kept > most:
                raise OverLimit(f"memory limit of {self.limits.memory >> 20} MiB")
        if self.folder is not None and _size(self.folder) > self.limits.disk_bytes:
            raise OverLimit(f"disk limit of {self.limits.disk_bytes >> 20} MiB")


def _tree(root: int) -> list[int]:
    """`root` and its descendants."""
    found = [root]
    for pid in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
                found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _added(pid: int, base: int) -> int:
    """Memory of a process beyond the warm interpreter's, in bytes.

    The proportional share where the kernel tells it (forks share pages), else all that is resident.
    Maps shared between processes count too: no limit on a process's private data holds them.
    """
    with contextlib.suppress(OSError, ValueError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        shares = [int(s.split()[1]) for s in lines if s.startswith(("Pss_Anon:", "Pss_Shmem:"))]
        if shares:
            return sum(shares) * 1024
    return max(0, _resident(pid) - base)


def _sockets(pid: int) -> int:
    """Sockets in the network namespace of a process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/net/unix").read_bytes().count(b"\n") - 1
    return 0


def _size(folder: Path) -> int:
    """Bytes below a folder; stops counting at 100,000 files."""
    total, count, queue = 0, 0, [str(folder)]
    while queue and count < 100_000:
        with contextlib.suppress(OSError):
            for entry in os.scandir(queue.pop()):
                count += 1
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total
