"""Finds mistakes that show once all layers are merged: per environment, service and host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from ..program import quoting
from . import (
    command_line,
    directories,
    file_checks,
    health,
    interpolation,
    keys,
    listings,
    model,
    paths,
    precedence,
    program_names,
    program_options,
    sockets,
    values,
)
from .findings import Finding, KeyPath, quoted
from .listings import Raw
from .nearest import did_you_mean, listed
from .resolved import HEALTH_KINDS, Resolved

MOST_TARGETS = 20_000       # a service on a host is one


def check(data: Raw) -> Iterator[Finding]:
    environments = data.get("environments", {})
    targets = sum(len(listings.services(data, name)) * max(len(listings.hosts(data, name)), 1)
                  for name in environments)
    if targets > MOST_TARGETS:
        yield Finding(("environments",), f"put {targets} services on hosts; split the file: {MOST_TARGETS} is the most")
        return
    yield from program_names.check(data)
    for name, environment in environments.items():
        if not environment.get("sandbox"):
            yield from _roots(data, name)
            yield from _same_machine(data, name)
            yield from _packaged(data, name)
        services = {service: precedence.resolve_hosts(data, name, service)
                    for service in listings.services(data, name)}
        yield from directories.check(data, name, services)
        yield from sockets.check(services)
        for service, hosts in services.items():
            yield from _service(data, name, service, hosts)


def _roots(data: Raw, name: str) -> Iterator[Finding]:
    path: KeyPath = ("environments", name)
    without = [host for host, settings in precedence.resolve_hosts(data, name).items() if not settings.has("root")]
    if without:
        about = (("defaults", "root"), (*path, "root"), *((*path, "hosts", host, "root") for host in without))
        yield Finding(path, f"no `root` for {listed(without, 3)}: the folder on the host that holds supervisord.conf; "
                            "set it in `defaults`, the environment or the host", about=about)


def _same_machine(data: Raw, name: str) -> Iterator[Finding]:
    """Two names for one place would wait for each other's lock."""
    seen: dict[tuple[object, ...], str] = {}
    for host, settings in precedence.resolve_hosts(data, name).items():
        place = (settings.get("address", default=host), *map(settings.get, ("port", "gateway", "user", "root")))
        if place in seen:
            yield Finding(("environments", name, "hosts", host), f"is the same machine and root as {seen[place]}")
        seen.setdefault(place, host)


def _packaged(data: Raw, name: str) -> Iterator[Finding]:
    """A line once, however many hosts it is for."""
    origins = {settings.origin("supervisord") for settings in precedence.resolve_hosts(data, name).values()
               if settings.get("supervisord") == "packaged" and not settings.get("sudo")
               and settings.get("user") != "root"}
    for origin in filter(None, origins):
        yield Finding(origin, "needs `sudo: true` beside it: the supervisord of a package is root's")


def _service(data: Raw, name: str, service: str, hosts: dict[str, Resolved]) -> Iterator[Finding]:
    """`hosts`: those on which it runs. Of a sandbox that has not been started none is known: nothing can be checked."""
    yield from _drain(hosts or {"": precedence.resolve(data, name, service)})
    if hosts:
        on_hosts = _OnHosts(data, name, service, hosts)
        yield from on_hosts.origin_of_files()
        yield from on_hosts.requires()
        yield from on_hosts.files()
        yield from on_hosts.secrets()
        for programs in _by_program(hosts):
            of_program = _OnHosts(data, name, service, programs)
            yield from of_program.command()
            yield from of_program.options()
            yield from of_program.socket()
            yield from of_program.health()
            yield from of_program.secrets()


def _drain(hosts: dict[str, Resolved]) -> Iterator[Finding]:
    """A host that leaves service must enter it again. A line once, however many hosts it is for."""
    for hook, other, consequence in (("drain", "undrain", "the host stays out of service"),
                                     ("undrain", "drain", "the host never leaves service")):
        origins = {settings.origin("hooks", hook) for settings in hosts.values()
                   if settings.get("hooks", hook) and not settings.get("hooks", other)}
        for origin in filter(None, origins):
            yield Finding(origin, f"needs `{other}`, too: without it {consequence}")


