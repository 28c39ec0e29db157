"""The explorers compute in the page what NumPy computes, and need no mouse."""

import json
import re

import numpy as np
import pytest

from .conftest import BOOK, chapters

pytestmark = pytest.mark.xdist_group("book")

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def weight(i, j, phase):
    return np.sin(1.7 * (i + 1) * (j + 1) + phase)


W = 0.9 * weight(np.arange(3)[:, None], np.arange(26)[None, :], 0.3)  # (H, D)
U = 0.8 * weight(np.arange(3)[:, None], np.arange(3)[None, :], 2.1)  # (H, H)
b = np.array([0.1, -0.1, 0.05])


def read_word(word, scale):
    h = np.zeros(3)
    for letter in word:
        h = np.tanh(scale * (W[:, LETTERS.index(letter)] + U @ h + b))
    return h


def test_step_through_shows_the_state_that_numpy_computes(read):
    page = read("02_numpy_rnn")
    explorer = page.locator("#explorer-step_through")
    stage = explorer.locator(".explorer-stage")

    def state():
        return np.array(json.loads(stage.get_attribute("data-state")))

    np.testing.assert_array_equal(state(), np.zeros(3))
    for count in range(1, 5):
        explorer.locator(".next").press("Enter")
        np.testing.assert_allclose(state(), read_word("dinamarca"[:count], 1), atol=1e-12)
    explorer.locator(".scale").fill("4.5")
    np.testing.assert_allclose(state(), read_word("dina", 4.5), atol=1e-12)
    explorer.locator(".back").press("Enter")
    np.testing.assert_allclose(state(), read_word("din", 4.5), atol=1e-12)
    assert "Step 3 of 9" in explorer.locator(".status").inner_text()
    explorer.locator(".reset").press("Enter")
    explorer.locator(".word").fill("Xy 7!")
    explorer.locator(".next").press("Enter")
    explorer.locator(".next").press("Enter")
    np.testing.assert_allclose(state(), read_word("xy", 4.5), atol=1e-12)
    assert explorer.locator(".next").is_disabled()


def test_an_explorer_hides_its_fallback_and_keeps_it_without_scripts(read, browser, built_book):
    page = read("02_numpy_rnn")
    assert not page.locator("#explorer-step_through .explorer-fallback").is_visible()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((built_book / "02_numpy_rnn.html").as_uri())
    assert "letter by letter" in page.locator("#explorer-step_through").inner_text()
    context.close()


EXPLORERS = [
    (name, explorer)
    for name in chapters()
    for explorer in re.findall(
        r"^:::\{explorer\} (\w+)", (BOOK / f"{name}.md").read_text(encoding="utf-8"), re.M
    )
]


@pytest.mark.parametrize(("name", "explorer"), EXPLORERS, ids=lambda value: value)
def test_every_control_has_a_name_and_every_slider_moves_with_the_keyboard(read, name, explorer):
    page = read(name)
    stage = page.locator(f"#explorer-{explorer} .explorer-stage")
    controls = stage.locator("button, select, input").all()
    assert controls
    for control in controls:
        assert control.evaluate("e => (e.labels?.[0] ?? e).textContent.trim()")
    for slider in stage.locator("input[type=range]").all():
        if slider.is_visible() and slider.is_enabled():
            before = slider.input_value()
            key = "ArrowLeft" if before == slider.get_attribute("max") else "ArrowRight"
            slider.press(key)
            assert slider.input_value() != before
    assert page.errors == []
