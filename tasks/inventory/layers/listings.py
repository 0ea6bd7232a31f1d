"""Brings what hosts.yaml lets one write in several forms into one; and lists what an environment has."""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]


def programs(mapping: Raw) -> Raw:
    """The programs that a layer names; {} where it names none."""
    return {name: program or {} for name, program in (mapping.get("programs") or {}).items()}


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
    return [hook if isinstance(hook, dict) else {"run": hook} for hook in as_list(value)]


def as_list(value: Any) -> list[Any]:
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
    known = data.get("services", {})
    raw = data["environments"][environment]
    return sorted(name for name in entries(raw["services"] if "services" in raw else list(known)) if name in known)


def runs_on(data: Raw, environment: str, service: str, host: str) -> bool:
    """Whether the host runs this service of its environment: a list of names chooses, a mapping only adjusts."""
    chosen = entry(data["environments"][environment].get("hosts"), host).get("services")
    return not isinstance(chosen, list) or service in chosen
