"""A TCP proxy that lets one side speak at a time, so that round trips can be counted on a machine of any speed."""

from __future__ import annotations

import threading

from tests.support.proxy import Proxy

NEWKEYS = 21                                # SSH_MSG_NEWKEYS: what the server says behind it is encrypted


class HalfDuplex(Proxy):
    """From the end of the key exchange on, what the server says waits while the client has spoken last, until answer().
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._plain: bytes | None = b""     # of the server; None once it is encrypted
        self._open = threading.Event()
        self._open.set()

    def answer(self) -> None:
        """Let through what the server says, until the client says something again."""
        self._open.set()

    def of_client(self, data: bytes) -> None:
        if self._plain is None:
            self._open.clear()

    def of_server(self, data: bytes) -> None:
        self._open.wait()
        if self._plain is not None:
            self._plain += data
            if _has_new_keys(self._plain):
                self._plain = None

    def __enter__(self) -> HalfDuplex:
        super().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        super().__exit__()


def _has_new_keys(plain: bytes) -> bool:
    """Of a version line, and packets: length, padding's length, kind (RFC 4253, sections 4.2 and 6)."""
    at = plain.find(b"\n") + 1
    while at and at + 6 <= len(plain):
        if plain[at + 5] == NEWKEYS:
            return True
        at += 4 + int.from_bytes(plain[at:at + 4], "big")
    return False
