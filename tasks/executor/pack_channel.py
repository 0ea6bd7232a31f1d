"""Asks the client for packs of commits, over the conversation's channel."""

from __future__ import annotations

import base64
from functools import partial
from typing import Iterator

from . import protocol
from .git.received import RequestPack
from .link import Link


def pack_channel(link: Link, service: str) -> RequestPack:
    return partial(_request, link, service)


def _request(link: Link, service: str, repo: str, commit: str, known: list[str]) -> Iterator[bytes]:
    """The pack in pieces. The client sends the next ones only as fast as they are taken here."""
    link.answer({"event": "pack_wanted", "service": service, "repo": repo, "commit": commit, "known": known})
    last = False
    while not last:
        chunk = link.receive({"pack": protocol.PackChunk})
        last = chunk["last"]
        yield base64.b64decode(chunk["data"])
        link.answer({"event": "pack_taken", "service": service})
