"""Whether supervisord can listen on the sockets of programs, before anything is changed."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any, Iterator, Mapping

from .. import program_user
from ..disk import files
from ..errors import HostError, NotReady
from ..layout import Layout
from ..quoting import for_sh
from ..supervisor.supervisord import Supervisord
from ..supervisor.supervisord_conf import options, programs_in
from ..system.accounts import user_name
from . import listeners

UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
CHOOSE = "or give the program another `socket` in hosts.yaml"

Service = Mapping[str, Any]


def problems(layout: Layout, service: Service, supervisord: Supervisord) -> Iterator[HostError]:
    """The obstacles to the sockets of a service's programs. Raises HostError where supervisord does not answer."""
    listening = {program["group"]: program["socket"] for program in service["programs"] if program["socket"]}
    if not listening:
        return
    ours, present = running(layout, service, supervisord)
    for group, address in listening.items():
        own = [*ours, supervisord.pid()] if ours and address in present else ours
        if address.startswith("unix:"):
            yield from _of_path(group, address, own)
        else:
            yield from _of_port(group, address, own, supervisord)


def port_of(address: str | None) -> int:
    """Of tcp://HOST:PORT; else 0."""
    return int(address.rpartition(":")[2]) if address and address.startswith("tcp://") else 0


def remove_closed(path: str) -> None:
    """Remove the file of a unix socket on which nobody listens any more, where the login user may."""
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.lstat(path).st_mode) and not listeners.on_path(path):
            os.unlink(path)


def running(layout: Layout, service: Service, supervisord: Supervisord) -> tuple[list[int], list[str]]:
    """The pids of the service, and the sockets that its program file names: they leave both to the next version."""
    text = layout.access.program_text(service["name"])
    written = {group: (options(text, group) or {}).get("socket", "") for group in programs_in(text)}
    groups = {*written, *(program["group"] for program in service["programs"])}
    pids = [info["pid"] for info in supervisord.processes(*groups) if info["pid"]]
    return pids, list(filter(None, written.values()))


def _of_port(group: str, address: str, ours: list[int], supervisord: Supervisord) -> Iterator[HostError]:
    port = port_of(address)
    uid = supervisord.uid()
    if uid != program_user.ROOT and port < _lowest_port():
        yield NotReady(f"{group} shall listen on port {port}, which only root's supervisord may: it runs as"
                       f" {user_name(uid)}", f"give the program a `socket` with a port from {_lowest_port()} on")
    host = address[len("tcp://"):].rpartition(":")[0]
    stranger = listeners.stranger(ours, listeners.on(host, port))
    if stranger:
        yield NotReady(f"port {port} of {group} is held by {stranger}",
                       f"see on the host: ss -ltnp 'sport = :{port}'; then stop that, {CHOOSE}")


def _of_path(group: str, address: str, ours: list[int]) -> Iterator[HostError]:
    path = address[len("unix://"):]
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        yield NotReady(f"the folder {folder} of the socket of {group} does not exist",
                       f"on the host: mkdir {for_sh(folder)}")
    elif os.path.exists(path) and not stat.S_ISSOCK(os.stat(path).st_mode):
        yield NotReady(f"{path}, the socket of {group}, is there and is no socket: supervisord would remove it",
                       f"move it away on the host, {CHOOSE}")
    stranger = listeners.stranger(ours, listeners.on_path(path))
    if stranger:
        yield NotReady(f"the socket {path} of {group} is held by {stranger}",
                       f"see on the host: ss -lxp src {for_sh(path)}; then stop that, {CHOOSE}")


def _lowest_port() -> int:
    """The lowest that does not need root (ip(7))."""
    text = files.read_bytes(UNPRIVILEGED)
    return int(text) if text else 1024
