"""Makes settings and services, as hosts.yaml has them, of what a host keeps running. Pure."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ..inventory import model
from ..rollout.protocol import Adopted
from . import members, secret_values, service
from .members import Members, Programs
from .service import Place, Service


class AdoptedHost(Struct, frozen=True, kw_only=True):
    """`remarks`: what is not adopted, and why; and what else may be another than before."""

    name: str
    settings: dict[str, Any]
    services: dict[str, Service]
    remarks: tuple[str, ...]


def of_hosts(hosts: Mapping[model.Host, Adopted], root: str | None = None) -> list[AdoptedHost]:
    """`root`: where the user named it."""
    usable = {host.name: members.usable(adopted) for host, adopted in hosts.items()}
    places = {host.name: _place(adopted, usable[host.name][0], root) for host, adopted in hosts.items()}
    usable = {name: _without_enclosing(*of_host, places[name].root) for name, of_host in usable.items()}
    every = members.of_hosts({name: programs for name, (programs, _) in usable.items()})
    services = secret_values.with_sources({
        host.name: _services(host.name, adopted, every, places[host.name]) for host, adopted in hosts.items()})
    return [AdoptedHost(name=host.name, settings=_settings(host, adopted, places[host.name]),
                        services=services[host.name], remarks=_remarks(adopted, *usable[host.name], places[host.name]))
            for host, adopted in hosts.items()]


def _without_enclosing(programs: Programs, left_out: list[str], root: str) -> tuple[Programs, list[str]]:
    """Without those whose clone would hold our own files."""
    around = [program for program in programs if program.clone and _is_inside(root, program.clone.directory)]
    return [program for program in programs if program not in around], [*left_out, *(
        f"{program.name}: not adopted: Fabvisor's own files would lie in its clone, below {root}: name another folder,"
        " with --root PATH --supervisord-conf PATH" for program in around)]


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _remarks(adopted: Adopted, programs: Programs, left_out: list[str], place: Place) -> tuple[str, ...]:
    unknown = f"{adopted.login} cannot read PATH of supervisord: programs get that of {adopted.login} from now on"
    missing = (f"{adopted.supervisord_conf} includes no folder that takes a new file: before the first deploy, let"
               f" `files` of its [include] name {place.program_dir}/*.conf, too")
    return (*left_out, *([unknown] if programs and not adopted.has_path else ()),
            *([missing] if programs and not adopted.program_dirs else ()))


def _services(host: str, adopted: Adopted, every: list[Members], place: Place) -> dict[str, Service]:
    return {each.name: service.of_members(each, host, adopted, place) for each in every if host in each.programs}


def _settings(host: model.Host, adopted: Adopted, place: Place) -> dict[str, Any]:
    settings = {
        "address": host.address, "port": host.port, "user": host.user, "root": place.root,
        "supervisord_conf": _unless(adopted.supervisord_conf, os.path.join(place.root, "supervisord.conf")),
        "program_dir": _unless(place.program_dir, os.path.join(place.root, "conf.d")),
        "sudo": True if adopted.login != "root" and _needs_sudo(adopted, place) else None}
    return {key: value for key, value in settings.items() if value is not None}


def _needs_sudo(adopted: Adopted, place: Place) -> bool:
    """Also where supervisord, which root starts, gives its rights up, and its folders are root's."""
    return adopted.supervisord == "root" or (place.program_dir in adopted.program_dirs
                                             and place.program_dir not in adopted.writable)


def _unless(path: str, default: str) -> str | None:
    return None if os.path.normpath(path) == os.path.normpath(default) else path


def _place(adopted: Adopted, programs: Programs, root: str | None) -> Place:
    clones = list(dict.fromkeys(program.clone.directory for program in programs if program.clone))
    root = root or _root(adopted, clones)
    folder = _program_dir(adopted, [program.path for program in programs], root)
    return Place(root=root, program_dir=folder, ending=adopted.program_dirs.get(folder, ".conf"))


def _root(adopted: Adopted, clones: list[str]) -> str:
    """The folder of supervisord.conf, or the one that holds all clones, where the login user can write there; else its
    home."""
    folder = os.path.dirname(adopted.supervisord_conf)
    above = os.path.commonpath([os.path.dirname(clone) for clone in clones]) if clones else folder
    usable = [each for each in (folder, above) if each in adopted.writable and each != "/"
              and not any(_is_inside(each, clone) for clone in clones)]
    return next(iter(usable), adopted.home)


def _program_dir(adopted: Adopted, files: list[str], root: str) -> str:
    """The included folder that most of the program files lie in."""
    folders = adopted.program_dirs or [os.path.join(root, "conf.d")]
    return max(folders, key=lambda folder: sum(os.path.dirname(file) == folder for file in files))
