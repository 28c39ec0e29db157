"""What students handed in, read with care, and the autograded folders, written with care.

submitted/<student>/<assignment>/    whatever a student's archive or share put there: no link is
                                     followed, nothing but plain files is read, sizes are bounded
autograded/<student>/<assignment>/   nbgrader's feedback and formgrader read it: every file appears
                                     whole, by rename
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import os
import shutil
import stat
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from autograder.check import CheckError

TIMESTAMP = "timestamp.txt"
NAME_BYTES = 128  # nbgrader's column for student ids
OTHER_BYTES = 64 << 20  # files beside the notebook, together
OTHER_FILES = 500
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass
class Submission:
    """What one student handed in for an assignment.

    `problems` say why something of it could not be read; it is graded without that.
    """

    student: str
    notebooks: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    timestamp: datetime | None = None
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # notebooks that the assignment does not have

    def digest(self) -> str:
        """Digest of all that grading depends on."""
        digest = hashlib.sha256()
        for kind in (self.notebooks, self.files):
            for name in sorted(kind):
                digest.update(f"{name}\0{len(kind[name])}\0".encode("utf-8", "surrogateescape"))
                digest.update(kind[name])
            digest.update(b"\1")
        digest.update("\n".join([*self.problems, *self.unknown]).encode("utf-8", "replace"))
        return digest.hexdigest()


def refusal(student: str) -> str | None:
    """Why a folder's name cannot be a student's id; None when it can."""
    try:
        raw = student.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not valid UTF-8"
    if not student or student != student.strip() or student in (".", ".."):
        return "its name is empty or begins or ends with a space"
    if len(raw) > NAME_BYTES:
        return f"its name is longer than {NAME_BYTES} bytes"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") or c in '/\\"<>' for c in student):
        return "its name has control characters, quotes, slashes or angle brackets"
    return None


def find_students(submitted: Path, assignment: str) -> tuple[list[str], dict[str, str]]:
    """Students with a folder for the assignment, in order of their names.

    Returns:
        ids, and for each folder that cannot be graded the reason.

    Raises:
        CheckError: there is no such folder.
    """
    found: list[str] = []
    refused: dict[str, str] = {}
    try:
        entries = sorted(os.scandir(submitted), key=lambda entry: entry.name)
    except OSError as error:
        raise CheckError(
            f"{submitted} cannot be listed ({error.strerror}): put submissions into "
            f"{submitted}/<student>/{assignment}/."
        ) from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        place = f"{entry.path}/{assignment}"
        if entry.is_symlink():
            if os.path.lexists(place):
                refused[entry.name] = "the student's folder is a link, and links are not followed"
            continue
        if not entry.is_dir(follow_symlinks=False) or not os.path.lexists(place):
            continue
        why = refusal(entry.name)
        if why is None:
            found.append(entry.name)
        else:
            refused[entry.name] = f"{why}: rename the folder"
    return found, refused


def ignored_by(globs: Sequence[str]) -> Callable[[str], bool]:
    """Tells names that the course leaves out (`c.CourseDirectory.ignore`)."""
    return lambda name: any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def read_submission(
    submitted: Path,
    student: str,
    assignment: str,
    notebooks: Collection[str],
    limit: int,
    ignored: Callable[[str], bool] = lambda name: False,
) -> Submission:
    """Read one submission; whatever is wrong with it is a problem in the result, not an error.

    Args:
        notebooks: names (without `.ipynb`) that the assignment has.
        limit: bytes of one notebook.
        ignored: tells names that the course leaves out.
    """
    result = Submission(student)
    try:
        with _folder(submitted, student, assignment) as folder:
            _read_folder(result, folder, notebooks, limit, ignored)
    except OSError as error:
        result.problems.append(f"the folder cannot be read ({_why(error)})")
    raw = result.files.get(TIMESTAMP, b"").strip()
    if raw:
        from nbgrader.utils import parse_utc

        try:
            result.timestamp = parse_utc(raw.decode("ascii")[:100])
        except Exception:  # dateutil raises many kinds
            result.problems.append(f"{TIMESTAMP} holds no date, so lateness is unknown")
    return result


def _read_folder(
    result: Submission,
    folder: int,
    notebooks: Collection[str],
    limit: int,
    ignored: Callable[[str], bool],
) -> None:
    size = 0
    for name, status in _walk(folder, "", ignored):
        stem, is_notebook = name.removesuffix(".ipynb"), name.endswith(".ipynb")
        wanted = is_notebook and stem in notebooks
        if status is None or not stat.S_ISREG(status.st_mode):
            kind = "a link" if status and stat.S_ISLNK(status.st_mode) else "no plain file"
            result.problems.append(f"{_short(name)} is {kind}, and was not read")
            continue
        if is_notebook and not wanted:
            result.unknown.append(_short(name))
            continue
        allowed = limit if wanted else OTHER_BYTES - size
        if status.st_size > allowed or len(result.files) >= OTHER_FILES:
            why = (
                f"has {status.st_size >> 20} MiB" if status.st_size > allowed else "is one too many"
            )
            result.problems.append(f"{_short(name)} {why}, and was not read")
            continue
        try:
            content = _read(folder, name, allowed)
        except OSError as error:
            result.problems.append(f"{_short(name)} cannot be read ({_why(error)})")
            continue
        if wanted:
            result.notebooks[stem] = content
        else:
            size += len(content)
            result.files[name] = content


def _walk(
    folder: int, prefix: str, ignored: Callable[[str], bool], depth: int = 0
) -> Iterator[tuple[str, os.stat_result | None]]:
    """Names below a folder with their status, in order; at most so many, at most 8 deep."""
    with os.scandir(folder) as scan:
        names = sorted(entry.name for _, entry in zip(range(2 * OTHER_FILES), scan))
    for name in names:
        if ignored(name):
            continue
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            yield prefix + name, None
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield prefix + name, status
        elif depth < 8:
            with contextlib.suppress(OSError):
                inner = os.open(name, _FOLDER, dir_fd=folder)
                try:
                    yield from _walk(inner, f"{prefix}{name}/", ignored, depth + 1)
                finally:
                    os.close(inner)


def _read(folder: int, name: str, limit: int) -> bytes:
    """A plain file below an open folder; no component of its path may be a link."""
    *parents, last = name.split("/")
    opened = [folder]
    try:
        for parent in parents:
            opened.append(os.open(parent, _FOLDER, dir_fd=opened[-1]))
        descriptor = os.open(last, _FILE, dir_fd=opened[-1])
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "no plain file")
            content = file.read(limit + 1)
    finally:
        for one in opened[1:]:
            os.close(one)
    if len(content) > limit:
        raise OSError(errno.EFBIG, "too large")
    return content


@contextlib.contextmanager
def _folder(root: Path, *names: str, create: bool = False) -> Iterator[int]:
    """An open folder below `root`, which itself may be a link of the instructor's."""
    opened = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for name in names:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=opened[-1])
            opened.append(os.open(name, _FOLDER, dir_fd=opened[-1]))
        yield opened[-1]
    finally:
        for one in opened:
            os.close(one)


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a link, or no folder"
    return error.strerror or type(error).__name__


