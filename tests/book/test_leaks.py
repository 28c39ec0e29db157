"""The book shows how the layers work, but no line of an exercise's solution or of a hidden case."""

import html
import re

import nbformat
import pytest

from tests.conftest import ASSIGNMENTS
from tests.solutions.test_assignments import solution_lines


def normal(text):
    """Code without its spacing, so that line breaks and highlighting make no difference."""
    return re.sub(r"\s+", "", text)


def code_of(page):
    """What a built page shows, without tags."""
    return normal(html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def pages(built_book):
    found = {page.name: code_of(page) for page in built_book.rglob("*.html")}
    assert found
    return found


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_no_line_of_a_solution_is_on_a_page(pages, built, name):
    source = built(name).source / name / f"{name}.ipynb"
    lines = list(solution_lines(nbformat.read(source, as_version=4)))
    shown = [(p, line) for line in lines for p, text in pages.items() if normal(line) in text]
    assert shown == []


def test_the_comparison_finds_a_line_that_is_there(pages):
    assert any(normal("dense = T * D * H + H") in text for text in pages.values())


def test_neither_sources_nor_hidden_cases_are_published(built_book):
    names = {path.name for path in built_book.rglob("*") if path.is_file()}
    assert not {n for n in names if n.endswith((".npz", ".ipynb")) or n == "checks.py"}
    assert not (built_book / "_sources").exists()
