"""The paths that we use on this host."""

from __future__ import annotations

import errno
import os
from typing import Any, Iterable, Mapping

from .disk import files, read_only
from .errors import NotReady
from .protocol import JOURNALS, RELOAD_LOCK, RUNS
from .quoting import for_sh
from .sudo.sudo_accesses import SudoAccesses
from .supervisor.supervisord_access import SupervisordAccess
from .supervisor.supervisord_conf import OWN_VENV
from .system.accounts import login_name, user_name

DEFAULT_STATE = ".fabvisor"


class Layout:
    """`settings`: root, supervisord_conf, program_dir, state, sudo, as in hosts.yaml; here paths become absolute.
    `env`: that of the login, which supervisord.conf may name variables of; `is_login_known`: the login shell told it.
    `access`: to what is supervisord's."""

    def __init__(self, settings: dict[str, Any], env: Mapping[str, str] = os.environ,
                 sudo_accesses: SudoAccesses | None = None, is_login_known: bool = True) -> None:
        self.settings = settings
        self.env = env
        self.is_login_known = is_login_known
        self.sudo_accesses = sudo_accesses or SudoAccesses()
        self.root = os.path.abspath(os.path.expanduser(settings["root"]))
        self.supervisord_conf = self.below_root(settings["supervisord_conf"])
        self.program_dir = self.below_root(settings["program_dir"])
        self.state = self.below_root(settings.get("state", DEFAULT_STATE))     # older journals do not name it
        self.journals = os.path.join(self.state, JOURNALS)
        self.runs = os.path.join(self.state, RUNS)
        self.reload_lock = os.path.join(self.state, RELOAD_LOCK)
        self.supervisor_venv = os.path.join(self.root, OWN_VENV)
        self.access = self._open_access()

    def _open_access(self) -> SupervisordAccess:
        if not self.settings.get("sudo"):
            return SupervisordAccess(self.supervisord_conf, self.program_dir, self.env)
        return self.sudo_accesses.open(self.supervisord_conf, self.program_dir)

    def below_root(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.root, os.path.expanduser(path)))

    def service_state(self, service: str) -> str:
        return os.path.join(self.state, service)

    def lock_file(self, service: str) -> str:
        return os.path.join(self.state, service, "lock")

    def env_file(self, service: str) -> str:
        return os.path.join(self.state, service, "env")

    def history_file(self, service: str) -> str:
        return os.path.join(self.state, service, "history.jsonl")

    def backup(self, service: str, deploy: str) -> str:
        return os.path.join(self.state, service, "before-" + deploy)

    def failed_program(self, service: str, deploy: str) -> str:
        """The program file of a version that failed, on the way back. Its folder is made with the backups, whose own
        time says when the deploy began."""
        return os.path.join(self.backup(service, deploy), "failed", "program")

    def hook_env(self, service: str, deploy: str) -> str:
        """The environment file for hooks on the way back, while a deploy is under way."""
        return os.path.join(self.backup(service, deploy), "hook.env")

    def drained(self, service: str) -> str:
        """Names the deploy whose hooks on the client may have taken the host out of service."""
        return os.path.join(self.state, service, "drained")

    def handwritten(self, service: str) -> str:
        """The copy of the program file that a person wrote, and our first deploy replaced."""
        return os.path.join(self.state, service, "before-fabvisor.conf")

    def placed_files(self, service: str) -> str:
        """The record of what we wrote into the clone of the service, beside its commit."""
        return os.path.join(self.state, service, "files.json")

    def program_file(self, service: str) -> str:
        return self.access.program_path(service)

    def journal_file(self, deploy: str) -> str:
        return os.path.join(self.journals, deploy + ".json")

    def run_log(self, deploy: str) -> str:
        return os.path.join(self.runs, deploy + ".log")

    def prepare(self) -> None:
        """Make our own folders; raises NotReady where the root is missing or not ours to write."""
        self.require_root()
        self._require_disk()
        try:
            for folder in (self.state, self.journals, self.runs):
                files.ensure_dir(folder, 0o700)
        except OSError as error:
            raise self._closed(error) from None

    def of_deploy(self, settings: dict[str, Any], services: Iterable[str]) -> Layout:
        """The layout of an earlier deploy, whose journal and backups lie here: hosts.yaml may have changed since."""
        return Layout(dict(settings, root=self.root, state=self.state), self.env, self.sudo_accesses.serving(services))

    def require_root(self) -> None:
        """For a command that only reads, and makes no folder. Raises NotReady where the root is missing."""
        if not os.path.isdir(self.root):
            raise self._missing()

    def require_writable(self) -> None:
        """Raise NotReady where the root is missing, or our folders are and cannot be made."""
        self.require_root()
        self._require_disk()
        if not os.path.isdir(self.state) and not os.access(files.existing_parent(self.state), os.W_OK | os.X_OK):
            raise self._closed(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def _require_disk(self) -> None:
        """Raise NotReady where our files lie on a disk that is read-only."""
        problem = read_only.problem(self.state if os.path.isdir(self.state) else files.existing_parent(self.state))
        if problem:
            raise problem

    def _missing(self) -> NotReady:
        return NotReady(f"the root {self.root} does not exist",
                        "create it: fab setup; or correct `root` in hosts.yaml")

    def _closed(self, error: OSError) -> NotReady:
        """Our folders cannot be made: `error` is why."""
        folder = files.existing_parent(self.state)
        owner, login = user_name(os.stat(folder).st_uid), login_name()
        place = f"the root {folder}" if folder == self.root else folder
        if owner == login or not isinstance(error, PermissionError):
            return NotReady(f"cannot write below {place}: {error.strerror}",
                            "make it writable for the user that logs in")
        return NotReady(f"{place} belongs to {owner}, and {login}, who logs in, cannot write there",
                        f"on the host: sudo install -d -m 700 -o {for_sh(login)} {for_sh(self.state)};"
                        " or let `state` in hosts.yaml name a folder of that user, such as ~/.fabvisor")
