"""A function of `checks.py` as source that can be pasted into a student's cell.

What is written out is the function object itself: its definition is found by the place of its code,
and what it uses (variables of enclosing functions, globals, defaults, attributes) by the values they
have. So it does not matter how an author put it together: by a lambda in a list, by a function that
makes functions, by a loop.
"""

from __future__ import annotations

import ast
import builtins
import copy
import dis
import functools
import keyword
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from textwrap import indent
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from autograder.check import CheckError
from autograder.inputs import is_installed

Definition = ast.FunctionDef | ast.Lambda
# Instructions that stand for the definition as a whole; the others lie in its body.
FRAME = {
    "RESUME",
    "MAKE_CELL",
    "COPY_FREE_VARS",
    "RETURN_VALUE",
    "RETURN_CONST",
    "RETURN_GENERATOR",
}


def function_source(name: str, function: Callable, allows: Collection[str]) -> str:
    """Source that defines `name` as this function, with all that it needs and no other name.

    Args:
        name: what the function is called in the cell.
        function: a function, a class or an object that can be called.
        allows: packages that the source may import, besides the standard library.

    Raises:
        CheckError: the function uses something that cannot be written down.
    """
    writer = _Writer(allows)
    result = writer.expression(function, name)
    maker = ast.parse(f"def make_{name}():\n    return {result}").body[0]
    assert isinstance(maker, ast.FunctionDef)
    maker.body[:0] = ast.parse("\n".join([*writer.imports, *writer.lines])).body
    return f"{ast.unparse(maker)}\n\n\n{name} = make_{name}()\n"


