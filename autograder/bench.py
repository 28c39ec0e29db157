"""How fast grading is: `python -m autograder.bench` measures, and prints one table.

For a NumPy assignment, one whose notebook draws no figure, and a TensorFlow assignment, on made-up
classes of honest submissions:

- plain `nbgrader autograde` (plug-ins off) and `autograder grade`, in turns, on the same kind of class;
- the limit: the same cells exec'd in a fork of a warm process on one core, with no isolation;
- memory of a worker and its warm interpreter;
- classes of 100, 500 and 2000, where no figure hides what the gradebook costs.

Plain nbgrader takes seconds a submission, so it grades a few of the class, less the time it takes
to start (measured with one); so does `autograder grade` with the whole class (its start is measured with
one for each worker). Both run once before
anything is measured, so that bytecode is warm. Both write their gradebook and notebooks. Times are
wall-clock, medians over rounds. Results also go to _build/bench/, with versions and the machine.

What a notebook itself takes (a figure, a network in training) is the same on both sides and bounds how
many times as fast grading can be: the limit says how much that is.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import ctypes
import gc
import importlib
import importlib.metadata
import io
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from rich.console import Console
from rich.table import Table

from autograder.authoring import load_assignment
from autograder.build import Course, build, find_course, write_atomically
from autograder.check import CheckError, CheckSet
from autograder.engine.rebuild import SKIP
from autograder.sample_class import make_class
from autograder.source import grade_name

console = Console(stderr=True, highlight=False)
KINDS = {"NumPy": "rnn", "NumPy, no figure": "rnn_types", "TensorFlow": "keras_rnn"}
SIZED = "NumPy, no figure"  # the kind that is measured in classes of several sizes
PACKAGES = (
    "nbgrader",
    "nbclient",
    "ipykernel",
    "numpy",
    "matplotlib",
    "tensorflow",
    "keras",
    "SQLAlchemy",
)


@dataclass
class Measured:
    """One assignment's numbers. Times are seconds a submission, medians; memory in MiB."""

    kind: str
    assignment: str
    cores: int
    stock: float = 0.0
    stock_cpu: float = 0.0  # CPU seconds of all processes, a submission
    grade: float = 0.0
    grade_cpu: float = 0.0
    whole: float = 0.0  # with the start of the command, of workers and of warm interpreters
    limit: float = 0.0  # one core
    limit_cpu: float = 0.0
    worker_mib: float = 0.0
    zygote_mib: float = 0.0
    rounds: list[dict] = field(default_factory=list)
    sizes: dict[int, float] = field(default_factory=dict)  # submissions: seconds in all
    memory: dict[int, dict[str, float]] = field(default_factory=dict)  # submissions: MiB by role

    @property
    def speedup(self) -> float:
        return self.stock / self.grade

    @property
    def beside_limit(self) -> float:
        """Cost per submission and core, in units of the limit."""
        return self.grade * self.cores / self.limit


