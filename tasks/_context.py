"""The context of a command: its name, the shared options, the screen; hosts.yaml, and the hosts it chooses."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from . import _commit_origin, embedded, inventory, program, reports, rollout
from ._caller import caller
from ._errors import FabvisorError, SelectionError
from ._installation import home
from ._options import check_serial
from ._user_folders import current_folder

if TYPE_CHECKING:
    from pathlib import Path

    from .executor.protocol import Unfinished, Verb
    from .inventory.loading import Inventory
    from .inventory.model import Environment, Target
    from .inventory.secret_sources import SecretSources
    from .inventory.serial import Serial

Chosen = TypeVar("Chosen")
Targets = tuple["Target", ...]


class Command:
    """One command that was typed. Everything that it needs is read when it is first asked for. `sudo_password`: what
    the user gave to Fabric, or None."""

    def __init__(self, name: str, options: Mapping[str, Any], report: reports.reporters.Reporters,
                 sudo_password: str | None = None) -> None:
        self.name = name
        self.options = options
        self.report = report
        self._secret_sources: dict[str, SecretSources] = {}
        self.sudo_password = inventory.secret.Secret(sudo_password) if sudo_password else None
        self.hidden = [self.sudo_password] if self.sudo_password else []    # beside secrets of services: mask() knows

    @functools.cached_property
    def inventory(self) -> Inventory:
        return inventory.loading.load(self._inventory_path())

    def _inventory_path(self) -> Path:
        return inventory.loading.find_inventory(self.options["inventory"] or None, os.environ, current_folder(), home())

    @functools.cached_property
    def environment_name(self) -> str:
        return inventory.selection.choose_environment(self.inventory, self.options["env"] or None, os.environ)

    @functools.cached_property
    def environment(self) -> Environment:
        """The chosen environment. The hosts of a sandbox are in it as far as they are known: nothing is started."""
        environment = self.inventory.environment(self.environment_name)
        if environment.sandbox:
            return self.described(self.environment_name).environment(self.environment_name)
        return environment.with_sudo_password(self.sudo_password)

    @functools.cached_property
    def running_environment(self) -> Environment:
        """The same, to connect to its hosts. Those of a sandbox are started unless they are up."""
        if self.environment.sandbox:
            return embedded.environments.environment(home(), self.inventory, self.environment_name)
        return self.environment

    def choose(self, choice: Callable[[Environment], Chosen]) -> Chosen:
        """What is chosen of the environment, to connect to it. What `choice` refuses starts no sandbox."""
        chosen = choice(self.environment)
        return choice(self.running_environment) if self.environment.sandbox else chosen

    def named_services(self) -> dict[str, list[str]]:
        """By host, the services that hosts.yaml has there, in whatever environment."""
        others = (name for name in self.inventory.environments if name != self.environment_name)
        environments = [self.running_environment, *(self.described(name).environment(name) for name in others)]
        return inventory.selection.services_by_host(environments)

    def described(self, name: str) -> Inventory:
        """The inventory with all that is known of an environment while nothing is started."""
        if not self.inventory.environment(name).sandbox:
            return self.inventory
        return embedded.environments.described(home(), self.inventory, name)

    def targets(self, services: str) -> Targets:
        """The hosts and services that the user chose."""
        return self.choose(lambda environment: self.select(environment, services))

    def program_targets(self, services: str, also_idle: bool = False) -> Targets:
        """The same for a command about programs: a service may be SERVICE:PROGRAM. `also_idle`: hosts on which none of
        its programs runs, too."""
        return self.choose(lambda environment: self.select_programs(environment, services, also_idle))

    def targets_with_secrets(self, services: str) -> Targets:
        """For what writes the environment file and `files`. A secret without a value, or a file without a content,
        stops here, before a host is contacted."""
        return self.choose(lambda environment: self._select_with_secrets(environment, services))

    def select(self, environment: Environment, services: str) -> Targets:
        return inventory.selection.select(environment, services, self.options["host"] or None)

    def select_programs(self, environment: Environment, services: str, also_idle: bool = False) -> Targets:
        return inventory.program_selection.select_programs(environment, services, self.options["host"] or None,
                                                           also_idle=also_idle)

    def _select_with_secrets(self, environment: Environment, services: str) -> Targets:
        targets = self.secret_sources(environment.name).fill(self.select(environment, services))
        if not any(target.service.files for target in targets):
            return targets
        return program.file_contents.FileContents(self.inventory).fill(targets)

    def with_secrets_of_drain(self, targets: Targets, on: str = "") -> Targets:
        """The same targets, with secrets for the hooks `drain` and `undrain` where a service has them. `on`: only those
        that run there."""
        drained = tuple(target.without_files() for target in targets if any(
            hook.on == (on or hook.on) for name in ("drain", "undrain") for hook in target.service.hooks.get(name, ())))
        key = rollout.goal.key
        filled = {key(target): target for target in self.secret_sources(self.environment_name).fill(drained)}
        return tuple(filled.get(key(target), target) for target in targets)

    def secret_sources(self, environment: str) -> SecretSources:
        """Where the secrets of that environment have their values; each is looked for once."""
        if environment not in self._secret_sources:
            self._secret_sources[environment] = inventory.secret_sources.of_environment(
                self.inventory, environment, os.environ)
        return self._secret_sources[environment]

    def origin(self, environment: Environment, service: str, revision: str, fetch: str, artifact: str = ""
               ) -> _commit_origin.Origin:
        """Which commits deploy and plan bring to which targets, and from where. Raises SelectionError, NotReady."""
        return _commit_origin.of_deploy(self._select_with_secrets(environment, service), revision, fetch, artifact,
                                        environment.branch)

    def origin_of_rollback(self, environment: Environment, service: str, to: str, fetch: str
                           ) -> _commit_origin.Origin:
        """As origin(), for a rollback; without `to` the planner finds the version before."""
        return _commit_origin.of_rollback(self._select_with_secrets(environment, service), to, fetch)

    def sources(self, origin: _commit_origin.Origin, force: bool = False) -> rollout.commits.sources.Sources:
        """The sources of the commits that this machine carries to hosts; `force`: build what it has built before."""
        builds = rollout.commits.client_builds.ClientBuilds(self.running_environment.targets, origin.artifact, force)
        return rollout.commits.sources.Sources(origin.targets, current_folder(), self.inventory.folder, os.environ,
                                               builds)

    def fleet(self, targets: Targets, confirm: Callable[[], None] | None = None, verb: Verb = "rollout"
              ) -> rollout.peers.fleet.Fleet:
        """The hosts of the targets. It begins to connect to them, unless it must ask first: the rest of the
        machinery is imported meanwhile."""
        fleet = rollout.peers.fleet.Fleet(targets, verb)
        if confirm is None:
            fleet.connect()
        return fleet

    def deployment(self, targets: Targets, revisions: Mapping[str, str] = MappingProxyType({}),
                   unfinished: Unfinished = "undo", serial: Serial | None = None, needs_ports: bool = False,
                   needs_sockets: bool = True, keeps_version: bool = False) -> rollout.goal.Deployment:
        """The metadata of this command for hosts. Its id sorts by time, to the millisecond, and is unique. Without
        `serial` all hosts restart at once."""
        now = datetime.now(timezone.utc)
        # Milliseconds, then chance, each of three hexadecimal digits.
        identifier = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03x}{os.urandom(2).hex()[:3]}"
        return rollout.goal.Deployment(
            deploy=identifier, command=self.name, by=caller(os.environ), since=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            environment=self.environment.name, url=self.environment.url,
            services={target.service.name: revisions.get(target.service.name) for target in targets},
            serial=serial or inventory.serial.AT_ONCE, pause=self.environment.pause, unfinished=unfinished,
            folder=str(self.inventory.folder), needs_ports=needs_ports, needs_sockets=needs_sockets,
            keeps_version=keeps_version)

    def announce(self, targets: Targets, services: Iterable[str] | None = None) -> None:
        """Say at the beginning on which hosts the command is. `services`: those of the targets, unless given."""
        named = {target.service.name for target in targets} if services is None else services
        self.report.on(rollout.events.Started(
            command=self.name, environment=self.environment.name, services=sorted(named),
            hosts=sorted({target.host.name for target in targets})))

    def done(self) -> rollout.events.Finished:
        """The end of a command that changed no host, and had nothing to refuse."""
        return rollout.events.Finished(command=self.name, outcome="unchanged", exit_code=0)

    def serial(self, option: str) -> Serial:
        """How many hosts restart at a time: by `--serial`, else by the environment. Raises SelectionError."""
        return check_serial(option) if option else self.environment.serial

    def write_reports(self, **files: str) -> None:
        """By kind (junit, dotenv) the file that the user named, or the empty text."""
        named = {f"--{kind}": path for kind, path in files.items() if path}
        self.require_spare(named)
        for option, path in named.items():
            self.report.add_file(option.removeprefix("--"), path)

    def require_spare(self, files: Mapping[str, str]) -> None:
        """By option, the files that reports replace. Raises SelectionError where one is hosts.yaml, or another one."""
        try:
            taken = {os.path.realpath(self._inventory_path()): "hosts.yaml itself"}
        except FabvisorError:               # there is none, as the command will say
            taken = {}
        for option, path in files.items():
            place = os.path.realpath(path)
            if place in taken:
                raise SelectionError(f"{option} {path}: that is {taken[place]}, which would be lost",
                                     f"{option} ANOTHER-FILE")
            taken[place] = f"the file of {option}"

    def mask(self, text: str) -> str:
        """Without the values that secrets of hosts.yaml have here, as far as they can be known."""
        text = inventory.urls.without_password(text)
        for secret in (*self.hidden, *rollout.commits.local_commands.tokens_of_job(os.environ)):
            text = secret.masked_in(text)
        with contextlib.suppress(Exception):    # a mistake in the file must not hide the message
            targets = self.inventory.environment(self.environment_name).targets
            return self.secret_sources(self.environment_name).masked(text, (target.service for target in targets))
        return text
