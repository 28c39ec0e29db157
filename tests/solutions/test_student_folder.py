"""An exercise folder alone, copied elsewhere, with NumPy and IPython only."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


WRONG = {
    "rnn_step": "def rnn_step(x_t, h_prev, W, U, b):\n    return np.tanh(W @ x_t + U @ h_prev) + b",
    "rnn_forward": "def rnn_forward(x, h_0, W, U, b):\n    return W[0, 0, 0]",
    "rnn_param_count": "def rnn_param_count(D, H):\n    return H * D + H",
}


def test_mistakes_are_explained_in_the_students_notebook(tmp_path, course):
    report = work_through(tmp_path, course, "rnn", WRONG)
    assert "the bias is added after tanh" in report["test_rnn_step"][0]
    assert "IndexError" in report["test_rnn_forward"][0]
    assert "in line 2 of your cell: return W[0, 0, 0]" in report["test_rnn_forward"][0]
    assert "not written yet" in report["test_rnn_layer"][0]
    assert "Dense layer&#x27;s count" in report["test_rnn_param_count"][0]


# Runs a notebook in a kernel of this interpreter, going on after errors.
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def environment_with(folder, *packages):
    """A new virtual environment that has these packages, what they need, and no other; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    queue, known = list(packages), set()
    while queue:
        name = canonicalize_name(queue.pop())
        if name in known:
            continue
        known.add(name)
        distribution = importlib.metadata.distribution(name)
        for need in map(Requirement, distribution.requires or ()):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                queue.append(need.name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "bin" / "python"


@pytest.mark.slow
@pytest.mark.parametrize("solved", [False, True], ids=["wrong", "right"])
def test_numpy_and_jupyter_are_enough_in_a_new_environment(tmp_path, course, solved):
    python = environment_with(tmp_path / "venv", "numpy", "ipykernel", "nbclient")
    for absent in ("matplotlib", "autograder", "keras", "nbgrader"):
        done = subprocess.run([python, "-c", f"import {absent}"], cwd=tmp_path, capture_output=True)
        assert done.returncode, f"{absent} is there"
    folder = tmp_path / "elsewhere"
    shutil.copytree(course.exercises / "rnn", folder)
    notebook = nbformat.read(folder / "rnn.ipynb", as_version=4)
    written = solutions_of(course, "rnn") if solved else WRONG
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = written.get(name, cell.source)
    nbformat.write(notebook, folder / "rnn.ipynb")
    done = subprocess.run(
        [python, "-c", EXECUTE, "rnn.ipynb"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]

    shown = {}
    for cell in nbformat.read(folder / "rnn.ipynb", as_version=4).cells:
        outputs = cell.get("outputs", [])
        texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
        shown[cell.metadata.get("nbgrader", {}).get("grade_id")] = "".join(texts)
    if solved:
        for name in ("rnn_step", "rnn_forward", "rnn_layer", "rnn_param_count"):
            assert f"{name}: right in all" in shown[f"test_{name}"]
        assert "With Matplotlib installed you would see" in shown["result"]
    else:
        assert "the bias is added after tanh" in shown["test_rnn_step"]
        assert "in line 2 of your cell: return W[0, 0, 0]" in shown["test_rnn_forward"]
        assert "not written yet" in shown["test_rnn_layer"]
        assert "Dense layer's count" in shown["test_rnn_param_count"]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ASSIGNMENTS]
)
def test_the_folder_holds_nothing_superfluous(built, name):
    course = built(name)
    extra = {p.name for p in (course.folder(name) / "files").glob("*")}
    files = set(folder_bytes(course.exercises / name))
    assert files == {f"{name}.ipynb", "check.py", "public.npz"} | extra
