"""Finds service directories that overlap: on a host each needs one of its own, apart from what supervisord reads there
and from the state folder."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import pairwise, product

from ..findings import Finding, KeyPath, quoted
from ..layers import precedence
from ..layers.listings import Raw
from ..layers.resolved import Resolved
from ..rules import paths

READ = ("program_dir", "supervisord_conf")
Directories = dict[str, str]            # by service, each in its shortest form


def check(data: Raw, environment: str, services: dict[str, dict[str, Resolved]]) -> Iterator[Finding]:
    """`services`: by name, the settings on each host where it runs."""
    seen: set[tuple[str | None, ...]] = set()
    for host, place in precedence.resolve_hosts(data, environment).items():
        of_host = {name: hosts[host] for name, hosts in services.items() if host in hosts}
        root = place.get("root")
        state = place.get("state")
        read = {key: place.get(key) for key in READ}
        layout = (root, state, *read.values(),
                  *(text for name in of_host for text in (name, of_host[name].get("directory"))))
        if layout not in seen:
            seen.add(layout)
            yield from _on_one_host(environment, of_host, root or "", state)
            yield from _among_read(environment, of_host, root or "", read)


def _among_read(environment: str, services: dict[str, Resolved], root: str, read: dict[str, str]) -> Iterator[Finding]:
    """`read`: by setting, what supervisord reads, where a repository's files must not lie."""
    for (service, settings), (key, path) in product(services.items(), read.items()):
        directory = settings.get("directory")
        if not paths.check_directory(directory) and _below(root, directory) == _below(root, path):
            yield Finding(_place(environment, service, settings),
                          f"{quoted(directory)} is `{key}`; a service needs a folder of its own")


def _on_one_host(environment: str, services: dict[str, Resolved], root: str, state: str) -> Iterator[Finding]:
    directories = {name: _below(root, settings.get("directory")) for name, settings in services.items()
                   if not paths.check_directory(settings.get("directory"))}
    for service, other in _overlaps(directories):
        yield _overlap(environment, services, directories, service, other)
    if not paths.check_state(state):
        state = _below(root, state)
        for service, directory in directories.items():
            if _is_inside(state, directory) or _is_inside(directory, state):
                settings = services[service]
                yield Finding(_place(environment, service, settings), (
                    f"{quoted(settings.get('directory'))} {'is' if state == directory else 'overlaps'} `state`,"
                    f" {quoted(state)}; each needs a folder of its own"))


def _overlap(environment: str, services: dict[str, Resolved], directories: Directories, service: str,
             other: str) -> Finding:
    """Reported where an environment sets a directory; else at the later of the two services."""
    order = list(services)
    first, second = sorted((service, other), key=order.index)
    origins = {name: services[name].origin("directory") for name in (first, second)}
    changed = {name for name, origin in origins.items() if origin and origin[0] == "environments"}
    reported, against = (first, second) if first in changed and second not in changed else (second, first)
    relation = ("is" if directories[first] == directories[second]
                else "lies inside" if _is_inside(directories[reported], directories[against]) else "holds")
    where = f" in {environment}" if changed else ""
    return Finding(_place(environment, reported, services[reported]), (
        f"{quoted(services[reported].get('directory'))} {relation} the directory of {against}{where}; "
        "each service needs one of its own"))


def _place(environment: str, service: str, settings: Resolved) -> KeyPath:
    return settings.origin("directory") or ("services", service, "directory")


def _overlaps(directories: Directories) -> Iterator[tuple[str, str]]:
    """Pairs of services: the directory of one is that of the other, or lies inside it."""
    by_path: dict[str, list[str]] = {}
    for name, directory in directories.items():
        by_path.setdefault(directory, []).append(name)
    for names in by_path.values():
        yield from pairwise(names)
    for path, names in by_path.items():
        yield from ((names[0], by_path[parent][0]) for parent in paths.parents(path) if parent in by_path)


def _is_inside(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def _below(root: str, path: str) -> str:
    """The path on the host, as far as it is known here: a home has no other name than ~."""
    return paths.normal_directory(path if path.startswith("~/") else posixpath.join(root, path))
