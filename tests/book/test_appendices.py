"""The appendices: every slide of the deck has its section, every erratum its code."""

import csv
import re
import shutil

import chapter
import deck
import numpy as np
import pytest

from tests.conftest import ROOT

from .conftest import BOOK, chapters, pages_of_toc

MAP = BOOK / "appendices" / "deck_map.csv"

# The titles of the deck's slides, in order. "TITLE: SUBTITLE" where a slide has both.
FIRST_HALF = [
    "NATURAL LANGUAGE PROCESSING WITH DEEP LEARNING",
    *["REVIEW-RECURRENT NEURAL NETWORKS"] * 2,
    "RECURRENT NEURAL NETWORKS",
    "RNN",
    "RECURRENT NEURAL NETWORKS",
    *["RECURRENT NEURAL NETWORKS: TYPES"] * 5,
    *["RNN IN TENSORFLOW"] * 3,
    "RNN IN TENSORFLOW: FIRST OPTION",
    "RNN IN TENSORFLOW: SECOND OPTION",
    "RNN IN TENSORFLOW",
    "RNNs",
    "SIMPLE RNN: TENSORFLOW 2.0",
    "LSTM AND GRU LAYERS",
    *["VANISHING GRADIENT"] * 4,
    *["VANISHING GRADIENTS (IN PRACTICE)"] * 3,  # the seven-layer experiment
]
SECOND_HALF = [
    *["FROM SIMPLERNN TO LSTM"] * 3,
    "LSTMs",
    "LSTMs: CELL STATE",
    "LSTMs: GATES",
    "LSTMs: FORGET GATE LAYER",
    *["LSTMs"] * 3,
    "LSTM: TENSORFLOW 2.0",
    *["GRU: GATED RECURRENT UNITS"] * 2,
    "DROPOUT VS. RECURRENT DROPOUT",
    *["STACKING RNN LAYERS"] * 2,
    *["BIDIRECTIONAL RNNs"] * 4,
    "WRAP UP",
    "REFERENCES AND FURTHER RESOURCES",
]
SECTION_LINK = re.compile(r"\{section\}`(?:[^`<]*<)?([\w/]+)#([\w-]+)>?`")


def labels(book, name):
    """The labels that a chapter puts in front of its headings."""
    text = (book / f"{name}.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\(([\w-]+)\)=\n+#", text, re.M))


def trouble(slides, book, present):
    """What is wrong with the map, a line per slide; only chapters in ``present`` are read."""
    found = []
    for slide in slides:
        if slide.chapter not in present:
            continue
        if not slide.sections:
            found.append(f"slide {slide.number}: no section of {slide.chapter} is named")
        found += [
            f"slide {slide.number}: {slide.chapter} has no heading with the label {label}"
            for label in slide.sections
            if label not in labels(book, slide.chapter)
        ]
    return found


def written():
    """Chapters whose file exists, listed in the table of contents or not yet."""
    return {path.stem for path in BOOK.glob("[01][0-9]_*.md")}


# ------------------------------------------------------------------ the map of the deck


@pytest.mark.parametrize("half", ["first", "second"])
def test_every_slide_of_the_deck_is_in_the_map_in_order(half):
    titles = [slide.title for slide in deck.slides(MAP)]
    middle = len(FIRST_HALF)
    assert [slide.number for slide in deck.slides(MAP)] == list(range(1, len(titles) + 1))
    assert titles[:middle] == FIRST_HALF if half == "first" else titles[middle:] == SECOND_HALF


@pytest.mark.parametrize("half", ["first", "second"])
def test_every_section_of_the_map_exists_in_its_chapter(half):
    middle = len(FIRST_HALF)
    slides = deck.slides(MAP)
    slides = slides[:middle] if half == "first" else slides[middle:]
    assert trouble(slides, BOOK, pages_of_toc()) == []


def test_every_chapter_of_the_book_covers_slides():
    mapped = {slide.chapter for slide in deck.slides(MAP)}
    assert [name for name in chapters() if name not in mapped] == []


def test_every_row_says_what_the_slide_is_about():
    slides = deck.slides(MAP)
    assert all(slide.about and slide.chapter for slide in slides)
    assert len({(slide.title, slide.about, slide.number) for slide in slides}) == len(slides)


def test_a_section_that_disappears_is_noticed(tmp_path):
    for name in chapters() + ["intro"]:
        shutil.copy(BOOK / f"{name}.md", tmp_path)
    slides, present = deck.slides(MAP), pages_of_toc()
    assert trouble(slides, tmp_path, present) == []
    for slide in slides:
        if slide.chapter not in present:
            continue
        for label in slide.sections:
            page = tmp_path / f"{slide.chapter}.md"
            text = page.read_text(encoding="utf-8")
            page.write_text(text.replace(f"({label})=", ""), encoding="utf-8")
            broken = trouble(slides, tmp_path, present)
            page.write_text(text, encoding="utf-8")
            line = f"slide {slide.number}: {slide.chapter} has no heading with the label {label}"
            assert line in broken


