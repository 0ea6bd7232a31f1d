"""Checks that no other process holds a port of ours."""

from __future__ import annotations

from typing import Iterator

from ..network import listeners, port_holders, sockets
from ..protocol import ServiceSettings
from .host import ExaminedHost, Finding, failed, ok, warning


def holders(host: ExaminedHost) -> Iterator[Finding]:
    """Of each port that a variable PORT or a health check names, whether somebody else listens there. The check of
    services tells who holds a `socket`."""
    held: list[Finding] = []
    for service in host.services:
        held += [failed(problem.message, problem.hint)
                 for problem in port_holders.problems(host.layout, service, host.settings, host.supervisord)]
        held += _asked(host, service)
    yield from held
    ports = [f"{port} ({service['name']})" for service in host.services for port in sorted(_all(host, service))]
    if not held:
        yield ok(", ".join(ports) if ports else "hosts.yaml names no port")


def _asked(host: ExaminedHost, service: ServiceSettings) -> Iterator[Finding]:
    """Those that only a health check names. A proxy may answer it: that is no more than a warning."""
    name = service["name"]
    others = {*host.settings["asked"][name]} - {*host.settings["ports"].values()} - _of_sockets(service)
    open_here, ours = (listeners.listeners(), host.pids(name)) if others else ([], [])
    for port in sorted(others):
        stranger = listeners.stranger(ours, [listener for listener in open_here if listener.port == port])
        if stranger:
            yield warning(f"{stranger} listens on port {port}, which the health check of {name} asks",
                          f"nothing, where that is a proxy; else see on the host: ss -ltnp 'sport = :{port}'")


def _all(host: ExaminedHost, service: ServiceSettings) -> set[int]:
    of_variables = {host.settings["ports"].get(program["group"], 0) for program in service["programs"]}
    return {*of_variables, *_of_sockets(service), *host.settings["asked"][service["name"]]} - {0}


def _of_sockets(service: ServiceSettings) -> set[int]:
    return {sockets.port_of(program["socket"]) for program in service["programs"]}
