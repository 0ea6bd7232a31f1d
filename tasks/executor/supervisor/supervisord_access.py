"""All that needs the rights of supervisord's user: its configuration, its socket, and the program files beside it."""

from __future__ import annotations

import contextlib
import os
import stat
from functools import cached_property
from typing import Any, Mapping, NamedTuple

from ..disk import files
from ..errors import NotReady
from ..quoting import for_sh
from . import rpc
from .supervisord_conf import OWN_VENV, PACKAGED_SERVICES, Configuration, SupervisordConf

LOG_OPTIONS = ("stdout_logfile", "stderr_logfile")
TELL_LOGS = ("getProcessInfo", "getAllProcessInfo", "getAllConfigInfo")
NO_PATHS = ("", "auto", "none")         # in place of a log's path


class ProgramFile(NamedTuple):
    """A program file as it is there. `written`: seconds since 1970; `link`: where it leads, then `data` is empty."""

    data: bytes
    mode: int
    written: float
    link: str | None = None


class SupervisordAccess:
    """Access as the user that we run as; `env` has the variables that supervisord.conf may name.

    A method takes the name of a service, never a path: what it reads and writes follows from both settings alone.
    """

    mode = 0o600                        # of a program file that we write

    prefix = ""                         # of a command that somebody types who changes supervisord's files

    def __init__(self, supervisord_conf: str, program_dir: str, env: Mapping[str, str]) -> None:
        self.supervisord_conf = supervisord_conf
        self.program_dir = program_dir
        self._env = env
        self._parsed: SupervisordConf | None = None

    @property
    def supervisorctl(self) -> str:
        """As somebody types it on the host. Without its configuration it may talk to another supervisord."""
        return self._typed("supervisorctl")

    @property
    def start_command(self) -> str:
        """What starts supervisord, as somebody types it on the host."""
        service = PACKAGED_SERVICES.get(self.program_dir)
        return f"{self.prefix}service {service} start" if service else self._typed("supervisord")

    def _typed(self, program: str) -> str:
        """`fab setup` installs both beside their configuration, where no PATH leads."""
        own = os.path.join(os.path.dirname(self.supervisord_conf), OWN_VENV, "bin", program)
        command = for_sh(own) if os.access(own, os.X_OK) else program
        return f"{self.prefix}{command} -c {for_sh(self.supervisord_conf)}"

    def begin(self) -> None:
        """Make ready for what will be asked, and do not wait."""

    def require(self) -> None:
        """Raise NotReady where we have no access."""

    def configuration(self) -> Configuration:
        """The content of the files now. Raises NotReady."""
        self._parsed = SupervisordConf(self.supervisord_conf, self._env)
        return self._parsed.configuration()

    def call(self, method: str, *args: Any) -> Any:
        """Call a method of supervisord's API. Raises NotReady, rpc.Fault, rpc.NotOk or OSError.

        Paths of logs become absolute, where we may know the folder that supervisord was started in.
        """
        answer = self._call(method, *args)
        if method in TELL_LOGS:
            self._complete_logs(answer if isinstance(answer, list) else [answer])
        return answer

    def uid(self) -> int:
        """The user that supervisord runs as. Raises NotReady or OSError."""
        return rpc.peer_uid(self.socket)

    @property
    def socket(self) -> str:
        return self._conf.socket()

    @property
    def pidfile(self) -> str:
        return self._conf.pidfile()

    def program_path(self, service: str) -> str:
        return os.path.join(self.program_dir, service + self.ending)

    def program_file(self, service: str) -> ProgramFile | None:
        """None where there is none."""
        return self._program_file(self.program_path(service))

    def program_text(self, service: str) -> str:
        """That of the program file; empty where there is none."""
        file = self.program_file(service)
        return file.data.decode("utf-8", "surrogateescape") if file else ""

    def _program_file(self, path: str) -> ProgramFile | None:
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                return ProgramFile(b"", 0, status.st_mtime, os.readlink(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        data = files.read_bytes(path)
        return None if data is None else ProgramFile(data, status.st_mode & 0o777, status.st_mtime)

    def closed_folder(self) -> str | None:
        """The folder that keeps us from writing program files; None where nothing does."""
        folder = self.program_dir if os.path.isdir(self.program_dir) else files.existing_parent(self.program_dir)
        return None if os.access(folder, os.W_OK | os.X_OK) else folder

    def write_program(self, service: str, data: bytes, mode: int | None = None) -> None:
        """Replace the program file; its owner stays who it is."""
        path = self.program_path(service)
        files.ensure_dir(self.program_dir)
        files.write_atomic(path, data, self.mode if mode is None else mode, files.owner_of(path))

    def remove_program(self, service: str) -> None:
        files.remove(self.program_path(service))

    def _call(self, method: str, *args: Any) -> Any:
        return rpc.call(self.socket, self._conf.credentials(), "supervisor." + method, *args)

    def _complete_logs(self, infos: list[dict[str, Any]]) -> None:
        relative = [(info, option) for info in infos for option in LOG_OPTIONS
                    if info.get(option, "") not in NO_PATHS and not os.path.isabs(info[option])]
        if relative:
            with contextlib.suppress(OSError):
                folder = os.readlink(f"/proc/{self._call('getPID')}/cwd")
                for info, option in relative:
                    info[option] = os.path.join(folder, info[option])

    @property
    def _conf(self) -> SupervisordConf:
        if self._parsed is None:
            self._parsed = SupervisordConf(self.supervisord_conf, self._env)
        return self._parsed

    @cached_property
    def ending(self) -> str:
        """Of a program file."""
        return self._read_ending()

    def _read_ending(self) -> str:
        with contextlib.suppress(NotReady):
            return self._conf.ending(self.program_dir)
        return ".conf"
