"""Checks of what names a machine: a host, its address, a gateway. Each returns what is wrong, or the empty text."""

from __future__ import annotations

import ipaddress
import re

from ..findings import quoted
from . import values

# As ssh -J takes it.
GATEWAY = re.compile(r"(?:ssh://)?(?:(?P<user>.+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]@/]+))"
                     r"(?::(?P<port>\d{1,5}))?/?")


def check_host_name(text: str) -> str:
    good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", text) and ".." not in text
    if good or (_is_ipv6(text) and "%" not in text):
        return ""
    return f"{quoted(text)} is not the name of a host{_advice(text)}: {values.NAME_RULE}; or an IPv6 address"


def check_address(text: str) -> str:
    wrong = values.check_word(text)
    if wrong or _is_ipv6(text) or re.fullmatch(r"[\w-]+(\.[\w-]+)*\.?", text):
        return wrong
    return f"expected a name or an address, got {quoted(text)}{_advice(text)}"


def check_gateway(text: str) -> str:
    """One or several, the nearest to us first; `none` is ssh's word for a direct way."""
    wrong = values.check_word(text)
    if wrong:
        return wrong
    for part in text.split(","):
        found = GATEWAY.fullmatch(part)
        if found is None or check_address(found["v6"] or found["name"]):
            return f"expected [user@]host[:port], or several of these with commas, got {quoted(text)}"
        if found["port"]:
            wrong = values.check_port(int(found["port"]))
            if wrong:
                return wrong
    return ""


def machine(name: str) -> str:
    """The same for all ways to write a name in the DNS, or an IPv6 address."""
    return str(ipaddress.ip_address(name)) if _is_ipv6(name) else name.lower().rstrip(".")


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def _advice(text: str) -> str:
    if "@" in text:
        return "; the user has a setting of its own, `user`"
    if text.startswith("["):
        return "; an IPv6 address has no brackets here, and the port has a setting of its own, `port`"
    return "; the port has a setting of its own, `port`" if re.fullmatch(r"[^:]+:\d*", text) else ""
