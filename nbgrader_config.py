"""nbgrader's configuration: where the course lies. Every `nbgrader` command reads it.

Settings: COURSE_DATA, a folder, keeps submitted/, autograded/, feedback/ and gradebook.db there instead
of beside this file, so that several classes (or a made-up one) can share one course.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821  nbgrader provides it

root = Path(__file__).resolve().parent

c.CourseDirectory.course_id = "recurrent-networks"
c.CourseDirectory.root = str(root)
# `autograder build` writes the instructor's notebooks here, from solutions/.
c.CourseDirectory.source_directory = "_build/source"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".*"]

if "COURSE_DATA" in os.environ:
    data = Path(os.environ["COURSE_DATA"]).resolve()
    data.mkdir(parents=True, exist_ok=True)
    c.CourseDirectory.submitted_directory = str(data / "submitted")
    c.CourseDirectory.autograded_directory = str(data / "autograded")
    c.CourseDirectory.feedback_directory = str(data / "feedback")
    c.CourseDirectory.db_url = f"sqlite:///{data / 'gradebook.db'}"

# Where grading finds the hidden cases. Kernels inherit it; students' machines have neither.
os.environ["AUTOGRADER_HIDDEN"] = str(root / "_build" / "hidden")

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.Execute.timeout = 60

# What a submission may use: autograder/engine/limits.py lists the settings and their defaults. The
# project's checks train the student's model, which may take 60 seconds of CPU time.
c.Autograder.assignment_limits = {
    "project": {
        "cell_seconds": 240,
        "call_seconds": 150,
        "check_seconds": 300,
        "submission_seconds": 900,
    }
}

# `nbgrader autograde` and formgrader grade with the engine. AUTOGRADER_PLUGINS=off: as nbgrader comes.
if os.environ.get("AUTOGRADER_PLUGINS", "on") != "off":
    from autograder.plugins import use_engine

    use_engine(c)
