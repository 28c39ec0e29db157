"""Grades one submission: rebuild, run cell by cell, ask the checks, judge, write the outputs.

    graded = grade_submission(zygote, blueprint, read_notebook(path, limits), checks, limits)

Everything here runs on the trusted side. What comes from the submission is arrays (judged), outputs
(made inert) and its end (a reason in words).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder import check
from autograder.engine import outputs
from autograder.engine.changes import may_change_libraries
from autograder.engine.feedback import Redactor
from autograder.engine.frames import (
    Connection,
    Frame,
    FrameClosed,
    FrameError,
    FrameTimeout,
    decode_parts,
)
from autograder.engine.limits import Limits
from autograder.engine.rebuild import AssignmentError, Blueprint, CellPlan, Rebuilt, rebuild
from autograder.engine.sandbox import SandboxError
from autograder.engine.scores import Score, in_kernel_points, mended_in_kernel
from autograder.engine.watch import OverLimit
from autograder.engine.zygote import Run, Zygote, ZygoteError

SHORT = 1 << 20  # bytes of an answer that is kept to compare the second call's with
GRACE = 2.0  # seconds that the sandboxed side gets to stop a cell or call by itself


@dataclass
class GradedSubmission:
    """One submission's result.

    `scores` by grade_id; `flags` are reasons for a person to look; `notes` are for the report;
    `seconds` says where the time went.
    """

    notebook: dict
    scores: dict[str, Score]
    digest: str
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, check.Verdict] = field(default_factory=dict, repr=False)
    cpu_seconds: float = 0.0
    memory: int = 0

    @property
    def points(self) -> float:
        return sum(score.points or 0.0 for score in self.scores.values())

    @property
    def max_points(self) -> float:
        return sum(score.max_points for score in self.scores.values())


def grade_submission(
    zygote: Zygote,
    blueprint: Blueprint,
    submitted: Mapping,
    checks: Mapping[str, check.Check] | None,
    limits: Limits,
    files: Mapping[str, bytes] | None = None,
) -> GradedSubmission:
    """Grade one submission.

    Args:
        zygote: warm interpreter with what the assignment allows.
        blueprint: the instructor's notebook.
        submitted: the student's, from `rebuild.read_notebook`.
        checks: the hidden set (`CheckSet`); None for an assignment without checks.
        files: what lies beside the notebook, by relative name: the instructor's, which must win
            over the student's.

    Raises:
        AssignmentError: notebook and checks do not fit together.
        SandboxError: isolation could not be put on.
        ZygoteError: the interpreter cannot be brought back.
    """
    began = time.perf_counter()
    rebuilt = rebuild(blueprint, submitted)
    checks = checks or {}
    _fits(blueprint, rebuilt.plans, checks)
    digest = check.submission_digest({"cells": rebuilt.written})
    graded = GradedSubmission(rebuilt.notebook, {}, digest, notes=list(rebuilt.notes))
    graded.seconds["rebuild"] = time.perf_counter() - began

    deadline = time.monotonic() + limits.submission_seconds
    skipped: dict[int, str] = {}
    together = True
    settled: _Settled = {}
    shown: _Attempt | None = (
        None  # the run whose outputs are shown, once one has seen hidden inputs
    )
    while True:
        attempt = _Attempt(zygote, rebuilt, checks, digest, limits, files or {}, skipped, deadline)
        attempt.together, attempt.settled = together, settled
        attempt.go()
        if attempt.lost and time.monotonic() < deadline:
            # A call ended the process that other checks shared: again, with one for each. Where there
            # can be none for each (TensorFlow), without the checks whose answers are known.
            settled = {} if together else attempt.known()
            together = False
            shown = shown or attempt
            continue
        if attempt.fatal is None or attempt.broken or time.monotonic() > deadline:
            break
        if len(skipped) >= limits.fatal_cells:
            break
        # Run again without the cell that ended the process: what comes after it still counts.
        skipped[attempt.fatal] = attempt.why
    if shown is not None:
        # What came after hidden inputs were given out (files' times, caches) might tell of them.
        attempt.outputs, attempt.updates = shown.outputs, shown.updates
    _write(graded, rebuilt, attempt, checks, limits)
    for name, seconds in attempt.seconds.items():
        graded.seconds[name] = seconds
    graded.seconds["total"] = time.perf_counter() - began
    return graded


def _fits(blueprint: Blueprint, plans: list[CellPlan], checks: Mapping[str, check.Check]) -> None:
    by_id = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in blueprint.cells}
    for plan in plans:
        if plan.run != "check":
            continue
        where = f"{blueprint.name}: cell {plan.grade_id}"
        if plan.name not in checks:
            raise AssignmentError(
                f"{where} grades {plan.name}, for which there are no hidden cases: run "
                "`autograder build`."
            )
        points = float(by_id[plan.grade_id]["metadata"]["nbgrader"].get("points", 0))
        if points != float(checks[plan.name].points):
            raise AssignmentError(
                f"{where} is worth {points:g} points, its check {checks[plan.name].points:g}: make "
                "them equal, then run `autograder build`."
            )


_Settled = dict[int, tuple[list[check.Case], list[check.Answer]]]  # by the check's cell


class _Attempt:
    """One run of a rebuilt notebook in one fork."""

    def __init__(
        self, zygote: Zygote, rebuilt: Rebuilt, checks: Mapping[str, check.Check], digest: str,
        limits: Limits, files: Mapping[str, bytes], skipped: Mapping[int, str], deadline: float,
    ):  # fmt: skip
        self.zygote, self.rebuilt, self.checks = zygote, rebuilt, checks
        self.digest, self.limits, self.files = digest, limits, files
        self.skipped, self.deadline = skipped, deadline
        self.outputs: dict[int, list[dict]] = {}
        self.updates: list[dict] = []
        self.answers: dict[int, list[check.Answer]] = {}
        self.cases: dict[int, list[check.Case]] = {}
        self.fatal: int | None = None  # the cell that ended the process
        self.why = ""
        self.together = True  # checks may share a process
        self.settled: _Settled = {}  # checks that need not be asked again
        self.shared = False  # checks do share one
        self.failed: list[int] = []  # checks of which a call ended its process, or kept it
        self.lost = False  # so the checks after it are not asked here
        self.found: list[int] = []  # check cells whose function is there
        self.broken = False  # the submission did not keep to the protocol
        self.seconds: dict[str, float] = {}
        self.slots = {
            place: slot
            for slot, place in enumerate(k for k, p in enumerate(rebuilt.plans) if p.run == "check")
        }
        self.redactor = Redactor(p.source for p in rebuilt.plans)

    def go(self) -> None:
        clock = time.perf_counter
        start = clock()
        run = self._start()
        self.seconds["start"] = clock() - start
        try:
            start = clock()
            self._cells(run)
            self.seconds["cells"] = clock() - start
            start = clock()
            if self.fatal is None:
                # From here on the submission may learn hidden inputs: nothing but answers is read.
                run.channel.close()
                for place in self.found:
                    if place in self.settled:
                        self.cases[place], self.answers[place] = self.settled[place]
                        run.slots[self.slots[place]].close()  # it is not to wait for a request
                        continue
                    self._check(run, place)
                    if self.lost:
                        break
            self.seconds["checks"] = clock() - start
        finally:
            start = clock()
            self.ended = run.finish()
            self.seconds["end"] = clock() - start

    def known(self) -> _Settled:
        """The checks that were answered, but for the last, which an earlier one may have spoilt."""
        *fine, _ = self.answers
        return {place: (self.cases[place], self.answers[place]) for place in fine}

    def _start(self) -> Run:
        names = list(self.files)
        contents = [np.frombuffer(self.files[name], np.uint8) for name in names]
        for again in (False, True):
            try:
                run = self.zygote.start(self.limits, len(self.slots))
            except ZygoteError:
                if again:
                    raise
                self.zygote.restart()
                continue
            try:
                soon = time.monotonic() + 30
                run.channel.send("files", {"names": names}, contents, deadline=soon)
                reply = run.channel.receive(deadline=soon)
            except FrameError as error:
                run.finish()
                if again:
                    raise ZygoteError(f"the sandbox does not start: {error}") from None
                self.zygote.restart()
                continue
            if reply.kind != "ready":
                run.finish()
                raise SandboxError(f"the sandbox cannot be put on: {reply.data}")
            return run
        raise AssertionError

    # ----------------------------------------------------------------- cells

    def _cells(self, run: Run) -> None:
        """Run all cells, and find out which checks' functions are there."""
        found = self.found
        kept = True  # every check's function, whatever the next cell does
        for place, plan in enumerate(self.rebuilt.plans):
            if plan.run == "text" or place in self.skipped:
                continue
            try:
                wild = may_change_libraries(plan.source)
                if found and (wild or not kept):
                    self._keep(run, "together" if wild else "if needed")
                    kept = True
                counted = False
                if plan.source.strip():
                    self._cell(run, place, plan.source)
                    counted = True
                if plan.run == "check":
                    request = {"name": plan.name, "slot": self.slots[place], "count": not counted}
                    reply = self._ask(run, "check", request, 30.0)
                    if isinstance(reply, dict) and reply.get("found") is True:
                        found.append(place)
                        kept = False
            except FrameError as error:
                self._stopped(run, place, error)
                return
        try:
            if found and not kept and not self.together:
                self._keep(run, "alone")
            self._ask(run, "end", None, 30.0)
        except FrameError as error:
            self._stopped(run, len(self.rebuilt.plans), error)

    def _keep(self, run: Run, fork: str) -> None:
        """Have the functions of the checks so far kept as they are, whatever comes next."""
        reply = self._ask(run, "keep", {"fork": fork if self.together else "alone"}, 30.0)
        self.shared |= not (isinstance(reply, dict) and reply.get("forked") is True)

    def _ask(self, run: Run, kind: str, data: Any, seconds: float) -> Any:
        deadline = min(time.monotonic() + seconds, self.deadline)
        run.channel.send(kind, data, deadline=deadline)
        reply = run.channel.receive(deadline=deadline)
        if reply.kind != kind:
            raise FrameError(f"answered {kind!r} with something else")
        return reply.data

    def _cell(self, run: Run, place: int, source: str) -> None:
        data = self._ask(run, "cell", {"source": source}, self.limits.cell_seconds + GRACE)
        if not isinstance(data, dict):
            raise FrameError("a cell's outputs are not what outputs look like")
        self.outputs[place] = data.get("outputs") or []
        updates = data.get("updates")
        if isinstance(updates, list):
            self.updates += updates[:1000]

    def _stopped(self, run: Run, place: int, error: FrameError) -> None:
        """The process did not answer as it should: note at which cell, and why."""
        self.fatal = place
        if isinstance(error, OverLimit):
            self.why = str(error)
        elif isinstance(error, FrameTimeout):
            over = time.monotonic() >= self.deadline
            seconds = self.limits.submission_seconds if over else self.limits.cell_seconds
            self.why = f"time limit of {seconds:g} s" + (" for the notebook" if over else "")
        elif isinstance(error, FrameClosed):
            self.why = _in_words(run, self.limits)
        else:
            self.broken = True
            self.why = f"it wrote over the grader's connection ({error})"

    # ----------------------------------------------------------------- checks

    def _check(self, run: Run, place: int) -> None:
        """Ask one check's function for its answers."""
        one = self.checks[self.rebuilt.plans[place].name]
        cases = one.draw(self.digest)
        order = check.plan(one, cases)
        self.cases[place] = cases
        answers = self.answers[place] = []
        connection = run.slots[self.slots[place]]
        until = min(time.monotonic() + self.limits.check_seconds, self.deadline)
        reason = ""
        try:
            self._request(connection, one, cases, order, until)
            seen: dict[int, tuple[tuple[bytes, bytes], check.Answer]] = {}
            for index in order:
                patience = time.monotonic() + self.limits.call_seconds + GRACE
                raw = connection.receive_raw(deadline=min(patience, until))
                if index in seen and seen[index][0] == raw:
                    answers.append(seen[index][1])  # the second call gave the same, byte for byte
                    continue
                answers.append(self._answer(decode_parts(*raw, connection.bounds), cases[index]))
                if len(raw[1]) <= SHORT:
                    seen[index] = raw, answers[-1]
        except OverLimit as error:
            reason = str(error)
        except FrameTimeout:
            late = time.monotonic() >= until
            seconds = self.limits.check_seconds if late else self.limits.call_seconds
            reason = f"time limit of {seconds:g} s"
        except FrameClosed:
            reason = "the call ended its process (a crash, a memory or CPU limit, or an exit)"
        except FrameError as error:
            reason = f"the answer is not one ({error})"
        if reason:
            self.lost = self.together or (self.shared and bool(self.failed))
            self.failed.append(place)
        while len(answers) < len(order):
            answers.append(check.Answer(missing=reason))

    def _request(
        self, connection: Connection, one: check.Check, cases: list[check.Case], order: list[int],
        deadline: float,
    ) -> None:  # fmt: skip
        arrays: list[np.ndarray] = []
        entries = []
        for case in cases:
            places: dict[int, int] = {}
            for spec in _array_specs([case.args, case.kwargs]):
                if spec not in places:
                    places[spec] = len(arrays)
                    arrays.append(np.asarray(case.arrays[spec]))
            entries.append(
                {"args": _renumbered(case.args, places), "kwargs": _renumbered(case.kwargs, places)}
            )
        request = {
            "cases": entries, "order": order, "driver": one.driver,
            "drivers": getattr(self.checks, "drivers", None) if one.driver else None,
            "call_seconds": self.limits.call_seconds, "batch": self.together,
        }  # fmt: skip
        connection.send("calls", request, arrays, deadline=deadline)

    def _answer(self, frame: Frame, case: check.Case) -> check.Answer:
        data = frame.data
        if not isinstance(data, dict):
            raise FrameError("no fields")
        if frame.kind == "missing":
            limit = f"time limit of {self.limits.call_seconds:g} s"
            if data.get("called") is False:
                limit = f"not called, because calls before ran into the {limit}"
            return check.Answer(missing=limit)
        if frame.kind == "error":
            answer = check.Answer(
                error=str(data.get("error"))[:500], line=data.get("line"), lineno=data.get("lineno")
            )
            return self.redactor.clean(answer, case)
        if frame.kind != "answer" or type(data.get("first")) is not int:
            raise FrameError("not an answer")
        first = max(0, min(data["first"], len(frame.arrays)))
        value, after = frame.arrays[:first], frame.arrays[first:]
        check_spec(data.get("value"), len(value))
        check_spec(data.get("after"), len(after))
        try:
            answer = check.Answer(
                value=check.unpack(data["value"], value),
                args_after=check.unpack(data["after"], after),
            )
        except (ValueError, TypeError, RecursionError) as error:
            raise FrameError(type(error).__name__) from None
        return self.redactor.clean(answer, case)


