"""What every test shares: the course, built once, whatever the number of test processes."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# TensorFlow logs on import; two test processes share two cores.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]

# Chromium for tests: no window, no requests of its own.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

ASSIGNMENTS = sorted(path.parent.name for path in ROOT.glob("solutions/*/checks.py"))


class Locked:
    """A section that one process at a time enters."""

    def __init__(self, name: str):
        self.path = ROOT / "_build" / f"{name}.lock"
        self.path.parent.mkdir(exist_ok=True)

    def __enter__(self):
        self.file = open(self.path, "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *exception):
        self.file.close()


@pytest.fixture(scope="session")
def built():
    """Build an assignment, if no other test process has; returns the course.

    `exercises/` is left as it is: a test compares it with what was built.
    """
    from autograder.build import build, find_course

    course = find_course(ROOT)

    def built(name):
        with Locked(f"build-{name}"):
            build(course, name)
        return course

    return built


@pytest.fixture(scope="session")
def course(built):
    """The course, with `rnn` built."""
    return built("rnn")


@pytest.fixture
def tiny_course(tmp_path):
    """An empty course of its own, with this course's configuration, to break at will."""
    from autograder.build import Course

    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "solutions").mkdir()
    return Course(tmp_path)


@pytest.fixture
def run():
    """Run a command in a folder; returns the finished process with its output as text."""

    def run(*command, cwd=ROOT, env=None, timeout=300):
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def chromium():
    """Path of the system's Chromium. CI must have it; elsewhere its tests are skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        message = "Chromium is not installed (Debian: apt install chromium)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def browser(chromium):
    """A real browser without a network of its own."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()
