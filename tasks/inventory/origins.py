"""The effective settings of a service, each with the line of hosts.yaml that it comes from: what `fab config` shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from msgspec import Struct, structs

from ..executor.protocol import MASK
from .document import schema
from .findings import KeyPath
from .layers import precedence
from .layers.resolved import SettingPath
from .loading import Inventory
from .secret_sources import SecretValues

# As the schema and docs/hosts-yaml.md list the keys.
OWN_PLACE = ("variables", "secrets")
ORDER = ("branch", "run_mode", *(key for key in schema.Overrides.__struct_fields__ if key not in OWN_PLACE),
         *OWN_PLACE, "secrets_from", *(key for key in schema.Settings.__struct_fields__ if key not in OWN_PLACE))


class Setting(Struct, frozen=True):
    """`host` is None where all hosts agree, `value` where there is none; `source` is `file:line`, `default`, ….
    `digest`: of a secret, whose value is masked; it is never shown."""

    environment: str
    host: str | None
    service: str
    key: str
    value: Any
    source: str
    digest: str = ""


def of_service(inventory: Inventory, environment: str, service: str, hosts: list[str],
               secrets: Mapping[str, SecretValues]) -> list[Setting]:
    """By key; one setting for all of the hosts where they agree on it. `secrets`: by host."""
    by_host = [{setting.key: setting
                for setting in _of_target(inventory, environment, service, host, secrets.get(host, {}))}
               for host in hosts]
    listing: list[Setting] = []
    for key in dict.fromkeys(chain(*by_host)):
        settings = [of_host[key] for of_host in by_host if key in of_host]
        common = structs.replace(settings[0], host=None)
        agreed = len(settings) == len(hosts) and all(structs.replace(setting, host=None) == common
                                                     for setting in settings)
        listing += [common] if agreed else settings
    return listing


def differing(first: list[Setting], second: list[Setting]) -> list[Setting]:
    """Of two environments, what does not have the same values in both; and secrets that come from elsewhere."""
    listing: list[Setting] = []
    for service, key in dict.fromkeys((setting.service, setting.key) for setting in (*first, *second)):
        sides = [[setting for setting in side if (setting.service, setting.key) == (service, key)]
                 for side in (first, second)]
        if _values(sides[0]) != _values(sides[1]):
            for settings, side in zip(sides, (first, second), strict=True):
                listing += settings or [Setting(side[0].environment, None, service, key, None, "not set")]
    return listing


def _of_target(inventory: Inventory, environment: str, service: str, host: str,
               secrets: SecretValues) -> Iterator[Setting]:
    resolved = precedence.resolve(inventory.data, environment, service, host)
    programs = resolved.programs()
    checks: dict[SettingPath, str | None] = {("health",): resolved.health_kind, **{
        ("programs", name, "health"): program.health_kind for name, program in programs.items()}}
    shown = [path for path in resolved.values if path[0] in ORDER and checks.get(path[:-1], "none") is not None
             and (path[0] != "programs" or path[1] in programs)]
    for path in sorted(shown, key=lambda path: ORDER.index(path[0])):
        if path[0] == "secrets":
            yield _secret(Setting(environment, host, service, ".".join(path), None, "missing"), path[1],
                          str(resolved.get(*path)), secrets)
        elif path == ("fetch",) and resolved.maker:
            yield Setting(environment, host, service, "fetch", "client",
                          _source(inventory, resolved.origin(resolved.maker)))
        else:
            yield Setting(environment, host, service, ".".join(path), resolved.get(*path),
                          _source(inventory, resolved.origin(*path)))


def _secret(missing: Setting, name: str, sought: str, secrets: SecretValues) -> Setting:
    """`sought`: the name that its value is looked up by."""
    if name in secrets:
        value, source = secrets[name]
        return structs.replace(missing, value=MASK, source=source, digest=value.sha256())
    return missing if sought == name else structs.replace(missing, source=f"missing, as {sought}")


def _source(inventory: Inventory, origin: KeyPath | None) -> str:
    """A setting without a line is one of a sandbox's hosts, which hosts.yaml does not know."""
    if origin is None:
        return "default"
    line = inventory.lines.get(origin)
    return f"{inventory.source}:{line}" if line else "sandbox"


def _values(settings: Iterable[Setting]) -> set[str]:
    return {repr((setting.value, setting.digest, setting.source if setting.digest else "")) for setting in settings}
