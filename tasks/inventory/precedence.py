"""Which setting wins, and where it stands in hosts.yaml.

The rule, whole, is the order of `layers`: a later layer wins. The mappings are those of hosts.yaml, once their shape
has been judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import NODEFAULT, Struct, structs

from . import model
from .findings import KeyPath
from .health import CHECKS, EXPECTATIONS
from .program_options import DEFAULTS

Raw = dict[str, Any]
SettingPath = tuple[str, ...]       # ("lease",), ("health", "timeout"), ("variables", "PORT")

HEALTH_KINDS = tuple(CHECKS)
MERGED = ("variables", "program", "health", "hooks", "files")   # key by key; every other key is replaced as a whole


class Layer(Struct, frozen=True):
    """A mapping with settings. `path` leads to it in hosts.yaml; None: the tool's own defaults."""

    path: KeyPath | None
    mapping: Raw


class Value(Struct, frozen=True):
    """A setting that won, and the path where it was written; None: a default of the tool."""

    value: Any
    origin: KeyPath | None


class Resolved:
    """Every setting that applies, by its path within a layer."""

    def __init__(self, values: dict[SettingPath, Value]) -> None:
        self.values = values

    def has(self, *path: str) -> bool:
        return path in self.values

    def get(self, *path: str, default: Any = None) -> Any:
        return self.values[path].value if path in self.values else default

    def origin(self, *path: str) -> KeyPath | None:
        return self.values[path].origin

    def group(self, key: str) -> Raw:
        """The settings below a key that is merged key by key."""
        return {path[1]: setting.value for path, setting in self.values.items() if path[0] == key and len(path) > 1}

    def below(self, *prefix: str) -> Resolved:
        """The settings below a path, by their paths from there."""
        return Resolved({path[len(prefix):]: value for path, value in self.values.items()
                         if path[:len(prefix)] == prefix and len(path) > len(prefix)})

    def programs(self) -> dict[str, Resolved]:
        """By name the settings of each program, with the variables that it has in all; {} where it is the service
        itself. In the order in which they are written."""
        names = dict.fromkeys(path[1] for path in self.values if path[0] == "programs" and path[2] == "command")
        common = {path: value for path, value in self.values.items() if path[0] in ("variables", "run_mode", "secrets")}
        return {name: Resolved({**common, **self.below("programs", name).values}) for name in names}

    @property
    def health_kind(self) -> str | None:
        """http, tcp or command; None where there is no check, or a mistaken one of several kinds."""
        kinds = [kind for kind in HEALTH_KINDS if self.has("health", kind)]
        return kinds[0] if len(kinds) == 1 else None

    @property
    def maker(self) -> str:
        """The key by which this machine itself makes the commit, and so must send it; empty where it does not."""
        if self.get("build_on") == "client":
            return "build_on"
        return "repo" if model.is_folder(self.get("repo") or "") else ""

    def environment_variables(self) -> dict[str, str]:
        return model.environment_variables(self.group("variables"), self.get("run_mode"))


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
        yield Layer((*path, "services", service), entry(raw.get("services"), service))
    if host is not None:
        yield from _host_layers(data, environment, service, host)


def _host_layers(data: Raw, environment: str, service: str | None, host: str) -> Iterator[Layer]:
    path: KeyPath = ("environments", environment, "hosts", host)
    raw = entry(data["environments"][environment].get("hosts"), host)
    yield Layer(path, {key: value for key, value in raw.items() if key != "services"})
    if service is not None:
        yield Layer((*path, "services", service), entry(raw.get("services"), service))


def resolve(data: Raw, environment: str | None, service: str | None = None, host: str | None = None) -> Resolved:
    """The settings of a service on a host, or of as much of it as is named."""
    return _merged({}, layers(data, environment, service, host))


def resolve_hosts(data: Raw, environment: str, service: str | None = None) -> dict[str, Resolved]:
    """The same for every host of the environment, in name order; of a service, for those on which it runs."""
    common = resolve(data, environment, service).values
    return {host: _merged(common, _host_layers(data, environment, service, host)) for host in hosts(data, environment)
            if service is None or runs_on(data, environment, service, host)}


