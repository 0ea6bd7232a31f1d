"""The TCP ports of its host that a service is to listen on, as far as hosts.yaml tells. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ..inventory.model import Service

HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
HIGHEST = 65535


def of_service(service: Service) -> list[int]:
    """Those of its sockets, those that its health checks ask on the host itself, and its variables PORT; in order, each
    once."""
    checks = [program.health for program in service.programs if program.health]
    sockets = [program.socket for program in service.programs if program.socket]
    urls = [url for check in checks for url in (check.http or "", f"//{check.tcp}" if check.tcp else "")]
    ports = {_port(url) for url in urls} | {urlsplit(address).port or 0 for address in sockets} | {
        _number(service.variables_of(program).get("PORT", "")) for program in service.programs}
    return sorted(port for port in ports if port)


def _port(url: str) -> int:
    """0 where it is another host's, or cannot be read."""
    try:
        parts = urlsplit(url)
        standard = {"http": 80, "https": 443}.get(parts.scheme, 0)
        return (parts.port or standard) if parts.hostname in HERE else 0
    except ValueError:
        return 0


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and 0 < int(text) <= HIGHEST else 0
