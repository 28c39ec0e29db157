"""Plots of experiments, in the colours and the type of the book, for light and dark pages.

A plot is drawn once. Its SVG names CSS variables where Matplotlib wrote a colour, and keeps text
as text, so a page shows it in its own colours and a reader can search and select it.

Write labels in plain characters (``hₜ``, ``‖∂h_T/∂hₜ‖``), without dollar signs: Matplotlib
places a formula with the metrics of a font that the reader's browser may not have.
"""

from __future__ import annotations

import html
import io
import itertools
import re
from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from .figures.canvas import Picture, hash_text

# The light page's colours, see _static/course.css. In the SVG each becomes its variable.
COLOURS = {
    "input": "#0a5db0",
    "state": "#a8480a",
    "output": "#17733a",
    "weight": "#7436a8",
    "carry": "#b01e55",
    "gate": "#0d6e76",
    "muted": "#5b6675",
    "plain": "#1c2430",
    "line": "#d5dbe3",
    "paper": "#fefefe",
}
# For lines without a meaning of their own, such as seeds, sizes or units: the neutral kinds first.
CYCLE = ("state", "plain", "muted", "gate", "weight", "carry")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1)), (0, (8, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P")
_COUNTER = itertools.count(1)

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "course",
    "figure.figsize": (5.2, 3.1),
    "figure.dpi": 72,
    "savefig.transparent": True,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["plain"],
    "axes.titlecolor": COLOURS["plain"],
    "text.color": COLOURS["plain"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["plain"],
    "ytick.labelcolor": COLOURS["plain"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.2,
    "lines.markersize": 5.5,
    "axes.prop_cycle": matplotlib.cycler(color=[COLOURS[k] for k in CYCLE]),
    "figure.constrained_layout.use": True,
}


matplotlib.rcParams.update(STYLE)


def axes(rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """``fig, ax`` in the book's look. Options as for ``plt.subplots``; a plot is 5.2 x 3.1 inch.

    More than two columns get too small on a telephone: use rows, or several plots.
    """
    return plt.subplots(rows, columns, **options)


def line(ax: Axes, x: Any, y: Any, label: str | None = None, kind: str = "state", order: int = 0,
         **options: Any) -> None:  # fmt: skip
    """A line of one kind. ``order`` 0 to 5 picks its dashes, so that colour is never alone."""
    ax.plot(x, y, color=COLOURS[kind], linestyle=DASHES[order], label=label, **options)


def band(
    ax: Axes,
    x: Any,
    runs: Any,
    label: str | None = None,
    kind: str = "state",
    order: int = 0,
    log: bool = False,
    **options: Any,
) -> None:
    """Mean over seeds as a line and the range from lowest to highest as a band.

    runs  (seeds, len(x)): one row per seed
    log   True: geometric mean, for values on a log axis
    """
    runs = np.asarray(runs, dtype=float)
    mean = np.exp(np.log(np.maximum(runs, 1e-300)).mean(axis=0)) if log else runs.mean(axis=0)
    ax.fill_between(
        x, runs.min(axis=0), runs.max(axis=0), color=COLOURS[kind], alpha=0.2, linewidth=0
    )
    line(ax, x, mean, label, kind, order, **options)


def bars(
    ax: Axes,
    names: Sequence[str],
    runs: Sequence[Sequence[float]],
    kinds: Sequence[str] | str = "state",
    form: str = "{:.2f}",
    offset: float = 0.0,
    height: float = 0.6,
    faint: bool = False,
    label: str | None = None,
) -> None:
    """Horizontal bars of the mean over seeds, a dot for each seed, the mean written beside it.

    names  one per bar, first on top
    runs   one sequence of values over seeds per bar
    """
    if isinstance(kinds, str):
        kinds = [kinds] * len(names)
    y = -np.arange(len(names), dtype=float) - offset
    for i, (values, kind) in enumerate(zip(runs, kinds, strict=True)):
        values = np.asarray(values, dtype=float)
        ax.barh(
            y[i],
            values.mean(),
            height=height,
            color=COLOURS[kind],
            alpha=0.3 if faint else 0.75,
            label=label if i == 0 else None,
        )
        if len(values) > 1:
            ax.plot(values, np.full(len(values), y[i]), "o", color=COLOURS["plain"], markersize=3.5)
        ax.annotate(
            form.format(values.mean()),
            (values.max(), y[i]),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=10.5,
        )
    if not offset:
        ax.set_yticks(-np.arange(len(names)), names)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def show(fig: Any, title: str, alt: str) -> Picture:
    """The finished plot as a picture for the page; closes the figure.

    title  names the plot in a few words (screen readers read it first)
    alt    what the plot shows, with its numbers: for who cannot see it
    """
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    width = fig.get_size_inches()[0] * 72 * 1.4
    plt.close(fig)
    return Picture(_adapt(buffer.getvalue(), title, alt, width), alt)


def _adapt(svg: str, title: str, alt: str, width: float) -> str:
    """Matplotlib's SVG for a page: CSS variables, own ids, a title and a description."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    for kind, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--rnn-{kind}, {colour})")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)

    name = f"plot{next(_COUNTER)}-{hash_text(title + alt):x}"
    used = set(re.findall(r"(?:url\(#|href=\"#)([\w-]+)", svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r"(url\(#|href=\"#)([\w-]+)", rf"\g<1>{name}-\g<2>", svg)
    svg = svg.replace("xlink:href", "href")
    view = re.search(r'viewBox="([^"]+)"', svg)
    start = svg.index(">") + 1
    head = (
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="{view[1] if view else "0 0 475 252"}" style="max-width:{width:.0f}px" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{html.escape(title)}</title>'
        f'<desc id="{name}-d">{html.escape(alt)}</desc>'
    )
    return head + svg[start:]
