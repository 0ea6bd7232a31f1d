"""Batches: which hosts restart together, and in which order. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ...inventory.serial import DEFAULT, Serial
from ..events import Batch
from ..goal import Key
from ..recipe import supervised
from ..steps import Plan


def of_plans(plans: Mapping[Key, Plan], serial: Serial, pause: float) -> list[Batch]:
    """The hosts that have something to do. Those on which a program of these services does not run go first: they have
    the least to lose. Those on which none of them shall run go last: they tell nothing of a bad version."""
    changing = {host: [plans[key] for key in keys] for host, keys in _changing(plans).items()}
    started = {host: {group for plan in of_host for group in plan.started} for host, of_host in changing.items()}
    hosts = sorted(changing, key=lambda host: (not started[host], all(plan.was_running for plan in changing[host])))
    batches = _firsts_alone({host: started[host] for host in hosts}) if serial == DEFAULT else split(hosts, serial)
    return [Batch(number=number, of=len(batches), hosts=batch, pause=pause if number < len(batches) else 0)
            for number, batch in enumerate(batches, 1)]


def _firsts_alone(started: Mapping[str, set[str]]) -> list[list[str]]:
    """The first host alone; likewise each that is the first to start a program which later ones start, too: a bad
    version of it reaches one host. Then all others together. `started`: by host, the groups."""
    times = Counter(group for groups in started.values() for group in groups)
    untried = {group for group, hosts in times.items() if hosts > 1}
    alone: list[str] = []
    for host, groups in started.items():
        if not alone or groups & untried:
            alone.append(host)
            untried -= groups
    rest = [host for host in started if host not in alone]
    return [*([host] for host in alone), *([rest] if rest else [])]


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
