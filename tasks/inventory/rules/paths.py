"""Checks of paths: each returns what is wrong, as the end of a sentence, or the empty text.

git, ssh and supervisord get these paths quoted; refused is what they would read otherwise even so.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from itertools import accumulate

from ...executor.protocol import ASIDE, OWN_NAMES
from ..findings import quoted
from .values import CONTROL, check_option_like

LONGEST_PATH = 1000         # Linux takes 4096 bytes, with root and the names below
MOST_BYTES = 255            # of a name in a path, as Linux has it
LONGEST_NAME = MOST_BYTES - len(f".{ASIDE}")        # with what we add while we write the file
# The tool keeps these in a service's directory.
RESERVED_NAMES = (*OWN_NAMES, ".git")


def check_root(text: str) -> str:
    if not text.startswith(("/", "~/")):
        return f"must be absolute (/srv/app), or below the host user's home (~/app); got {quoted(text)}"
    return _check_path(text) or _check_for_program_file(text)


def check_below_root(text: str) -> str:
    """A path that is below root unless it is absolute."""
    return _check_path(text) or check_option_like(text)


def check_state(text: str) -> str:
    """A folder of our own, below root unless it is absolute."""
    return check_below_root(text) or _check_home(text) or _check_own_folder(text)


def check_directory(text: str) -> str:
    """A service's own folder, whose content git replaces: below root, unless it is absolute or begins with ~/."""
    wrong = _check_path(text) or check_option_like(text) or _check_for_program_file(text) or _check_home(text)
    if wrong:
        return wrong
    if {".fabvisor", ".git"} & set(text.split("/")):
        return f"must be a folder of its own, got {quoted(text)}"
    return _check_own_folder(text)


def normal_directory(text: str) -> str:
    """A directory in its shortest form: without a slash at the end, and with no more than one anywhere."""
    return posixpath.normpath("/" + text.lstrip("/") if text.startswith("/") else text)


def check_requires(paths: list[str]) -> str:
    return next(filter(None, map(check_in_commit, paths)), "")


def check_in_commit(text: str) -> str:
    """A file or folder of a commit, below the repository's top."""
    if text.startswith(("/", "~")):
        return f"is below the top of the repository, so it cannot begin with '/' or '~'; got {quoted(text)}"
    return _check_path(text) or ("names the whole repository" if posixpath.normpath(text) == "." else "")


def check_placed(text: str) -> str:
    """The path of a file that we put into the service's directory; in its shortest form, so that no two are one."""
    if text.startswith(("/", "~")) or text.endswith("/"):
        return f"is a file below the service's directory, so it cannot begin with '/' or '~', nor end with '/'; got " \
               f"{quoted(text)}"
    wrong = _check_path(text) or check_option_like(text) or _check_names_of_files(text)
    if wrong:
        return wrong
    if text == ".":
        return "names the directory itself"
    if text != posixpath.normpath(text):
        return f"must be in its shortest form, {quoted(posixpath.normpath(text))}; got {quoted(text)}"
    top, *below = text.split("/")
    if top in RESERVED_NAMES or ".git" in below:
        return f"cannot be {quoted(text)}: {', '.join(RESERVED_NAMES)} are looked after already"
    return ""


def check_source(text: str) -> str:
    """A file beside hosts.yaml."""
    if text.startswith(("/", "~")):
        return f"is a file beside hosts.yaml, so it cannot begin with '/' or '~'; got {quoted(text)}"
    return _check_path(text) or ("names no file" if posixpath.normpath(text) == "." or text.endswith("/") else "")


def check_subdirectory(text: str) -> str:
    """The folder of a commit in which its program runs: it stands in the program file, too."""
    wrong = check_in_commit(text) or check_option_like(text) or _check_for_program_file(text)
    if wrong:
        return wrong
    if posixpath.normpath(text).split("/")[0] in RESERVED_NAMES:
        return f"cannot be {quoted(text)}: {', '.join(RESERVED_NAMES)} are looked after already"
    return ""


