"""What a chapter says of its experiments holds for other seeds than those it shows."""

import chapter
import pytest

from .conftest import chapters

CLAIMS = [(name, claim) for name in chapters() for claim in chapter.claims(name)]
SEEDS = range(10, 15)


@pytest.mark.parametrize(("name", "claim"), CLAIMS, ids=[f"{n}-{c}" for n, c in CLAIMS])
def test_a_claim_of_the_text_holds_for_five_other_seeds(name, claim):
    for seed in SEEDS:
        chapter.claims(name)[claim](seed)
