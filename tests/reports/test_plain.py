from __future__ import annotations

import pytest
from msgspec.structs import replace

from tasks.reports.console import plain
from tasks.rollout.events import (
    Check,
    Document,
    Error,
    FileChange,
    Finished,
    History,
    HostState,
    LogLine,
    Notice,
    Output,
    PastDeploy,
    Planned,
    ProcessStatus,
    ProgramStatus,
    Result,
    Started,
    Status,
    StepFinished,
    StepStarted,
)


def report(screen, events):
    with plain.reporter(screen) as reporter:
        for event in events:
            reporter.on(event)


def test_plain_report_equals_its_golden_file(name, shown, recorded, golden):
    page = shown()
    report(page.screen, recorded(name))
    assert page.text == golden(f"{name}.plain")


def test_plain_status_fits_in_80_columns(shown, recorded):
    page = shown()
    report(page.screen, recorded("status"))
    assert max(map(len, page.text.splitlines())) <= 80


def test_plain_report_with_verbose_prints_every_line_once(shown, recorded):
    page = shown(verbose=True)
    report(page.screen, recorded("failing"))
    for number in range(1, 26):
        assert page.text.count(f"12:00:00Z  web2.example.com  | compiling package {number}\n") == 1
    assert "    build ended with exit status 1\n" in page.text


def test_plain_report_without_verbose_hides_output_of_a_good_step(shown):
    page = shown()
    output = Output(host="web1", service="monitor", step="build", line="chatter")
    done = StepFinished(host="web1", service="monitor", step="build", ok=True, changed=True, seconds=1.2)
    started = Started(command="deploy", environment="dev", hosts=["web1"], services=["monitor"])
    report(page.screen, [started, output, done])
    assert "chatter" not in page.text
    assert "web1  build     ok  1.2 s\n" in page.text


def test_plain_report_of_a_repeated_step_shows_only_its_last_output(shown):
    page = shown()
    at = {"host": "web1", "service": "monitor", "step": "build"}
    report(
        page.screen,
        [
            StepStarted(**at),
            Output(**at, line="first"),
            StepFinished(**at, ok=True, changed=True, seconds=1),
            StepStarted(**at),
            Output(**at, line="second"),
            StepFinished(**at, ok=False, changed=True, seconds=1, why="exit status 1"),
        ],
    )
    assert "first" not in page.text
    assert "    | second\n    exit status 1\n" in page.text


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_plain_report_has_colour_only_when_forced(environ, coloured, shown, recorded):
    page = shown(environ=environ)
    report(page.screen, recorded("failing"))
    assert ("\x1b[31mwent back\x1b[0m" in page.text) is coloured
    assert ("\x1b" in page.text) is coloured


def test_control_characters_of_a_host_never_reach_the_screen(shown):
    page = shown()
    evil = "a\x1b[2J\x1b]0;title\x07\x9b1m\x08\x00b\u202e"
    at = {"host": "web1", "service": evil, "step": "build"}
    report(
        page.screen,
        [
            HostState(host="web1", state="waiting", detail=evil),
            Output(**at, line=evil),
            StepFinished(**at, ok=False, changed=True, seconds=1, why=evil),
            LogLine(host="web1", service="monitor", line=evil),
        ],
    )
    assert page.text.count("ab") == 5
    assert all(char.isprintable() or char == "\n" for char in page.text)


def test_plain_logs_name_the_service_when_there_are_several_and_standard_error(shown):
    page = shown()
    started = Started(command="logs", environment="dev", hosts=["web1"], services=["api", "monitor"])
    report(page.screen, [started, LogLine(host="web1", service="api", line="hello"),
                         LogLine(host="web1", service="api", stream="stderr", line="panic")])
    assert page.text == "web1 api     | hello\nweb1 api     stderr | panic\n"


def test_plain_table_of_run_stands_apart_from_what_the_command_printed(shown):
    page = shown()
    rows = {"web1": {"": Result(outcome="failed")}}
    report(page.screen, [Started(command="run", environment="dev", hosts=["web1"], services=[]),
                         LogLine(host="web1", service="", line="hello"),
                         Finished(command="run", outcome="failed", exit_code=1, hosts=rows)])
    assert page.text == "web1 | hello\n\nhost  outcome\nweb1  failed\n"


