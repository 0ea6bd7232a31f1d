"""Who asks for what: known before any host is contacted, told to every host."""

from __future__ import annotations

from msgspec import Struct


class Deployment(Struct, frozen=True, kw_only=True):
    """`deploy`: the id of this run; `since`: ISO 8601 in UTC; `url`: the environment's."""

    deploy: str
    command: str
    by: str
    since: str
    environment: str
    url: str = ""
