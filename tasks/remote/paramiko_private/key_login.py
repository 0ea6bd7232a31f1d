"""A login with a key, a round trip shorter where it can be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from paramiko import AuthenticationException, BadAuthenticationType, Message, PKey, SSHException
from paramiko.auth_handler import AuthHandler

from .client_transport import ClientTransport


def authenticate(transport: ClientTransport, user: str, key: PKey, then: Callable[[], None]) -> list[str]:
    """Transport.auth_publickey, a round trip shorter where it can be. Returns the methods that the server still asks
    for. Raises KeyRefused, and NotSigned for a key that does not sign: the server has heard nothing of it, and the next
    has its turn.

    then() is called when the request is sent, on any thread."""
    if not transport.is_active():
        return transport.auth_publickey(user, key)          # it says why
    finished = threading.Event()
    handler = _Login(transport, transport.has_login_service or _can_sign(transport, key), then)
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
    a server without that service closes the connection (RFC 4253, section 10). Some do so also where it is asked for
    again, for the next key."""

    def __init__(self, transport: ClientTransport, is_early: bool, then: Callable[[], None]) -> None:
        super().__init__(transport)
        self.is_early = is_early
        self.refusal: AuthenticationException | None = None
        self._connection = transport
        self._then = then

    def _request_auth(self) -> None:
        if not self._connection.has_login_service:
            self._connection.note_question()
            before: Any = super()
            before._request_auth()
        if self.is_early:
            self._log_in()

    def _parse_service_accept(self, message: Message) -> None:
        self._connection.note_answer()
        self._connection.has_login_service = True
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
