"""The system calls that students' code does without, as a seccomp filter.

Refused calls give EPERM, unknown ones (newer than this list) ENOSYS, so that a program sees an
ordinary error. The only sockets are connected pairs within the submission, which asyncio needs.
"""

from __future__ import annotations

import struct

from autograder.engine import kernel

# name: (x86_64, aarch64); -1 where a machine has no such call
_REFUSED = {
    # every socket of every family
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242),
    "bind": (49, 200), "listen": (50, 201), "sendmmsg": (307, 269),
    # other processes' memory, files and state
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    # ways around other filters, and large kernel surfaces
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "personality": (135, 92), "vmsplice": (278, 75), "remap_file_pages": (216, 234),
    "modify_ldt": (154, -1), "lookup_dcookie": (212, 18), "syslog": (103, 116),
    # namespaces, mounts, the machine
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "mknod": (133, -1),
    "mknodat": (259, 33), "quotactl": (179, 60), "quotactl_fd": (443, 443), "acct": (163, 89),
    "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, -1),
    "ioperm": (173, -1), "create_module": (174, -1), "init_module": (175, 105),
    "delete_module": (176, 106), "finit_module": (313, 273), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "vhangup": (153, 58),
    "nfsservctl": (180, 42), "_sysctl": (156, -1), "fanotify_init": (300, 262),
    # names of files that others open, in folders that may not be listed
    "inotify_init": (253, -1), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    # memory and queues that no limit on a process counts
    "memfd_secret": (447, -1), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183), "mq_notify": (244, 184), "mq_getsetattr": (245, 185),
}  # fmt: skip
# These look as if the kernel did not know them: libraries then take another way.
_UNKNOWN = {"clone3": (435, 435), "memfd_create": (319, 279)}
_SIGNALS = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424),
}  # fmt: skip
_SOCKETPAIR, _SENDTO, _CLONE = (53, 199), (44, 206), (56, 220)
# Owner, times and attributes of files: Landlock knows no rule for them.
_OF_FILES = {
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88),
}  # fmt: skip
_OWNERS = {
    "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16),
}  # fmt: skip
_FCNTL = (72, 25)
_SIGNAL_OWNERS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals by way of a descriptor
_LEASES = (1024, 1026)  # F_SETLEASE, F_NOTIFY: hold up, or hear of, others who open a file
_PRLIMIT, _IOCTL, _AFFINITY = (302, 261), (16, 29), (203, 122)
_NEWEST = 456  # futex_requeue: calls above were not known when this list was made

_NAMESPACES = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x20000

_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_DONE = 0x00050000
_LD, _RET, _AND = 0x20, 0x06, 0x54
_JEQ, _JGE, _JSET = 0x15, 0x35, 0x45
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)


def _any_of(values: tuple[int, ...], then: bytes, otherwise: bytes) -> list[bytes]:
    """Compare what was loaded with each value."""
    tests = [_op(_JEQ, v, len(values) - k, 0) for k, v in enumerate(values)]
    return [*tests, otherwise, then]


def _argument(index: int, *, high: bool = False) -> bytes:
    return _op(_LD, 16 + 8 * index + (4 if high else 0))


def available() -> bool:
    """Whether this list knows the machine's call numbers, and the kernel filters calls."""
    if kernel.MACHINE not in _ARCH:
        return False
    try:
        kernel.prctl(kernel.PR_GET_SECCOMP)
    except OSError:
        return False
    return True


def program(*, signals_only_to: int | None = None, shares_user: bool = False) -> bytes:
    """The filter as BPF instructions.

    Args:
        signals_only_to: where neither a pid namespace nor Landlock keeps signals inside, the only
            process (its id) that may be signalled.
        shares_user: the user's own files are in sight (no user namespace, no other user id). Calls
            that change their modes and times do nothing and say that all is well, so that copying
            within the working folder goes on; calls that change their owners are refused.
    """
    column = 0 if kernel.MACHINE == "x86_64" else 1
    number = _op(_LD, 0)
    code = [_op(_LD, 4), _op(_JEQ, _ARCH[kernel.MACHINE], 1, 0), _op(_RET, _KILL), number]
    # x32 calls on x86_64 and calls newer than this list
    code += [_op(_JGE, _NEWEST + 1, 0, 1), _op(_RET, _ENOSYS)]

    def rule(call: tuple[int, int], *body: bytes) -> None:
        if call[column] >= 0:
            code.extend([_op(_JEQ, call[column], 0, len(body)), *body])

    for call in _REFUSED.values():
        rule(call, _op(_RET, _EPERM))
    for call in _UNKNOWN.values():
        rule(call, _op(_RET, _ENOSYS))
    refuse, allow = _op(_RET, _EPERM), _op(_RET, _ALLOW)
    # a pair of connected stream sockets: AF_UNIX, SOCK_STREAM
    rule(_SOCKETPAIR, _argument(0), _op(_JEQ, 1, 0, 4), _argument(1), _op(_AND, 0xF),
         _op(_JEQ, 1, 0, 1), allow, refuse)  # fmt: skip
    # sendto without an address is send
    rule(_SENDTO, _argument(4), _op(_JEQ, 0, 0, 3), _argument(4, high=True), _op(_JEQ, 0, 0, 1),
         allow, refuse)  # fmt: skip
    rule(_CLONE, _argument(0), _op(_JSET, _NAMESPACES, 0, 1), refuse, allow)
    for call in (_PRLIMIT, _AFFINITY):  # only of oneself
        rule(call, _argument(0), _op(_JEQ, 0, 1, 0), refuse, allow)
    # TIOCSTI and TIOCLINUX type into a terminal
    # and FIOSETOWN, SIOCSPGRP choose who is sent a socket's signals
    rule(_IOCTL, _argument(1), *_any_of((0x5412, 0x541C, 0x8901, 0x8902), refuse, allow))
    rule(_FCNTL, _argument(1), *_any_of((*_SIGNAL_OWNERS, *_LEASES), refuse, allow))
    if shares_user:
        for call in _OF_FILES.values():
            rule(call, _op(_RET, _DONE))
        for call in _OWNERS.values():
            rule(call, _op(_RET, _EPERM))
    if signals_only_to is not None:
        for call in _SIGNALS.values():
            rule(call, _argument(0), _op(_JEQ, signals_only_to, 1, 0), refuse, allow)
    return b"".join([*code, allow])
