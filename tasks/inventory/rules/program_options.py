"""The options of supervisor's `[program:x]` section (4.3): which there are, what they may say, how they are written.

supervisord accepts an unknown option in silence, and refuses *every* program of the host for one bad value; so options
are checked before any host is contacted. A `%` stands for itself, in options as in the command and in paths: `program`
escapes it, and what supervisord would expand, `%(here)s` and its like, is refused.
Source: supervisor/options.py `_processes_from_section`, supervisor/datatypes.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..findings import quoted
from .command_line import check_expansion
from .interpolation import PLACEHOLDER
from .values import LONGEST

MOST = 2**31 - 1
Value = str | int | bool

OWNED = {
    "command": "the service's `command` sets it",
    "directory": "the service's `directory` sets it",
    "environment": "use `variables`",
    "process_name": "it is the program's name in supervisord, and the number of the process",
    "numprocs": "it stands beside `command`: numprocs: 2",
    "numprocs_start": "processes are numbered from 0",
    "socket": "it stands beside `command`: socket: tcp://127.0.0.1:8000",
}

# A service is kept up. Only its first process gets the signal to stop: a signal to the whole group would kill the job
# that a child of a prefork server does. What does not stop in time is killed with its children.
DEFAULTS = {
    "autorestart": "true",
    "stopasgroup": "false",
    "killasgroup": "true",
    "redirect_stderr": "true",
    "stdout_logfile_maxbytes": "20MB",
    "stdout_logfile_backups": "20",
}

LOG_FILES = ("stdout_logfile", "stderr_logfile")

# Of [fcgi-program:x] alone, which is a program with a `socket`.
OF_SOCKET = ("socket_owner", "socket_mode", "socket_backlog")
OF_UNIX_SOCKET = ("socket_owner", "socket_mode")

SIGNALS = frozenset((
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "POLL", "PWR", "SYS",
))


def check_option(option: str, value: Value) -> str:
    """The mistake in the value of a known option, as the end of a sentence; empty where it is fine."""
    if isinstance(value, str) and re.search(r"[\r\n\0]", value):
        return "must be one line"
    if isinstance(value, str) and re.search(r"(^|\s)[;#]", value):
        return "holds `;` or `#` after a space: supervisord would read the rest as a comment"
    if isinstance(value, str) and (wrong := check_expansion(value)):
        return wrong
    if isinstance(value, str) and PLACEHOLDER.search(value):
        return ""                           # it is checked again with the variables of each host
    return KINDS[option](value)


def check_together(options: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Pairs of option and mistake, where options of hosts.yaml do not go together with others or with DEFAULTS."""
    effective = {**DEFAULTS, **options}
    if effective["stopasgroup"] == "true" and effective["killasgroup"] == "false":
        yield "stopasgroup", "stopasgroup: true needs killasgroup: true as well (or left out)"
    if effective["redirect_stderr"] == "true":
        for option, value in options.items():
            if option.startswith("stderr_") and value.lower() not in ("none", "false", "0"):
                yield option, f"{option} has no effect while redirect_stderr is on; add redirect_stderr: false"


def as_text(value: Value) -> str:
    """As supervisord reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: Value) -> str:
    if isinstance(value, bool) or not str(value).strip():
        return f"expected text, got {as_text(value) or 'nothing'}"
    return ""


def _file(value: Value) -> str:
    if value is False:
        return "expected a path, AUTO or NONE, got false (YAML reads a bare off or no so); write NONE"
    return _text(value)


def _whole(value: Value) -> str:
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]+", str(value)):
        return f"expected a whole number, got {_shown(value)}"
    return "" if abs(int(value)) <= MOST else f"expected a whole number up to {MOST}, got {_shown(value)}"


def _count(value: Value) -> str:
    return _whole(value) or (f"cannot be negative, got {value}" if int(value) < 0 else "")


def _seconds(value: Value) -> str:
    return _count(value) or ("" if int(value) <= LONGEST else f"expected up to {LONGEST} seconds, got {_shown(value)}")


def _flag(value: Value) -> str:
    return "" if as_text(value) in ("true", "false") else f"expected true or false, got {_shown(value)}"


def _restart(value: Value) -> str:
    if as_text(value) in ("true", "false", "unexpected"):
        return ""
    return f"expected true, false or unexpected, got {_shown(value)}"


def _size(value: Value) -> str:
    if not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,12}([KMG]B)?", str(value), re.IGNORECASE):
        return ""
    return f"expected a size such as 20MB (units: KB, MB, GB, none for bytes), got {_shown(value)}"


def check_signal(value: Value) -> str:
    word = str(value).upper()
    known = word.removeprefix("SIG") in SIGNALS or (re.fullmatch(r"[0-9]{1,2}", word) and 1 <= int(word) <= 64)
    return "" if known and not isinstance(value, bool) else f"expected a signal such as TERM, got {_shown(value)}"


def _exit_codes(value: Value) -> str:
    codes = [code.strip() for code in str(value).split(",")]
    good = all(re.fullmatch(r"[0-9]{1,3}", code) and int(code) <= 255 for code in codes)
    return "" if good and not isinstance(value, bool) else (
        f"expected exit codes from 0 to 255, such as \"0,2\", got {_shown(value)}"
    )


def _backlog(value: Value) -> str:
    return _whole(value) or ("" if 1 <= int(value) <= 65535 else f"expected a number from 1 to 65535, got {value}")


def _mode(value: Value) -> str:
    good = not isinstance(value, bool) and re.fullmatch(r"0?[0-7]{3}", str(value))
    return "" if good else f"expected an octal mode in quotes, such as \"0770\", got {_shown(value)}"


def _umask(value: Value) -> str:
    good = not isinstance(value, bool) and re.fullmatch(r"0?[0-7]{1,3}", str(value))
    return "" if good else f"expected an octal umask in quotes, such as \"022\", got {_shown(value)}"


def _shown(value: Value) -> str:
    return quoted(value) if isinstance(value, str) else as_text(value)


KINDS: dict[str, Callable[[Value], str]] = {
    "priority": _whole,
    "autostart": _flag,
    "autorestart": _restart,
    "startsecs": _seconds,
    "startretries": _count,
    "exitcodes": _exit_codes,
    "stopsignal": check_signal,
    "stopwaitsecs": _seconds,
    "stopasgroup": _flag,
    "killasgroup": _flag,
    "user": _text,
    "umask": _umask,
    "redirect_stderr": _flag,
    "stdout_logfile": _file,
    "stdout_logfile_maxbytes": _size,
    "stdout_logfile_backups": _count,
    "stdout_capture_maxbytes": _size,
    "stdout_events_enabled": _flag,
    "stdout_syslog": _flag,
    "stderr_logfile": _file,
    "stderr_logfile_maxbytes": _size,
    "stderr_logfile_backups": _count,
    "stderr_capture_maxbytes": _size,
    "stderr_events_enabled": _flag,
    "stderr_syslog": _flag,
    "serverurl": _text,
    "socket_owner": _text,
    "socket_mode": _mode,
    "socket_backlog": _backlog,
}
