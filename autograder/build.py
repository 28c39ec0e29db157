"""From what the instructor writes to what students get and what grading needs.

    solutions/<a>/<a>.md  ┐            ┌ _build/source/<a>/    the instructor's notebook, for nbgrader
    solutions/<a>/checks.py ├─ build ─>├ exercises/<a>/        the student's folder, committed
    Keras                 ┘            └ _build/hidden/<a>.npz hidden cases, never shared

Building twice gives the same bytes; what is up to date is skipped.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import io
import json
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from autograder import check as oracle
from autograder.authoring import Assignment, Case, Check, load_assignment, parameters_of
from autograder.check import CheckError
from autograder.distinct import Pairs, confused, told_apart, verify_distinct
from autograder.inputs import digest_of, files_of, imported
from autograder.secret import load_secret
from autograder.source import grade_name, read_source, solution_namespace

PUBLIC_SEED = b"public cases"
ATTEMPTS = 20  # how often a hidden case that hides a mistake is drawn again


@dataclass(frozen=True)
class Course:
    """Where the parts of a course lie."""

    root: Path

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def exercises(self) -> Path:
        return self.root / "exercises"

    @property
    def source(self) -> Path:
        return self.root / "_build" / "source"

    @property
    def released(self) -> Path:
        return self.root / "_build" / "released"

    @property
    def hidden(self) -> Path:
        return self.root / "_build" / "hidden"

    @property
    def stamps(self) -> Path:
        return self.root / "_build" / "stamps"

    def assignments(self) -> list[str]:
        """Names of all assignments, in alphabetical order."""
        return sorted(path.parent.name for path in self.solutions.glob("*/checks.py"))

    def folder(self, name: str) -> Path:
        """The solution folder of an assignment.

        Raises:
            CheckError: there is none of this name.
        """
        if name not in self.assignments():
            known = ", ".join(self.assignments()) or "none"
            raise CheckError(
                f"there is no assignment {name!r} in {self.solutions}; there are: {known}."
            )
        return self.solutions / name


def find_course(start: Path | None = None) -> Course:
    """The course that a folder belongs to: the nearest parent with `nbgrader_config.py`."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "nbgrader_config.py").is_file() and (folder / "solutions").is_dir():
            return Course(folder)
    raise CheckError(
        f"{start} is not inside a course: go to the folder that holds nbgrader_config.py and "
        "solutions/, or name it with --course."
    )


# --------------------------------------------------------------------------- cases become data


def seeded(key: bytes, *names: object) -> np.random.Generator:
    """A random generator for one purpose, from a key and the purpose's name."""
    digest = hmac.new(key, "/".join(map(str, names)).encode(), hashlib.sha256).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def mistakes_of(check: Check, data: oracle.Case, driver: Callable | None) -> Iterator[tuple]:
    """(id, output) of every misconception that answers this case differently from the reference."""
    expected = data.reference()
    for misconception in check.misconceptions:
        if misconception.detects:
            continue  # its first answer is right: it is told by what it does besides
        with np.errstate(all="ignore"), oracle.quiet():
            answer = oracle.call(misconception.function, data, driver)
        if answer.error:
            name = answer.error.split(":")[0]
            if not (isinstance(expected, oracle.Raises) and expected.name == name):
                yield misconception.id, oracle.Raises(name)
            continue
        value = oracle.unpack(*oracle.pack(answer.value))
        wrong = isinstance(expected, oracle.Raises)
        if wrong or oracle._compare(expected, value, data.tolerance, ()) is not None:
            yield misconception.id, value


