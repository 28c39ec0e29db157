"""The course's data: real where possible, made here where not, and never downloaded by a build.

=====================  ==============================================  =======================
loader                 what it is                                      source
=====================  ==============================================  =======================
``names``              names of countries, languages and scripts in    Unicode CLDR, in Babel
                       twelve languages
``dates``              one date written out in many locales            Unicode CLDR, in Babel
``digits``             1,797 images of 8 x 8 pixels                    scikit-learn (UCI)
``adding_problem``     add the two marked numbers of a long sequence   generated
``copy_memory``        repeat symbols after a long pause               generated
``mnist``, ``imdb``    the classics, when you are online               keras.datasets
=====================  ==============================================  =======================

Every loader takes a seed where chance plays a part, and returns the same arrays for the same
seed. Text data is split by CLDR key: the key ``territories/FR`` with all its translations is
either in the training set or in the test set, never in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

LANGUAGES = ("de", "fr", "es", "it", "pl", "fi", "tr", "hu", "cs", "vi", "id", "en")
KINDS = ("territories", "languages", "scripts")
LOCALES = ("en_GB", "en_US", "de", "fr", "es", "it", "pl", "fi", "tr", "hu", "cs", "id")
FORMATS = ("short", "medium", "long", "full")
TAGS = ("other", "day", "month", "year", "weekday")

PAD, UNKNOWN = 0, 1  # the first two tokens of every alphabet


class OfflineError(RuntimeError):
    """An online data set was asked for and could not be fetched."""


# --- names: one string, one language -----------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """Strings with a label each.

    names      N strings of 4 and more characters
    labels     int64 (N,), the position in ``languages``
    keys       N CLDR keys, for example ``territories/FR``
    languages  the K language codes
    """

    names: list[str]
    labels: np.ndarray
    keys: list[str]
    languages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Iterable[int]) -> Names:
        """The given rows, in the given order."""
        rows = [int(i) for i in rows]
        return Names(
            [self.names[i] for i in rows],
            self.labels[rows],
            [self.keys[i] for i in rows],
            self.languages,
        )


@lru_cache(8)
def names(languages: tuple[str, ...] = LANGUAGES, min_length: int = 4) -> Names:
    """Names of territories, languages and scripts, each as one language writes it.

    A string that several languages share (``Angola``) has no one right answer and is left out;
    capital and small letters count as the same for this. A string that one language uses for
    two things (Italian ``arabo``, language and script) stays once. With the default languages
    there are 7,126 strings.

    Source: Unicode CLDR, through ``babel.Locale``.
    """
    from babel import Locale

    users: dict[str, set[str]] = {}
    rows: dict[str, tuple[str, int, str]] = {}
    for label, language in enumerate(languages):
        locale = Locale(language)
        for kind in KINDS:
            for key, text in sorted(getattr(locale, kind).items()):
                if len(text) >= min_length:
                    users.setdefault(text.casefold(), set()).add(language)
                    rows.setdefault(text.casefold(), (text, label, f"{kind}/{key}"))
    kept = sorted(
        (row for folded, row in rows.items() if len(users[folded]) == 1),
        key=lambda row: (row[1], row[2]),
    )
    return Names(
        [text for text, _, _ in kept],
        np.array([label for _, label, _ in kept], dtype=np.int64),
        [key for _, _, key in kept],
        languages,
    )


def split(data: Names, held_out: float = 0.2, seed: int = 0) -> tuple[Names, Names]:
    """Training and test set. One fifth of the CLDR *keys* is held out, with all translations."""
    rng = np.random.default_rng(seed)
    keys = np.array(sorted(set(data.keys)))
    test_keys = set(rng.permutation(keys)[: int(len(keys) * held_out)].tolist())
    in_test = np.array([key in test_keys for key in data.keys])
    return data.take(np.flatnonzero(~in_test)), data.take(np.flatnonzero(in_test))


def shuffle_characters(texts: Sequence[str], seed: int = 0) -> list[str]:
    """Each text with its characters in a random order: same letters, no spelling."""
    rng = np.random.default_rng(seed)
    return ["".join(rng.permutation(list(text))) for text in texts]


class Alphabet:
    """Characters as tokens. Token 0 is padding, token 1 is any character not seen before.

    >>> Alphabet(["aab"]).encode(["abx"], length=4)
    array([[2, 3, 1, 0]])
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.characters = sorted(set("".join(texts)))
        self._tokens = {c: i + 2 for i, c in enumerate(self.characters)}

    def __len__(self) -> int:
        """K, the number of tokens with padding and unknown."""
        return len(self.characters) + 2

    def encode(self, texts: Sequence[str], length: int) -> np.ndarray:
        """int64 (N, length), padded on the right, cut when longer."""
        tokens = np.full((len(texts), length), PAD, dtype=np.int64)
        for row, text in enumerate(texts):
            known = [self._tokens.get(c, UNKNOWN) for c in text[:length]]
            tokens[row, : len(known)] = known
        return tokens

    def decode(self, tokens: np.ndarray) -> str:
        """The text of one row of tokens; padding ends it, an unknown character is a dot."""
        text = ""
        for token in np.asarray(tokens).tolist():
            if token == PAD:
                break
            text += "·" if token == UNKNOWN else self.characters[token - 2]
        return text


# --- dates: one sequence in, a tag for every character or another sequence out -----------------


@dataclass(frozen=True)
class Dates:
    """Dates as people write them, and as a computer does.

    texts    N strings, ``Sonntag, 7. Juni 2026``
    iso      N strings of 10 characters, ``2026-06-07``
    tags     N int64 arrays, one entry per character, the position in ``TAGS``
    locales  N locale names
    """

    texts: list[str]
    iso: list[str]
    tags: list[np.ndarray]
    locales: list[str]

    def __len__(self) -> int:
        return len(self.texts)


