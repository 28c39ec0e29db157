"""Where the book covers the lecture's slides, and links to chapters that may not be there.

``{section}`06_lstm#sec-update` `` links to a section by its label and shows its heading;
``{section}`the update <06_lstm#sec-update>` `` shows other words. Where the table of contents
does not list the chapter, the words "chapter 6" stand instead, without a link. A label that is
missing in a chapter that is listed stays a warning.

``:::{deck-map} deck_map.csv`` is the table of all slides. The file's columns are slide (its
number), title (as on the slide), about (in the book's words), chapter (file) and section
(labels, with a blank between them). Slides of chapters that are not listed come as a sentence
below the table.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import ReferenceRole, SphinxDirective


class Slide(NamedTuple):
    """One slide of the deck, and the sections that cover it."""

    number: int
    title: str
    about: str
    chapter: str
    sections: tuple[str, ...]


def slides(path: Path) -> list[Slide]:
    """All slides of a deck map's file, in their order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Slide(
                int(row["slide"]),
                row["title"],
                row["about"],
                row["chapter"],
                tuple(row["section"].split()),
            )
            for row in csv.DictReader(file)
        ]


def numbered(titles: Sequence[str]) -> list[str]:
    """The titles, those that occur several times with their number: "LSTMs (2 of 6)"."""
    total, seen, found = Counter(titles), Counter[str](), []
    for title in titles:
        seen[title] += 1
        found.append(f"{title} ({seen[title]} of {total[title]})" if total[title] > 1 else title)
    return found


def chapter_words(docname: str) -> str:
    """``06_lstm`` -> "chapter 6"."""
    number = docname[:2]
    return f"chapter {int(number)}" if number.isdigit() else docname


def link(env: BuildEnvironment, docname: str, label: str, words: str | None) -> nodes.Node:
    """A link to a label of a page, or plain words if the page is not part of the book."""
    env.metadata[env.docname]["links-to-chapters"] = True
    if docname not in env.found_docs:
        return nodes.inline(text=words or chapter_words(docname))
    reference = addnodes.pending_xref(
        "",
        refdomain="std",
        reftype="ref",
        reftarget=label,
        refexplicit=words is not None,
        refdoc=env.docname,
        refwarn=True,
    )
    reference += nodes.inline(text=words or label, classes=["xref", "std", "std-ref"])
    return reference


class SectionRole(ReferenceRole):
    """``{section}`chapter#label` ``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        docname, found, label = self.target.partition("#")
        if not found or not label:
            message = self.inliner.reporter.error(
                f"{self.rawtext}: write the page and the label, {{section}}`06_lstm#sec-update`",
                line=self.lineno,
            )
            return [], [message]
        words = self.title if self.has_explicit_title else None
        return [link(self.env, docname, label, words)], []


class DeckMap(SphinxDirective):
    """``:::{deck-map} FILE``: the table of slides."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        relative, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        try:
            deck = slides(Path(path))
        except (OSError, KeyError, ValueError) as error:
            raise ExtensionError(f"deck-map: {path} cannot be read: {error}") from error
        titles = numbered([slide.title for slide in deck])
        self.env.metadata[self.env.docname]["links-to-chapters"] = True
        rows: list[list[list[nodes.Node]]] = []
        missing: dict[str, list[int]] = {}
        for slide, title in zip(deck, titles, strict=True):
            if slide.chapter not in self.env.found_docs:
                missing.setdefault(slide.chapter, []).append(slide.number)
                continue
            place = f"{chapter_words(slide.chapter)}: " if slide.chapter[:2].isdigit() else ""
            where: list[nodes.Node] = [nodes.Text(place)]
            for number, label in enumerate(slide.sections):
                where += [nodes.Text("; ")] if number else []
                where.append(link(self.env, slide.chapter, label, None))
            what: list[nodes.Node] = [nodes.Text(title), nodes.Text(": "), nodes.Text(slide.about)]
            rows.append([[nodes.Text(str(slide.number))], what, where])
        found: list[nodes.Node] = [table(["slide", "title", "in the book"], rows)]
        note = nodes.paragraph(text="Every slide has its section.")
        if missing:
            listed = "; ".join(
                f"{chapter_words(name)}: {ranges(numbers)}" for name, numbers in missing.items()
            )
            note = nodes.paragraph(
                text="These slides belong to chapters that this edition of the book does not "
                f"have yet: {listed}."
            )
        return [*found, note]


def ranges(numbers: Sequence[int]) -> str:
    """``[1, 2, 3, 7]`` -> "1 to 3, 7"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in runs)


def table(head: Sequence[str], rows: Sequence[Sequence[Sequence[nodes.Node]]]) -> nodes.table:
    """A table of inline nodes."""

    def line(cells: Sequence[Sequence[nodes.Node]]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            paragraph = nodes.paragraph()
            paragraph += list(cell)
            row += nodes.entry("", paragraph)
        return row

    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", line([[nodes.Text(word)] for word in head]))
    body = nodes.tbody()
    body += [line(row) for row in rows]
    group += body
    return nodes.table("", group, classes=["deck-map"])


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Read the pages with such links again when a page joins or leaves the book."""
    if not added and not removed:
        return []
    return [
        name
        for name in env.found_docs
        if env.metadata.get(name, {}).get("links-to-chapters") and name not in added
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_role("section", SectionRole())
    app.add_directive("deck-map", DeckMap)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
