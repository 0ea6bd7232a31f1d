"""A text that is never shown."""

from __future__ import annotations

import json
from collections.abc import Callable

from ..executor.protocol import MASK, SHORTEST_SECRET


class Secret:
    """A text that shows itself as ***: in str, in a format, in a repr, among the locals of a traceback. JSON refuses
    it. Sums and mappings of secrets are secrets."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __add__(self, other: str | Secret) -> Secret:
        return Secret(self._text + (other._text if isinstance(other, Secret) else other))

    def map(self, change: Callable[[str], str]) -> Secret:
        return Secret(change(self._text))

    def masked_in(self, text: str) -> str:
        """The text with *** in place of the secret, of each of its lines, and of their forms in a repr and in JSON.
        What is shorter than 4 characters stays."""
        parts = [part.strip() for part in (self._text, *self._text.splitlines())]
        forms = {form for part in parts for form in (part, repr(part)[1:-1], json.dumps(part)[1:-1])}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, MASK) if len(form) >= SHORTEST_SECRET else text
        return text

    @property
    def has_nul(self) -> bool:
        return "\0" in self._text

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return len(self._text.encode("utf-8", "surrogateescape"))

    def sha256(self) -> str:
        """The hash of its bytes, as hexadecimal digits."""
        from hashlib import sha256  # it loads OpenSSL, and hosts wait for the first dial

        return sha256(self._text.encode("utf-8", "surrogateescape")).hexdigest()


def reveal(value: object) -> str:
    """The text of a secret, for the encoder of messages to a host and nobody else."""
    if isinstance(value, Secret):
        return value._text
    raise TypeError(f"{type(value).__name__} cannot be sent")
