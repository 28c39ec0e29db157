"""The book, built once for all tests, and a browser to read it with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Locked

BOOK = ROOT / "book"
sys.path[:0] = [str(BOOK), str(BOOK / "extensions"), str(Path(__file__).parent)]


def pages_of_toc() -> list[str]:
    """The files of book/_toc.yml without their ending, in order."""
    text = (BOOK / "_toc.yml").read_text(encoding="utf-8")
    return re.findall(r"(?:root|file): *([\w/]+)", text)


def chapters() -> list[str]:
    """The chapters of the table of contents: 01_sequences, 02_numpy_rnn, ..."""
    return [name for name in pages_of_toc() if re.match(r"\d\d_", name)]


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The folder of the HTML book, built with `make book`'s command; warm builds take seconds."""
    # another folder keeps a reader's own _build untouched: BOOK_OUTPUT=/tmp/book pytest ...
    output = Path(os.environ.get("BOOK_OUTPUT", ROOT))
    # not `-m jupyter_book.cli.main`: that module only defines, and ends with 0 without a build
    run = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", run, "build", "book/"]
    command += ["--config", "_config.yml", "--path-output", str(output), "-W", "-n", "--keep-going"]
    with Locked("book"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (
        "\n".join(line for line in (done.stdout + done.stderr).splitlines() if "WARNING" in line)
        or done.stderr[-3000:]
    )
    return output / "_build" / "html"


def open_page(browser, folder, name, width=1280, scheme="light"):
    """A page of the book in a window of its own; ``page.context.close()`` closes it.

    The page's ``outside`` lists its requests to other hosts, ``errors`` what its scripts raised.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.outside, page.errors = [], []
    page.on(
        "request",
        lambda r: page.outside.append(r.url) if not r.url.startswith(("file:", "data:")) else 0,
    )
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto((folder / f"{name}.html").as_uri())
    return page


@pytest.fixture
def read(browser, built_book):
    """Open a page of the book, see ``open_page``; it is closed after the test."""
    pages = []

    def read(name, width=1280, scheme="light"):
        if name[:2].isdigit() and name not in chapters():
            pytest.skip(f"{name} is not in book/_toc.yml yet")
        pages.append(open_page(browser, built_book, name, width, scheme))
        return pages[-1]

    yield read
    for page in pages:
        page.context.close()
