"""Checks whether supervisord starts when the host does."""

from __future__ import annotations

import glob
import os
import re
from typing import Iterator

from ..disk import files
from ..errors import HostError
from ..quoting import for_sh
from ..supervisor import supervisord_search
from ..system import shell
from ..system.accounts import user_name
from .host import ExaminedHost, Finding, ok, warning

QUICK = 10                          # seconds
LINGER = "/var/lib/systemd/linger"
# Where scripts and lines of root start what runs at boot.
SYSV = "/etc/rc[2-5].d/S[0-9][0-9]supervisor*"
CONF = re.compile(r"/[^\s\"'=]*supervisord\.conf")
ROOTS = ("/etc/crontab", "/etc/cron.d/*", "/etc/rc.local")


def start_at_boot(host: ExaminedHost) -> Iterator[Finding]:
    """By the systemd unit that it runs in, a unit of that name, a script of System V, or a line of cron."""
    way = _unit(host) or _script(host) or _line(host)
    if way is not None:
        yield way
        return
    words = [*(supervisord_search.started_by(host.supervisord.pid()) or ["supervisord"]), "-c", host.conf.path]
    # A line of /etc/crontab names its user. The crontab of root itself is closed to us: we would not find the line.
    place = "/etc/crontab: @reboot root" if host.layout.access.prefix else "crontab -e: @reboot"
    yield warning(f"nothing starts supervisord of {host.conf.path} when the host does",
                  f"fab setup; or on the host, in {place} {' '.join(map(for_sh, words))}")


def _unit(host: ExaminedHost) -> Finding | None:
    """The unit that supervisord runs in, by its control group."""
    pid = host.supervisord.pid()
    owner = user_name(host.supervisord.uid())
    if pid == 1:
        return ok("it is the first process here")
    unit, of_user = unit_of(_text(f"/proc/{pid}/cgroup"))
    systemctl = ["systemctl", *(["--user"] if of_user else [])]
    if not unit or not _is_of_supervisord(host, systemctl, unit):
        return None                         # started by hand, by cron, or by a job
    if not _answer(host, *systemctl, "is-enabled", unit):
        return warning(f"the systemd unit {unit} is not enabled",
                       f"on the host: {' '.join(systemctl)} enable {for_sh(unit)}")
    if of_user and not os.path.exists(os.path.join(LINGER, owner)):
        return warning(f"the systemd unit {unit} of {owner} starts with their first login only",
                       f"on the host: loginctl enable-linger {for_sh(owner)}")
    return ok(f"by the systemd unit {unit}{' of ' + owner if of_user else ''}")


def unit_of(cgroup: str) -> tuple[str, bool]:
    """The systemd unit that /proc/PID/cgroup names, empty where it names none; and whether it is one of a user."""
    paths = [line.split(":", 2)[-1] for line in cgroup.splitlines()]
    units = [part for path in paths for part in path.split("/") if part.endswith(".service")]
    return units[-1] if units else "", any("/user@" in path for path in paths)


def _is_of_supervisord(host: ExaminedHost, systemctl: list[str], unit: str) -> bool:
    """Not so where the login, cron or the runner of a job started it."""
    return "supervisor" in unit or any(
        "supervisord" in line for line in _answer(host, *systemctl, "show", "--property=ExecStart", unit))


def _script(host: ExaminedHost) -> Finding | None:
    script = script_of(host.conf.path)
    return ok(f"by {script}") if script else None


def script_of(conf: str) -> str:
    """The script of System V that starts the supervisord of this configuration; empty where there is none. That of a
    package starts another one: the package's."""
    for path in sorted(glob.glob(SYSV)):
        named = CONF.findall(_text(path))
        if not named or any(files.is_same_path(conf, each) for each in named):
            return path
    return ""


def _line(host: ExaminedHost) -> Finding | None:
    """A line of the login user's crontab, or of root's files, that names the folder of this configuration."""
    if _starts(host, _reboot_lines(_answer(host, "crontab", "-l"))):
        return ok("by @reboot in the crontab of the login user")
    for path in sorted(each for pattern in ROOTS for each in glob.glob(pattern)):
        lines = _text(path).splitlines()
        if _starts(host, lines if path.endswith("rc.local") else _reboot_lines(lines)):
            return ok(f"by {path}")
    return None


def _reboot_lines(crontab: list[str]) -> list[str]:
    return [line for line in crontab if line.lstrip().startswith("@reboot")]


def _starts(host: ExaminedHost, lines: list[str]) -> bool:
    folder = host.conf.folder
    home = os.path.expanduser("~")
    names = {folder, os.path.realpath(folder), *(folder.replace(home, short, 1) for short in ("~", "$HOME"))}
    return any("supervisord" in line and any(name in line for name in names)
               for line in lines if not line.lstrip().startswith("#"))


def _text(path: str) -> str:
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _answer(host: ExaminedHost, *argv: str) -> list[str]:
    """The lines of its output; [] where it fails."""
    try:
        return shell.answer(argv, cwd="/", env=host.env, timeout=QUICK, check=host.check)
    except HostError:
        return []
