"""Checks what the client says against the protocol."""

from __future__ import annotations

import functools
import re
from typing import Any, Dict, Literal, Mapping, Union

from . import protocol
from .errors import HostError

Message = Dict[str, Any]
FULL_HASH = re.compile("[0-9a-f]{40}([0-9a-f]{24})?")           # never an option of git


class NotInProtocol(HostError):
    """The client said what protocol.py does not know."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the client's message is not in the protocol: {problem}", "report it")


def check(message: Message, kinds: Mapping[str, Any]) -> Message:
    """Returns the message, which is one of `kinds` (protocol.VERBS or FURTHER). Raises NotInProtocol."""
    kind = kinds.get(str(message.get("do")))
    if kind is None:
        raise NotInProtocol(f"do: {message.get('do')!r:.100}")
    misfits = _misfits(message, kind)
    if misfits:
        raise NotInProtocol(f"{message['do']}: {', '.join(misfits)}")
    if kind is protocol.Plan:
        for part in message["services"].values():
            _check_actions(part)
    return message


def _check_actions(part: Message) -> None:
    calls = [part["tidy"], part["on_failure"], *part["steps"], *(step["undo"] for step in part["steps"])]
    for call in filter(None, calls):
        arguments = protocol.ARGUMENTS.get(call["action"])
        if arguments is None or _misfits(call["args"], arguments):
            raise NotInProtocol(f"plan: the action {call['action']!r:.100}")


def _misfits(value: Message, kind: Any) -> list[str]:
    """The fields of a class of the protocol that the value lacks, or has in another type."""
    optional = {name for part in kind.__mro__ if not getattr(part, "total", True) for name in part.__annotations__}
    return [name for name, field in _fields(kind).items()
            if (name not in value and name not in optional) or (name in value and not _fits(value[name], field))
            or (name == "commit" and isinstance(value[name], str) and not FULL_HASH.fullmatch(value[name]))]


@functools.lru_cache(maxsize=None)
def _fields(kind: Any) -> Mapping[str, Any]:
    """Their types by name: typing.get_type_hints() of a plain class, which would take a deploy 1 ms more."""
    return {name: _type(annotation) for part in reversed(kind.__mro__)
            for name, annotation in getattr(part, "__annotations__", {}).items()}


@functools.lru_cache(maxsize=None)
def _type(annotation: str) -> Any:
    """Fields have few types: each is evaluated once."""
    return eval(annotation, vars(protocol))


def _fits(value: Any, kind: Any) -> bool:
    """`kind`: a class, or what typing makes of an annotation."""
    origin = getattr(kind, "__origin__", None)
    inner: Any = getattr(kind, "__args__", ())
    if kind is Any or origin is Literal:
        return origin is None or value in inner
    if origin is Union:
        return any(_fits(value, option) for option in inner)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inner[1]) for item in value.values())
    if issubclass(kind, dict):
        return isinstance(value, dict) and not _misfits(value, kind)
    # JSON has one kind of number, and a bool is none.
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
