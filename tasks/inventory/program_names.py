"""Finds programs that would meet in supervisord, and globs that choose no host."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from . import listings, precedence
from .findings import Finding, KeyPath, quoted
from .listings import Raw
from .model import group
from .nearest import listed

SANDBOX = ("web1", "web2")      # the hosts of a sandbox, which hosts.yaml does not name


def check(data: Raw) -> Iterator[Finding]:
    yield from _collisions(data)
    yield from _users(data)
    hosts = sorted({host for name, environment in data.get("environments", {}).items()
                    for host in listings.hosts(data, name) or (SANDBOX if environment.get("sandbox") else ())})
    for path, program in _written(data):
        for index, glob in enumerate(program.get("hosts", ())):
            if hosts and not any(fnmatchcase(host, glob) for host in hosts):
                yield Finding((*path, "hosts", index), f"no host of any environment matches {quoted(glob)};"
                                                       f" there is {listed(hosts)}")


def _collisions(data: Raw) -> Iterator[Finding]:
    taken = {name: f"the service {name}" for name, service in data.get("services", {}).items()
             if "programs" not in service}
    for path, _ in _written(data):
        service = str(path[-3])
        program = str(path[-1])
        name = group(service, program)
        label = f"the program {program} of {service}"
        if taken.setdefault(name, label) != label:
            yield Finding(path, f"is {name} in supervisord, as {taken[name]} is; give it another name")


def _users(data: Raw) -> Iterator[Finding]:
    """The programs of a service share one environment file, which is its user's."""
    for environment in data.get("environments", {}):
        for service in listings.services(data, environment):
            settings = precedence.resolve(data, environment, service)
            users = {name: program.get("program", "user") for name, program in settings.programs().items()}
            if len({*map(str, users.values())}) > 1:
                wording = ", ".join(f"{name} as {user or 'the login user'}" for name, user in users.items())
                yield Finding(("services", service, "programs"), f"run as several users ({wording}), and share one "
                              "environment file: give all the same `user`, or make two services of them")


def _written(data: Raw) -> Iterator[tuple[KeyPath, Raw]]:
    """Each place where a program is written, and its settings there."""
    services = data.get("services", {})
    layers: list[tuple[KeyPath, Raw]] = [(("services", name), service) for name, service in services.items()]
    for name, environment in data.get("environments", {}).items():
        choosers: list[tuple[KeyPath, Raw]] = [(("environments", name), environment)]
        choosers += [(("environments", name, "hosts", host), raw)
                     for host, raw in listings.entries(environment.get("hosts")).items()]
        layers += [((*path, "services", service), override) for path, chooser in choosers
                   for service, override in listings.entries(chooser.get("services")).items()]
    for path, mapping in layers:
        for program, settings in listings.programs(mapping).items():
            yield (*path, "programs", program), settings
