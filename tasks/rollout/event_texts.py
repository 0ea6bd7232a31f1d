"""Changes the texts of an event wherever they are: in its fields, in lists, in dicts, in structs inside of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct, structs

AnyStruct = TypeVar("AnyStruct", bound=Struct)
Change = Callable[[str, str], str]          # field name, text -> text


def map_texts(struct: AnyStruct, change: Change) -> AnyStruct:
    """The same object where no text changes: most events have nothing to change."""
    changes = {name: new for name in struct.__struct_fields__
               if (new := _map(name, old := getattr(struct, name), change)) is not old}
    return structs.replace(struct, **changes) if changes else struct


def _map(field: str, value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(field, value)
    if isinstance(value, list):
        items = [_map(field, item, change) for item in value]
        return items if any(map(_differ, items, value)) else value
    if isinstance(value, dict):
        entries = {_map(field, key, change): _map(field, item, change) for key, item in value.items()}
        same = len(entries) == len(value) and not any(map(_differ, [*entries, *entries.values()],
                                                           [*value, *value.values()]))
        return value if same else entries
    return map_texts(value, change) if isinstance(value, Struct) else value


def _differ(first: object, second: object) -> bool:
    return first is not second
