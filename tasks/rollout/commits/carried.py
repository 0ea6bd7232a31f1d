"""A commit that this machine brings to the hosts, with what they need to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ...mirror.binaries import Binary


class Carried(Struct, frozen=True, kw_only=True):
    """A commit that this machine carries to the hosts. `parts`: (repository, commit), of its submodules, too.

    `source`: the commit that it was built from, where this machine built it; `binaries`: for which machines.
    """

    revision: str
    commit: str
    branch: str | None
    subject: str
    parts: tuple[tuple[str, str], ...]
    source: str | None = None
    binaries: tuple[Binary, ...] = ()
