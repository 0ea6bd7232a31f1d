"""What a single value of hosts.yaml may say. Each check answers what is wrong, or the empty text.

Names and paths reach a host's shell, git and supervisord. All of them are quoted there; what is refused
here are values that mean something else to those programs even when quoted.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable
from typing import Any

from .findings import quoted

Check = Callable[[Any], str]

UNITS = {"s": 1, "m": 60, "h": 3600}
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
NAME_RULE = "expected letters, digits, '.', '_' and '-', the first a letter or digit, and no '..'"


def name(text: str) -> str:
    """Of a service, an environment or a run mode: also a file's name, a supervisor program's and a table's cell."""
    good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text) and ".." not in text
    return "" if good else f"{quoted(text)} is not a name: {NAME_RULE}"


def service_name(text: str) -> str:
    return "'all' is not a name: it means every service" if text == "all" else name(text)


def host_name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}", text) and ".." not in text:
        return ""
    more = "; the user has a setting of its own, `user`" if "@" in text else ""
    return f"{quoted(text)} is not the name of a host{more}: {NAME_RULE} (and ':' for IPv6)"


def variable_name(text: str) -> str:
    if text == "RUN_MODE":
        return "RUN_MODE is set by the environment's `run_mode`"
    good = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text)
    return "" if good else f"{quoted(text)} is not a variable's name: expected letters, digits and '_', no digit first"


def variable_value(value: str | int) -> str:
    return "cannot hold a NUL character" if "\0" in str(value) else ""


def word(text: str) -> str:
    """One argument of ssh: no spaces, and no option in disguise."""
    if not text:
        return "is empty"
    if text.startswith("-"):
        return f"cannot begin with '-', got {quoted(text)}"
    if CONTROL.search(text) or re.search(r"\s", text):
        return f"cannot hold spaces or control characters, got {quoted(text)}"
    return ""


def line(text: str) -> str:
    """One line of text, spaces allowed."""
    if not text.strip():
        return "is empty"
    if text.startswith("-"):
        return f"cannot begin with '-', got {quoted(text)}"
    return f"must be one line without control characters, got {quoted(text)}" if CONTROL.search(text) else ""


def command(text: str) -> str:
    """A line for a shell; a newline at the very end is what YAML's `|` and `>` leave."""
    if not text.strip():
        return "is empty"
    return "must be one line without control characters" if re.search(r"[\x00-\x08\n-\x1f\x7f]", text.strip()) else ""


def script(value: str | list[str]) -> str:
    """Commands for a shell; each may have several lines."""
    lines = [value] if isinstance(value, str) else value
    if not lines or not all(text.strip() for text in lines):
        return "holds an empty command; leave it out where nothing is to be done"
    return "cannot hold a NUL character" if any("\0" in text for text in lines) else ""


def port(value: int) -> str:
    return "" if 1 <= value <= 65535 else f"expected a port from 1 to 65535, got {value}"


def duration(value: float | str) -> str:
    good = seconds(value) > 0 and math.isfinite(seconds(value))
    return "" if good else f"expected a time above zero, in seconds or like 30s, 30m or 1h; got {quoted(value)}"


def seconds(value: float | str) -> float:
    """`90`, `1.5`, "90", `30s`, `30m`, `1h`; not a number where it is none of these."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([smh]?)", str(value), re.ASCII)
    if not found:
        return math.nan
    amount = float(found[1]) * UNITS.get(found[2], 1)
    return int(amount) if amount.is_integer() else amount


def root(text: str) -> str:
    if not text.startswith(("/", "~/")):
        return f"must be absolute (/srv/app), or below the host user's home (~/app); got {quoted(text)}"
    return _path(text)


def below_root(text: str) -> str:
    """A path that is below root unless it is absolute."""
    return _path(text) or word_start(text)


def directory(text: str) -> str:
    """A service's own folder. Its content is replaced by git, so it must be truly below root."""
    if text.startswith(("/", "~")):
        return f"is below `root`, so it cannot begin with '/' or '~'; got {quoted(text)}"
    wrong = _path(text) or word_start(text)
    if wrong:
        return wrong
    first = posixpath.normpath(text).split("/")[0]
    if first in (".", ".fabvisor", ".git"):
        return f"must be a folder of its own below `root`, got {quoted(text)}"
    return ""


