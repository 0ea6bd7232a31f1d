"""Clients that ask servers again and again, and what they noticed."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PAUSE = 0.01                        # seconds between two requests of a client
CLIENTS = 2                         # for each server


@dataclass(frozen=True)
class Answer:
    """`begin`: by the monotonic clock, in seconds; `body`: None where the request failed, as `problem` says."""

    server: str
    begin: float
    seconds: float
    body: str | None
    problem: str = ""

    @property
    def is_refused(self) -> bool:
        return self.problem.startswith(("ConnectionRefusedError", "FileNotFoundError"))


def ask(address: str, seconds: float = 30) -> str:
    """The body of an answer to GET / at tcp://HOST:PORT or unix:///PATH. Raises OSError or HTTPException."""
    with connect(address, seconds) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = http.client.HTTPResponse(link)
        answer.begin()
        body = answer.read().decode()
        if answer.status != 200:
            raise http.client.HTTPException(f"{answer.status} {answer.reason}")
        return body


def connect(address: str, seconds: float) -> socket.socket:
    if address.startswith("tcp://"):
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        return socket.create_connection((host, int(port)), timeout=seconds)
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(seconds)
    link.connect(address.removeprefix("unix://"))
    return link


class Load:
    """`with Load({"web1": "tcp://127.0.0.1:8000"}) as load:`"""

    def __init__(self, servers: Mapping[str, str]) -> None:
        self.answers: list[Answer] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=server, daemon=True)
                         for server in servers.items() for _ in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> list[str]:
        return [answer.problem for answer in self.answers if answer.problem]

    @property
    def bodies(self) -> set[str]:
        return {answer.body for answer in list(self.answers) if answer.body is not None}

    def outages(self) -> list[tuple[float, float]]:
        """Of each server from the first of failed requests in a row until the next good one, as (begin, end)."""
        return [outage for _, answers in itertools.groupby(
            sorted(self.answers, key=lambda answer: (answer.server, answer.begin)), lambda answer: answer.server)
            for outage in _outages(answers)]

    def _run(self, server: str, address: str) -> None:
        while not self._over.wait(PAUSE):
            begin = time.monotonic()
            body, problem = None, ""
            try:
                body = ask(address)
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            self.answers.append(Answer(server, begin, time.monotonic() - begin, body, problem))


def most_at_once(outages: Iterable[tuple[float, float]]) -> int:
    """How many of these overlap, at most."""
    changes = sorted(change for begin, end in outages for change in ((begin, 1), (end, -1)))
    return max(itertools.accumulate(change for _, change in changes), default=0)


def _outages(answers: Iterable[Answer]) -> Iterable[tuple[float, float]]:
    begin: float | None = None
    last = 0.0
    for answer in answers:
        last = answer.begin
        if answer.problem:
            begin = begin or answer.begin
        elif begin is not None:
            yield begin, answer.begin
            begin = None
    if begin is not None:
        yield begin, last
