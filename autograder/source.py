"""The instructor's notebook: read from MyST, checked, its nbgrader metadata completed.

An author writes only what matters, e.g. `nbgrader: {grade_id: test_rnn_step, grade: true}`; the other
fields that nbgrader wants, the points of a check and stable cell ids are filled in here.
"""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat

from autograder.authoring import Assignment
from autograder.check import CheckError

NBGRADER_FIELDS = {"grade": False, "solution": False, "locked": False, "task": False}


def read_source(folder: Path, assignment: Assignment) -> nbformat.NotebookNode:
    """Read `<name>.md` of a solution folder as a notebook that nbgrader accepts.

    Raises:
        CheckError: names the file, the cell and what to add.
    """
    import jupytext

    path = folder / f"{assignment.name}.md"
    if not path.is_file():
        raise CheckError(
            f"{path} is missing: the notebook of an assignment is its folder's name + .md."
        )
    try:
        notebook = jupytext.read(path, fmt="md:myst")
    except Exception as error:
        raise CheckError(f"{path} is not a MyST notebook ({error}).") from None
    if not any("nbgrader" in cell.metadata for cell in notebook.cells):
        raise CheckError(
            f"{path} has no nbgrader metadata: give solution and test cells "
            "`nbgrader: {grade_id: ..., solution: true}` or `{grade_id: ..., grade: true}`."
        )
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    ids: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        _complete(cell, path, number, assignment, ids)
        cell["id"] = cell.metadata.get("nbgrader", {}).get("grade_id") or f"cell-{number:02d}"
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    graded = [grade_name(c.source) for c in notebook.cells if c.cell_type == "code"]
    for check in assignment.checks:
        if graded.count(check.name) != 1:
            raise CheckError(
                f"{path}: `{check.name}` needs exactly one test cell with "
                f"`grade({check.name})`, found {graded.count(check.name)}."
            )
    nbformat.validate(notebook)
    return notebook


def _complete(cell, path: Path, number: int, assignment: Assignment, ids: set[str]) -> None:
    """Fill in one cell's nbgrader metadata and refuse what nbgrader would mishandle."""
    where = f"{path}, cell {number + 1}"
    given = cell.metadata.get("nbgrader")
    tested = grade_name(cell.source) if cell.cell_type == "code" else None
    if given is None:
        if "BEGIN SOLUTION" in cell.source or "BEGIN HIDDEN TESTS" in cell.source or tested:
            raise CheckError(
                f"{where}: solution or test without nbgrader metadata: add a grade_id."
            )
        return
    if not isinstance(given.get("grade_id"), str):
        raise CheckError(f"{where}: nbgrader metadata without a grade_id.")
    if given["grade_id"] in ids:
        raise CheckError(f"{where}: the grade_id {given['grade_id']!r} is used twice.")
    ids.add(given["grade_id"])
    if tested is not None:
        known = {check.name: check.points for check in assignment.checks}
        if tested not in known:
            raise CheckError(
                f"{where}: `grade({tested})`, but checks.py has no check {tested!r}; "
                f"it has: {', '.join(known)}."
            )
        if given.setdefault("points", known[tested]) != known[tested]:
            raise CheckError(
                f"{where}: {given['points']} points here, {known[tested]} in checks.py; "
                "leave the points out here."
            )
        if "BEGIN HIDDEN TESTS" not in cell.source:
            raise CheckError(f"{where}: put `grade({tested})` between BEGIN and END HIDDEN TESTS.")
        given.update(grade=True, locked=True)
    for name, default in NBGRADER_FIELDS.items():
        given.setdefault(name, default)
    if given["grade"] and "points" not in given:
        raise CheckError(f"{where}: a graded cell needs points, or `grade(NAME)` of a check.")
    if not given["grade"] and not given["solution"]:
        given["locked"] = True
    given["schema_version"] = 3
    if given["grade"] or given["solution"]:
        given["cell_type"] = cell.cell_type


def grade_name(source: str) -> str | None:
    """The function that a test cell grades: NAME in its statement `grade(NAME)`."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in tree.body:
        match node:
            case ast.Expr(ast.Call(ast.Name("grade"), [ast.Name(name)], [])):
                return name
    return None


def solution_namespace(notebook: nbformat.NotebookNode, name: str) -> dict:
    """What the instructor's notebook defines: its imports, functions and constants.

    Plots, trainings and tests are not run.
    """
    kept: list[ast.stmt] = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            body = ast.parse(cell.source).body
        except SyntaxError as error:
            raise CheckError(f"{name}.md: a code cell is not plain Python ({error}).") from None
        for node in body:
            match node:
                case ast.ImportFrom(module="check"):
                    continue
                case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
                    kept.append(node)
                case ast.With(body=inside):  # with quiet(): import keras
                    kept += [n for n in inside if isinstance(n, (ast.Import, ast.ImportFrom))]
                case ast.Assign(value=value) if not _calls(value):
                    kept.append(node)
    namespace: dict = {"__name__": f"solution_of_{name}"}
    module = ast.Module(body=kept, type_ignores=[])
    try:
        exec(compile(module, f"{name}.md", "exec"), namespace)
    except Exception as error:
        raise CheckError(
            f"{name}.md: its definitions fail ({type(error).__name__}: {error})."
        ) from error
    return namespace


def _calls(node: ast.AST) -> bool:
    return any(isinstance(inner, (ast.Call, ast.Name)) for inner in ast.walk(node))
