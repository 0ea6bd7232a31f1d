"""What is left of a service where hosts.yaml had its program before: under another supervisord, or in another folder of
program files. Whoever starts it here, too, has it twice."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator, Mapping, Sequence

from .disk import files
from .errors import HostError, NotReady
from .layout import Layout
from .state import program_owner
from .supervisor import running_supervisords
from .supervisor.supervisord import Supervisord
from .supervisor.supervisord_conf import Definition, SupervisordConf
from .system import leftovers


def running(layout: Layout, service: Mapping[str, Any], groups: Sequence[str]) -> list[HostError]:
    """The programs that another supervisord started. They are looked for only where our program file is gone, but not
    by `fab remove`, which takes the environment file away, too."""
    name = service["name"]
    if layout.access.program_file(name) or not os.path.exists(layout.env_file(name)):
        return []
    left = leftovers.of_other_servers(layout.access.socket, groups, layout.below_root(service["directory"]))
    found = ([f"{leftovers.in_words(left)}: {left[0].server}"] if left else
             [f"{definition.name}: {definition}" for definition in _defined_elsewhere(layout, name, groups)])
    return [NotReady(f"another supervisord still runs {program}",
                     f"write the `supervisord_conf` and `program_dir` of before in hosts.yaml, and: fab remove {name};"
                     f" then write those of now, and: fab deploy {name}; or, where that is another environment, give"
                     " each a `state` of its own") for program in found]


def left_behind(layout: Layout, groups: Sequence[str], supervisord: Supervisord) -> list[HostError]:
    """The programs of a supervisord that was killed: the one of now has started each of them once more."""
    left = leftovers.of_earlier_server(layout.access.socket, groups, supervisord.pid())
    pids = " ".join(str(process.pid) for process in left)
    return [HostError(f"it runs twice, since supervisord was killed: {leftovers.in_words(left)} is of the one before",
                      f"end that on the host: {layout.access.prefix}kill {pids}")] if left else []


def _defined_elsewhere(layout: Layout, service: str, groups: Sequence[str]) -> Iterator[Definition]:
    """Those programs of the service that another supervisord has which runs here. Its processes may be another user's:
    neither their folder nor their environment is open to us."""
    for path in dict.fromkeys(path for _, path in running_supervisords.found()):
        if not files.is_same_path(path, layout.supervisord_conf):
            with contextlib.suppress(NotReady, OSError):
                for found in SupervisordConf(path, {}).configuration().definitions:
                    if found.name in groups and program_owner.is_of(found, layout, service):
                        yield found