def _by_program(hosts: dict[str, Resolved]) -> list[dict[str, Resolved]]:
    """For each program the settings that it has on each host; of a service with one program, those of the service."""
    by_host = {host: settings.programs() for host, settings in hosts.items()}
    names = dict.fromkeys(name for programs in by_host.values() for name in programs)
    return [{host: programs[name] for host, programs in by_host.items() if name in programs}
            for name in names] or [hosts]


def _origin_mistakes(settings: Resolved) -> Iterator[Finding]:
    maker, fetch = settings.maker, settings.origin("fetch")
    if maker and settings.get("fetch") == "host" and fetch:
        cause = "`build_on: client` makes" if maker == "build_on" else "is in a folder of this machine (`repo`)"
        yield Finding(fetch, f"no host can fetch what {cause}; leave `fetch` out")
    missing = {"build": "nothing is built", "ship": "what the build makes stays behind"}
    origin = settings.origin("build_on") if maker == "build_on" else None
    if origin:
        yield from (Finding(origin, f"needs `{key}`, too: without it {consequence}")
                    for key, consequence in missing.items() if not settings.has(key))


class _OnHosts:
    """A service's settings on the hosts of an environment where it runs."""

    def __init__(self, data: Raw, environment: str, service: str, hosts: dict[str, Resolved]) -> None:
        self.data, self.environment, self.service, self.hosts = data, environment, service, hosts
        self.variables = {host: settings.environment_variables() for host, settings in hosts.items()}

    def origin_of_files(self) -> Iterator[Finding]:
        """No host can fetch a commit that this machine makes; a build on this machine must name what it ships."""
        yield from dict.fromkeys(chain.from_iterable(map(_origin_mistakes, self.hosts.values())))

    def command(self) -> Iterator[Finding]:
        for place, text, hosts in self._written("command"):
            if not values.check_command(text):
                words = quoting.words(text)
                written = " ".join(words[:command_line.filled_words(words)])
                yield from self._filled(place, written, hosts, lambda variables, written=written: (
                    "must be one line, and a variable in it has several"
                    if re.search(r"[\r\n]", interpolation.fill(written, variables)) else ""))  # type: ignore[misc]

    def options(self) -> Iterator[Finding]:
        for option in program_options.KINDS:
            for place, value, hosts in self._written("program", option):
                if isinstance(value, str) and "${" in value:
                    yield from self._filled(place, value, hosts, lambda variables, option=option, text=value: (
                        program_options.check_option(option, interpolation.fill(text, variables))))  # type: ignore[misc]

    def socket(self) -> Iterator[Finding]:
        for place, text, hosts in self._written("socket"):
            if not sockets.check_written(text):
                yield from self._filled(place, text, hosts, lambda variables, text=text: (
                    sockets.check_socket(interpolation.fill(text, variables))))  # type: ignore[misc]
            if text.startswith("tcp:"):
                for option in program_options.OF_UNIX_SOCKET:
                    yield from (Finding(origin, f"is of a file, and {quoted(text)} is none")
                                for origin, *_ in self._written("program", option))

    def health(self) -> Iterator[Finding]:
        for kind in HEALTH_KINDS:
            for place, text, hosts in self._written("health", kind):
                yield from self._filled(place, text, hosts, lambda variables, kind=kind, text=text: (
                    health.check_health(kind, text, variables)), self._with_revision())  # type: ignore[misc]
        for key in ("body", "host"):
            for place, text, hosts in self._written("health", key):
                if not interpolation.PLACEHOLDER.search(text):
                    continue
                yield from self._filled(place, text, hosts, lambda variables, key=key, text=text: keys.HEALTH[key](
                    health.fill("http", text, variables)), self._with_revision())  # type: ignore[misc]

    def _with_revision(self) -> dict[str, dict[str, str]]:
        return {host: health.names(variables, health.EXAMPLE_COMMIT) for host, variables in self.variables.items()}

    def requires(self) -> Iterator[Finding]:
        for place, listed_paths, hosts in self._written("requires"):
            for index, text in enumerate(listed_paths):
                if not paths.check_in_commit(text):
                    yield from self._filled((*place, index), text, hosts, lambda variables, text=text: (
                        paths.check_in_commit(interpolation.fill(text, variables))))  # type: ignore[misc]

    def files(self) -> Iterator[Finding]:
        """Sources have more names than the program: ENVIRONMENT and HOST."""
        names = {host: model.names_in_files(variables, self.environment, host)
                 for host, variables in self.variables.items()}
        for path in dict.fromkeys(path for settings in self.hosts.values() for path in settings.group("files")):
            for place, value, hosts in self._written("files", path):
                text = listings.service_file(value).get("source", "")
                where = (*place, "source") if isinstance(value, dict) else place
                if text and not paths.check_source(text):
                    yield from self._filled(where, text, hosts, lambda variables, text=text: (
                        paths.check_source(interpolation.fill(text, variables))), names)  # type: ignore[misc]
                wrong = {host: file_checks.conflict(path, self.hosts[host].group("files"),
                                                    self.hosts[host].get("shared", default=())) for host in hosts}
                for message in dict.fromkeys(filter(None, wrong.values())):
                    on = [host for host in hosts if wrong[host] == message]
                    yield Finding(place, message + self._on(on))

    def secrets(self) -> Iterator[Finding]:
        """A name is a secret or a variable, not both."""
        for secret in dict.fromkeys(name for settings in self.hosts.values() for name in settings.group("secrets")):
            for place, _, hosts in self._written("secrets", secret):
                both = [host for host in hosts if secret in self.variables[host] and secret != "RUN_MODE"]
                if both:
                    where = self._on(both)
                    yield Finding(place, f"{secret} is among the variables, too{where}; leave one of them out")

    def _written(self, *path: str) -> Iterator[tuple[KeyPath, Any, list[str]]]:
        """Each place of the file where a setting that counts was written, its value, and the hosts where it counts."""
        places: dict[KeyPath, list[str]] = {}
        for host, settings in self.hosts.items():
            origin = settings.origin(*path) if settings.has(*path) else None
            if origin is not None and (path[0] != "health" or settings.health_kind == _kind_of(path[1])):
                places.setdefault(origin, []).append(host)
        for place, hosts in places.items():
            yield place, self.hosts[hosts[0]].get(*path), hosts

    def _filled(self, path: KeyPath, text: str, hosts: list[str], problem: Callable[[dict[str, str]], str],
                names: Mapping[str, dict[str, str]] | None = None) -> Iterator[Finding]:
        """Mistakes of a text after the variables of each host, or these `names`, are put in."""
        by_host = names or self.variables
        unset: dict[str, list[str]] = {}
        wrong: dict[str, list[str]] = {}
        for host in hosts:
            variables = by_host[host]
            unknown = interpolation.unknown(text, variables)
            for name in unknown:
                unset.setdefault(name, []).append(host)
            message = "" if unknown else problem(variables)
            if message:
                wrong.setdefault(message, []).append(host)
        known = {name for variables in by_host.values() for name in variables}
        for name, without in unset.items():
            yield Finding(path, f"no variable ${{{name}}} is set{did_you_mean(name, known)}{self._on(without)}",
                          about=(path, *self._places_of_variable(name)))
        for message, mistaken in wrong.items():
            yield Finding(path, message + self._on(mistaken))

    def _on(self, hosts: list[str]) -> str:
        return f" (on {listed(hosts, 3)} in {self.environment})"

    def _places_of_variable(self, name: str) -> tuple[KeyPath, ...]:
        """Everywhere that a variable of the service can be set."""
        places = {layer.path: None for host in self.hosts
                  for layer in precedence.layers(self.data, self.environment, self.service, host)}
        return tuple((*path, "variables", name) for path in places if path is not None)


def _kind_of(key: str) -> str:
    """The kind of health check that a key of `health` is about."""
    return "http" if key in health.EXPECTATIONS else key
