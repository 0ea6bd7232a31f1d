"""Health checks against real servers that misbehave."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tasks.executor import errors, health

OK = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextlib.contextmanager
def server(answer: Callable[[socket.socket, bytes], None]) -> Iterator[int]:
    """One request after the other; yields the port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listening.accept()
                    with link, contextlib.suppress(OSError):
                        answer(link, link.recv(65536))

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def wait(check: dict[str, Any]) -> None:
    health.wait(check, cwd="/", env=dict(os.environ), still_up=lambda: None)


def test_http_check_times_out_when_the_answer_drips() -> None:
    """A byte now and then keeps each read short of its limit: the whole answer has one, too."""
    over = threading.Event()

    def drip(link: socket.socket, _: bytes) -> None:
        while not over.wait(0.05):
            link.sendall(b"H")

    begin = time.monotonic()
    with server(drip) as port, pytest.raises(errors.HostError, match="no whole answer") as caught:
        wait({"http": f"http://127.0.0.1:{port}/", "timeout": 0.5})
    over.set()
    assert time.monotonic() - begin < 20
    assert caught.value.hint


def test_http_check_encodes_a_url_that_is_not_ascii() -> None:
    asked: list[bytes] = []

    def note(link: socket.socket, request: bytes) -> None:
        asked.append(request.partition(b"\r\n")[0])
        link.sendall(OK)

    with server(note) as port:
        wait({"http": f"http://127.0.0.1:{port}/grüße/%20x?wer=世界", "timeout": 5})
    assert asked == [b"GET /gr%C3%BC%C3%9Fe/%20x?wer=%E4%B8%96%E7%95%8C HTTP/1.1"]
