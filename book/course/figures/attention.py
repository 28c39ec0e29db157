"""A memory that is carried, beside one that is looked up again at every timestep."""

from __future__ import annotations

from .canvas import Canvas, Picture, row

XS = (48, 128, 208, 288)


def carried() -> Picture:
    """A recurrent layer: whatever the last output knows came through every state before it."""
    c = Canvas(336, 220)
    boxes = [c.box(x, 112, 44, 38, "", "state") for x in XS]
    for i, (x, box) in enumerate(zip(XS, boxes, strict=True)):
        c.text(x, 204, f"$x_{i + 1}$", kind="input")
        c.arrow((x, 190), box.bottom, kind="input")
        c.arrow(box.top, (x, 50), kind="output", faint=i < 3)
        c.text(x, 36, f"$y_{i + 1}$", kind="output", faint=i < 3)
    for left, right in zip(boxes, boxes[1:], strict=False):
        c.arrow(left.right, right.left, kind="state", width=2.5)
    c.text(168, 10, "carried: one state, T steps in a row", kind="muted", size=13)
    return c.finish(
        "A recurrent layer",
        "Four boxes in a row, joined from left to right by arrows. Each reads one of the inputs x 1 "
        "to x 4 below it. From x 1 to the output y 4 the way leads through all four boxes.",
    )


def looked_up() -> Picture:
    """An attention layer: every output reaches every input up to its own in one step."""
    c = Canvas(336, 220)
    boxes = [c.box(x, 158, 44, 30, "", "input") for x in XS]
    for i, (x, box) in enumerate(zip(XS, boxes, strict=True)):
        c.text(x, 204, f"$x_{i + 1}$", kind="input")
        c.text(x, 36, f"$y_{i + 1}$", kind="output", faint=i < 3)
        c.line((x, 194), box.bottom, kind="input")
        for j, other in enumerate(boxes[: i + 1]):
            start = (other.top[0], other.top[1])
            aim = (x + 5 * (j - i / 2), 50)
            c.arrow(start, aim, kind="gate", faint=i < 3, width=2.5 if i == 3 else 1.5)
    c.text(168, 10, "looked up: T kept, every pair compared", kind="muted", size=13)
    return c.finish(
        "An attention layer",
        "Four boxes in a row, one for each of the inputs x 1 to x 4, without arrows between them. "
        "Each output y 1 to y 4 above has an arrow from every box up to its own: y 4 has four.",
    )


def two_memories() -> Picture:
    """Both, side by side."""
    return row(carried(), looked_up())
