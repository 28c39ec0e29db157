"""What a browser would do with a graded notebook."""

from __future__ import annotations

from html.parser import HTMLParser

import nbformat


def as_page(notebook: dict) -> str:
    """The notebook as feedback shows it, without the page around it."""
    from nbconvert.exporters import HTMLExporter

    return HTMLExporter(template_name="basic").from_notebook_node(nbformat.from_dict(notebook))[0]


class _Active(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in {
            "script",
            "iframe",
            "object",
            "embed",
            "form",
            "input",
            "base",
            "meta",
            "svg",
            "link",
        }:
            self.found.append(tag)
        for name, value in attributes:
            value = "".join((value or "").split()).lower()
            if name.startswith("on"):
                self.found.append(f"{tag} {name}")
            if name in ("href", "src", "action") and value.startswith(("javascript:", "data:text")):
                self.found.append(f"{tag} {name}={value[:20]}")
            if (
                tag == "img"
                and name == "src"
                and not value.startswith(("data:image/", "attachment:"))
            ):
                self.found.append(f"img of {value[:40]}")
            if name == "style" and "url(" in value:
                self.found.append(f"{tag} style={value[:40]}")


def active_parts(html: str) -> list[str]:
    """Everything in it that runs, loads from elsewhere or asks for input."""
    parser = _Active()
    parser.feed(html)
    return parser.found
