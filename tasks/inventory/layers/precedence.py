"""Which setting wins, and where it stands in hosts.yaml.

The rule, whole, is the order of `layers`: a later layer wins. The mappings are those of hosts.yaml, once their shape
has been judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import NODEFAULT, Struct, structs

from .. import model
from ..findings import KeyPath
from ..rules.health import EXPECTATIONS
from ..rules.program_options import DEFAULTS
from . import listings
from .listings import Raw
from .resolved import HEALTH_KINDS, Resolved, SettingPath, Value

MERGED = ("variables", "program", "health", "hooks", "files")   # key by key; every other key is replaced as a whole


class Layer(Struct, frozen=True):
    """A mapping with settings. `path` leads to it in hosts.yaml; None: the tool's own defaults."""

    path: KeyPath | None
    mapping: Raw


def layers(data: Raw, environment: str | None, service: str | None = None, host: str | None = None) -> Iterator[Layer]:
    """From the weakest to the strongest. A part that is None has no layer."""
    yield Layer(None, builtin(environment, service, _names_of_programs(data, environment, service)))
    yield Layer(("defaults",), data.get("defaults", {}))
    if service is not None:
        yield Layer(("services", service), data["services"][service])
    if environment is None:
        return
    raw = data["environments"][environment]
    path: KeyPath = ("environments", environment)
    yield Layer(path, {key: value for key, value in raw.items() if key not in ("services", "hosts")})
    if service is not None:
        yield Layer((*path, "services", service), listings.entry(raw.get("services"), service))
    if host is not None:
        yield from _host_layers(data, environment, service, host)


def _host_layers(data: Raw, environment: str, service: str | None, host: str) -> Iterator[Layer]:
    path: KeyPath = ("environments", environment, "hosts", host)
    raw = listings.entry(data["environments"][environment].get("hosts"), host)
    yield Layer(path, {key: value for key, value in raw.items() if key != "services"})
    if service is not None:
        yield Layer((*path, "services", service), listings.entry(raw.get("services"), service))


def resolve(data: Raw, environment: str | None, service: str | None = None, host: str | None = None) -> Resolved:
    """The settings of a service on a host, or of as much of it as is named."""
    return _merged({}, layers(data, environment, service, host))


def resolve_hosts(data: Raw, environment: str, service: str | None = None) -> dict[str, Resolved]:
    """The same for every host of the environment, in name order; of a service, for those on which it runs."""
    common = resolve(data, environment, service).values
    return {host: _merged(common, _host_layers(data, environment, service, host))
            for host in listings.hosts(data, environment)
            if service is None or listings.runs_on(data, environment, service, host)}


def _merged(weaker: dict[SettingPath, Value], stronger: Iterable[Layer]) -> Resolved:
    values = dict(weaker)
    for layer in stronger:
        if isinstance(layer.mapping.get("secrets"), list):      # it takes the place of those before; a mapping adds
            values = {path: value for path, value in values.items() if path[0] != "secrets"}
        # Another kind of health check takes the place of the one before, and what was expected of its answer goes.
        checked: list[tuple[SettingPath, Raw]] = [((), layer.mapping)]
        checked += [(("programs", name), program) for name, program in listings.programs(layer.mapping).items()]
        for prefix, mapping in checked:
            given = [kind for kind in HEALTH_KINDS if kind in mapping.get("health", {})]
            for key in (*HEALTH_KINDS, *(EXPECTATIONS if given != ["http"] else ())) if given else ():
                values.pop((*prefix, "health", key), None)
        for path, value in _settings(layer.mapping):
            earlier: Any = values[path].value if path in values else None
            both = isinstance(earlier, dict) and isinstance(value, dict) and path[0] != "files"
            values[path] = Value({**earlier, **value} if both else value, _place(layer, path))
    return Resolved(values)


def _place(layer: Layer, path: SettingPath) -> KeyPath | None:
    """Where hosts.yaml has a setting of the layer; None: nowhere."""
    if layer.path is None:
        return None
    if path[0] == "secrets" and isinstance(listing := layer.mapping["secrets"], list):
        return (*layer.path, "secrets", listing.index(path[1]))
    return (*layer.path, *path)


def builtin(environment: str | None, service: str | None, names: Iterable[str]) -> Raw:
    """The defaults, for what hosts.yaml does not say. `names`: the programs, where the service has several."""
    of_program: Raw = {"program": DEFAULTS, "health": HEALTH_DEFAULTS}
    several = dict.fromkeys(names, of_program)
    return {**MODEL_DEFAULTS, "branch": "main", "run_mode": environment, "directory": f"micro/{service}",
            **({"programs": several} if several else of_program)}


def _names_of_programs(data: Raw, environment: str | None, service: str | None) -> list[str]:
    """In the order in which they are written, first of the service, then of the environment and its hosts."""
    if service is None:
        return []
    mappings = [data["services"][service]]
    if environment is not None:
        raw = data["environments"][environment]
        mappings.append(listings.entry(raw.get("services"), service))
        hosts = listings.entries(raw.get("hosts")).values()
        mappings += [listings.entry(host.get("services"), service) for host in hosts]
    return list(dict.fromkeys(name for mapping in mappings for name in listings.programs(mapping)))


def _settings(mapping: Raw) -> Iterator[tuple[SettingPath, Any]]:
    for key, value in mapping.items():
        if key == "programs":
            for name, program in listings.programs(mapping).items():
                yield from ((("programs", name, *path), inner) for path, inner in _settings(program))
        elif key == "secrets":
            yield from ((("secrets", name), source) for name, source in listings.secrets(value).items())
        elif key in MERGED:
            yield from (((key, name), str(inner) if key == "variables" else inner) for name, inner in value.items())
        else:
            yield (key,), value


def _defaults(kind: type[Struct]) -> Raw:
    """Those of the model that say something."""
    return {field.name: field.default for field in structs.fields(kind)
            if field.default is not NODEFAULT and field.default not in (None, "", ())}


# Worked out once: msgspec evaluates all annotations for them.
HEALTH_DEFAULTS: Raw = _defaults(model.Health)
MODEL_DEFAULTS: Raw = {**_defaults(model.Service), **_defaults(model.Host)}