def test_plain_run_log_of_several_services_bears_the_host_alone(shown):
    page = shown()
    report(page.screen, [Started(command="logs", environment="dev", hosts=["web1"], services=["api", "monitor"]),
                         LogLine(host="web1", service="api,monitor", stream="", line="api build begins")])
    assert page.text == "web1 | api build begins\n"


@pytest.mark.promise(8)
@pytest.mark.parametrize(
    ("command", "outcome", "code", "sentence"),
    [
        ("deploy", "restored", 143, "interrupted: every host is as it was"),
        ("deploy", "refused", 130, "nothing was changed"),
        ("deploy", "refused", 2, "nothing was changed"),
        ("deploy", "refused", 75, "nothing was changed: try again later"),
        ("deploy", "mixed", 3, "a person is needed"),
        ("deploy", "refused", 1, "failed: every host is as it was"),
        ("recover", "restored", 0, "every host is as it was"),
        ("status", "unchanged", 0, "all well"),
        ("status", "unchanged", 1, "something is odd: see the lines marked !"),
    ],
)
def test_verdict_is_one_plain_sentence(command, outcome, code, sentence, shown):
    page = shown()
    report(page.screen, [Finished(command=command, outcome=outcome, exit_code=code)])
    assert page.text == sentence + "\n"


@pytest.mark.parametrize(("outcome", "code", "sentence"), [
    ("refused", 2, "something is odd: see the lines marked !"),
    ("unreachable", 75, "web1 cannot be reached; try again")])
def test_status_that_cannot_look_at_a_host_says_where_the_reason_stands(outcome, code, sentence, shown):
    page = shown()
    hosts = {"web1": {"api": Result(outcome=outcome, why="no root")}}
    report(page.screen, [Finished(command="status", outcome=outcome, exit_code=code, hosts=hosts)])
    assert page.text.endswith(f"{sentence}\n")


def test_remedy_of_several_checks_is_shown_once_a_host(shown):
    page = shown()
    checks = [Check(host=host, check=name, outcome="failed", message="down", remedy="start it")
              for host in ("web1", "web2") for name in ("supervisord", "boot")]
    report(page.screen, checks)
    assert [line.split()[0] for line in page.text.splitlines()] == ["web1", "hint:", "web1", "web2", "hint:", "web2"]


@pytest.mark.parametrize("code", [2, 75])
def test_history_that_failed_does_not_say_that_nothing_was_deployed(code, shown):
    page = shown()
    report(page.screen, [Error(message="--lines: expected a whole number", hint="such as --lines 30"),
                         Finished(command="history", outcome="refused", exit_code=code)])
    assert "nothing was deployed" not in page.text and "--lines: expected" in page.text


def test_verdict_names_each_commit_that_hosts_are_at(shown):
    """Hosts with the same `subdirectory` may have several."""
    commits = {"web1": "1" * 40, "web2": "2" * 40, "web3": "1" * 40}
    hosts = {host: {"shop": Result(now=commit, outcome="committed")} for host, commit in commits.items()}
    page = shown()
    report(page.screen, [Finished(command="deploy", outcome="committed", exit_code=0, hosts=hosts)])
    assert "shop is at 11111111 and 22222222 on 3 hosts" in page.text


def test_verdict_of_start_does_not_say_that_a_program_runs_which_may_have_ended(shown):
    page = shown()
    hosts = {"web1": {"job": Result(now="1" * 40, outcome="committed")}}
    report(page.screen, [Finished(command="start", outcome="committed", exit_code=0, hosts=hosts)])
    assert "job is started on 1 host, " in page.text


