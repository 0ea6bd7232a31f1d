"""What is wrong with hosts.yaml only once everything is merged: per environment, service and host."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

from . import health, interpolation, precedence, values
from .findings import Finding, KeyPath
from .nearest import did_you_mean, listed
from .precedence import HEALTH_KINDS, Raw


def check(data: Raw) -> Iterator[Finding]:
    services = data.get("services", {})
    yield from _shared_directories(
        {name: ("services", name) for name in services},
        {name: service.get("directory", f"micro/{name}") for name, service in services.items()},
        "",
    )
    for name, environment in data.get("environments", {}).items():
        yield from _environment(data, name, environment)


def _environment(data: Raw, name: str, environment: Raw) -> Iterator[Finding]:
    yield from _roots(data, name, environment)
    yield from _same_machine(data, name, environment)
    overrides = precedence.overrides(data, environment)
    services = {service: precedence.service(data, environment, service) for service in overrides}
    yield from _shared_directories(
        {service: ("environments", name, "services", service)
         for service, override in overrides.items() if "directory" in override},
        {service: merged["directory"] for service, merged in services.items()},
        f" in {name}",
    )
    for service, merged in services.items():
        yield from _health(data, name, service, merged.get("health", {}))
        yield from _requires(data, name, service, merged.get("requires", []))
        yield from _also_variables(data, name, service, merged.get("secrets", []))


def _roots(data: Raw, name: str, environment: Raw) -> Iterator[Finding]:
    if environment.get("sandbox") or "root" in environment or "root" in data.get("defaults", {}):
        return
    path: KeyPath = ("environments", name)
    without = [host for host, settings in precedence.hosts(environment).items() if "root" not in settings]
    if without:
        about = (("defaults", "root"), (*path, "root"), *((*path, "hosts", host, "root") for host in without))
        yield Finding(path, f"no `root` for {listed(without, 3)}: the folder on the host that holds supervisord.conf; "
                            "set it in `defaults`, the environment or the host", about=about)


def _same_machine(data: Raw, name: str, environment: Raw) -> Iterator[Finding]:
    """Two names for one place would wait for each other's lock."""
    if environment.get("sandbox"):
        return
    seen: dict[tuple[object, ...], str] = {}
    for host, own in precedence.hosts(environment).items():
        settings = precedence.settings(data, environment, own, ("address", "port", "gateway", "user", "root"))
        place = (settings.pop("address", host), *sorted(settings.items()))
        if place in seen:
            yield Finding(("environments", name, "hosts", host), f"is the same machine and root as {seen[place]}")
        seen.setdefault(place, host)


def _shared_directories(judged: dict[str, KeyPath], directories: dict[str, str], where: str) -> Iterator[Finding]:
    """`judged`: the services at least one of which must be in a pair, and where each one's directory is set."""
    normal = {service: posixpath.normpath(path) for service, path in directories.items()}
    for first, second in combinations(directories, 2):
        guilty = second if second in judged else first
        if guilty not in judged:
            continue
        other = first if guilty == second else second
        relation = _relation(normal[guilty], normal[other])
        if relation:
            message = f"{directories[guilty]!r} {relation} the directory of {other}{where}"
            yield Finding((*judged[guilty], "directory"), message + "; each service needs one of its own")


def _relation(path: str, other: str) -> str:
    if path == other:
        return "is"
    if path.startswith(other + "/"):
        return "lies inside"
    return "holds" if other.startswith(path + "/") else ""


def _health(data: Raw, name: str, service: str, check: Raw) -> Iterator[Finding]:
    kinds = [kind for kind in HEALTH_KINDS if kind in check]
    if len(kinds) != 1:
        return
    kind, text = kinds[0], check[kinds[0]]
    own = kind in _override(data, name, service).get("health", {})
    yield from _filled(data, name, service, _where(name, service, own, "health", kind), text,
                       lambda variables: health.problem(kind, text, variables))


def _requires(data: Raw, name: str, service: str, paths: list[str]) -> Iterator[Finding]:
    own = "requires" in _override(data, name, service)
    for index, text in enumerate(paths):
        if not values.in_commit(text):
            yield from _filled(data, name, service, _where(name, service, own, "requires", index), text,
                               lambda variables, text=text: values.in_commit(  # type: ignore[misc]
                                   interpolation.fill(text, variables)))


def _also_variables(data: Raw, name: str, service: str, secrets: list[str]) -> Iterator[Finding]:
    own = "secrets" in _override(data, name, service)
    variables = _variables_of_hosts(data, name, service)
    for index, secret in enumerate(secrets):
        on = [host for host, known in variables.items() if secret in known and secret != "RUN_MODE"]
        if on:
            yield Finding(_where(name, service, own, "secrets", index),
                          f"{secret} is among the variables, too (on {listed(on, 3)} in {name}); leave one of them out")


def _filled(data: Raw, name: str, service: str, path: KeyPath, text: str,
            problem: Callable[[dict[str, str]], str]) -> Iterator[Finding]:
    """What is wrong with a text once the variables of each host stand in it."""
    variables = _variables_of_hosts(data, name, service)
    known = {variable for there in variables.values() for variable in there}
    unset: dict[str, list[str]] = {}
    wrong: dict[str, list[str]] = {}
    for host, known_there in variables.items():
        names = interpolation.unknown(text, known_there)
        for variable in names:
            unset.setdefault(variable, []).append(host)
        if not names and (said := problem(known_there)):
            wrong.setdefault(said, []).append(host)
    for variable, on in unset.items():
        message = f"no variable ${{{variable}}} is set{did_you_mean(variable, known)} (on {listed(on, 3)} in {name})"
        yield Finding(path, message, about=(path, *_settable(variable, name, service, variables)))
    for said, on in wrong.items():
        yield Finding(path, f"{said} (on {listed(on, 3)} in {name})")


def _variables_of_hosts(data: Raw, name: str, service: str) -> dict[str, dict[str, str]]:
    environment = data["environments"][name]
    run_mode = precedence.run_mode(name, environment)
    return {
        host: {**precedence.variables(data, environment, settings, service), "RUN_MODE": run_mode}
        for host, settings in precedence.hosts(environment).items()
    }


def _override(data: Raw, name: str, service: str) -> Raw:
    return precedence.overrides(data, data["environments"][name])[service]


def _where(name: str, service: str, own: bool, *keys: str | int) -> KeyPath:
    """Of a service's key; `own`: the environment says otherwise than the service itself."""
    base: KeyPath = ("environments", name) if own else ()
    return (*base, "services", service, *keys)


def _settable(variable: str, name: str, service: str, hosts: Iterable[str]) -> tuple[KeyPath, ...]:
    """Everywhere that a variable of the service can be set."""
    places: list[KeyPath] = [("defaults",), ("services", service), ("environments", name),
                             ("environments", name, "services", service)]
    places += [("environments", name, "hosts", host) for host in hosts]
    return tuple((*place, "variables", variable) for place in places)
