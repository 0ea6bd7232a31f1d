"""The next gateway on the way to a host: `gateway` of hosts.yaml, or ProxyJump of the ssh configuration; and the way
through it."""

from __future__ import annotations

from paramiko import Channel, ChannelException, SSHException, Transport

from ..._errors import Mistake, Unreachable
from ...inventory.model import Host
from ...inventory.rules.addresses import GATEWAY
from ...program.quoting import for_sh
from ..configuration.ssh_config import Settings
from .dial import timed_out


def gateway_of(host: Host, settings: Settings) -> Host | None:
    """The gateway nearest to `host`, as a host of its own whose gateway are the others before it.

    As with ssh -J, the user and the keys are what the ssh configuration says for the gateway itself; the
    identity_file of hosts.yaml is kept, which has no other way to name the gateway's key.
    """
    if not settings.jumps:
        return None
    *before, last = settings.jumps
    match = GATEWAY.fullmatch(last)
    if match is None:
        raise Mistake(f"{host.name}: {last!r} is not a gateway", "write [user@]host[:port], several with commas")
    name = match["v6"] or match["name"]
    return Host(name=name, root="", user=match["user"], port=int(match["port"]) if match["port"] else None,
                gateway=",".join(before) or None, identity_file=host.identity_file,
                connect_timeout=host.connect_timeout)


def refuse_circle(gateway: Host, path: tuple[Host, ...]) -> None:
    """Raise Mistake where the gateway is among the hosts that it leads to. `path`: these, the host itself first. At
    another port of its machine is another host, such as a container's."""
    if (gateway.name, gateway.port) in {(host.name, host.port) for host in path}:
        names = " → ".join(host.name for host in (*path, gateway))
        raise Mistake(f"{path[-1].name}: its gateways lead in a circle: {names}",
                      "see gateway in hosts.yaml, and ProxyJump in ~/.ssh/config")


def through(label: str, settings: Settings, seconds: float, gateway: Transport, gateway_name: str) -> Channel:
    """A forwarded connection from the gateway. Raises Unreachable."""
    try:
        return gateway.open_channel("direct-tcpip", (settings.hostname, settings.port), ("", 0), timeout=seconds)
    except ChannelException as error:
        reason = f"{gateway_name} cannot reach {settings.hostname}:{settings.port}: {error.text or error.args[-1]}"
        hint = "does the gateway's sshd have AllowTcpForwarding?" if error.code == 1 else \
            f"try there: ssh {for_sh(gateway_name)} nc -vz {for_sh(settings.hostname)} {settings.port}"
        raise Unreachable(f"{label}: the gateway {reason}", hint) from None
    except (SSHException, EOFError, OSError):
        if gateway.is_active():
            raise timed_out(label, settings, seconds) from None
        raise Unreachable(f"{label}: connection lost to the gateway {gateway_name}", "try again") from None