def test_a_slide_without_a_section_is_noticed(tmp_path):
    rows = list(csv.DictReader(MAP.open(encoding="utf-8", newline="")))
    rows[1]["section"] = ""
    broken = tmp_path / "deck_map.csv"
    with broken.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    slides = deck.slides(broken)
    assert trouble(slides, BOOK, pages_of_toc()) == ["slide 2: no section of 01_sequences is named"]


def test_slides_with_the_same_title_are_counted():
    assert deck.numbered(["a", "b", "a"]) == ["a (1 of 2)", "b", "a (2 of 2)"]


def test_slide_numbers_are_listed_as_ranges():
    assert deck.ranges([1, 2, 3, 7, 9, 10]) == "1 to 3, 7, 9 to 10"


def test_links_to_chapters_name_labels_that_exist():
    found = []
    for page in sorted((BOOK / "appendices").glob("*.md")):
        for name, label in SECTION_LINK.findall(page.read_text(encoding="utf-8")):
            others = [stem for stem in written() if stem[:2] == name[:2]]
            if name in chapters() and label not in labels(BOOK, name):
                found.append(f"{page.name}: {name} has no heading with the label {label}")
            elif name not in chapters() and set(others) & set(chapters()):
                found.append(f"{page.name}: {name} is called {others[0]}")
    assert found == []


@pytest.mark.xdist_group("book")
def test_the_built_map_links_every_slide_of_a_chapter_in_the_book(built_book):
    if "appendices/deck_map" not in pages_of_toc():
        pytest.skip("the map is not in the table of contents")
    page = (built_book / "appendices" / "deck_map.html").read_text(encoding="utf-8")
    for slide in deck.slides(MAP):
        for label in slide.sections if slide.chapter in pages_of_toc() else ():
            assert f'href="../{slide.chapter}.html#{label}"' in page
    missing = {s.chapter for s in deck.slides(MAP)} - set(pages_of_toc())
    assert ("does not have yet" in page.replace("\n", " ")) == bool(missing)


def test_no_two_chapters_use_the_same_label():
    seen = {}
    for name in sorted(written() | set(pages_of_toc())):
        for label in labels(BOOK, name):
            assert seen.setdefault(label, name) == name, f"{label}: {seen[label]} and {name}"


# ------------------------------------------------------------------ errata


def test_every_erratum_has_its_section_with_what_is_right_and_code_that_asserts_it():
    text = (BOOK / "appendices" / "errata.md").read_text(encoding="utf-8")
    parts = re.split(r"^\(erratum-\d\)=\n", text, flags=re.M)[1:]
    assert [part[:6] for part in parts] == [f"## {n}. " for n in range(1, 8)]
    for part in parts:
        assert "**Slide" in part and "In the book: " in part
        assert "{code-cell}" in part
    assert text.count("\nassert ") >= 7


def test_the_code_of_the_errata_holds():
    names = chapter.namespace("appendices/errata", ("page-setup", "erratum"))
    latch, orthogonal = names["latch"], names["orthogonal"]
    for _ in range(5):  # orthogonal draws other weights every time
        assert 0.1 < orthogonal(100) < orthogonal(10) < 1
    # the latch's product of slopes is its gradient
    step = 1e-6
    numeric = (latch(0.3 + step, 8)[0] - latch(0.3 - step, 8)[0]) / (2 * step)
    assert np.isclose(latch(0.3, 8)[1], numeric, rtol=1e-6)


# ------------------------------------------------------------------ instructors


def test_the_guide_has_the_points_and_times_that_the_notebooks_state():
    guide = (BOOK / "appendices" / "instructors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \| ([^|]+) \|", guide, re.M)
    assert len(rows) == 10
    for name, number, points, time in rows:
        text = (ROOT / "solutions" / name / f"{name}.md").read_text(encoding="utf-8")
        stated = re.search(r"\*\*(\d+) points, ([^;*]+)[;*].*?chapter (\d+)", text, re.S)
        assert stated, f"{name}.md states no points and time"
        assert (points, time, number) == stated.groups(), name
    assert f"**{sum(int(row[2]) for row in rows)}**" in guide


def test_the_plan_for_one_day_covers_every_slide_and_its_chapters():
    guide = (BOOK / "appendices" / "instructors.md").read_text(encoding="utf-8")
    plan = guide.split("## One day")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \d+:\d+ \| [^|]+ \| ([\d, to]+) \| ([^|]+) \|$", plan, re.M)
    seen = []
    for slides, places in rows:
        numbers = [int(n) for n in re.findall(r"\d+", slides)]
        numbers = list(range(numbers[0], numbers[-1] + 1))
        chapters_of = {s.chapter for s in deck.slides(MAP) if s.number in numbers}
        assert chapters_of == set(re.findall(r"<(\w+)#", places)), slides
        seen += numbers
    assert seen == list(range(2, 50))


