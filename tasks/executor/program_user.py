"""The user that a program runs as: whether supervisord may start it so, and whether hosts.yaml says so."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from typing import Any, Iterable, Mapping

from .disk import access_list, files
from .errors import HostError, NotReady
from .layout import Layout
from .quoting import for_sh
from .system import processes
from .system.accounts import user_name

ROOT = 0


def problems(layout: Layout, service: Mapping[str, Any], supervisord: int) -> list[HostError]:
    """Why programs cannot run as their user, `user` of `program` in hosts.yaml. `supervisord`: the uid that it has."""
    users = dict.fromkeys(program["user"] for program in service["programs"])
    return [problem for user in users for problem in _problems_of(layout, service, user, supervisord)]


def _problems_of(layout: Layout, service: Mapping[str, Any], given: str | None, supervisord: int) -> list[HostError]:
    name = service["name"]
    try:
        uid = default(supervisord) if given is None else _uid(given)
    except KeyError:
        return [NotReady(f"the user {given}, as whom {name} shall run, does not exist",
                         f"make that user on the host, or correct `user` in the `program` of {name}")]
    if uid == ROOT and given != "root":         # 0, or a further name of root's, is not what a reader looks for
        return [NotReady(f"{name} would run as root, and hosts.yaml does not say so",
                         f"write in hosts.yaml, at {_place(service)}: program: {{user: root}}, or another user")]
    if supervisord not in (ROOT, uid):
        owner = user_name(supervisord)
        return [NotReady(f"supervisord runs as {owner}, and may not start {name} as {user_name(uid)}",
                         f"log in as {owner}, or use a supervisord that {user_name(uid)} or root runs")]
    return _reading_problems(layout, service, uid)


def _place(service: Mapping[str, Any]) -> str:
    """Where hosts.yaml has `program`: a service of several programs has none of its own."""
    name: str = service["name"]
    return name if [program["group"] for program in service["programs"]] == [name] else f"each program of {name}"


def default(supervisord: int) -> int:
    """The uid of a program that hosts.yaml gives no user: the login user's, unless only supervisord's is possible."""
    login = os.geteuid()
    return supervisord if login == ROOT else login


def uids_in(program_file: str) -> list[int]:
    """Those that a program file of ours names, as far as they exist."""
    return uids_of(line[len("user="):] for line in program_file.splitlines() if line.startswith("user="))


def uids_of(users: Iterable[str]) -> list[int]:
    """Those of the users that exist."""
    uids = set()
    for user in users:
        with contextlib.suppress(KeyError):
            uids.add(_uid(user))
    return sorted(uids)


def _uid(user: str) -> int:
    """As supervisor/datatypes.py `name_to_uid`. Raises KeyError."""
    return pwd.getpwuid(int(user)).pw_uid if user.isdecimal() else pwd.getpwnam(user).pw_uid


def _reading_problems(layout: Layout, service: Mapping[str, Any], uid: int) -> list[HostError]:
    """Its variables are in a file that nobody but the login user and the program's user may read."""
    login = os.geteuid()
    name = service["name"]
    env = layout.env_file(service["name"])
    if uid in (ROOT, login):
        return []
    if login != ROOT and not access_list.is_supported(layout.root):
        return [NotReady(f"{name} shall run as {user_name(uid)}, who cannot read {env}: its file system has no access"
                         " lists",
                         f"log in as {user_name(uid)}, or write: program: {{user: {user_name(login)}}}")]
    directory = layout.below_root(service["directory"])
    closed = [folder for folder in _folders(directory) if folder != layout.state and not _may_enter(folder, uid)]
    if closed:
        return [NotReady(f"{name} shall run as {user_name(uid)}, who cannot enter {closed[0]}",
                         f"open it on the host: chmod o+x {' '.join(map(for_sh, closed))}")]
    clone = os.path.join(directory, ".git")
    if not os.path.lexists(clone) and not _may_enter_new(files.existing_parent(clone), uid):
        return [NotReady(f"{name} shall run as {user_name(uid)}, who cannot enter the folders that {user_name(login)}"
                         f" makes: umask {processes.umask():03o}",
                         f"set another one on the host, in {user_name(login)}'s ~/.bashrc or /etc/login.defs:"
                         " umask 022")]
    return []


def _folders(directory: str) -> list[str]:
    """It and all above it, from the top, as far as they are there."""
    folders = [directory]
    while os.path.dirname(folders[0]) != folders[0]:
        folders.insert(0, os.path.dirname(folders[0]))
    return [folder for folder in folders if os.path.isdir(folder)]


def _may_enter(folder: str, uid: int) -> bool:
    """By owner, group and mode; access lists are not looked at."""
    status = os.stat(folder)
    if status.st_uid == uid:
        return bool(status.st_mode & 0o100)
    return bool(status.st_mode & (0o010 if _is_in_group(uid, status.st_gid) else 0o001))


def _may_enter_new(parent: str, uid: int) -> bool:
    """Of a folder that the login user makes there, umask(2) decides, unless the parent has a default access list."""
    status = os.stat(parent)
    group = status.st_gid if status.st_mode & stat.S_ISGID else os.getegid()
    closed = processes.umask() & (0o010 if _is_in_group(uid, group) else 0o001)
    return not closed or access_list.is_inherited(parent)


def _is_in_group(uid: int, gid: int) -> bool:
    user = pwd.getpwuid(uid)
    return gid in os.getgrouplist(user.pw_name, user.pw_gid)
