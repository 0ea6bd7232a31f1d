"""The server of tests/support/forked.py: it has imported what `fab` needs, and forks when a test asks."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import pkgutil
import runpy
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

import tasks
from tasks.inventory import loading
from tasks.rollout import protocol
from tests.support import fork_loop
from tests.support.forked import CHECKOUT
from tests.support.usual_programs import usual_programs


def _import_all() -> None:
    ours = [module.name for module in pkgutil.walk_packages(tasks.__path__, "tasks.")]
    for name in ("fabric.main", *ours):
        if not name.startswith("tasks.executor.") and not name.endswith("__main__"):
            importlib.import_module(name)
    _warm_up()
    gc.collect()
    gc.freeze()


def _warm_up() -> None:
    """What each client would work out anew: msgspec's view of our types, patterns, the packed executor."""
    loading.load(CHECKOUT / "hosts.yaml")
    for name in protocol.KINDS:
        with contextlib.suppress(protocol.NotInProtocol):
            protocol.decode("web1", {"event": name})
    usual_programs()


def main() -> None:
    """In a child it goes on as `python *sys.argv`."""
    channel = socket.socket(fileno=0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)        # the suite may run under nohup, which fab would heed
    _import_all()
    sys.argv = fork_loop.Server(channel).serve()
    tempfile.tempdir = None             # looked up in the server's environment
    try:
        _run()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        _end(end.code)
    _end(0)


def _run() -> None:
    if sys.argv[0] == "-m":
        del sys.argv[0]
        sys.path[0] = os.getcwd()
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(sys.argv[0]).parent)
        runpy.run_path(sys.argv[0], run_name="__main__")


def _end(code: int) -> None:
    """As an interpreter ends, but for its modules: they are the server's, and to free them would copy their memory."""
    threading._shutdown()       # type: ignore[attr-defined]    # as multiprocessing ends the children that it forks
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):      # then the interpreter's own end says so
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