def test_history_names_what_a_client_built_by_its_source(shown):
    page = shown()
    line = History(host="web1", service="site", deploy="20260101-000000-000001", at=None, by="ann", command="deploy",
                   from_="a" * 40, to="b" * 40, result="committed", why=None, revision="main", branch="main",
                   source="1a2b3c4d" + "0" * 32)
    report(page.screen, [line, Finished(command="history", outcome="unchanged", exit_code=0)])
    assert "aaaaaaaa → 1a2b3c4d + build bbbbbbbb  deployed" in page.text


@pytest.mark.parametrize(("by", "words"), [
    ("a http://g/j/1", "a http://g/j/1"),
    ("anna https://git.example.com/micro/monitor/-/jobs/71", "anna, job 71")])
def test_history_names_the_job_where_its_link_has_no_room(shown, by, words):
    page = shown()
    line = History(host="web1", service="site", deploy="20260101-000000-000001", at=None, command="deploy",
                   by=by, from_="a" * 40, to="b" * 40, result="committed", why=None, revision="main", branch="main")
    report(page.screen, [line, Finished(command="history", outcome="unchanged", exit_code=0)])
    assert f"  {words}  aaaaaaaa" in page.text, page.text


def test_status_says_once_that_the_last_deploy_went_back(shown):
    page = shown()
    last = PastDeploy(deploy="20240501-100000-1b1b1b", at="2024-05-01T10:00:00Z", by="ann", command="deploy",
                      from_="a" * 40, to="b" * 40, result="restored")
    earlier = replace(last, deploy="20240501-090000-1b1b1b", at="2024-05-01T09:00:00Z")
    report(page.screen, [*(Status(
        environment="dev", host=host, service="api", state="RUNNING", pid=7, uptime=90.0, commit="a" * 40,
        branch="main", strategy="in_place", deployed_by="ann", deployed_at=None, oddities=[], deploys=[deploy])
        for host, deploy in (("web1", last), ("web2", last), ("web3", earlier))),
        Finished(command="status", outcome="unchanged", exit_code=0)])
    text = " ".join(page.text.split())
    assert text.count("the last deploy went back") == 1
    assert "api: the last deploy went back, 2 h ago: bbbbbbbb by ann fab logs api --deploy 20240501-100000-1b" in text


def test_document_stands_alone_on_standard_output(shown):
    page = shown()
    report(page.screen, [Notice(message="before"), Document(text="services: {}\n"),
                         Notice(level="warning", message="a warning")])
    assert page.text == "before\nservices: {}\n--- stderr\n! a warning\n"


def test_plain_report_breaks_no_line_inside_a_command(shown):
    page = shown()
    words = "this deploy was cut off, and it is not undone on this host yet:"
    report(page.screen, [
        Status(environment="dev", host="web1", service="monitor", state="RUNNING", pid=1, uptime=1.0, commit="a" * 40,
               branch="main", strategy="in_place", deployed_by=None, deployed_at=None,
               oddities=[f"{words} fab logs monitor --deploy 20240501-100000-abcdef; then look again"]),
        Finished(command="status", outcome="unchanged", exit_code=1)])
    assert f"  ! {words}\n    fab logs monitor --deploy 20240501-100000-abcdef; then look again\n" in page.text


def test_plain_history_says_on_which_host_a_deploy_failed(shown):
    """The hosts of later batches name it; web1 itself does not."""
    page = shown()
    of_all = {"service": "monitor", "deploy": "d", "at": "2024-05-01T11:00:00Z", "by": "ann", "command": "deploy",
              "from_": "a" * 40, "to": "b" * 40, "revision": "main", "branch": "main"}
    report(page.screen, [
        History(host="web1", result="restored", why="exit status 1", **of_all),
        History(host="web2", result="not_reached", why="web1: verify: exit status 1", **of_all),
        Finished(command="history", outcome="unchanged", exit_code=0)])
    assert "went back\n  web1: verify: exit status 1\n" in page.text