_FIELDS = {"d": "day", "M": "month", "L": "month", "y": "year", "u": "year", "E": "weekday"}


def dates(
    count: int,
    seed: int = 0,
    locales: Sequence[str] = LOCALES,
    formats: Sequence[str] = FORMATS,
    first: date = date(1950, 1, 1),
    last: date = date(2049, 12, 31),
) -> Dates:
    """``count`` days between ``first`` and ``last``, each in a random locale and format.

    A short format that writes the year with two digits is left out: such a date could be in two
    centuries, and so has no one right answer.

    Source: Unicode CLDR's patterns, through ``babel.dates``.
    """
    from babel.dates import DateTimeFormat, get_date_format

    rng = np.random.default_rng(seed)
    patterns = [
        (name, get_date_format(form, name))
        for name in locales
        for form in formats
        if "%(yy)s" not in get_date_format(form, name).format
    ]
    result = Dates([], [], [], [])
    for _ in range(count):
        name, pattern = patterns[int(rng.integers(len(patterns)))]
        day = first + timedelta(days=int(rng.integers((last - first).days + 1)))
        fields = DateTimeFormat(day, name)
        text, tags = "", []
        for literal, field in _pieces(pattern.format):
            piece = fields[field] if field else literal
            tag = _FIELDS.get(field[0], "other") if field else "other"
            text += piece
            tags += [TAGS.index(tag)] * len(piece)
        result.texts.append(text)
        result.iso.append(day.isoformat())
        result.tags.append(np.array(tags, dtype=np.int64))
        result.locales.append(name)
    return result


def _pieces(template: str) -> list[tuple[str, str]]:
    """Babel's ``%(d)s. %(MMMM)s`` as [("", "d"), (". ", ""), ("", "MMMM")]."""
    pieces, rest = [], template
    while rest:
        literal, mark, rest = rest.partition("%(")
        if literal:
            pieces.append((literal.replace("%%", "%"), ""))
        if mark:
            field, _, rest = rest.partition(")s")
            pieces.append(("", field))
    return pieces


# --- digits ------------------------------------------------------------------------------------


def digits(
    held_out: float = 0.25, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """``(x_train, y_train), (x_test, y_test)``: x float64 (N, 8, 8) in [0, 1], y int64 (N,).

    Source: ``sklearn.datasets.load_digits``, from the UCI repository, 1,797 images.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = x.reshape(-1, 8, 8) / 16.0, y.astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = np.split(order, [int(len(x) * held_out)])
    return (x[train], y[train]), (x[test], y[test])


# --- tests of memory ---------------------------------------------------------------------------


def adding_problem(count: int, timesteps: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``x`` float64 (count, T, 2), ``y`` float64 (count,); T must be at least 2.

    Feature 0 is a random number in [0, 1) at every timestep. Feature 1 is 1 at two timesteps,
    one in each half, and 0 elsewhere. The target is the sum of the two marked numbers. Who
    always answers 1 has a mean squared error of 1/6.

    Source: Hochreiter and Schmidhuber (1997), in the form of Le, Jaitly and Hinton (2015).
    """
    if timesteps < 2:
        raise ValueError(f"the adding problem needs 2 timesteps or more, not {timesteps}")
    rng = np.random.default_rng(seed)
    values = rng.random((count, timesteps))
    half = timesteps // 2
    rows = np.arange(count)
    marks = np.zeros((count, timesteps))
    marks[rows, rng.integers(0, half, count)] = 1
    marks[rows, rng.integers(half, timesteps, count)] = 1
    return np.stack([values, marks], axis=-1), (values * marks).sum(axis=1)


def copy_memory(
    count: int, pause: int, length: int = 10, symbols: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """``x`` and ``y``, tokens int64 (count, pause + 2 * length).

    ``length`` symbols (1 to ``symbols``), a pause of blanks (0) whose last timestep is the
    signal ``symbols + 1``, then blanks. The target is blank until the signal has passed, then
    the symbols in their order. ``pause`` must be at least 1.

    Source: Hochreiter and Schmidhuber (1997), in the form of Arjovsky, Shah and Bengio (2016).
    """
    if pause < 1:
        raise ValueError(f"the pause must last 1 timestep or more, not {pause}")
    rng = np.random.default_rng(seed)
    memory = rng.integers(1, symbols + 1, (count, length))
    x = np.zeros((count, pause + 2 * length), dtype=np.int64)
    y = np.zeros_like(x)
    x[:, :length] = memory
    x[:, length + pause - 1] = symbols + 1
    y[:, length + pause :] = memory
    return x, y


# --- online options ----------------------------------------------------------------------------


def mnist() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Like ``digits``, with 70,000 images of 28 x 28. Downloads 11 MB on the first call.

    Raises OfflineError when it cannot be fetched.
    """
    (x, y), (x_test, y_test) = _fetch("mnist")
    return (x / 255.0, y.astype(np.int64)), (x_test / 255.0, y_test.astype(np.int64))


def imdb(vocabulary: int = 10_000) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """50,000 film reviews as lists of word tokens, label 1 for praise. Downloads 17 MB.

    Raises OfflineError when it cannot be fetched.
    """
    return _fetch("imdb", num_words=vocabulary)


def _fetch(name: str, **options: int):  # type: ignore[no-untyped-def]
    import importlib

    try:
        return importlib.import_module(f"keras.datasets.{name}").load_data(**options)
    except Exception as error:  # Keras raises a bare Exception when the download fails
        raise OfflineError(
            f"{name} could not be fetched. It is an online option: connect to the internet, or "
            f"use the offline data of this module ({'digits' if name == 'mnist' else 'names'})."
        ) from error
