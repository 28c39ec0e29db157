"""Graders of every kind: root or an ordinary user, with user namespaces or without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["root", "root-without-userns", "user", "user-without-userns"]

# An ordinary user cannot pass /root, where Python may live: a private mount namespace lets it through.
_OPEN_ROOT = """
set -e
keep=$(mktemp -d)
mount --bind "$1" "$keep"
mount -t tmpfs -o mode=755 tmpfs /root
mkdir -p "$1"
mount --bind "$keep" "$1"
umount "$keep"
rmdir "$keep"
shift
exec "$@"
"""
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def command_for(kind: str, command: list[str]) -> list[str]:
    """`command`, run as a kind of user, with the environment readable for everyone."""
    if os.geteuid() != 0:
        if kind.startswith("root"):
            pytest.skip("needs root")
        return command
    if kind.startswith("user"):
        command = [*NOBODY, *command]
    if kind != "root" and Path(sys.base_prefix).is_relative_to("/root"):
        opened = ["unshare", "--mount", "sh", "-c", _OPEN_ROOT, "sh", sys.base_prefix]
        if subprocess.run([*opened, "true"], check=False, capture_output=True).returncode:
            pytest.skip("Python is in /root, and mount namespaces are not allowed")
        command = [*opened, *command]
    return command


class Driver:
    """A grader in another process."""

    def __init__(self, kind: str, *options: str):
        self.kind = kind
        without = "userns" if kind.endswith("without-userns") else ""
        command = [sys.executable, "-m", "tests.engine.driver", without, *options]
        self.process = subprocess.Popen(
            command_for(kind, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=ROOT, env={**os.environ, "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.hello = self._read()

    def _read(self) -> dict:
        line = self.process.stdout.readline()
        assert line, "the driver ended"
        return json.loads(line)

    def run(self, *cells: str, **limits: float) -> dict:
        request = {"cells": list(cells), "limits": limits}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._read()

    def text(self, *cells: str, **limits: float) -> str:
        """What the cells printed, errors included."""
        return "".join(map(said, self.run(*cells, **limits)["outputs"]))

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


def said(outputs: list[dict]) -> str:
    text = ""
    for output in outputs:
        match output["output_type"]:
            case "stream":
                text += output["text"]
            case "error":
                text += f"{output['ename']}: {output['evalue']}\n"
            case _:
                text += output["data"].get("text/plain", "") + "\n"
    return text


@pytest.fixture(scope="session", params=KINDS)
def driver(request):
    driver = Driver(request.param)
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def zygote():
    from autograder.engine.zygote import Zygote

    with Zygote(("numpy", "matplotlib")) as zygote:
        yield zygote
