"""Exercises in a real JupyterLab: what the checks say there is what a student needs to read."""

import shutil

import nbformat
import pytest

from ..conftest import ROOT
from .lab import jupyterlab, work_through

WRONG = {
    "rnn_step": """
def rnn_step(x_t, h_prev, W, U, b):
    return np.tanh(W @ x_t + U @ h_prev)
""",
    "rnn_forward": """
def rnn_forward(x, h_0, W, U, b):
    return np.array([np.tanh(W @ x_t + U @ h_0 + b) for x_t in x])
""",
    "rnn_layer": """
def rnn_layer(x, h_0, W, U, b, return_sequences=False):
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + h @ U + b)
        states.append(h)
    return np.array(states) if return_sequences else h
""",
    "rnn_param_count": """
def rnn_param_count(D, H):
    return len(D) * H
""",
}


@pytest.fixture
def notebook(tmp_path):
    """The exercise `rnn`, with a mistake in every function."""
    folder = tmp_path / "rnn"
    shutil.copytree(ROOT / "exercises" / "rnn", folder)
    content = nbformat.read(folder / "rnn.ipynb", as_version=4)
    for cell in content.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = WRONG.get(name, cell.source).strip()
    nbformat.write(content, folder / "rnn.ipynb")
    return tmp_path


@pytest.mark.slow
def test_a_mistake_in_every_function_is_named_in_jupyterlab(notebook, browser):
    with jupyterlab(notebook) as address:
        # A window that is tall enough for all cells: Lab draws only those in sight.
        page = browser.new_page(viewport={"width": 1280, "height": 6000})
        shown = work_through(page, address, "rnn/rnn.ipynb")
        code = page.locator(".jp-OutputArea-output code", has_text="h_t").count()
        page.close()

    assert "Hint: this is the step without its bias." in shown["test_rnn_step"]
    assert "Wrong timesteps: 1 to 4 of 0 to 4; the others are right." in shown["test_rnn_forward"]
    assert "Hint: the first output is right, the later ones see" in shown["test_rnn_forward"]
    assert "has shape (5, 3, 4)" in shown["test_rnn_layer"]
    assert "✓ a batch, last output\n✗ a batch, every output" in shown["test_rnn_layer"]
    assert "TypeError" in shown["test_rnn_param_count"]
    assert "in line 2 of your cell: return len(D) * H" in shown["test_rnn_param_count"]
    assert "final state" in shown["result"], "the notebook goes on after a wrong function"
    assert code == 1, "names in messages are set as code"
