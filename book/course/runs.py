"""Seeds, threads and clocks: what every measured experiment of the book shares."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


def quiet_tensorflow() -> None:
    """Import TensorFlow on one thread and without its start-up messages.

    One thread makes runs repeatable and leaves the other cores to other chapters. Call it before
    anything else imports TensorFlow or Keras.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # TensorFlow is already running: keep the threads it has
        pass
    tf.get_logger().setLevel("ERROR")


@dataclass(frozen=True)
class Fit:
    """What training gave: ``history`` as Keras returns it, and seconds per epoch."""

    history: dict[str, list[float]]
    seconds_per_epoch: float


def train(
    build: Callable[[], Any],
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 128,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[Any, Fit]:
    """Build a compiled Keras model after setting every seed, then fit it without output.

    The first epoch contains the tracing of the graph; seconds per epoch is the median of all.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = build()
    clock = _Clock()
    fitted = model.fit(
        x,
        y,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=validation,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda *_: clock.start(), on_epoch_end=lambda *_: clock.stop()
            )
        ],
    )
    return model, Fit(fitted.history, float(np.median(clock.laps)))


class _Clock:
    def __init__(self) -> None:
        self.laps: list[float] = []
        self._start = 0.0

    def start(self) -> None:
        self._start = time.perf_counter()

    def stop(self) -> None:
        self.laps.append(time.perf_counter() - self._start)


def seconds(function: Callable[[], object], repeat: int = 3) -> float:
    """The shortest of ``repeat`` wall-clock times of ``function()``."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def over_seeds(experiment: Callable[[int], Any], seeds: Iterable[int] = range(3)) -> list[Any]:
    """The experiment's result for each seed, in order."""
    return [experiment(seed) for seed in seeds]


class Stopwatch:
    """Wall-clock seconds since it was made: a chapter tells its reader how long it runs."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self._start
