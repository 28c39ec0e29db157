"""A snapshot is the function as it was, or says that only a fork is."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.engine.snapshot import (
    MOST_BYTES,
    OnlyForkKeepsError,
    loose_snapshot,
    snapshot,
)


def notebook(source: str) -> dict:
    names: dict = {"__name__": "__main__"}
    exec(source, names)
    return names


def kept(source: str, later: str):
    """What `f` gives after later cells, from its snapshot."""
    names = notebook(source)
    copy = snapshot(names["f"], names)
    exec(later, names)
    return copy()


@pytest.mark.parametrize(
    ("source", "later"),
    [
        ("a = 1\ndef f(): return a", "a = 2"),
        ("a = [1]\ndef f(): return a[0]", "a[0] = 2"),
        ("a = {'k': [1]}\ndef f(): return a['k'][0]", "a['k'][0] = 2"),
        ("a = ([1], 2)\ndef f(): return a[0][0]", "a[0][0] = 2"),
        ("import numpy as np\na = np.ones(3)\ndef f(): return a[0]", "a[:] = 2"),
        ("def g(): return 1\ndef f(): return g()", "def g(): return 2"),
        ("def g(): return 1\ndef f(): return [g() for _ in 'x'][0]", "g = None"),
        ("def g(): return 1\ndef f(): return (lambda: g())()", "g.__code__ = (lambda: 2).__code__"),
        ("def f(a=[1]): return a[0]", "f.__defaults__[0][0] = 2"),
        ("def f(*, a=[1]): return a[0]", "f.__kwdefaults__['a'] = [2]"),
        ("def f(): return f.a\nf.a = 1", "f.a = 2"),
        ("def make(a):\n    def f(): return a[0]\n    return f\nb = [1]\nf = make(b)", "b[0] = 2"),
        ("def f(): return f and 1", "f = None"),
        ("def g(n): return 1 if n == 0 else f(n - 1)\ndef f(n=3): return g(n)", "g = None"),
        ("from math import floor\ndef f(): return floor(1.5)", "floor = None"),
        ("from collections import Counter\ndef f(): return Counter('a')['a']", "Counter = None"),
    ],
)
def test_what_later_cells_do_does_not_matter(source, later):
    assert kept(source, later) == 1


def test_a_name_that_comes_later_is_missing():
    with pytest.raises(NameError):
        kept("def f(): return later", "later = 1")


def test_what_is_shared_stays_shared():
    source = "a = [1]\nb = {'a': a}\ndef f():\n    a.append(2)\n    return b['a'] == a, len(a)"
    assert kept(source, "") == (True, 2)


def test_a_snapshot_does_not_change_the_notebook():
    names = notebook("a = [1]\ndef f():\n    a.append(2)\n    return len(a)")
    copy = snapshot(names["f"], names)
    assert (copy(), copy(), names["a"]) == (2, 3, [1])


def test_a_cycle_in_data_is_kept():
    assert kept("a = [1]\na.append(a)\ndef f(): return a[1][1][0]", "a[0] = 2") == 1


def test_what_is_no_function_of_the_notebook_is_itself():
    for value in (np.tanh, np.dot, len, 3, None, "text", np, notebook):
        assert snapshot(value, {}) is value


@pytest.mark.parametrize(
    "source",
    [
        "class A: pass\ndef f(): return A()", "class A: pass\na = A()\ndef f(): return a",
        "def f(): return eval('a')", "def f(): return globals()['a']", "import __main__\ndef f(): return __main__",
        "import functools\ndef g(): pass\ng = functools.lru_cache(g)\ndef f(): return g()",
        "import numpy as np\nrng = np.random.default_rng(0)\ndef f(): return rng.random()",
        "import functools\ndef g(): pass\nf = functools.partial(g)",
        "import contextlib\n@contextlib.contextmanager\ndef f(): yield",
        "class F:\n    def __call__(self): return 1\nf = F()", "a = iter([1])\ndef f(): return next(a)",
        "class L(list): pass\na = L()\ndef f(): return a",
        "class A:\n    def m(self): return 1\nf = A().m",
        "def make():\n    def f(): return a\n    return f\n    a = 1\nf = make()",
        f"import numpy as np\na = np.zeros({MOST_BYTES})\ndef f(): return a",
        f"a = [0] * {MOST_BYTES}\ndef f(): return a", "import sys\ndef f(): return sys.modules",
        "import numpy as np\na = np.array([[1], None], dtype=object)\ndef f(): return a",
    ],
)  # fmt: skip
def test_the_rest_is_left_to_a_fork(source):
    names = notebook(source)
    with pytest.raises(OnlyForkKeepsError):
        snapshot(names["f"], names)
    loose_snapshot(names["f"], names)  # where there can be no fork, it goes on


def test_deep_data_are_left_to_a_fork():
    names = notebook("a = []\nfor _ in range(100_000): a = [a]\ndef f(): return a")
    with pytest.raises(OnlyForkKeepsError):
        snapshot(names["f"], names)


def test_a_loose_snapshot_keeps_names_of_functions_and_of_numbers():
    names = notebook("a = 1\ndef g(): return a\ndef f(): return g()")
    copy = loose_snapshot(names["f"], names)
    exec("a = 2\ng = None", names)
    assert copy() == 1
