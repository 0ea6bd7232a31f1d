"""A file of a service's `files`: where its content comes from, and the content once it is known."""

from __future__ import annotations

import base64
from typing import Literal

from msgspec import Struct

from .findings import KeyPath
from .secret import Secret

MODE, SECRET_MODE = 0o644, 0o600
LARGEST = 1_000_000                     # bytes
MOST_BYTES = 4_000_000                  # of all files that go to a host in one command: they travel within a lease
Secrecy = Literal["none", "parts", "all"]       # how much of a content is secret


class ServiceFile(Struct, frozen=True, kw_only=True):
    """One of source, secret and variables is set. `path`: below the service's directory, in its shortest form;
    `origin`: the place in hosts.yaml; `mode`: None where hosts.yaml does not say."""

    path: str
    origin: KeyPath
    source: str = ""                    # a path beside hosts.yaml; `${NAME}` is replaced
    template: bool = False              # `${NAME}` is replaced in the content, too
    secret: str = ""                    # the name of the secret that is the content
    variables: bool = False             # the content is all variables and secrets, as dotenv
    mode: int | None = None


class FileContent(Struct, frozen=True, kw_only=True):
    """The content of a file, as it goes to a host. `text` has bytes that are no UTF-8 as surrogates; `sha256` and
    `size` are those of its bytes."""

    path: str
    text: str | Secret
    mode: int
    secrecy: Secrecy
    sha256: str
    size: int

    @property
    def data(self) -> str | Secret:
        """Its bytes as base64."""
        return self.text.map(_base64) if isinstance(self.text, Secret) else _base64(self.text)


def content(path: str, text: str | Secret, mode: int, secrecy: Secrecy) -> FileContent:
    secret = text if isinstance(text, Secret) else Secret(text)
    return FileContent(path=path, text=text, mode=mode, secrecy=secrecy, sha256=secret.sha256(), size=secret.size)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _base64(text: str) -> str:
    return base64.b64encode(_bytes(text)).decode()
