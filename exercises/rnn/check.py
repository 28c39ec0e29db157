"""Checks: the cases of an assignment, the oracle that judges answers, and its explanations.

This one file is used in two places and needs NumPy alone. A copy lies beside every exercise, where
`check(function)` tries the public cases and explains mistakes. The grading engine imports it as its
oracle: it draws hidden cases, compares answers with references and turns them into points.

A check is data. Cases, reference outputs and what typical mistakes would give are numbers in an
`.npz` file with a JSON manifest; no code of a solution is in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import html
import io
import json
import os
import re
import sys
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

__all__ = ["CheckError", "CheckSet", "check", "grade"]

FORMAT = 1
# Whatever a truncated or overwritten file makes NumPy's reader raise.
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
DEFAULT_TOLERANCE = 1e-6  # relative to max(1, max|reference|)


class CheckError(Exception):
    """Something is wrong with the course's own files or settings; the message says what to do."""


# --------------------------------------------------------------------------- values as data


def pack(value: Any) -> tuple[dict, list[np.ndarray]]:
    """Describe a value as a JSON spec and plain arrays, for files and for pipes; never pickle.

    Arrays come out C-contiguous in native byte order. What cannot be described (a dict, a model)
    becomes `{"o": its type}`, which no reference equals.
    """
    arrays: list[np.ndarray] = []
    return _pack(value, arrays, depth=0), arrays


def _pack(value: Any, arrays: list[np.ndarray], depth: int) -> dict:
    if depth > 8:
        return {"o": "a structure nested more than 8 deep"}
    if value is None or isinstance(value, (bool, str)):
        return {"v": value[:10_000] if isinstance(value, str) else value}
    if isinstance(value, int) and not isinstance(value, np.generic):
        return {"v": int(value)} if abs(value) < 2**63 else {"o": "an int beyond 64 bits"}
    if isinstance(value, float) and not isinstance(value, np.generic):
        return {"v": value}
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.array(value, order="C", subok=False)
        if array.dtype.kind not in "biufc":
            return {"o": f"an array of dtype {array.dtype}"}
        if array.dtype.kind in "fc" and array.dtype.itemsize > 8 * (1 + (array.dtype.kind == "c")):
            array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        arrays.append(array.astype(array.dtype.newbyteorder("="), copy=False))
        return {"a": len(arrays) - 1}
    if isinstance(value, (tuple, list)):
        if len(value) > 10_000:
            return {"o": f"a {type(value).__name__} of {len(value)} items"}
        items = [_pack(item, arrays, depth + 1) for item in value]
        return {"t" if isinstance(value, tuple) else "l": items}
    if isinstance(value, Generator):
        return {"g": value.seed}
    if isinstance(value, Raises):
        return {"r": value.name}
    return {"o": type(value).__name__}


def unpack(spec: Mapping, arrays: Sequence[np.ndarray]) -> Any:
    """Rebuild a value from `pack`'s two halves; arrays are fresh, writable copies."""
    one = type(spec) is dict and len(spec) == 1
    kind, value = next(iter(spec.items())) if one else ("", cast(Any, None))
    of = type(value)
    if kind == "a" and of is int and 0 <= value < len(arrays):
        return np.array(arrays[value], order="C")
    if kind == "v" and (value is None or of in (bool, int, float, str)):
        return value
    if kind == "t" and of is list:
        return tuple([unpack(item, arrays) for item in value])
    if kind == "l" and of is list:
        return [unpack(item, arrays) for item in value]
    if kind == "g" and of is int:
        return np.random.default_rng(value)
    if kind == "r" and of is str:
        return Raises(value)
    if kind == "o" and of is str:
        return Opaque(value[:100])
    raise ValueError(f"not a packed value: {str(spec)[:80]}")


@dataclass(frozen=True)
class Generator:
    """An argument that reaches the function as `np.random.default_rng(seed)`, fresh each call."""

    seed: int


@dataclass(frozen=True)
class Raises:
    """A reference that says: the function must raise the exception of this name."""

    name: str


@dataclass(frozen=True)
class Opaque:
    """An answer that is no number, array, tuple or list: only its type's name is known."""

    name: str


# --------------------------------------------------------------------------- the files


@dataclass(frozen=True)
class Case:
    """One call: arguments, the reference output, and what known mistakes return for it."""

    id: str
    slot: str
    group: str
    args: dict
    kwargs: dict
    expects: dict
    tolerance: float
    mistakes: dict
    score: dict | None
    arrays: Sequence[np.ndarray] = field(repr=False)

    def arguments(self) -> tuple[list, dict]:
        """Fresh copies of the positional and keyword arguments."""
        kwargs = {name: unpack(spec, self.arrays) for name, spec in self.kwargs.items()}
        return [unpack(spec, self.arrays) for spec in self.args["l"]], kwargs

    def reference(self) -> Any:
        return unpack(self.expects, self.arrays)


