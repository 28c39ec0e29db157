"""Every solution, and every other right variant, agrees with the reference whatever the sizes are.

The cases of `checks.py` have sizes that somebody chose. Here Hypothesis chooses them.
"""

import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import check as oracle
from autograder.authoring import Case, load_assignment
from autograder.build import load_driver_of, run_check, seeded
from autograder.check import CheckSet
from autograder.source import read_source, solution_namespace

from ..conftest import ASSIGNMENTS, ROOT

FEW, SOME = st.integers(1, 3), st.integers(1, 6)
MANY = st.integers(1, 40)
EVERY = st.booleans().map(lambda flag: {"return_sequences": flag})
STATE = st.booleans().map(lambda flag: {"return_state": flag})
RATE = st.floats(0, 0.95).map(lambda rate: round(rate, 3))


def classifier(m, rng, draw):
    return m.classifier_case("", "", rng, *(draw(SOME) for _ in "BTDHK"))


def written(m, rng, draw):
    """Arguments of `generate` from `token_0` on; nothing is asked of the tokens that come out."""
    B, K, D, H = (draw(SOME) for _ in "BKDH")
    E, h_0 = rng.normal(0, 1, (K, D)), rng.uniform(-0.9, 0.9, (B, H))
    cell, output = m.weights(rng, D, H), m.readout(rng, H, K)
    return Case("", "", rng.integers(0, K, B), h_0, E, *cell, *output, draw(SOME))


