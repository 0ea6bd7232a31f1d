"""The settings of hosts.yaml as frozen values of the model. They have been checked; nothing is refused here."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ...program import quoting
from .. import model, serial, urls
from ..rules import health, interpolation, keys, paths, program_options, values
from ..service_file import ServiceFile
from . import listings, precedence
from .listings import Raw
from .resolved import Resolved


def environment(data: Raw, name: str, source: str) -> model.Environment:
    raw = data["environments"][name]
    settings = precedence.resolve(data, name)
    hosts = [_host(host, resolved) for host, resolved in precedence.resolve_hosts(data, name).items()]
    services = listings.services(data, name)
    by_service = {service: precedence.resolve_hosts(data, name, service) for service in services}
    running = [service for service in services if by_service[service] or not hosts]
    return model.Environment(
        name=name,
        branch=settings.get("branch"),
        run_mode=settings.get("run_mode"),
        targets=tuple(
            model.Target(host=host, service=_service(service, name, host.name, by_service[service][host.name]))
            for host in hosts
            for service in services
            if host.name in by_service[service]
        ),
        sandbox=raw.get("sandbox", False),
        confirm=raw.get("confirm", False),
        serial=serial.normal(raw["serial"]) if "serial" in raw else serial.DEFAULT,
        pause=values.seconds(raw.get("pause", 0)),
        url=raw.get("url", ""),
        notify=tuple(map(_notification, listings.as_list(raw.get("notify", [])))),
        source=source,
        elsewhere=tuple(sorted(set(data["services"]) - set(running))),
    )


def _notification(raw: Raw) -> model.Notification:
    given: Raw = {key: tuple(value) if key == "on" else value for key, value in raw.items()}
    return model.Notification(**given)


def _host(name: str, resolved: Resolved) -> model.Host:
    settings = {key: resolved.get(key) for key in keys.SETTINGS if resolved.has(key)}
    for key in ("connect_timeout", "login_timeout", "lease"):
        settings[key] = values.seconds(settings[key])
    # A sandbox's host gets its root when it is started.
    return model.Host(name=name, **{"root": "", **settings})


def _service(name: str, environment: str, host: str, settings: Resolved) -> model.Service:
    variables = settings.environment_variables()
    repo, login = urls.split_login(settings.get("repo"))
    subdirectory = paths.normal_folder(settings.get("subdirectory"))
    return model.Service(
        name=name,
        fetch="client" if settings.maker else settings.get("fetch"),
        fetch_timeout=values.seconds(settings.get("fetch_timeout")),
        build_on=settings.get("build_on"),
        ship=tuple(posixpath.normpath(posixpath.join(subdirectory, path)) for path in settings.get("ship", default=())),
        repo=repo,
        login=login,
        directory=paths.normal_directory(settings.get("directory")),
        subdirectory=subdirectory,
        programs=tuple(_programs(name, host, settings)),
        build=_commands(settings.get("build", default=())),
        build_timeout=values.seconds(settings.get("build_timeout")),
        strategy=settings.get("strategy"),
        shared=tuple(map(paths.normal_shared, settings.get("shared", default=()))),
        shared_directory=paths.normal_folder(settings.get("shared_directory")),
        keep_releases=settings.get("keep_releases"),
        requires=tuple(posixpath.normpath(interpolation.fill(path, variables))
                       for path in settings.get("requires", default=())),
        variables=settings.group("variables"),
        secrets=tuple(settings.group("secrets")),
        secret_aliases={secret: source for secret, source in settings.group("secrets").items() if source != secret},
        files=tuple(_files(settings, model.names_in_files(variables, environment, host))),
        hooks={when: _hooks(value) for when, value in settings.group("hooks").items()},
        run_mode=settings.get("run_mode"),
        environment=environment,
        host=host,
    )


def _programs(service: str, host: str, settings: Resolved) -> Iterator[model.Program]:
    """Those that run on the host, in the order in which they are written."""
    several = settings.programs()
    if not several:
        yield _program(service, service, settings, None)
    for name, program in several.items():
        if program.runs_on(host):
            own = settings.below("programs", name).group("variables")
            yield replace(_program(name, model.group(service, name), program, 1), variables=own)


def _program(name: str, group: str, settings: Resolved, numprocs: int | None) -> model.Program:
    """`numprocs`: unless it is written."""
    variables = settings.environment_variables()
    of_process = {**variables, "PROCESS_NUM": quoting.PROCESS_NUMBER}
    return model.Program(
        name=name,
        group=group,
        command=settings.get("command").strip(),
        options={option: interpolation.fill(program_options.as_text(settings.get("program", option)),
                                            of_process if option in program_options.LOG_FILES else variables)
                 for option in settings.group("program") if settings.origin("program", option)},
        health=_health(settings, variables),
        numprocs=settings.get("numprocs", default=numprocs),
        socket=interpolation.fill(settings.get("socket"), variables) if settings.has("socket") else None,
        reload=settings.get("reload").upper().removeprefix("SIG") if settings.has("reload") else None,
    )


def _hooks(value: Any) -> tuple[model.Hook, ...]:
    return tuple(model.Hook(run=_commands(hook["run"]), once=hook.get("once", False), on=hook.get("on", "host"))
                 for hook in listings.hooks(value))


def _files(settings: Resolved, names: dict[str, str]) -> Iterator[ServiceFile]:
    for path, value in sorted(settings.group("files").items()):
        given = listings.service_file(value)
        source = posixpath.normpath(interpolation.fill(given["source"], names)) if "source" in given else ""
        mode = int(given["mode"], 8) if "mode" in given else None
        yield ServiceFile(path=path, origin=settings.origin("files", path) or (), **{
            **given, "source": source, "mode": mode})


def _commands(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _health(settings: Resolved, variables: dict[str, str]) -> model.Health | None:
    kind = settings.health_kind
    if kind is None:
        return None
    known = health.names({**variables, "PROCESS_NUM": model.NUMBER})
    texts = {key: health.fill(kind, settings.get("health", key), known) for key in (kind, "body", "host")
             if settings.has("health", key)}
    return model.Health(timeout=values.seconds(settings.get("health", "timeout")),
                        status=settings.get("health", "status"), **texts)
