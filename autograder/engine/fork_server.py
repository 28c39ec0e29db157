"""The zygote's work after its start: fork, watch, kill, report."""

from __future__ import annotations

import _sitebuiltins
import builtins
import contextlib
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import traceback
import types
from pathlib import Path
from typing import Any

from autograder import check
from autograder.engine import jail, kernel, reap, sandbox, submission
from autograder.engine.limits import Limits
from autograder.engine.shell import make_shell, warm_up

_CHECK = Path(check.__file__).read_text(
    encoding="utf-8"
)  # read on import, before the jail hides it


class ForkServer:
    """Runs one submission at a time, each in a fork of this process."""

    def __init__(
        self,
        control: socket.socket,
        place: jail.Jail,
        allows: list[str],
        modules: dict[str, str],
        hidden: list[str],
    ):
        self.control, self.jail = control, place
        modules.setdefault("check.py", _CHECK)
        self.modules = {name: _prepared(name, text, place) for name, text in modules.items()}
        builtins.help = _sitebuiltins._Helper()  # type: ignore[assignment]  # site would set it
        self.shell = make_shell(Limits().output_bytes)
        warm_up(self.shell, allows)
        self.shell.reset(new_session=True)
        sys.meta_path.insert(0, _NotAllowed(set(hidden)))
        self.child = -1
        self.process = -1  # a handle on the child

    def tell(self, message: dict) -> None:
        self.control.send(json.dumps(message).encode())

    def loop(self) -> None:
        """Serve until the grader closes the connection; then end with all that was started."""
        while True:
            poller = select.poll()
            poller.register(self.control, select.POLLIN)
            for handle in (self.process, self.jail.guard):
                if handle >= 0:
                    poller.register(handle, select.POLLIN)
            ready = {descriptor for descriptor, _ in poller.poll()}
            if self.process in ready:
                self._reap()
            if self.jail.guard in ready:
                self._give_up()
            if self.control.fileno() in ready:
                raw = b""
                descriptors: list[int] = []
                with contextlib.suppress(OSError):
                    raw, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, 253)
                if not raw:
                    self._give_up()
                message = json.loads(raw)
                if "run" in message:
                    self._run(Limits(**message["run"]), descriptors)
                elif "kill" in message:
                    self._kill()

    def _give_up(self) -> None:
        """The grader or the guard is gone: so are the submission, and this process."""
        try:
            self._kill()
        finally:
            os._exit(0)

    def _run(self, limits: Limits, descriptors: list[int]) -> None:
        jail.before_fork(self.jail, limits)
        pid = os.fork()
        if pid == 0:
            self._become_submission(limits, descriptors)
        jail.after_fork(self.jail)
        self.child, self.process = pid, os.pidfd_open(pid)
        for descriptor in descriptors:
            os.close(descriptor)
        self.tell({"started": pid})

    def _become_submission(self, limits: Limits, descriptors: list[int]) -> None:
        try:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            if not self.jail.namespaced:
                os.setsid()
            keep = {0, 1, 2, *descriptors}
            if self.jail.ruleset is not None:
                keep.add(self.jail.ruleset)
            _close_all_but(keep)
            gc.enable()
            gc.set_threshold(
                50_000, 20, 100
            )  # short-lived, and of bounded memory: rarely worth a look
            submission.main(
                self.shell, self.jail, limits, descriptors[0], descriptors[1:], self.modules
            )
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        """Report how the submission ended, once nothing of it runs any more."""
        pid, status, usage = os.wait4(self.child, 0)
        os.close(self.process)
        self.child = self.process = -1
        if not self.jail.namespaced:
            own = {sandbox.unused_uid(pid)} if "uid" in self.jail.layers else set()
            if not reap.kill_below(os.getpid(), own):
                os._exit(1)  # the grader starts nothing more beside what could not be killed
        jail.after_end(self.jail)
        ended: dict[str, Any] = {
            "cpu": round(usage.ru_utime + usage.ru_stime, 4),
            "memory": usage.ru_maxrss * 1024,
        }
        if os.WIFSIGNALED(status):
            ended["signal"] = os.WTERMSIG(status)
        else:
            ended["exit"] = os.WEXITSTATUS(status)
        self.tell({"ended": ended})

    def _kill(self) -> None:
        """Kill the submission: the first process of its pid namespace takes all others along."""
        if self.process >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.process, signal.SIGKILL)
            self._reap()


class _NotAllowed:
    """Makes an import of an unreadable library fail as if it were not installed.

    Without a mount namespace its folder can be seen, though no file in it can be opened.
    """

    def __init__(self, names: set[str]):
        self.names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if path is None and name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _close_all_but(keep: set[int]) -> None:
    previous = -1
    for descriptor in [*sorted(keep), 1 << 16]:
        if previous + 1 < descriptor:  # an empty range would close everything
            os.closerange(previous + 1, descriptor)
        previous = descriptor


def _prepared(name: str, text: str, place: jail.Jail) -> tuple[bytes, types.ModuleType]:
    """A module of the course's own as a notebook would import it from its folder, made beforehand."""
    title = name.removesuffix(".py")
    module = types.ModuleType(title)
    module.__file__ = f"{place.writable}/{sandbox.HOME}/{name}"
    module.__spec__ = importlib.util.spec_from_file_location(title, module.__file__)
    sys.modules[title] = module
    try:
        exec(compile(text, module.__file__, "exec"), module.__dict__)
    finally:
        del sys.modules[title]
    return text.encode(), module
