"""Takes no CPU time at all: it sleeps for a day in a cell."""

# says: CellTimeoutError
# limits: {"cell_seconds": 1}
# seconds: 12
import time

time.sleep(86400)
