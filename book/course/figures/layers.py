"""More than one layer, more than one direction, and where dropout can sit."""

from __future__ import annotations

from .canvas import Canvas, Picture, row


def two_directions() -> Picture:
    """A bidirectional layer, unrolled: two chains over the same inputs, merged at each step."""
    c = Canvas(500, 312)
    xs = [110, 215, 320, 425]
    up, down = 205.0, 132.0  # the forward chain stands below, the backward chain above
    ahead = [c.box(x - 16, up, 46, 36, "", "state") for x in xs]
    back = [c.box(x + 16, down, 46, 36, "", "state") for x in xs]
    c.text(6, up, "forward", kind="state", size=14, anchor="start")
    c.text(6, down, "backward", kind="state", size=14, anchor="start")
    for i, x in enumerate(xs):
        c.text(x, 298, f"$x_{i + 1}$", kind="input")
        c.line((x, 286), (x, 262), kind="input")
        c.arrow((x, 264), (x - 16, 264), ahead[i].bottom, kind="input", radius=5)
        c.arrow((x, 264), (x + 24, 264), (x + 24, down + 18), kind="input", radius=5)
        merge = c.box(x, 66, 66, 30, "merge", "plain", size=13)
        c.arrow((x - 24, up - 18), (x - 24, 81), kind="state")
        c.arrow((x + 16, down - 18), (x + 16, 81), kind="state")
        c.arrow(merge.top, (x, 30), kind="state")
        c.text(x, 17, f"$h_{i + 1}$", kind="state")
    for i in range(3):
        c.arrow(ahead[i].right, ahead[i + 1].left, kind="state", width=2.5)
        c.arrow(back[i + 1].left, back[i].right, kind="state", width=2.5)
    return c.finish(
        "A bidirectional recurrent layer, unrolled over four timesteps",
        "Four columns, one for each timestep. Each input x 1 to x 4 goes up into two boxes, one of "
        "a lower chain whose arrows lead from left to right, and one of an upper chain whose "
        "arrows lead from right to left. At each timestep the outputs of both boxes meet in a box "
        "labelled merge, from which h 1 to h 4 leave at the top.",
    )


def what_a_half_has_read(word: str = "Dinamarca", at: int = 4) -> Picture:
    """The letters that each half has read when it stands at one position."""
    c = Canvas(440, 164)
    step, left = 36.0, 112.0
    for i, letter in enumerate(word):
        x = left + i * step
        c.box(x, 82, 30, 32, letter, "input", faint=i != at)
    here = left + at * step
    c.arrow((left - 15, 40), (here + 13, 40), kind="state", width=3)
    c.arrow((left + (len(word) - 1) * step + 15, 124), (here - 13, 124), kind="state", width=3)
    c.text(6, 40, "forward", kind="state", size=13, anchor="start")
    c.text(6, 124, "backward", kind="state", size=13, anchor="start")
    c.text(here, 14, f"t = {at + 1}", kind="muted", size=13)
    c.text(here, 152, "both have read this letter", kind="muted", size=13)
    return c.finish(
        "What each half has read at one timestep",
        f"The letters of {word} in a row, letter {at + 1} marked. An arrow above runs from the "
        "first letter up to and including the marked one, an arrow below runs from the last "
        "letter down to and including the marked one.",
    )


