"""The server of tests/support/forked.py: it has imported what `fab` needs, and forks when a test asks."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

import tasks
from tasks.executor.protocol import Verb
from tasks.inventory import loading
from tasks.remote.sent_executor.bootstrap import OURS, program
from tasks.rollout import protocol
from tests.support.forked import CHECKOUT

USUAL: tuple[Verb, ...] = ("rollout", "plan", "status")


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
    for verb in USUAL:
        program(verb)(OURS)


def _serve(channel: socket.socket) -> None:
    """Returns in every child; the server itself ends here."""
    running: dict[int, tuple[int, int]] = {}            # by pidfd: pid, where its end is told
    while True:
        for ready in select.select([channel.fileno(), *running], [], [])[0]:
            if ready == channel.fileno():
                said, given, *_ = socket.recv_fds(channel, 1, 5)
                if not said:
                    sys.exit()
                pid = os.fork()
                if pid == 0:
                    return _become(*given)
                os.write(given[3], b"%d\n" % pid)
                running[os.pidfd_open(pid)] = pid, given.pop(3)
            else:
                pid, told = running.pop(ready)
                given = [ready, told]
                with contextlib.suppress(BrokenPipeError):
                    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            for fd in given:
                os.close(fd)


def _become(stdin: int, stdout: int, stderr: int, _: int, request: int) -> None:
    os.setsid()
    for number, fd in enumerate((stdin, stdout, stderr)):
        os.dup2(fd, number)
    with open(request) as file:
        words, cwd, env = json.load(file)
    os.closerange(3, 2**16)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None             # looked up in the server's environment
    sys.argv = words


def main() -> None:
    """In a child it goes on as `python *sys.argv`."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGHUP, signal.SIG_DFL)        # the suite may run under nohup, which fab would heed
    _import_all()
    _serve(channel)
    channel.detach()
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
