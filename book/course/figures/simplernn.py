"""Figures of chapter 4: the two outputs, units against timesteps, a padded batch."""

from __future__ import annotations

from collections.abc import Sequence

from .canvas import Canvas, Picture, row


def two_outputs() -> Picture:
    """The last output, or all of them."""
    panels = []
    for every in (False, True):
        c = Canvas(262, 214)
        title = "return_sequences=True" if every else "return_sequences=False"
        shape = "$(B,T,H)$" if every else "$(B,H)$"
        c.text(131, 12, title, kind="muted", size=13, code=True)
        xs = [46 + 57 * i for i in range(4)]
        boxes = [c.box(x, 116, 36, 34, "", "state") for x in xs]
        for i, box in enumerate(boxes):
            c.arrow((box.x, 172), box.bottom, kind="input")
            c.text(box.x, 186, f"$x_{i + 1}$", kind="input")
            if i:
                c.arrow(boxes[i - 1].right, box.left, kind="state")
            if every or i == 3:
                c.arrow(box.top, (box.x, 72), kind="state")
                c.text(box.x, 58, f"$h_{i + 1}$", kind="state")
        c.text(131, 36, shape, kind="state", size=15)
        panels.append(
            c.finish(
                title,
                f"Four boxes read x 1 to x 4. With {title} "
                + ("every box gives its state h, shape B, T, H." if every else "only the last box ")
                + ("" if every else "gives its state h 4, shape B, H."),
            )
        )
    return row(*panels)


def units_and_timesteps(units: int = 5, timesteps: int = 8) -> Picture:
    """The output of a layer as a grid: as wide as the sequence, as high as the layer."""
    c = Canvas(470, 266)
    left, top, cell = 118, 44, 26
    values = [
        [0.5 + 0.45 * ((3 * i * i + 5 * t + i * t) % 7 - 3) / 3 for t in range(timesteps)]
        for i in range(units)
    ]
    for t in range(timesteps):
        x = left + t * 36
        column = c.column(
            x, top + units * cell / 2, [row_[t] for row_ in values], "state", cell=cell
        )
        if t:
            c.arrow((x - 36 + cell / 2 + 1, column.y), (x - cell / 2 - 1, column.y), kind="state",
                    width=1.4)  # fmt: skip
        c.arrow((x, 216), (x, column.bottom[1] + 2), kind="input", width=1.6)
        c.text(x, 228, f"$x_{t + 1}$", kind="input", size=14)
    right = left + (timesteps - 1) * 36
    c.arrow((left - 32, top + units * cell), (left - 32, top), kind="plain", width=1.3)
    c.arrow((left - 32, top), (left - 32, top + units * cell), kind="plain", width=1.3)
    c.text(left - 42, top + 44, f"H = {units}", anchor="end", size=14)
    c.text(left - 42, top + 62, "units:", anchor="end", size=13, kind="muted")
    c.text(left - 42, top + 79, "you choose", anchor="end", size=13, kind="muted")
    c.arrow((left - 13, 22), (right + 13, 22), kind="plain", width=1.3)
    c.arrow((right + 13, 22), (left - 13, 22), kind="plain", width=1.3)
    c.text((left + right) / 2, 9, f"T = {timesteps} timesteps: the data decides", size=14)
    c.text(
        (left + right) / 2, 256, f"SimpleRNN({units}, return_sequences=True)", code=True, size=13
    )
    return c.finish(
        "Units and timesteps",
        f"A grid of squares: {timesteps} columns, one per timestep, of {units} squares, one per unit. "
        f"Below each column its input. A vertical double arrow: H is {units} units, you choose. A "
        f"horizontal one: T is {timesteps} timesteps, the data decides.",
    )


def padded_batch(
    names: Sequence[str] = ("Kuba", "Malta", "Danimarca"),
    labels: Sequence[str] = ("de", "it", "it"),
) -> Picture:
    """Names of different lengths in one array, and where a network without a mask answers."""
    longest = max(len(name) for name in names)
    c = Canvas(470, 64 + 42 * len(names))
    left, cell = 60, 34
    for i, name in enumerate(names):
        y = 44 + 42 * i
        for t in range(longest):
            x = left + t * cell
            if t < len(name):
                c.box(x, y, cell - 6, 28, name[t], "input", size=15)
            else:
                c.box(x, y, cell - 6, 28, "0", "muted", size=13, dashed=True, faint=True)
        last = left + (len(name) - 1) * cell
        c.raw(
            f'<rect class="wire k-output" x="{last - cell / 2}" y="{y - 17}" width="{cell}" '
            'height="34" rx="9" style="stroke-width:2.4"/>'
        )
    end = left + (longest - 1) * cell
    c.arrow((end, 4), (end, 26), kind="carry", width=1.8)
    c.text(
        end - 12, 10, "without a mask every row answers here", kind="carry", size=13, anchor="end"
    )
    c.text(left - 16, 46 + 42 * len(names), "framed: the last letter, where a row should answer",
           kind="output", size=13, anchor="start")  # fmt: skip
    return c.finish(
        "A padded batch",
        f"The names {', '.join(names)}, one per row, each letter in a box. Shorter names are filled up "
        f"with zeros to {longest} columns. A frame marks the last letter of each name. An arrow marks "
        "the last column: there a network without a mask gives its answer.",
    )