def three_dropouts() -> Picture:
    """Two timesteps of a layer with the three places where a mask can multiply."""
    c = Canvas(480, 268)
    xs, y = [150, 330], 132.0
    boxes = [c.box(x, y, 70, 46, "$W,U,b$", "state") for x in xs]
    c.text(20, y - 20, "$h_{0}$", kind="state", anchor="start")
    for i, (x, box) in enumerate(zip(xs, boxes, strict=True)):
        t = i + 1
        rec = c.circle(x - 78, y, "r", "gate")
        c.arrow((20 if i == 0 else boxes[0].right[0], y), rec.left, kind="state")
        c.arrow(rec.right, box.left, kind="state")
        m = c.circle(x, 196, "m", "gate")
        c.text(x, 256, f"$x_{t}$", kind="input")
        c.arrow((x, 244), m.bottom, kind="input")
        c.arrow(m.top, box.bottom, kind="input")
        n = c.circle(x, 70, f"$n_{t}$", "gate")
        c.arrow(box.top, n.bottom, kind="state")
        c.arrow(n.top, (x, 22), kind="state", label="up", side="right", size=14)
    c.arrow(boxes[1].right, (430, y), kind="state")
    c.text(436, y, "$h_2$", kind="state", anchor="start")
    c.text(352, 69, "Dropout", kind="muted", size=14, anchor="start")
    c.text(352, 86, "after the layer", kind="muted", size=14, anchor="start")
    c.text(352, 196, "dropout", kind="muted", size=14, anchor="start")
    c.text(240, 168, "recurrent_dropout", kind="muted", size=14)
    return c.finish(
        "The three places for a mask",
        "Two timesteps of a recurrent layer. A mask m multiplies each input on its way up into "
        "the box, the same m at both timesteps. A mask r multiplies the state on its way from one "
        "box into the next, the same r at both. Masks n 1 and n 2, different from each other, "
        "multiply what leaves the boxes at the top; the state that goes to the right does not "
        "pass them.",
    )


def _grid(masks: list[list[int]], title: str, alt: str) -> Picture:
    units, steps, cell = len(masks), len(masks[0]), 24.0
    c = Canvas(62 + steps * cell, 66 + units * cell)
    c.text(8, 14, title, kind="plain", size=14, anchor="start")
    for u in range(units):
        y = 44 + u * cell
        c.text(8, y, f"unit {u + 1}", kind="muted", size=12, anchor="start")
        for t in range(steps):
            x = 70 + t * cell - 6
            kept = masks[u][t]
            c.box(x, y, 19, 19, "2" if kept else "0", "state" if kept else "muted", size=12,
                  faint=not kept)  # fmt: skip
    c.text(64 + (steps - 1) * cell / 2, 56 + units * cell, "timestep", kind="muted", size=12)
    return c.finish(title, alt)


def masks_over_time(fresh: list[list[int]]) -> Picture:
    """A new mask at every timestep beside one mask for all; ``fresh`` has 0 or 1, (units, T)."""
    same = [[unit[0]] * len(unit) for unit in fresh]
    return row(
        _grid(
            fresh,
            "a new mask every step",
            "A grid of units and timesteps. Zeros stand in every row: sooner or later each unit "
            "is dropped.",
        ),
        _grid(
            same,
            "one mask for all steps",
            "The same grid with the same column at every timestep: a unit is dropped always or "
            "never.",
        ),
    )


def stack(depth: int = 3, timesteps: int = 4, *, last_only: bool = True) -> Picture:
    """Layers on top of each other, unrolled; ``last_only``: the top layer gives one output."""
    gap, left, lift = 88.0, 116.0, 66.0
    c = Canvas(left + (timesteps - 1) * gap + 62, 88 + depth * lift)
    base = 46 + depth * lift
    xs = [left + i * gap for i in range(timesteps)]
    rows = [[c.box(x, base - lift * k - 36, 50, 34, "", "state") for x in xs] for k in range(depth)]
    for k, boxes in enumerate(rows):
        c.text(6, boxes[0].y, f"layer {k + 1}", kind="muted", size=13, anchor="start")
        for i, box in enumerate(boxes):
            if k == 0:
                c.text(box.x, base + 32, f"$x_{i + 1}$", kind="input")
                c.arrow((box.x, base + 20), box.bottom, kind="input")
            else:
                c.arrow(rows[k - 1][i].top, box.bottom, kind="state")
            if i:
                c.arrow(boxes[i - 1].right, box.left, kind="state")
    for i, box in enumerate(rows[-1]):
        if not last_only or i == timesteps - 1:
            c.arrow(box.top, (box.x, box.y - 48), kind="state", label="output", side="right",
                    size=12)  # fmt: skip
    return c.finish(
        f"{depth} recurrent layers on top of each other",
        f"A grid of boxes, {depth} layers high and {timesteps} timesteps wide. Arrows lead from "
        "each box to the box on its right, which is the same layer at the next timestep, and to "
        "the box above, which is the next layer at the same timestep. "
        + ("Only the last box of the top layer has an output." if last_only else
           "Every box of the top layer has an output."),
    )  # fmt: skip
