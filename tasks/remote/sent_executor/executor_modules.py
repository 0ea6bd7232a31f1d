"""The modules of the executor that a host needs for one verb: `main`, the verb's own, and what these import."""

from __future__ import annotations

import re
from pathlib import Path

from ...executor.protocol import VERB_FUNCTIONS, Verb

FOR_TYPE_CHECKERS = re.compile(r"\nif TYPE_CHECKING:\n(?: .*\n)+")
# All imports within the executor are relative, and all count: a function may import when it is called.
IMPORT = re.compile(r"^ *from (\.+)([\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
IMPORT_AT_ONCE = re.compile(IMPORT.pattern.replace("^ *", "^"), re.MULTILINE)
# The modules of the sudo helper are sent on to it, by their names.
NAMED = re.compile(r'"(executor\.[\w.]+)"')


def of_verb(verb: Verb, folder: Path) -> dict[str, Path]:
    """The files by dotted name, such as `executor.git.stash`; a package has the name of its folder. In the order in
    which they are imported; those that a function imports are the last."""
    modules = {_name(path, folder): path for path in folder.rglob("*.py")}
    module = f"executor.{VERB_FUNCTIONS[verb][0]}"
    at_once = _closure(["executor", "executor.main", module.rpartition(".")[0], module], modules, IMPORT_AT_ONCE)
    return {**at_once, **_closure([*at_once], modules, IMPORT)}


def _closure(names: list[str], modules: dict[str, Path], imports: re.Pattern[str]) -> dict[str, Path]:
    """Those and all that they import, in that order."""
    closure: dict[str, Path] = {}
    waiting = names[::-1]
    while waiting:
        name = waiting.pop()
        if name in modules and name not in closure:
            closure[name] = modules[name]
            waiting += _imported(name, modules[name], imports)[::-1]
    return closure


def _name(path: Path, folder: Path) -> str:
    parts = ("executor", *path.parts[len(folder.parts):-1], path.stem)
    return ".".join(parts).removesuffix(".__init__")


def _imported(name: str, path: Path, imports: re.Pattern[str]) -> list[str]:
    """Names of all modules that it may import, and of some that are none."""
    source = FOR_TYPE_CHECKERS.sub("", path.read_text(encoding="utf-8"))
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    names = []
    for dots, module, words in imports.findall(source):
        base = ".".join([*package[:len(package) + 1 - len(dots)], *filter(None, [module])])
        names += [base.rpartition(".")[0], base, *(f"{base}.{word}" for word in re.findall(r"\w+", words))]
    return names + (NAMED.findall(source) if imports is IMPORT else [])
