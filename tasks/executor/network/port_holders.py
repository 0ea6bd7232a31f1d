"""Whether the port that a program's variable PORT names is free for it, before anything is changed."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ..errors import HostError, NotReady
from ..layout import Layout
from ..supervisor.supervisord import Supervisord
from ..system import processes
from . import listeners, sockets

Service = Mapping[str, Any]
Settings = Mapping[str, Any]

# Nobody tells on which address a program will listen. Almost all meet one that listens on this one, or on all.
ADDRESS = "127.0.0.1"


def problems(layout: Layout, service: Service, settings: Settings, supervisord: Supervisord) -> Iterator[HostError]:
    """The obstacles to the ports of a service's programs. `settings`: of a deploy or of `doctor`.

    Raises HostError where supervisord does not answer.
    """
    for port, groups in _wanted(service, settings).items():
        open_here = listeners.on(ADDRESS, port)
        needy = [group for group in groups if open_here and not _runs_without(group, port, supervisord)]
        stranger = needy and listeners.stranger(_leaving(layout, service, settings, port, supervisord), open_here)
        if stranger:
            names = ", ".join(needy)
            yield NotReady(f"port {port} of {names} is held by {stranger}",
                           f"see on the host: ss -ltnp 'sport = :{port}'; then stop that, or choose another PORT in"
                           f" hosts.yaml; if {names} does not listen there but connects to it, deploy it with --force")


def _wanted(service: Service, settings: Settings) -> dict[int, list[str]]:
    """By port the groups whose variable PORT names it, but those for which supervisord listens."""
    wanted: dict[int, list[str]] = {}
    for program in service["programs"]:
        port = settings["ports"].get(program["group"])
        if port is not None and port != sockets.port_of(program["socket"]):
            wanted.setdefault(port, []).append(program["group"])
    return wanted


def _runs_without(group: str, port: int, supervisord: Supervisord) -> bool:
    """Whether the program runs with this very variable. If the port is another's, then it does not listen there."""
    return any(info["statename"] == "RUNNING" and processes.has_variable(info["pid"], "PORT", str(port))
               for info in supervisord.processes(group))


def _leaving(layout: Layout, service: Service, settings: Settings, port: int, supervisord: Supervisord) -> list[int]:
    """The processes that leave the port: those of the service, and of others in this deploy that name it no more."""
    leaving: list[int] = []
    for each in settings["services"]:
        named = [settings["ports"].get(program["group"]) for program in each["programs"]]
        if each["name"] == service["name"] or port not in named:
            pids, present = sockets.running(layout, each, supervisord)
            listens = pids and port in map(sockets.port_of, present)
            leaving += [*pids, supervisord.pid()] if listens else pids
    return leaving