def requires(paths: list[str]) -> str:
    return next(filter(None, map(in_commit, paths)), "")


def in_commit(text: str) -> str:
    """A file or folder of a commit, below the repository's top."""
    if text.startswith(("/", "~")):
        return f"is below the top of the repository, so it cannot begin with '/' or '~'; got {quoted(text)}"
    return _path(text) or ("names the whole repository" if posixpath.normpath(text) == "." else "")


OWN = ("logs", "releases", "current", ".git")


def shared(paths: list[str]) -> str:
    """Files and folders below the service's directory, none inside another."""
    for text in paths:
        wrong = _path(text) or word_start(text)
        if wrong:
            return wrong
        if text.startswith(("/", "~")) or shared_path(text) in (".", "./"):
            return f"is below the service's directory, got {quoted(text)}"
        if shared_path(text).split("/")[0] in OWN:
            return f"cannot hold {quoted(text)}: {', '.join(OWN)} are looked after already"
    bare = [shared_path(text).rstrip("/") for text in paths]
    for index, path in enumerate(bare):
        for other in bare[:index]:
            if f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/"):
                inner, outer = sorted((path, other), key=len, reverse=True)
                return f"holds {quoted(inner)} twice" if inner == outer else (
                    f"holds {quoted(inner)}, which is inside {quoted(outer)}")
    return ""


def shared_path(text: str) -> str:
    """Without what means nothing; a slash at the end, which says that it is a folder, stays."""
    return posixpath.normpath(text) + ("/" if text.endswith("/") else "")


def at_least_one(value: int) -> str:
    return "" if value >= 1 else f"expected 1 or more, got {value}"


def word_start(text: str) -> str:
    return f"cannot begin with '-', got {quoted(text)}" if text.startswith("-") else ""


def _path(text: str) -> str:
    if not text.strip():
        return "is empty"
    if CONTROL.search(text):
        return f"cannot hold control characters, got {quoted(text)}"
    return f"cannot hold '..', got {quoted(text)}" if ".." in text.split("/") else ""


def repo(text: str) -> str:
    wrong = line(text)
    if wrong:
        return wrong
    # git runs any command for ext:: and reads any descriptor for fd::; a host that begins with '-' is an option of ssh.
    if re.match(r"(ext|fd)::", text, re.IGNORECASE) or re.search(r"://([^/]*@)?-", text):
        return f"is not a git URL that can be trusted, got {quoted(text)}"
    return ""


def url(text: str) -> str:
    """Where people look: a line of a dotenv file, and a link in GitLab."""
    good = re.fullmatch(r"https?://[^\s\"'$]+", text) and not CONTROL.search(text)
    return "" if good else f"expected a URL that begins with http:// or https://, got {quoted(text)}"


def revision(text: str) -> str:
    """A branch, a tag or a commit: by git's rules for names, nothing that git would compute (`a..b`, `a~1`, `a:b`)."""
    if not text:
        return "is empty"
    if text.startswith(("-", "+", "/")) or text.endswith(("/", ".")):
        return f"is not a branch, tag or commit, got {quoted(text)}"
    if re.search(r"[\s~^:?*\[\\]|\.\.|@\{|//", text) or CONTROL.search(text):
        return f"is not a branch, tag or commit: it holds a character that git does not allow, got {quoted(text)}"
    return ""


SETTINGS: dict[str, Check] = {
    "user": word,
    "port": port,
    "root": root,
    "supervisord_conf": below_root,
    "program_dir": below_root,
    "python": line,
    "address": word,
    "gateway": word,
    "identity_file": line,
    "connect_timeout": duration,
    "lease": duration,
}

SERVICE: dict[str, Check] = {
    "repo": repo,
    "directory": directory,
    "build": script,
    "build_timeout": duration,
    "command": command,
    "requires": requires,
    "shared": shared,
    "keep_releases": at_least_one,
}

ENVIRONMENT: dict[str, Check] = {**SETTINGS, "branch": revision, "run_mode": name, "url": url}
