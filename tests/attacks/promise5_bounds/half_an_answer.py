"""Sends the beginning of an answer, then nothing, and one byte a second."""

# limits: {"call_seconds": 0.5, "check_seconds": 2}
# twice: any
# seconds: 30
import os
import time

from autograder.engine import harness


def serve(connection, function):
    for byte in b"AGF1" + bytes(60):
        os.write(connection.fileno(), bytes([byte]))
        time.sleep(1)


harness.serve = serve


def double(x):
    return 2 * x
