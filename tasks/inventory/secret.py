"""A value that hides itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256

SHOWN = "***"
LEAST = 4


class Secret:
    """A text that is *** wherever it is shown: as text, in a format, in a repr, among a traceback's locals. JSON
    refuses it. What is made of it hides itself as well."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return SHOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __add__(self, other: str | Secret) -> Secret:
        return Secret(self._text + (other._text if isinstance(other, Secret) else other))

    def made(self, change: Callable[[str], str]) -> Secret:
        return Secret(change(self._text))

    def masked_in(self, text: str) -> str:
        """With *** in place of it, of each of its lines, and of what a repr or JSON makes of them; what is shorter
        than 4 characters stays."""
        parts = [part.strip() for part in (self._text, *self._text.splitlines())]
        forms = {form for part in parts for form in (part, repr(part)[1:-1], json.dumps(part)[1:-1])}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, SHOWN) if len(form) >= LEAST else text
        return text

    @property
    def holds_nul(self) -> bool:
        return "\0" in self._text

    def sha256(self) -> str:
        """Of its bytes, as hexadecimal digits."""
        return sha256(self._text.encode("utf-8", "surrogateescape")).hexdigest()


def reveal(value: object) -> str:
    """For the encoder of the messages to a host, and for nobody else."""
    if isinstance(value, Secret):
        return value._text
    raise TypeError(f"{type(value).__name__} cannot be sent")
