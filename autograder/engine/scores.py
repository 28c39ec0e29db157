"""Points of cells, as nbgrader counts them.

nbgrader reads a test cell's points from its outputs: an error or text on stderr is 0, an
`execute_result` that is a number is partial credit, anything else is full marks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """Points of one cell. `how`: check (judged outside), in-kernel, or manual (points None)."""

    points: float | None
    max_points: float
    how: str


def mended_in_kernel(outputs: list[dict], max_points: float) -> list[dict]:
    """Outputs of an in-kernel test cell, so that nbgrader counts a warning as no failure.

    Text on stderr becomes ordinary text. A number that nbgrader would refuse or take for full
    marks without meaning to (above the maximum, negative, not a number) becomes an error.
    """
    mended = []
    for output in outputs:
        if output["output_type"] == "stream":
            output = {**output, "name": "stdout"}
        elif output["output_type"] == "execute_result":
            text = output["data"].get("text/plain", "")
            number = _number(text)
            if not text:
                output = {**output, "output_type": "display_data"}
                output.pop("execution_count")
            elif number is not None and not 0.0 <= number <= max_points:
                why = f"the test gave {text[:40]} of {max_points:g} points"
                output = {
                    "output_type": "error", "ename": "ValueError", "evalue": why,
                    "traceback": [f"ValueError: {why}"],
                }  # fmt: skip
        mended.append(output)
    return mended


def in_kernel_points(outputs: list[dict], max_points: float) -> float:
    """What nbgrader's `determine_grade` says of a test cell with these outputs."""
    for output in outputs:
        if output["output_type"] == "error":
            return 0.0
        if output["output_type"] == "stream" and output["name"] == "stderr":
            return 0.0
        if output["output_type"] == "execute_result":
            number = _number(output["data"]["text/plain"])
            return max_points if number is None else number
    return max_points


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
