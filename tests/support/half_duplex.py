"""A TCP proxy that lets one side speak at a time, so that round trips can be counted on a machine of any speed."""

from __future__ import annotations

import threading

from tests.support.proxy import Proxy

NEWKEYS = 21                                # SSH_MSG_NEWKEYS: what the server says behind it is encrypted
FIRST_OF_KEYS = (30, 34)                    # what the client says first in a key exchange; 34: of a group exchange


class HalfDuplex(Proxy):
    """From the end of the key exchange on, what the server says waits while the client has spoken last, until answer().
    With `from_start`, its very first word waits, too.

    `key_exchange` is set when the client has begun one.
    """

    def __init__(self, host: str, port: int, from_start: bool = False) -> None:
        super().__init__(host, port)
        self.key_exchange = threading.Event()
        self._client = b""                  # what it said before that
        self._plain: bytes | None = b""     # of the server; None once it is encrypted
        self._open = threading.Event()
        if not from_start:
            self._open.set()

    def answer(self) -> None:
        """Let through what the server says, until the client says something again."""
        self._open.set()

    def of_client(self, data: bytes) -> None:
        if not self.key_exchange.is_set():
            self._client += data
            if has_sent(FIRST_OF_KEYS, self._client):
                self.key_exchange.set()
        if self._plain is None:
            self._open.clear()

    def of_server(self, data: bytes) -> None:
        self._open.wait()
        if self._plain is not None:
            self._plain += data
            if has_sent((NEWKEYS,), self._plain):
                self._plain = None

    def __enter__(self) -> HalfDuplex:
        super().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        super().__exit__()


def has_sent(kinds: tuple[int, ...], plain: bytes) -> bool:
    """Of a version line, and packets: length, padding's length, kind (RFC 4253, sections 4.2 and 6)."""
    at = plain.find(b"\n") + 1
    while at and at + 6 <= len(plain):
        if plain[at + 5] in kinds:
            return True
        at += 4 + int.from_bytes(plain[at:at + 4], "big")
    return False
