"""Access to what is supervisord's through sudo: one helper, which does what the executor asks for."""

from __future__ import annotations

import base64
import contextlib
import json
import marshal
import sys
import threading
from typing import Any, Sequence

from ..errors import HostError
from ..supervisor.supervisord_access import ProgramFile, SupervisordAccess
from ..supervisor.supervisord_conf import Configuration, Definition
from . import sudo_wire
from .sudo import Sudo

# In the order of their imports.
HELPER = ("executor", "executor.protocol", "executor.quoting", "executor.errors", "executor.digests", "executor.disk",
          "executor.disk.files", "executor.disk.access_list", "executor.supervisor", "executor.supervisor.rpc",
          "executor.supervisor.quoted_text", "executor.supervisor.supervisord_conf",
          "executor.supervisor.supervisord_access", "executor.sudo", "executor.sudo.sudo_wire",
          "executor.sudo.sudo_helper")


class SudoAccess(SupervisordAccess):
    """A helper that died is started anew at the next request; the one that it did not answer fails."""

    prefix = "sudo "

    def __init__(self, supervisord_conf: str, program_dir: str, services: Sequence[str], password: str | None) -> None:
        super().__init__(supervisord_conf, program_dir, {})
        self.services = sorted(services)
        self.password = password
        self._sudo: Sudo | None = None
        self._is_ready = False
        self._turn = threading.Lock()

    def begin(self) -> None:
        """Start the helper."""
        if self._sudo is None:
            self._sudo = Sudo(sys.executable, self.password)
            self._is_ready = False

    def require(self) -> None:
        """Raise NotReady where sudo refuses the login user."""
        with self._turn:
            self._ready()

    def configuration(self) -> Configuration:
        configuration = Configuration(*self._ask("configuration"))
        return configuration._replace(definitions=[Definition(*each) for each in configuration.definitions])

    def call(self, method: str, *args: Any) -> Any:
        return self._ask("call", method, *args)

    def uid(self) -> int:
        return int(self._ask("uid"))

    @property
    def socket(self) -> str:
        return str(self._ask("socket"))

    @property
    def pidfile(self) -> str:
        return str(self._ask("pidfile"))

    def program_file(self, service: str) -> ProgramFile | None:
        file = self._ask("program_file", service)
        return None if file is None else ProgramFile(sudo_wire.data_of(file[0]), *file[1:])

    def closed_folder(self) -> str | None:
        return None

    def write_program(self, service: str, data: bytes, mode: int | None = None) -> None:
        self._ask("write_program", service, sudo_wire.text_of(data), mode)

    def remove_program(self, service: str) -> None:
        self._ask("remove_program", service)

    def _read_ending(self) -> str:
        with contextlib.suppress(HostError):
            return str(self._ask("ending"))
        return ".conf"

    def _ask(self, ability: str, *args: Any) -> Any:
        with self._turn:
            sudo = self._ready()
            answer = sudo.exchange(json.dumps({"do": ability, "args": args}))
            if not answer:
                self._sudo = None
                raise HostError(f"the helper that sudo started ended: {sudo.last_words() or 'it was killed'}",
                                "try again")
        return sudo_wire.result(json.loads(answer))

    def _ready(self) -> Sudo:
        self.begin()
        assert self._sudo is not None
        if not self._is_ready:
            try:
                self._sudo.wait_until_begun()
            except HostError:
                self._sudo = None           # somebody may allow it meanwhile
                raise
            self._sudo.send("\n".join([*_program(), json.dumps({
                "supervisord_conf": self.supervisord_conf, "program_dir": self.program_dir,
                "services": self.services})]))
            self._is_ready = True
        return self._sudo


def _program() -> list[str]:
    """The lines that sudo_start reads: its own code, and the modules of the helper. All are in our memory."""
    get_code = __loader__.get_code  # type: ignore[name-defined]
    start, rest = (base64.b64encode(marshal.dumps(value)).decode() for value in (
        get_code("executor.sudo.sudo_start"), {name: get_code(name) for name in HELPER}))
    return [f"__import__('marshal').loads(__import__('base64').b64decode('{start}'))", rest]
