"""The book's diagrams. ``canvas`` has the primitives, the other modules what is drawn with them."""

from .canvas import Canvas, Node, Picture, row
from .networks import bag_or_chain, layouts, loop, step, unrolled

__all__ = ["Canvas", "Node", "Picture", "bag_or_chain", "layouts", "loop", "row", "step", "unrolled"]
