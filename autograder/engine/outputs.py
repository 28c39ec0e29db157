"""Makes what students' code put out harmless for whoever looks at it.

Outputs, answers in Markdown and names end up in browsers: formgrader, feedback, reports. Kinds of
data not listed here are dropped, HTML is sanitised, pictures must be pictures, text keeps colours and
no other terminal codes, and Markdown loses raw HTML, scripts in links and active TeX.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import nh3

TEXT_KINDS = frozenset({"text/plain", "text/html", "text/markdown", "text/latex"})
PICTURE_KINDS = frozenset({"image/png", "image/jpeg"})

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details",
    "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "ol",
    "p", "pre", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"title", "dir", "lang", "align", "style"},
    "a": {"href"}, "td": {"colspan", "rowspan", "valign"}, "th": {"colspan", "rowspan", "scope"},
    "table": {"border"}, "col": {"span"}, "ol": {"start"}, "details": {"open"},
}  # fmt: skip
# Nothing that moves an element out of its place or loads a file.
_STYLES = {
    "color", "background-color", "font-weight", "font-style", "text-align", "text-decoration",
    "white-space", "vertical-align", "padding", "padding-left", "padding-right", "border-left",
    "border", "line-height", "font-family",
}  # fmt: skip
_LINKS = {"http", "https", "mailto"}

# TeX that makes links, loads extensions, names elements or defines other commands.
_TEX = re.compile(
    r"\\(?=\s*(?:href|url|style|class|cssId|data|require|include|html\w*|unicode|mmlToken|"
    r"def|let|gdef|edef|newcommand|renewcommand|providecommand|newenvironment|renewenvironment|"
    r"DeclareMathOperator|csname|catcode|char|special|input|openin|write|bbox|texttip|toggle|"
    r"mathtip|action|label|tag|ref|eqref)(?![a-z]))",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"\x1b(?:\[([0-9;:]{0,40})m|\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|.?)",
                     re.DOTALL)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def clean_text(text: Any) -> str:
    """Text for a stream or a traceback: colours stay, other control codes go."""
    text = _joined(text)
    text = _ESCAPE.sub(lambda m: m.group(0) if m.group(1) is not None else "", text)
    # An escape that was cut in two by what was taken out must not come back together.
    text = re.sub(r"\x1b(?!\[[0-9;:]{0,40}m)", "", text)
    return _SURROGATES.sub("\ufffd", _CONTROL.sub("", text))


def clean_html(text: Any) -> str:
    """HTML without scripts, frames, forms, events, foreign resources or positioned elements."""
    clean = nh3.clean(
        _SURROGATES.sub("\ufffd", _joined(text)), tags=_TAGS, attributes=_ATTRIBUTES,
        url_schemes=_LINKS, filter_style_properties=_STYLES, link_rel="noopener noreferrer nofollow",
        clean_content_tags={"script", "style"}, strip_comments=True,
    )  # fmt: skip
    return _TEX.sub("\u2216", clean)


class Patience:
    """How much HTML of one submission is sanitised.

    The time that deeply nested HTML takes grows with the square of its tags: half a megabyte could
    hold up the grader for minutes.
    """

    def __init__(self, tags: int = 14_000):
        self.left = tags * tags

    def clean_html(self, text: Any) -> str | None:
        """As `clean_html`; None once there was too much."""
        text = _joined(text)
        self.left -= text.count("<") ** 2
        if self.left < 0:
            self.left = 0
            return None
        return clean_html(text)


_BARE = re.compile(r"</?(?:b|i|u|s|em|strong|sub|sup|br|hr|kbd|code|p)\s*/?>|<https?://[^\s<>\"']+>",
                   re.IGNORECASE)  # fmt: skip
_FINE_TARGET = re.compile(r"(?:https?://|mailto:|attachment:|#)[^\\]*$|[\w./ -]*$", re.IGNORECASE)
_TARGET = re.compile(r"\](\s*)\(\s*(<[^>\n]*>?|[^\s)]*)")
_REFERENCE = re.compile(r"\](\s*):\s*(<[^>\n]*>?|\S*)")
# A picture from elsewhere tells its host who looks, and when: only pasted and local ones are shown.
_PICTURE = re.compile(r"!\[(?:([^\]\[\n]*\]\((?:attachment:[\w.() -]*|\w[\w.-]*(?:/[\w.-]+)*)\)))?")
DISPLAY_ID = "display_id"
APART = "\u200b"  # a space of no width, which keeps two characters from meaning something together


def clean_markdown(text: Any) -> str:
    """Markdown without raw HTML (some bare tags stay), without links to scripts, without active TeX.

    What is refused stays readable: an invisible space takes its meaning away.
    """
    text = _SURROGATES.sub("\ufffd", _CONTROL.sub("", _joined(text)))
    parts, position = [], 0
    for match in re.finditer("<", text):
        if match.start() < position:
            continue
        parts.append(text[position : match.start()])
        bare = _BARE.match(text, match.start())
        position = bare.end() if bare else match.end()
        following = text[position : position + 1]
        apart = APART if not bare and (following.isalpha() or following in "/!?") else ""
        parts.append(text[match.start() : position] + apart)
    text = "".join([*parts, text[position:]])
    text = _PICTURE.sub(lambda m: m.group(0) if m.group(1) else "!" + APART + "[", text)
    text = _TARGET.sub(_harmless_target, text)
    text = _REFERENCE.sub(_harmless_target, text)
    return _TEX.sub("\u2216", text)


def _harmless_target(match: re.Match) -> str:
    target = match.group(2).strip("<>")
    if _FINE_TARGET.fullmatch(target) and "&" not in target.partition("?")[0]:
        return match.group(0)
    return "]" + APART + match.group(0)[1:]


def clean_latex(text: Any) -> str:
    """TeX between dollars, without commands that act."""
    return _TEX.sub("\u2216", _CONTROL.sub("", _joined(text))).replace("<", "\\lt ")


def clean_picture(kind: str, data: Any) -> str | None:
    """Base64 of a PNG or JPEG that starts and ends like one; None when it is something else.

    A PNG is rebuilt from its picture chunks, so that nothing travels behind or beside them.
    """
    try:
        raw = base64.b64decode(re.sub(r"\s+", "", _joined(data)), validate=True)
    except (binascii.Error, ValueError):
        return None
    if kind == "image/jpeg":
        fine = raw.startswith(b"\xff\xd8\xff") and raw.endswith(b"\xff\xd9")
        return base64.b64encode(raw).decode("ascii") if fine else None
    rebuilt = _rebuilt_png(raw)
    return None if rebuilt is None else base64.b64encode(rebuilt).decode("ascii") + "\n"


_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"pHYs", b"gAMA", b"sRGB", b"tEXt"}


def _rebuilt_png(raw: bytes) -> bytes | None:
    if not raw.startswith(_PNG):
        return None
    position, kept, first = len(_PNG), [_PNG], True
    while position + 12 <= len(raw):
        length, name = struct.unpack_from(">I4s", raw, position)
        chunk = raw[position : position + 12 + length]
        if len(chunk) != 12 + length:
            return None
        if first and (name != b"IHDR" or length != 13):
            return None
        if first and max(struct.unpack_from(">II", chunk, 8)) > 20_000:
            return None  # a few bytes that unpack to gigabytes in a browser
        if struct.unpack_from(">I", chunk, 8 + length)[0] != zlib.crc32(chunk[4 : 8 + length]):
            return None
        first = False
        if name in _CHUNKS:
            kept.append(chunk)
        position += 12 + length
        if name == b"IEND":
            return b"".join(kept)
    return None


# --------------------------------------------------------------------------- whole outputs


def clean_outputs(outputs: Any, limit: int, patience: Patience | None = None) -> list[dict]:
    """Outputs of one cell as nbformat has them, inert and of at most about `limit` bytes.

    Args:
        outputs: anything at all; what is not an output is left out.
        patience: of the whole notebook, when the cell is one of many.

    Returns:
        outputs; a display that can be updated keeps its id under `DISPLAY_ID`, to be taken out later.
    """
    result: list[dict] = []
    left = limit
    patience = patience or Patience()
    for output in outputs if isinstance(outputs, list) else []:
        if len(result) >= 1000 or left <= 0:
            result.append(
                {"output_type": "stream", "name": "stdout",
                 "text": f"\n[output beyond {limit} bytes is left out]\n"}
            )  # fmt: skip
            break
        clean = _clean_output(output, left, patience)
        if clean is not None:
            left -= size_of(clean)
            transient = output.get("transient")
            display_id = transient.get("display_id") if isinstance(transient, Mapping) else None
            if isinstance(display_id, str) and clean["output_type"] == "display_data":
                clean[DISPLAY_ID] = display_id[:200]
            result.append(clean)
    return result


def _clean_output(output: Any, limit: int, patience: Patience) -> dict | None:
    if not isinstance(output, Mapping):
        return None
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        text = clean_text(output.get("text"))
        return {"output_type": "stream", "name": name, "text": _overwritten(text[:limit])}
    if kind == "error":
        traceback = output.get("traceback")
        lines = traceback if isinstance(traceback, list) else []
        return {
            "output_type": "error",
            "ename": clean_text(output.get("ename"))[:200],
            "evalue": clean_text(output.get("evalue"))[: min(limit, 10_000)],
            "traceback": [clean_text(line)[:limit] for line in lines[:200]],
        }
    if kind in ("display_data", "execute_result"):
        data = clean_data(output.get("data"), limit, patience)
        clean = {
            "output_type": kind,
            "data": data,
            "metadata": clean_metadata(output.get("metadata")),
        }
        if kind == "execute_result":
            count = output.get("execution_count")
            clean["execution_count"] = count if type(count) is int else None
        return clean if data or kind == "execute_result" else None
    return None


def clean_data(data: Any, limit: int, patience: Patience | None = None) -> dict:
    """A MIME bundle reduced to allowed kinds, each made inert."""
    clean: dict[str, str] = {}
    patience = patience or Patience()
    for kind, value in data.items() if isinstance(data, Mapping) else ():
        if len(_joined(value)) > limit:
            clean.setdefault(
                "text/plain", f"[{str(kind)[:40]} beyond the output limit is left out]"
            )
        elif kind in PICTURE_KINDS:
            picture = clean_picture(kind, value)
            if picture is not None:
                clean[kind] = picture
        elif kind == "text/plain":
            clean[kind] = clean_text(value)
        elif kind == "text/html":
            fine = patience.clean_html(value)
            if fine is None:
                clean.setdefault("text/plain", "[text/html of too many tags is left out]")
            else:
                clean[kind] = fine
        elif kind == "text/markdown":
            clean[kind] = clean_markdown(value)
        elif kind == "text/latex":
            clean[kind] = clean_latex(value)
    return clean


def clean_metadata(metadata: Any) -> dict:
    """Of an output's metadata only what says how large a picture is, or on what ground."""
    clean: dict[str, Any] = {}
    if not isinstance(metadata, Mapping):
        return clean
    if metadata.get("needs_background") in ("light", "dark"):
        clean["needs_background"] = metadata["needs_background"]
    for kind in PICTURE_KINDS:
        entry = metadata.get(kind)
        if isinstance(entry, Mapping):
            clean[kind] = {
                key: entry[key]
                for key in ("width", "height")
                if type(entry.get(key)) in (int, float) and 0 < entry[key] < 20_000
            }
    return clean


def _joined(value: Any) -> str:
    """nbformat allows text as a list of lines; anything else that is not text is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return ""


def size_of(output: Mapping) -> int:
    """About how many bytes an output takes in a file."""
    total = 64
    for value in output.values():
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, Mapping):
            total += sum(len(str(item)) for item in value.values())
        elif isinstance(value, list):
            total += sum(len(str(item)) for item in value)
    return total


def _overwritten(text: str) -> str:
    """Text as a terminal shows it after carriage returns and backspaces (progress bars)."""
    if "\r" not in text and "\b" not in text:
        return text
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        line = (
            line.rpartition("\r")[2] if not line.endswith("\r") else line[:-1].rpartition("\r")[2]
        )
        kept: list[str] = []
        for character in line:
            if character != "\b":
                kept.append(character)
            elif kept:
                kept.pop()
        lines.append("".join(kept))
    return "\n".join(lines)
