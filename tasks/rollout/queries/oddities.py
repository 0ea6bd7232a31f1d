"""What is odd about a service on a host, in words, each with its remedy. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ...executor.protocol import INTERRUPTED
from ...inventory.nearest import listed
from ...program.files import digest
from ...program.quoting import for_sh
from ..facts import NOBODY, Facts, Process, worst
from ..plan.planner import has_ended_well, not_deployed
from ..plan.refusals import belongs_to_other_tool, is_foreign, losses

if TYPE_CHECKING:
    from ...inventory.model import Program, Service

# Seconds. A program that came up alone a moment ago will perhaps be gone in a moment.
YOUNG = 60.0
# supervisord's clock and the history have whole seconds.
TOLERANCE = 2.0

# By state, of a program that does not run; the states are facts.WORST_FIRST.
REMARKS = {
    "STOPPED": "fab start {label}",
    "EXITED": "it has ended{why}: fab start {label}",
    "STARTING": "not up yet",
    "STOPPING": "it is stopping",
    "BACKOFF": "it is crash-looping: it ends as soon as it is started{why}; more: fab logs {label}",
    "FATAL": "supervisord has given up starting it{why}: correct the cause, then fab start {label}",
    "absent": "supervisord does not know it: fab deploy {name}",
}


def of_service(service: Service, facts: Facts) -> list[str]:
    """The oddities of a service, each with its remedy. While a command changes it, the only oddity is that command."""
    name = service.name
    processes = facts.of(service.programs)
    holder = facts.holder
    if holder != NOBODY:
        doing = "being undone" if holder.restoring else "in progress"
        still = f"; {_short(facts.started_from)} still runs" if facts.started_from not in (None, facts.commit) else ""
        return [f"{holder.command} by {holder.by}, begun at {holder.since}, is {doing}{still}"]
    if facts.is_removed:
        return [f"{facts.removal}: fab deploy {name}, or take it out of hosts.yaml", *facts.obstacles]
    if not facts.clone and all(process.state == "absent" for process in processes):
        remedy = f"; {_no_clone(name, facts)}" if is_foreign(facts) else f": fab deploy {name}"
        return ["not deployed yet" + remedy, *facts.obstacles]
    interrupted = zip(facts.due, facts.due_by or ["?"] * len(facts.due), strict=False)
    programs = (oddity for program in service.programs for oddity in _program(service, program, facts))
    # A deploy that is still to be undone wrote these files, and no person: they have no remedy but the undo.
    by_hand = [] if facts.due else [*_placed_files(name, facts), *_program_file(name, facts)]
    return [*dict.fromkeys(programs), *_unnamed(service, facts), *_disk(service, facts), *by_hand, *facts.obstacles,
            *_out_of_service(name, facts),
            *(f"{INTERRUPTED.format(deploy=deploy, by=by)}: fab recover {name}" for deploy, by in interrupted)]


def handwritten(service: Service, facts: Facts) -> list[str]:
    """What a deploy over a program file that somebody wrote by hand would lose."""
    remedy = f": set that in hosts.yaml, or fab deploy {service.name} --force"
    return [loss + remedy for loss in losses(service, facts)] if facts.holder == NOBODY else []


def disagreement(name: str, host: str, commits: dict[str, str | None]) -> list[str]:
    """This host has another commit than the lowest-named one that has any; `commits`: by host, in name order. A host
    without one is odd for that already."""
    first = next((name for name, commit in commits.items() if commit), host)
    if commits[host] in (None, commits[first]):
        return []
    return [f"another commit than on {first} ({_short(commits[first])}): fab deploy {name}"]


def _out_of_service(name: str, facts: Facts) -> list[str]:
    deploy = facts.drained_by
    return [f"it may be out of service: deploy {deploy} ended before its hook `undrain` ran: fab recover {name}"
            ] if deploy else []


def _program(service: Service, program: Program, facts: Facts) -> list[str]:
    processes = facts.processes(program.group)
    unwell = [process for process in processes if not has_ended_well(program, process)]
    label = service.label(program)
    process = worst(unwell)
    if not unwell or process.state == "RUNNING":
        return _restarted(label, facts, process)
    subject = ""
    if facts.program_file is not None and label in not_deployed(service, facts, each=True):
        return [f"{label} is not deployed yet: fab deploy {service.name}"]
    if process.state in REMARKS:
        subject = "" if len(service.programs) == len(processes) == 1 else f"{process.name} is "
        why = f" ({process.why})" if process.why and process.state != "STOPPED" else ""
        state = f"{process.state}: {REMARKS[process.state].format(name=service.name, label=label, why=why)}"
    else:
        state = "; ".join(filter(None, [f"{process.state} ({process.why})", process.hint]))
    return ["\n".join([f"{subject}not running: {state}",
                       *(f"| {line}" for line in facts.words.get(program.group, ()))])]


def _unnamed(service: Service, facts: Facts) -> list[str]:
    """Programs of our program file that hosts.yaml names no more, or on other hosts only."""
    if service.is_part:
        return []
    named = {program.group for program in service.programs}
    states = {group: worst(processes).state for group, processes in facts.programs.items() if group not in named}
    return [f"{group} is {state}, and hosts.yaml does not name it here any more: fab deploy {service.name}"
            for group, state in states.items() if state not in ("absent", "UNKNOWN")]


def _restarted(name: str, facts: Facts, process: Process) -> list[str]:
    """It is up for a moment only, and no command of ours started it: perhaps it dies again and again. An undo that is
    due may have started it, and has no line in the history yet."""
    last = _seconds(facts.history[-1]["at"]) if facts.history else None
    if last is None or facts.due or process.start is None or process.uptime is None or process.uptime > YOUNG:
        return []
    if process.start <= last + TOLERANCE:
        return []
    return [f"it was restarted a moment ago, not by fab; if it crashes again and again, fab logs {name} shows why"]


def _no_clone(name: str, facts: Facts) -> str:
    directory = facts.directory
    if facts.earlier_directory and not is_foreign(facts):
        return f"it runs in {facts.earlier_directory}, and hosts.yaml names {directory} since then: fab deploy {name}"
    if not is_foreign(facts):
        return f"{directory} is not a git clone: fab deploy {name}"
    return (f"{directory} holds files, but no git clone: on the host mv {for_sh(directory)}"
            f" {for_sh(directory + '.away')}, then fab deploy {name}")


def _disk(service: Service, facts: Facts) -> list[str]:
    name = service.name
    odd = []
    if not facts.clone:
        odd.append(f"another tool made the release that runs, {facts.current}: {_way_on(service, facts)}"
                   if facts.runs_other_release else _no_clone(name, facts))
    if facts.current is not None and facts.current not in [release.name for release in facts.releases]:
        odd.append(f"`current` points to a release that is not there: {_short(facts.current)}: fab deploy {name}")
    if facts.clone and facts.commit is None:
        odd.append(f"nobody can tell which commit runs, git has none in {facts.directory}: fab deploy {name}")
    if facts.half_done_merge:
        odd.append(f"{facts.half_done_merge}; {facts.merge_remedy}")
    elif facts.edited:
        odd.append(f"edited files: {listed(map(str.strip, facts.edited))}"
                     f"; commit them elsewhere, or fab deploy {name} --set-aside")
    if facts.started_from not in (None, facts.commit):
        remedy = "" if facts.due else f": fab deploy {name}, or fab restart {name}"
        odd.append(f"it runs {_short(facts.started_from)}, on disk is {_short(facts.commit)}{remedy}")
    return odd


def _placed_files(name: str, facts: Facts) -> list[str]:
    """Those of `files` that are not as the last deploy wrote them."""
    ours = {path: file for path, file in facts.files.items() if file.written and not file.problem}
    edited = [path for path, file in ours.items() if file.sha256 not in (None, file.written)]
    missing = [path for path, file in ours.items() if file.sha256 is None]
    return [*(f"{file.problem}, where `files` puts {path}: move it away on the host, then fab deploy {name}"
              for path, file in facts.files.items() if file.written and file.problem),
            *([f"edited on the host, but of `files` in hosts.yaml: {listed(edited)}; take it into hosts.yaml, or"
               f" fab deploy {name} --set-aside"] if edited else []),
            *([f"missing, but of `files` in hosts.yaml: {listed(missing)}: fab deploy {name}"] if missing else []),
            *([f"another mode than `files` in hosts.yaml gave: {listed(facts.other_modes)}: fab deploy {name}"]
              if facts.other_modes else [])]


def _way_on(service: Service, facts: Facts) -> str:
    return ("write `strategy: releases` at the service in hosts.yaml" if belongs_to_other_tool(service, facts)
            else f"fab deploy {service.name}")


def _program_file(name: str, facts: Facts) -> list[str]:
    odd: list[str] = []
    written = facts.committed.get("program_sha256")
    if facts.clone and facts.program_file is None and not facts.obstacles:
        odd.append(f"{facts.program_path} is missing: fab deploy {name}")
    if written and facts.program_file is not None and digest(facts.program_file) != written:
        loaded = ", and supervisord has not loaded it" if facts.unloaded else ""
        odd.append(f"the program file was changed by hand{loaded}: {facts.program_path};"
                     f" fab deploy {name} writes it anew")
    return odd


def _seconds(at: str | None) -> float | None:
    """Since 1970, of a time in the history; None where it is no time."""
    try:
        return datetime.fromisoformat((at or "").removesuffix("Z") + "+00:00").timestamp()
    except ValueError:
        return None


def _short(commit: str | None) -> str:
    return (commit or "none")[:8]
