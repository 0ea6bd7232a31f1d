"""The backup of placed files in the `before-<deploy>` folder: what lay at their paths before the first change."""

from __future__ import annotations

import json
import os
from typing import Iterable

from . import access_list, file_rights, files, json_lines
from .file_rights import Rights
from .placed_files import PlacedFiles, Record

MANIFEST = "files.json"


def save(placed: PlacedFiles, named: Iterable[str], folder: str) -> None:
    """Copy what lies at these paths and at those of the record, and the record itself. Raises OSError."""
    record = placed.record()
    was = {}
    for number, path in enumerate(dict.fromkeys([*named, *record.written])):
        if not placed.obstacle(path):
            was[path] = _copy(placed.path(path), os.path.join(folder, f"file-{number}"))
    manifest = {"files": was, "missing": placed.missing_folders(was), "record": record}
    files.write_atomic(os.path.join(folder, MANIFEST), json.dumps(manifest).encode() + b"\n")


def exists(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, MANIFEST))


def _copy(path: str, copy: str) -> dict[str, object] | None:
    """None where nothing lies there."""
    data = files.read_bytes(path)
    if data is None:
        return None
    files.write_synced(copy, data)
    return {"copy": os.path.basename(copy), "mode": access_list.mode_of(path), "rights": file_rights.of_path(path)}


def restore(placed: PlacedFiles, folder: str) -> bool:
    """Put it back; returns whether anything changed. It may run twice, and where nothing was saved."""
    manifest = next(json_lines.read(os.path.join(folder, MANIFEST)), None)
    if manifest is None:
        return False
    there = {path: was for path, was in manifest["files"].items() if was is not None}
    removed = [placed.remove(path) for path in manifest["files"] if path not in there]
    changed = any(removed)
    placed.remove_empty(manifest["missing"])
    for path, was in there.items():
        placed.require(path)
        owner, readers = was["rights"]
        data = files.read_bytes(os.path.join(folder, was["copy"])) or b""
        placed.make_folders(path)
        changed |= placed.write(path, data, was["mode"], Rights(owner, tuple(readers)))
    placed.keep_record(Record(*manifest["record"]))
    return changed


def secrets(folder: str) -> list[str]:
    """The paths of the copies that are secrets as a whole."""
    manifest = next(json_lines.read(os.path.join(folder, MANIFEST)), None)
    if manifest is None:
        return []
    return [os.path.join(folder, was["copy"]) for path, was in manifest["files"].items()
            if was and manifest["record"][0].get(path, {}).get("secrecy") == "all"]
