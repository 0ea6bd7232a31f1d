"""Health checks from the host itself: http, tcp or a command."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Callable, Mapping

from ..errors import HostError, TakenByAnother, Unhealthy
from ..system import shell
from . import http_check
from .connection import Connections, OnConnect

ONE_TRY = 5.0                       # seconds
MADE_WITHIN = 0.5                   # seconds for a connection; where too many wait, it may not be made for long
ENOUGH = 1.0                        # seconds: a try that has less, at the end, may not learn what is wrong
Check = Mapping[str, Any]


def accept(link: socket.socket) -> None:
    """Any process may have taken the connection."""


def wait(check: Check, *, cwd: str, env: dict[str, str], still_up: shell.Check, on_connect: OnConnect = accept,
         subject: str = "") -> None:
    """Try until the check passes. Raises HostError with the last answer after the `timeout` of the check.

    `subject`: the beginning of that sentence, where several could be meant. `on_connect` gets each connection before
    anything is asked, and may raise Unhealthy.
    """
    connections = Connections(on_connect)
    try:
        _try_until_well(check, _attempt(check, cwd, env, still_up, connections), still_up, subject)
    finally:
        connections.release()


def _try_until_well(check: Check, attempt: Callable[[float], None], still_up: shell.Check, subject: str) -> None:
    deadline = time.monotonic() + check["timeout"]
    pause = 0.025
    problem: Unhealthy | None = None
    while True:
        still_up()
        left = deadline - time.monotonic()
        try:
            attempt(max(0.1, left))
            return
        except Unhealthy as error:
            if problem is None or left > ENOUGH:
                problem = error
            pause = pause if isinstance(error, TakenByAnother) else min(pause * 2, 0.5)
            if time.monotonic() + pause > deadline:
                words = " ".join(str(problem).split())          # a server may answer with anything
                raise HostError(f"{subject}not healthy within {check['timeout']:g} s: {words}",
                                "try the same check on the host, or raise `timeout`") from None
        time.sleep(pause)


def _attempt(check: Check, cwd: str, env: dict[str, str], still_up: shell.Check, connections: Connections
             ) -> Callable[[float], None]:
    kind = next((kind for kind in ASKED if check.get(kind)), None)
    if kind is None:
        return lambda seconds: _command(check["command"], cwd, env, seconds, still_up)
    return lambda seconds: _bounded(lambda limit, on_connect: ASKED[kind](check, limit, on_connect), check[kind],
                                    min(ONE_TRY, seconds), still_up, connections)


def _bounded(attempt: Callable[[float, OnConnect], None], target: str, seconds: float, still_up: shell.Check,
             connections: Connections) -> None:
    """One try within `seconds`. A socket's timeout is for each read: an answer that drips could go on for ever."""
    outcome: list[Unhealthy | None] = []

    with connections.of_try() as connection:
        def run() -> None:
            try:
                attempt(seconds, connection.begin)
                outcome.append(None)
            except Unhealthy as error:
                outcome.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        begin = time.monotonic()
        while thread.is_alive() and time.monotonic() - begin < seconds:
            thread.join(0.05)
            if time.monotonic() - begin > MADE_WITHIN:
                connection.release_held()
            still_up()
        problem = outcome[0] if outcome else Unhealthy(f"{target}: no whole answer within {seconds:.2g} s")
    if problem:
        raise problem


def _tcp(check: Check, seconds: float, on_connect: OnConnect) -> None:
    host, _, port = check["tcp"].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), timeout=seconds) as link:
            on_connect(link)
    except OSError as error:
        raise Unhealthy(f"{check['tcp']}: {error}") from None


ASKED = {
    "http": http_check.attempt,
    "tcp": _tcp,
}


def _command(command: str, cwd: str, env: dict[str, str], seconds: float, still_up: shell.Check) -> None:
    try:
        shell.run(shell.script([command]), cwd=cwd, env=env, timeout=seconds, check=still_up)
    except shell.CommandFailed as failure:
        why = ": ".join(filter(None, [failure.message, "; ".join(failure.output[-3:])]))
        raise Unhealthy(f"`{_first_line(command)}`: {why}") from None


def _first_line(command: str) -> str:
    first, *more = command.strip().splitlines()
    return first + (" …" if more else "")
