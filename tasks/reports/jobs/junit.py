"""`--junit FILE`: a test case for each host and service, for the Tests tab of a pipeline."""

from __future__ import annotations

from collections import deque
from xml.etree import ElementTree as xml

from ...rollout.events import Error, Event, Finished, Output, Result, Started, StepFinished, StepStarted
from ..reporter import Reporter
from ..text.humanize import in_words, text_lines
from ..text.tail import Tail
from ..text.verdict import SETTLED, results

# Of a step's output.
LINES = 200
ROOM = 64 * 1024                                    # characters
MESSAGE = 1000                                      # characters
# Of all errors: one a host is the rule.
ERRORS = 1000
AFTER_ALL = "on_failure"                            # the hook: whether it fails changes no outcome
Key = tuple[str, str]                               # host, service


def reporter(path: str) -> JUnit:
    return JUnit(path)


class JUnit(Reporter):
    def __init__(self, path: str) -> None:
        self.path = path
        self._name = ""
        self._command = ""
        self._services: list[str] = []
        self._output: dict[str, Tail] = {}          # by host, of its current step
        self._failed: dict[Key, tuple[str, list[str]]] = {}
        self._seconds: dict[Key, float] = {}
        self._errors: deque[Error] = deque(maxlen=ERRORS)

    def show(self, event: Event) -> None:
        match event:
            case Started():
                self._name = event.environment
                self._command = event.command
                self._services = event.services
            case StepStarted():
                self._output[event.host] = _tail()
            case Output():
                self._output.setdefault(event.host, _tail()).add(event.line)
            case StepFinished() if event.service in self._services:
                self._step(event)
            case Error():
                self._errors.append(event)
            case Finished():
                xml.ElementTree(self._suites(event)).write(self.path, "utf-8", xml_declaration=True)

    def _step(self, event: StepFinished) -> None:
        key = (event.host, event.service)
        self._seconds[key] = self._seconds.get(key, 0.0) + event.seconds
        if not event.ok and not event.stopped and event.step != AFTER_ALL:
            why = text_lines(event.why or "") or ["it failed"]
            text = self._output.pop(event.host, _tail())
            for line in why:
                text.add(line)
            self._failed.setdefault(key, (f"{event.step}: {why[0]:.{MESSAGE}}", list(text.lines)))

    def _suites(self, finished: Finished) -> xml.Element:
        cases = [self._case(host, service, result) for host, service, result in results(finished)]
        # A build that failed on this machine is of no host of the deploy.
        cases += [_failing(_case(host, service, self._seconds[host, service]), "failure", *failure)
                  for (host, service), failure in self._failed.items() if host not in finished.hosts]
        if not cases and finished.exit_code:        # it ended before any host was known
            case = _case(finished.command, finished.command, 0.0)
            cases = [_failing(case, "error", finished.outcome, self._messages())]
        counts = {"tests": len(cases), **{f"{kind}s" if kind != "skipped" else kind:
                  sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error", "skipped")}}
        attributes = {name: str(number) for name, number in counts.items()}
        suites = xml.Element("testsuites")
        name = f"{finished.command} {self._name}".strip()
        xml.SubElement(suites, "testsuite", {"name": name, **attributes}).extend(cases)
        return suites

    def _case(self, host: str, service: str, result: Result) -> xml.Element:
        case = _case(host, service, self._seconds.get((host, service), 0.0))
        why = text_lines(result.why or "")
        if result.outcome in SETTLED:
            return case
        if (host, service) in self._failed:
            return _failing(case, "failure", *self._failed[host, service])
        message = ": ".join([in_words(result.outcome, self._command), *why[:1]])
        culprits = {error.host for error in self._errors if error.host} | {host for host, _ in self._failed}
        if result.outcome == "unknown" or host in culprits or not culprits:
            return _failing(case, "error", message, self._messages(host) or why)
        return _failing(case, "skipped", message, [])           # it went along with another host's trouble

    def _messages(self, host: str | None = None) -> list[str]:
        """The errors of this host, and those of the whole command."""
        about = [error for error in self._errors if not error.host or error.host == host]
        return [line for error in about for line in text_lines(f"{error.message}\n{error.hint}")]


def _case(host: str, service: str, seconds: float) -> xml.Element:
    return xml.Element("testcase", {"classname": host, "name": service, "time": f"{seconds:.3f}"})


def _failing(case: xml.Element, kind: str, message: str, lines: list[str]) -> xml.Element:
    xml.SubElement(case, kind, {"message": message}).text = "\n".join(lines)
    return case


def _tail() -> Tail:
    return Tail(ROOM, LINES)
