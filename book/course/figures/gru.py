"""The GRU, drawn one step at a time, where its reset gate stands, and the three cells compared."""

from __future__ import annotations

from .canvas import Canvas, Node, Picture, row
from .lstm import bridge, light

STAGES = ("simple", "mix", "update", "reset", "whole")
_TOP, _H, _X = 62.0, 246.0, 292.0  # the track, and the lanes of h_{t-1} and x_t
_AT = {"z": 140.0, "r": 240.0, "c": 392.0}

_TITLE = {
    "simple": "The starting point: a SimpleRNN",
    "mix": "Step 1: keep a fixed share",
    "update": "Step 2: the update gate",
    "reset": "Step 3: the reset gate",
    "whole": "The whole GRU cell",
}
_SAYS = {
    "simple": "The state h t-1 enters from the left on a lane, the input x t from below on another. "
    "Both lead to a tanh box. What leaves it is the new state h t.",
    "mix": "New: a track at the top carries h t-1 straight through. On it stand a circle that "
    "multiplies by 1 minus alpha and a circle with a plus. The tanh box now gives a candidate, "
    "which is multiplied by alpha and added there. The sum is h t.",
    "update": "New: a sigmoid box reads h t-1 and x t and gives z t. It goes, as 1 minus z t, to the "
    "product on the track, and as z t to the product with the candidate.",
    "reset": "New: a second sigmoid box gives r t. It multiplies the state on its lane to the tanh "
    "box, so that the candidate sees only a part of h t-1.",
    "whole": "The whole cell. The track at the top carries h t-1, is multiplied by 1 minus z t, and "
    "has z t times the candidate added to it. The candidate comes from a tanh box that reads x t "
    "and the product of r t and h t-1. The boxes of z and r read h t-1 and x t.",
}


def gru_cell(stage: str = "whole") -> Picture:
    """One timestep of a GRU in the form of the slides, as far as ``stage`` has built it.

    stage  one of ``STAGES``, from the SimpleRNN to the whole cell
    """
    if stage not in STAGES:
        raise ValueError(f"{stage!r} is no stage of the GRU: use one of {', '.join(STAGES)}")
    at = STAGES.index(stage)
    c = Canvas(520, 336)
    c.region(262, 162, 400, 292)
    _light(c, stage)
    c.text(72, 29, "one timestep", "muted", size=14, anchor="start")

    tanh = c.box(_AT["c"], 190, 56, 34, "tanh", "state")
    to_state, to_input = 380.0, 404.0  # where the two lanes enter the tanh box

    # The two lanes. Where x crosses h, it passes below.
    c.text(2, _H - 18, "$h_{t-1}$", "state", anchor="start", size=18)
    c.text(100, 323, "$x_t$", "input", anchor="start", size=18)
    gates: dict[str, Node] = {}
    for name, since in (("z", 2), ("r", 3)):
        if at >= since:
            gates[name] = c.box(_AT[name], 190, 46, 34, r"$\sigma$", "gate")
            c.arrow((_AT[name] + 9, _X), (_AT[name] + 9, 207), kind="input")
            lit = "gate" if (name, stage) == ("r", "reset") else ""
            bridge(c, _AT[name] + 9, _H - 6, _H + 6, lit)
            c.dot(_AT[name] + 9, _X, "input")
    c.arrow((90, 332), (90, _X), (to_input, _X), (to_input, 207), kind="input")
    reset = c.circle(316, _H, "×", "state") if at >= 3 else None
    if reset:
        c.line((8, _H), reset.left, kind="state")
        c.arrow(reset.right, (to_state, _H), (to_state, 207), kind="state")
        c.arrow(gates["r"].top, (_AT["r"], 150), (316, 150), reset.top, kind="gate")
        c.text(234, 161, "$r_t$", "gate", anchor="end", size=17)
    else:
        c.arrow((8, _H), (to_state, _H), (to_state, 207), kind="state")
    for name in gates:
        c.arrow((_AT[name] - 9, _H), (_AT[name] - 9, 207), kind="state")
        c.dot(_AT[name] - 9, _H, "state")

    # The track at the top, and the mixture on it.
    if at == 0:
        c.arrow(tanh.top, (_AT["c"], _TOP), (512, _TOP), kind="state")
    else:
        c.dot(48, _H, "state")
        keep = c.circle(_AT["z"], _TOP, "×", "state")
        plus = c.circle(_AT["c"], _TOP, "+", "state")
        times = c.circle(_AT["c"], 124, "×", "state")
        c.arrow((48, _H), (48, _TOP), keep.left, kind="state", width=3)
        c.arrow(keep.right, plus.left, kind="state", width=3)
        c.arrow(plus.right, (512, _TOP), kind="state", width=3)
        c.arrow(tanh.top, times.bottom, kind="state")
        c.arrow(times.top, plus.bottom, kind="state")
        c.text(_AT["c"] + 10, 158, r"$\tilde{h}_t$", "state", anchor="start", size=17)
        if at == 1:
            c.arrow((_AT["z"], 116), keep.bottom, kind="muted")
            c.text(_AT["z"], 128, r"$1-\alpha$", "muted", size=16)
            c.arrow((318, 124), times.left, kind="muted")
            c.text(306, 124, r"$\alpha$", "muted", size=16)
        else:
            c.line(gates["z"].top, (_AT["z"], 124), kind="gate")
            c.dot(_AT["z"], 124, "gate")
            c.arrow((_AT["z"], 124), times.left, kind="gate")
            flip = c.box(_AT["z"], 98, 34, 20, "1−", "gate", size=13)
            c.line((_AT["z"], 124), flip.bottom, kind="gate")
            c.arrow(flip.top, keep.bottom, kind="gate")
            c.text(_AT["z"] - 8, 146, "$z_t$", "gate", anchor="end", size=17)
    c.text(514, _TOP - 18, "$h_t$", "state", anchor="end", size=18)
    c.dot(480, _TOP, "state")
    c.arrow((480, _TOP), (480, 6), kind="state")
    return c.finish(_TITLE[stage], _SAYS[stage])


