"""Checks of single values: each returns what is wrong, as the end of a sentence, or the empty text.

Names and paths reach a host's shell, git and supervisord. They are quoted there; refused here is what these programs
would read otherwise even so.
"""

from __future__ import annotations

import math
import posixpath
import re
import shlex

from ...executor.protocol import STATE_NAMES
from ..findings import quoted
from ..model import is_folder
from . import command_line
from .shell_variables import OF_THE_SHELL

LONGEST = 7 * 24 * 3600     # seconds; the waits of operating systems overflow at 24 days
LONGEST_NAME = 100          # characters
MOST_RELEASES = 1000
MOST_PROCESSES = 100        # supervisord starts them one by one, and two digits number them
UNITS = {"s": 1, "m": 60, "h": 3600}
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
NAME_RULE = "expected letters, digits, '.', '_' and '-', the first a letter or digit, and no '..'"


def check_name(text: str) -> str:
    """The name of a service, an environment or a run mode; it also names files and supervisor's programs."""
    good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) and ".." not in text
    if good and len(text) > LONGEST_NAME:
        return f"{quoted(text)} is not a name: it has {len(text)} characters, and {LONGEST_NAME} are the most"
    return "" if good else f"{quoted(text)} is not a name: {NAME_RULE}"


def check_service_name(text: str) -> str:
    if text in STATE_NAMES:
        return f"{text!r} is not a name for a service: Fabvisor's own files on a host have that name"
    return "'all' is not a name: it means every service" if text == "all" else check_name(text)


def check_variable_name(text: str) -> str:
    if text == "RUN_MODE":
        return "RUN_MODE is set by the environment's `run_mode`"
    if text == "PROCESS_NUM":
        return "PROCESS_NUM is set by `numprocs`: the number of each process"
    if text in OF_THE_SHELL:
        return f"{text} belongs to the shell, which gives it a value of its own: take another name"
    good = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text)
    return "" if good else f"{quoted(text)} is not a variable's name: expected letters, digits and '_', no digit first"


def check_secret_source(text: str) -> str:
    """The other name of a secret. Who writes the value instead must not read it in a message."""
    return _check_name_of_secret(text, "another name of the secret")


def check_secret_name(text: str) -> str:
    """The name of a secret, where its value may have been written instead."""
    return _check_name_of_secret(text, "the name of a secret")


def _check_name_of_secret(text: str, expected: str) -> str:
    good = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text)
    return "" if good else f"expected {expected}, not its value: letters, digits and '_', no digit first"


def check_variable_value(value: str | int) -> str:
    return "cannot hold a NUL character" if "\0" in str(value) else ""


def check_word(text: str) -> str:
    """One argument of ssh, without spaces; not an option."""
    if not text:
        return "is empty"
    if text.startswith("-"):
        return f"cannot begin with '-', got {quoted(text)}"
    if CONTROL.search(text) or re.search(r"\s", text):
        return f"cannot hold spaces or control characters, got {quoted(text)}"
    return ""


def check_literal(text: str) -> str:
    """What is taken as it stands, where a shell would put in a variable."""
    found = re.search(r"\$\{[A-Za-z_]\w*\}|(?<![^/])\$[A-Za-z_]\w*", text, re.ASCII)
    return f"{found[0]} is not replaced here: write out what it stands for; got {quoted(text)}" if found else ""


def check_line(text: str) -> str:
    """One line of text, spaces allowed."""
    if not text.strip():
        return "is empty"
    if text.startswith("-"):
        return f"cannot begin with '-', got {quoted(text)}"
    return f"must be one line without control characters, got {quoted(text)}" if CONTROL.search(text) else ""


def check_command(text: str) -> str:
    """A command line; the newline that YAML's `|` and `>` leave at its end is allowed."""
    if not text.strip():
        return "is empty"
    if re.search(r"[\x00-\x08\n-\x1f\x7f]", text.strip()):
        return "must be one line without control characters"
    try:
        shlex.split(text)           # as supervisord does
    except ValueError as error:
        return f"cannot be split into words: {str(error).lower()}; balance its quotes"
    return command_line.check_shell(text) or command_line.check_expansion(text)


