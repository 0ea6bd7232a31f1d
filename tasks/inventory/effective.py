"""From the merged mappings to the frozen model. Everything has been judged; nothing is refused here."""

from __future__ import annotations

import posixpath
from typing import Any

from . import health, interpolation, model, precedence, program_options, values
from .precedence import HEALTH_KINDS, Raw


def environment(data: Raw, name: str, source: str) -> model.Environment:
    raw = data["environments"][name]
    hosts = [(host_of(data, raw, host, own), own) for host, own in precedence.hosts(raw).items()]
    services = {service: precedence.service(data, raw, service) for service in precedence.overrides(data, raw)}
    return model.Environment(
        name=name,
        branch=raw.get("branch", "main"),
        run_mode=precedence.run_mode(name, raw),
        targets=tuple(
            model.Target(host=host, service=service_of(data, name, host.name, own, service, merged))
            for host, own in hosts
            for service, merged in services.items()
        ),
        sandbox=raw.get("sandbox", False),
        confirm=raw.get("confirm", False),
        url=raw.get("url", ""),
        source=source,
        elsewhere=tuple(sorted(set(data["services"]) - set(services))),
    )


def host_of(data: Raw, environment: Raw, name: str, own: Raw) -> model.Host:
    settings = precedence.settings(data, environment, own, tuple(values.SETTINGS))
    for key in ("connect_timeout", "lease"):
        if key in settings:
            settings[key] = values.seconds(settings[key])
    # A sandbox's host gets its root when it is started.
    return model.Host(name=name, **{"root": "", **settings})


def service_of(data: Raw, environment: str, host: str, own: Raw, name: str, merged: Raw) -> model.Service:
    raw = data["environments"][environment]
    variables = precedence.variables(data, raw, own, name)
    run_mode = precedence.run_mode(environment, raw)
    known = {**variables, "RUN_MODE": run_mode}
    return model.Service(
        name=name,
        repo=merged["repo"],
        directory=posixpath.normpath(merged["directory"]),
        command=merged["command"].strip(),
        build=commands(merged.get("build", [])),
        build_timeout=values.seconds(merged.get("build_timeout", "30m")),
        program={option: program_options.text(value) for option, value in merged.get("program", {}).items()},
        strategy=merged.get("strategy", "in_place"),
        shared=tuple(map(values.shared_path, merged.get("shared", ()))),
        keep_releases=merged.get("keep_releases", 5),
        health=health_of(merged["health"], known) if "health" in merged else None,
        requires=tuple(posixpath.normpath(interpolation.fill(path, known)) for path in merged.get("requires", ())),
        variables=variables,
        secrets=tuple(merged.get("secrets", ())),
        hooks={when: hooks_of(value) for when, value in merged.get("hooks", {}).items()},
        run_mode=run_mode,
        environment=environment,
        host=host,
    )


def hooks_of(value: Any) -> tuple[model.Hook, ...]:
    return tuple(model.Hook(run=commands(hook["run"]), once=hook.get("once", False))
                 for hook in precedence.hooks(value))


def commands(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def health_of(raw: Raw, variables: dict[str, str]) -> model.Health:
    kind = next(kind for kind in HEALTH_KINDS if kind in raw)
    timeout = values.seconds(raw.get("timeout", 30))
    return model.Health(timeout=timeout, **{kind: health.fill(kind, raw[kind], variables)})
