"""The TCP ports of this host that somebody listens on, read from /proc/net."""

from __future__ import annotations

import os
from typing import Iterable, NamedTuple

from . import processes

LISTENING = "0A"                    # tcp_states.h


class Listener(NamedTuple):
    port: int
    uid: int
    inode: str


def listeners() -> list[Listener]:
    """All, whoever they belong to."""
    return [Listener(_port(row[1]), int(row[7]), row[9]) for row in _rows() if row[3] == LISTENING]


def _rows() -> list[list[str]]:
    """Of /proc/net/tcp and tcp6: local and remote address, state, uid, inode, … (proc(5))."""
    rows: list[list[str]] = []
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{name}") as file:
                rows += [line.split() for line in file][1:]
        except OSError:
            continue
    return rows


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def holders(inodes: Iterable[str]) -> set[int]:
    """The pids that hold these sockets, as far as we may know: those of other users only root sees."""
    links = {f"socket:[{inode}]" for inode in inodes}
    return {pid for pid in processes.all_pids() if links & _links(f"/proc/{pid}/fd")}


def holders_below(leader: int, inode: str) -> bool:
    """Whether the process, or one below it, has this socket open."""
    parents = families()
    link = f"socket:[{inode}]"
    return any(link in _links(f"/proc/{pid}/fd") for pid in parents if leader in ancestors(pid, parents))


def ancestors(pid: int, parents: dict[int, int]) -> list[int]:
    """The process itself, its parent, and so on. `parents`: as families() has them."""
    chain = [pid]
    while parents.get(chain[-1]) and parents[chain[-1]] not in chain:
        chain.append(parents[chain[-1]])
    return chain


def connected(port: int, remote_port: int) -> int:
    """The inode of the end of a TCP connection that has this `port` of its own; 0 while no process has taken it."""
    return next((int(row[9]) for row in _rows() if _port(row[1]) == port and _port(row[2]) == remote_port), 0)


def families() -> dict[int, int]:
    """By pid its parent."""
    stats = {pid: processes.stat(pid) for pid in processes.all_pids()}
    return {pid: int(fields[1]) for pid, fields in stats.items() if fields}


def _links(folder: str) -> set[str]:
    found: set[str] = set()
    try:
        for name in os.listdir(folder):
            found.add(os.readlink(os.path.join(folder, name)))
    except OSError:
        pass
    return found
