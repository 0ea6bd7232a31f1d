"""Keeps what was made of the executor's sources in their `__pycache__`, as Python keeps compiled code: until one of
them changes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import cache_from_source
from pathlib import Path

Made = Callable[[], bytes]


def kept(name: str, folder: Path, further: Iterable[Path], make: Made) -> bytes:
    """What `make` makes of the modules in `folder` and of the `further` files; from the disk where it is there."""
    path = Path(cache_from_source(str(folder / f"{name}.py"))).with_suffix(".program")
    state = repr(sorted([*_states(folder), *map(_state, further)]))
    found = _read(path, state)
    if found is None:
        found = make()
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):          # somebody else's folder
                _write(path, state, found)
    return found


def _states(folder: Path) -> Iterator[tuple[str, int, int]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each != "__pycache__"]
        yield from (_state(os.path.join(parent, each)) for each in names if each.endswith(".py"))


def _state(path: str | Path) -> tuple[str, int, int]:
    """As Python tells whether a source has changed."""
    status = os.stat(path)
    return str(path), status.st_mtime_ns, status.st_size


def _read(path: Path, state: str) -> bytes | None:
    """None where it was made of other sources, or is damaged."""
    try:
        head, _, made = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return made if head == _head(state, made) else None


def _write(path: Path, state: str, made: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        aside.write_bytes(_head(state, made) + b"\n" + made)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)       # of a full disk


def _head(state: str, made: bytes) -> bytes:
    import hashlib  # it loads OpenSSL, and hosts wait for the first dial

    return hashlib.sha256(state.encode("utf-8", "surrogateescape") + made).hexdigest().encode()
