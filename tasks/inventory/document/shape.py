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

from ..findings import MOST_FINDINGS, Finding, KeyPath, quoted
from ..nearest import did_you_mean, listed, nearest
from ..rules import program_options
from . import schema, wrong_types
from .document import Document

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MISSING = "is missing"
HOMES = {"Service": "a service", "Settings": "a host", "Environment": "an environment", "File": "the whole file"}


def check(document: Document) -> tuple[dict[str, Any], list[Finding]]:
    """The data without the parts of a wrong shape, and the mistakes."""
    findings: list[Finding] = []
    try:
        msgspec.convert(document.data, schema.File)
    except msgspec.ValidationError as error:
        findings = list(islice(_every_mistake(document), MOST_FINDINGS)) or [Finding((), str(error))]
        findings = _without_misspelt(findings)
    mistaken = {finding.path for finding in findings}
    misread = islice(document.misread.items(), MOST_FINDINGS)
    findings += [Finding(path, wrong_types.misread(path, value, document)) for path, value in misread
                 if path not in mistaken]
    return _without(document.data, findings) if findings else document.data, findings


def _without_misspelt(findings: list[Finding]) -> list[Finding]:
    """A key that is there under another name is not missing, too."""
    meant = {(*finding.path[:-1], finding.meant) for finding in findings if finding.meant}
    return [finding for finding in findings if finding.message != MISSING or finding.path not in meant]


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
                    yield Finding((*path, key), MISSING)
        case "enum":
            allowed = rules["enum"]
            near = did_you_mean(str(value), allowed)
            yield Finding(path, f"expected {' or '.join(map(repr, allowed))}, got {wrong_types.shown(value)}{near}")
        case "anyOf":
            yield from _any_of(error, path, document)
        case _:
            yield Finding(path, wrong_types.in_words(path, [rules["type"]], value, document))


def _unknown_keys(path: KeyPath, mapping: dict[str, Any], known: dict[str, Any]) -> Iterator[Finding]:
    for key in mapping:
        if key in known:
            continue
        home = _home(key, known)
        meant = "" if home else nearest(key, known)
        hint = home or did_you_mean(key, known) or f"; known here: {listed(sorted(known), most=30)}"
        yield Finding((*path, key), f"unknown key {quoted(key)}{hint}", meant=meant)


def _home(key: str, known: dict[str, Any]) -> str:
    """Where a key belongs that is right in another place."""
    if key in program_options.KINDS and "program" in known:
        return f"; it is an option of `program`: {{{key}: …}}"
    parts = schema.json_schema()["$defs"]
    home = next((name for part, name in HOMES.items() if key in parts[part]["properties"]), "")
    return f"; it is a key of {home}" if home else ""


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
    yield Finding(path, wrong_types.in_words(path, expected, error.instance, document))


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