@dataclass(frozen=True)
class Check:
    """One function of an assignment: its cases in groups, its points, its known mistakes."""

    name: str
    points: float
    parameters: tuple[str, ...]
    returns: tuple[str, ...]
    groups: tuple[dict, ...]
    misconceptions: tuple[dict, ...]
    cases: tuple[Case, ...]
    calls: int
    driver: str | None
    hidden: bool
    draw_key: bytes = field(repr=False)

    def draw(self, digest: str) -> list[Case]:
        """The cases for one submission: of every slot one variant, chosen by the digest.

        The same digest draws the same cases; without the hidden file's key nobody can tell which.
        """
        slots: dict[str, list[Case]] = {}
        for case in self.cases:
            slots.setdefault(case.slot, []).append(case)
        chosen = []
        for slot, variants in slots.items():
            message = f"{self.name}/{slot}/{digest}".encode()
            number = hmac.new(self.draw_key, message, hashlib.sha256).digest()
            chosen.append(variants[int.from_bytes(number[:8], "big") % len(variants)])
        return chosen


class CheckSet(Mapping[str, Check]):
    """The checks of one assignment, read from `public.npz` or a hidden set."""

    def __init__(self, manifest: dict, arrays: list[np.ndarray], path: Path):
        self.path = path
        self.assignment: str = manifest["assignment"]
        self.kind: str = manifest["kind"]
        self.digest: str = manifest["digest"]
        self.allows: tuple[str, ...] = tuple(manifest["allows"])
        self.drivers: str | None = manifest["drivers"]
        self._checks: dict[str, Check] = {}
        key = bytes.fromhex(manifest["draw_key"])
        for name, entry in manifest["checks"].items():
            cases = tuple(
                Case(**{**c, "arrays": arrays, "score": c.get("score")}) for c in entry["cases"]
            )
            self._checks[name] = Check(
                name=name,
                points=entry["points"],
                parameters=tuple(entry["parameters"]),
                returns=tuple(entry["returns"]),
                groups=tuple(entry["groups"]),
                misconceptions=tuple(entry["misconceptions"]),
                cases=cases,
                calls=entry["calls"],
                driver=entry["driver"],
                hidden=self.kind == "hidden",
                draw_key=key,
            )

    def __getitem__(self, name: str) -> Check:
        return self._checks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._checks)

    def __len__(self) -> int:
        return len(self._checks)

    @classmethod
    def load(cls, path: str | os.PathLike, secret: bytes | None = None) -> CheckSet:
        """Read a file of checks and make sure that it is whole.

        Args:
            path: `public.npz` or a hidden set.
            secret: the course's secret; given, the file must be one that was built with it.

        Raises:
            CheckError: the file is missing, damaged or from another secret; names the remedy.
        """
        path = Path(path)
        remedy = (
            "download the exercise folder again: it holds check.py and public.npz beside the notebook"
            if path.name == "public.npz"
            else "run `autograder build` to make it again"
        )
        try:
            manifest, arrays = read_npz(path)
        except FileNotFoundError:
            raise CheckError(f"{path} is missing: {remedy}.") from None
        except UNREADABLE as e:
            raise CheckError(f"{path} cannot be read ({type(e).__name__}): {remedy}.") from None
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise CheckError(
                f"{path} is not of format {FORMAT}, which this check.py reads: {remedy}."
            )
        if secret is not None and manifest.get("secret_id") != secret_id(secret):
            raise CheckError(f"{path} was made with another secret than this course's: {remedy}.")
        # A hidden set is sealed with the secret: without it there is nothing to compare with.
        sealed = manifest.get("kind") == "public" or secret is not None
        if sealed and seal(manifest, arrays, secret) != manifest.get("digest"):
            raise CheckError(f"{path} is damaged (its digest differs): {remedy}.")
        return cls(manifest, arrays, path)


def read_npz(path: str | os.PathLike) -> tuple[dict, list[np.ndarray]]:
    """The manifest of a file and its arrays, which lie end to end in one block.

    Raises:
        one of `UNREADABLE`: the file is not one of ours.
    """
    with np.load(path, allow_pickle=False) as archive:
        manifest = json.loads(archive["manifest"].tobytes())
        block = archive["block"].tobytes()
    arrays, start = [], 0
    for dtype, shape in manifest["arrays"]:
        size = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(block, np.dtype(dtype), size, start).reshape(shape)
        arrays.append(array)
        start += array.nbytes
    return manifest, arrays