def check_ship(paths: list[str]) -> str:
    """Files and folders that a build makes, below the repository's top; each once."""
    if not paths:
        return "names no path; leave it out where nothing is shipped"
    for text in paths:
        wrong = check_in_commit(text) or check_option_like(text)
        if wrong:
            return wrong
        if posixpath.normpath(text).split("/")[0] in RESERVED_NAMES:
            return f"cannot hold {quoted(text)}: {', '.join(RESERVED_NAMES)} are looked after already"
    twice = [path for path, count in Counter(map(posixpath.normpath, paths)).items() if count > 1]
    return f"holds {quoted(twice[0])} twice" if twice else ""


def check_shared(paths: list[str]) -> str:
    """Files and folders below the service's directory, none inside another."""
    for text in paths:
        wrong = _check_path(text) or check_option_like(text)
        if wrong:
            return wrong
        if text.startswith(("/", "~")) or normal_shared(text) in (".", "./"):
            return f"is below the service's directory, got {quoted(text)}"
        if normal_shared(text).split("/")[0] in RESERVED_NAMES:
            return f"cannot hold {quoted(text)}: {', '.join(RESERVED_NAMES)} are looked after already"
    bare: set[str] = set()
    for path in (normal_shared(text).rstrip("/") for text in paths):
        if path in bare:
            return f"holds {quoted(path)} twice"
        bare.add(path)
    nested = next(((path, parent) for path in sorted(bare) for parent in parents(path) if parent in bare), None)
    return f"holds {quoted(nested[0])}, which is inside {quoted(nested[1])}" if nested else ""


def check_shared_directory(text: str) -> str:
    return check_shared([text])


def parents(path: str) -> list[str]:
    """Of a normal relative path: `a` and `a/b` of `a/b/c`."""
    return list(accumulate(path.split("/"), "{}/{}".format))[:-1]


def normal_shared(text: str) -> str:
    """A shared path in its shortest form; a slash at the end, which marks a folder, stays."""
    return posixpath.normpath(text) + ("/" if text.endswith("/") else "")


def normal_folder(text: str) -> str:
    """A relative folder in its shortest form; none, the empty text, stays none."""
    return posixpath.normpath(text) if text else ""


def _check_for_program_file(text: str) -> str:
    """The directory stands in the program file, whose format has no way to write these."""
    if re.search(r"(^|\s)[;#]|%\(here\)s", text):
        return f"cannot hold `%(here)s`, nor `;` or `#` after a space, got {quoted(text)}"
    return ""


def _check_names_of_files(text: str) -> str:
    if text.endswith(ASIDE):
        return f"cannot end with {ASIDE}: other files have that name while they are written"
    too_long = any(len(name.encode()) > LONGEST_NAME for name in text.split("/"))
    return f"has a name of more than {LONGEST_NAME} bytes" if too_long else ""


def _check_home(text: str) -> str:
    if text.startswith("~") and not text.startswith("~/"):
        return f"can begin with ~/, the host user's home, but not with another user's; got {quoted(text)}"
    return ""


def _check_own_folder(text: str) -> str:
    """Not `/`, a whole home, or root itself."""
    if posixpath.normpath(text).lstrip("/") in ("", ".", "~"):
        return f"must be a folder of its own, got {quoted(text)}"
    return ""


def _check_path(text: str) -> str:
    if not text.strip():
        return "is empty"
    if len(text) > LONGEST_PATH:
        return f"is longer than {LONGEST_PATH} characters"
    if any(len(name.encode("utf-8", "surrogatepass")) > MOST_BYTES for name in text.split("/")):
        return f"has a name of more than {MOST_BYTES} bytes"
    if CONTROL.search(text):
        return f"cannot hold control characters, got {quoted(text)}"
    return f"cannot hold '..', got {quoted(text)}" if ".." in text.split("/") else ""
