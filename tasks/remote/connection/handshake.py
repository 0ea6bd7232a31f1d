"""Makes an SSH transport of a connected socket, and explains why it failed."""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct, field
from paramiko import SSHException, Transport
from paramiko.ssh_exception import IncompatiblePeer

from ..._errors import Mistake, Unreachable
from ..configuration.ssh_config import Settings
from ..host_keys.verifier import Verifier
from ..paramiko_private.algorithms import KnownAlgorithms, on_banner_line, on_offer, without_public_keys
from ..paramiko_private.client_transport import ClientTransport
from . import negotiation
from .dial import timed_out
from .proxy_command import ProxyCommand

# What sshd says in place of its banner when there are too many logins: MaxStartups, PerSourcePenalties.
BUSY = ("Exceeded MaxStartups", "Not allowed at this time")


class TurnedAway(Unreachable):
    """sshd took the connection and ended it before any SSH: it may let us in a moment later."""


class EarlyExchangeFailed(Unreachable):
    """The connection was lost, and the key exchange had begun before the server said which ones it has."""


class Handshake(Struct, frozen=True):
    """`seconds` is the limit for socket, banner and key exchange together."""

    label: str
    settings: Settings
    seconds: float
    verifier: Verifier
    proxy: ProxyCommand | None = None
    guess: str = ""                         # a key exchange that is begun before the server says which ones it has
    greeting: list[str] = []                # the server's lines up to its SSH banner
    offers: deque[KnownAlgorithms] = field(default_factory=lambda: deque(maxlen=1))     # of the newest key exchange

    def transport(self, sock: Any, **options: Any) -> Transport:
        """paramiko's transport_factory."""
        accepted = self.settings.algorithms.public_keys
        transport = ClientTransport(sock, **{**options, "disabled_algorithms": without_public_keys(accepted)})
        transport.daemon = True
        negotiation.apply(self.settings.algorithms, transport, self.label)
        self.verifier.prefer_known_types(transport)
        on_banner_line(transport, self.greeting.append)
        on_offer(transport, self.offers.append)
        if self.guess in transport.get_security_options().kex:
            transport.guess(self.guess)
        return transport

    def explain(self, error: Exception) -> Unreachable | Mistake:
        """Our error for one that paramiko raised before the login began."""
        where = f"{self.settings.hostname}:{self.settings.port}"
        spoke_ssh = any(line.startswith("SSH-") for line in self.greeting)
        busy = next((line.strip() for line in self.greeting if line.startswith(BUSY)), "")
        if isinstance(error, IncompatiblePeer):
            return self._incompatible(error)
        if busy:
            return TurnedAway(f"{self.label}: {where} takes no more logins now: {busy}",
                              "try again, or see MaxStartups in its sshd_config")
        if (self.greeting and not spoke_ssh) or isinstance(error.__context__, UnicodeDecodeError):
            first = self.greeting[0].strip()[:60] if self.greeting else "binary data"
            return Unreachable(f"{self.label}: {where} is not an SSH server; it says {first!r}", "is `port:` right?")
        if self._gave_no_answer(error):
            late = timed_out(self.label, self.settings, self.seconds)
            complaint = self.proxy.complaint() if self.proxy else ""
            return Unreachable(f"{late.message}; the ProxyCommand says: {complaint}", late.hint) if complaint else late
        if not spoke_ssh:
            return self._without_a_word(where)
        lost = EarlyExchangeFailed if self.guess else Unreachable
        return lost(f"{self.label}: connection lost while connecting to {where}: "
                    f"{str(error) or type(error).__name__}", "try again")

    def _incompatible(self, error: Exception) -> Mistake:
        if not self.offers:                 # it speaks another version of SSH
            return Mistake(f"{self.label}: {error}", "bring the server up to date")
        return negotiation.nothing_common(self.label, self.settings.algorithms, self.offers[-1])

    def _without_a_word(self, where: str) -> Unreachable:
        if self.proxy is None:
            return TurnedAway(f"{self.label}: {where} closed the connection before saying anything",
                              "too many logins at once (MaxStartups), a ban, or no SSH server; try again")
        complaint = self.proxy.complaint()
        return Unreachable(f"{self.label}: the ProxyCommand ended before {where} said anything"
                           + (f": {complaint}" if complaint else ""), "see ProxyCommand in ~/.ssh/config")

    @staticmethod
    def _gave_no_answer(error: Exception) -> bool:
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return True
        return isinstance(error, SSHException) and str(error) in (
            "No existing session", "Timeout opening channel.")
