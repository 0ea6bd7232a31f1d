"""Makes the sent modules importable, and runs the executor. Runs on the host: stdlib only, Python 3.8 or newer."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any


class Finder:
    """A meta path finder and loader in one. Tracebacks find the lines by get_source, when one is printed.

    `modules`: by dotted name the source, or code that was compiled for this very interpreter.
    """

    def __init__(self, modules: dict[str, str | CodeType]) -> None:
        self.modules = modules
        self.packages = {name.rpartition(".")[0] for name in modules}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self.modules:
            return None
        spec = ModuleSpec(name, self, origin=self.filename(name), is_package=name in self.packages)  # type: ignore[arg-type]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.filename(module.__name__)        # of its spec, Python would look for a cache, too
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> CodeType:
        module = self.modules[name]
        return module if isinstance(module, CodeType) else compile(module, self.filename(name), "exec",
                                                                   dont_inherit=True)

    def get_source(self, name: str) -> str | None:
        module = self.modules[name]
        return module if isinstance(module, str) else None

    def filename(self, name: str) -> str:
        return name.replace(".", "/") + ("/__init__.py" if name in self.packages else ".py")


def run(modules: dict[str, str | CodeType]) -> None:
    sys.meta_path.insert(0, Finder(modules))
    __import__("executor.main")
    sys.modules["executor.main"].main(sys.stdin.buffer, sys.stdout.buffer)
