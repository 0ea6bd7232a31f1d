"""What a program on its way to a host consists of."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterator
from typing import Any


def packed_pieces(program: bytes) -> Iterator[bytes]:
    """First that with the loader, then those with the modules."""
    _, _, rest = program.partition(b"\n")           # the line for shells
    while rest:
        head, _, rest = rest.partition(b"\n")
        size = int(head.split()[1])
        yield rest[:size]
        rest = rest[size:]


def modules_of(program: bytes) -> dict[str, Any]:
    """As they are given to bootstrap.packed()."""
    first, *others = (marshal.loads(zlib.decompress(piece)) for piece in packed_pieces(program))
    return {"loader": first["loader"], **{name: module for piece in others for name, module in piece.items()}}
