"""The folder that the logs of a service go to."""

from __future__ import annotations

import os

from ..disk import files
from ..errors import NotReady


def ensure(directory: str) -> None:
    """Make it where it is missing. Raises NotReady where something else has its name: supervisord, which says only that
    the folder is not there, would read no configuration at all."""
    logs = os.path.join(directory, "logs")
    if os.path.lexists(logs) and not os.path.isdir(logs):
        kind = "a link to nothing" if os.path.islink(logs) else "no folder"
        raise NotReady(f"{logs} is {kind}, and the program's log goes there",
                       f"move it away on the host: mv {logs} {logs}.away")
    files.ensure_dir(logs)


def make_anew(directory: str, away: str) -> bool:
    """As ensure(), of a program that ran before the deploy. A file of its name was made by the deploy's commands.

    A link to nothing may be a person's, to a disk that went away: it gets the name `away`. Returns whether it was so.
    """
    logs = os.path.join(directory, "logs")
    leads_nowhere = os.path.islink(logs) and not os.path.isdir(logs)
    if leads_nowhere:
        os.rename(logs, os.path.join(directory, away))
    elif os.path.lexists(logs) and not os.path.isdir(logs):
        os.unlink(logs)
    files.ensure_dir(logs)
    return leads_nowhere
