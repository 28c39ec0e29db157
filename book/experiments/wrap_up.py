"""Every kind of model of the book on the same task, five seeds each. About twenty minutes.

    cd book && python -m experiments.wrap_up

``language`` is the task of chapter 1: CLDR names in twelve languages, one fifth of the keys held
out. Every network has an embedding of 32, 64 units where it has units, a softmax, and learns for
ten epochs in batches of 128 with Adam, whose rate falls from 0.01 to 0. (0.01 was better than
0.003 for SimpleRNN, GRU and LSTM on a part of the training names; test names had no say in it.)
``amount`` says how many of the training names it learns from: 500, all of them, or ``more``, all
and names of currencies, units, time zones and variants as well. With fewer names the epochs get
more, so that the number of updates stays.

``tags`` is the task of chapter 10, a tag for every character of a date, and ``iso`` the one of
chapter 3, a date in words to a date in numbers.

A row of ``wrap_up.csv`` is one training; rows that the file has are not run again.

examples      the number of training examples
parameters    numbers that training sets; for counts, the table of logarithms
accuracy      share of right answers on held-out data: names, characters (tags), dates (iso)
whole         share of dates without an error
cpu_seconds   CPU seconds of one epoch, the median over epochs; other work hardly changes them
wall_seconds  wall-clock seconds of one epoch, which it does change

A count has one epoch: it goes through the names once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from course import data, runs, training, wirings
from course.deep import Network

COLUMNS = (
    "task", "model", "amount", "seed", "examples", "parameters", "accuracy", "whole",
    "cpu_seconds", "wall_seconds",
)  # fmt: skip
SEEDS = range(5)
LENGTH, EPOCHS, BATCH, RATE = 24, 10, 128, 0.01
COUNTS = {"letters": 1, "letters and pairs": 2, "up to triples": 3}
NETWORKS = (
    "dense, bag",
    "dense, flattened",
    "convolution",
    "SimpleRNN",
    "GRU",
    "LSTM",
    "GRU, 2 layers",
    "GRU, both directions, 2 x 32",
    "GRU, both directions",
)
AMOUNTS = {"all": 0, 500: 1, "more": 1}  # of training names, and which runs come first
CURVE = ("up to triples", "GRU, both directions")
TAGGERS = ("window of 1", "window of 3", "window of 5", "SimpleRNN", "both directions")
TRANSLATORS = ("most frequent characters", "encoder and decoder")


# --- the language of a name ----------------------------------------------------------------------


class Counts:
    """Naive Bayes on runs of characters, chapter 1's ``Counter`` in scikit-learn's words."""

    def __init__(self, longest: int) -> None:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.naive_bayes import MultinomialNB
        from sklearn.pipeline import make_pipeline

        self.model = make_pipeline(
            CountVectorizer(analyzer="char", ngram_range=(1, longest), lowercase=False),
            MultinomialNB(alpha=0.1),
        )

    @staticmethod
    def text(names: Sequence[str]) -> list[str]:
        """^ begins, $ ends a name."""
        return [f"^{name.lower()}$" for name in names]

    def fit(self, names: Sequence[str], labels: np.ndarray) -> Counts:
        self.model.fit(self.text(names), labels)
        return self

    def predict(self, names: Sequence[str]) -> np.ndarray:
        return self.model.predict(self.text(names))

    def count_params(self) -> int:
        bayes = self.model[-1]
        return bayes.feature_log_prob_.size + bayes.class_log_prior_.size


def network(kind: str, vocabulary: int, classes: int, length: int = LENGTH) -> Any:
    """The Keras model of a name in ``NETWORKS``, without its optimiser."""
    from keras import Input, Sequential, layers

    masked = kind not in ("dense, flattened", "convolution")  # those two read padding as zeros
    middle = {
        "dense, bag": lambda: [
            layers.GlobalAveragePooling1D(),
            layers.Dense(64, activation="relu"),
        ],
        "dense, flattened": lambda: [layers.Flatten(), layers.Dense(64, activation="relu")],
        "convolution": lambda: [
            layers.Conv1D(64, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling1D(),
        ],
        "SimpleRNN": lambda: [layers.SimpleRNN(64)],
        "GRU": lambda: [layers.GRU(64)],
        "LSTM": lambda: [layers.LSTM(64)],
        "GRU, 2 layers": lambda: [layers.GRU(64, return_sequences=True), layers.GRU(64)],
        "GRU, both directions, 2 x 32": lambda: [layers.Bidirectional(layers.GRU(32))],
        "GRU, both directions": lambda: [layers.Bidirectional(layers.GRU(64))],
    }[kind]()
    return Sequential(
        [
            Input((length,), dtype="int64"),
            layers.Embedding(vocabulary, 32, mask_zero=masked),
            *middle,
            layers.Dense(classes, activation="softmax"),
        ]
    )


def train(
    kind: str, known: data.Names, test: data.Names, seed: int, epochs: int = EPOCHS
) -> dict[str, Any]:
    """A network on the names in ``known``; parameters, accuracy on ``test`` and seconds."""
    import keras

    alphabet = data.Alphabet(name.lower() for name in known.names)
    x, x_test = (
        alphabet.encode([name.lower() for name in part.names], LENGTH) for part in (known, test)
    )
    keras.utils.set_random_seed(seed)
    model = network(kind, len(alphabet), len(known.languages))
    updates = epochs * -(-len(x) // BATCH)
    falling = keras.optimizers.schedules.PolynomialDecay(RATE, updates, end_learning_rate=0.0)
    model.compile(keras.optimizers.Adam(falling), "sparse_categorical_crossentropy")
    cpu, wall = [], []
    for _ in range(epochs):
        start = time.process_time(), time.perf_counter()
        model.fit(x, known.labels, batch_size=BATCH, verbose=0)
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    right = model.predict(x_test, verbose=0, batch_size=2048).argmax(axis=1) == test.labels
    return {
        "examples": len(x),
        "parameters": model.count_params(),
        "accuracy": f"{right.mean():.4f}",
        "cpu_seconds": f"{np.median(cpu):.3f}",
        "wall_seconds": f"{np.median(wall):.3f}",
    }


def count(longest: int, known: data.Names, test: data.Names) -> dict[str, Any]:
    """Like ``train``, for ``Counts``."""
    start = time.process_time(), time.perf_counter()
    model = Counts(longest).fit(known.names, known.labels)
    cpu, wall = time.process_time() - start[0], time.perf_counter() - start[1]
    return {
        "examples": len(known),
        "parameters": model.count_params(),
        "accuracy": f"{(model.predict(test.names) == test.labels).mean():.4f}",
        "cpu_seconds": f"{cpu:.3f}",
        "wall_seconds": f"{wall:.3f}",
    }


def majority(known: data.Names, test: data.Names) -> dict[str, Any]:
    """Always the most frequent language."""
    right = test.labels == np.bincount(known.labels).argmax()
    return {"examples": len(known), "parameters": 0, "accuracy": f"{right.mean():.4f}"}


def other_names() -> data.Names:
    """Names of currencies, units, time zones and variants in the twelve languages.

    Strings of 4 and more characters that only one of the languages uses, each once; keys are
    CLDR's, so that nothing of ``data.names()`` is among them. Source: CLDR, through Babel.
    """
    from babel import Locale

    users: dict[str, set[str]] = {}
    rows: dict[str, tuple[str, int, str]] = {}
    for label, language in enumerate(data.LANGUAGES):
        for key, text in _other(Locale(language)):
            if len(text) >= 4:
                users.setdefault(text.casefold(), set()).add(language)
                rows.setdefault(text.casefold(), (text, label, key))
    for name, label in zip(data.names().names, data.names().labels, strict=True):
        users.setdefault(name.casefold(), set()).add(data.LANGUAGES[label])
        rows.pop(name.casefold(), None)  # it is in data.names() already
    kept = [row for folded, row in rows.items() if len(users[folded]) == 1]
    texts, labels, keys = (list(column) for column in zip(*kept, strict=True))
    return data.Names(texts, np.array(labels, dtype=np.int64), keys, data.LANGUAGES)


def _other(locale: Any) -> list[tuple[str, str]]:
    """(key, text) of one locale."""
    found = [
        (f"{kind}/{key}", text)
        for kind in ("currencies", "variants")
        for key, text in sorted(getattr(locale, kind).items())
    ]
    for kind in ("time_zones", "meta_zones"):
        for key, zone in sorted(getattr(locale, kind).items()):
            found += [(f"zones/{key}", text) for text in (zone.get("long") or {}).values()]
            found += [(f"zones/{key}", zone["city"])] if "city" in zone else []
    for key, forms in sorted(locale.unit_display_names.items()):
        texts = [forms] if isinstance(forms, str) else forms.values()
        found += [(f"units/{key}", text) for text in texts]
    return found


def part(known: data.Names, amount: int | str, seed: int) -> data.Names:
    """So many of the training names at random; all; or all and the other names as well."""
    if amount == "all":
        return known
    if amount == "more":
        other = other_names()
        return data.Names(
            [*known.names, *other.names],
            np.concatenate([known.labels, other.labels]),
            [*known.keys, *other.keys],
            known.languages,
        )
    return known.take(np.random.default_rng(seed).permutation(len(known))[: int(amount)])


def language(model: str, amount: int | str, seed: int) -> dict[str, Any]:
    """One training on the language of a name."""
    everything, test = data.split(data.names(), seed=seed)
    known = part(everything, amount, seed)
    if model == "majority":
        return majority(known, test)
    if model in COUNTS:
        return count(COUNTS[model], known, test)
    epochs = max(EPOCHS, round(EPOCHS * len(everything) / len(known)))
    return train(model, known, test, seed, epochs)


# --- tags and translations of dates --------------------------------------------------------------


def tagged(seed: int, train: int = 1000, test: int = 400) -> tuple[data.Dates, int]:
    """Chapter 10's dates, and how many of them are for training."""
    return data.dates(train + test, seed=seed), train


