"""The book's diagrams. ``canvas`` has the primitives, the other modules what is drawn with them."""

from .canvas import Canvas, Node, Picture, row
from .gradients import deep_twice, step_backwards, truncation_rows
from .gru import cells_compared, gru_cell, gru_reset
from .layers import masks_over_time, stack, three_dropouts, two_directions, what_a_half_has_read
from .lstm import carry_track, gate, lstm_cell
from .networks import bag_or_chain, layouts, loop, step, unrolled
from .simplernn import padded_batch, two_outputs, units_and_timesteps
from .wirings import delayed, encoder_decoder, five_wirings, teacher_forcing

__all__ = [
    "Canvas",
    "Node",
    "Picture",
    "bag_or_chain",
    "carry_track",
    "cells_compared",
    "deep_twice",
    "delayed",
    "encoder_decoder",
    "five_wirings",
    "gate",
    "gru_cell",
    "gru_reset",
    "layouts",
    "loop",
    "lstm_cell",
    "masks_over_time",
    "padded_batch",
    "row",
    "stack",
    "step",
    "step_backwards",
    "teacher_forcing",
    "three_dropouts",
    "truncation_rows",
    "two_directions",
    "two_outputs",
    "units_and_timesteps",
    "unrolled",
    "what_a_half_has_read",
]
