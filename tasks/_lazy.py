"""Lazy faces: `rollout.planner` is imported when it is first used, so that `fab --list` loads no machinery."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType


def submodules(package: str) -> Callable[[str], ModuleType]:
    """The `__getattr__` of a package (PEP 562): imports a module of that folder by its name.

    The import statements beside it, for type checkers only, list the modules that other folders may use.
    """
    def import_submodule(name: str) -> ModuleType:
        module = f"{package}.{name}"
        try:
            if not name.startswith("_"):
                return import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:        # it is there, and what it imports is not
                raise
        raise AttributeError(f"{package} has no module {name}")

    return import_submodule