def window_tags(dates: data.Dates, train: int, width: int) -> list[np.ndarray]:
    """Count the tags of every window of characters; predict the most frequent one.

    A window that training did not have is cut by one character on each side, until it had.
    """
    tables: list[dict[str, Counter[int]]] = [{} for _ in range(width + 1)]

    def windows(text: str, t: int) -> list[str]:
        whole = "^" * width + text + "$" * width
        return [whole[t + width - k : t + width + k + 1] for k in range(width + 1)]

    for text, tags in zip(dates.texts[:train], dates.tags[:train], strict=True):
        for t, tag in enumerate(tags):
            for table, window in zip(tables, windows(text, t), strict=True):
                table.setdefault(window, Counter())[int(tag)] += 1

    def predict(text: str, t: int) -> int:
        pairs = list(zip(tables, windows(text, t), strict=True))
        for table, window in reversed(pairs):
            if window in table:
                return table[window].most_common(1)[0][0]
        return 0

    return [np.array([predict(s, t) for t in range(len(s))]) for s in dates.texts[train:]]


def network_tags(
    dates: data.Dates, train: int, direction: str, units: int, seed: int
) -> tuple[list[np.ndarray], int, float]:
    """Chapter 10's network: tags of the test dates, parameters, CPU seconds of an epoch."""
    alphabet = data.Alphabet(dates.texts[:train])
    tokens = alphabet.encode(dates.texts, max(map(len, dates.texts)))
    tags = np.zeros_like(tokens)
    for row, tag in zip(tags, dates.tags, strict=True):
        row[: len(tag)] = tag
    net = Network(
        len(alphabet), len(data.TAGS), embed=16, units=(units,), direction=direction,
        every_step=True, seed=seed,
    )  # fmt: skip
    start = time.process_time()
    net.fit(tokens[:train], tags[:train], epochs=12, rate=0.01)
    cpu = (time.process_time() - start) / 12
    found = net.probabilities(tokens[train:]).argmax(axis=-1)
    own = [row[: len(text)] for row, text in zip(found, dates.texts[train:], strict=True)]
    return own, net.count_params(), cpu


