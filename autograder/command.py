"""The `autograder` command."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder import quick_start  # noqa: F401  before the rest
from autograder.build import (
    Course,
    build,
    find_course,
    out_of_step,
    publish,
    recheck,
    write_atomically,
)
from autograder.check import CheckError
from autograder.secret import load_secret

# Messages are never wrapped or interpreted: they hold paths and what students wrote.
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class Progress:
    """A status line for whatever takes longer than a moment; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self.status = console.status("") if console.is_terminal else None

    def __enter__(self) -> Callable[[str], None]:
        if self.status:
            self.status.start()
        return self.say

    def say(self, text: str) -> None:
        if self.status:
            self.status.update(text)
        else:
            console.print(text, style="dim")

    def __exit__(self, *exception: object) -> None:
        if self.status:
            self.status.stop()


def assignments_of(course: Course, names: Sequence[str]) -> list[str]:
    """The named assignments, or all; unknown names are an error."""
    for name in names:
        course.folder(name)
    return list(names) or course.assignments()


def build_one(course: Course, name: str, force: bool, check: bool) -> tuple[bool, str]:
    """Build an assignment and bring `exercises/` in step (or only compare it); what to tell."""
    start = time.monotonic()
    try:
        made = build(course, name, force=force)
    except CheckError as error:
        return False, str(error)
    state = f"built in {time.monotonic() - start:.1f} s" if made else "up to date"
    if not check:
        changed = publish(course, name)
        return True, state + (f"; exercises/{name}: {', '.join(changed)}" if changed else "")
    stale = out_of_step(course, name)
    if stale:
        state += f"; exercises/{name} is out of step ({', '.join(stale)}): run `autograder build`"
    return not stale, state


def command_build(course: Course, arguments: argparse.Namespace) -> int:
    names = assignments_of(course, arguments.assignment)
    load_secret(course.root)  # made here, once, before several processes need it
    jobs = min(len(names), arguments.jobs or os.cpu_count() or 1)
    failed = 0
    with Progress() as progress, ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        waiting = {
            pool.submit(build_one, course, name, arguments.force, arguments.check): name
            for name in names
        }
        for done in as_completed(waiting):
            fine, state = done.result()
            console.print(f"{waiting[done]}: {state}", style=None if fine else "red")
            failed += not fine
            progress(f"building; {sum(not f.done() for f in waiting)} to go")
    return 1 if failed else 0


def command_references(course: Course, arguments: argparse.Namespace) -> int:
    failed = 0
    for name in assignments_of(course, arguments.assignment):
        with Progress() as progress:
            differences = recheck(course, name, progress)
        for file, difference in differences.items():
            console.print(f"{file}: {difference or 'equal to 1e-12'}")
            failed += bool(difference)
    if failed:
        console.print("Run `autograder build --force` if the sources have changed.")
    return 1 if failed else 0


def command_mutants(course: Course, arguments: argparse.Namespace) -> int:
    from autograder.mutants import as_markdown, known_mutants

    found = []
    with Progress() as progress:
        for name in assignments_of(course, arguments.assignment):
            progress(f"{name}: misconceptions")
            build(course, name, progress=progress)
            found += known_mutants(course, name)
    if arguments.markdown:
        text = as_markdown(found).encode()
        path = arguments.markdown
        # An unchanged page keeps its time, so that the book is not built again for it.
        if not path.is_file() or path.read_bytes() != text:
            write_atomically(path, text)
    else:
        table = Table(title="Misconceptions", show_lines=False)
        for column in ("function", "misconception", "caught", "own hint", "most points", "by case"):
            table.add_column(column)
        table.add_column("hint", max_width=60)
        for m in found:
            table.add_row(
                f"{m.assignment}.{m.check}",
                m.id,
                f"{m.caught}/{m.draws}",
                f"{m.named}/{m.draws}" + ("" if m.named_in_public else ", not in public"),
                f"{m.most_points:g} of {m.max_points:g}",
                "; ".join(m.cases[:2]),
                m.hint,
                style=None if m.ok else "red",
            )
        Console(width=200 if not sys.stdout.isatty() else None).print(table)
    bad = [m for m in found if not m.ok]
    console.print(f"{len(found)} misconceptions, {len(found) - len(bad)} caught and named.")
    return 1 if bad else 0


def command_sample_class(course: Course, arguments: argparse.Namespace) -> int:
    from autograder.sample_class import make_class

    target = arguments.target or course.root / "submitted"
    with Progress() as progress:
        plans = make_class(
            course, arguments.assignment, arguments.students, arguments.seed, target, progress
        )
    console.print(f"{len(plans)} submissions of {arguments.assignment} in {target}")
    return 0


