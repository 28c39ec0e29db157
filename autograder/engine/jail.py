"""The zygote's own confinement: a root folder that holds only what may be read.

With user namespaces the zygote moves into new ones, into a root folder made of read-only bind
mounts, and (started as root) to an unused user id. A submission is then one fork into a further pid,
mount and ipc namespace. Without user namespaces there is only a private folder to write in.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autograder.engine import kernel, reap, sandbox
from autograder.engine.libraries import DEVICES, View
from autograder.engine.limits import Limits

# TensorFlow looks at the processor before it chooses its code. A copy tells it; nothing else of
# /proc and /sys is there.
_COPIES = (
    "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/present",
)  # fmt: skip
_OWN_NAME = "/proc/self/cmdline"


@dataclass
class Jail:
    """Where the zygote's submissions live.

    `writable` is the folder beneath which submissions write; `own` is a handle on the zygote's pid
    namespace, to come back to after a submission's was made; `guard` is a handle on the process that
    ends everything when the zygote is killed, where there is no pid namespace.
    """

    layers: frozenset[str]
    writable: str
    proc: int
    ruleset: int | None = None
    own: int = -1
    guard: int = -1

    @property
    def namespaced(self) -> bool:
        return "userns" in self.layers


def enter(view: View, layers: Collection[str], folder: str, allows: Collection[str]) -> Jail:
    """Confine this process, the zygote, before it imports libraries.

    Args:
        folder: an empty folder of the trusted side's making.

    Returns:
        in a new process, when there are namespaces: the first one of a new pid namespace.
    """
    layers = frozenset(layers)
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    if "userns" not in layers:
        jail = Jail(layers, folder, proc=proc, guard=_continue_guarded())
    else:
        _enter_namespaces(view, folder, proc)
        jail = Jail(layers, "/home", proc=proc, own=os.pidfd_open(os.getpid()))
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    for name in (sandbox.HOME, sandbox.TEMPORARY):
        Path(jail.writable, name).mkdir(parents=True)
    if "landlock" in layers:
        rules = [(path, kernel.READ) for path in view.rules()]
        rules += [(folder, kernel.READ_DIR) for folder in view.search]
        rules += [(path, kernel.READ_FILE | kernel.WRITE_FILE) for path in DEVICES]
        if jail.namespaced:
            rules += [(path, kernel.READ_FILE) for path in (*_COPIES, _OWN_NAME)]
        elif "tensorflow" in allows:
            # The real /proc: command lines of other processes can be read, nothing behind them.
            rules.append(("/proc", kernel.READ_FILE))
        rules.append((jail.writable, kernel.WRITE))
        jail.ruleset = kernel.landlock_ruleset(rules)
    return jail


def started(jail: Jail) -> None:
    """The zygote has imported everything: take its scratch away, measure its memory."""
    shutil.rmtree(Path(jail.writable) / "box", ignore_errors=True)
    sandbox.measure_memory(jail.proc)
    os.close(jail.proc)


def _enter_namespaces(view: View, folder: str, proc: int) -> None:
    if os.geteuid() == 0:
        # The bind mounts are made as root, who can reach every folder; then root is given up.
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
        _build_root(view, folder)
        _pivot(folder)
        sandbox.become(sandbox.unused_uid(os.getpid()))
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else the maps may not be written
        _unshare(proc)
    else:
        _unshare(proc)
        _build_root(view, folder)
        _pivot(folder)
    _continue_as_first()


def _unshare(proc: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(sandbox.NAMESPACES)
    sandbox.write_maps(uid, gid, proc)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)


def _continue_as_first() -> None:
    """Go on in a child, the first process of the new pid namespace; wait for its end here."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    parent = os.pidfd_open(os.getpid())
    child = os.fork()
    if child == 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if select.select([parent], [], [], 0)[0]:
            os._exit(1)  # it was killed before it could take this process along
        os.close(parent)
        return
    os.closerange(0, 1024)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _continue_guarded() -> int:
    """Go on in a child; this process waits for its end, then kills what it left.

    Without a pid namespace nothing else would end a submission whose zygote was killed: students'
    code can shed every signal that comes with a parent's death. Guard and zygote watch each other.

    Returns:
        in the child, a handle on the guard.
    """
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    guard = os.pidfd_open(os.getpid())
    child = os.fork()
    if child == 0:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)  # does not pass to children
        return guard
    os.closerange(0, 1024)
    _, status = os.waitpid(child, 0)
    reap.kill_below(os.getpid())
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _build_root(view: View, root: str) -> None:
    """Make `root` a file system of its own that shows what `view` lists, read-only."""
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID, "size=4m,mode=755")
    inside = [p for p in view.paths if any(Path(p).is_relative_to(h) for h in view.holes)]
    for name in [path for path in view.paths if path not in inside]:
        _show(name, root)
    for hole in view.holes:
        if Path(root + hole).is_dir():
            kernel.mount("tmpfs", root + hole, "tmpfs", kernel.MS_NOSUID, "size=1m,mode=755")
    for name in inside:
        _show(name, root)
    for folder in ("/dev", "/home/box", "/etc"):
        Path(root + folder).mkdir(parents=True, exist_ok=True)
    for device in DEVICES:
        Path(root + device).touch()
    if not Path(root + "/tmp").exists():
        # Where the course itself lies in /tmp, that folder stays read-only; TMPDIR names the private one.
        Path(root + "/tmp").symlink_to("home/" + sandbox.TEMPORARY)
    Path(root + "/etc/passwd").write_text("student:x:1000:1000::/home/box/student:/bin/sh\n")
    for name in _COPIES:
        if Path(name).exists():
            Path(root + name).parent.mkdir(parents=True, exist_ok=True)
            Path(root + name).write_bytes(Path(name).read_bytes())
    # TensorFlow stops when it cannot read the name of its own program.
    Path(root + _OWN_NAME).parent.mkdir(parents=True, exist_ok=True)
    Path(root + _OWN_NAME).write_bytes(b"python\0")
    Path(root + "/proc/self/exe").symlink_to(Path(sys.executable).resolve())
    kernel.mount_setattr_readonly(root)
    for device in DEVICES:
        kernel.mount(device, root + device, "", kernel.MS_BIND)
    # The zygote's own scratch, for IPython's and Matplotlib's start; submissions mount over it.
    kernel.mount("tmpfs", root + "/home/box", "tmpfs", kernel.MS_NOSUID, "size=64m,mode=777")


