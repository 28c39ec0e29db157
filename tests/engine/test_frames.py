"""Frames: what is sent arrives, and nothing else gets in."""

from __future__ import annotations

import json
import math
import os
import random
import socket
import struct
import threading
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from autograder.engine import frames
from autograder.engine.frames import Bounds, Connection, FrameError

SMALL = Bounds(header=4096, body=1 << 16, arrays=8, rank=4, values=200)


def joined(kind="answer", data=None, arrays=()):
    return b"".join(frames.encode(kind, data, arrays))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.zeros((0, 3), np.float32),
        np.array(7, np.int8),
        np.array([True, False]),
        np.array([1 + 2j], np.complex64),
        np.arange(3, dtype=">u4"),
    ],
)
def test_arrays_arrive_as_they_were(array):
    frame = frames.decode(joined(arrays=[array]))
    assert frame.arrays[0].shape == array.shape
    assert frame.arrays[0].dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(frame.arrays[0], array)
    assert frame.arrays[0].flags.writeable


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["a"]), np.zeros(1, "M8[s]")])
def test_other_dtypes_do_not_travel(array):
    with pytest.raises(ValueError, match="do not travel"):
        frames.encode("answer", None, [array])


def header_of(entry, body=0):
    header = json.dumps({"kind": "a", "data": None, "arrays": entry}).encode()
    return frames.PREFIX.pack(frames.MAGIC, len(header), body) + header


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x04pickle",
        header_of([{"dtype": "|O", "shape": []}], 8),
        header_of([{"dtype": "O8", "shape": [1]}], 8),
        header_of([{"dtype": "<f8", "shape": [-1]}], 8),
        header_of([{"dtype": "<f8", "shape": [True]}], 8),
        header_of([{"dtype": "<f8", "shape": [1.0]}], 8),
        header_of([{"dtype": "<f8", "shape": [1 << 62, 1 << 62]}], 8),
        header_of([{"dtype": "<f8", "shape": [0, 1 << 62]}], 0),
        header_of([{"dtype": "<f8", "shape": [1] * 5}], 8),
        header_of([{"dtype": "<f8", "shape": [2]}], 8),
        header_of([{"dtype": "<f8", "shape": [1], "x": 1}], 8),
        header_of([{}] * 9),
        header_of("<f8"),
        frames.PREFIX.pack(frames.MAGIC, 1 << 30, 0),
        frames.PREFIX.pack(frames.MAGIC, 10, 1 << 60),
        frames.PREFIX.pack(frames.MAGIC, 2000, 0) + b"[" * 2000,
        frames.PREFIX.pack(frames.MAGIC, 2, 0) + b"{}",
        frames.PREFIX.pack(frames.MAGIC, 2, 0) + b"\xff\xfe",
    ],
)
def test_a_malformed_frame_is_refused(raw):
    with pytest.raises(FrameError):
        frames.decode(raw, SMALL)


def mutated(seeds: list[bytes], random_: random.Random) -> bytes:
    raw = bytearray(random_.choice(seeds))
    for _ in range(random_.randint(1, 6)):
        place = random_.randrange(len(raw) + 1)
        match random_.randrange(7):
            case 0 if raw:
                raw[place % len(raw)] = random_.randrange(256)
            case 1:
                raw[place:place] = random_.randbytes(random_.randint(1, 9))
            case 2:
                del raw[place : place + random_.randint(1, 20)]
            case 3:
                raw[4:16] = struct.pack("<IQ", random_.getrandbits(32), random_.getrandbits(64))
            case 4:
                token = random_.choice([b"[", b"{", b'"', b"1e999", b"-1", b"null", b"9" * 30])
                raw[place:place] = token * random_.randint(1, 40)
            case 5:
                other = random_.choice(seeds)
                raw[place:] = other[random_.randrange(len(other)) :]
            case 6:  # a header of the right announced length, wrong inside
                body = raw[16:]
                raw = bytearray(frames.PREFIX.pack(frames.MAGIC, max(0, len(body) - 8), 8)) + body
    return bytes(raw[: 1 << 16])  # what a pipe holds


LENGTHS = [0, 1, 1, 2, 2, 3, 5, 2000, -1, True, 1.0, "2", None, 1 << 31, 1 << 62, 10**30]
DTYPES = ["<f8", "<f8", "|b1", "<c16", ">u2", "|O", "<M8[s]", "<f16", "f8", "O8", 3, None, ["<f8"]]
DATA = [None, 0, "x", [], {}, [[[]]], {"value": {"a": 0}}, list(range(300)), "\ud800", 1e308]


