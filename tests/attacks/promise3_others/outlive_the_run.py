"""Leaves processes behind that shed their parent, session, death signal and name."""

# stock: works: a double fork with setsid lives on after the kernel
import ctypes
import os
import subprocess
import time

libc = ctypes.CDLL(None)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        libc.prctl(1, 0, 0, 0, 0)
        libc.prctl(36, 1, 0, 0, 0)
        if os.fork() == 0:
            os.setsid()
            libc.prctl(1, 0, 0, 0, 0)
            os.execv("/bin/sh", ["/bin/sh", "-c", "while :; do sleep 1; done"])
        time.sleep(0.1)
        os._exit(0)
subprocess.Popen(["/bin/sh", "-c", "trap '' TERM HUP INT; sleep 50; true"])
time.sleep(0.2)