def secret_id(secret: bytes) -> str:
    """A name for a secret that tells nothing about it: which hidden set belongs to which."""
    return hashlib.sha256(b"autograder secret id " + secret).hexdigest()[:16]


def seal(manifest: Mapping, arrays: Sequence[np.ndarray], secret: bytes | None) -> str:
    """Digest of a file's whole content; keyed with the secret for a hidden set."""
    content = {key: value for key, value in manifest.items() if key != "digest"}
    key = (secret or b"") if manifest.get("kind") == "hidden" else b""
    digest = hmac.new(key, json.dumps(content, sort_keys=True).encode(), hashlib.sha256)
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def submission_digest(notebook: Mapping) -> str:
    """Digest of what the student wrote: id and source of each solution cell of a notebook (dict)."""
    written: dict[str, str] = {}
    for cell in notebook.get("cells", []):
        metadata = cell.get("metadata", {}).get("nbgrader", {})
        if metadata.get("solution") and isinstance(metadata.get("grade_id"), str):
            source = cell.get("source", "")
            source = "".join(source) if isinstance(source, list) else str(source)
            written.setdefault(metadata["grade_id"], source)
    return hashlib.sha256(json.dumps(sorted(written.items())).encode()).hexdigest()


# --------------------------------------------------------------------------- calling a function


@dataclass
class Answer:
    """What one call gave: a value, an error, or nothing at all (with the reason)."""

    value: Any = None
    args_after: Any = None  # the arguments as the call left them: [args, kwargs]
    error: str | None = None
    line: str | None = None
    lineno: int | None = None
    missing: str | None = None


def plan(check: Check, cases: Sequence[Case]) -> list[int]:
    """The order of calls: every case once, then (`calls=2`) all again backwards.

    A function that keeps something between calls answers the second time differently.
    """
    order = list(range(len(cases)))
    return order + order[::-1] if check.calls > 1 else order


def call(function: Callable, case: Case, driver: Callable | None = None) -> Answer:
    """Run one call and keep whatever comes of it, exceptions included."""
    args, kwargs = case.arguments()
    held = [[*args], list(kwargs.values())]
    target = (lambda *a, **k: driver(function, *a, **k)) if driver else function
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = target(*args, **kwargs)
    except Exception as error:
        return Answer(**describe_error(error, function))
    return Answer(value=value, args_after=held)


