"""How each program comes to run the new version, and what its clients notice of that. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import to_builtins

from ...executor import protocol
from ...inventory.model import Program, Service
from ...inventory.rules.program_options import DEFAULTS
from ...program import files
from ..facts import Facts
from ..steps import Step


def verify(program: Program) -> protocol.ProgramVerify:
    return protocol.ProgramVerify(group=program.group, startsecs=startsecs(program), exitcodes=exit_codes(program))


def health(service: Service, program: Program, commit: str) -> list[protocol.ProgramHealth]:
    """Its check, if it has one; one for each process where the check names the process. `commit`: the one that shall
    answer."""
    if program.health is None:
        return []
    check = program.health.of_revision(commit)
    variables = {"REVISION": commit, **service.variables_of(program)}
    if program.numprocs is None or program.socket or program.reload or not check.is_of_a_process:
        return [protocol.ProgramHealth(group=program.group, health=to_builtins(check), variables=variables)]
    return [protocol.ProgramHealth(group=program.group, health=to_builtins(check.of_process(number)),
                                   variables={**variables, "PROCESS_NUM": number})
            for number in program.numbers]


def startsecs(program: Program) -> float:
    return files.seconds(program, "startsecs", 1)


def restart(service: Service, program: Program, facts: Facts, new_file: str, patience: float, commit: str, *,
            may_signal: bool) -> protocol.ProgramRestart:
    """How the program restarts. `new_file`: the text of the program file; `patience`: seconds for it to stop."""
    part = protocol.ProgramRestart(group=program.group, patience=patience)
    is_same = section(new_file, program.group) == section(facts.program_file or "", program.group)
    if program.reload and may_signal and is_same and facts.is_whole(program) and has_env_file(service, facts):
        part["signal"] = program.reload
    if program.socket:
        part["socket"] = program.socket
        part["renew"] = not is_same
    if "signal" in part or (program.socket and is_same):
        part["verify"] = verify(program)
        for check in health(service, program, commit):
            part["health"] = check
    return part


def has_env_file(service: Service, facts: Facts) -> bool:
    """Whether the environment file there is the one that a deploy would write."""
    return facts.env_sha256 == files.env_file(service, facts.login_path).sha256()


def section(text: str, group: str) -> str:
    """Of that program in a program file; empty where it has none."""
    sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return next((each.strip() for each in sections
                 if re.match(rf"\[(fcgi-)?program:\s*{re.escape(group)}\s*\]", each)), "")


def words(service: Service, facts: Facts, steps: tuple[Step, ...]) -> Iterator[str]:
    """Of each program with a socket, or that is reloaded: what its clients notice of the steps."""
    parts = {part["group"]: part for step in steps if step.do.action == "restart" for part in step.do.args["programs"]}
    for program in service.programs:
        if program.group in parts and (program.socket or program.reload) and facts.is_whole(program):
            yield f"{service.label(program)} {_words(program, parts[program.group])}"


def _words(program: Program, part: Mapping[str, Any]) -> str:
    if "signal" in part:
        return f"gets {part['signal']}, and goes on with the same process"
    if "verify" not in part:
        if program.socket:
            return "restarts with a gap: the program file changes, so supervisord closes the socket for a moment"
        return f"restarts with a gap: {program.reload} cannot bring what changes"
    count = len(program.processes)
    if count > 1:
        return f"restarts without a gap: {count} processes, one after the other"
    return "restarts with one process: requests wait until it is up"


def exit_codes(program: Program) -> list[int] | None:
    """With which a program may end at once: one that need not stay up, and is not started again. None: it must."""
    if startsecs(program) or program.options.get("autorestart", DEFAULTS["autorestart"]) == "true":
        return None
    return [int(code) for code in program.options.get("exitcodes", "0").split(",")]
