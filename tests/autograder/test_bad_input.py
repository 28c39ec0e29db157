"""Bad input gets one message that names the file and the remedy, and nothing is lost."""

import pytest

from autograder.build import build, find_course, folder_bytes, publish
from autograder.check import CheckError
from autograder.command import main

from . import tiny


def failing(course, match):
    with pytest.raises(CheckError, match=match):
        build(course, "tiny")


def test_a_tiny_assignment_builds(tiny_course):
    """The one page of the contributor's guide: two files, one command."""
    tiny.write(tiny_course)
    assert build(tiny_course, "tiny")
    assert publish(tiny_course, "tiny") == ["check.py", "public.npz", "tiny.ipynb"]
    assert not build(tiny_course, "tiny"), "the second time nothing is to be done"


def test_an_unknown_assignment(tiny_course, capsys):
    tiny.write(tiny_course)
    assert main(["--course", str(tiny_course.root), "build", "lstn"]) == 1
    assert "no assignment 'lstn'" in capsys.readouterr().err


def test_outside_a_course(tmp_path, capsys):
    assert main(["--course", str(tmp_path), "build"]) == 1
    assert "not inside a course" in capsys.readouterr().err
    with pytest.raises(CheckError):
        find_course(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("grade(middle)", "grade(centre)", "no check 'centre'"),
        ("{grade_id: test_middle, grade: true}", "{}", "without a grade_id"),
        ("grade: true}", "grade: true, points: 7}", "7 points here, 3 in checks.py"),
        ("grade_id: test_middle", "grade_id: middle", "'middle' is used twice"),
        ("### BEGIN HIDDEN TESTS\n", "", "between BEGIN and END HIDDEN TESTS"),
        ("grade(middle)\n", "\n", "needs points, or"),
        ("numbers.sum() / len(numbers)", "numbers.sum()", "disagrees with its reference"),
        ("def middle(", "def centre(", "defines no `middle`"),
    ],
)
def test_a_source_notebook_with_a_mistake(tiny_course, old, new, says):
    assert old in tiny.NOTEBOOK
    tiny.write(tiny_course, notebook=tiny.NOTEBOOK.replace(old, new))
    failing(tiny_course, says)


def test_a_source_notebook_without_any_metadata(tiny_course):
    lines = [line for line in tiny.NOTEBOOK.splitlines() if not line.startswith("nbgrader")]
    tiny.write(tiny_course, notebook="\n".join(lines))
    failing(tiny_course, r"tiny.md has no nbgrader metadata: give solution and test cells")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("points=3,", "points=4,", "do not add up"),
        ("np.mean(numbers)", "np.median(numbers)", "the solution of `middle` disagrees"),
        ("float(numbers[0] + 1)", "float(sum(numbers) * 2)", "give the same numbers"),
        ("float(numbers[0] + 1)", "float(np.mean(numbers))", "no case of `middle` catches 'first'"),
        ('"first"', '"sum"', "have the same id"),
        ('"all", rng.normal(3', '"some", rng.normal(3', "has no group 'some'"),
        ('"one number"', '"a few numbers"', "two cases of `middle` are called"),
        ("ASSIGNMENT =", "OTHER =", "defines no ASSIGNMENT"),
        ('name="tiny"', 'name="other"', "is named 'other', its folder 'tiny'"),
        ("import numpy", "import nonsense", "cannot be imported"),
    ],
)
def test_a_checks_file_with_a_mistake(tiny_course, old, new, says):
    assert old in tiny.CHECKS
    tiny.write(tiny_course, checks=tiny.CHECKS.replace(old, new, 1))
    failing(tiny_course, says)


def test_a_failed_build_leaves_the_old_one(tiny_course):
    folder = tiny.write(tiny_course)
    build(tiny_course, "tiny")
    before = folder_bytes(tiny_course.released / "tiny")
    (folder / "tiny.md").write_text(tiny.NOTEBOOK.replace("numbers.sum()", "numbers.max()"))
    failing(tiny_course, "disagrees with its reference")
    assert folder_bytes(tiny_course.released / "tiny") == before


def test_exercises_out_of_step_are_reported(tiny_course, capsys):
    tiny.write(tiny_course)
    at = ["--course", str(tiny_course.root), "build"]
    assert main([*at, "--check"]) == 1
    assert "out of step" in capsys.readouterr().err
    assert main(at) == 0
    assert main([*at, "--check"]) == 0


def test_a_short_secret_is_refused(tiny_course, monkeypatch):
    tiny.write(tiny_course)
    monkeypatch.setenv("AUTOGRADER_SECRET", "short")
    failing(tiny_course, "AUTOGRADER_SECRET is shorter than 16 characters")
    monkeypatch.delenv("AUTOGRADER_SECRET")
    (tiny_course.root / ".autograder_secret").write_text("")
    failing(tiny_course, r".autograder_secret is damaged")


def test_the_secret_file_is_private_and_made_once(tiny_course, monkeypatch):
    from autograder.secret import load_secret

    monkeypatch.delenv("AUTOGRADER_SECRET", raising=False)
    first = load_secret(tiny_course.root)
    path = tiny_course.root / ".autograder_secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_secret(tiny_course.root) == first


def test_hidden_cases_depend_on_the_secret(tiny_course, monkeypatch):
    tiny.write(tiny_course)
    content = []
    for secret in ("a first secret, long enough", "another secret, long enough"):
        monkeypatch.setenv("AUTOGRADER_SECRET", secret)
        build(tiny_course, "tiny")
        content.append((tiny_course.hidden / "tiny.npz").read_bytes())
    assert content[0] != content[1]


@pytest.mark.parametrize("command", [[], ["build"], ["references"], ["mutants"], ["sample-class"]])
def test_help_is_there(command, capsys):
    with pytest.raises(SystemExit) as ending:
        main([*command, "--help"])
    assert ending.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_wrong_usage_exits_with_2(capsys):
    with pytest.raises(SystemExit) as ending:
        main(["sample-class", "rnn", "--students", "many"])
    assert ending.value.code == 2
