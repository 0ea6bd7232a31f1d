"""Everything that leans on private parts of paramiko: the one file to look at when paramiko is upgraded."""

from __future__ import annotations

import contextlib
import copy
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from paramiko import (
    AgentKey,
    AuthenticationException,
    BadAuthenticationType,
    Channel,
    Message,
    PKey,
    SSHException,
    Transport,
)
from paramiko.agent import SSH2_AGENT_IDENTITIES_ANSWER, AgentSSH, cSSH2_AGENTC_REQUEST_IDENTITIES
from paramiko.auth_handler import AuthHandler
from paramiko.common import MSG_CHANNEL_FAILURE, cMSG_CHANNEL_OPEN, cMSG_CHANNEL_REQUEST
from paramiko.kex_curve25519 import KexCurve25519
from paramiko.pkey import PublicBlob


def _note_refusal(channel: Any, message: Message) -> None:
    channel.is_refused = True
    channel._request_failed(message)


def runs_no_command(channel: Channel) -> bool:
    """The server has refused the command of the channel: it is for file transfers only, or no computer."""
    return getattr(channel, "is_refused", False)


NEAR = 0.02                                 # seconds of a round trip


class WrongGuess(SSHException):
    """Both agree on another key exchange than the one that was begun."""


class ClientTransport(Transport):
    """A connection's thread and who waits for it sleep until something happens. paramiko's look ten times a second
    whether it has, and a timer has a thread of its own: with hundreds of hosts that is most of the client's work."""

    _active_check_timeout = 30.0            # seconds; who closes the connection shuts its socket down first
    # paramiko has curve25519-sha256 by its older name only.
    _kex_info: ClassVar[dict[str, type]] = {
        "curve25519-sha256": KexCurve25519, **Transport._kex_info}  # type: ignore[attr-defined]
    _channel_handler_table: ClassVar[dict[int, Callable[[Channel, Message], Any]]] = {
        **Transport._channel_handler_table, MSG_CHANNEL_FAILURE: _note_refusal}  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.round_trip = float("inf")      # seconds, or less: the shortest wait for an answer so far
        self._asked = float("-inf")
        self._extended = threading.Event()  # the server has named its extensions
        self.farewell = ""                  # the server's last words
        self.has_requested = False          # a session, which may be why the connection ends
        self._requested: _SessionRequest | None = None
        self.key_exchange = ""              # that both have agreed on
        self._guess: Any = None             # a key exchange that has begun before the server said what it has
        # start_client's own limit comes first.
        self.packetizer.start_handshake = lambda timeout: None  # type: ignore[method-assign]

    def start_client(self, event: threading.Event | None = None, timeout: float | None = None) -> None:
        """As paramiko's, it returns at the limit without an error; there is no key yet, then."""
        negotiated = event or threading.Event()
        super().start_client(negotiated)
        negotiated.wait(timeout)
        if not self.is_active():
            raise self.get_exception() or SSHException("Negotiation failed.")

    def note_question(self) -> None:
        """Something was asked that the server answers without much work."""
        self._asked = time.monotonic()

    def note_answer(self) -> None:
        self.round_trip = min(self.round_trip, time.monotonic() - self._asked)

    def guess(self, key_exchange: str) -> None:
        """Before the start: begin this key exchange right behind our version, as if both had agreed on it. Where they
        agree on another one, the connection ends with WrongGuess."""
        self._guess = self._kex_info[key_exchange](self)

    def _check_banner(self) -> None:
        own: Any = self
        if self._guess:
            self._send_kex_init()
            self._guess.start_kex()
            self._answers: tuple[int, ...] = own._expected_packet      # paramiko waits for the server's offer first
        before: Any = super()
        before._check_banner()

    def _send_kex_init(self) -> None:
        if self.local_kex_init is None:     # else it is on its way
            before: Any = super()
            before._send_kex_init()

    def _negotiate_keys(self, message: Message) -> None:
        before: Any = super()
        if self._guess is None:
            before._negotiate_keys(message)
            self.note_question()
            return
        guess, self._guess = self._guess, None
        self._parse_kex_init(message)
        if type(self.kex_engine) is not type(guess):
            raise WrongGuess(f"the server agrees on {self.key_exchange}")
        self.kex_engine = guess
        before._expect_packet(*self._answers)

    def _parse_kex_init(self, message: Message) -> None:
        before: Any = super()
        before._parse_kex_init(message)
        self.key_exchange = next(name for name in self.preferred_kex if self._kex_info[name] is type(self.kex_engine))

    def _set_K_H(self, key: int, digest: bytes) -> None:
        self.note_answer()
        before: Any = super()
        before._set_K_H(key, digest)

    @property
    def is_near(self) -> bool:
        return self.round_trip < NEAR

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
            self._extended.wait(_OWN_THREAD)
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

    def request_session(self, command: str) -> None:
        """Ask for the channel that the next open_session() or execute() returns, and for `command` in it, if there is
        one. Waits for no answer. For OpenSSH's server, which numbers its channels from 0."""
        self.has_requested = True
        self._requested = _SessionRequest(self, command)

    def has_session(self) -> bool:
        """Wait for the answer to request_session(), if there was one. After a refusal, open_session() asks anew."""
        request = self._requested
        try:
            number = request.channel().remote_chanid if request else _FIRST_CHANNEL
            if number == _FIRST_CHANNEL or not request or not request.command:
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
            self._send_user_message(_exec(channel.remote_chanid, command))  # type: ignore[attr-defined]
        return channel


