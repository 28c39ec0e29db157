"""Checks of `keras_rnn`: models of an embedding and simple recurrent layers.

The driver sets given weights on the returned model and runs it on given tokens. The reference is
`keras.layers.SimpleRNN` in float64, one layer after the other, on rows of the embedding matrix;
models run in float32, hence the tolerance.
"""

import keras
import numpy as np
from keras import layers
from keras_layers import simple_rnn

from autograder.authoring import Assignment, Case, Check, Group, Misconception

# float32 keeps 7 digits; a few timesteps of sums of a few terms cost about one of them.
TOLERANCE = 1e-5

# --------------------------------------------------------------------------- inputs


def weights(rng, vocab_size, embed_dim, units, depth):
    """Signed weights of an embedding and `depth` simple layers, not saturating, as float32 values."""
    result = [rng.normal(0, 1, (vocab_size, embed_dim))]
    for D in [embed_dim] + [units] * (depth - 1):
        result.append(rng.normal(0, 0.8 / np.sqrt(D), (D, units)))
        result.append(rng.normal(0, 0.8 / np.sqrt(units), (units, units)))
        result.append(rng.normal(0, 0.3, units))
    # Rounded, so that the model in float32 and the reference in float64 start from equal numbers.
    return [w.astype(np.float32).astype(np.float64) for w in result]


def model_case(slot, group, rng, B, T, *sizes, **options):
    depth = sizes[3] if len(sizes) > 3 else 1
    tokens = rng.integers(0, sizes[0], (B, T))
    tokens[-1, -1] = 0  # token 0 is a token like any other, also at the end
    given = weights(rng, *sizes[:3], depth)
    return Case(slot, group, *sizes, tolerance=TOLERANCE, weights=given, tokens=tokens, **options)


def single_cases(rng):
    yield model_case("a small model", "typical", rng, 3, 5, 12, 4, 6)
    yield model_case("one sequence, one feature", "edge", rng, 1, 4, 10, 1, 3)


def stacked_cases(rng):
    every = {"return_sequences": True}
    yield model_case("two layers, flag by position", "last", rng, 3, 5, 12, 4, 6, 2, False)
    yield model_case("three layers, every output", "sequences", rng, 2, 5, 10, 3, 4, 3, **every)
    yield model_case("one layer, one timestep", "one", rng, 4, 1, 9, 2, 5, 1)


def count_cases(rng):
    vocab_size, embed_dim, units, depth = (int(n) for n in rng.integers(3, 30, 4))
    yield Case("one layer", "one", 50 + vocab_size, embed_dim, units + embed_dim, 1)
    yield Case("the slide's model, 322,080", "one", 10_000, 32, 32, 1)
    yield Case("two layers", "stack", 40 + vocab_size, embed_dim + units, units, 2)
    yield Case("many layers", "stack", vocab_size, embed_dim, units + embed_dim, 3 + depth)
    yield Case("four layers of the slide, 328,320", "stack", 10_000, 32, 32, 4)


# --------------------------------------------------------------------------- references


def stack(weights, tokens, return_sequences):
    """Shapes, count and output of a stack of Keras layers with these weights."""
    sequence = weights[0][tokens]
    for k in range(1, len(weights), 3):
        W, U, b = weights[k : k + 3]
        sequence = simple_rnn(sequence, np.zeros((len(tokens), len(U))), W, U, b)
    shapes = " ".join("x".join(map(str, w.shape)) for w in weights)
    output = sequence if return_sequences else sequence[:, -1].copy()
    return shapes, sum(w.size for w in weights), output


def last_output_model(vocab_size, embed_dim, units, *, weights, tokens):
    return stack(weights, tokens, False)


def full_sequence_model(vocab_size, embed_dim, units, *, weights, tokens):
    return stack(weights, tokens, True)


def stacked_model(vocab_size, embed_dim, units, depth, return_sequences=False, *, weights, tokens):
    return stack(weights, tokens, return_sequences)


