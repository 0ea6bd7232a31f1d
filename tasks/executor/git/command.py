"""Runs git commands in one directory, with an environment in which git asks for nothing."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import shutil
import time
from typing import Any, BinaryIO, Iterable, Iterator, Mapping, Sequence

from ..disk import files
from ..errors import NotReady, TryAgain
from ..protocol import GitLogin
from ..quoting import for_sh
from ..system import shell
from ..system.output_lines import Say, silent
from .env_settings import with_settings
from .errors import Unusable, explain, unusable
from .server_errors import reason
from .version import Version, is_older

QUICK, SLOW = 60, 600               # seconds
OLDEST = (2, 20)                    # before it, `update-ref --stdin` takes no `--no-deref`
PAUSES = (0.5, 2.0)                 # seconds before a further try
BATCH = " -oBatchMode=yes -oConnectTimeout=10"
CLONE_OF = "clone of '([^']+)' into submodule path"
FETCH_IN = "(?:nable to fetch|Fetched) in submodule path '([^']+)'"
# A shell runs it, and the names are those of variables.
HELPER = '!printf "username=%s\\npassword=%s\\n" "$FABVISOR_GIT_USER" "$FABVISOR_GIT_PASSWORD" #'
# Automatic gc would go on in the background after the step, and protocols like ext:: run commands.
# A power cut must not leave half an index: without one there is no way back.
# A split index without hashes, of `feature.manyFiles`, forgets what it was split from.
# The rest is the same whatever the host's user has set. Hooks of the repository (husky, git-lfs) are for people.
SETTINGS = tuple(word for setting in (
    "gc.auto=0", "maintenance.auto=0", "advice.detachedHead=false", "core.fsync=all", "core.fsyncMethod=batch",
    "protocol.ext.allow=never", "core.quotePath=false",
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "index.skipHash=false",
    "core.autocrlf=false", "core.safecrlf=false", "core.eol=lf", "core.symlinks=true", "core.attributesFile=/dev/null",
    "submodule.recurse=false", "fetch.recurseSubmodules=false", "fetch.prune=false",
    "fetch.pruneTags=false", "commit.gpgSign=false", "log.showSignature=false", "color.ui=false",
    "status.renames=false", "rerere.enabled=false", "checkout.workers=1", "core.logAllRefUpdates=true",
    "color.remote=false", "diff.orderFile=/dev/null", "apply.whitespace=nowarn", "i18n.logOutputEncoding=UTF-8",
    "safe.bareRepository=all", "init.defaultBranch=main", "init.defaultObjectFormat=sha1",
    "init.defaultRefFormat=files", "worktree.useRelativePaths=false")
    for word in ("-c", setting))


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
        own = _environment(env, directory)
        self._env = _with_login(own, repo, login) if login else own
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

    def _with(self, **variables: str) -> Git:
        other = copy.copy(self)
        other._env = {**self._env, **variables}
        other.answers = {}
        return other

    def inside(self, path: str) -> Git:
        """git in a submodule at `path`, with the same environment."""
        other = copy.copy(self)
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


def _with_login(env: Mapping[str, str], repo: str, login: GitLogin) -> dict[str, str]:
    """An environment in which git gives the login to the server of `repo` and to no other; no argument or file has
    it."""
    from urllib.parse import urlsplit  # rarely needed, and it takes 2 ms of a start

    parts = urlsplit(repo)
    server = f"credential.{parts.scheme}://{parts.netloc.rpartition('@')[2]}.helper"
    named = {**env, "FABVISOR_GIT_USER": login["user"], "FABVISOR_GIT_PASSWORD": login["password"]}
    return with_settings(named, [(server, ""), (server, HELPER)])   # the empty one forgets helpers that are configured


def require_git(env: Mapping[str, str], oldest: Version = OLDEST, purpose: str = "Fabvisor") -> str:
    """The version of the git in the PATH of the login, from which it is run. Raises NotReady where there is none, or
    one that is too old."""
    if shutil.which("git", path=env.get("PATH")) is None:
        raise NotReady("git is not installed (or not in PATH)",
                       "install git on the host, or extend PATH in ~/.profile there")
    try:
        said = " ".join(shell.answer(["git", "--version"], cwd="/", env=env, timeout=QUICK))
    except shell.CommandFailed as failure:
        raise NotReady(f"git does not run: {reason(failure.output) or failure.message}",
                       "see on the host: git --version") from None
    version = said.replace("git version ", "")
    if is_older(version, oldest):
        raise NotReady(f"git {version} is older than {oldest[0]}.{oldest[1]}, which {purpose} needs",
                       "install a newer git on the host, and let PATH in ~/.profile there find it first")
    return version


def _environment(env: Mapping[str, str], directory: str) -> dict[str, str]:
    own = {name: value for name, value in env.items()
           if not name.startswith("GIT_") or name in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSL_CAINFO")
           or name.startswith("GIT_CONFIG_")}
    own.update({
        "GIT_CEILING_DIRECTORIES": os.path.dirname(os.path.realpath(directory)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_NO_REPLACE_OBJECTS": "1",      # a commit is what its hash says, on every host
        "GIT_OPTIONAL_LOCKS": "0",          # a killed `git status` would leave its lock behind
        "SSH_ASKPASS": "",
        "LC_ALL": "C",
    })
    return own
