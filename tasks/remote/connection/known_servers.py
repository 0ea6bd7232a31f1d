"""What was true of a server when it last let us in, so that the next connection need not ask for it.

One file in the user's cache, with a line for each server; its newest line counts. The file may be missing, broken or
closed to us: then nothing is known, and a connection takes all its round trips.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..._errors import Mistake
from ..._user_folders import cache_folder

NAME = "servers"
LIMIT = 64 * 1024                           # bytes of the file, about 400 lines
LASTS = 7 * 24 * 3600                       # seconds: what a server refuses today it may take by then


class Server(Struct, frozen=True):
    """`key_exchange`: what it agrees on with us; "" where it is better not to guess.
    `takes_early`: requests for a session, before it has answered the login. `runs_compiled`: the interpreter that
    a command starts there takes our compiled code, and is near enough; under a name of server and command."""

    key_exchange: str = ""
    takes_early: bool = True
    runs_compiled: bool = False
    since: int = 0                          # seconds since 1970


UNKNOWN = Server()


def recall(name: str) -> Server:
    """`name`: of the server, and of the way to it."""
    with suppress(OSError, Mistake, ValueError, msgspec.MsgspecError):
        lines = _read(_path()).splitlines()
        mark = _mark(name)
        newest = next((line for line in reversed(lines) if line.startswith(mark)), None)
        server = msgspec.json.decode(newest[len(mark):], type=Server) if newest else UNKNOWN
        if 0 <= time.time() - server.since < LASTS:
            return replace(server, since=0)
    return UNKNOWN


def remember(name: str, server: Server) -> None:
    line = b"\n" + _mark(name) + msgspec.json.encode(replace(server, since=int(time.time())))
    with suppress(OSError, Mistake):
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(path, "ab", opener=_opener) as file:
            is_full = file.tell() > LIMIT
            if not is_full:
                file.write(line)            # one write, so that other commands' lines stay whole
        if is_full:
            _replace(path, _read(path)[-LIMIT // 2:].partition(b"\n")[2] + line)


def _path() -> Path:
    return cache_folder(os.environ) / NAME


def _mark(name: str) -> bytes:
    """The file tells nobody which servers these are."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:24].encode() + b" "


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK, 0o600)      # a pipe would wait for somebody at its other end


def _read(path: Path) -> bytes:
    """The end of the file, at most LIMIT bytes and a line."""
    with open(path, "rb", buffering=0, opener=_opener) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LIMIT))
        return file.read(LIMIT) or b""


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with open(aside, "wb", opener=_opener) as file:
            file.write(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)       # of a full disk