def check_spec(spec: Any, arrays: int) -> None:
    """Make sure that a packed value is one, and that unpacking it takes no more than was sent.

    Raises:
        FrameError: it is not: an array used twice, a random generator, nested too deep ...
    """
    used: set[int] = set()
    stack = [(spec, 0)]
    while stack:
        node, depth = stack.pop()
        if not isinstance(node, dict) or len(node) != 1 or depth > 10:
            raise FrameError("not a packed value")
        key, value = next(iter(node.items()))
        if key == "a":
            if type(value) is not int or not 0 <= value < arrays or value in used:
                raise FrameError("an array that was not sent, or sent once and used twice")
            used.add(value)
        elif key in ("t", "l"):
            if not isinstance(value, list):
                raise FrameError("not a packed value")
            stack += [(item, depth + 1) for item in value]
        elif key == "v":
            if isinstance(value, int) and abs(value) >= 1 << 63:
                raise FrameError("an integer beyond 64 bits")
        elif key != "o" or not isinstance(value, str):
            raise FrameError("not a packed value")


def _array_specs(node: Any) -> list[int]:
    if isinstance(node, dict):
        if set(node) == {"a"}:
            return [node["a"]]
        node = list(node.values())
    if isinstance(node, list):
        return [k for item in node for k in _array_specs(item)]
    return []


