"""The ports, the keys, and the SSH servers that listen."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import asyncssh

from . import ssh
from .sandbox import NAMES
from .state_dir import write_private


async def listen(state: Path, environment: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Start the SSH servers. Returns by host its SSH port, and a free port for the service that will run there."""
    login = partial(ssh.Login, environment["USER"], _key(state / "key"))
    sockets = _free_sockets(state, 2 * len(NAMES))
    ports = {}
    pins = []
    for name, ours, theirs in zip(NAMES, sockets[::2], sockets[1::2], strict=True):
        host_key = _key(state / name / "host_key")
        ports[name] = ours.getsockname()[1], theirs.getsockname()[1]
        theirs.close()
        pins.append(f"[127.0.0.1]:{ports[name][0]} {host_key.export_public_key().decode().strip()}\n")
        await asyncssh.listen(
            sock=ours, server_factory=login, server_host_keys=[host_key], encoding=None,
            process_factory=partial(ssh.serve, home=state / name / "home", environment=environment),
            agent_forwarding=False, allow_scp=False, line_editor=False)
    write_private(state / "known_hosts", "".join(pins))
    return ports


def _key(path: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError):
        key = asyncssh.generate_private_key("ssh-ed25519", comment="fabvisor sandbox")
        write_private(path, key.export_private_key().decode())
        return key


def _free_sockets(state: Path, count: int) -> list[socket.socket]:
    """Sockets on the first free ports from a number that the sandbox's name gives: so the ports seldom change.

    They are below the range from which a kernel takes ports for outgoing connections.
    """
    sockets: list[socket.socket] = []
    first = 20000 + int(state.name.rpartition("-")[2], 16) % 10000
    for port in range(first, first + 2000):
        candidate = socket.socket()
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
            candidate.listen()
            sockets.append(candidate)
        except OSError:
            candidate.close()
        if len(sockets) == count:
            return sockets
    raise SystemExit("no free port on 127.0.0.1")
