"""Frames: how processes that do not trust each other exchange values.

    b"AGF1" | header length (4 bytes) | body length (8 bytes) | header: JSON | body: raw array bytes

The JSON header is `{"kind": str, "data": any JSON, "arrays": [{"dtype": "<f8", "shape": [2, 3]}]}`;
the body holds the arrays one after the other, C order. Nothing is ever unpickled. A reader checks
every length, dtype and shape against its `Bounds` before it allocates, and has a deadline.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC = b"AGF1"
IDLE_SECONDS = 0.2  # between looks at what a running submission uses
READ = 1 << 16  # bytes to read at least, if they are there
PREFIX = struct.Struct("<4sIQ")

# Kinds that hold plain numbers, in the sizes that every machine has.
DTYPES = frozenset(
    ["|b1", "|i1", "|u1"]
    + [order + kind for order in "<>" for kind in ("i2", "i4", "i8", "u2", "u4", "u8")]
    + [order + kind for order in "<>" for kind in ("f2", "f4", "f8", "c8", "c16")]
)


class FrameError(Exception):
    """The other side sent something that is not a frame within bounds. The reason is its text.

    The text repeats nothing of what was sent: it may be shown, and what was sent may be a secret.
    """


class FrameTimeout(FrameError):
    """No whole frame came before the deadline."""


class FrameClosed(FrameError):
    """The other side closed the connection."""


@dataclass(frozen=True)
class Bounds:
    """What a reader accepts. `values` bounds the JSON values in a header: each costs memory."""

    header: int = 1 << 20
    body: int = 64 << 20
    arrays: int = 1024
    rank: int = 16
    values: int = 50_000


@dataclass(frozen=True)
class Frame:
    kind: str
    data: Any
    arrays: list[np.ndarray]


def encode(kind: str, data: Any = None, arrays: Sequence[np.ndarray] = ()) -> list[bytes]:
    """The frame as chunks of bytes, ready to be written.

    Raises:
        ValueError: an array is not of a dtype that frames carry.
    """
    entries, chunks = [], []
    for array in arrays:
        if array.dtype.str not in DTYPES:
            raise ValueError(f"arrays of dtype {array.dtype} do not travel in frames")
        entries.append({"dtype": array.dtype.str, "shape": list(array.shape)})
        chunks.append(array.tobytes())
    header = json.dumps(
        {"kind": kind, "data": data, "arrays": entries}, separators=(",", ":")
    ).encode("utf-8", "surrogatepass")
    body = sum(map(len, chunks))
    return [PREFIX.pack(MAGIC, len(header), body) + header, *chunks]


def check_prefix(prefix: bytes, bounds: Bounds) -> tuple[int, int]:
    """Lengths of header and body, from the first 16 bytes.

    Raises:
        FrameError: no frame starts like this, or it is longer than allowed.
    """
    magic, header, body = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise FrameError("not a frame")
    if header > bounds.header:
        raise FrameError(f"a header beyond the limit of {bounds.header} bytes")
    if body > bounds.body:
        raise FrameError(f"arrays beyond the limit of {bounds.body} bytes")
    return header, body


def decode_header(raw: bytes, body: int, bounds: Bounds) -> tuple[str, Any, list[tuple]]:
    """Kind, data and (dtype, shape, bytes) of each array; the sizes add up to `body`.

    Raises:
        FrameError: the header is not what `encode` would write, or exceeds the bounds.
    """
    # Counted before parsing: a value needs a comma, a bracket or a brace of its own.
    if sum(raw.count(mark) for mark in (b",", b"[", b"{")) > bounds.values:
        raise FrameError(f"a header of more than {bounds.values} values")
    try:
        header = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a header that is not JSON ({type(error).__name__})") from None
    if not isinstance(header, dict) or set(header) != {"kind", "data", "arrays"}:
        raise FrameError("a header with other fields")
    kind, entries = header["kind"], header["arrays"]
    if not isinstance(kind, str) or len(kind) > 32 or not isinstance(entries, list):
        raise FrameError("a header with fields of other types")
    if len(entries) > bounds.arrays:
        raise FrameError(f"more arrays than the limit of {bounds.arrays}")
    layout, total = [], 0
    for entry in entries:
        dtype, shape = _check_entry(entry, bounds)
        size = dtype.itemsize
        for length in shape:
            size *= length
            if size > bounds.body:
                raise FrameError(f"an array larger than {bounds.body} bytes")
        layout.append((dtype, shape, size))
        total += size
    if total != body:
        raise FrameError("arrays of another size than announced")
    return kind, header["data"], layout


def _check_entry(entry: Any, bounds: Bounds) -> tuple[np.dtype, tuple[int, ...]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape"}:
        raise FrameError("an array entry with other fields")
    name, shape = entry["dtype"], entry["shape"]
    if not isinstance(name, str) or name not in DTYPES:
        raise FrameError("an array of a dtype that is not allowed")
    if not isinstance(shape, list) or len(shape) > bounds.rank:
        raise FrameError("an array of a shape that is not allowed")
    for length in shape:
        if type(length) is not int or not 0 <= length <= 1 << 40:
            raise FrameError("an array of a shape that is not allowed")
    # A zero length must not hide a huge one: NumPy refuses such shapes with an exception.
    if 0 in shape and any(length > 1 << 31 for length in shape):
        raise FrameError("an array of a shape that is not allowed")
    product = 1
    for length in shape:
        product *= max(length, 1)
        if product > 1 << 40:
            raise FrameError("an array of a shape that is not allowed")
    return np.dtype(name), tuple(shape)


def decode_arrays(body: bytes | bytearray, layout: list[tuple]) -> list[np.ndarray]:
    """The arrays of a body whose layout `decode_header` gave; fresh, writable, native order."""
    arrays, offset = [], 0
    for dtype, shape, size in layout:
        count = size // dtype.itemsize
        flat = np.frombuffer(body, dtype=dtype, count=count, offset=offset) if count else None
        array = np.empty(0, dtype) if flat is None else flat
        array = array.reshape(shape).astype(dtype.newbyteorder("="), copy=True)
        if dtype.kind == "b":
            # A bool is a byte of 0 or 1; another value in it would break NumPy's own code.
            array = (array.view(np.uint8) != 0).reshape(shape)
        arrays.append(array)
        offset += size
    return arrays


def decode(raw: bytes, bounds: Bounds = Bounds()) -> Frame:
    """One frame from bytes that hold exactly one.

    Raises:
        FrameError: they do not.
    """
    if len(raw) < PREFIX.size:
        raise FrameError("not a frame")
    header, body = check_prefix(raw[: PREFIX.size], bounds)
    if len(raw) != PREFIX.size + header + body:
        raise FrameError("a frame of another length than announced")
    start = PREFIX.size + header
    return decode_parts(raw[PREFIX.size : start], raw[start:], bounds)


def decode_parts(header: bytes, body: bytes, bounds: Bounds) -> Frame:
    """The frame of a header and a body within bounds.

    Raises:
        FrameError: they are not of one frame.
    """
    kind, data, layout = decode_header(header, len(body), bounds)
    return Frame(kind, data, decode_arrays(body, layout))


class Connection:
    """Frames over one end of a socket or a pipe that the other side may use as it likes."""

    def __init__(self, descriptor: int, bounds: Bounds = Bounds()):
        self.descriptor = descriptor
        self.bounds = bounds
        self._ahead = bytearray()  # read already, of the frames to come; at most READ bytes
        self.idle: Callable[[], None] | None = None  # called while waiting; may raise
        os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        return self.descriptor

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def send(self, kind: str, data: Any = None, arrays: Sequence[np.ndarray] = (), *,
             deadline: float | None = None) -> None:  # fmt: skip
        """Write one frame.

        Args:
            deadline: a moment of `time.monotonic()`; None waits for ever.

        Raises:
            FrameTimeout: the other side does not read.
            FrameClosed: the other side is gone.
        """
        self.send_encoded(encode(kind, data, arrays), deadline=deadline)

    def send_encoded(self, chunks: list[bytes], *, deadline: float | None = None) -> None:
        """Write what `encode` gave, of one frame or of several, as `send` does."""
        if sum(map(len, chunks)) <= 1 << 20:
            # One call instead of one for each array: every one may wake the other side.
            chunks = [b"".join(chunks)]
        for chunk in chunks:
            view = memoryview(chunk)
            while len(view):
                try:
                    view = view[os.write(self.descriptor, view) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT, deadline)
                except OSError as error:
                    raise FrameClosed(f"connection lost ({error.strerror})") from None

    def receive(self, *, deadline: float | None = None, bounds: Bounds | None = None) -> Frame:
        """Read one frame.

        Raises:
            FrameTimeout, FrameClosed, FrameError: late, gone, or not a frame within bounds.
        """
        header, body = self.receive_raw(deadline=deadline, bounds=bounds)
        return decode_parts(header, body, bounds or self.bounds)

    def receive_raw(
        self, *, deadline: float | None = None, bounds: Bounds | None = None
    ) -> tuple[bytes, bytes]:
        """Header and body of one frame, for `decode_parts`. Raises as `receive` does."""
        prefix = self._exactly(PREFIX.size, deadline)
        header, body = check_prefix(prefix, bounds or self.bounds)
        return self._exactly(header, deadline), self._exactly(body, deadline)

    def _exactly(self, count: int, deadline: float | None) -> bytes:
        """`count` bytes. Memory grows with what has come, not with what was announced."""
        data = self._ahead
        while len(data) < count:
            try:
                chunk = os.read(self.descriptor, min(max(count - len(data), READ), 1 << 20))
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError as error:
                raise FrameClosed(f"connection lost ({error.strerror})") from None
            if not chunk:
                raise FrameClosed("connection closed" + (" within a frame" if data else ""))
            data += chunk
            if deadline is not None and len(data) < count and time.monotonic() > deadline:
                raise FrameTimeout("no whole frame before the time limit")
        taken = bytes(data[:count])
        del data[:count]
        return taken

    def _wait(self, event: int, deadline: float | None) -> None:
        poller = select.poll()
        poller.register(self.descriptor, event)
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            step = left
            if self.idle is not None:
                step = IDLE_SECONDS if left is None else min(left, IDLE_SECONDS)
            if poller.poll(None if step is None else step * 1000 + 1):
                return
            if left is not None and left <= (step or 0.0):
                raise FrameTimeout("no whole frame before the time limit")
            if self.idle is not None:
                self.idle()
