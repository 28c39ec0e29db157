"""Explorers: interactive figures, each an ES module of ``book/explorers``.

In a chapter::

    :::{explorer} step_through
    :title: Step through the loop

    What a reader without scripts, or on paper, gets instead: text, a figure, a table.
    :::

The module's default export is called with the element that it may fill and with the directive's
``:options:`` (JSON, default {})::

    export default function mount(stage, options) { ... }

It may import other modules of the folder by a relative path. All of it is put into the page
itself, because a browser refuses to load modules next to a page that was opened as a file. When
mounting fails, the fallback stays.
"""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

_IMPORT = re.compile(
    r"""(?P<head>^\s*(?:import|export)\b[^"';]*?)["'](?P<path>\./[\w./-]+)["']""", re.M
)


class explorer(nodes.Element):
    """``name``, ``title``, ``code`` (a data URL), ``options`` (JSON); children are the fallback."""


def bundle(path: Path, used: list[Path] | None = None) -> str:
    """The module as a data URL, with the modules that it imports inside.

    Raises FileNotFoundError for a module that is not there.
    """
    if used is not None:
        used.append(path)

    def inline(match: re.Match[str]) -> str:
        return f'{match["head"]}"{bundle((path.parent / match["path"]).resolve(), used)}"'

    source = _IMPORT.sub(inline, path.read_text(encoding="utf-8"))
    return "data:text/javascript;base64," + base64.b64encode(source.encode()).decode()


class ExplorerDirective(SphinxDirective):
    """``:::{explorer} name`` with ``:title:`` and ``:options:``; the content is the fallback."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "title": directives.unchanged_required,
        "options": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        folder = Path(self.env.srcdir) / "explorers"
        used: list[Path] = []
        try:
            code = bundle(folder / f"{name}.js", used)
            options = json.dumps(json.loads(self.options.get("options", "{}")))
        except FileNotFoundError as error:
            raise self.error(f"explorer {name}: there is no {error.filename}") from error
        except json.JSONDecodeError as error:
            raise self.error(f"explorer {name}: its options are no JSON: {error}") from error
        if "title" not in self.options or not self.content:
            raise self.error(f"explorer {name}: give it a :title: and, as content, a fallback")
        for path in used:
            self.env.note_dependency(str(path))
        node = explorer(name=name, title=self.options["title"], code=code, options=options)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def visit_html(self: HTML5Translator, node: explorer) -> None:
    title = html.escape(node["title"])
    self.body.append(
        f'<section class="explorer" id="explorer-{node["name"]}" aria-label="{title}">'
        f'<p class="explorer-title">{title}</p>'
        '<div class="explorer-stage"></div><div class="explorer-fallback">'
    )


def depart_html(self: HTML5Translator, node: explorer) -> None:
    options = node["options"].replace("<", "\\u003c")
    self.body.append(
        f"""</div><script type="module">
import mount from "{node["code"]}";
const here = document.getElementById("explorer-{node["name"]}");
mount(here.querySelector(".explorer-stage"), {options});
here.querySelector(".explorer-fallback").hidden = true;
</script></section>
"""
    )


def visit_plain(self: Any, node: explorer) -> None:
    """Other builders show the fallback."""


def depart_plain(self: Any, node: explorer) -> None:
    pass


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("explorer", ExplorerDirective)
    plain = (visit_plain, depart_plain)
    app.add_node(explorer, html=(visit_html, depart_html), latex=plain, text=plain)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
