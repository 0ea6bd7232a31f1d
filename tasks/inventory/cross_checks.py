"""Finds mistakes that show once all layers are merged: per environment, service and host."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from . import health, interpolation, paths, precedence
from .findings import Finding, KeyPath, quoted
from .nearest import did_you_mean, listed
from .precedence import Raw, Resolved

MOST_TARGETS = 20_000       # a service on a host is one


def check(data: Raw) -> Iterator[Finding]:
    services = {name: precedence.resolve(data, None, name) for name in data.get("services", {})}
    yield from _shared_directories(services, {name: ("services", name, "directory") for name in services}, "")
    environments = data.get("environments", {})
    targets = sum(len(precedence.services(data, name)) * max(len(precedence.hosts(data, name)), 1)
                  for name in environments)
    if targets > MOST_TARGETS:
        yield Finding(("environments",), f"put {targets} services on hosts; split the file: {MOST_TARGETS} is the most")
        return
    for name, environment in environments.items():
        if not environment.get("sandbox"):
            yield from _roots(data, name)
            yield from _same_machine(data, name)
        yield from _directories(data, name)
        for service in precedence.services(data, name):
            yield from _service(data, name, service)


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


def _directories(data: Raw, name: str) -> Iterator[Finding]:
    services = {service: precedence.resolve(data, name, service) for service in precedence.services(data, name)}
    origins = {service: settings.origin("directory") for service, settings in services.items()}
    changed = {service: origin for service, origin in origins.items() if origin and origin[0] == "environments"}
    yield from _shared_directories(services, changed, f" in {name}")


def _shared_directories(services: dict[str, Resolved], places: dict[str, KeyPath], where: str) -> Iterator[Finding]:
    """`places`: where the directory is set; of a pair with a mistake at least one service must be among them."""
    directories = {name: settings.get("directory") for name, settings in services.items()}
    order = {name: index for index, name in enumerate(directories)}
    for inner, outer in _nested(directories):
        first, second = sorted((inner, outer), key=order.__getitem__)
        reported, other = (second, first) if second in places else (first, second)
        if reported in places:
            same = posixpath.normpath(directories[inner]) == posixpath.normpath(directories[outer])
            relation = "is" if same else "lies inside" if reported == inner else "holds"
            directory = quoted(directories[reported])
            yield Finding(places[reported], f"{directory} {relation} the directory of {other}{where}; "
                                            "each service needs one of its own")


def _nested(directories: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Pairs of services: the directory of the first is that of the second, or lies inside it."""
    by_path: dict[str, list[str]] = {}
    for name, directory in directories.items():
        if not paths.check_directory(directory):
            by_path.setdefault(posixpath.normpath(directory), []).append(name)
    for path, names in by_path.items():
        yield from ((name, names[0]) for name in names[1:])
        yield from ((names[0], by_path[parent][0]) for parent in paths.parents(path) if parent in by_path)




def _service(data: Raw, name: str, service: str) -> Iterator[Finding]:
    """Of a sandbox that has not been started no host is known, so nothing can be checked."""
    hosts = precedence.resolve_hosts(data, name, service)
    if hosts:
        on_hosts = _OnHosts(data, name, service, hosts)
        yield from on_hosts.origin_of_files()
        yield from on_hosts.health()
        yield from on_hosts.requires()
        yield from on_hosts.secrets()


class _OnHosts:
    """A service's settings on the hosts of an environment, where only variables differ."""

    def __init__(self, data: Raw, environment: str, service: str, hosts: dict[str, Resolved]) -> None:
        self.data, self.environment, self.service = data, environment, service
        self.settings = next(iter(hosts.values()))
        self.variables = {host: settings.environment_variables() for host, settings in hosts.items()}

    def origin_of_files(self) -> Iterator[Finding]:
        """What this machine makes, no host can fetch; what it builds, it must also ship."""
        settings = self.settings
        maker = settings.maker
        if maker and settings.get("fetch") == "host" and settings.origin("fetch"):
            cause = "`build_on: client` makes" if maker == "build_on" else "is in a folder of this machine (`repo`)"
            yield Finding(self._place("fetch"), f"no host can fetch what {cause}; leave `fetch` out")
        missing = {"build": "nothing is built", "ship": "what the build makes stays behind"}
        for key, consequence in missing.items() if maker == "build_on" else ():
            if not settings.has(key):
                yield Finding(self._place("build_on"), f"needs `{key}`, too: without it {consequence}")

    def health(self) -> Iterator[Finding]:
        kind = self.settings.health_kind
        if kind is not None:
            text = self.settings.get("health", kind)
            yield from self._filled(self._place("health", kind), text,
                                    lambda variables: health.check_health(kind, text, variables))

    def requires(self) -> Iterator[Finding]:
        for index, text in enumerate(self.settings.get("requires", default=())):
            if not paths.check_in_commit(text):
                yield from self._filled((*self._place("requires"), index), text, lambda variables, text=text: (
                    paths.check_in_commit(interpolation.fill(text, variables))))  # type: ignore[misc]

    def secrets(self) -> Iterator[Finding]:
        """A name is a secret or a variable, not both."""
        for index, secret in enumerate(self.settings.get("secrets", default=())):
            hosts = [host for host, variables in self.variables.items() if secret in variables and secret != "RUN_MODE"]
            if hosts:
                yield Finding((*self._place("secrets"), index), f"{secret} is among the variables, too"
                              f"{self._on(hosts)}; leave one of them out")

    def _filled(self, path: KeyPath, text: str, problem: Callable[[dict[str, str]], str]) -> Iterator[Finding]:
        """Mistakes of a text after the variables of each host are put in."""
        unset: dict[str, list[str]] = {}
        wrong: dict[str, list[str]] = {}
        for host, variables in self.variables.items():
            unknown = interpolation.unknown(text, variables)
            for name in unknown:
                unset.setdefault(name, []).append(host)
            message = "" if unknown else problem(variables)
            if message:
                wrong.setdefault(message, []).append(host)
        known = {name for variables in self.variables.values() for name in variables}
        for name, hosts in unset.items():
            yield Finding(path, f"no variable ${{{name}}} is set{did_you_mean(name, known)}{self._on(hosts)}",
                          about=(path, *self._places_of_variable(name)))
        for message, hosts in wrong.items():
            yield Finding(path, message + self._on(hosts))

    def _on(self, hosts: list[str]) -> str:
        return f" (on {listed(hosts, 3)} in {self.environment})"

    def _place(self, *path: str) -> KeyPath:
        """The place in the file where the setting was written."""
        origin = self.settings.origin(*path)
        assert origin is not None, "a default of the tool has no mistakes"
        return origin

    def _places_of_variable(self, name: str) -> tuple[KeyPath, ...]:
        """Everywhere that a variable of the service can be set."""
        places = {layer.path: None for host in self.variables
                  for layer in precedence.layers(self.data, self.environment, self.service, host)}
        return tuple((*path, "variables", name) for path in places if path is not None)
