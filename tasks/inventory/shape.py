"""Checks that the file has the shape of `schema`, and words every mistake.

msgspec is fast but stops at the first mistake. Only then does jsonschema, which is slow to import, look for all of
them, by the schema of the same structs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from . import program_options, schema, serial
from .document import Document
from .findings import MOST_FINDINGS, Finding, KeyPath, quoted
from .nearest import did_you_mean, listed, nearest

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

WORDS = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def check(document: Document) -> tuple[dict[str, Any], list[Finding]]:
    """The data without the parts of a wrong shape, and the mistakes."""
    findings: list[Finding] = []
    try:
        msgspec.convert(document.data, schema.File)
    except msgspec.ValidationError as error:
        findings = list(islice(_every_mistake(document), MOST_FINDINGS)) or [Finding((), str(error))]
    mistaken = {finding.path for finding in findings}
    misread = islice(document.misread.items(), MOST_FINDINGS)
    findings += [Finding(path, _misread(path, value, document)) for path, value in misread if path not in mistaken]
    return _without(document.data, findings) if findings else document.data, findings


def _every_mistake(document: Document) -> Iterator[Finding]:
    from jsonschema import Draft202012Validator as Draft
    from jsonschema import validators

    # To jsonschema 22.0 is an integer; to msgspec, and to a port, it is not.
    checker = Draft.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    validator = validators.extend(Draft, type_checker=checker)(schema.json_schema())  # type: ignore[no-untyped-call]
    seen = set()
    for error in validator.iter_errors(document.data):
        for finding in _in_words(error, document):
            if finding not in seen:
                seen.add(finding)
                yield finding


def _in_words(error: ValidationError, document: Document) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    rules: Any = error.schema
    value: Any = error.instance
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(path, value, rules["properties"])
        case "required":
            for key in rules["required"]:
                if key not in value:
                    yield Finding((*path, key), "is missing")
        case "enum":
            allowed = rules["enum"]
            near = did_you_mean(str(value), allowed)
            yield Finding(path, f"expected {' or '.join(map(repr, allowed))}, got {quoted(value)}{near}")
        case "anyOf":
            yield from _any_of(error, path, document)
        case _:
            yield Finding(path, _type_mistake(path, [rules["type"]], value, document))


def _unknown_keys(path: KeyPath, mapping: dict[str, Any], known: dict[str, Any]) -> Iterator[Finding]:
    for key in mapping:
        if key in known:
            continue
        meant = nearest(key, known)
        hint = did_you_mean(key, known) if meant else f"; known here: {listed(sorted(known), most=30)}"
        yield Finding((*path, key), f"unknown key {quoted(key)}{hint}", meant=meant)


def _any_of(error: ValidationError, path: KeyPath, document: Document) -> Iterator[Finding]:
    """The mistakes inside the alternative whose type fits; where none fits, one that names all expected types."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    expected = []
    for inner_errors in branches.values():
        misfit = [inner for inner in inner_errors if inner.validator == "type" and not inner.relative_path]
        if not misfit:
            for inner in inner_errors:
                yield from _in_words(inner, document)
            return
        expected += [inner.validator_value for inner in misfit]
    yield Finding(path, _type_mistake(path, expected, error.instance, document))


def _type_mistake(path: KeyPath, expected: list[Any], value: Any, document: Document) -> str:
    if path[:1] == ("environments",) and path[2:3] == ("serial",):
        return serial.check_serial(value)
    types = " or ".join(WORDS[kind] for kind in expected if kind in WORDS)
    if "number" in expected:
        types = "a time (in seconds, or like 30s, 30m or 1h)"
    raw = document.raw.get(path)
    if value is None:
        return f"expected {types}, got nothing" + ("; write \"\" for an empty text" if "string" in expected else "")
    if isinstance(value, (list, dict)):
        return f"expected {types}, got {'a list' if isinstance(value, list) else 'a mapping'}"
    if raw is None:
        return f"expected {types}, got the text {quoted(value)}"
    if _is_option(path) and (wrong := program_options.check_option(str(path[-1]), raw)):
        return wrong
    quote_it = f"; quote it: \"{raw}\"" if "string" in expected and "number" not in expected else ""
    return f"expected {types}, got {raw}{_read_as(raw, value)}{quote_it}"


def _misread(path: KeyPath, value: int, document: Document) -> str:
    raw = document.raw[path]
    advice = f"write {value}, or \"{raw}\" for the text"
    if _is_option(path):
        advice = program_options.check_option(str(path[-1]), raw) or f"write \"{raw}\""
    return f"YAML reads {raw} as {value}; {advice}"


def _is_option(path: KeyPath) -> bool:
    return path[-2:-1] == ("program",) and path[-1] in program_options.KINDS


def _read_as(raw: str, value: Any) -> str:
    if isinstance(value, bool):
        reading = str(value).lower()
        return "" if raw.lower() == reading else f", which YAML reads as {reading}"
    return ", " + {int: "a number", float: "a number", bytes: "binary data"}.get(type(value), "a date")


def _without(data: Any, findings: list[Finding]) -> dict[str, Any]:
    if not isinstance(data, dict):
        return {}
    left: dict[str, Any] = copy.deepcopy(data)
    # From the back, so that an index of a list still means the same item.
    for finding in sorted(findings, key=lambda finding: [str(key).zfill(6) for key in finding.path], reverse=True):
        _remove(left, finding.path)
    return left


def _remove(data: Any, path: KeyPath) -> None:
    for key in path[:-1]:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return
    if path and isinstance(data, dict):
        data.pop(path[-1], None)
    elif path and isinstance(data, list) and isinstance(path[-1], int):
        del data[path[-1]:path[-1] + 1]
