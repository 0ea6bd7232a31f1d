"""The modules of the executor that a host needs for one verb: `main`, the verb's own, and what these import."""

from __future__ import annotations

import re
from pathlib import Path

from ...executor.protocol import VERB_FUNCTIONS, Verb

FOR_TYPE_CHECKERS = re.compile(r"\nif TYPE_CHECKING:\n(?: .*\n)+")
# All imports within the executor are relative, and all count: a function may import when it is called.
IMPORT = re.compile(r"^ *from (\.+)([\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
# The modules of the sudo helper are sent on to it, by their names.
NAMED = re.compile(r'"(executor\.[\w.]+)"')


def of_verb(verb: Verb, folder: Path) -> dict[str, Path]:
    """The files by dotted name, such as `executor.git.stash`; a package has the name of its folder."""
    modules = {_name(path, folder): path for path in folder.rglob("*.py")}
    needed: dict[str, Path] = {}
    module = f"executor.{VERB_FUNCTIONS[verb][0]}"
    waiting = {"executor", "executor.main", module.rpartition(".")[0], module} & modules.keys()
    while waiting:
        name = waiting.pop()
        needed[name] = modules[name]
        waiting |= modules.keys() & _imported(name, modules[name]) - needed.keys()
    return needed


def _name(path: Path, folder: Path) -> str:
    parts = ("executor", *path.parts[len(folder.parts):-1], path.stem)
    return ".".join(parts).removesuffix(".__init__")


def _imported(name: str, path: Path) -> set[str]:
    """Names of all modules that it may import, and of some that are none."""
    source = FOR_TYPE_CHECKERS.sub("", path.read_text(encoding="utf-8"))
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    names = set(NAMED.findall(source))
    for dots, module, words in IMPORT.findall(source):
        base = ".".join([*package[:len(package) + 1 - len(dots)], *filter(None, [module])])
        names.update((base, base.rpartition(".")[0]), (f"{base}.{word}" for word in re.findall(r"\w+", words)))
    return names
