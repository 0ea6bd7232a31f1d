"""What a deploy would do, or is about to do: hosts for which that is the same share their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from ..rollout.events import Commit, Planned
from .humanize import clean, count, distance, listed, short
from .screen import Marks
from .table import Column, Line, paragraph, short_hosts, table

Group = tuple[list[str], Planned]           # hosts, and what is so of all of them
SUBJECTS = 3
SUBJECT = 50                                # columns that it gets before its author gets any
TONES: Mapping[str, str] = MappingProxyType({"+": "good", "-": "bad"})


def full_lines(plans: Sequence[Planned], width: int, marks: Marks) -> list[Line]:
    lines: list[Line] = []
    for hosts, plan in _groups(plans, lambda one: msgspec.structs.replace(one, host="")):
        lines += [[], [(f"{clean(plan.service)} on {listed(hosts)}", "head")]]
        lines += [[("  ", ""), *line] for line in _of_group(plan, width - 2, marks)]
    return [*lines, []]


def brief_lines(plans: Sequence[Planned], width: int, marks: Marks) -> list[Line]:
    """Only what changes, in a line or two."""
    several = len({one.service for one in plans}) > 1
    lines: list[Line] = []
    for hosts, plan in _groups(plans, _briefly):
        if not plan.steps:
            continue
        label = f"{clean(plan.service)} on {listed(hosts)}" if several else listed(hosts)
        again = f" again: {'; '.join(plan.why)}" if plan.was == plan.next else ""
        lines += paragraph("  ", f"{label}: {_from_to(plan, marks)}{again}", width, "dim")
        lines += _subjects("-", plan.dropped, plan.back, width, marks)
        # The newest one's subject stands beside the revision already.
        lines += _subjects("+", plan.commits, plan.forward, width, marks) if len(plan.commits) > 1 else []
    return lines


def _briefly(plan: Planned) -> object:
    return plan.service, plan.was, plan.next, bool(plan.steps), plan.why if plan.was == plan.next else []


def _groups(plans: Sequence[Planned], alike: Callable[[Planned], object]) -> list[Group]:
    found: dict[bytes, Group] = {}
    brief = short_hosts(list(dict.fromkeys(plan.host for plan in plans)))
    for plan in plans:
        found.setdefault(msgspec.json.encode(alike(plan)), ([], plan))[0].append(clean(brief[plan.host]))
    return list(found.values())


def _of_group(plan: Planned, width: int, marks: Marks) -> Iterator[Line]:
    if not plan.steps:
        yield [(f"{short(plan.next, marks.none)}: nothing would change", "dim")]
    else:
        back = distance(plan.back, plan.forward)
        yield [(_from_to(plan, marks), ""), *([(f", {back}", "bad")] if back else [])]
        yield from _commits("-", plan.dropped, plan.back, width, marks)
        yield from _commits("+", plan.commits, plan.forward, width, marks)
        yield from _program_file(plan.diff, width)
        yield from _names(plan, width)
        yield from paragraph("", f" {marks.same} ".join(plan.steps), width, "dim")
        does = "restarts" if "restart" in plan.steps else "changes"
        yield from paragraph(f"{does}: ", "; ".join(map(clean, plan.why)), width)
    for wrong in obstacles(plan):
        yield from paragraph("! ", wrong, width, "bad")


def _from_to(plan: Planned, marks: Marks) -> str:
    if plan.was is None:
        return f"first deploy, of {short(plan.next)}"
    if plan.was == plan.next:
        return short(plan.next)
    forward = f", {count(plan.forward, 'commit')}" if plan.forward and not plan.back else ""
    return f"{short(plan.was)} {marks.arrow} {short(plan.next)}{forward}"


def _commits(mark: str, commits: list[Commit], of: int | None, width: int, marks: Marks) -> list[Line]:
    if not commits:
        return []
    columns = [Column("", [(f"{mark} {short(one.commit)}", TONES[mark]) for one in commits]),
               Column("", [(clean(one.subject), "") for one in commits], least=min(SUBJECT, width - 12), prose=True),
               Column("", [(clean(one.author), "dim") for one in commits], least=8, drop=1, prose=True)]
    more = (of or 0) - len(commits)
    return [*table(columns, width, marks.cut)[1:], *([[(f"  and {more} more", "dim")]] if more > 0 else [])]


def _subjects(mark: str, commits: list[Commit], of: int | None, width: int, marks: Marks) -> list[Line]:
    if not commits:
        return []
    told = [clean(one.subject) for one in commits[:SUBJECTS]]
    more = (of or 0) - len(told)
    words = f" {marks.same} ".join([*told, *([f"and {more} more"] if more > 0 else [])])
    return paragraph(f"  {mark} ", words, width, "dim")


def _program_file(diff: list[str], width: int) -> Iterator[Line]:
    if not diff:
        return
    new, path = diff[0] == "--- /dev/null", clean(diff[1].removeprefix("+++ "))
    yield [(f"{path}{' is new' if new else ''}", "")]
    for line in diff[2:] if not new else []:
        if line[:1] in TONES:
            yield from paragraph(f"  {line[:1]}", clean(line[1:]), width, TONES[line[:1]])


def _names(plan: Planned, width: int) -> Iterator[Line]:
    names = plan.variables
    told = [] if names is None else [(names.added, "added"), (names.removed, "removed"), (names.changed, "changed")]
    if any(found for found, _ in told):
        words = "; ".join(f"{word}: {', '.join(found)}" for found, word in told if found)
        yield from paragraph("variables ", words, width)
    if plan.secrets_changed:
        yield [(f"{count(plan.secrets_changed, 'secret')} changed", "")]


def obstacles(plan: Planned) -> list[str]:
    """What a deploy would be refused for, or would do first."""
    edited = ", ".join(clean(one).strip() for one in plan.edited)
    return [*([f"edited on the host, refused without --set-aside: {edited}"] if edited else []),
            *(f"the commit lacks {clean(path)} (requires)" for path in plan.missing), *map(clean, plan.obstacles)]
