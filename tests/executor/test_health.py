"""Health checks against real servers that misbehave."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tasks.executor import errors
from tasks.executor.program import health
from tasks.executor.program.connection import ANSWERED_WITHIN, Connections, OnConnect

OK = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextlib.contextmanager
def server(answer: Callable[[socket.socket, bytes], None], path: Path | None = None) -> Iterator[Any]:
    """One request after the other; yields the port, or the path of a unix socket."""
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as listening:
        listening.bind(str(path) if path else ("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listening.accept()
                    with link, contextlib.suppress(OSError):
                        answer(link, link.recv(65536))

        threading.Thread(target=serve, daemon=True).start()
        yield path or listening.getsockname()[1]


def wait(check: dict[str, Any], on_connect: OnConnect = health.accept) -> None:
    health.wait(check, cwd="/", env=dict(os.environ), still_up=lambda: None, on_connect=on_connect)


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


def test_server_does_not_wait_for_a_try_that_is_over() -> None:
    """It may answer one after the other, and a look at who took the connection may be slow."""
    has_ended = threading.Event()

    def recognize_end(_: socket.socket, request: bytes) -> None:
        if not request:
            has_ended.set()

    with server(recognize_end) as port:
        for check in ({"http": f"http://127.0.0.1:{port}/"}, {"tcp": f"127.0.0.1:{port}"}):
            has_ended.clear()
            with pytest.raises(errors.HostError, match=r"no whole answer within 0\.3 s"):
                wait({**check, "timeout": 0.3}, on_connect=lambda link: bool(has_ended.wait(30)) or None)
            assert has_ended.wait(10)


def test_connection_that_another_process_took_is_held_until_the_next_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that answer one after the other, the other one is busy then."""
    monkeypatch.setattr(health, "MADE_WITHIN", 30)
    waiting: list[Any] = []
    tries: list[socket.socket] = []

    def first_is_of_another(link: socket.socket) -> None:
        tries.append(link)
        if len(tries) == 1:
            raise errors.TakenByAnother("first")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        def serve() -> None:
            first, _ = listening.accept()
            with first:
                assert first.recv(1) == b""
                waiting.extend(select.select([listening], [], [], 0)[0])
            second, _ = listening.accept()
            with second:
                second.recv(65536)
                second.sendall(OK)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        wait({"http": f"http://127.0.0.1:{listening.getsockname()[1]}/", "timeout": 30}, first_is_of_another)
        thread.join(30)
    assert waiting == [listening] and len(tries) == 2


def test_process_that_a_check_did_not_mean_may_answer_the_end_of_its_connection(tmp_path: Path) -> None:
    """A write to a closed unix socket would end it, as SIGPIPE or BrokenPipeError."""
    answered: list[bytes] = []

    def answer(link: socket.socket, request: bytes) -> None:
        link.sendall(OK)
        answered.append(request)

    def first_is_of_another(_: socket.socket) -> None:
        if not answered:
            raise errors.TakenByAnother("first")

    with server(answer, tmp_path / "sock") as path:
        wait({"http": f"http+unix://{path}:/", "timeout": 30}, first_is_of_another)
    assert answered[0] == b"" and answered[-1].startswith(b"GET /")


def test_check_that_is_over_leaves_a_process_that_it_did_not_mean_the_time_to_answer() -> None:
    ours, theirs = socket.socketpair()
    hung_up: list[bool] = []

    def answer() -> None:
        with theirs:
            assert theirs.recv(1) == b""
            poll = select.poll()
            poll.register(theirs, 0)                    # of what is always told: that the other end is closed
            hung_up.append(bool(poll.poll(ANSWERED_WITHIN * 500)))

    answering = threading.Thread(target=answer)
    answering.start()
    connections = Connections(refuse)
    with ours, pytest.raises(errors.TakenByAnother), connections.of_try() as connection:
        connection.begin(ours)
    connections.release()
    answering.join()
    assert hung_up == [False]


