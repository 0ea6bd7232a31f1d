"""Hides the passwords of URLs in the texts of an event: git, a program or hosts.yaml may have put them there."""

from __future__ import annotations

from ..inventory.urls import without_password
from .event_texts import AnyStruct, map_texts


def redacted(event: AnyStruct) -> AnyStruct:
    """The event with *** for every password or token inside a URL."""
    return map_texts(event, lambda _, text: without_password(text))
