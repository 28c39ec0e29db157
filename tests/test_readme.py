"""Every command that README shows is run by a test or by CI itself."""

import os
import re
import shlex

import pytest

from .conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")

# CI runs `make test`; the other make verbs are run below, as far as they do not contain this test.
MAKE = {"make course", "make test", "make lint", "make bench"}


def commands(section):
    """The commands of a section's bash blocks, without comments."""
    text = README.split(f"\n{section}\n")[1].split("\n## ")[0] if section else README
    for block in re.findall(r"```bash\n(.*?)```", text, re.S):
        for line in block.splitlines():
            command = line.split("  #")[0].split(" #")[0].strip()
            if command:
                yield command


INSTRUCTOR = list(commands("## For instructors"))
CONTRIBUTOR = [c for c in commands("## For contributors") if not c.startswith("make")]


def test_every_command_is_covered():
    covered = MAKE | set(INSTRUCTOR) | set(CONTRIBUTOR)
    assert set(commands("")) <= covered


def test_make_lists_and_knows_its_verbs(run):
    shown = run("make").stdout
    for verb in {c.split()[1] for c in MAKE} | {"book"}:
        assert re.search(rf"^{verb}\s", shown, re.M)
        assert run("make", "-n", verb).returncode == 0


def test_the_instructors_page(run, tmp_path, built):
    """From submissions to the file for the LMS, with the commands as they are printed."""
    from .conftest import ASSIGNMENTS

    for name in ASSIGNMENTS:
        built(name)
    data = tmp_path / "class"
    env = {"COURSE_DATA": str(data)}
    made = run(
        "autograder",
        "sample-class",
        "rnn",
        "--students",
        12,
        "--target",
        data / "submitted",
        env=env,
    )
    assert made.returncode == 0, made.stderr
    for command in INSTRUCTOR:
        command = command.replace("_build/sample", str(data))
        command = command.replace("grades.csv", str(tmp_path / "grades.csv"))
        words = shlex.split(command)
        while "=" in words[0]:
            words.pop(0)
        if words == ["autograder", "build"]:
            words.append("--check")
        done = run(*words, env=env, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    rows = (tmp_path / "grades.csv").read_text().splitlines()
    assert len(rows) == 13
    assert len(list((data / "feedback").glob("*/rnn/rnn.html"))) == 12


@pytest.mark.parametrize("command", CONTRIBUTOR)
def test_the_contributors_commands(run, built, command):
    """As printed, but with a few submissions where the printed command takes many."""
    built("rnn")
    words = shlex.split(command.replace("--quick", "--rounds 1 --few 2 --many 4 --sizes"))
    if words[:2] == ["autograder", "build"]:
        words.append("--check")
    done = run(*words, timeout=600)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]


def test_pictures_exist():
    for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_readme_tells_of_the_first_screen():
    first = README[: README.index("## For readers")]
    assert "make course" in first and "make test" in first
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
