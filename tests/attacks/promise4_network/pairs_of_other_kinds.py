"""Makes socket pairs that are no plain streams: datagrams may be sent to names."""

# stock: works
import socket

for family in (1, 2, 10, 16, 17, 30, 38, 40):
    for kind in (1, 2, 5, 1 | 0x80000):
        if (family, kind & 0xF) == (1, 1):
            continue
        try:
            print("WORKED", socket.socketpair(family, kind))
        except OSError:
            pass
