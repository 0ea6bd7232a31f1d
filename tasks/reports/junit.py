"""`--junit FILE`: a test case for each host and service, for the Tests tab of a pipeline."""

from __future__ import annotations

import contextlib
import re
from collections import deque
from xml.etree import ElementTree as xml

from ..rollout.events import Error, Event, Finished, Output, Result, Started, StepFinished, StepStarted
from . import Reporter
from .humanize import clean, clean_lines
from .verdict import SETTLED, results

KEPT = 200                                          # lines of a step's output
Key = tuple[str, str]                               # host, service


def reporter(path: str) -> Reporter:
    return JUnit(path)


class JUnit(Reporter):
    def __init__(self, path: str) -> None:
        self.path = path
        self._name = ""
        self._output: dict[Key, deque[str]] = {}    # of the step at hand
        self._failed: dict[Key, tuple[str, list[str]]] = {}
        self._seconds: dict[Key, float] = {}
        self._errors: list[Error] = []

    def on(self, event: Event) -> None:
        match event:
            case Started():
                self._name = event.environment
            case StepStarted():
                self._output[event.host, event.service] = deque(maxlen=KEPT)
            case Output():
                self._output.setdefault((event.host, event.service), deque(maxlen=KEPT)).append(clean(event.line))
            case StepFinished():
                self._step(event)
            case Error():
                self._errors.append(event)
            case Finished():
                # A full disk here changes nothing about what was deployed.
                with contextlib.suppress(OSError):
                    xml.ElementTree(self._suites(event)).write(self.path, "utf-8", xml_declaration=True)

    def close(self) -> None:
        pass

    def _step(self, event: StepFinished) -> None:
        key = (event.host, event.service)
        self._seconds[key] = self._seconds.get(key, 0.0) + event.seconds
        if not event.ok and not event.stopped:
            why = clean_lines(event.why or "it failed")
            self._failed.setdefault(key, (f"{event.step}: {why[0]}", [*self._output.get(key, ()), *why]))

    def _suites(self, finished: Finished) -> xml.Element:
        cases = [self._case(host, service, result) for host, service, result in results(finished)]
        if not cases and finished.exit_code:        # it ended before any host was known
            cases = [_failing(_case(finished.command, finished.command, 0.0), "error", finished.outcome, self._told())]
        counts = {"tests": len(cases), **{f"{kind}s" if kind != "skipped" else kind:
                  sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error", "skipped")}}
        attributes = {name: str(number) for name, number in counts.items()}
        suites = xml.Element("testsuites")
        name = _valid(f"{finished.command} {self._name}".strip())
        xml.SubElement(suites, "testsuite", {"name": name, **attributes}).extend(cases)
        return suites

    def _case(self, host: str, service: str, result: Result) -> xml.Element:
        case = _case(host, service, self._seconds.get((host, service), 0.0))
        why = clean_lines(result.why or "")
        if result.outcome in SETTLED:
            return case
        if (host, service) in self._failed:
            return _failing(case, "failure", *self._failed[host, service])
        message = f"{result.outcome}: {why[0]}" if why else result.outcome
        culprits = {error.host for error in self._errors if error.host} | {host for host, _ in self._failed}
        if result.outcome == "unknown" or host in culprits or not culprits:
            return _failing(case, "error", message, self._told(host) or why)
        return _failing(case, "skipped", message, [])           # it went along with another host's trouble

    def _told(self, host: str | None = None) -> list[str]:
        """What was said about this host, and about all of them."""
        about = [error for error in self._errors if not error.host or error.host == host]
        return [line for error in about for line in clean_lines(f"{error.message}\n{error.hint}")]


def _case(host: str, service: str, seconds: float) -> xml.Element:
    return xml.Element("testcase", {"classname": _valid(host), "name": _valid(service), "time": f"{seconds:.3f}"})


def _failing(case: xml.Element, kind: str, message: str, lines: list[str]) -> xml.Element:
    xml.SubElement(case, kind, {"message": _valid(message)}).text = _valid("\n".join(lines))
    return case


def _valid(text: str) -> str:
    """XML holds neither control characters nor half ones."""
    kept = re.sub("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
    return kept.encode("utf-8", "replace").decode()
