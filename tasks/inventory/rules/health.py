"""Checks what a health check says after `${NAME}` is replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

from ..findings import quoted
from . import interpolation, values

# What an answer to `http` must have, and how it is asked for.
EXPECTATIONS = ("status", "body", "host")
EXAMPLE_COMMIT = "0" * 40


def names(variables: Mapping[str, str], revision: str = "${REVISION}") -> dict[str, str]:
    """The names that a check may hold: variables, and REVISION, which stays as it is until a deploy knows its commit.
    """
    return {"REVISION": revision, **variables}


def fill(kind: str, text: str, variables: Mapping[str, str]) -> str:
    """Replace `${NAME}`. A command stays as it is: it has the variables in its environment, and its shell puts any
    value in safely."""
    return text if kind == "command" else interpolation.fill(text, variables)


def _http(text: str) -> str:
    good = not values.check_word(text) and "${" not in text
    try:
        parts = urlsplit(text)
        if parts.scheme == "http+unix":
            good = good and len(path := unquote(parts.netloc) + parts.path) > 1 and path.startswith("/")
        else:
            good = good and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            good = good and parts.username is None
    except ValueError:
        good = False
    return "" if good else f"expected a URL such as http://127.0.0.1:8080/healthz, got {quoted(text)}"


def _tcp(text: str) -> str:
    host, _, port = text.rpartition(":")
    good = host and not values.check_word(host) and "${" not in text and (":" not in host or host.startswith("["))
    if good and re.fullmatch(r"[0-9]{1,5}", port) and not values.check_port(int(port)):
        return ""
    return f"expected HOST:PORT such as 127.0.0.1:8080, got {quoted(text)}"


def _command(text: str) -> str:
    """A script for the host's shell; it may have several lines."""
    if not text.strip():
        return "is empty"
    return "cannot hold a NUL character" if "\0" in text else ""


CHECKS: dict[str, Callable[[str], str]] = {
    "http": _http,
    "tcp": _tcp,
    "command": _command,
}
