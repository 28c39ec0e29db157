"""Raises its own limits, and removes those of its children."""

# stock: works: there are none
import resource

for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_NPROC,
             resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):  # fmt: skip
    _, hard = resource.getrlimit(kind)
    try:
        resource.setrlimit(kind, (hard, hard + 1))
        print("WORKED", kind)
    except (OSError, ValueError):
        pass
    if hard == resource.RLIM_INFINITY:
        print("WORKED", kind)
