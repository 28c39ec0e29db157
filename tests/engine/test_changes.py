"""Cells that may change a library are told from those that only give names and data new values."""

from __future__ import annotations

import json

import pytest

from autograder.engine.changes import MOST_CHARACTERS, may_change_libraries
from tests.conftest import ROOT


@pytest.mark.parametrize(
    "source",
    [
        "", "x = 1", "x += 1", "x[0] = 1", "f(x)", "'text'", "class A:\n    def __init__(self): self.x = 1",
        "def f(x, y=1):\n    'text'\n    return g(x)", "@f\ndef g(): pass", "import numpy as np",
        "from matplotlib import pyplot as plt\nplt.plot(x)\nplt.title('t')", "del x", "x.sort()",
        "with np.errstate(all='raise'):\n    f(x)", "rng = np.random.default_rng(0)", "f = make()",
    ],
)  # fmt: skip
def test_cells_that_leave_libraries_alone(source):
    assert not may_change_libraries(source)


@pytest.mark.parametrize(
    "source",
    [
        "np.seterr(all='raise')", "from numpy import seterr\nseterr(over='raise')", "np.random.seed(0)",
        "np.tanh = f", "np.tanh += 1", "del np.tanh", "for np.tanh in [f]: pass", "setattr(np, 'tanh', f)",
        "plt.rcParams['figure.figsize'] = 3, 4", "plt.rcParams.update({})", "import os", "import os.path",
        "from os import environ", "import warnings", "from warnings import simplefilter", "exec('x = 1')",
        "%time 1", "!ls", "def f(", "vars(np)['tanh'] = f", "import sys as s", "x = 1\0",
        "(" * 500 + ")" * 500, "x = 1\n" * MOST_CHARACTERS, "def f():\n    np.seterr(all='raise')",
        "with open('x') as np.tanh: pass", "__builtins__", "f.__globals__",
    ],
)  # fmt: skip
def test_cells_that_may_change_a_library(source):
    assert may_change_libraries(source)


@pytest.mark.parametrize("path", sorted(ROOT.glob("exercises/*/*.ipynb")), ids=lambda p: p.stem)
def test_no_given_cell_of_a_numpy_exercise_costs_a_fork(path):
    cells = json.loads(path.read_text())["cells"]
    sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    if any("keras" in source for source in sources):
        return  # nothing forks where TensorFlow has run
    assert [s for s in sources[1:] if may_change_libraries(s)] == []
