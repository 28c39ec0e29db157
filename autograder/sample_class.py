"""A made-up class: submissions as students hand them in, to try grading on.

Every submission is the released notebook with solution cells filled in: right ones (also written
differently), partly right ones, misconceptions, a blank one, one that crashes, one that never ends.
"""

from __future__ import annotations

import ast
import copy
import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat

from autograder.as_source import function_source
from autograder.authoring import Assignment, load_assignment
from autograder.build import Course, write_atomically
from autograder.check import CheckError

TIMESTAMP = "2026-01-15 12:00:00 UTC"
ANSWER = "All weights are positive, so the sums are large and tanh is flat there."


@dataclass(frozen=True)
class Student:
    """One made-up submission: who, of which kind, and what it does for each function."""

    name: str
    kind: str
    choices: dict[str, str]  # function to "right", "blank", a misconception's or variant's id, ...


def plan_class(assignment: Assignment, students: int, seed: int) -> list[Student]:
    """Decide what each student hands in; the first seven kinds are always present."""
    rng = random.Random(seed)
    names = [check.name for check in assignment.checks]
    plans = []
    kinds = ["right", "partly", "misconception", "blank", "crash", "endless", "variant"]
    for number in range(students):
        kind = kinds[number] if number < len(kinds) else "misconception"
        if number >= 12:
            kind = rng.choice(["right", "variant", "partly", *["misconception"] * 4])
        choices = dict.fromkeys(names, "right")
        if kind == "partly":
            for name in names[len(names) // 2 :]:
                choices[name] = "blank"
        elif kind == "misconception":
            for name in rng.sample(names, k=min(len(names), rng.choice([1, 1, 2]))):
                known = assignment[name].misconceptions
                choices[name] = rng.choice(known).id if known else "blank"
        elif kind == "variant":
            for name in names:
                if assignment[name].right:
                    choices[name] = rng.choice(sorted(assignment[name].right))
        elif kind == "blank":
            choices = dict.fromkeys(names, "blank")
        elif kind in ("crash", "endless"):
            choices[rng.choice(names)] = kind
        plans.append(Student(f"student{number + 1:04d}", kind, choices))
    return plans


def make_class(
    course: Course,
    name: str,
    students: int,
    seed: int,
    target: Path,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Student]:
    """Write `target/<student>/<assignment>/` for a made-up class; leaves one alone that is there.

    Raises:
        CheckError: the assignment is unknown or not built.
    """
    record = target.parent / f"{name}_sample_class.json"
    stamp = course.stamps / f"{name}.json"
    built = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    made_from = {"students": students, "seed": seed, "built": built, "target": str(target)}
    if record.is_file():
        known = json.loads(record.read_text(encoding="utf-8"))
        if known.get("made_from") == made_from:
            plans = [Student(**student) for student in known["students"]]
            if all((target / s.name / name / f"{name}.ipynb").is_file() for s in plans):
                return plans
    assignment = load_assignment(course.folder(name))
    released = course.exercises / name / f"{name}.ipynb"
    if not released.is_file():
        raise CheckError(f"{released} is missing: run `autograder build {name}`.")
    blank = nbformat.read(released, as_version=4)
    solved = nbformat.read(course.source / name / f"{name}.ipynb", as_version=4)
    extras = [p for p in sorted(released.parent.iterdir()) if p.suffix != ".ipynb" and p.is_file()]
    plans = plan_class(assignment, students, seed)
    for number, student in enumerate(plans):
        folder = target / student.name / name
        notebook = fill_in(assignment, blank, solved, student.choices)
        write_atomically(folder / f"{name}.ipynb", nbformat.writes(notebook).encode())
        for path in extras:
            write_atomically(folder / path.name, path.read_bytes())
        write_atomically(folder / "timestamp.txt", TIMESTAMP.encode())
        if number % 100 == 99:
            progress(f"{number + 1} submissions")
    content = {"made_from": made_from, "students": [asdict(s) for s in plans]}
    write_atomically(record, json.dumps(content, indent=1).encode())
    return plans


def fill_in(
    assignment: Assignment,
    blank: nbformat.NotebookNode,
    solved: nbformat.NotebookNode,
    choices: dict[str, str],
) -> nbformat.NotebookNode:
    """The released notebook with each function written as chosen; text questions are answered."""
    notebook = copy.deepcopy(blank)
    sources = {
        c.metadata["nbgrader"]["grade_id"]: c for c in solved.cells if "nbgrader" in c.metadata
    }
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if not metadata.get("solution"):
            continue
        if cell.cell_type == "markdown":
            if "right" in choices.values():
                cell.source = ANSWER
            continue
        full = sources[metadata["grade_id"]].source
        defined = [n for n in _defines(full) if n in choices]
        written = {name: choices[name] for name in defined}
        if not written:
            if "right" in choices.values():
                cell.source = _without_markers(full)
        elif set(written.values()) == {"right"}:
            cell.source = _without_markers(full)
        elif set(written.values()) != {"blank"}:
            base = _without_markers(full)
            cell.source = base + "".join(
                "\n\n\n" + implementation(assignment, name, choice)
                for name, choice in written.items()
                if choice != "right"
            )
    return notebook


def implementation(assignment: Assignment, name: str, choice: str) -> str:
    """Source of one way to write a function, self-contained enough to be pasted into a cell."""
    if choice == "blank":
        return f"def {name}(*args, **kwargs):\n    raise NotImplementedError()\n"
    if choice == "crash":
        return f"def {name}(*args, **kwargs):\n    return args[0][10**9]\n"
    if choice == "endless":
        return f"def {name}(*args, **kwargs):\n    while True:\n        pass\n"
    check = assignment[name]
    functions = {m.id: m.function for m in check.misconceptions} | dict(check.right)
    return function_source(name, functions[choice], assignment.allows)


def _defines(source: str) -> list[str]:
    return [n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]


def _without_markers(source: str) -> str:
    kept = [line for line in source.splitlines() if not line.strip().startswith("### ")]
    return "\n".join(kept)
