"""Opens a socket of every family and type there is."""

# stock: works
import itertools
import socket

for family, kind in itertools.product(range(48), (1, 2, 3, 4, 5, 6, 10)):
    try:
        print("WORKED", socket.socket(family, kind))
    except OSError:
        pass
