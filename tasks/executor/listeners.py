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
    found: list[Listener] = []
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{name}") as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        found += [Listener(int(row[1].rpartition(":")[2], 16), int(row[7]), row[9]) for row in rows
                  if row[3] == LISTENING]
    return found


def holders(inodes: Iterable[str]) -> set[int]:
    """The pids that hold these sockets, as far as we may know: those of other users only root sees."""
    links = {f"socket:[{inode}]" for inode in inodes}
    return {pid for pid in processes.all_pids() if links & _links(f"/proc/{pid}/fd")}


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
