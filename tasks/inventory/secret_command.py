"""Runs the `secrets_from` of an environment: a command on this machine that prints secrets as dotenv or JSON.

What it prints, on whichever stream, is never shown.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from .._errors import InventoryError, Problem
from .dotenv_text import UnreadableLine, bindings
from .findings import KeyPath
from .loading import Inventory
from .secret import Secret

LONGEST = 30.0                          # seconds
LARGEST = 2**20                         # bytes
POLL = 0.05                             # seconds


class SecretCommandFailed(Exception):
    """Why, in words that show nothing of the output."""


class SecretCommand(Struct, frozen=True, kw_only=True):
    """The command, the folder where it runs, and its place in hosts.yaml."""

    command: str
    folder: Path
    place: Problem

    def values(self, environ: Mapping[str, str]) -> dict[str, Secret]:
        """Run it with these variables, and return the secrets by name. Raises InventoryError."""
        try:
            return _parsed(_output(self.command, self.folder, environ).decode("utf-8-sig", "surrogateescape"))
        except SecretCommandFailed as failure:
            place = self.place
            raise InventoryError([Problem(place.file, place.line, place.path, str(failure))],
                                 "run the command yourself in the folder of hosts.yaml, and see what it prints"
                                 ) from None


def of_environment(inventory: Inventory, environment: str) -> SecretCommand | None:
    """The command of an environment, with its name in place of ${ENVIRONMENT}; None where it has none."""
    command = inventory.data["environments"][environment].get("secrets_from")
    if command is None:
        return None
    path: KeyPath = ("environments", environment, "secrets_from")
    return SecretCommand(command=command.replace("${ENVIRONMENT}", environment), folder=inventory.folder,
                         place=inventory.problem(path, ""))


def _output(command: str, folder: Path, environ: Mapping[str, str]) -> bytes:
    shell = ["bash", "-e", "-o", "pipefail", "-c", command]
    try:
        process = subprocess.Popen(shell, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        raise SecretCommandFailed(f"cannot run bash: {error.strerror}") from None
    try:
        output = _read(process, time.monotonic() + LONGEST)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()
    if process.returncode:
        status = process.returncode
        ending = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise SecretCommandFailed(f"the command failed: {ending}")
    return output


def _read(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """All that it prints until it has ended. A child that it leaves may hold the pipe open."""
    assert process.stdout is not None
    fd = process.stdout.fileno()
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            if selector.select(0 if ended else POLL):
                piece = os.read(fd, 2**16)
                output += piece
                if not piece:
                    selector.unregister(fd)     # from now on select() only waits
            elif ended:
                return output
            if len(output) > LARGEST:
                raise SecretCommandFailed(f"the command printed more than {LARGEST // 2**20} MB")
            if time.monotonic() > deadline:
                raise SecretCommandFailed(f"the command did not end within {LONGEST:g} s")


def _parsed(text: str) -> dict[str, Secret]:
    return _from_json(text) if text.lstrip().startswith("{") else _from_dotenv(text)


def _from_dotenv(text: str) -> dict[str, Secret]:
    values = {}
    try:
        for line, name, value in bindings(text):
            if value is None:           # any word is such a name: no secret, but perhaps an error in words
                raise UnreadableLine(line)
            values[name] = Secret(value)
    except UnreadableLine as error:
        raise SecretCommandFailed(f"the command printed neither dotenv nor a JSON object: line {error.line}") from None
    return values


def _from_json(text: str) -> dict[str, Secret]:
    """Numbers stay as they are written; null is no value."""
    try:
        values: dict[str, Any] = json.loads(text, parse_int=str, parse_float=str)
        json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogateescape")   # half a character: ValueError
    except (ValueError, RecursionError):
        raise SecretCommandFailed("the command printed neither dotenv nor a JSON object") from None
    if any(isinstance(value, (dict, list)) for value in values.values()):
        raise SecretCommandFailed("the command printed JSON with values inside of values: print names and texts only")
    return {name: Secret(json.dumps(value) if isinstance(value, bool) else value)
            for name, value in values.items() if value is not None}
