"""A small assignment with every kind of cell that counts, and classes of students for it."""

import json
import sqlite3
from pathlib import Path

from autograder.build import Course

CHECKS = """
import numpy as np

from autograder.authoring import Assignment, Case, Check, Group, Misconception


def cases(rng):
    for number in range(3):
        yield Case(f"some numbers {number}", "all", rng.normal(0, 1, 5))
    yield Case("one number", "one", rng.normal(3, 1, 1))


ASSIGNMENT = Assignment(
    name="small",
    allows=["numpy"],
    checks=[
        Check(
            name="middle",
            points=3,
            returns=["the mean"],
            groups=[Group("all", "any numbers", 2.123457), Group("one", "one number", 0.876543)],
            cases=cases,
            reference=lambda numbers: float(np.mean(numbers)),
            misconceptions=[
                Misconception(
                    "sum", lambda numbers: float(sum(numbers) * 2), "that is twice the sum."
                ),
                Misconception("first", lambda numbers: float(numbers[0]), "only one is used."),
            ],
        )
    ],
)
"""

NOTEBOOK = '''---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# The mean

```{code-cell} ipython3
---
nbgrader: {grade_id: setup, locked: true}
---
import numpy as np

from check import check
```

```{code-cell} ipython3
---
nbgrader: {grade_id: middle, solution: true}
---
def middle(numbers):
    """The mean of some numbers (N,)."""
    ### BEGIN SOLUTION
    return float(numbers.sum() / len(numbers))
    ### END SOLUTION
```

```{code-cell} ipython3
---
nbgrader: {grade_id: test_middle, grade: true}
---
check(middle)
### BEGIN HIDDEN TESTS
from check import grade
grade(middle)
### END HIDDEN TESTS
```

```{code-cell} ipython3
---
nbgrader: {grade_id: classical, grade: true, locked: true, points: 2}
---
assert middle(np.array([1.0, 3.0])) == 2.0
### BEGIN HIDDEN TESTS
assert middle(np.arange(5.0)) == 2.0
### END HIDDEN TESTS
```

+++ {"nbgrader": {"grade_id": "words", "grade": true, "solution": true, "points": 4}}

### BEGIN SOLUTION
It is where the numbers balance.
### END SOLUTION

+++ {"nbgrader": {"grade_id": "drawing", "task": true, "points": 1}}

Draw it.
'''

MAXIMUM = 10.0
# What the solution cell says, for each kind of student.
RIGHT = "def middle(numbers):\n    return float(np.mean(numbers))"
SLOW_RIGHT = "def middle(numbers):\n    return sum(map(float, numbers)) / len(numbers)"
FIRST = "def middle(numbers):\n    return float(numbers[0])"
TWICE = "def middle(numbers):\n    return 2 * float(sum(numbers))"
CRASH = "def middle(numbers):\n    return numbers[10**9]"
SYNTAX = "def middle(numbers)\n    return 0"
NOT_ONE = "def middle(numbers):\n    return float(np.mean(numbers)) + (len(numbers) == 1)"
KINDS = [RIGHT, NOT_ONE, FIRST, SLOW_RIGHT, TWICE, CRASH, SYNTAX, None]


def write(course: Course) -> None:
    folder = course.solutions / "small"
    folder.mkdir(parents=True)
    (folder / "checks.py").write_text(CHECKS)
    (folder / "small.md").write_text(NOTEBOOK)


def answered(course: Course, code: str | None = RIGHT, words: str | None = "Balance.") -> dict:
    """The released notebook with answers written in; None leaves a cell as it is."""
    notebook = json.loads((course.released / "small" / "small.ipynb").read_text())
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id == "middle" and code is not None:
            cell["source"] = code
        if grade_id == "words" and words is not None:
            cell["source"] = words
    return notebook


class Class:
    """A folder with submitted/, autograded/ and a gradebook: COURSE_DATA."""

    def __init__(self, course: Course, folder: Path):
        self.course, self.folder = course, folder

    def place(self, student: str) -> Path:
        return self.folder / "submitted" / student / "small"

    def hand_in(
        self, student: str, notebook: dict | str | None, timestamp: str = "2026-01-15 12:00:00 UTC"
    ) -> Path:
        """Put a submission into its place; text is written as it is, None leaves no notebook."""
        place = self.place(student)
        place.mkdir(parents=True, exist_ok=True)
        if notebook is not None:
            text = notebook if isinstance(notebook, str) else json.dumps(notebook)
            (place / "small.ipynb").write_text(text)
        if timestamp:
            (place / "timestamp.txt").write_text(timestamp)
        return place

    def honest(self, students: int) -> None:
        for number in range(students):
            code = KINDS[number % len(KINDS)]
            words = None if code is None else f"Answer {number}."
            self.hand_in(f"s{number:04d}", answered(self.course, code, words))

    def rows(self, query: str, *values: object) -> list[tuple]:
        with sqlite3.connect(self.folder / "gradebook.db") as connection:
            return connection.execute(query, values).fetchall()

    def change(self, statement: str, *values: object) -> None:
        connection = sqlite3.connect(self.folder / "gradebook.db")
        with connection:
            connection.execute(statement, values)
        connection.close()

    def whole(self) -> bool:
        return self.rows("PRAGMA integrity_check") == [("ok",)]

    def grades(self) -> list[tuple]:
        """Student, cell, automatic and manual score, extra credit, waits for a person."""
        return self.rows(
            """SELECT sa.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit,
                      g.needs_manual_grade
               FROM grade g JOIN submitted_notebook sn ON sn.id = g.notebook_id
               JOIN submitted_assignment sa ON sa.id = sn.assignment_id
               JOIN base_cell c ON c.id = g.cell_id ORDER BY 1, 2"""
        )

    def comments(self) -> list[tuple]:
        return self.rows(
            """SELECT sa.student_id, c.name, k.auto_comment, k.manual_comment
               FROM comment k JOIN submitted_notebook sn ON sn.id = k.notebook_id
               JOIN submitted_assignment sa ON sa.id = sn.assignment_id
               JOIN base_cell c ON c.id = k.cell_id ORDER BY 1, 2"""
        )

    def penalties(self) -> list[tuple]:
        return self.rows(
            """SELECT sa.student_id, sa.timestamp, sn.late_submission_penalty
               FROM submitted_assignment sa
               JOIN submitted_notebook sn ON sn.assignment_id = sa.id ORDER BY 1"""
        )

    def state(self) -> tuple:
        """All that grading wrote into nbgrader's tables."""
        return self.grades(), self.comments(), self.penalties()

    def files(self) -> dict[str, bytes]:
        """What lies in autograded/."""
        root = self.folder / "autograded"
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.endswith(".lock")
        }

    def score(self, student: str) -> float:
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            return gradebook.find_submission("small", student).score
