"""The SSH server of an embedded host: who may log in, and how a command runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import asyncssh

CHUNK = 1 << 16

Process = asyncssh.SSHServerProcess[bytes]


class Login(asyncssh.SSHServer):
    """Accepts one user with one key."""

    def __init__(self, user: str, key: asyncssh.SSHKey) -> None:
        self._user = user
        self._key = key.convert_to_public()

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._user and key == self._key

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        """Allows it: an embedded host can be another one's gateway."""
        return True


async def serve(process: Process, home: Path, environment: Mapping[str, str]) -> None:
    """Run a command as OpenSSH does: in a session of its own, which goes on when the client disconnects."""
    if process.command is None:
        process.stderr.write(b"the sandbox's hosts run commands; they have no terminal to offer\n")
        process.exit(1)
        return
    outputs = os.pipe(), os.pipe()
    child = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", process.command, cwd=home, env={**environment, "HOME": str(home)},
        stdin=asyncio.subprocess.PIPE, stdout=outputs[0][1], stderr=outputs[1][1], start_new_session=True)
    for _, write_end in outputs:
        os.close(write_end)
    input_task = asyncio.ensure_future(_forward_input(process, child))
    await asyncio.gather(_drain(outputs[0][0], process.stdout), _drain(outputs[1][0], process.stderr))
    status = await child.wait()
    input_task.cancel()
    try:
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name[3:])
        else:
            process.exit(status)
    except OSError:
        pass                            # the client has disconnected


async def _forward_input(process: Process, child: asyncio.subprocess.Process) -> None:
    """Pass on the client's input and signals. The end of the connection is the end of the input."""
    stdin = child.stdin
    assert stdin is not None
    while True:
        try:
            data = await process.stdin.read(CHUNK)
        except asyncssh.SignalReceived as received:
            _signal_group(child.pid, received.signal)
            continue
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
            continue
        except (asyncssh.Error, OSError):
            data = b""
        try:
            if not data:
                stdin.close()
                return
            stdin.write(data)
            await stdin.drain()
        except OSError:
            continue                    # the command closed its input: go on reading, for the signals


async def _drain(descriptor: int, target: asyncssh.SSHWriter[bytes]) -> None:
    """Copy from a pipe to the client until either ends; then close our end, so that the command notices."""
    reader = asyncio.StreamReader(limit=CHUNK)
    with os.fdopen(descriptor, "rb", 0) as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            while data := await reader.read(CHUNK):
                target.write(data)
                await target.drain()
        except (asyncssh.Error, OSError):
            pass
        finally:
            transport.close()


def _signal_group(pid: int, name: str) -> None:
    number = getattr(signal, f"SIG{name}", None)
    if isinstance(number, signal.Signals):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            pass
