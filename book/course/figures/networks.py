"""Recurrent networks, drawn: the loop, the unrolled chain, the wirings of tasks, one step."""

from __future__ import annotations

from collections.abc import Sequence

from .canvas import Canvas, Picture


def loop() -> Picture:
    """A network with a loop: input from below, output to the top, the state back into itself."""
    c = Canvas(300, 200)
    cell = c.box(130, 100, 112, 58, "RNN", "state")
    c.arrow((130, 182), cell.bottom, kind="input", label="input $x_t$", side="right")
    c.arrow(cell.top, (130, 14), kind="output", label="output", side="right")
    c.arrow(
        cell.at("right", 0.25), (232, 85.5), (232, 114.5), cell.at("right", 0.75),
        kind="state", radius=14, width=2.5,
    )  # fmt: skip
    c.text(242, 100, "state $h_t$", kind="state", size=14, anchor="start")
    return c.finish(
        "A recurrent network is a network with a loop",
        "A box labelled RNN. An arrow labelled input x t enters it from below, an arrow labelled "
        "output leaves it at the top. A third arrow, labelled state h t, leaves the box on its "
        "right side, turns round and enters the box again: a loop.",
    )


def unrolled(
    inputs: Sequence[str | None],
    outputs: Sequence[str | None],
    *,
    title: str,
    alt: str,
    start: str | None = "$h_0$",
    states: Sequence[str] | None = None,
    cells: Sequence[str] | None = None,
    feedback: bool = False,
    times: Sequence[str] | None = None,
    faint: Sequence[int] = (),
    output_kind: str = "output",
    gap: float = 106,
    margin: float = 58,
) -> Picture:
    """A network unrolled over time, one column a timestep: the base of every task's wiring.

    inputs    a label per timestep, or None where nothing is read
    outputs   a label per timestep, or None where nothing is written
    start     label of the initial state, or None to draw none
    states    a label for each arrow between two cells (one fewer than timesteps)
    cells     a label for each box (default: ``RNN``)
    feedback  a dashed arrow from each output to the next timestep's input
    times     a caption below each column
    faint     positions of timesteps to draw faint
    output_kind  ``state`` where what leaves at the top is the state itself

    Labels may hold formulas between dollar signs.
    """
    count = len(inputs)
    if len(outputs) != count:
        raise ValueError(f"{count} inputs but {len(outputs)} outputs: give one per timestep")
    lead = margin if start is not None else 34
    width = lead + (count - 1) * gap + 64 + (0 if states is None else 6)
    c = Canvas(width, 210 + (18 if times else 0))
    middle = 108.0
    xs = [lead + 26 + i * gap for i in range(count)]
    boxes = [
        c.box(x, middle, 62, 46, cells[i] if cells else "RNN", "state", faint=i in faint)
        for i, x in enumerate(xs)
    ]
    if start is not None:
        node = c.circle(xs[0] - 66, middle, start, "state", r=16, dashed=True)
        c.arrow(node.right, boxes[0].left, kind="state")
    for i in range(count - 1):
        label = states[i] if states else ""
        c.arrow(boxes[i].right, boxes[i + 1].left, kind="state", label=label,
                faint=i + 1 in faint)  # fmt: skip
    for i, box in enumerate(boxes):
        dim = i in faint
        if inputs[i] is not None:
            c.arrow((box.x, 178), box.bottom, kind="input", faint=dim)
            c.text(box.x, 190, inputs[i] or "", kind="input", faint=dim)
        if outputs[i] is not None:
            c.arrow(box.top, (box.x, 40), kind=output_kind, faint=dim)
            c.text(box.x, 27, outputs[i] or "", kind=output_kind, faint=dim)
        if times:
            c.text(box.x, 214, times[i], kind="muted", size=12)
    if feedback:
        for i in range(count - 1):
            if outputs[i] is None:
                continue
            x0, x1 = xs[i], xs[i + 1]
            half = x0 + gap / 2
            c.arrow((x0 + 14, 27), (half, 27), (half, 168), (x1, 168), boxes[i + 1].bottom,
                    kind="output", dashed=True)  # fmt: skip
    return c.finish(title, alt)


def step() -> Picture:
    """One timestep of a SimpleRNN opened up: two products, a sum, a squashing."""
    c = Canvas(440, 250)
    c.region(222, 122, 316, 166, "one timestep")
    u = c.box(130, 95, 56, 36, "$U$", "weight")
    w = c.box(206, 172, 56, 36, "$W$", "weight")
    plus = c.circle(206, 95, "+", "plain")
    tanh = c.box(282, 95, 62, 36, "tanh", "state")
    b = c.box(262, 152, 34, 30, "$b$", "weight")
    c.arrow((12, 95), u.left, kind="state")
    c.text(8, 78, "$h_{t-1}$", kind="state", anchor="start")
    c.arrow(u.right, plus.left)
    c.arrow((206, 232), w.bottom, kind="input")
    c.text(216, 228, "$x_t$", kind="input", anchor="start")
    c.arrow(w.top, plus.bottom)
    c.arrow(b.top, (262, 124), (214, 106), radius=4, kind="weight")
    c.arrow(plus.right, tanh.left)
    c.dot(346, 95, "state")
    c.arrow(tanh.right, (428, 95), kind="state")
    c.text(424, 78, "$h_t$", kind="state", anchor="end")
    c.arrow((346, 95), (346, 16), kind="output")
    c.text(356, 24, "output", kind="output", anchor="start", size=14)
    return c.finish(
        "One timestep of a simple recurrent network",
        "The previous state h t-1 enters from the left and is multiplied by U. The input x t "
        "enters from below and is multiplied by W. A circle with a plus sign adds both and the "
        "bias b. The sum passes through tanh and becomes the new state h t, which leaves to the "
        "right towards the next timestep and to the top as the output: they are the same array.",
    )