def checks_data(
    assignment: Assignment,
    kind: str,
    secret: bytes,
    progress: Callable[[str], None] = lambda text: None,
    public: dict | None = None,
) -> tuple[dict, list[np.ndarray]]:
    """Compute the manifest and arrays of a public or hidden set: cases, references, mistakes.

    Given the public manifest, every hidden case catches at least what its public twin catches.
    """
    arrays: list[np.ndarray] = []
    key = PUBLIC_SEED if kind == "public" else secret
    drivers_file = assignment.folder / "drivers.py"
    drivers = drivers_file.read_text(encoding="utf-8") if drivers_file.is_file() else None
    manifest: dict[str, Any] = {
        "format": oracle.FORMAT,
        "assignment": assignment.name,
        "kind": kind,
        "secret_id": oracle.secret_id(secret) if kind == "hidden" else "",
        "draw_key": hmac.new(key, b"draw", hashlib.sha256).hexdigest(),
        "allows": list(assignment.allows),
        "drivers": drivers,
        "checks": {},
    }
    for check in assignment.checks:
        progress(f"{assignment.name}: {kind} cases of {check.name}")
        twins = public["checks"][check.name]["cases"] if public else []
        catches = {case["slot"]: set(case["mistakes"]) for case in twins}
        manifest["checks"][check.name] = _check_data(
            assignment, check, kind, key, arrays, drivers, catches
        )
    manifest["arrays"] = [[array.dtype.str, list(array.shape)] for array in arrays]
    manifest["digest"] = oracle.seal(manifest, arrays, secret if kind == "hidden" else None)
    return manifest, arrays


def _check_data(
    assignment: Assignment,
    check: Check,
    kind: str,
    key: bytes,
    arrays: list[np.ndarray],
    drivers: str | None,
    catches: dict[str, set[str]],
) -> dict:
    driver = oracle.load_driver(drivers, check.driver)
    names = [m.id for m in check.misconceptions if not m.detects]
    before, pairs = len(arrays), Pairs()
    while True:
        del arrays[before:]
        entries: list[dict] = []
        for variant in range(1 if kind == "public" else check.variants):
            entries += _variant(
                assignment, check, kind, key, variant, arrays, driver, catches, pairs
            )
        # Which pairs chance has hidden is known once all variants are there; then those are drawn again.
        more = {} if kind == "public" else confused(entries, arrays, names)
        more.pop("", None)  # never told apart: `verify_distinct` says so
        if all(found <= pairs.get(slot, set()) for slot, found in more.items()):
            break
        for slot, found in more.items():
            pairs.setdefault(slot, set()).update(found)
    if not entries:
        where = f"solutions/{assignment.name}/checks.py"
        raise CheckError(f"{where}: `{check.name}` has no {kind} cases.")
    return {
        "points": check.points,
        "parameters": parameters_of(check.reference),
        "returns": list(check.returns),
        "driver": check.driver,
        "calls": check.calls,
        "groups": [vars(group) for group in check.groups],
        "misconceptions": [
            {"id": m.id, "hint": m.hint, "detects": m.detects} for m in check.misconceptions
        ],
        "cases": entries,
    }


def _variant(
    assignment: Assignment,
    check: Check,
    kind: str,
    key: bytes,
    variant: int,
    arrays: list[np.ndarray],
    driver: Callable | None,
    catches: dict[str, set[str]],
    pairs: Pairs,
) -> list[dict]:
    """One case for every slot.

    A hidden case must catch what its public twin catches and tell apart the `pairs` of mistakes that
    are asked of its slot, whatever the secret: where random inputs happen to hide a mistake (an argmax
    that comes out the same), the case is drawn again.
    """
    where = f"solutions/{assignment.name}/checks.py"
    accepted: dict[str, dict] = {}
    missed: dict[str, set[str]] = {}
    for attempt in range(ATTEMPTS):
        purpose = (assignment.name, check.name, variant, *([attempt] if attempt else []))
        missed, seen = {}, set()
        for case in check.cases(seeded(key, *purpose)):
            if case.slot in seen:
                raise CheckError(f"{where}: two cases of `{check.name}` are called {case.slot!r}.")
            if case.group not in {group.id for group in check.groups}:
                raise CheckError(f"{where}: `{check.name}` has no group {case.group!r}.")
            seen.add(case.slot)
            if case.slot in accepted or (kind == "public" and not case.public):
                continue
            before = len(arrays)
            entry = _case_data(assignment, check, case, variant, arrays, driver)
            missing = catches.get(case.slot, set()) - entry["mistakes"].keys()
            for pair in pairs.get(case.slot, ()):
                if not told_apart(entry, arrays, *pair):
                    missing |= set(pair)
            if missing:
                missed[case.slot] = missing
                del arrays[before:]
            else:
                accepted[case.slot] = entry
        if not missed:
            return list(accepted.values())
    slot, names = next(iter(missed.items()))
    raise CheckError(
        f"{where}: {ATTEMPTS} draws of the case {slot!r} of `{check.name}` did not catch or tell apart "
        f"{', '.join(sorted(names))}: give it inputs that always show the mistake."
    )


