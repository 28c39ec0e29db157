"""The assignments whose checks build Keras models: drivers, thresholds, data."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from autograder.authoring import import_file, load_assignment
from autograder.check import CheckSet

ROOT = Path(__file__).parents[2]

# What the engine does: TensorFlow is imported, no op has run, and a fork calls the student's function.
FORKED = """
import os, sys
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
import keras, tensorflow
sys.path.insert(0, {root!r})
from autograder import check as oracle

layers = keras.layers

def last_output_model(vocab_size, embed_dim, units):
    return keras.Sequential([keras.Input((None,)), layers.Embedding(vocab_size, embed_dim), layers.SimpleRNN(units)])

def build_model(vocab_size, n_languages):
    model = keras.Sequential([layers.Embedding(vocab_size, 4, mask_zero=True), layers.GRU(5), layers.Dense(n_languages, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

checks = oracle.CheckSet.load({path!r})
one = checks[{name!r}]
driver = oracle.load_driver(checks.drivers, one.driver)
child = os.fork()
if child == 0:
    answers = [oracle.call(globals()[{name!r}], one.cases[k], driver) for k in oracle.plan(one, one.cases)]
    for answer in answers:
        answer.value = oracle.unpack(*oracle.pack(answer.value))
    verdict = oracle.judge(one, list(one.cases), answers)
    print(verdict.text())
    sys.stdout.flush()
    os._exit(0 if verdict.right else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assignment", "name"), [("keras_rnn", "last_output_model"), ("project", "build_model")]
)
def test_a_driver_runs_in_a_fork_of_a_process_that_imported_tensorflow(assignment, name):
    path = str(ROOT / "exercises" / assignment / "public.npz")
    program = FORKED.format(root=str(ROOT), path=path, name=name)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.fixture(scope="module")
def project():
    return load_assignment(ROOT / "solutions" / "project")


@pytest.fixture(scope="module")
def accuracies() -> dict[str, np.ndarray]:
    found = defaultdict(list)
    with (ROOT / "solutions" / "project" / "accuracies.csv").open() as file:
        for row in csv.DictReader(file):
            found[row["model"]].append(float(row["accuracy"]))
    return {model: np.array(values) for model, values in found.items()}


def threshold(project, name: str):
    scores = [case.score for case in project[name].cases(np.random.default_rng(0)) if case.score]
    assert len(scores) == 1
    return scores[0]


def test_every_model_was_measured_with_ten_seeds(accuracies):
    assert {model: len(values) for model, values in accuracies.items() if len(values) != 10} == {}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("baseline", "letter_pairs"),
        ("baseline", "letter_triples"),
        ("build_model", "gru"),
        ("build_model", "lstm"),
        ("build_model", "bidirectional_gru"),
    ],
)
def test_a_fair_attempt_misses_full_credit_less_than_once_in_a_hundred(
    project, accuracies, name, model
):
    values = accuracies[model]
    # One-sided 99 % prediction bound for one more run after ten: Student's t with 9 degrees of freedom.
    bound = values.mean() - 2.821 * values.std(ddof=1) * np.sqrt(1 + 1 / len(values))
    assert bound >= threshold(project, name).high


@pytest.mark.parametrize("name", ["baseline", "build_model"])
def test_guessing_earns_nothing(project, accuracies, name):
    assert accuracies["majority"].max() < threshold(project, name).low - 0.1


def test_the_public_cases_hold_no_name_of_cldr(project):
    known = set(sys.modules["project.names"].data.names(min_length=5).names)
    checks = CheckSet.load(ROOT / "exercises" / "project" / "public.npz")
    shown = set()
    for check in checks.values():
        for case in check.cases:
            for value in case.arguments()[0]:
                shown |= set(value) if isinstance(value, list) else set()
    assert len(shown) > 100
    assert not shown & known


@pytest.mark.xdist_group("project")
def test_a_change_of_the_courses_data_builds_the_project_again(built):
    course = built("project")
    stamp = json.loads((course.stamps / "project.json").read_text())
    assert "book/course/data.py" in stamp["modules"]
    assert {"babel", "keras", "tensorflow"} <= set(stamp["packages"])


@pytest.mark.slow
def test_training_ends_when_its_processor_time_is_spent():
    import keras

    drivers = import_file(ROOT / "solutions" / "project" / "drivers.py", "drivers_of_project")
    drivers.CPU_SECONDS = 0
    model = keras.Sequential([keras.layers.Embedding(5, 2), keras.layers.GlobalMaxPooling1D()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    tokens = np.ones((40, 3), dtype=np.int64)
    limit = drivers.time_limit()
    model.fit(tokens, np.zeros(40), batch_size=4, epochs=5, verbose=0, callbacks=[limit])
    assert int(model.optimizer.iterations) <= 2
