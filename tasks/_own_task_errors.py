"""How a team's own task failed on a host, in words."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from invoke.exceptions import AuthFailure, CommandTimedOut, Exit, Failure

from ._errors import FabvisorError, Failed, NeedsPerson

if TYPE_CHECKING:
    from .remote.task_connection import TaskConnection

Body = Callable[..., object]                # (connection, **its own options)
NO_STATUS = -1                              # paramiko's, of a command that a signal ended, or whose connection was lost


def in_words(connection: TaskConnection, error: BaseException, body: Body) -> FabvisorError:
    """The error of a command on the host, or of the function itself, without secrets of the service."""
    host, mask = connection.target.host.name, connection.mask
    has_no_status = isinstance(error, Failure) and error.result.exited == NO_STATUS
    is_over = isinstance(error, CommandTimedOut)
    if not is_over and not (connection.answers() if has_no_status else connection.connection.is_connected):
        return NeedsPerson(f"{host}: the connection was lost", f"see on the host how far it went: fab ssh {host}")
    if isinstance(error, AuthFailure):
        return Failed(f"{host}: sudo does not take the password",
                      "fab --prompt-for-sudo-password, or FABRIC_SUDO_PASSWORD")
    if isinstance(error, Failure):
        return _of_command(host, mask(error.result.command), error)
    if isinstance(error, (Exit, SystemExit)):
        words = error.message if isinstance(error, Exit) else error.code
        return Failed(f"{host}: {mask(words) if isinstance(words, str) else f'it ended with {error.code}'}",
                      _place(error, body))
    return Failed(f"{host}: {type(error).__name__}: {mask(str(error))}", _place(error, body))


def _of_command(host: str, command: str, error: Failure) -> FabvisorError:
    if isinstance(error, CommandTimedOut):
        return Failed(f"{host}: {command}: timed out after {error.timeout} s",
                      f"see whether it goes on there: fab ssh {host}")
    status = error.result.exited
    how = "it was ended by a signal" if status == NO_STATUS else f"exit status {status}"
    return Failed(f"{host}: {command}: {how}", "what it printed stands above")


def _place(error: BaseException, body: Body) -> str:
    """The line of the team's own that led to it, not the one in a library."""
    own = inspect.unwrap(getattr(body, "func", body)).__code__.co_filename
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if frame.filename == own), frames[-1])
    return f"see {os.path.relpath(place.filename)}:{place.lineno}"
