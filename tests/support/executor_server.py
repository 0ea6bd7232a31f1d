"""The server of forked executors: it has imported what the executor takes of Python's library, and none of ours. And it
has unpacked the usual programs once, which takes an executor as long as to run one.

Python's options are those that the executor starts with, so no package is here but the standard library.
"""

from __future__ import annotations

import gc
import importlib
import io
import marshal
import pkgutil
import signal
import socket
import sys
import zlib
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
USUAL = ("rollout", "plan", "status", "history", "logs")


def _import_library() -> None:
    """The executor's own modules are imported for what they import."""
    sys.path[0] = str(CHECKOUT / "tasks")
    executor = importlib.import_module("executor")
    for module in pkgutil.walk_packages(executor.__path__, "executor."):
        if module.name != "executor.sudo.sudo_start":       # a program, which would run
            importlib.import_module(module.name)


def _unpack_usual() -> None:
    """An executor that gets the very same bytes finds them unpacked."""
    from tasks.remote.sent_executor.bootstrap import OURS, Program

    zlib.decompress = cache(zlib.decompress)  # type: ignore[assignment]
    marshal.loads = cache(marshal.loads)      # type: ignore[assignment]
    for verb in USUAL:
        program = io.BytesIO(Program(verb)(OURS))
        program.readline()                          # for shells
        zlib.decompress(program.read(int(program.readline())))
        marshal.loads(zlib.decompress(program.read(int(program.readline()))))


def _forget_ours() -> None:
    """Each executor brings its own modules."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("executor", "tasks", "tests")]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()


def main() -> None:
    """`executor_server.py LISTENER`, the number of a socket. In a child it goes on as `python -c CODE`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.path[0] = str(CHECKOUT)
    from tests.support.fork_loop import Server

    _unpack_usual()
    _import_library()
    _forget_ours()
    (code,) = Server(socket.socket(fileno=0), socket.socket(fileno=int(sys.argv[1]))).serve()
    sys.path[0], sys.argv = "", ["-c"]
    exec(code, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
