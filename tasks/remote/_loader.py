"""Runs on the host, in front of the executor: makes the sent modules importable. Stdlib only, Python 3.8."""

import sys
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any, Dict, Optional, Union  # noqa: UP035

PACKAGE = "executor"
Module = Union[str, CodeType]           # a source, or compiled for this very interpreter  # noqa: UP007


class Finder:
    """A meta path finder and loader in one. Tracebacks find the lines by get_source, when one is printed."""

    def __init__(self, modules: Dict[str, Module]) -> None:  # noqa: UP006
        self.modules: Dict[str, Module] = {PACKAGE: modules.get("__init__", "")}  # noqa: UP006
        self.modules.update((PACKAGE + "." + name, found) for name, found in modules.items() if name != "__init__")

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:  # noqa: UP045
        if name not in self.modules:
            return None
        spec = ModuleSpec(name, self, origin=self.filename(name), is_package=name == PACKAGE)  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        found = self.modules[module.__name__]
        if isinstance(found, str):
            found = compile(found, self.filename(module.__name__), "exec", dont_inherit=True)
        exec(found, module.__dict__)

    def get_source(self, name: str) -> Optional[str]:  # noqa: UP045
        found = self.modules[name]
        return found if isinstance(found, str) else None

    @staticmethod
    def filename(name: str) -> str:
        return (PACKAGE + "/__init__.py") if name == PACKAGE else name.replace(".", "/") + ".py"


def run(modules: Dict[str, Module]) -> None:  # noqa: UP006
    sys.meta_path.insert(0, Finder(modules))
    __import__(PACKAGE + ".main")
    sys.modules[PACKAGE + ".main"].main(sys.stdin.buffer, sys.stdout.buffer)
