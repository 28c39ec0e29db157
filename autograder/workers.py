"""Where submissions are graded: processes of this machine, or a Dask cluster.

A local worker is a process of its own in an executor of its own, so that its death names the one
submission that it was busy with.
"""

from __future__ import annotations

import concurrent.futures as cf
import contextlib
import ctypes
import fcntl
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import multiprocessing.util
import os
import signal
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, Protocol

from autograder import quick_start  # noqa: F401  before the rest
from autograder.check import CheckError
from autograder.grader import Grader, Outcome, close_zygotes
from autograder.submissions import Submission

DEPTH = 3  # submissions given to a worker at once: one in work, the next at hand
PATIENCE = 120.0  # seconds beyond a submission's limit before a silent worker is ended


@dataclass
class Job:
    """One submission on its way. `deaths` counts workers that ended while they graded it."""

    submission: Submission
    digest: str
    deaths: int = 0


class WorkerDied(Exception):
    """The worker that graded this submission is gone."""


class Pool(Protocol):
    """What grades: jobs go in while there is room, and come out done, in any order."""

    workers: int

    def room(self) -> bool: ...
    def busy(self) -> bool: ...
    def submit(self, job: Job) -> None: ...
    def finished(self, seconds: float) -> Iterator[tuple[Job, Outcome | BaseException]]: ...
    def close(self) -> None: ...


# --------------------------------------------------------------------------- this machine


_grader: Grader | None = None


def _begin(grader: Grader) -> None:
    global _grader  # noqa: PLW0603  one worker process, one assignment
    _grader = grader
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_the_command()
    multiprocessing.util.Finalize(None, close_zygotes, exitpriority=10)


def _end_with_the_command() -> None:
    """Have the kernel kill this worker when the command is gone, however that ends.

    A worker's own parent is multiprocessing's fork server, which lives as long as one of its workers
    does: the death of a parent says nothing about the command. A pipe that the command alone holds
    the other end of does; it closes, and the kernel sends the signal. The fork server then ends by
    itself, and so do the warm interpreters, whose connection closes.
    """
    command = multiprocessing.parent_process()
    assert command is not None  # this is a worker
    pipe = command.sentinel
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if multiprocessing.connection.wait([pipe], timeout=0):
        os._exit(1)  # it was gone before
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # and when the fork server is killed


def _grade(submission: Submission) -> Outcome:
    assert _grader is not None
    return _grader.grade(submission)


@dataclass
class _Lane:
    executor: cf.ProcessPoolExecutor
    jobs: deque[tuple[Job, cf.Future]] = field(default_factory=deque)
    since: float = 0.0  # when the first of them came to the front


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.workers", "nbgrader.utils"])
    return context


def prepare_workers() -> None:
    """Have the process that workers are forked from import what they need, while other things are done."""
    _context()
    multiprocessing.forkserver.ensure_running()


class LocalPool:
    """Worker processes on this machine."""

    def __init__(self, grader: Grader, workers: int):
        self.grader, self.workers = grader, workers
        self.limit = grader.limits.submission_seconds * len(grader.blueprints) + PATIENCE
        self.context = _context()
        self.lanes = [self._lane() for _ in range(workers)]

    def _lane(self) -> _Lane:
        return _Lane(
            cf.ProcessPoolExecutor(
                1, mp_context=self.context, initializer=_begin, initargs=(self.grader,)
            )
        )

    def room(self) -> bool:
        return any(len(lane.jobs) < DEPTH for lane in self.lanes)

    def busy(self) -> bool:
        return any(lane.jobs for lane in self.lanes)

    def submit(self, job: Job) -> None:
        self._put(min(self.lanes, key=lambda lane: len(lane.jobs)), job)

    def _put(self, lane: _Lane, job: Job) -> None:
        try:
            future = lane.executor.submit(_grade, job.submission)
        except BrokenProcessPool:
            # It died while it had nothing to do, or just now: `finished` sees to the rest.
            future = cf.Future()
            future.set_exception(BrokenProcessPool())
        if not lane.jobs:
            lane.since = time.monotonic()
        lane.jobs.append((job, future))

    def finished(self, seconds: float) -> Iterator[tuple[Job, Outcome | BaseException]]:
        futures = [future for lane in self.lanes for _, future in lane.jobs]
        cf.wait(futures, timeout=seconds, return_when=cf.FIRST_COMPLETED)
        for number, lane in enumerate(self.lanes):
            while lane.jobs and lane.jobs[0][1].done():
                job, future = lane.jobs.popleft()
                lane.since = time.monotonic()
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    self._replace(number)
                    yield job, WorkerDied()
                    break
                yield job, future.result() if error is None else error
            if lane.jobs and time.monotonic() - lane.since > self.limit:
                self._kill(lane)

    def _replace(self, number: int) -> None:
        """A new worker in place of a dead one; what was waiting there starts again."""
        dead = self.lanes[number]
        dead.executor.shutdown(wait=False, cancel_futures=True)
        lane = self.lanes[number] = self._lane()
        for job, _ in dead.jobs:
            self._put(lane, job)

    def pids(self) -> list[int]:
        """Process ids of the workers that have started."""
        return [pid for lane in self.lanes for pid in (lane.executor._processes or {})]

    def _kill(self, lane: _Lane) -> None:
        for pid in list(lane.executor._processes or {}):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        for lane in self.lanes:
            if lane.jobs:
                self._kill(lane)
            lane.executor.shutdown(wait=True, cancel_futures=True)


# --------------------------------------------------------------------------- a Dask cluster


def _grade_with(grader: Grader, submission: Submission) -> Outcome:
    return grader.grade(submission)


class DaskPool:
    """Workers of a Dask cluster, through its executor.

    Raises:
        CheckError: `distributed` is not installed, or nobody answers at the address.
    """

    def __init__(self, grader: Grader, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise CheckError(
                "--scheduler needs Dask: install it here and on every worker with `pip install "
                "'autograder[cluster]'`."
            ) from None
        try:
            self.client = Client(address, timeout="20s", set_as_default=False)
            self.workers = sum(self.client.nthreads().values())
        except (OSError, ValueError) as error:
            raise CheckError(
                f"no Dask scheduler answers at {address} ({error}): start one with `dask scheduler` "
                "and workers with `dask worker ADDRESS`."
            ) from error
        if not self.workers:
            self.client.close()
            raise CheckError(f"{address} has no workers: start some with `dask worker {address}`.")
        self.executor = self.client.get_executor(pure=False, retries=0)
        [self.grader] = self.client.scatter([grader], broadcast=True, hash=False)
        self.jobs: dict[cf.Future, Job] = {}

    def room(self) -> bool:
        return len(self.jobs) < DEPTH * self.workers

    def busy(self) -> bool:
        return bool(self.jobs)

    def submit(self, job: Job) -> None:
        future = self.executor.submit(_grade_with, self.grader, job.submission)
        self.jobs[future] = job

    def finished(self, seconds: float) -> Iterator[tuple[Job, Outcome | BaseException]]:
        from distributed.scheduler import KilledWorker

        done, _ = cf.wait(list(self.jobs), timeout=seconds, return_when=cf.FIRST_COMPLETED)
        for future in done:
            job = self.jobs.pop(future)
            error: Any = future.exception()
            if isinstance(error, (KilledWorker, cf.CancelledError)):
                error = WorkerDied()
            yield job, future.result() if error is None else error

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.client.run(close_zygotes)
        self.executor.shutdown(wait=False)
        self.client.close()
