"""Formulas, figures and plots: one visual language, legible in both modes."""

import re

import formulas
import numpy as np
import pytest
import quickjs
from course import figures, plots
from course.notes import Table, short

from .conftest import BOOK

STYLE = (BOOK / "_static" / "course.css").read_text(encoding="utf-8")
PAPER = {"light": "#ffffff", "dark": "#121212"}


def colours(mode):
    block = re.search(rf'html\[data-theme="{mode}"\] \{{(.*?)\}}', STYLE, re.S)[1]
    return dict(re.findall(r"--rnn-(\w+): (#[0-9a-f]{6});", block))


def luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("kind", figures.canvas.KINDS)
def test_every_colour_can_be_read_as_text(mode, kind):
    for ground in (PAPER[mode], colours(mode)["card"]):
        assert contrast(colours(mode)[kind], ground) >= 4.5


def test_plots_use_the_colours_of_the_light_page():
    light = colours("light")
    for kind, colour in plots.COLOURS.items():
        if kind != "paper":
            assert light[kind] == colour


def test_a_formula_is_rendered_with_its_mathml_and_its_symbols_in_colour():
    visible, mathml = formulas.render(r"h_t = \tanh(W x_t + b)", True)
    for name in ("sym-state", "sym-weight", "sym-input"):
        assert name in visible
    assert mathml.startswith("<math") and "sym-" not in mathml


def test_a_formula_that_is_not_tex_says_what_is_missing():
    with pytest.raises(quickjs.JSException, match="Missing close brace"):
        formulas.render(r"\frac{a", False)


def test_every_font_of_the_stylesheet_is_there():
    fonts = set(re.findall(r'url\("([^"]+)"\)', formulas.stylesheet()))
    folder = formulas.mathjax_folder() / "output/chtml/fonts/woff-v2"
    assert fonts and all((folder / font.removeprefix("./")).exists() for font in fonts)


@pytest.mark.parametrize(
    "draw", [figures.loop, figures.step, figures.layouts, figures.bag_or_chain]
)
def test_a_drawing_has_a_title_and_a_description_and_follows_the_page(draw):
    picture = draw()
    assert 'role="img"' in picture.svg and "<title" in picture.svg and "<desc" in picture.svg
    assert not re.search(r"#[0-9a-f]{6}", picture.svg)
    assert picture.alt


def test_a_drawing_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no kind of thing"):
        figures.Canvas(10, 10).box(5, 5, 2, 2, kind="purple")


def test_the_labels_of_figures_know_subscripts_and_superscripts():
    c = figures.Canvas(10, 10)
    c.text(0, 0, r"state $\tilde{h}_{t-1}^2$ <b>")
    svg = c.finish("a", "b").svg
    assert "&lt;b&gt;" in svg and svg.count("dy=") == 3 and "−" in svg


def test_an_unrolled_network_wants_one_output_per_input():
    with pytest.raises(ValueError, match="one per timestep"):
        figures.unrolled(["a"], ["b", "c"], title="t", alt="a")


def test_a_plot_takes_its_colours_from_the_page_and_keeps_text_as_text():
    fig, ax = plots.axes()
    plots.band(ax, range(4), np.random.default_rng(0).random((3, 4)), "tanh", "state")
    ax.set_xlabel("timestep t")
    picture = plots.show(fig, "A title", "What it shows")
    assert "var(--rnn-state" in picture.svg and ">timestep t</text>" in picture.svg
    assert "<title" in picture.svg and "What it shows" in picture.svg
    ids = re.findall(r' id="([^"]+)"', picture.svg)
    assert len(ids) == len(set(ids))
    for used in re.findall(r"(?:url\(#|href=\"#)([\w.-]+)", picture.svg):
        assert used in ids


def test_the_same_plot_is_the_same_file():
    def draw():
        fig, ax = plots.axes()
        plots.line(ax, [0, 1], [0, 1], "a")
        return re.sub(r"plot\d+-", "", plots.show(fig, "t", "a").svg)

    assert draw() == draw()


def test_a_table_puts_words_left_and_numbers_right_and_escapes_both():
    page = Table(["model", "acc"], [["<b>", 0.5]], ["{}", "{:.2f}"])._repr_mimebundle_()[
        "text/html"
    ]
    assert "&lt;b&gt;" in page and "<td>0.50</td>" in page and 'class="words"' in page


def test_a_format_of_a_table_may_be_a_function_and_numbers_stay_short():
    page = Table(["layer", "gap"], [["a", 7e-16]], ["{}", short])._repr_mimebundle_()["text/html"]
    assert "<td>7·10⁻¹⁶</td>" in page
    assert [short(v) for v in (0, 0.25, -0.5, 64.4, 640, 3e-22, -2e-5, 1234)] == [
        "0", "0.25", "-0.5", "64", "640", "3·10⁻²²", "-2·10⁻⁵", "1·10³"
    ]  # fmt: skip
