"""Chooses where adopted secrets are kept: files below .secrets/, and other names where hosts differ. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ..inventory.secret import Secret
from .service import Service

Services = dict[str, Service]                   # of a host, by name
Files = dict[str, dict[str, Secret]]            # by path below .secrets/, then by name


def with_sources(hosts: Mapping[str, Services]) -> dict[str, Services]:
    """The services of each host, where a secret that has another value than on most hosts has a name of its own."""
    by_name: dict[tuple[str, str], list[Secret]] = {}
    for services in hosts.values():
        for service in services.values():
            for name, value in service.secrets.items():
                by_name.setdefault((service.name, name), []).append(value)
    usual = {key: max(values, key=values.count) for key, values in by_name.items()}
    return {host: {service.name: _with_sources(service, {
        name: _name_at(name, host) for name, value in service.secrets.items() if value != usual[service.name, name]})
        for service in services.values()} for host, services in hosts.items()}


def files(environment: str, hosts: Iterable[Services]) -> Files:
    """A value that all services share stands once for the environment; another one in the file of its service."""
    by_source: dict[str, dict[str, Secret]] = {}
    for services in hosts:
        for service in services.values():
            for name, source in service.settings.get("secrets", {}).items():
                by_source.setdefault(source, {})[service.name] = service.secrets[name]
    made: Files = {}
    for source, by_service in sorted(by_source.items()):
        is_shared = len({*by_service.values()}) == 1
        for name, value in by_service.items():
            made.setdefault(f"{environment}.env" if is_shared else f"{environment}/{name}.env", {})[source] = value
    return made


def _with_sources(service: Service, sources: dict[str, str]) -> Service:
    if not sources:
        return service
    return replace(service, settings={**service.settings, "secrets": {**service.settings["secrets"], **sources}})


def _name_at(name: str, host: str) -> str:
    return f"{name}_{re.sub('[^A-Za-z0-9]', '_', host).upper()}"
