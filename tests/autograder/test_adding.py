"""README's page "Adding an assignment", followed step by step with one that has nothing to do with networks."""

import shutil

import nbformat
import pytest

from autograder.command import main

from ..conftest import ROOT
from ..grading.making import Class
from . import tiny

ANSWERS = {
    "anna": "def middle(numbers):\n    return float(numbers.mean())",
    "bert": "def middle(numbers):\n    return float(numbers[0] + 1)",
    "cleo": None,  # handed in as it was
}


@pytest.mark.slow
def test_an_assignment_is_added_by_the_page_and_graded(tiny_course, monkeypatch, capsys):
    page = (ROOT / "README.md").read_text().split("### Adding an assignment")[1].split("\n## ")[0]
    at = ["--course", str(tiny_course.root)]

    # Steps 1 to 3: a folder with <name>.md and checks.py.
    assert "`solutions/<name>/`" in page and "`<name>.md`" in page and "`checks.py`" in page
    tiny.write(tiny_course)
    # Step 4, and what the section above it says about a change.
    assert "`autograder build <name>`" in page
    assert main([*at, "build", "tiny"]) == 0
    assert main([*at, "mutants", "tiny"]) == 0
    assert main([*at, "references", "--check", "tiny"]) == 0
    # Step 5: what is committed is there, and in step.
    assert "`exercises/<name>/`" in page
    assert main([*at, "build", "--check"]) == 0

    klass = Class(tiny_course, tiny_course.root / "class")
    monkeypatch.setenv("COURSE_DATA", str(klass.folder))
    monkeypatch.setenv("AUTOGRADER_HIDDEN", "")
    for student, answer in ANSWERS.items():
        folder = klass.folder / "submitted" / student / "tiny"
        shutil.copytree(tiny_course.exercises / "tiny", folder)
        notebook = nbformat.read(folder / "tiny.ipynb", as_version=4)
        for cell in notebook.cells:
            if answer and cell.metadata.get("nbgrader", {}).get("grade_id") == "middle":
                cell.source = answer
        nbformat.write(notebook, folder / "tiny.ipynb")
    assert main([*at, "grade", "tiny", "--allow-weaker"]) == 0
    assert [(row[0], row[2]) for row in klass.grades()] == [("anna", 3), ("bert", 0), ("cleo", 0)]
    feedback = (klass.folder / "autograded" / "bert" / "tiny" / "tiny.ipynb").read_text()
    assert "Hint: only one number is used." in feedback
