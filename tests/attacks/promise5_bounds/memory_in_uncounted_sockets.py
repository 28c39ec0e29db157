"""Fills the kernel's memory by pairs of sockets where no namespace lets the grader count them: the
bounds on processes and on open files of each are what holds it."""

# stock: works: nothing bounds it
# kinds: root-without-userns, user-without-userns
# why: with a network namespace sockets count as memory: memory_in_socket_buffers
# limits: {"processes": 8, "open_files": 64, "cell_seconds": 10}
# twice: 2
# seconds: 25
import os
import socket
import time

told, tell = os.pipe()
children = 0
try:
    while children < 100:
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
                os.write(tell, bytes([min(len(pairs), 255)]))
                time.sleep(30)
                os._exit(0)
        children += 1
except OSError:
    pass
counts = [os.read(told, 1)[0] for _ in range(children)]
# Some more processes than 8 may be there: as an ordinary user's, others end meanwhile.
if children > 30 or max(counts) > 64 // 2:
    print("WORKED", children, counts)


def double(x):
    return 0 * x