def _case_data(
    assignment: Assignment,
    check: Check,
    case: Case,
    variant: int,
    arrays: list[np.ndarray],
    driver: Callable | None,
) -> dict:
    """A case's manifest entry; its arrays are appended to `arrays`."""
    entry: dict[str, Any] = {
        "id": f"{case.slot}#{variant}",
        "slot": case.slot,
        "group": case.group,
        "args": oracle._pack(list(case.args), arrays, 0),
        "kwargs": {k: oracle._pack(v, arrays, 0) for k, v in case.kwargs.items()},
        "tolerance": case.tolerance,
        "score": vars(case.score) if case.score else None,
        "mistakes": {},
    }
    expects = case.expects
    if expects is None:
        probe = oracle.Case(**entry, expects={"v": None}, arrays=arrays)
        args, kwargs = probe.arguments()
        expects = check.reference(*args, **kwargs)
    entry["expects"] = oracle._pack(expects, arrays, 0)
    if "o" in entry["expects"]:
        where = f"solutions/{assignment.name}/checks.py"
        raise CheckError(f"{where}: the reference of `{check.name}` gave no plain value.")
    data = oracle.Case(**entry, arrays=arrays)
    if case.score is None:
        for name, value in mistakes_of(check, data, driver):
            entry["mistakes"][name] = oracle._pack(value, arrays, 0)
    return entry


def npz_bytes(manifest: dict, arrays: list[np.ndarray]) -> bytes:
    """The file's bytes; the same content gives the same bytes."""
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()
    block = b"".join(array.tobytes() for array in arrays)
    parts = {"manifest": np.frombuffer(text, np.uint8), "block": np.frombuffer(block, np.uint8)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **parts)
    return buffer.getvalue()


