"""How the checks of `keras_rnn` try a model: given weights in, predictions out.

These functions run in the student's process and hold nothing of a solution.
"""

import numpy as np


def with_weights(function, *sizes, weights, tokens, **options):
    """Build a model by `function(*sizes, **options)`, give it weights, show it tokens.

    Returns:
        The shapes of the model's own weights as one text, its `count_params()`, and its predictions
        for `tokens (B, T)`, or None where the given weights do not fit.
    """
    import keras

    model = function(*sizes, **options)
    if not isinstance(model, keras.Model):
        return f"no Keras model but {type(model).__name__}", 0, None
    if not model.built:
        return "none yet, the model is not built", 0, None
    own = [tuple(w.shape) for w in model.get_weights()]
    shapes = " ".join("x".join(map(str, shape)) for shape in own)
    if own != [w.shape for w in weights]:
        return shapes, int(model.count_params()), None
    model.set_weights(weights)
    # Calling costs a tenth of predict(), which compiles a graph for one use; the numbers are the same.
    outputs = model(tokens, training=False)
    if isinstance(outputs, (list, tuple)):
        return shapes, int(model.count_params()), [np.asarray(o, np.float64) for o in outputs]
    return shapes, int(model.count_params()), np.asarray(outputs, np.float64)
