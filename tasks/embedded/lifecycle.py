"""Bringing the sandbox up, and taking it down."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

from .._errors import Failed
from . import processes, repository
from .sandbox import NAMES, Sandbox, running
from .state_dir import check_private, locked, state_of

PATIENCE = 60
CODE = Path(__file__).resolve().parents[2]

SUPERVISORD = """\
[unix_http_server]
file = %(here)s/supervisor.sock
chmod = 0700

[supervisord]
nodaemon = true
silent = true
logfile = %(here)s/supervisord.log
pidfile = %(here)s/supervisord.pid
childlogdir = %(here)s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://%(here)s/supervisor.sock

[include]
files = conf.d/*.conf
"""


def up(folder: Path) -> Sandbox:
    """The sandbox of the checkout in `folder`: started where it is not up, mended where a part of it died.

    Quick when it is up. Raises NotReady where this machine lacks something, Failed when it does not start.
    """
    state = state_of(folder)
    found = running(state)
    if found:
        return found
    with locked(state):
        found = running(state)
        if found:
            return found
        repository.check_git()
        processes.end_all(str(state))
        _furnish(state)
        server = _start(folder, state)
        try:
            repository.make(state)              # while the server starts
            _wait_until_ready(server, state)
        except BaseException:
            processes.end_all(str(state), patience=1)
            raise
        found = running(state)
    if not found:
        raise _failed(state)
    return found


def down(folder: Path) -> bool:
    """End every process of the sandbox, and remove its folder. False when there was nothing."""
    state = state_of(folder)
    if not os.path.lexists(state):
        return processes.end_all(str(state))
    check_private(state)
    with locked(state):
        # Not up from the first moment on; and half a repository must not pass for one if we are killed.
        (state / "state.json").unlink(missing_ok=True)
        processes.end_all(str(state))
        with contextlib.suppress(FileNotFoundError):
            (state / "git").rename(state / ".git.removed")
        shutil.rmtree(state)
    return True


def _furnish(state: Path) -> None:
    (state / "state.json").unlink(missing_ok=True)
    for name in NAMES:
        root = state / name / "root"
        (root / "conf.d").mkdir(parents=True, exist_ok=True)
        (state / name / "home").mkdir(exist_ok=True)
        aside = root / ".supervisord.conf.new"
        aside.write_text(SUPERVISORD)
        aside.replace(root / "supervisord.conf")


def _start(folder: Path, state: Path) -> subprocess.Popen[bytes]:
    """The server detaches itself; what is waited for is its word on the pipe."""
    environment = {**os.environ, processes.MARK: str(state)}
    environment.pop("PYTHONSAFEPATH", None)         # it would hide tasks/ from -m
    with open(state / "server.log", "ab") as log:
        return subprocess.Popen([sys.executable, "-m", "tasks.embedded.server", str(state), str(folder.resolve())],
                                cwd=CODE, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=log, start_new_session=True)


def _wait_until_ready(server: subprocess.Popen[bytes], state: Path) -> None:
    with server:
        assert server.stdout is not None
        readable, _, _ = select.select([server.stdout], [], [], PATIENCE)
        if not readable or not server.stdout.readline():
            raise _failed(state)


def _failed(state: Path) -> Failed:
    log = state / "server.log"
    lines = log.read_text(errors="replace").splitlines()
    why = f": {lines[-1]}" if lines else ""
    return Failed(f"the sandbox did not start{why}", f"more in {log}")
