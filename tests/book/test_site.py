"""The built book: complete on its own, readable in both modes and at both widths."""

import re

import pytest

from .conftest import open_page, pages_of_toc

pytestmark = pytest.mark.xdist_group("book")

OUTSIDE = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|embed|object)\b[^>]*?"""
    r"""\b(?:src|href|data|srcset)\s*=\s*["'](?:https?:)?//[^"']*""",
    re.I,
)
# of rel="canonical" and the like only the address is read, nothing is fetched
HARMLESS = re.compile(r"""rel\s*=\s*["'](?:canonical|license|author|prev|next)["']""", re.I)

OVERFLOW = """() => {
  const width = document.documentElement.clientWidth, inside = ".picture, .scroll-x, pre, "
    + ".formula-scroll, .mathml, .numbers, .table-wrapper, .pst-scrollable-table-container";
  return [...document.querySelectorAll(".bd-article *")]
    .filter(e => e.getBoundingClientRect().width > 0 && !e.closest(inside)
                 && e.getBoundingClientRect().right > width + 1)
    .map(e => e.outerHTML.slice(0, 80)).concat(
      document.documentElement.scrollWidth > width ? ["the page itself"] : []);
}"""


@pytest.fixture(scope="module", params=pages_of_toc())
def page(request, browser, built_book):
    """Every page in turn, opened once for all tests that only look at it."""
    page = open_page(browser, built_book, request.param)
    page.wait_for_load_state("networkidle")
    yield page
    page.context.close()


def test_no_page_names_an_outside_script_style_font_or_image(built_book):
    found = []
    for page in built_book.rglob("*.html"):
        tags = OUTSIDE.findall(page.read_text(encoding="utf-8"))
        found += [(page.name, tag) for tag in tags if not HARMLESS.search(tag)]
    for style in built_book.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        found += [
            (style.name, address)
            for address in re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\"']*", text)
        ]
    assert found == []


def test_the_sources_of_the_book_are_not_published(built_book):
    assert not (built_book / "_sources").exists()
    assert [p for p in built_book.rglob("*") if p.suffix in (".md", ".py", ".ipynb")] == []


def test_a_page_asks_no_other_host_and_runs_without_errors(page):
    assert page.outside == []
    assert page.errors == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate(OVERFLOW) == []


def test_every_figure_has_words_for_who_cannot_see_it(page):
    silent = page.evaluate(
        """() => [...document.querySelectorAll(".bd-article svg.drawing, .bd-article svg.plot")]
          .filter(svg => svg.getAttribute("role") !== "img"
            || !svg.querySelector("title")?.textContent || !svg.querySelector("desc")?.textContent
            || svg.getAttribute("aria-labelledby").split(" ").some(id => !document.getElementById(id)))
          .length"""
    )
    doubled = page.evaluate(
        """() => { const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
                   return ids.filter((id, i) => ids.indexOf(id) !== i); }"""
    )
    assert silent == 0
    assert doubled == []


def test_formulas_are_in_the_page_before_any_script_runs(browser, built_book):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((built_book / "02_numpy_rnn.html").as_uri())
    assert page.locator("mjx-container").count() > 50
    assert page.locator(".mathml math").count() == page.locator("mjx-container").count()
    assert "MathJax" not in page.content().replace('class="MathJax"', "")
    context.close()


def test_formulas_use_their_own_fonts(read):
    page = read("02_numpy_rnn")
    page.wait_for_load_state("networkidle")
    fonts = page.evaluate(
        "() => [...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    )
    assert any("MJXTEX-I" in family for family in fonts)
