"""The notebook that runs is the instructor's; a submission gives answers and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import random
import stat

import pytest

from autograder.engine.limits import Limits
from autograder.engine.rebuild import (
    AssignmentError,
    Blueprint,
    SubmissionError,
    parse_notebook,
    read_notebook,
    rebuild,
    split_check,
)
from tests.engine.making import blueprint, code, notebook, solution, test_cell, text

LIMITS = Limits()
SOLUTION = "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION"
OWN = [
    text("# Title"),
    code("import numpy as np"),
    solution(SOLUTION, "double"),
    test_cell("check(double)\n### BEGIN HIDDEN TESTS\ngrade(double)\n### END HIDDEN TESTS", "t1"),
    text("Explain.", "why", grade=True, solution=True, points=2),
    code("print('shown')", "demo", locked=True),
]


def submitted(*cells):
    return parse_notebook(json.dumps(notebook(*cells)).encode(), "s.ipynb", LIMITS)


def rebuilt(*cells, own=OWN):
    return rebuild(blueprint(*own), submitted(*cells))


def sources(result):
    return [cell["source"] for cell in result.notebook["cells"]]


def mine(source="def double(x): return x + x"):
    cells = [dict(cell) for cell in OWN]
    cells[2] = solution(source, "double")
    return cells


def test_answers_are_taken_and_everything_else_is_the_instructors():
    result = rebuilt(*mine())
    assert sources(result)[2] == "def double(x): return x + x"
    assert sources(result)[3] == OWN[3]["source"]
    assert [plan.run for plan in result.plans] == ["text", "code", "code", "check", "text", "code"]
    assert result.notes == []


def test_a_missing_solution_is_a_stub_and_never_the_instructors_solution():
    result = rebuilt()
    assert "2 * x" not in str(result.notebook)
    assert "NotImplementedError" in sources(result)[2]
    assert sum("missing" in note for note in result.notes) == 4


def test_the_release_gives_stub_and_checksum():
    release = notebook(*mine("def double(x): ..."))
    release["cells"][2]["metadata"]["nbgrader"]["checksum"] = "abc"
    result = rebuild(Blueprint(notebook(*OWN), release), submitted())
    assert sources(result)[2] == "def double(x): ..."
    assert result.notebook["cells"][2]["metadata"]["nbgrader"]["checksum"] == "abc"


def test_a_changed_test_cell_is_the_instructors_again():
    cells = mine()
    cells[3] = test_cell("4.0", "t1", points=400.0)
    cells[3]["metadata"]["tags"] = ["skip-execution", "raises-exception"]
    result = rebuilt(*cells)
    assert sources(result)[3] == OWN[3]["source"]
    metadata = result.notebook["cells"][3]["metadata"]
    assert metadata["nbgrader"]["points"] == 2.0 and "tags" not in metadata


def test_a_duplicated_cell_runs_as_extra_and_the_first_counts():
    cells = mine("first")
    cells.insert(3, solution("second", "double"))
    result = rebuilt(*cells)
    assert sources(result)[2:4] == ["first", "second"]
    assert "nbgrader" not in result.notebook["cells"][3]["metadata"]
    assert result.plans[3].extra


def test_reordered_cells_are_back_in_order():
    assert sources(rebuilt(*reversed(mine())))[2] == sources(rebuilt(*mine()))[2]
    ids = [
        cell["metadata"].get("nbgrader", {}).get("grade_id")
        for cell in rebuilt(*reversed(mine())).notebook["cells"]
    ]
    assert [i for i in ids if i] == ["double", "t1", "why", "demo"]


def test_a_cell_turned_into_another_type_is_turned_back():
    cells = mine()
    cells[2] = text("def double(x): return x + x", "double", solution=True)
    cells[3] = text("nothing to see", "t1", grade=True)
    result = rebuilt(*cells)
    assert [c["cell_type"] for c in result.notebook["cells"]][2:4] == ["code", "code"]
    assert result.plans[3].run == "check"
    assert any("turned into markdown" in note for note in result.notes)


def test_extra_cells_stay_after_their_neighbour_without_metadata():
    cells = mine()
    cells.insert(
        2, {**code("helper = 1"), "metadata": {"tags": ["x"], "nbgrader": {"grade": True}}}
    )
    cells.append(
        {"cell_type": "raw", "source": "<script>", "metadata": {"raw_mimetype": "text/html"}}
    )
    result = rebuilt(*cells)
    assert sources(result)[2] == "helper = 1"
    assert result.notebook["cells"][2]["metadata"] == {}
    last = result.notebook["cells"][-1]
    assert last["cell_type"] == "markdown" and last["metadata"] == {} and "<s" not in last["source"]


def test_a_changed_plain_cell_runs_after_the_instructors():
    cells = [{"id": f"c{k}", **cell} for k, cell in enumerate(mine())]
    cells[1]["source"] = "import math"
    result = rebuild(blueprint(*OWN), submitted(*cells))
    assert sources(result)[1:3] == ["import numpy as np", "import math"]


def test_two_instructors_cells_of_one_id_are_refused():
    with pytest.raises(AssignmentError, match="two cells have the grade_id 'double'"):
        blueprint(solution("a", "double"), solution("b", "double"))


def test_grade_is_recognised_by_its_statement_only():
    assert split_check("check(f)\ngrade(f)") == (["f"], "")
    assert split_check("from check import grade\ngrade(f)") == (["f"], "")
    names, rest = split_check("x = 1\ngrade(f)")
    assert names == ["f"] and rest.strip() == "x = 1"
    assert split_check("print('grade(f)')")[0] == []
    assert split_check("def (")[0] == []


HOSTILE = [
    b"", b"null", b"[]", b"3", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"cells": 3}',
    b'{"cells": [' + b"1," * 2000 + b"1]}", b'{"cells": "x", "nbformat": 4}', b'{"worksheets": 5}',
    b"\x00" * 100, b"9" * 10_000, b'{"cells": [' + b'{"a":' * 5000,
]  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_notebook_is_refused_with_its_name(raw):
    with pytest.raises(SubmissionError, match=r"s\.ipynb"):
        parse_notebook(raw, "s.ipynb", LIMITS)


@pytest.mark.parametrize(
    "cell",
    [
        None, 3, [], {}, {"cell_type": 3}, {"cell_type": "code", "source": 5},
        {"cell_type": "code", "source": [1, "x", None]}, {"cell_type": "code", "metadata": []},
        {"cell_type": "code", "metadata": {"nbgrader": "x"}},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["double"]}}},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": {"a": 1}}}, "source": "x"},
        {"cell_type": "markdown", "attachments": {"a": {"image/png": 3}, "../x": {}}, "source": "x"},
        {"cell_type": "code", "source": "\ud800", "id": {"x": 1}},
        {"cell_type": "widget", "source": "x", "outputs": 3},
        {"cell_type": "code", "source": "x" * 100_000, "id": "c1"},
    ],
)  # fmt: skip
def test_wrong_types_anywhere_do_no_harm(cell):
    raw = json.dumps({"cells": [cell, *mine()], "metadata": 3, "nbformat": "x"}).encode()
    result = rebuild(blueprint(*OWN), parse_notebook(raw, "s.ipynb", LIMITS))
    assert "def double(x): return x + x" in sources(result)
    json.dumps(result.notebook).encode()


def test_old_notebooks_are_read():
    old = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["x=1"]}, 3]}]}
    result = rebuild(blueprint(*OWN), parse_notebook(json.dumps(old).encode(), "s", LIMITS))
    assert "x=1" in sources(result)


def test_random_damage_gives_a_notebook_or_a_reason():
    rng = random.Random(7)
    raw = json.dumps(notebook(*mine())).encode()
    for _ in range(2000):
        damaged = bytearray(raw)
        for _ in range(rng.randint(1, 5)):
            place = rng.randrange(len(damaged))
            damaged[place : place + rng.randint(0, 3)] = rng.choice(
                [b"", b"[", b"}", b"3", b'"', b"null"]
            )
        with contextlib.suppress(SubmissionError):
            rebuild(blueprint(*OWN), parse_notebook(bytes(damaged), "s", LIMITS))


def test_links_devices_and_giants_are_not_read(tmp_path):
    good = tmp_path / "good.ipynb"
    good.write_text(json.dumps(notebook(*mine())))
    assert read_notebook(good, LIMITS)["cells"]
    (tmp_path / "link.ipynb").symlink_to(good)
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    for name in ("link", "pipe", "folder", "missing"):
        with pytest.raises(SubmissionError, match=name):
            read_notebook(tmp_path / f"{name}.ipynb", LIMITS)
    with pytest.raises(SubmissionError, match="MiB"):
        read_notebook(good, Limits(submission_bytes=10))
    assert stat.S_ISFIFO((tmp_path / "pipe.ipynb").stat().st_mode)


def test_too_many_cells_are_refused():
    with pytest.raises(SubmissionError, match="cells"):
        parse_notebook(b'{"cells": [' + b"1," * 20 + b"1]}", "s", Limits(cells=10))


def test_a_cell_that_the_instructor_tagged_is_not_run_and_a_tag_of_the_students_changes_nothing():
    own = [dict(cell) for cell in OWN]
    own[5] = {**own[5], "metadata": {**own[5]["metadata"], "tags": ["skip-execution"]}}
    assert rebuilt(*mine(), own=own).plans[5].run == "text"
    theirs = mine()
    for k in (2, 3, 5):
        theirs[k] = {**theirs[k], "metadata": {**theirs[k]["metadata"], "tags": ["skip-execution"]}}
    assert [plan.run for plan in rebuilt(*theirs).plans][2:] == ["code", "check", "text", "code"]
    own[3] = {**own[3], "metadata": {**own[3]["metadata"], "tags": ["skip-execution"]}}
    assert rebuilt(*mine(), own=own).plans[3].run == "check"
