"""Keeps hidden inputs in a global, a file, a thread and a child, and prints them in a later cell."""

# stock: works: the next cell runs after the tests, in the same process
# same: yes
import os
import threading
import time

seen = []


def double(x):
    seen.append(x.tolist())
    with open("seen", "a") as file:
        file.write(repr(seen))
    return 0 * x


def later():
    time.sleep(0.3)
    print(seen)


threading.Thread(target=later).start()
# %% end
import glob

time.sleep(0.5)
print(seen, glob.glob("seen"))
