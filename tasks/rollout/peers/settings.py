"""The first message to a host, by verb, as executor/protocol.py has it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ...executor import protocol
from ...inventory.rules.program_options import LOG_FILES
from ...program.quoting import PROCESS_NUMBER
from . import ports

if TYPE_CHECKING:
    from ...inventory.model import Program, Service, Target
    from ..goal import Deployment
    from .peer import Peer


Marks = dict[str, dict[str, list[Any]]]        # the places in logs, by process and stream


class RemoteCommand(Struct, frozen=True, kw_only=True):
    """A command line of the user for hosts; `service`: empty where it runs below the root; `timeout`: seconds."""

    line: str
    service: str
    timeout: float


def named_programs(targets: Iterable[Target]) -> dict[str, list[str]]:
    """By service, the programs that a command is about, where it is about some of them alone, on whichever host."""
    named: dict[str, dict[str, None]] = {}
    for target in targets:
        if target.service.named_programs:
            named.setdefault(target.service.name, {}).update(dict.fromkeys(target.service.named_programs))
    return {service: list(programs) for service, programs in named.items()}


def rollout(peer: Peer, deployment: Deployment, revisions: Mapping[str, str]) -> protocol.RolloutSettings:
    """`revisions`: what this host shall resolve to commits, by service."""
    return {"do": "rollout", "unfinished": deployment.unfinished, "keeps_version": deployment.keeps_version,
            **_deploy(peer, deployment, revisions)}


def plan(peer: Peer, deployment: Deployment, revisions: Mapping[str, str]) -> protocol.PlanSettings:
    """As rollout(), for a dry run."""
    return {"do": "plan", **_deploy(peer, deployment, revisions)}


def status(peer: Peer, named: list[str] | None, watch: bool = False) -> protocol.StatusSettings:
    """`named`: all services that hosts.yaml has on this host; None: look for no others."""
    return {"do": "status", "watch": watch, "named": named, **_settings(peer)}


def heads(peer: Peer) -> protocol.HeadsSettings:
    return {"do": "heads", **_settings(peer)}


def ask(peer: Peer, deploy: str, timeout: float) -> protocol.AskSettings:
    return {"do": "ask", "deploy": deploy, "timeout": timeout, **_settings(peer)}


def history(peer: Peer, lines: int) -> protocol.HistorySettings:
    return {"do": "history", "lines": lines, **_settings(peer)}


def logs(peer: Peer, *, lines: int | None, grep: str | None, follow: bool,
         marks: Marks) -> protocol.LogsSettings:
    """`marks`: where an earlier connection stopped reading."""
    return {"do": "logs", "lines": lines, "grep": grep, "follow": follow, "marks": marks, **_settings(peer)}


def runs(peer: Peer, *, lines: int | None, grep: str | None) -> protocol.RunsSettings:
    return {"do": "runs", "lines": lines, "grep": grep, **_settings(peer)}


def doctor(peer: Peer, named: list[str], branch: str) -> protocol.DoctorSettings:
    """`named`: all services that hosts.yaml has on this host; `branch`: what a deploy would bring."""
    services = [target.service for target in peer.targets]
    return {"do": "doctor", "host": peer.name, "named": named,
            "fetching": [service.name for service in services if service.fetch == "host"],
            "ports": ports.of_variables(services),
            "asked": {service.name: ports.asked(service) for service in services},
            "tools": {service.name: tool for service in services if (tool := _tool(service))},
            **_settings(peer, dict.fromkeys(peer.services, branch))}


def setup(peer: Peer) -> protocol.SetupSettings:
    return {"do": "setup", **_settings(peer)}


def run(peer: Peer, command: RemoteCommand) -> protocol.RunSettings:
    modes = {target.service.name: target.service.run_mode for target in peer.targets}
    variables = {"RUN_MODE": modes[command.service]} if command.service else {}
    return {"do": "run", "command": command.line, "service": command.service or None, "variables": variables,
            "timeout": command.timeout, **_settings(peer)}


def adopt(peer: Peer, root: str | None, supervisord_conf: str | None) -> protocol.AdoptSettings:
    """For a host of which nothing is known but how to log in."""
    return {**_settings(peer), "do": "adopt", "root": root, "supervisord_conf": supervisord_conf}


def _deploy(peer: Peer, deployment: Deployment, revisions: Mapping[str, str]) -> protocol.DeploySettings:
    return {"deploy": deployment.deploy, "by": deployment.by, "command": deployment.command,
            "since": deployment.since,
            "ports": ports.of_variables(target.service for target in peer.targets) if deployment.needs_ports else {},
            **_settings(peer, revisions, deployment.needs_sockets)}


def _login(service: Service) -> protocol.GitLogin | None:
    """A host that does not fetch gets no password."""
    if service.login is None or service.fetch == "client":
        return None
    return {"user": service.login.user, "password": service.login.password}


def _program(target: Target, program: Program, needs_socket: bool) -> protocol.ProgramSettings:
    """Its user as hosts.yaml says it: of the program, or by naming root as the user who logs in."""
    user = program.options.get("user") or ("root" if target.host.user == "root" else None)
    return {"group": program.group, "processes": list(program.processes), "user": user,
            "socket": program.socket if needs_socket else None, "logs": log_places(program)}


def log_places(program: Program) -> list[str]:
    """Where its processes write, as far as any user of the host can tell: absolute or below the service's directory."""
    named = dict.fromkeys(path.replace(PROCESS_NUMBER, number) for option, path in program.options.items()
                          if option in LOG_FILES and path.startswith("/") for number in program.numbers)
    usual = [] if "stdout_logfile" in program.options else [f"logs/{process}.log" for process in program.processes]
    return [*usual, *named]


def _tool(service: Service) -> str:
    """The command that a build on the host begins with, where PATH of the login should lead to it."""
    word = re.match(r"\w[\w.+-]*(?=\s|$)", "\n".join(service.build), re.ASCII)
    is_elsewhere = service.makes_commits or "PATH" in service.environment_variables()
    return word[0] if word and not is_elsewhere else ""


def _settings(peer: Peer, revisions: Mapping[str, str] | None = None, needs_sockets: bool = True
              ) -> protocol.Settings:
    host = peer.host
    return {
        "place": {"root": host.root, "supervisord_conf": host.supervisord_conf, "program_dir": host.program_dir,
                  "state": host.state, "sudo": host.sudo},
        "sudo_password": host.sudo_password,
        "lease": host.lease,
        "login_timeout": host.login_timeout,
        "services": [{"name": target.service.name, "directory": target.service.directory,
                      "subdirectory": target.service.subdirectory,
                      "repo": target.service.repo, "login": _login(target.service),
                      "fetch_timeout": target.service.fetch_timeout,
                      "shared": [posixpath.join(target.service.shared_directory, path)
                                 for path in target.service.shared],
                      "files": [file.path for file in target.service.files],
                      "programs": [_program(target, program, needs_sockets) for program in target.service.programs],
                      "revision": (revisions or {}).get(target.service.name)}
                     for target in peer.targets]}
