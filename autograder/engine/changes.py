"""Tells from a cell's source whether running it may change more than the notebook's own names and data.

A check's function must meet NumPy as it was at its check: a later cell that says `np.seterr(all="raise")`
must not fail it. What only gives names and data new values does not touch libraries, and a copy of the
names keeps the function as it is; before everything else the process is forked, which costs as much as
ten cells. A cell that hides what it changes changes only its own notebook's answers, never a reference.
"""

from __future__ import annotations

import ast
import functools

# Functions that set something for good, and libraries that are about the process itself.
_SETS = frozenset(
    {"seterr", "seterrcall", "setbufsize", "set_printoptions", "set_string_function", "seed",
     "set_state", "setattr", "delattr", "getattr", "exec", "eval", "compile", "globals", "vars",
     "update", "rcParams", "rc", "use", "set_loglevel", "basicConfig", "reload", "get_ipython",
     "__dict__", "__globals__", "__builtins__", "__import__"}
    | {"builtins", "ctypes", "decimal", "faulthandler", "gc", "importlib", "locale", "logging", "mock",
       "multiprocessing", "os", "pathlib", "resource", "shutil", "signal", "socket", "subprocess",
       "sys", "threading", "unittest", "warnings"}
)  # fmt: skip
MOST_CHARACTERS = 100_000  # a syntax tree takes hundreds of times the memory of its source


@functools.lru_cache(maxsize=256)  # the instructor's cells are the same in every submission
def may_change_libraries(source: str) -> bool:
    """Whether running a cell may change what later code finds in a library or in the process.

    True too for what cannot be read: magics, commands, giants.
    """
    if len(source) > MOST_CHARACTERS:
        return True
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return any(map(_sets, ast.walk(tree)))


def _sets(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name in _SETS
        case ast.Attribute(value=of, attr=name, ctx=context):
            if name in _SETS:
                return True
            own = isinstance(of, ast.Name) and of.id == "self"
            return not isinstance(context, ast.Load) and not own
        case ast.Subscript(value=ast.Attribute(), ctx=ast.Store() | ast.Del()):
            return True  # plt.rcParams["..."] = ...
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            parts = {part for alias in names for part in alias.name.split(".")}
            if isinstance(node, ast.ImportFrom):
                parts |= set((node.module or "").split("."))
            return bool(parts & _SETS)
    return False