def stacked_param_count(vocab_size, embed_dim, units, depth):
    parts = [layers.Embedding(vocab_size, embed_dim)]
    parts[0].build((None, None))
    for k in range(depth):
        parts.append(layers.SimpleRNN(units))
        parts[-1].build((None, None, units if k else embed_dim))
    return sum(part.count_params() for part in parts)


# --------------------------------------------------------------------------- misconceptions: one layer


def sequential(*parts):
    return keras.Sequential([keras.Input((None,), dtype="int64"), *parts])


def single(sequences, cell=layers.SimpleRNN, embedding=layers.Embedding, after=(), **options):
    """A model function with one recurrent layer, made of parts that can be wrong."""

    def model(vocab_size, embed_dim, units):
        recurrent = cell(units, return_sequences=sequences, **options)
        return sequential(embedding(vocab_size, embed_dim), recurrent, *(part() for part in after))

    return model


def single_not_built(sequences):
    return lambda vocab_size, embed_dim, units: keras.Sequential(
        [
            layers.Embedding(vocab_size, embed_dim),
            layers.SimpleRNN(units, return_sequences=sequences),
        ]
    )


def single_without_embedding(sequences):
    return lambda vocab_size, embed_dim, units: keras.Sequential(
        [
            keras.Input((None, embed_dim)),
            layers.SimpleRNN(units, return_sequences=sequences),
        ]
    )


def single_classifier(sequences):
    return lambda vocab_size, embed_dim, units: sequential(
        layers.Embedding(vocab_size, embed_dim),
        layers.SimpleRNN(units, return_sequences=sequences),
        layers.Dense(vocab_size, activation="softmax"),
    )


def single_two_layers(sequences):
    return lambda vocab_size, embed_dim, units: sequential(
        layers.Embedding(vocab_size, embed_dim),
        layers.SimpleRNN(units, return_sequences=True),
        layers.SimpleRNN(units, return_sequences=sequences),
    )


def single_nothing_returned(vocab_size, embed_dim, units):
    single(False)(vocab_size, embed_dim, units)


def common(sequences):
    """Mistakes that both one-layer models share."""
    wrong = {
        "not_built": (
            single_not_built(sequences),
            "the model does not know its input yet, so it has no weights. Tell it what comes in: sequences "
            "of tokens of any length.",
        ),
        "sizes_exchanged": (
            lambda v, e, u: single(sequences)(v, u, e),
            "embed_dim and units have changed places: the embedding makes embed_dim features of each "
            "token, the recurrent layer has `units` units.",
        ),
        "embedding_exchanged": (
            lambda v, e, u: sequential(
                layers.Embedding(e, v), layers.SimpleRNN(u, return_sequences=sequences)
            ),
            "the embedding's two sizes have changed places: it has one row for every token of the "
            "vocabulary.",
        ),
        "one_token_more": (
            lambda v, e, u: single(sequences)(v + 1, e, u),
            "the embedding has one row too many. vocab_size counts all tokens, 0 to vocab_size - 1.",
        ),
        "token_0_masked": (
            single(sequences, embedding=lambda v, e: layers.Embedding(v, e, mask_zero=True)),
            "token 0 is skipped: mask_zero makes padding of it. Here it is a token like any other.",
        ),
        "no_embedding": (
            single_without_embedding(sequences),
            "there is no embedding: the recurrent layer cannot read token numbers.",
        ),
        "dense": (
            single_classifier(sequences),
            "there is another layer after the recurrent one. The model ends with the recurrent outputs.",
        ),
        "two_layers": (
            single_two_layers(sequences),
            "there are two recurrent layers; here one is wanted.",
        ),
        "lstm": (
            single(sequences, cell=layers.LSTM),
            "the recurrent layer is an LSTM: it has four times the weights. Here it is a SimpleRNN.",
        ),
        "bidirectional": (
            single(
                sequences,
                cell=lambda units, **flags: layers.Bidirectional(layers.SimpleRNN(units, **flags)),
            ),
            "the recurrent layer reads in both directions: it has twice the weights and twice the outputs.",
        ),
        "relu": (
            single(sequences, activation="relu"),
            "negative sums became 0: the activation is changed to ReLU. Keras' default, tanh, is right here.",
        ),
        "no_bias": (
            single(sequences, use_bias=False),
            "the recurrent layer has no bias. Keras adds one unless told otherwise.",
        ),
        "backwards": (
            single(sequences, go_backwards=True),
            "the sequence is read from its end. Timestep 0 comes first.",
        ),
        "nothing_returned": (
            single_nothing_returned,
            "the model is made, but not returned.",
        ),
    }
    return [Misconception(name, function, hint) for name, (function, hint) in wrong.items()]


