"""The package managers that `fab setup` knows, and what each calls the packages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct


class Manager(Struct, frozen=True):
    """`names`: its packages, by what they are for; `service`: supervisord's, of systemd and of System V; `conf` and
    `program_dir`: the paths of its supervisord."""

    first: str
    command: str
    names: Mapping[str, str]
    service: str
    conf: str
    program_dir: str

    def packages(self, needs: Iterable[str]) -> list[str]:
        return [package for need in needs for package in self.names[need].split()]

    def install(self, packages: Sequence[str]) -> str:
        """A line of sh, for root."""
        return f"{self.first} && {self.command} {' '.join(packages)}"

    def enable(self, systemd: bool) -> str:
        """Start supervisord, now and with the host; a line of sh, for root."""
        if systemd:
            return f"systemctl enable --now {self.service}"
        return f"update-rc.d {self.service} defaults && service {self.service} start"


APT = Manager(
    first="apt-get update -qq", command="DEBIAN_FRONTEND=noninteractive apt-get install -qq -y",
    names=MappingProxyType({"supervisor": "supervisor", "git": "git openssh-client", "venv": "python3-venv"}),
    service="supervisor", conf="/etc/supervisor/supervisord.conf", program_dir="/etc/supervisor/conf.d")
# On Red Hat's own, supervisor is in EPEL; Fedora has it itself.
DNF = Manager(
    first="{ dnf install -q -y epel-release || true; }", command="dnf install -q -y",
    names=MappingProxyType({"supervisor": "supervisor", "git": "git openssh-clients", "venv": "python3"}),
    service="supervisord", conf="/etc/supervisord.conf", program_dir="/etc/supervisord.d")
# By words of ID and ID_LIKE in os-release(5).
KNOWN: Mapping[str, Manager] = MappingProxyType(
    {"debian": APT, "ubuntu": APT, "fedora": DNF, "rhel": DNF, "centos": DNF, "rocky": DNF, "almalinux": DNF})


def manager_of(distributions: Iterable[str]) -> Manager | None:
    """By the names of the distribution and of those that it is like. None for one that is not known."""
    return next((KNOWN[name] for name in distributions if name in KNOWN), None)
