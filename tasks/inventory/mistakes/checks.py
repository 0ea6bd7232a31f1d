"""Finds mistakes in single places of hosts.yaml: values, names, and references to other parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..findings import Finding, KeyPath, mistake, quoted
from ..layers import listings
from ..layers.listings import Raw
from ..nearest import did_you_mean, listed
from ..rules import addresses, keys, values
from . import file_checks, program_checks


def check(data: Raw) -> Iterator[Finding]:
    environments = data.get("environments", {})
    services = data.get("services", {})
    yield from _default(data.get("default_environment"), environments)
    yield from _settings(("defaults",), data.get("defaults", {}))
    if not services and "services" in data:
        yield Finding(("services",), "names no service")
    if not environments and "environments" in data:
        yield Finding(("environments",), "names no environment")
    for name, service in services.items():
        yield from mistake(("services", name), values.check_service_name(name))
        yield from _service(("services", name), service)
    for name, environment in environments.items():
        yield from mistake(("environments", name), values.check_name(name))
        yield from _environment(("environments", name), environment, services)


def _default(name: str | None, environments: Raw) -> Iterator[Finding]:
    if name is not None and name not in environments:
        hint = did_you_mean(name, environments) or f"; there is {listed(environments)}"
        yield Finding(("default_environment",), f"there is no environment {quoted(name)}{hint}")


def _environment(path: KeyPath, environment: Raw, services: Raw) -> Iterator[Finding]:
    yield from keys.mistakes(path, environment, keys.ENVIRONMENT)
    yield from program_checks.variables((*path, "variables"), environment.get("variables", {}))
    yield from _notify((*path, "notify"), environment.get("notify", []))
    if "branch" not in environment and not environment.get("sandbox"):
        yield Finding(path, "has no `branch`: the revision to deploy unless another is asked for",
                      about=((*path, "branch"),))
    yield from _hosts((*path, "hosts"), environment, services)
    yield from _chosen_services((*path, "services"), environment, services)


def _notify(path: KeyPath, value: Raw | list[Raw]) -> Iterator[Finding]:
    for index, notification in enumerate(listings.as_list(value)):
        where: KeyPath = (*path, index) if isinstance(value, list) else path
        given = [kind for kind in ("webhook", "run") if kind in notification]
        if len(given) != 1:
            yield Finding(where, f"expected one of webhook and run, got {' and '.join(given) or 'none'}",
                          about=tuple((*where, kind) for kind in ("webhook", "run")))
        yield from keys.mistakes(where, notification, keys.NOTIFICATION)
        if notification.get("on") == []:
            yield Finding((*where, "on"), "names no ending; leave it out for all of them")
        yield from _twice((*where, "on"), notification.get("on"))


def _hosts(path: KeyPath, environment: Raw, services: Raw) -> Iterator[Finding]:
    if not environment.get("hosts") and not environment.get("sandbox"):
        yield Finding(path[:-1], "has no hosts; list at least one under `hosts`", about=(path,))
    yield from _twice(path, environment.get("hosts"))
    of_environment = _of_environment(environment, services)
    for where, name, host in _entries(path, environment.get("hosts")):
        yield from mistake(where, addresses.check_host_name(name))
        yield from _settings(where, host)
        yield from _chosen_services((*where, "services"), host, of_environment, elsewhere=services.keys())


def _of_environment(environment: Raw, services: Raw) -> Raw:
    """The services that run in an environment, each with what its programs are there."""
    chosen = listings.entries(environment["services"] if "services" in environment else list(services))
    return {name: program_checks.merged(services[name], override) for name, override in chosen.items()
            if name in services}


def _chosen_services(path: KeyPath, chooser: Raw, services: Raw, elsewhere: Collection[str] = ()) -> Iterator[Finding]:
    """Of an environment or of a host. `elsewhere`: services of the file, which may not be those of the environment."""
    chosen = chooser.get("services")
    if chosen is not None and not chosen:
        yield Finding(path, "names no service; leave it out where all services run")
    yield from _twice(path, chosen)
    for where, name, override in _entries(path, chosen):
        if name in services:
            yield from _service(where, override, base=services[name])
        else:
            yield Finding(where, _no_service(name, services, elsewhere), about=(where, ("services", name)))


def _no_service(name: str, services: Raw, elsewhere: Collection[str]) -> str:
    if name in elsewhere:
        return f"{quoted(name)} is not among the `services` of the environment: {listed(services)}"
    hint = did_you_mean(name, services) or f"; there is {listed(services)}"
    return f"there is no service {quoted(name)}{hint}"


def _service(path: KeyPath, service: Raw, base: Raw | None = None) -> Iterator[Finding]:
    yield from keys.mistakes(path, service, keys.SERVICE)
    yield from program_checks.variables((*path, "variables"), service.get("variables", {}))
    yield from _secrets((*path, "secrets"), service.get("secrets", []))
    yield from _hooks((*path, "hooks"), service.get("hooks", {}))
    yield from file_checks.check((*path, "files"), service.get("files", {}))
    yield from program_checks.check(path, service, base or {})


def _settings(path: KeyPath, settings: Raw) -> Iterator[Finding]:
    yield from keys.mistakes(path, settings, keys.SETTINGS)
    yield from program_checks.variables((*path, "variables"), settings.get("variables", {}))


def _hooks(path: KeyPath, hooks: Raw) -> Iterator[Finding]:
    for name, value in hooks.items():
        for hook in listings.hooks(value):
            yield from mistake((*path, name), values.check_script(hook.get("run", "left out")))
            if hook.get("once") and name in ("drain", "undrain"):
                yield Finding((*path, name), "cannot have `once`: each host leaves and enters service by itself")


def _secrets(path: KeyPath, listing: list[str] | dict[str, str | None]) -> Iterator[Finding]:
    for key, name in enumerate(listing) if isinstance(listing, list) else zip(listing, listing, strict=True):
        yield from mistake((*path, key), values.check_variable_name(name))
    for name, source in listings.secrets(listing).items() if isinstance(listing, dict) else ():
        if source != name:
            yield from mistake((*path, name), values.check_secret_source(source))
    yield from _twice(path, listing)


def _entries(path: KeyPath, listing: Any) -> Iterator[tuple[KeyPath, str, Raw]]:
    """The path, name and settings of each entry of a list of names, or of a mapping of names to settings."""
    places = {name: index for index, name in reversed(list(enumerate(listing)))} if isinstance(listing, list) else {}
    for name, settings in listings.entries(listing).items():
        yield (*path, places.get(name, name)), name, settings


def _twice(path: KeyPath, listing: Any) -> Iterator[Finding]:
    seen = set()
    for index, name in enumerate(listing if isinstance(listing, list) else ()):
        if name in seen:
            yield Finding((*path, index), f"{quoted(name)} is listed twice")
        seen.add(name)