def single_average(vocab_size, embed_dim, units):
    return single(True, after=[layers.GlobalAveragePooling1D])(vocab_size, embed_dim, units)


def single_with_state(vocab_size, embed_dim, units):
    tokens = keras.Input((None,), dtype="int64")
    embedded = layers.Embedding(vocab_size, embed_dim)(tokens)
    recurrent = layers.SimpleRNN(units, return_sequences=True, return_state=True)
    return keras.Model(tokens, recurrent(embedded))


LAST = [
    Misconception(
        "every_output",
        single(True),
        "the model gives the output of every timestep. Here only the last one is wanted.",
    ),
    Misconception(
        "mean_output",
        single_average,
        "the model gives the mean over all timesteps. The last output alone has read everything.",
    ),
    Misconception(
        "flattened",
        lambda v, e, u: sequential(
            layers.Embedding(v, e),
            layers.SimpleRNN(u, return_sequences=True),
            layers.GlobalMaxPooling1D(),
        ),
        "the model gives the maximum over all timesteps. The last output alone has read everything.",
    ),
    *common(False),
]

FULL = [
    Misconception(
        "last_output",
        single(False),
        "the model gives the last output only. Which argument of the recurrent layer asks for all of them?",
    ),
    Misconception(
        "state_too",
        single_with_state,
        "the model has two outputs, the sequence and the last state. return_state is not needed here.",
    ),
    Misconception(
        "softmax_in_time",
        single(True, after=[lambda: layers.Softmax(axis=1)]),
        "the outputs went through a softmax. The model ends with the recurrent outputs as they are.",
    ),
    *common(True),
]


# --------------------------------------------------------------------------- misconceptions: a stack


def stacked(
    inner=True,
    outer=lambda flag: flag,
    number=lambda depth: depth,
    width=lambda units, k: units,
    cell=layers.SimpleRNN,
    embedding=layers.Embedding,
    **options,
):
    """A stack made of parts that can be wrong."""

    def model(vocab_size, embed_dim, units, depth, return_sequences=False):
        parts, depth = [embedding(vocab_size, embed_dim)], number(depth)
        for k in range(depth):
            flag = inner if k < depth - 1 else outer(return_sequences)
            parts.append(cell(width(units, k), return_sequences=flag, **options))
        return sequential(*parts)

    return model


def stacked_shared(vocab_size, embed_dim, units, depth, return_sequences=False):
    """One layer object used at every level but the first, whose input has another size."""
    tokens = keras.Input((None,), dtype="int64")
    h = layers.Embedding(vocab_size, embed_dim)(tokens)
    if depth > 1:
        h = layers.SimpleRNN(units, return_sequences=True)(h)
        shared = layers.SimpleRNN(units, return_sequences=True)
        for _ in range(depth - 1):
            h = shared(h)
    else:
        h = layers.SimpleRNN(units, return_sequences=True)(h)
    return keras.Model(tokens, h if return_sequences else h[:, -1])


def stacked_parallel(vocab_size, embed_dim, units, depth, return_sequences=False):
    tokens = keras.Input((None,), dtype="int64")
    e = layers.Embedding(vocab_size, embed_dim)(tokens)
    h = [layers.SimpleRNN(units, return_sequences=return_sequences)(e) for _ in range(depth)]
    return keras.Model(tokens, layers.concatenate(h) if depth > 1 else h[0])


