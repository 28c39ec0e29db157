"""What an assignment's `checks.py` is written with.

A `Check` says how to make cases, how to get their references (from an independent implementation,
usually a Keras layer) and which wrong implementations people write. Building runs all of it once and
keeps only numbers: see `autograder.build`.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograder.check import DEFAULT_TOLERANCE, CheckError, Generator, Raises, quiet

__all__ = [
    "Accuracy",
    "Assignment",
    "Case",
    "Check",
    "Generator",
    "Group",
    "Misconception",
    "Raises",
    "load_assignment",
]


@dataclass(frozen=True)
class Accuracy:
    """Score a case by the share of right labels: no credit at `low`, full credit from `high`."""

    low: float
    high: float


@dataclass(init=False)
class Case:
    """One call of the student's function.

    Args:
        slot: what the case is, in words a student understands; each submission is graded on one
            variant of every slot.
        group: id of the group whose points depend on it.
        args, kwargs: what the function is called with; arrays float64, tokens int64. A random
            generator is given as `Generator(seed)`.
        public: False keeps the slot out of `public.npz`.
        expects: the reference, where it does not come from the check's `reference` (a `Raises`).
        tolerance: relative to max(1, max|reference|).
        score: how a case is scored that is not simply right or wrong.
    """

    slot: str
    group: str
    args: tuple
    kwargs: dict[str, Any]
    public: bool
    expects: Any
    tolerance: float
    score: Accuracy | None

    def __init__(
        self,
        slot: str,
        group: str,
        *args: Any,
        public: bool = True,
        expects: Any = None,
        tolerance: float = DEFAULT_TOLERANCE,
        score: Accuracy | None = None,
        **kwargs: Any,
    ):
        self.slot, self.group, self.args, self.kwargs = slot, group, args, kwargs
        self.public, self.expects, self.tolerance, self.score = public, expects, tolerance, score


@dataclass(frozen=True)
class Group:
    """Cases that earn their points together, titled for the student ("a batch of sequences")."""

    id: str
    title: str
    points: float


@dataclass(frozen=True)
class Misconception:
    """A wrong implementation that people really write, and the hint it should get.

    Args:
        id: short name, unique in its check.
        function: the wrong implementation, same signature as the right one.
        hint: names what to look at; does not hand over the code.
        detects: `"inplace"` or `"state"` when the mistake is not in the numbers of a first call
            but in what it does to its inputs or keeps between calls.
    """

    id: str
    function: Callable
    hint: str
    detects: str | None = None


@dataclass(frozen=True)
class Check:
    """One function of an assignment.

    Args:
        name: the student's function.
        points: total; the groups' points add up to it.
        returns: names of the outputs with their axes, e.g. `["h (B, H) (B, T, H)"]`.
        groups: partial credit.
        cases: called with a random generator, yields one `Case` for every slot. Called once with a
            public seed and `variants` times with secret ones.
        reference: independent implementation of the same function.
        misconceptions: what people get wrong.
        right: other correct implementations, name to function; each must get full marks.
        driver: name of a function in the assignment's `drivers.py` that calls the student's
            function as `driver(function, *args, **kwargs)`, for what cannot be compared directly.
        calls: how often each case is called; 1 only where a call is long (training).
        variants: hidden variants of every slot.
    """

    name: str
    points: float
    returns: Sequence[str]
    groups: Sequence[Group]
    cases: Callable[[np.random.Generator], Iterable[Case]]
    reference: Callable
    misconceptions: Sequence[Misconception] = ()
    right: dict[str, Callable] = field(default_factory=dict)
    driver: str | None = None
    calls: int = 2
    variants: int = 4

    def __post_init__(self) -> None:
        if abs(sum(group.points for group in self.groups) - self.points) > 1e-9:
            raise CheckError(f"checks.py: the groups of `{self.name}` do not add up to its points.")
        for kind, ids in (
            ("groups", [g.id for g in self.groups]),
            ("misconceptions", [m.id for m in self.misconceptions]),
        ):
            if len(set(ids)) != len(ids):
                raise CheckError(f"checks.py: two {kind} of `{self.name}` have the same id.")


@dataclass(frozen=True)
class Assignment:
    """An assignment: its checks and the libraries that students may use.

    Args:
        name: the folder's name.
        allows: top-level packages that a submission may import besides the standard library.
        checks: in the order of the notebook.
        folder: set on loading.
    """

    name: str
    allows: Sequence[str]
    checks: Sequence[Check]
    folder: Path = Path()

    def __getitem__(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)


def load_assignment(folder: Path) -> Assignment:
    """Import `checks.py` of an assignment's solution folder.

    Raises:
        CheckError: the folder or file is missing, cannot be imported or defines no `ASSIGNMENT`.
    """
    path = folder / "checks.py"
    if not path.is_file():
        raise CheckError(
            f"{path} is missing: an assignment is a folder with <name>.md and checks.py."
        )
    module = import_file(path, f"checks_of_{folder.name}")
    assignment = getattr(module, "ASSIGNMENT", None)
    if not isinstance(assignment, Assignment):
        raise CheckError(f"{path} defines no ASSIGNMENT = Assignment(...): add one at its end.")
    if assignment.name != folder.name:
        raise CheckError(
            f"{path}: the assignment is named {assignment.name!r}, its folder {folder.name!r}."
        )
    object.__setattr__(assignment, "folder", folder)
    return assignment


def import_file(path: Path, name: str) -> ModuleType:
    """Import one Python file under a name of its own."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CheckError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # Assignments share helpers in solutions/, e.g. for Keras references.
    sys.path.insert(0, str(path.parent.parent))
    try:
        with quiet():  # TensorFlow logs on import, whatever its log level
            spec.loader.exec_module(module)
    except CheckError:
        raise
    except Exception as error:
        raise CheckError(f"{path} cannot be imported ({type(error).__name__}: {error}).") from error
    finally:
        sys.path.remove(str(path.parent.parent))
    return module


def parameters_of(function: Callable) -> list[str]:
    """The parameter names of a function, in order."""
    return list(inspect.signature(function).parameters)