def describe_error(error: BaseException, function: Any = None) -> dict:
    """The error's text and the last line of the student's own code that it passed through.

    The line is one of the function's own cell where there is one: what it calls from another cell
    may have been given.
    """
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    found: dict = {"error": message[:500]}
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        in_library = "site-packages" in frame.filename or frame.filename in (__file__, "<drivers>")
        if in_library or frame.filename.startswith((sys.prefix + "/lib", sys.base_prefix + "/lib")):
            continue
        if "line" not in found or frame.filename == own:
            found.update(line=(frame.line or "")[:200], lineno=frame.lineno)
        if own is None or frame.filename == own:
            break
    return found


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what a function prints while it is called many times.

    nbgrader takes any text on stderr for a failure, so it is hidden down to the file descriptor,
    where TensorFlow's own log goes.
    """
    saved = null = None
    with contextlib.suppress(OSError, ValueError):
        saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        if saved is not None and null is not None:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(null)


# --------------------------------------------------------------------------- judging


@dataclass
class Finding:
    """What is wrong with the answer to one case, in words for the student."""

    kind: str  # error, missing, type, shape, nan, value, inplace, state, accuracy
    text: str


@dataclass
class CaseResult:
    case: Case
    credit: float
    finding: Finding | None = None
    advice: str | None = None
    likely: tuple[str, ...] = ()  # misconceptions that give exactly this answer


@dataclass
class GroupResult:
    title: str
    points: float
    max_points: float
    results: list[CaseResult]


@dataclass
class Verdict:
    """Points and explanation for one check of one submission."""

    check: Check
    groups: list[GroupResult]
    hint: str | None = None
    misconception: str | None = None

    @property
    def points(self) -> float:
        return round(sum(group.points for group in self.groups), 6)

    @property
    def max_points(self) -> float:
        return self.check.points

    @property
    def right(self) -> bool:
        return all(r.credit == 1 for group in self.groups for r in group.results)

    def first_failure(self) -> CaseResult | None:
        """The case to show: the first that went wrong in the way that the hint speaks of."""
        failed = [r for g in self.groups for r in g.results if r.credit < 1]
        meant = [r for r in failed if self.misconception in r.likely]
        return next(iter(meant or failed), None)

    def _parts(self) -> Iterator[tuple[str, str]]:
        """(style, line) pairs that the text and the HTML report share."""
        cases = sum(len(group.results) for group in self.groups)
        if self.right:
            yield "good", f"{self.check.name}: right in all {cases} cases."
        else:
            right = sum(r.credit == 1 for g in self.groups for r in g.results)
            yield "bad", f"{self.check.name}: right in {right} of {cases} cases."
            for group in self.groups:
                good = group.points == group.max_points
                yield "good" if good else "bad", ("✓ " if good else "✗ ") + group.title
            failure = self.first_failure()
            if failure and failure.finding:
                yield "plain", f"Case “{failure.case.slot}”: {failure.finding.text}"
            if self.hint:
                yield "hint", f"Hint: {self.hint}"
        advice = [r.advice for g in self.groups for r in g.results if r.advice]
        if advice:
            yield "plain", f"Advice: {advice[0]}"

    def text(self) -> str:
        """The report as plain text."""
        return "\n".join(line for _, line in self._parts())

    def html(self) -> str:
        """The report as HTML; everything that comes from the student is escaped."""
        colour = {"good": "#1a7f37", "bad": "#cf222e", "hint": "inherit", "plain": "inherit"}
        rows: list[str] = []
        for style, line in self._parts():
            weight = "600" if style == "hint" or not rows else "400"
            body = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(line))
            body = body.replace("\n", "<br>")
            rows.append(f'<div style="color:{colour[style]};font-weight:{weight}">{body}</div>')
        edge = colour["good" if self.right else "bad"]
        return (
            f'<div style="border-left:4px solid {edge};padding:2px 10px;line-height:1.6">'
            + "".join(rows)
            + "</div>"
        )


def judge(check: Check, cases: Sequence[Case], answers: Sequence[Answer | None]) -> Verdict:
    """Turn the answers to `plan(check, cases)` into points and explanations. Never raises on them."""
    per_case: list[list[Answer]] = [[] for _ in cases]
    for position, index in enumerate(plan(check, cases)):
        answer = answers[position] if position < len(answers) else None
        per_case[index].append(answer or Answer(missing="the function gave no answer"))
    results = [_judge_case(check, case, given) for case, given in zip(cases, per_case)]
    groups = []
    for group in check.groups:
        of_group = [r for r in results if r.case.group == group["id"]]
        if not of_group:
            continue
        credit = min(r.credit for r in of_group)
        earned = round(group["points"] * credit, 2)
        groups.append(GroupResult(group["title"], earned, group["points"], of_group))
    verdict = Verdict(check, groups)
    verdict.misconception = _name_misconception(check, results)
    for entry in check.misconceptions:
        if entry["id"] == verdict.misconception:
            verdict.hint = entry["hint"]
    return verdict


def _judge_case(check: Check, case: Case, answers: list[Answer]) -> CaseResult:
    try:
        return _judge_answers(check, case, answers)
    except Exception as error:
        text = f"the answer cannot be compared ({type(error).__name__})."
        return CaseResult(case, 0.0, Finding("type", text))


def _judge_answers(check: Check, case: Case, answers: list[Answer]) -> CaseResult:
    expected = case.reference()
    first = answers[0]
    if case.score is not None:
        return _judge_score(case, expected, first, _sizes(case) if check.hidden else None)
    finding = _examine(check, case, expected, first)
    if finding is None:
        for later in answers[1:]:
            if later is not first and _examine(check, case, expected, later) is not None:
                finding = Finding(
                    "state",
                    "right on the first call, but not when called again with the same arguments. "
                    "Something is kept between calls: a global, a default argument, an attribute.",
                )
                break
    if finding is None:
        return CaseResult(case, 1.0, advice=_advice(expected, first.value))
    return CaseResult(case, 0.0, finding, likely=_likely(check, case, first, finding))


def _judge_score(
    case: Case, expected: Any, answer: Answer, sizes: frozenset[int] | None
) -> CaseResult:
    """Cases scored by accuracy: credit grows linearly from `low` to `high`."""
    if answer.missing or answer.error:
        return CaseResult(case, 0.0, _no_value(answer))
    got = answer.value
    if isinstance(got, (list, tuple)):
        got = np.array(got)
    if not isinstance(got, np.ndarray) or got.shape != expected.shape or got.dtype.kind not in "iu":
        text = f"needed: one integer label for each of the {len(expected)} items; you return "
        shown = _kind_of(answer.value, sizes)
        return CaseResult(case, 0.0, Finding("shape", f"{text}{shown}."))
    accuracy = float(np.mean(got == expected))
    score = case.score or {}
    low, high = score["low"], score["high"]
    credit = min(1.0, max(0.0, (accuracy - low) / (high - low)))
    # Whole tenths: a student should be able to work out the credit from the accuracy.
    credit = int(credit * 10 + 1e-9) / 10
    text = f"accuracy {accuracy:.3f}; credit starts above {low:.2f} and is full from {high:.2f}."
    return CaseResult(case, credit, None if credit == 1 else Finding("accuracy", text))


def _no_value(answer: Answer) -> Finding | None:
    if answer.missing:
        return Finding("missing", f"no answer: {answer.missing}.")
    if answer.error:
        if answer.error.startswith("NotImplementedError"):
            return Finding("error", "not written yet (it raises NotImplementedError).")
        where = f"\nin line {answer.lineno} of your cell: {answer.line}" if answer.line else ""
        return Finding("error", f"it raised {answer.error}{where}")
    return None


def _examine(check: Check, case: Case, expected: Any, answer: Answer) -> Finding | None:
    """None when the answer is right, else what is wrong with it."""
    if isinstance(expected, Raises):
        if answer.error and answer.error.split(":")[0] == expected.name:
            return None
        got = f"it raised {answer.error}" if answer.error else "it returned a value"
        if answer.missing:
            got = answer.missing
        return Finding("value", f"it must raise {expected.name} here, but {got}.")
    nothing = _no_value(answer)
    if nothing is not None:
        return nothing
    sizes = _sizes(case) if check.hidden else None
    finding = _compare(expected, answer.value, case.tolerance, check.returns, sizes)
    if finding is not None:
        return finding
    return _changed_inputs(check, case, answer)


def _changed_inputs(check: Check, case: Case, answer: Answer) -> Finding | None:
    if answer.args_after is None:
        return None
    args = case.args["l"]
    before = [*args, *case.kwargs.values()]
    after = [*answer.args_after[0], *answer.args_after[1]]
    names = [*check.parameters[: len(args)], *case.kwargs]
    for name, was, is_now in zip(names, before, after):
        if not _unchanged(was, case.arrays, is_now):
            return Finding(
                "inplace",
                f"the result is right, but the input `{name}` is changed afterwards. Work on a new "
                f"array: `a += b` and `a[...] = b` write into the caller's array.",
            )
    return None


def _unchanged(spec: Mapping, arrays: Sequence[np.ndarray], now: Any) -> bool:
    """Whether an argument is after the call what its packed form says."""
    if "a" in spec:
        was = arrays[spec["a"]]
        return isinstance(now, np.ndarray) and was.shape == now.shape and bool((was == now).all())
    items = spec.get("t", spec.get("l"))
    if items is not None:
        if not isinstance(now, (list, tuple)) or len(items) != len(now):
            return False
        return all(_unchanged(item, arrays, one) for item, one in zip(items, now))
    if "g" in spec:
        return True  # a random generator moves on
    return type(spec["v"]) is type(now) and spec["v"] == now


def _sizes(case: Case) -> frozenset[int]:
    """The sizes that occur in a case's arguments and reference, and 1."""
    queue, found = [case.args, *case.kwargs.values(), case.expects], {0, 1}
    while queue:
        spec = queue.pop()
        items = spec.get("t", spec.get("l"))
        if items is not None:
            found.add(len(items))
            queue += items
        elif "a" in spec:
            array = case.arrays[spec["a"]]
            found |= {*array.shape, array.size}
    return frozenset(found)


