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
    wanted = _expression(assignment, name, choice)
    definitions, imports = _definitions(assignment.folder / "checks.py")
    parts: dict[str, str] = {}
    queue = [wanted]
    while queue:
        for used in _names(queue.pop()):
            if used in definitions and used not in parts:
                parts[used] = ast.unparse(definitions[used])
                queue.append(parts[used])
    helpers = "\n\n\n".join(parts[used] for used in definitions if used in parts)
    if name in parts:
        # checks.py has something of the student's function's name: keep both apart.
        helpers, wanted = _rename(helpers, name), _rename(wanted, name)
    used_names = _names(helpers) | _names(wanted)
    head = "\n".join(text for bound, text in imports.items() if bound in used_names)
    return f"{head}\n\n{helpers}\n\n\n{name} = {wanted}\n"


def _definitions(path: Path) -> tuple[dict[str, ast.stmt], dict[str, str]]:
    """What a file defines at top level, its neighbours in solutions/ included, and its imports.

    Modules that need Keras are left out: they make references, which no student writes.
    """
    definitions: dict[str, ast.stmt] = {}
    imports: dict[str, str] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=bound) | ast.ClassDef(name=bound):
                definitions[bound] = node
            case ast.Assign(targets=[ast.Name(bound)]) | ast.AnnAssign(target=ast.Name(bound)):
                definitions[bound] = node
            case ast.Import() | ast.ImportFrom():
                module = getattr(node, "module", None) or node.names[0].name
                neighbours = (path.parent / f"{module}.py", path.parent.parent / f"{module}.py")
                neighbour = next((file for file in neighbours if file.is_file()), None)
                if neighbour is not None:
                    if "import keras" not in neighbour.read_text(encoding="utf-8"):
                        more, others = _definitions(neighbour)
                        definitions, imports = {**more, **definitions}, {**others, **imports}
                    continue
                for alias in node.names:
                    bound = (alias.asname or alias.name).split(".")[0]
                    one = ast.Import([alias])
                    if isinstance(node, ast.ImportFrom):
                        one = ast.ImportFrom(node.module, [alias], node.level)
                    imports[bound] = ast.unparse(one)
    return definitions, imports


def _expression(assignment: Assignment, name: str, choice: str) -> str:
    """The expression in checks.py that an implementation was given as.

    Ids are unique in a check only, so the one nearest above the check's own definition is not
    enough: the list that the check names is looked up.
    """
    check = assignment[name]
    functions = {m.id: m.function for m in check.misconceptions} | dict(check.right)
    function = functions[choice]
    line = getattr(getattr(function, "__code__", None), "co_firstlineno", None)
    module = ast.parse((assignment.folder / "checks.py").read_text(encoding="utf-8"))
    candidates = []
    for node in ast.walk(module):
        match node:
            case ast.Call(ast.Name("Misconception"), [ast.Constant(value), expression, *_]):
                if value == choice:
                    candidates.append((node, expression))
            case ast.Dict(keys, values) if choice in check.right:
                for key, value in zip(keys, values):
                    if isinstance(key, ast.Constant) and key.value == choice:
                        candidates.append((key, value))
    owner = _owner(module, name)
    for node, expression in candidates:
        if any(start <= node.lineno <= end for start, end in owner):
            return ast.unparse(expression)
    if candidates:
        nearest = min(candidates, key=lambda pair: abs(pair[0].lineno - (line or 0)))
        return ast.unparse(nearest[1])
    raise CheckError(
        f"solutions/{assignment.name}/checks.py: {choice!r} of `{name}` is not written as "
        "Misconception(id, function, ...) or {label: function}, so no submission can be made of it."
    )


def _owner(module: ast.Module, name: str) -> list[tuple[int, int]]:
    """Line ranges of one check: its `Check(...)` and the lists that this names."""
    ranges, named = [], set()
    for node in ast.walk(module):
        match node:
            case ast.Call(ast.Name("Check"), _, keywords):
                given = {k.arg: k.value for k in keywords}
                if isinstance(given.get("name"), ast.Constant) and given["name"].value == name:
                    ranges.append((node.lineno, node.end_lineno or node.lineno))
                    for value in (given.get("misconceptions"), given.get("right")):
                        if value is not None:
                            named |= _names(ast.unparse(value))
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(bound)]) if bound in named:
                ranges.append((node.lineno, node.end_lineno or node.lineno))
    return ranges


def _names(source: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}


def _rename(source: str, name: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            node.id = f"{name}_"
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            node.name = f"{name}_"
    return ast.unparse(tree)


def _defines(source: str) -> list[str]:
    return [n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]


def _without_markers(source: str) -> str:
    kept = [line for line in source.splitlines() if not line.strip().startswith("### ")]
    return "\n".join(kept)
