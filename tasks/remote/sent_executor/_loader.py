"""Makes the sent modules importable, and runs the executor. Runs on the host: stdlib only, Python 3.8 or newer."""

from __future__ import annotations

import sys
import threading
import zlib
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any, Dict, Iterator, Union

Modules = Dict[str, Union[str, CodeType]]


class Finder:
    """A meta path finder and loader in one, for modules that are still on their way. Tracebacks find the lines by
    get_source, when one is printed.

    `names`: of all, dotted; a module is imported after it has arrived. `pieces`: by name the sources, or code that was
    compiled for this very interpreter. next() waits for a piece.
    """

    def __init__(self, names: list[str], pieces: Iterator[Modules]) -> None:
        self.names = names
        self.packages = {name.rpartition(".")[0] for name in names}
        self.modules: Modules = {}
        self._pieces = pieces
        self._one_by_one = threading.Lock()
        self._compiled: dict[str, CodeType] = {}

    @property
    def is_whole(self) -> bool:
        return len(self.modules) == len(self.names)

    def take(self) -> bool:
        """Wait for a piece; from any thread. False where none comes any more: all are here, or the client is gone."""
        with self._one_by_one:
            try:
                piece = {} if self.is_whole else next(self._pieces, {})
            except zlib.error:              # the client is gone in the middle of it
                piece = {}
            self.modules.update(piece)
            return bool(piece)

    def has(self, name: str) -> bool:
        """Waits until it has arrived."""
        while name not in self.modules and self.take():
            pass
        return name in self.modules

    def compile_ahead(self) -> None:
        """As long as some are still on their way."""
        for name in self.names:
            if self.is_whole or not self.has(name):
                return
            if name not in sys.modules:
                self._compiled[name] = self.get_code(name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self.names or not self.has(name):
            return None
        spec = ModuleSpec(name, self, origin=self.filename(name), is_package=name in self.packages)  # type: ignore[arg-type]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.filename(module.__name__)        # of its spec, Python would look for a cache, too
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> CodeType:
        module = self._compiled.pop(name, None) or self.modules[name]
        return module if isinstance(module, CodeType) else compile(module, self.filename(name), "exec",
                                                                   dont_inherit=True)

    def get_source(self, name: str) -> str | None:
        module = self.modules[name]
        return module if isinstance(module, str) else None

    def filename(self, name: str) -> str:
        return name.replace(".", "/") + ("/__init__.py" if name in self.packages else ".py")


class Behind:
    """Standard input behind the modules."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def readline(self) -> bytes:
        while self._finder.take():
            pass
        return sys.stdin.buffer.readline()


def run(names: list[str], pieces: Iterator[Modules]) -> None:
    finder = Finder(names, pieces)
    sys.meta_path.insert(0, finder)
    __import__("executor.main")
    sys.modules["executor.main"].main(Behind(finder), sys.stdout.buffer, finder.compile_ahead)
