"""The oddities that `fab status` finds on a host."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tasks.inventory.model import Service
from tasks.rollout.facts import Facts, Holder, PlacedFile, Process, Release
from tasks.rollout.plan import planner
from tasks.rollout.queries import oddities
from tests.rollout.samples import BLANK, RELEASED, SERVICE, STOPPED, A, B, facts, process
from tests.support.services import changed

DEPLOYED = [{"at": "2026-01-01T10:00:00Z"}]
AT_TEN = 1767261600                         # the same, in seconds since 1970


def young(start: int, now: int) -> dict[str, list[Process]]:
    return process("RUNNING", pid=9, start=start, now=now)


@pytest.mark.parametrize(("found", "words"), [
    (facts(), []), (BLANK, ["not deployed yet: fab deploy monitor"]),
    (facts(edited=[" M x"]), ["edited files: M x; commit them elsewhere, or fab deploy monitor --set-aside"]),
    (facts(edited=[f" M {number}" for number in range(25)]), ["M 9 and 15 more; commit them elsewhere"]),
    (facts(edited=[" M x", "UU y"]), ["conflicts in y; finish it on the host, or give it up"]),
    (facts(programs=STOPPED, started_from=None), ["not running: STOPPED: fab start monitor"]),
    (facts(programs=process("FATAL", why="too quick"), started_from=None, words={"monitor": ["no disk", "bye"]}),
     ["FATAL: supervisord has given up starting it (too quick): correct the cause, then fab start monitor\n"
      "| no disk\n| bye"]),
    (facts(programs=process("BACKOFF", why="too quick"), started_from=None),
     ["crash-looping: it ends as soon as it is started (too quick); more: fab logs monitor"]),
    (facts(programs=process("EXITED", why="Jan 1"), started_from=None), ["has ended (Jan 1): fab start monitor"]),
    (facts(programs=process("absent"), started_from=None), ["does not know it: fab deploy monitor"]),
    (facts(programs=process("UNKNOWN", why="down", hint="up!"), started_from=None), ["UNKNOWN (down); up!"]),
    (facts(clone=False, commit=None, started_from=None), ["/r/d is not a git clone: fab deploy monitor"]),
    (facts(clone=False, commit=None, started_from=None, written_directory="/r/e"),
     ["it runs in /r/e, and hosts.yaml names /r/d since then: fab deploy monitor"]),
    (facts(commit=None, started_from=None), ["nobody can tell which commit runs"]),
    (facts(clone=False, foreign=True, commit=None, started_from=None), ["mv /r/d /r/d.away, then fab deploy monitor"]),
    (replace(BLANK, foreign=True), ["not deployed yet; /r/d holds files, but no git clone: on the host mv /r/d"]),
    (facts(started_from=B), ["runs bbbbbbbb, on disk is aaaaaaaa: fab deploy monitor, or fab restart monitor"]),
    (facts(due=["d1"], due_by=["ann"]),
     ["deploy d1 by ann was interrupted and is not undone yet: fab recover monitor"]),
    (facts(due=["d1"], holder=Holder(command="deploy", by="ann", since="now")),
     ["deploy by ann, begun at now, is in progress"]),
    (facts(started_from=B, holder=Holder(command="deploy", by="ann", since="now")),
     ["is in progress; bbbbbbbb still runs"]),
    (facts(holder=Holder(command="deploy", by="ann", since="now", restoring=True)),
     ["deploy by ann, begun at now, is being undone"]),
    (facts(obstacles=["/etc/s.conf:7 already defines it: move"]), ["/etc/s.conf:7 already defines it: move"]),
    (facts(program_file="x"), ["changed by hand: /r/conf.d"]),
    (facts(program_file="x", unloaded=True), ["changed by hand, and supervisord has not loaded it: /r/conf.d"]),
    (facts(program_file=None), ["is missing: fab deploy monitor"]),
    (facts(programs=young(AT_TEN + 2, AT_TEN + 9), history=DEPLOYED), []),
    (facts(programs=young(AT_TEN + 300, AT_TEN + 309), history=DEPLOYED), ["restarted a moment ago, not by fab"]),
    (facts(programs=young(AT_TEN + 300, AT_TEN + 400), history=DEPLOYED), []),
    (facts(programs=young(AT_TEN + 300, AT_TEN + 309)), []),
    (facts(programs=young(AT_TEN + 300, AT_TEN + 309), history=DEPLOYED, due=["d"]), ["is not undone yet"]),
    (facts(started_from=B, due=["d"]), ["it runs bbbbbbbb, on disk is aaaaaaaa", "fab recover"]),
    (facts(program_file="x", files={"c/x": PlacedFile(sha256="2", written="1")}, due=["d"]), ["is not undone yet"]),
    (facts(current=B), ["points to a release that is not there: bbbbbbbb"]),
    (facts(edited=[" M x"], due=["d"]), ["edited files", "fab recover"]),
    (facts(files={"c/x": PlacedFile(sha256="1", written="1"), "new": PlacedFile(sha256="1"), "": PlacedFile()}), []),
    (facts(files={"c/x": PlacedFile(sha256="2", written="1", mode=0o644, written_mode=0o640),
                  "gone": PlacedFile(written="1"),
                  "fifo": PlacedFile(written="1", problem="/r/d/fifo is a pipe")}),
     ["/r/d/fifo is a pipe, where `files` puts fifo: move it away on the host, then fab deploy monitor",
      "edited on the host, but of `files` in hosts.yaml: c/x; take it into hosts.yaml, or fab deploy monitor"
      " --set-aside",
      "missing, but of `files` in hosts.yaml: gone: fab deploy monitor"]),
    (facts(files={path: PlacedFile(sha256="1", written="1", mode=mode, written_mode=0o640)
                  for path, mode in ((".env", 0o644), ("kept", 0o640))}),
     ["another mode than `files` in hosts.yaml gave: .env (0644, not 0640): fab deploy monitor"])])
def test_each_oddity_has_its_words(found: Facts, words: list[str]) -> None:
    listed = oddities.of_service(SERVICE, found)
    assert len(listed) == len(words), listed
    for oddity, word in zip(listed, words, strict=True):
        assert word in oddity


def test_remedy_of_a_program_that_supervisord_does_not_know_forces_nothing() -> None:
    """--force would take a program file that somebody wrote by hand, and a port that another process holds."""
    oddity, = oddities.of_service(SERVICE, facts(programs=process("absent"), started_from=None))
    assert oddity.endswith(": fab deploy monitor")


def test_process_that_is_unwell_is_named_where_the_others_have_ended_well() -> None:
    once = changed(SERVICE, program={"startsecs": "0"}, numprocs=2)
    processes = [Process(name="monitor_00", state="EXITED", exit_status=0), Process(name="monitor_01", state="FATAL")]
    listed = oddities.of_service(once, facts(programs={"monitor": processes}, started_from=None))
    assert listed[0].startswith("monitor_01 is not running: FATAL")


@pytest.mark.parametrize(("service", "remedy"), [
    (RELEASED, "fab deploy monitor"), (SERVICE, "write `strategy: releases` at the service in hosts.yaml")])
def test_release_of_another_tool_is_named_with_what_helps(service: Service, remedy: str) -> None:
    theirs = Release(name="20240101120000", digest=None, in_use=True, commit=A)
    found = facts(clone=False, strategy="releases", current=theirs.name, releases=[theirs])
    assert oddities.of_service(service, found) == [f"another tool made the release that runs, {theirs.name}: {remedy}"]


def test_disagreeing_hosts_are_named_with_a_remedy() -> None:
    commits = {"web1": A, "web2": B, "web3": None}
    assert oddities.disagreement("monitor", "web1", commits) == oddities.disagreement("monitor", "web3", commits) == []
    assert oddities.disagreement("monitor", "web2", {"web1": None, "web2": B}) == []
    (oddity,) = oddities.disagreement("monitor", "web2", commits)
    assert oddity == "another commit than on web1 (aaaaaaaa): fab deploy monitor"


@pytest.mark.parametrize(("programs", "missing"), [({}, ["monitor"]), (process("RUNNING", pid=7, start=1, now=2), [])])
def test_program_that_runs_was_deployed_whatever_the_program_file_says(programs: dict[str, list[Process]],
                                                                       missing: list[str]) -> None:
    """Somebody may have written its section into another file."""
    found = facts(program_file="; empty\n", programs=programs)
    assert planner.not_deployed(SERVICE, found, each=True) == missing
