"""The quiz: one question with a few answers, each with its explanation.

In a chapter::

    :::{quiz}
    What is the state before the first timestep?

    - [ ] The first input.

      It has another length: D numbers and not H.
    - [x] Zeros, unless you give another.

      Nothing has been read, so there is nothing to remember.
    :::

Exactly one answer has ``[x]``. What follows an answer's first paragraph explains it, and every
answer needs that. Questions number themselves on a page. Without scripts, on paper and in a PDF,
the explanations stand below the question.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

SCRIPT = Path(__file__).parent / "assets" / "quiz.js"


class quiz(nodes.Element):
    """A question: quiz_prompt, then quiz_options, then quiz_answers."""


class quiz_prompt(nodes.Element):
    """What is asked."""


class quiz_option(nodes.Element):
    """One answer to choose: ``index``, ``group``."""


class quiz_answers(nodes.Element):
    """All explanations."""


class quiz_answer(nodes.Element):
    """The explanation of one answer: ``index``, ``right``, its ``letter``."""


class QuizDirective(SphinxDirective):
    """``:::{quiz}``: a question, then a list whose items begin with [ ] or [x]."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        lists = [child for child in content.children if isinstance(child, nodes.bullet_list)]
        if len(lists) != 1:
            raise self.error("a quiz needs a question and one list of answers")
        number = self.env.temp_data["quiz_count"] = self.env.temp_data.get("quiz_count", 0) + 1
        group = f"quiz-{number}"
        prompt = quiz_prompt("", *content.children[: content.index(lists[0])], number=number)
        if not prompt.children:
            raise self.error("a quiz needs a question above its answers")
        options, answers = [], quiz_answers("", group=group)
        for index, item in enumerate(lists[0].children):
            first, rest = item.children[0], item.children[1:]
            right = self._take_mark(first)
            if not rest:
                raise self.error(f"answer {index + 1} has no explanation below it")
            letter = "ABCDEFGH"[index]
            option = quiz_option("", first, index=index, group=group, letter=letter)
            options.append(option)
            answers += quiz_answer("", *rest, index=index, right=right, letter=letter)
        if sum(answer["right"] for answer in answers.children) != 1:
            raise self.error("exactly one answer must have [x]")
        node = quiz("", prompt, *options, answers, group=group, ids=[group])
        self.set_source_info(node)
        return [node]

    def _take_mark(self, paragraph: nodes.Element) -> bool:
        """Remove ``[x] `` or ``[ ] `` from an answer; True for the right one."""
        text = next(paragraph.findall(nodes.Text), None)
        if text is None or text[:4] not in ("[x] ", "[ ] "):
            raise self.error(f"an answer must begin with [ ] or [x]: {paragraph.astext()[:40]!r}")
        text.parent.replace(text, nodes.Text(str(text)[4:]))
        return text.startswith("[x]")


def visit_quiz(self: HTML5Translator, node: quiz) -> None:
    self.body.append(f'<div class="quiz-question" id="{node["group"]}"><fieldset>')


def depart_quiz(self: HTML5Translator, node: quiz) -> None:
    self.body.append("</div>\n")


def visit_prompt(self: HTML5Translator, node: quiz_prompt) -> None:
    self.body.append(f'<legend><span class="quiz-number">{node["number"]}.</span> ')


def depart_prompt(self: HTML5Translator, node: quiz_prompt) -> None:
    self.body.append("</legend>")


def visit_option(self: HTML5Translator, node: quiz_option) -> None:
    self.body.append(
        f'<label class="quiz-option"><input type="radio" name="{html.escape(node["group"])}" '
        f'value="{node["index"]}"><span>'
    )


def depart_option(self: HTML5Translator, node: quiz_option) -> None:
    self.body.append("</span></label>")


def visit_answers(self: HTML5Translator, node: quiz_answers) -> None:
    # A details element: without scripts a reader opens it by hand.
    self.body.append(
        '</fieldset><output aria-live="polite"></output>'
        '<details class="quiz-answers"><summary>Answers</summary>'
    )


def depart_answers(self: HTML5Translator, node: quiz_answers) -> None:
    self.body.append("</details>")


def visit_answer(self: HTML5Translator, node: quiz_answer) -> None:
    kind, verdict = ("right", "Right.") if node["right"] else ("wrong", "Not quite.")
    self.body.append(
        f'<div class="quiz-answer {kind}" data-answer="{node["index"]}">'
        f'<p class="quiz-verdict"><span class="quiz-letter">{node["letter"]}. </span>{verdict}</p>'
    )


def depart_answer(self: HTML5Translator, node: quiz_answer) -> None:
    self.body.append("</div>")


def visit_plain(self: Any, node: nodes.Element) -> None:
    """Other builders (PDF, text): the content in its order, with letters."""


def depart_plain(self: Any, node: nodes.Element) -> None:
    pass


def add_script(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """The script, on pages with a quiz only."""
    if doctree is not None and next(doctree.findall(quiz), None) is not None:
        app.add_js_file("quiz.js", loading_method="defer")


def register_file(app: Sphinx) -> None:
    app.config.html_static_path.append(str(SCRIPT.parent))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("quiz", QuizDirective)
    plain = (visit_plain, depart_plain)
    for node, visit, depart in (
        (quiz, visit_quiz, depart_quiz),
        (quiz_prompt, visit_prompt, depart_prompt),
        (quiz_option, visit_option, depart_option),
        (quiz_answers, visit_answers, depart_answers),
        (quiz_answer, visit_answer, depart_answer),
    ):
        app.add_node(node, html=(visit, depart), latex=plain, text=plain)
    app.connect("builder-inited", register_file)
    app.connect("html-page-context", add_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
