"""Opens files, pipes and socket pairs without end."""

# stock: works up to the user's own limit
# limits: {"open_files": 64}
# says: OSError
import os
import socket

held = []
while True:
    held += [os.pipe(), socket.socketpair()]
