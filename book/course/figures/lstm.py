"""The LSTM, drawn one step at a time on a fixed plan, so that each figure adds to the last."""

from __future__ import annotations

from collections.abc import Sequence

from .canvas import Canvas, Node, Picture, row

STAGES = ("simple", "track", "forget", "candidate", "update", "output", "whole")

_CARRY, _STATE = 62.0, 250.0  # the heights of the two lanes
_X = {"f": 140.0, "i": 212.0, "c": 284.0, "o": 356.0, "h": 430.0}

_SAYS = {
    "simple": "Previous state h t-1 from the left and input x t from below meet on one line and "
    "enter a tanh box. What leaves the box is the new state h t, which goes on to the right and "
    "leaves to the top as output.",
    "track": "The same tanh cell, and above it, new: a straight red line from c t-1 on the left "
    "to c t on the right, touched by nothing.",
    "forget": "The red carry line now passes a circle with a multiplication sign. New: a sigmoid "
    "box reads h t-1 and x t, and its output f t rises to that circle.",
    "candidate": "New: a second sigmoid box gives i t; the tanh box no longer makes the state but "
    "a candidate, c tilde t. A circle multiplies the two. Where h t comes from is an open question "
    "now.",
    "update": "New: the product of i t and c tilde t rises to a circle with a plus sign on the "
    "carry line, behind the circle where f t multiplies. What leaves the plus is c t.",
    "output": "New: a third sigmoid box gives o t. A copy of c t goes down through tanh, is "
    "multiplied by o t and becomes the state h t, which goes right and leaves to the top.",
    "whole": "The whole cell. The carry line runs from c t-1 to c t, is multiplied by f t and has "
    "i t times c tilde t added to it. A copy of it passes tanh, is multiplied by o t and becomes "
    "h t. The four boxes f, i, c tilde and o all read h t-1 and x t.",
}
_TITLE = {
    "simple": "The starting point: a SimpleRNN",
    "track": "Step 1: a carry track",
    "forget": "Step 2: the forget gate",
    "candidate": "Step 3: the input gate and the candidate",
    "update": "Step 4: the update of the cell state",
    "output": "Step 5: the output gate",
    "whole": "The whole LSTM cell",
}


def lstm_cell(stage: str = "whole") -> Picture:
    """One timestep of an LSTM, as far as ``stage`` has built it; the new part is lit from behind.

    stage  one of ``STAGES``, from the SimpleRNN to the whole cell
    """
    if stage not in STAGES:
        raise ValueError(f"{stage!r} is no stage of the LSTM: use one of {', '.join(STAGES)}")
    at = STAGES.index(stage)
    c = Canvas(520, 322)
    c.region(260, 158, 404, 268)
    _light(c, stage)
    c.text(452, 277, "one timestep", "muted", size=14, anchor="end")

    # What the boxes read: h_{t-1} and x_t on one line.
    boxes = [name for name, since in (("f", 2), ("i", 3), ("c", 0), ("o", 5)) if at >= since]
    last = max(_X[name] for name in boxes)
    c.text(8, _STATE - 18, "$h_{t-1}$", "state", anchor="start", size=18)
    c.text(108, 303, "$x_t$", "input", anchor="start", size=18)
    c.line((8, _STATE), (98, _STATE), kind="state")
    c.line((98, 314), (98, _STATE), kind="input")
    c.dot(98, _STATE)
    for name in boxes:
        x = _X[name]
        if x < last:
            c.dot(x, _STATE)
            c.arrow((x, _STATE), (x, 207))
        else:
            c.arrow((98, _STATE), (x, _STATE), (x, 207))

    gates = {
        name: c.box(_X[name], 190, 46, 34, r"$\sigma$", "gate") for name in boxes if name != "c"
    }
    made = "state" if at < 3 else "carry"  # what the tanh box makes: first h_t, then the candidate
    tanh = c.box(_X["c"], 190, 52, 34, "tanh", made)

    # The carry track and what happens on it.
    if at >= 1:
        start: tuple[float, float] = (8, _CARRY)
        if at >= 2:
            forget = c.circle(_X["f"], _CARRY, "×", "carry")
            c.arrow(start, forget.left, kind="carry", width=3)
            c.arrow(gates["f"].top, forget.bottom, kind="gate", label="$f_t$",
                    side="right", size=17)  # fmt: skip
            start = forget.right
        if at >= 4:
            plus = c.circle(248, _CARRY, "+", "carry")
            c.arrow(start, plus.left, kind="carry", width=3)
            start = plus.right
        c.arrow(start, (512, _CARRY), kind="carry", width=3)
        c.text(8, _CARRY - 19, "$c_{t-1}$", "carry", anchor="start", size=18)
        c.text(512, _CARRY - 19, "$c_t$", "carry", anchor="end", size=18)

    if at >= 3:
        times = c.circle(248, 120, "×", "plain")
        c.arrow(gates["i"].top, (_X["i"], 120), times.left, kind="gate")
        c.arrow(tanh.top, (_X["c"], 120), times.right, kind="carry")
        c.text(204, 142, "$i_t$", "gate", anchor="end", size=17)
        c.text(292, 142, r"$\tilde{c}_t$", "carry", anchor="start", size=17)
        if at >= 4:
            c.arrow(times.top, plus.bottom, kind="carry")

    # The state: from the tanh box itself, then unknown, then read from the carry track.
    if at < 3:
        c.line(tanh.top, (_X["c"], 130), (_X["h"], 130), (_X["h"], _STATE), (470, _STATE),
               kind="state")  # fmt: skip
    elif at < 5:
        open_end = c.circle(_X["h"], 160, "?", "state", dashed=True)
        c.line(open_end.bottom, (_X["h"], _STATE), (470, _STATE), kind="state", dashed=True)
    else:
        c.dot(_X["h"], _CARRY, "carry", r=4)
        squash = c.box(_X["h"], 106, 52, 28, "tanh", "plain", size=14)
        out = c.circle(_X["h"], 160, "×", "state")
        c.arrow((_X["h"], _CARRY), squash.top, kind="carry")
        c.arrow(squash.bottom, out.top, kind="carry")
        c.arrow(gates["o"].top, (_X["o"], 160), out.left, kind="gate")
        c.text(386, 145, "$o_t$", "gate", size=17)
        c.line(out.bottom, (_X["h"], _STATE), (470, _STATE), kind="state")
    _leave(c, dashed=at in (3, 4))
    return c.finish(_TITLE[stage], _SAYS[stage])