def _compare(
    expected: Any,
    got: Any,
    tolerance: float,
    names: Sequence[str],
    sizes: frozenset[int] | None = None,
) -> Finding | None:
    """Compare an answer with its reference; `names` are the outputs' names with their axes.

    Given `sizes` (hidden cases), the explanation repeats no number of the student's answer but these
    sizes: what a function returns could be the hidden inputs, digit by digit.
    """
    if isinstance(expected, (tuple, list)):
        count = len(expected)
        if not isinstance(got, (tuple, list)):
            text = f"it must return {count} values ({_listing(names, count)})"
            return Finding("type", f"{text}, but returns {_kind_of(got, sizes)}.")
        if len(got) != count:
            text = f"it must return {count} values ({_listing(names, count)}), but returns "
            return Finding("type", f"{text}{_number(len(got), sizes)}.")
        several = len(names) == count
        for k, (want, have) in enumerate(zip(expected, got)):
            item = f"{_bare(names[0]).strip('`')}[{k}]" if names else f"item {k}"
            name = names[k] if several else item
            finding = _compare(want, have, tolerance, [name], sizes)
            if finding is not None:
                return finding
        return None
    label = _bare(names[0]) if names else "the result"
    if expected is None:
        return None if got is None else Finding("type", f"{label} must be None.")
    if isinstance(expected, (bool, str)):
        same = type(expected) is type(got) and expected == got
        shown = f": {got!r:.60}; needed: {expected!r}" if sizes is None else " is not right"
        return None if same else Finding("value", f"{label}{shown}.")
    if isinstance(expected, int):
        return _compare_int(expected, got, label, sizes)
    name = names[0] if names else "the result"
    return _compare_array(np.asarray(expected), got, tolerance, name, sizes)


