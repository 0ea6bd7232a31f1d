"""What is left of a service where hosts.yaml had its program before: under another supervisord, or in another folder of
program files. Whoever starts it here, too, has it twice."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from .errors import HostError, NotReady
from .layout import Layout
from .quoting import for_sh
from .state import earlier_state
from .supervisor.supervisord_conf import Definition
from .system import leftovers


def running(layout: Layout, service: Mapping[str, Any], groups: Sequence[str]) -> list[HostError]:
    """The programs that another supervisord started. They are looked for only where our program file is gone, but not
    by `fab remove`, which takes the environment file away, too."""
    name = service["name"]
    if layout.access.program_file(name) or not os.path.exists(layout.env_file(name)):
        return []
    left = leftovers.of_other_servers(layout.access.socket, groups, layout.below_root(service["directory"]))
    return [NotReady(f"another supervisord still runs {leftovers.in_words(left)}: {left[0].server}",
                     f"write the `supervisord_conf` and `program_dir` of before in hosts.yaml, and: fab remove {name};"
                     f" then write those of now, and: fab deploy {name}")] if left else []


def own_section(definition: Definition, layout: Layout, service: str, name: str) -> HostError:
    """Why a section that we wrote elsewhere keeps us from writing it here. It is of the same service where it reads our
    environment file. `name`: of the program."""
    folder, own = os.path.dirname(definition.path), layout.program_file(service)
    found = f"{definition} already defines [{definition.kind}:{definition.name}]"
    if earlier_state.env_file(definition.command) != layout.env_file(service):
        return NotReady(f"{found}: another environment deploys to this supervisord",
                        f"give {name} another name in one of the two, or a supervisord of its own")
    return NotReady(f"{found}: `program_dir` was {folder} before",
                    f"on the host: {layout.access.prefix}mv {for_sh(definition.path)} {for_sh(own)};"
                    f" or write in hosts.yaml: program_dir: {folder}")
