"""The wirings of chapter 3: which timesteps read something, and at which an answer is taken."""

from __future__ import annotations

from collections.abc import Sequence

from .canvas import Canvas, Node, Picture

STEP = 52.0  # from one timestep to the next


def _chain(
    c: Canvas, left: float, middle: float, inputs: Sequence[bool], outputs: Sequence[bool],
    *, feedback: Sequence[bool] = (), start: int | None = None,
) -> list[Node]:  # fmt: skip
    """Small boxes in a row; ``start`` is the timestep that reads a start token."""
    boxes = [c.box(left + i * STEP, middle, 32, 28, "", "state") for i in range(len(inputs))]
    for i, box in enumerate(boxes):
        if i:
            c.arrow(boxes[i - 1].right, box.left, kind="state")
        if inputs[i]:
            node = c.circle(box.x, middle + 46, "", "input", r=9)
            c.arrow(node.top, box.bottom, kind="input")
        if i == start:
            node = c.circle(box.x, middle + 46, "", "input", r=9, dashed=True)
            c.arrow(node.top, box.bottom, kind="input", dashed=True)
        if outputs[i]:
            node = c.circle(box.x, middle - 46, "", "output", r=9)
            c.arrow(box.top, node.bottom, kind="output")
        if i and feedback and feedback[i]:
            half = box.x - STEP / 2
            c.arrow((boxes[i - 1].x + 9, middle - 46), (half, middle - 46), (half, middle + 34),
                    (box.x, middle + 34), box.bottom, kind="output", dashed=True, radius=7,
                    width=1.6)  # fmt: skip
    return boxes


def five_wirings() -> Picture:
    """The overview: five wirings of the same cell, each with the lecture's example."""
    c = Canvas(520, 420)
    one, none = (True,), (False,)

    def words(x: float, y: float, title: str, example: str) -> None:
        c.text(x, y, title, size=15, bold=True, anchor="start")
        c.text(x, y + 19, example, kind="muted", size=13, anchor="start")

    words(10, 14, "one to one", "a traditional")
    c.text(10, 50, "network", kind="muted", size=13, anchor="start")
    _chain(c, 40, 124, one, one)
    words(142, 14, "one to many", "music generation")
    _chain(c, 164, 124, one + none * 2, one * 3, feedback=none + one * 2)
    words(358, 14, "many to one", "sentiment")
    _chain(c, 380, 124, one * 3, none * 2 + one)
    words(10, 226, "many to many, equal", "named entities")
    _chain(c, 40, 336, one * 3, one * 3)
    words(236, 226, "many to many, unequal", "translation")
    _chain(c, 260, 336, one * 3 + none * 2, none * 3 + one * 2, feedback=none * 4 + one, start=3)
    c.line((390, 282), (390, 398), kind="muted", dashed=True, width=1.3)
    c.text(312, 408, "encoder", kind="muted", size=13)
    c.text(442, 408, "decoder", kind="muted", size=13)
    return c.finish(
        "Five wirings of a recurrent cell",
        "Five small diagrams of boxes in a row, inputs as circles below, outputs as circles above. "
        "One to one: one input, one box, one output. One to many: three boxes, an input at the "
        "first, outputs at all three, and dashed arrows from each output to the next box. Many to "
        "one: three inputs, an output at the last box only. Many to many, equal: three inputs and "
        "three outputs. Many to many, unequal: three boxes of an encoder with an input each and no "
        "output, then two boxes of a decoder with an output each; the first reads a start token, drawn "
        "dashed, the second reads the first output.",
    )


