"""A real JupyterLab, driven as a student drives it: open a notebook, run its cells, read what they say."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

WIDGET = "window.jupyterapp.shell.currentWidget"
RUN = f"""async (place) => {{
    {WIDGET}.content.activeCellIndex = place;
    await window.jupyterapp.commands.execute('notebook:run-cell').catch(() => null);
}}"""
SHOWN = f"""() => {WIDGET}.content.widgets.filter(cell => cell.model.type == 'code').map(cell =>
    [(cell.model.metadata.nbgrader || {{}}).grade_id || cell.model.id, cell.outputArea.node.innerText])"""


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Start JupyterLab in a folder; its address."""
    path = folder / ".server.log"
    with path.open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ServerApp.port=0", "--IdentityProvider.token=", "--ServerApp.password="),
                *("--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}"),
                "--LabApp.expose_app_in_browser=True",  # to ask what a cell shows, not to run it
            ],
            cwd=folder,
            env={
                **os.environ,
                "JUPYTER_PREFER_ENV_PATH": "1",
                "JUPYTERLAB_SETTINGS_DIR": str(folder),
            },
            stdout=log,
            stderr=log,
        )
        try:
            end = time.monotonic() + 120
            while not (found := re.search(r"http://127\.0\.0\.1:\d+/", path.read_text())):
                if server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"JupyterLab did not start:\n{path.read_text()[-2000:]}")
                time.sleep(0.2)
            yield found[0]
        finally:
            server.terminate()
            server.wait(timeout=60)


def work_through(page, address: str, notebook: str, timeout: float = 240_000) -> dict[str, str]:
    """Open a notebook, run one cell after the other, as with Shift + Enter; what each code cell shows.

    A cell that fails does not keep the later ones from running.
    """
    page.goto(f"{address}lab/tree/{notebook}?reset", timeout=timeout)
    page.wait_for_function(f"window.jupyterapp && {WIDGET}?.content?.widgets", timeout=timeout)
    page.evaluate(f"() => {WIDGET}.context.ready")
    idle = f"{WIDGET}.sessionContext.session?.kernel?.status == 'idle'"
    page.wait_for_function(idle, timeout=timeout)
    for place in range(page.evaluate(f"() => {WIDGET}.content.widgets.length")):
        page.evaluate(RUN, place)
        page.wait_for_function(idle, timeout=timeout)
    return dict(page.evaluate(SHOWN))
