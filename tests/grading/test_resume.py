"""Whatever is killed, and whenever: running again gives the result of a run that nobody disturbed."""

import concurrent.futures as cf
import os
import signal
import subprocess
import sys
import time

import pytest

from autograder import workers

from . import kill_rounds, making

pytestmark = pytest.mark.xdist_group("kills")


@pytest.fixture(scope="module")
def rounds(small, tmp_path_factory):
    rounds = kill_rounds.Rounds(small, tmp_path_factory.mktemp("rounds"), students=16)
    rounds.undisturbed()
    return rounds


@pytest.mark.slow
@pytest.mark.parametrize("target", kill_rounds.TARGETS)
def test_a_killed_run_leaves_nothing_running_and_goes_on_to_the_undisturbed_result(rounds, target):
    for _ in range(5):
        outcome = rounds.round(target)
        assert outcome.equal and outcome.whole and not outcome.left, outcome
        if outcome.target == target:
            return
    pytest.fail("the run always ended before it could be killed")


def test_what_a_killed_run_leaves_running_would_be_noticed(monkeypatch):
    monkeypatch.setattr(kill_rounds, "PATIENCE", 0.2)
    inner = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)"
    outer = subprocess.Popen([sys.executable, "-c", f"{inner}; input()"], stdin=subprocess.PIPE)
    while len(family := kill_rounds.processes(outer.pid)) < 2:
        time.sleep(0.05)
    outer.kill()
    outer.wait()
    _, left = kill_rounds.ended(family)
    assert len(left) == 1 and left[0].endswith("sleep 60 ")
    os.kill(int(left[0].split()[0]), signal.SIGKILL)


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
