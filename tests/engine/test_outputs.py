"""Whatever is shown to a person is inert."""

from __future__ import annotations

import base64
import re

import pytest

from autograder.engine import outputs

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def encoded(raw):
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
        "<iframe src='javascript:alert(1)'></iframe>", "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\tscript:alert(1)'>x</a>", "<form action=/grade><input name=score></form>",
        "<div style='position:fixed;top:0;background:url(//x)'>x</div>", "<base href=//x>",
        "<style>*{display:none}</style>", "<link rel=stylesheet href=//x>", "<object data=x></object>",
        "<meta http-equiv=refresh content='0;url=//x'>", "<math><mtext><script>alert(1)</script>",
        "<b onclick=alert(1)>x</b>", "<img src='//x/pixel.png'>", "<video src=//x autoplay>",
        "$\\href{javascript:alert(1)}{x}$", "<p id=jupyter-config-data class=hidden>x</p>",
    ],
)  # fmt: skip
def test_html_has_nothing_that_acts(html):
    clean = outputs.clean_html(html)
    bad = r"<(script|img|svg|iframe|form|input|base|style|link|object|meta|video|math)"
    assert not re.search(bad, clean, re.IGNORECASE)
    assert "onclick" not in clean and "javascript" not in clean.replace("\u2216href{javascript", "")
    assert "position" not in clean and "\\href" not in clean and "url(" not in clean
    assert "id=" not in clean and "class=" not in clean


def test_a_tables_html_stays():
    table = '<table border="1"><tbody><tr><td style="color:red">1</td></tr></tbody></table>'
    assert outputs.clean_html(table) == table


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "[x](javascript:alert(1))",
        "[x]( javascript:alert(1))", "[x](<javascript:alert(1)>)", "[x](java&#115;cript:alert(1))",
        "[x](&#x6a;avascript:alert(1))", "[x]: javascript:alert(1)\n\n[x]", "<javascript:alert(1)>",
        "![x](data:text/html,<script>alert(1)</script>)", "[x](vbscript:x)", "<!-- x --><b onclick=y>z",
        "$$\\href{javascript:alert(1)}{x}$$", "<b\nonclick=alert(1)>x</b>", "[x](\njavascript:alert(1))",
        "<https://x\"onclick=alert(1)>", "[a](//x \"t\")<style>*{}</style>", "[x](JaVaScRiPt:alert(1))",
        "[x](javascript\\:alert(1))", "[x](%6aavascript:alert(1))", "</td></table><iframe src=//x>",
    ],
)  # fmt: skip
def test_markdown_has_nothing_that_acts_in_nbconverts_renderer(source):
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    html = markdown2html_mistune(outputs.clean_markdown(source))
    tags = re.findall(r"<\s*([a-zA-Z!/]+)([^>]*)>", html)
    for tag, attributes in tags:
        assert tag.lower().strip("/") in {"p", "a", "b", "img", "em", "code", "pre", "br"}, html
        assert not re.search(r"\bon\w+\s*=", attributes), html
        for link in re.findall(r"(?:href|src)=\"([^\"]*)", attributes):
            assert re.match(r"https?:|mailto:|#|/|[\w.-]*$|attachment:|%\w\w", link), html
            assert not re.match(r"\s*(?:java|vb|data)", link, re.IGNORECASE), html
    assert "\\href" not in html


def test_ordinary_markdown_stays():
    source = (
        "# A\n\n*b* `x < y` $a<b$ [c](https://d.e/f?g=1&h=2) <br> ![i](attachment:p.png)\n\n- 3 < 4"
    )
    assert outputs.clean_markdown(source).replace(outputs.APART, "") == source


def test_text_keeps_colours_and_no_other_codes():
    assert outputs.clean_text("\x1b[31mred\x1b[0m") == "\x1b[31mred\x1b[0m"
    assert outputs.clean_text("a\x1b]0;title\x07b\x1b[2Jc\x1b(0\x00\x9b31m") == "abc031m"
    assert "\x1b" not in outputs.clean_text("\x1b\x1b[2J[31m;x")
    assert "\u202e" not in outputs.clean_text("a\u202eb")
    assert outputs.clean_text(["a", 3, "b"]) == "ab"
    assert outputs.clean_text({"x": 1}) == ""


def test_pictures_are_pictures():
    assert outputs.clean_picture("image/png", encoded(PNG)).strip() == encoded(PNG)
    with_tail = encoded(PNG + b"<script>alert(1)</script>")
    assert outputs.clean_picture("image/png", with_tail).strip() == encoded(PNG)
    for bad in ("<svg>", encoded(b"GIF89a"), "!!!", None, 3, encoded(PNG[:40]), encoded(b"")):
        assert outputs.clean_picture("image/png", bad) is None
    assert outputs.clean_picture("image/jpeg", encoded(PNG)) is None


def test_a_picture_that_unpacks_to_gigabytes_is_refused():
    import struct
    import zlib

    header = b"IHDR" + struct.pack(">II5B", 100_000, 100_000, 8, 6, 0, 0, 0)
    raw = (
        PNG[:8] + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + PNG[33:]
    )
    assert outputs.clean_picture("image/png", encoded(raw)) is None


def test_kinds_not_listed_are_dropped():
    data = {
        "application/javascript": "alert(1)", "image/svg+xml": "<svg onload=x>", "text/plain": "x",
        "application/vnd.jupyter.widget-view+json": {}, "text/html": "<b>x</b>", "x/y": "z", "": 3,
    }  # fmt: skip
    out = outputs.clean_outputs(
        [{"output_type": "display_data", "data": data, "metadata": {"x": 1}}], 1000
    )
    assert out == [
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"text/plain": "x", "text/html": "<b>x</b>"},
        }
    ]


@pytest.mark.parametrize(
    "value", [None, 3, "x", {}, [None, 3, "x", [], {}], [{"output_type": "stream"}] * 5000,
              [{"output_type": []}], [{"output_type": "error", "traceback": 3, "ename": {}}],
              [{"output_type": "display_data", "data": [], "metadata": 3}],
              [{"output_type": "execute_result", "data": None, "execution_count": "x"}]],
)  # fmt: skip
def test_wrong_types_give_outputs_that_nbformat_accepts(value):
    import nbformat

    clean = outputs.clean_outputs(value, 10_000)
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.from_dict(o) for o in clean])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def test_outputs_are_bounded():
    many = [{"output_type": "stream", "name": "stdout", "text": "x" * 1000}] * 100
    clean = outputs.clean_outputs(many, 5000)
    assert sum(map(outputs.size_of, clean)) < 8000
    assert "left out" in clean[-1]["text"]


def test_progress_bars_show_their_last_state():
    (output,) = outputs.clean_outputs(
        [{"output_type": "stream", "name": "stdout", "text": "10%\r50%\r100%\nab\bc\n"}], 1000
    )
    assert output["text"] == "100%\nac\n"
