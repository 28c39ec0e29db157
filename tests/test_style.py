"""Style and types, with the commands of `make lint`."""

import re

import pytest

from .conftest import ROOT

LINT = re.search(r"^lint:.*\n\t(.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
COMMANDS = [line.split() for line in LINT.group(1).replace("$(BIN)/", "").split(" && ")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_tree_is_clean(run, command):
    done = run(*command)
    assert done.returncode == 0, done.stdout[-3000:]