# --------------------------------------------------------------------------- grading


def command_grade(course: Course, arguments: argparse.Namespace) -> int:
    from autograder.class_run import Options, grade_class
    from autograder.grading_report import GradingView

    options = Options(
        arguments.workers or 0,
        arguments.scheduler,
        tuple(arguments.student or ()),
        arguments.force,
        arguments.dry_run,
        arguments.allow_weaker,
    )
    with GradingView(console, arguments.assignment, arguments.json) as view:
        report = grade_class(course, arguments.assignment, options, view.listen)
    view.summary(report, dry_run=arguments.dry_run)
    return 0


def command_doctor(course: Course, arguments: argparse.Namespace) -> int:
    from autograder.engine import doctor, sandbox

    table = Table(title="Isolation of students' code on this machine", title_justify="left")
    table.add_column("layer")
    table.add_column("here")
    table.add_column("what it does", overflow="fold")
    for layer in sandbox.detect():
        text = f"{doctor.MEANING[layer.name]} ({layer.detail})"
        if not layer.there:
            text += f"\n{doctor.WITHOUT[layer.name]}\nWhat to do: {layer.remedy}."
        here = Text("yes", "green") if layer.there else Text("NO", "bold red")
        table.add_row(layer.name, here, Text(text))
    screen = Console(highlight=False)
    screen.print(table)
    lines, fine = doctor.report()
    start = next(number for number, line in enumerate(lines) if line.startswith("Control groups"))
    screen.print("\n".join(lines[start:]), markup=False)
    return 0 if fine else 1


def add_grading(add: Callable[[str, Callable, str], argparse.ArgumentParser]) -> None:
    """The commands that grade."""
    one = add("grade", command_grade, "Grade submitted/ into the gradebook; again: what is left.")
    one.add_argument("assignment")
    one.add_argument("--workers", type=_positive, help="processes (default: one a core)")
    one.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="grade on a Dask cluster")
    one.add_argument("--student", action="append", help="only this student; may be repeated")
    one.add_argument("--force", action="store_true", help="grade also what is up to date")
    one.add_argument("--dry-run", action="store_true", help="only say what would be graded")
    one.add_argument("--json", action="store_true", help="a JSON line a submission on stdout")
    one.add_argument(
        "--allow-weaker", action="store_true", help="go on where isolation layers are missing"
    )
    add("doctor", command_doctor, "Show which isolation layers this machine gives.")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def parser() -> argparse.ArgumentParser:
    """The command line's grammar; `--help` of every command comes from here."""
    main = argparse.ArgumentParser(
        prog="autograder",
        description="Builds assignments and grades notebooks by what they compute.",
    )
    main.add_argument(
        "--course", type=Path, help="folder with nbgrader_config.py (default: this one or a parent)"
    )
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        return one

    one = add("build", command_build, "Make exercises/ and hidden cases from solutions/.")
    one.add_argument("assignment", nargs="*", help="assignments (default: all)")
    one.add_argument("--force", action="store_true", help="build also what is up to date")
    one.add_argument("--jobs", type=int, help="how many at a time (default: one per core)")

    one.add_argument(
        "--check", action="store_true", help="leave exercises/ alone; fail when it is out of step"
    )

    one = add("references", command_references, "Recompute references with Keras and compare.")
    one.add_argument("assignment", nargs="*", help="assignments (default: all)")
    one.add_argument(
        "--check", action="store_true", required=True, help="compare with the stored ones to 1e-12"
    )

    one = add("mutants", command_mutants, "Show that every misconception is caught and named.")
    one.add_argument("assignment", nargs="*", help="assignments (default: all)")
    one.add_argument("--markdown", type=Path, metavar="FILE", help="write tables for the book")

    one = add("sample-class", command_sample_class, "Make up a class's submissions.")
    one.add_argument("assignment")
    one.add_argument("--students", type=int, default=12, help="how many (default: 12)")
    one.add_argument("--seed", type=int, default=0, help="which class (default: 0)")
    one.add_argument("--target", type=Path, help="where to write (default: submitted/)")

    add_grading(add)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, 1 for a failure, 2 for wrong usage."""
    options = parser().parse_args(arguments)
    try:
        course = find_course(options.course)
        return options.run(course, options)
    except CheckError as error:
        console.print(f"autograder: {error}", style="red")
        return 1
    except KeyboardInterrupt:
        console.print("autograder: interrupted; running the same command again goes on from here.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
