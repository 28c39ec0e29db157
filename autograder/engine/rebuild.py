"""Rebuilds the notebook that runs from the instructor's copy and a submitted file.

Order, metadata, kernel and locked cells are the instructor's. From the submission come the source of
solution cells, written answers, and extra cells, without their metadata and in their place. The
submitted file is hostile until shown otherwise: whatever is in it, the result is a notebook or a
`SubmissionError`.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.engine import outputs
from autograder.engine.limits import Limits

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"
SKIP = "skip-execution"


class SubmissionError(Exception):
    """A submitted file that cannot be graded. Names the file and what to do about it."""


class AssignmentError(Exception):
    """The instructor's notebook is not what grading needs. Names the file, the cell, the remedy."""


@dataclass(frozen=True)
class CellPlan:
    """How one cell of the rebuilt notebook is run.

    `run` is one of: code (run it), check (ask the oracle), text (nothing to run, as in a code cell that
    the instructor tagged `skip-execution`).
    `source` is what runs: of a check cell what is left without its `check` and `grade` lines.
    """

    run: str
    source: str = ""
    name: str = ""  # of the function, for a check
    grade_id: str = ""
    extra: bool = False


@dataclass
class Rebuilt:
    """A notebook ready to run, a plan for each of its cells, and notes for the report."""

    notebook: dict
    plans: list[CellPlan]
    notes: list[str] = field(default_factory=list)
    written: list[dict] = field(default_factory=list)  # solution cells as submitted, for the digest


# --------------------------------------------------------------------------- reading files


def read_notebook(path: Path, limits: Limits) -> dict:
    """A submitted notebook as plain JSON data, of nbformat 4.

    Raises:
        SubmissionError: no regular file, too large, not a notebook.
    """
    return parse_notebook(read_file(path, limits.submission_bytes), path, limits)


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file; links, devices, pipes and giants are refused.

    Raises:
        SubmissionError: names the file and the remedy.
    """
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        descriptor = os.open(path, flags)
    except OSError as error:
        raise SubmissionError(
            f"{path} cannot be opened ({error.strerror}): ask for a new submission with an "
            "ordinary file of this name."
        ) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise SubmissionError(f"{path} is no ordinary file: ask for a new submission.")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > limit:
            raise SubmissionError(
                f"{path} has {status.st_size >> 20} MiB, more than {limit >> 20} MiB: ask for a "
                "submission with cleared outputs, or raise the limit submission_bytes."
            )
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise SubmissionError(f"{path} grows while it is read: copy it, then grade again.")
    return raw


def parse_notebook(raw: bytes, path: Path, limits: Limits) -> dict:
    """Notebook data from bytes; cells of older formats are brought to nbformat 4.

    Raises:
        SubmissionError: names the file and the remedy.
    """
    remedy = "open it in Jupyter, save it again, and submit that."
    try:
        notebook = json.loads(raw.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SubmissionError(f"{path} is no notebook ({type(error).__name__}): {remedy}") from None
    if not isinstance(notebook, dict):
        raise SubmissionError(f"{path} is no notebook: {remedy}")
    cells = notebook.get("cells")
    if "cells" not in notebook and isinstance(notebook.get("worksheets"), list):
        cells = [
            {**cell, "source": cell.get("input", cell.get("source"))}
            for sheet in notebook["worksheets"]
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
            if isinstance(cell, dict)
        ]
    if not isinstance(cells, list):
        raise SubmissionError(f"{path} has no list of cells: {remedy}")
    if len(cells) > limits.cells:
        raise SubmissionError(
            f"{path} has {len(cells)} cells, more than {limits.cells}: ask for a submission without "
            "them, or raise the limit cells."
        )
    return {"cells": [_tidy(cell) for cell in cells if isinstance(cell, dict)]}


def _tidy(cell: dict) -> dict:
    """A submitted cell with fields of the right types and nothing else."""
    kind = cell.get("cell_type")
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source if isinstance(source, str) else ""
    tidy: dict[str, Any] = {
        "cell_type": kind if kind in ("code", "markdown", "raw") else "markdown",
        "source": re.sub(r"[\ud800-\udfff]", "\ufffd", source),
        "id": cell.get("id") if isinstance(cell.get("id"), str) else None,
        "grade_id": grade_id if isinstance(grade_id, str) else None,
    }
    attachments = cell.get("attachments")
    if isinstance(attachments, dict) and tidy["cell_type"] == "markdown":
        tidy["attachments"] = attachments
    return tidy


# --------------------------------------------------------------------------- the instructor's side


class Blueprint:
    """An assignment's notebook as the instructor has it.

    Args:
        source: the instructor's notebook (dict): all tests, solutions.
        release: the students' version, for its metadata (checksums) and the stubs of solution
            cells. Without it, nbgrader's usual stubs stand for missing solutions.
        name: for messages.

    Raises:
        AssignmentError: cells are not what grading needs.
    """

    def __init__(self, source: Mapping, release: Mapping | None = None, name: str = "notebook"):
        self.name = name
        released = {}
        for cell in (release or {}).get("cells", ()):
            grade_id = _nbgrader(cell).get("grade_id")
            if grade_id:
                released[grade_id] = cell
        kept = {key: source[key] for key in ("metadata", "nbformat", "nbformat_minor")}
        kept["metadata"] = (release or source).get("metadata", {})
        self.frame: dict = copy.deepcopy(kept)
        self.frame["nbformat"], self.frame["nbformat_minor"] = 4, 5
        self.cells: list[dict] = []
        self.plans: list[CellPlan] = []
        seen: set[str] = set()
        for place, original in enumerate(source["cells"]):
            cell = copy.deepcopy(dict(original))
            cell["source"] = _text(cell.get("source"))
            grade_id = _nbgrader(cell).get("grade_id", "")
            if grade_id and grade_id in seen:
                raise AssignmentError(f"{name}: two cells have the grade_id {grade_id!r}.")
            seen.add(grade_id)
            cell.setdefault("id", f"cell-{place}")
            skipped = _is_skipped(cell)
            if grade_id in released:
                cell["metadata"] = copy.deepcopy(dict(released[grade_id].get("metadata", {})))
            cell["metadata"] = {
                key: value
                for key, value in cell.get("metadata", {}).items()
                if key in ("nbgrader", "deletable", "editable")
            }
            if _is_solution(cell):
                stub = TEXT_STUB if cell["cell_type"] == "markdown" else STUB
                given = released.get(grade_id)
                cell["source"] = stub if given is None else _text(given.get("source"))
            cell.pop("outputs", None)
            self.cells.append(cell)
            self.plans.append(
                CellPlan("text", grade_id=grade_id) if skipped else self._plan(cell, grade_id)
            )

    def _plan(self, cell: dict, grade_id: str) -> CellPlan:
        if cell["cell_type"] != "code":
            return CellPlan("text", grade_id=grade_id)
        source = cell["source"]
        if not _is_solution(cell) and re.search(r"\bgrade\s*\(", source):
            names, rest = split_check(source)
            if len(names) > 1:
                raise AssignmentError(
                    f"{self.name}: cell {grade_id or cell['id']} grades {len(names)} functions: put "
                    "each grade(...) into a cell of its own."
                )
            if names:
                if not _nbgrader(cell).get("grade"):
                    raise AssignmentError(
                        f"{self.name}: cell {grade_id or cell['id']} calls grade({names[0]}) but is "
                        "no test cell: give it a grade_id and points."
                    )
                return CellPlan("check", rest, names[0], grade_id)
        return CellPlan("code", source, grade_id=grade_id)


def split_check(source: str) -> tuple[list[str], str]:
    """Names that a test cell's `grade(NAME)` lines ask for, and the cell without them.

    `check(NAME)` of the same names goes too: it would show the public cases once more.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return [], source
    names = [name for node in tree.body if (name := _called(node, "grade"))]
    lines = source.splitlines()
    for node in tree.body:
        if _called(node, "grade") or (_called(node, "check") in names and names):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    rest = "\n".join(lines)
    return names, rest if _does_something(rest) else ""


