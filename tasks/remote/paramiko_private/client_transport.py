"""A connection to a server, and the sessions in it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from paramiko import Channel, Message, SSHException, Transport
from paramiko.common import MSG_CHANNEL_FAILURE, MSG_CHANNEL_WINDOW_ADJUST

from .key_exchange import EarlyKeyExchange
from .session_request import FIRST_CHANNEL, SessionRequest, exec_message

OWN_THREAD = 0.1                            # seconds


def _note_refusal(channel: Any, message: Message) -> None:
    channel.is_refused = True
    channel._request_failed(message)


def _adjust_window(channel: Any, message: Message) -> None:
    channel._window_adjust(message)         # paramiko's table has the one of its own class


def runs_no_command(channel: Channel) -> bool:
    """The server has refused the command of the channel: it is for file transfers only, or no computer."""
    return getattr(channel, "is_refused", False)


class ClientTransport(EarlyKeyExchange):
    """A connection's thread and who waits for it sleep until something happens. paramiko's look ten times a second
    whether it has, and a timer has a thread of its own: with hundreds of hosts that is most of the client's work."""

    _active_check_timeout = 30.0            # seconds; who closes the connection shuts its socket down first
    _channel_handler_table: ClassVar[dict[int, Callable[[Channel, Message], Any]]] = {
        **Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_FAILURE: _note_refusal, MSG_CHANNEL_WINDOW_ADJUST: _adjust_window}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._extended = threading.Event()  # the server has named its extensions
        self.farewell = ""                  # the server's last words
        self.has_login_service = False      # the server has granted it
        self.has_requested = False          # a session, which may be why the connection ends
        self._requested: SessionRequest | None = None
        # start_client's own limit comes first.
        self.packetizer.start_handshake = lambda timeout: None  # type: ignore[method-assign]

    def start_client(self, event: threading.Event | None = None, timeout: float | None = None) -> None:
        """As paramiko's, it returns at the limit without an error; there is no key yet, then."""
        negotiated = event or threading.Event()
        super().start_client(negotiated)
        negotiated.wait(timeout)
        if not self.is_active():
            raise self.get_exception() or SSHException("Negotiation failed.")

    @property
    def is_openssh(self) -> bool:
        return self.remote_version.startswith("SSH-2.0-OpenSSH")

    def _parse_ext_info(self, message: Message) -> None:
        before: Any = super()
        before._parse_ext_info(message)
        self._extended.set()

    def _parse_disconnect(self, message: Message) -> None:
        message.get_int()                   # a reason, which servers choose as they like
        self.farewell = message.get_text()

    def knows_rsa_hashes(self) -> bool:
        """The server has said for which algorithms an RSA key may sign (RFC 8308). OpenSSH's, from 7.2 on, says so
        right behind its key exchange: only our own thread may have to read it. Others say it later, or never."""
        if self.is_openssh:
            self._extended.wait(OWN_THREAD)
        return "server-sig-algs" in self.server_extensions  # type: ignore[attr-defined]

    def get_exception(self) -> Exception | None:
        """Where the server sends what SSH does not allow, paramiko's thread ends with whatever error that makes."""
        error = super().get_exception()
        return SSHException(f"it sends what is not SSH: {error}") if isinstance(error, ValueError) else error

    def run(self) -> None:
        """All who wait for something hear of the end. paramiko's thread tells nobody where another has closed the
        connection, and fails on the way where another is just opening a channel, on a gateway as in a login."""
        with contextlib.suppress(Exception):
            super().run()
        own: Any = self
        self.stop_thread()
        for channel in own._channels.values():
            with contextlib.suppress(AttributeError):       # who opens it meets the closed socket
                channel._unlink()
        if own.completion_event is not None:
            own.completion_event.set()
        if own.auth_handler is not None:
            own.auth_handler.abort()
        self.sock.close()

    def stop_thread(self) -> None:
        """paramiko tells those who wait for a channel where the server ends the connection, not where we do."""
        self.active = False
        for answered in list(self.channel_events.values()):
            answered.set()
        super().stop_thread()

    def request_session(self, command: str, data: bytes = b"") -> None:
        """Ask for the channel that the next open_session() or execute() returns, and for `command` in it, if there is
        one; `data` is what that reads first. Waits for no answer. For OpenSSH's server, which numbers its channels from
        0."""
        self.has_requested = True
        self._requested = SessionRequest(self, command, data)

    def has_session(self) -> bool:
        """Wait for the answer to request_session(), if there was one. After a refusal, open_session() asks anew."""
        request = self._requested
        try:
            number = request.channel().remote_chanid if request else FIRST_CHANNEL
            if number == FIRST_CHANNEL or not request or not request.command:
                return True
        except (SSHException, EOFError):
            pass
        self._requested = None
        return False

    def opens_session(self) -> bool:
        """In the ordinary way, once it has let us in."""
        self.request_session("")
        return self.has_session()

    def open_session(self, *args: Any, **options: Any) -> Channel:
        if self._requested is None:
            return super().open_session(*args, **options)
        request, self._requested = self._requested, None
        return request.channel()

    def execute(self, command: str) -> Channel:
        """A session that runs the command. Waits for the session, and not for the answer to the command, as
        exec_command would, without a timeout: if the server refuses, paramiko closes the channel, and that ends the
        stream."""
        is_requested = self._requested is not None and self._requested.command == command
        channel = self.open_session()
        if not is_requested:
            self._send_user_message(exec_message(channel.remote_chanid, command))  # type: ignore[attr-defined]
        return channel
