"""The course's secret: what hidden cases are drawn with and hidden files are sealed with.

`AUTOGRADER_SECRET` in the environment wins, so that several machines can share one. Otherwise a
random secret is made once, in a file that git ignores and only its owner can read.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from autograder.check import CheckError

VARIABLE = "AUTOGRADER_SECRET"
FILE = ".autograder_secret"


def load_secret(root: Path) -> bytes:
    """The secret of the course at `root`, made on first use.

    Raises:
        CheckError: the variable or the file holds too little to be a secret.
    """
    from_environment = os.environ.get(VARIABLE)
    if from_environment is not None:
        if len(from_environment) < 16:
            raise CheckError(f"{VARIABLE} is shorter than 16 characters: set a longer random one.")
        return from_environment.encode()
    path = root / FILE
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        secret = path.read_text(encoding="utf-8").strip()
        if len(secret) < 16:
            raise CheckError(
                f"{path} is damaged (shorter than 16 characters): restore it, or delete it and run "
                "`autograder build` (hidden cases are then drawn anew)."
            ) from None
        return secret.encode()
    secret = secrets.token_hex(32)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret + "\n")
    return secret.encode()
