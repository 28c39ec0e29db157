"""Figures of chapter 5: where gradients go, and where they are cut.

A gradient is drawn as a dashed arrow without a colour of its own. It runs against the direction
of time, or of the layers.
"""

from __future__ import annotations

from itertools import pairwise

from .canvas import Canvas, Picture


def deep_twice() -> Picture:
    """Seven layers of a dense network and seven timesteps of a recurrent one: the same chain."""
    c = Canvas(520, 300)
    xs = [58 + 62 * i for i in range(7)]

    def chain(y: float, labels: list[str], kind: str, title: str) -> None:
        c.text(10, y - 60, title, kind="muted", size=14, anchor="start")
        boxes = [
            c.box(x, y, 42, 40, label, "weight", size=15)
            for x, label in zip(xs, labels, strict=True)
        ]
        for left, right in pairwise(boxes):
            c.arrow(left.right, right.left, kind=kind)
        c.arrow(boxes[-1].right, (490, y), kind=kind)
        c.text(503, y, "$L$", size=16)
        for left, right in zip([*xs, 503.0], [xs[0] - 62, *xs], strict=True):
            c.arrow((left - 8, y + 34), (max(right, 0) + 8, y + 34), kind="plain", dashed=True,
                    width=1.5)  # fmt: skip

    chain(
        82,
        [f"$W_{i}$" for i in range(1, 8)],
        "muted",
        "seven dense layers: each with weights of its own",
    )
    c.arrow((8, 82), (37, 82), kind="input")
    chain(226, ["$U$"] * 7, "state", "seven timesteps: the same weights each time, and an input")
    for x in xs:
        c.arrow((x - 12, 188), (x - 12, 206), kind="input", width=1.6)
    c.arrow((8, 226), (37, 226), kind="state")
    return c.finish(
        "Depth in layers and depth in time",
        "Two chains of seven boxes that end in a loss L. Above, a dense network: the boxes are W 1 "
        "to W 7. Below, a recurrent network: all seven boxes are the same U, and each also gets an "
        "input from above. In both, dashed arrows lead back from the loss through every box: the "
        "gradient.",
    )


def step_backwards() -> Picture:
    """One timestep with the arrays of the forward pass and the gradients that come back."""
    c = Canvas(520, 286)
    c.region(276, 142, 288, 190, "timestep $t$")
    u = c.box(168, 118, 54, 38, "$U$", "weight")
    w = c.box(252, 200, 54, 38, "$W$", "weight")
    plus = c.circle(252, 118, "+", "plain")
    tanh = c.box(334, 118, 62, 38, "tanh", "state")
    c.arrow((30, 118), u.left, kind="state")
    c.text(34, 100, "$h_{t-1}$", kind="state")
    c.arrow(u.right, plus.left)
    c.arrow((252, 268), w.bottom, kind="input")
    c.text(240, 262, "$x_t$", kind="input", anchor="end")
    c.arrow(w.top, plus.bottom)
    c.arrow(plus.right, tanh.left)
    c.text(290, 100, "$z_t$", size=14)
    c.dot(390, 118, "state")
    c.arrow(tanh.right, (504, 118), kind="state")
    c.text(462, 100, "$h_t$", kind="state")
    c.arrow((390, 118), (390, 22), kind="output")

    def back(*points: tuple[float, float]) -> None:
        c.arrow(*points, kind="plain", dashed=True, width=1.6)

    back((404, 22), (404, 100))
    c.text(412, 40, "$dh_t$ from above", size=14, anchor="start")
    back((504, 136), (440, 136))
    c.text(512, 156, "$carry$ from $t+1$", size=14, anchor="end")
    back((372, 150), (284, 150), (268, 134))
    c.text(318, 168, "$dz_t$", size=14)
    back((140, 136), (30, 136))
    c.text(28, 158, "$carry = dz_tU^T$", size=14, anchor="start")
    back((264, 222), (264, 268))
    c.text(274, 262, "$dx_t=dz_tW^T$", size=14, anchor="start")
    return c.finish(
        "One timestep, forwards and backwards",
        "The step of chapter 2: h t-1 times U plus x t times W gives z t, and tanh gives h t, which "
        "goes up to the output and right to the next timestep. Dashed arrows run the other way. Two "
        "gradients arrive at h t, d h t from above and the carry from timestep t+1. Behind tanh "
        "their sum is d z t. From there one arrow leads down, d x t equals d z t times W transposed, "
        "and one leads left, the carry for timestep t-1, d z t times U transposed.",
    )


def truncation_rows(count: int = 12) -> Picture:
    """Three rows: gradients through everything, cut in windows, overlapping windows."""
    c = Canvas(520, 330)
    gap = 38.0
    xs = [46 + gap * i for i in range(count)]

    def row(y: float, title: str, cuts: tuple[int, ...], reach: list[tuple[int, int]]) -> None:
        c.text(14, y - 46, title, kind="plain", size=14, anchor="start")
        boxes = [c.box(x, y, 24, 24, "", "state") for x in xs]
        c.arrow((14, y), boxes[0].left, kind="state", width=1.6)
        for i in range(1, count):
            c.arrow(boxes[i - 1].right, boxes[i].left, kind="state", width=1.6)
        for cut in cuts:
            x = xs[cut] - gap / 2
            c.line((x, y - 26), (x, y + 40), kind="carry", dashed=True, width=1.6)
        for level, (start, end) in enumerate(reach):
            low = y + 26 + 9 * (level % 2 if len(reach) > 3 else 0)
            c.arrow((xs[end], low), (xs[start], low), kind="plain", dashed=True, width=1.6)

    row(66, "full: the gradient runs back to the beginning", (), [(0, count - 1)])
    row(176, "windows of 4: the state goes on, the gradient is cut", (4, 8),
        [(0, 3), (4, 7), (8, 11)])  # fmt: skip
    row(276, "every 2 timesteps, 4 back: windows overlap", (),
        [(0, 3), (2, 5), (4, 7), (6, 9), (8, 11)])  # fmt: skip
    return c.finish(
        "Three ways to propagate back through twelve timesteps",
        "Three rows of twelve boxes; solid arrows carry the state from left to right through all of "
        "them. First row: one dashed arrow from the last box back to the first. Second row: three "
        "dashed arrows, each over four boxes, and red lines between the windows, where the gradient "
        "is cut. Third row: five dashed arrows over four boxes each, every one begins two boxes "
        "after the one before.",
    )