def _compare_int(
    expected: int, got: Any, label: str, sizes: frozenset[int] | None
) -> Finding | None:
    if isinstance(got, np.ndarray) and got.shape == () and got.dtype.kind in "iu":
        got = int(got)
    if isinstance(got, bool) or not isinstance(got, (int, np.integer)):
        return Finding("type", f"{label} must be an integer, but is {_kind_of(got, sizes)}.")
    shown = f"is {int(got)}: not right" if sizes is None else "is not right"
    return None if int(got) == expected else Finding("value", f"{label} {shown}.")


def _compare_array(
    expected: np.ndarray, got: Any, tolerance: float, name: str, sizes: frozenset[int] | None
) -> Finding | None:
    label, axes = _bare(name), _axes(name, expected.ndim)
    if expected.ndim == 0 and isinstance(got, (int, float)) and not isinstance(got, bool):
        got = np.asarray(got)
    if not isinstance(got, (np.ndarray, np.generic)):
        return Finding("type", f"{label} must be a NumPy array, but is {_kind_of(got, sizes)}.")
    got = np.asarray(got)
    if got.shape != expected.shape:
        return Finding("shape", _explain_shape(label, axes, expected.shape, got.shape, sizes))
    if expected.dtype.kind in "iu" and got.dtype.kind not in "iu":
        return Finding("type", f"{label} must hold integers, but its dtype is {got.dtype}.")
    if got.dtype.kind not in "biuf":
        return Finding("type", f"{label} must hold real numbers, but its dtype is {got.dtype}.")
    want = expected.astype(np.float64)
    have = got.astype(np.float64)
    if not np.isfinite(have).all():
        kind = "NaN (not a number)" if np.isnan(have).any() else "infinite values"
        text = f"{label} contains {kind}. Large inputs overflow in exp; 0/0 and inf-inf give NaN."
        return Finding("nan", text)
    if want.size == 0:
        return None
    error = np.abs(have - want)
    wrong = error > tolerance * max(1.0, float(np.abs(want).max()))
    return (
        Finding("value", _explain_values(label, axes, want, have, wrong, sizes is not None))
        if wrong.any()
        else None
    )


def _explain_shape(
    label: str, axes: str | None, want: tuple, got: tuple, sizes: frozenset[int] | None
) -> str:
    meaning = f" = {axes}" if axes else ""
    text = f"{label} must have shape {want}{meaning}, but has shape {_shape(got, sizes)}."
    if len(got) == len(want) and sorted(got) == sorted(want):
        text += (
            " The axes are in another order: is something transposed or stacked on another axis?"
        )
    elif tuple(n for n in got if n != 1) == tuple(n for n in want if n != 1):
        text += " Only axes of length 1 differ."
    elif int(np.prod(got)) == int(np.prod(want)):
        text += (
            " The number of values is right: joined where they should be stacked, or the reverse?"
        )
    elif len(got) == len(want) + 1:
        text += " There is one axis too many."
    elif len(got) == len(want) - 1:
        text += " There is one axis too few."
    return text


def _explain_values(
    label: str, axes: str | None, want: Any, have: Any, wrong: Any, hidden: bool
) -> str:
    count, total = int(wrong.sum()), wrong.size
    text = f"{label} has the right shape, but {count} of {total} values differ"
    largest = f" (by up to {np.abs(have - want).max():.2g})"
    text += "." if hidden or total == 1 else f"{largest}."
    if axes and wrong.ndim:
        letters = axes.strip("()").replace(" ", "").rstrip(",").split(",")
        if "T" in letters and wrong.shape[letters.index("T")] > 1:
            axis = letters.index("T")
            steps = np.flatnonzero(wrong.any(axis=tuple(k for k in range(wrong.ndim) if k != axis)))
            if len(steps) < wrong.shape[axis]:
                text += f" Wrong timesteps: {_ranges(steps)} of 0 to {wrong.shape[axis] - 1};"
                text += " the others are right."
            else:
                text += " Every timestep is wrong, the first one too."
        if "B" in letters and wrong.shape[letters.index("B")] > 1:
            axis = letters.index("B")
            rows = np.flatnonzero(wrong.any(axis=tuple(k for k in range(wrong.ndim) if k != axis)))
            if len(rows) < wrong.shape[axis]:
                text += f" Only these rows of the batch are wrong: {_ranges(rows)}."
    return text + _constant_factor(want, have, hidden)


