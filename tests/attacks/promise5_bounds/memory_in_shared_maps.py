"""Takes memory in shared anonymous maps, which no limit on private data counts."""

# limits: {"memory": 134217728, "disk_bytes": 16777216, "cell_seconds": 15}
# twice: 2
# flag: memory limit
# seconds: 25
import mmap
import os
import time

for _ in range(30):
    if os.fork() == 0:
        try:
            area = mmap.mmap(-1, 96 << 20)
            for k in range(0, 96 << 20, 4096):
                area[k] = 1
        finally:
            time.sleep(20)
            os._exit(0)
time.sleep(30)
