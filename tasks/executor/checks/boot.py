"""Checks whether supervisord starts when the host does."""

from __future__ import annotations

import glob
import os
import re
from typing import Iterator

from .. import shell
from ..accounts import user_name
from ..errors import HostError
from .host import ExaminedHost, Finding, ok, warning

QUICK = 10                          # seconds
LINGER = "/var/lib/systemd/linger"
# Where scripts and lines of root start what runs at boot.
SYSV = "/etc/rc[2-5].d/S[0-9][0-9]supervisor*"
ROOTS = ("/etc/crontab", "/etc/cron.d/*", "/etc/rc.local")


def start_at_boot(host: ExaminedHost) -> Iterator[Finding]:
    """By the systemd unit that it runs in, a unit of that name, a script of System V, or a line of cron."""
    way = _unit(host) or _script() or _line(host)
    if way is not None:
        yield way
        return
    yield warning(f"nothing starts supervisord of {host.conf.path} when the host does",
                  "fab setup; or on the host, in crontab -e: "
                  f"@reboot supervisord -c {host.conf.path}")


def _unit(host: ExaminedHost) -> Finding | None:
    """The unit that supervisord runs in, by its control group."""
    pid, uid = host.supervisord.pid(), host.supervisord.uid()
    if pid == 1:
        return ok("it is the first process here")
    try:
        with open(f"/proc/{pid}/cgroup") as file:
            groups = file.read()
    except OSError:
        return None
    units = re.findall(r"/([^/\n]+\.service)(?=/|\n|$)", groups)
    of_user = "/user@" in groups
    if not units or units[-1].startswith(("user@", "ssh", "cron", "session-")):
        return None                         # started by hand, or by cron
    unit, scope = units[-1], ["--user"] if of_user else []
    systemctl = " ".join(["systemctl", *scope, "enable", unit])
    if not _succeeds(host, "systemctl", *scope, "is-enabled", "--quiet", unit):
        return warning(f"the systemd unit {unit} is not enabled", f"on the host: {systemctl}")
    if of_user and not os.path.exists(os.path.join(LINGER, user_name(uid))):
        return warning(f"the systemd unit {unit} of {user_name(uid)} starts with their first login only",
                       f"on the host: loginctl enable-linger {user_name(uid)}")
    return ok(f"by the systemd unit {unit}{' of ' + user_name(uid) if of_user else ''}")


def _script() -> Finding | None:
    scripts = glob.glob(SYSV)
    return ok(f"by {scripts[0]}") if scripts else None


def _line(host: ExaminedHost) -> Finding | None:
    """A line of the login user's crontab, or of root's files, that names this configuration or its folder."""
    own = _answer(host, "crontab", "-l")
    if _starts(host, own):
        return ok("by @reboot in the crontab of the login user")
    for path in sorted(each for pattern in ROOTS for each in glob.glob(pattern)):
        try:
            with open(path, errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        if _starts(host, lines if path.endswith("rc.local") else [line for line in lines if "@reboot" in line]):
            return ok(f"by {path}")
    return None


def _starts(host: ExaminedHost, lines: list[str]) -> bool:
    folder = host.conf.folder
    home = os.path.expanduser("~")
    names = {folder, os.path.realpath(folder), *(folder.replace(home, short, 1) for short in ("~", "$HOME"))}
    return any("supervisord" in line and any(name in line for name in names)
               for line in lines if not line.lstrip().startswith("#"))


def _succeeds(host: ExaminedHost, *argv: str) -> bool:
    try:
        shell.run(argv, cwd="/", env=host.env, timeout=QUICK, check=host.check)
    except HostError:
        return False
    return True


def _answer(host: ExaminedHost, *argv: str) -> list[str]:
    try:
        lines = shell.answer(argv, cwd="/", env=host.env, timeout=QUICK, check=host.check)
    except HostError:
        return []
    return [line for line in lines if line.lstrip().startswith("@reboot")]
