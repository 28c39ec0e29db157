"""Attacks by what the submitted notebook file says, beside the code in it.

Each docstring says what is tried and what must happen; "Stock:" what it does to stock nbgrader 0.9.6.
"""

from __future__ import annotations

import copy
import json

import pytest

from tests.attacks.pages import active_parts, as_page
from tests.attacks.tiny import HONEST, hand_in
from tests.engine.making import code, notebook, solution, test_cell, text

pytestmark = pytest.mark.xdist_group("attacks")
WRONG = "def double(x):\n    return 0 * x"


def points(result: dict) -> list:
    return [result["points"]["test-double"], result["points"]["test-twice"]]


def test_promise1_tags_that_skip_the_test(root_grader):
    """Tags the test cell `skip-execution` or `raises-exception`: the instructor's metadata count.

    Stock: works. OverwriteCells keeps the student's tags, nbclient skips the cell: full marks.
    """
    submission = hand_in(WRONG)
    submission["cells"][2]["metadata"]["tags"] = ["skip-execution", "raises-exception"]
    submission["metadata"].update({"execution": {"skip": True}, "tags": ["skip-execution"]})
    assert points(root_grader.grade(submission)) == [0.0, 2.0]


def test_promise1_test_cell_rewritten(root_grader):
    """Replaces the test's source, also with outputs that claim points.

    Stock: no, OverwriteCells restores the source.
    """
    submission = hand_in(WRONG)
    submission["cells"][2]["source"] = "2.0"
    submission["cells"][2]["outputs"] = [
        {
            "output_type": "execute_result",
            "data": {"text/plain": "2.0"},
            "metadata": {},
            "execution_count": 1,
        }
    ]
    assert points(root_grader.grade(submission)) == [0.0, 2.0]


def test_promise1_points_and_kind_in_the_metadata(root_grader):
    """Says that the test is worth 1,000 points, is the solution, is written by hand, or is a task."""
    for change in ({"points": 1000}, {"solution": True, "locked": False}, {"grade": False},
                   {"task": True}, {"points": -5}, {"grade_id": ["x"]}, {"schema_version": 99}):  # fmt: skip
        submission = hand_in(WRONG)
        submission["cells"][2]["metadata"]["nbgrader"].update(change)
        result = root_grader.grade(submission)
        assert points(result) == [0.0, 2.0], change


def test_promise1_cells_that_are_graded_twice(root_grader):
    """Hands in cells twice, the solution in the right and the wrong version, the test in place of others.

    Stock: a duplicated grade_id ends the whole batch with an error.
    """
    first = hand_in(WRONG)
    first["cells"] += [solution(HONEST, "double"), test_cell("2.0", "test-double")]
    result = root_grader.grade(first)
    assert points(result) == [0.0, 2.0] and any("second" in note for note in result["notes"])


def test_promise1_cells_of_other_kinds(root_grader):
    """Turns the test into text or raw, the answer into Markdown, the title into code.

    Stock: a changed cell type of a graded cell raises, or is changed back with the student's source.
    """
    submission = hand_in(HONEST)
    for place, kind in ((2, "markdown"), (4, "raw"), (0, "code")):
        submission["cells"][place]["cell_type"] = kind
        submission["cells"][place]["source"] = "2.0"
    assert points(root_grader.grade(submission)) == [2.0, 2.0]
    submission["cells"][1]["cell_type"] = "markdown"
    result = root_grader.grade(submission)
    assert result["points"]["test-twice"] == 2.0
    assert any("markdown" in note for note in result["notes"])


def test_promise1_order_reversed_and_tests_left_out(root_grader):
    """Hands in cells in reverse, and without the tests: the instructor's order and tests are run.

    Stock: OverwriteCells adds missing cells at the end, and keeps the order.
    """
    submission = hand_in(WRONG)
    submission["cells"].reverse()
    assert points(root_grader.grade(submission)) == [0.0, 2.0]
    submission["cells"] = [c for c in submission["cells"] if "test" not in str(c["metadata"])]
    assert points(root_grader.grade(submission)) == [0.0, 2.0]


def test_promise1_another_kernel(root_grader):
    """Asks for another kernel and language: the instructor's notebook says what runs it.

    Stock: works to stop the grading of the notebook (no such kernel), or runs what the name starts.
    """
    submission = hand_in(HONEST)
    submission["metadata"] = {
        "kernelspec": {"name": "../../bin/sh", "display_name": "<b>x"}, "language_info": {"name": "bash"},
        "celltoolbar": 3, "nbgrader": {"points": 9},
    }  # fmt: skip
    result = root_grader.grade(submission)
    assert points(result) == [2.0, 2.0]
    assert result["notebook"]["metadata"]["kernelspec"]["name"] == "python3"


def test_promise2_digests_do_not_choose_the_cases(root_grader):
    """Varies what is not an answer to draw other cases: only solution cells enter the digest."""
    first = root_grader.grade(hand_in(WRONG))
    second = root_grader.grade(hand_in(WRONG, (), ("# another cell",)))
    assert first["notebook"]["cells"][2]["outputs"] == second["notebook"]["cells"][2]["outputs"]