def check_script(value: str | list[str]) -> str:
    """Commands for a shell; each may have several lines."""
    lines = [value] if isinstance(value, str) else value
    if not lines or not all(text.strip() for text in lines):
        return "holds an empty command; leave it out where nothing is to be done"
    return "cannot hold a NUL character" if any("\0" in text for text in lines) else ""


def check_port(value: int) -> str:
    return "" if 1 <= value <= 65535 else f"expected a port from 1 to 65535, got {value}"


def check_status(value: int) -> str:
    """Of HTTP. 1xx are no last answer."""
    return "" if 200 <= value <= 599 else f"expected a status of HTTP from 200 to 599, got {value}"


def check_mode(text: str) -> str:
    """Of a file, in octal digits."""
    if not re.fullmatch(r"0?[0-7]{3}", text):
        return f"expected a file mode in quotes, such as \"0640\", got {quoted(text)}"
    return "" if int(text, 8) & 0o400 else f"must let its owner read the file, got {quoted(text)}"


def check_text(text: str) -> str:
    return "" if text.strip() else "is empty"


def check_duration(value: float | str) -> str:
    if seconds(value) > LONGEST:
        return f"expected a time up to {LONGEST // 3600}h, got {quoted(value)}"
    good = seconds(value) > 0
    return "" if good else f"expected a time above zero, in seconds or like 30s, 30m or 1h; got {quoted(value)}"


def check_pause(value: float | str) -> str:
    """A time that may be zero."""
    return "" if seconds(value) == 0 else check_duration(value).replace("above zero", "of zero or more")


def seconds(value: float | str) -> float:
    """Read `90`, `1.5`, "90", `30s`, `30m` or `1h`; NaN for anything else."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([smh]?)", str(value), re.ASCII)
    if not match:
        return math.nan
    amount = float(match[1]) * UNITS.get(match[2], 1)
    return int(amount) if amount.is_integer() else amount


def check_releases(value: int) -> str:
    if value > MOST_RELEASES:
        return f"expected at most {MOST_RELEASES}, got {quoted(value)}"
    return "" if value >= 1 else f"expected 1 or more, got {value}"


def check_numprocs(value: int) -> str:
    if value > MOST_PROCESSES:
        return f"expected at most {MOST_PROCESSES} processes, got {quoted(value)}"
    return "" if value >= 1 else f"expected 1 process or more, got {value}"


def check_option_like(text: str) -> str:
    return f"cannot begin with '-', got {quoted(text)}" if text.startswith("-") else ""


def check_repo(text: str) -> str:
    wrong = check_line(text)
    if wrong:
        return wrong
    last = posixpath.normpath(text).split("/")[-1] if is_folder(f"{text}/") and "\0" not in text else ""
    if last in (".", ".."):
        return f"is no folder of its own beside hosts.yaml, got {quoted(text)}"
    # git runs any command for ext:: and reads any descriptor for fd::; a host that begins with '-' is an option of ssh.
    if re.match(r"(ext|fd)::", text, re.IGNORECASE) or re.search(r"://([^/]*@)?-", text):
        return f"is not a git URL that can be trusted, got {quoted(text)}"
    return ""


def check_url(text: str) -> str:
    """A link for people; also a line of a dotenv file, so without quotes and spaces."""
    if not re.match("https?://.", text):
        return f"expected a URL that begins with http:// or https://, got {quoted(text)}"
    good = re.fullmatch(r"[^\s\"'$]+", text) and not CONTROL.search(text)
    return "" if good else f"cannot hold blanks, quotes or $, got {quoted(text)}"


def check_revision(text: str) -> str:
    """A branch, a tag or a commit, by git's rules for names; no expression (`a..b`, `a~1`, `a:b`)."""
    if not text:
        return "is empty"
    if text in ("HEAD", "@"):
        return f"{text} is another commit in each clone: expected a commit, a branch or a tag"
    if found := re.match(r"refs/(heads|tags)/(?=.)", text):
        return f"expected the name alone, {quoted(text[found.end():])}, got {quoted(text)}"
    if text.startswith(("-", "+", "/")) or text.endswith(("/", ".")):
        return f"expected a branch, a tag or a commit, got {quoted(text)}"
    if re.search(r"[\s~^:?*\[\\]|\.\.|@\{|//", text) or CONTROL.search(text):
        return f"expected a branch, a tag or a commit, got {quoted(text)}: git does not allow such a name"
    return ""
