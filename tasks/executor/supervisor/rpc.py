"""XML-RPC over a unix socket, as far as supervisord uses it.

xmlrpc.client would do, but it imports http.client, email and ssl: half of the time that an executor takes to start.
ElementTree would do, too, and takes 4 ms of it; and so would `socket`, which makes classes of its constants, in 3 ms:
_socket is all of it that needs C.
"""

from __future__ import annotations

import _socket
import base64
import struct
import time
from contextlib import closing
from typing import Any, Callable, Mapping
from xml.parsers import expat

ANSWER_WITHIN = 10                  # seconds
# What makes a value of the text of an element.
TYPES: Mapping[str, Callable[[str], Any]] = {
    "name": str, "string": str, "int": int, "i4": int, "boolean": lambda text: text == "1"}

Timeout = _socket.timeout           # what an answer raises that takes longer


class Fault(Exception):
    """A fault that supervisord answers; `code` as in supervisor.xmlrpc.Faults."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class NotOk(Exception):
    """An answer that is not XML-RPC; `status` is that of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def call(path: str, credentials: tuple[str, str] | None, method: str, *args: Any) -> Any:
    """Arguments are texts and booleans. Raises Fault, NotOk or OSError."""
    params = "".join(f"<param><value>{_written(arg)}</value></param>" for arg in args)
    body = f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>"
    status, reason, answer = _post(path, credentials, body.encode())
    if status != 200:
        raise NotOk(status, f"HTTP {status} {reason}")
    try:
        value = _read(answer)
    except (expat.ExpatError, ValueError) as error:
        raise NotOk(status, f"its answer cannot be read: {error}") from None
    if b"<fault>" in answer:
        raise Fault(value["faultCode"], value["faultString"])
    return value


def peer_uid(path: str) -> int:
    """The uid of the process that listens there. Raises OSError."""
    with closing(_socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)) as link:
        link.settimeout(ANSWER_WITHIN)
        link.connect(path)
        credentials = link.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _post(path: str, credentials: tuple[str, str] | None, body: bytes) -> tuple[int, str, bytes]:
    """(status, reason, body) of the answer. HTTP 1.0: the answer ends with the connection."""
    lines = ["POST /RPC2 HTTP/1.0", "Content-Type: text/xml", f"Content-Length: {len(body)}"]
    if credentials:
        lines.append("Authorization: Basic " + base64.b64encode(":".join(credentials).encode()).decode())
    deadline = time.monotonic() + ANSWER_WITHIN
    parts = []
    with closing(_socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)) as link:
        link.settimeout(ANSWER_WITHIN)
        link.connect(path)
        link.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        while True:
            link.settimeout(max(0.01, deadline - time.monotonic()))
            part = link.recv(65536)
            if not part:
                break
            parts.append(part)
    head, _, answer = b"".join(parts).partition(b"\r\n\r\n")
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return status, words[2] if len(words) > 2 else "no answer", answer


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return f"<boolean>{int(value)}</boolean>"
    escaped = value.replace("&", "&amp;").replace("<", "&lt;")
    return f"<string>{escaped}</string>"


def _read(answer: bytes) -> Any:
    """The value in it. Raises ExpatError or ValueError."""
    values: list[Any] = []              # those that are whole; of a struct its names and values in turns
    begins: list[int] = []              # of each struct and array that is open: the number of values before it
    text: list[str] = []

    def begin(tag: str, attributes: dict[str, str]) -> None:
        text.clear()
        if tag in ("struct", "array"):
            begins.append(len(values))

    def end(tag: str) -> None:
        if tag in TYPES:
            values.append(TYPES[tag]("".join(text)))
        elif tag in ("struct", "array"):
            start = begins.pop()
            inner = values[start:]
            values[start:] = [inner if tag == "array" else dict(zip(inner[::2], inner[1::2]))]

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.Parse(answer, True)
    (value,) = values
    return value
