"""Which logs a service has now: one of each stream of each process, or one that several processes write to."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, NamedTuple

from ..errors import NotReady
from ..layout import Layout
from ..service.context import ServiceContext
from ..state import history
from ..supervisor import program_sections
from ..supervisor.supervisord import Supervisord
from ..supervisor.supervisord_access import LOG_OPTIONS
from ..supervisor.supervisord_conf import Definition
from . import process_logs
from .process_logs import ProcessLog

NO_LOG = {"AUTO": process_logs.AUTO, "NONE": "", "OFF": ""}


class LogSource(NamedTuple):
    """`writer`: the process; or where several write to the log, their program or the service. `note`: what users should
    know of its lines."""

    service: str
    writer: str
    log: ProcessLog
    note: str = ""

    @property
    def key(self) -> tuple[str, str, ProcessLog]:
        return self.service, self.writer, self.log


def of_service(ctx: ServiceContext, planned: Mapping[str, Iterable[str]]) -> list[LogSource]:
    """`planned`: by group the names of the processes that are to be there. Raises HostError where supervisord is down.
    """
    supervisord = ctx.supervisord()
    return _joined(ctx.name, {group: list(_of_group(ctx, supervisord, group, names))
                              for group, names in planned.items()})


def of_files(ctx: ServiceContext, planned: Mapping[str, Iterable[str]]) -> list[LogSource]:
    """As of_service(), by the program file alone."""
    return _joined(ctx.name, {group: list(_written(ctx, group, names)) for group, names in planned.items()})


def _of_group(ctx: ServiceContext, supervisord: Supervisord, group: str, names: Iterable[str]) -> Iterator[LogSource]:
    infos = supervisord.processes(group)
    configs = supervisord.configurations(group) if infos else []
    for info in infos:
        for log in process_logs.of_process(info, configs):
            yield LogSource(ctx.name, info["name"], log)
    if not infos:
        why = history.removal(ctx.layout, ctx.name) or "supervisord has no such program"
        for source in _written(ctx, group, names):
            yield source._replace(note=f"{why}; these lines are of an earlier one")


def _written(ctx: ServiceContext, group: str, names: Iterable[str]) -> Iterator[LogSource]:
    """By the program file, where it has the program; else by the names that its processes will have."""
    written = program_sections.processes(definitions(ctx.layout), group, ctx.layout.env)
    infos = [_as_info(options) for options in written]
    for info in infos or [{"name": name, "stdout_logfile": ctx.log_file(name), "stderr_logfile": ""} for name in names]:
        for log in process_logs.of_process(info, [info]):
            yield LogSource(ctx.name, info["name"], log)


def definitions(layout: Layout) -> list[Definition]:
    """Those of the configuration files; none where they cannot be read."""
    try:
        return layout.access.configuration().definitions
    except NotReady:
        return []


def _as_info(options: Mapping[str, str]) -> dict[str, Any]:
    """The options of a process, in the form in which supervisord tells them."""
    is_redirected = _is_on(options, "redirect_stderr")
    paths = {option: options.get(option, "AUTO") for option in LOG_OPTIONS}
    paths = {option: NO_LOG.get(path.upper(), path) for option, path in paths.items()}
    return {**paths, **({"stderr_logfile": ""} if is_redirected else {}),
            "name": options["process_name"], "redirect_stderr": is_redirected,
            "stdout_syslog": _is_on(options, "stdout_syslog"), "stderr_syslog": _is_on(options, "stderr_syslog")}


def _is_on(options: Mapping[str, str], option: str) -> bool:
    return options.get(option, "").lower() in ("true", "yes", "on", "1")


def _joined(service: str, by_group: Mapping[str, list[LogSource]]) -> list[LogSource]:
    """Each file once, whoever writes to it."""
    pairs = [(group, source) for group, sources in by_group.items() for source in sources]
    joined: dict[tuple[str, ...], LogSource] = {}
    for group, source in pairs:
        path = source.log.path
        groups = {each for each, other in pairs if other.log.path == path}
        writers = {other.writer for _, other in pairs if other.log.path == path}
        shared = source._replace(writer=group if len(groups) == 1 else service)
        if not path or len(writers) == 1:
            joined[path, source.writer, source.log.stream] = source
        else:
            joined.setdefault((path,), shared)
    return list(joined.values())
