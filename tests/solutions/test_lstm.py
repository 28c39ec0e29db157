"""What the notebook of `lstm` says about its data holds."""

import ast

import pytest

from autograder.authoring import load_assignment
from autograder.source import read_source

from ..conftest import ROOT


def names_of_the_notebook():
    folder = ROOT / "solutions" / "lstm"
    notebook = read_source(folder, load_assignment(folder))
    (cell,) = [c for c in notebook.cells if c.source.startswith("NAMES = ")]
    text = ast.literal_eval(cell.source.removeprefix("NAMES = "))
    return {language: names.split() for language, names in text.items()}


@pytest.mark.xdist_group("lstm")
def test_the_names_are_those_of_cldr_country_by_country():
    babel = pytest.importorskip("babel")
    codes = {"German": "de", "Finnish": "fi", "French": "fr", "Polish": "pl"}
    names = names_of_the_notebook()
    assert list(names) == list(codes)

    territories = {language: babel.Locale(code).territories for language, code in codes.items()}
    for row in zip(*names.values(), strict=True):
        keys = [
            {key for key, name in territories[language].items() if name == written}
            for language, written in zip(names, row)
        ]
        assert set.intersection(*keys), f"not one country in CLDR: {row}"
        assert len(set(row)) == len(row), f"languages share a name: {row}"