def _does_something(source: str) -> bool:
    """Whether anything is left but comments and the import of `check` and `grade` themselves."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return True
    return not all(isinstance(node, ast.ImportFrom) and node.module == "check" for node in body)


def _called(node: ast.stmt, function: str) -> str | None:
    match node:
        case ast.Expr(ast.Call(ast.Name(called), [ast.Name(name)], [])) if called == function:
            return name
    return None


# --------------------------------------------------------------------------- putting together


def rebuild(blueprint: Blueprint, submitted: Mapping) -> Rebuilt:
    """The notebook to run.

    Args:
        submitted: what `read_notebook` gave.
    """
    place_of = _match(blueprint.cells, submitted["cells"])
    notes: list[str] = []
    taken: dict[int, dict] = {}  # instructor's cell -> submitted cell
    extras: dict[int, list[tuple[int, dict]]] = {}
    after = -1
    for position, cell in enumerate(submitted["cells"]):
        place = place_of.get(position)
        if place is None:
            extras.setdefault(after, []).append((position, cell))
            if cell["grade_id"]:
                notes.append(
                    f"a second or unknown cell {_short(cell['grade_id'])} was run as extra"
                )
            continue
        after = place
        taken[place] = cell
    result = Rebuilt(copy.deepcopy(blueprint.frame), [], notes)
    cells = result.notebook["cells"] = []

    def add(cell: dict, plan: CellPlan) -> None:
        cells.append(cell)
        result.plans.append(plan)

    for place in range(-1, len(blueprint.cells)):
        if place >= 0:
            own = copy.deepcopy(blueprint.cells[place])
            plan = blueprint.plans[place]
            theirs = taken.get(place)
            own, plan, changed = _combine(own, plan, theirs, notes)
            if _is_solution(own):
                written = own["source"] if theirs is None else theirs["source"]
                result.written.append({"metadata": own["metadata"], "source": written})
            _finish(own)
            add(own, plan)
            if changed is not None:
                add(*_extra(changed, f"{place}-changed"))
        for position, cell in extras.get(place, ()):
            add(*_extra(cell, str(position)))
    return result


def _match(own: list[dict], theirs: list[dict]) -> dict[int, int]:
    """Which submitted cell stands for which of the instructor's: by grade_id, else id, else text."""
    by_grade_id = {g: k for k, c in enumerate(own) if (g := _nbgrader(c).get("grade_id"))}
    plain = [k for k, cell in enumerate(own) if not _nbgrader(cell).get("grade_id")]
    by_id = {own[k]["id"]: k for k in plain}
    by_text: dict[tuple, list[int]] = {}
    for k in plain:
        by_text.setdefault((own[k]["cell_type"], own[k]["source"].strip()), []).append(k)
    found: dict[int, int] = {}
    used: set[int] = set()
    for position, cell in enumerate(theirs):
        places = []
        if cell["grade_id"] is not None:
            places = [by_grade_id[cell["grade_id"]]] if cell["grade_id"] in by_grade_id else []
        else:
            same = by_text.get((cell["cell_type"], cell["source"].strip()), [])
            places = [by_id[cell["id"]]] if cell["id"] in by_id else []
            places += same
        for place in places:
            if place not in used:
                used.add(place)
                found[position] = place
                break
    return found


