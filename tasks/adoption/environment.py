"""One environment of several hosts: what they have in common, and what differs there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ..inventory.precedence import MERGED
from ..inventory.secret import Secret
from .host import AdoptedHost

Raw = dict[str, Any]


class Adoption(Struct, frozen=True, kw_only=True):
    """`data`: hosts.yaml. `remarks`: by service, what it cannot say; those of the whole environment have no name."""

    environment: str
    data: Raw
    remarks: dict[str, list[str]]
    secrets: dict[str, Secret]
    origin: str


def of_hosts(hosts: list[AdoptedHost], environment: str) -> Adoption:
    """`hosts`: at least one."""
    by_name: dict[str, dict[str, AdoptedHost]] = {}
    for host in hosts:
        for name in host.services:
            by_name.setdefault(name, {})[host.name] = host
    common: Raw = {}
    own: dict[str, dict[str, Raw]] = {host.name: {} for host in hosts}
    for name, having in by_name.items():
        common[name], differing = _split({host: each.services[name].settings for host, each in having.items()})
        for host_name, part in differing.items():
            own[host_name].update({name: part} if part else {})
    settings, of_host = _split({host.name: host.settings for host in hosts})
    remarks = _remarks(hosts)
    for host in hosts:
        _choose(host, own[host.name], by_name.keys(), of_host[host.name], remarks)
    services = [service for host in hosts for service in host.services.values()]
    branch = _most_common(each.branch for each in services)
    run_mode = _most_common(each.run_mode for each in services)
    for service in services:
        about = remarks.setdefault(service.name, [])
        if service.branch not in ("", branch):
            about.append(f"branch: the clone is on {service.branch}; deploy it with --revision {service.branch}")
        if service.run_mode != (run_mode or environment):
            about.append(f"RUN_MODE: it was {service.run_mode or 'not set'}; an environment has one")
    data = {"default_environment": environment, "services": common, "environments": {environment: {
        "branch": branch or "main", **({"run_mode": run_mode} if run_mode and run_mode != environment else {}),
        **settings, "hosts": of_host if any(of_host.values()) else list(of_host)}}}
    return Adoption(environment=environment, data=data, secrets=_secrets(hosts, remarks),
                    remarks={name: list(dict.fromkeys(lines)) for name, lines in remarks.items()},
                    origin=", ".join(host.name for host in hosts))


def _choose(host: AdoptedHost, own: dict[str, Raw], names: Iterable[str], settings: Raw,
            remarks: dict[str, list[str]]) -> None:
    """Add to a host's settings which services run there, and what differs."""
    if set(host.services) != set(names):
        settings["services"] = sorted(host.services)
        for name, part in own.items():
            remarks.setdefault(name, []).append(
                f"on {host.name} it differs in {', '.join(part)}; a host that runs some of the services cannot "
                "say so: give it an environment of its own")
    elif own:
        settings["services"] = own


def _remarks(hosts: list[AdoptedHost]) -> dict[str, list[str]]:
    several = len(hosts) > 1
    remarks: dict[str, list[str]] = {"": []}
    for host in hosts:
        where = f"{host.name}: " if several else ""
        remarks[""] += [where + line for line in host.left_out]
        for name, service in host.services.items():
            remarks.setdefault(name, []).extend(where + line for line in service.remarks)
    return remarks


def _split(by_host: Mapping[str, Raw]) -> tuple[Raw, dict[str, Raw]]:
    """What all hosts have, and what each has beside it or in its place. Nothing can be taken away at a host: only what
    every host names is common."""
    common: Raw = {}
    own: dict[str, Raw] = {host: {} for host in by_host}
    for key in dict.fromkeys(key for settings in by_host.values() for key in settings):
        values = {host: settings[key] for host, settings in by_host.items() if key in settings}
        if key in MERGED:
            inner, differing = _split({host: values.get(host, {}) for host in by_host})
            parts = [(common, inner), *((own[host], differing[host]) for host in by_host)]
            for settings, part in parts:
                settings.update({key: part} if part else {})
            continue
        if len(values) == len(by_host):
            common[key] = max(values.values(), key=[*values.values()].count)
        for host, value in values.items():
            if key not in common or value != common[key]:
                own[host][key] = value
    return common, own


def _most_common(words: Iterable[str | None]) -> str:
    counted = Counter(word for word in words if word)
    return counted.most_common(1)[0][0] if counted else ""


def _secrets(hosts: list[AdoptedHost], remarks: dict[str, list[str]]) -> dict[str, Secret]:
    """By name. An environment has one value of each: where there are several, the first is taken."""
    secrets: dict[str, Secret] = {}
    for host in hosts:
        for service in host.services.values():
            for name, value in service.secrets.items():
                if secrets.setdefault(name, value) != value:
                    remarks.setdefault(service.name, []).append(
                        f"secrets: {name} has another value on {host.name} than elsewhere; an environment has one")
    return secrets
