"""Turns what was typed (environment, services, hosts) into targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from .._errors import SelectionError
from .findings import quoted
from .loading import Inventory
from .model import Environment, Host, Target
from .nearest import did_you_mean, listed
from .rules import addresses


def choose_environment(inventory: Inventory, option: str | None, environ: Mapping[str, str]) -> str:
    """The name in --env, FAB_ENV, CI_ENVIRONMENT_NAME or default_environment, in this order. Raises SelectionError."""
    requests = (
        ("--env", option),
        ("FAB_ENV", environ.get("FAB_ENV")),
        ("CI_ENVIRONMENT_NAME", environ.get("CI_ENVIRONMENT_NAME")),
        ("default_environment", inventory.default_environment),
    )
    known = listed(inventory.environments)
    for origin, name in requests:
        if name and name in inventory.environments:
            return name
        if name:
            raise SelectionError(
                f"{origin} names {quoted(name)}, but {inventory.source} has no such environment"
                f"{did_you_mean(name, inventory.environments)}",
                hint=f"environments: {known}",
            )
    raise SelectionError("no environment was chosen", hint=f"choose one with --env: {known}")


def select(environment: Environment, services: str | None, hosts: str | None) -> tuple[Target, ...]:
    """The targets of a comma list of services (None or `all`: every one) on the hosts of a filter (None:
    every one), in the order host name, service name. Raises SelectionError; never empty, and never without a service
    that was named.

    A filter is a comma list of globs; `!GLOB` leaves out; with only `!GLOB`s, all others stay.
    """
    chosen_services = _services(environment, services)
    chosen_hosts = _hosts(environment, hosts)
    targets = tuple(
        target for target in environment.targets
        if target.service.name in chosen_services and target.host.name in chosen_hosts
    )
    missing = chosen_services - {target.service.name for target in targets}
    if missing and not (targets and _means_all(services)):
        having = sorted({target.host.name for target in environment.targets if target.service.name in missing})
        raise SelectionError(f"{listed(sorted(missing))} does not run on {listed(sorted(chosen_hosts))}",
                             hint=f"hosts of {environment.name} with it: {listed(having)}")
    return targets


def services_of_file(inventory: Inventory, requested: str) -> set[str]:
    """The services of a comma list, or all of the file, wherever they run. Raises SelectionError."""
    known = sorted(inventory.data["services"])
    names = _items(requested, "no service was named", _name_one(known))
    for name in names:
        if name not in known and name != "all":
            raise SelectionError(f"there is no service {quoted(name)} in {inventory.source}{did_you_mean(name, known)}",
                                 hint=f"services: {listed(known)}")
    return set(known) if "all" in names else set(names)


def _services(environment: Environment, requested: str | None) -> set[str]:
    here = sorted({target.service.name for target in environment.targets})
    names = _items(requested, "no service was named", _name_one(here))
    for name in names:
        if name not in here and name != "all":
            raise SelectionError(
                _unknown_service(name, here, environment), hint=f"services in {environment.name}: {listed(here)}"
            )
    return set(here) if _means_all(requested) else set(names)


def _means_all(services: str | None) -> bool:
    return services is None or "all" in _items(services, "", "")


def _name_one(services: list[str]) -> str:
    return f"services: {listed(services)}; name one, several with commas, or all"


def _unknown_service(name: str, here: list[str], environment: Environment) -> str:
    service, colon, _ = name.partition(":")
    if colon and service in here:
        return f"{quoted(name)} names a program, and this command is about whole services: {service}"
    if name in environment.elsewhere:
        return f"service {quoted(name)} does not run in {environment.name}"
    return f"there is no service {quoted(name)} in {environment.source}{did_you_mean(name, here)}"


def _hosts(environment: Environment, requested: str | None) -> set[str]:
    here = sorted({target.host.name for target in environment.targets})
    hint = f"hosts of {environment.name}: {listed(here)}"
    globs = _items(requested, "--host names no host", hint)
    left_out = {glob for glob in globs if glob.startswith("!")}
    kept: set[str] = set() if len(left_out) < len(globs) else set(here)
    for glob in globs:
        matches = _matching(glob.removeprefix("!"), here, environment.name, hint)
        if glob not in left_out:
            kept |= matches
    for glob in left_out:
        kept -= _matching(glob[1:], here, environment.name, hint)
    if not kept:
        raise SelectionError(f"--host {requested} leaves no host of {environment.name}", hint)
    return kept


def _matching(glob: str, names: list[str], environment: str, hint: str) -> set[str]:
    """The names that match. None is an error, for `!GLOB` as well: the host to be spared would be deployed to."""
    matches = {name for name in names if fnmatchcase(name, glob)}
    if not matches:
        raise SelectionError(f"no host of {environment} matches {quoted(glob)}{did_you_mean(glob, names)}", hint)
    return matches


def _items(text: str | None, if_none: str, hint: str) -> list[str]:
    items = [item.strip() for item in text.split(",") if item.strip()] if text is not None else []
    if text is not None and not items:
        raise SelectionError(if_none, hint)
    return items


def services_by_host(environments: Iterable[Environment]) -> dict[str, list[str]]:
    """The services that hosts.yaml has on each host, in whatever of these environments, and under whatever name of the
    host. Nobody shall be told to remove what another environment has there."""
    targets = [target for environment in environments for target in environment.targets]
    named: dict[object, list[str]] = {}
    for target in targets:
        for key in (target.host.name, _machine(target.host)):
            named.setdefault(key, []).append(target.service.name)
    return {host.name: named[host.name] + named[_machine(host)] for host in (target.host for target in targets)}


def _machine(host: Host) -> tuple[str, int | None, str | None]:
    return addresses.machine(host.address or host.name), host.port, host.gateway
