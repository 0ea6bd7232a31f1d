"""The executor's `logs`, `runs`, `history` and watching `status`: what travels, and what it costs the host."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import xmlrpc.client
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.layout import Layout
from tasks.executor.state import history
from tests.executor.conftest import Make
from tests.executor.driver import Deploy, Example
from tests.support.lab import LabHost, wait_for

ENOUGH = 40_000                             # kB; an executor with nothing to do has about 20,000
PIPE = 32_000                               # bytes: half of a pipe, which somebody reads no more


def peak(deploy: Deploy) -> int:
    """The most memory that it ever had, in kB."""
    status = Path(f"/proc/{deploy.executor.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def log_of(example: Example) -> Path:
    """Where it would be, of a service that was never deployed."""
    path = example.directory / f"logs/{example.name}.log"
    path.parent.mkdir(parents=True)
    return path


def lines(deploy: Deploy) -> list[str]:
    return [one["line"] for one in deploy.executor.heard if one["event"] == "log"]


def follow(deploy: Deploy, **more: Any) -> None:
    deploy.hello("logs", **{"lines": 0, "follow": True, **more})
    deploy.executor.until("mark")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gigabyte, most of it a hole; then a few lines, one of them of 30 MB."""
    path = tmp_path_factory.mktemp("big") / "log"
    with path.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(1 << 30)
        file.write(b"\nneedle 1\n" + b"x" * (30 << 20) + b"\nneedle 2\nthe end\n")
    return path


@pytest.mark.parametrize(("asked", "found"), [
    ({"lines": 2}, ["needle 2", "the end"]), ({"lines": 2, "grep": "^needle"}, ["needle 1", "needle 2"])])
def test_logs_of_any_size_are_read_in_bounded_memory(example: Example, big: Path, asked: dict[str, Any],
                                                     found: list[str], python: str) -> None:
    log_of(example).symlink_to(big)
    with example.deploy(python=python) as deploy:
        deploy.hello("logs", follow=True, **asked)
        deploy.executor.until("mark")
        assert lines(deploy) == found
        assert peak(deploy) < ENOUGH


def test_logs_wait_for_a_slow_client_in_bounded_memory(example: Example) -> None:
    """Nothing is dropped, and it is written no faster than it is read: 30 MB of lines here."""
    with log_of(example).open("w") as file:
        file.writelines(f"{number:07d} {'x' * 2990}\n" for number in range(10_000))
    with example.deploy() as deploy:
        deploy.executor.reading.clear()
        deploy.hello("logs", lines=10_000)
        wait_for(lambda: deploy.executor.unread() >= PIPE and is_at_rest(deploy), "it to wait for its reader")
        deploy.executor.reading.set()
        first = [deploy.executor.until("log") for _ in range(9_000)]
        assert peak(deploy) < ENOUGH
        events = deploy.executor.rest()
        numbers = [int(one["line"][:7]) for one in (*first, *events) if one["event"] == "log"]
        assert numbers == list(range(10_000))
        assert events[-1]["event"] == "end"


