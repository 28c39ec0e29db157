"""Takes out of an answer what could carry hidden inputs to the student.

An answer's error message and the name of its type are the student's own words, spoken after the
hidden inputs were seen. Words of a fixed vocabulary could spell them out, and so could words of the
student's own source. So a message stays only when it is one of those of Python and NumPy, about names
of the source and sizes that follow from the shapes of the inputs; a few dozen bits at most. Else the
type and the line of the student's cell say what happened; both are of the student's own source.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable

import numpy as np

from autograder import check

_TYPES = {name for name in dir(builtins) if not name.startswith("_")} | {
    "NoneType", "function", "method", "generator", "module", "Tensor", "EagerTensor", "Variable",
    "Sequential", "Functional", "deque", "OrderedDict", "defaultdict", "matrix", "LinAlgError",
    "AxisError", "UFuncTypeError", "_UFuncNoLoopError", "_UFuncOutputCastingError", "_ArrayMemoryError",
    "InvalidArgumentError", "CallTimeout",
}  # fmt: skip
# Messages of Python and NumPy in which only NAME, SHAPE, INT, TYPE and QUOTED vary.
_MESSAGES = (
    "name NAME is not defined",
    "name NAME is not defined. Did you mean: QUOTED?",
    "cannot access local variable QUOTED where it is not associated with a value",
    "cannot access free variable QUOTED where it is not associated with a value in enclosing scope",
    "NAME() missing INT required positional argument: QUOTED",
    "NAME() missing INT required positional arguments: QUOTED and QUOTED",
    "NAME() missing INT required positional arguments: QUOTED, QUOTED, and QUOTED",
    "NAME() missing INT required keyword-only argument: QUOTED",
    "NAME() takes INT positional arguments but INT were given",
    "NAME() takes INT positional argument but INT were given",
    "NAME() takes INT positional arguments but INT was given",
    "NAME() takes from INT to INT positional arguments but INT were given",
    "NAME() got an unexpected keyword argument QUOTED",
    "NAME() got multiple values for argument QUOTED",
    "TYPE object is not callable", "TYPE object is not iterable",
    "TYPE object is not subscriptable", "TYPE object is not an iterator",
    "TYPE object cannot be interpreted as an integer",
    "TYPE object does not support item assignment",
    "cannot unpack non-iterable NAME object",
    "TYPE object has no attribute QUOTED",
    "TYPE object has no attribute QUOTED. Did you mean: QUOTED?",
    "module TYPE has no attribute QUOTED",
    "unsupported operand type(s) for OPERATOR: TYPE and TYPE",
    "bad operand type for unary OPERATOR: TYPE",
    "OPERATOR not supported between instances of TYPE and TYPE",
    "can only concatenate str (not TYPE) to str", "can't multiply sequence by non-int of type TYPE",
    "list indices must be integers or slices, not NAME",
    "tuple indices must be integers or slices, not NAME",
    "object of type TYPE has no len()", "unhashable type: TYPE",
    "not enough values to unpack (expected INT, got INT)",
    "too many values to unpack (expected INT)",
    "too many values to unpack (expected INT, got INT)",
    "division by zero", "math domain error", "math range error", "float division by zero",
    "list index out of range", "tuple index out of range", "pop from empty list",
    "string index out of range", "list assignment index out of range", "INT", "QUOTED",
    "maximum recursion depth exceeded", "maximum recursion depth exceeded in comparison",
    "maximum recursion depth exceeded while calling a Python object",
    "operands could not be broadcast together with shapes SHAPE SHAPE",
    "operands could not be broadcast together with shapes SHAPE SHAPE SHAPE",
    "non-broadcastable output operand with shape SHAPE doesn't match the broadcast shape SHAPE",
    "shapes SHAPE and SHAPE not aligned: INT (dim INT) != INT (dim INT)",
    "could not broadcast input array from shape SHAPE into shape SHAPE",
    "cannot reshape array of size INT into shape SHAPE",
    "matmul: Input operand INT has a mismatch in its core dimension INT, with gufunc signature "
    "(n?,k),(k,m?)->(n?,m?) (size INT is different from INT)",
    "matmul: Input operand INT does not have enough dimensions (has INT, gufunc core with signature "
    "(n?,k),(k,m?)->(n?,m?) requires INT)",
    "index INT is out of bounds for axis INT with size INT",
    "axis INT is out of bounds for array of dimension INT",
    "too many indices for array: array is INT-dimensional, but INT were indexed",
    "boolean index did not match indexed array along axis INT; size of axis is INT but size of "
    "corresponding boolean axis is INT",
    "all input arrays must have the same shape", "need at least one array to concatenate",
    "need at least one array to stack",
    "all the input array dimensions except for the concatenation axis must match exactly, but along "
    "dimension INT, the array at index INT has size INT and the array at index INT has size INT",
    "all the input arrays must have same number of dimensions, but the array at index INT has INT "
    "dimension(s) and the array at index INT has INT dimension(s)",
    "zero-dimensional arrays cannot be concatenated", "axes don't match array",
    "setting an array element with a sequence.",
    "setting an array element with a sequence. The requested array has an inhomogeneous shape after "
    "INT dimensions. The detected shape was SHAPE + inhomogeneous part.",
    "only length-1 arrays can be converted to Python scalars",
    "only 0-dimensional arrays can be converted to Python scalars",
    "only integer scalar arrays can be converted to a scalar index",
    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean "
    "arrays are valid indices",
    "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()",
    "arrays used as indices must be of integer (or boolean) type",
    "cannot select an axis to squeeze out which has size not equal to one",
    "assignment destination is read-only", "Singular matrix",
    "Unable to allocate INT for an array with shape SHAPE and data type NAME",
    "Cannot cast ufunc TYPE output from NAME to NAME with casting rule 'same_kind'",
    "loop of ufunc does not support argument INT of type NAME which has no callable NAME method",
)  # fmt: skip
_PARTS = {
    "NAME": r"'?([^\W\d][\w.<>]{0,60})'?", "QUOTED": r"'?([^\W\d]\w{0,60})'?",
    "TYPE": r"'([^\W\d][\w.]{0,60})'", "INT": r"(-?\d{1,9})", "SHAPE": r"(\([\d, ]{0,60}\))",
    "OPERATOR": r"'?([-+*/@%&|^<>=]{1,3}|\*\* or pow\(\))'?:?",
}  # fmt: skip
MOST_NAMES = 4  # of the student's own, in one message


def _pattern(message: str) -> re.Pattern:
    parts = re.split("(" + "|".join(_PARTS) + ")", message)
    return re.compile("".join(_PARTS.get(part) or re.escape(part) for part in parts) + r"\s*")


_PATTERNS = [_pattern(message) for message in _MESSAGES]
_TOKEN = re.compile(r"[^\W\d]\w*")


class Redactor:
    """Redacts the answers of one submission.

    Args:
        sources: the source of its cells.
    """

    def __init__(self, sources: Iterable[str]):
        self.sources = list(sources)
        self.words: set[str] | None = None
        self.lines: dict[int, set[str]] = {}

    def _learn(self) -> set[str]:
        if self.words is None:
            self.words = set()
            for source in self.sources:
                self.words |= set(_TOKEN.findall(source))
                for number, line in enumerate(source.splitlines(), 1):
                    self.lines.setdefault(number, set()).add(line.strip())
        return self.words

    def clean(self, answer: check.Answer, case: check.Case) -> check.Answer:
        """The answer with what it says in words reduced to what may be said."""
        if answer.error is not None:
            return self._error(answer, case)
        answer.value = _plain_types(answer.value)
        return answer

    def _error(self, answer: check.Answer, case: check.Case) -> check.Answer:
        known = self._learn()
        name, _, message = str(answer.error).partition(":")
        own = name in known and re.search(rf"class\s+{re.escape(name)}\b", "\n".join(self.sources))
        if name not in _TYPES and not (name.isidentifier() and own):
            name = "an exception"
        message = message.strip()
        if not (self._usual(message, known, case) or self._literal(message)):
            message = ""
        line, number = answer.line, answer.lineno
        if not (isinstance(number, int) and isinstance(line, str)
                and line.strip() in self.lines.get(number, ())):  # fmt: skip
            line = number = None
        error = f"{name}: {message}" if message else name
        return check.Answer(error=error, line=line, lineno=number)

    def _literal(self, message: str) -> bool:
        """Whether the message stands in the source as a text of its own, word for word."""
        fine = len(message) <= 200 and message.isascii() and message.isprintable()
        quoted = (f"'{message}'", f'"{message}"')
        return fine and any(text in source for source in self.sources for text in quoted)

    def _usual(self, message: str, known: set[str], case: check.Case) -> bool:
        """Whether Python or NumPy says this, about names of the source and sizes of the inputs."""
        if len(message) > 300 or not message.isascii():
            return False
        found = next(filter(None, (p.fullmatch(message) for p in _PATTERNS)), None)
        if found is None:
            return False
        sizes, names = _sizes(case), 0
        for word in re.findall(r"[^\W\d]\w*|\d+", " ".join(filter(None, found.groups()))):
            if word[0].isdigit():
                if word not in sizes:
                    return False
            elif word in known:
                names += 1
            elif word not in _TYPES and not re.fullmatch(_OTHER, word):
                return False
        return names <= MOST_NAMES


_OTHER = r"(?:u?int|float|complex)\d+|bool|numpy|locals|or|pow|dtype"


def _sizes(case: check.Case) -> set[str]:
    """Numbers that follow from the shapes of a case's inputs, and the first few integers."""
    dimensions = {0, 1, 2, 3}
    for spec in _specs([case.args, case.kwargs]):
        if isinstance(spec.get("a"), int):
            dimensions |= set(np.shape(case.arrays[spec["a"]])[:6])
    multiples = {d * k for d in dimensions for k in (1, 2, 3, 4)}
    products = {a * b for a in dimensions for b in dimensions}
    return {str(n) for n in multiples | products | {d + 1 for d in dimensions}}


def _specs(node: object) -> Iterable[dict]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _specs(item)


_FINE_OPAQUE = {"a structure nested more than 8 deep", "an int beyond 64 bits"}


def _plain_types(value: object) -> object:
    if isinstance(value, check.Opaque):
        fine = value.name in _TYPES or value.name in _FINE_OPAQUE
        return value if fine else check.Opaque("another type")
    if isinstance(value, (list, tuple)):
        return type(value)(_plain_types(item) for item in value)
    return value
