"""How the checks of `project` call a baseline and try a model: is it fit to train, what does it learn?

These functions run in the student's process and hold no answer: the labels of the test names stay
with the grader.
"""

import time

import numpy as np

EPOCHS, BATCH, CPU_SECONDS = 8, 64, 60


def labels_of(function, *data):
    """Call `baseline(train_names, train_labels, test_names)`; a list of labels serves as well."""
    labels = function(*data)
    return np.array(labels) if isinstance(labels, (list, tuple)) else labels


def model_of(function, *sizes, tokens=None, labels=None, test_tokens=None, seed=0):
    """Call `build_model(vocab_size, n_languages)` and, with data, train what it returns.

    Args:
        tokens, labels: training data, (N, length) and (N,); without them only the model's form is
            looked at.
        test_tokens: (M, length).

    Returns:
        With data: the predicted labels, (M,). Without: three texts, see `form_of`.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = function(*sizes)
    form = form_of(model, *sizes)
    if tokens is None:
        return form
    if form != form_wanted(sizes[1]):
        raise ValueError("not trained, because it is unfit: " + ", ".join(filter(None, form)))
    model.fit(tokens, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[time_limit()])
    return np.argmax(model.predict(test_tokens, batch_size=256, verbose=0), axis=-1)


def form_wanted(n_languages):
    return ["a compiled Keras model", f"5x{n_languages}", "rewards the right label"]


def form_of(model, vocab_size, n_languages):
    """Texts on a model: what it is, its output for 5 names of two lengths, its loss."""
    import keras

    if not isinstance(model, keras.Model):
        return [f"no Keras model but {type(model).__name__}", "", ""]
    if not model.compiled:
        return ["a Keras model that is not compiled", "", ""]
    rng = np.random.default_rng(0)
    labels = rng.permutation(n_languages)[np.arange(5) % n_languages].astype(np.int64)
    for length in (9, 24):
        tokens = rng.integers(2, vocab_size, (5, length))
        tokens[:, 0], tokens[1:, -4:], tokens[2, 1] = vocab_size - 1, 0, 1
        try:
            outputs = np.asarray(model(tokens, training=False))
        except Exception as error:
            text = f"none: {type(error).__name__} for {length} tokens a name"
            return ["a compiled Keras model", text, ""]
        shape = "x".join(map(str, outputs.shape))
        if shape != f"5x{n_languages}":
            return ["a compiled Keras model", shape, ""]
    return ["a compiled Keras model", shape, loss_of(model, outputs, labels)]


def loss_of(model, outputs, labels):
    """Whether the loss takes integer labels, is lower for right ones, and suits the outputs."""
    values = []
    for shift in (0, 1):
        given = np.full(outputs.shape, 0.1 / outputs.shape[1], dtype=np.float32)
        given[np.arange(5), (labels + shift) % outputs.shape[1]] = 0.9
        try:
            values.append(float(model.compute_loss(x=None, y=labels, y_pred=given)))
        except Exception as error:
            return f"{type(error).__name__} for integer labels"
    if not values[0] < values[1]:
        return "does not reward the right label"
    name = "sparse_categorical_crossentropy"
    reads_probabilities = model.loss == name or getattr(model.loss, "from_logits", None) is False
    if reads_probabilities and outputs.min() < 0:
        return "takes the outputs for probabilities, but some are negative"
    return "rewards the right label"


def time_limit():
    """A callback that ends the training after CPU_SECONDS of processor time."""
    import keras

    class TimeLimit(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.end = time.process_time() + CPU_SECONDS

        def on_train_batch_end(self, batch, logs=None):
            if time.process_time() > self.end:
                self.model.stop_training = True  # in the middle of an epoch too

    return TimeLimit()
