"""Finds out which process took a connection, of those that share a socket.

The kernel tells the inode of the other end of a connection of ours (/proc/net/tcp, sock_diag(7)), and which process
has it open (/proc/PID/fd).
"""

from __future__ import annotations

import os
import socket
import struct
import time

from ..errors import TakenByAnother, Unhealthy
from . import listeners

POLL = 0.002                        # seconds
OPENED_WITHIN = 0.05                # seconds from when the kernel knows the other end until its process has it open
SAYS_EARLIER = 0.8                  # of the seconds of a try: what it waited for is said before it is over
NETLINK_SOCK_DIAG = 4
DIAG_REQUEST, BY_FAMILY, SHOW_PEER, PEER = 1, 20, 4, 2      # linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h


def require_taken_by(leader: int, name: str, address: str, link: socket.socket) -> None:
    """Wait until the process `leader`, or one below it, has taken the connection. Raises Unhealthy.

    Where the connection does not lead to `address` (tcp://HOST:PORT, unix:///PATH), or nobody may tell who took it,
    any process will do.
    """
    if not _leads_to(link, address):
        return
    limit = time.monotonic() + SAYS_EARLIER * (link.gettimeout() or 1)
    while (inode := _other_end(link)) == 0:
        if time.monotonic() > limit:
            raise Unhealthy(f"no process takes connections of {address}")
        time.sleep(POLL)
    limit = time.monotonic() + OPENED_WITHIN
    while inode is not None and not listeners.is_held_below(leader, inode):
        if not listeners.are_readable(leader):
            return
        if time.monotonic() > limit:
            raise TakenByAnother(f"{name} takes no connections of {address}; other processes do")
        time.sleep(POLL)


def _leads_to(link: socket.socket, address: str) -> bool:
    peer = link.getpeername()
    if link.family == socket.AF_UNIX:
        return address.startswith("unix://") and os.path.realpath(str(peer)) == os.path.realpath(address[len("unix://"):])
    is_here = peer[0] == link.getsockname()[0] or peer[0].startswith("127.")
    return is_here and address.startswith("tcp://") and address.rpartition(":")[2] == str(peer[1])


def _other_end(link: socket.socket) -> int | None:
    """The inode of the other end; 0 until a process takes it, None where the kernel does not tell."""
    try:
        if link.family == socket.AF_UNIX:
            return _unix_peer(os.fstat(link.fileno()).st_ino)
        return listeners.connected(link.getpeername()[1], link.getsockname()[1])
    except OSError:
        return None


def _unix_peer(inode: int) -> int:
    """Asks for one socket by its inode. Raises OSError."""
    any_cookie = (0xFFFFFFFF, 0xFFFFFFFF)
    query = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, inode, SHOW_PEER, *any_cookie)
    header = struct.pack("=IHHII", 16 + len(query), BY_FAMILY, DIAG_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.send(header + query)
        answer = kernel.recv(4096)
    if struct.unpack_from("=IH", answer)[1] != BY_FAMILY:
        raise OSError("the kernel cannot tell of unix sockets")
    at = 32                             # after both headers come attributes
    while at + 4 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        if kind == PEER:
            return int(struct.unpack_from("=I", answer, at + 4)[0])
        at += max(4, (length + 3) & ~3)
    return 0
