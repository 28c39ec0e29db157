"""nbgrader's formgrader, in a real Jupyter server, sees the course as the configuration says."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from autograder.build import generate

from ..conftest import ROOT


@pytest.fixture
def server(tmp_path, built, monkeypatch):
    """A Jupyter server in the course's folder; its address."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "class"))
    generate(built("rnn"), "rnn", release_directory=str(tmp_path / "released"))
    path = tmp_path / "server.log"
    log = path.open("w")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *("--ServerApp.port=0", "--IdentityProvider.token=", "--ServerApp.password="),
            *("--ServerApp.ip=127.0.0.1", "--ServerApp.disable_check_xsrf=True"),
        ],
        cwd=ROOT,
        env={**os.environ, "JUPYTER_PREFER_ENV_PATH": "1"},
        stdout=log,
        stderr=log,
    )
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            found = re.search(r"http://127\.0\.0\.1:\d+/", path.read_text())
            if found:
                yield found[0]
                break
            time.sleep(0.2)
        else:
            pytest.fail("the server did not start:\n" + path.read_text()[-2000:])
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def get(address):
    for _ in range(50):
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.2)
    raise AssertionError(f"no answer from {address}")


def test_formgrader_lists_the_course(server):
    listed = json.loads(get(server + "formgrader/api/assignments"))
    (rnn,) = [a for a in listed if a["name"] == "rnn"]
    assert rnn["max_score"] == 20
    assert rnn["max_written_score"] == 2
    assert rnn["source_path"] == "_build/source/rnn"
    assert "formgrader" in get(server + "formgrader").lower()