def _renumbered(node: Any, places: Mapping[int, int]) -> Any:
    if isinstance(node, dict):
        if set(node) == {"a"}:
            return {"a": places[node["a"]]}
        return {key: _renumbered(value, places) for key, value in node.items()}
    if isinstance(node, list):
        return [_renumbered(item, places) for item in node]
    return node


def _in_words(run: Run, limits: Limits) -> str:
    ended = run.why()
    if ended.signal is not None:
        if ended.signal == signal.SIGXCPU or ended.cpu >= limits.cpu_seconds:
            return f"CPU limit of {limits.cpu_seconds} s"
        if ended.signal == signal.SIGKILL:
            return "it was killed (out of memory, or by its own signal)"
        return f"the interpreter crashed ({signal.Signals(ended.signal).name})"
    return f"it ended the interpreter (exit code {ended.exit})"


# --------------------------------------------------------------------------- writing it down


def _write(
    graded: GradedSubmission, rebuilt: Rebuilt, attempt: _Attempt,
    checks: Mapping[str, check.Check], limits: Limits,
) -> None:  # fmt: skip
    """Put outputs, points and reasons into the notebook and the result."""
    start = time.perf_counter()
    graded.cpu_seconds, graded.memory = attempt.ended.cpu, attempt.ended.memory
    stops = dict(attempt.skipped)
    if attempt.fatal is not None:
        stops[attempt.fatal] = attempt.why
    left = limits.notebook_output_bytes
    patience = outputs.Patience()
    number = 0
    for place, (cell, plan) in enumerate(zip(rebuilt.notebook["cells"], rebuilt.plans)):
        if cell["cell_type"] == "code":
            most = min(limits.output_bytes, left)
            own = outputs.clean_outputs(attempt.outputs.get(place), most, patience)
            left = max(0, left - sum(map(outputs.size_of, own)))
            if place in stops:
                own.append(_stop_output(stops[place]))
                graded.flags.append(f"cell {_name(plan, place)} was stopped: {stops[place]}")
            elif attempt.fatal is not None and place > attempt.fatal:
                own = [_stop_output("not run, because an earlier cell ended the notebook")]
            elif plan.source.strip() or plan.run == "check":
                number += 1
                cell["execution_count"] = number
            for output in own:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = number
            cell["outputs"] = own
        _score(graded, cell, plan, place, attempt, checks, stops)
    if attempt.fatal == len(rebuilt.plans):
        graded.flags.append(f"stopped after its last cell: {attempt.why}")
    _apply_updates(rebuilt.notebook["cells"], attempt.updates, limits, patience)
    graded.seconds["write"] = time.perf_counter() - start


