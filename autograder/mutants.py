"""Tests of the tests: is every misconception caught, in every draw, and told its own hint?"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from autograder import check as oracle
from autograder.authoring import Misconception, load_assignment
from autograder.build import Course, run_check, write_atomically
from autograder.check import CheckError, CheckSet
from autograder.secret import load_secret

DRAWS = 12  # submissions simulated per misconception; slots are fixed, variants change


@dataclass(frozen=True)
class Mutant:
    """What the check of one function says about one misconception."""

    assignment: str
    check: str
    id: str
    caught: int  # in how many of the draws
    named: int  # in how many it was told its own hint
    draws: int
    named_in_public: bool
    cases: tuple[str, ...]  # slots that catch it, hidden ones included
    public_cases: tuple[str, ...]  # those that a student can see
    hint: str
    most_points: float  # the best that it earned in any draw
    max_points: float

    @property
    def ok(self) -> bool:
        return self.caught == self.named == self.draws and self.named_in_public


def mutants(course: Course, name: str) -> Iterator[Mutant]:
    """Judge every misconception of an assignment on hidden draws and on the public cases.

    Raises:
        CheckError: the assignment is unknown or not built.
    """
    assignment = load_assignment(course.folder(name))
    hidden = CheckSet.load(course.hidden / f"{name}.npz", load_secret(course.root))
    public = CheckSet.load(course.exercises / name / "public.npz")
    for check in assignment.checks:
        for misconception in check.misconceptions:
            yield _judge(name, hidden, public, check.name, misconception)


def _judge(
    assignment: str, hidden: CheckSet, public: CheckSet, name: str, misconception: Misconception
) -> Mutant:
    caught = named = 0
    best = 0.0
    slots: dict[str, None] = {}
    data = hidden[name]
    driver = oracle.load_driver(hidden.drivers, data.driver)
    # A check that is called once is one that takes long (it trains): fewer draws.
    draws = DRAWS if data.calls > 1 else 2
    for number in range(draws):
        # A fresh copy each time, as every submission has: a mistake may keep something.
        wrong = copy.deepcopy(misconception.function)
        verdict = run_check(data, data.draw(f"draw {number}"), wrong, driver)
        caught += not verdict.right
        named += verdict.misconception == misconception.id
        best = max(best, verdict.points)
        slots.update(dict.fromkeys(_failing(verdict)))
    shown = run_check(
        public[name], list(public[name].cases), copy.deepcopy(misconception.function), driver
    )
    return Mutant(
        assignment,
        name,
        misconception.id,
        caught,
        named,
        draws,
        shown.misconception == misconception.id,
        tuple(slots),
        _failing(shown),
        misconception.hint,
        best,
        data.points,
    )


def known_mutants(course: Course, name: str) -> list[Mutant]:
    """The verdicts on an assignment's misconceptions, computed once per build of it."""
    stamp = course.stamps / f"{name}.json"
    path = course.root / "_build" / "mutants" / f"{name}.json"
    built = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    if path.is_file():
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["built"] == built:
            tuples = ("cases", "public_cases")
            return [Mutant(**m | {k: tuple(m[k]) for k in tuples}) for m in stored["mutants"]]
    found = list(mutants(course, name))
    content = {"built": built, "mutants": [asdict(m) for m in found]}
    write_atomically(path, json.dumps(content, indent=1).encode())
    return found


def _failing(verdict: oracle.Verdict) -> tuple[str, ...]:
    return tuple(r.case.slot for g in verdict.groups for r in g.results if r.credit < 1)


PAGE = """(app-misconceptions)=
# Misconceptions and their hints

This table is made by `autograder mutants --markdown`, which hands in every misconception in place of a
student's function and looks at what the check says. {count} misconceptions are known; each is caught in
every draw of hidden cases, and each is told its own hint. The last column names the case, of those that
students see, that catches it first, and how many more do.
"""


def as_markdown(found: list[Mutant]) -> str:
    """The table as a page of the instructor's guide; the same on every machine.

    Raises:
        CheckError: a misconception is not caught or not told its hint.
    """
    bad = [f"{m.assignment}.{m.check}: {m.id}" for m in found if not m.ok]
    if bad:
        raise CheckError(
            f"not caught or without their hint, so no page is written: {', '.join(bad)}."
        )
    lines = [PAGE.format(count=len(found))]
    for assignment in dict.fromkeys(m.assignment for m in found):
        lines += [f"## {assignment}", ""]
        own = [m for m in found if m.assignment == assignment]
        for check in dict.fromkeys(m.check for m in own):
            lines += [f"### `{check}`", "", ":::{div} stacked"]  # rows become blocks on a telephone
            lines += ["| misconception | hint | caught by |", "| --- | --- | --- |"]
            for m in own:
                if m.check == check:
                    more = len(m.public_cases) - 1
                    by = m.public_cases[0] + (f" and {more} more" if more else "")
                    cells = (_plain_text(cell) for cell in (m.id.replace("_", " "), m.hint, by))
                    lines.append("| " + " | ".join(cells) + " |")
            lines += [":::", ""]
    return "\n".join(lines)


def _plain_text(text: str) -> str:
    """Text that Markdown shows as it is; what stands in backticks stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([|*_$<{\\])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
