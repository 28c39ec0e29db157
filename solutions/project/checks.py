"""Checks of `project`: tell the language of a name.

`encode` is compared with `keras.layers.TextVectorization`. `baseline` and `build_model` are scored by
their accuracy on names from Unicode CLDR, which Babel provides when the hidden set is built; public
cases hold made-up names only. The thresholds rest on `accuracies.csv`, see `measure.py`.
"""

import keras
import numpy as np
from keras import layers
from project.names import model_task, task

from autograder.authoring import Accuracy, Assignment, Case, Check, Group, Misconception

# From accuracies.csv, ten splits and seeds each, mean and standard deviation. Full credit is below what a
# fair attempt reaches in 99 of 100 runs: counting pairs of letters (0.781, 0.015); one masked
# LSTM (0.744, 0.018) or GRU (0.755, 0.015). A good model, a bidirectional GRU, is at
# 0.798 (0.017). No credit is well above guessing, 0.124.
BASELINE = Accuracy(low=0.30, high=0.70)
MODEL = Accuracy(low=0.40, high=0.68)

# --------------------------------------------------------------------------- inputs

LETTERS = "abcdefghijklmnoprstuvwxyzäçéñöüčłőşž "


def made_up(rng, letters, count, low=3, high=9):
    """Names made of these letters."""
    return ["".join(rng.choice(list(letters), rng.integers(low, high))) for _ in range(count)]


