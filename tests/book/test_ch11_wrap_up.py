"""Chapter 11: its counts are chapter 1's, attention is Keras', and what it says is in the record."""

import chapter
import numpy as np
import pytest
from course import data
from course.recorded import rows
from experiments import wrap_up

from .conftest import BOOK

RECORDED = rows("wrap_up")


def of(task, model, amount="all", column="accuracy"):
    """A column of the recorded runs of a model, by seed."""
    found = [r for r in RECORDED if (r["task"], r["model"], r["amount"]) == (task, model, amount)]
    return np.array([float(r[column]) for r in sorted(found, key=lambda r: int(r["seed"]))])


# ------------------------------------------------------------------ the experiment


def test_the_counts_are_those_of_chapter_1():
    counter = chapter.namespace("01_sequences", ("setup", "experiment"))["Counter"]
    train, test = data.split(data.names(), seed=0)
    train, test = train.take(range(0, len(train), 4)), test.take(range(0, len(test), 4))
    for longest in wrap_up.COUNTS.values():
        ours = wrap_up.Counts(longest).fit(train.names, train.labels)
        theirs = counter(train.names, train.labels, longest)
        assert (ours.predict(test.names) == theirs.predict(test.names)).mean() > 0.999


def test_the_recorded_counts_are_found_again():
    train, test = data.split(data.names(), seed=1)
    for model, longest in wrap_up.COUNTS.items():
        again = float(wrap_up.count(longest, train, test)["accuracy"])
        assert abs(again - of("language", model)[1]) < 0.002


@pytest.mark.parametrize("kind", wrap_up.NETWORKS)
def test_a_network_of_the_table_has_the_parameters_that_are_recorded(kind):
    pytest.importorskip("keras")
    train, _ = data.split(data.names(), seed=0)
    alphabet = data.Alphabet(name.lower() for name in train.names)
    model = wrap_up.network(kind, len(alphabet), len(train.languages))
    assert model.count_params() == of("language", kind, column="parameters")[0]


def test_other_names_share_nothing_with_the_names_of_the_task():
    other, names = wrap_up.other_names(), data.names()
    assert not {n.casefold() for n in other.names} & {n.casefold() for n in names.names}
    assert not set(other.keys) & set(names.keys)
    assert len(other) > len(names)


def test_a_window_that_training_had_is_tagged_as_there():
    dates = data.dates(60, seed=3)
    twice = data.Dates(
        *(part + part for part in (dates.texts, dates.iso, dates.tags, dates.locales))
    )
    found = wrap_up.window_tags(twice, 60, width=40)  # a window that holds the whole date
    assert all((a == b).all() for a, b in zip(found, dates.tags, strict=True))


def test_every_model_of_the_table_was_recorded_with_five_seeds():
    for model in ("majority", *wrap_up.COUNTS, *wrap_up.NETWORKS):
        assert len(of("language", model)) >= 5, model
    for task, models in (("tags", wrap_up.TAGGERS), ("iso", wrap_up.TRANSLATORS)):
        assert all(len(of(task, model)) >= 5 for model in models)


# ------------------------------------------------------------------ what the text says of it


def test_triples_are_above_every_network_in_every_split():
    triples = of("language", "up to triples")
    for model in wrap_up.NETWORKS:
        assert (triples > of("language", model)).all(), model


def test_models_that_share_weights_over_time_are_above_those_that_do_not():
    flat, bag = of("language", "dense, flattened"), of("language", "dense, bag")
    for model in wrap_up.NETWORKS[2:]:
        assert (of("language", model) > np.maximum(flat, bag)).all(), model


def test_gates_are_above_simplernn_in_every_split():
    for model in ("GRU", "LSTM"):
        assert (of("language", model) > of("language", "SimpleRNN")).all()


def test_a_second_layer_and_a_second_direction_help_but_not_at_the_same_size():
    gru = of("language", "GRU")
    assert (of("language", "GRU, 2 layers") > gru).all()
    assert (of("language", "GRU, both directions") > gru).all()
    narrow = of("language", "GRU, both directions, 2 x 32") - gru
    assert narrow.min() < 0 < narrow.max()


def test_the_network_comes_closer_with_more_names_and_does_not_overtake_the_count():
    def gap(amount):
        counted, learned = (
            {r["seed"]: float(r["accuracy"]) for r in RECORDED if (r["model"], r["amount"]) == key}
            for key in (("up to triples", amount), ("GRU, both directions", amount))
        )
        return {seed: counted[seed] - learned[seed] for seed in learned}

    few, usual, more = gap("500"), gap("all"), gap("more")
    assert len(set(few) & set(more)) >= 2
    assert all(few[seed] > usual[seed] + 0.03 for seed in few)
    assert all(more[seed] > 0 for seed in more)


def test_both_directions_err_less_than_windows_and_windows_less_than_one_direction():
    for column in ("accuracy", "whole"):
        both, window, one = (
            of("tags", model, column=column)
            for model in ("both directions", "window of 3", "SimpleRNN")
        )
        assert (both > window).all() and (window > one).all()


def test_only_the_network_writes_dates():
    assert (of("iso", "most frequent characters", column="whole") == 0).all()
    assert (of("iso", "encoder and decoder", column="whole") > 0.5).all()


# ------------------------------------------------------------------ attention


def test_attention_is_that_of_keras():
    keras = pytest.importorskip("keras")
    attend = chapter.namespace("11_wrap_up", ("setup", "layer"))["attend"]
    rng = np.random.default_rng(0)
    T, D, H = 7, 5, 4
    x = rng.normal(size=(T, D))
    weights = rng.normal(size=(3, D, H))
    layer = keras.layers.MultiHeadAttention(1, H, use_bias=False, output_shape=H, dtype="float64")
    layer.build((1, T, D), (1, T, D))
    layer.set_weights([*(w[:, None, :] for w in weights), np.eye(H)[None]])
    query, key, value = weights
    expected = np.asarray(layer(x[None], x[None], use_causal_mask=True))[0]
    np.testing.assert_allclose(attend(x, query, key, value), expected, atol=1e-12)


def test_attention_is_blind_to_the_order_of_what_came_before():
    attend = chapter.namespace("11_wrap_up", ("setup", "layer"))["attend"]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, weights = rng.normal(size=(9, 5)), rng.normal(size=(3, 5, 4))
        mixed = np.concatenate([rng.permutation(x[:-1]), x[-1:]])
        np.testing.assert_allclose(attend(x, *weights)[-1], attend(mixed, *weights)[-1], atol=1e-12)


def test_every_source_of_the_lectures_last_slide_is_on_the_page():
    text = (BOOK / "11_wrap_up.md").read_text(encoding="utf-8")
    for address in (
        "stanford.edu/~shervine/teaching/cs-230/cheatsheet-recurrent-neural-networks",
        "www.youtube.com/watch?v=qhXZsFVxGKo",
        "medium.com/@himanshuxd/activation-functions-sigmoid-relu-leaky-relu-and-softmax-basics-for-neural-networks-and-deep-8d9c70eed91e",
        "ml-cheatsheet.readthedocs.io/en/latest/activation_functions.html",
        "colah.github.io/posts/2015-08-Understanding-LSTMs/",
        "isaacchanghau.github.io/post/lstm-gru-formula/",
    ):
        assert address in text
