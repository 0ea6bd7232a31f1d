"""Health checks from the host itself: http, tcp or a command."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Callable, Mapping

from .. import shell
from ..errors import HostError, TakenByAnother, Unhealthy
from . import http_check
from .http_check import OnConnect

ONE_TRY = 5.0                       # seconds
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
    attempt = _attempt(check, cwd, env, still_up, on_connect)
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


def _attempt(check: Check, cwd: str, env: dict[str, str], still_up: shell.Check, on_connect: OnConnect
             ) -> Callable[[float], None]:
    kind = next((kind for kind in ASKED if check.get(kind)), None)
    if kind is None:
        return lambda seconds: _command(check["command"], cwd, env, seconds, still_up)
    return lambda seconds: _bounded(lambda limit: ASKED[kind](check, limit, on_connect), check[kind],
                                    min(ONE_TRY, seconds), still_up)


def _bounded(attempt: Callable[[float], None], target: str, seconds: float, still_up: shell.Check) -> None:
    """One try within `seconds`. A socket's timeout is for each read: an answer that drips could go on for ever."""
    outcome: list[Unhealthy | None] = []

    def run() -> None:
        try:
            attempt(seconds)
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
