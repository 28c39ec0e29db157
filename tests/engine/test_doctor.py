"""The doctor says in words what is there and what to do."""

from __future__ import annotations

from autograder.engine import doctor, sandbox


def test_every_layer_has_words():
    assert set(doctor.MEANING) == set(doctor.WITHOUT) == set(sandbox.LAYERS)


def test_a_missing_layer_is_named_with_its_remedy(monkeypatch):
    layers = [
        sandbox.Layer(name, name != "userns", "detail", "allow them") for name in sandbox.LAYERS
    ]
    monkeypatch.setattr(sandbox, "detect", lambda: layers)
    lines, fine = doctor.report(start=False)
    assert not fine
    assert any("NO" in line and "userns" in line for line in lines)
    assert any("What to do: allow them." in line for line in lines)
