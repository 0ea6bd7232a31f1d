"""Logs in with keys. Every refusal names the keys that were offered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from msgspec.structs import replace
from paramiko import AgentKey, AuthenticationException, BadAuthenticationType, SSHException, Transport
from paramiko.auth_strategy import AuthResult, AuthSource, AuthStrategy
from paramiko.config import SSHConfig

from ..._errors import LoginError, Unreachable
from ...program.quoting import for_sh
from ..job_variable import why_missing
from ..paramiko_private.client_transport import ClientTransport
from ..paramiko_private.key_login import AgentTimeout, KeyRefused, NotSigned, authenticate
from ..user_keys import agent
from ..user_keys.explicit_keys import VARIABLE
from ..user_keys.key_offers import Keys, Offer

ENOUGH = "Too many authentication failures"     # OpenSSH's last words after MaxAuthTries
UNSIGNED = " (the agent does not sign with it)"


class CutOff(Unreachable):
    """The server did not take a request that followed the key, before it had answered the login; or it was the link.
    `keys`: those that it has not refused."""

    def __init__(self, message: str, hint: str, keys: Keys) -> None:
        super().__init__(message, hint)
        self.keys = keys


class Login(AuthStrategy):
    """paramiko's hook for a login. `label` names the host in messages; `seconds` limits all keys together, but an
    agent may take a minute for each key: its owner must touch a token, or confirm.
    `command`: what the connection's session will run, "" if that is not known; None on a way to the next host.
    `data`: what the command reads first."""

    def __init__(self, label: str, user: str, offered: Keys, seconds: float, command: str | None, data: bytes = b""
                 ) -> None:
        super().__init__(SSHConfig())
        self.label = label
        self.user = user
        self.keys = offered
        self.seconds = seconds
        self.command = command
        self.data = data
        self._refused_keys: list[Offer] = []

    def get_sources(self) -> Iterator[AuthSource]:
        """Not used: authenticate() goes through the keys itself, because it must stop when the link is gone."""
        yield from ()

    def authenticate(self, transport: ClientTransport) -> AuthResult:  # type: ignore[override]
        """Raises LoginError, or Unreachable when the connection ends meanwhile."""
        tried: list[str] = []
        taken: list[str] = []               # of a server that asks for several keys
        deadline = time.monotonic() + self.seconds
        for offer in self.keys.offers:
            tried.append(offer.label)
            left = max(0.1, deadline - time.monotonic())
            transport.auth_timeout = left + agent.TOUCH_LIMIT if isinstance(offer.key, AgentKey) else left
            try:
                more = authenticate(transport, self.user, offer.key, self._then(transport, offer))
            except BadAuthenticationType as error:
                raise self._no_keys_taken(error) from None
            except AgentTimeout:
                raise Unreachable(f"{self.label}: timed out during the login of {self.user}: the agent did not sign "
                                  f"within {agent.TOUCH_LIMIT:g} s with {offer.label}",
                                  "touch its token, or confirm what the agent asks, then try again") from None
            except KeyRefused:
                self._refused_keys.append(offer)
                continue
            except NotSigned:
                tried[-1] += UNSIGNED
                continue
            except (SSHException, EOFError, OSError) as error:
                self._still_there(transport, error, tried)
                continue
            if not more:
                return AuthResult(self)
            taken.append(offer.label)
            if "publickey" not in more:
                raise self._asks_for_more(taken, f"also asks for {' or '.join(more)}")
        if taken:
            raise self._asks_for_more(taken, "asks for another key, too")
        if not tried and self._open_to_all(transport):
            return AuthResult(self)
        raise self._refused(tried) if tried else self._no_key()

    def _then(self, transport: ClientTransport, offer: Offer) -> Callable[[], None]:
        """The requests for a session and its command go out right behind the last key, which spares two round trips.

        A server takes it when it has accepted the key. Before that it may only disconnect (RFC 4252, section 6), and
        without a key that is no loss. OpenSSH reads one message after the other; others may look ahead."""
        command = self.command
        if command is None or offer is not self.keys.offers[-1] or not transport.is_openssh:
            return _nothing
        return lambda: transport.request_session(command, self.data)

    def _asks_for_more(self, taken: list[str], wish: str) -> LoginError:
        return LoginError(f"{self.label}: the server took {', '.join(taken)} of {self.user}, but {wish}",
                          "log in to this host must be possible by keys alone; see AuthenticationMethods there")

    def cut_off(self, message: str) -> CutOff:
        offers = tuple(offer for offer in self.keys.offers if offer not in self._refused_keys)
        return CutOff(message, "try again; the host's sshd log says why", replace(self.keys, offers=offers))

    def _still_there(self, transport: ClientTransport, error: Exception, tried: list[str]) -> None:
        """What went wrong with one key leaves the connection open for the next one."""
        if isinstance(error, AuthenticationException) and "timeout" in str(error).lower():
            raise Unreachable(f"{self.label}: timed out during the login of {self.user}",
                              "is the host overloaded, or its name service slow?") from None
        if isinstance(error, SSHException) and transport.is_active():      # of a lost link its thread may not know yet
            return
        lost = f"{self.label}: connection lost during the login of {self.user}"
        if transport.has_requested and ENOUGH not in transport.farewell:
            raise self.cut_off(lost) from None
        if len(tried) > 1:
            raise LoginError(f"{self.label}: the server closed the connection after {len(tried)} keys for "
                             f"{self.user}: {', '.join(tried)}",
                             "offer fewer: set identity_file in hosts.yaml, or IdentitiesOnly in ~/.ssh/config"
                             ) from None
        raise Unreachable(lost, "try again; the host's sshd log says why") from None

    def _open_to_all(self, transport: Transport) -> bool:
        """Some servers know the caller by the network and ask for no key (method "none", RFC 4252, 5.2)."""
        try:
            return not transport.auth_none(self.user)
        except (SSHException, EOFError, OSError):
            return False

    def _no_keys_taken(self, error: BadAuthenticationType) -> LoginError:
        return LoginError(f"{self.label}: the server accepts no key from {self.user}, only "
                          f"{' or '.join(error.allowed_types) or 'nothing'}",
                          "PubkeyAuthentication must be on for this user")

    def _refused(self, tried: list[str]) -> LoginError:
        others = "".join(f"; {path} has a passphrase and was not offered" for path in self.keys.locked)
        others += "".join(f"; {why}" for why in self.keys.unusable)
        hint = f"is the public half in ~{self.user}/.ssh/authorized_keys there, and is `user:` right?"
        if any(UNSIGNED in label for label in tried):
            hint = "is its token plugged in, or its agent unlocked; and did you confirm? `ssh-add -T KEY.pub` tries it"
        if self.keys.locked:
            hint = f"ssh-add {for_sh(str(self.keys.locked[0]))}"
        return LoginError(f"{self.label}: login refused for {self.user}; offered: {', '.join(tried)}{others}", hint)

    def _no_key(self) -> LoginError:
        if self.keys.locked:
            path = self.keys.locked[0]
            return LoginError(f"{self.label}: {path}: the key has a passphrase, and no agent has it open",
                              f"ssh-add {for_sh(str(path))}")
        why = f" ({'; '.join(self.keys.unusable)})" if self.keys.unusable else ""
        hint = why_missing(VARIABLE) or f"ssh-keygen, ssh-add, identity_file in hosts.yaml, or {VARIABLE}"
        return LoginError(f"{self.label}: no key to log in with as {self.user}{why}", hint)


def _nothing() -> None:
    pass
