"""Explains errors of the git server in the user's terms."""

from __future__ import annotations

import os
import re
from typing import Iterable, Sequence

from ..directory_access import foreign_clone
from ..disk.containment import is_inside
from ..errors import HostError, NotReady, TryAgain
from ..quoting import for_sh
from ..system.accounts import user_name
from ..system.shell import CommandFailed
from . import server_errors, server_remedies
from .server_errors import reason

KINDS = {kind.kind: kind for kind in (HostError, NotReady, TryAgain)}
# What git says of a repository that is damaged, or newer than itself; and of its index alone. They are compiled when
# something fails: that takes 1 ms of a start.
DAMAGED = ("not a git repository|index file|[Bb]ad index|bad (numeric )?config|unable to read (tree|sha1)|"
           "unknown repository extension|Expected git repo version|object file .* is empty|"
           "object .* (is|seems) corrupt|packfile .* (is|cannot|far too short)|not to be a symbolic link|"
           "must be run in a work tree|gitfile does not point to a valid repository|"
           "un(expected|terminated) line in .*packed-refs|multi-pack-index signature|bad shallow line")
BROKEN_REF = r"bad object (?:HEAD|(refs/\S+))"
INDEX = "index file|[Bb]ad index"
BARE = "must be run in a work tree"
OBJECT = "unable to read (tree|sha1)|object file .* is empty|loose object .* is corrupt|is missing here"
SUBMODULE = (r"not a git repository: (?P<damaged>.+?)/(?:\.\./)+\.git/modules/|"
             r"expected submodule path '(?P<link>.+)' not to be a symbolic link|"
             r"gitfile does not point to a valid repository: (?P<gitfile>.+)/\.git$")      # git 2.55
LOCKED = r"Unable to create '(.+\.lock)': File exists"
FATAL = 128                         # git's exit status


class Unusable(CommandFailed):
    """git cannot use a repository of this host, until a person does something about it."""

    kind = "not_ready"

    def __init__(self, message: str, hint: str, failure: CommandFailed) -> None:
        super().__init__(message, failure.status, failure.output)
        self.hint = hint


class Locked(Unusable):
    """Another git holds a lock in the repository, or left it when it was killed."""


class Foreign(Unusable):
    """A repository of this host belongs to another user."""


def unusable(directory: str, repo: str, failure: CommandFailed) -> Unusable | None:
    """The error to raise instead, where git failed because of the clone in `directory`, or of the owner of `repo`."""
    dubious = _first(server_errors.DUBIOUS, failure.output)
    foreign = _foreign(directory, repo, dubious[1], failure) if dubious else None
    if foreign:
        return foreign
    own = _own_lines(failure.output)
    locked = _first(LOCKED, own)
    if locked:
        return Locked(f"git in {directory} finds {locked[1]}, which another git holds, or left when it was killed",
                      "wait where one runs on the host: ps -C git -o pid,user,lstart,args; else the next deploy"
                      f" removes it, or you: rm {for_sh(locked[1])}", failure)
    broken = _first(BROKEN_REF, own)
    if broken or (failure.status == FATAL and _first(DAMAGED, own)):
        name = broken[1] if broken else None
        hint = _remove_ref(directory, name) if name else _mend(directory, repo, own)
        return Unusable(f"git cannot read the clone {directory}: {reason(failure.output)}", hint, failure)
    return None


def lacking(directory: str, repo: str, path: str) -> Unusable:
    """The error for a file whose content the clone lacks."""
    return Unusable(f"the clone {directory} lacks the content of {path}, as it is there now, and no deploy could go"
                    " back", _mend(directory, repo, ["it is missing here"]), CommandFailed("", FATAL, []))


def _first(pattern: str, lines: Iterable[str]) -> re.Match[str] | None:
    """Where it is found in the first of the lines that has it."""
    return next(filter(None, (re.search(pattern, line) for line in lines)), None)


