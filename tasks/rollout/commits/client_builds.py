"""Makes the commits that hold a build of this machine, or an artifact: by service, once in a command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ... import mirror
from ..._errors import NotReady

if TYPE_CHECKING:
    from ...inventory.model import Service, Target
    from ...mirror.artifact import Artifact
    from ...mirror.built_commit import Built
    from ...mirror.source import Source
    from .carried import Carried
    from .local_commands import LocalCommands

STEP = "build"


class ClientBuilds:
    """`everywhere`: the targets of the environment; a build gets the variables that are the same on all of its hosts.
    `artifact`: in place of a build; `force`: build also what was built before."""

    def __init__(self, everywhere: Iterable[Target], artifact: Artifact | None = None, force: bool = False) -> None:
        self._everywhere = list(everywhere)
        self._artifact = artifact
        self._force = force
        self._made: dict[str, Built] = {}

    def carried(self, service: Service, source: Source, plain: Carried, commands: LocalCommands,
                notice: Callable[[str], None]) -> Carried:
        """What to carry in place of the plain commit. Raises Failed, NotReady, or Cancelled."""
        if self._artifact is None and service.build_on != "client":
            return plain
        built = mirror.built_commit.read(source.mirror, plain.commit)
        if self._artifact is not None:
            built = self._of_artifact(self._artifact, service, source, built.source if built else plain.commit)
        elif built is None:
            built = self._of_build(service, source, plain, commands, notice)
        parts = tuple((repo, built.commit if commit == plain.commit and repo == service.repo else commit)
                      for repo, commit in plain.parts)
        return replace(plain, commit=built.commit, subject=source.subject(built.commit), parts=parts,
                       source=built.source, binaries=built.binaries)

    def _of_build(self, service: Service, source: Source, plain: Carried, commands: LocalCommands,
                  notice: Callable[[str], None]) -> Built:
        variables = self._variables(service.name)
        name = mirror.built_commit.name_of(plain.commit, service.build, variables, service.ship)
        kept = self._made.get(name) or (None if self._force else mirror.built_commit.kept(source.mirror, name))
        if kept:
            notice(f"{service.name}: {plain.commit[:8]} is not built again, because this machine kept its build"
                   " (--force builds)")
            return kept
        submodules = {repo: source.mirror_folder(repo) for repo, _ in plain.parts if repo != service.repo}
        with mirror.clean_clone.clean_clone(source.mirror, plain.commit, submodules, notice) as folder:
            commands.run(service.name, STEP, service.build, folder / service.subdirectory, variables,
                         service.build_timeout)
            mirror.clean_clone.require_at(source.mirror, plain.commit, folder)
            with source.mirror.locked(notice):
                self._made[name] = mirror.built_commit.make(source.mirror, name, plain.commit, folder, service.ship)
        return self._made[name]

    def _of_artifact(self, artifact: Artifact, service: Service, source: Source, commit: str) -> Built:
        unpacked = source.mirror.folder.with_suffix(".artifact")
        with source.mirror.locked(lambda message: None), mirror.clean_clone.empty_folder(unpacked):
            artifact.unpack(unpacked)
            try:
                entries = mirror.file_tree.entries(unpacked, service.ship or ("",))
            except mirror.file_tree.Unfit as error:
                raise NotReady(f"{artifact.path}: {error}", "make it anew, or correct `ship` in hosts.yaml") from None
            name = mirror.built_commit.name_of(commit, (), {}, ("artifact", *service.ship))
            return mirror.built_commit.add(source.mirror, name, commit, unpacked, entries, service.ship)

    def _variables(self, service: str) -> Mapping[str, str]:
        """Those that all hosts agree on: one build is for all of them."""
        of_hosts = [target.service.environment_variables() for target in self._everywhere
                    if target.service.name == service]
        first = of_hosts[0] if of_hosts else {}
        return {name: value for name, value in first.items()
                if all(others.get(name) == value for others in of_hosts)}