def translated(m, rng, draw):
    B, T, D, H, K, F = (draw(SOME) for _ in "BTDHKF")
    x, h_0 = rng.normal(0, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    E, start, decoder = rng.normal(0, 1, (K, F)), draw(st.integers(0, K - 1)), m.weights(rng, F, H)
    output = m.readout(rng, H, K)
    return Case("", "", x, h_0, m.weights(rng, D, H), start, E, decoder, *output, draw(SOME))


def numbers(m, rng, draw):
    return rng.normal(0, 3, draw(st.lists(SOME, min_size=1, max_size=3)))


def slope(m, rng, draw):
    return Case("", "", numbers(m, rng, draw), draw(st.floats(0.01, 0.99)))


def clipped(m, rng, draw):
    shapes = draw(st.lists(st.lists(FEW, min_size=1, max_size=3), min_size=1, max_size=4))
    return m.clip_case("", "", rng, shapes, draw(st.floats(0.05, 3)))


def masked(make):
    def case(m, rng, draw):
        kinds = st.sampled_from(["both", "input", "recurrent", "none"])
        sizes = (
            draw(st.integers(2, 6)),
            draw(SOME),
            draw(st.integers(3, 6)),
            draw(st.integers(3, 6)),
        )
        return m.layer_case(
            getattr(m, make), "", "", rng, *sizes, masked=draw(kinds), **draw(EVERY)
        )

    return case


def lengths(draw, T):
    return draw(st.lists(st.integers(1, T), min_size=1, max_size=5))


def merged(m, rng, draw):
    mode = draw(st.sampled_from(["concat", "sum", "mul", "ave", None]))
    sizes = [draw(SOME) for _ in "BTDH"]
    return m.rnn_case("", "", rng, *sizes, merge_mode=mode, **draw(EVERY))


def padded(m, rng, draw):
    T = draw(SOME)
    return m.lstm_case("", "", rng, lengths(draw, T), T, draw(SOME), draw(SOME), **draw(EVERY))


def reversed_rows(m, rng, draw):
    T = draw(SOME)
    return m.reverse_case("", "", rng, lengths(draw, T), T, draw(SOME))


def stacked(kind, *flags):
    def case(m, rng, draw):
        units = draw(st.lists(SOME, min_size=1, max_size=4))
        named = {key: value for flag in flags for key, value in draw(flag).items()}
        return getattr(m, kind)("", "", rng, draw(SOME), draw(SOME), draw(SOME), units, **named)

    return case


def sizes(maker, letters, *flags):
    """A case from a maker of `checks.py` that takes one size for each letter."""

    def case(m, rng, draw):
        named = {key: value for flag in flags for key, value in draw(flag).items()}
        return getattr(m, maker)("", "", rng, *(draw(SOME) for _ in letters), **named)

    return case


def counts(letters, *more):
    return lambda m, rng, draw: Case("", "", *(draw(MANY) for _ in letters), *map(draw, more))


def model(letters):
    def case(m, rng, draw):
        embedding, units = draw(SOME), draw(SOME)
        depth = [draw(FEW)] if letters else []
        named = draw(EVERY) if letters else {}
        args = (draw(FEW), draw(SOME), draw(st.integers(2, 12)), embedding, units, *depth)
        return m.model_case("", "", rng, *args, **named)

    return case


def spelled(m, rng, draw):
    return m.encode_case(
        "", "", rng, draw(SOME), draw(st.integers(1, 14)), draw(st.sampled_from(["", "ΩЖ"]))
    )


def told_by_letters(m, rng, draw):
    languages = draw(st.lists(st.integers(30, 50), min_size=2, max_size=4))
    return m.clear_cut("", rng, languages, unseen=draw(st.booleans()))


CASES = {
    "rnn_step": sizes("step_case", "DH"),
    "rnn_forward": sizes("forward_case", "TDH"),
    "rnn_layer": sizes("layer_case", "BTDH", EVERY),
    "rnn_param_count": counts("DH"),
    "softmax": lambda m, rng, draw: Case("", "", numbers(m, rng, draw)),
    "many_to_one": classifier,
    "many_to_many": classifier,
    "generate": written,
    "encode_decode": translated,
    "last_output_model": model(""),
    "full_sequence_model": model(""),
    "stacked_model": model("depth"),
    "stacked_param_count": counts("KDHL"),
    "sigmoid": lambda m, rng, draw: Case("", "", numbers(m, rng, draw)),
    "relu": lambda m, rng, draw: Case("", "", numbers(m, rng, draw)),
    "leaky_relu": slope,
    "sigmoid_grad": lambda m, rng, draw: Case("", "", numbers(m, rng, draw)),
    "relu_grad": lambda m, rng, draw: Case("", "", numbers(m, rng, draw)),
    "leaky_relu_grad": slope,
    "rnn_backward": sizes("backward_case", "BTDH"),
    "gradient_norms": sizes("norms_case", "TH"),
    "clip_by_global_norm": clipped,
    "lstm_step": sizes("step_case", "BDH"),
    "lstm_layer": sizes("layer_case", "BTDH", EVERY, STATE),
    "lstm_bias": counts("H"),
    "lstm_param_count": counts("DH"),
    "lstm_step_backward": sizes("backward_case", "BDH"),
    "gru_step": lambda m, rng, draw: m.step_case("", "", rng, (), *(draw(SOME) for _ in "BDH")),
    "gru_step_keras": lambda m, rng, draw: m.step_case(
        "", "", rng, (2,), *(draw(SOME) for _ in "BDH")
    ),
    "gru_layer": sizes("layer_case", "BTDH", EVERY),
    "deck_to_keras": sizes("convert_case", "DH"),
    "gru_param_count": counts("DH", st.booleans()),
    "dropout_mask": lambda m, rng, draw: Case(
        "", "", m.seed(rng), tuple(draw(st.lists(SOME, min_size=1, max_size=3))), draw(RATE)
    ),
    "rnn_layer_dropout": masked("rnn_inputs"),
    "lstm_layer_dropout": masked("lstm_inputs"),
    "output_dropout": lambda m, rng, draw: m.output_case(
        "", "", rng, draw(SOME), draw(SOME), draw(SOME), draw(RATE), draw(st.booleans())
    ),
    "stacked_rnn": stacked("rnn_case", EVERY),
    "stacked_lstm": stacked("lstm_case", EVERY, STATE),
    "stack_param_count": counts("KE", st.lists(MANY, min_size=1, max_size=5)),
    "reverse_sequences": reversed_rows,
    "bidirectional_rnn": merged,
    "bidirectional_lstm": padded,
    "bidirectional_param_count": counts("DH", st.sampled_from(["rnn", "lstm", "gru"])),
    "encode": spelled,
    "baseline": told_by_letters,
    "build_model": lambda m, rng, draw: Case(
        "", "", draw(st.integers(10, 90)), draw(st.integers(2, 12))
    ),
}


def as_data(check, case):
    """A case with its reference, as the oracle reads it."""
    arrays = []
    parts = {
        "id": "fresh",
        "slot": "sizes by chance",
        "group": check.groups[0].id,
        "args": oracle._pack(list(case.args), arrays, 0),
        "kwargs": {name: oracle._pack(value, arrays, 0) for name, value in case.kwargs.items()},
        "tolerance": case.tolerance,
        "mistakes": {},
        "score": None,
    }
    args, kwargs = oracle.Case(**parts, expects={"v": None}, arrays=arrays).arguments()
    expects = oracle._pack(check.reference(*args, **kwargs), arrays, 0)
    return oracle.Case(**parts, expects=expects, arrays=arrays)


def agreement(module, check, stored, driver, functions, examples):
    """A test of one check with cases whose sizes Hypothesis chooses."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), st.integers(0, 2**32))
    def agree(data, seed):
        case = CASES[check.name](module, seeded(b"any shape", seed), data.draw)
        one = as_data(check, case)
        for label, function in functions.items():
            verdict = run_check(stored, [one], function, driver)
            assert verdict.groups and verdict.right, f"{label}: {verdict.text()}"

    return agree


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ASSIGNMENTS]
)
@pytest.mark.filterwarnings("ignore")
def test_solution_and_variants_agree_with_the_reference_whatever_the_sizes(name):
    folder = ROOT / "solutions" / name
    assignment = load_assignment(folder)
    module = sys.modules[f"checks_of_{name}"]
    solution = solution_namespace(read_source(folder, assignment), name)
    stored = CheckSet.load(ROOT / "exercises" / name / "public.npz")
    for check in assignment.checks:
        functions = {"the solution": solution[check.name], **check.right}
        driver = load_driver_of(stored, check.name)
        # A Keras model a call takes its time, in every variant.
        examples = 3 if driver and "keras" in assignment.allows else 8
        agreement(module, check, stored[check.name], driver, functions, examples)()
