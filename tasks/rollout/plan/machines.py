"""Refuses what is built for another machine than a host is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ... import mirror
from ..._errors import NotReady

if TYPE_CHECKING:
    from ...mirror.binaries import Binary
    from ..facts import Facts
    from ..goal import Key


def refuse_foreign(facts: Mapping[Key, Facts], binaries: Mapping[str, Sequence[Binary]]) -> None:
    """`binaries`: by service, of what this machine sends. Raises NotReady with each host that cannot run them."""
    wrong = []
    for (host, service), known in sorted(facts.items()):
        sent = binaries.get(service)
        binary = mirror.binaries.foreign(sent, known.machine) if sent and known.machine else None
        if binary:
            wrong.append(f"{host}: {service}: {binary.path} is for {binary.machine}, and the host is {known.machine}")
    if wrong:
        raise NotReady("\n".join(wrong), "build for the hosts' machine, such as with GOARCH; or `build_on: host`")