def _leave(c: Canvas, *, dashed: bool = False) -> None:
    """h_t to the right and, across the carry track, to the top."""
    bridge(c, 470, _CARRY - 12, _CARRY + 12)
    c.dot(470, _STATE, "state")
    c.arrow((470, _STATE), (512, _STATE), kind="state", dashed=dashed)
    c.arrow((470, _STATE), (470, 4), kind="state", dashed=dashed)
    c.text(512, _STATE - 18, "$h_t$", "state", anchor="end", size=18)
    c.text(462, 13, "$h_t$", "state", anchor="end", size=18)


def bridge(c: Canvas, x: float, top: float, bottom: float, lit: str = "") -> None:
    """A gap in what lies below, for a line at ``x`` to cross it without touching.

    lit  the kind of the light (``light``) that it lies on, if any
    """
    ground = f"color-mix(in srgb, var(--rnn-{lit}) 17%, var(--rnn-paper))" if lit else "var(--rnn-paper)"  # fmt: skip
    c.raw(
        f'<path d="M{x:g} {top:g} V{bottom:g}" style="stroke:{ground};stroke-width:8;fill:none"/>'
    )


def light(c: Canvas, kind: str, *rects: tuple[float, float, float, float]) -> None:
    """A pale ground (x, y, width, height) behind what a figure adds."""
    for x, y, w, h in rects:
        c.raw(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="14" style="fill:'
            f'color-mix(in srgb, var(--rnn-{kind}) 17%, transparent)"/>'
        )


def _light(c: Canvas, stage: str) -> None:
    if stage == "track":
        light(c, "carry", (66, 42, 388, 40))
    elif stage == "forget":
        light(c, "gate", (108, 40, 64, 196))
    elif stage == "candidate":
        light(c, "gate", (180, 96, 140, 140))
    elif stage == "update":
        light(c, "carry", (112, 40, 168, 100))
    elif stage == "output":
        light(c, "gate", (326, 40, 136, 196))