def strange(random_: random.Random) -> bytes:
    """A frame of the length that it says, with a header that is JSON: wrong in what it means."""
    pick = random_.choice
    entries: list = []
    size = 0
    for _ in range(pick([0, 1, 1, 1, 2, 3, 12])):
        shape = [pick(LENGTHS) for _ in range(pick([0, 1, 1, 2, 3, 6]))]
        entry = {"dtype": pick(DTYPES), "shape": shape}
        if random_.random() < 0.6:
            small = [n for n in shape if type(n) is int and 0 <= n < 9][:3]
            entry = {"dtype": "<f8", "shape": small}
            size += 8 * math.prod(small)
        elif random_.random() < 0.1:
            entry = pick([{**entry, "more": 1}, {"dtype": "<f8"}, None, 3, [entry]])
        entries.append(entry)
    header = {"kind": pick(["answer"] * 9 + ["x" * 40, 3]), "data": pick(DATA),
              "arrays": pick([entries] * 19 + [None])}  # fmt: skip
    if random_.random() < 0.05:
        header = pick([{**header, "more": 1}, {"kind": "answer"}, [header], 7])
    raw = json.dumps(header).encode()
    body = pick([size, size, size, size + 1, 8, 0, 3000])
    return frames.PREFIX.pack(frames.MAGIC, len(raw), body) + raw + bytes(body)


def test_100_000_malformed_frames_do_no_harm():
    random_ = random.Random(20260115)
    seeds = [
        joined("answer", {"value": {"a": 0}, "after": {"l": []}, "first": 1}, [np.arange(4.0)]),
        joined("answer", {"value": {"a": 0}, "after": {"l": []}, "first": 1}, [np.arange(1000.0)]),
        joined("error", {"error": "ValueError: x", "lineno": 3, "line": "y"}),
        joined("cell", {"outputs": [], "updates": [], "count": 3}),
        header_of([{"dtype": "<f8", "shape": [2, 2]}], 32) + bytes(32),
        header_of([{"dtype": "|b1", "shape": [4]}, {"dtype": "<c16", "shape": []}], 20) + bytes(20),
    ]
    reasons: Counter[str] = Counter()

    def next_is_read() -> None:
        raw = mutated(seeds, random_) if random_.random() < 0.5 else strange(random_)
        tracemalloc.reset_peak()
        if reason := refusal(raw):
            reasons[reason] += 1

    while reasons.total() < 80_000:
        next_is_read()
    most = 0  # bytes that reading one frame took
    tracemalloc.start()  # it doubles the time
    try:
        while reasons.total() < 100_000:
            before = tracemalloc.get_traced_memory()[0]
            next_is_read()
            most = max(most, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert most < 3 * (SMALL.header + SMALL.body)
    assert len(reasons) >= 15, reasons


def refusal(raw: bytes) -> str | None:
    """Why a frame is refused that comes from a side which then falls silent; None if it is not."""
    ours, theirs = os.pipe()
    connection = Connection(ours, SMALL)
    try:
        assert os.write(theirs, raw) == len(raw)
        os.close(theirs)
        frame = connection.receive(deadline=time.monotonic() + 30)
    except frames.FrameTimeout:
        raise AssertionError("it hangs") from None
    except FrameError as error:
        return str(error)
    finally:
        connection.close()
    assert sum(array.nbytes for array in frame.arrays) <= SMALL.body
    return None


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    connection = Connection(ours.detach(), SMALL)
    yield connection, theirs
    connection.close()
    theirs.close()


def soon(seconds=0.2):
    return time.monotonic() + seconds


def test_a_frame_that_never_ends_is_late(pair):
    connection, theirs = pair
    theirs.sendall(joined("answer", "x" * 100)[:-5])
    with pytest.raises(frames.FrameTimeout):
        connection.receive(deadline=soon())


def test_a_frame_that_drips_is_late(pair):
    connection, theirs = pair
    raw = joined("answer", "x" * 2000)
    stop = threading.Event()

    def drip():
        for byte in raw:
            if stop.wait(0.01):
                return
            theirs.send(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(frames.FrameTimeout):
            connection.receive(deadline=soon(0.3))
    finally:
        stop.set()
        thread.join()


def test_a_side_that_does_not_read_is_late(pair):
    connection, _ = pair
    with pytest.raises(frames.FrameTimeout):
        connection.send("calls", None, [np.zeros(1 << 20)], deadline=soon())


def test_a_closed_connection_is_told_apart(pair):
    connection, theirs = pair
    theirs.close()
    with pytest.raises(frames.FrameClosed):
        connection.receive(deadline=soon())


def test_descriptors_sent_along_are_not_kept(pair):
    connection, theirs = pair
    raw = joined("answer", 1)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with open(os.devnull) as file:
        socket.send_fds(theirs, [raw], [file.fileno()] * 10)
    assert connection.receive(deadline=soon()).data == 1
    assert len(list(Path("/proc/self/fd").iterdir())) == before
