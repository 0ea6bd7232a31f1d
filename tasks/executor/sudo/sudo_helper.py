"""The helper that sudo starts, as root: it can do what a deploy needs of supervisord, and nothing else.

It is told once which supervisord and which services; from then on a request names a service, and the paths follow
from that here. It ends when the executor is gone, whose end of the pipe is closed then.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import Any, Callable, TextIO

from ..disk import access_list
from ..errors import HostError, NotReady
from ..supervisor.supervisord_access import ProgramFile, SupervisordAccess
from ..supervisor.supervisord_conf import Definition
from . import sudo_wire

OF_SUPERVISORD = ("reloadConfig", "getState", "getSupervisorVersion", "getPID")
# By the number of arguments after the name of a process or group.
OF_PROGRAM = {"getProcessInfo": 0, "startProcess": 1, "stopProcess": 1, "signalProcess": 1,
              "addProcessGroup": 0, "removeProcessGroup": 0}
OF_ALL = ("getAllProcessInfo", "getAllConfigInfo")


class RootAccess(SupervisordAccess):
    """Access to the programs of `services` alone."""

    mode = 0o644                        # as the files of a package: they hold no secrets

    def __init__(self, supervisord_conf: str, program_dir: str, services: list[str]) -> None:
        super().__init__(supervisord_conf, program_dir, os.environ)
        self._services = services

    def call(self, method: str, *args: Any) -> Any:
        """What no file defines any more is nobody's: a deploy has to know whether its own program runs on there."""
        if method in OF_SUPERVISORD and not args:
            return super().call(method)
        if method in OF_ALL and not args:
            foreign = self._foreign()
            infos = super().call(method)
            self._open_logs([info for info in infos if self._is_group(info["group"], foreign)])
            hidden = {each.name for each in self.configuration().definitions} - {each.name for each in self._deployed()}
            return [info for info in infos if self._is_group(info["group"], foreign) or info["group"] not in hidden]
        if OF_PROGRAM.get(method) == len(args) - 1 and self._is_group(str(args[0]).partition(":")[0], self._foreign()):
            answer = super().call(method, *args)
            self._open_logs([answer] if method == "getProcessInfo" else [])
            return answer
        raise HostError(f"the sudo helper does not do {method}", "report it")

    def program_path(self, service: str) -> str:
        if service not in self._services or "/" in service or service.startswith("."):
            raise HostError(f"the sudo helper does not serve {service}", "report it")
        return super().program_path(service)

    def program_file(self, service: str) -> ProgramFile | None:
        """Also of a service that another command deployed: status must know it, and it holds no secret."""
        path = super().program_path(service)
        is_deployed = any(each.path == path for each in self._deployed())
        return self._program_file(path if is_deployed else self.program_path(service))

    def _deployed(self) -> list[Definition]:
        """What is defined in files that a deploy wrote."""
        return [each for each in self.configuration().definitions if each.is_ours]

    def write_program(self, service: str, data: bytes, mode: int | None = None) -> None:
        self._require_included(service)
        super().write_program(service, data, mode)

    def remove_program(self, service: str) -> None:
        self._require_included(service)
        super().remove_program(service)

    def _is_group(self, name: str, foreign: set[str]) -> bool:
        """The group of a service, or of one of its programs: of these the names are not all known, as some may be gone
        from the program file. What another file defines is never one."""
        return name in self._services or (name not in foreign and any(
            name.startswith(service + "-") for service in self._services))

    def _foreign(self) -> set[str]:
        """Names that files of others define."""
        ours = {self.program_path(service) for service in self._services}
        return {each.name for each in self.configuration().definitions if each.path not in ours}

    def _open_logs(self, processes: list[dict[str, Any]]) -> None:
        """Let the login user read the logs of its own programs, where they are root's."""
        for process in processes:
            for path in (process.get("stdout_logfile"), process.get("stderr_logfile")):
                with contextlib.suppress(OSError):
                    _let_read(path or "", int(os.environ["SUDO_UID"]))

    def _require_included(self, service: str) -> None:
        """Root writes only what supervisord reads, and follows no link that somebody else could have made."""
        path = self.program_path(service)
        if not self.configuration().includes(path):
            raise NotReady(f"{self.supervisord_conf} does not include {path}", "correct `program_dir` in hosts.yaml")
        folder = os.path.dirname(path)
        while folder != "/":
            parent = os.path.dirname(folder)
            if os.path.islink(folder) and _others_write(parent):
                raise NotReady(f"{folder} is a link in a folder that not only root can write",
                               f"write in hosts.yaml: program_dir: {os.path.realpath(self.program_dir)}")
            folder = parent


def _others_write(folder: str) -> bool:
    status = os.stat(folder)
    return status.st_uid != 0 or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _let_read(path: str, uid: int) -> None:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(file)
        is_open = status.st_mode & stat.S_IROTH or status.st_uid == uid or uid in access_list.readers_of(path)
        if stat.S_ISREG(status.st_mode) and not is_open:
            access_list.let_read(file, [uid, *access_list.readers_of(path)])
    finally:
        os.close(file)


def main(source: TextIO, sink: TextIO) -> None:
    """Answer each line of `source` until it ends; the first says which supervisord, and which services."""
    place = json.loads(source.readline())
    access = RootAccess(place["supervisord_conf"], place["program_dir"], place["services"])
    abilities: dict[str, Callable[..., Any]] = {
        "configuration": access.configuration, "call": access.call, "uid": access.uid,
        "socket": lambda: access.socket, "pidfile": lambda: access.pidfile, "ending": lambda: access.ending,
        "program_file": lambda service: _as_text(access.program_file(service)),
        "write_program": lambda service, text, mode: access.write_program(service, sudo_wire.data_of(text), mode),
        "remove_program": access.remove_program}
    for line in iter(source.readline, ""):
        request = json.loads(line)
        try:
            answer = {"result": abilities[request["do"]](*request["args"])}
        except Exception as error:
            answer = sudo_wire.failure(error)
        sink.write(json.dumps(answer) + "\n")
        sink.flush()


def _as_text(file: Any) -> Any:
    return None if file is None else file._replace(data=sudo_wire.text_of(file.data))
