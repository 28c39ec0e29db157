"""Chapter 7: both forms of the GRU are Keras', in both modes, and so is the way between them."""

import json
import re

import chapter
import numpy as np
import pytest
from course import figures, recorded
from course.figures import gru as drawings

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def names():
    return chapter.namespace("07_gru", ("setup", "layer"))


@pytest.fixture(params=[(3, 7, 5, 4), (1, 1, 1, 1), (2, 4, 1, 6)], ids=str)
def sizes(request):
    return request.param


def case(sizes, reset_after):
    """A batch, an initial state, weights, and the Keras layer that has them."""
    B, T, D, H = sizes
    rng = np.random.default_rng(B + T + D + H)
    layer = keras.layers.GRU(H, return_sequences=True, reset_after=reset_after, dtype="float64")
    layer.build((B, T, D))
    weights = [0.5 * rng.normal(size=w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    x, h_0 = rng.normal(size=(B, T, D)), rng.normal(size=(B, H))
    return x, h_0, weights, np.asarray(layer(x, initial_state=h_0))


def test_keras_default_is_the_reset_after_the_product(names, sizes):
    x, h_0, weights, expected = case(sizes, reset_after=True)
    assert keras.layers.GRU(1).reset_after is True
    assert np.abs(names["KerasGRU"](*weights)(x, h_0) - expected).max() < 1e-12


def test_the_reset_before_the_product_is_keras_other_mode(names, sizes):
    x, h_0, weights, expected = case(sizes, reset_after=False)
    assert np.abs(names["KeepingGRU"](*weights)(x, h_0) - expected).max() < 1e-12


def test_the_slides_gru_with_its_z_block_negated_is_keras_other_mode(names, sizes):
    x, h_0, weights, expected = case(sizes, reset_after=False)
    turned = [names["z_negated"](weight) for weight in weights]
    assert np.abs(names["GRU"](*turned)(x, h_0) - expected).max() < 1e-12
    for back, weight in zip(map(names["z_negated"], turned), weights):
        np.testing.assert_array_equal(back, weight)


def test_without_a_state_the_layers_start_from_zeros(names, sizes):
    x, h_0, weights, _ = case(sizes, reset_after=True)
    layer = names["KerasGRU"](*weights)
    np.testing.assert_array_equal(layer(x), layer(x, 0 * h_0))


@pytest.mark.parametrize("stage", drawings.STAGES)
def test_each_step_is_drawn_with_words_for_who_cannot_see_it(stage):
    picture = figures.gru_cell(stage)
    assert 'role="img"' in picture.svg and "<title" in picture.svg and len(picture.alt) > 60
    assert not re.search(r"#[0-9a-f]{6}", picture.svg)


def test_an_unknown_stage_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match="simple, mix, update"):
        figures.gru_cell("output")


def test_the_places_of_the_reset_gate_and_the_three_cells_are_drawn_as_panels():
    assert figures.gru_reset().svg.count("<svg") == 2
    assert figures.cells_compared().svg.count("<svg") == 3


@pytest.mark.parametrize(
    ("name", "groups"),
    [("adding_problem", ("cell", "T", "rate")), ("cells_on_names", ("cell", "units"))],
)
def test_every_recorded_group_has_five_seeds_and_says_where_it_comes_from(name, groups):
    seeds = {}
    for row in recorded.rows(name):
        seeds.setdefault(tuple(row[g] for g in groups), []).append(int(row["seed"]))
    assert seeds and all(sorted(found) == [0, 1, 2, 3, 4] for found in seeds.values())
    head = (recorded.FOLDER / f"{name}.csv").read_text(encoding="utf-8").splitlines()[:3]
    assert [line.split(":")[0].split()[1] for line in head] == ["command", "python", "machine"]


@pytest.mark.xdist_group("book")
def test_the_goal_of_the_gates_needs_update_and_reset(read):
    page = read("07_gru")
    explorer = page.locator("#explorer-gates")

    def state():
        return json.loads(explorer.locator(".explorer-stage").get_attribute("data-state"))

    def make(preset, steps):
        explorer.locator(f'[data-preset="{preset}"]').press("Enter")
        for _ in range(steps):
            explorer.locator(".next").press("Enter")

    make("Replace", 1)
    assert abs(state()["h"] - np.tanh(0.8)) < 1e-12
    make("Keep", 4)
    make("Replace", 1)
    assert abs(state()["h"] - np.tanh(0.7)) < 1e-12
    make("Keep", 6)
    assert state()["reached"]

    explorer.locator(".reset").press("Enter")
    make("Replace", 1)
    make("Mix", 1)
    h = np.tanh(0.8)
    assert abs(state()["h"] - (0.5 * h + 0.5 * np.tanh(-0.5 + h))) < 1e-12
    assert not page.errors


def test_every_recorded_cell_beats_single_letters_and_none_beats_triples():
    """What chapters 6 and 7 say of the baselines of chapter 1, on the same splits."""
    first = chapter.namespace("01_sequences", ("setup", "experiment"))
    data = first["data"]
    for seed in range(5):
        train, test = data.split(data.names(), seed=seed)
        letters, triples = (
            (first["Counter"](train.names, train.labels, n).predict(test.names) == test.labels)
            for n in (1, 3)
        )
        cells = [r for r in recorded.rows("cells_on_names") if int(r["seed"]) == seed]
        accuracies = [float(r["accuracy"]) for r in cells]
        assert letters.mean() < min(accuracies) and max(accuracies) < triples.mean()
