"""How commands of a team's own tasks run: where their service is, and with their output as lines of the host."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from typing import Any

from fabric.runners import Remote
from invoke.runners import Local, normalize_hide

from ..program.quoting import for_any_shell, for_sh

LONGEST_LINE = 1 << 16                      # characters; what is longer is given on in pieces
BASH = '"$(command -v bash || echo sh)"'
OUT, ERR = "stdout", "stderr"


class LineStream(io.TextIOBase):
    """A file that gives each line on as soon as it is whole. `lock`: of both streams, which Invoke writes on threads of
    their own: whoever takes the lines is not called twice at once."""

    def __init__(self, take: Callable[[str], None], lock: threading.Lock) -> None:
        self._take = take
        self._lock = lock
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], ""
        with self._lock:
            for line in lines:
                self._take(line.rstrip("\r"))
        return len(text)

    def end(self) -> None:
        """What is left is a line, too."""
        if self._rest:
            self.write("\n")


class _Hidden(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


class _Lines:
    """Of a runner of Invoke: what a command prints goes to `streams`, and so does the command itself with `echo`."""

    def __init__(self, context: Any, streams: Mapping[str, LineStream], **options: Any) -> None:
        super().__init__(context, **options)  # type: ignore[call-arg]
        self._streams = streams
        self._typed = ""
        self._is_late = False

    def run(self, command: str, **options: Any) -> Any:
        """Without `hide` and `echo` of Invoke: it hides no stream that is given to it, and prints what it echoes."""
        self._typed = command
        hidden = normalize_hide(options.pop("hide", None))
        streams = {name: _Hidden() if name in hidden else stream for name, stream in self._streams.items()}
        options = {"out_stream": streams[OUT], "err_stream": streams[ERR], "in_stream": False, **options}
        try:
            return super().run(self._whole(command, options), **options)  # type: ignore[misc]
        finally:
            if not options.get("asynchronous"):
                self.end()

    def kill(self) -> None:
        """Invoke's timer calls it. The command may have ended before the timer's thread has, by which Invoke would tell
        that it was late."""
        self._is_late = True
        super().kill()  # type: ignore[misc]

    @property
    def timed_out(self) -> bool:
        return self._is_late

    def generate_result(self, **options: Any) -> Any:
        """What the task typed, without what stands before it."""
        return super().generate_result(**{**options, "command": self._typed})  # type: ignore[misc]

    def echo(self, command: str) -> None:
        self._streams[OUT].write(self._typed + "\n")

    def end(self) -> None:
        for stream in self._streams.values():
            stream.end()

    def _whole(self, command: str, options: dict[str, Any]) -> str:
        return command


class HostRunner(_Lines, Remote):  # type: ignore[misc]
    """Runs commands on the host, whatever the login shell is, by bash where there is one: as builds and hooks.
    `beginning`: the commands before each one, which bring it where the service is."""

    def __init__(self, context: Any, streams: Mapping[str, LineStream], beginning: str, **options: Any) -> None:
        super().__init__(context, streams, **options)
        self._beginning = beginning

    def _whole(self, command: str, options: dict[str, Any]) -> str:
        variables = {**self.context.config.run.env, **options.get("env", {})}
        options["env"] = {}                 # Fabric would not quote them
        exports = [f"export {name}={for_sh(str(value))}" for name, value in sorted(variables.items())]
        beginning = " && ".join([self._beginning, *exports])
        return for_any_shell(f'{beginning} || exit 1; exec {BASH} -c {for_sh(command)}')


class ClientRunner(_Lines, Local):
    """Runs commands on this machine, as `c.local`: about the host, and in the current folder."""
