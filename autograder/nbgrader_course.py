"""nbgrader's own commands, run in this process with the course's `nbgrader_config.py`."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.build import Course
from autograder.check import CheckError


def load_config(course: Course) -> Config:
    """The configuration that `nbgrader` itself would read in the course's folder.

    Raises:
        CheckError: the file is missing or cannot be run.
    """
    path = course.root / "nbgrader_config.py"
    if not path.is_file():
        raise CheckError(f"{path} is missing: it says where the course's folders are.")
    try:
        config = PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
    except Exception as error:
        raise CheckError(f"{path} cannot be run ({type(error).__name__}: {error}).") from error
    config.CourseDirectory.setdefault("root", str(course.root))
    # nbgrader starts `alembic` by name when it first makes a gradebook.
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = scripts + os.pathsep + os.environ.get("PATH", "")
    return config


def run_converter(
    course: Course, command: str, assignment: str, **settings: dict[str, Any]
) -> None:
    """Run `generate_assignment`, `autograde` or `generate_feedback` of nbgrader.

    Raises:
        CheckError: nbgrader failed; carries its log.
    """
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    config = load_config(course)
    for name, values in settings.items():
        config[name].update(values)
    coursedir = CourseDirectory(config=config)
    api = NbGraderAPI(coursedir, config=config)
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    result = getattr(api, command)(assignment, force=True)
    if not result["success"]:
        lines = [
            line for line in (result.get("error") or result["log"]).splitlines() if line.strip()
        ]
        raise CheckError(f"nbgrader {command} {assignment} failed:\n" + "\n".join(lines[-12:]))
