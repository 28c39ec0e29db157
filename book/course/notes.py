"""From a cell into the text: numbers with a name, and tables of what was measured."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


def glue(**values: Any) -> None:
    """Give numbers or words a name that the chapter's text can quote.

    ``glue(accuracy=0.71)`` in a cell, ``{glue:text}`accuracy:.2f` `` in the text. Nothing is
    displayed. The names of one chapter start with its number: ``ch01_accuracy``.
    """
    from IPython.display import display

    prefix = "application/papermill.record/"  # what MyST-NB takes out of the page again
    for name, value in values.items():
        if isinstance(value, np.generic):
            value = value.item()
        shown = value if isinstance(value, str) else repr(value)
        display(
            {f"{prefix}text/plain": shown if not isinstance(value, str) else repr(value)},
            metadata={"scrapbook": {"name": name, "mime_prefix": prefix}},
            raw=True,
        )


def short(value: float) -> str:
    """A number in a few characters, however small or large.

    >>> short(0.25), short(7e-16)
    ('0.25', '7·10⁻¹⁶')
    """
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"
    digit, exponent = f"{value:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digit}·10{raised}"


class Table:
    """Measured numbers as a table. Columns name them; ``formats`` has one format per column.

    A format is a string, ``"{:.2f}"``, or a function such as ``short``. Columns of words stand to
    the left, columns of numbers to the right.

    >>> Table(["model", "accuracy"], [["bag", 0.6]], ["{}", "{:.2f}"])
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        formats: Sequence[str | Callable[[Any], str]] | None = None,
    ) -> None:
        self.columns = list(columns)
        formats = list(formats or ["{}"] * len(self.columns))
        self.words = [all(isinstance(row[i], str) for row in rows) for i in range(len(columns))]
        self.rows = [
            [
                form(value) if callable(form) else form.format(value)
                for form, value in zip(formats, row, strict=True)
            ]
            for row in rows
        ]

    def _repr_mimebundle_(self, include=None, exclude=None) -> Mapping[str, str]:  # type: ignore[no-untyped-def]
        side = [' class="words"' if words else "" for words in self.words]
        head = "".join(
            f'<th scope="col"{side[i]}>{html.escape(c)}</th>' for i, c in enumerate(self.columns)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f'<th scope="row">{html.escape(v)}</th>'
                if i == 0
                else f"<td{side[i]}>{html.escape(v)}</td>"
                for i, v in enumerate(row)
            )
            + "</tr>"
            for row in self.rows
        )
        return {
            "text/html": f'<div class="scroll-x" tabindex="0" role="group" aria-label="Table">'
            f'<table class="measured"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
            "</div>",
            "text/plain": "\n".join("\t".join(row) for row in [self.columns, *self.rows]),
        }