def test_plain_status_cuts_the_name_of_who_deployed_before_that_of_a_program(shown):
    page = shown()
    programs = [ProgramStatus(program=name, state="RUNNING", pid=1, uptime=2500.0, processes=[
        ProcessStatus(name=f"{name}_{number}", state="RUNNING", pid=1) for number in range(2)])
        for name in ("web", "worker")]
    report(page.screen, [
        Status(environment="dev", host="web1", service="shop", state="RUNNING", pid=1, uptime=2500.0, commit="a" * 40,
               branch="develop", strategy="in_place", deployed_by="alice@tower", programs=programs,
               deployed_at="2024-05-01T11:18:00Z", oddities=[]),
        Finished(command="status", outcome="unchanged", exit_code=0)])
    assert "shop:worker  RUNNING 2/2" in page.text and max(map(len, page.text.splitlines())) <= 80


def test_plain_plan_says_of_each_file_what_changes(shown):
    page = shown()
    files = [FileChange(path="new.toml", change="added", secret=False),
             FileChange(path="key", change="changed", secret=True, mode=["0640", "0600"])]
    started = Started(command="plan", environment="dev", hosts=["web1"], services=["monitor"])
    plan = Planned(host="web1", service="monitor", was="a" * 40, next="b" * 40, steps=["files"], files=files)
    report(page.screen, [started, plan, Finished(command="plan", outcome="shown", exit_code=0)])
    lines = [line.strip() for line in page.text.splitlines()]
    assert "new.toml is new" in lines and "key changed (secret): mode 0640, now 0600" in lines


def test_plain_plan_counts_files_beyond_the_first_twenty(shown):
    page = shown()
    files = [FileChange(path=f"{number}.toml", change="added", secret=False) for number in range(25)]
    started = Started(command="plan", environment="dev", hosts=["web1"], services=["monitor"])
    plan = Planned(host="web1", service="monitor", was="a" * 40, next="b" * 40, steps=["files"], files=files,
                   edited=[f" M {number}.c" for number in range(25)],
                   obstacles=[f"no {number}" for number in range(25)])
    report(page.screen, [started, plan, Finished(command="plan", outcome="shown", exit_code=0)])
    words = " ".join(page.text.split())
    for part in ("19.toml is new and 5 more files", "M 19.c and 5 more", "! no 19 ! and 5 more"):
        assert part in words


def test_plain_status_says_once_why_a_host_with_several_services_gave_no_answer(shown):
    page = shown()
    services = {name: Result(outcome="unreachable", why="no route") for name in ("api", "worker")}
    report(page.screen, [Finished(command="status", outcome="unreachable", exit_code=75,
                                  hosts={"web1": services, "web2": services})])
    assert [line.split()[:2] for line in page.text.splitlines()[1:7]] == [
        ["web1", "api"], ["web1", "worker"], ["!", "no"], ["web2", "api"], ["web2", "worker"], ["!", "no"]]


def test_plain_status_counts_no_processes_while_supervisord_is_down(shown):
    page = shown()
    unknown = [ProcessStatus(name=f"web_{number}", state="UNKNOWN", pid=None) for number in range(2)]
    report(page.screen, [
        Status(environment="dev", host="web1", service="shop", state="UNKNOWN", pid=None, uptime=None, commit="a" * 40,
               branch="develop", strategy="in_place", deployed_by="alice@tower", deployed_at=None, oddities=[],
               programs=[ProgramStatus(program="web", state="UNKNOWN", pid=None, uptime=None, processes=unknown)]),
        Finished(command="status", outcome="unchanged", exit_code=1)])
    assert "shop:web  UNKNOWN" in page.text and "0/2" not in page.text


def test_plain_status_tells_a_program_with_the_name_of_its_service_from_the_service(shown):
    page = shown()
    programs = [ProgramStatus(program=name, state="RUNNING", pid=1, uptime=9, processes=[])
                for name in ("shop", "worker")]
    report(page.screen, [
        Status(environment="dev", host="web1", service="shop", state="RUNNING", pid=1, uptime=9, commit="a" * 40,
               branch="develop", strategy="in_place", deployed_by="alice@tower", deployed_at=None, oddities=[],
               programs=programs),
        Finished(command="status", outcome="unchanged", exit_code=0)])
    assert "shop:shop" in page.text and "shop:worker" in page.text
