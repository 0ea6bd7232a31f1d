"""Finds mistakes of a service that show once all layers are merged, and variables are put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain

from ...program import quoting
from .. import model
from ..findings import Finding, quoted
from ..layers import listings, precedence
from ..layers.listings import Raw
from ..layers.resolved import HEALTH_KINDS, Resolved
from ..rules import command_line, health, interpolation, keys, paths, program_options, sockets, values
from . import file_checks
from .host_settings import HostSettings


def check(data: Raw, environment: str, service: str, hosts: dict[str, Resolved]) -> Iterator[Finding]:
    """`hosts`: those on which it runs."""
    yield from _drain(hosts or {"": precedence.resolve(data, environment, service)})
    if hosts:
        settings = HostSettings(data, environment, service, hosts)
        yield from _origin_of_commits(settings)
        yield from _requires(settings)
        yield from _files(settings)
        yield from _secrets(settings)
        for program in settings.programs():
            yield from _command(program)
            yield from _options(program)
            yield from _socket(program)
            yield from _health(program)
            yield from _secrets(program)


def _drain(hosts: dict[str, Resolved]) -> Iterator[Finding]:
    """A host that leaves service must enter it again. A line once, however many hosts it is for."""
    for hook, other, consequence in (("drain", "undrain", "the host stays out of service"),
                                     ("undrain", "drain", "the host never leaves service")):
        origins = {settings.origin("hooks", hook) for settings in hosts.values()
                   if settings.get("hooks", hook) and not settings.get("hooks", other)}
        for origin in filter(None, origins):
            yield Finding(origin, f"needs `{other}`, too: without it {consequence}")


def _origin_of_commits(settings: HostSettings) -> Iterator[Finding]:
    """No host can fetch a commit that this machine makes; a build on this machine must name what it ships."""
    yield from dict.fromkeys(chain.from_iterable(map(_origin_mistakes, settings.hosts.values())))


def _origin_mistakes(settings: Resolved) -> Iterator[Finding]:
    maker = settings.maker
    fetch = settings.origin("fetch")
    if maker and settings.get("fetch") == "host" and fetch:
        cause = "`build_on: client` makes" if maker == "build_on" else "is in a folder of this machine (`repo`)"
        yield Finding(fetch, f"no host can fetch what {cause}; leave `fetch` out")
    missing = {"build": "nothing is built", "ship": "what the build makes stays behind"}
    origin = settings.origin("build_on") if maker == "build_on" else None
    if origin:
        yield from (Finding(origin, f"needs `{key}`, too: without it {consequence}")
                    for key, consequence in missing.items() if not settings.has(key))


def _command(program: HostSettings) -> Iterator[Finding]:
    for place, text, hosts in program.written("command"):
        if not values.check_command(text):
            words = quoting.words(text)
            filled = " ".join(words[:command_line.filled_words(words)])
            yield from program.mistakes(place, filled, hosts, _check_lines, names=program.names_by_process)


def _check_lines(command: str) -> str:
    return "must be one line, and a variable in it has several" if re.search(r"[\r\n]", command) else ""


def _options(program: HostSettings) -> Iterator[Finding]:
    for option in program_options.KINDS:
        for place, value, hosts in program.written("program", option):
            if isinstance(value, str) and "${" in value:
                yield from program.mistakes(place, value, hosts, partial(program_options.check_option, option),
                                            names=program.names_by_process if option in program_options.LOG_FILES
                                            else None)


def _socket(program: HostSettings) -> Iterator[Finding]:
    for place, text, hosts in program.written("socket"):
        if not sockets.check_written(text):
            yield from program.mistakes(place, text, hosts, sockets.check_socket)
        if text.startswith("tcp:"):
            for option in program_options.OF_UNIX_SOCKET:
                yield from (Finding(origin, f"is of a file, and {quoted(text)} is none")
                            for origin, *_ in program.written("program", option))


def _health(program: HostSettings) -> Iterator[Finding]:
    by_process = program.names_by_process
    names = {host: health.names(by_process[host] if settings.is_checked_by_process else program.variables[host],
                                health.EXAMPLE_COMMIT) for host, settings in program.hosts.items()}
    for kind in HEALTH_KINDS:
        for place, text, hosts in program.written("health", kind):
            yield from program.mistakes(place, text, hosts, health.CHECKS[kind], fill=partial(health.fill, kind),
                                        names=names)
    for key in ("body", "host"):
        for place, text, hosts in program.written("health", key):
            if interpolation.PLACEHOLDER.search(text):
                yield from program.mistakes(place, text, hosts, keys.HEALTH[key], names=names)


def _requires(settings: HostSettings) -> Iterator[Finding]:
    for place, required, hosts in settings.written("requires"):
        for index, path in enumerate(required):
            if not paths.check_in_commit(path):
                yield from settings.mistakes((*place, index), path, hosts, paths.check_in_commit)


def _files(settings: HostSettings) -> Iterator[Finding]:
    """Sources have more names than the program: ENVIRONMENT and HOST."""
    names = {host: model.names_in_files(variables, settings.environment, host)
             for host, variables in settings.variables.items()}
    for path in _names_of(settings, "files"):
        for place, value, hosts in settings.written("files", path):
            source = listings.service_file(value).get("source", "")
            if source and not paths.check_source(source):
                of_source = (*place, "source") if isinstance(value, dict) else place
                yield from settings.mistakes(of_source, source, hosts, paths.check_source, names=names)
            conflicts = {host: file_checks.conflict(path, settings.hosts[host].group("files"),
                                                    settings.hosts[host].get("shared", default=())) for host in hosts}
            for message in dict.fromkeys(filter(None, conflicts.values())):
                on_hosts = settings.in_words([host for host in hosts if conflicts[host] == message])
                yield Finding(place, message + on_hosts)


def _secrets(settings: HostSettings) -> Iterator[Finding]:
    """A name is a secret or a variable, not both."""
    for secret in _names_of(settings, "secrets"):
        for place, _, hosts in settings.written("secrets", secret):
            both = [host for host in hosts if secret in settings.variables[host] and secret != "RUN_MODE"]
            if both:
                yield Finding(place, f"{secret} is among the variables, too{settings.in_words(both)};"
                                     " leave one of them out")


def _names_of(settings: HostSettings, key: str) -> list[str]:
    """The names below that key, on whichever host."""
    return list(dict.fromkeys(name for of_host in settings.hosts.values() for name in of_host.group(key)))
