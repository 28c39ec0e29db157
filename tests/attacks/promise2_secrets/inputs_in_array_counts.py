"""Answers with a header that claims more bytes than come, or other ones, by the inputs."""

# same: yes
# twice: any
import json
import os
import struct

from autograder.engine import harness


def serve(connection, function):
    request = connection.receive(
        bounds=harness.frames.Bounds(header=1 << 30, body=1 << 34, arrays=1 << 20, values=1 << 30)
    )
    number = int.from_bytes(request.arrays[0].tobytes()[:2], "little")
    entry = [{"dtype": "|u1", "shape": [number]}]
    header = json.dumps({"kind": "answer", "data": {}, "arrays": entry}).encode()
    os.write(connection.fileno(), struct.pack("<4sIQ", b"AGF1", len(header), 70000) + header)


harness.serve = serve


def double(x):
    return x
