"""The oracle says what is right, and tells a student what is wrong."""

import json

import numpy as np
import pytest

from autograder import check as oracle
from autograder.build import run_check
from autograder.check import CheckError, CheckSet


@pytest.fixture(scope="module")
def rnn(course):
    return CheckSet.load(course.exercises / "rnn" / "public.npz")


def right(x, h_0, W, U, b, return_sequences=False):
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + h @ U + b)
        states.append(h)
    return np.stack(states, axis=1) if return_sequences else h


def verdict(rnn, function, name="rnn_layer"):
    return run_check(rnn[name], list(rnn[name].cases), function)


def test_a_right_function_is_right_in_all_cases(rnn):
    assert verdict(rnn, right).right
    assert verdict(rnn, right).points == 7


def test_views_read_only_and_negative_strides_are_fine(rnn):
    def view(*args, **kwargs):
        out = right(*args, **kwargs)
        out = out[..., ::-1].copy()[..., ::-1]
        out.flags.writeable = False
        return out

    assert verdict(rnn, view).right


def test_float32_passes_with_advice(rnn):
    found = verdict(rnn, lambda *a, **k: right(*a, **k).astype(np.float32))
    assert found.right
    assert "float32" in found.text()


def test_a_warning_costs_nothing(rnn, capsys):
    import sys
    import warnings

    def noisy(*args, **kwargs):
        warnings.warn("look out", stacklevel=1)
        print("noise", file=sys.stderr)
        return right(*args, **kwargs)

    assert verdict(rnn, noisy).right
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda *a, **k: right(*a, **k).tolist(), "must be a NumPy array"),
        (lambda *a, **k: None, "is a `return` missing"),
        (lambda *a, **k: {"h": 1}, "of type dict"),
        (lambda *a, **k: right(*a, **k) * np.nan, "NaN"),
        (lambda *a, **k: right(*a, **k) / 0, "infinite"),
        (lambda *a, **k: right(*a, **k)[None], "Only axes of length 1 differ"),
        (lambda *a, **k: np.stack([right(*a, **k)] * 2), "one axis too many"),
        (lambda *a, **k: np.moveaxis(right(*a, **k), 0, -1), "axes are in another order"),
        (lambda *a, **k: right(*a, **k).ravel(), "number of values is right"),
        (lambda *a, **k: 2 * right(*a, **k), "2 times the right one"),
        (lambda *a, **k: right(*a, **k) + 1j, "real numbers"),
        (lambda *a, **k: np.array("text"), "of type an array of dtype <U4"),
        (lambda *a, **k: right(*a, **k)[[0]][0].sum(), "must have shape"),
        (lambda *a, **k: 1 / 0, "ZeroDivisionError"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_it_says_what_is_wrong(rnn, function, says):
    found = verdict(rnn, function)
    assert found.points == 0
    assert says in found.text()


def test_an_exception_is_shown_with_the_students_line(rnn):
    def broken(x, h_0, W, U, b, return_sequences=False):
        return x @ W @ W @ U[0, 0, 0]

    assert "return x @ W @ W @ U[0, 0, 0]" in verdict(rnn, broken).text()


def test_the_first_wrong_timestep_is_named(rnn):
    def late(*args, return_sequences=False):
        out = right(*args, return_sequences=True).copy()
        out[:, 3:] += 0.5
        return out if return_sequences else out[:, -1]

    case = [c for c in rnn["rnn_layer"].cases if c.slot == "a batch, every output"]
    text = run_check(rnn["rnn_layer"], case, late).text()
    assert "Wrong timesteps: 3, 4 of 0 to 4" in text


def test_changed_inputs_are_named(rnn):
    def in_place(x, h_0, *rest, **flags):
        out = right(x, h_0, *rest, **flags)
        h_0 += 1
        return out

    found = verdict(rnn, in_place)
    assert found.points == 0
    assert "input `h_0` is changed" in found.text()


def test_state_between_calls_is_found(rnn):
    calls = []

    def counting(*args, **kwargs):
        calls.append(1)
        return right(*args, **kwargs) + (len(calls) > 12)

    assert "kept between calls" in verdict(rnn, counting).text()


def test_the_misconception_is_named_only_when_it_explains_the_answers(rnn):
    zero_start = verdict(rnn, lambda x, h_0, *r, **k: right(x, 0 * h_0, *r, **k))
    assert zero_start.misconception == "zero_start"
    noise = verdict(rnn, lambda *a, **k: right(*a, **k) + 0.3)
    assert noise.misconception is None and noise.hint is None


def test_of_two_mistakes_the_first_to_show_is_spoken_of(rnn):
    def two_mistakes(x, h_0, W, U, b, return_sequences=False):
        if return_sequences:
            return right(x, h_0, W, U, b, True).swapaxes(0, 1).copy()
        return right(x, 0 * h_0, W, U, b)

    found = verdict(rnn, two_mistakes)
    assert found.misconception == "zero_start"
    assert found.first_failure().case.slot == "a batch, last output"


def test_the_case_that_is_shown_is_one_that_the_hint_explains(rnn):
    def odd_first_case(x, h_0, W, U, b, return_sequences=False):
        if x.shape == (2, 5, 3) and not return_sequences:
            return right(x, h_0, W, U, b) + 0.1
        return right(x, 0 * h_0, W, U, b, return_sequences)

    found = verdict(rnn, odd_first_case)
    assert found.misconception == "zero_start"
    assert "zero_start" in found.first_failure().likely


def test_the_line_is_one_of_the_functions_own_cell(rnn, tmp_path):
    given = {"np": np}
    for number, source in enumerate(
        [
            "def cell(x_t, W):\n    return x_t @ W @ W",
            "def rnn_layer(x, h_0, W, U, b):\n    return cell(x, W)",
        ]
    ):
        path = tmp_path / f"{number}.py"
        path.write_text(source)
        exec(compile(source, str(path), "exec"), given)
    text = verdict(rnn, given["rnn_layer"]).text()
    assert "in line 2 of your cell: return cell(x, W)" in text


def test_explanations_of_hidden_cases_repeat_no_number_of_the_answer(course):
    """What a function returns could be the hidden inputs, spelled in sizes, factors or digits."""
    hidden = CheckSet.load(course.hidden / "rnn.npz")

    def text(name, function):
        one = hidden[name]
        return run_check(one, one.draw("any"), function).text()

    assert "31415" not in text("rnn_layer", lambda *a, **k: np.empty((0, 31415)))
    assert "31415" not in text("rnn_layer", lambda *a, **k: np.empty((31415, 1, 1)))
    assert "31415" not in text("rnn_param_count", lambda D, H: 31415)
    assert "31415" not in text("rnn_param_count", lambda D, H: "31415")
    assert "3.1415" not in text("rnn_layer", lambda *a, **k: 3.1415 * right(*a, **k))
    assert "2 times the right one" in text("rnn_layer", lambda *a, **k: 2 * right(*a, **k))


def test_an_exception_alone_names_no_misconception(rnn):
    """Swapped matrices raise ValueError for most sizes; so does a lot else."""

    def broken(*args):
        raise ValueError("matmul: something else is wrong")

    assert verdict(rnn, broken, "rnn_step").misconception is None


def test_an_int_must_be_an_int(rnn):
    def judged(function):
        return verdict(rnn, function, "rnn_param_count")

    assert judged(lambda D, H: H * (D + H + 1)).right
    assert judged(lambda D, H: np.uint16(H * (D + H + 1))).right
    assert "must be an integer" in judged(lambda D, H: float(H * (D + H + 1))).text()
    assert "must be an integer" in judged(lambda D, H: True).text()


def test_html_escapes_whatever_the_student_wrote(rnn):
    def evil(*args, **kwargs):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in verdict(rnn, evil).html()
    assert "&lt;script&gt;" in verdict(rnn, evil).html()


def test_judging_never_raises(rnn):
    class Odd:
        pass

    one = rnn["rnn_layer"]
    cases = list(one.cases)
    odd = [
        oracle.Answer(value=Odd()),
        oracle.Answer(value=[[]] * 3),
        oracle.Answer(value=np.array([object()])),
        oracle.Answer(value=(np.ones(3), "x")),
        oracle.Answer(value=np.ones(3), args_after="nonsense"),
        oracle.Answer(value=cases[0].reference(), args_after=[[1], [2]]),
        oracle.Answer(error=""),
        None,
    ]
    for answer in odd:
        answers = [answer] * len(oracle.plan(one, cases))
        assert oracle.judge(one, cases, answers).points == 0
    assert oracle.judge(one, cases, []).points == 0


def test_values_survive_packing():
    values = [
        1,
        2.5,
        True,
        None,
        "text",
        (np.arange(3), [np.ones((2, 0, 3))]),
        np.float32(2),
        np.arange(6).reshape(2, 3)[:, ::-1],
        np.array(3.0).astype(">f8"),
    ]
    for value in values:
        spec, arrays = oracle.pack(value)
        back = oracle.unpack(json.loads(json.dumps(spec)), arrays)
        np.testing.assert_equal(back, value)
    assert isinstance(oracle.unpack(*oracle.pack({1: 2})), oracle.Opaque)


@pytest.mark.parametrize("spec", [{"a": 5}, {"a": -1}, {"x": 1}, {"v": {}}, {"t": 3}, 7])
def test_malformed_values_are_refused(spec):
    with pytest.raises(ValueError, match="not a packed value"):
        oracle.unpack(spec, [])


def test_a_draw_is_stable_and_covers_every_slot(course):
    hidden = CheckSet.load(course.hidden / "rnn.npz")["rnn_layer"]
    first = [case.id for case in hidden.draw("one submission")]
    assert first == [case.id for case in hidden.draw("one submission")]
    slots = {case.slot for case in hidden.cases}
    draws = [tuple(c.id for c in hidden.draw(f"submission {n}")) for n in range(50)]
    assert len(set(draws)) > 40
    assert all(len(draw) == len(slots) for draw in draws)


def test_a_file_from_another_secret_is_refused(course):
    with pytest.raises(CheckError, match=r"rnn.npz was made with another secret.*autograder build"):
        CheckSet.load(course.hidden / "rnn.npz", b"another secret, long enough")


def test_missing_and_damaged_files_name_the_remedy(course, tmp_path):
    path = tmp_path / "public.npz"
    with pytest.raises(CheckError, match=r"public.npz is missing: download the exercise folder"):
        CheckSet.load(path)
    whole = (course.exercises / "rnn" / "public.npz").read_bytes()
    for content in (
        b"",
        b"no zip",
        whole[: len(whole) // 2],
        whole[:200] + b"\0" * 50 + whole[250:],
    ):
        path.write_bytes(content)
        with pytest.raises(CheckError, match=r"public.npz (cannot be read|is damaged)"):
            CheckSet.load(path)
    np.savez(path, something=np.ones(3))
    with pytest.raises(CheckError, match="download the exercise folder again"):
        CheckSet.load(path)


def test_a_changed_number_is_noticed(course, tmp_path):
    manifest, arrays = oracle.read_npz(course.exercises / "rnn" / "public.npz")
    arrays = [a.copy() for a in arrays]
    arrays[0].flat[0] += 1e-9
    from autograder.build import npz_bytes

    path = tmp_path / "public.npz"
    path.write_bytes(npz_bytes(manifest, arrays))
    with pytest.raises(CheckError, match="damaged"):
        CheckSet.load(path)
