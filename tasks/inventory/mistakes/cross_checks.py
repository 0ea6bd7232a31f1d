"""Finds mistakes that show once all layers are merged: per environment, and, by `service_checks`, per service."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Finding, KeyPath
from ..layers import listings, precedence
from ..layers.listings import Raw
from ..layers.resolved import Resolved
from ..nearest import listed
from ..rules import addresses, paths
from . import directories, listeners, program_names, service_checks

MOST_TARGETS = 20_000       # a service on a host is one
STARTED = {"variables": {"PORT": "8000"}}       # what a host of a sandbox has when its services are checked


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
        placed = _with_hosts_of_sandbox(data, name) if environment.get("sandbox") else data
        services = {service: precedence.resolve_hosts(placed, name, service)
                    for service in listings.services(placed, name)}
        if not environment.get("sandbox"):
            yield from _same_program_dir(data, name, services)
        yield from directories.check(placed, name, services)
        yield from listeners.check(services)
        for service, hosts in services.items():
            yield from service_checks.check(placed, name, service, hosts)
            settings = hosts or {"": precedence.resolve(placed, name, service)}
            yield from dict.fromkeys(finding for host, each in settings.items()
                                     for finding in program_names.check_service(service, host, each))


def _with_hosts_of_sandbox(data: Raw, name: str) -> Raw:
    """Its hosts are not in the file: `sandbox: true` stands for them."""
    hosts = dict.fromkeys(program_names.SANDBOX, STARTED)
    return {**data, "environments": {**data["environments"], name: {**data["environments"][name], "hosts": hosts}}}


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
        place = (*_machine(host, settings), *_root(settings))
        if place in seen:
            yield Finding(("environments", name, "hosts", host), f"is the same machine and root as {seen[place]}")
        seen.setdefault(place, host)


def _same_program_dir(data: Raw, name: str, services: dict[str, dict[str, Resolved]]) -> Iterator[Finding]:
    """Two names for one supervisord, with a service that both have: its program would be theirs."""
    seen: dict[tuple[object, ...], tuple[str, object]] = {}
    for host, settings in precedence.resolve_hosts(data, name).items():
        root, folder = _root(settings), settings.get("program_dir") or ""
        if not folder.startswith("/"):
            continue                        # below the root, of which two are told already
        place = (*_machine(host, settings), paths.normal_directory(folder))
        for service in (service for service, hosts in services.items() if host in hosts):
            other, root_there = seen.setdefault((*place, service), (host, root))
            if other != host and root != root_there:
                yield Finding(("environments", name, "hosts", host), (
                    f"has {service} in the `program_dir` of {other}, which is the same machine; name it for one of"
                    f" them, or give {host} a supervisord of its own"))


def _machine(host: str, settings: Resolved) -> tuple[object, ...]:
    return addresses.machine(settings.get("address", default=host)), settings.get("port"), settings.get("gateway")


def _root(settings: Resolved) -> tuple[object, ...]:
    """~ is the home of the user who logs in."""
    return settings.get("user"), paths.normal_directory(settings.get("root") or "")


def _packaged(data: Raw, name: str) -> Iterator[Finding]:
    """A line once, however many hosts it is for."""
    origins = {settings.origin("supervisord") for settings in precedence.resolve_hosts(data, name).values()
               if settings.get("supervisord") == "packaged" and not settings.get("sudo")
               and settings.get("user") != "root"}
    for origin in filter(None, origins):
        yield Finding(origin, "needs `sudo: true` beside it: the supervisord of a package is root's")
