"""Run parts of a chapter outside the book: its layers, its experiments and its claims.

A chapter marks code cells with tags:

setup       imports and data that the other marked cells need; quick
layer       defines functions of the model, in NumPy; tests compare them with Keras
experiment  defines functions of a seed that measure something; defines only, runs nothing
claim       defines ``claim_...(seed)`` that asserts what the text says; defines only
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import jupytext

BOOK = Path(__file__).resolve().parents[2] / "book"
TAGS = ("setup", "layer", "experiment", "claim")


@lru_cache(None)
def cells(name: str) -> tuple[tuple[frozenset[str], str], ...]:
    """(tags, source) of every code cell of ``book/<name>.md``."""
    notebook = jupytext.read(BOOK / f"{name}.md")
    return tuple(
        (frozenset(cell.metadata.get("tags", [])), cell.source)
        for cell in notebook.cells
        if cell.cell_type == "code"
    )


@lru_cache(None)
def namespace(name: str, tags: tuple[str, ...] = TAGS) -> dict[str, Any]:
    """The names that the chapter's cells with any of these tags define, run in their order."""
    if str(BOOK) not in sys.path:
        sys.path.insert(0, str(BOOK))
    names: dict[str, Any] = {"__name__": name}
    before = Path.cwd()
    os.chdir(BOOK)
    try:
        for number, (have, source) in enumerate(cells(name)):
            if have & set(tags):
                exec(compile(source, f"{name}.md, code cell {number}", "exec"), names)
    finally:
        os.chdir(before)
    return names


def claim_names(name: str) -> dict[str, bool]:
    """The chapter's ``claim_...`` functions, in their order; True where ``.slow`` is set."""
    text = "\n".join(source for tags, source in cells(name) if "claim" in tags)
    slow = set(re.findall(r"^(claim_\w+)\.slow = True", text, re.M))
    return {claim: claim in slow for claim in re.findall(r"^def (claim_\w+)\(", text, re.M)}
