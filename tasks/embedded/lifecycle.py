"""Starts and stops the sandbox."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from .._errors import Failed, NotReady
from ..program.supervisord_conf import supervisord_conf
from . import processes, repository
from .sandbox import NAMES, Sandbox, find_running
from .state_dir import check_private, locked, state_of

READY_WITHIN = 60               # seconds
CODE = Path(__file__).resolve().parents[2]


def up(folder: Path) -> Sandbox:
    """The sandbox of the checkout in `folder`. Starts it unless it is up; starts it anew when a part of it died.

    Raises NotReady where this machine lacks something, Failed when it does not start.
    """
    state = state_of(folder)
    sandbox = find_running(state)
    if sandbox:
        return sandbox
    _require_packages()
    repository.check_git()
    with locked(state):
        sandbox = find_running(state)           # somebody else may have started it meanwhile
        if sandbox:
            return sandbox
        processes.end_all(str(state))
        _write_roots(state)
        server = _start(folder, state)
        try:
            repository.make(state)              # while the server starts
            _wait_until_ready(server, state)
        except BaseException:
            processes.end_all(str(state), timeout=1)
            raise
        sandbox = find_running(state)
    if not sandbox:
        raise _failed(state)
    return sandbox


def down(folder: Path) -> bool:
    """End every process of the sandbox, and remove its folder. False when there was nothing."""
    state = state_of(folder)
    if not os.path.lexists(state):
        return processes.end_all(str(state))
    check_private(state)
    with locked(state):
        # First: it must not pass for a sandbox that is up, nor half a repository for a whole one, if we are killed.
        (state / "state.json").unlink(missing_ok=True)
        processes.end_all(str(state))
        with contextlib.suppress(FileNotFoundError):
            (state / "git").rename(state / ".git.removed")
        shutil.rmtree(state)
    return True


def _require_packages() -> None:
    missing = [name for name in ("asyncssh", "supervisor") if find_spec(name) is None]
    if missing:
        raise NotReady(f"the sandbox needs {' and '.join(missing)}, and this Python has none",
                       f"pip install {' '.join(missing)}; with pipx: pipx inject fabvisor {' '.join(missing)}")
    if not Path("/proc/self/stat").exists():
        raise NotReady("the sandbox runs on Linux only", "deploy to hosts of your own from here")


def _write_roots(state: Path) -> None:
    (state / "state.json").unlink(missing_ok=True)
    for name in NAMES:
        root = state / name / "root"
        (root / "conf.d").mkdir(parents=True, exist_ok=True)
        (state / name / "home").mkdir(exist_ok=True)
        aside = root / ".supervisord.conf.new"
        aside.write_text(supervisord_conf("conf.d/*.conf", ["nodaemon=true", "silent=true"]))
        aside.replace(root / "supervisord.conf")


def _start(folder: Path, state: Path) -> subprocess.Popen[bytes]:
    """The server detaches itself. It writes a line to its standard output when it is ready."""
    environment = {**os.environ, processes.MARK: str(state)}
    environment.pop("PYTHONSAFEPATH", None)         # it would hide our package from -m
    with open(state / "server.log", "ab") as log:
        return subprocess.Popen([sys.executable, "-m", f"{__package__}.server", str(state), str(folder.resolve())],
                                cwd=CODE, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=log, start_new_session=True)


def _wait_until_ready(server: subprocess.Popen[bytes], state: Path) -> None:
    with server:
        assert server.stdout is not None
        readable, _, _ = select.select([server.stdout], [], [], READY_WITHIN)
        if not readable or not server.stdout.readline():
            raise _failed(state)


def _failed(state: Path) -> Failed:
    log = state / "server.log"
    lines = log.read_text(errors="replace").splitlines()
    why = f": {lines[-1]}" if lines else ""
    return Failed(f"the sandbox did not start{why}", f"more in {log}")
