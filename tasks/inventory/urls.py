"""Hides and splits off the password of a URL: `https://user:PASSWORD@host/…`, or `https://TOKEN@host/…`."""

from __future__ import annotations

import re
from urllib.parse import unquote

from msgspec import Struct

from ..executor.protocol import MASK
from .secret import Secret

LOGIN = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/?#@:'\"<>]*)(?::(?P<password>[^\s/?#]*))?@")
# The user of an http URL without a password: tokens of GitHub and GitLab are longer than this, names are shorter.
TOKEN = re.compile(r"[A-Za-z0-9_.-]{20,}")
NO_PASSWORD = (None, "", "x-oauth-basic")


class Login(Struct, frozen=True):
    """A user and a password that stood in a URL, decoded. `secret`: the password, or the token in its place."""

    user: Secret
    password: Secret
    secret: Secret


def without_password(text: str) -> str:
    """The text with *** for the password or token of every URL in it."""
    return LOGIN.sub(_masked, text) if "://" in text else text


def split_login(url: str) -> tuple[str, Login | None]:
    """A URL without its password or token, and these. A user without a password stays in it."""
    match = LOGIN.match(url)
    if not match or _masked(match) == match[0]:
        return url, None
    user, password = Secret(unquote(match["user"])), Secret(unquote(match["password"] or ""))
    token = _is_token(match)
    clean = match["scheme"] + ("" if token else f"{match['user']}@") + url[match.end():]
    return clean, Login(user, password, secret=user if token else password)


def _masked(match: re.Match[str]) -> str:
    if _is_token(match):
        return f"{match['scheme']}{MASK}@"
    return match[0] if match["password"] in NO_PASSWORD else f"{match['scheme']}{match['user']}:{MASK}@"


def _is_token(match: re.Match[str]) -> bool:
    return match["scheme"].lower() in ("http://", "https://") and match["password"] in NO_PASSWORD and bool(
        TOKEN.fullmatch(match["user"]))
