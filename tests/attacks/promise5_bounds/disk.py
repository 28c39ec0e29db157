"""Fills the disk with a large file, many files and a sparse file."""

# stock: works
# limits: {"disk_bytes": 16777216, "file_bytes": 8388608, "disk_files": 200}
# twice: any
import os

total = 0
try:
    for k in range(300):
        with open(f"f{k}", "wb") as file:
            file.truncate(4 << 20)
            total += file.write(bytes(1 << 20))
except OSError as error:
    print(error.errno)
if total > 40 << 20:
    import time

    time.sleep(1)
    print("WORKED", total)
