"""Small notebooks and check sets for the engine's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from autograder import check
from autograder.engine.rebuild import Blueprint


def code(source: str, grade_id: str | None = None, **nbgrader: Any) -> dict:
    cell: dict = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
    cell["execution_count"] = None
    if grade_id:
        cell["metadata"]["nbgrader"] = {
            "grade_id": grade_id, "grade": False, "solution": False, "locked": False,
            "task": False, "schema_version": 3, **nbgrader,
        }  # fmt: skip
    return cell


def solution(source: str, grade_id: str) -> dict:
    return code(source, grade_id, solution=True)


def test_cell(source: str, grade_id: str, points: float = 2.0) -> dict:
    return code(source, grade_id, grade=True, locked=True, points=points, cell_type="code")


test_cell.__test__ = False  # type: ignore[attr-defined]


def text(source: str, grade_id: str | None = None, **nbgrader: Any) -> dict:
    cell = code(source, grade_id, **nbgrader)
    del cell["outputs"], cell["execution_count"]
    return {**cell, "cell_type": "markdown"}


def notebook(*cells: dict) -> dict:
    return {
        "cells": [{"id": f"c{k}", **cell} for k, cell in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def blueprint(*cells: dict) -> Blueprint:
    return Blueprint(notebook(*cells), name="test")


def check_set(cases: int = 3, points: float = 2.0) -> Any:
    """Hidden cases for `double(x)` and `twice(x)`, which return twice their argument."""
    arrays: list[np.ndarray] = []
    entries = []
    for k in range(cases):
        x = np.arange(6.0).reshape(2, 3) + 10 * k
        arrays += [x, 2 * x]
        entries.append(
            {"id": f"case{k}", "slot": f"case{k}", "group": "all", "kwargs": {},
             "args": {"l": [{"a": 2 * k}]}, "expects": {"a": 2 * k + 1}, "tolerance": 1e-6,
             "mistakes": {}, "score": None}
        )  # fmt: skip
    manifest = {
        "format": 1, "assignment": "test", "kind": "hidden", "allows": ["numpy"], "drivers": None,
        "draw_key": "00" * 32, "secret_id": "",
        "checks": {name: {
            "points": points, "parameters": ["x"], "returns": ["y (A, B)"],
            "groups": [{"id": "all", "title": "all cases", "points": points}],
            "misconceptions": [], "cases": entries, "calls": 2, "driver": None,
        } for name in ("double", "twice")},
    }  # fmt: skip
    manifest["digest"] = "of no file"
    return check.CheckSet(manifest, arrays, Path("test.npz"))
