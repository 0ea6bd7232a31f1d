"""From a connected socket to an SSH transport, and what it means when there comes none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paramiko import SSHException, Transport
from paramiko.ssh_exception import IncompatiblePeer

from .._errors import Mistake, Unreachable
from .dial import timed_out
from .host_keys import Verifier
from .paramiko_private import ClientTransport, on_banner_line
from .ssh_config import Settings


@dataclass(frozen=True)
class Handshake:
    """`seconds` is the limit for socket, banner and key exchange together."""

    label: str
    settings: Settings
    seconds: float
    verifier: Verifier
    greeting: list[str] = field(default_factory=list)   # the server's lines up to its SSH banner

    def transport(self, sock: Any, **options: Any) -> Transport:
        """paramiko's transport_factory."""
        transport = ClientTransport(sock, **options)
        transport.daemon = True
        self.verifier.prefer_known_types(transport)
        on_banner_line(transport, self.greeting.append)
        return transport

    def explain(self, error: Exception) -> Unreachable | Mistake:
        """Our error for one that paramiko raised before the login began."""
        where = f"{self.settings.hostname}:{self.settings.port}"
        spoke_ssh = any(line.startswith("SSH-") for line in self.greeting)
        if isinstance(error, IncompatiblePeer):
            return Mistake(f"{self.label}: {error}: no common way to encrypt",
                           "bring the server up to date; or see what its sshd_config allows: KexAlgorithms, Ciphers")
        if (self.greeting and not spoke_ssh) or isinstance(error.__context__, UnicodeDecodeError):
            first = self.greeting[0].strip()[:60] if self.greeting else "binary data"
            return Unreachable(f"{self.label}: {where} is not an SSH server; it says {first!r}", "is `port:` right?")
        if self._gave_no_answer(error):
            return timed_out(self.label, self.settings, self.seconds)
        if not spoke_ssh:
            return Unreachable(f"{self.label}: {where} closed the connection before saying anything"
                               + (" (ProxyCommand)" if self.settings.proxy_command else ""),
                               "too many logins at once (MaxStartups), a ban, or no SSH server; try again")
        return Unreachable(f"{self.label}: connection lost while connecting to {where}: "
                           f"{str(error) or type(error).__name__}", "try again")

    @staticmethod
    def _gave_no_answer(error: Exception) -> bool:
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return True
        return isinstance(error, SSHException) and str(error) in (
            "No existing session", "Timeout opening channel.")