_OWN_THREAD = 0.1                           # seconds
_FIRST_CHANNEL = 0                          # OpenSSH's number for it


class _SessionRequest:
    """Transport.open_channel in two halves. `command` is requested with the channel; "": none."""

    def __init__(self, transport: Any, command: str) -> None:
        self.command = command
        window, packet = transport.default_window_size, transport.default_max_packet_size
        with transport.lock:
            self._number = transport._next_channel()
            channel: Any = Channel(self._number)
            self._channel: Channel = channel        # the transport has a weak reference only
            transport._channels.put(self._number, channel)
            transport.channel_events[self._number] = self._answered = threading.Event()
            transport.channels_seen[self._number] = True
            channel._set_transport(transport)
            channel._set_window(window, packet)
        message = Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string("session")
        for number in (self._number, window, packet):
            message.add_int(number)
        transport._send_message(message)
        if command:
            transport._send_message(_exec(_FIRST_CHANNEL, command))
        self._transport = transport

    def channel(self) -> Channel:
        """Waits for the answer; raises SSHException or EOFError as open_channel does."""
        if not self._answered.wait(self._transport.channel_timeout):
            raise SSHException("Timeout opening channel.")
        # What ran in one that is closed already, as where there is no such command, has said why it ended.
        is_open = self._transport._channels.get(self._number) is not None or self._channel.closed
        if not is_open or not self._transport.is_active():
            raise self._transport.get_exception() or SSHException("Unable to open channel.")
        return self._channel


def _exec(channel: int, command: str) -> Message:
    """`channel`: the server's number."""
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(command)
    return message


def agent_keys(connection: socket.socket) -> tuple[AgentKey, ...]:
    """The keys of the agent behind a connected socket; paramiko's own Agent knows SSH_AUTH_SOCK only.

    A certificate in the agent is shown to the server, and signed with, as a whole.
    """
    keys = _Agent(connection).get_keys()
    for key in keys:
        if "-cert-v01@" in key.get_name():  # paramiko would show the bare key under the certificate's name
            key.inner_key = None  # type: ignore[attr-defined]
    return keys


class _Agent(AgentSSH):
    def __init__(self, connection: socket.socket) -> None:
        """As AgentSSH._connect, which reads every comment as UTF-8."""
        super().__init__()
        agent: Any = self
        agent._conn = connection
        kind, answer = agent._send_message(cSSH2_AGENTC_REQUEST_IDENTITIES)
        if kind != SSH2_AGENT_IDENTITIES_ANSWER:
            raise SSHException("the agent shows no keys")
        keys = [(answer.get_binary(), answer.get_binary()) for _ in range(answer.get_int())]
        agent._keys = tuple(AgentKey(agent, blob, comment.decode(errors="replace")) for blob, comment in keys)


def on_offer(transport: ClientTransport, hear: Callable[[KnownAlgorithms], None]) -> None:
    """Calls hear() with the algorithms that the server offers, at each key exchange."""
    parse: Any = transport._really_parse_kex_init  # type: ignore[attr-defined]

    def really_parse_kex_init(message: Message, **options: Any) -> dict[str, list[str]]:
        lists: dict[str, list[str]] = parse(message, **options)
        hear(KnownAlgorithms(*(tuple(lists[f"{kind}_algo_list"]) for kind in (
            "server_encrypt", "server_mac", "kex", "server_key"))))
        return lists

    transport._really_parse_kex_init = really_parse_kex_init  # type: ignore[attr-defined]


