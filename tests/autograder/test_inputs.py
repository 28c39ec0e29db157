"""A build is skipped only while nothing that it was made from has changed."""

import json
import sys

import pytest

from autograder.build import build

from . import tiny

CHECKS = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "text"))
from passages import lines

sys.path.pop(0)
""" + tiny.CHECKS.replace("rng.normal(0, 1, 5)", "rng.normal(0, 1, lines.COUNT)")


@pytest.fixture
def modules(tiny_course):
    """A package beside solutions/, with a module that uses another one; imported anew each time."""
    folder = tiny_course.root / "text" / "passages"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "lines.py").write_text("from .numbers import COUNT\n")
    (folder / "numbers.py").write_text("import numpy as np\n\nCOUNT = int(np.int64(5))\n")
    (folder / "unused.py").write_text("COUNT = 7\n")
    yield folder
    forget()


def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == "passages"]:
        del sys.modules[name]


def stamp(course):
    return json.loads((course.stamps / "tiny.json").read_text())


def test_modules_that_are_imported_belong_to_the_inputs(tiny_course, modules):
    tiny.write(tiny_course, checks=CHECKS)
    assert build(tiny_course, "tiny")
    names = ["__init__.py", "lines.py", "numbers.py"]
    assert stamp(tiny_course)["modules"] == [f"text/passages/{name}" for name in names]
    assert stamp(tiny_course)["packages"] == ["numpy"]
    assert not build(tiny_course, "tiny")

    (modules / "unused.py").write_text("COUNT = 8\n")
    assert not build(tiny_course, "tiny"), "what nobody imports does not matter"

    before = (tiny_course.hidden / "tiny.npz").read_bytes()
    (modules / "numbers.py").write_text("import numpy as np\n\nCOUNT = int(np.int64(6))\n")
    forget()
    assert build(tiny_course, "tiny")
    assert (tiny_course.hidden / "tiny.npz").read_bytes() != before
    assert not build(tiny_course, "tiny")

    (modules / "numbers.py").unlink()
    (modules / "lines.py").write_text("COUNT = 5\n")
    forget()
    assert build(tiny_course, "tiny")


def test_another_version_of_a_package_builds_again(tiny_course, modules, monkeypatch):
    tiny.write(tiny_course, checks=CHECKS)
    assert build(tiny_course, "tiny")
    monkeypatch.setattr("autograder.inputs._version", lambda package: "another")
    assert build(tiny_course, "tiny")


def test_what_changes_during_a_build_is_built_again(tiny_course):
    folder = tiny.write(tiny_course)

    def edit(text):
        (folder / "tiny.md").write_text(tiny.NOTEBOOK.replace("# The mean", "# The middle"))

    assert build(tiny_course, "tiny", progress=edit)
    assert build(tiny_course, "tiny")
    assert not build(tiny_course, "tiny")


def test_a_stamp_of_an_older_version_builds_again(tiny_course):
    tiny.write(tiny_course)
    build(tiny_course, "tiny")
    old = {name: stamp(tiny_course)[name] for name in ("inputs", "outputs")}
    (tiny_course.stamps / "tiny.json").write_text(json.dumps(old))
    assert build(tiny_course, "tiny")
