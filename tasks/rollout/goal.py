"""The desired state of each service, and the types of planners."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ..executor.protocol import Unfinished
from ..inventory.model import Service, Target
from ..inventory.serial import AT_ONCE, Serial
from .facts import Facts
from .steps import Plan, Step


class Deployment(Struct, frozen=True, kw_only=True):
    """One command that changes services. `deploy`: the id of this run; `since`: ISO 8601 in UTC; `url`: the
    environment's; `services`: by name the revision that is asked for, None where the planner chooses; `serial`: how
    many hosts restart at a time, and `pause`: seconds that they must stay well before the next do; `unfinished`: what
    to do with an interrupted deploy whose undo fails; `folder`: of hosts.yaml, where hooks of the client run;
    `needs_ports`: it is refused where another process holds the port that a program's variable PORT names;
    `needs_sockets`: the same of a `socket`, which a command that only stops programs does not need; `keeps_version`: it
    is about what the last deploy left."""

    deploy: str
    command: str
    by: str
    since: str
    environment: str
    url: str = ""
    services: Mapping[str, str | None] = {}
    serial: Serial = AT_ONCE
    pause: float = 0
    unfinished: Unfinished = "undo"
    folder: str = "."
    needs_ports: bool = False
    needs_sockets: bool = True
    keeps_version: bool = False


class Goal(Struct, frozen=True, kw_only=True):
    """One commit, the same on every host. `branch` is null for a tag or a bare commit."""

    commit: str
    revision: str
    branch: str | None = None
    parts: tuple[tuple[str, str], ...] = ()     # (repository, commit) that the client carries to the hosts
    subtree: str | None = None                  # git's hash of the `subdirectory` in the commit, where that is known
    source: str | None = None                   # what a client built it from; None: hosts build it
    set_aside: bool = False
    force: bool = False
    keeps_files: bool = False                   # a release keeps the `files` that it was deployed with: a rollback
    is_previous: bool = False                   # the version before: a release that another tool made will do


Key = tuple[str, str]                       # host name, service name
Recipe = Callable[[Service, Facts, Goal], list[Step]]
Goals = dict[str, Goal]                     # by service
Planner = Callable[[tuple[Target, ...], dict[Key, Facts], Goals], dict[Key, Plan]]


def key(target: Target) -> Key:
    return target.host.name, target.service.name
