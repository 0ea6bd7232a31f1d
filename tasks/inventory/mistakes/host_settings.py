"""The settings of a service, or of one of its programs, on the hosts of an environment where it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..findings import Finding, KeyPath
from ..layers import precedence
from ..layers.listings import Raw
from ..layers.resolved import Resolved
from ..nearest import did_you_mean, listed
from ..rules import health, interpolation

Names = Mapping[str, dict[str, str]]                    # by host: what `${NAME}` may be there
Fill = Callable[[str, Mapping[str, str]], str]          # puts them in


class HostSettings:
    def __init__(self, data: Raw, environment: str, service: str, hosts: dict[str, Resolved]) -> None:
        self.data = data
        self.environment = environment
        self.service = service
        self.hosts = hosts
        self.variables = {host: settings.environment_variables() for host, settings in hosts.items()}

    def programs(self) -> list[HostSettings]:
        """Of each of its programs; of a service with one program, its own."""
        by_host = {host: settings.programs() for host, settings in self.hosts.items()}
        names = dict.fromkeys(name for programs in by_host.values() for name in programs)
        return [HostSettings(self.data, self.environment, self.service, {
            host: programs[name] for host, programs in by_host.items() if name in programs})
            for name in names] or [self]

    @property
    def names_by_process(self) -> Names:
        """The variables where the number of the process may be put in, too: the last one, as ports grow with it."""
        return {host: {**self.variables[host], **_last_number(settings)} for host, settings in self.hosts.items()}

    def written(self, *path: str) -> Iterator[tuple[KeyPath, Any, list[str]]]:
        """Each place of the file where a setting that counts was written, its value, and the hosts where it counts."""
        places: dict[KeyPath, list[str]] = {}
        for host, settings in self.hosts.items():
            origin = settings.origin(*path) if settings.has(*path) else None
            if origin is not None and (path[0] != "health" or settings.health_kind == _kind_of(path[1])):
                places.setdefault(origin, []).append(host)
        for place, hosts in places.items():
            yield place, self.hosts[hosts[0]].get(*path), hosts

    def mistakes(self, path: KeyPath, text: str, hosts: list[str], check: Callable[[str], str], *,
                 fill: Fill = interpolation.fill, names: Names | None = None) -> Iterator[Finding]:
        """What is wrong with a text, on which hosts, after the variables of each host, or these `names`, are put in."""
        by_host = names or self.variables
        unset: dict[str, list[str]] = {}
        wrong: dict[str, list[str]] = {}
        for host in hosts:
            variables = by_host[host]
            unknown = interpolation.unknown(text, variables)
            for name in unknown:
                unset.setdefault(name, []).append(host)
            message = "" if unknown else check(fill(text, variables))
            if message:
                wrong.setdefault(message, []).append(host)
        known = {name for variables in by_host.values() for name in variables}
        for name, without in unset.items():
            if name == "PROCESS_NUM":
                wording = ("${PROCESS_NUM} is known with `numprocs` alone: in `command`, in log files, and in `health` "
                           "without `socket` and `reload`")
            elif any(self.hosts[host].has("secrets", name) for host in without):
                wording = f"${{{name}}} is a secret, which is not put in here: the program has it in its environment"
            else:
                wording = f"no variable ${{{name}}} is set{did_you_mean(name, known)}"
            yield Finding(path, wording + self.in_words(without), about=(path, *self._places_of(name)))
        for message, mistaken in wrong.items():
            yield Finding(path, message + self.in_words(mistaken))

    def in_words(self, hosts: list[str]) -> str:
        return f" (on {listed(hosts, 3)} in {self.environment})"

    def _places_of(self, name: str) -> tuple[KeyPath, ...]:
        """Everywhere that a variable of the service can be set; of the number of a process, how many there are."""
        key = ("numprocs",) if name == "PROCESS_NUM" else ("variables", name)
        places = {layer.path: None for host in self.hosts
                  for layer in precedence.layers(self.data, self.environment, self.service, host)}
        return tuple((*path, *key) for path in places if path is not None)


def _last_number(settings: Resolved) -> dict[str, str]:
    return {"PROCESS_NUM": str(max(settings.get("numprocs", default=1), 1) - 1)} if settings.is_numbered else {}


def _kind_of(key: str) -> str:
    """The kind of health check that a key of `health` is about."""
    return "http" if key in health.EXPECTATIONS else key
