"""The sources of services with `fetch: client`: their mirrors on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from msgspec import Struct

from ..mirror import credentials
from ..mirror.mirror import cache_folder, changes_of
from ..mirror.source import HERE, Source

if TYPE_CHECKING:
    from ..inventory.model import Target
    from .events import Listener

NAMED = 10                              # uncommitted changes


class Carried(Struct, frozen=True, kw_only=True):
    """A commit that this machine carries to the hosts. `parts`: (repository, commit), of its submodules, too."""

    revision: str
    commit: str
    branch: str | None
    subject: str
    parts: tuple[tuple[str, str], ...]


class Sources:
    """By service; empty where every host fetches for itself. A context manager: the packs are gone at its end.

    `here`: the current folder, for `--revision .`.
    """

    def __init__(self, targets: Iterable[Target], here: Path, environ: Mapping[str, str]) -> None:
        self._services = {target.service.name: target.service for target in targets
                          if target.service.fetch == "client"}
        self._here = here
        self._environ = environ
        self._sources: dict[str, Source] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Sources:
        if self._services and self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="fabvisor-packs-")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __contains__(self, service: object) -> bool:
        return service in self._services

    def __getitem__(self, service: str) -> Source:
        return self._sources[service]

    def resolve(self, revisions: Mapping[str, str | None], report: Listener) -> dict[str, Carried]:
        """Fetch, and turn the revisions into commits, those of other services aside. Raises NotReady or TryAgain."""
        from .events import Notice

        def notice(message: str) -> None:
            report.on(Notice(message=message))

        carried = {}
        for name, service in self._services.items():
            assert self._folder is not None
            env = credentials.environment(self._environ, service.repo, service.login)
            source = Source(service.repo, cache_folder(self._environ), Path(self._folder.name), env, notice)
            self._sources[name] = source
            revision = revisions.get(name)
            if revision:
                resolution = source.resolve(revision, self._here)
                if revision == HERE:
                    _name_changes(self._here, env, notice)
                carried[name] = Carried(revision=revision, commit=resolution.commit, branch=resolution.branch,
                                        subject=source.subject(resolution.commit),
                                        parts=tuple(source.parts(resolution.commit)))
        return carried


def _name_changes(folder: Path, env: Mapping[str, str], notice: Callable[[str], None]) -> None:
    changes = changes_of(folder, env)
    if changes:
        more = f" and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
        notice("not sent, because it is not committed: " + ", ".join(map(str.strip, changes[:NAMED])) + more)