def tags(model: str, seed: int) -> dict[str, Any]:
    """One training on the tags of dates."""
    dates, known = tagged(seed)
    row: dict[str, Any] = {}
    if model.startswith("window"):
        found = window_tags(dates, known, int(model.split()[-1]))
    else:
        direction, units = {"SimpleRNN": ("forward", 64), "both directions": ("both", 32)}[model]
        found, parameters, cpu = network_tags(dates, known, direction, units, seed)
        row |= {"parameters": parameters, "cpu_seconds": f"{cpu:.3f}"}
    right = [a == b for a, b in zip(found, dates.tags[known:], strict=True)]
    return row | {
        "examples": known,
        "accuracy": f"{np.concatenate(right).mean():.4f}",
        "whole": f"{np.mean([r.all() for r in right]):.4f}",
    }


def translated(model: str, seed: int) -> dict[str, Any]:
    """One training on dates in English, German and French to ISO dates, chapter 3's."""
    options: dict[str, Any] = {"locales": ("en_GB", "de", "fr"), "formats": ("long",)}
    known, new = (
        data.dates(6000, seed=seed, **options),
        data.dates(400, seed=1000 + seed, **options),
    )
    seen = set(known.iso)
    pairs = [(t, iso) for t, iso in zip(new.texts, new.iso, strict=True) if iso not in seen]
    row: dict[str, Any] = {"examples": len(known)}
    if model == "most frequent characters":
        most = "".join(Counter(column).most_common(1)[0][0] for column in zip(*known.iso))
        answers = [most] * len(pairs)
    else:
        start = time.process_time()
        answers = _translations(known, [text for text, _ in pairs], seed)
        row["cpu_seconds"] = f"{(time.process_time() - start) / 5:.3f}"
    right = [[a == b for a, b in zip(own, iso)] for own, (_, iso) in zip(answers, pairs)]
    return row | {
        "accuracy": f"{np.mean(right):.4f}",
        "whole": f"{np.mean([all(r) for r in right]):.4f}",
    }


