"""A program as program files write it: ours as it lies there, the one of before a deploy, and one that failed."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping

from ..disk import files
from ..errors import HostError
from ..protocol import PROGRAM_HEADER
from ..quoting import for_sh
from ..service.context import ServiceContext
from ..supervisor.supervisord import Supervisord
from ..supervisor.supervisord_conf import of_process, options

TRUE = ("true", "yes", "on", "1", "t")      # supervisor/datatypes.py
# A log file of supervisord's own, for AUTO (supervisor/options.py `get_autochildlog_name`).
AUTOMATIC_LOG = re.compile(r"-(stdout|stderr)---.*\.log$")


class WrittenProgram:
    """`group`: the program, by supervisord's name. Options are as they are written; None where there are none of it."""

    def __init__(self, ctx: ServiceContext, group: str) -> None:
        self._ctx = ctx
        self._group = group

    @property
    def path(self) -> str:
        return self._ctx.layout.program_file(self._ctx.name)

    def options(self) -> Mapping[str, str] | None:
        return options(self._content(), self._group)

    def options_before(self) -> Mapping[str, str] | None:
        """Before this deploy."""
        return self._options_of(os.path.join(self._ctx.layout.backup(self._ctx.name, self._ctx.deploy), "program"))

    def sockets(self) -> set[str]:
        """On which supervisord listened for this version, the one before, or a failed one."""
        failed = self._ctx.layout.failed_program(self._ctx.name, self._ctx.deploy)
        written = [self.options(), self.options_before(), self._options_of(failed)]
        return {(each or {}).get("socket", "") for each in written}

    def has_socket(self) -> bool:
        """Whether the program file says that supervisord listens for it."""
        return "socket" in (self.options() or {})

    def exit_codes(self) -> list[int] | None:
        """With which it may end at once: one that need not stay up, and is not started again. None: it must stay up."""
        written = self.options()
        if written is None or written.get("startsecs", "1") != "0":
            return None
        if written.get("autorestart", "unexpected").lower() in TRUE:
            return None
        return [int(code) for code in written.get("exitcodes", "0").split(",") if code.strip().isdigit()]

    def logs_elsewhere(self, infos: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether the program file says AUTO for a log where the program has another one, or the other way round:
        supervisord takes AUTO for equal to anything (supervisor/options.py `ProcessConfig.__eq__`)."""
        written = self.options()
        if written is None:
            return False
        logs = {channel: written.get(f"{channel}_logfile", "AUTO").upper() for channel in ("stdout", "stderr")}
        if written.get("redirect_stderr", "false").lower() in TRUE:
            logs["stderr"] = "NONE"
        return any((log == "AUTO") != bool(AUTOMATIC_LOG.search(info.get(f"{channel}_logfile") or ""))
                   for info in infos.values() for channel, log in logs.items())

    def require_read(self, supervisord: Supervisord) -> None:
        """Raise HostError where supervisord does not have what the program file, if it is one of ours, says."""
        path, text = self.path, self._content()
        written = options(text, self._group)
        if not text.startswith(PROGRAM_HEADER) or written is None:
            return
        read = supervisord.configurations(self._group)
        if not read:
            raise HostError(f"supervisord does not read {path}",
                            f"see on the host whether it may: ls -l {for_sh(path)}")
        differing = [option for option in ("command", "directory") if any(
            each.get(option, "") not in ("", of_process(written[option], _number(self._group, each["name"])))
            for each in read)]
        if differing:
            raise HostError(f"supervisord runs {self._group} with another {' and '.join(differing)} than {path} says",
                            "see on the host what else defines it:"
                            f" grep -rn {self._group} {for_sh(os.path.dirname(path))}")

    def _content(self) -> str:
        return self._ctx.layout.access.program_text(self._ctx.name)

    def _options_of(self, path: str) -> Mapping[str, str] | None:
        return options(files.read_text(path), self._group)


def _number(group: str, process: str) -> str:
    """That of the process, which its name ends with where there are several."""
    numbered = re.fullmatch(re.escape(group) + r"_([0-9]+)", process)
    return str(int(numbered[1])) if numbered else "0"
