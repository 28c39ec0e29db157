"""An exercise folder alone, copied elsewhere, with NumPy and IPython only."""

import shutil
import sys
import textwrap

import pytest

from autograder.build import folder_bytes

from ..conftest import ASSIGNMENTS

# Runs every code cell of a notebook as Jupyter would, with all other packages out of reach, and with
# chosen implementations put into the solution cells.
RUNNER = """
import importlib.abc, io, json, sys
from contextlib import redirect_stdout

ALLOWED = {allowed!r}

class OnlyThese(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in ("matplotlib", "autograder", "keras", "tensorflow", "babel", "sklearn", "nbgrader"):
            if top not in ALLOWED:
                raise ModuleNotFoundError(f"No module named {{top!r}}")

sys.meta_path.insert(0, OnlyThese())
sys.path.insert(0, "")
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()
notebook = json.load(open(sys.argv[1]))
replace = json.loads(sys.argv[2])
report = {{}}
for cell in notebook["cells"]:
    if cell["cell_type"] != "code":
        continue
    name = cell["metadata"].get("nbgrader", {{}}).get("grade_id", cell["id"])
    source = replace.get(name, "".join(cell["source"]))
    with capture_output() as got:
        result = shell.run_cell(source)
    error = result.error_in_exec or result.error_before_exec
    shown = got.stdout + "".join(str(o.data.get("text/html", "")) for o in got.outputs)
    report[name] = [shown, type(error).__name__ if error else ""]
print("REPORT" + json.dumps(report))
"""


def work_through(tmp_path, course, name, replace, allowed=()):
    """Copy the folder, run the notebook; per cell what it showed and which error it raised."""
    import json
    import subprocess

    folder = tmp_path / "elsewhere"
    shutil.copytree(course.exercises / name, folder)
    runner = tmp_path / "runner.py"
    runner.write_text(textwrap.dedent(RUNNER.format(allowed=list(allowed))))
    done = subprocess.run(
        [sys.executable, "-I", runner, f"{name}.ipynb", json.dumps(replace)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "REPORT" in done.stdout, done.stderr[-2000:]
    return json.loads(done.stdout.split("REPORT")[1])


def solutions_of(course, name):
    import nbformat

    notebook = nbformat.read(course.source / name / f"{name}.ipynb", as_version=4)
    return {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ASSIGNMENTS]
)
def test_the_folder_works_alone(tmp_path, built, name):
    course = built(name)
    from autograder.check import CheckSet

    checks = CheckSet.load(course.exercises / name / "public.npz")
    allowed = set(checks.allows) - {"matplotlib"}
    report = work_through(tmp_path, course, name, solutions_of(course, name), allowed)
    failed = {cell: error for cell, (_, error) in report.items() if error}
    assert not failed
    shown = "".join(text for text, _ in report.values())
    for function in checks:
        assert f"{function}: right in all" in shown


def test_mistakes_are_explained_in_the_students_notebook(tmp_path, course):
    wrong = {
        "rnn_step": "def rnn_step(x_t, h_prev, W, U, b):\n    return np.tanh(W @ x_t + U @ h_prev) + b",
        "rnn_forward": "def rnn_forward(x, h_0, W, U, b):\n    return W[0, 0, 0]",
        "rnn_param_count": "def rnn_param_count(D, H):\n    return H * D + H",
    }
    report = work_through(tmp_path, course, "rnn", wrong)
    assert "the bias is added after tanh" in report["test_rnn_step"][0]
    assert "IndexError" in report["test_rnn_forward"][0]
    assert "in line 2 of your cell: return W[0, 0, 0]" in report["test_rnn_forward"][0]
    assert "not written yet" in report["test_rnn_layer"][0]
    assert "Dense layer&#x27;s count" in report["test_rnn_param_count"][0]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ASSIGNMENTS]
)
def test_the_folder_holds_nothing_superfluous(built, name):
    course = built(name)
    extra = {p.name for p in (course.folder(name) / "files").glob("*")}
    files = set(folder_bytes(course.exercises / name))
    assert files == {f"{name}.ipynb", "check.py", "public.npz"} | extra
