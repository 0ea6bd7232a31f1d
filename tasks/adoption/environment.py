"""The environment of several hosts: what they have in common, and what differs there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from ..inventory.rules import values
from . import secret_values
from .differences import split
from .host import AdoptedHost
from .secret_names import shown
from .secret_values import Files

BRANCH = "main"                         # where no clone is on one
Raw = dict[str, Any]
Remarks = dict[str, list[str]]          # by service; those of no service have no name


class Adoption(Struct, frozen=True, kw_only=True):
    """`data`: hosts.yaml. `remarks`: what it cannot say. `secrets`: the files below .secrets/."""

    environment: str
    data: Raw
    remarks: Remarks
    secrets: Files
    origin: str


def of_hosts(hosts: list[AdoptedHost], name: str) -> Adoption:
    """`hosts`: at least one. `name`: of their environment."""
    remarks = _remarks(hosts)
    origin = ", ".join(host.name for host in hosts)
    having = [host for host in hosts if host.services] or hosts
    remarks[""] += [f"{host.name}: nothing of it is adopted, so it is left out" for host in hosts if host not in having]
    hosts = having
    common, own = _services(hosts)
    # At a host a list chooses services and a mapping adjusts them: an environment can do both.
    single = [host for host in hosts if len(hosts) > 1 and own[host.name] and set(host.services) != set(common)]
    shared = [host for host in hosts if host not in single]
    parts = {**({name: shared} if shared else {}), **{f"{name}-{host.name}": [host] for host in single}}
    for host in single:
        remarks[""].append(f"{host.name}: it runs some of the services, and other than elsewhere: its environment is "
                           f"{name}-{host.name}")
    files = (secret_values.files(part, [host.services for host in of_part]) for part, of_part in parts.items())
    return Adoption(
        environment=next(iter(parts)), origin=origin,
        data={"default_environment": next(iter(parts)), "services": common, "environments": {
            part: _environment(part, of_part, common, own, remarks) for part, of_part in parts.items()}},
        secrets={path: values for of_part in files for path, values in of_part.items()},
        remarks={service: list(dict.fromkeys(lines)) for service, lines in remarks.items()})


def _services(hosts: list[AdoptedHost]) -> tuple[Raw, dict[str, Raw]]:
    """The settings of each service that all hosts have; and by host, then service, what differs there."""
    by_name: dict[str, dict[str, Raw]] = {}
    for host in hosts:
        for name, service in host.services.items():
            by_name.setdefault(name, {})[host.name] = service.settings
    common: Raw = {}
    own: dict[str, Raw] = {host.name: {} for host in hosts}
    for name, by_host in by_name.items():
        settings, differing = split(by_host)
        common[name] = {key: _listed(value) if key == "secrets" else value for key, value in settings.items()}
        for host_name, of_host in differing.items():
            own[host_name].update({name: of_host} if of_host else {})
    return common, own


def _listed(secrets: dict[str, str]) -> list[str] | dict[str, str]:
    """As one writes it, where no secret has its value under another name."""
    return list(secrets) if all(name == source for name, source in secrets.items()) else secrets


def _environment(name: str, hosts: list[AdoptedHost], common: Raw, own: dict[str, Raw], remarks: Remarks) -> Raw:
    running = {service for host in hosts for service in host.services}
    settings, of_host = split({host.name: host.settings for host in hosts})
    alone = len(hosts) == 1
    for host in hosts if not alone else ():
        if set(host.services) != running:
            of_host[host.name]["services"] = sorted(host.services)
        elif own[host.name]:
            of_host[host.name]["services"] = own[host.name]
    services = [service for host in hosts for service in host.services.values()]
    branch = _most_common(each.branch for each in services)
    run_mode = _most_common(each.run_mode for each in services if not values.check_name(each.run_mode or ""))
    without = dict.fromkeys(service.name for service in services if not service.run_mode)
    if without:
        remarks[""].append(f"RUN_MODE: it was not set for {', '.join(without)}; now it is {run_mode or name}")
    for service in services:
        about = remarks.setdefault(service.name, [])
        if not service.branch:
            about.append(f"branch: the clone is on none; now it is {branch or BRANCH}")
        elif service.branch != branch:
            about.append(f"branch: the clone is on {service.branch}; deploy it with --revision {service.branch}")
        if service.run_mode and service.run_mode != (run_mode or name):
            why = ", which is no name" if values.check_name(service.run_mode) else "; an environment has one"
            about.append(f"RUN_MODE: it was {shown('RUN_MODE', service.run_mode)}{why}: now it is {run_mode or name}")
    chosen: Raw = {}
    if running != set(common) or (alone and own[hosts[0].name]):
        chosen = {"services": {service: own[hosts[0].name].get(service) if alone else None
                               for service in sorted(running)}}
    return {"branch": branch or BRANCH, **({"run_mode": run_mode} if run_mode and run_mode != name else {}),
            **settings, **chosen, "hosts": of_host if any(of_host.values()) else list(of_host)}


def _remarks(hosts: list[AdoptedHost]) -> Remarks:
    remarks: Remarks = {"": []}
    for host in hosts:
        where = f"{host.name}: " if len(hosts) > 1 else ""
        remarks[""] += [where + line for line in host.remarks]
        for name, service in host.services.items():
            remarks.setdefault(name, []).extend(where + line for line in service.remarks)
    return remarks


def _most_common(words: Iterable[str | None]) -> str:
    counted = Counter(word for word in words if word)
    return counted.most_common(1)[0][0] if counted else ""
