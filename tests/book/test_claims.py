"""What a chapter says of its experiments holds for other seeds than those it shows."""

import chapter
import pytest

from .conftest import chapters

SEEDS = range(10, 15)


def claims():
    """Every claim, read from the chapters' text: collecting tests imports no TensorFlow.

    The claims of a chapter share trained networks, so they run in one process.
    """
    for name in chapters():
        for claim, slow in chapter.claim_names(name).items():
            marks = [pytest.mark.xdist_group(f"claims-{name}")] + [pytest.mark.slow] * slow
            yield pytest.param(name, claim, marks=marks, id=f"{name}-{claim}")


@pytest.mark.parametrize(("name", "claim"), list(claims()))
def test_a_claim_of_the_text_holds_for_five_other_seeds(name, claim):
    for seed in SEEDS:
        chapter.namespace(name)[claim](seed)