def refuse(_: socket.socket) -> None:
    raise errors.TakenByAnother("another took it")


def test_http_check_encodes_a_url_that_is_not_ascii() -> None:
    asked: list[bytes] = []

    def note(link: socket.socket, request: bytes) -> None:
        asked.append(request.partition(b"\r\n")[0])
        link.sendall(OK)

    with server(note) as port:
        wait({"http": f"http://127.0.0.1:{port}/grüße/%20x?wer=世界", "timeout": 5})
    assert asked == [b"GET /gr%C3%BC%C3%9Fe/%20x?wer=%E4%B8%96%E7%95%8C HTTP/1.1"]


def say(status: str, body: str) -> Callable[[socket.socket, bytes], None]:
    answer = f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    return lambda link, _: link.sendall(answer)


@pytest.mark.parametrize(("expected", "problem"), [
    ({"status": 200}, ""),
    ({"status": 204}, "answers 200 OK, not 204"),
    ({"body": "1a2b"}, ""),
    ({"body": "3c4d"}, "answers 200 OK, without '3c4d' in its body"),
])
def test_http_check_looks_at_status_and_body(expected: dict[str, Any], problem: str) -> None:
    with server(say("200 OK", "version 1a2b")) as port:
        check = {"http": f"http://127.0.0.1:{port}/", "timeout": 0.2, **expected}
        if problem:
            with pytest.raises(errors.HostError, match=problem):
                wait(check)
        else:
            wait(check)


def test_http_check_takes_the_status_that_is_expected() -> None:
    with server(say("401 Unauthorized", "")) as port:
        wait({"http": f"http://127.0.0.1:{port}/", "timeout": 5, "status": 401})


def test_http_check_sends_the_host_header_that_is_given() -> None:
    asked: list[bytes] = []

    def note(link: socket.socket, request: bytes) -> None:
        asked.extend(line for line in request.split(b"\r\n") if line.lower().startswith(b"host:"))
        link.sendall(OK)

    with server(note) as port:
        wait({"http": f"http://127.0.0.1:{port}/", "timeout": 5, "host": "shop.example.com"})
        wait({"http": f"http://127.0.0.1:{port}/", "timeout": 5})
    assert asked == [b"Host: shop.example.com", f"Host: 127.0.0.1:{port}".encode()]


@pytest.mark.parametrize(("url", "path"), [
    ("http+unix://{socket}", "/"), ("http+unix://{socket}:/healthz?a=b", "/healthz?a=b"),
    ("http+unix://{socket}/healthz", "/healthz"), ("http+unix://{quoted}/healthz", "/healthz")])
def test_http_check_asks_over_a_unix_socket(folder: Path, url: str, path: str) -> None:
    asked: list[bytes] = []

    def note(link: socket.socket, request: bytes) -> None:
        asked.append(request.split(b" ")[1])
        link.sendall(OK)

    place = folder / "health.sock"
    with server(note, place):
        wait({"http": url.format(socket=place, quoted=quote(str(place), safe="")), "timeout": 5})
    place.unlink()
    assert asked == [path.encode()]


def test_http_check_says_that_no_unix_socket_is_there() -> None:
    with pytest.raises(errors.HostError, match="http\\+unix:///nowhere/x: no unix socket is there"):
        wait({"http": "http+unix:///nowhere/x", "timeout": 0.1})


def test_answer_of_a_check_is_told_in_one_line() -> None:
    with server(lambda link, _: link.sendall(b"SMTP ready\r\nQUIT\r\n\r\n")) as port:
        for check, words in (({"http": f"http://127.0.0.1:{port}/"}, "/: SMTP ready"),
                             ({"command": "\ntest 1 = 2\ntest 1 = 3\n"}, "`test 1 = 2 …`: exit status 1")):
            with pytest.raises(errors.HostError) as caught:
                wait({**check, "timeout": 0.1})
            assert caught.value.message == f"not healthy within 0.1 s: {caught.value.message.split(': ', 1)[1]}"
            assert caught.value.message.endswith(words)
