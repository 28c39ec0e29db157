"""Leaves files, folders without permissions and a very deep tree for the next submission."""

# stock: works in /tmp
import os

for place in (".", os.environ["TMPDIR"]):
    open(f"{place}/check.py", "w").write("def grade(f): return 2.0")
    open(f"{place}/numpy.py", "w").write("raise SystemExit")
    os.makedirs(f"{place}/locked/inner")
    os.chmod(f"{place}/locked", 0)
for _ in range(300):
    os.mkdir("deep" * 20)
    os.chdir("deep" * 20)
