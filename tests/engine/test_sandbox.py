"""Every layer holds, for every kind of grader."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from autograder.engine import kernel, sandbox
from autograder.engine.sandbox import SandboxError
from tests.engine.conftest import Driver

pytestmark = pytest.mark.xdist_group("engine-sandbox")
PACKAGES = next(path for path in sys.path if path.endswith("site-packages"))

TRY = """
def attempt(name, action):
    try:
        result = action()
        print(name, "WORKED", result)
    except BaseException as error:
        print(name, "refused", type(error).__name__)
"""
CALL = (
    TRY
    + """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    print(name, "WORKED" if result >= 0 else errno.errorcode[ctypes.get_errno()])
"""
)


def test_the_layers_are_the_promised_ones(driver):
    layers = set(driver.hello["layers"])
    assert {"landlock", "seccomp", "no_new_privs", "limits"} <= layers
    assert ("userns" in layers) == (not driver.kind.endswith("without-userns"))


def test_files_outside_cannot_be_read(driver):
    paths = [
        "/etc/shadow", "/etc/passwd-", "/etc/hostname", "/root/.bashrc", "/var/lib/dpkg/status",
        str(Path(__file__)), str(Path(__file__).parents[2] / "pyproject.toml"),
        f"{PACKAGES}/nbgrader/__init__.py", f"{PACKAGES}/keras/__init__.py", "/proc/1/environ",
        f"/proc/{driver.hello['pid']}/environ", f"/proc/{driver.hello['pid']}/mem",
        "/proc/self/mem", "/sys/kernel/notes", "/dev/mem", "/dev/kmsg", "/dev/shm",
        "/proc/kallsyms", "/run", "/var/run/docker.sock",
    ]  # fmt: skip
    text = driver.text(
        TRY + f"for path in {paths!r}:\n    attempt(path, lambda: open(path, 'rb').read(100))"
    )
    assert "WORKED" not in text
    assert text.count("refused") == len(paths)


def test_folders_outside_cannot_be_listed_or_written(driver):
    text = driver.text(
        TRY + "import os, tempfile\n"
        "for path in ['/', '/root', '/proc', '/var', '/home/..', '/dev']:\n"
        "    attempt('list ' + path, lambda: os.listdir(path))\n"
        "for path in ['/x', '/usr/bin/x', '/etc/x', '/dev/x', '/dev/shm/x', '/var/tmp/x']:\n"
        "    attempt('write ' + path, lambda: open(path, 'w'))\n"
        f"attempt('package', lambda: open({PACKAGES + '/numpy/x.py'!r}, 'w'))"
    )
    assert "WORKED" not in text


def test_libraries_not_allowed_are_not_there_and_allowed_ones_are(driver):
    text = driver.text(
        "import importlib\n"
        "for name in ['tensorflow', 'keras', 'matplotlib', 'nbgrader', 'pip', 'setuptools']:\n"
        "    try:\n        importlib.import_module(name); print(name, 'WORKED')\n"
        "    except ImportError as error: print(name, 'missing')\n"
        "import numpy, IPython, pygments, unittest.mock, sqlite3"
    )
    assert "WORKED" not in text
    assert text.count("missing") == 6
    assert "Error" not in text


def test_no_socket_of_any_family_opens(driver):
    text = driver.text(
        TRY + "import socket, itertools\n"
        "for family, kind in itertools.product(range(0, 46), (1, 2, 3, 5)):\n"
        "    attempt(f'{family} {kind}', lambda: socket.socket(family, kind))\n"
        "attempt('datagram pair', lambda: socket.socketpair(type=socket.SOCK_DGRAM))"
    )
    assert "WORKED" not in text
    assert text.count("PermissionError") == 46 * 4 + 1


def test_connected_pairs_work_because_asyncio_needs_them(driver):
    text = driver.text(
        "import socket, asyncio\na, b = socket.socketpair()\na.send(b'x')\nprint(b.recv(1))",
        "await asyncio.sleep(0.01)\nprint('slept')",
    )
    assert text == "b'x'\nslept\n"


@pytest.mark.skipif(kernel.MACHINE != "x86_64", reason="call numbers of x86_64")
def test_dangerous_system_calls_are_refused(driver):
    calls = {
        "ptrace": "101, 16, 1, 0, 0", "process_vm_readv": "310, 1, 0, 0, 0, 0, 0",
        "io_uring_setup": "425, 4, ctypes.create_string_buffer(200)", "bpf": "321, 0, 0, 0",
        "keyctl": "250, 0, -3, 0", "add_key": "248, b'user', b'x', b'y', 1, -3",
        "mount": "165, b'x', b'/tmp', b'tmpfs', 0, 0", "umount": "166, b'/', 2",
        "unshare": "272, 0x10000000", "setns": "308, 0, 0", "chroot": "161, b'/'",
        "pivot_root": "155, b'.', b'.'", "perf": "298, 0, 0, -1, -1, 0", "uffd": "323, 0",
        "pidfd_open": "434, 1, 0", "pidfd_getfd": "438, 3, 0, 0", "shmget": "29, 0, 4096, 0o1600",
        "msgget": "68, 0, 0o1600", "semget": "64, 0, 1, 0o1600", "kcmp": "312, 1, 1, 0, 0, 0",
        "clone_newuser": "56, 0x10000000 | 17, 0, 0, 0, 0", "clone3": "435, 0, 0",
        "memfd": "319, b'x', 0", "handle": "304, -100, 0, 0", "mknod": "133, b'x', 0o20666, 0x103",
        "personality": "135, 0x40000", "open_tree": "428, -100, b'/', 1", "fsopen": "430, b'tmpfs', 0",
        "move_mount": "429, 0, 0, 0, 0, 0", "reboot": "169, 0, 0, 0, 0", "statmount": "457, 0, 0, 0, 0",
        "sendto": "44, 0, b'x', 1, 0, b'addr', 4", "prlimit": "302, 1, 7, 0, 0",
        "setpriority": "141, 0, 0, 5", "tty": "16, 0, 0x5412, b'x'",
    }  # fmt: skip
    text = driver.text(CALL + "\n".join(f"call({n!r}, {a})" for n, a in calls.items()))
    assert "WORKED" not in text
    assert len(text.splitlines()) == len(calls)


@pytest.mark.skipif(kernel.MACHINE != "x86_64", reason="the other call table of x86_64")
def test_calls_from_another_table_are_refused(driver):
    text = driver.text(CALL + "call('x32 getpid', 0x40000000 + 39)")
    assert "WORKED" not in text


def test_nothing_outside_can_be_signalled(driver):
    text = driver.text(
        TRY + "import os, signal\n"
        f"for pid in [{driver.hello['pid']}, os.getppid() or {driver.hello['pid']}]:\n"
        "    attempt(pid, lambda: os.kill(pid, signal.SIGTERM))"
    )
    assert "WORKED" not in text
    driver.run("import os, signal\nos.kill(-1, signal.SIGKILL)")
    assert driver.text("print(1)") == "1\n"


def test_there_are_no_privileges(driver):
    text = driver.text(
        "import os, ctypes, struct\n"
        "print(0 in (*os.getresuid(), *os.getresgid(), *os.getgroups()))\n"
        "libc = ctypes.CDLL(None)\nheader = struct.pack('<Ii', 0x20080522, 0)\n"
        "data = ctypes.create_string_buffer(24)\nlibc.syscall(125, header, data)\n"
        "print(data.raw == bytes(24), libc.prctl(39, 0, 0, 0, 0))\n"
        "!cat /etc/shadow; su -c id < /dev/null; mount -t tmpfs x /tmp; id -u\n"
    )
    lines = text.splitlines()
    assert lines[:2] == ["False", "True 1"]
    assert lines[-1] != "0" and "uid=" not in text


def test_the_environment_is_scrubbed(driver):
    text = driver.text("import os\nprint(sorted(os.environ))\nprint(dict(os.environ))")
    assert "AUTOGRADER" not in text and "SECRET" not in text
    assert "/nonexistent" in text or "HOME" in text


def test_no_descriptor_leads_outside(driver):
    text = driver.text(
        "import os, stat\n"
        "for n in range(3, 256):\n"
        "    try: mode = os.fstat(n).st_mode\n"
        "    except OSError: continue\n"
        "    kind = 'socket' if stat.S_ISSOCK(mode) else 'file' if stat.S_ISREG(mode) else 'other'\n"
        "    print(n, kind, stat.S_ISDIR(mode))"
    )
    assert "True" not in text
    # the channel, the event loop's pair; two files that keep what is printed; epoll, /dev/null
    assert text.count("socket") == 3
    assert text.count("file") == 2
    assert text.count("other") == 2


def test_each_submission_finds_an_empty_folder(driver):
    write = "import os\nopen('left', 'w').write('x')\nopen(os.environ['TMPDIR'] + '/left', 'w');"
    look = "import os\nprint(os.listdir('.'), os.listdir(os.environ['TMPDIR']))"
    assert driver.text(write, look) == "['left'] ['left']\n"
    assert driver.text(look) == "[] []\n"


def test_a_fork_bomb_is_bounded_and_gone_afterwards(driver):
    result = driver.run(
        "import os, time\ncount = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0:\n"
        "            while True: time.sleep(1)\n"
        "        count += 1\n"
        "except OSError as error:\n    print(type(error).__name__, count)",
        processes=40,
    )
    name, count = said_words(result)
    assert name == "BlockingIOError" and int(count) <= 40
    assert driver.text("print(1)") == "1\n"


def test_a_wild_fork_bomb_ends_with_the_submission(driver):
    driver.run(
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        processes=40, cell_seconds=1, submission_seconds=3,
    )  # fmt: skip
    assert driver.text("print(1)") == "1\n"


def test_memory_is_bounded(driver):
    text = driver.text("x = bytearray(400 << 20)\nprint('WORKED')", memory=256 << 20)
    assert text.startswith("MemoryError")
    text = driver.text(
        "import numpy as np\nx = np.ones(40 << 20)\nprint('WORKED')", memory=256 << 20
    )
    assert "WORKED" not in text and "MemoryError" in text


def test_memory_of_all_processes_together_is_bounded(driver):
    result = driver.run(
        "import os, time\nfor _ in range(8):\n"
        "    if os.fork() == 0:\n        x = bytearray(100 << 20)\n        time.sleep(20)\n"
        "time.sleep(20)\nprint('WORKED')",
        memory=128 << 20, disk_bytes=1 << 20, cell_seconds=15,
    )  # fmt: skip
    assert any("memory limit" in flag for flag in result["flags"])
    assert result["seconds"] < 12


def test_disk_is_bounded(driver):
    result = driver.run(
        "import time\nfor k in range(1000):\n    with open(f'f{k}', 'wb') as f: f.write(bytes(1 << 20))\n"
        "    time.sleep(0.01)\nprint('WORKED')",
        disk_bytes=16 << 20, file_bytes=4 << 20,
    )  # fmt: skip
    text = " ".join(said_words(result) + result["flags"])
    assert "WORKED" not in text
    assert "No space left" in text or "disk limit" in text
    text = driver.text("open('f', 'wb').write(bytes(8 << 20))\nprint('WORKED')", file_bytes=4 << 20)
    assert "WORKED" not in text


def test_cpu_is_bounded(driver):
    result = driver.run("while True: pass", "print('after')", cpu_seconds=1, cell_seconds=20)
    assert any("CPU limit" in flag for flag in result["flags"])
    assert said_words(result)[-1] == "after"


def test_a_cell_that_never_ends_is_stopped_and_the_rest_runs(driver):
    result = driver.run("while True: pass", "print('after')", cell_seconds=0.5)
    assert "CellTimeoutError" in str(result["outputs"][0])
    assert said_words(result)[-1] == "after"
    assert result["seconds"] < 10


def test_a_cell_that_cannot_be_interrupted_is_killed_and_the_rest_runs(driver):
    result = driver.run(
        "x = 1",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "while True: pass",
        "print('after', x)",
        cell_seconds=0.5,
    )
    assert any("time limit of 0.5 s" in flag for flag in result["flags"])
    assert said_words(result)[-2:] == ["after", "1"]


def test_open_files_are_bounded(driver):
    text = driver.text(
        "files = []\ntry:\n    while True: files.append(open('/dev/null'))\n"
        "except OSError as error: print(len(files) < 64, error.errno)",
        open_files=64,
    )
    assert text == "True 24\n"


LEAVES = (
    "import ctypes, os, time\n"
    "prctl = ctypes.CDLL(None).prctl\n"
    "if os.fork() == 0:\n    os.setsid()\n    prctl(1, 0, 0, 0, 0)\n"
    "    if os.fork() == 0:\n        prctl(1, 0, 0, 0, 0)\n"
    "        os.execv('/bin/sh', ['/bin/sh', '-c', 'while :; do sleep 1; done'])\n"
    "    os._exit(0)\n"
    "time.sleep(0.3)\nprint('started')"
)


def test_nothing_outlives_a_submission(driver):
    result = driver.run(
        "import subprocess\n"
        "subprocess.Popen(['/bin/sh', '-c', 'sleep 100; true'], start_new_session=True)\n" + LEAVES
    )
    assert "started" in str(result["outputs"])
    assert result["left"] == {}


def test_what_outlives_a_submission_would_be_noticed():
    careless = Driver("user-without-userns", "careless")
    try:
        result = careless.run(LEAVES)
        for pid in map(int, result["left"]):
            os.kill(pid, signal.SIGKILL)
        assert [line for line in result["left"].values() if "while :; do sleep 1" in line]
    finally:
        careless.close()


def test_a_submission_that_ends_its_interpreter_is_told_and_the_rest_runs(driver):
    result = driver.run(
        "x = 1", "import os\nos._exit(7)", "print(x)", "import ctypes; ctypes.string_at(0)"
    )
    assert any("exit code 7" in flag for flag in result["flags"])
    assert any("SIGSEGV" in flag for flag in result["flags"])
    assert "1" in said_words(result)


def said_words(result: dict) -> list[str]:
    from tests.engine.conftest import said

    return " ".join(map(said, result["outputs"])).split()


def test_a_missing_layer_stops_the_grader_and_is_named(monkeypatch):
    missing = sandbox.Layer("landlock", False, "missing: file access", "use a newer kernel")
    others = [sandbox.Layer(name, True, "") for name in sandbox.LAYERS if name != "landlock"]
    monkeypatch.setattr(sandbox, "detect", lambda: [missing, *others])
    with pytest.raises(SandboxError, match="landlock.*newer kernel"):
        sandbox.choose()
    assert "landlock" not in sandbox.choose(allow_weaker=True)


def test_an_unknown_layer_is_refused():
    with pytest.raises(SandboxError, match="no such layer: lanlock"):
        sandbox.choose(without={"lanlock"})


def test_this_machine_gives_every_layer():
    assert [layer.name for layer in sandbox.detect() if not layer.there] == []
    assert os.getpid()  # detection left this process as it was
