"""Commits that the client sends, for hosts that cannot reach the git server.

The service's own go into its clone, those of a submodule into a bare store beside its objects; a checkout then takes
the submodules from the stores, whatever their urls say.
"""

from __future__ import annotations

import os
from typing import Callable, Container, Iterable, Iterator, List

from ..digests import sha256
from ..errors import HostError
from ..system import shell
from . import refs
from .command import Git
from .commits import Commits
from .object_format import init_options
from .remote import HEADS

STORES = "fabvisor-submodules"
COMMITS = "refs/fabvisor/commits/"
KNOWN_SENT = 200                        # commits that the client hears of

# (repo, commit, known commits): the pieces of a pack.
RequestPack = Callable[[str, str, List[str]], Iterable[bytes]]


def receive(git: Git, commit: str, branch: str | None, request: RequestPack, wanted_by: str = "") -> bool:
    """Take `commit` into the repository of `git` unless it is there; returns whether it took it. Raises HostError.

    `wanted_by`: of a submodule, the commit of the service.
    """
    commits = Commits(git)
    taken = not commits.has(commit)
    if taken:
        try:
            git.feed(request(git.repo, commit, _known(git)), "index-pack", "--stdin", "--fix-thin")
            git.run("rev-list", "--objects", "--quiet", commit, "--not", "--all", timeout=600)
        except shell.CommandFailed as failure:
            raise HostError(f"git refuses what the client sent of {git.repo}: {failure.message}",
                            "look at the disk: df -h; then try again") from None
    if branch:
        refs.remove_clashes(git, [HEADS + branch], HEADS)
    name = HEADS + branch if branch else COMMITS + (f"{wanted_by}-{commit}" if wanted_by else commit)
    git.run("update-ref", name, commit)
    return taken


def forget(git: Git, needed: Container[str]) -> None:
    """Let go of commits that were sent and that nobody needs any more, with those of their submodules."""
    refs.keep_only(git, COMMITS, needed.__contains__)
    for each in stores(git):            # older versions named no commit of the service
        refs.keep_only(each, COMMITS, lambda name: "-" not in name or name.partition("-")[0] in needed)


def store(clone: Git, repo: str, commit: str) -> Git:
    """The bare store of a submodule's repository, which has this commit; it is made where it is missing."""
    folder = os.path.join(clone.common_dir(), STORES, sha256(repo.encode())[:16])
    git = Git(folder, repo, clone.env, clone.check)
    if not os.path.exists(os.path.join(folder, "HEAD")):
        os.makedirs(folder, exist_ok=True)
        git.run("init", "--bare", "--quiet", *init_options(commit))
        git.run("config", "remote.origin.url", repo)
    return git


def local_urls(clone: Git) -> list[str]:
    """Settings of git by which it finds the repositories of submodules in their stores."""
    settings = ["protocol.file.allow=always"]
    for each in stores(clone):
        repo = each.first_line("config", "remote.origin.url")
        settings.append(f"url.{each.directory}.insteadOf={repo}")
    return [word for setting in settings for word in ("-c", setting)]


def stores(clone: Git) -> Iterator[Git]:
    """Those of its submodules, bare."""
    folder = os.path.join(clone.common_dir(), STORES)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        yield Git(os.path.join(folder, name), "", clone.env, clone.check)


def _known(git: Git) -> list[str]:
    """Commits that are here with all that they need; of a shallow or a partial clone none is certain to be."""
    if git.first_line("rev-parse", "--is-shallow-repository") != "false" or git.is_partial():
        return []
    tips = git.run("for-each-ref", f"--count={KNOWN_SENT}", "--sort=-committerdate", "--format=%(objectname)")
    head = git.hash_of("HEAD^{commit}")
    return list(dict.fromkeys(filter(None, [head, *tips])))
