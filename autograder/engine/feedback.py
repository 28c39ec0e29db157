"""Takes out of an answer what could carry hidden inputs to the student.

An answer's error message and the name of its type are the student's own words, spoken after the
hidden inputs were seen. What could have been said without them stays: words of the student's own
source and of Python's and NumPy's messages, sizes that follow from the shapes of the inputs.
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
_WORDS = frozenset(
    re.split(
        r"\s+",
        """a all ambiguous an and any are argument arguments array arrays as assigned assignment associated
at attribute axes axis be before boolean bounds broadcast broadcasting by bytes call callable
can cannot cast concatenation concatenate contains convert core could dict did different dim
dimension dimensional dimensions division do does dtype during elements element empty enough
exactly exist expected exponent failed float floating following for format from function gives
got gufunc has have image in incompatible index indexed indices input inputs int integer
integers invalid is isn item iterable iteration its key keyword last least len length list local
loop low mapping match matmul maximum memory mismatch missing module more multiple must n name
ndarray need no non none not object objects of on only open operand operands operator or
original out output overflow point positional provided range rank real recursion reduce
reduction referenced reshape result required requested rule safe same scalar scalars self
sequence set setting shape shapes should signature size sizes slice slices solution squeeze
start step stop str string subscriptable subscript supported supports than that the there to
together too truth tuple type types ufunc unable unexpected unhashable unpack unsupported use
value values variable was were which while with without x zero""",
    )
)
_TOKEN = re.compile(r"[^\W\d]\w*|\d+(?:[.eE][\d.+-]*)?")
MISSING = "…"


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
        sizes = _sizes(case)

        def keep(token: re.Match) -> str:
            word = token.group(0)
            if word[0].isdigit():
                return word if word in known or word in sizes else MISSING
            fine = word in known or word.lower() in _WORDS or word in _TYPES
            return word if fine or re.fullmatch(r"(?:u?int|float|complex)\d+", word) else MISSING

        message = _TOKEN.sub(keep, message.strip()[:300])
        message = re.sub(r"[^\x20-\x7e…]", "", message)
        line, number = answer.line, answer.lineno
        if not (isinstance(number, int) and isinstance(line, str)
                and line.strip() in self.lines.get(number, ())):  # fmt: skip
            line = number = None
        error = f"{name}: {message}" if message else name
        return check.Answer(error=error, line=line, lineno=number)


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


def _plain_types(value: object) -> object:
    if isinstance(value, check.Opaque):
        fine = value.name in _TYPES or value.name.startswith(("a structure", "an int beyond"))
        return value if fine else check.Opaque("another type")
    if isinstance(value, (list, tuple)):
        return type(value)(_plain_types(item) for item in value)
    return value
