"""One command against hosts of which one cannot be trusted, and what must hold then.

`python -m tests.faults.message_fuzz --seeds 1000`: a seed chooses the command, the format, the host and what that host
does. No host is a machine: thousands of seeds take minutes.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from invoke.context import Context
from invoke.exceptions import Exit

from tasks import control, deploy, history, logs, plan, recover, status
from tasks.inventory.model import Host
from tasks.remote.sessions import Sessions
from tasks.rollout.peers import answer_limit, fleet
from tasks.rollout.transaction import outcome_query
from tests.faults.mutations import Mutator, faithful
from tests.faults.scripted_host import ScriptedHost, ScriptedSession

CHANGING: tuple[tuple[Any, dict[str, Any]], ...] = (
    (deploy.deploy, {"service": "monitor"}), (deploy.deploy, {"service": "monitor", "revision": "b" * 40}),
    (deploy.deploy, {"service": "monitor"}), (control.restart, {"service": "monitor"}),
    (recover.recover, {"service": "monitor"}))
READING: tuple[tuple[Any, dict[str, Any]], ...] = (
    (status.status, {}), (plan.plan, {"service": "monitor"}), (history.history, {"service": "monitor", "lines": "5"}),
    (logs.logs, {"service": "monitor"}), (logs.logs, {"service": "monitor", "deploy": "last"}))
LEASE = 0.5                             # seconds
WITHIN = 0.7                            # seconds, for an answer; no case takes longer than LONGEST
LONGEST = 20.0
MEMORY = 400 * 2**20                    # bytes that the process may grow to, whatever hosts send
# Characters that a terminal or a pipeline's log could take for a command; those of a format itself are left out.
HIDDEN = {"json": r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]",
          "plain": r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]",
          "gitlab": r"\x1b\]|\x07|[\x7f-\x9f\u202a-\u202e\u2066-\u2069]"}


@dataclass
class Case:
    """`hosts`: the first `bad` of them is not to be trusted; `problems`: what did not hold."""

    seed: int
    task: Any
    options: dict[str, Any]
    format: str
    hosts: dict[str, ScriptedHost]
    bad: str
    mutator: Mutator
    code: int = 0
    text: str = ""
    seconds: float = 0

    def __str__(self) -> str:
        return (f"{self.seed}: {self.task.name} --format {self.format}, {self.bad} of {len(self.hosts)}: "
                f"{', '.join(self.mutator.names) or 'nothing'}: exit {self.code}")


def try_it(seed: int, folder: Path) -> tuple[Case, list[str]]:
    """The case of that seed, and what did not hold in it. Raises nothing."""
    rng = random.Random(seed)
    task, options = rng.choice(CHANGING if rng.random() < 0.7 else READING)
    names = [f"web{number}" for number in range(1, rng.choice([2, 3, 4]))]
    case = Case(seed, task, options, rng.choice(["json", "json", "plain", "gitlab"]),
                {name: ScriptedHost(name) for name in names}, rng.choice(names), Mutator(rng))
    begin = time.monotonic()
    _run(case, folder)
    case.seconds = time.monotonic() - begin
    return case, [*_told_wrongly(case), *_shown_wrongly(case)]


def _run(case: Case, folder: Path) -> None:
    sessions: list[ScriptedSession] = []

    def open_session(self: Sessions, host: Host, deliver: Any, *_: Any) -> ScriptedSession:
        session = ScriptedSession(host, deliver, case.hosts[host.name],
                                  case.mutator if host.name == case.bad else faithful)
        sessions.append(session)
        return session

    inventory = folder / "hosts.yaml"
    inventory.write_text(INVENTORY.format(lease=LEASE, hosts=", ".join(f"{name}: {{}}" for name in case.hosts)))
    options = {name: parameter.default for name, parameter in inspect.signature(case.task.body).parameters.items()}
    options.update(case.options, env="test", format=case.format, inventory=str(inventory), context=Context())
    with (folder / "output").open("w+", encoding="utf-8") as out, redirect_stdout(out), redirect_stderr(out), \
            mock.patch.object(Sessions, "open", open_session), _short_deadlines():
        try:
            case.task.body(**options)
        except Exit as end:
            case.code = end.code
    case.text = (folder / "output").read_text("utf-8", "surrogateescape")
    for session in sessions:
        session._ended.wait(10)


@contextmanager
def _short_deadlines() -> Iterator[None]:
    with mock.patch.object(answer_limit, "_of_host", lambda peer: WITHIN), \
            mock.patch.object(outcome_query, "RESTORING", 0.5), \
            mock.patch.object(fleet, "TICK", 0.05), mock.patch.object(sys, "argv", ["fab"]):
        yield


def _told_wrongly(case: Case) -> list[str]:
    """The words about other hosts that are not true, and exit codes that say more than hosts did."""
    bad = case.hosts[case.bad]
    wrong = []
    if case.task in [task for task, _ in CHANGING]:
        good = [host for host in case.hosts.values() if host is not bad]
        committed = [host.name for host in good if host.ending == "committed"]
        if case.code == 0 and case.task is deploy.deploy and len(committed) < len(good):
            wrong.append(f"exit 0, and committed are {committed}")
        if case.code in (1, 2, 75) and committed:
            wrong.append(f"exit {case.code}, and {committed} have committed")
        if case.code in (1, 2, 75) and bad.planned and not re.search(b"restored|outcome", case.mutator.sent):
            wrong.append(f"exit {case.code}, and {case.bad} has not said that it is as it was")
    for line in case.text.splitlines() if case.format == "json" else ():
        wrong += _false_results(case, json.loads(line)) if line.startswith('{"event":"finished"') else []
    return wrong


def _false_results(case: Case, finished: dict[str, Any]) -> list[str]:
    wrong = [] if finished["exit_code"] == case.code else [f"finished says {finished['exit_code']}"]
    for name, services in finished["hosts"].items():
        for result in services.values():
            outcome, truth = result["outcome"], case.hosts[name].ending
            if outcome == "unknown" and case.code != 3 and case.task in [task for task, _ in CHANGING]:
                wrong.append(f"{name} is unknown, and the exit code is {case.code}")
            if name != case.bad and (outcome == "committed") != (truth == "committed") and outcome != "unknown" \
                    and case.task is not recover.recover:
                wrong.append(f"{name} is said to be {outcome}, and is {truth or 'as it was'}")
    return wrong


def _shown_wrongly(case: Case) -> list[str]:
    wrong = []
    if case.code not in (0, 1, 2, 3, 75):
        wrong.append(f"exit code {case.code}")
    if "a bug" in case.text or "Traceback" in case.text.replace("Traceback (most recent call last):\\n", ""):
        wrong.append("a bug: " + case.text[-3000:])
    hidden = re.search(HIDDEN[case.format], case.text)
    if hidden:
        wrong.append(f"{hidden[0]!r} is shown: {case.text[max(0, hidden.start() - 80):hidden.end()]!r}")
    if case.format == "json":
        lines = case.text.splitlines()
        if not lines or json.loads(lines[-1])["event"] != "finished":
            wrong.append(f"the last line is {lines[-1:]}")
    if case.seconds > LONGEST:
        wrong.append(f"it took {case.seconds:.0f} s")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if memory > MEMORY:
        wrong.append(f"the process has grown to {memory >> 20} MB")
    return wrong


INVENTORY = """\
defaults: {{root: /r, lease: {lease}, user: root}}
services:
  monitor: {{repo: r, directory: d, build: make, command: ./monitor, program: {{user: root}}}}
environments:
  test: {{branch: main, hosts: {{{hosts}}}}}
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for seed in range(options.first, options.first + options.seeds):
            case, wrong = try_it(seed, Path(folder))
            if wrong:
                failed += 1
                print(case, *wrong, sep="\n    ", flush=True)
    print(f"{options.seeds} seeds, {failed} wrong")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
