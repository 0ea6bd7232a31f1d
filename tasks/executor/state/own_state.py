"""The state folder must be the login user's own: what somebody else can put there, we would read, write and obey."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Iterable

from ..errors import NotReady
from ..layout import Layout
from ..protocol import ASIDE
from ..quoting import for_sh
from ..system.accounts import login_name, user_name

FILES = ("lock", "env")
ENDINGS = (".json", ".jsonl", ".lock", ".log", ".conf")     # of the other files in the state folder


def require(layout: Layout, services: Iterable[str]) -> None:
    """Raise NotReady where the state folder, or what a command on these services uses of it, is a link, belongs to
    another user, can be written by one, or is a folder in the place of a file or a file in that of a folder. A folder
    that is not there yet is made later, with mode 0700."""
    try:
        top = os.lstat(layout.state)
    except (FileNotFoundError, NotADirectoryError):
        _require_place(layout)
        return
    except PermissionError:
        folder = os.path.dirname(layout.state)
        name = f"the root {folder}" if folder == layout.root else folder
        raise NotReady(f"{login_name()} cannot enter {name}",
                       f"see on the host which folder is closed: namei -l {for_sh(folder)}") from None
    _require_state_folder(layout, top)
    _require_own(layout, layout.state, top)
    if top.st_mode & 0o022:
        raise NotReady(f"{layout.state} can be written by other users",
                       f"look at what is in it, then on the host: chmod go-w {for_sh(layout.state)}")
    for folder in [layout.journals, layout.runs, *map(layout.service_state, services)]:
        _require_own_if_there(layout, folder)           # before we look into it: it may be closed to us
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise _no_folder(layout, folder)
        for path in _entries(folder):
            _require_own_if_there(layout, path)
            _require_file(path)
    _require_own_if_there(layout, layout.reload_lock)
    _require_file(layout.reload_lock)


def _require_place(layout: Layout) -> None:
    """Of a state folder that is not there: nothing but a folder is above it."""
    path = layout.state
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise _no_folder(layout, path)


def _require_state_folder(layout: Layout, top: os.stat_result) -> None:
    """A folder of another user into which nobody deployed is no state folder, but a mistake in hosts.yaml: nobody shall
    be told to take over /var/lib. One that we cannot look into may be the state of a colleague."""
    if not stat.S_ISDIR(top.st_mode) and not stat.S_ISLNK(top.st_mode):
        raise _no_folder(layout, layout.state)
    is_used = os.path.isdir(layout.journals) or not os.access(layout.state, os.R_OK | os.X_OK)
    if stat.S_ISDIR(top.st_mode) and top.st_uid != os.geteuid() and not is_used:
        login = login_name()
        other = "let `state` in hosts.yaml name a folder that is not there yet, such as ~/.fabvisor"
        take = f"; or on the host: sudo install -d -m 700 -o {for_sh(login)} {for_sh(layout.state)}"
        raise NotReady(f"{layout.state}, where Fabvisor keeps its own files, belongs to {user_name(top.st_uid)};"
                       f" you log in as {login}", other + ("" if os.listdir(layout.state) else take))


def _no_folder(layout: Layout, path: str) -> NotReady:
    kind = "a link to nothing" if os.path.islink(path) else "no folder"
    return NotReady(f"{path} is {kind}, and Fabvisor keeps its own files in {layout.state}",
                    f"correct `state` in hosts.yaml; or move it away on the host: mv {for_sh(path)}"
                    f" {for_sh(path + '.aside')}")


def _entries(folder: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    return []


def _require_own_if_there(layout: Layout, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):        # a command on other services makes and removes files, too
        _require_own(layout, path, os.lstat(path))


def _require_own(layout: Layout, path: str, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid() and not _is_programs(path):
        owner, login = user_name(status.st_uid), login_name()
        raise NotReady(f"{path} belongs to {owner}, who deploys below {layout.root}; you log in as {login}",
                       f"log in as {owner} (`user: {owner}` in hosts.yaml), or take it over on the host:"
                       f" sudo chown -R {for_sh(login)} {for_sh(layout.state)}")
    if stat.S_ISLNK(status.st_mode):
        raise NotReady(f"{path} is a link, where a file or folder of our own belongs",
                       f"see where it leads, then remove it on the host: rm {for_sh(path)}")


def _require_file(path: str) -> None:
    """Of the folder of a service, which may have any name, this is not asked."""
    if os.path.isdir(path) and (os.path.basename(path) in FILES or path.endswith(ENDINGS)):
        raise NotReady(f"{path} is a folder, where a file of our own belongs",
                       f"see what is in it, then move it away on the host: mv {for_sh(path)} {for_sh(path + '.aside')}")


def _is_programs(path: str) -> bool:
    """Where root logs in, an environment file belongs to the user of its program."""
    return os.geteuid() == 0 and os.path.basename(path) in ("env", f".env{ASIDE}")