def _light(c: Canvas, stage: str) -> None:
    if stage == "mix":
        light(c, "state", (108, 38, 316, 108))
    elif stage == "update":
        light(c, "gate", (104, 38, 72, 190))
    elif stage == "reset":
        light(c, "gate", (206, 136, 134, 130))


def gru_reset() -> Picture:
    """Where the reset gate acts: before the product with U_h, or after it."""
    return row(_reset(after=False), _reset(after=True))


def _reset(after: bool) -> Picture:
    c = Canvas(330, 196)
    y = 74.0
    title = "after the product (Keras' default)" if after else "before the product (the slides)"
    c.text(165, 14, title, "muted", size=13)
    first, second = (116.0, 186.0)
    U = c.box(first if after else second, y, 46, 34, "$U_h$", "weight")
    times = c.circle(second if after else first, y, "×", "state")
    plus = c.circle(246, y, "+", "plain")
    ends = (U, times) if after else (times, U)
    c.text(8, y - 15, "$h_{t-1}$", "state", anchor="start")
    c.arrow((8, y), ends[0].left, kind="state")
    c.arrow(ends[0].right, ends[1].left, kind="state")
    c.arrow(ends[1].right, plus.left, kind="state")
    c.arrow((times.x, 140), times.bottom, kind="gate")
    c.text(times.x, 152, "$r_t$", "gate")
    c.arrow((246, 140), plus.bottom, kind="input")
    c.text(246, 152, "$x_t W_h+b$", "input", size=14)
    c.arrow(plus.right, (322, y))
    c.text(304, y - 14, "tanh", "plain", size=13)
    if after:
        c.text(first, y + 30, r"$+b'_h$", "weight", size=13)
        how = "h t-1 is multiplied by U h, a second bias is added, and the result is multiplied by r t."
    else:
        how = "h t-1 is multiplied by r t, and the result by U h."
    return c.finish(
        "The reset gate " + title, f"{how} Then x t W h plus the bias is added, and tanh follows."
    )


def cells_compared() -> Picture:
    """SimpleRNN, LSTM and GRU: what is carried, what is multiplied, what is added."""
    return row(_simple(), _lstm(), _gru())


def _frame(title: str, facts: str) -> Canvas:
    c = Canvas(310, 190)
    c.text(155, 12, title, "plain", size=15, bold=True)
    c.text(155, 180, facts, "muted", size=12.5)
    return c