class _Writer:
    """Statements that define values one after the other, each under a name of its own."""

    def __init__(self, allows: Collection[str]):
        self.allows = allows
        self.imports: list[str] = []
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self.named: list[Any] = []  # kept alive: an id is of one object only
        self.unfinished: set[str] = set()

    def expression(self, value: Any, hint: str) -> str:
        """An expression for a value; what it needs is defined before it. `hint` is a good name."""
        if value is None or value is ... or type(value) in (bool, int, str, bytes):
            return repr(value)
        if type(value) in (float, complex):
            return repr(value) if np.isfinite(value) else f"{type(value).__name__}('{value}')"
        if id(value) in self.names:
            return self.names[id(value)]
        if isinstance(value, ModuleType):
            return self._import(value, f"import {value.__name__}", value.__name__, hint)
        if isinstance(value, tuple):
            items = [self.expression(item, hint) for item in value]
            return f"({', '.join(items)}{',' * (len(items) == 1)})"
        if (known := self._importable(value, hint)) is not None:
            return known
        if isinstance(value, FunctionType):
            return self._function(value, hint)
        if isinstance(value, type):
            return self._class(value)
        return self._assign(value, hint, self._made(value, hint))

    def _made(self, value: Any, hint: str) -> str:
        """An expression that makes an equal object."""
        if isinstance(value, (list, set)):
            items = ", ".join(self.expression(item, hint) for item in value)
            return f"[{items}]" if isinstance(value, list) else f"set([{items}])"
        if isinstance(value, dict):
            return "{" + self._items(value) + "}"
        if (
            isinstance(value, np.ndarray)
            and value.dtype.kind in "biuf"
            and np.isfinite(value).all()
        ):
            values = f"{value.tolist()}, {str(value.dtype)!r}"
            return f"{self.expression(np.array, 'array')}({values})"
        if isinstance(value, functools.partial):
            parts = [self.expression(part, hint) for part in (value.func, *value.args)]
            parts += [f"**{{{self._items(value.keywords)}}}"] if value.keywords else []
            return f"{self.expression(functools.partial, 'partial')}({', '.join(parts)})"
        if _is_ours(sys.modules.get(type(value).__module__)):
            return f"object.__new__({self.expression(type(value), 'Kind')})"
        raise CheckError(f"`{hint}` is {value!r:.60}: no source can be written for it.")

    def _items(self, value: dict) -> str:
        pairs = []
        for key, item in value.items():
            hint = key if isinstance(key, str) and key.isidentifier() else "value"
            pairs.append(f"{self.expression(key, 'key')}: {self.expression(item, hint)}")
        return ", ".join(pairs)

    def _assign(self, value: Any, hint: str, made: str) -> str:
        name = self._name(value, hint)
        self.lines.append(f"{name} = {made}")
        if made.startswith("object.__new__"):
            self.lines.append(f"vars({name}).update({{{self._items(vars(value))}}})")
        return name

    def _name(self, value: Any, wanted: str) -> str:
        while (
            wanted in self.names.values() or keyword.iskeyword(wanted) or hasattr(builtins, wanted)
        ):
            wanted += "_"
        self.names[id(value)] = wanted
        self.named.append(value)
        return wanted

    # -- what is imported

    def _import(self, value: Any, statement: str, module: str, hint: str) -> str:
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in self.allows:
            raise CheckError(
                f"`{hint}` comes from {module}, which a submission may not import "
                f"(allowed: {', '.join(self.allows)})."
            )
        name = self._name(value, hint)
        self.imports.append(statement + f" as {name}" * (statement.split()[-1] != name))
        return name

    def _importable(self, value: Any, hint: str) -> str | None:
        """A name for what belongs to Python or to a package, None for what is written out."""
        home = getattr(value, "__module__", None) or (
            "builtins" if hasattr(value, "__objclass__") else None
        )
        path = getattr(value, "__qualname__", getattr(value, "__name__", None))
        if isinstance(value, np.ufunc):
            home, path = "numpy", value.__name__
        module = sys.modules.get(home) if isinstance(home, str) else None
        if module is None or not isinstance(path, str) or _is_ours(module):
            return None
        try:
            same = functools.reduce(getattr, path.split("."), module) is value
        except AttributeError:
            same = False
        if not same:
            return None
        if module is builtins:
            return path
        first, _, rest = path.partition(".")
        owner = getattr(module, first)
        if id(owner) not in self.names:
            self._import(owner, f"from {home} import {first}", module.__name__, first)
        return self.names[id(owner)] + (f".{rest}" if rest else "")

    # -- what is written out

    def _function(self, function: FunctionType, hint: str) -> str:
        node = copy.deepcopy(_definition(function.__code__))
        named = isinstance(node, ast.FunctionDef)
        own = function.__name__ if named else hint
        name = self._name(function, own)
        self.unfinished.add(name)
        if isinstance(node, ast.FunctionDef):
            node.decorator_list, node.returns = [], None
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        # Defaults were computed where the function was defined: their values count.
        node.args.defaults = [
            self._parsed(value, "default") for value in function.__defaults__ or ()
        ]
        keywords = function.__kwdefaults__ or {}
        node.args.kw_defaults = [
            self._parsed(keywords[a.arg], a.arg) if a.arg in keywords else None
            for a in node.args.kwonlyargs
        ]
        values = dict(function.__globals__)
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            values[variable] = cell.cell_contents
        bound = self._bind(node, values, function if named else None)
        self.unfinished.remove(name)
        self._define(node, own if named else None, name, bound)
        return name

    def _define(
        self, node: ast.stmt | ast.Lambda, own: str | None, name: str, bound: list[str]
    ) -> None:
        """Write a definition; `own` is the name that its statement gives it."""
        text = ast.unparse(node)
        if not bound and own in (None, name):
            self.lines.append(text if own else f"{name} = {text}")
            return
        # It knows what is around it by other names: give it surroundings of its own.
        body = [*bound, *([text, f"return {own}"] if own else [f"return {text}"])]
        self.lines.append(f"def make_{name}():\n" + indent("\n".join(body), "    "))
        self.lines.append(f"{name} = make_{name}()")

    def _parsed(self, value: Any, hint: str) -> ast.expr:
        return ast.parse(self.expression(value, hint), mode="eval").body

    def _class(self, kind: type) -> str:
        module = sys.modules[kind.__module__]
        nodes = _defined(str(module.__file__), kind.__name__, 0)
        if len(nodes) != 1:
            raise CheckError(f"{module.__file__}: {len(nodes)} classes are named {kind.__name__}.")
        name = self._name(kind, kind.__name__)
        bound = self._bind(nodes[0], vars(module), kind)
        self._define(nodes[0], kind.__name__, name, bound)
        return name

    def _bind(self, node: ast.stmt | ast.Lambda, values: dict, itself: Any) -> list[str]:
        """Define what a definition uses; assignments for what it knows by another name."""
        bound = []
        for used in _outside_names(node):
            if used not in values or values[used] is itself:
                continue  # a builtin, or a name that gives a NameError in the original too
            written = self.expression(values[used], used)
            if written == used:
                continue
            if written in self.unfinished:
                raise CheckError(f"`{used}` and what uses it need each other: rename one of them.")
            bound.append(f"{used} = {written}")
        return bound


