"""Finds what hosts have in common, and what differs at each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..inventory.layers.precedence import MERGED

Raw = dict[str, Any]
BY_KEY = (*MERGED, "secrets")


def split(by_host: Mapping[str, Raw]) -> tuple[Raw, dict[str, Raw]]:
    """What all hosts have, and what each has beside it or in its place. Nothing can be taken away at a host: only what
    every host names is common."""
    common: Raw = {}
    own: dict[str, Raw] = {host: {} for host in by_host}
    for key in dict.fromkeys(key for settings in by_host.values() for key in settings):
        values = {host: settings[key] for host, settings in by_host.items() if key in settings}
        if key in BY_KEY:
            parts = split({host: values.get(host, {}) for host in by_host})
        elif key == "programs":
            parts = _split_programs(values)
        else:
            parts = _split_values(values, is_common=len(values) == len(by_host))
        for settings, part in ((common, parts[0]), *((own[host], parts[1].get(host)) for host in by_host)):
            settings.update({} if part in (None, {}) else {key: part})
    return common, own


def _split_values(values: Mapping[str, Any], is_common: bool) -> tuple[Any, dict[str, Any]]:
    """The value of most hosts, or None; and that of each other host."""
    most = max(values.values(), key=[*values.values()].count) if is_common else None
    return most, {host: value for host, value in values.items() if not is_common or value != most}


def _split_programs(by_host: Mapping[str, Raw]) -> tuple[Raw, dict[str, Raw]]:
    """The same for programs, by name: `hosts` says where one runs that not all hosts have."""
    common: Raw = {}
    own: dict[str, Raw] = {host: {} for host in by_host}
    for name in dict.fromkeys(name for programs in by_host.values() for name in programs):
        having = {host: programs[name] for host, programs in by_host.items() if name in programs}
        common[name], differing = split(having)
        if len(having) < len(by_host):
            common[name]["hosts"] = sorted(having)
        for host, settings in differing.items():
            own[host].update({name: settings} if settings else {})
    return common, own
