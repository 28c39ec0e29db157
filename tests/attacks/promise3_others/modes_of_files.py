"""Takes the permissions of the libraries and of the grader's files away, which Landlock lets pass."""

# stock: works on every file of the grader's user
import os
import pathlib

import numpy

paths = [
    numpy.__file__,
    os.__file__,
    pathlib.Path(numpy.__file__).parent,
    "/",
   
    "/usr/bin/env",
]
for path in map(str, paths):
    before = os.stat(path)
    for action in (
        lambda: os.chmod(path, 0o100),
        lambda: os.utime(path, (1, 1)),
        lambda: os.chown(path, os.getuid(), os.getgid()),
        lambda: os.setxattr(path, "user.x", b"x"),
        lambda: os.fchmod(os.open(path, os.O_RDONLY), 0o100),
    ):
        try:
            action()
        except OSError:
            pass
    after = os.stat(path)
    if (before.st_mode, before.st_mtime) != (after.st_mode, after.st_mtime):
        print("WORKED", path)
    if "user.x" in os.listxattr(path):
        print("WORKED", path)
