"""Run a chapter again when a module of ``book/course`` or a record that it uses has changed.

The execution cache knows a chapter by its code cells alone. Without this, a repaired data module,
an experiment recorded anew or a new version of Keras would leave old numbers in the book.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PACKAGES = ("numpy", "tensorflow", "keras", "scikit-learn", "matplotlib", "babel", "scipy")
_FROM = re.compile(r"^[ \t]*from[ ]+(\.*)([\w.]*)[ ]+import[ ]+(\([^)]*\)|[^\n#]+)", re.M)
_IMPORT = re.compile(r"^[ \t]*import[ ]+(course\.[\w.]+)", re.M)


def imports(source: str, place: Path, folder: Path) -> set[Path]:
    """The files of ``folder`` (book/course) that a source imports.

    place  the folder that relative imports start from
    """
    found = {folder / dotted.split(".")[1] for dotted in _IMPORT.findall(source)}
    for dots, dotted, names in _FROM.findall(source):
        steps = [step for step in dotted.split(".") if step]
        if dots:
            base = place
            for _ in dots[1:]:
                base = base.parent
        elif steps[:1] == ["course"]:
            base, steps = folder, steps[1:]
        else:
            continue
        base = base.joinpath(*steps)
        # a name may be a module of the package or something that the module defines
        found |= {base} | {base / name.split(" as ")[0] for name in re.split(r"[\s,()]+", names)}
    return {
        path
        for entry in found
        for path in (entry.with_suffix(".py"), entry / "__init__.py")
        if path.is_file() and path.is_relative_to(folder)
    }


def files(source: str, folder: Path) -> set[Path]:
    """All files of ``folder`` that running the source loads."""
    seen: set[Path] = set()
    todo = imports(source, folder, folder)
    while todo:
        path = todo.pop()
        seen.add(path)
        todo |= imports(path.read_text(encoding="utf-8"), path.parent, folder) - seen
    return seen


def records(source: str, folder: Path) -> list[Path]:
    """The files of ``book/experiments`` (scripts and their CSVs) that a source names."""
    experiments = (folder.parent / "experiments").glob("*.*")
    return [path for path in sorted(experiments) if re.search(rf"\b{path.stem}\b", source)]


def digest(chapter: Path, folder: Path) -> str:
    """Changes with what the chapter imports, what it shows of recorded runs, and versions."""
    state = hashlib.sha256()
    source = chapter.read_text(encoding="utf-8")
    for path in [*sorted(files(source, folder)), *records(source, folder)]:
        state.update(path.name.encode() + path.read_bytes())
    state.update(versions().encode())
    return state.hexdigest()


@lru_cache(1)
def versions() -> str:
    """The packages that a chapter's results depend on, asked for once a build."""
    return "".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES)


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