def agree(path: Path, manifest: dict, arrays: list[np.ndarray], tolerance: float = 1e-12) -> str:
    """Compare a stored file with freshly computed content.

    Returns an empty string when everything but the last digits of the numbers is equal, else what
    differs. Different processors round differently, so bytes are not compared.
    """
    try:
        stored, kept = oracle.read_npz(path)
    except oracle.UNREADABLE as error:
        return f"{path} cannot be read ({error})"
    names = {"digest"}
    ours, theirs = ({k: v for k, v in m.items() if k not in names} for m in (manifest, stored))
    for name in ours["checks"].keys() | theirs.get("checks", {}).keys():
        if ours["checks"].get(name) != theirs["checks"].get(name):
            return f"the cases or hints of `{name}` differ"
    if ours != theirs or len(kept) != len(arrays):
        return "the manifests differ"
    for number, (a, b) in enumerate(zip(arrays, kept)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"array {number} has another shape or dtype"
        ours_finite, theirs_finite = np.isfinite(a), np.isfinite(b)
        same_places = np.array_equal(ours_finite, theirs_finite)
        if not same_places or not np.array_equal(
            a[~ours_finite], b[~theirs_finite], equal_nan=True
        ):
            return f"array {number} has NaN or infinity at other places"
        fresh, old = (array[ours_finite].astype(np.float64) for array in (a, b))
        worst = float(np.abs(fresh - old).max(initial=0))
        if worst > tolerance * max(1.0, float(np.abs(fresh).max(initial=0))):
            return f"array {number} differs by {worst:.2g}"
    return ""


def verify_solution(assignment: Assignment, path: Path, namespace: dict) -> None:
    """Make sure that the notebook's solution and the other right variants pass every case.

    Raises:
        CheckError: names the function and what its check says.
    """
    checks = oracle.CheckSet.load(path)
    where = f"solutions/{assignment.name}"
    for check in assignment.checks:
        data = checks[check.name]
        driver = load_driver_of(checks, check.name)
        if check.name not in namespace:
            raise CheckError(f"{where}/{assignment.name}.md defines no `{check.name}`.")
        functions = {"the solution": namespace[check.name], **check.right}
        for label, function in functions.items():
            verdict = run_check(data, list(data.cases), function, driver)
            if not verdict.right:
                raise CheckError(
                    f"{where}: {label} of `{check.name}` disagrees with its reference.\n"
                    + verdict.text()
                )


def load_driver_of(checks: oracle.CheckSet, name: str) -> Callable | None:
    """The driver of one check of a set, ready to call."""
    return oracle.load_driver(checks.drivers, checks[name].driver)


def run_check(
    check: oracle.Check,
    cases: list[oracle.Case],
    function: Callable,
    driver: Callable | None = None,
) -> oracle.Verdict:
    """Judge a trusted function in this process, by the same steps as the engine."""
    answers = []
    with oracle.quiet():
        for k in oracle.plan(check, cases):
            answer = oracle.call(function, cases[k], driver)
            answer.value = oracle.unpack(*oracle.pack(answer.value))
            after = oracle._plain(answer.args_after)
            answer.args_after = after and oracle.unpack(*oracle.pack(after))
            answers.append(answer)
    return oracle.judge(check, cases, answers)


# --------------------------------------------------------------------------- files


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old or the new content, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def outputs_digest(course: Course, name: str) -> str:
    """Digest of the files that building an assignment makes."""
    digest = hashlib.sha256()
    hidden = course.hidden / f"{name}.npz"
    for folder in (course.source / name, course.released / name):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(hidden.read_bytes() if hidden.is_file() else b"missing")
    return digest.hexdigest()


def build(
    course: Course,
    name: str,
    force: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> bool:
    """Build one assignment into `_build/`; returns False when it was up to date.

    `exercises/` is not touched: see `publish` and `out_of_step`.

    Raises:
        CheckError: a source is missing or inconsistent; nothing of the old outputs is touched.
    """
    secret = load_secret(course.root)
    stamp = course.stamps / f"{name}.json"
    if not force and _up_to_date(course, name, secret, stamp):
        return False
    started = time.time_ns()
    assignment = load_assignment(course.folder(name))
    notebook = read_source(course.folder(name), assignment)
    public = checks_data(assignment, "public", secret, progress)
    hidden = checks_data(assignment, "hidden", secret, progress, public[0])
    verify_distinct(assignment, *hidden)

    staging = course.root / "_build" / "staging" / f"{name}-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    write_atomically(staging / "hidden.npz", npz_bytes(*hidden))
    write_atomically(staging / "public.npz", npz_bytes(*public))
    progress(f"{name}: solution against references")
    namespace = solution_namespace(notebook, name)
    verify_solution(assignment, staging / "hidden.npz", namespace)
    verify_solution(assignment, staging / "public.npz", namespace)
    made_from = _made_from(course, name, secret, notebook, assignment.allows, started)

    kept = course.exercises / name / "public.npz"
    if kept.is_file() and agree(kept, *public) == "":
        # Another processor may round a last digit differently: the committed bytes stay.
        shutil.copyfile(kept, staging / "public.npz")
    source = course.source / name
    source.mkdir(parents=True, exist_ok=True)
    for extra in source.iterdir():
        if extra.name not in {"check.py", "public.npz", f"{name}.ipynb"} and extra.is_file():
            extra.unlink()
    write_atomically(source / "check.py", Path(oracle.__file__).read_bytes())
    write_atomically(source / "public.npz", (staging / "public.npz").read_bytes())
    write_atomically(source / f"{name}.ipynb", nbformat.writes(notebook).encode() + b"\n")
    for path in sorted((course.folder(name) / "files").glob("*")):
        write_atomically(source / path.name, path.read_bytes())
    write_atomically(course.hidden / f"{name}.npz", (staging / "hidden.npz").read_bytes())
    progress(f"{name}: the student's folder")
    release(course, name)
    shutil.rmtree(staging, ignore_errors=True)
    result = {**made_from, "outputs": outputs_digest(course, name)}
    write_atomically(stamp, json.dumps(result).encode())
    return True


def _up_to_date(course: Course, name: str, secret: bytes, stamp: Path) -> bool:
    if not stamp.is_file():
        return False
    known = json.loads(stamp.read_text(encoding="utf-8"))
    imports = known.get("modules"), known.get("packages")
    if None in imports:
        return False  # a stamp of an older version
    inputs = digest_of(course.root, course.folder(name), secret, *imports)
    return known["inputs"] == inputs and known["outputs"] == outputs_digest(course, name)


def _made_from(
    course: Course,
    name: str,
    secret: bytes,
    notebook: nbformat.NotebookNode,
    allows: Iterable[str],
    started: int,
) -> dict:
    """What a stamp says about the inputs of a build that started at this time (in nanoseconds)."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    folder = course.folder(name)
    files = [path for path in (folder / "checks.py", folder / "drivers.py") if path.is_file()]
    sources = [*code, *(path.read_text(encoding="utf-8") for path in files)]
    modules, packages = imported(course.root, sources, allows)
    inputs = digest_of(course.root, folder, secret, modules, packages)
    used = (path for path in files_of(course.root, folder, modules) if path.is_file())
    if any(path.stat().st_mtime_ns >= started for path in used):
        inputs = ""  # written while it was read: the next build does it again
    return {"inputs": inputs, "modules": modules, "packages": packages}


def release(course: Course, name: str) -> None:
    """Make the student's folder from the instructor's notebook, with nbgrader itself."""
    shutil.rmtree(course.released / name, ignore_errors=True)
    generate(course, name, database=False, release_directory=str(course.released))


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """Names and contents of the files of a folder; empty when it does not exist."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def out_of_step(course: Course, name: str) -> list[str]:
    """Files of `exercises/<name>/` that are not what its sources give."""
    made = folder_bytes(course.released / name)
    committed = folder_bytes(course.exercises / name)
    files = sorted(made.keys() | committed.keys())
    return [file for file in files if made.get(file) != committed.get(file)]


def publish(course: Course, name: str) -> list[str]:
    """Bring `exercises/<name>/` in step with what was built; returns the files that changed."""
    changed = out_of_step(course, name)
    made = folder_bytes(course.released / name)
    for file in changed:
        path = course.exercises / name / file
        if file in made:
            write_atomically(path, made[file])
        else:
            path.unlink()
    return changed


def generate(
    course: Course, name: str, database: bool = True, release_directory: str | None = None
) -> None:
    """Run nbgrader's own `generate_assignment`, with the course's configuration.

    Raises:
        CheckError: nbgrader reports a failure; carries its log.
    """
    from autograder.nbgrader_course import run_converter

    run_converter(
        course,
        "generate_assignment",
        name,
        GenerateAssignment={"no_database": not database},
        SaveCells={"enabled": database},
        CourseDirectory={"release_directory": release_directory} if release_directory else {},
    )


def recheck(
    course: Course, name: str, progress: Callable[[str], None] = lambda text: None
) -> dict[str, str]:
    """Recompute all references of an assignment; what differs by more than 1e-12, by file."""
    secret = load_secret(course.root)
    assignment = load_assignment(course.folder(name))
    differences = {}
    files = {
        "public": course.exercises / name / "public.npz",
        "hidden": course.hidden / f"{name}.npz",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        public = None
        for kind, path in files.items():
            data = checks_data(assignment, kind, secret, progress, public)
            public = public or data[0]
            differences[str(path.relative_to(course.root))] = agree(path, *data)
    return differences


def check_cells(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Check name to grade_id, for every cell of an instructor's notebook that grades a function."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and (name := grade_name(cell.source)):
            found[name] = cell.metadata["nbgrader"]["grade_id"]
    return found


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, or None when it is not plain Python."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return None
