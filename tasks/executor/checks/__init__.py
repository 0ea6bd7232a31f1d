"""The checks of `fab doctor` on a host, a module for each group. They change nothing."""

from __future__ import annotations

from typing import Callable, Iterable

from . import boot, disk, login, ports, services, supervision
from .host import ExaminedHost, Finding

Check = Callable[[ExaminedHost], Iterable[Finding]]

# By name, in the order in which they are shown. A check yields what it finds; a HostError that it raises is a failure.
CHECKS: dict[str, Check] = {
    "login": login.login,
    "python": login.python,
    "path": login.path,
    "git": login.git_program,
    "repo": login.repositories,
    "root": disk.root,
    "disk": disk.space,
    "inodes": disk.inodes,
    "sudo": supervision.sudo,
    "supervisord": supervision.daemon,
    "boot": boot.start_at_boot,
    "sections": supervision.sections,
    "services": services.obstacles,
    "programs": services.orphans,
    "ports": ports.holders,
    "leftovers": services.leftovers,
}
