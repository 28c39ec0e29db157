"""Writes into the libraries and caches that the next submission will import."""

# stock: works: site-packages and ~/.ipython/startup belong to the user
import os
import pathlib
import sys

import numpy

targets = [
    pathlib.Path(numpy.__file__),
    *(pathlib.Path(p, "sitecustomize.py") for p in sys.path if p),
]
targets += [
    pathlib.Path("~/../../.ipython/startup/x.py").expanduser(),
    pathlib.Path("/tmp/../x.py"),
]
home = os.path.realpath(os.getcwd() + "/..")
for target in targets:
    if os.path.realpath(target).startswith((home, os.path.realpath(os.environ["TMPDIR"]))):
        continue
    for action in (lambda: target.write_text("x"), target.unlink, lambda: target.rename("y"),
                   lambda: os.symlink("/etc", target), lambda: os.truncate(target, 0)):  # fmt: skip
        try:
            action()
            print("WORKED", target)
        except OSError:
            pass
