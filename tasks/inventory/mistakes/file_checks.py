"""Finds mistakes in the `files` of a service: in each alone, and in what they are together on a host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..findings import Finding, KeyPath, mistake, quoted
from ..layers.listings import Raw, service_file
from ..rules import keys, paths

KINDS = ("source", "secret", "variables")


def check(path: KeyPath, files: Raw) -> Iterator[Finding]:
    """Each alone, as it is written. `path`: that of `files`."""
    for target, value in files.items():
        where = (*path, target)
        settings = service_file(value)
        of_source = (*where, "source") if isinstance(value, dict) else where
        given = [kind for kind in KINDS if settings.get(kind)]
        yield from mistake(where, paths.check_placed(target))
        if len(given) != 1:
            yield Finding(where, f"expected one of source, secret and variables, got {' and '.join(given) or 'none'}",
                          about=tuple((*where, kind) for kind in KINDS))
        if settings.get("template") and "source" not in settings:
            yield Finding((*where, "template"), "goes with `source` only")
        if "source" in settings:
            yield from mistake(of_source, paths.check_source(settings["source"]))
        yield from keys.mistakes(where, settings, keys.FILE)


def conflict(path: str, others: Iterable[str], shared: Iterable[str]) -> str:
    """Why a path cannot stand beside the `others` and the `shared` paths of its service; empty where it can."""
    parents = paths.parents(path)
    inside = next((other for other in others if other in parents), None)
    if inside:
        return f"lies inside {quoted(inside)}, which is a file of `files`, too"
    bare = [name.rstrip("/") for name in shared]
    both = next((name for name in bare if name == path or name in parents or path in paths.parents(name)), None)
    return f"overlaps {quoted(both)}, which is `shared`: leave one of them out" if both else ""
