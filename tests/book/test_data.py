"""The data is what its docstrings say, and the same for the same seed."""

import sys

import numpy as np
import pytest
from course import data


def test_names_are_unique_and_belong_to_one_language_each():
    names = data.names()
    assert len(names) == len(names.labels) == len(names.keys)
    folded = [name.casefold() for name in names.names]
    assert len(set(folded)) == len(folded) > 7000
    assert min(map(len, names.names)) >= 4
    assert set(names.labels) == set(range(12))


def test_a_key_is_in_the_training_set_or_in_the_test_set():
    train, test = data.split(data.names(), seed=3)
    assert not set(train.keys) & set(test.keys)
    assert len(train) + len(test) == len(data.names())
    assert 0.15 < len(test) / len(data.names()) < 0.25


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    first, again, other = (data.split(data.names(), seed=s)[1].names for s in (1, 1, 2))
    assert first == again != other


def test_shuffled_characters_are_the_same_characters():
    words = ["Dinamarca", "ab", "a"]
    assert [sorted(w) for w in data.shuffle_characters(words)] == [sorted(w) for w in words]


def test_an_alphabet_pads_cuts_and_marks_what_it_does_not_know():
    alphabet = data.Alphabet(["aab"])
    assert alphabet.encode(["abx", "bbbbbb", ""], 4).tolist() == [
        [2, 3, 1, 0],
        [3, 3, 3, 3],
        [0, 0, 0, 0],
    ]
    assert alphabet.decode(alphabet.encode(["abxa"], 6)[0]) == "ab·a"
    assert len(alphabet) == 4


def test_every_character_of_a_date_has_a_tag_and_the_tags_spell_the_date():
    dates = data.dates(300, seed=5)
    for text, iso, tags in zip(dates.texts, dates.iso, dates.tags):
        assert len(text) == len(tags)
        year = "".join(c for c, tag in zip(text, tags) if data.TAGS[tag] == "year")
        day = "".join(c for c, tag in zip(text, tags) if data.TAGS[tag] == "day")
        assert year == iso[:4] and int(day) == int(iso[8:])
    assert len(set(dates.locales)) > 6
    assert data.dates(300, seed=5).texts == dates.texts


def test_digits_are_images_between_0_and_1():
    (x, y), (x_test, y_test) = data.digits()
    assert x.shape[1:] == x_test.shape[1:] == (8, 8) and len(x) + len(x_test) == 1797
    assert x.min() == 0 and x.max() == 1 and set(y) == set(y_test) == set(range(10))


def test_the_adding_problem_marks_one_number_in_each_half():
    x, y = data.adding_problem(500, 21, seed=1)
    assert x.shape == (500, 21, 2)
    marks = x[:, :, 1]
    assert (marks[:, :10].sum(axis=1) == 1).all() and (marks[:, 10:].sum(axis=1) == 1).all()
    np.testing.assert_allclose(y, (x[:, :, 0] * marks).sum(axis=1))
    with pytest.raises(ValueError, match="2 timesteps"):
        data.adding_problem(1, 1)


def test_copy_memory_asks_for_the_symbols_after_the_signal():
    x, y = data.copy_memory(50, pause=4, length=3, symbols=8, seed=2)
    assert x.shape == y.shape == (50, 10)
    np.testing.assert_array_equal(y[:, -3:], x[:, :3])
    assert (x[:, 6] == 9).all() and not y[:, :7].any()


@pytest.mark.parametrize("load", [data.mnist, data.imdb])
def test_an_online_set_that_cannot_be_fetched_says_what_to_use_instead(load, monkeypatch):
    class Broken:
        @staticmethod
        def load_data(**options):
            raise Exception("URL fetch failure")

    for name in ("mnist", "imdb"):
        monkeypatch.setitem(sys.modules, f"keras.datasets.{name}", Broken)
    with pytest.raises(data.OfflineError, match="offline data of this module"):
        load()
