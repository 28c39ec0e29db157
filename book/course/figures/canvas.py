"""Drawing by hand, in SVG: boxes, circles, arrows and labels that mean the same in every chapter.

The visual language (colours are CSS variables of ``_static/course.css``, for light and dark):

=========  ==========================================================================
kind       what it is, in every figure, formula and plot of the book
=========  ==========================================================================
input      x, what a timestep reads (blue)
state      h, what is carried from one timestep to the next (orange)
output     y, what leaves the network, and targets (green)
weight     W, U, b, what training changes (violet)
carry      c, the cell state of an LSTM (red)
gate       f, i, o, z, r: numbers between 0 and 1 that multiply (teal)
muted      everything that is there but not the point (grey)
plain      text and lines without a meaning of their own
=========  ==========================================================================

Boxes with rounded corners compute something; circles merge (``+``, ``×``); an arrow carries an
array; a dashed arrow happens only sometimes. Time runs from left to right, layers from bottom to
top. Draw at most 520 units wide, so that a telephone can show the figure without scrolling, and
put wider things side by side with ``row``.
"""

from __future__ import annotations

import html
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]
KINDS = ("input", "state", "output", "weight", "carry", "gate", "muted", "plain")

_GREEK = {
    r"\sigma": "σ", r"\alpha": "α", r"\partial": "∂", r"\times": "×", r"\odot": "⊙",
    r"\cdot": "·", r"\dots": "…", r"\to": "→", r"\hat": "", r"\ne": "≠", r"\Sigma": "Σ",
    r"\le": "≤", r"\ge": "≥", r"\in": "∈", r"\mid": "|", r"\,": "\u2009",
}  # fmt: skip
_COUNTER = itertools.count(1)


class Picture:
    """A finished figure. In a page it is inline SVG, so it follows the page's colours.

    svg    one or several <svg> elements, or other HTML that is safe to show
    alt    what the figure shows, in words, for who cannot see it
    """

    def __init__(self, svg: str, alt: str) -> None:
        self.svg = svg
        self.alt = alt

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:  # type: ignore[no-untyped-def]
        return {"text/html": f'<div class="picture">{self.svg}</div>', "text/plain": self.alt}


def row(*pictures: Picture) -> Picture:
    """Pictures side by side, and below one another where the screen is narrow."""
    inside = "".join(f'<div class="panel">{p.svg}</div>' for p in pictures)
    return Picture(f'<div class="panels">{inside}</div>', " ".join(p.alt for p in pictures))


@dataclass(frozen=True)
class Node:
    """Something drawn that arrows can start from and end at."""

    x: float  # centre
    y: float
    w: float
    h: float

    @property
    def left(self) -> Point:
        return self.x - self.w / 2, self.y

    @property
    def right(self) -> Point:
        return self.x + self.w / 2, self.y

    @property
    def top(self) -> Point:
        return self.x, self.y - self.h / 2

    @property
    def bottom(self) -> Point:
        return self.x, self.y + self.h / 2

    def at(self, side: str, share: float) -> Point:
        """A point on a side (left, right, top, bottom), ``share`` 0 to 1 along it."""
        along_x = self.x - self.w / 2 + share * self.w
        along_y = self.y - self.h / 2 + share * self.h
        return {
            "left": (self.left[0], along_y),
            "right": (self.right[0], along_y),
            "top": (along_x, self.top[1]),
            "bottom": (along_x, self.bottom[1]),
        }[side]