def _boxes(c: Canvas, labels: list[tuple[str, float, str]]) -> dict[str, Node]:
    return {label: c.box(x, 130, 38, 30, f"${label}$", kind, size=14) for label, x, kind in labels}


def _simple() -> Picture:
    c = _frame("SimpleRNN", "1 block of weights, carries h")
    tanh = c.box(155, 76, 58, 34, "tanh", "state")
    c.arrow((10, 76), tanh.left, kind="state", width=3)
    c.arrow(tanh.right, (300, 76), kind="state", width=3)
    c.text(14, 58, "$h$", "state", anchor="start")
    c.arrow((155, 128), tanh.bottom, kind="input")
    c.text(155, 140, "$x_t$", "input")
    return c.finish(
        "SimpleRNN", "One lane, h. It leads into a tanh box and out of it again: all is made anew."
    )


def _lstm() -> Picture:
    c = _frame("LSTM", "4 blocks of weights, carries c and h")
    y = 60.0
    boxes = _boxes(c, [("f", 58, "gate"), ("i", 114, "gate"), (r"\tilde{c}", 166, "carry"), ("o", 222, "gate")])  # fmt: skip
    keep = c.circle(58, y, "×", "carry", r=11)
    plus = c.circle(140, y, "+", "carry", r=11)
    times = c.circle(140, 94, "×", "plain", r=9, size=13)
    c.arrow((8, y), keep.left, kind="carry", width=3)
    c.arrow(keep.right, plus.left, kind="carry", width=3)
    c.arrow(plus.right, (302, y), kind="carry", width=3)
    c.arrow(boxes["f"].top, keep.bottom, kind="gate")
    c.arrow(boxes["i"].top, (114, 94), times.left, kind="gate", radius=6)
    c.arrow(boxes[r"\tilde{c}"].top, (166, 94), times.right, kind="carry", radius=6)
    c.arrow(times.top, plus.bottom, kind="carry")
    out = c.circle(262, 94, "×", "state", r=11)
    c.dot(262, y, "carry")
    c.arrow((262, y), out.top, kind="carry")
    c.arrow(boxes["o"].top, (222, 94), out.left, kind="gate", radius=6)
    c.arrow(out.bottom, (262, 158), (302, 158), kind="state")
    c.line((8, 158), (222, 158), (222, 145), kind="state", radius=6)
    for x in (58, 114, 166):
        c.line((x, 158), (x, 145), kind="state")
    c.text(14, y - 16, "$c$", "carry", anchor="start")
    c.text(14, 144, "$h$", "state", anchor="start")
    c.text(298, 144, "$h$", "state", anchor="end")
    return c.finish(
        "LSTM",
        "Two lanes. On the lane of c: times f, plus i times the candidate. The lane of h begins anew: "
        "o times a copy of c.",
    )


def _gru() -> Picture:
    c = _frame("GRU", "3 blocks of weights, carries h")
    y = 60.0
    boxes = _boxes(c, [("z", 86, "gate"), (r"\tilde{h}", 198, "state"), ("r", 250, "gate")])
    keep = c.circle(86, y, "×", "state", r=11)
    plus = c.circle(198, y, "+", "state", r=11)
    times = c.circle(198, 94, "×", "state", r=9, size=13)
    c.arrow((8, y), keep.left, kind="state", width=3)
    c.arrow(keep.right, plus.left, kind="state", width=3)
    c.arrow(plus.right, (302, y), kind="state", width=3)
    c.arrow(boxes["z"].top, keep.bottom, kind="gate")
    c.text(78, 82, "$1-z$", "gate", size=12, anchor="end")
    c.dot(86, 94, "gate", r=2.5)
    c.arrow((86, 94), times.left, kind="gate")
    c.text(140, 84, "$z$", "gate", size=12)
    c.arrow(boxes[r"\tilde{h}"].top, times.bottom, kind="state")
    c.arrow(times.top, plus.bottom, kind="state")
    c.arrow(boxes["r"].left, boxes[r"\tilde{h}"].right, kind="gate")
    c.text(14, y - 16, "$h$", "state", anchor="start")
    return c.finish(
        "GRU",
        "One lane, h. On it: times 1 minus z, plus z times the candidate. The reset gate r acts on what "
        "the candidate reads.",
    )
