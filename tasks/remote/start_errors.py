"""Why the executor's session ended, with a status, before the executor said anything.

The host is there and let the user in; so a second try does not help, and somebody must put something right.
"""

from __future__ import annotations

import re

from .._errors import Bug, FabvisorError, NotReady, Unreachable
from .sent_executor.bootstrap import SHELL_STATUS

INTERPRETER = "set `python:` in hosts.yaml to an interpreter on the host, 3.8 or newer"
LOGIN = ("a forced command (authorized_keys, sshd_config), a login shell that runs no commands (nologin, rbash), or a "
         "~/.bashrc that exits or starts another shell does this; one must be able to type: ssh {name} '{python} -V'")
LONGEST = 400                               # characters of what was said
CUT = ("ValueError", "StopIteration", "EOFError", "KeyError", "zlib.error")     # before any module of ours
KILLED = -1                                 # the exit status for a signal


def explain(name: str, python: str, exit_status: int, complaint: str, began: bool) -> FabvisorError | None:
    """`complaint`: all that came and was no message. `exit_status`: KILLED for a signal. `began`: the interpreter has
    named itself. None where the executor ended in order."""
    if exit_status == KILLED:
        return NotReady(f"{name}: {python} was ended by a signal on the host{_words(complaint)}",
                        f"see whether it runs there: ssh {name} '{python} -c \"import json, threading\"'")
    if "Traceback (most recent call last)" in complaint:
        return _of_traceback(name, python, complaint)
    if began:
        return None
    if exit_status == SHELL_STATUS:
        return NotReady(f"{name}: the login starts another shell, which reads what is sent to {python}",
                        LOGIN.format(name=name, python=python))
    return _of_interpreter(name, python, exit_status, complaint) or NotReady(
        f"{name}: the login ended with exit status {exit_status} before {python} began{_words(complaint)}",
        LOGIN.format(name=name, python=python))


def no_session(name: str, complaint: str) -> NotReady:
    return NotReady(f"{name}: {complaint}",
                    f"does its sshd have MaxSessions 0, or take files only? One must be able to type: ssh {name} true")


def no_commands(name: str, complaint: str) -> NotReady:
    """Of a host on which sh has not begun."""
    return NotReady(f"{name}: its login runs no commands{_words(complaint)}",
                    "a forced command or a login shell such as nologin and rbash does this; one must be able to type:"
                    f" ssh {name} 'sh -c pwd'")


def not_begun(name: str, python: str, seconds: float, complaint: str) -> Unreachable:
    """The login has said nothing but `complaint`, and goes on."""
    words = _words(complaint[-LONGEST:])
    return Unreachable(f"{name}: {python} did not begin within {seconds:g} s{words}",
                       "try again; or see whether a ~/.bashrc or forced command there waits, or starts another shell")


def flooded(name: str, python: str, overlong: str) -> NotReady:
    return NotReady(f"{name}: its login prints {overlong} before {python} begins",
                    f"see what a ~/.bashrc or forced command there prints: ssh {name} true | head -c 1000")


def _of_interpreter(name: str, python: str, exit_status: int, complaint: str) -> NotReady | None:
    if re.search("unknown option: -X|-X is reserved", complaint, re.IGNORECASE):
        return NotReady(f"{name}: {python} is Python 2", INTERPRETER)
    if _is_missing(python, exit_status, complaint):
        return NotReady(f"{name}: there is no {python} on the host", INTERPRETER)
    if exit_status == 126 and _names(python, complaint):
        return NotReady(f"{name}: {python} cannot be run on the host: {_last_line(complaint)}", INTERPRETER)
    return None


def _is_missing(python: str, exit_status: int, complaint: str) -> bool:
    """By the words of bash, dash, zsh, fish and tcsh, which all name what they do not find."""
    if not _names(python, complaint):
        return False
    return exit_status == 127 or bool(re.search("not found|no such file|unknown command", complaint, re.IGNORECASE))


def _names(python: str, complaint: str) -> bool:
    return python.rpartition("/")[2] in complaint


def _of_traceback(name: str, python: str, complaint: str) -> FabvisorError:
    last = _last_line(complaint)
    if last.startswith(("ImportError", "ModuleNotFoundError")):
        return NotReady(f"{name}: {python} lacks a part of Python's library: {last}", INTERPRETER)
    if last.startswith(CUT) and "executor/" not in complaint:
        return NotReady(f"{name}: what was sent to {python} did not arrive whole",
                        "a ~/.bashrc there reads its standard input, as by `read`, or closes it; it must not, "
                        "without a terminal")
    return Bug(f"{name}: a bug: {last}", complaint)


def _last_line(complaint: str) -> str:
    return complaint.strip().rpartition("\n")[2]


def _words(complaint: str) -> str:
    words = "; ".join(line.strip() for line in complaint.splitlines() if line.strip())
    return f": {words[:LONGEST]}" if words else ", without a word"
