"""Forks without end."""

# stock: works: nothing bounds it
# twice: any
# limits: {"processes": 40, "cell_seconds": 2, "submission_seconds": 6}
# seconds: 40
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
