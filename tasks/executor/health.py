"""Health checks from the host itself: http, tcp or a command."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import urllib.parse
from typing import Any, Callable, Mapping

from . import shell
from .errors import HostError

ONE_TRY = 5.0                       # seconds


def wait(check: Mapping[str, Any], *, cwd: str, env: dict[str, str], still_up: shell.Check) -> None:
    """Try until the check passes. Raises HostError with the last answer after the `timeout` of the check."""
    attempt = _attempt(check, cwd, env, still_up)
    deadline = time.monotonic() + check["timeout"]
    pause = 0.05
    while True:
        still_up()
        try:
            attempt(max(0.1, deadline - time.monotonic()))
            return
        except Unhealthy as error:
            if time.monotonic() + pause > deadline:
                raise HostError(f"not healthy within {check['timeout']:g} s: {error}",
                                "try the same check on the host, or raise `timeout`") from None
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


class Unhealthy(Exception):
    pass


def _attempt(check: Mapping[str, Any], cwd: str, env: dict[str, str], still_up: shell.Check) -> Callable[[float], None]:
    kind = next((kind for kind in ASKED if check.get(kind)), None)
    if kind is None:
        return lambda seconds: _command(check["command"], cwd, env, seconds, still_up)
    return lambda seconds: _bounded(ASKED[kind], check[kind], min(ONE_TRY, seconds), still_up)


def _bounded(attempt: Callable[[str, float], None], target: str, seconds: float, still_up: shell.Check) -> None:
    """One try within `seconds`. A socket's timeout is for each read: an answer that drips could go on for ever."""
    outcome: list[Unhealthy | None] = []

    def run() -> None:
        try:
            attempt(target, seconds)
            outcome.append(None)
        except Unhealthy as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    deadline = time.monotonic() + seconds
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.05)
        still_up()
    problem = outcome[0] if outcome else Unhealthy(f"{target}: no whole answer within {seconds:g} s")
    if problem:
        raise problem


def _http(url: str, seconds: float) -> None:
    parts = urllib.parse.urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        # The question is whether the service answers, asked from its own host; its certificate names another.
        unverified = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=seconds, context=unverified)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=seconds)
    try:
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        connection.request("GET", urllib.parse.quote(path, safe="/%?&=:;,+$!'()*~@"))
        response = connection.getresponse()
        if not 200 <= response.status < 400:
            raise Unhealthy(f"{url} answers {response.status} {response.reason}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unhealthy(f"{url}: {error or type(error).__name__}") from None
    finally:
        connection.close()


def _tcp(address: str, seconds: float) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), timeout=seconds).close()
    except OSError as error:
        raise Unhealthy(f"{address}: {error}") from None


ASKED = {
    "http": _http,
    "tcp": _tcp,
}


def _command(command: str, cwd: str, env: dict[str, str], seconds: float, still_up: shell.Check) -> None:
    try:
        shell.run(shell.script([command]), cwd=cwd, env=env, timeout=seconds, check=still_up)
    except shell.CommandFailed as failure:
        why = ": ".join(filter(None, [failure.message, "; ".join(failure.output[-3:])]))
        raise Unhealthy(f"`{command}`: {why}") from None
