"""The few kernel calls that the sandbox needs and Python's standard library lacks, by ctypes.

Why not bindings from PyPI: `landlock` is an alpha without network and scope rules; `pyseccomp` has
had no release since 2021 and needs a system library that a bare Python image lacks. What is used of
them here is four system calls and one struct each.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x08000000, 0x10000000, 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_DUMPABLE = 1, 4, 3
PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER = 24, 28, 36
PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 38, 39
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
PR_GET_SECCOMP = 21

MACHINE = platform.machine()
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_SECCOMP = {"x86_64": 317, "aarch64": 277}


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0, third: int = 0) -> int:
    """prctl(2).

    Raises:
        OSError: the kernel refuses.
    """
    args = [ctypes.c_ulong(n) for n in (value, third, 0, 0)]
    return _checked(_libc.prctl(option, *args), f"prctl {option}")


def unshare(flags: int) -> None:
    """New namespaces for this process (CLONE_NEWPID: for its next child)."""
    _checked(_libc.unshare(flags), f"unshare {flags:#x}")


def setns(descriptor: int, kind: int) -> None:
    _checked(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), os.fsencode(kind) or None,
        ctypes.c_ulong(flags), os.fsencode(options) or None,
    )  # fmt: skip
    _checked(result, f"mount {source} on {target}")


def umount(target: str) -> None:
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    number = _PIVOT_ROOT[MACHINE]
    _checked(_libc.syscall(number, os.fsencode(new), os.fsencode(old)), "pivot_root")


def drop_capabilities() -> None:
    """Give up every capability of this process, also those that a program could get back."""
    last = 63
    for capability in range(last + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break  # beyond the kernel's last capability, or (no CAP_SETPCAP) none to drop
    try:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
        # uid 0 means nothing any more, and that is locked.
        prctl(PR_SET_SECUREBITS, 0b101111)
    except OSError:
        pass  # allowed to fail without CAP_SETPCAP: then there is nothing to lock
    header = struct.pack("<Ii", 0x20080522, 0)
    _checked(_libc.syscall(_CAPSET[MACHINE], header, bytes(24)), "capset")


# --------------------------------------------------------------------------- Landlock

_RULESET, _RULE, _RESTRICT = 444, 445, 446
READ_FILE, READ_DIR, EXECUTE = 1 << 2, 1 << 3, 1 << 0
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_OF_FILES = EXECUTE | 1 << 1 | READ_FILE | 1 << 14 | 1 << 15
READ = READ_FILE | READ_DIR | EXECUTE
WRITE_FILE = 1 << 1
# What a working folder needs: files and folders, but no device nodes.
WRITE = READ_FILE | READ_DIR | WRITE_FILE | (
    1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14
)  # fmt: skip


def landlock_version() -> int:
    """The version of Landlock that the kernel offers; 0 for none."""
    return max(0, _libc.syscall(_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1)))


def landlock_ruleset(rules: list[tuple[str, int]]) -> int:
    """A ruleset, as a file descriptor: beneath each path what its mask says, elsewhere nothing.

    No TCP from version 4 on; no signals and abstract sockets to the outside from version 6 on.
    """
    version = landlock_version()
    handled = _HANDLED[max(v for v in _HANDLED if v <= version)]
    network = 3 if version >= 4 else 0
    scoped = 3 if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("<QQQ", handled, network, scoped)[:size]
    arguments = (attributes, ctypes.c_size_t(size), ctypes.c_uint(0))
    ruleset = _checked(_libc.syscall(_RULESET, *arguments), "landlock_create_ruleset")
    os.set_inheritable(ruleset, False)
    for path, mask in rules:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # what is not there needs no rule
        try:
            if not os.path.isdir(path):  # noqa: PTH112  called hundreds of times at a start
                mask &= _OF_FILES
            rule = struct.pack("<Qi", mask & handled, place)
            _checked(_libc.syscall(_RULE, ruleset, 1, rule, 0), f"Landlock rule for {path}")
        finally:
            os.close(place)
    return ruleset


def landlock_restrict(ruleset: int) -> None:
    """Restrict this process and all its children, for good."""
    _checked(_libc.syscall(_RESTRICT, ruleset, 0), "landlock_restrict_self")


# --------------------------------------------------------------------------- seccomp


def seccomp_install(program: bytes) -> None:
    """Install a filter (BPF instructions) for this process and all its children, for good."""
    buffer = ctypes.create_string_buffer(program, len(program))
    length, pad = len(program) // 8, b"\0" * 6
    fprog = struct.pack("<H", length) + pad + struct.pack("<Q", ctypes.addressof(buffer))
    _checked(_libc.syscall(_SECCOMP[MACHINE], 1, 0, fprog), "seccomp")


def mount_setattr_readonly(target: str) -> None:
    """Make a mount and all mounts beneath it read-only, without devices and set-uid programs."""
    attributes = struct.pack("<QQQQ", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    at_fdcwd, at_recursive = ctypes.c_int(-100), ctypes.c_uint(0x8000)
    result = _libc.syscall(
        442, at_fdcwd, os.fsencode(target), at_recursive, attributes, ctypes.c_size_t(32)
    )
    _checked(result, f"mount_setattr {target}")