def test_the_front_page_has_the_times_and_points_of_the_chapters_and_notebooks():
    intro = (BOOK / "intro.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \{ref\}`(\d+) [^`]*` \| [^|]+ \| (\d+) minutes \| (?:with chapter 2|`(\w+)`: ([^|]+?)) \|",
        intro,
        re.M,
    )
    assert [int(number) for number, *_ in rows] == list(range(1, len(chapters()) + 1))
    for name, (_, minutes, assignment, facts) in zip(chapters(), rows, strict=True):
        text = (BOOK / f"{name}.md").read_text(encoding="utf-8")
        assert f"Reading: {minutes} minutes." in text, name
        if assignment:
            exercise = text.split("\n## Exercise\n")[1].split("\n## ")[0].split("\n(")[0]
            assert f"**`{assignment}`**" in exercise and facts in " ".join(exercise.split()), name


@pytest.mark.parametrize("name", ["errata", "keras_semantics", "deck_map", "instructors"])
def test_an_appendix_does_not_shout_or_belittle(name):
    text = (BOOK / "appendices" / f"{name}.md").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)
    assert re.findall(r"\b(?:simply|obviously|trivial(?:ly)?)\b|[a-z]!(?=\s)", prose) == []


@pytest.mark.parametrize("name", ["errata", "keras_semantics"])
def test_visible_code_of_an_appendix_fits_the_column(name):
    hidden = {"hide-input", "remove-input", "remove-cell"}
    assert [
        line
        for tags, code in chapter.cells(f"appendices/{name}")
        if not tags & hidden
        for line in code.splitlines()
        if len(line) > 76
    ] == []


# ------------------------------------------------------------------ glossary


def glossary():
    """The terms of the glossary, in its order."""
    text = (BOOK / "appendices" / "glossary.md").read_text(encoding="utf-8")
    inside = text.split(":::{glossary}\n")[1].split("\n:::")[0]
    return re.findall(r"^(\S.*)$", inside, re.M)


def prose(name):
    """A chapter's text and captions, without code and without what stands in backticks."""
    text = re.sub(
        r"\A---.*?^---\n", "", (BOOK / f"{name}.md").read_text("utf-8"), flags=re.S | re.M
    )

    def caption(block):
        found = re.search(r"caption: \|\n((?: {6}.*\n)+)", block[0])
        return found[1] if found else ""

    text = re.sub(r"^```.*?^```", caption, text, flags=re.S | re.M)
    text = re.sub(r"^#+ .*$|^\([\w-]+\)=$", "", text, flags=re.M)  # a heading holds no link
    return re.sub(r"(\{[\w:-]+\}`[^`\n]*`)|`[^`\n]*`", lambda m: m[1] or "", text)


# Words that mean something else where they are used first.
OTHER_MEANING = {
    "candidate": "03_shapes",  # of a search for likely texts
    "feature": "01_sequences",  # in an answer of the quiz, before chapter 2 counts them
}


def test_a_chapter_links_every_term_of_the_glossary_where_the_book_uses_it_first():
    texts = {name: prose(name) for name in chapters()}
    found = []
    for term in glossary():
        link = re.compile(rf"\{{term\}}`(?:[^`<]*<{re.escape(term)}>|{re.escape(term)})`", re.I)
        word = re.compile(rf"(?<![\w-]){re.escape(term)}(?:e?s)?(?![\w-])", re.I)
        linked = [name for name, text in texts.items() if link.search(text)]
        used = [
            name
            for name, text in texts.items()
            if word.search(text) and name != OTHER_MEANING.get(term)
        ]
        if not linked:
            found.append(f"no chapter links {term}")
        elif used and used[0] < linked[0]:
            found.append(f"{term}: used in {used[0]}, linked only in {linked[0]}")
    assert found == []


# What a book on recurrent networks has to explain as soon as it uses the word.
FIELD = """
    activation function, Adam, attention, bag of characters, baseline, batch, bias, capacity, cell
    state, clipping, convolution, cross-entropy, decoder, dense layer, dropout, embedding, encoder,
    epoch, forget gate, gate, gradient check, input gate, kernel, learning curve, learning rate,
    logits, loss, mask, naive Bayes, output gate, over-fitting, padding, probe, ReLU, Leaky ReLU,
    recurrent dropout, recurrent kernel, reset gate, saturation, sigmoid, softmax, spectral norm,
    stacking, state-space model, step function, teacher forcing, temperature, timestep, token,
    Transformer, update gate, vanishing gradient, exploding gradient, layer normalization,
    perplexity, beam search, language model, word embedding, hidden state, cell, autoregressive,
    sequence-to-sequence, ablation, early stopping, weight decay, batch normalization
"""


def test_a_word_of_the_field_that_a_chapter_uses_is_in_the_glossary():
    texts = " ".join(prose(name) for name in chapters())
    terms = {term.lower() for term in glossary()}
    words = [" ".join(word.split()) for word in FIELD.split(",")]
    used = [w for w in words if re.search(rf"(?<![\w-]){re.escape(w)}s?(?![\w-])", texts, re.I)]
    assert [word for word in used if word.lower() not in terms] == []


def test_the_glossary_is_in_alphabetical_order_without_doubles():
    terms = [term.casefold() for term in glossary()]
    assert terms == sorted(set(terms))