def _constant_factor(want: np.ndarray, have: np.ndarray, hidden: bool) -> str:
    """Recognise answers that are the right ones times a constant (a sign, a mean for a sum)."""
    norm = float((want * want).sum())
    if want.size < 2 or norm == 0:
        return ""
    factor = float((want * have).sum()) / norm
    if abs(factor) < 1e-3 or np.abs(have - factor * want).max() > 1e-9 * max(1.0, abs(factor)):
        return ""
    if hidden and not any(abs(factor - plain) < 1e-9 for plain in (-2, -1, -0.5, 0.5, 2)):
        return ""
    return f" Every value is {factor:.6g} times the right one."


def _ranges(numbers: Iterable[int]) -> str:
    numbers = list(map(int, numbers))
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    shown = ", ".join(map(str, numbers[:8]))
    return shown + (", ..." if len(numbers) > 8 else "")


def _bare(name: str) -> str:
    """An output's name without its axes; code names in backticks, descriptions as they are."""
    name = name.split("(")[0].strip().strip("`")
    return f"`{name}`" if name.partition("[")[0].isidentifier() else name


def _axes(name: str, rank: int) -> str | None:
    """The axes that `"h (B, H) (B, T, H)"` names for an array of this rank, e.g. `(B, H)`."""
    for part in name.split("(")[1:]:
        letters = [letter.strip() for letter in part.split(")")[0].split(",") if letter.strip()]
        if len(letters) == rank:
            return "(" + ", ".join(letters) + ("," if rank == 1 else "") + ")"
    return None


def _listing(names: Sequence[str], count: int) -> str:
    return ", ".join(_bare(n) for n in names) if len(names) == count else f"a list of {count}"


def _number(number: int, sizes: frozenset[int] | None) -> str:
    return str(number) if sizes is None or number in sizes else "another number"


def _shape(shape: tuple, sizes: frozenset[int] | None) -> str:
    if sizes is None or (len(shape) <= 6 and sizes.issuperset(shape)):
        return str(shape)
    return f"({', '.join('?' if n not in sizes else str(n) for n in shape[:6])})"


def _kind_of(value: Any, sizes: frozenset[int] | None = None) -> str:
    if isinstance(value, Opaque):
        return f"of type {value.name}"
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {_shape(value.shape, sizes)}, dtype {value.dtype}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of length {_number(len(value), sizes)}"
    return f"of type {type(value).__name__}"


def _advice(expected: Any, got: Any) -> str | None:
    if isinstance(expected, (tuple, list)) and isinstance(got, (tuple, list)):
        return next(filter(None, map(_advice, expected, got)), None)
    if isinstance(expected, np.ndarray) and expected.dtype == np.float64 and expected.ndim:
        dtype = getattr(got, "dtype", expected.dtype)
        if dtype != np.float64:
            return f"the result is {dtype}; float64 in, float64 out keeps all digits."
    return None


# --------------------------------------------------------------------------- naming the mistake


def _likely(check: Check, case: Case, answer: Answer, finding: Finding) -> tuple[str, ...]:
    found = [m["id"] for m in check.misconceptions if m.get("detects") == finding.kind]
    if finding.kind in ("inplace", "state"):
        return tuple(found)  # the values are right: no mistake in them explains this
    for name, spec in case.mistakes.items():
        would_be = unpack(spec, case.arrays)
        if isinstance(would_be, Raises):
            found += [name] if (answer.error or "").split(":")[0] == would_be.name else []
        elif answer.error or answer.missing:
            continue
        elif _compare(*_finite(would_be, answer.value), case.tolerance, ()) is None:
            found.append(name)
    return tuple(found)


