"""Attacks by what students' code does. One file an attack, in the folder of the promise it attacks.

A file's docstring says what it tries and what must happen. Comments beneath are what is checked:

    # points: 0            of `double`, whose cell the file is; 0 when not given
    # twice: 2             points of the honest other function; `any` when the notebook may be stopped
    # flag: words          a reason for a person to look has these words
    # says: words          the notebook's outputs have these words
    # never: words         they do not
    # same: yes            other hidden inputs give the same notebook: nothing of them came out
    # seconds: 10          grading takes no longer
    # limits: {...}        bounds for this submission
    # kinds: root, user    graders that it is for, and `why`; all when not given
    # stock: ...           what the same does to stock nbgrader 0.9.6

`# %%` begins a cell of the student's own between the answer and its test, `# %% end` one at the end.
Whatever an attack prints behind WORKED is a success of the attack. After each, an honest submission
must get its points.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.attacks.pages import active_parts, as_page
from tests.attacks.tiny import HONEST, SECRET
from tests.engine.conftest import said

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("promise*/*.py"))
pytestmark = pytest.mark.xdist_group("attacks")


def read(path: Path) -> tuple[dict[str, str], list[str], list[str]]:
    """What is expected of an attack, its answer with the cells between, and the cells at the end."""
    text = path.read_text(encoding="utf-8")
    expected = dict(re.findall(r"^# (\w+): (.*)$", text, re.MULTILINE))
    first, *others = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
    between = [first]
    end = []
    for place, source in zip(others[::2], others[1::2]):
        (end if "end" in place else between).append(source)
    return expected, between, end


def all_said(result: dict) -> str:
    return "".join(said(cell.get("outputs", [])) for cell in result["notebook"]["cells"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_attack(grader, path):
    expected, (first, *between), end = read(path)
    if grader.kind not in expected.get("kinds", grader.kind).split(", "):
        pytest.skip(f"not for {grader.kind}: {expected['why']}")
    first = first.replace("GRADER_PID", str(grader.hello["pid"]))
    limits = json.loads(expected.get("limits", "{}"))
    result = grader.attack(first, *end, between=tuple(between), **limits)
    assert result["points"]["test-double"] == float(expected.get("points", 0))
    if expected.get("twice") != "any":
        assert result["points"]["test-twice"] == 2.0
    else:
        assert result["points"]["test-twice"] in (0.0, 2.0)
    assert result["points"]["why"] is None
    text = all_said(result)
    assert "WORKED" not in text
    assert SECRET not in json.dumps(result)
    if "flag" in expected:
        assert any(expected["flag"] in flag for flag in result["flags"]), result["flags"]
    if "says" in expected:
        assert expected["says"] in text
    if "never" in expected:
        assert expected["never"] not in json.dumps(
            [c.get("outputs") for c in result["notebook"]["cells"]]
        )
    if "same" in expected:
        other = grader.attack(first, *end, between=tuple(between), seed=2, **limits)
        assert other["notebook"] == result["notebook"]
    if path.parent.name == "promise7_inert" and grader.kind == "root":
        assert active_parts(as_page(result["notebook"])) == []
    if "seconds" in expected:
        assert result["seconds"] < float(expected["seconds"])
    assert result["left"] == {}
    honest = grader.attack(HONEST)
    assert honest["points"] == {"test-double": 2.0, "test-twice": 2.0, "why": None}
    assert honest["flags"] == []


def test_every_attack_says_what_it_tries():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
