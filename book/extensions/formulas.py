"""Formulas become HTML and CSS when the book is built: no script, no flicker, nothing to fetch.

MathJax 3 runs here, in an embedded JavaScript engine, and not in the reader's browser. A page
therefore shows its formulas at first paint, also from a file, on paper and without scripts.
MathJax and its fonts come from the package ``sphinx-mathjax-offline``, the engine from
``quickjs-ng``. Beside every formula stands the same formula in MathML for screen readers.

A symbol has the colour of the thing that it names in the figures: x the input, h the state,
W, U and b the weights, c the cell state (the classes ``sym-*`` of ``_static/course.css``).
"""

from __future__ import annotations

import html
import importlib.metadata
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import quickjs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

FOLDER = "mathjax"  # under _static of the built book
SYMBOLS = {
    "x": "sym-input",
    "h": "sym-state",
    "c": "sym-carry",
    "W": "sym-weight",
    "U": "sym-weight",
    "b": "sym-weight",
    "y": "sym-output",
}

SETUP = r"""
var _ = MathJax._;
var adaptor = _.adaptors.liteAdaptor.liteAdaptor();
_.handlers.html_ts.RegisterHTMLHandler(adaptor);
var tex = new _.input.tex_ts.TeX({
  packages: ['base', 'ams', 'boldsymbol', 'newcommand', 'configmacros', 'mathtools', 'html'],
  formatError: (jax, error) => { throw new Error(error.message); }
});
// Every rule of the stylesheet, not only those in use: a rebuild writes changed pages only.
var chtml = new _.output.chtml_ts.CHTML({
  adaptiveCSS: false, font: new _.output.chtml.fonts.tex_ts.TeXFont({fontURL: '.'})
});
var doc = _.mathjax.mathjax.document('', {InputJax: tex, OutputJax: chtml});
var visitor = new _.core.MmlTree.SerializedMmlVisitor.SerializedMmlVisitor();

function colour(node) {
  if (node.isKind('mi')) {
    var name = symbols[node.getText()];
    var variant = node.attributes.get('mathvariant');
    if (name && variant !== 'normal' && !node.attributes.getExplicit('class'))
      node.attributes.set('class', name);
  }
  (node.childNodes || []).forEach(child => child && colour(child));
}

function render(source, display) {
  var item = new doc.options.MathItem(source, tex, display);
  item.setMetrics(16, 8, 1280, 1000000, 1);
  item.compile(doc);
  var mathml = visitor.visitTree(item.root);
  colour(item.root);
  item.typeset(doc);
  return [adaptor.outerHTML(item.typesetRoot), mathml];
}
function stylesheet() { return [adaptor.textContent(chtml.styleSheet(doc))]; }
"""


def mathjax_folder() -> Path:
    """The folder of MathJax's files in the installed package (its name is no Python name)."""
    files = importlib.metadata.files("sphinx-mathjax-offline") or []
    for file in files:
        if file.name == "tex-chtml.js":
            return Path(str(file.locate())).parent
    raise FileNotFoundError(
        "sphinx-mathjax-offline has no tex-chtml.js: install the book's requirements again"
    )


@lru_cache(1)
def engine() -> quickjs.Context:
    """MathJax, loaded once per build (about 0.1 s)."""
    folder = mathjax_folder()
    context = quickjs.Context()
    context.set_max_stack_size(8 * 1024 * 1024)
    context.eval("globalThis.MathJax = {loader: {load: []}, startup: {typeset: false}};")
    for name in (
        "loader.js",
        "core.js",
        "adaptors/liteDOM.js",
        "input/tex-full.js",
        "output/chtml.js",
        "output/chtml/fonts/tex.js",
    ):
        context.eval((folder / name).read_text(encoding="utf-8"))
    context.set("symbols", context.parse_json(json.dumps(SYMBOLS)))
    context.eval(SETUP)
    return context


@lru_cache(None)
def render(source: str, display: bool) -> tuple[str, str]:
    """A TeX formula as HTML for the eye and as MathML for a screen reader.

    Raises quickjs.JSException when the formula is not TeX that MathJax knows.
    """
    answer = engine().eval(f"render({json.dumps(source)}, {json.dumps(display)})").json()
    visible, mathml = json.loads(answer)
    return visible, mathml


def stylesheet() -> str:
    """The rules that MathJax's HTML needs; fonts are relative to the stylesheet's folder."""
    (rules,) = json.loads(engine().eval("stylesheet()").json())
    return str(rules)


def markup(translator: HTML5Translator, node: nodes.Element, source: str, display: bool) -> str:
    """What goes into the page; a formula that cannot be read is a warning and stays as text."""
    try:
        visible, mathml = render(source, display)
    except quickjs.JSException as error:
        logger.warning("formula %r: %s", source, error, location=node)
        return f"<code>{html.escape(source)}</code>"
    return f'<span aria-hidden="true">{visible}</span><span class="mathml">{mathml}</span>'


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(translator.starttag(node, "span", "", CLASS="formula notranslate"))
    translator.body.append(markup(translator, node, node.astext(), False) + "</span>")
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    source = node.astext().strip()
    if r"\\" in source and r"\begin{" not in source:
        source = rf"\begin{{aligned}}{source}\end{{aligned}}"
    translator.body.append(translator.starttag(node, "div", CLASS="formula-block notranslate"))
    translator.body.append(
        '<div class="formula-scroll" tabindex="0" role="group" aria-label="Equation">'
    )
    translator.body.append(markup(translator, node, source, True) + "</div>")
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def write_assets(app: Sphinx, exception: Exception | None) -> None:
    """The stylesheet and the fonts, into the built book's _static/mathjax."""
    if exception is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    (target / "formulas.css").write_text(stylesheet(), encoding="utf-8")
    for font in (mathjax_folder() / "output/chtml/fonts/woff-v2").glob("*.woff"):
        (target / font.name).write_bytes(font.read_bytes())


def link_stylesheet(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    if doctree is not None and any(doctree.findall(nodes.math)) | any(
        doctree.findall(nodes.math_block)
    ):
        app.add_css_file(f"{FOLDER}/formulas.css")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("static", (visit_inline, None), (visit_block, None))
    app.connect("html-page-context", link_stylesheet)
    app.connect("build-finished", write_assets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