def _own_lines(output: Sequence[str]) -> list[str]:
    """Those that tell of the repository here. A server's git speaks behind `remote:`; by ssh, where it cannot even
    begin, as if it were ours."""
    if any(line.startswith(server_errors.UNREAD) for line in output):
        return []
    return [line for line in output if not line.startswith("remote: ")]


def _foreign(directory: str, repo: str, refused: str, failure: CommandFailed) -> Foreign | None:
    """None where the repository is the git server's."""
    if is_inside(refused, directory):
        error = foreign_clone(directory)
        return Foreign(error.message, error.hint, failure)
    if not repo.startswith(("/", "file:")) or not os.path.exists(refused):
        return None
    owner = user_name(os.stat(refused).st_uid)
    return Foreign(f"the repository belongs to another user of the host, {owner}: {refused}",
                   f"where you trust it, on the host: git config --global --add safe.directory {for_sh(refused)}",
                   failure)


def _remove_ref(directory: str, name: str) -> str:
    """The commands that remove a reference to nothing, wherever git keeps it."""
    return (f"on the host: rm -f {for_sh(f'{directory}/.git/{name}')};"
            f" git -C {for_sh(directory)} update-ref -d {for_sh(name)}")


def _mend(directory: str, repo: str, lines: Sequence[str]) -> str:
    """The command that makes a damaged clone whole. The files beside its `.git` stay as they are."""
    submodule = _first(SUBMODULE, lines)
    path = os.path.join(directory, next(filter(None, submodule.groups()))) if submodule else directory
    if submodule and (path != directory or _submodule_repository(directory)):
        return (f"move the submodule away on the host: mv {for_sh(path)} {for_sh(directory + '.damaged')};"
                " then add --set-aside")
    if _first(BARE, lines):
        return f"on the host: git -C {for_sh(directory)} config core.bare false"
    if _first(INDEX, lines):
        return f"on the host: git -C {for_sh(directory)} read-tree HEAD"
    modules = _submodule_repository(directory)
    if modules:
        clone = modules.partition("/.git/")[0]
        return (f"move the submodule away on the host: mv {for_sh(directory)} {for_sh(clone + '.damaged')} &&"
                f" mv {for_sh(modules)} {for_sh(clone + '.damaged.git')}; then add --set-aside")
    here, aside, damaged, url = map(for_sh, (directory, f"{directory}.anew", f"{directory}.damaged", repo))
    if _first(OBJECT, lines):
        return (f"fetch all anew on the host: cd {here} && git clone --bare --no-local {url} {aside} &&"
                f' mv {aside}/objects/pack/* "$(git rev-parse --git-path objects/pack)" && rm -rf {aside}')
    return (f"on the host: git clone --no-checkout {url} {aside} && mv {here}/.git {damaged} &&"
            f" mv {aside}/.git {here}/ && rmdir {aside} && git -C {here} reset --quiet")


def _submodule_repository(directory: str) -> str:
    """The folder that git keeps for a submodule, in that of the clone; empty where the directory is no submodule."""
    try:
        with open(os.path.join(directory, ".git"), encoding="utf-8", errors="surrogateescape") as file:
            folder = file.read().strip().partition("gitdir: ")[2]
    except OSError:
        return ""
    path = os.path.normpath(os.path.join(directory, folder))
    return path if "/.git/modules/" in path else ""


def explain(failure: CommandFailed, repo: str) -> HostError:
    """The error to raise instead: what git's lines mean, and what to do about it."""
    why = reason(failure.output) or failure.message
    cause = "slow" if failure.status is None else server_errors.cause("\n".join(failure.output))
    if not cause:
        return HostError(f"git failed ({failure.message}): {why}", "try on the host: git ls-remote " + for_sh(repo))
    kind, message, hint = server_remedies.explain(cause, server_remedies.ON_A_HOST, repo,
                                                  failure.message if cause == "slow" else why)
    return KINDS[kind](message, hint)