@pytest.mark.parametrize(
    "raw",
    ["", "null", "[]", "{", '{"cells": 3}', '{"cells": ' + "[" * 100_000, "\x00\x01", '"' + "x" * 1000,
     '{"cells": [], "cells": {}}', "\ufeff{}", "9" * 10_000, '{"worksheets": [[]]}', "NaN"],
    ids=lambda raw: repr(raw[:12]),
)  # fmt: skip
def test_promise6_files_that_are_no_notebook(root_grader, raw):
    """Hands in what is no JSON, no notebook, or nests without end: refused with a remedy, or graded 0.

    Stock: each of these ends `nbgrader autograde` for that submission with a traceback.
    """
    result = root_grader.grade(raw)
    assert "refused" in result or points(result) == [0.0, 0.0]


def test_promise6_cells_that_are_no_cells(root_grader):
    """Hands in cells with fields of wrong types: they are read as far as they make sense."""
    strange = [
        3, None, [], {}, {"cell_type": "code"}, {"cell_type": 5, "source": {"a": 1}, "metadata": []},
        {"cell_type": "code", "source": ["a", 3, None], "metadata": {"nbgrader": 7}, "id": 3},
        {"cell_type": "code", "source": "\x00 \ud800", "metadata": {"nbgrader": {"grade_id": {}}}},
        {"cell_type": "heading", "source": "x", "level": 99}, {"cell_type": "markdown", "attachments": 3},
        {"cell_type": "code", "source": "x" * 100_000 + "(" * 5_000, "outputs": "no", "execution_count": "1"},
        {"cell_type": "code", "source": "-" * 50_000 + "1"}, {"cell_type": "code", "source": "(" * 5_000},
    ]  # fmt: skip
    submission = hand_in(HONEST)
    submission["cells"] += strange
    submission["nbformat"], submission["nbformat_minor"] = "9", -1
    assert points(root_grader.grade(submission)) == [2.0, 2.0]


def test_promise6_ids_that_collide(root_grader):
    """Gives all cells one id, that of an instructor's cell, and grade_ids of a million letters."""
    submission = hand_in(HONEST)
    submission["cells"] += [code("1"), code("2", "x" * 1_000_000)]
    for cell in submission["cells"]:
        cell["id"] = "c0"
    result = root_grader.grade(submission)
    assert points(result) == [2.0, 2.0]
    assert all(len(note) < 300 for note in result["notes"])


def test_promise5_too_many_cells_and_bytes(root_grader):
    """Hands in 100,000 cells, and 30 MB of source: refused with the limit's name."""
    cells = [{"cell_type": "code", "source": "1", "metadata": {}}] * 100_000
    assert "cells" in root_grader.grade({"cells": cells})["refused"]


def test_promise5_source_that_is_slow_to_parse(root_grader):
    """Puts code into cells whose syntax tree would fill the grader's memory, or its parser's stack."""
    between = ("x = " + "1," * 2_000_000, "def f():\n    'x'\n" * 60_000, "f(" * 300, "{1:" * 300)
    result = root_grader.grade(hand_in(HONEST, between, between), cell_seconds=2)
    assert result["points"]["test-twice"] in (0.0, 2.0)  # it may have used its time
    assert result["seconds"] < 40


def test_promise7_written_answers(root_grader):
    """Writes scripts, foreign pictures, links and TeX that act into the answer that a person reads.

    Stock: works. Formgrader renders the answer's Markdown with its HTML.
    """
    submission = hand_in(HONEST)
    submission["cells"][-1]["source"] = (
        "<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) [y]: data:text/html,x\n"
        "![pixel](https://x.example/pixel.png) ![p][r] ![](//x.example/p.png)\n[r]: https://x.example/q.png\n"
        "$\\href{javascript:alert(1)}{x}$ <style>*{display:none}</style> <a href='jAvascript:alert(1)'>z</a>"
    )
    result = root_grader.grade(submission)
    assert active_parts(as_page(result["notebook"])) == []
    assert "\\href" not in result["notebook"]["cells"][-1]["source"]


def test_promise7_attachments(root_grader):
    """Attaches what is no picture to a written answer, under names that act."""
    submission = hand_in(HONEST)
    submission["cells"][-1]["attachments"] = {
        "x.svg": {"image/svg+xml": "<svg onload=alert(1)>"}, '"><script>': {"image/png": "eA=="},
        "a.png": {"image/png": "PHNjcmlwdD4=", "text/html": "<script>"}, "b": 3,
    }  # fmt: skip
    cell = root_grader.grade(submission)["notebook"]["cells"][-1]
    assert "attachments" not in cell


def test_promise7_metadata_of_the_notebook(root_grader):
    """Puts HTML into metadata, cell ids and grade_ids: the instructor's stand in the result."""
    submission = copy.deepcopy(hand_in(HONEST))
    evil = "<script>alert(1)</script>"
    submission["metadata"] = {"title": evil, "authors": [{"name": evil}], "widgets": {evil: evil}}
    submission["cells"].append({**code("1"), "id": evil, "metadata": {evil: evil, "name": evil}})
    submission["cells"].append({**text("x"), "metadata": {"slideshow": evil}})
    result = root_grader.grade(submission)
    assert evil not in json.dumps(result["notebook"])


def test_a_notebook_of_another_assignment_earns_nothing(root_grader):
    """Hands in another assignment's notebook: nothing is matched, nothing earned, all noted."""
    result = root_grader.grade(notebook(solution("x = 1", "other"), test_cell("4.0", "test-other")))
    assert points(result) == [0.0, 0.0] and result["notes"]
