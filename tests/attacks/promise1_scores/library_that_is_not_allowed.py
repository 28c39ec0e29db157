"""Calls a library that the assignment does not allow, by every way to import it."""

# stock: works: the kernel's whole environment can be imported
import importlib
import importlib.util
import sys


def load():
    for name in ("keras", "tensorflow", "torch", "scipy", "pandas", "matplotlib"):
        try:
            return importlib.import_module(name)
        except ImportError:
            sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != "_NotAllowed"]
        for folder in sys.path:
            try:
                spec = importlib.util.spec_from_file_location(name, f"{folder}/{name}/__init__.py")
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
            except Exception:
                pass


library = load()
if library is not None and getattr(library, "__file__", None):
    print("WORKED", library)


def double(x):
    return 2 * x if library else 0 * x
