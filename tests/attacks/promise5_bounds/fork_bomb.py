"""Forks without end."""

# limits: {"processes": 40, "cell_seconds": 1, "submission_seconds": 4}
# stock: works: nothing bounds it
# twice: any
# seconds: 40
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
