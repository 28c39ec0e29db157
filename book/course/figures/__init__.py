"""The book's diagrams. ``canvas`` has the primitives, the other modules what is drawn with them."""

from .canvas import Canvas, Node, Picture, row
from .lstm import carry_track, gate, lstm_cell
from .networks import bag_or_chain, layouts, loop, step, unrolled
from .wirings import delayed, encoder_decoder, five_wirings, teacher_forcing

__all__ = [
    "Canvas",
    "Node",
    "Picture",
    "bag_or_chain",
    "carry_track",
    "delayed",
    "encoder_decoder",
    "five_wirings",
    "gate",
    "layouts",
    "loop",
    "lstm_cell",
    "row",
    "step",
    "teacher_forcing",
    "unrolled",
]
