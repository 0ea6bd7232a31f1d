"""Turns SERVICE:PROGRAM, as it was typed, into targets that have that program alone."""

from __future__ import annotations

from .._errors import SelectionError
from .model import Environment, Target
from .nearest import did_you_mean, listed
from .selection import select

Choice = dict[str, set[str]]            # by service the programs that are meant; empty: all of them


def select_programs(environment: Environment, services: str, hosts: str | None, *, also_idle: bool = False
                    ) -> tuple[Target, ...]:
    """As select(), but each service of the list may be SERVICE:PROGRAM. Raises SelectionError; never empty,
    and never without a service or a program that was named.

    `also_idle`: hosts of a service on which none of its programs runs, too.
    """
    items = [item.strip() for item in services.split(",") if item.strip()]
    targets = select(environment, ",".join(item.partition(":")[0] for item in items) or services, hosts)
    choice: Choice = {}
    for item in items:
        service, _, program = item.partition(":")
        programs = choice.setdefault(service, set())
        if ":" in item:
            _require_program(environment, service, program)
            programs.add(program)
    choice.update((item, set()) for item in items if ":" not in item)
    narrowed = tuple(narrow for target in targets if (narrow := _narrowed(target, choice)).service.programs
                     or (also_idle and not target.service.programs))
    missing = ({target.service.name for target in targets} if "all" in choice else {*items}) - _names(narrowed)
    if missing and not (narrowed and "all" in choice):
        where = listed(sorted({target.host.name for target in targets}))
        raise SelectionError(f"{listed(sorted(missing))} does not run on {where}",
                             hint="see what runs where: fab status")
    return narrowed


def _names(targets: tuple[Target, ...]) -> set[str]:
    """As which a user may name what is there: SERVICE, and SERVICE:PROGRAM."""
    return {name for target in targets
            for name in (target.service.name, *map(target.service.label, target.service.programs))}


def _narrowed(target: Target, choice: Choice) -> Target:
    programs = choice.get(target.service.name) if "all" not in choice else None
    return target.with_programs(programs) if programs else target


def _require_program(environment: Environment, service: str, program: str) -> None:
    labels = {each.name: target.service.label(each) for target in environment.targets
              if target.service.name == service for each in target.service.programs}
    if service == "all":
        raise SelectionError("all means all programs of all services", hint="name one: SERVICE:PROGRAM")
    if service in labels.values():
        raise SelectionError(f"service {service!r} has one program", hint=f"name the service alone: {service}")
    if program not in labels:
        raise SelectionError(f"service {service!r} has no program {program!r}{did_you_mean(program, labels)}",
                             hint=f"its programs: {listed(sorted(labels.values()))}")
