"""The ports and unix sockets of this host that somebody listens on, read from /proc/net."""

from __future__ import annotations

import os
import struct
from _socket import gethostbyname, inet_aton  # without all of socket, as supervisor/rpc.py
from typing import Iterable, NamedTuple, Sequence

from ..system import processes
from ..system.accounts import user_name

LISTENING = "0A"                    # tcp_states.h
ACCEPTS = 0x10000                   # __SO_ACCEPTCON of net.h


class Listener(NamedTuple):
    """`address`: as /proc/net has it; `uid`: of who made the socket."""

    port: int
    uid: int
    inode: str
    address: str = ""


def listeners() -> list[Listener]:
    """All of TCP, whoever they belong to."""
    return [Listener(_port(row[1]), int(row[7]), row[9], row[1].partition(":")[0]) for row in _rows()
            if row[3] == LISTENING]


def on(host: str, port: int) -> list[Listener]:
    """Those that keep others from listening on this port of an IPv4 host."""
    ours = _hexadecimal(host)
    return [listener for listener in listeners() if listener.port == port
            and (not ours.strip("0") or not listener.address.strip("0") or listener.address.endswith(ours))]


def on_path(path: str) -> list[Listener]:
    """Those of a unix socket of that path. Nobody tells whose they are but the file."""
    try:
        with open("/proc/net/unix") as file:
            rows = [line.split(maxsplit=7) for line in file][1:]
        uid = os.stat(path).st_uid
    except OSError:
        return []
    return [Listener(0, uid, row[6]) for row in rows
            if len(row) == 8 and int(row[3], 16) & ACCEPTS and row[7].rstrip("\n") == path]


def stranger(ours: Sequence[int], open_here: Sequence[Listener]) -> str:
    """Who listens there and is none of our processes, nor a descendant of one, nor in the group of one; empty where
    nobody is."""
    seen = {link for pid in ours for link in _links(f"/proc/{pid}/fd")}
    open_here = [listener for listener in open_here if f"socket:[{listener.inode}]" not in seen]
    if not open_here:
        return ""
    parents = families()
    known = holders(listener.inode for listener in open_here)
    for holder in sorted(known):
        if not set(ours) & {*ancestors(holder, parents), processes.group(holder)}:
            return f"{processes.command_name(holder) or 'a process'} (pid {holder})"
    owner = open_here[0].uid
    return "" if known or owner in map(processes.user, ours) else f"a process of {user_name(owner)}"


def _hexadecimal(host: str) -> str:
    """The IPv4 address as /proc/net/tcp has it; that of all addresses where the name is not known."""
    try:
        return f"{struct.unpack('=I', inet_aton(gethostbyname(host)))[0]:08X}"
    except OSError:
        return "00000000"


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


def is_held_below(leader: int, inode: int) -> bool:
    """Whether the process, or one below it, has this socket open."""
    link = f"socket:[{inode}]"
    return any(link in _links(f"/proc/{pid}/fd") for pid in processes.family(leader))


def are_readable(leader: int) -> bool:
    """Whether we may see what the process and all below it have open: another user's we may not. True where it is
    gone."""
    return all(os.access(f"/proc/{pid}/fd", os.R_OK) for pid in processes.family(leader))


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
    links: set[str] = set()
    try:
        for name in os.listdir(folder):
            links.add(os.readlink(os.path.join(folder, name)))
    except OSError:
        pass
    return links
