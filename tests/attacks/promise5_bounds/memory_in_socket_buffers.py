"""Fills the kernel's memory: pairs of sockets with messages that nobody reads."""

# stock: works: nothing bounds it
# kinds: root, user
# why: sockets are counted by network namespace; without one, processes times open_files bounds them
# limits: {"memory": 134217728, "disk_bytes": 16777216, "cell_seconds": 15}
# twice: 2
# flag: memory limit
# seconds: 25
import os
import socket
import time

for _ in range(10):
    if os.fork() == 0:
        pairs = []
        try:
            while True:
                pairs.append(socket.socketpair())
                for end in pairs[-1]:
                    end.setblocking(False)
                    try:
                        while True:
                            end.send(bytes(1 << 16))
                    except BlockingIOError:
                        pass
        except OSError:
            time.sleep(30)
            os._exit(0)
time.sleep(30)