def _short(name: str) -> str:
    shown = name.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in shown)[:80]


# --------------------------------------------------------------------------- autograded folders


def files_digest(files: Mapping[str, bytes]) -> str:
    """Digest of an autograded folder's content."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode("utf-8", "surrogateescape"))
        digest.update(files[name])
    return digest.hexdigest()


def read_autograded(autograded: Path, student: str, assignment: str) -> dict[str, bytes]:
    """All files of an autograded folder; empty when it is not there."""
    files: dict[str, bytes] = {}
    with contextlib.suppress(OSError), _folder(autograded, student, assignment) as folder:
        for name, status in _walk(folder, "", lambda name: False):
            if status is not None and stat.S_ISREG(status.st_mode):
                files[name] = _read(folder, name, 1 << 31)
    return files


def write_autograded(
    autograded: Path, student: str, assignment: str, files: Mapping[str, bytes], mode: int
) -> None:
    """Bring an autograded folder to exactly this content.

    Each file appears whole, by rename, notebooks last. What was there and is not wanted goes.

    Raises:
        CheckError: the folder cannot be written; nothing half-written is left.
    """
    place = autograded / student / assignment
    try:
        autograded.mkdir(parents=True, exist_ok=True)
        with _folder(autograded, student, assignment, create=True) as folder:
            try:
                _write_all(folder, files, mode)
            except OSError as error:
                if error.errno not in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST):
                    raise
                # A file where a folder was, or the other way round: begin anew.
                for entry in list(os.scandir(folder)):
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.name, dir_fd=folder)
                    else:
                        os.unlink(entry.name, dir_fd=folder)
                _write_all(folder, files, mode)
    except OSError as error:
        raise unwritable(place, error) from error


def merge(theirs: Mapping[str, bytes], ours: Mapping[str, bytes]) -> dict[str, bytes]:
    """A student's files with the instructor's over them; a name is either a file or a folder."""
    folders = {str(p) for name in ours for p in PurePosixPath(name).parents}
    kept = {
        name: content
        for name, content in theirs.items()
        if name not in folders and not any(str(p) in ours for p in PurePosixPath(name).parents)
    }
    return {**kept, **ours}


def _write_all(folder: int, files: Mapping[str, bytes], mode: int) -> None:
    present = {name for name, _ in _walk(folder, "", lambda name: False)}
    for name in sorted(files, key=lambda name: (name.endswith(".ipynb"), name)):
        _write(folder, name, files[name], mode, name in present)
    for name in present - set(files):
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)


def unwritable(place: Path, error: OSError) -> CheckError:
    """What to do about a folder that cannot be written."""
    remedy = {
        errno.ENOSPC: "the disk is full: free some space",
        errno.EDQUOT: "the disk quota is used up: free some space",
        errno.EROFS: "the file system is read-only: mount it writable",
        errno.EACCES: "permission is missing: make the folder writable for you",
        errno.EPERM: "permission is missing: make the folder writable for you",
        errno.ELOOP: "a link lies where a folder should be: remove it",
        errno.ENOTDIR: "a link or file lies where a folder should be: remove it",
    }.get(error.errno or 0, f"{error.strerror or error}: mend that")
    return CheckError(
        f"{place} cannot be written: {remedy}, then run the same command again; what is recorded stays."
    )


def _write(folder: int, name: str, content: bytes, mode: int, present: bool) -> None:
    if present:
        with contextlib.suppress(OSError):
            if _read(folder, name, len(content)) == content:
                return
    *parents, last = name.split("/")
    opened = [folder]
    temporary = f".{os.getpid()}.tmp"
    try:
        for parent in parents:
            with contextlib.suppress(FileExistsError):
                os.mkdir(parent, dir_fd=opened[-1])
            opened.append(os.open(parent, _FOLDER, dir_fd=opened[-1]))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=opened[-1])
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(descriptor, mode)
            os.rename(temporary, last, src_dir_fd=opened[-1], dst_dir_fd=opened[-1])
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=opened[-1])
            raise
    finally:
        for one in opened[1:]:
            os.close(one)