def cpu(deploy: Deploy) -> float:
    fields = Path(f"/proc/{deploy.executor.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def is_at_rest(deploy: Deploy) -> bool:
    before = cpu(deploy)
    time.sleep(0.3)
    return cpu(deploy) - before < 0.05


def test_grep_sends_only_lines_that_match(example: Example) -> None:
    log = log_of(example)
    log.write_text("ERROR old\n")
    with example.deploy() as deploy:
        follow(deploy, grep="ERROR|panic")
        with log.open("a") as file:
            file.write("info\n" * 5000 + "panic: no\ninfo\nERROR 7\n")
        deploy.executor.until("log")
        deploy.executor.until("log")
        assert lines(deploy) == ["panic: no", "ERROR 7"]


def test_grep_pattern_that_never_ends_is_stopped(example: Example, python: str) -> None:
    """It would keep a processor of the host busy, and no signal of ours would be heard."""
    log_of(example).write_text("a" * 40 + "!\n")
    with example.deploy(python=python, faults="from .logs import grep\ngrep.SLOW = 0.3\n") as deploy:
        deploy.hello("logs", lines=5, grep="(a+)+$")
        assert "--grep" in deploy.executor.until("problem")["message"]
        deploy.executor.rest()
        assert deploy.executor.process.wait(60) == 1


def test_grep_pattern_that_does_not_compile_is_refused(example: Example) -> None:
    with example.deploy() as deploy:
        deploy.hello("logs", lines=5, grep="(?<oops")
        assert deploy.executor.until("problem")["kind"] == "not_ready"


def test_logs_end_with_the_client(example: Example) -> None:
    with example.deploy() as deploy:
        follow(deploy)
        deploy.executor.hang_up()
        assert deploy.executor.process.wait(60) == 1


@pytest.mark.long
def test_logs_of_a_busy_service_leave_the_others_their_turn(example: Example, host: LabHost) -> None:
    """One that writes without a pause does not keep the others from being heard."""
    other = Example(example.work.parent, host, example.name + "x")
    busy, quiet, enough = log_of(example), log_of(other), threading.Event()

    def write() -> None:
        with busy.open("a") as file:
            while not enough.is_set() and file.tell() < 200 << 20:
                file.write("busy\n" * 1000)

    with example.deploy(example.service, other.service) as deploy:
        deploy.hello("logs", lines=0, follow=True)
        deploy.executor.until("mark")
        deploy.executor.until("mark")
        writer = threading.Thread(target=write)
        writer.start()
        try:
            deploy.executor.until("log")
            quiet.write_text("a word\n")
            wait_for(lambda: "a word" in lines(deploy), "the quiet one")
        finally:
            enough.set()
            writer.join()


# --- the run log of a deploy ---


def test_run_log_of_a_deploy_can_be_read(example: Example) -> None:
    example.write("exec sleep 1000\n", noise="x")
    example.committed()
    (line,) = example.host.history(example.name)
    with example.deploy() as deploy:
        deploy.hello("runs", lines=None)
        assert deploy.executor.until("runs")["deploys"] == [line["deploy"]]
        deploy.executor.send({"do": "show", "deploy": line["deploy"]})
        deploy.executor.rest()
        words = "\n".join(lines(deploy))
        assert all(f" {example.name} {step} ok, " in words for step in ("fetch", "build", "restart", "verify"))
    with example.deploy() as deploy:
        deploy.hello("runs", lines=1)
        deploy.executor.until("runs")
        deploy.executor.send({"do": "show", "deploy": "../" + line["deploy"]})
        assert [one["event"] for one in deploy.executor.rest()] == ["end"], "no other file can be asked for"


def test_run_log_of_a_running_deploy_can_be_read(example: Example) -> None:
    example.write()
    with example.deploy() as deploy, example.deploy() as look:
        deploy.prepare()
        look.hello("runs", lines=None)
        assert look.executor.until("runs")["deploys"] == [deploy.id]


# --- history ---


def past(example: Example, *lines: str) -> Path:
    path = example.state / "history.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))
    return path


def line(number: int, result: str = "committed") -> str:
    return json.dumps({"deploy": f"d{number}", "at": "2026-01-01T00:00:00Z", "by": "ann", "command": "deploy",
                       "from": "a", "to": "b", "result": result, "why": None, "revision": "main", "branch": "main",
                       "variables": {"SECRET": "x"}}) + "\n"


def test_history_skips_torn_and_foreign_lines(example: Example, python: str) -> None:
    past(example, line(1), "\0\0\0\n", '{"deploy": "d2", "at"\n', "[]\n", line(3), line(4)[:40])
    with example.deploy(python=python) as deploy:
        deploy.hello("history", lines=20)
        rows = [one for one in deploy.executor.rest() if one["event"] == "history"]
    assert [one["deploy"] for one in rows] == ["d1", "d3"]
    assert set(rows[0]) == {"event", "service", "deploy", "at", "by", "command", "from", "to", "result", "why",
                            "revision", "branch", "batch", "fabvisor", "source"}
    with example.deploy(python=python) as deploy:
        deploy.hello("history", lines=1)
        assert deploy.executor.until("history")["deploy"] == "d3"


@pytest.mark.promise(8)
def test_history_of_which_no_line_can_be_read_is_not_called_empty(example: Example) -> None:
    """Nor is anything deployed, or gone back to, as if it were."""
    example.write()
    example.committed()
    path = past(example, '{"deploy": "d2", "at"\n', "\0\0\0\n")
    said = f"no line of the history {path} can be read, so nobody knows what was deployed"
    for verb, more in (("history", {}), ("runs", {}), ("rollout", {}), ("status", {"named": None})):
        with example.deploy() as deploy:
            deploy.hello(verb, None, **more)
            answer = deploy.executor.until("problem", "not_ready", "facts", "runs", "end")
            assert said in str(answer) and f"mv {path} {path}.aside" in str(answer), answer


def test_history_whose_first_line_a_power_cut_tore_is_empty(example: Example) -> None:
    path = past(example, line(1)[:40])
    with example.deploy() as deploy:
        deploy.hello("history")
        assert [one["event"] for one in deploy.executor.rest()] == ["end"]
    assert path.read_text() == line(1)[:40]


def test_history_makes_no_folder_when_nothing_was_deployed(example: Example) -> None:
    with example.deploy() as deploy:
        deploy.hello("history", lines=20)
        assert [one["event"] for one in deploy.executor.rest()] == ["end"]
    assert not example.state.exists()


def test_history_is_bounded_and_keeps_committed_versions(example: Example) -> None:
    """Failures are cut off first: a rollback still finds the versions that were good."""
    good = [line(number) for number in range(150)]
    path = past(example, *good, *(line(number, "restored") for number in range(1000, 1000 + history.MOST)),
                line(9999)[:30])
    layout = Layout({"root": str(example.host.root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})
    known = [one["deploy"] for one in history.known(layout, example.name)]
    assert known[:100] == [f"d{number}" for number in range(50, 150)] and len(known) == 100 + history.KEPT
    history.write(layout, example.name, {"deploy": "now", "result": "committed"})
    kept = [json.loads(text)["deploy"] for text in path.read_text().splitlines()]
    assert kept[:99] == [f"d{number}" for number in range(51, 150)]
    assert kept[-1] == "now" and len(kept) == 99 + history.NEWEST
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["history.jsonl"]


# --- status that goes on ---


def test_watch_sends_only_what_changes(example: Example) -> None:
    example.write()
    example.committed()
    faults = "from .verbs import queries\nqueries.PAUSE = 0.05\n"
    with example.deploy(faults=faults) as deploy:
        deploy.hello("status", watch=True)
        first = deploy.executor.until("facts")["services"][example.name]
        assert (first["programs"][example.name][0]["state"], first["unloaded"], first["words"]) == (
            "RUNNING", False, {example.name: []})
        for _ in range(10):
            assert deploy.executor.until("looked", "facts")["event"] == "looked"
        example.host.rpc.stopProcess(f"{example.name}:{example.name}")
        wait_for(lambda: example.info()["statename"] == "STOPPED", "it to stop")
        states = {"RUNNING"}
        while "STOPPED" not in states:
            states.add(deploy.executor.until("facts")["services"][example.name]["programs"][example.name][0]["state"])
        assert states <= {"RUNNING", "STOPPING", "STOPPED"}


def test_status_holds_the_last_words_of_a_program_that_does_not_stay_up(example: Example) -> None:
    example.write()
    example.committed(example.with_(program={"startsecs": "0", "autorestart": "false"}))
    (example.directory / "built").write_text("seq 8; echo no database; exit 3\n")
    example.host.rpc.stopProcess(f"{example.name}:{example.name}")
    with suppress(xmlrpc.client.Fault):         # supervisord says so where it ended at once
        example.host.rpc.startProcess(f"{example.name}:{example.name}", False)
    wait_for(lambda: example.info()["statename"] == "EXITED", "it to end")
    with example.deploy() as deploy:
        deploy.hello("status")
        found = deploy.executor.until("facts")["services"][example.name]
    assert found["words"][example.name] == [*"2345678", "no database"]


def test_status_marks_a_program_file_younger_than_the_program(example: Example) -> None:
    example.write()
    example.committed()
    future = time.time() + 60
    os.utime(example.program_file, (future, future))
    with example.deploy() as deploy:
        deploy.hello("status")
        assert deploy.executor.until("facts")["services"][example.name]["unloaded"]


def test_status_logs_and_outcome_can_be_queried_after_a_deploy(example: Example, python: str) -> None:
    commit = example.write("echo hello from it; exec sleep 1000\n")
    example.committed()
    with example.deploy(python=python) as deploy:
        deploy.hello("status")
        found = deploy.executor.until("facts")["services"][example.name]
        state = found["programs"][example.name][0]["state"]
        assert (found["commit"], found["started_from"], state) == (commit, commit, "RUNNING")
        assert (found["holder"], found["due"], found["edited"], found["obstacles"]) == ({}, [], [], [])
        assert deploy.executor.rest()[-1]["event"] == "end"
    wait_for(lambda: "hello" in (example.directory / f"logs/{example.name}.log").read_text(), "the log")
    with example.deploy(python=python) as deploy:
        deploy.hello("logs", lines=5)
        assert deploy.executor.until("log")["line"] == "hello from it"
    with example.deploy(python=python) as deploy:
        deploy.hello("ask", deploy="never heard of", timeout=1)
        ending = deploy.executor.until("outcome")
        assert (ending["result"], ending["busy"], ending["due"], ending["now"]) == (None, False, False, commit)


@pytest.mark.long
def test_status_shows_the_other_services_when_one_clone_is_broken(example: Example, another: Make) -> None:
    other = another()
    example.write()
    other.write()
    example.committed(example.service, other.service)
    (example.directory / ".git/index").write_text("rubbish")
    with example.deploy(example.service, other.service) as deploy:
        deploy.hello("status")
        deploy.executor.rest()
        names = [name for one in deploy.executor.heard if one["event"] == "facts" for name in one["services"]]
        assert other.name in names


def test_status_names_the_running_deploy(example: Example) -> None:
    example.write()
    with example.deploy() as deploy, example.deploy() as look:
        deploy.prepare()
        look.hello("status")
        found = look.executor.until("facts")["services"][example.name]
        assert found["holder"]["deploy"] == deploy.id
        assert found["due"] == [deploy.id]
