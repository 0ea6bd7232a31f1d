"""One service on this host: its paths, its clone, its environment."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping

from .. import git
from ..disk import files
from ..errors import HostError
from ..git.received import RequestPack
from ..layout import Layout
from ..masking import Mask
from ..system import processes, shell
from ..system.login_env import joined
from .releases import Releases

if TYPE_CHECKING:
    from ..supervisor.supervisord import Supervisord

SYNC_WITHIN, MOMENT = 120, 1.0      # seconds; users are warned of a sync that takes longer than a moment


def process_tag(layout: Layout, deploy: str) -> str:
    """Two hosts of one deploy may be one machine: their roots tell them apart."""
    return f"{deploy}@{layout.root}"


def no_packs(repo: str, commit: str, known: list[str]) -> Iterable[bytes]:
    """Stands for the client where there is none: on the way back, which needs no new commit."""
    raise HostError(f"no client is there to send {commit} of {repo}", "deploy again")


class ServiceContext:
    """`env` is the login environment with the tag of the deploy, by which processes that steps leave behind are found.

    `check` may raise while a command runs; `waiting` tells users what takes long, `warn` what they should know.
    """

    def __init__(self, layout: Layout, service: Mapping[str, Any], env: Mapping[str, str], deploy: str, *,
                 waiting: Callable[[str], None] = lambda detail: None,
                 warn: Callable[[str], None] = lambda message: None, check: Callable[[], None] = lambda: None,
                 mask: Mask | None = None, request_pack: RequestPack = no_packs) -> None:
        self.layout = layout
        self.name = str(service["name"])
        self.deploy = deploy
        self.env = dict(env, **{processes.TAG: process_tag(layout, deploy)})
        self.waiting = waiting
        self.warn = warn
        self.check = check
        self.request_pack = request_pack
        self.mask = mask or Mask()
        self.directory = layout.below_root(service["directory"])
        self.subdirectory = str(service.get("subdirectory", ""))        # none in the journals of older versions
        self.clone = git.Clone(self.directory, service["repo"], self.env, check, service.get("login"),
                               service.get("fetch_timeout", git.SLOW))
        self.releases = Releases(layout, self.name, self.clone)

    @property
    def tree(self) -> git.Clone:
        """The tree that the program runs in now: the clone itself, or a release."""
        return self.releases.live_tree()

    @property
    def working_folder(self) -> str:
        """Where the programs run now: by their program file, where hosts.yaml names another directory or subdirectory
        since the last deploy."""
        folder = os.path.join(self.tree.directory, self.subdirectory)
        written = self.releases.written_directory() or folder
        return written if os.path.isdir(written) and not files.is_same_path(written, folder) else folder

    def log_file(self, process: str) -> str:
        """The log of a process, unless the program's options say otherwise."""
        return os.path.join(self.directory, "logs", process + ".log")

    def label(self, group: str) -> str:
        """The name by which a user addresses a program: SERVICE, or SERVICE:PROGRAM."""
        return self.name if group == self.name else f"{self.name}:{group[len(self.name) + 1:]}"

    def head(self) -> str | None:
        """The commit on the disk now; asked after the conversation is over, so nothing may interrupt it."""
        unstopped = git.Clone(self.directory, self.clone.repo, self.env, lambda: None)
        return Releases(self.layout, self.name, unstopped).live_tree().head()

    def supervisord(self) -> Supervisord:
        from ..supervisor.supervisord import Supervisord

        return Supervisord(self.layout.access, self.check)

    def with_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The environment with these variables, encoded as UTF-8 whatever the locale of this process is. Behind the
        folders of a PATH stand those of the login's: a build has its tools there."""
        exact = {name: os.fsdecode(value.encode("utf-8", "surrogateescape")) for name, value in variables.items()}
        if "PATH" in exact:
            exact["PATH"] = joined(exact["PATH"], self.env.get("PATH", os.defpath))
        return dict(self.env, **exact)

    def sync(self, folder: str) -> str:
        """Sync the whole file system that the folder is on. Returns why that failed, else ""."""
        soon = time.monotonic() + MOMENT
        warned = False

        def check() -> None:
            nonlocal warned
            self.check()
            if time.monotonic() > soon and not warned:
                warned = True
                self.waiting(f"for the disk (up to {SYNC_WITHIN} s)")
        try:
            shell.run(["sync", "-f", folder], cwd=folder, env=self.env, timeout=SYNC_WITHIN, check=check)
        except shell.CommandFailed as failure:
            return "; ".join([*failure.output[-1:], failure.message])
        return ""
