"""What an assignment is built from: its own files, the modules that these import, the packages used.

A build is skipped while nothing of this has changed. What is imported is known only when it has been
imported, so a build writes it into its stamp, and the next one looks at the files named there.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from autograder.check import secret_id

HERE = Path(__file__).parent
# The outputs depend on these whatever an assignment imports.
ENGINE_SOURCES = ("check.py", "authoring.py", "build.py", "distinct.py", "inputs.py", "source.py")
PACKAGES = ("numpy", "nbgrader", "jupytext", "nbformat")


def digest_of(
    root: Path, folder: Path, secret: bytes, modules: Iterable[str], packages: Iterable[str]
) -> str:
    """Digest of everything that the outputs of an assignment are made from.

    Args:
        root: the course's folder.
        folder: the assignment's, in solutions/.
        secret: the course's secret.
        modules, packages: what the assignment imports, as `imported` found it.
    """
    digest = hashlib.sha256(secret_id(secret).encode())
    for path in files_of(root, folder, modules):
        content = path.read_bytes() if path.is_file() else b"missing"
        digest.update(path.name.encode() + b"\0" + content)
    for package in sorted({*PACKAGES, *packages}):
        digest.update(f"{package} {_version(package)}\n".encode())
    return digest.hexdigest()


def files_of(root: Path, folder: Path, modules: Iterable[str]) -> list[Path]:
    """The files that an assignment is built from; the arguments are those of `digest_of`."""
    files = [HERE / file for file in ENGINE_SOURCES] + sorted(folder.parent.glob("*.py"))
    files += sorted(path for path in folder.rglob("*") if path.is_file())
    files += [root / "nbgrader_config.py", *(root / name for name in modules)]
    return [f for f in files if "__pycache__" not in f.parts and f.suffix != ".ipynb"]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def imported(
    root: Path, sources: Iterable[str], allows: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """What code imports, directly or through other modules of the course; it must have run.

    Args:
        root: the course's folder.
        sources: Python code.
        allows: packages that count as used anyway, such as the one that Keras runs on.

    Returns:
        Files of modules that are not installed (relative to `root` where they lie in it), and the
        names of the installed packages.
    """
    queue: list[tuple[str, str]] = [("", source) for source in sources]
    files: dict[Path, None] = {}
    tops = set(allows)
    while queue:
        package, source = queue.pop()
        for name in _imports(ast.parse(source), package):
            module = sys.modules.get(name)
            file = _file(module)
            if module is None or file is None:
                continue
            if is_installed(str(file)):
                tops.add(name.partition(".")[0])
            elif file not in files and HERE not in file.parents:
                files[file] = None
                queue.append((module.__package__ or "", file.read_text(encoding="utf-8")))
    found = importlib.metadata.packages_distributions() if tops else {}
    packages = {distribution for top in tops for distribution in found.get(top, ())}
    return sorted(_within(file, root.resolve()) for file in files), sorted(packages)


def _within(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Every module that an import statement may have loaded, with the packages around it."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                found = [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                parts = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                start = ".".join([*parts, *([module] if module else [])])
                found = [start, *(f"{start}.{alias.name}" for alias in names)]
            case _:
                continue
        for name in found:
            steps = name.split(".")
            yield from (".".join(steps[:count]) for count in range(1, len(steps) + 1))


def _file(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file and file.endswith(".py") else None


@functools.lru_cache(4096)
def is_installed(file: str) -> bool:
    """Whether a file belongs to Python or to an installed package, not to somebody's course."""
    path = Path(file).resolve()
    return any(path.is_relative_to(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix))