class Bench:
    """Measures on made-up classes below `_build/bench/`."""

    def __init__(
        self, course: Course, folder: Path, rounds: int, few: int, many: int, forks: int = 30
    ):
        self.course, self.folder = course, folder
        self.rounds, self.few, self.many, self.forks = rounds, few, many, forks
        self.cores = len(os.sched_getaffinity(0))
        # What outlives its parent is handed to this process, so that its CPU time is counted.
        ctypes.CDLL(None).prctl(36, 1)

    def measure(self, kind: str, assignment: str, sizes: list[int]) -> Measured:
        """All numbers of one assignment."""
        build(self.course, assignment)
        done = Measured(kind, assignment, self.cores)
        say(f"{kind}: made-up classes of {assignment}")
        many = self._class(assignment, self.many)
        few = self._class(assignment, self.few, self.many)
        one = self._class(assignment, 1, self.many)
        # Each worker starts a warm interpreter when it gets its first submission.
        start = self._class(assignment, self.cores, self.many) if self.cores > 1 else one
        say(f"{kind}: both sides once, for warm bytecode")
        self._stock(one, assignment)
        self._grade(one, assignment)
        for number in range(self.rounds):
            say(f"{kind}: round {number + 1} of {self.rounds}")
            # In turns, so that whatever else the machine does meets both sides.
            stock_one, stock_one_cpu = self._stock(one, assignment)
            stock, stock_cpu = self._stock(few, assignment)
            grade_start, grade_start_cpu, _ = self._grade(start, assignment)
            grade, grade_cpu, peak = self._grade(many, assignment)
            limit, limit_cpu = self._limit(many, assignment)
            done.rounds.append(
                {"stock": (stock - stock_one) / (self.few - 1),
                 "stock_cpu": (stock_cpu - stock_one_cpu) / (self.few - 1),
                 "grade": (grade - grade_start) / (self.many - self.cores),
                 "grade_cpu": (grade_cpu - grade_start_cpu) / (self.many - self.cores),
                 "whole": grade / self.many, "limit": limit, "limit_cpu": limit_cpu, **peak}
            )  # fmt: skip
        for name in set(done.rounds[0]) - {"command_mib"}:
            setattr(done, name, statistics.median(r[name] for r in done.rounds))
        for size in sizes:
            say(f"{kind}: a class of {size}")
            seconds, _, peak = self._grade(self._class(assignment, size), assignment)
            done.sizes[size] = seconds
            done.memory[size] = peak
        return done

    # ----------------------------------------------------------------- classes

    def _class(self, assignment: str, students: int, of: int = 0) -> Path:
        """A class of honest submissions, or so many of a larger class, evenly spread over it.

        Those that crash or never end are left out: they would measure time limits.
        """
        folder = self.folder / f"{assignment}-{students}"
        submitted = folder / "submitted"
        shutil.rmtree(folder, ignore_errors=True)
        of = max(of, students)
        plans = make_class(self.course, assignment, of + 2, 0, submitted)
        honest = [p.name for p in plans if p.kind not in ("endless", "crash")][:of]
        kept = {honest[k * of // students] for k in range(students)}
        for plan in plans:
            if plan.name not in kept:
                shutil.rmtree(submitted / plan.name)
        self._run([sys.executable, "-m", "nbgrader", "generate_assignment", assignment, "--force",
                   f"--CourseDirectory.release_directory={folder / 'released'}"], folder)  # fmt: skip
        shutil.copy(folder / "gradebook.db", folder / "empty.db")
        return folder

    def _reset(self, folder: Path) -> None:
        shutil.rmtree(folder / "autograded", ignore_errors=True)
        shutil.copy(folder / "empty.db", folder / "gradebook.db")

    def _run(self, command: list[str], folder: Path, plug_ins: str = "on") -> None:
        environment = {
            **os.environ, "COURSE_DATA": str(folder), "AUTOGRADER_PLUGINS": plug_ins,
            "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
        }  # fmt: skip
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with (self.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.course.root, env=environment, stdout=log, stderr=log
            )
            if process.wait():
                raise CheckError(f"{' '.join(command)} failed: see {self.folder / 'log.txt'}.")

    def _timed(self, command: list[str], folder: Path, plug_ins: str = "on") -> tuple[float, float]:
        """Seconds, and CPU seconds of the command and all that it started."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        self._run(command, folder, plug_ins)
        seconds = time.perf_counter() - start
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # ----------------------------------------------------------------- what is compared

    def _stock(self, folder: Path, assignment: str) -> tuple[float, float]:
        """Seconds and CPU seconds of plain nbgrader for a class."""
        self._reset(folder)
        command = [sys.executable, "-m", "nbgrader", "autograde", assignment, "--log-level=ERROR"]
        return self._timed(command, folder, plug_ins="off")

    def _grade(self, folder: Path, assignment: str) -> tuple[float, float, dict]:
        """Seconds and CPU seconds of `autograder grade` for a class, and memory in MiB."""
        self._reset(folder)
        watch = MemoryWatch()
        command = [sys.executable, "-m", "autograder", "grade", assignment, "--json"]
        with watch:
            seconds, cpu = self._timed(command, folder)
        return seconds, cpu, watch.peaks()

    def _limit(self, folder: Path, assignment: str) -> tuple[float, float]:
        """Seconds and CPU seconds a submission on one core for its bare cells, in forks of a warm process."""
        command = [sys.executable, "-m", "autograder.bench", "--limit", str(folder), assignment,
                   "--forks", str(self.forks)]  # fmt: skip
        # One thread, as in the sandbox; one core, as it says.
        threads = dict.fromkeys(
            ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
             "TF_NUM_INTEROP_THREADS"), "1",
        )  # fmt: skip
        own = {"TF_ENABLE_ONEDNN_OPTS": "0", "COURSE_DATA": str(folder)}
        environment = {**os.environ, **threads, **own}
        done = subprocess.run(
            command,
            cwd=self.course.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CheckError(f"the limit cannot be measured: {done.stderr[-800:]}")
        seconds, cpu = done.stdout.split()[-2:]
        return float(seconds), float(cpu)


class MemoryWatch:
    """The most memory that the command, a worker and a warm interpreter hold, by looking at /proc.

    A process's share: pages that forks have in common are counted in parts.
    """

    def __init__(self) -> None:
        self.most: dict[str, int] = {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def peaks(self) -> dict[str, float]:
        return {f"{role}_mib": self.most.get(role, 0) / 1024 for role in
                ("command", "worker", "zygote")}  # fmt: skip

    def _look(self) -> None:
        while not self.stop.wait(1.0):
            for role, pid in roles(os.getpid()):
                kib = _share(pid)
                self.most[role] = max(self.most.get(role, 0), kib)


def roles(root: int) -> list[tuple[str, int]]:
    """(command, worker or zygote, process id) of the grading processes below a process."""
    parents, lines = {}, {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text()
                lines[int(entry.name)] = Path(entry.path, "cmdline").read_bytes()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = []
    for pid, line in lines.items():
        ancestors, parent = [], parents.get(pid, 0)
        while parent in parents and parent != root:
            ancestors.append(parent)
            parent = parents[parent]
        if parent != root:
            continue
        if b"zygote_main.py" in line:
            found.append(("zygote", pid))
        elif b"autograder\0grade" in line:
            found.append(("command", pid))
        elif b"multiprocessing.forkserver" in line and len(ancestors) == 2:
            found.append(("worker", pid))
    return found


def _share(pid: int) -> int:
    """Memory of a process in KiB: its proportional share, else what is resident."""
    for name, field_name in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
                if line.startswith(field_name):
                    return int(line.split()[1])
        except OSError:
            continue
    return 0


# --------------------------------------------------------------------------- the limit


def bare_cells(path: Path, instructor: nbformat.NotebookNode) -> list[str]:
    """Sources of a submission's code cells; test cells call their functions on the hidden cases."""
    tests = {
        c.metadata.nbgrader.grade_id: grade_name(c.source)
        for c in instructor.cells
        if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")
    }
    sources = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and SKIP not in cell.metadata.get("tags", ()):
            name = tests.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            sources.append(f"__judge__({name!r})" if name else cell.source)
    return sources


def limit(course: Course, folder: Path, assignment: str, forks: int) -> tuple[float, float]:
    """Mean seconds and CPU seconds of a fork of this warm process that execs a submission's cells.

    The check cells call the student's function as often as grading does, and judge what it gives.
    """
    from autograder import check
    from autograder.secret import load_secret

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    checks = check.CheckSet.load(course.hidden / f"{assignment}.npz", load_secret(course.root))
    instructor = nbformat.read(course.source / assignment / f"{assignment}.ipynb", as_version=4)
    for name in ("numpy", "matplotlib.pyplot", "tensorflow", "keras"):
        if name.partition(".")[0] in checks.allows or name == "numpy":
            importlib.import_module(name)
    os.chdir(course.source / assignment)
    sys.path.insert(0, ".")
    importlib.import_module("check")
    if "matplotlib" in checks.allows:
        # Fonts and the like are found at the first picture.
        pyplot = sys.modules["matplotlib.pyplot"]
        pyplot.switch_backend("Agg")
        pyplot.figure().savefig(io.BytesIO(), format="png")
        pyplot.close("all")
    gc.freeze()
    times = []
    paths = sorted((folder / "submitted").glob(f"*/{assignment}/{assignment}.ipynb"))
    for path in paths[:: max(1, len(paths) // forks)]:
        sources = bare_cells(path, instructor)
        start = time.perf_counter()
        child = os.fork()
        if child == 0:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            _exec_all(sources, checks, path.name)
            os._exit(0)
        os.waitpid(child, 0)
        times.append(time.perf_counter() - start)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return statistics.mean(times), (usage.ru_utime + usage.ru_stime) / len(times)


def _exec_all(sources: list[str], checks: CheckSet, digest: str) -> None:
    from autograder import check
    from autograder.build import run_check

    names: dict = {"__name__": "__main__", "display": lambda *_: None}
    pictures: Any = sys.modules.get("matplotlib.pyplot")

    def judge(name: str) -> None:
        one = checks[name]
        driver = check.load_driver(checks.drivers, one.driver)
        run_check(one, one.draw(digest), names[name], driver)

    names["__judge__"] = judge
    for source in sources:
        with contextlib.suppress(BaseException):
            exec(compile(source, "<cell>", "exec"), names)
            # A notebook draws its figures at the end of a cell.
            for number in pictures.get_fignums() if pictures else ():
                pictures.figure(number).savefig(io.BytesIO(), format="png", bbox_inches="tight")
            if pictures:
                pictures.close("all")


# --------------------------------------------------------------------------- telling


def say(text: str) -> None:
    console.print(text, style="dim")


def show(results: list[Measured]) -> Table:
    """The one table."""
    table = Table(
        title=f"Grading on {machine()}", title_justify="left",
        caption=", ".join(f"{name} {number}" for name, number in versions().items()),
        caption_justify="left",
    )  # fmt: skip
    table.add_column("")
    for one in results:
        table.add_column(f"{one.kind} ({one.assignment})", justify="right")

    def row(label: str, text: Callable[[Measured], str]) -> None:
        table.add_row(label, *(text(one) for one in results))

    row("nbgrader autograde, plain: submissions/s", lambda m: f"{1 / m.stock:.2f}")
    row("autograder grade: submissions/s", lambda m: f"{1 / m.grade:.2f}")
    row("times as fast", lambda m: f"{m.speedup:.1f}")
    row("limit, one core: ms a submission", lambda m: f"{1000 * m.limit:.1f}")
    row("autograder grade: ms a submission and core", lambda m: f"{1000 * m.grade * m.cores:.1f}")
    row("times the limit", lambda m: f"{m.beside_limit:.2f}")
    row("CPU ms a submission: plain nbgrader", lambda m: f"{1000 * m.stock_cpu:.0f}")
    row("CPU ms a submission: autograder grade", lambda m: f"{1000 * m.grade_cpu:.1f}")
    row("CPU ms a submission: limit", lambda m: f"{1000 * m.limit_cpu:.1f}")
    row("autograder grade with its start: submissions/s", lambda m: f"{1 / m.whole:.2f}")
    row("memory of a worker, MiB", lambda m: f"{m.worker_mib:.0f}")
    row("memory of its warm interpreter, MiB", lambda m: f"{m.zygote_mib:.0f}")
    for size in sorted({size for one in results for size in one.sizes}):
        row(
            f"a class of {size}: s (MiB of command, worker, interpreter)",
            lambda m, size=size: _size_text(m, size),  # type: ignore[misc]
        )
    if any({500, 2000} <= set(one.sizes) for one in results):
        row(
            "a class of 2000 beside one of 500: times",
            lambda m: f"{m.sizes[2000] / m.sizes[500]:.2f}" if 2000 in m.sizes else "",
        )
    return table


def _size_text(one: Measured, size: int) -> str:
    if size not in one.sizes:
        return ""
    memory = one.memory[size]
    parts = ", ".join(f"{memory[f'{role}_mib']:.0f}" for role in ("command", "worker", "zygote"))
    return f"{one.sizes[size]:.1f} ({parts})"


def versions() -> dict[str, str]:
    """Versions of what is measured."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {model}, Linux {platform.release()}, Python {platform.python_version()}"


def kind_of(course: Course, assignment: str) -> str:
    """Which kind an assignment is, by what it allows."""
    allows = load_assignment(course.folder(assignment)).allows
    return "TensorFlow" if {"tensorflow", "keras"} & set(allows) else "NumPy"


def save(results: list[Measured], folder: Path) -> None:
    """Results as JSON (everything) and CSV (a line an assignment)."""
    content = {"machine": machine(), "versions": versions(), "load": os.getloadavg(), "results": [
        {**asdict(m), "speedup": m.speedup, "beside_limit": m.beside_limit} for m in results
    ]}  # fmt: skip
    write_atomically(folder / "bench.json", json.dumps(content, indent=1).encode())
    with (folder / "bench.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        names = ["kind", "assignment", "cores", "stock", "grade", "speedup", "limit", "beside_limit",
                 "stock_cpu", "grade_cpu", "limit_cpu", "whole", "worker_mib", "zygote_mib"]  # fmt: skip
        writer.writerow(names)
        for one in results:
            writer.writerow([getattr(one, name) for name in names])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m autograder.bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--few", type=int, default=8,
                        help="submissions for plain nbgrader (TensorFlow: three eighths)")  # fmt: skip
    parser.add_argument("--many", type=int, default=200,
                        help="submissions for autograder grade (TensorFlow: a twelfth)")  # fmt: skip
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 500, 2000])
    parser.add_argument("--only", choices=[*KINDS], action="append", help="one kind of assignment")
    parser.add_argument(
        "--assignment", action="append", metavar="NAME", help="this assignment instead"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one small round, no classes of several sizes: a few minutes, and rough",
    )
    parser.add_argument(
        "--limit", nargs=2, metavar=("FOLDER", "ASSIGNMENT"), help=argparse.SUPPRESS
    )
    parser.add_argument("--forks", type=int, default=30, help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        course = find_course()
        if options.limit:
            print(*limit(course, Path(options.limit[0]), options.limit[1], options.forks))
            return 0
        if options.quick:
            options.rounds, options.few, options.many = 1, 3, 60
            options.sizes = []
        folder = course.root / "_build" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        results = []
        kinds = list(KINDS.items())
        if options.assignment:
            kinds = [(kind_of(course, name), name) for name in options.assignment]
        elif options.only:
            kinds = [(kind, name) for kind, name in kinds if kind in options.only]
        for kind, assignment in kinds:
            few, many, forks = options.few, options.many, options.forks
            if kind == "TensorFlow":
                few, many, forks = max(2, few * 3 // 8), max(10, many // 12), max(3, forks // 8)
            bench = Bench(course, folder, options.rounds, few, many, forks)
            sized = kind == SIZED or len(kinds) == 1
            results.append(bench.measure(kind, assignment, options.sizes if sized else []))
            save(results, folder)
        Console(highlight=False).print(show(results))
        load = os.getloadavg()[0]
        if load > 2 * len(os.sched_getaffinity(0)):
            say(f"Other programs were at work (load {load:.1f}): all times are too long.")
    except CheckError as error:
        console.print(f"bench: {error}", style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
