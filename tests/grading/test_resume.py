"""Whatever is killed, and whenever: running again gives the result of a run that nobody disturbed."""

import concurrent.futures as cf
import os
import signal

import pytest

from autograder import workers

from . import kill_rounds, making


@pytest.mark.slow
@pytest.mark.parametrize("target", ["command", "worker", "zygote"])
def test_a_killed_run_goes_on_to_the_undisturbed_result(fresh, tmp_path, target):
    rounds = kill_rounds.Rounds(fresh.course, tmp_path, students=16, seed=sum(map(ord, target)))
    rounds.undisturbed()
    outcome = rounds.round(target)
    assert outcome.target == target
    assert outcome.equal and outcome.whole and not outcome.left, outcome


def test_a_submission_that_ends_its_worker_twice_is_flagged_and_tried_again(
    klass, grade, monkeypatch
):
    klass.hand_in("a-good-one", making.answered(klass.course))
    klass.hand_in("deadly", making.answered(klass.course, making.FIRST))
    original = workers.LocalPool.submit

    def submit(pool, job):
        original(pool, job)
        if job.submission.student == "deadly":
            for lane in pool.lanes:
                cf.wait([future for other, future in lane.jobs if other is not job])
            for pid in pool.pids():
                os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(workers.LocalPool, "submit", submit)
    rows = {row.student: row for row in grade().rows}
    assert rows["a-good-one"].state == "graded" and rows["a-good-one"].score == 5.0
    assert rows["deadly"].state == "flagged" and "ended twice" in rows["deadly"].flags[0]
    assert rows["deadly"].score == 0.0
    monkeypatch.undo()
    monkeypatch.setenv("COURSE_DATA", str(klass.folder))
    rows = {row.student: row.state for row in grade().rows}
    assert rows == {"a-good-one": "up to date", "deadly": "graded"}
