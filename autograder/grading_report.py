"""What `autograder grade` shows: progress while it works, a summary at the end, JSON for programs."""

from __future__ import annotations

import json
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.table import Table
from rich.text import Text

from autograder.class_run import Report, Row

ALL_ROWS = 30  # a class of up to so many is shown whole
MOST_ROWS = 60
EVERY = 10.0  # seconds between lines where there is no terminal


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:.1f}/s")


class GradingView:
    """Shows a run on a console; with `as_json`, a JSON line a submission goes to standard output."""

    def __init__(self, console: Console, assignment: str, as_json: bool = False):
        self.console, self.assignment, self.as_json = console, assignment, as_json
        self.live = console.is_terminal
        self.progress = Progress(
            TextColumn(assignment), BarColumn(), MofNCompleteColumn(), _Rate(), TimeLeft(),
            TextColumn("left"), console=console, transient=True, disable=not self.live,
        )  # fmt: skip
        self.task = self.progress.add_task(assignment, total=None)
        self.began = self.told = 0.0

    def __enter__(self) -> GradingView:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def listen(self, row: Row | None, done: int, total: int) -> None:
        """Take in one step of the run."""
        if row is not None and self.as_json:
            print(json.dumps({"assignment": self.assignment, **row.to_json()}), flush=True)
        self.progress.update(self.task, completed=done, total=total or None)
        now = time.monotonic()
        if not self.began:
            self.began = self.told = now
        if not self.live and done and done < total and now - self.told > EVERY:
            self.told = now
            rate = done / (now - self.began)
            left = (total - done) / rate
            self.console.print(
                f"{self.assignment}: {done} of {total}, {rate:.1f}/s, {left:.0f} s left",
                style="dim",
            )

    def summary(self, report: Report, dry_run: bool = False) -> None:
        """The table at the end."""
        if self.as_json:
            summary = {
                "assignment": report.assignment, "graded": report.count("graded"),
                "flagged": report.count("flagged"), "up_to_date": report.count("up to date"),
                "seconds": round(report.seconds, 3), "workers": report.workers,
                "memory": report.memory, "lacking": sorted(report.lacking),
            }  # fmt: skip
            print(json.dumps({"summary": summary}), flush=True)
            return
        rows = sorted(report.rows, key=lambda row: row.student)
        told = [row for row in rows if row.flags or row.notes]
        shown = rows if len(rows) <= ALL_ROWS else told
        if shown:
            self.console.print(_table(shown[:MOST_ROWS], self.assignment))
        if len(shown) > MOST_ROWS:
            self.console.print(f"... and {len(shown) - MOST_ROWS} more; --json lists all.")
        if dry_run:
            todo = len(rows) - report.count("up to date", "flagged")
            self.console.print(f"{todo} of {len(rows)} submissions would be graded.")
            return
        self.console.print(_sentence(report), markup=False)
        if report.lacking:
            self.console.print(
                f"Students' code ran with less isolation than wanted, without "
                f"{', '.join(sorted(report.lacking))} (--allow-weaker). `autograder doctor` says what "
                "that means and what to do.",
                style="bold yellow",
            )
        if report.count("flagged"):
            self.console.print(
                "Flagged submissions are recorded and wait for a person in formgrader, under manual "
                "grading, or are listed above.",
                style="yellow",
            )


def _table(rows: list[Row], assignment: str) -> Table:
    table = Table(title=assignment, title_justify="left")
    table.add_column("student", overflow="fold")
    table.add_column("points", justify="right")
    table.add_column("state")
    table.add_column("why, and notes", overflow="fold")
    for row in rows:
        points = ""
        if row.score is not None:
            points = f"{row.score - row.penalty:g} of {row.max_score:g}"
        state = row.state + (", rest by hand" if row.by_hand else "")
        late = [f"{row.penalty:g} points off for lateness"] if row.penalty else []
        table.add_row(
            Text(_plain(row.student)),
            points,
            Text(state, style="yellow" if row.state == "flagged" else ""),
            Text("\n".join(_plain(text) for text in (*row.flags, *late, *row.notes))),
        )
    return table


def _plain(text: str) -> str:
    """Text from outside, harmless for a terminal."""
    shown = text.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in shown)[:300]


def _sentence(report: Report) -> str:
    graded = [r for r in report.rows if r.state in ("graded", "flagged") and r.score is not None]
    parts = [f"{report.assignment}: {report.count('graded')} graded"]
    if report.count("flagged"):
        parts.append(f"{report.count('flagged')} flagged")
    if report.count("up to date"):
        parts.append(f"{report.count('up to date')} up to date")
    text = ", ".join(parts)
    if graded:
        mean = sum((r.score or 0.0) - r.penalty for r in graded) / len(graded)
        text += f"; mean {mean:.1f} of {graded[0].max_score:g} points"
        rate = len(graded) / max(report.seconds, 1e-9)
        many = "worker" if report.workers == 1 else "workers"
        text += f"; {report.seconds:.1f} s, {rate:.1f}/s with {report.workers} {many}"
    return text + "."