@dataclass
class Canvas:
    """A drawing surface of ``width`` x ``height`` units (1 unit is 1 pixel at full size)."""

    width: float
    height: float
    _parts: list[str] = field(default_factory=list)

    # --- shapes ---

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        label: str = "",
        kind: str = "plain",
        *,
        note: str = "",
        dashed: bool = False,
        faint: bool = False,
        size: float = 15,
    ) -> Node:
        """A rounded box with its centre at (x, y): something that computes. ``note`` below it."""
        style = _classes("box", kind, dashed, faint)
        self._parts.append(
            f'<rect class="{style}" x="{_n(x - w / 2)}" y="{_n(y - h / 2)}" '
            f'width="{_n(w)}" height="{_n(h)}" rx="{_n(min(8, h / 3))}"/>'
        )
        if label:
            self.text(x, y, label, kind="plain", size=size, faint=faint)
        if note:
            self.text(x, y + h / 2 + 12, note, kind="muted", size=12)
        return Node(x, y, w, h)

    def circle(
        self, x: float, y: float, label: str = "", kind: str = "plain", *, r: float = 13,
        dashed: bool = False, faint: bool = False, size: float = 15,
    ) -> Node:  # fmt: skip
        """A circle: a value (h_0), or a merge (``+``, ``×``)."""
        style = _classes("box", kind, dashed, faint)
        self._parts.append(f'<circle class="{style}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}"/>')
        if label:
            self.text(x, y, label, kind="plain", size=size, faint=faint)
        return Node(x, y, 2 * r, 2 * r)

    def region(
        self, x: float, y: float, w: float, h: float, label: str = "", kind: str = "muted"
    ) -> Node:
        """A dashed frame around what belongs together, its label in the upper left corner."""
        self._parts.append(
            f'<rect class="region k-{kind}" x="{_n(x - w / 2)}" y="{_n(y - h / 2)}" '
            f'width="{_n(w)}" height="{_n(h)}" rx="12"/>'
        )
        if label:
            self.text(x - w / 2 + 10, y - h / 2 + 13, label, kind=kind, size=12, anchor="start")
        return Node(x, y, w, h)

    def column(
        self,
        x: float,
        y: float,
        values: Sequence[float | str],
        kind: str = "plain",
        *,
        cell: float = 16,
        horizontal: bool = False,
        shade: bool = True,
    ) -> Node:
        """A vector as a stack of small squares; numbers in [-1, 1] shade it (dark is large)."""
        count = len(values)
        for i, value in enumerate(values):
            offset = (i - (count - 1) / 2) * cell
            cx, cy = (x + offset, y) if horizontal else (x, y + offset)
            number = value if isinstance(value, int | float) else 0.0
            alpha = 0.12 + 0.75 * min(abs(number), 1) if shade else 0.12
            self._parts.append(
                f'<rect class="unit k-{kind}" x="{_n(cx - cell / 2)}" y="{_n(cy - cell / 2)}" '
                f'width="{_n(cell)}" height="{_n(cell)}" style="fill-opacity:{alpha:.2f}"/>'
            )
            if isinstance(value, str) and value:
                self.text(cx, cy, value, size=min(12, cell * 0.75))
        w, h = (count * cell, cell) if horizontal else (cell, count * cell)
        return Node(x, y, w, h)

    # --- lines ---

    def arrow(
        self,
        *points: Point,
        kind: str = "plain",
        label: str = "",
        side: str = "above",
        dashed: bool = False,
        faint: bool = False,
        head: bool = True,
        radius: float = 10,
        width: float = 2,
        size: float = 14,
    ) -> None:
        """An arrow through the points, its corners rounded.

        The label stands beside the middle of the longest piece: ``side`` is above, below, left
        or right of it.
        """
        style = _classes("wire", kind, dashed, faint)
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        end = (x1 - 6 * ux, y1 - 6 * uy) if head else (x1, y1)
        self._parts.append(
            f'<path class="{style}" d="{_rounded([*points[:-1], end], radius)}" '
            f'style="stroke-width:{_n(width)}"/>'
        )
        if head:
            back = (x1 - 9 * ux, y1 - 9 * uy)
            corners = [(x1, y1), (back[0] - 4.5 * uy, back[1] + 4.5 * ux),
                       (back[0] + 4.5 * uy, back[1] - 4.5 * ux)]  # fmt: skip
            shape = " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)
            self._parts.append(
                f'<polygon class="{_classes("tip", kind, False, faint)}" points="{shape}"/>'
            )
        if label:
            pieces = list(zip(points, points[1:], strict=False))
            (xa, ya), (xb, yb) = max(pieces, key=lambda p: math.dist(*p))
            mx, my = (xa + xb) / 2, (ya + yb) / 2
            dx, dy, anchor = {
                "above": (0, -11, "middle"), "below": (0, 13, "middle"),
                "left": (-8, 0, "end"), "right": (8, 0, "start"),
            }[side]  # fmt: skip
            self.text(mx + dx, my + dy, label, kind=kind, size=size, anchor=anchor, faint=faint)

    def line(self, *points: Point, kind: str = "plain", **options: object) -> None:
        """An arrow without a head."""
        self.arrow(*points, kind=kind, head=False, **options)  # type: ignore[arg-type]

    def curve(self, start: Point, bend: Point, end: Point, kind: str = "plain", *,
              dashed: bool = False) -> None:  # fmt: skip
        """A smooth line without a head, pulled towards ``bend``."""
        self._parts.append(
            f'<path class="{_classes("wire", kind, dashed, False)}" '
            f'd="M{_n(start[0])} {_n(start[1])} Q{_n(bend[0])} {_n(bend[1])} '
            f'{_n(end[0])} {_n(end[1])}"/>'
        )

    def dot(self, x: float, y: float, kind: str = "plain", r: float = 3) -> Node:
        """Where one wire splits into two."""
        self._parts.append(f'<circle class="tip k-{kind}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}"/>')
        return Node(x, y, 2 * r, 2 * r)

    # --- words ---

    def text(
        self,
        x: float,
        y: float,
        label: str,
        kind: str = "plain",
        *,
        size: float = 15,
        anchor: str = "middle",
        bold: bool = False,
        faint: bool = False,
        code: bool = False,
    ) -> None:
        """Words, with formulas between dollar signs: ``"state $h_{t-1}$"``.

        A formula knows letters, subscripts and superscripts, \\tilde, \\sigma, \\tanh and the
        few signs of ``_GREEK``. Its letters stand in the typeface of the book's formulas.
        """
        style = " ".join(
            word
            for word in (
                "label",
                f"k-{kind}",
                "bold" if bold else "",
                "faint" if faint else "",
                "code" if code else "",
            )
            if word
        )
        spans = _label(label, size)
        self._parts.append(
            f'<text class="{style}" x="{_n(x)}" y="{_n(y + 0.35 * size)}" '
            f'text-anchor="{anchor}" style="font-size:{_n(size)}px">{spans}</text>'
        )

    def raw(self, svg: str) -> None:
        """Any other SVG. Use the classes box, wire, tip, label with k-input, k-state, ..."""
        self._parts.append(svg)

    # --- done ---

    def finish(self, title: str, alt: str) -> Picture:
        """The picture. ``title`` names it in a few words, ``alt`` says all that it shows."""
        name = f"pic{next(_COUNTER)}-{abs(hash_text(title + alt)):x}"
        return Picture(
            f'<svg class="drawing" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="0 0 {_n(self.width)} {_n(self.height)}" '
            f'style="max-width:{_n(self.width)}px" '
            f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{html.escape(title)}</title>'
            f'<desc id="{name}-d">{html.escape(alt)}</desc>{"".join(self._parts)}</svg>',
            alt,
        )


