"""The paths that we use on this host."""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from typing import Any

from . import files
from .accounts import login_name, user_name
from .errors import NotReady
from .supervisord_conf import SupervisordConf


class Layout:
    """`settings`: root, supervisord_conf, program_dir, as in hosts.yaml; here they become absolute."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.root = os.path.abspath(os.path.expanduser(settings["root"]))
        self.supervisord_conf = self.below_root(settings["supervisord_conf"])
        self.program_dir = self.below_root(settings["program_dir"])
        self.state = os.path.join(self.root, ".fabvisor")
        self.journals = os.path.join(self.state, "journal")
        self.runs = os.path.join(self.state, "runs")
        self.reload_lock = os.path.join(self.state, "supervisord.lock")

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

    def handwritten(self, service: str) -> str:
        """The copy of the program file that a person wrote, and our first deploy replaced."""
        return os.path.join(self.state, service, "before-fabvisor.conf")

    def program_file(self, service: str) -> str:
        return os.path.join(self.program_dir, service + self._ending)

    @cached_property
    def _ending(self) -> str:
        """As the include pattern of that folder has it: conf.d/*.conf on Debian, supervisord.d/*.ini on Red Hat."""
        with contextlib.suppress(NotReady):
            conf = SupervisordConf(self.supervisord_conf, os.environ)
            endings = [os.path.splitext(pattern)[1] for pattern in conf.patterns()
                       if files.is_same_path(os.path.dirname(pattern), self.program_dir)]
            if endings and ".conf" not in endings:
                return endings[0]
        return ".conf"

    def journal_file(self, deploy: str) -> str:
        return os.path.join(self.journals, deploy + ".json")

    def run_log(self, deploy: str) -> str:
        return os.path.join(self.runs, deploy + ".log")

    def prepare(self) -> None:
        """Make our own folders; raises NotReady where the root is missing or not ours to write."""
        if not os.path.isdir(self.root):
            raise self.missing()
        try:
            for folder in (self.state, self.journals, self.runs):
                files.ensure_dir(folder, 0o700)
        except OSError as error:
            raise self._closed(error) from None

    def missing(self) -> NotReady:
        return NotReady(f"the root {self.root} does not exist", "create it, or correct `root` in hosts.yaml")

    def _closed(self, error: OSError) -> NotReady:
        """Our folders cannot be made: `error` is why."""
        owner, login = user_name(os.stat(self.root).st_uid), login_name()
        if owner == login or not isinstance(error, PermissionError):
            return NotReady(f"cannot write below the root {self.root}: {error.strerror}",
                            "make it writable for the user that logs in")
        return NotReady(f"the root {self.root} belongs to {owner}, and {login}, who logs in, cannot write there",
                        f"on the host: sudo install -d -o {login} {self.root}")


def existing_layout(hello: dict[str, Any]) -> Layout:
    """The layout for a command that only reads: it makes no folder. Raises NotReady where the root is missing."""
    layout = Layout(hello["place"])
    if not os.path.isdir(layout.root):
        raise layout.missing()
    return layout
