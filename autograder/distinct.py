"""Do an assignment's cases catch every misconception and tell any two apart, in every draw?

A submission is graded on one variant of each slot. What must hold for every submission must therefore
hold in some slot for every variant of it: only then no draw can hide a mistake or name a wrong one.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from autograder import check as oracle
from autograder.authoring import Assignment
from autograder.check import CheckError

# Pairs of misconceptions, by the slot that has to tell them apart in every variant.
Pairs = dict[str, set[tuple[str, str]]]


def told_apart(entry: dict, arrays: list[np.ndarray], one: str, other: str) -> bool:
    """Would the oracle see from this case which of two mistakes was made?"""
    specs = [entry["mistakes"].get(name) for name in (one, other)]
    if None in specs:
        return specs[0] is not specs[1]  # one of them is right here
    values = [oracle.unpack(spec, arrays) for spec in specs if spec is not None]
    raised = [value for value in values if isinstance(value, oracle.Raises)]
    if raised:
        return len(raised) == 1 or raised[0] != raised[1]
    return oracle._compare(*oracle._finite(*values), entry["tolerance"], ()) is not None


def confused(entries: list[dict], arrays: list[np.ndarray], names: list[str]) -> Pairs:
    """The pairs that no slot tells apart in every variant, by the slot that comes nearest to it.

    There the inputs allow it, and only chance (an argmax that comes out the same) hides it in some
    variant. Pairs that no case at all tells apart are filed under the empty name.
    """
    slots: dict[str, list[dict]] = {}
    for entry in entries:
        slots.setdefault(entry["slot"], []).append(entry)
    found: Pairs = {}
    for one, other in combinations(names, 2):
        shares: dict[str, float] = {}
        for slot, variants in slots.items():
            apart = [told_apart(entry, arrays, one, other) for entry in variants]
            shares[slot] = float(np.mean(apart))
            if all(apart):
                break
        else:
            nearest = max(shares, key=shares.__getitem__, default="")
            slot = nearest if shares.get(nearest) else ""
            found.setdefault(slot, set()).add((one, other))
    return found


def verify_distinct(assignment: Assignment, manifest: dict, arrays: list[np.ndarray]) -> None:
    """Every misconception must be caught in every draw of hidden cases, and told from every other.

    Raises:
        CheckError: names the misconceptions.
    """
    where = f"solutions/{assignment.name}/checks.py"
    for check in assignment.checks:
        cases: list[dict[str, Any]] = manifest["checks"][check.name]["cases"]
        names = [m.id for m in check.misconceptions if not m.detects]
        for name in names:
            slots: dict[str, list[bool]] = {}
            for case in cases:
                slots.setdefault(case["slot"], []).append(name in case["mistakes"])
            if not any(all(wrong) for wrong in slots.values()):
                raise CheckError(
                    f"{where}: no case of `{check.name}` catches {name!r} in every draw: add a slot "
                    "whose inputs show the mistake."
                )
        for pairs in confused(cases, arrays, names).values():
            one, other = min(pairs)
            raise CheckError(
                f"{where}: {one!r} and {other!r} of `{check.name}` give the same numbers on every "
                "case of some draw: they are one misconception, or a case that tells them apart is "
                "missing."
            )
