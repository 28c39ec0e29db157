"""Asks the kernel to tell the names of files that others open, in folders that it may not list."""

# stock: works: the kernel may watch any folder, or simply list it
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
handle = libc.inotify_init()
for place in ("/", "/tmp", "/root", "/home", "/var", "/etc", "/proc", "/work", "/srv"):
    if handle >= 0 and libc.inotify_add_watch(handle, place.encode(), 0x20) >= 0:
        print("WORKED", place)
if handle >= 0:
    print("WORKED inotify")
