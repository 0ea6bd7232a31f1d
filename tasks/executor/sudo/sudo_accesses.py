"""The helpers of one command: mostly one; one more for an interrupted deploy of another place or of more services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

if TYPE_CHECKING:
    from .sudo_access import SudoAccess


class SudoAccesses:
    """Opens access through sudo for `services`. A helper that serves all of them is used again."""

    def __init__(self, services: Iterable[str] = (), password: str | None = None,
                 opened: list[SudoAccess] | None = None) -> None:
        self._services = list(services)
        self._password = password
        self._opened: list[SudoAccess] = [] if opened is None else opened

    def serving(self, services: Iterable[str]) -> SudoAccesses:
        return SudoAccesses(services, self._password, self._opened)

    def open(self, supervisord_conf: str, program_dir: str) -> SudoAccess:
        """It starts at its first request, or when it is told to begin."""
        for access in self._opened:
            if ((access.supervisord_conf, access.program_dir) == (supervisord_conf, program_dir)
                    and set(self._services) <= set(access.services)):
                return access
        from .sudo_access import SudoAccess  # most hosts need no sudo

        self._opened.append(SudoAccess(supervisord_conf, program_dir, self._services, self._password))
        return self._opened[-1]
