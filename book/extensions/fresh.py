"""Run a chapter again when a module of ``book/course`` that it imports has changed.

The execution cache knows a chapter by its code cells alone. Without this, a repaired data module
or a new version of Keras would leave old numbers in the book.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PACKAGES = ("numpy", "tensorflow", "keras", "scikit-learn", "matplotlib", "babel", "scipy")
_IMPORTS = re.compile(
    r"^\s*from course import ([\w, ]+)|^\s*from course\.([\w.]+) import|^\s*import course\.([\w.]+)"
    r"|^\s*from \.([\w.]*) import ([\w, ]+)",
    re.M,
)


def modules(source: str) -> set[str]:
    """The names right below ``course`` that a source imports: {"data", "figures"}."""
    found: set[str] = set()
    for names, dotted, imported, relative, members in _IMPORTS.findall(source):
        if names or (members and not relative):
            found |= {name.split(" as ")[0].strip() for name in (names or members).split(",")}
        else:
            found.add((dotted or imported or relative).split(".")[0])
    return found - {""}


def files(folder: Path, names: set[str]) -> set[Path]:
    """The files of these modules and of all that they import from ``course`` in turn."""
    seen: set[Path] = set()
    todo = set(names)
    done: set[str] = set()
    while todo:
        name = todo.pop()
        done.add(name)
        package = folder / name
        sources = sorted(package.rglob("*.py")) if package.is_dir() else [folder / f"{name}.py"]
        for path in sources:
            if path.exists() and path not in seen:
                seen.add(path)
                todo |= modules(path.read_text(encoding="utf-8")) - done
    return seen


def digest(chapter: Path, folder: Path) -> str:
    """Changes when a module that the chapter imports, or a package's version, has changed."""
    names = modules(chapter.read_text(encoding="utf-8"))
    state = hashlib.sha256()
    for path in sorted(files(folder, names)):
        state.update(path.name.encode() + path.read_bytes())
    for package in PACKAGES:
        state.update(f"{package} {importlib.metadata.version(package)}".encode())
    return state.hexdigest()


def forget(app: Sphinx) -> None:
    """Take the results of chapters with changed modules out of the cache."""
    folder = Path(app.srcdir) / "course"
    cache_path = Path(app.env.mystnb_config.execution_cache_path)  # type: ignore[attr-defined]
    record = cache_path / "modules.json"
    before = json.loads(record.read_text()) if record.exists() else {}
    now = {
        path.relative_to(app.srcdir).as_posix(): digest(path, folder)
        for path in sorted(Path(app.srcdir).rglob("*.md"))
        if "{code-cell}" in path.read_text(encoding="utf-8")
    }
    changed = {name for name, value in now.items() if before.get(name, value) != value}
    if changed:
        cache = get_cache(str(cache_path))
        for entry in cache.list_cache_records():
            if any(Path(entry.uri) == Path(app.srcdir) / name for name in changed):
                cache.remove_cache(entry.pk)
    app.config.fresh_changed = sorted(changed)
    cache_path.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(now, indent=1))


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Tell Sphinx to read those chapters again."""
    names = [name.rsplit(".", 1)[0] for name in app.config.fresh_changed]
    return [name for name in names if name in env.found_docs]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("fresh_changed", [], "")
    # after MyST-NB, which decides at 500 where its cache lies
    app.connect("builder-inited", forget, priority=900)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
