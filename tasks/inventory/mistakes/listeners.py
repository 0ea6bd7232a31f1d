"""Finds programs of one host that would listen on the same socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..findings import Finding, KeyPath
from ..layers.resolved import Resolved
from ..rules import interpolation
from ..rules.sockets import Socket, check_socket, parse


class _Listener(NamedTuple):
    """A program with a socket, on one host. `origin`: where hosts.yaml has the socket."""

    label: str
    socket: Socket
    origin: KeyPath


def check(services: dict[str, dict[str, Resolved]]) -> Iterator[Finding]:
    """Sockets that two programs of a host have. `services`: by name, the settings on each host where it runs."""
    reported: set[tuple[KeyPath, str]] = set()
    for host in sorted({host for hosts in services.values() for host in hosts}):
        listeners = [listener for service, hosts in services.items() if host in hosts
                     for listener in _listeners(service, hosts[host], host)]
        for index, listener in enumerate(listeners):
            first = next((other for other in listeners[:index] if other.socket.meets(listener.socket)), None)
            if first and (listener.origin, first.label) not in reported:
                reported.add((listener.origin, first.label))
                yield Finding(listener.origin, f"{first.label} listens there, too (on {host}); give each program a "
                                               "socket of its own")


def _listeners(service: str, settings: Resolved, host: str) -> Iterator[_Listener]:
    programs = {f"{service}:{name}": program for name, program in settings.programs().items()
                if program.runs_on(host)}
    for label, program in (programs if settings.programs() else {service: settings}).items():
        variables = program.environment_variables()
        text = program.get("socket")
        if text and not interpolation.unknown(text, variables):
            filled = interpolation.fill(text, variables)
            origin = program.origin("socket")
            if origin and not check_socket(filled):
                yield _Listener(label, parse(filled), origin)