def on_banner_line(transport: Transport, hear: Callable[[str], None]) -> None:
    """Calls hear(line) for each line that the server sends up to its SSH banner."""
    read = transport.packetizer.readline

    def readline(timeout: float) -> str:
        line = read(timeout)
        hear(line)
        return line

    transport.packetizer.readline = readline  # type: ignore[method-assign]


def authenticate(transport: ClientTransport, user: str, key: PKey, then: Callable[[], None]) -> list[str]:
    """Transport.auth_publickey, a round trip shorter where it can be. Returns the methods that the server still asks
    for. Raises KeyRefused, and NotSigned for a key that does not sign: the server has heard nothing of it, and the next
    has its turn.

    then() is called when the request is sent, on any thread."""
    if not transport.is_active():
        return transport.auth_publickey(user, key)          # it says why
    finished = threading.Event()
    handler = _Login(transport, _can_sign(transport, key), then)
    transport.auth_handler = handler
    handler.auth_publickey(user, key, finished)
    if handler.is_early:
        then()
    if not finished.wait(transport.auth_timeout):
        raise AuthenticationException("Authentication timeout.")
    # A server may answer, refuse what then() requested, and end the connection.
    if handler.refusal:
        raise handler.refusal
    return [] if handler.is_authenticated() else handler.wait_for_response(finished)


def _can_sign(transport: ClientTransport, key: PKey) -> bool:
    """It is known for which algorithm."""
    return "rsa" not in key.get_name() or transport.knows_rsa_hashes()


class KeyRefused(AuthenticationException):
    """The server would take another one."""


class NotSigned(SSHException):
    """An agent does not sign: its token is not plugged in, its owner has not confirmed."""


class AgentTimeout(NotSigned):
    """An agent has said nothing so far. What it says later would be taken for the answer to another question."""


class _Login(AuthHandler):
    """`is_early`: asks for the login service and logs in to it without waiting for the first answer, as paramiko would;
    a server without that service closes the connection (RFC 4253, section 10)."""

    def __init__(self, transport: ClientTransport, is_early: bool, then: Callable[[], None]) -> None:
        super().__init__(transport)
        self.is_early = is_early
        self.refusal: AuthenticationException | None = None
        self._connection = transport
        self._then = then

    def _request_auth(self) -> None:
        self._connection.note_question()
        before: Any = super()
        before._request_auth()
        if self.is_early:
            self._log_in()

    def _parse_service_accept(self, message: Message) -> None:
        self._connection.note_answer()
        if not self.is_early:
            self._log_in_late()

    def _parse_userauth_failure(self, message: Message) -> None:
        methods, is_partial = message.get_list(), message.get_boolean()
        message.rewind()
        if not is_partial:
            self.refusal = KeyRefused() if "publickey" in methods else BadAuthenticationType("", methods)
        before: Any = super()
        before._parse_userauth_failure(message)

    def _log_in_late(self) -> None:
        try:
            self._log_in()
        except NotSigned as error:          # on the transport's thread, which it would end
            handler: Any = self
            handler.transport.saved_exception = error
            handler.auth_event.set()
        else:
            self._then()

    def _log_in(self) -> None:
        granted = Message()
        granted.add_string("ssh-userauth")
        granted.rewind()
        before: Any = super()
        try:
            before._parse_service_accept(granted)
        except TimeoutError as error:
            raise AgentTimeout(str(error)) from None
        except SSHException as error:
            raise NotSigned(str(error)) from None


class KnownAlgorithms(NamedTuple):
    """The algorithms that paramiko has, by the kinds of ssh_config(5)."""

    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    key_exchanges: tuple[str, ...]
    host_keys: tuple[str, ...]


def known_algorithms() -> KnownAlgorithms:
    """More than paramiko offers by default: OpenSSH's client does without the old ones, too."""
    every: Any = ClientTransport
    return KnownAlgorithms(tuple(every._cipher_info), tuple(every._mac_info), tuple(every._kex_info),
                           tuple(every._key_info))


def without_public_keys(accepted: tuple[str, ...]) -> dict[str, list[str]]:
    """Transport's `disabled_algorithms`, so that an RSA key signs with an accepted hash only."""
    every: Any = Transport
    return {"pubkeys": [name for name in every._preferred_pubkeys
                        if name not in accepted and f"{name}-cert-v01@openssh.com" not in accepted]}


def with_certificate(key: PKey, certificate: PublicBlob) -> PKey:
    """A copy of the key that shows the certificate in place of its public half."""
    certified = AgentKey(key.agent, key.blob, key.comment) if isinstance(key, AgentKey) else copy.copy(key)
    certified.public_blob = certificate
    return certified
