"""Which environment, which services, which hosts: from what was typed to the targets."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from .._errors import SelectionError
from .loading import Inventory
from .model import Environment, Target
from .nearest import did_you_mean, listed


def choose_environment(inventory: Inventory, option: str | None, environ: Mapping[str, str]) -> str:
    """--env, else FAB_ENV, else CI_ENVIRONMENT_NAME, else default_environment. Raises SelectionError."""
    asked = (
        ("--env", option),
        ("FAB_ENV", environ.get("FAB_ENV")),
        ("CI_ENVIRONMENT_NAME", environ.get("CI_ENVIRONMENT_NAME")),
        ("default_environment", inventory.default_environment),
    )
    known = listed(inventory.environments)
    for origin, name in asked:
        if name and name in inventory.environments:
            return name
        if name:
            raise SelectionError(
                f"{origin} names {name!r}, but {inventory.source} has no such environment"
                f"{did_you_mean(name, inventory.environments)}",
                hint=f"environments: {known}",
            )
    raise SelectionError("no environment was chosen", hint=f"choose one with --env: {known}")


def select(environment: Environment, services: str | None, hosts: str | None) -> tuple[Target, ...]:
    """The targets of a comma list of services (None or `all`: every one) on the hosts of a filter (None:
    every one), in the order host name, service name. Raises SelectionError; never empty.

    A filter is a comma list of globs; `!GLOB` leaves out; with only `!GLOB`s, all others stay.
    """
    chosen_services = _services(environment, services)
    chosen_hosts = _hosts(environment, hosts)
    return tuple(
        target for target in environment.targets
        if target.service.name in chosen_services and target.host.name in chosen_hosts
    )


def of_file(inventory: Inventory, wanted: str) -> set[str]:
    """The names of a comma list, or all that the file has, wherever they run. Raises SelectionError."""
    known = sorted(inventory.data["services"])
    names = _items(wanted, "no service was named", "name one, several with commas, or all: " + listed(known))
    for name in names:
        if name not in known and name != "all":
            raise SelectionError(f"there is no service {name!r} in {inventory.source}{did_you_mean(name, known)}",
                                 hint=f"services: {listed(known)}")
    return set(known) if "all" in names else set(names)


def _services(environment: Environment, wanted: str | None) -> set[str]:
    here = sorted({target.service.name for target in environment.targets})
    names = _items(wanted, "no service was named", "name one, several with commas, or all: " + listed(here))
    for name in names:
        if name not in here and name != "all":
            raise SelectionError(
                _unknown_service(name, here, environment), hint=f"services in {environment.name}: {listed(here)}"
            )
    return set(here) if wanted is None or "all" in names else set(names)


def _unknown_service(name: str, here: list[str], environment: Environment) -> str:
    if name in environment.elsewhere:
        return f"service {name!r} does not run in {environment.name}"
    return f"there is no service {name!r} in {environment.source}{did_you_mean(name, here)}"


def _hosts(environment: Environment, wanted: str | None) -> set[str]:
    here = sorted({target.host.name for target in environment.targets})
    hint = f"hosts of {environment.name}: {listed(here)}"
    globs = _items(wanted, "--host names no host", hint)
    left_out = {glob for glob in globs if glob.startswith("!")}
    kept: set[str] = set() if len(left_out) < len(globs) else set(here)
    for glob in globs:
        found = _matching(glob.removeprefix("!"), here, environment.name, hint)
        if glob not in left_out:
            kept |= found
    for glob in left_out:
        kept -= _matching(glob[1:], here, environment.name, hint)
    if not kept:
        raise SelectionError(f"--host {wanted} leaves no host of {environment.name}", hint)
    return kept


def _matching(glob: str, names: list[str], environment: str, hint: str) -> set[str]:
    """A `!GLOB` that matches nothing is an error too: the host that was to be spared would be deployed to."""
    found = {name for name in names if fnmatchcase(name, glob)}
    if not found:
        raise SelectionError(f"no host of {environment} matches {glob!r}{did_you_mean(glob, names)}", hint)
    return found


def _items(text: str | None, if_none: str, hint: str) -> list[str]:
    items = [item.strip() for item in text.split(",") if item.strip()] if text is not None else []
    if text is not None and not items:
        raise SelectionError(if_none, hint)
    return items
