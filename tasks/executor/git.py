"""git, inside the service directory and never in a parent of it; it never asks for anything."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from typing import Iterator, Mapping, NamedTuple, Sequence

from . import files, locks, processes, shell
from .errors import NotReady
from .git_errors import explain
from .protocol import OWN_NAMES, CommitInfo

FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
ABBREVIATED = re.compile(r"[0-9a-fA-F]{4,64}")
HEADS, TAGS = "refs/fabvisor/heads/", "refs/fabvisor/tags/"
QUICK, SLOW = 60, 600
NOBODY = ("-c", "user.name=fabvisor", "-c", "user.email=fabvisor@localhost")
MOST_TOLD = 20                      # commits
BATCH = " -oBatchMode=yes -oConnectTimeout=10"


class State(NamedTuple):
    """`branch`: what HEAD is attached to. `edits`: tracked files that differ from the commit, as the lines of
    `git status --short`, each with a digest of what is there."""

    commit: str | None
    branch: str | None
    edits: dict[str, str | None]


class Distance(NamedTuple):
    """How many commits are left behind (`back`) and added (`forward`), None where nobody can tell; of each the
    newest MOST_TOLD, newest first: {commit, author, subject}."""

    back: int | None
    forward: int | None
    dropped: list[CommitInfo]
    commits: list[CommitInfo]


class Clone:
    """A service directory that holds, or will hold, the clone of `repo`."""

    def __init__(self, directory: str, repo: str, env: Mapping[str, str], check: shell.Check) -> None:
        self.directory = directory
        self.repo = repo
        self._check = check
        self._env = _environment(env, directory)

    def exists(self) -> bool:
        """A `.git` of its own: without one, git would act on a repository above it."""
        return os.path.lexists(os.path.join(self.directory, ".git"))

    def head(self) -> str | None:
        return self._maybe("rev-parse", "--verify", "--quiet", "HEAD^{commit}") if self.exists() else None

    def state(self) -> State:
        """All of it by one `git status`; nothing of it where there is no clone."""
        if not self.exists():
            return State(None, None, {})
        told, edits = {}, {}
        for line in self._git("status", "--porcelain=2", "--branch", "--untracked-files=no",
                              "--ignore-submodules=untracked"):
            if line.startswith("# "):
                name, _, value = line[2:].partition(" ")
                told[name] = value
            else:
                edit = _edit(line)
                edits[edit] = self._digest(edit[3:])
        commit, branch = told.get("branch.oid"), told.get("branch.head")
        return State(None if commit == "(initial)" else commit, None if branch == "(detached)" else branch, edits)

    def has(self, commit: str) -> bool:
        """With all of its files: a fetch that met a full disk leaves a commit without them."""
        try:
            self._git("rev-list", "--objects", "--no-walk", "--quiet", commit, "--")
            return True
        except shell.CommandFailed:
            return False

    def holds(self, commit: str, path: str) -> bool:
        """Whether the commit has such a file or folder."""
        return self._maybe("rev-parse", "--verify", "--quiet", f"{commit}:{path}") is not None

    def create(self) -> None:
        os.makedirs(self.directory, exist_ok=True)
        self._git("init", "--quiet")
        self._git("remote", "add", "origin", self.repo)
        self.exclude_own_names()

    def exclude_own_names(self) -> None:
        self.exclude(OWN_NAMES)

    def exclude(self, paths: Sequence[str]) -> None:
        """From what git calls untracked, in the clone and in its worktrees; there they may be links."""
        path = os.path.join(self._shared_folder(), "info", "exclude")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a+", encoding="utf-8") as file:
            file.seek(0)
            present = file.read().splitlines()
            wanted = ["/" + re.sub(r"([*?\[\\ ])", r"\\\1", path) for path in paths]
            file.writelines(line + "\n" for line in wanted if line not in present)

    def fetch(self, say: shell.Say = shell.silent) -> None:
        """Objects and our own refs only: no branch, no file of the service directory changes."""
        with self._fetching():
            self._network("fetch", "--force", "--prune", "--tags", "--no-recurse-submodules", "--", self.repo,
                          f"+refs/heads/*:{HEADS}*", f"+refs/tags/*:{TAGS}*", say=say)

    def fetch_commit(self, commit: str, say: shell.Say) -> None:
        """A commit that no branch holds any more can often still be had by its full name."""
        with self._fetching():
            self._network("fetch", "--no-tags", "--no-recurse-submodules", "--", self.repo, commit, say=say)

    def try_commit(self, commit: str, say: shell.Say = shell.silent) -> None:
        """fetch_commit, where not having it is an answer."""
        try:
            self.fetch_commit(commit, say)
        except NotReady:
            pass

    def remote_refs(self, revision: str) -> tuple[str | None, str | None]:
        """As resolve(), for branches and tags, asked of the repository itself; the directory need not be a clone."""
        names = ["refs/heads/" + revision, "refs/tags/" + revision + "^{}", "refs/tags/" + revision]
        lines = self._network("ls-remote", "--", self.repo, *names, say=shell.silent)
        found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
        for name in names:
            if name in found:
                return found[name], revision if name == names[0] else None
        return None, None

    def resolve(self, revision: str) -> tuple[str | None, str | None]:
        """(commit, branch): a full commit, then a branch, then a tag, then an abbreviated commit."""
        if FULL.fullmatch(revision):
            return (revision, None) if self.has(revision) else (None, None)
        for prefix in (HEADS, TAGS):
            commit = self._maybe("rev-parse", "--verify", "--quiet", prefix + revision + "^{commit}")
            if commit:
                return commit, revision if prefix == HEADS else None
        if ABBREVIATED.fullmatch(revision):
            return self._maybe("rev-parse", "--verify", "--quiet", revision.lower() + "^{commit}"), None
        return None, None

    def distance(self, was: str, commit: str) -> Distance:
        """From the one to the other. One `git log` a direction, and none where there is nothing to tell."""
        counted = self._maybe("rev-list", "--left-right", "--count", f"{was}...{commit}", "--")
        if counted is None:
            return Distance(None, None, [], [])
        back, forward = map(int, counted.split())
        return Distance(back, forward, self._newest(f"{commit}..{was}") if back else [],
                   self._newest(f"{was}..{commit}") if forward else [])

    def subject(self, commit: str) -> str:
        """The first line of its message; empty where it is not here."""
        return self._maybe("log", "-1", "--format=%s", commit, "--") or ""

    def checkout(self, commit: str, say: shell.Say, force: bool = False) -> None:
        """Detached: the local branches stay where they are. Submodules follow."""
        careful = "--force" if force else "--no-overwrite-ignore"
        self._git("checkout", "--detach", "--quiet", careful, commit, "--", say=say, timeout=SLOW)
        self.follow_submodules(say)

    def checkout_empty(self, branch: str | None) -> None:
        """As `git init` left it: no commit, none of its files."""
        nothing = self._git("hash-object", "-t", "tree", os.devnull)[0]
        self._git("read-tree", "--reset", "-u", nothing)
        self._git("symbolic-ref", "HEAD", "refs/heads/" + (branch or "main"))

    def follow_submodules(self, say: shell.Say) -> None:
        if os.path.exists(os.path.join(self.directory, ".gitmodules")):
            self._git("submodule", "--quiet", "sync", "--recursive", say=say)
            self._network("submodule", "--quiet", "update", "--init", "--recursive", "--force", say=say)

    def reattach_branch(self, branch: str, commit: str) -> None:
        """Stand on the branch again, if it still is where it was."""
        if self._maybe("rev-parse", "--verify", "--quiet", "refs/heads/" + branch) == commit:
            self._git("symbolic-ref", "HEAD", "refs/heads/" + branch)

    def stash_edits(self, label: str, say: shell.Say) -> None:
        self._git(*NOBODY, "stash", "push", "--quiet", "--message", label, say=say)

    def stash_copy(self, label: str, say: shell.Say) -> None:
        """As set_aside(), but the files stay as they are: somebody runs them."""
        made = self._git(*NOBODY, "stash", "create", label)
        if made:
            self._git("stash", "store", "--message", label, made[0], say=say)

    def find_stash(self, label: str) -> str | None:
        """The name of the stash that set_aside() made, if it did."""
        listed = (line.partition(" ") for line in self._git("stash", "list", "--format=%gd %s"))
        return next((name for name, _, subject in listed if subject.endswith(label)), None)

    def pop_stash(self, label: str, say: shell.Say) -> None:
        name = self.find_stash(label)
        if name:
            self._git("stash", "pop", "--quiet", "--index", name, say=say)

    def drop_stash(self, label: str) -> None:
        name = self.find_stash(label)
        if name:
            self._git("stash", "drop", "--quiet", name)

    def needs_lfs(self, commit: str) -> bool:
        found = self._maybe("grep", "-l", "filter=lfs", commit, "--",
                            ":(glob)**/.gitattributes", ".gitattributes")
        return bool(found) and self._maybe("lfs", "version") is None

    def remove_stale_locks(self) -> None:
        """Remove what a killed git left. Only under the service's lock; a person's git that is at work keeps its."""
        git_dir = self._git_dir() if self.exists() else ""
        left = [os.path.join(folder, name) for folder, _, names in _walk(git_dir) for name in names
                if name.endswith(".lock")]
        if left and not processes.working_in(self.directory, "git"):
            for path in left:
                files.remove(path)

    def head_at(self, when: float) -> str | None:
        """The commit that was checked out at that time (seconds since 1970), by HEAD's reflog."""
        try:
            with open(os.path.join(self._git_dir(), "logs", "HEAD"), encoding="utf-8", errors="replace") as file:
                note_progress = file.readlines()[-500:]
        except OSError:
            return None
        found = None
        for move in note_progress:
            fields = move.partition("\t")[0].split()
            if len(fields) >= 4 and fields[-2].isdigit():
                if int(fields[-2]) > when:
                    return found or fields[0]
                found = fields[1]
        return found

    def _newest(self, span: str) -> list[CommitInfo]:
        lines = self._git("log", f"-{MOST_TOLD}", "--format=%H%x09%an%x09%s", span, "--")
        fields = (line.split("\t", 2) for line in lines)
        return [{"commit": found[0], "author": found[1], "subject": found[2]} for found in fields if len(found) == 3]

    def _digest(self, path: str) -> str | None:
        """None for what is no plain file, or has a name that git writes in quotes: no two of those are the same."""
        return None if path.startswith('"') else files.digest(os.path.join(self.directory, path))

    def _maybe(self, *args: str) -> str | None:
        """The first line of the answer; None when git says no."""
        try:
            return next(iter(self._git(*args)), None)
        except shell.CommandFailed:
            return None

    @contextlib.contextmanager
    def _fetching(self) -> Iterator[None]:
        """One at a time: `plan` fetches under no lock of the service, and two fetches would meet git's own locks."""
        with locks.waiting(os.path.join(self._shared_folder(), "fabvisor-fetch"), SLOW, self._check):
            yield

    def _git_dir(self) -> str:
        """`.git`; of a worktree or a submodule, what git says; "" where there is none."""
        git_dir = os.path.join(self.directory, ".git")
        return git_dir if os.path.isdir(git_dir) else self._maybe("rev-parse", "--absolute-git-dir") or ""

    def _shared_folder(self) -> str:
        """`.git`; of a worktree or a submodule, what git says."""
        git_dir = os.path.join(self.directory, ".git")
        if not os.path.isdir(git_dir):
            git_dir = os.path.join(self.directory, self._git("rev-parse", "--git-common-dir")[0])
        return git_dir

    def _network(self, *args: str, say: shell.Say) -> list[str]:
        self._never_ask()
        try:
            return self._git(*args, say=say, timeout=SLOW)
        except shell.CommandFailed as failure:
            raise explain(failure, self.repo) from None

    def _never_ask(self) -> None:
        """Whatever ssh command is set up (core.sshCommand often names a deploy key), in batch mode."""
        ssh = self._env.get("GIT_SSH_COMMAND") or self._env.get("GIT_SSH")
        if not ssh and not self.repo.startswith(("/", "file:", "http")):
            ssh = self._maybe("config", "core.sshCommand")
        self._env["GIT_SSH_COMMAND"] = (ssh or "ssh").replace(BATCH, "") + BATCH

    def _git(self, *args: str, say: shell.Say = shell.silent, timeout: float = QUICK) -> list[str]:
        # Automatic gc would go on in the background after the step, and protocols like ext:: run commands.
        # A power cut must not leave half an index: without one there is no way back.
        argv = ["git", "-c", "gc.auto=0", "-c", "maintenance.auto=0", "-c", "advice.detachedHead=false",
                "-c", "core.fsync=all", "-c", "core.fsyncMethod=batch", "-c", "protocol.ext.allow=never",
                "-c", "core.quotePath=false", *args]
        try:
            return shell.answer(argv, cwd=self.directory, env=self._env, timeout=timeout, say=say, check=self._check)
        except shell.CommandFailed as failure:
            failure.message = f"git {args[0]}: " + "; ".join([*failure.output[-5:], failure.message])
            failure.hint = f"try on the host: git -C {self.directory} status"
            raise