# --------------------------------------------------------------------------- finding definitions


def _is_ours(module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and not is_installed(file)


@functools.lru_cache(64)
def _definitions(path: str, changed: int) -> dict[tuple[str, int], list[Definition | ast.ClassDef]]:
    """The definitions of a file by name and first line; classes have line 0."""
    found: dict[tuple[str, int], list] = {}
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name=name):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                found.setdefault((name, first), []).append(node)
            case ast.Lambda():
                found.setdefault(("<lambda>", node.lineno), []).append(node)
            case ast.ClassDef(name=name):
                found.setdefault((name, 0), []).append(node)
    return found


def _defined(path: str, name: str, line: int) -> list:
    return _definitions(path, Path(path).stat().st_mtime_ns).get((name, line), [])


def _definition(code: CodeType) -> Definition:
    """The `def` or `lambda` that a code object was compiled from.

    Raises:
        CheckError: several lambdas of one line look alike.
    """
    found = _defined(code.co_filename, code.co_name, code.co_firstlineno)
    if code.co_name == "<lambda>":
        found = [node for node in found if _inside(code, node.body)]
        if len(found) > 1 and any(_places(code)):
            # Lambdas in each other's bodies: the innermost that holds all of the code is the one.
            found = [max(found, key=lambda node: _start(node.body))]
    if len(found) != 1:
        raise CheckError(
            f"{code.co_filename}, line {code.co_firstlineno}: {len(found)} definitions fit "
            f"{code.co_name}; give each a line of its own."
        )
    return found[0]


def _places(code: CodeType) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Start and end, as (line, column), of what the instructions of a function's body stand for."""
    for instruction in dis.get_instructions(code):
        at = instruction.positions
        if (
            instruction.opname in FRAME
            or at is None
            or None in at
            or at.col_offset == at.end_col_offset
        ):
            continue
        yield (at.lineno, at.col_offset), (at.end_lineno, at.end_col_offset)  # type: ignore[misc]


def _start(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _inside(code: CodeType, body: ast.expr) -> bool:
    end = (body.end_lineno or 0, body.end_col_offset or 0)
    return all(_start(body) <= first and last <= end for first, last in _places(code))


def _outside_names(node: ast.stmt | ast.Lambda) -> list[str]:
    """The names that a definition uses and does not define itself, in order of their use."""
    statement = ast.Expr(node) if isinstance(node, ast.Lambda) else node
    module = ast.fix_missing_locations(ast.Module([copy.deepcopy(statement)], []))
    try:
        queue = [compile(module, "<definition>", "exec")]
    except SyntaxError as error:  # nonlocal
        raise CheckError(f"a definition cannot stand alone: {error}") from None
    names: dict[str, None] = {}
    while queue:
        code = queue.pop(0)
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                names.setdefault(instruction.argval)
            elif instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                raise CheckError(
                    f"{code.co_name} writes to the global `{instruction.argval}`: keep what it "
                    "remembers in an attribute of an object instead."
                )
        queue += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [name for name in names if not name.startswith("__")]
