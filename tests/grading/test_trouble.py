"""A locked database, a read-only folder, a full disk: a clear error, and nothing half-written."""

import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from autograder.check import CheckError

from . import making

root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting file systems takes root")


@pytest.fixture
def mounted(klass):
    """Mount a small file system on a folder of the class; unmounted afterwards."""
    places = []

    def mounted(name, options):
        place = klass.folder / name
        place.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no mount here: {done.stderr}")
        places.append(place)
        return place

    yield mounted
    for place in places:
        subprocess.run(["umount", "-l", str(place)], check=False)


def gradebook_on(klass, place):
    """Move the class's gradebook to another file system."""
    shutil.move(klass.folder / "gradebook.db", place)
    (klass.folder / "gradebook.db").symlink_to(place / "gradebook.db")
    return place


def test_a_locked_gradebook_is_waited_for_then_told(klass, grade, monkeypatch):
    klass.honest(1)
    grade()
    klass.hand_in("new", making.answered(klass.course))
    before = klass.state()
    monkeypatch.setattr("autograder.gradebook.LOCK_SECONDS", 0.2)
    other = sqlite3.connect(klass.folder / "gradebook.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CheckError, match="locked.*close it"):
        grade()
    other.execute("ROLLBACK")
    other.close()
    assert klass.state() == before
    assert grade().count("graded") == 1


@pytest.mark.parametrize("name", ["autograded", "gradebook"])
@root
def test_a_read_only_folder_is_told_before_any_work(klass, grade, mounted, monkeypatch, name):
    klass.honest(2)
    if name == "autograded":
        mounted(name, "ro")
    else:
        place = gradebook_on(klass, mounted("db", "size=4m"))
        grade(students=("s0000",))
        assert (
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=False).returncode == 0
        )
    monkeypatch.setattr("autograder.workers.LocalPool.submit", None)  # no work is begun
    with pytest.raises(CheckError, match="read-only|readonly"):
        grade()


@root
def test_a_full_disk_stops_the_run_and_leaves_whole_files(klass, grade, mounted):
    klass.honest(4)
    place = mounted("autograded", "size=200k")
    with pytest.raises(CheckError, match="disk is full"):
        grade()
    present = klass.files()
    assert not [name for name in present if ".tmp" in name]
    recorded = {who for who, *_ in klass.grades()}
    assert len(recorded) < 4
    for who in recorded:
        assert f"{who}/small/small.ipynb" in present
    subprocess.run(["mount", "-o", "remount,size=20m", str(place)], check=True)
    again = grade()
    assert again.count("up to date") == len(recorded)
    assert again.count("graded") == 4 - len(recorded)


@root
def test_a_full_disk_under_the_gradebook_leaves_it_whole(klass, grade, mounted):
    place = gradebook_on(klass, mounted("db", "size=4m"))
    klass.hand_in("first", making.answered(klass.course))
    grade()
    before = klass.state()
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_bsize
    (place / "filler").write_bytes(bytes(free - 8192))
    klass.honest(30)
    with pytest.raises(CheckError, match="gradebook.*(full|disk)"):
        grade(workers=2)
    (place / "filler").unlink()
    assert klass.whole()
    assert [row for row in klass.grades() if row[0] == "first"] == before[0]
    assert len(grade(workers=2).rows) == 31


# In a user namespace that allows no further ones: as in a container without them.
NO_NAMESPACES = [
    "unshare", "--user", "--map-root-user", "sh", "-c",
    'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh",
]  # fmt: skip


def test_a_missing_layer_stops_the_command_unless_it_may_be_weaker(klass, run):
    done = run(*NO_NAMESPACES, "true")
    if done.returncode:
        pytest.skip(f"user namespaces cannot be taken away here: {done.stderr}")
    klass.honest(2)
    grade = [*NO_NAMESPACES, sys.executable, "-m", "autograder", "grade", "small"]
    done = run(*grade, cwd=klass.course.root)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "isolation is incomplete" in said and "--allow-weaker" in said
    assert "userns" in said and "Remedy: allow unprivileged user namespaces" in said
    assert klass.grades() == [] and klass.files() == {}
    done = run(*grade, "--allow-weaker", cwd=klass.course.root)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0, said
    assert "less isolation than wanted, without uid, userns" in said
    assert {who for who, *_ in klass.grades()} == {"s0000", "s0001"}
    assert klass.score("s0000") == 5.0


def test_two_runs_at_once_are_refused(klass, grade):
    from autograder.class_run import only_one

    klass.honest(1)
    busy = pytest.raises(CheckError, match="another `autograder grade small`")
    with only_one(klass.folder / "autograded", "small"), busy:
        grade()
    assert grade().count("graded") == 1


def test_errors_of_the_command_are_one_line_and_exit_status_1(klass, run):
    done = run(sys.executable, "-m", "autograder", "grade", "small", cwd=klass.course.root)
    assert done.returncode == 1
    assert "nothing was handed in" in done.stderr and "Traceback" not in done.stderr


def test_a_password_in_the_address_of_the_gradebook_is_not_shown():
    from autograder.gradebook import GradebookWriter

    with pytest.raises(Exception) as caught:
        GradebookWriter("sqlite://someone:hunter2@/nonexistent/folder/x.db", "c", "small")
    assert "hunter2" not in str(caught.value)
