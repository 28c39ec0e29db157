"""Answers with a frame that announces sizes made of the inputs: what is refused is told, not repeated."""

# stock: does not apply
# same: yes
# twice: any
import os

from autograder.engine import harness


def serve(connection, function):
    request = connection.receive(
        bounds=harness.frames.Bounds(header=1 << 30, body=1 << 34, arrays=1 << 20, values=1 << 30)
    )
    raw = request.arrays[0].tobytes()
    os.write(connection.fileno(), b"AGF1" + raw[:4] + raw[4:11] + b"\x7f" + bytes(16))


harness.serve = serve


def double(x):
    return x
