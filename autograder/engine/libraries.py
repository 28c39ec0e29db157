"""Which files a submission may read: the interpreter, and the libraries that its assignment allows.

An assignment allows distributions by name; what they require comes along, and IPython always does.
Every other package in site-packages stays unreadable, so that a call to it cannot be an answer.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import site
import sys
import sysconfig
from dataclasses import asdict, dataclass, field
from pathlib import Path

ALWAYS = ("ipython", "matplotlib-inline", "numpy")

# Programs, shared libraries and tables that programs look up. Read-only.
_SYSTEM = (
    "/bin", "/usr/bin", "/lib64", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime",
    "/usr/share/zoneinfo", "/usr/lib/locale", "/usr/share/locale",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class View:
    """The readable part of the file system.

    `paths` are files and whole folders; `holes` are folders inside them that stay empty;
    `search` is `sys.path` for the interpreter that sees this view.
    """

    paths: tuple[str, ...]
    holes: tuple[str, ...]
    search: tuple[str, ...]
    missing: tuple[str, ...] = field(default=())

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> View:
        return cls(**{key: tuple(value) for key, value in data.items()})

    def hidden(self) -> list[str]:
        """Names of installed top-level modules that this view leaves out."""
        shown = {Path(path).name.split(".")[0] for path in self.paths}
        shown |= {Path(path).parent.name for path in self.paths}  # namespace packages
        names = set()
        for folder in _in_use():
            for entry in os.scandir(folder):
                name = entry.name.split(".")[0]
                if name.isidentifier() and name not in shown:
                    names.add(name)
        return sorted(names)

    def rules(self) -> list[str]:
        """Paths for Landlock, which cannot take away again: folders with holes are listed out."""
        result = []
        for path in self.paths:
            result += _without(Path(path), [Path(hole) for hole in self.holes])
        return result


def view(allows: tuple[str, ...] | list[str]) -> View:
    """What a submission to an assignment that allows these libraries may read."""
    standard = Path(sysconfig.get_paths()["stdlib"])
    platform_standard = Path(sysconfig.get_paths()["platstdlib"])
    paths = [standard, standard.with_name("python" + sys.version[:4].replace(".", "") + ".zip")]
    if platform_standard.exists() and not platform_standard.is_relative_to(sys.prefix):
        paths.append(platform_standard)
    base = Path(sys.base_prefix)
    paths += sorted(base.glob("lib/libpython*.so*"))
    paths += [Path(name) for name in _SYSTEM]
    triplet = sysconfig.get_config_var("MULTIARCH")
    if triplet:
        paths += [Path("/lib") / triplet, Path("/usr/lib") / triplet]
    holes = [folder for folder in _package_folders() if folder.is_dir()]
    found, missing = _libraries([*ALWAYS, *allows])
    search = [str(standard), str(standard / "lib-dynload")]
    search += _in_use()
    everything = [str(p) for p in paths if p.exists()] + sorted(found)
    return View(
        tuple(dict.fromkeys(everything)),
        tuple(dict.fromkeys(str(hole) for hole in holes)),
        tuple(dict.fromkeys(search)),
        tuple(missing),
    )


def _in_use() -> list[str]:
    """Folders that this interpreter imports installed packages from."""
    names = [*site.getsitepackages(), sysconfig.get_paths()["platlib"]]
    return [name for name in dict.fromkeys(names) if Path(name).is_dir()]


def _package_folders() -> list[Path]:
    """Folders that hold installed packages, whether in use or not."""
    standard = Path(sysconfig.get_paths()["stdlib"])
    folders = [Path(name) for name in _in_use()]
    folders += [standard / "site-packages", standard / "dist-packages"]
    folders += [Path("/usr/lib/python3/dist-packages")]
    return list(dict.fromkeys(folders))


def _libraries(wanted: list[str]) -> tuple[set[str], list[str]]:
    """Files and folders of distributions and of all that they require; names not installed."""
    from packaging.requirements import Requirement

    installed: dict[str, importlib.metadata.Distribution] = {}
    for distribution in importlib.metadata.distributions(path=_in_use()):
        name = distribution.metadata["Name"]
        if name:
            installed.setdefault(_canonical(name), distribution)
    queue, seen, missing = [_canonical(name) for name in wanted], set(), []
    paths: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in installed:
            if name in {_canonical(w) for w in wanted}:
                missing.append(name)
            continue
        paths |= _entries(installed[name])
        for line in installed[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                queue.append(_canonical(requirement.name))
    return paths, missing


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(distribution: importlib.metadata.Distribution) -> set[str]:
    """Top-level files and folders of a distribution in site-packages."""
    root = Path(str(distribution.locate_file("")))
    entries = set()
    for file in distribution.files or ():
        parts = file.parts
        if not parts or parts[0] == ".." or file.is_absolute():
            continue
        if parts[0] == "__pycache__":
            depth = 2  # of a module that is one file: its bytecode alone
        elif len(parts) > 2 and not (root / parts[0] / "__init__.py").exists():
            depth = 2  # a namespace package, shared with other distributions
        else:
            depth = 1
        if parts[0].endswith((".dist-info", ".libs", ".data")):
            depth = 1
        entry = root.joinpath(*parts[:depth])
        if entry.suffix != ".pth":
            entries.add(str(entry))
    return {entry for entry in entries if os.path.exists(entry)}  # noqa: PTH110  thousands


def _without(path: Path, holes: list[Path]) -> list[str]:
    """`path`, or its parts so that none of them is or holds a hole."""
    if path in holes:
        return []
    if not any(hole.is_relative_to(path) for hole in holes):
        return [str(path)]
    return [p for child in sorted(path.iterdir()) for p in _without(child, holes)]
