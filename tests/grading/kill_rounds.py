"""Kills `autograder grade` (or a worker, or a warm interpreter) at random moments, then grades again.

    python -m tests.grading.kill_rounds --rounds 20 --students 300

prints a line a round: when what was killed, how much was recorded by then, whether the gradebook and
autograded/ are in the end what an undisturbed run gives, whether the database is whole, and how long
after the command's end the last of its processes was gone.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.build import Course, build

from . import making

TARGETS = ("command", "worker", "zygote")
# Seconds for the processes of an ended command to end: theirs is a second of work, on a machine that
# may have much else to do.
PATIENCE = 120.0


@dataclass
class Outcome:
    target: str
    seconds: float  # after the start
    recorded: int  # submissions in the gradebook when the command had ended
    status: int
    equal: bool
    whole: bool
    gone: float  # seconds from the command's end until none of its processes ran
    left: list[str]  # what still ran after PATIENCE


class Rounds:
    """Rounds on one class, which is handed in once."""

    def __init__(self, course: Course, folder: Path, students: int, seed: int = 0):
        self.course, self.folder, self.students = course, folder, students
        self.random = random.Random(seed)
        self.template = making.Class(course, folder / "template")
        self.template.honest(students)
        self.expected: tuple = ()
        self.duration = 0.0
        self.number = 0

    def undisturbed(self) -> None:
        """The result that every round must end in, and how long it takes."""
        klass = self._class()
        start = time.monotonic()
        status = self._start(klass).wait(timeout=3000)
        self.duration = time.monotonic() - start
        assert status == 0, status
        self.expected = klass.state(), klass.files()
        assert len({who for who, *_ in klass.grades()}) == self.students

    def round(self, target: str) -> Outcome:
        """Kill at a random moment, then run again until all is recorded."""
        klass = self._class()
        process = self._start(klass)
        start = time.monotonic()
        self._wait(klass, process)
        while not (killed := kill(process.pid, target)) and process.poll() is None:
            time.sleep(0.02)
        seconds = time.monotonic() - start
        family = processes(process.pid)
        status = self._ended(process, family)
        gone, left = ended(family)
        recorded = self._recorded(klass)
        whole = not (klass.folder / "gradebook.db").exists() or klass.whole()
        if target != "command":
            assert status == 0, f"the command ended with {status} after a {target} was killed"
        again = self._start(klass).wait(timeout=3000)
        assert again == 0, again
        state, files = klass.state(), klass.files()
        equal = (state, files) == self.expected
        if not equal:
            (self.folder / "difference.json").write_text(
                json.dumps([state, self.expected[0], sorted(files)], indent=1, default=str)
            )
        whole = whole and klass.whole()
        shutil.rmtree(klass.folder)
        target = target if killed else "none"
        return Outcome(target, seconds, recorded, status, equal, whole, gone, left)

    @staticmethod
    def _ended(process: subprocess.Popen, family: dict[int, tuple[int, str]]) -> int:
        """Wait for the command's end; `family` gains what it starts meanwhile."""
        deadline = time.monotonic() + 3000
        while process.poll() is None and time.monotonic() < deadline:
            family |= processes(*family)
            time.sleep(0.2)
        return process.wait(timeout=1)

    def _wait(self, klass: making.Class, process: subprocess.Popen) -> None:
        """Until a random moment: while it starts, or when so many submissions are written."""
        moment = time.monotonic() + self.random.uniform(0.0, 4.0)
        wanted = self.random.randrange(self.students) if self.random.random() < 0.85 else -1
        place = klass.folder / "autograded"
        while process.poll() is None:
            if wanted >= 0 and place.is_dir() and len(list(place.iterdir())) > wanted:
                time.sleep(self.random.uniform(0.0, 0.05))
                return
            if wanted < 0 and time.monotonic() > moment:
                return
            time.sleep(0.003)

    def _class(self) -> making.Class:
        self.number += 1
        klass = making.Class(self.course, self.folder / f"round{self.number}")
        shutil.copytree(self.template.folder / "submitted", klass.folder / "submitted")
        return klass

    def _start(self, klass: making.Class) -> subprocess.Popen:
        log = (self.folder / "log.txt").open("a")
        # Where hidden cases lie is the course's to say; a test process may have read another course.
        environment = {k: v for k, v in os.environ.items() if k != "AUTOGRADER_HIDDEN"}
        return subprocess.Popen(
            [sys.executable, "-m", "autograder", "grade", "small", "--workers", "2"],
            cwd=self.course.root, stdout=log, stderr=log,
            env={**environment, "COURSE_DATA": str(klass.folder)},
        )  # fmt: skip

    @staticmethod
    def _recorded(klass: making.Class) -> int:
        try:
            return klass.rows("SELECT count(*) FROM autograder_submission")[0][0]
        except Exception:
            return 0


def kill(command: int, target: str) -> bool:
    """SIGKILL to the command, to one of its workers or to one of their warm interpreters."""
    found = processes(command)
    zygotes = [pid for pid, (_, line) in found.items() if "zygote_main.py" in line]
    workers = [found[pid][0] for pid in zygotes if "zygote_main" not in found[found[pid][0]][1]]
    pids = {"command": [command], "worker": workers, "zygote": zygotes}[target]
    for pid in pids[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(pids)


def processes(*roots: int) -> dict[int, tuple[int, str]]:
    """Parent and command line of these processes and their descendants."""
    everything = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                state, parent = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:2]
                line = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, ValueError):
                continue
            if state not in "ZX":
                everything[int(entry.name)] = int(parent), line
    found = {root: everything[root] for root in roots if root in everything}
    for _ in range(8):
        found |= {pid: v for pid, v in everything.items() if v[0] in found}
    return found


def ended(family: dict[int, tuple[int, str]]) -> tuple[float, list[str]]:
    """Seconds until none of these processes nor their descendants ran, and what then still does."""
    start = time.monotonic()
    while (left := processes(*family)) and time.monotonic() - start < PATIENCE:
        family |= left
        time.sleep(0.05)
    return time.monotonic() - start, [f"{pid} {line}" for pid, (_, line) in left.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as name:
        course = Course(Path(name, "course"))
        course.solutions.mkdir(parents=True)
        shutil.copy(root / "nbgrader_config.py", course.root)
        making.write(course)
        build(course, "small")
        rounds = Rounds(course, Path(name), arguments.students, arguments.seed)
        rounds.undisturbed()
        print(f"{arguments.students} submissions, undisturbed: {rounds.duration:.1f} s", flush=True)
        bad = 0
        for number in range(arguments.rounds):
            outcome = rounds.round(TARGETS[number % len(TARGETS)])
            bad += not (outcome.equal and outcome.whole and not outcome.left)
            print(
                f"round {number + 1}: {outcome.target} killed after {outcome.seconds:.1f} s, "
                f"{outcome.recorded} recorded then; equal {outcome.equal}, whole {outcome.whole}, "
                f"all gone {outcome.gone:.1f} s after its end {'; '.join(outcome.left)}",
                flush=True,
            )
    good = arguments.rounds - bad
    print(f"{good} of {arguments.rounds} rounds end in the undisturbed result with nothing left.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
