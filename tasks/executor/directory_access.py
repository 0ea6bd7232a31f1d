"""Whether the login user can write a service's directory: known before git fetches."""

from __future__ import annotations

import os

from .disk import files, read_only
from .errors import HostError, NotReady
from .quoting import for_sh
from .system.accounts import login_name, user_name


def problems(directory: str) -> list[HostError]:
    """`directory`: absolute. A clone of another user that we can write is git's to refuse."""
    exists, clone = os.path.isdir(directory), os.path.join(directory, ".git")
    if os.path.lexists(directory) and not exists:
        kind = "a link to nothing" if os.path.islink(directory) else "no folder"
        return [NotReady(f"the service directory {directory} is {kind}",
                         f"move it away on the host: mv {for_sh(directory)} {for_sh(directory + '.away')}")]
    folder = directory if exists else files.existing_parent(directory)
    closed = [path for path in (folder, clone) if os.path.isdir(path) and not os.access(path, os.W_OK | os.X_OK)]
    return [read_only.problem(closed[0]) or _closed_to_us(directory, folder)] if closed else []


def _closed_to_us(directory: str, folder: str) -> NotReady:
    """`folder`: the directory, or what is there above it."""
    if os.path.exists(os.path.join(directory, ".git")):
        return foreign_clone(directory)
    owner, login = user_name(os.stat(folder).st_uid), login_name()
    belongs = f"{folder} belongs to {owner}, and {login}, who logs in, cannot write there"
    if folder == directory:
        return NotReady(f"the service directory {belongs}", _take_over(directory, login))
    return NotReady(f"the service directory {directory} cannot be made: {belongs}",
                    f"on the host: sudo install -d -o {for_sh(login)} {for_sh(directory)}")


def _take_over(directory: str, login: str) -> str:
    """What is there and no clone may be all that a web server serves."""
    try:
        if not os.listdir(directory):
            return f"on the host: sudo chown {for_sh(login)} {for_sh(directory)}"
    except PermissionError:
        pass
    return ("let `directory` in hosts.yaml name a folder that is not there yet; or, if all that is in it is the"
            f" service's, on the host: sudo chown -R {for_sh(login)} {for_sh(directory)}")


def foreign_clone(directory: str) -> NotReady:
    """The error for a clone of another user."""
    owner = user_name(os.stat(directory).st_uid)
    return NotReady(
        f"the service directory belongs to another user, {owner}: {directory}",
        f"log in as {owner}, or make it belong to the user that logs in:"
        f" sudo chown -R {for_sh(login_name())} {for_sh(directory)}")
