"""A health check over HTTP: of a TCP port, or of a unix socket."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import stat
import urllib.parse
from typing import Any, Mapping

from ..errors import Unhealthy
from .connection import OnConnect

MOST_BODY = 2**20                   # bytes of an answer that are searched


def attempt(check: Mapping[str, Any], seconds: float, on_connect: OnConnect) -> None:
    """Ask once. Raises Unhealthy unless the answer has the status and the body that `check` expects; as `on_connect`
    may, which gets the connection before anything is asked."""
    url = check["http"]
    parts = urllib.parse.urlsplit(url)
    try:
        connection, path = _connection(parts, seconds)
        try:
            connection.connect()
            on_connect(connection.sock)
            query = "?" + parts.query if parts.query else ""
            connection.request("GET", urllib.parse.quote((path or "/") + query, safe="/%?&=:;,+$!'()*~@"),
                               headers={"Host": check["host"]} if check.get("host") else {})
            _judge(check, connection.getresponse())
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unhealthy(f"{url}: {str(error) or type(error).__name__}") from None


def _connection(parts: urllib.parse.SplitResult, seconds: float) -> tuple[http.client.HTTPConnection, str]:
    """A connection to where the URL leads, and the path to ask for."""
    if parts.scheme == "http+unix":
        return _unix_connection(parts, seconds)
    if parts.scheme == "https":
        # The question is whether the service answers, asked from its own host; its certificate names another.
        unverified = ssl._create_unverified_context()
        return http.client.HTTPSConnection(parts.netloc, timeout=seconds, context=unverified), parts.path
    return http.client.HTTPConnection(parts.netloc, timeout=seconds), parts.path


def _unix_connection(parts: urllib.parse.SplitResult, seconds: float) -> tuple[http.client.HTTPConnection, str]:
    """Of http+unix:///run/api.sock:/path, or http+unix://%2Frun%2Fapi.sock/path as other tools write it."""
    text = urllib.parse.unquote(parts.netloc) + parts.path
    cuts = (cut for cut in range(len(text), 0, -1) if cut == len(text) or text[cut] in "/:")
    cut = next((cut for cut in cuts if _is_socket(text[:cut])), None)
    if cut is None:
        raise FileNotFoundError("no unix socket is there")
    return UnixConnection(text[:cut], seconds), text[cut:].lstrip(":")


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _judge(check: Mapping[str, Any], response: http.client.HTTPResponse) -> None:
    """Raises Unhealthy."""
    answer = f"{check['http']} answers {response.status} {response.reason}"
    expected = check.get("status")
    text = check.get("body")
    if expected and response.status != expected:
        raise Unhealthy(f"{answer}, not {expected}")
    if not expected and not 200 <= response.status < 400:
        raise Unhealthy(answer)
    if text and text.encode() not in response.read(MOST_BODY):
        raise Unhealthy(f"{answer}, without {text!r} in its body")
