"""Finds mistakes in the programs of a service: its only one (`command`), or those under `programs`."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Finding, KeyPath, mistake, quoted
from ..layers.listings import Raw
from ..layers.resolved import HEALTH_KINDS
from ..nearest import did_you_mean
from ..rules import keys, program_options, values
from ..rules.health import EXPECTATIONS

ONLY = ("command", "program", "health", "numprocs", "socket", "reload")      # of a service with one program


def check(path: KeyPath, service: Raw, base: Raw) -> Iterator[Finding]:
    """`base`: what the service is before this part of hosts.yaml changes it; {} where it is defined."""
    yield from _check_kind(path, service, base)
    yield from _check_program(path, service, base)
    if "programs" in service and not service["programs"]:
        yield Finding((*path, "programs"), "names no program")
    for name, program in (service.get("programs") or {}).items():
        where = (*path, "programs", name)
        before = (base.get("programs") or {}).get(name) or {}
        yield from mistake(where, values.check_name(name))
        yield from _check_program(where, program or {}, before)
        yield from _hosts(where, program or {})
        if "command" not in (program or {}) and "command" not in before:
            yield Finding((*where, "command"), "is missing")
        yield from variables((*where, "variables"), (program or {}).get("variables", {}))


def variables(path: KeyPath, mapping: Raw) -> Iterator[Finding]:
    """Those of a program, of a service, or of all services on a host."""
    for name, value in mapping.items():
        yield from mistake((*path, name), values.check_variable_name(name) or values.check_variable_value(value))


def merged(base: Raw, override: Raw) -> Raw:
    """What these checks have to know of a service that is changed by an override."""
    whole: Raw = {key: {**base.get(key, {}), **override.get(key, {})} for key in ("program", "health")
             if key in base or key in override}
    whole.update((key, override.get(key, base.get(key))) for key in ("command", "numprocs", "socket", "reload")
                 if key in base or key in override)
    if "programs" in base or "programs" in override:
        before, after = base.get("programs") or {}, override.get("programs") or {}
        whole["programs"] = {name: merged(before.get(name) or {}, after.get(name) or {})
                             for name in {**before, **after}}
    return whole


def _check_kind(path: KeyPath, service: Raw, base: Raw) -> Iterator[Finding]:
    """One program or several, not both."""
    is_several = "programs" in service or "programs" in base
    if not is_several and "command" not in service and "command" not in base:
        yield Finding((*path, "command"), "is missing; or name several programs under `programs`",
                      about=((*path, "command"), (*path, "programs")))
    if not is_several:
        return
    if "programs" in service and "command" in base:
        yield Finding((*path, "programs"), "the service has a `command`: it is one program")
    for key in ONLY:
        if key in service:
            yield Finding((*path, key), "cannot stand beside `programs`: give it to each program there")


def _check_program(path: KeyPath, program: Raw, base: Raw) -> Iterator[Finding]:
    yield from _options((*path, "program"), program.get("program", {}), base.get("program", {}))
    if "socket" not in program and "socket" not in base:
        yield from (Finding((*path, "program", option), "is about a `socket`, and the program has none")
                    for option in program_options.OF_SOCKET if option in program.get("program", {}))
    if "health" in program:
        yield from _health((*path, "health"), program["health"], base.get("health", {}))
    yield from keys.mistakes(path, program, keys.PROGRAM)


def _hosts(path: KeyPath, program: Raw) -> Iterator[Finding]:
    if "hosts" in program and not program["hosts"]:
        yield Finding((*path, "hosts"), "names no host; leave it out where the program runs on all")


def _health(path: KeyPath, health: Raw, base: Raw) -> Iterator[Finding]:
    given = [kind for kind in HEALTH_KINDS if kind in health]
    inherited = [kind for kind in HEALTH_KINDS if kind in base]
    if len(given) > 1:
        yield Finding(path, f"expected one of http, tcp and command, got {' and '.join(given)}")
    if not given and not inherited:
        about = tuple((*path, kind) for kind in HEALTH_KINDS)
        yield Finding(path, "expected one of http, tcp and command, got none", about=about)
    elif "http" not in (given or inherited):
        yield from (Finding((*path, key), "is about an answer to `http`; leave it out") for key in EXPECTATIONS
                    if key in health)
    yield from keys.mistakes(path, health, keys.HEALTH)


def _options(path: KeyPath, program: Raw, base: Raw) -> Iterator[Finding]:
    for option, value in program.items():
        where = (*path, option)
        if option in program_options.OWNED:
            yield Finding(where, f"cannot be given here: {program_options.OWNED[option]}")
        elif option not in program_options.KINDS:
            hint = did_you_mean(option, program_options.KINDS)
            yield Finding(where, f"supervisor knows no option {quoted(option)} of a program{hint}")
        elif wrong := program_options.check_option(option, value):
            yield Finding(where, wrong)
    together = {option: program_options.as_text(value) for option, value in {**base, **program}.items()}
    for option, wrong in program_options.check_together(together) if program else ():
        about = tuple((*path, name) for name in ("stopasgroup", "killasgroup", "redirect_stderr", option))
        yield Finding(path, wrong, about=about)
