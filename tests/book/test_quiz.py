"""The quiz: what may be written, and what a reader gets."""

import subprocess
import sys

import pytest

from .conftest import BOOK

GOOD = """
:::{quiz}
What is $h_0$?

- [ ] The first input.

  It has another length.
- [x] Zeros.

  Nothing has been read.
:::
"""


BROKEN = {
    "silent": (
        GOOD.replace("\n  Nothing has been read.\n", ""),
        "answer 2 has no explanation",
    ),
    "none": (GOOD.replace("[x]", "[ ]"), "exactly one answer must have [x]"),
    "two": (GOOD.replace("[ ]", "[x]"), "exactly one answer must have [x]"),
    "unmarked": (GOOD.replace("- [ ] The", "- The"), "an answer must begin with [ ] or [x]"),
    "unasked": (
        GOOD.replace("What is $h_0$?\n", ""),
        "needs a question above its answers",
    ),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Every page of this file, built by Sphinx alone: {name: html}, and the warnings."""
    folder = tmp_path_factory.mktemp("quiz")
    pages = {"good": GOOD, "plain": "Nothing to answer.\n"}
    pages |= {name: text for name, (text, _) in BROKEN.items()}
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(f"# Page\n{text}", encoding="utf-8")
    (folder / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(BOOK / 'extensions')!r})\n"
        "extensions = ['myst_parser', 'quiz']\n"
        "myst_enable_extensions = ['colon_fence', 'dollarmath']\n"
        "master_doc = 'good'\n"
        "suppress_warnings = ['toc.not_included']\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", folder, folder / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    html = {name: (folder / "out" / f"{name}.html").read_text(encoding="utf-8") for name in pages}
    return html, done.stderr.splitlines()


def test_a_question_becomes_a_fieldset_with_radio_buttons_and_every_explanation(built):
    html, warnings = built
    page = html["good"]
    assert [line for line in warnings if "good.md" in line] == []
    assert page.count('type="radio"') == 2 and "<legend>" in page and "[x]" not in page
    assert 'aria-live="polite"' in page
    assert "It has another length." in page and "Nothing has been read." in page
    assert "quiz.js" in page


def test_a_page_without_a_quiz_loads_no_script_for_it(built):
    html, _ = built
    assert "quiz.js" not in html["plain"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_quiz_that_is_not_complete_is_an_error_that_says_why(built, name):
    _, warnings = built
    own = [line for line in warnings if f"{name}.md" in line]
    assert any(BROKEN[name][1] in line for line in own)


@pytest.mark.xdist_group("book")
def test_a_reader_with_a_keyboard_gets_the_explanation_of_each_answer(read):
    page = read("01_sequences")
    first = page.locator(".quiz-question").first
    output = first.locator("output")
    assert output.inner_text() == ""
    first.locator("input").first.focus()
    page.keyboard.press("Space")
    assert output.inner_text().startswith("Not quite.")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert output.inner_text().startswith("Right.")
    assert page.evaluate("() => localStorage.length + document.cookie.length") <= 2  # the theme's


@pytest.mark.xdist_group("book")
def test_without_scripts_the_answers_can_be_opened(browser, built_book):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((built_book / "01_sequences.html").as_uri())
    answers = page.locator(".quiz-answers").first
    answers.locator("summary").click()
    assert "Right." in answers.inner_text()
    context.close()
