"""Words a value of a wrong type: what was expected, what stands there, and how to write what was meant."""

from __future__ import annotations

import re
from typing import Any

from .. import serial
from ..findings import KeyPath, quoted
from ..rules import program_options
from .document import Document

NAMES = ("hosts", "services", "shared", "requires", "ship", "on")       # that may be lists of names
REQUIRED = ("services", "environments", "repo", "command", "branch", "hosts")
CHOSEN = (("services",), ("environments",), ("hosts",), ("programs",))      # that hold names of the user's
WORDS = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def in_words(path: KeyPath, expected: list[Any], value: Any, document: Document) -> str:
    """`expected`: JSON schema's names of the types that fit."""
    if path[:1] == ("environments",) and path[2:3] == ("serial",):
        return serial.check_serial([value] if path[3:] else value)
    types = " or ".join(WORDS[kind] for kind in expected if kind in WORDS)
    if "number" in expected:
        types = "a time (in seconds, or like 30s, 30m or 1h)"
    if value is not None and "secrets" in path[-2:] and not isinstance(value, (list, dict)):
        is_ours = "secrets" in (_key(path), _key(path[:-1]))
        return f"expected {types}" + (": names of secrets, not their values" if is_ours else "")    # it may be a secret
    if isinstance(value, (list, dict)):
        return f"expected {types}, got {shown(value)}{_names(path)}"
    return _scalar(path, expected, types, value, document.raw.get(path))


def shown(value: object) -> str:
    """A value in a message; of a list or a mapping, whatever is in it, its kind."""
    if isinstance(value, (list, dict)):
        return WORDS["array" if isinstance(value, list) else "object"]
    return quoted(value)


def _scalar(path: KeyPath, expected: list[Any], types: str, value: Any, raw: str | None) -> str:
    """`raw`: as it was written, where YAML does not read it as text."""
    if value is None:
        return f"expected {types}, got {_nothing(path, raw or '', expected)}"
    if raw is None:
        is_list = _key(path) in NAMES and re.fullmatch(r"[\w./@-]+(, ?[\w./@-]+)*", value, re.ASCII)
        listed = f"; write [{value}]" if is_list else ""
        return f"expected {types}, got the text {quoted(value)}{listed}"
    if _is_option(path) and (wrong := program_options.check_option(str(path[-1]), raw)):
        return wrong
    quote_it = f"; quote it: \"{raw}\"" if "string" in expected and "number" not in expected else ""
    return f"expected {types}, got {raw}{_read_as(raw, value)}{quote_it}"


def _nothing(path: KeyPath, raw: str, expected: list[Any]) -> str:
    if raw and "string" in expected:
        return f"{raw}, which YAML reads as nothing; quote it: \"{raw}\""
    if _key(path[:-1]) == "variables" or _is_option(path):
        return "nothing; write \"\" for an empty text"
    return "nothing; give it a value" + ("" if _key(path) in REQUIRED else ", or leave it out")


def _names(path: KeyPath) -> str:
    """What a list of names cannot hold, and a mapping can."""
    listed = path[-2:-1] in (("hosts",), ("services",)) and isinstance(path[-1], int)
    return f"; where names have settings, {path[-2]} is a mapping: NAME: {{…}}" if listed else ""


def misread(path: KeyPath, value: int, document: Document) -> str:
    """A number that people read otherwise than YAML does."""
    raw = document.raw[path]
    decimal = raw.lstrip("0") if raw.isdecimal() else ""
    advice = f"write {decimal} or {value}" if decimal else f"write {value}"
    if _key(path[:-1]) == "variables":
        advice = f"write {value}, or \"{raw}\" for the text"
    if _is_option(path):
        advice = program_options.check_option(str(path[-1]), raw) or f"write \"{raw}\""
    return f"YAML reads {raw} as {value}; {advice}"


def _is_option(path: KeyPath) -> bool:
    return _key(path[:-1]) == "program" and path[-1] in program_options.KINDS


def _key(path: KeyPath) -> str | int:
    """The last part of the path; empty where that is a name which the user chose, whatever it reads like."""
    return path[-1] if path and not _is_chosen(path) else ""


def _is_chosen(path: KeyPath) -> bool:
    return path[-2:-1] in CHOSEN and not _is_chosen(path[:-1])


def _read_as(raw: str, value: Any) -> str:
    if isinstance(value, bool):
        reading = str(value).lower()
        return "" if raw.lower() == reading else f", which YAML reads as {reading}"
    return ", " + {int: "a number", float: "a number", bytes: "binary data"}.get(type(value), "a date")