def programs(mapping: Raw) -> Raw:
    """The programs that a layer names; {} where it names none."""
    return {name: program or {} for name, program in (mapping.get("programs") or {}).items()}


def _merged(weaker: dict[SettingPath, Value], stronger: Iterable[Layer]) -> Resolved:
    values = dict(weaker)
    for layer in stronger:
        if isinstance(layer.mapping.get("secrets"), list):      # it takes the place of those before; a mapping adds
            values = {path: value for path, value in values.items() if path[0] != "secrets"}
        # Another kind of health check takes the place of the one before, and what was expected of its answer goes.
        checked: list[tuple[SettingPath, Raw]] = [((), layer.mapping)]
        checked += [(("programs", name), program) for name, program in programs(layer.mapping).items()]
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


def builtin(environment: str | None, service: str | None, names: Iterable[str] = ()) -> Raw:
    """The defaults, for what hosts.yaml does not say. `names`: the programs, where the service has several."""
    of_program: Raw = {"program": DEFAULTS, "health": _defaults(model.Health)}
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
        mappings.append(entry(raw.get("services"), service))
        mappings += [entry(host.get("services"), service) for host in entries(raw.get("hosts")).values()]
    return list(dict.fromkeys(name for mapping in mappings for name in programs(mapping)))


def entries(listing: Any) -> dict[str, Raw]:
    """A list of names, or a mapping of names to settings: always as the mapping."""
    if isinstance(listing, dict):
        return {name: settings or {} for name, settings in listing.items()}
    return {name: {} for name in listing or ()}


def entry(listing: Any, name: str) -> Raw:
    """The settings that such a listing has for a name."""
    return (listing.get(name) if isinstance(listing, dict) else None) or {}


def hooks(value: Any) -> list[Raw]:
    """A command, a mapping, or a list of either: always as a list of mappings."""
    return [hook if isinstance(hook, dict) else {"run": hook} for hook in listed(value)]


def listed(value: Any) -> list[Any]:
    """A value, or a list of values: always as a list."""
    return value if isinstance(value, list) else [value]


def service_file(value: str | Raw) -> Raw:
    """A path beside hosts.yaml, or a mapping: always as the mapping."""
    return value if isinstance(value, dict) else {"source": value}


def secrets(listing: list[str] | dict[str, str | None]) -> dict[str, str]:
    """By the name that the program knows: the name that the value has elsewhere."""
    if isinstance(listing, dict):
        return {name: source or name for name, source in listing.items()}
    return {name: name for name in listing}


def hosts(data: Raw, environment: str) -> list[str]:
    """In name order. A sandbox has none until it is started."""
    return sorted(entries(data["environments"][environment].get("hosts")))


def services(data: Raw, environment: str) -> list[str]:
    """Those that run in the environment, in name order."""
    known, raw = data.get("services", {}), data["environments"][environment]
    return sorted(name for name in entries(raw["services"] if "services" in raw else list(known)) if name in known)


def runs_on(data: Raw, environment: str, service: str, host: str) -> bool:
    """Whether the host runs this service of its environment: a list of names chooses, a mapping only adjusts."""
    chosen = entry(data["environments"][environment].get("hosts"), host).get("services")
    return not isinstance(chosen, list) or service in chosen


def _settings(mapping: Raw) -> Iterator[tuple[SettingPath, Any]]:
    for key, value in mapping.items():
        if key == "programs":
            for name, program in programs(mapping).items():
                yield from ((("programs", name, *path), inner) for path, inner in _settings(program))
        elif key == "secrets":
            yield from ((("secrets", name), source) for name, source in secrets(value).items())
        elif key in MERGED:
            yield from (((key, name), str(inner) if key == "variables" else inner) for name, inner in value.items())
        else:
            yield (key,), value


def _defaults(kind: type[Struct]) -> Raw:
    """Those of the model that say something."""
    return {field.name: field.default for field in structs.fields(kind)
            if field.default is not NODEFAULT and field.default not in (None, "", ())}


MODEL_DEFAULTS: Raw = {**_defaults(model.Service), **_defaults(model.Host)}
