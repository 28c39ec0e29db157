"""Imported before all else by what starts often: leaves out a second that grading has no use for.

nbformat imports jsonschema, which looks for this package to check one kind of web address. Notebooks
hold none, and importing it compiles a grammar. jsonschema goes on without it.
"""

from __future__ import annotations

import sys
from typing import cast

if "jsonschema" not in sys.modules:
    cast(dict, sys.modules)["rfc3987_syntax"] = None