def stacked_residual(vocab_size, embed_dim, units, depth, return_sequences=False):
    tokens = keras.Input((None,), dtype="int64")
    h = layers.Embedding(vocab_size, embed_dim)(tokens)
    for k in range(depth):
        new = layers.SimpleRNN(units, return_sequences=k < depth - 1 or return_sequences)(h)
        h = new + h if 0 < k < depth - 1 or (k and return_sequences) else new
    return keras.Model(tokens, h)


def stacked_repeated(vocab_size, embed_dim, units, depth, return_sequences=False):
    """Only last outputs, each repeated in time for the next layer."""
    tokens = keras.Input((None,), dtype="int64")
    h = layers.Embedding(vocab_size, embed_dim)(tokens)
    for k in range(depth):
        last = layers.SimpleRNN(units)(h)
        if k < depth - 1 or return_sequences:
            h = layers.Lambda(
                lambda both: both[0][:, None] + 0 * both[1][:, :, :1],
            )([last, h])
        else:
            h = last
    return keras.Model(tokens, h)


def stacked_not_built(vocab_size, embed_dim, units, depth, return_sequences=False):
    model = keras.Sequential([layers.Embedding(vocab_size, embed_dim)])
    for k in range(depth):
        model.add(layers.SimpleRNN(units, return_sequences=k < depth - 1 or return_sequences))
    return model


def stacked_dense(vocab_size, embed_dim, units, depth, return_sequences=False):
    return sequential(
        *stacked()(vocab_size, embed_dim, units, depth, return_sequences).layers,
        layers.Dense(vocab_size, activation="softmax"),
    )


