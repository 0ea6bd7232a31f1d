"""What one host keeps running, as hosts.yaml has it: the host's settings, and its services. Pure."""

from __future__ import annotations

import os.path
from typing import Any

from msgspec import Struct

from ..inventory import model
from ..rollout.protocol import Adopted, AdoptedProgram
from . import service
from .service import Service


class AdoptedHost(Struct, frozen=True, kw_only=True):
    """`left_out`: what is not adopted, and why."""

    name: str
    settings: dict[str, Any]
    services: dict[str, Service]
    left_out: tuple[str, ...]


def of_host(host: model.Host, adopted: Adopted, root: str | None = None) -> AdoptedHost:
    """`root`: where the user named it."""
    reasons = {program.name: service.obstacle(program) for program in adopted.programs}
    usable = [program for program in adopted.programs if not reasons[program.name]]
    chosen, shared = _first_of_each_clone(usable)
    root = root or _root(adopted, [program.clone.directory for program in chosen if program.clone])
    program_dir = _program_dir(adopted, [program.path for program in chosen], root)
    services = [service.of_program(program, program.clone, adopted, root, program_dir)
                for program in chosen if program.clone]
    conf = os.path.relpath(adopted.supervisord_conf, root)
    below = os.path.relpath(program_dir, root)
    settings = {"address": host.address, "port": host.port, "user": host.user, "root": root,
                "supervisord_conf": None if conf == "supervisord.conf" else adopted.supervisord_conf,
                "program_dir": None if below == "conf.d" else program_dir,
                "sudo": True if adopted.supervisord == "root" != adopted.login else None}
    return AdoptedHost(
        name=host.name, settings={key: value for key, value in settings.items() if value is not None},
        services={each.name: each for each in services},
        left_out=(*(f"{name}: not adopted: {reason}" for name, reason in reasons.items() if reason), *shared))


def _first_of_each_clone(programs: list[AdoptedProgram]) -> tuple[list[AdoptedProgram], list[str]]:
    """The programs that become services; and remarks on the others."""
    by_clone: dict[str, AdoptedProgram] = {}
    remarks = []
    for program in programs:
        first = by_clone.setdefault(program.clone.directory if program.clone else "", program)
        if first is not program:
            remarks.append(f"{program.name}: not adopted: it runs in the clone of {first.name}, and a service is one "
                           "program")
    return list(by_clone.values()), remarks


def _root(adopted: Adopted, clones: list[str]) -> str:
    """The folder of supervisord.conf, or the one that holds all clones, where the login user can write there; else its
    home."""
    folder = os.path.dirname(adopted.supervisord_conf)
    above = os.path.commonpath([os.path.dirname(clone) for clone in clones]) if clones else folder
    usable = [each for each in (folder, above) if each in adopted.writable and each != "/"
              and not any(each == clone or each.startswith(clone + "/") for clone in clones)]
    return next(iter(usable), adopted.home)


def _program_dir(adopted: Adopted, files: list[str], root: str) -> str:
    """The included folder that most of the program files lie in."""
    folders = adopted.program_dirs or [os.path.join(root, "conf.d")]
    return max(folders, key=lambda folder: sum(os.path.dirname(file) == folder for file in files))
