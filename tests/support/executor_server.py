"""The server of forked executors: it has imported what the executor takes of Python's library. And it has unpacked and
imported the usual programs once, which takes an executor as long as to run one; but not their `main`.

Python's options are those that the executor starts with, so no package is here but the standard library.
"""

from __future__ import annotations

import gc
import importlib
import marshal
import pkgutil
import signal
import socket
import sys
import zlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import decompress

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = {"loader", "executor.main", "executor.sudo.sudo_start"}       # run anew by each executor


def _import_library() -> None:
    """The executor's own modules are imported for what they import."""
    sys.path[0] = str(CHECKOUT / "tasks")
    executor = importlib.import_module("executor")
    for module in pkgutil.walk_packages(executor.__path__, "executor."):
        if module.name not in PROGRAMS:
            importlib.import_module(module.name)


def _import_usual() -> None:
    """An executor that gets the very same bytes finds them unpacked, and their modules imported."""
    from tests.support.program_pieces import packed_pieces
    from tests.support.usual_programs import usual_programs

    marshal.loads = cache(marshal.loads)            # type: ignore[assignment]
    unpacked = {}
    for program in usual_programs():
        first, packed = packed_pieces(program)
        unpacked.update((piece, decompress(piece)) for piece in (first, packed))
        _import(marshal.loads(unpacked[packed]))
    imported = _forget("executor")

    def known(packed: bytes) -> bytes:
        """Of another program nothing is here yet."""
        if packed in unpacked:
            sys.modules.update(imported)
            return unpacked[packed]
        return decompress(packed)

    zlib.decompress = known                         # type: ignore[assignment]


def _import(modules: dict[str, Any]) -> None:
    from tasks.remote.sent_executor._loader import Finder

    sys.meta_path.insert(0, Finder([*modules], iter([modules])))
    for name in sorted(modules.keys() - PROGRAMS):
        importlib.import_module(name)
    del sys.meta_path[0]


def _forget(*packages: str) -> dict[str, ModuleType]:
    """Returns them."""
    return {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] in packages}


def main() -> None:
    """`executor_server.py LISTENER`, the number of a socket. In a child it goes on as `python -c CODE`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.path[0] = str(CHECKOUT)
    from tests.support.fork_loop import Server

    _import_library()
    _forget("executor")
    sys.path[0] = str(CHECKOUT)
    _import_usual()
    _forget("tasks", "tests")
    gc.collect()
    gc.freeze()
    (code,) = Server(socket.socket(fileno=0), socket.socket(fileno=int(sys.argv[1]))).serve()
    sys.path[0], sys.argv = "", ["-c"]
    exec(code, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