STACKED = [
    Misconception(
        "no_sequences_between",
        stacked(inner=False),
        "one layer is fine, two are not: the second needs a sequence to read, and the layer below it gives "
        "only its last output.",
    ),
    Misconception(
        "flag_ignored",
        stacked(outer=lambda flag: False),
        "the model always gives the last output. The last layer must follow return_sequences.",
    ),
    Misconception(
        "always_sequences",
        stacked(outer=lambda flag: True),
        "every layer returns sequences, also the last. The last one must follow return_sequences.",
    ),
    Misconception(
        "flag_reversed",
        stacked(outer=lambda flag: not flag),
        "return_sequences works the wrong way round: True asks for every output.",
    ),
    Misconception(
        "flag_for_all",
        lambda v, e, u, depth, return_sequences=False: stacked(inner=return_sequences)(
            v, e, u, depth, return_sequences
        ),
        "return_sequences is handed to every layer. It concerns the last one; the layers below always have "
        "a reader above them.",
    ),
    Misconception(
        "one_layer_more",
        stacked(number=lambda depth: depth + 1),
        "there is one recurrent layer too many: depth counts the last one too.",
    ),
    Misconception(
        "one_layer_less",
        stacked(number=lambda depth: max(1, depth - 1)),
        "there is one recurrent layer too few. The embedding is not counted in depth.",
    ),
    Misconception(
        "depth_ignored",
        stacked(number=lambda depth: 1),
        "there is a single recurrent layer, whatever depth says.",
    ),
    Misconception(
        "shared_layer",
        stacked_shared,
        "the upper layers are one and the same object, used again: they share their weights. Make a new "
        "layer at each level.",
    ),
    Misconception(
        "side_by_side",
        stacked_parallel,
        "all layers read the embedding, side by side. In a stack each layer reads the one below it.",
    ),
    Misconception(
        "residual",
        stacked_residual,
        "the outputs of a layer are added to its inputs. That is a residual connection; a plain stack "
        "has none.",
    ),
    Misconception(
        "last_output_repeated",
        stacked_repeated,
        "each layer's last output is repeated for the next one. The next layer must see the output of every "
        "timestep.",
    ),
    Misconception(
        "shrinking",
        stacked(width=lambda units, k: max(1, units // 2**k)),
        "the layers become narrower upwards. All of them have `units` units.",
    ),
    Misconception(
        "lstm",
        stacked(cell=layers.LSTM),
        "the recurrent layers are LSTMs: they have four times the weights. Here they are SimpleRNNs.",
    ),
    Misconception(
        "token_0_masked",
        stacked(embedding=lambda v, e: layers.Embedding(v, e, mask_zero=True)),
        "token 0 is skipped: mask_zero makes padding of it. Here it is a token like any other.",
    ),
    Misconception(
        "sizes_exchanged",
        lambda v, e, u, depth, return_sequences=False: stacked()(v, u, e, depth, return_sequences),
        "embed_dim and units have changed places: the embedding makes embed_dim features of each "
        "token, every recurrent layer has `units` units.",
    ),
    Misconception(
        "dense",
        stacked_dense,
        "there is another layer after the recurrent ones. The model ends with the recurrent outputs.",
    ),
    Misconception(
        "not_built",
        stacked_not_built,
        "the model does not know its input yet, so it has no weights. Tell it what comes in: sequences of "
        "tokens of any length.",
    ),
]


def count(vocab_size, embed_dim, units, depth):
    first = units * (embed_dim + units + 1)
    return vocab_size * embed_dim + first + (depth - 1) * units * (2 * units + 1)


COUNT = [
    Misconception(
        "no_embedding",
        lambda v, e, u, n: count(0, e, u, n),
        "the recurrent layers are counted, the embedding is not. It has a row for every token.",
    ),
    Misconception(
        "embedding_bias",
        lambda v, e, u, n: count(v, e, u, n) + e,
        "the embedding is counted with a bias. It is a table to look things up in, and has none.",
    ),
    Misconception(
        "all_layers_alike",
        lambda v, e, u, n: v * e + n * u * (e + u + 1),
        "every layer is counted like the first. Only the first reads the embedding; what do the others "
        "read?",
    ),
    Misconception(
        "depth_ignored",
        lambda v, e, u, n: count(v, e, u, 1),
        "only one recurrent layer is counted.",
    ),
    Misconception(
        "no_bias",
        lambda v, e, u, n: count(v, e, u, n) - n * u,
        "the matrices are counted; every unit of every layer also has a bias.",
    ),
    Misconception(
        "no_recurrent_weights",
        lambda v, e, u, n: count(v, e, u, n) - n * u * u,
        "these are Dense layers. A recurrent layer also has the weights that read its own state.",
    ),
    Misconception(
        "one_layer_more",
        lambda v, e, u, n: count(v, e, u, n + 1),
        "there is one layer too many: depth counts the first layer too.",
    ),
    Misconception(
        "two_biases",
        lambda v, e, u, n: count(v, e, u, n) + n * u,
        "one bias per unit: the input and the state share it. (Some libraries have two; Keras has one.)",
    ),
    Misconception(
        "square_of_features",
        lambda v, e, u, n: count(v, e, u, n) + n * (e * e - u * u),
        "the recurrent matrix connects the units with themselves: its size depends on `units` alone.",
    ),
]


# --------------------------------------------------------------------------- right, but different


def functional(sequences):
    def model(vocab_size, embed_dim, units):
        tokens = keras.Input(shape=(None,))
        h = layers.Embedding(vocab_size, embed_dim)(tokens)
        h = layers.SimpleRNN(units, return_sequences=True)(h)
        return keras.Model(tokens, h if sequences else h[:, -1, :])

    return model


def built_later(sequences):
    def model(vocab_size, embed_dim, units):
        result = keras.Sequential()
        result.add(layers.Embedding(vocab_size, embed_dim))
        result.add(layers.SimpleRNN(units, return_sequences=sequences, activation="tanh"))
        result.build((None, None))
        result.compile("adam", "mse")
        return result

    return model


def from_a_cell(sequences):
    def model(vocab_size, embed_dim, units):
        cell = layers.SimpleRNNCell(units)
        return sequential(
            layers.Embedding(vocab_size, embed_dim), layers.RNN(cell, return_sequences=sequences)
        )

    return model


class Subclassed(keras.Model):
    """A model written as a class, built by one call."""

    def __init__(self, vocab_size, embed_dim, units, depth, sequences):
        super().__init__()
        self.embedding = layers.Embedding(vocab_size, embed_dim)
        self.recurrent = [layers.SimpleRNN(units, return_sequences=True) for _ in range(depth)]
        self.sequences = sequences
        self(np.zeros((1, 2), dtype=np.int64))

    def call(self, tokens):
        h = self.embedding(tokens)
        for layer in self.recurrent:
            h = layer(h)
        return h if self.sequences else h[:, -1]


def stacked_functional(vocab_size, embed_dim, units, depth, return_sequences=False):
    tokens = keras.Input(shape=(None,), dtype="int32")
    h = layers.Embedding(vocab_size, embed_dim)(tokens)
    for _ in range(depth - 1):
        h = layers.SimpleRNN(units, return_sequences=True)(h)
    h = layers.SimpleRNN(units, return_sequences=return_sequences)(h)
    return keras.Model(tokens, h)


def stacked_cells(vocab_size, embed_dim, units, depth, return_sequences=False):
    cells = [layers.SimpleRNNCell(units) for _ in range(depth)]
    recurrent = layers.RNN(cells, return_sequences=return_sequences)
    return sequential(layers.Embedding(vocab_size, embed_dim), recurrent)


def stacked_class(vocab_size, embed_dim, units, depth, return_sequences=False):
    return Subclassed(vocab_size, embed_dim, units, depth, return_sequences)


RETURNS = ["the shapes of your weights", "count_params()", "the output (B, H) (B, T, H)"]


def model_check(name, points, groups, cases, reference, misconceptions, right):
    return Check(
        name=name,
        points=points,
        returns=RETURNS,
        groups=groups,
        cases=cases,
        reference=reference,
        misconceptions=misconceptions,
        right=right,
        driver="with_weights",
        # Each call makes a model (0.1 s) and replaces its weights: nothing is left of an earlier one.
        calls=1,
        # Variants differ in their numbers alone; what a wrong model is wrong about shows in each.
        variants=2,
    )


ASSIGNMENT = Assignment(
    name="keras_rnn",
    allows=["numpy", "matplotlib", "tensorflow", "keras"],
    checks=[
        model_check(
            "last_output_model",
            3,
            [
                Group("typical", "a small model", 2),
                Group("edge", "a single sequence, a single feature", 1),
            ],
            single_cases,
            last_output_model,
            LAST,
            {
                "functional": functional(False),
                "built after it is made": built_later(False),
                "from a cell": from_a_cell(False),
            },
        ),
        model_check(
            "full_sequence_model",
            3,
            [
                Group("typical", "a small model", 2),
                Group("edge", "a single sequence, a single feature", 1),
            ],
            single_cases,
            full_sequence_model,
            FULL,
            {
                "functional": functional(True),
                "built after it is made": built_later(True),
                "from a cell": from_a_cell(True),
            },
        ),
        model_check(
            "stacked_model",
            4,
            [
                Group("last", "several layers, last output", 2),
                Group("sequences", "several layers, every output", 1),
                Group("one", "a stack of one layer", 1),
            ],
            stacked_cases,
            stacked_model,
            STACKED,
            {
                "functional": stacked_functional,
                "several cells in one layer": stacked_cells,
                "a class of its own": stacked_class,
            },
        ),
        Check(
            name="stacked_param_count",
            points=4,
            returns=["the count"],
            groups=[Group("one", "one layer", 1), Group("stack", "several layers", 3)],
            cases=count_cases,
            reference=stacked_param_count,
            misconceptions=COUNT,
            right={
                "layer by layer": lambda v, e, u, n: (
                    v * e + sum(u * ((e if k == 0 else u) + u + 1) for k in range(n))
                ),
                "with a NumPy integer": lambda v, e, u, n: np.int64(count(v, e, u, n)),
                "asked of Keras": lambda v, e, u, n: stacked()(v, e, u, n).count_params(),
            },
        ),
    ],
)
