"""A service directory that holds, or will hold, a clone: its state, its files, and what is set up in it."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Iterator, Mapping, Sequence

from ..disk import files
from ..errors import HostError, NotReady, TryAgain
from ..protocol import OWN_NAMES, GitLogin
from ..system import processes, shell
from ..system.output_lines import Say, record
from . import attributes, half_done_merge, index, packs, submodules, unfinished_checkout
from .command import SLOW, Git
from .commits import Commits
from .object_format import FULL, init_options
from .received import local_urls, stores
from .remote import Remote
from .set_aside import SetAside
from .stash import Stash
from .state import DELETED, State, read, take_as_is
from .verification import verified

LOCAL_CHANGES = "Your local changes to the following files would be overwritten"
ORIGIN = '[remote "origin"]\n\turl = {}\n'
MORE_ORIGINS = ("url", "include", "worktreeconfig")     # what else may say where it is
QUOTED = '#;"\\'                    # what git does not write as it is
MOVES_READ = 500                    # lines of HEAD's reflog


class Clone:
    """One clone. `check` may raise while a git command runs."""

    def __init__(self, directory: str, repo: str, env: Mapping[str, str], check: shell.Check,
                 login: GitLogin | None = None, fetch_timeout: float = SLOW) -> None:
        self.directory = directory
        self.repo = repo
        self.git = Git(directory, repo, env, check, login, fetch_timeout)
        self.remote = Remote(self.git)
        self.commits = Commits(self.git, self.remote.fetched)
        self.stash = Stash(self.git)

    def exists(self) -> bool:
        return self.git.exists()

    def head(self) -> str | None:
        """The commit that is checked out. As a deploy leaves it, detached, it is read without git."""
        written = files.read_text(os.path.join(self.directory, ".git", "HEAD")).strip()
        if FULL.fullmatch(written):
            return written
        return self.git.hash_of("HEAD^{commit}") if self.exists() else None

    def state(self) -> State:
        """What the clone stands on, and its edits; State(None, None, {}) where there is no clone."""
        if not self.exists():
            return State(None, None, {})
        return read(self.git)

    def create(self, commit: str | None = None) -> None:
        """Make it, empty, for a repository that has this commit."""
        os.makedirs(self.directory, exist_ok=True)
        self.git.run("init", "--quiet", *init_options(commit))
        self.git.run("remote", "add", "origin", self.repo)
        self.exclude_own_names()

    def follow_origin(self) -> None:
        """Let `origin` be what hosts.yaml says now. A password that its URL had goes with it."""
        if not self._names_origin() and self.git.first_line("config", "remote.origin.url") != self.repo:
            if "origin" in self.git.run("remote"):
                self.git.run("config", "--replace-all", "remote.origin.url", self.repo)     # there may be several
            else:
                self.git.run("remote", "add", "origin", self.repo)

    def _names_origin(self) -> bool:
        """Whether the clone's own file surely says so, as `git remote add` writes it: then git need not be asked."""
        settings = files.read_text(os.path.join(self.git.common_dir(), "config"))
        rest = settings.replace(ORIGIN.format(self.repo), "", 1)
        return (rest != settings and not any(word in rest.lower() for word in MORE_ORIGINS)
                and not any(each in self.repo for each in QUOTED))

    def exclude_own_names(self) -> None:
        self.exclude(OWN_NAMES)

    def exclude(self, paths: Sequence[str]) -> None:
        """Let git overlook these untracked paths, in the clone and in its worktrees, where they may be links."""
        file_path = os.path.join(self.git.common_dir(), "info", "exclude")
        os.makedirs(os.path.dirname(file_path), exist_ok=True)
        lines = ["/" + re.sub(r"([*?\[\\ ])", r"\\\1", path) for path in paths]
        with open(file_path, "a+", encoding="utf-8") as file:
            file.seek(0)
            present = file.read().splitlines()
            file.writelines(line + "\n" for line in lines if line not in present)

    def kind(self, commit: str, path: str) -> str:
        """As commits.kind(); the index tells of most commits that they have nothing there, and it is known."""
        return (self.commits.kind(commit, path)
                if index.may_have(self.git, commit, lambda each: f"{each}/".startswith(f"{path}/")) else "")

    def require_merged(self, state: State) -> None:
        """Raise NotReady where a merge, a rebase or the like was left half-done."""
        half_done_merge.refuse(self.git, state)

    def require_way(self, aside: SetAside, commit: str, carried: bool) -> None:
        """Raise NotReady where what is in the way of the commit must not be set aside; in submodules, too."""
        aside.look_at_all(commit, local_urls(self.git) if carried else [])

    def set_aside(self, label: str, takes_untracked: bool = False) -> SetAside:
        return SetAside(self.git, label, takes_untracked)

    def checkout(self, commit: str, say: Say, force: bool = False, carried: bool = False,
                 aside: SetAside | None = None, seen: State | None = None) -> None:
        """Check the commit out, detached: the local branches stay where they are. Submodules follow; `carried` ones
        come from our stores.
        Files in the way are set `aside`; None: nothing there is worth it. `seen`: the state with the edits that may be
        overwritten; None: all may.

        Raises HostError where the files are not those of the commit afterwards, NotReady for other edits.
        """
        if aside:
            aside.make_way(self.git, commit, say)
        submodules.remove_gone(self.git, commit)
        force |= attributes.forget_changed(self.git, commit)
        careful = "--force" if force else "--no-overwrite-ignore"
        if seen and (force or any(submodules.populated(self.git))):     # git would refuse them else
            self._require_no_other_edits(seen)
        words: list[str] = []
        there = commit + "^0"           # never a branch of that name
        with verified(self.git, commit, record(say, words)) as recorded:
            try:
                self.git.run("checkout", "--detach", "--quiet", careful, there, "--", say=recorded, timeout=SLOW)
            except shell.CommandFailed as failure:
                if failure.status is None or failure.status < 0:
                    raise
                # Without edits, git was refusing for a file that it always calls modified.
                if not force and (not any(LOCAL_CHANGES in line for line in words) or self.state().edits):
                    raise
                # On the way back, what could not be written still is as it was.
                take_as_is(self.git, commit)
                self.git.run("checkout", "--detach", "--quiet", "--force", there, "--", say=recorded, timeout=SLOW)
            unfinished_checkout.end(self.git)
            self.follow_submodules(recorded, carried, aside)

    def _require_no_other_edits(self, seen: State) -> None:
        now = self.state()
        others = [line for line, digest in now.edits.items() if seen.edits.get(line, DELETED) != digest != DELETED]
        if others:
            raise NotReady("files were edited on the host: " + ", ".join(map(now.describe, others)),
                           "they were edited at this very moment: see what it was, then deploy again")

    def has_begun_to_leave(self, commit: str | None) -> bool:
        """Whether a checkout of another commit was begun."""
        return self.head() != commit or unfinished_checkout.commit_of(self.git) is not None

    def clear_unfinished_checkout(self) -> bool:
        """Remove the new files that a checkout wrote before it was cut off, in submodules, too; returns whether one
        was. What it wrote of tracked files is left to the next checkout."""
        return sum(map(unfinished_checkout.clear, submodules.with_nested(self.git))) > 0

    def checkout_empty(self, branch: str | None) -> None:
        """Go back to what `git init` left: no commit, none of its files."""
        self.git.run("read-tree", "--reset", "-u", self.git.empty_tree())
        self.git.run("symbolic-ref", "HEAD", "refs/heads/" + (branch or "main"))

    def follow_submodules(self, say: Say, carried: bool, aside: SetAside | None = None) -> None:
        def make_way(git: Git, commit: str) -> None:
            if aside:
                aside.make_way(git, commit, say)

        submodules.follow(self.git, say, local_urls(self.git) if carried else [], make_way if aside else None)

    def reattach_branch(self, branch: str, commit: str) -> None:
        """Attach HEAD to the branch again, if that still is where it was."""
        if self.git.hash_of("refs/heads/" + branch) == commit:
            self.git.run("symbolic-ref", "HEAD", "refs/heads/" + branch)

    def require_no_git(self) -> None:
        """As remove_stale_locks(); raises TryAgain while a git that a person runs holds a lock."""
        held = self.remove_stale_locks()
        if held:
            raise TryAgain(f"somebody runs git in {self.directory}, which holds {held[0]}",
                           "wait for it, or see on the host what it is: ps -C git -o pid,user,lstart,args")

    def remove_stale_locks(self) -> list[str]:
        """Remove what a killed git left. Only under the service's lock; what a git that a person runs holds is
        returned."""
        git_dir = self.git.git_dir() if self.exists() else ""
        left = [os.path.join(folder, name) for folder, names in _walk(git_dir) for name in names
                if name.endswith(".lock")]
        if left and processes.working_in(self.directory, "git", _others_of(left)):
            return left
        for path in left:
            files.remove(path)
        return []

    def put_objects_together(self) -> None:
        """Where fetches left many packs or loose objects, in submodules and their stores, too. Nobody needs it now."""
        with contextlib.suppress(HostError, OSError):
            for git in (*submodules.with_nested(self.git), *stores(self.git)):
                packs.put_together(git)

    def head_at(self, when: float) -> str | None:
        """The commit that was checked out at that time (seconds since 1970), by HEAD's reflog."""
        try:
            with open(os.path.join(self.git.git_dir(), "logs", "HEAD"), encoding="utf-8", errors="replace") as file:
                moves = file.readlines()[-MOVES_READ:]
        except OSError:
            return None
        commit = None
        for move in moves:
            fields = move.partition("\t")[0].split()
            if len(fields) >= 4 and fields[-2].isdigit():
                if int(fields[-2]) > when:
                    return commit or fields[0]
                commit = fields[1]
        return commit


def _others_of(paths: Sequence[str]) -> set[int]:
    """The users (uids) who made these files, but for ourselves."""
    owners = set()
    for path in paths:
        with contextlib.suppress(OSError):
            owners.add(os.lstat(path).st_uid)
    return owners - {os.geteuid()}


def _walk(git_dir: str) -> Iterator[tuple[str, list[str]]]:
    """Each folder with the names of its files, but for the objects."""
    for folder, folders, names in os.walk(git_dir):
        folders[:] = [name for name in folders if name != "objects"]
        yield folder, names
