"""Prints without end: text, displays, a giant picture, updates of one display."""

# stock: works: the notebook grows until memory is full
# limits: {"cell_seconds": 2, "output_bytes": 200000}
# twice: any
import sys

from IPython.display import display

handle = display("x", display_id=True)
while True:
    sys.stdout.write("x" * 10000)
    handle.update("y" * 1000)
    display({"image/png": "x" * 100000}, raw=True)