def encode_case(slot, group, rng, count, length, unknown="", longest=9, letters=LETTERS):
    shuffled = list(rng.permutation(list(letters)))
    vocabulary = [str(letter) for letter in shuffled[: len(letters) * 2 // 3]]
    names = made_up(rng, vocabulary + list(unknown), count, 2, longest)
    if unknown:
        names[0] = names[0][:1] + unknown[0] + names[0][1:]
    return Case(slot, group, names, vocabulary, length)


def encode_cases(rng):
    yield encode_case("names shorter than the length", "typical", rng, 5, 12)
    yield encode_case("letters that are not in the vocabulary", "typical", rng, 6, 10, "ΩЖ")
    case = encode_case(
        "capital letters in the vocabulary", "typical", rng, 6, 11, letters="aAbBcCdDeE"
    )
    case.args[0][0] = "aAbB"
    case.args[1].extend(sorted(set("aAbB") - set(case.args[1])))
    yield case
    yield encode_case("names longer than the length", "edge", rng, 6, 4, longest=11)
    yield encode_case("one name, one token", "edge", rng, 1, 1)
    yield encode_case("some names longer, unknown letters", "edge", rng, 7, 6, "ΩЖ", longest=13)


def clear_cut(slot, rng, sizes, unseen=False):
    """Languages with letters of their own, and a few that all of them share."""
    own = rng.permutation(list("bcdfghjklmnpqrstvwxz"))[: 5 * len(sizes)].reshape(len(sizes), 5)
    rows = []
    for label, count in enumerate(sizes):
        for name in made_up(rng, own[label], count + 4, 4, 8):
            shared = str(rng.choice(list("aeo")))
            rows.append((shared + name[:2] + str(rng.choice(list("aeo"))) + name[2:], label))
    starts = np.cumsum([0] + [count + 4 for count in sizes[:-1]])
    tested = {int(start) + k for start in starts for k in range(4)}
    train = [row for k, row in enumerate(rows) if k not in tested]
    test = [row for k, row in enumerate(rows) if k in tested]
    train = [train[k] for k in rng.permutation(len(train))]
    test = [test[k] for k in rng.permutation(len(test))]
    names = [name + "ø" if unseen else name for name, _ in test]
    labels = np.array([label for _, label in train], dtype=np.int64)
    return Case(slot, "clear", [name for name, _ in train], labels, names)


def baseline_cases(rng):
    yield clear_cut("three languages with letters of their own", rng, (30, 42, 35))
    yield clear_cut(
        "four languages, a letter never seen before", rng, (40, 30, 36, 50), unseen=True
    )
    data = task(int(rng.integers(2**31)))
    yield Case(
        "names in twelve languages",
        "accuracy",
        data.train_names,
        data.train_labels,
        data.test_names,
        expects=data.test_labels,
        score=BASELINE,
        public=False,
    )


def model_cases(rng):
    yield Case("40 tokens, 3 languages", "form", 40, 3)
    yield Case("a large vocabulary, 12 languages", "form", 170 + int(rng.integers(30)), 12)
    data = model_task(int(rng.integers(2**31)))
    yield Case(
        "names in twelve languages",
        "accuracy",
        *data.sizes,
        expects=data.expected,
        score=MODEL,
        public=False,
        **data.arguments,
    )


# --------------------------------------------------------------------------- references


def encode(names, vocabulary, length):
    layer = layers.TextVectorization(
        standardize=None, split="character", vocabulary=vocabulary, output_sequence_length=length
    )
    return np.asarray(layer(names), dtype=np.int64)


def baseline(train_names, train_labels, test_names):
    """For the clear-cut cases: the language whose own letters a name has."""
    users = {}
    for name, label in zip(train_names, train_labels.tolist()):
        for letter in name:
            users.setdefault(letter, set()).add(label)
    own = {letter: next(iter(labels)) for letter, labels in users.items() if len(labels) == 1}
    found = [{own[letter] for letter in name if letter in own} for name in test_names]
    assert all(len(labels) == 1 for labels in found), "a name has letters of several languages"
    return np.array([labels.pop() for labels in found], dtype=np.int64)


def build_model(vocab_size, n_languages, **data):
    """What the driver says of a model that is fit to be trained."""
    return ["a compiled Keras model", f"5x{n_languages}", "rewards the right label"]


# --------------------------------------------------------------------------- misconceptions


def encode_right(names, vocabulary, length, pad=0, unknown=1, first=2):
    place = {letter: k for k, letter in enumerate(vocabulary, first)}
    tokens = np.full((len(names), length), pad, dtype=np.int64)
    for row, name in zip(tokens, names):
        known = [place.get(letter, unknown) for letter in name[:length]]
        row[: len(known)] = known
    return tokens


def encode_left(names, vocabulary, length):
    tokens = np.zeros((len(names), length), dtype=np.int64)
    for row, name in zip(tokens, names):
        known = encode_right([name[:length]], vocabulary, len(name[:length]))[0]
        row[length - len(known) :] = known
    return tokens


def encode_not_cut(names, vocabulary, length):
    return encode_right(names, vocabulary, max(length, *map(len, names), 0))


def encode_filled(names, vocabulary, length):
    tokens = np.zeros((len(names), length), dtype=np.int64)
    for i, name in enumerate(names):
        for k, letter in enumerate(name):
            tokens[i, k] = encode_right([letter], vocabulary, 1)[0, 0]
    return tokens


def encode_dropping(names, vocabulary, length):
    kept = ["".join(letter for letter in name if letter in vocabulary) for name in names]
    return encode_right(kept, vocabulary, length)


def encode_strict(names, vocabulary, length):
    tokens = np.zeros((len(names), length), dtype=np.int64)
    for row, name in zip(tokens, names):
        known = [vocabulary.index(letter) + 2 for letter in name[:length]]
        row[: len(known)] = known
    return tokens


ENCODE = [
    Misconception(
        "padded_left",
        encode_left,
        "the padding stands in front of the names. Here it follows them, on the right.",
    ),
    Misconception(
        "from_0",
        lambda names, vocabulary, length: encode_right(names, vocabulary, length, first=0),
        "the first letter of the vocabulary got token 0, which is the padding. Two tokens are taken: 0 and "
        "1.",
    ),
    Misconception(
        "from_1",
        lambda names, vocabulary, length: encode_right(names, vocabulary, length, first=1),
        "the first letter of the vocabulary got token 1, which stands for unknown letters. The letters "
        "begin at 2.",
    ),
    Misconception(
        "unknown_is_padding",
        lambda names, vocabulary, length: encode_right(names, vocabulary, length, unknown=0),
        "unknown letters got token 0, as if nothing stood there. They have a token of their own.",
    ),
    Misconception(
        "padding_is_unknown",
        lambda names, vocabulary, length: encode_right(names, vocabulary, length, 1, 0),
        "padding and unknown letters have changed places: padding is 0, unknown is 1.",
    ),
    Misconception(
        "unknown_dropped",
        encode_dropping,
        "unknown letters are left out, and the rest of the name moves up. Each letter keeps its place.",
    ),
    Misconception(
        "unknown_crashes",
        encode_strict,
        "a letter that is not in the vocabulary ends in an error. New names will have such letters: they "
        "get token 1.",
    ),
    Misconception(
        "too_long_crashes",
        encode_filled,
        "a name longer than `length` ends in an error. Cut it.",
    ),
    Misconception(
        "not_cut",
        encode_not_cut,
        "the rows are as long as the longest name. They are `length` long: cut what is longer.",
    ),
    Misconception(
        "longest_name",
        lambda names, vocabulary, length: encode_right(
            names, vocabulary, min(length, max(map(len, names)))
        ),
        "the rows are as long as the longest name. They are `length` long: fill up with padding.",
    ),
    Misconception(
        "end_kept",
        lambda names, vocabulary, length: encode_right(
            [name[-length:] for name in names], vocabulary, length
        ),
        "of a name that is too long you keep the end. Keep its beginning.",
    ),
    Misconception(
        "sorted_vocabulary",
        lambda names, vocabulary, length: encode_right(names, sorted(vocabulary), length),
        "the letters are numbered in alphabetical order. Number them in the order of `vocabulary`.",
    ),
    Misconception(
        "lower_case",
        lambda names, vocabulary, length: encode_right(
            [name.lower() for name in names], vocabulary, length
        ),
        "capital letters became small ones. They are letters of the vocabulary like any other.",
    ),
    Misconception(
        "backwards",
        lambda names, vocabulary, length: encode_right(
            [name[::-1] for name in names], vocabulary, length
        ),
        "the names are written backwards.",
    ),
    Misconception(
        "list_returned",
        lambda names, vocabulary, length: encode_right(names, vocabulary, length).tolist(),
        "the numbers are right, but they come as lists. Make one array of them, (N, length).",
    ),
    Misconception(
        "floats",
        lambda names, vocabulary, length: encode_right(names, vocabulary, length) + 0.0,
        "the tokens are floating-point numbers. Give the array an integer dtype.",
    ),
]


def scores(train_names, train_labels, test_names, smoothing=0.3):
    """Naive Bayes on letters: log probabilities, (N, K)."""
    classes = int(max(train_labels)) + 1
    counts = {}
    for name, label in zip(train_names, train_labels):
        for letter in name:
            counts.setdefault(letter, np.zeros(classes))[label] += 1
    total = sum(counts.values()) + smoothing * len(counts)
    return np.array(
        [
            sum(np.log((counts.get(letter, 0) + smoothing) / total) for letter in name)
            for name in test_names
        ]
    )


def by_first_letter(train_names, train_labels, test_names):
    first = [name[0] for name in train_names]
    return scores(first, train_labels, [name[0] for name in test_names]).argmax(axis=1)


def by_length(train_names, train_labels, test_names):
    lengths = np.array([len(name) for name in train_names])
    return np.array([train_labels[np.abs(lengths - len(name)).argmin()] for name in test_names])


def by_last_letter(train_names, train_labels, test_names):
    """The most frequent language among names with the same last letter."""
    found = {}
    for name, label in zip(train_names, train_labels.tolist()):
        found.setdefault(name[-1], []).append(label)
    return np.array([np.bincount(found[name[-1]]).argmax() for name in test_names])


def looked_up(train_names, train_labels, test_names):
    known = dict(zip(train_names, train_labels.tolist()))
    return np.array([known.get(name, 0) for name in test_names])


def right_labels(train_names, train_labels, test_names):
    return scores(train_names, train_labels, test_names).argmax(axis=1)


def no_smoothing(train_names, train_labels, test_names):
    with np.errstate(all="ignore"):
        return scores(train_names, train_labels, test_names, smoothing=0.0).argmax(axis=1)


COUNTED = [
    Misconception(
        "majority",
        lambda names, labels, test: np.full(len(test), np.bincount(labels).argmax()),
        "every name gets the same label, the most frequent one. Nothing of the name is used.",
    ),
    Misconception(
        "looked_up",
        looked_up,
        "names are looked up among the training names, and all others get label 0. The test names are new: look "
        "at what they are made of.",
    ),
    Misconception(
        "first_letter",
        by_first_letter,
        "only the first letter of a name decides. The others say more.",
    ),
    Misconception(
        "unseen_crashes",
        by_last_letter,
        "something that was never seen in training ends in an error, or only the last letter decides. Every "
        "name must get a label.",
    ),
    Misconception(
        "length",
        by_length,
        "the length of a name decides. Its letters say more.",
    ),
    Misconception(
        "least_likely",
        lambda names, labels, test: scores(names, labels, test).argmin(axis=1),
        "every name gets the language that fits least. Is a sign wrong, or argmin taken for argmax?",
    ),
    Misconception(
        "no_smoothing",
        no_smoothing,
        "a letter that was never seen with a language gives it probability 0, the logarithm of that is infinite, "
        "and then no comparison works. Give what was never seen a small count.",
    ),
    Misconception(
        "from_1",
        lambda names, labels, test: right_labels(names, labels, test) + 1,
        "every label is one too large: the first language is 0.",
    ),
    Misconception(
        "scores",
        scores,
        "you return a score for every language. Return one label a name: the language with the best score.",
    ),
    Misconception(
        "sorted_test",
        lambda names, labels, test: right_labels(names, labels, sorted(test)),
        "the labels are right, but in another order than the test names. Is something sorted?",
    ),
    Misconception(
        "training_labels",
        lambda names, labels, test: right_labels(names, labels, names),
        "there is a label for every training name. Wanted is one for every test name.",
    ),
    Misconception(
        "floats",
        lambda names, labels, test: right_labels(names, labels, test) + 0.0,
        "the labels are floating-point numbers. Return integers.",
    ),
]


def model(
    *parts, loss="sparse_categorical_crossentropy", compiled=True, outputs=0, activation="softmax"
):
    """A model function from parts that can be wrong."""

    def build(vocab_size, n_languages):
        made = [part(vocab_size) for part in parts]
        last = layers.Dense(n_languages + outputs, activation=activation)
        built = keras.Sequential([keras.Input((None,), dtype="int64"), *made, last])
        if compiled:
            built.compile("adam", loss)
        return built

    return build


def embedding(vocab_size):
    return layers.Embedding(vocab_size, 16, mask_zero=True)


def small_embedding(vocab_size):
    return layers.Embedding(vocab_size - 2, 16)


def unmasked_embedding(vocab_size):
    return layers.Embedding(vocab_size, 16)


def gru(vocab_size):
    return layers.GRU(16)


def gru_sequences(vocab_size):
    return layers.GRU(16, return_sequences=True)


def flattened(vocab_size, n_languages):
    built = keras.Sequential(
        [
            layers.Embedding(vocab_size, 16),
            layers.Flatten(),
            layers.Dense(n_languages, activation="softmax"),
        ]
    )
    built.compile("adam", "sparse_categorical_crossentropy")
    return built


def nothing(vocab_size, n_languages):
    model(embedding, gru)(vocab_size, n_languages)


MODELS = [
    Misconception(
        "not_compiled",
        model(embedding, gru, compiled=False),
        "the model is not compiled: it has no loss and no optimizer to be trained with.",
    ),
    Misconception(
        "nothing_returned",
        nothing,
        "the model is made, but not returned.",
    ),
    Misconception(
        "pair_returned",
        lambda v, n: (model(embedding, gru)(v, n), None),
        "you return something besides the model. The grader trains it; return the model alone.",
    ),
    Misconception(
        "an_output_a_letter",
        model(embedding, gru_sequences),
        "there is an answer for every letter. One is wanted for each name: what does the recurrent layer "
        "hand on?",
    ),
    Misconception(
        "one_output",
        lambda v, n: model(embedding, gru, outputs=1 - n, activation="sigmoid")(v, n),
        "there is one output a name, as for a yes-or-no question. Every language needs an output of its own.",
    ),
    Misconception(
        "an_output_too_many",
        model(embedding, gru, outputs=1),
        "there is one output too many. Labels are 0 to n_languages - 1.",
    ),
    Misconception(
        "vocabulary_too_small",
        model(small_embedding, gru),
        "the embedding has too few rows. vocab_size counts all tokens, padding and unknown too.",
    ),
    Misconception(
        "fixed_length",
        flattened,
        "the model takes names of one length only. How many letters a name has is not among the arguments; "
        "flattening needs to know.",
    ),
    Misconception(
        "one_hot_loss",
        model(embedding, gru, loss="categorical_crossentropy"),
        "this loss wants labels written as vectors of 0 and 1. Ours are integers: there is a `sparse` one "
        "for them.",
    ),
    Misconception(
        "squared_error",
        model(embedding, gru, loss="mse"),
        "the loss is one for predicting quantities. Languages are classes, and label 4 is not twice label 2.",
    ),
    Misconception(
        "no_softmax",
        model(embedding, gru, activation=None),
        "the outputs are no probabilities, but the loss takes them for such. Add what makes probabilities of "
        "them, or tell the loss that it gets logits.",
    ),
]


# --------------------------------------------------------------------------- right, but different


def encode_by_columns(names, vocabulary, length):
    tokens = np.zeros((len(names), length), dtype=np.int32)
    for k in range(length):
        for i, name in enumerate(names):
            if k < len(name):
                tokens[i, k] = vocabulary.index(name[k]) + 2 if name[k] in vocabulary else 1
    return tokens


def encode_padded_text(names, vocabulary, length):
    place = {"\0": 0, **{letter: k + 2 for k, letter in enumerate(vocabulary)}}
    return np.array(
        [[place.get(letter, 1) for letter in name[:length].ljust(length, "\0")] for name in names]
    )


def pairs(name):
    text = f"^{name}$"
    return [text[k : k + 2] for k in range(len(text) - 1)]


def baseline_pairs(train_names, train_labels, test_names):
    return right_labels(list(map(pairs, train_names)), train_labels, list(map(pairs, test_names)))


def baseline_neighbours(train_names, train_labels, test_names):
    """The languages of the training names that share the most, weighted, letter pairs."""
    index, weights = {}, {}
    for i, name in enumerate(train_names):
        for pair in set(pairs(name) + list(name)):
            index.setdefault(pair, []).append(i)
    for pair, rows in index.items():
        weights[pair] = np.log(1 + len(train_names) / len(rows))
    answers = []
    for name in test_names:
        likeness = np.zeros(len(train_names))
        for pair in set(pairs(name) + list(name)):
            likeness[index.get(pair, [])] += weights.get(pair, 0)
        best = np.argsort(likeness)[-15:]
        answers.append(int(np.bincount(train_labels[best], likeness[best] ** 2).argmax()))
    return answers


def runs(name):
    """The pairs and triples of letters of a name, its ends marked."""
    text = f"^{name.lower()}$"
    return [text[k : k + size] for size in (2, 3) for k in range(len(text) - size + 1)]


def baseline_centroids(train_names, train_labels, test_names):
    """The language whose mean profile of letter pairs and triples is nearest, by the angle between them."""
    place = {run: k for k, run in enumerate(sorted({p for n in train_names for p in runs(n)}))}

    def profiles(names):
        counts = np.zeros((len(names), len(place)), dtype=np.float32)
        for row, name in zip(counts, names):
            for run in runs(name):
                if run in place:
                    row[place[run]] += 1
        return counts

    train = profiles(train_names)
    rare = np.log(len(train_names) / (train > 0).sum(axis=0))
    labels = np.arange(train_labels.max() + 1)
    means = np.stack([train[train_labels == k].mean(axis=0) * rare for k in labels])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return (profiles(test_names) * rare @ means.T).argmax(axis=1)


def functional_lstm(vocab_size, n_languages):
    tokens = keras.Input((None,))
    h = layers.Embedding(vocab_size, 32, mask_zero=True)(tokens)
    h = layers.LSTM(64)(h)
    built = keras.Model(tokens, layers.Dense(n_languages)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    built.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    return built


ASSIGNMENT = Assignment(
    name="project",
    allows=["numpy", "matplotlib", "tensorflow", "keras"],
    checks=[
        Check(
            name="encode",
            points=4,
            returns=["tokens (N, length)"],
            groups=[
                Group("typical", "short names, unknown letters", 2),
                Group("edge", "names that are too long, a single one", 2),
            ],
            cases=encode_cases,
            reference=encode,
            misconceptions=ENCODE,
            right={
                "column by column": encode_by_columns,
                "text filled up first": encode_padded_text,
                "the parts of this file": encode_right,
            },
        ),
        Check(
            name="baseline",
            points=6,
            returns=["the labels (N,)"],
            groups=[
                Group("clear", "languages with letters of their own", 1),
                Group("accuracy", "accuracy on names never seen", 5),
            ],
            cases=baseline_cases,
            reference=baseline,
            misconceptions=COUNTED,
            driver="labels_of",
            right={
                "pairs of letters": baseline_pairs,
                "neighbours that share rare pairs": baseline_neighbours,
                "the nearest mean profile": baseline_centroids,
            },
            # A baseline may well be a model that trains for seconds.
            calls=1,
            variants=2,
        ),
        Check(
            name="build_model",
            points=12,
            returns=["what build_model returns", "the output for 5 names", "the loss"],
            groups=[
                Group("form", "a compiled model that can be trained", 2),
                Group("accuracy", "accuracy on names never seen, after training", 10),
            ],
            cases=model_cases,
            reference=build_model,
            misconceptions=MODELS,
            right={"functional, LSTM, logits": functional_lstm},
            driver="model_of",
            # Training takes 5 to 30 s of processor time, so once; and on one split, so that every
            # model of a class learns from the same names.
            calls=1,
            variants=1,
        ),
    ],
)
