"""The sources of services with `fetch: client`: their mirrors on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ... import mirror
from ..._errors import NotReady
from ..._user_folders import cache_folder
from ...inventory.nearest import listed
from ..events import Listener, Notice
from .carried import Carried

if TYPE_CHECKING:
    from ...inventory.model import Service, Target
    from ...mirror.source import Source
    from .client_builds import ClientBuilds
    from .local_commands import LocalCommands

Notify = Callable[[str], None]          # tells a person


class Sources:
    """By service; empty where every host fetches for itself.

    `here`: the current folder, for `--revision .`; `beside`: the folder of hosts.yaml.
    """

    def __init__(self, targets: Iterable[Target], here: Path, beside: Path, environ: Mapping[str, str],
                 builds: ClientBuilds) -> None:
        self._services = {target.service.name: target.service for target in targets
                          if target.service.fetch == "client"}
        self._here = here
        self._beside = beside
        self._environ = environ
        self._builds = builds
        self._commands: LocalCommands | None = None
        self._sources: dict[str, Source] = {}

    def __contains__(self, service: object) -> bool:
        return service in self._services

    def __getitem__(self, service: str) -> Source:
        return self._sources[service]

    def resolve(self, revisions: Mapping[str, str | None], report: Listener) -> dict[str, Carried]:
        """Fetch, and turn the revisions into commits, those of other services aside. Raises NotReady or TryAgain."""
        notice = _notify(report)
        if self._services:
            mirror.git.require(self._environ)
        carried = {}
        for name, service in self._services.items():
            env = mirror.credentials.environment(self._environ, service.repo, service.login)
            self._sources[name] = self._source(service, env, notice)
            revision = revisions.get(name)
            found = self._find(service, revision) if revision else None
            if found is not None:
                carried[name] = found
                if revision == mirror.source.HERE:
                    _name_changes(self._here, env, notice)
        return carried

    def _find(self, service: Service, revision: str) -> Carried | None:
        """None where hosts may have the commit, since another machine made it."""
        source = self._sources[service.name]
        try:
            resolution = source.resolve(revision, self._here)
        except NotReady:
            if service.makes_commits and mirror.commits.ABBREVIATED.fullmatch(revision):
                return None
            raise
        _require_folder(service, source, resolution.commit)
        return Carried(revision=revision, commit=resolution.commit, branch=resolution.branch,
                       subject=source.subject(resolution.commit), parts=tuple(source.parts(resolution.commit)))

    def build(self, carried: Mapping[str, Carried], report: Listener) -> dict[str, Carried]:
        """With what this machine builds of the commits. Raises Failed, NotReady, or Cancelled after cancel()."""
        if not carried:
            return {}
        from .local_commands import LocalCommands  # no other deploy needs it

        services = self._services.values()
        hidden = {name for service in services for names in service.names_of_secrets().items() for name in names}
        secrets = {secret for service in services for secret in service.secret_values.values()}
        self._commands = LocalCommands(report, self._environ, hidden, secrets)
        return {name: self._builds.carried(self._services[name], self._sources[name], plain, self._commands,
                                           _notify(report)) for name, plain in carried.items()}

    def subtree(self, service: str, commit: str) -> str | None:
        """git's hash of the service's `subdirectory` in the commit; None where it has none."""
        folder = self._services[service].subdirectory
        return self._sources[service].subtree(commit, folder) if folder else None

    def cancel(self) -> None:
        """From any thread: end what is built now."""
        if self._commands is not None:
            self._commands.cancel()

    def _source(self, service: Service, env: Mapping[str, str], notice: Notify) -> Source:
        cache = cache_folder(self._environ)
        if service.is_folder:
            return mirror.folder_source.FolderSource(service.repo, self._place(service.repo), cache, env, notice)
        return mirror.source.Source(service.repo, cache, env, notice, service.fetch_timeout)

    def _place(self, repo: str) -> Path:
        """Of a folder as `repo`: beside hosts.yaml, else in the current folder, as a job has it that built it."""
        places = [(folder / repo).resolve() for folder in (self._beside, self._here)]
        place = next((place for place in places if place.is_dir()), places[0])
        if self._beside.resolve().is_relative_to(place):
            raise NotReady(f"{repo} holds hosts.yaml itself, and its secrets: {place}", "name a folder below it")
        return place


def _notify(report: Listener) -> Notify:
    return lambda message: report.on(Notice(message=message))


def _require_folder(service: Service, source: Source, commit: str) -> None:
    """As hosts do where they fetch: revision.subtree() of the executor."""
    folder = service.subdirectory
    if folder and source.subtree(commit, folder) is None:
        raise NotReady(f"commit {commit} of {service.name} has no folder {folder}, which `subdirectory` names",
                       "add it to the repository, or to the folder that `repo` names, or correct `subdirectory` in"
                       " hosts.yaml; in a rollback name a version that has it: --to REVISION")


def _name_changes(folder: Path, env: Mapping[str, str], notice: Notify) -> None:
    changes = mirror.current_folder.changes_of(folder, env)
    if changes:
        notice("not sent, because it is not committed: " + listed(map(str.strip, changes)))
