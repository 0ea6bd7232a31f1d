"""Finds programs that would meet in supervisord, or cannot be of one service; and globs that choose no host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from ..findings import Finding, KeyPath, quoted
from ..layers import listings
from ..layers.listings import Raw
from ..layers.resolved import Resolved
from ..model import group
from ..nearest import listed
from ..rules import interpolation

SANDBOX = ("web1", "web2")      # the hosts of a sandbox, which hosts.yaml does not name


def check(data: Raw) -> Iterator[Finding]:
    yield from _collisions(data)
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


def check_service(service: str, host: str, settings: Resolved) -> Iterator[Finding]:
    """What is wrong among its programs, as they are on one host; of a sandbox no host is known yet."""
    programs = {name: program for name, program in settings.programs().items() if not host or program.runs_on(host)}
    yield from _users(service, programs)
    yield from _numbers(service, programs)


def _users(service: str, programs: Mapping[str, Resolved]) -> Iterator[Finding]:
    """The programs of a service share one environment file, which is its user's."""
    users = {name: _user(program) for name, program in programs.items()}
    if len({*users.values()}) > 1:
        wording = ", ".join(f"{name} as {user or 'the login user'}" for name, user in users.items())
        yield Finding(("services", service, "programs"), f"run as several users ({wording}), and share one "
                      "environment file: give all the same `user`, or make two services of them")


def _user(program: Resolved) -> str:
    text, variables = str(program.get("program", "user", default="")), program.environment_variables()
    return text if interpolation.unknown(text, variables) else interpolation.fill(text, variables)


def _numbers(service: str, programs: Mapping[str, Resolved]) -> Iterator[Finding]:
    """worker_00 would share a log with the first process of worker."""
    for name, program in programs.items():
        numbered = re.fullmatch(r"(.+)_([0-9]{2})", name)
        count = programs[numbered[1]].get("numprocs", default=1) if numbered and numbered[1] in programs else 1
        origin = program.origin("command")
        if numbered and origin and int(numbered[2]) < count > 1:
            yield Finding(origin[:-1], f"is {group(service, name)} in supervisord, as a process of {numbered[1]} is; "
                                       "give it another name")


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