def _show(name: str, root: str) -> None:
    """Bind a file or folder to its own place beneath `root`, symlinked folders included."""
    source = Path(name)
    if source.is_symlink() and name in ("/bin", "/lib64"):
        # /bin -> usr/bin on merged systems; its target is shown in its own right.
        Path(root + name).symlink_to(source.readlink())
        return
    target = Path(root + name)
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return
        target.touch()
    kernel.mount(str(source.resolve()), str(target), "", kernel.MS_BIND)


def _pivot(root: str) -> None:
    os.chdir(root)
    kernel.pivot_root(".", ".")
    kernel.umount(".")
    os.chdir("/")


# --------------------------------------------------------------------------- a submission's place


def before_fork(jail: Jail, limits: Limits) -> None:
    """The next child begins a new pid namespace, and finds an empty folder of its own.

    Submissions run one after the other: the folder is mounted here, over the zygote's, and taken
    away by `after_end`. A mount namespace for each would cost more than all the rest.
    """
    if jail.namespaced:
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        options = f"size={limits.disk_bytes},nr_inodes={limits.disk_files},mode=755"
        kernel.mount("tmpfs", f"{jail.writable}/box", "tmpfs", flags, options)
        kernel.unshare(kernel.CLONE_NEWPID)


def after_fork(jail: Jail) -> None:
    """Children are in the zygote's own pid namespace again."""
    if jail.namespaced:
        kernel.setns(jail.own, kernel.CLONE_NEWPID)


def after_end(jail: Jail) -> None:
    """Nothing of the submission runs any more: its folder goes."""
    if jail.namespaced:
        kernel.umount(f"{jail.writable}/box")


def make_home(jail: Jail, uid: int) -> str:
    """In the new child: its working folder. Returns the path."""
    if jail.namespaced and "seccomp" not in jail.layers:
        # Else the filter refuses all that an ipc namespace would keep apart.
        kernel.unshare(kernel.CLONE_NEWIPC)
    home = f"{jail.writable}/{sandbox.HOME}"
    temporary = f"{jail.writable}/{sandbox.TEMPORARY}"
    if not jail.namespaced:
        os.mkdir(f"{jail.writable}/box", 0o755)  # noqa: PTH102  once a submission
    for folder in (home, temporary):
        os.mkdir(folder, 0o700)  # noqa: PTH102
        if not jail.namespaced and "uid" in jail.layers:
            os.chown(folder, uid, uid)
    os.chdir(home)
    os.environ.update(HOME=home, TMPDIR=temporary)
    sys.path[0] = home
    return home
