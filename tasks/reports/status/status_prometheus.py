"""`--format prometheus`: the statuses as metrics, for the textfile collector of node_exporter.

The text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from ...rollout.events import Status
from ..screen import Screen
from ..text.humanize import time_of
from .last_deploy import last_deploy
from .status_document import StatusDocument
from .status_rows import is_well

Sample = tuple[dict[str, str], float]           # labels, value


class Metric(NamedTuple):
    name: str
    help: str
    samples: Callable[[Status, datetime], Iterator[Sample]]


def reporter(screen: Screen) -> Prometheus:
    return Prometheus(screen)


class Prometheus(StatusDocument):
    def text(self, statuses: Sequence[Status]) -> str:
        now = self.screen.now()
        return "".join(line for metric in METRICS for line in _lines(metric, statuses, now))


def _lines(metric: Metric, statuses: Sequence[Status], now: datetime) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} gauge\n"
    for status in statuses:
        place = {"environment": status.environment, "host": status.host, "service": status.service}
        for labels, value in metric.samples(status, now):
            pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in {**place, **labels}.items())
            yield f"{metric.name}{{{pairs}}} {value:.15g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _up(status: Status, now: datetime) -> Iterator[Sample]:
    for program in status.programs:
        for process in program.processes:
            yield {"program": program.program, "process": process.name}, process.state == "RUNNING"


def _started(status: Status, now: datetime) -> Iterator[Sample]:
    for program in status.programs:
        if program.uptime is not None:
            yield {"program": program.program}, round(now.timestamp() - program.uptime)


def _well(status: Status, now: datetime) -> Iterator[Sample]:
    yield {}, is_well(status, status)


def _oddities(status: Status, now: datetime) -> Iterator[Sample]:
    yield {}, len(status.oddities)


def _commit(status: Status, now: datetime) -> Iterator[Sample]:
    if status.commit:
        yield {"commit": status.source or status.commit, "branch": status.branch or ""}, 1


def _deployed(status: Status, now: datetime) -> Iterator[Sample]:
    deployed = time_of(status.deployed_at)
    if deployed:
        yield {}, deployed.timestamp()


def _last_deploy(status: Status, now: datetime) -> Iterator[Sample]:
    deploy = last_deploy(status.deploys)
    if deploy:
        yield {}, deploy.result == "committed"


def _made(status: Status, now: datetime) -> Iterator[Sample]:
    yield {}, round(now.timestamp())


METRICS = (
    Metric("fabvisor_service_up",
           "Whether all programs of the service run, or have ended well; 0 also where its host gave no answer.",
           _well),
    Metric("fabvisor_program_up", "Whether supervisord says that the process runs.", _up),
    Metric("fabvisor_program_start_time_seconds", "When the youngest process of the program began.", _started),
    Metric("fabvisor_oddities", "How many oddities fab status finds.", _oddities),
    Metric("fabvisor_commit_info", "The commit on the disk of the host; always 1.", _commit),
    Metric("fabvisor_deployed_timestamp_seconds", "When that commit was deployed.", _deployed),
    Metric("fabvisor_last_deploy_success", "Whether the last deploy was kept; 0 where it went back.", _last_deploy),
    Metric("fabvisor_status_timestamp_seconds", "When fab status asked.", _made),
)