def _score(
    graded: GradedSubmission, cell: dict, plan: CellPlan, place: int, attempt: _Attempt,
    checks: Mapping[str, check.Check], stops: Mapping[int, str],
) -> None:  # fmt: skip
    nbgrader = cell["metadata"].get("nbgrader", {})
    if not nbgrader.get("grade"):
        return
    maximum = float(nbgrader.get("points", 0))
    if plan.run == "check":
        one = checks[plan.name]
        cases = attempt.cases.get(place)
        answers: list[check.Answer | None] = list(attempt.answers.get(place, []))
        if cases is None:
            cases = one.draw(attempt.digest)
            reason = f"`{plan.name}` is not defined"
            if attempt.fatal is not None or place in stops:
                reason = stops.get(place, attempt.why)
            elif place in attempt.found:
                reason = f"time limit of {attempt.limits.submission_seconds:g} s for the notebook"
            answers = [check.Answer(missing=reason)] * len(check.plan(one, cases))
        verdict = check.judge(one, cases, answers)
        graded.verdicts[plan.grade_id] = verdict
        points = min(max(float(verdict.points), 0.0), maximum)
        cell["outputs"] = _without_a_say(cell["outputs"]) + [
            {"output_type": "display_data", "metadata": {},
             "data": {"text/plain": verdict.text(), "text/html": verdict.html()}},
            {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": repr(points)},
             "execution_count": cell["execution_count"]},
        ]  # fmt: skip
        graded.scores[plan.grade_id] = Score(points, maximum, "check")
    elif nbgrader.get("solution") or cell["cell_type"] != "code":
        graded.scores[plan.grade_id] = Score(None, maximum, "manual")
    else:
        cell["outputs"] = mended_in_kernel(cell["outputs"], maximum)
        points = in_kernel_points(cell["outputs"], maximum)
        graded.scores[plan.grade_id] = Score(points, maximum, "in-kernel")


