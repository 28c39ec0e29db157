"""Every chapter keeps the book's rhythm and its rules for code."""

import re

import chapter
import pytest

from .conftest import BOOK, chapters, pages_of_toc

SECTIONS = ["What goes wrong in practice", "Quiz", "Key takeaways", "Exercise", "Further reading"]
HIDDEN = {"hide-input", "remove-input", "remove-cell", "hide-cell"}


def source(name):
    return (BOOK / f"{name}.md").read_text(encoding="utf-8")


def test_the_table_of_contents_names_files_that_exist():
    assert [name for name in pages_of_toc() if not (BOOK / f"{name}.md").exists()] == []


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_ends_in_practice_quiz_takeaways_exercise_and_reading(name):
    headings = re.findall(r"^## (.+)$", source(name), re.M)
    assert headings[-len(SECTIONS) :] == SECTIONS


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_opens_with_facts_objectives_and_a_question(name):
    opening = source(name).split("\n## ")[0]
    assert "{div} lead-facts" in opening and "{div} question" in opening
    assert "After this chapter you can" in opening


@pytest.mark.parametrize("name", chapters())
def test_a_quiz_has_four_to_six_questions(name):
    assert 4 <= source(name).count("{quiz}") <= 6


@pytest.mark.parametrize("name", chapters())
def test_visible_code_fits_the_column(name):
    long = [
        line
        for tags, code in chapter.cells(name)
        if not tags & HIDDEN
        for line in code.splitlines()
        if len(line) > 76
    ]
    assert long == []


@pytest.mark.parametrize("name", chapters())
def test_every_figure_has_a_name_and_a_caption(name):
    for block in re.findall(r"figure:\n(.*?)\n---", source(name), re.S):
        assert "name: fig-" in block and "caption: |" in block


@pytest.mark.parametrize("name", chapters())
def test_the_text_does_not_shout_or_belittle(name):
    prose = re.sub(r"```.*?```|`[^`]*`", "", source(name), flags=re.S)
    found = re.findall(r"\b(?:simply|obviously|trivial(?:ly)?)\b|[a-z]!(?=\s)", prose)
    assert found == []