def _edit(line: str) -> str:
    """An entry of `git status --porcelain=2` as the short form has it: `XY path`, as people know it."""
    fields = line.split(" ")
    path = line.split(" ", 9 if fields[0] == "2" else 10 if fields[0] == "u" else 8)[-1]
    return fields[1].replace(".", " ") + " " + path.partition("\t")[0]


def _walk(git_dir: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for folder, folders, names in os.walk(git_dir):
        folders[:] = [name for name in folders if name != "objects"]
        yield folder, folders, names


def require_git(env: Mapping[str, str]) -> None:
    """In the PATH of the login, from which it is run; raises NotReady."""
    if shutil.which("git", path=env.get("PATH")) is None:
        raise NotReady("git is not installed (or not in PATH)",
                       "install git on the host, or extend PATH in ~/.profile there")


def _environment(env: Mapping[str, str], directory: str) -> dict[str, str]:
    own = {name: value for name, value in env.items()
           if not name.startswith("GIT_") or name in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSL_CAINFO")
           or name.startswith("GIT_CONFIG_")}
    own.update({
        "GIT_CEILING_DIRECTORIES": os.path.dirname(os.path.realpath(directory)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",          # a killed `git status` would leave its lock behind
        "SSH_ASKPASS": "",
        "LC_ALL": "C",
    })
    return own