def teacher_forcing(word: str = "Fin") -> Picture:
    """Writing while training: the true character is read, whatever the network would write."""
    reads = ["<de>", *word]
    writes = [*word, "end"]
    c = Canvas(120 + 100 * len(word), 216)
    for i, (read, write) in enumerate(zip(reads, writes, strict=True)):
        x = 66 + 100 * i
        box = c.box(x, 104, 58, 44, "RNN", "state")
        c.arrow((x, 174), box.bottom, kind="input")
        c.text(x, 188, read, kind="input", code=True)
        c.arrow(box.top, (x, 46), kind="output")
        c.text(x, 32, write, kind="output", code=True)
        if i:
            c.arrow((x - 71, 104), box.left, kind="state")
            c.arrow((x - 78, 32), (x - 50, 32), (x - 50, 188), (x - 18, 188), kind="muted",
                    dashed=True, width=1.5)  # fmt: skip
    c.text(14, 12, "targets", kind="output", size=13, anchor="start")
    c.text(14, 210, "read", kind="input", size=13, anchor="start")
    return c.finish(
        "Teacher forcing",
        "Four boxes in a row. They read the language token <de>, then F, i, n. Their targets are F, i, "
        "n and the end. Dashed arrows lead from each target to the input of the next timestep: what "
        "should have been written is what is read next.",
    )


def delayed(text: str = "16.02", tags: Sequence[str] = ("day", "day", "–", "month", "month"),
            delay: int = 2) -> Picture:  # fmt: skip
    """Tags that come some timesteps after their character."""
    count = len(text) + delay
    gap = 70.0
    c = Canvas(52 + gap * count, 214)
    boxes = []
    for i in range(count):
        x = 46 + gap * i
        box = c.box(x, 104, 40, 36, "", "state")
        boxes.append(box)
        if i < len(text):
            c.arrow((x, 170), box.bottom, kind="input")
            c.text(x, 184, text[i], kind="input", code=True)
        else:
            c.arrow((x, 170), box.bottom, kind="muted", faint=True)
            c.text(x, 184, "pad", kind="muted", size=13)
        if i >= delay:
            c.arrow(box.top, (x, 46), kind="output")
            c.text(x, 32, tags[i - delay], kind="output", size=14)
        if i:
            c.arrow(boxes[i - 1].right, box.left, kind="state")
    x0, x1 = boxes[0].x, boxes[delay].x
    c.arrow((x0 + 10, 184), (x0 + gap / 2, 184), (x0 + gap / 2, 32), (x1 - 20, 32), kind="muted",
            dashed=True, width=1.5)  # fmt: skip
    return c.finish(
        "Tags with a delay",
        f"A row of {count} boxes. The first {len(text)} read the characters of {text}, the last "
        f"{delay} read padding. The tag of a character is the output {delay} timesteps later; a "
        "dashed arrow leads from the first character to its tag.",
    )


def encoder_decoder() -> Picture:
    """Read a date, hand one state over, write another form of it."""
    c = Canvas(520, 222)
    reads, writes = ["7", ".", "M", "…"], ["2", "0", "2", "…"]
    xs = [44 + 58 * i for i in range(4)] + [312 + 60 * i for i in range(4)]
    boxes = [c.box(x, 104, 38, 36, "", "state") for x in xs]
    for i, box in enumerate(boxes):
        if i not in (0, 4):
            c.arrow(boxes[i - 1].right, box.left, kind="state")
        if i < 4:
            c.arrow((box.x, 168), box.bottom, kind="input")
            c.text(box.x, 182, reads[i], kind="input", code=True)
            continue
        c.arrow(box.top, (box.x, 50), kind="output")
        c.text(box.x, 36, writes[i - 4], kind="output", code=True)
        if i == 4:
            c.arrow((box.x, 168), box.bottom, kind="input", dashed=True)
            c.text(box.x, 182, "start", kind="input", size=13)
        else:
            half = box.x - 30
            c.arrow((boxes[i - 1].x + 10, 36), (half, 36), (half, 158), (box.x, 158), box.bottom,
                    kind="output", dashed=True, width=1.6)  # fmt: skip
    c.arrow(boxes[3].right, boxes[4].left, kind="state", width=3.5, label="$h_T$")
    c.text(xs[0] - 18, 210, "encoder", kind="muted", size=14, anchor="start")
    c.text(xs[4] - 18, 210, "decoder", kind="muted", size=14, anchor="start")
    return c.finish(
        "Encoder and decoder",
        "Left, four boxes, the encoder, read the characters 7, point, M and so on; they have no "
        "outputs. A thick arrow, h T, leads from the last of them to the first of four boxes on the "
        "right, the decoder. That box reads a start token and writes 2; each output is the next "
        "box's input: 0, 2 and so on.",
    )
