"""The texts that `fab setup` writes: supervisord's configuration, its systemd unit, its line of cron. Pure."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..program import quoting
from ..program.supervisord_conf import supervisord_conf

if TYPE_CHECKING:
    from ..rollout.protocol import HostFacts


def configuration(facts: HostFacts) -> str:
    """The supervisord.conf of a supervisord of the login user."""
    return supervisord_conf(quoting.for_supervisord(included_folder(facts)) + "/*.conf")


def included_folder(facts: HostFacts) -> str:
    """The folder of program files as supervisord.conf names it: below its own where it can be, for supervisord takes
    a blank in this value for the beginning of another one."""
    return facts.program_dir.removeprefix(os.path.dirname(facts.supervisord_conf) + "/")


def unit_name(facts: HostFacts) -> str:
    """One for each root: a user may run several supervisords."""
    return f"supervisord-{re.sub(r'[^A-Za-z0-9]+', '-', facts.root).strip('-')}.service"


def unit(facts: HostFacts) -> str:
    """When it is stopped, supervisord stops its programs itself, each in its own time."""
    command = " ".join(map(quoting.for_systemd, [*facts.supervisord, "--nodaemon", "--configuration",
                                                 facts.supervisord_conf]))
    return f"""\
[Unit]
Description=supervisord of {facts.root.replace('%', '%%')}

[Service]
ExecStart={command}
KillMode=mixed
TimeoutStopSec=infinity
Restart=on-failure

[Install]
WantedBy=default.target
"""


def cron_line(facts: HostFacts) -> str:
    """In a crontab, % ends the command (crontab(5))."""
    return "@reboot " + _command(facts).replace("%", "\\%")


def start_command(facts: HostFacts) -> str:
    """In a session of its own at once: what a step leaves in its process group is ended with it."""
    return "setsid " + _command(facts)


def _command(facts: HostFacts) -> str:
    return " ".join(map(quoting.for_sh, [*facts.supervisord, "-c", facts.supervisord_conf]))
