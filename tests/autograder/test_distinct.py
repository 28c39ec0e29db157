"""Whatever the secret, no draw of cases hides a mistake or takes one for another."""

from pathlib import Path

import pytest

from autograder.authoring import load_assignment
from autograder.build import checks_data
from autograder.check import CheckSet
from autograder.distinct import confused, verify_distinct
from autograder.mutants import DRAWS, _judge

from . import tiny

# Two mistakes whose small whole numbers agree by chance in every second case.
CHECKS = (
    tiny.CHECKS.replace("rng.normal(0, 1, 5)", "rng.integers(0, 100, 5)")
    .replace("rng.normal(3, 1, 1)", "rng.integers(0, 100, 1)")
    .replace("float(np.mean(numbers))", "int(numbers[0]) % 2")
    .replace("float(sum(numbers) * 2)", "2 + int(numbers[0]) // 2 % 2")
    .replace("float(numbers[0] + 1)", "2 + int(numbers[0]) // 4 % 2")
)
SECRETS = [bytes([n]) * 32 for n in range(6)]


@pytest.fixture
def assignment(tiny_course):
    return load_assignment(tiny.write(tiny_course, checks=CHECKS))


@pytest.mark.parametrize("secret", SECRETS, ids=lambda s: str(s[0]))
def test_chance_hides_no_difference(assignment, secret):
    manifest, arrays = checks_data(assignment, "hidden", secret)
    verify_distinct(assignment, manifest, arrays)
    hidden = CheckSet(manifest, arrays, Path("hidden"))
    for misconception in assignment["middle"].misconceptions:
        verdict = _judge("tiny", hidden, hidden, "middle", misconception)
        assert (verdict.caught, verdict.named) == (DRAWS, DRAWS)


def test_without_drawing_again_chance_does_hide_it(assignment, monkeypatch):
    """The test above would fail otherwise."""
    monkeypatch.setattr("autograder.build.confused", lambda *_: {})
    seen = []
    for secret in SECRETS:
        manifest, arrays = checks_data(assignment, "hidden", secret)
        cases = manifest["checks"]["middle"]["cases"]
        seen.append(bool(confused(cases, arrays, ["sum", "first"])))
    assert any(seen)
