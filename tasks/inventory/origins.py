"""What every setting of a service comes to on a host, and where it was written. The layers are those of `merging`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from msgspec import NODEFAULT, Struct, structs

from ..program.files import DEFAULTS as PROGRAM
from . import model, precedence, schema, values
from .findings import KeyPath
from .loading import Inventory
from .precedence import Raw
from .secret import SHOWN
from .secret_sources import Found

NESTED = ("program", "health", "hooks")


class Setting(NamedTuple):
    """`host` is None where all hosts agree, `value` where there is none; `source` is `file:line`, `default`, …."""

    environment: str
    host: str | None
    service: str
    key: str
    value: Any
    source: str


def of_service(inventory: Inventory, environment: str, service: str, hosts: list[str], secrets: Found) -> list[Setting]:
    """By key; one setting for all of the hosts where they agree on it."""
    by_host = {host: {one.key: one for one in _Target(inventory, environment, service, host).settings(secrets)}
               for host in hosts}
    found: list[Setting] = []
    for key in dict.fromkeys(chain(*by_host.values())):
        here = [settings[key] for settings in by_host.values() if key in settings]
        agreed = len(here) == len(hosts) and all(one[3:] == here[0][3:] for one in here)
        found += [here[0]._replace(host=None)] if agreed else here
    return found


def differing(first: list[Setting], second: list[Setting]) -> list[Setting]:
    """Of two environments, what does not have the same values in both."""
    found: list[Setting] = []
    for name in dict.fromkeys((one.service, one.key) for one in (*first, *second)):
        sides = [[one for one in side if (one.service, one.key) == name] for side in (first, second)]
        if _values(sides[0]) != _values(sides[1]):
            found += chain(*(side or [Setting(_environment(all_), None, *name, None, "not set")]
                             for side, all_ in zip(sides, (first, second), strict=True)))
    return found


class _Target:
    def __init__(self, inventory: Inventory, environment: str, service: str, host: str) -> None:
        self.inventory, self.data = inventory, inventory.data
        self.environment, self.service, self.host = environment, service, host
        here: KeyPath = ("environments", environment)
        self.of_environment: list[KeyPath] = [here]
        self.of_host: list[KeyPath] = [("defaults",), here, (*here, "hosts", host)]
        self.of_service: list[KeyPath] = [("services", service), (*here, "services", service)]
        self.of_variables = [("defaults",), ("services", service), here, (*here, "services", service),
                             (*here, "hosts", host)]

    def settings(self, secrets: Found) -> Iterator[Setting]:
        raw: Raw = self.data["environments"][self.environment]
        own = precedence.hosts(raw)[self.host]
        yield from self._given(self.of_environment, {
            "branch": raw.get("branch", "main"), "run_mode": precedence.run_mode(self.environment, raw)})
        merged = precedence.service(self.data, raw, self.service)
        named = merged.pop("secrets", [])
        yield from self._given(self.of_service, _flat(_in_order(schema.Overrides, {
            "program": {}, **_defaults(model.Service), **merged})))
        yield from self._given(self.of_variables, {
            f"variables.{name}": value for name, value in
            precedence.variables(self.data, raw, own, self.service).items()})
        for name in named:
            value = (SHOWN, secrets[name][1]) if name in secrets else (None, "missing")
            yield self._setting(f"secrets.{name}", *value)
        yield from self._given(self.of_host, _in_order(schema.Settings, {
            **_defaults(model.Host), **precedence.settings(self.data, raw, own, tuple(values.SETTINGS))}))

    def _given(self, layers: list[KeyPath], settings: Raw) -> Iterator[Setting]:
        for key, value in settings.items():
            yield self._setting(key, value, self._source(layers, tuple(key.split("."))))

    def _setting(self, key: str, value: Any, source: str) -> Setting:
        return Setting(self.environment, self.host, self.service, key, value, source)

    def _source(self, layers: list[KeyPath], key: KeyPath) -> str:
        """Of the last layer that has it. A host that hosts.yaml does not know is one of the sandbox."""
        path = next(((*layer, *key) for layer in reversed(layers) if _there(self.data, (*layer, *key))), None)
        if path is None:
            return "default"
        line = self.inventory.lines.get(path)
        return f"{self.inventory.source}:{line}" if line else "sandbox"


def _flat(settings: Raw) -> Raw:
    """`health.timeout` for what lies deeper."""
    found: Raw = {}
    for key, value in settings.items():
        inner = {**_inner_defaults(key), **value} if key in NESTED else {}
        found.update({f"{key}.{name}": one for name, one in inner.items()} if key in NESTED else {key: value})
    return found


def _inner_defaults(key: str) -> Raw:
    return _defaults(model.Health) if key == "health" else dict(PROGRAM) if key == "program" else {}


def _defaults(kind: type[Struct]) -> Raw:
    """Those of the model that say something."""
    return {field.name: field.default for field in structs.fields(kind)
            if field.default is not NODEFAULT and field.default not in (None, "", ())}


def _in_order(kind: type[Struct], settings: Raw) -> Raw:
    """As the schema lists them, and the README."""
    return {key: settings[key] for key in kind.__struct_fields__ if key in settings}


def _there(data: Any, path: KeyPath) -> bool:
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True


def _values(settings: Iterable[Setting]) -> set[str]:
    return {repr(one.value) for one in settings}


def _environment(settings: list[Setting]) -> str:
    return settings[0].environment
