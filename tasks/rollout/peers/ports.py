"""The TCP ports of their host that services listen on, as far as hosts.yaml tells. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ...inventory.model import Service

HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
HIGHEST = 65535


def of_variables(services: Iterable[Service]) -> dict[str, int]:
    """By group, the port in the variable PORT of each program that has one."""
    ports = {program.group: _number(service.variables_of(program).get("PORT", ""))
             for service in services for program in service.programs}
    return {group: port for group, port in ports.items() if port}


def asked(service: Service) -> list[int]:
    """Those that its health checks ask on the host itself; in order, each once."""
    checks = [program.health.of_process(number) for program in service.programs if program.health
              for number in program.numbers]
    urls = [url for check in checks for url in (check.http or "", f"//{check.tcp}" if check.tcp else "")]
    return sorted({port for port in map(_port, urls) if port})


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
