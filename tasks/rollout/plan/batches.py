"""Batches: which hosts restart together, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ...inventory.serial import Serial
from ..events import Batch
from ..goal import Key
from ..recipe import supervised
from ..steps import Plan


def of_plans(plans: Mapping[Key, Plan], serial: Serial, pause: float) -> list[Batch]:
    """The hosts that have something to do. Those on which a program of these services does not run go first: they have
    the least to lose. Those on which none of them shall run go last: they tell nothing of a bad version."""
    changing = {host: [plans[key] for key in keys] for host, keys in _changing(plans).items()}
    hosts = sorted(changing, key=lambda host: (not any(plan.starts_programs for plan in changing[host]),
                                               all(plan.was_running for plan in changing[host])))
    batches = split(hosts, serial)
    return [Batch(number=number, of=len(batches), hosts=batch, pause=pause if number < len(batches) else 0)
            for number, batch in enumerate(batches, 1)]


def split(hosts: Sequence[str], serial: Serial) -> list[list[str]]:
    """As Ansible does: a percentage is one of all hosts, rounded down, at least one host; the last size goes on."""
    batches: list[list[str]] = []
    rest = [*hosts]
    while rest:
        size = _size(serial[min(len(batches), len(serial) - 1)], len(hosts))
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


def _size(size: int | str, hosts: int) -> int:
    return size if isinstance(size, int) else max(1, int(size.removesuffix("%")) * hosts // 100)


def in_batches(plans: Mapping[Key, Plan], batches: Sequence[Batch]) -> dict[Key, Plan]:
    """The plans as they are in these batches: the history knows the number, where there are several, and after a pause
    a host looks again. A host waits once, for all of its services."""
    planned = dict(plans)
    changing = _changing(plans)
    for batch in batches if len(batches) > 1 else ():
        for host in batch.hosts:
            for index, key in enumerate(changing[host]):
                planned[key] = _in_batch(plans[key], batch, 0 if index else batch.pause)
    return planned


def _in_batch(plan: Plan, batch: Batch, seconds: float) -> Plan:
    recheck = supervised.recheck(plan, seconds) if batch.pause else ()
    return replace(plan, steps=(*plan.steps, *recheck), record={**plan.record, "batch": batch.number})


def _changing(plans: Mapping[Key, Plan]) -> dict[str, list[Key]]:
    """By host, in name order, the plans that have steps."""
    keys: dict[str, list[Key]] = {}
    for key in sorted(key for key, plan in plans.items() if plan.steps):
        keys.setdefault(key[0], []).append(key)
    return keys