def _combine(
    own: dict, plan: CellPlan, theirs: dict | None, notes: list[str]
) -> tuple[dict, CellPlan, dict | None]:
    """The cell to run in an instructor's cell's place, and a changed plain cell to run after it."""
    grade_id = plan.grade_id
    if theirs is None:
        if grade_id:
            notes.append(f"cell {grade_id} was missing; the instructor's stands in its place")
        return own, plan, None
    if _is_solution(own):
        if theirs["cell_type"] != own["cell_type"]:
            notes.append(f"cell {grade_id} was turned into {theirs['cell_type']}")
        own["source"] = theirs["source"]
        if own["cell_type"] == "code":
            return own, CellPlan("code", theirs["source"], grade_id=grade_id), None
        own["source"] = outputs.clean_markdown(theirs["source"])
        attachments = _clean_attachments(theirs.get("attachments"))
        if attachments:
            own["attachments"] = attachments
        return own, plan, None
    same = theirs["source"].strip() == own["source"].strip()
    if grade_id or same:
        return own, plan, None
    # A plain cell that the student changed (an import more, say): both stay, theirs runs second.
    return own, plan, theirs


def _extra(cell: dict, name: str) -> tuple[dict, CellPlan]:
    """A student's own cell, without metadata. Raw cells become text: exporters copy them verbatim."""
    number = hashlib.sha256(name.encode()).hexdigest()[:8]
    extra: dict[str, Any] = {"id": f"extra-{number}", "metadata": {}, "source": cell["source"]}
    if cell["cell_type"] == "code":
        extra["cell_type"] = "code"
        _finish(extra)
        return extra, CellPlan("code", cell["source"], extra=True)
    extra["cell_type"] = "markdown"
    if cell["cell_type"] == "raw":
        extra["source"] = "".join("    " + line for line in cell["source"].splitlines(True))
    extra["source"] = outputs.clean_markdown(extra["source"])
    attachments = _clean_attachments(cell.get("attachments"))
    if attachments:
        extra["attachments"] = attachments
    return extra, CellPlan("text", extra=True)


def _finish(cell: dict) -> None:
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = [], None
    else:
        cell.pop("execution_count", None)


def _clean_attachments(attachments: Any) -> dict:
    """Pictures pasted into a Markdown cell, when they are pictures."""
    clean: dict[str, dict] = {}
    if not isinstance(attachments, dict):
        return clean
    for name, bundle in list(attachments.items())[:50]:
        if not re.fullmatch(r"[\w.() -]{1,100}", name) or not isinstance(bundle, dict):
            continue
        for kind in outputs.PICTURE_KINDS & set(bundle):
            picture = outputs.clean_picture(kind, bundle[kind])
            if picture is not None:
                clean[name] = {kind: picture}
    return clean


def _nbgrader(cell: Mapping) -> Mapping:
    metadata = cell.get("metadata")
    entry = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def _is_solution(cell: Mapping) -> bool:
    return bool(_nbgrader(cell).get("solution"))


def _is_skipped(cell: Mapping) -> bool:
    """Whether the instructor marked a cell that counts for nothing as not to be run in grading.

    The tag is nbclient's, so plain nbgrader leaves the cell out as well.
    """
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    counts = _nbgrader(cell).get("grade") or _is_solution(cell)
    return isinstance(tags, list) and SKIP in tags and not counts


def _text(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source or "")


def _short(text: str) -> str:
    return repr(text[:60])