def _translations(known: data.Dates, texts: Sequence[str], seed: int) -> list[str]:
    """An encoder and a decoder, SimpleRNNs of 128 units, write the dates of ``texts``."""
    source, target = data.Alphabet(known.texts), data.Alphabet(known.iso)
    reads, writes, (V, c) = wirings.translator(
        known.texts, known.iso, source, target, data.UNKNOWN, epochs=5, seed=seed
    )
    answers = []
    for text in texts:
        x = reads.E[source.encode([text], len(text))]
        h = training.forward(x, np.zeros((1, len(reads.b))), reads.W, reads.U, reads.b)[:, -1]
        token, written = np.array([data.UNKNOWN]), []
        for _ in range(10):
            h = np.tanh(writes.E[token] @ writes.W + h @ writes.U + writes.b)
            token = (h @ V + c).argmax(axis=-1)
            written.append(int(token[0]))
        answers.append(target.decode(np.array(written)).ljust(10))
    return answers


# --- everything ----------------------------------------------------------------------------------


def plan(seed: int) -> list[tuple[str, str, int | str, Callable[[], dict[str, Any]]]]:
    """(task, model, amount, what to run) of one seed."""
    pairs = [(model, "all") for model in ("majority", *COUNTS, *NETWORKS)]
    pairs += [(model, amount) for amount in AMOUNTS if amount != "all" for model in CURVE]
    return [
        *(("language", m, a, partial(language, m, a, seed)) for m, a in pairs),
        *(("tags", m, "all", partial(tags, m, seed)) for m in TAGGERS),
        *(("iso", m, "all", partial(translated, m, seed)) for m in TRANSLATORS),
    ]


def main() -> None:
    from experiments.recording import Record

    runs.quiet_tensorflow()
    import keras

    record = Record("wrap_up", COLUMNS, ("task", "model", "amount", "seed"))
    todo = [(seed, *step) for seed in SEEDS for step in plan(seed)]
    todo.sort(key=lambda step: AMOUNTS[step[3]])  # the table of all models comes first
    for seed, task, model, amount, run in todo:
        about = {"task": task, "model": model, "amount": amount, "seed": seed}
        if not record.has(**about):
            record.add(about | run())
            keras.backend.clear_session()


if __name__ == "__main__":
    main()
