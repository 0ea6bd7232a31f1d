"""Which setting wins: defaults < service < environment < what the environment says of the service < host.

Works on the raw mappings of hosts.yaml, whose shape has been judged.
"""

from __future__ import annotations

from typing import Any

from .health import CHECKS

Raw = dict[str, Any]

HEALTH_KINDS = tuple(CHECKS)


def entries(value: Any) -> dict[str, Raw]:
    """A list of names, or a mapping of names to settings: always as the mapping."""
    if isinstance(value, dict):
        return {name: settings or {} for name, settings in value.items()}
    return {name: {} for name in value or ()}


def hooks(value: Any) -> list[Raw]:
    """A command, a mapping, or a list of either: always as a list of mappings."""
    listed = value if isinstance(value, list) else [value]
    return [hook if isinstance(hook, dict) else {"run": hook} for hook in listed]


def hosts(environment: Raw) -> dict[str, Raw]:
    """In name order. A sandbox has none until it is started."""
    return dict(sorted(entries(environment.get("hosts")).items()))


def overrides(data: Raw, environment: Raw) -> dict[str, Raw]:
    """The services that run in the environment, in name order, with what it changes of them."""
    known = data.get("services", {})
    chosen = entries(environment["services"]) if "services" in environment else entries(list(known))
    return {name: chosen[name] for name in sorted(chosen) if name in known}


def service(data: Raw, environment: Raw, name: str) -> Raw:
    """All but its variables, which also depend on the host."""
    base, override = data["services"][name], overrides(data, environment).get(name, {})
    health = override.get("health", {})
    if "health" in base and any(kind in health for kind in HEALTH_KINDS):
        kept = {key: value for key, value in base["health"].items() if key not in HEALTH_KINDS}
        base = {**base, "health": kept}
    merged = {"directory": f"micro/{name}", **_deep(base, override)}
    merged.pop("variables", None)
    return merged


def settings(data: Raw, environment: Raw, host: Raw, keys: tuple[str, ...]) -> Raw:
    merged = {**data.get("defaults", {}), **environment, **host}
    return {key: merged[key] for key in keys if key in merged}


def variables(data: Raw, environment: Raw, host: Raw, service: str) -> dict[str, str]:
    """As text; RUN_MODE is not among them."""
    override = overrides(data, environment).get(service, {})
    layers = (data.get("defaults", {}), data["services"][service], environment, override, host)
    return {name: str(value) for layer in layers for name, value in layer.get("variables", {}).items()}


def _deep(base: Raw, override: Raw) -> Raw:
    merged = dict(base)
    for key, value in override.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _deep(merged[key], value) if both else value
    return merged


def run_mode(name: str, environment: Raw) -> str:
    return str(environment.get("run_mode", name))
