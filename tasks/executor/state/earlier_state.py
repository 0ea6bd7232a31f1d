"""The files in the state folder that hosts.yaml named before: a change of `state` must lose no history and no journal.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import Iterator

from ..disk import files
from ..errors import HostError, NotReady
from ..layout import DEFAULT_STATE, Layout
from ..protocol import PROGRAM_HEADER
from ..quoting import for_sh
from . import journal

ENV_FILE = 3                        # its place among the words of a `command=` of ours


def problems(layout: Layout, service: str) -> list[HostError]:
    """Why a deploy has to wait: what another state folder has of the service, and this one has not."""
    reasons: list[HostError] = []
    for folder in _others(layout, service):
        earlier = Layout(dict(layout.settings, state=folder), layout.env)
        left = [each.deploy for each in journal.to_undo(earlier) if service in each.services]
        if left:
            reasons.append(NotReady(f"{folder}, where `state` was before, has the interrupted deploy {left[0]}",
                                    f"write in hosts.yaml: state: {folder}; then: fab recover {service}"))
        elif os.path.exists(earlier.history_file(service)) and not os.path.exists(layout.history_file(service)):
            reasons.append(NotReady(f"{folder}, where `state` was before, has the history of {service}",
                                    f"on the host: mkdir -p {for_sh(layout.state)} &&"
                                    f" cp -a {for_sh(folder)}/. {for_sh(layout.state)}/;"
                                    f" or write in hosts.yaml: state: {folder}"))
    return reasons


def _others(layout: Layout, service: str) -> Iterator[str]:
    """The default one, and the one that our program file names; both only where they are ours and not the present."""
    for folder in dict.fromkeys([layout.below_root(DEFAULT_STATE), of_program_file(layout, service)]):
        if folder and not files.is_same_path(folder, layout.state) and _is_own(folder):
            yield folder


def of_program_file(layout: Layout, service: str) -> str:
    """The state folder that our program file of the service names; empty where it names none."""
    text = layout.access.program_text(service)
    command = next((line for line in text.splitlines() if line.startswith("command=")), "")
    return os.path.dirname(os.path.dirname(env_file(command))) if text.startswith(PROGRAM_HEADER) else ""


def env_file(command: str) -> str:
    """The environment file that a `command` of a program file of ours reads; empty where it reads none."""
    with contextlib.suppress(ValueError, IndexError):
        return shlex.split(command)[ENV_FILE].replace("%%", "%")
    return ""


def _is_own(folder: str) -> bool:
    with contextlib.suppress(OSError):
        return os.lstat(folder).st_uid == os.geteuid() and os.path.isdir(folder)
    return False
