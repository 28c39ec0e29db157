"""Attacks by what lies in the submitted folder, and on what lives on when the grader does not."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from autograder.engine.reap import descendants
from autograder.submissions import find_students, merge, read_submission, write_autograded
from tests.attacks.conftest import Attacked, a_line
from tests.attacks.tiny import hand_in
from tests.engine.conftest import KINDS

pytestmark = pytest.mark.xdist_group("attacks")
LIMIT = 1 << 20


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "submitted" / "eve" / "tiny"
    place.mkdir(parents=True)
    (tmp_path / "secret").write_text("the secret")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tiny.ipynb").write_text("the work of another")
    return place


def read(folder: Path):
    return read_submission(folder.parents[1], "eve", "tiny", {"tiny"}, LIMIT)


def test_promise2_links_to_secrets(folder):
    """Hands in links, hard and symbolic, to files and folders of the grader: none is followed.

    Stock: works. nbgrader copies what the links point to into autograded/, and feedback shows it.
    """
    (folder / "tiny.ipynb").symlink_to(folder.parents[2] / "secret")
    (folder / "data").symlink_to(folder.parents[2] / "other")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("../../..")
    found = read(folder)
    assert found.notebooks == {} and found.files == {}
    assert len(found.problems) == 4


def test_promise2_the_folder_itself_is_a_link(folder):
    """Makes the student's or the assignment's folder a link to that of another student."""
    submitted = folder.parents[1]
    (submitted / "mallory").mkdir()
    (submitted / "mallory" / "tiny").symlink_to(folder.parents[2] / "other")
    (submitted / "oscar").symlink_to(folder.parent)
    found = read_submission(submitted, "mallory", "tiny", {"tiny"}, LIMIT)
    assert found.notebooks == {} and found.problems
    students, refused = find_students(submitted, "tiny")
    assert "oscar" in refused and "oscar" not in students


def test_promise5_files_that_never_end(folder):
    """Hands in pipes, devices, sockets and sparse giants, which block or fill whoever reads them.

    Stock: a pipe in place of a file holds `nbgrader autograde` up for ever.
    """
    os.mkfifo(folder / "tiny.ipynb")
    (folder / "zero").symlink_to("/dev/zero")
    with (folder / "giant.bin").open("wb") as file:
        file.truncate(1 << 40)
    start = time.monotonic()
    found = read(folder)
    assert time.monotonic() - start < 2
    assert found.notebooks == {} and found.files == {} and len(found.problems) == 3


def test_promise5_archives_stay_closed(folder):
    """Hands in an archive that unpacks to gigabytes and outside its folder: nothing unpacks it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../escaped", "x")
        archive.writestr("bomb", bytes(64 << 20))
    (folder / "work.zip").write_bytes(packed.getvalue())
    with tarfile.open(folder / "work.tar", "w") as archive:
        entry = tarfile.TarInfo("/tmp/escaped")
        archive.addfile(entry)
    found = read(folder)
    assert set(found.files) == {"work.zip", "work.tar"}
    assert not (folder.parents[2] / "escaped").exists()


def test_promise5_thousands_of_files_and_folders(folder):
    """Hands in thousands of files and folders nested without end: so many are read, the rest told."""
    for number in range(1500):
        (folder / f"f{number}").write_text("x")
    deep = folder
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir()
    (deep / "x").write_text("x")
    found = read(folder)
    assert len(found.files) <= 500 and found.problems


def test_promise1_files_that_shadow_the_instructors(folder):
    """Hands in a check.py, a public.npz, modules named as libraries: the instructor's files win.

    Stock: works for files that the instructor's source folder does not have.
    """
    (folder / "check.py").write_text("def check(f): pass\ndef grade(f): return 2.0")
    (folder / "data.txt").mkdir()
    (folder / "data.txt" / "x").write_text("x")
    ours = {"check.py": b"ours", "data.txt": b"ours"}
    assert merge(read(folder).files, ours) == ours


def test_promise3_writing_goes_through_no_link(folder):
    """Leaves links where the autograded folder will be: nothing outside is written."""
    root = folder.parents[2]
    autograded, outside = root / "autograded", root / "outside"
    (autograded / "eve").mkdir(parents=True)
    outside.mkdir()
    (autograded / "eve" / "tiny").symlink_to(outside)
    with pytest.raises(Exception, match="link"):
        write_autograded(autograded, "eve", "tiny", {"tiny.ipynb": b"x"}, 0o644)
    (autograded / "eve" / "tiny").unlink()
    (autograded / "eve" / "tiny").mkdir()
    (autograded / "eve" / "tiny" / "tiny.ipynb").symlink_to(root / "secret")
    write_autograded(autograded, "eve", "tiny", {"tiny.ipynb": b"x"}, 0o644)
    assert (root / "secret").read_text() == "the secret" and not list(outside.iterdir())


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>".replace("/", ""), "a\nb", " eve", "\u202eeve", 'e"ve', "x" * 200],
)
def test_promise7_names_of_folders(tmp_path, name):
    """Names a folder so that pages, terminals and file names would take it for something else."""
    (tmp_path / name / "tiny").mkdir(parents=True)
    students, refused = find_students(tmp_path, "tiny")
    assert students == [] and list(refused) == [name]


# ------------------------------------------------------------------- what outlives the grader

BOMB = """
import ctypes, os, time
libc = ctypes.CDLL(None)
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
libc.prctl(1, 0, 0, 0, 0)
while True:
    if os.fork() == 0:
        libc.prctl(1, 0, 0, 0, 0)
        time.sleep(0.01)
        os._exit(0)
    os.wait()
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("victim", ["grader", "zygote"])
def test_promise3_nothing_outlives_a_killed_grader(kind, victim):
    """Sheds its death signal and forks on while the grader, or the zygote, is killed: all of it ends.

    Stock: works. The kernel of a killed nbgrader lives on until its parent poller looks, its children for ever.
    """
    grader = Attacked(kind)
    leader = grader.hello["pid"]
    zygote = grader.hello["zygote"]
    try:
        grader.process.stdin.write(a_line(hand_in(BOMB), cell_seconds=60, submission_seconds=60))
        grader.process.stdin.flush()
        for _ in range(100):
            time.sleep(0.1)
            before = descendants(leader)
            if len(before) > 4:
                break
        os.kill(leader, signal.SIGSTOP)  # it shall not help
        os.kill(leader if victim == "grader" else zygote, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (left := running(before)):
            time.sleep(0.1)
        assert left == []
        assert spawned_of(zygote) == []
    finally:
        grader.process.kill()
        grader.process.wait()


def running(pids: list[int]) -> list[int]:
    """Which of these processes still run (a zombie of a stopped parent does not)."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.append(pid)
    return found


def spawned_of(zygote: int) -> list[int]:
    """Running processes of a zygote's command line: forks share it, and it has the socket's number."""
    return [pid for pid in descendants(zygote) if running([pid])]


def test_promise2_whether_a_file_exists(grader, request):
    """Asks for the size and time of a file of the grader whose path it knows: it is not there."""
    if grader.kind.endswith("without-userns"):
        reason = (
            "Landlock has no rule for stat(2): without user namespaces a submission can ask whether "
            "a path exists, and how large it is, when it knows its name"
        )
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    result = grader.attack(f"import os\nprint('size', os.stat({__file__!r}).st_size)")
    assert "size" not in str(result["notebook"]["cells"][1]["outputs"][0].get("text"))
