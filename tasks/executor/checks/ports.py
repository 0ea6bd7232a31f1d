"""Checks that no other process holds a port of ours."""

from __future__ import annotations

from typing import Iterator

from .. import listeners
from ..listeners import Listener
from .host import ExaminedHost, Finding, failed, ok


def holders(host: ExaminedHost) -> Iterator[Finding]:
    """Of each port that a service's health check or its variable PORT names, whether somebody else listens there."""
    open_ports: dict[int, list[Listener]] = {}
    for listener in listeners.listeners():
        open_ports.setdefault(listener.port, []).append(listener)
    free: list[str] = []
    is_any_held = False
    for service, ports in sorted(host.settings["ports"].items()):
        for port in ports:
            ours = [*host.pids(service), *host.socket_pids(service, port)]
            stranger = listeners.stranger(ours, open_ports.get(port, []))
            if stranger:
                is_any_held = True
                yield failed(f"port {port} of {service} is held by {stranger}",
                             f"see on the host: ss -ltnp 'sport = :{port}'; then stop that, or choose another port "
                             "in hosts.yaml")
            else:
                free.append(f"{port} ({service})")
    if not is_any_held:
        yield ok(", ".join(free) if free else "hosts.yaml names no port")