def _finite(known: Any, got: Any) -> tuple[Any, Any]:
    """Both with 0 where both are NaN or infinite alike: a mistake that overflows has a name too."""
    if isinstance(known, (list, tuple)) and isinstance(got, (list, tuple)):
        if len(known) != len(got):
            return known, got
        pairs = [_finite(a, b) for a, b in zip(known, got)]
        return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
    arrays = [a for a in (known, got) if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    if len(arrays) < 2 or known.shape != got.shape:
        return known, got
    odd = ~np.isfinite(known)
    if not np.array_equal(known[odd], got[odd], equal_nan=True):
        return known, None  # None equals no array
    return np.where(odd, 0.0, known), np.where(odd, 0.0, got)


def _name_misconception(check: Check, results: Sequence[CaseResult]) -> str | None:
    """The misconception that accounts best for what is wrong, and for what is right."""
    failed = [r for r in results if r.credit < 1]
    right = [r for r in results if r.credit == 1]
    best: tuple[bool, float, int, str] | None = None
    for place, entry in enumerate(check.misconceptions):
        name = entry["id"]
        explains = sum(name in r.likely for r in failed)
        # An exception has many causes: where the mistake would also give numbers, one must fit.
        gives = [r for r in results if "r" not in r.case.mistakes.get(name, {"r": ""})]
        if explains == 0 or (gives and not any(name in r.likely for r in gives)):
            continue
        # A mistake that would have spoilt a case that is right is not the one that was made. Where it
        # would have given another wrong answer, a second mistake may be at work: that counts less.
        contradicted = sum(name in r.case.mistakes for r in right)
        otherwise = sum(name in r.case.mistakes and name not in r.likely for r in failed)
        score = explains - 2 * contradicted - otherwise / 2
        # Of two mistakes, the one that shows first is spoken of first.
        rank = (name in failed[0].likely, score, -place, name)
        if score > 0 and (best is None or rank > best):
            best = rank
    return best[-1] if best else None


# --------------------------------------------------------------------------- in a notebook


def check(function: Callable) -> None:
    """Try your function on the public cases and show what is right, what is not, and why."""
    checks = CheckSet.load(Path(__file__).with_name("public.npz"))
    name = _checked_name(function, checks, sys._getframe(1).f_globals)
    verdict, _ = _run(function, checks, name, None)
    _show(verdict)


def grade(function: Callable) -> float:
    """Points for the function on hidden cases; runs where the instructor's hidden sets are.

    This is the path of plain nbgrader, in the notebook's own kernel. The engine takes the same
    cell, but judges outside the student's process.
    """
    folder = os.environ.get("AUTOGRADER_HIDDEN")
    if not folder:
        raise CheckError(
            "AUTOGRADER_HIDDEN is not set: grade with the course's nbgrader_config.py."
        )
    public = CheckSet.load(Path(__file__).with_name("public.npz"))
    checks = CheckSet.load(Path(folder) / f"{public.assignment}.npz")
    name = _checked_name(function, checks, sys._getframe(1).f_globals)
    notebook = Path(f"{public.assignment}.ipynb")
    try:
        digest = submission_digest(json.loads(notebook.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckError(
            f"{notebook.resolve()} cannot be read ({error}): run the batch again."
        ) from None
    verdict, points = _run(function, checks, name, digest)
    _show(verdict)
    return points


def _run(
    function: Callable, checks: CheckSet, name: str, digest: str | None
) -> tuple[Verdict, float]:
    one = checks[name]
    cases = list(one.cases) if digest is None else one.draw(digest)
    driver = load_driver(checks.drivers, one.driver)
    with quiet():
        answers = []
        for k in plan(one, cases):
            answer = call(function, cases[k], driver)
            # Through the same narrow door as in the engine, so that both judge alike.
            answer.value = unpack(*pack(answer.value))
            answer.args_after = answer.args_after and unpack(*pack(_plain(answer.args_after)))
            answers.append(answer)
    verdict = judge(one, cases, answers)
    return verdict, verdict.points


def _plain(args_after: Any) -> Any:
    """Arguments without random generators, which `pack` cannot describe."""
    if isinstance(args_after, (list, tuple)):
        return type(args_after)(_plain(item) for item in args_after)
    return None if isinstance(args_after, np.random.Generator) else args_after


def load_driver(source: str | None, name: str | None) -> Callable | None:
    """The function that calls the student's for a check that cannot be called directly."""
    if name is None:
        return None
    namespace: dict = {}
    exec(compile(source or "", "<drivers>", "exec"), namespace)
    return namespace[name]


def _checked_name(function: Callable, checks: CheckSet, caller: Mapping) -> str:
    for name in checks:
        if caller.get(name) is function:
            return name
    name = getattr(function, "__name__", type(function).__name__)
    if name not in checks:
        known = ", ".join(checks)
        raise CheckError(
            f"there is no check for `{name}` in {checks.path.name}; it knows: {known}."
        )
    return name


class _Report:
    """What a notebook shows: HTML where it can, else text."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict

    def _repr_html_(self) -> str:
        return self.verdict.html()

    def __repr__(self) -> str:
        return self.verdict.text()


def _show(verdict: Verdict) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython is not None and get_ipython() is not None:
        display(_Report(verdict))
    else:
        print(verdict.text())
