"""The conversation's channel: lines of JSON both ways with one program on the host.

A raw channel, because Fabric's run(in_stream=…) feeds 100 bytes a second. No call here waits for the network:
whatever may block does so on a thread of its own, and close() ends them all.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from paramiko import Channel, ChannelException, SSHException

from ..inventory.secret import reveal
from . import known_interpreters
from .connection.host_connection import HostConnection
from .lines import Lines, LineTooLong
from .output import Output
from .paramiko_private.client_transport import runs_no_command
from .sent_executor.bootstrap import OURS

Deliver = Callable[[dict[str, Any] | None], None]
Program = Callable[[str], bytes]            # of the kind of interpreter that runs there, "" where it is not known
UNUSABLE = "unusable"                       # the one event of an interpreter that is too old to name itself
BEAT = json.dumps({"do": "beat"}).encode() + b"\n"
SHORTAGE = 4                                # SSH_OPEN_RESOURCE_SHORTAGE of RFC 4254
STDERR_KEPT = 4096                          # bytes


def open_session(connection: HostConnection, command: str, program: Program, deliver: Deliver,
                 beat: float | None = None, sent: Callable[[], object] = lambda: None) -> Session:
    """Runs `command` in the login shell, sends it `program`, then calls deliver(message) on a thread for every
    JSON object it prints (but {"interpreter": …}), and deliver(None) once at the end. Returns at once; a host that
    refuses the channel is an end of the stream with a complaint.

    {"do": "beat"} is sent whenever nothing else was for `beat` seconds. None: never. `sent` is called when the program
    has left."""
    session = Session(connection, deliver, beat)
    session._start(command, program, sent)
    return session


class Session:
    """`last_heard` is time.monotonic() of the last byte received from the program; what a login prints before it is no
    sign of life. `received` counts the bytes of all messages so far.

    After the end of the stream: `exit_status` is the program's (None: unknown, the link was lost or closed; -1:
    killed by a signal), `lost` whether the link broke or close() ended it, and `complaint` what else the host said.
    `is_refused`: the host let us in, and opens no session, or runs no command in it. `overlong`: what we do not read.
    `began`: the program's interpreter has named itself. `trace`: the traceback of a bug of ours that ended it, or "".
    """

    def __init__(self, connection: HostConnection, deliver: Deliver, beat: float | None) -> None:
        self.last_heard = time.monotonic()
        self.received = 0
        self.exit_status: int | None = None
        self.lost = False
        self.is_refused = False
        self.overlong = ""
        self._connection = connection
        self._deliver = deliver
        self._beat = beat
        self._lines = Lines()
        self._stderr = b""
        self._failure = ""
        self.began = False
        self.trace = ""
        self._interpreter: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[bytes | str | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._written = threading.Event()
        self._ended = threading.Event()
        self._settled = threading.Event()

    def wait_begun(self, seconds: float) -> bool:
        """Wait until the interpreter has named itself, or the session has ended; returns whether one was so in time."""
        return self._settled.wait(seconds)

    def send(self, message: Mapping[str, Any]) -> None:
        """Never blocks; does nothing once the session is closed or lost."""
        if not self._closed.is_set() and not self._ended.is_set():
            self._outbox.put(json.dumps(message, default=reveal).encode() + b"\n")

    def close(self, grace: float = 0.5) -> None:
        """Ends session and connection. What send() took is written first, unless that takes over `grace` s."""
        self._closed.set()
        self._outbox.put(None)
        if self._connection.is_connected:
            self._written.wait(grace)
        self._connection.sever()

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    @property
    def complaint(self) -> str:
        """Why it ended and what the host said that was no message: several lines, or ""."""
        stderr = self._stderr.decode(errors="replace").strip()
        return "\n".join(part for part in (self._failure, *self._lines.noise, stderr) if part)

    def _start(self, command: str, program: Program, sent: Callable[[], object]) -> None:
        self._thread(lambda: self._write(command, program, sent), "writer")

    def _thread(self, work: Callable[[], None], name: str) -> None:
        threading.Thread(target=work, daemon=True, name=f"{self._connection.original_host} {name}").start()

    def _write(self, command: str, program: Program, sent: Callable[[], object]) -> None:
        channel = None
        try:
            channel = self._connection.transport.execute(command)
            self._thread(lambda: self._read(channel), "reader")
            early = self._connection.first_input
            kind = early.kind if early else self._expected(program, command)
            if early is None:
                channel.sendall(memoryview(self._made(program, kind)))
            sent()
            self._send_messages(channel, command, program, kind)
            channel.shutdown_write()
        except (SSHException, EOFError, OSError, AttributeError) as error:
            if channel is None:
                why = getattr(error, "text", "") or str(error) or type(error).__name__
                self._failure = f"the host opens no channel: {why}"
                self.is_refused = isinstance(error, ChannelException) and error.code != SHORTAGE
                self._end(None)
        finally:
            self._written.set()

    def _expected(self, program: Program, command: str) -> str:
        """The kind of interpreter there, or "". A far host is not asked: that takes a round trip."""
        if self._connection.transport.is_near:
            self._made(program, OURS)           # most likely that one: made while the interpreter starts
            return self._told_interpreter()
        return known_interpreters.last_kind(self._connection.server, command)

    def _made(self, program: Program, kind: str) -> bytes:
        """The program as that host can run it. A bug ends the session at once: nobody shall wait for the host."""
        try:
            return program(kind)
        except Exception:
            self.trace = traceback.format_exc()
            self._connection.sever()
            return b""

    def _send_messages(self, channel: Channel, command: str, program: Program, kind: str) -> None:
        """Until the end. An interpreter of another kind passes them over: it gets them again, behind sources."""
        passed_over: list[bytes] = []
        while (item := self._next_to_send()) is not None:
            if isinstance(item, bytes):
                channel.sendall(item)
                if kind:
                    passed_over.append(item)
                continue
            if kind and item != kind:
                channel.sendall(self._made(program, item) + b"".join(passed_over))
            known_interpreters.remember(self._connection, command, item)
            kind = ""

    def _next_to_send(self) -> bytes | str | None:
        """A message, or the kind of the interpreter once it is known. None at the end."""
        try:
            return self._outbox.get(timeout=self._beat)
        except queue.Empty:
            return BEAT

    def _told_interpreter(self) -> str:
        """Not worth a wait where the round trip is longer than what it spares."""
        try:
            return self._interpreter.get(timeout=1)
        except queue.Empty:
            return ""

    def _read(self, channel: Channel) -> None:
        try:
            output = Output(channel)
            while any(data := output.read()):
                arrived = time.monotonic()
                self._take(*data)
                if self.began:
                    self.last_heard = arrived
            self._hear_all(self._lines.finish())
        except LineTooLong as error:
            self.overlong = self._failure = str(error)
            self._connection.sever()
        except (OSError, EOFError):         # another thread closed the connection
            pass
        finally:
            self._end(channel)

    def _take(self, stdout: bytes, stderr: bytes) -> None:
        self._stderr = (self._stderr + stderr)[-STDERR_KEPT:]
        self._hear_all(self._lines.feed(stdout))

    def _hear_all(self, messages: Iterator[dict[str, Any]]) -> None:
        for message in messages:
            self.received = self._lines.received
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        if message.keys() == {"interpreter"}:
            self.began = True
            self._settled.set()
            self._interpreter.put(str(message["interpreter"]))
            self._outbox.put(str(message["interpreter"]))
        elif not self.began and message.get("event", UNUSABLE) != UNUSABLE:
            self._lines.noise.append(json.dumps(message)[:500])     # a login shell may print JSON, too
        else:
            self._deliver(message)

    def _end(self, channel: Channel | None) -> None:
        self.lost = channel is None
        if channel is not None:
            channel.status_event.wait(1)    # it comes after the end of the streams
            status = channel.exit_status if channel.status_event.is_set() else None
            if status == -1 or not channel.eof_received:
                # paramiko ends the channels of a lost link before it says that the link is lost.
                self._connection.transport.join(0.5)
                self.lost = not self._connection.is_connected
            self.exit_status = None if self.lost and status == -1 else status
            if runs_no_command(channel):
                self.is_refused, self._failure = True, "the host refuses to run a command"
        self._ended.set()
        self._settled.set()
        self._interpreter.put("")
        self._outbox.put(None)
        self._deliver(None)
