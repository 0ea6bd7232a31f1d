"""Shows plans: what a deploy would do, or is about to do. Hosts with the same plan share their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from ...rollout.events import Commit, Planned
from ..screen import Marks
from ..text.humanize import count, distance, listed, short
from ..text.table import Column, Line, paragraph, short_hosts, table

Group = tuple[list[str], Planned]           # hosts, and the plan that they have in common
SUBJECTS = 3
LONGEST = 20                                # list: of what is beyond, only the number is told
SUBJECT = 50                                # columns that it gets before its author gets any
TONES: Mapping[str, str] = MappingProxyType({"+": "good", "-": "bad"})


def full_lines(plans: Sequence[Planned], width: int, marks: Marks) -> list[Line]:
    lines: list[Line] = []
    for hosts, plan in _groups(plans, lambda plan: msgspec.structs.replace(plan, host="", seconds={})):
        lines += [[], [(f"{plan.service} on {listed(hosts)}", "head")]]
        lines += [[("  ", ""), *line] for line in _of_group(plan, width - 2, marks)]
    return [*lines, []]


def brief_lines(plans: Sequence[Planned], width: int, marks: Marks) -> list[Line]:
    """Only what changes, in a line or two."""
    several = len({plan.service for plan in plans}) > 1
    lines: list[Line] = []
    for hosts, plan in _groups(plans, _briefly):
        if not plan.steps:
            continue
        label = f"{plan.service} on {listed(hosts)}" if several else listed(hosts)
        again = f" again: {'; '.join(plan.why)}" if plan.was == plan.next else ""
        lines += paragraph("  ", f"{label}: {_from_to(plan, marks)}{again}", width, "dim")
        lines += _subjects("-", plan.dropped, plan.back, width, marks)
        # The newest one's subject stands beside the revision already.
        lines += _subjects("+", plan.commits, plan.forward, width, marks) if len(plan.commits) > 1 else []
    return lines


def _briefly(plan: Planned) -> object:
    return plan.service, plan.was, plan.next, bool(plan.steps), plan.why if plan.was == plan.next else []


def _groups(plans: Sequence[Planned], alike: Callable[[Planned], object]) -> list[Group]:
    groups: dict[bytes, Group] = {}
    brief = short_hosts(list(dict.fromkeys(plan.host for plan in plans)))
    for plan in plans:
        groups.setdefault(msgspec.json.encode(alike(plan)), ([], plan))[0].append(brief[plan.host])
    return list(groups.values())


def _of_group(plan: Planned, width: int, marks: Marks) -> Iterator[Line]:
    if not plan.steps:
        yield [(f"{short(plan.next, marks.none)}: nothing would change", "dim")]
    else:
        back = distance(plan.back, plan.forward)
        yield [(_from_to(plan, marks), ""), *([(f", {back}", "bad")] if back else [])]
        yield from _commits("-", plan.dropped, plan.back, width, marks)
        yield from _commits("+", plan.commits, plan.forward, width, marks)
        yield from _program_file(plan.diff, width)
        yield from _files(plan, width)
        yield from _names(plan, width)
        yield from paragraph("", f" {marks.same} ".join(plan.steps), width, "dim")
        if plan.user:
            yield [(f"runs as {plan.user}", "")]
        if plan.was is not None:
            does = "restarts" if "restart" in plan.steps else "changes"
            yield from paragraph(f"{does}: ", "; ".join(plan.why), width)
        for words in plan.restarts:
            yield from paragraph("", words, width)
        if plan.way_back:
            yield from paragraph("", plan.way_back, width, "dim")
    for obstacle in obstacles(plan):
        yield from paragraph("! ", obstacle, width, "bad")


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
    columns = [Column("", [(f"{mark} {short(each.commit)}", TONES[mark]) for each in commits]),
               Column("", [(each.subject, "") for each in commits], least=min(SUBJECT, width - 12), prose=True),
               Column("", [(each.author, "dim") for each in commits], least=8, drop=1, prose=True)]
    more = (of or 0) - len(commits)
    return [*table(columns, width, marks.cut)[1:], *([[(f"  and {more} more", "dim")]] if more > 0 else [])]


def _subjects(mark: str, commits: list[Commit], of: int | None, width: int, marks: Marks) -> list[Line]:
    if not commits:
        return []
    subjects = [each.subject for each in commits[:SUBJECTS]]
    more = (of or 0) - len(subjects)
    words = f" {marks.same} ".join([*subjects, *([f"and {more} more"] if more > 0 else [])])
    return paragraph(f"  {mark} ", words, width, "dim")


def _program_file(diff: list[str], width: int) -> Iterator[Line]:
    if not diff:
        return
    is_new = diff[0] == "--- /dev/null"
    yield [(f"{diff[1].removeprefix('+++ ')}{' is new' if is_new else ''}", "")]
    yield from _diff_lines(diff[2:] if not is_new else [], width)


def _files(plan: Planned, width: int) -> Iterator[Line]:
    words = {"added": "is new", "changed": "changed", "removed": "is removed"}
    for file in plan.files[:LONGEST]:
        mode = ": mode {}, now {}".format(*file.mode) if file.mode else ""
        yield [(f"{file.path} {words[file.change]}{' (secret)' if file.secret else ''}{mode}", "")]
        yield from _diff_lines(file.diff[2:], width)
    if len(plan.files) > LONGEST:
        yield [(f"and {count(len(plan.files) - LONGEST, 'more file')}", "")]


def _diff_lines(lines: Sequence[str], width: int) -> Iterator[Line]:
    """Only what is added and removed."""
    for line in lines:
        if line[:1] in TONES:
            yield from paragraph(f"  {line[:1]}", line[1:], width, TONES[line[:1]])


def _names(plan: Planned, width: int) -> Iterator[Line]:
    if plan.variables:
        changes = {"added": plan.variables.added, "removed": plan.variables.removed, "changed": plan.variables.changed}
        words = "; ".join(f"{change}: {', '.join(names)}" for change, names in changes.items() if names)
        yield from paragraph("variables ", words, width) if words else ()
    if plan.secrets_changed:
        yield [(f"{count(plan.secrets_changed, 'secret')} changed", "")]


def obstacles(plan: Planned) -> list[str]:
    """Why a deploy would be refused."""
    edited = ", ".join(path.strip() for path in plan.edited[:LONGEST]) + "".join(_more(plan.edited))
    others = [*(f"the commit lacks {path} (requires)" for path in plan.missing), *plan.obstacles]
    return [*([f"edited on the host, refused without --set-aside: {edited}"] if edited else []), *others[:LONGEST],
            *map(str.strip, _more(others))]


def _more(items: Sequence[object]) -> list[str]:
    return [f" and {len(items) - LONGEST} more"] if len(items) > LONGEST else []
