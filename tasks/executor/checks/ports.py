"""Checks that no other process holds a port of ours."""

from __future__ import annotations

import os
from typing import Iterator

from .. import listeners, processes
from ..accounts import user_name
from ..listeners import Listener
from .host import ExaminedHost, Finding, failed, ok


def holders(host: ExaminedHost) -> Iterator[Finding]:
    """Of each port that a service's health check or its variable PORT names, whether somebody else listens there."""
    open_ports: dict[int, list[Listener]] = {}
    for listener in listeners.listeners():
        open_ports.setdefault(listener.port, []).append(listener)
    parents = listeners.families()
    found, ours = False, []
    for service, ports in sorted(host.settings["ports"].items()):
        for port in ports:
            stranger = _stranger(host.pids(service), open_ports.get(port, []), parents)
            if stranger:
                found = True
                yield failed(f"port {port} of {service} is held by {stranger}",
                             f"see on the host: ss -ltnp 'sport = :{port}'; then stop that, or choose another port "
                             "in hosts.yaml")
            else:
                ours.append(f"{port} ({service})")
    if not found:
        yield ok(", ".join(ours) if ours else "hosts.yaml names no port")


def _stranger(ours: list[int], open_here: list[Listener], parents: dict[int, int]) -> str:
    """Who listens there and is none of our processes, nor a descendant of one; empty where nobody is."""
    holders = listeners.holders(listener.inode for listener in open_here)
    for holder in sorted(holders):
        if not set(ours) & set(listeners.ancestors(holder, parents)):
            return f"{_name(holder)} (pid {holder})"
    if holders or not open_here:
        return ""
    owner = open_here[0].uid
    return "" if owner in map(_uid, ours) else f"a process of {user_name(owner)}"


def _name(pid: int) -> str:
    return processes.command_name(pid) or "a process"


def _uid(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1
