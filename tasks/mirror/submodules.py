"""The submodules of a commit, and where each is fetched from. Source of the rules: gitmodules(5), git-submodule(1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from .git import GitFailed
from .mirror import Mirror

LINK = re.compile(r"160000 commit ([0-9a-f]{40,64})\t(.*)", re.DOTALL)


class Submodule(NamedTuple):
    """`url`: absolute; relative ones are resolved against the repository that names them."""

    path: str
    url: str
    commit: str


def submodules_of(mirror: Mirror, commit: str) -> list[Submodule]:
    """The direct submodules of a commit that have an entry in .gitmodules; others cannot be fetched by anybody."""
    listed = mirror.commits.ask("ls-tree", "-r", "-z", "--end-of-options", commit).split("\0")
    commits = {match[2]: match[1] for match in map(LINK.fullmatch, listed) if match}
    urls = _urls(mirror, commit) if commits else {}
    return [Submodule(path, absolute(mirror.repo, urls[path]), commits[path]) for path in sorted(commits)
            if path in urls]


def absolute(base: str, url: str) -> str:
    """The url that a relative one means: `../other.git` beside `git@host:group/this.git` is `git@host:group/other.git`.
    """
    if not url.startswith(("./", "../")):
        return url
    base = base.rstrip("/")
    while True:
        if url.startswith("../"):
            url = url[3:]
            head, separator, _ = base.rpartition("/")
            base = head if separator else base.rpartition(":")[0] + ":"
        elif url.startswith("./"):
            url = url[2:]
        else:
            return base + url if base.endswith(":") else f"{base}/{url}"


def _urls(mirror: Mirror, commit: str) -> dict[str, str]:
    """The urls of submodules, by path. Raises nothing: a .gitmodules that cannot be read names no submodule."""
    try:
        listed = mirror.commits.ask("config", "--blob", f"{commit}:.gitmodules", "--null", "--list")
    except GitFailed:
        return {}
    entries: dict[str, dict[str, str]] = {}
    for entry in filter(None, listed.split("\0")):
        key, _, value = entry.partition("\n")
        section, _, option = key.rpartition(".")
        entries.setdefault(section, {})[option] = value
    return {entry["path"]: entry["url"] for entry in entries.values() if {"path", "url"} <= entry.keys()}
