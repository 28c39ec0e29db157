"""A notebook's outputs are those of an ordinary Jupyter run of the same notebook."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from autograder.engine.limits import Limits
from autograder.engine.rebuild import Blueprint, parse_notebook
from autograder.engine.run import grade_submission
from tests.engine.making import code, notebook

pytestmark = pytest.mark.xdist_group("engine-run")

CELLS = {
    "nothing": "x = 1",
    "print": "print('a')\nprint('b', end='')",
    "both streams": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again')",
    "value": "x + 1",
    "value and print": "print('before')\n[1, 2]",
    "suppressed": "x + 1;",
    "long value": "list(range(100))",
    "array": "import numpy as np\nnp.arange(12).reshape(3, 4) / 7",
    "html": "from IPython.display import HTML, Markdown, display\nHTML('<b>bold</b>')",
    "displays": "display(1, 'two')\ndisplay(Markdown('*three*'))",
    "rich object": "class R:\n    def _repr_html_(self): return '<i>r</i>'\n"
    "    def __repr__(self): return 'R()'\nR()",
    "latex": "from IPython.display import Math\nMath('x^2')",
    "update": "handle = display('first', display_id='d')",
    "updated later": "handle.update('second')",
    "updated at once": "h = display('1', display_id=True)\nh.update('2')\nprint('done')",
    "clear": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('stays')",
    "clear and wait": "print('gone')\nclear_output(wait=True)\nprint('stays')",
    "exception": "def f(n):\n    return 1 / n\n\nf(0)",
    "chained": "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('no') from error",
    "syntax": "def (",
    "indentation": "if True:\nx = 1",
    "name": "undefined_name",
    "assertion": "assert x == 2, 'x is not 2'",
    "custom exception": "class Mine(Exception): pass\nraise Mine('mine')",
    "system exit": "import sys\nsys.exit(3)",
    "interrupt": "raise KeyboardInterrupt",
    "warning": "import warnings\nwarnings.warn('careful')",
    "numpy warning": "np.array([1.0]) / 0",
    "input": "input('name? ')",
    "magic": "%timeit -n1 -r1 pass\n%precision 3\n0.123456",
    "cell magic": "%%capture captured\nprint('hidden')",
    "captured": "captured.stdout",
    "who": "%who_ls int",
    "unknown magic": "%nosuchmagic",
    "shell": "!echo from the shell; echo and this",
    "shell value": "lines = !echo one; echo two\nlines",
    "shell error": "!exit 3\n_exit_code",
    "await": "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')",
    "task": "async def g():\n    return 7\nawait asyncio.gather(g(), asyncio.create_task(g()))",
    "running loop": "asyncio.get_running_loop().is_running()",
    "asyncio.run": "c = g()\ntry:\n    asyncio.run(c)\nfinally:\n    c.close()",
    "history": "_, __, Out[4]",
    "low level": "import os, time\nos.write(1, b'raw out\\n')\ntime.sleep(0.5)",
    # ipykernel passes on what a descriptor got a moment later
    "subprocess": "import subprocess, sys, time\nsubprocess.run(['echo', 'child'], stdout=sys.stdout)\n"
    "time.sleep(0.5)",
    "docs": "len(inspect.getsource(f)) if 'inspect' in dir() else __import__('inspect').getsource(f)",
    "ansi": "print('\\x1b[31mred\\x1b[0m')",
    "figure": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(2, 1))\nax.plot([0, 1])",
    "shown figure": "plt.plot([1, 0])\nplt.title('t')\nplt.show()\nprint('after')",
    "figure value": "fig",
    "closed figure": "plt.figure()\nplt.close()",
    "name of main": "__name__",
    "question": "import builtins\nbuiltins.len is len",
    "thread": "import threading\nt = threading.Thread(target=print, args=('thread',))\nt.start()\nt.join()",
    "logging": "import logging\nlogging.warning('logged')",
    "unicode": "print('π ≈ 3.14 ✓')",
    "exit": "exit",
    "after all": "x",
}


@pytest.fixture(scope="module")
def both(zygote):
    cells = [code(source) for source in CELLS.values()]
    raw = json.dumps(notebook(*cells)).encode()
    empty = Blueprint({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    limits = Limits()
    ours = grade_submission(zygote, empty, parse_notebook(raw, "s", limits), None, limits)
    assert ours.flags == []
    theirs = nbformat.from_dict(json.loads(raw))
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # with it, ipykernel does not watch descriptors
    NotebookClient(theirs, allow_errors=True, timeout=120, kernel_name="python3").execute()
    pairs = zip(ours.notebook["cells"], theirs.cells)
    return dict(zip(CELLS, ((a, json.loads(json.dumps(b))) for a, b in pairs)))


@pytest.mark.parametrize("name", [name for name in CELLS if name != "exit"])
def test_a_cells_outputs_are_the_same(both, name):
    ours, theirs = both[name]
    assert normal(ours["outputs"]) == normal(theirs["outputs"])


def altered(outputs: list[dict]) -> Iterator[list[dict]]:
    """The outputs with one thing changed, in every place."""
    for place, output in enumerate(outputs):
        yield outputs[:place] + outputs[place + 1 :]
        yield [
            *outputs[: place + 1],
            {**output, "output_type": "stream", "name": "more", "text": "x"},
        ]
        changes: list[dict] = []
        match output["output_type"]:
            case "stream":
                changes += [{"text": output["text"] + "!"}, {"name": "other"}]
            case "error":
                changes += [{"ename": "Other"}, {"evalue": "other"}, {"traceback": []}]
            case _:
                changes.append({"output_type": "other"})
                for kind, value in output["data"].items():
                    others = {k: v for k, v in output["data"].items() if k != kind}
                    new = two_pixels_changed(value) if kind == "image/png" else str(value) + "!"
                    changes += [{"data": others}, {"data": {**others, kind: new}}]
        for change in changes:
            yield [*outputs[:place], {**output, **change}, *outputs[place + 1 :]]


def two_pixels_changed(value: str) -> str:
    """A picture in which two pixels have changed places, as a base64 PNG."""
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(value)))
    dots = np.array(picture)
    flat = dots.reshape(-1, dots.shape[-1])
    other = int(np.flatnonzero((flat != flat[0]).any(axis=1))[0])
    flat[[0, other]] = flat[[other, 0]]
    file = io.BytesIO()
    Image.fromarray(dots).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_an_output_that_is_not_the_same_is_noticed(both):
    count = 0
    for name, (ours, theirs) in both.items():
        for changed in altered(ours["outputs"]):
            assert normal(changed) != normal(theirs["outputs"]), (name, changed)
            count += 1
    assert count > 200


def test_the_notebook_has_what_it_is_to_have(both):
    """Streams, rich display, figures, magics, async, exceptions, warnings and input()."""

    def has(name: str, *parts: str) -> bool:
        text = json.dumps(both[name][1]["outputs"])  # of the Jupyter run
        return all(part in text for part in parts)

    assert has("both streams", "stdout", "stderr")
    assert has("html", "text/html") and has("displays", "text/markdown") and has("latex", "latex")
    assert has("figure", "image/png") and has("shown figure", "image/png")
    assert has("magic", "per loop") and has("captured", "hidden") and has("shell", "from the shell")
    assert has("await", "awaited") and has("task", "[7, 7]")
    assert has("exception", "ZeroDivisionError") and has("chained", "KeyError", "ValueError")
    assert has("warning", "UserWarning: careful", "stderr") and has(
        "numpy warning", "RuntimeWarning"
    )
    assert has("input", "StdinNotImplementedError")


@pytest.mark.parametrize("name", ["print", "value", "exception", "history"])
def test_cells_are_numbered_the_same(both, name):
    ours, theirs = both[name]
    assert ours["execution_count"] == theirs["execution_count"]


def normal(outputs: list[dict]) -> list:
    """Outputs without what differs between two runs of Jupyter itself: process ids, times, frames
    inside libraries, and how text on a stream is cut into pieces."""
    result: list = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            if result and result[-1][:2] == ["stream", output["name"]]:
                result[-1][2] += scrubbed(output["text"])
            else:
                result.append(["stream", output["name"], scrubbed(output["text"])])
        elif kind == "error":
            text = "\n".join(output["traceback"])
            result.append(["error", output["ename"], scrubbed(output["evalue"]), own_frames(text)])
        else:
            data = {}
            for key, value in output["data"].items():
                if key == "image/png":
                    value = pixels(value)
                data[key] = scrubbed(value) if isinstance(value, str) else value
            result.append([kind, data, output["metadata"]])
    # Two streams reach a front end in no set order.
    streams = [entry for entry in result if entry[0] == "stream"]
    if {entry[1] for entry in streams} == {"stdout", "stderr"}:
        merged: dict[str, str] = {}
        for _, name, text in streams:
            merged[name] = merged.get(name, "") + text
        result = [entry for entry in result if entry[0] != "stream"] + sorted(
            map(list, merged.items())
        )
    return result


def scrubbed(text: str) -> str:
    text = re.sub(r"/tmp/ipykernel_\d+/\d+\.py", "CELL", text)
    text = re.sub(r"[\d.]+ (?:ns|μs|us|ms|s) ± [\d.]+ (?:ns|μs|us|ms|s)", "TIME", text)
    text = re.sub(r"\(\d+\.py, line", "(CELL, line", text)
    return re.sub(r"0x[0-9a-f]{6,}", "ADDRESS", text.replace("\r\n", "\n"))


def own_frames(text: str) -> list[str]:
    """The traceback's lines about cells, with their colours."""
    parts = re.split(r"\n(?=\x1b\[[0-9;]*m(?:Cell|File))", text)
    return [scrubbed(part) for part in parts if not re.match(r"\x1b\[[0-9;]*mFile", part)]


def pixels(value: str) -> list:
    from PIL import Image

    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(value))))
    return [picture.shape, hashlib.sha256(picture.tobytes()).hexdigest()]
