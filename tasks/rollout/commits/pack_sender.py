"""Sends packs of commits to hosts: each on a thread of its own, and no faster than its host takes them."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from ... import mirror
from ..._errors import FabvisorError
from ..peers import connection_errors
from ..protocol import PackTaken, PackWanted

if TYPE_CHECKING:
    from ..peers.peer import Peer
    from ..peers.peer_events import PeerEvent
    from .sources import Sources

CHUNK = 64 * 2**10                      # bytes
WINDOW = 16                             # chunks under way to a host
PATIENCE = 0.5                          # seconds between two looks at whether the host is still there

# A pack that cannot be made: the host, and why.
Failure = Callable[["Peer", FabvisorError], None]


class PackSender:
    def __init__(self, sources: Sources, failed: Failure) -> None:
        self._sources = sources
        self._failed = failed
        self._pack_lock = threading.Lock()         # hosts that lack the same wait for one pack
        self._windows: dict[str, threading.BoundedSemaphore] = {}

    def note(self, peer: Peer, event: PeerEvent) -> None:
        """Handles the messages of a host that are about packs."""
        if isinstance(event, PackTaken):
            self._take(peer)
        elif isinstance(event, PackWanted):
            self._begin(peer, event)

    def _take(self, peer: Peer) -> None:
        """A host that takes more than it was sent would have the rest of a pack wait in this machine's memory."""
        try:
            self._windows[peer.name].release()
        except (KeyError, ValueError):
            self._failed(peer, connection_errors.not_in_protocol(peer, "pack_taken: nothing is under way"))

    def _begin(self, peer: Peer, wanted: PackWanted) -> None:
        """A host gets what its plan has, and nothing else of this machine's repositories."""
        if (wanted.repo, wanted.commit) not in peer.parts(wanted.service):
            self._failed(peer, connection_errors.not_in_protocol(peer, f"pack_wanted: {wanted.repo} {wanted.commit}"))
            return
        window = self._windows[peer.name] = threading.BoundedSemaphore(WINDOW)
        threading.Thread(target=self._send, args=(peer, wanted, window), daemon=True,
                         name=f"{peer.name} pack").start()

    def _send(self, peer: Peer, wanted: PackWanted, window: threading.BoundedSemaphore) -> None:
        try:
            with self._pack_lock:
                pack = self._sources[wanted.service].pack(mirror.source.Part(wanted.repo, wanted.commit), wanted.known)
            _stream(peer, pack, window)
        except FabvisorError as error:
            self._failed(peer, error)
        except OSError as error:
            self._failed(peer, FabvisorError(f"the pack of {wanted.commit} cannot be read: {error}",
                                             "make room on this machine: df -h"))


def _stream(peer: Peer, pack: BinaryIO, window: threading.BoundedSemaphore) -> None:
    """Leaves the position of the file alone: others send the same pack."""
    at, size = 0, os.fstat(pack.fileno()).st_size
    while at < size:
        chunk = os.pread(pack.fileno(), CHUNK, at)
        at += len(chunk)
        while not window.acquire(timeout=PATIENCE):
            if peer.is_over or peer.error:
                return
        peer.send({"do": "pack", "data": base64.b64encode(chunk).decode(), "last": at == size})
