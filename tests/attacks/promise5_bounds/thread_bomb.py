"""Starts threads without end."""

# stock: works
# limits: {"processes": 40}
# says: RuntimeError
import threading
import time

while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
