"""Services of one program, as `command` in hosts.yaml makes them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tasks.inventory.model import Program, Service

# The fields of its program, by the keys of hosts.yaml.
PROGRAM = {"command": "command", "program": "options", "health": "health", "numprocs": "numprocs",
           "socket": "socket", "reload": "reload"}


def one_program(name: str, command: str, **fields: Any) -> Service:
    bare = Service(name=name, programs=(Program(name=name, group=name, command=command),),
                   **{"repo": "r", "directory": "d", "run_mode": "prod",
                      **{key: value for key, value in fields.items() if key not in PROGRAM}})
    return changed(bare, **{key: value for key, value in fields.items() if key in PROGRAM})


def changed(service: Service, **fields: Any) -> Service:
    """The service with other values; those of its program are changed in all of its programs."""
    own = {PROGRAM[key]: value for key, value in fields.items() if key in PROGRAM}
    others = {key: value for key, value in fields.items() if key not in PROGRAM}
    return replace(service, programs=tuple(replace(program, **own) for program in service.programs), **others)
