"""The layers that isolate students' code, which of them this machine gives, and putting them on.

    userns        own user, mount, pid, ipc, network, host-name and cgroup namespaces: a root folder
                  that holds only what may be read, no network, and an end that nothing outlives
    uid           started as root: an unused user id instead
    landlock      files: reads only what the assignment allows, writes only its working folder
    seccomp       no sockets, no ptrace, no io_uring, no keys, no mounts ...
    no_new_privs  set-uid programs give nothing
    limits        bounds on CPU, memory, processes, files

Every layer that exists is put on. One that is missing stops the grader (`SandboxError`), unless it is
told to go on with less. Kernel calls are in kernel.py, the root folder in jail.py.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Callable, Collection
from dataclasses import dataclass

from autograder.engine import kernel, seccomp
from autograder.engine.limits import Limits

LAYERS = ("userns", "uid", "landlock", "seccomp", "no_new_privs", "limits")
HOME = "box/student"  # within the folder that a submission may write to
TEMPORARY = "box/tmp"


class SandboxError(Exception):
    """Isolation that was asked for is not there. Names the layer and the remedy."""


@dataclass(frozen=True)
class Layer:
    """One layer on this machine: there or not, in words, and what would bring it."""

    name: str
    there: bool
    detail: str
    remedy: str = ""


def detect() -> list[Layer]:
    """Try each layer in a child process and say what this machine gives."""
    return [
        _layer(
            "userns", _try_namespaces, "own namespaces: files, processes, network, users",
            "allow unprivileged user namespaces: `sysctl kernel.unprivileged_userns_clone=1` "
            "(Debian), `kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu), "
            "`user.max_user_namespaces=15000` (Red Hat); in Docker `--security-opt seccomp=...`",
        ),
        _uid_layer(),
        _layer(
            "landlock", _try_landlock, f"file access by Landlock, version {_version()}",
            "use Linux 5.13 or newer with `landlock` among the security modules (boot parameter "
            "`lsm=landlock,...`)",
        ),
        _layer(
            "seccomp", _try_seccomp, f"a filter of system calls ({kernel.MACHINE})",
            "use a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64",
        ),
        _layer("no_new_privs", _try_no_new_privs, "no new privileges", "use Linux 3.5 or newer"),
        _layer("limits", _try_limits, "resource limits", "raise the hard limits (`ulimit -H -a`)"),
    ]  # fmt: skip


def choose(*, without: Collection[str] = (), allow_weaker: bool = False) -> frozenset[str]:
    """The layers to use.

    Args:
        without: layers left out on purpose (tests, experiments).
        allow_weaker: go on when a layer is missing.

    Raises:
        SandboxError: a layer is missing, or the interpreter is out of the sandbox's reach.
    """
    unknown = set(without) - set(LAYERS)
    if unknown:
        raise SandboxError(
            f"no such layer: {', '.join(sorted(unknown))}; there are {', '.join(LAYERS)}"
        )
    found = detect()
    missing = [layer for layer in found if not layer.there and layer.name not in without]
    if missing and not allow_weaker:
        lines = [f"{layer.name}: {layer.detail}. Remedy: {layer.remedy}." for layer in missing]
        raise SandboxError(
            "isolation is incomplete on this machine; grading stops, because students' code would "
            "run with less (`--allow-weaker` goes on all the same).\n  " + "\n  ".join(lines)
        )
    active = frozenset(layer.name for layer in found if layer.there and layer.name not in without)
    if os.geteuid() != 0:
        active -= {"uid"}  # nothing to give up
    if "uid" in active and "userns" not in active and not _in_child(_can_read_interpreter):
        raise SandboxError(
            f"started as root without user namespaces, students' code runs as an unused user, who "
            f"cannot read Python in {sys.base_prefix}. Remedy: run as an ordinary user, or install "
            "Python and the environment where everyone can read them (/opt, /usr/local)."
        )
    return active


def lacking(active: Collection[str], without: Collection[str] = ()) -> list[str]:
    """Layers that were wanted but are not among the active ones: `--allow-weaker` went on."""
    wanted = set(LAYERS) - set(without) - (set() if os.geteuid() == 0 else {"uid"})
    return [name for name in LAYERS if name in wanted and name not in active]


def protect_self() -> None:
    """Make this process's memory unreadable for other processes of the same user."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


# --------------------------------------------------------------------------- inside the submission


def enter(layers: Collection[str], limits: Limits, ruleset: int | None, *, uid: int) -> None:
    """Put every layer on this process, just before students' code. There is no way back.

    Args:
        ruleset: the Landlock ruleset made beforehand.
        uid: the unused user id, for a process that is still root.

    Raises:
        SandboxError: a layer that was promised does not hold.
    """
    try:
        if "limits" in layers:
            set_limits(limits, namespaced="userns" in layers, own_user="uid" in layers)
        if "uid" in layers and "userns" not in layers:
            become(uid)
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # another user id took it away
        if "no_new_privs" in layers or {"landlock", "seccomp"} & set(layers):
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if "landlock" in layers:
            if ruleset is None:
                raise SandboxError("landlock: no ruleset was made")
            kernel.landlock_restrict(ruleset)
            os.close(ruleset)
        if "seccomp" in layers:
            inside = "userns" in layers or ("landlock" in layers and kernel.landlock_version() >= 6)
            only = None if inside else os.getpid()
            own_files = "userns" not in layers and "uid" not in layers
            kernel.seccomp_install(seccomp.program(signals_only_to=only, shares_user=own_files))
    except OSError as error:
        raise SandboxError(f"a layer cannot be put on ({error})") from None
    _verify(layers)