def hash_text(text: str) -> int:
    """A small number that is the same in every run (Python's own hash is not)."""
    import zlib

    return zlib.crc32(text.encode())


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _classes(shape: str, kind: str, dashed: bool, faint: bool) -> str:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of thing: use one of {', '.join(KINDS)}")
    return f"{shape} k-{kind}" + (" dashed" if dashed else "") + (" faint" if faint else "")


def _rounded(points: Sequence[Point], radius: float) -> str:
    """The path through the points with its corners rounded."""
    path = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        r = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        a, b = _towards(corner, before, r), _towards(corner, after, r)
        path += f" L{_n(a[0])} {_n(a[1])} Q{_n(corner[0])} {_n(corner[1])} {_n(b[0])} {_n(b[1])}"
    return path + f" L{_n(points[-1][0])} {_n(points[-1][1])}"


def _towards(start: Point, end: Point, length: float) -> Point:
    share = length / (math.dist(start, end) or 1.0)
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


_TOKEN = re.compile(r"\\[a-zA-Z]+|\\,|[_^]|\{|\}|[A-Za-z]|\s+|.", re.S)


def _label(label: str, size: float) -> str:
    parts = label.split("$")
    spans = [
        html.escape(part) if i % 2 == 0 else _formula(part, size) for i, part in enumerate(parts)
    ]
    return "".join(spans)


def _formula(source: str, size: float) -> str:
    """A very small TeX: enough for the labels of the book's figures."""
    tokens = [t for t in _TOKEN.findall(source) if not t.isspace()]
    runs: list[tuple[str, str, int]] = []  # characters, style, level (-1 sub, 0, 1 super)

    def read(position: int, level: int) -> int:
        """Read one item (a letter, a command or a group) and return the next position."""
        token = tokens[position]
        if token == "{":
            position += 1
            while tokens[position] != "}":
                position = read(position, level)
            return position + 1
        if token in "_^":
            return read(position + 1, -1 if token == "_" else 1)
        if token in (r"\tilde", r"\hat"):
            start = len(runs)
            position = read(position + 1, level)
            text, style, at = runs[start]
            runs[start] = (text + ("\u0303" if token == r"\tilde" else "\u0302"), style, at)
            return position
        if token.startswith("\\"):
            runs.append((_GREEK.get(token, token[1:]), "up", level))
        elif token in "+=-−·×⊙→<>":
            sign = "−" if token == "-" else token
            runs.append((f"\u2009{sign}\u2009" if level == 0 else sign, "up", level))
        else:
            runs.append((token, "it" if token.isalpha() else "up", level))
        return position + 1

    position = 0
    while position < len(tokens):
        position = read(position, 0)

    spans, shift = "", 0.0
    for text, style, level in runs:
        wanted = {-1: 0.22, 0: 0.0, 1: -0.38}[level] * size
        small = f"font-size:{_n(0.72 * size)}px" if level else ""
        move = f' dy="{_n(wanted - shift)}"' if wanted != shift else ""
        styled = f' style="{small}"' if small else ""
        spans += f'<tspan class="{style}"{move}{styled}>{html.escape(text)}</tspan>'
        shift = wanted
    if shift:
        spans += f'<tspan dy="{_n(-shift)}">\u200b</tspan>'
    return spans