def gate(values: Sequence[float] = (0.9, -0.6, 0.8, 0.5), opening: Sequence[float] = (1, 0, 0.5, 1)) -> Picture:  # fmt: skip
    """A gate: a sigmoid layer and a pointwise product, on four numbers.

    values   what comes to the gate
    opening  the gate's numbers, between 0 and 1, one for each value
    """
    after = [v * g for v, g in zip(values, opening, strict=True)]
    c = Canvas(430, 236)
    y, cell = 78.0, 30.0

    def numbers(x: float, column: Sequence[float], kind: str, at: float) -> Node:
        node = c.column(x, at, list(column), kind, cell=cell)
        for k, value in enumerate(column):
            c.text(x + 22, at + (k - 1.5) * cell, _signed(value), "plain", size=13, anchor="start")
        return node

    before = numbers(60, values, "carry", y)
    times = c.circle(206, y, "×", "plain", r=15)
    behind = numbers(330, after, "carry", y)
    c.arrow((118, y), times.left, kind="carry", width=3)
    c.arrow(times.right, behind.left, kind="carry", width=3)
    sigma = c.box(206, 186, 64, 36, r"$\sigma$", "gate")
    c.arrow(sigma.top, times.bottom, kind="gate", width=3)
    c.text(
        218, 140, "(" + ", ".join(f"{g:g}" for g in opening) + ")", "gate", size=13, anchor="start"
    )
    c.arrow((206, 234), sigma.bottom)
    c.text(244, 223, "$h_{t-1}$ and $x_t$", "plain", size=13, anchor="start")
    c.text(before.x, 148, "arrives", "muted", size=13)
    c.text(behind.x, 148, "passes", "muted", size=13)
    return c.finish(
        "A gate",
        "A column of four numbers, " + ", ".join(map(_signed, values)) + ", arrives at a circle "
        "with a multiplication sign. A sigmoid box below sends the four numbers "
        + ", ".join(f"{g:g}" for g in opening) + " up to it. What passes is the product, "
        "number by number: " + ", ".join(map(_signed, after)) + ".",
    )  # fmt: skip


def carry_track() -> Picture:
    """Three timesteps of a SimpleRNN, and the same three with a carry track through them."""
    return row(_chain(track=False), _chain(track=True))


def _chain(track: bool) -> Picture:
    c = Canvas(372, 212)
    name = "LSTM" if track else "RNN"
    xs, y, half = (82.0, 192.0, 302.0), 108.0, 38.0
    lane = y + 18 if track else y
    boxes = [c.box(x, y, 70, 2 * half, "" if track else "RNN", "state") for x in xs]
    for k, box in enumerate(boxes):
        step = ("$t-1$", "$t$", "$t+1$")[k]
        c.arrow((box.x, 190), box.bottom, kind="input")
        c.arrow(box.top, (box.x, 22), kind="output")
        c.text(
            box.x + 8, 178, ("$x_{t-1}$", "$x_t$", "$x_{t+1}$")[k], "input", anchor="start", size=14
        )
        c.text(box.x, 204, step, "muted", size=12)
        c.text(box.x, 12, ("$h_{t-1}$", "$h_t$", "$h_{t+1}$")[k], "output", size=14)
        if track:
            c.text(box.x, lane, name, size=14)
    edges = [8.0, *[v for x in xs for v in (x - 35, x + 35)], 366.0]
    for start, end in zip(edges[::2], edges[1::2]):
        c.arrow((start, lane), (end, lane), kind="state")
    if track:
        c.line((8, y - 14), (356, y - 14), kind="carry", width=4)
        c.arrow((354, y - 14), (367, y - 14), kind="carry", width=4)
        for k, x in enumerate((27, 137, 247)):
            c.text(x, y - 28, ("$c_{t-2}$", "$c_{t-1}$", "$c_t$")[k], "carry", size=13)
        for x in xs:
            c.circle(x - 14, y - 14, "×", "carry", r=8, size=12)
            c.circle(x + 14, y - 14, "+", "carry", r=8, size=12)
    if track:
        return c.finish(
            "An LSTM: the same chain with a carry track",
            "Three LSTM boxes in a row, with the same arrows as the chain before. Above the state "
            "arrows one straight red line, the carry track, runs through all three boxes from the "
            "left edge to the right edge. In each box it passes a times sign and a plus sign.",
        )
    return c.finish(
        "A SimpleRNN unrolled",
        "Three RNN boxes in a row. Each reads an input from below, writes an output to the top, "
        "and passes its state to the next box with an arrow. That arrow ends at each box and "
        "starts anew behind it.",
    )


def _signed(value: float) -> str:
    return f"{value + 0.0:.2g}".replace("-", "−")  # + 0.0: no minus sign before a zero