def _verify(layers: Collection[str]) -> None:
    """Look from inside whether the layers hold: a filter that filters nothing must not pass."""
    if "seccomp" in layers:
        if kernel.prctl(kernel.PR_GET_SECCOMP) != 2:
            raise SandboxError("seccomp: no filter is active")
        if _works(lambda: os.close(_socket())):
            raise SandboxError("seccomp: a socket can be opened")
    if "landlock" in layers and _works(lambda: os.listdir("/")):  # noqa: PTH208
        raise SandboxError("landlock: the root folder can be listed")
    if os.geteuid() == 0 and ("uid" in layers or "userns" in layers):
        raise SandboxError("uid: still root")


def _socket() -> int:
    import socket

    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()


def _works(action: Callable[[], object]) -> bool:
    try:
        action()
    except OSError:
        return False
    return True


def set_limits(limits: Limits, *, namespaced: bool, own_user: bool) -> None:
    """Resource limits. Memory counts from what the process holds already."""
    size, data = _baseline
    processes = limits.processes
    if not (namespaced or own_user):
        # The kernel counts all processes of the user: allow so many more.
        processes += _processes_of_user()
    bounds = {
        resource.RLIMIT_CPU: (limits.cpu_seconds, limits.cpu_seconds + 2),
        resource.RLIMIT_AS: size + 2 * limits.memory,
        resource.RLIMIT_DATA: data + limits.memory,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_SIGPENDING: 1024,
    }
    for kind, value in bounds.items():
        soft, hard = value if isinstance(value, tuple) else (value, value)
        _, ceiling = resource.getrlimit(kind)
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))


_baseline = (0, 0)


def measure_memory(proc: int) -> None:
    """Keep this process's address space and private data: limits count from there.

    Args:
        proc: a handle on /proc, which is out of sight in the jail.
    """
    global _baseline  # noqa: PLW0603  of the one zygote in this process
    with open(os.open("self/statm", os.O_RDONLY, dir_fd=proc)) as file:
        pages = [int(word) for word in file.read().split()]
    _baseline = pages[0] * resource.getpagesize(), pages[5] * resource.getpagesize()


def _processes_of_user() -> int:
    """Threads of all processes of this user, as RLIMIT_NPROC counts them."""
    count, user = 0, os.getuid()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == user:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))  # noqa: PTH208
            except OSError:
                continue
    return count


def unused_uid(seed: int) -> int:
    """A user id that nobody has, different for different process ids."""
    return 1_900_000_000 + seed % 4_194_304


def become(uid: int) -> None:
    """From root to an ordinary user id without groups, for good.

    Raises:
        SandboxError: the kernel refuses.
    """
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise SandboxError(f"uid: root cannot become user {uid} ({error.strerror})") from None


# --------------------------------------------------------------------------- trying layers


def _in_child(attempt: Callable[[], object]) -> bool:
    """Whether `attempt` succeeds in a child process, which it may spoil."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(10)
            status = 1 if attempt() is False else 0
        except BaseException:
            status = 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def _layer(name: str, attempt: Callable[[], object], detail: str, remedy: str) -> Layer:
    there = _in_child(attempt)
    return Layer(name, there, detail if there else f"missing: {detail}", "" if there else remedy)


def _uid_layer() -> Layer:
    if os.geteuid() != 0:
        return Layer("uid", True, "not root: nothing to give up")
    return _layer(
        "uid", lambda: become(unused_uid(os.getpid())), "an unused user id instead of root",
        "run as an ordinary user, or give the container CAP_SETUID and CAP_SETGID",
    )  # fmt: skip


def _version() -> int:
    return kernel.landlock_version()


def _try_namespaces() -> None:
    if os.geteuid() == 0:
        become(unused_uid(os.getpid()))
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(NAMESPACES)
    write_maps(uid, gid, os.open("/proc", os.O_PATH))
    kernel.mount("tmpfs", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    if os.fork() == 0:
        os._exit(0)
    os.wait()


NAMESPACES = (
    kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
)  # fmt: skip


def write_maps(uid: int, gid: int, proc: int) -> None:
    """Inside, the user is 1000 in group 1000; outside, `uid` and `gid`. `proc` is a handle."""
    maps = {"setgroups": "deny", "uid_map": f"1000 {uid} 1", "gid_map": f"1000 {gid} 1"}
    for name, text in maps.items():
        file = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def _try_landlock() -> bool:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.landlock_restrict(kernel.landlock_ruleset([("/dev", kernel.READ)]))
    return not _works(lambda: os.listdir("/"))  # noqa: PTH208


def _try_seccomp() -> bool:
    if not seccomp.available():
        return False
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.seccomp_install(seccomp.program())
    return not _works(lambda: os.close(_socket()))


def _try_no_new_privs() -> bool:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    return kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) == 1


def _try_limits() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _can_read_interpreter() -> bool:
    become(unused_uid(os.getpid()))
    folder = sysconfig.get_paths()["stdlib"]
    packages = sysconfig.get_paths()["purelib"]
    return all(os.access(path, os.R_OK | os.X_OK) for path in (folder, packages, sys.base_prefix))