def bag_or_chain(word: str = "stop") -> Picture:
    """The same characters for a model that counts and for a model that reads."""
    left = Canvas(250, 205)
    letters = sorted(word)
    for i, (x, y) in enumerate([(70, 66), (112, 96), (160, 64), (178, 104)]):
        left.circle(x, y, letters[i % len(letters)], "input", r=16)
    left.raw('<path class="wire k-muted dashed" d="M36 40 Q20 140 122 140 Q226 140 212 40"/>')
    left.arrow((124, 142), (124, 176), kind="output")
    left.text(124, 190, "one answer", kind="output", size=14)
    left.text(124, 20, "a bag: which letters, how many", kind="muted", size=13)
    right = Canvas(270, 205)
    right.text(135, 20, "a chain: one after the other", kind="muted", size=13)
    xs = [38, 103, 168, 233]
    boxes = [right.box(x, 96, 40, 34, "", "state") for x in xs]
    for i, box in enumerate(boxes):
        node = right.circle(box.x, 52, word[i % len(word)], "input", r=15)
        right.arrow(node.bottom, box.top, kind="input")
        if i:
            right.arrow(boxes[i - 1].right, box.left, kind="state")
    right.arrow(boxes[-1].bottom, (233, 176), kind="output")
    right.text(262, 190, "one answer", kind="output", size=14, anchor="end")
    from .canvas import row

    return row(
        left.finish(
            "A bag of characters",
            f"The letters of the word {word} lie in a bag in no order; one arrow leads from the "
            "bag to one answer.",
        ),
        right.finish(
            "A chain of characters",
            f"The letters of the word {word} enter a chain of boxes from left to right, one letter "
            "a box; each box passes its state to the next, and the last gives one answer.",
        ),
    )


def layouts() -> Picture:
    """The two layouts of one step, each array as a rectangle with its shape below it."""
    c = Canvas(430, 300)
    small, d, h = 30.0, 52.0, 40.0  # the sizes of B, D and H on paper; a vector is 12 thin

    def array(x: float, y: float, rows: float, columns: float, label: str, shape: str,
              kind: str) -> float:  # fmt: skip
        """A rectangle centred at height y that begins at x; returns where it ends."""
        middle = x + columns / 2
        c.raw(
            f'<rect class="box k-{kind}" x="{x:.1f}" y="{y - rows / 2:.1f}" '
            f'width="{columns:.1f}" height="{rows:.1f}" rx="2"/>'
        )
        thin = min(rows, columns) < 20
        c.text(middle, y - rows / 2 - 12 if thin else y, label, kind=kind, size=15)
        c.text(middle, y + rows / 2 + 13, shape, kind="muted", size=12)
        return x + columns

    def sign(x: float, y: float, text: str, room: float = 34) -> float:
        c.text(x + room / 2, y, text, size=16)
        return x + room

    y = 84.0
    c.text(
        6, 16, "slides: one sequence, weights on the left", kind="muted", size=13, anchor="start"
    )
    x = sign(6, y, "tanh (", 52)
    x = array(x, y, h, d, "$W$", "$(H,D)$", "weight")
    x = array(x + 16, y, d, 12, "$x_t$", "$(D,)$", "input")
    x = sign(x, y, "+", 34)
    x = array(x, y, h, h, "$U$", "$(H,H)$", "weight")
    x = array(x + 16, y, h, 12, "$h_{t-1}$", "$(H,)$", "state")
    x = sign(x, y, "+", 34)
    x = array(x, y, h, 12, "$b$", "$(H,)$", "weight")
    x = sign(x, y, ")  =", 46)
    array(x, y, h, 12, "$h_t$", "$(H,)$", "state")

    y = 228.0
    c.line((6, 152), (424, 152), kind="muted", dashed=True, width=1)
    c.text(6, 172, "Keras: a batch, weights on the right", kind="muted", size=13, anchor="start")
    x = sign(6, y, "tanh (", 52)
    x = array(x, y, small, d, "$x_t$", "$(B,D)$", "input")
    x = array(x + 6, y, d, h, "$W$", "$(D,H)$", "weight")
    x = sign(x, y, "+", 24)
    x = array(x, y, small, h, "$h_{t-1}$", "$(B,H)$", "state")
    x = array(x + 6, y, h, h, "$U$", "$(H,H)$", "weight")
    x = sign(x, y, "+", 24)
    x = array(x, y, 12, h, "$b$", "$(H,)$", "weight")
    x = sign(x, y, ") =", 34)
    array(x, y, small, h, "$h_t$", "$(B,H)$", "state")
    return c.finish(
        "One step in the layout of the slides and in the layout of Keras",
        "Two lines of rectangles, their sides proportional to the arrays' sizes. Slides: W of shape "
        "H by D times the column x t of length D, plus U of shape H by H times the column h t-1, "
        "plus the column b, gives the column h t of length H. Keras: x t of shape B by D times W of "
        "shape D by H, plus h t-1 of shape B by H times U of shape H by H, plus the row b of length "
        "H, gives h t of shape B by H.",
    )
