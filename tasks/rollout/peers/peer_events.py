"""What happens to a peer: the messages of its host, and what this machine notices itself."""

from __future__ import annotations

from msgspec import Struct

from ..._errors import FabvisorError
from .. import protocol


class Connected(Struct, frozen=True):
    """The session is open. As all local events it is a type of its own: no host can say it."""


class Began(Struct, frozen=True):
    """Its interpreter has begun, and takes the executor."""


class Lost(Struct, frozen=True):
    """The connection could not be made, or is gone."""

    error: FabvisorError


class PackFailed(Struct, frozen=True):
    """The commit cannot be sent to the host."""

    error: FabvisorError


class HookFailed(Struct, frozen=True):
    """A hook of the client failed on the way back."""

    error: FabvisorError


class Signalled(Struct, frozen=True):
    """SIGINT, SIGTERM or SIGHUP."""

    number: int


PeerEvent = protocol.HostMessage | Connected | Began | Lost | PackFailed | HookFailed
