"""Runs on the host, in front of the executor: makes the sent sources importable. Stdlib only, Python 3.8."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Dict, Optional  # noqa: UP035

PACKAGE = "executor"


class Finder:
    """A meta path finder and loader in one. Tracebacks find the lines by get_source, when one is printed."""

    def __init__(self, sources: Dict[str, str]) -> None:  # noqa: UP006
        self.sources = {PACKAGE: sources.get("__init__", "")}
        self.sources.update((PACKAGE + "." + name, text) for name, text in sources.items() if name != "__init__")

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:  # noqa: UP045
        if name not in self.sources:
            return None
        spec = ModuleSpec(name, self, origin=self.filename(name), is_package=name == PACKAGE)  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        exec(compile(self.sources[name], self.filename(name), "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name: str) -> str:
        return self.sources[name]

    @staticmethod
    def filename(name: str) -> str:
        return (PACKAGE + "/__init__.py") if name == PACKAGE else name.replace(".", "/") + ".py"


def run(sources: Dict[str, str]) -> None:  # noqa: UP006
    sys.meta_path.insert(0, Finder(sources))
    __import__(PACKAGE + ".main")
    sys.modules[PACKAGE + ".main"].main(sys.stdin.buffer, sys.stdout.buffer)
