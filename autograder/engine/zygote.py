"""The trusted side of a zygote: starts it, hands it submissions, ends it.

with Zygote(allows=checks.allows) as zygote:
    run = zygote.start(limits, slots=6)     # a Run: connections to a fresh submission
    ...
    ended = run.finish()                    # everything of it is killed
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.engine import libraries, sandbox, watch
from autograder.engine.frames import Bounds, Connection
from autograder.engine.limits import Limits
from autograder.engine.sandbox import SandboxError

_MAIN = Path(__file__).with_name("zygote_main.py")
_PREFIX = "autograder-sandbox-"
_PACKET = 60_000
START_SECONDS = 120
# Seen by the loader and the C library, once, before the first line of Python. What would be done in every
# fork is done here: symbols are looked up when a library is loaded, memory comes in large pages.
_LOADER = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LD_BIND_NOW": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}  # fmt: skip


class ZygoteError(Exception):
    """The zygote cannot be started, or is gone. Says why and what to do."""


@dataclass(frozen=True)
class Ended:
    """How a submission's process ended, and what it used.

    `signal` is the one that killed it (9 also when the grader did), else None.
    """

    exit: int | None = None
    signal: int | None = None
    cpu: float = 0.0
    memory: int = 0


class Run:
    """Connections to one submission: `channel` for its cells, `slots` for its checks."""

    def __init__(self, zygote: Zygote, channel: Connection, slots: list[Connection]):
        self.zygote, self.channel, self.slots = zygote, channel, slots
        self.ended: Ended | None = None

    def finish(self) -> Ended:
        """Close every connection and kill all that the submission started."""
        for connection in (self.channel, *self.slots):
            connection.close()
        if self.ended is None:
            self.ended = self.zygote._finish()
        return self.ended

    def why(self, seconds: float = 1.0) -> Ended:
        """How it ended by itself, after its connection closed; else it is killed."""
        if self.ended is None:
            self.ended = self.zygote._wait_ended(seconds) or self.zygote._finish()
        return self.ended


class Zygote:
    """A warm interpreter for one set of allowed libraries. Not for use by several threads.

    Args:
        allows: distributions that submissions may import, beside NumPy and IPython.
        modules: the course's own Python files that lie beside its notebook (check.py), name to
            text: imported once here instead of once a submission.
        without: isolation layers left out on purpose.
        allow_weaker: go on when the machine lacks a layer.

    Raises:
        SandboxError: a layer is missing.
        ZygoteError: it did not start.
    """

    def __init__(
        self,
        allows: Sequence[str] = ("numpy",),
        *,
        modules: Mapping[str, str] | None = None,
        without: Collection[str] = (),
        allow_weaker: bool = False,
    ):
        self.allows = tuple(allows)
        self.modules = dict(modules or {})
        self.layers = sandbox.choose(without=without, allow_weaker=allow_weaker)
        self.lacking = sandbox.lacking(self.layers, without)
        self.view = _view(self.allows)
        if self.view.missing:
            raise ZygoteError(
                f"the assignment allows {', '.join(self.view.missing)}, which is not installed "
                f"beside {sys.executable}: install it there, or take it off the list"
            )
        self.watch: watch.Watch | None = None
        self._process: subprocess.Popen | None = None
        self._folder = ""
        self._running = False
        self._start()

    # ----------------------------------------------------------------- start and end

    def _start(self) -> None:
        sandbox.protect_self()
        _sweep()
        self._folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
        os.chmod(self._folder, 0o711)  # noqa: PTH101
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the zygote
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_MAIN), str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=self._log,
                stderr=self._log, env=_LOADER, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        self._control = ours
        config = {
            "view": self.view.to_json(), "layers": sorted(self.layers), "folder": self._folder,
            "allows": self.allows, "modules": self.modules,
            "hidden": self.view.hidden(), "prefix": sys.prefix, "environment": self._environment(),
        }  # fmt: skip
        raw = json.dumps(config).encode()
        ours.send(struct.pack("<Q", len(raw)))
        for start in range(0, len(raw), _PACKET):
            ours.send(raw[start : start + _PACKET])
        message = self._message(START_SECONDS) or {"failed": "no answer"}
        if message.get("ready") != sorted(self.layers):
            said = message.get("failed") or "it ended"
            tail = self._log_tail()
            self.close()
            kind = SandboxError if "SandboxError" in said or "OSError" in said else ZygoteError
            raise kind(f"the warm interpreter did not start: {said}. {tail}")
        self.watch = watch.Watch(
            self._process.pid, None if "userns" in self.layers else Path(self._folder)
        )

    def _environment(self) -> dict[str, str]:
        writable = "/home" if "userns" in self.layers else self._folder
        return {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "student",
            "HOME": f"{writable}/{sandbox.HOME}", "TMPDIR": f"{writable}/{sandbox.TEMPORARY}",
            "MPLCONFIGDIR": f"{writable}/box/matplotlib", "TERM": "xterm-color", "PAGER": "cat",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_HOME": "/nonexistent",
            # One core a submission; the first use of oneDNN takes longer than all sums of a small network.
            "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def close(self) -> None:
        """End the zygote and whatever it runs. Safe to call again."""
        if self._process is None:
            return
        self._control.close()  # it ends when it sees this
        try:
            self._process.wait(35)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._log.close()
        self._remove_box()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """A new interpreter in place of one that is gone or not to be used again."""
        self.close()
        self._running = False
        self._start()

    def _log_tail(self) -> str:
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 1500))
        return self._log.read().decode("utf-8", "replace").strip()

    # ----------------------------------------------------------------- submissions

    def start(self, limits: Limits, slots: int = 0) -> Run:
        """Fork a submission.

        Args:
            slots: how many check cells it has.

        Raises:
            ZygoteError: the zygote is gone, or the assignment has too many checks.
        """
        if self._running:
            raise ZygoteError("a submission is running already: finish it first")
        if slots > 250:
            raise ZygoteError(f"{slots} check cells in one notebook; at most 250 are possible")
        pairs = [socket.socketpair() for _ in range(slots + 1)]
        ours = [pair[0].detach() for pair in pairs]
        theirs = [pair[1] for pair in pairs]
        try:
            message = json.dumps({"run": limits.to_json()}).encode()
            socket.send_fds(self._control, [message], [end.fileno() for end in theirs])
            self._running = True
            started = self._message(30)
            if not started or "started" not in started:
                raise ZygoteError(f"the warm interpreter is gone ({started}); {self._log_tail()}")
        except (OSError, ZygoteError) as error:
            for descriptor in ours:
                os.close(descriptor)
            raise ZygoteError(f"the warm interpreter is gone: {error}") from None
        finally:
            for end in theirs:
                end.close()
        cells = Bounds(header=limits.output_bytes * 6 + (1 << 20), body=0, arrays=0)
        answers = Bounds(header=1 << 20, body=limits.answer_bytes, arrays=4096)
        channel = Connection(ours[0], cells)
        checks = [Connection(descriptor, answers) for descriptor in ours[1:]]
        if self.watch is not None:
            self.watch.begin(limits)
            for connection in (channel, *checks):
                connection.idle = self.watch.look
        return Run(self, channel, checks)

    def _finish(self) -> Ended:
        """Kill the running submission; returns when nothing of it is left."""
        with contextlib.suppress(OSError):
            self._control.send(b'{"kill": true}')
        ended = self._wait_ended(40)
        if ended is None:
            self.restart()
            return Ended(signal=9)
        return ended

    def _wait_ended(self, seconds: float) -> Ended | None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self._message(left)
            if message is None:
                return None
            if "ended" in message:
                self._running = False
                self._remove_box()
                return Ended(**message["ended"])
        return None

    def _message(self, seconds: float) -> dict | None:
        ready, _, _ = select.select([self._control], [], [], seconds)
        if not ready:
            return None
        try:
            raw = self._control.recv(1 << 16)
        except OSError:
            raw = b""
        return json.loads(raw) if raw else None

    def _remove_box(self) -> None:
        """Without a mount namespace the working folder is an ordinary one: take it away."""
        box = Path(self._folder, "box")
        if "userns" in self.layers or not box.exists():
            return
        # rm copes with folders too deep for Python; chmod with those that forbid their owner.
        for command in (["chmod", "-R", "u+rwx", str(box)], ["rm", "-rf", str(box)]):
            subprocess.run(command, check=False, capture_output=True)
        if box.exists():
            raise ZygoteError(f"{box} cannot be removed: remove it, then grade again")


@functools.lru_cache(maxsize=8)
def _view(allows: tuple[str, ...]) -> libraries.View:
    return libraries.view(allows)


def _sweep() -> None:
    """Remove folders that graders left which were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            subprocess.run(["rm", "-rf", str(folder)], check=False, capture_output=True)