def _without_a_say(own: list[dict]) -> list[dict]:
    """Outputs of what else stands in a check's cell, in forms that say nothing about points."""
    plain = []
    for output in own:
        if output["output_type"] == "stream":
            plain.append({**output, "name": "stdout"})
        elif output["output_type"] == "error":
            text = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
            plain.append({"output_type": "stream", "name": "stdout", "text": text})
        else:
            shown = {key: output[key] for key in ("data", "metadata")}
            plain.append({"output_type": "display_data", **shown})
    return plain


def _stop_output(reason: str) -> dict:
    return {
        "output_type": "error", "ename": "Stopped", "evalue": reason,
        "traceback": [f"\x1b[0;31mStopped\x1b[0m: {reason}"],
    }  # fmt: skip


def _apply_updates(
    cells: list[dict], updates: list, limits: Limits, patience: outputs.Patience
) -> None:
    """Let displays change that were shown earlier, then forget their ids."""
    shown: dict[str, list[dict]] = {}
    total = 0
    for cell in cells:
        for output in cell.get("outputs", ()):
            total += outputs.size_of(output)
            if outputs.DISPLAY_ID in output:
                shown.setdefault(output.pop(outputs.DISPLAY_ID), []).append(output)
    for update in updates:
        if not isinstance(update, dict) or not isinstance(update.get("display_id"), str):
            continue
        targets = shown.get(update["display_id"], [])
        if not targets:
            continue
        data = outputs.clean_data(update.get("data"), limits.output_bytes, patience)
        total += outputs.size_of({"data": data}) * len(targets)
        if total > 2 * limits.notebook_output_bytes:
            return
        for output in targets:
            output["data"], output["metadata"] = (
                data,
                outputs.clean_metadata(update.get("metadata")),
            )


def _name(plan: CellPlan, place: int) -> str:
    return plan.grade_id or f"number {place + 1}"
