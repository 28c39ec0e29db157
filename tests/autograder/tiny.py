"""A complete assignment in two short strings: one function, nothing to do with networks."""

CHECKS = """
import numpy as np

from autograder.authoring import Assignment, Case, Check, Group, Misconception


def cases(rng):
    yield Case("a few numbers", "all", rng.normal(0, 1, 5))
    yield Case("one number", "all", rng.normal(3, 1, 1))


ASSIGNMENT = Assignment(
    name="tiny",
    allows=["numpy"],
    checks=[
        Check(
            name="middle",
            points=3,
            returns=["the mean"],
            groups=[Group("all", "any numbers", 3)],
            cases=cases,
            reference=lambda numbers: float(np.mean(numbers)),
            misconceptions=[
                Misconception(
                    "sum", lambda numbers: float(sum(numbers) * 2), "that is twice the sum."
                ),
                Misconception(
                    "first", lambda numbers: float(numbers[0] + 1), "only one number is used."
                ),
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
'''


def write(course, checks=CHECKS, notebook=NOTEBOOK):
    """Put the assignment into a course."""
    folder = course.solutions / "tiny"
    folder.mkdir(parents=True)
    (folder / "checks.py").write_text(checks)
    (folder / "tiny.md").write_text(notebook)
    return folder
