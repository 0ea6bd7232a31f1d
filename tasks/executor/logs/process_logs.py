"""The logs of a process: where its standard output and its standard error go, as supervisord says."""

from __future__ import annotations

import os
import re
from typing import Any, Iterable, Mapping, NamedTuple

from ..quoting import for_sh
from ..supervisor.supervisord_access import LOG_OPTIONS
from ..supervisor.supervisord_conf import USE_SUDO
from ..system.accounts import login_name, user_name
from . import logfile

AUTO = "AUTO"
# Names of supervisord's own output, which it opens as it opens any file (supervisor/loggers.py `FileHandler`).
OWN_OUTPUT = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/fd/\d+")

Ends = Mapping[str, logfile.Cursor]         # by path: where a log ended


class ProcessLog(NamedTuple):
    """Where one stream of a process goes. `path`: a file that can be read again; empty where there is none, and then
    `why` says why, and what to do."""

    stream: str
    path: str
    why: str = ""

    @property
    def mark(self) -> str:
        """What stands before a line of standard error, where it has a log of its own."""
        return "stderr: " if self.stream == "stderr" else ""


def of_process(info: Mapping[str, Any], configs: Iterable[Mapping[str, Any]]) -> list[ProcessLog]:
    """Of standard output; and of standard error, unless it goes to the same place. [] where nobody knows the process.

    `info` is what getProcessInfo says, `configs` what getAllConfigInfo says of the group. An old supervisord (before
    4.0) tells less there.
    """
    if "stdout_logfile" not in info:
        return []
    config = next((config for config in configs if config["name"] == info["name"]), {})
    logs = [_log(option, info, config) for option in LOG_OPTIONS]
    is_redirected = not info["stderr_logfile"] and config.get("redirect_stderr", True)
    return logs[:1] if is_redirected or logs[0].path == logs[1].path != "" else logs


def _log(option: str, info: Mapping[str, Any], config: Mapping[str, Any]) -> ProcessLog:
    path = info.get(option) or ""
    stream = option.partition("_")[0]
    why = _no_file(path, option, config)
    return ProcessLog(stream, "", f"its {stream} goes to {why}") if why else ProcessLog(stream, path)


def _no_file(path: str, option: str, config: Mapping[str, Any]) -> str:
    """Where it goes instead of to a file that can be read, and what to do; empty where it goes to one."""
    other = f"give the program another `{option}` in hosts.yaml"
    if not path:
        return (f"syslog; read it on the host: journalctl -t supervisord -g {config['name']}"
                if config.get(option.replace("logfile", "syslog")) else f"no file (`{option}` is NONE); {other}")
    if path == AUTO:
        return "a file of which only supervisord knows the name; start supervisord"
    if OWN_OUTPUT.fullmatch(path):
        return f"{path}, supervisord's own output; read that on the host (journalctl -u supervisor), or {other}"
    if not os.path.isabs(path):
        return f"{path}, in the folder that supervisord was started in; write its whole path in hosts.yaml"
    if os.path.exists(path) and not os.path.isfile(path):
        return f"{path}, which cannot be read again; {other}"
    return ""


def ends(known: Iterable[Mapping[str, Any]]) -> dict[str, logfile.Cursor]:
    """Where the logs end now that processes have, or will have once they are started anew: their lines up to there are
    old. `known`: what getProcessInfo and getAllConfigInfo say."""
    paths = {str(each.get(option, "")) for each in known for option in LOG_OPTIONS}
    return {path: logfile.end_of(path) for path in paths if os.path.isabs(path)}


def hindrance(log: ProcessLog, uses_sudo: bool) -> str:
    """Why the log cannot be read, and what to do; empty where it can, or is not there yet."""
    if not log.path:
        return log.why
    login = login_name()
    try:
        owner = user_name(os.stat(log.path).st_uid)
    except PermissionError:
        folder = os.path.dirname(log.path)
        return (f"its log {log.path} lies in a folder that {login} cannot enter; "
                + (f"on the host: sudo setfacl -m u:{for_sh(login)}:x {for_sh(folder)}" if uses_sudo else USE_SUDO))
    except OSError:
        return ""
    if os.access(log.path, os.R_OK):
        return ""
    return (f"its log {log.path} belongs to {owner}, and {login} cannot read it; "
            + (f"on the host: sudo setfacl -m u:{for_sh(login)}:r {for_sh(log.path)}" if uses_sudo else USE_SUDO))
