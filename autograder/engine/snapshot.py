"""Keeps a notebook's function as it is at its check, whatever later cells do to the notebook's names.

A fork keeps everything, and costs as much as ten cells. Most functions need less: a copy of the names
that they reach. What such a copy cannot hold (an object of an unknown kind, a look at names by their
text) is left to a fork. All of this runs on the untrusted side and decides about no score.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import numpy as np

# Whoever uses one of these may reach any name of the notebook.
_REACHES_ALL = frozenset(
    {"globals", "vars", "eval", "exec", "get_ipython", "__main__", "__globals__", "modules",
     "_getframe", "currentframe", "inspect", "get_objects"}
)  # fmt: skip
_FIXED = frozenset(
    {type(None), bool, int, float, complex, str, bytes, range, slice, type(...), np.ufunc,
     types.ModuleType, types.BuiltinFunctionType, type(np.dot)}
)  # fmt: skip
MOST_BYTES = 1 << 20  # of arrays: a fork copies none


class OnlyForkKeepsError(Exception):
    """A copy of names does not hold this function as it is."""


def snapshot(function: Any, namespace: dict) -> Any:
    """The function as it is now.

    Args:
        namespace: the notebook's global names.

    Raises:
        OnlyForkKeepsError: something that it reaches cannot be copied.
    """
    try:
        return _Snapshot(namespace).of(function)
    except RecursionError:
        raise OnlyForkKeepsError from None


def loose_snapshot(function: Any, namespace: dict) -> Any:
    """The same for a process that cannot fork: what cannot be copied is shared with later cells."""
    if not isinstance(function, types.FunctionType) or function.__globals__ is not namespace:
        return function
    held = dict(namespace)
    for name, value in namespace.items():
        if isinstance(value, types.FunctionType) and value.__globals__ is namespace:
            held[name] = _rebuilt(value, held, value.__closure__)
    return _rebuilt(function, held, function.__closure__)


class _Snapshot:
    def __init__(self, namespace: dict):
        self.namespace = namespace
        self.held: dict = dict(namespace)
        self.done: dict[int, Any] = {}  # copies, by the id of what they are copies of
        self.kept: list[Any] = []  # so that no id is used twice
        self.left = MOST_BYTES

    def of(self, value: Any) -> Any:
        """A copy that later cells cannot change, or `value` itself where they cannot anyway."""
        kind = type(value)
        if kind in _FIXED or isinstance(value, (np.generic, np.dtype)):
            return value
        if id(value) in self.done:
            return self.done[id(value)]
        self.kept.append(value)
        if kind is types.FunctionType:
            return self._function(value)
        if isinstance(value, type) and value.__module__ not in ("__main__", None):
            return value  # a library's class
        if kind is np.ndarray and not value.dtype.hasobject:
            self._spend(value.nbytes)
            return self._keep(value, value.copy(order="K"))
        if kind is list:
            self._spend(8 * len(value))
            copy: Any = self._keep(value, [])
            copy += map(self.of, value)
            return copy
        if kind is dict:
            self._spend(16 * len(value))
            copy = self._keep(value, {})
            copy.update((self.of(key), self.of(item)) for key, item in value.items())
            return copy
        if kind in (tuple, set, frozenset):
            self._spend(8 * len(value))
            return self._keep(value, kind(map(self.of, value)))
        raise OnlyForkKeepsError

    def _function(self, function: types.FunctionType) -> types.FunctionType:
        if function.__globals__ is not self.namespace:
            if function.__closure__:
                raise OnlyForkKeepsError  # it may be a library's wrapper around one of the notebook's
            return function
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        copy = self._keep(function, _rebuilt(function, self.held, cells or None))
        for old, new in zip(function.__closure__ or (), cells):
            new.cell_contents = self._contents(old)
        copy.__defaults__ = self.of(function.__defaults__)
        copy.__kwdefaults__ = self.of(function.__kwdefaults__)
        copy.__dict__.clear()
        copy.__dict__.update(self.of(dict(function.__dict__)))
        for name in _names(function.__code__):
            if name in _REACHES_ALL:
                raise OnlyForkKeepsError
            if name in self.namespace:
                self.held[name] = self.of(self.namespace[name])
        return copy

    def _contents(self, cell: types.CellType) -> Any:
        try:
            return self.of(cell.cell_contents)
        except ValueError:  # empty: a name that has no value yet
            raise OnlyForkKeepsError from None

    def _keep(self, value: Any, copy: Any) -> Any:
        self.done[id(value)] = copy
        return copy

    def _spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise OnlyForkKeepsError


def _names(code: types.CodeType) -> Iterator[str]:
    """Global names and attributes that a function's code uses, those of functions in it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _rebuilt(
    function: types.FunctionType, names: dict, closure: tuple[types.CellType, ...] | None
) -> types.FunctionType:
    copy = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, closure
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__dict__.update(function.__dict__)
    return copy
