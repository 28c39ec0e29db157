"""nbgrader's configuration: where the course lies and what grades it. Read by every `nbgrader` command."""

import os
from pathlib import Path

c = get_config()  # noqa: F821  nbgrader provides it

root = Path(os.environ.get("COURSE_ROOT", Path(__file__).resolve().parent))

c.CourseDirectory.course_id = "recurrent-networks"
c.CourseDirectory.root = str(root)
# `autograder build` writes the instructor's notebooks here, from solutions/.
c.CourseDirectory.source_directory = "_build/source"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".*"]

# Where grading finds the hidden cases; kernels inherit it, students' machines have neither.
os.environ["AUTOGRADER_HIDDEN"] = str(root / "_build" / "hidden")

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.Execute.timeout = 120
