"""Hides the passwords of URLs in the texts of an event: git, a program or hosts.yaml may have put them there."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct, structs

from ..inventory.urls import without_password

AnyStruct = TypeVar("AnyStruct", bound=Struct)


def redacted(event: AnyStruct) -> AnyStruct:
    """The event with *** for every password or token inside a URL."""
    changes = {name: clean for name in event.__struct_fields__
               if (clean := _clean(value := getattr(event, name))) is not value}
    return structs.replace(event, **changes) if changes else event


def _clean(value: Any) -> Any:
    """The same object where nothing changes."""
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, (list, tuple)):
        items = [_clean(item) for item in value]
        return value if all(map(_same, items, value)) else type(value)(items)
    if isinstance(value, dict):
        items = [_clean(item) for item in value.values()]
        return value if all(map(_same, items, value.values())) else dict(zip(value, items, strict=True))
    return redacted(value) if isinstance(value, Struct) else value


def _same(first: object, second: object) -> bool:
    return first is second
