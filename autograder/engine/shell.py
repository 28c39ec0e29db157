"""Runs cells in this process as a notebook's kernel would, and keeps what they put out.

An IPython shell without a kernel around it. The zygote makes one shell before it forks, so that a
submission finds it warm. All of this runs on the untrusted side.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
import math
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

from IPython.core.async_helpers import _pseudo_sync_runner
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from IPython.core.profiledir import ProfileDir
from traitlets import Any as AnyTrait
from traitlets import CBool, Type
from traitlets.config import Config


class CellTimeoutError(BaseException):
    """A cell ran longer than allowed. Not an Exception, so that `except Exception` lets it pass."""


class Recorder:
    """The outputs of the running cell, in nbformat's terms.

    Text and displays beyond `limit` bytes are dropped, with a line that says so.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.clear_next = False
        self.flush_descriptors: Callable[[], None] = lambda: None
        self.start()

    def start(self) -> None:
        self.outputs: list[dict] = []
        self.updates: list[dict] = []
        self.size = 0

    def _room(self, size: int) -> bool:
        self.size += size
        if self.size <= self.limit:
            return True
        if self.size - size <= self.limit:
            self.outputs.append(
                {"output_type": "stream", "name": "stdout",
                 "text": f"\n[output beyond {self.limit} bytes is left out]\n"}
            )  # fmt: skip
        return False

    def _clear_if_due(self) -> None:
        if self.clear_next:
            self.clear_next = False
            self.outputs.clear()

    def stream(self, name: str, text: str) -> None:
        if not text or not self._room(len(text)):
            return
        self._clear_if_due()
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": text})

    def add(self, output: dict, display_id: str | None = None) -> None:
        if self._room(_weight(output)):
            self._clear_if_due()
            if display_id is not None:
                output["transient"] = {"display_id": display_id}
            self.outputs.append(output)

    def update(self, data: dict, metadata: dict, display_id: str) -> None:
        """A display changed after it was shown: here, or in an earlier cell."""
        if self._room(_weight(data)):
            self.updates.append({"display_id": display_id, "data": data, "metadata": metadata})
            for output in self.outputs:
                if output.get("transient", {}).get("display_id") == display_id:
                    output.update(data=data, metadata=metadata)

    def clear(self, wait: bool) -> None:
        if wait:
            self.clear_next = True
        else:
            self.outputs.clear()


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return 16 + sum(len(str(key)) + _weight(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return 16 + sum(map(_weight, value))
    return 16


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a notebook."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, recorder: Recorder, name: str, descriptor: int):
        self._recorder, self._descriptor = recorder, descriptor
        self.name = f"<{name}>"
        self._stream = name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._recorder.stream(self._stream, text)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def flush(self) -> None:
        pass


def plain_json(value: Any) -> Any:
    """`value` as JSON can hold it: bytes as base64, no NaN, keys as text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, (list, tuple, set, types.GeneratorType)):
        return [plain_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    return str(value)


class Publisher(DisplayPublisher):
    """display(), update_display() and clear_output()."""

    recorder = AnyTrait()

    def publish(self, data, metadata=None, *, transient=None, update=False, **_) -> None:  # type: ignore[override]
        self.recorder.flush_descriptors()
        display_id = (transient or {}).get("display_id")
        data, metadata = plain_json(data), plain_json(metadata or {})
        if update:
            if display_id is not None:
                self.recorder.update(data, metadata, str(display_id))
            return
        output = {"output_type": "display_data", "data": data, "metadata": metadata}
        self.recorder.add(output, None if display_id is None else str(display_id))

    def clear_output(self, wait: bool = False) -> None:
        self.recorder.clear(wait)


class Hook(DisplayHook):
    """The value of a cell's last expression."""

    recorder = AnyTrait()

    def start_displayhook(self) -> None:
        self._output: dict = {"output_type": "execute_result", "data": {}, "metadata": {}}

    def write_output_prompt(self) -> None:
        self._output["execution_count"] = self.prompt_count

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        self._output["data"] = plain_json(format_dict)
        self._output["metadata"] = plain_json(md_dict or {})

    def finish_displayhook(self) -> None:
        self.recorder.flush_descriptors()
        if self._output["data"]:
            self.recorder.add(self._output)


class Compiler(CachingCompiler):
    """Names a cell's code as ipykernel does, with a number that does not change from run to run."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        name = f"/tmp/ipykernel_1/{number}.py"
        # Of no module: else each line of a traceback looks through all that are loaded to find that out.
        inspect.modulesbyfile[name] = ""  # type: ignore[attr-defined]
        return name


class NoProfile(ProfileDir):
    """IPython's profile folder, which a submission has no use for."""

    def _location_changed(self, change: Any) -> None:
        self._location_isset = True

    def check_dirs(self) -> None:
        pass


class Shell(InteractiveShell):
    """IPython as in a notebook: no terminal, no history file, no input."""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    compiler_class = Type(Compiler)
    autoindent = CBool(False)
    recorder: Recorder

    def init_virtualenv(self) -> None:
        pass

    def init_io(self) -> None:
        pass

    def enable_gui(self, gui: Any = None) -> None:
        pass

    def ask_exit(self) -> None:
        self.exit_now = False

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        self.recorder.flush_descriptors()
        self.recorder.add(
            {"output_type": "error", "ename": str(etype.__name__), "evalue": str(evalue),
             "traceback": [str(line) for line in stb]}
        )  # fmt: skip

    def _format_exception_for_storage(self, exception: BaseException, *_: Any) -> dict:
        """For the history, which is not kept: no second traceback is made up for it."""
        return {}

    def system_piped(self, cmd: str) -> None:
        """`!command`: its output joins the cell's, its exit status becomes `_exit_code`."""
        command = self.var_expand(cmd, depth=1)
        done = subprocess.run(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        sys.stdout.write(done.stdout.decode("utf-8", "replace"))
        self.user_ns["_exit_code"] = done.returncode

    system = system_piped


InteractiveShellABC.register(Shell)


def no_input(prompt: object = "") -> str:
    """What input() does where nobody can answer."""
    raise StdinNotImplementedError(
        "raw_input was called, but this frontend does not support input requests."
    )


def make_shell(limit: int) -> Shell:
    """The one shell of this process.

    Args:
        limit: bytes of output that a cell may make.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "neutral"
    shell = Shell.instance(
        config=config, profile_dir=NoProfile(location="/nonexistent"), user_module=None
    )
    attach(shell, limit)
    return shell


def attach(shell: Shell, limit: int) -> Recorder:
    """Give the shell a fresh recorder."""
    recorder = Recorder(limit)
    for part in (shell, shell.display_pub, shell.displayhook):
        part.recorder = recorder  # type: ignore[union-attr]
    return recorder


class Cells:
    """Runs the cells of one notebook in order, within one event loop as a kernel does."""

    def __init__(self, shell: Shell, limit: int, seconds: float):
        self.shell, self.seconds = shell, seconds
        self.recorder = attach(shell, limit)
        self._files = {name: _capture_descriptor(n) for n, name in ((1, "stdout"), (2, "stderr"))}
        self.recorder.flush_descriptors = self._flush
        # As in Jupyter: what is written to `sys.stdout.fileno()` is not the notebook's.
        elsewhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        sys.stdout = Stream(self.recorder, "stdout", elsewhere)  # type: ignore[assignment]
        sys.stderr = Stream(self.recorder, "stderr", elsewhere)  # type: ignore[assignment]
        import builtins
        import getpass

        builtins.input = no_input  # type: ignore[assignment]
        getpass.getpass = no_input  # type: ignore[assignment]

    def _flush(self) -> None:
        """What C code and child processes wrote since the last look."""
        for name, file in self._files.items():
            size = os.fstat(file).st_size
            if size:
                raw = os.pread(file, min(size, self.recorder.limit + 1), 0)
                os.ftruncate(file, 0)
                self.recorder.stream(name, raw.decode("utf-8", "replace"))

    async def run(self, source: str) -> dict:
        """Run one cell: its outputs, changes of earlier displays, and its number."""
        self.recorder.start()
        signal.signal(signal.SIGALRM, self._stop)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        try:
            await self._execute(source)
            await asyncio.sleep(0)
        except BaseException as error:
            if not isinstance(error, (Exception, CellTimeoutError, KeyboardInterrupt)):
                raise
            self.shell.showtraceback()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._flush()
        outputs = self.recorder.outputs
        return {
            "outputs": outputs,
            "updates": self.recorder.updates,
            "count": self.shell.execution_count - 1,
        }

    def _stop(self, *_: object) -> None:
        raise CellTimeoutError(f"the cell ran longer than {self.seconds:g} s")

    async def _execute(self, source: str) -> None:
        shell = self.shell
        problem = None
        try:
            transformed = shell.transform_cell(source)
        except Exception:
            transformed, problem = source, sys.exc_info()
        running = shell.run_cell_async(
            source, store_history=True, transformed_cell=transformed,
            preprocessing_exc_tuple=problem,
        )  # fmt: skip
        result = None
        try:
            if shell.should_run_async(
                source, transformed_cell=transformed, preprocessing_exc_tuple=problem
            ):
                result = await running
            else:
                # As `run_cell` does, which would transform the source a second time.
                result = _pseudo_sync_runner(running)
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)


def _capture_descriptor(number: int) -> int:
    """Send a file descriptor's output to a nameless file. Returns a handle to read it by."""
    path = os.path.join(os.environ["TMPDIR"], f".output{number}")  # noqa: PTH118
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.unlink(path)  # noqa: PTH108
    os.dup2(file, number)
    return file


def warm_up(shell: Shell, allows: list[str]) -> None:
    """Do once, before any fork, what every notebook would else do first: imports and caches."""
    for name in _PRELOADS:
        _import_quietly(name)
    if "matplotlib" in allows:
        _import_quietly("matplotlib.pyplot")
        _warm_figures()
    for name in ("tensorflow", "keras"):
        if name in allows:
            _import_quietly(name)
    # Cells and errors, so that the transformers, the parser and the traceback code are loaded; last,
    # because a traceback has to know every module's file.
    for source in _WARMING:
        shell.run_cell(source, store_history=False)


_PRELOADS = (
    "numpy.testing", "numpy.linalg", "numpy.random", "numpy.fft", "numpy.polynomial", "math",
    "random", "itertools", "collections", "functools", "re", "json", "time", "datetime", "copy",
    "string", "typing", "statistics", "dataclasses", "warnings", "zipfile", "textwrap", "inspect",
    "getpass", "IPython.display",
)  # fmt: skip


_WARMING = (
    '"""text"""\nimport math\n\n\ndef f(x, *, y=1.0):\n    # text\n    return [x + y, f"{x}", 0x1]\n\n\nf(1)',
    "print(1); 1",
    "def f():\n    return {}[0]\nf()",
    "def (",
    "assert 1 == 2, 'no'",
    "raise NotImplementedError()",
    "import numpy as np\nnp.zeros(2) @ np.zeros(3)",
    "await __import__('asyncio').sleep(0)",
)


def _import_quietly(name: str) -> None:
    import contextlib
    import importlib

    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def _warm_figures() -> None:
    """Draw one figure: fonts, ticks and the PNG writer are then loaded."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1], label="$x$")
    axes.set_title("t")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
    plt.close("all")
