"""Runs git commands in one directory, with an environment in which git asks for nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from typing import Any, BinaryIO, Iterable, Iterator, Mapping, Sequence

from ..disk import files
from ..errors import TryAgain
from ..protocol import GitLogin
from ..quoting import for_sh
from ..system import shell
from ..system.output_lines import Say, silent
from .environment import SETTINGS, own_environment, with_login
from .errors import Unusable, explain, unusable
from .server_errors import reason

QUICK, SLOW = 60, 600               # seconds
PAUSES = (0.5, 2.0)                 # seconds before a further try
BATCH = " -oBatchMode=yes -oConnectTimeout=10"
CLONE_OF = "clone of '([^']+)' into submodule path"
FETCH_IN = "(?:nable to fetch|Fetched) in submodule path '([^']+)'"


class Git:
    """git in `directory`, a clone of `repo` or where one will be. `check` may raise while a command runs;
    `fetch_timeout`: seconds for one that asks the git server."""

    def __init__(self, directory: str, repo: str, env: Mapping[str, str], check: shell.Check,
                 login: GitLogin | None = None, fetch_timeout: float = SLOW) -> None:
        self.directory = directory
        self.repo = repo
        self.env = env
        self.check = check
        self.login = login
        self.fetch_timeout = fetch_timeout
        own = own_environment(env, directory)
        self._env = with_login(own, repo, login) if login else own
        # What git said of an index or of a commit, for those who asked: both stay as they are.
        self.answers: dict[tuple[Any, ...], Any] = {}

    def exists(self) -> bool:
        """Whether it has a `.git` of its own: without one, git would act on a repository above it."""
        return os.path.lexists(os.path.join(self.directory, ".git"))

    @contextlib.contextmanager
    def scratch_index(self, is_copy: bool = False) -> Iterator[Git]:
        """git with an empty index of its own, or a copy of the real one; it is removed at the end. Under the service's
        lock: that of a git that was killed is removed by the next."""
        path = os.path.join(self.git_dir(), "fabvisor-index")
        files.remove(path)
        try:
            if is_copy:
                shutil.copy2(self.index_path(), path)       # with its time, by which git knows what to look at again
            yield self._with(GIT_INDEX_FILE=path)
        finally:
            files.remove(path)

    @contextlib.contextmanager
    def scratch_objects(self, objects: str) -> Iterator[Git]:
        """git that knows what is in the folder `objects`, and leaves what it does not finish in a folder that is
        removed at the end. Under the service's lock, as scratch_index()."""
        path = os.path.join(objects, "fabvisor")
        shutil.rmtree(path, ignore_errors=True)
        try:
            os.makedirs(os.path.join(path, "info"))
            with open(os.path.join(path, "info", "alternates"), "w") as file:
                file.write("..\n")
            yield self._with(GIT_OBJECT_DIRECTORY=path)
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _copy(self) -> Git:
        """As copy.copy() makes it, which takes 1 ms to import."""
        other = Git.__new__(Git)
        vars(other).update(vars(self))
        return other

    def _with(self, **variables: str) -> Git:
        other = self._copy()
        other._env = {**self._env, **variables}
        other.answers = {}
        return other

    def inside(self, path: str) -> Git:
        """git in a submodule at `path`, with the same environment."""
        other = self._copy()
        other.directory = os.path.join(self.directory, path)
        other._env = {**self._env, "GIT_CEILING_DIRECTORIES": os.path.dirname(os.path.realpath(other.directory))}
        return other

    def run(self, *args: str, say: Say = silent, timeout: float = QUICK, given: bytes = b"") -> list[str]:
        """The lines of its answer; `given` is its standard input. Raises CommandFailed with git's own words.

        A line ends where git ends it: splitlines() would also split names and messages that hold other separators.
        """
        lines = self._answer(args, say, timeout, given).decode("utf-8", "replace").split("\n")
        return lines if lines[-1] else lines[:-1]

    def paths(self, *args: str, given: bytes = b"") -> list[str]:
        """The paths of an answer that was asked for with -z; `given` is its standard input."""
        answer = self._answer(args, silent, QUICK, given).decode("utf-8", "surrogateescape")
        return answer.split("\0")[:-1]

    def _answer(self, args: Sequence[str], say: Say, timeout: float, given: bytes) -> bytes:
        try:
            return shell.output(["git", *SETTINGS, *args], cwd=self.directory, env=self._env, timeout=timeout, say=say,
                                check=self.check, given=given)
        except shell.CommandFailed as failure:
            refusal = unusable(self.directory, self.repo, failure)
            if refusal:
                raise refusal from None
            failure.message = _in_words(args, failure)
            failure.hint = f"try on the host: git -C {for_sh(self.directory)} status"
            raise

    def feed(self, chunks: Iterable[bytes], *args: str) -> None:
        """Run a command that reads its standard input. Raises CommandFailed with git's own words."""
        try:
            shell.feed(["git", *SETTINGS, *args], chunks, cwd=self.directory, env=self._env, check=self.check)
        except shell.CommandFailed as failure:
            failure.message = _in_words(args, failure)
            raise

    def succeeds(self, *args: str) -> bool:
        try:
            self.run(*args)
            return True
        except shell.CommandFailed:
            return False

    def first_line(self, *args: str) -> str | None:
        """The first line of its answer; None where git says no."""
        try:
            return next(iter(self.run(*args)), None)
        except shell.CommandFailed:
            return None

    def hash_of(self, name: str) -> str | None:
        """The full hash of the object that a revision names; None where there is none."""
        return self.first_line("rev-parse", "--verify", "--quiet", name)

    def digest(self, *args: str) -> str | None:
        """The digest of its answer, byte by byte (as files.digest()); None where git says no."""
        try:
            with self.answer_file(*args) as answer:
                return files.digest(f"/proc/self/fd/{answer.fileno()}")
        except shell.CommandFailed:
            return None

    @contextlib.contextmanager
    def answer_file(self, *args: str) -> Iterator[BinaryIO]:
        """Its answer, byte by byte, as a file in memory. Raises CommandFailed."""
        with open(os.memfd_create("answer"), "w+b") as memory:
            shell.run(["git", *SETTINGS, *args], cwd=self.directory, env=self._env, timeout=QUICK, check=self.check,
                      stdout=memory.fileno())
            memory.seek(0)
            yield memory

    def network(self, *args: str, say: Say = silent) -> list[str]:
        """As run(), for what speaks with the git server; its errors say what to do.

        A server that is busy, or cannot be reached for a moment, is asked again a little later.
        """
        self._set_batch_mode()
        for pause in (*PAUSES, None):
            try:
                return self.run(*args, say=say, timeout=self.fetch_timeout)
            except Unusable:
                raise
            except shell.CommandFailed as failure:
                error = explain(failure, self._server_asked(failure) or self.repo)
                if pause is None or not isinstance(error, TryAgain) or failure.status is None:
                    raise error from None
                say(f"{error.message}; trying again in {pause:g} s")
                self._wait(pause)
        raise AssertionError("the last try returns or raises")

    def _server_asked(self, failure: shell.CommandFailed) -> str | None:
        """The repository of the submodule that could not be fetched, by git's words."""
        for line in failure.output:
            clone, fetch = re.search(CLONE_OF, line), re.search(FETCH_IN, line)
            if clone:
                return clone.group(1)
            if fetch:
                return self.first_line("-C", fetch.group(1), "config", "remote.origin.url")
        return None

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
            time.sleep(0.05)

    def git_dir(self) -> str:
        """Its git directory: `.git`; of a worktree or a submodule, the one that the file `.git` names; "" where there
        is none."""
        path = os.path.join(self.directory, ".git")
        if not os.path.isdir(path):
            named = _written(path).partition("gitdir: ")[2]
            path = os.path.join(self.directory, named) if named else ""
        return path if os.path.isdir(path) else ""

    def common_dir(self) -> str:
        """The folder that a clone and its worktrees share, as gitrepository-layout(5) says."""
        git_dir = self.git_dir()
        if not git_dir:
            # Of a bare one; or git says why there is none.
            return os.path.join(self.directory, self.run("rev-parse", "--git-common-dir")[0])
        return os.path.join(git_dir, _written(os.path.join(git_dir, "commondir")))

    def index_path(self) -> str:
        return self._env.get("GIT_INDEX_FILE") or os.path.join(self.git_dir() or os.devnull, "index")

    def is_partial(self) -> bool:
        """Whether it lacks objects that a server has promised: `git clone` says so in the clone's own file."""
        return b"promisor" in (files.read_bytes(os.path.join(self.common_dir(), "config")) or b"")

    def has_sha256(self) -> bool:
        """Whether its objects are named by SHA-256: the clone's own file says so."""
        return b"objectformat" in (files.read_bytes(os.path.join(self.common_dir(), "config")) or b"").lower()

    def empty_tree(self) -> str:
        """The tree without any file, which is written where it is missing."""
        return self.run("hash-object", "-w", "-t", "tree", os.devnull)[0]

    def _set_batch_mode(self) -> None:
        """Let the ssh command never ask, whichever is set up (core.sshCommand often names a deploy key)."""
        ssh = self._env.get("GIT_SSH_COMMAND") or self._env.get("GIT_SSH")
        if not ssh and not self.repo.startswith(("/", "file:", "http")):
            ssh = self.first_line("config", "core.sshCommand")
        self._env["GIT_SSH_COMMAND"] = (ssh or "ssh").replace(BATCH, "") + BATCH


def _written(path: str) -> str:
    """The one line of a file in which git names a folder; "" where there is no such file."""
    return files.read_text(path).rstrip("\n")


def _in_words(args: Sequence[str], failure: shell.CommandFailed) -> str:
    """Says which command of git failed, why, and how it ended."""
    words = iter(args)
    command = next(word for word in words if word != "-c" or not next(words))
    return f"git {command}: " + "; ".join(filter(None, [reason(failure.output), failure.message]))
