"""Calls the kernel by number: socket, io_uring, the 32-bit table, connect on what it has."""

# stock: works
import ctypes
import errno

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for call in [(41, 2, 1, 0), (425, 4, ctypes.create_string_buffer(256)), (0x40000000 + 41, 2, 1, 0),
             (42, 3, ctypes.create_string_buffer(16), 16), (44, 3, b"x", 1, 0, b"a" * 16, 16),
             (321, 0, ctypes.create_string_buffer(128), 128), (435, ctypes.create_string_buffer(88), 88)]:  # fmt: skip
    if libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in call]) >= 0:
        print("WORKED", call[0])
