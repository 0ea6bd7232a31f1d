"""`--format html` and `--format prometheus`: one text of all statuses, on standard output or in a file."""

from __future__ import annotations

import io
import os
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from tasks._errors import SelectionError
from tasks.reports.formats import DOCUMENTS, choose, require_fit
from tasks.rollout.events import (
    Error,
    Finished,
    PastDeploy,
    ProcessStatus,
    ProgramStatus,
    Result,
    Status,
)

OLD, NEW = "0" * 40, "1" * 40
EVIL = "</td><script>alert(1)</script>\"'&<img src=//example.com/x>\\"
PROCESSES = [ProcessStatus(name="api-web_00", state="RUNNING", pid=7), ProcessStatus(name="api-web_01", state="FATAL",
                                                                                    pid=None)]
DEPLOYED = PastDeploy(deploy="d1", at="2024-05-01T10:00:00Z", by="alice", command="deploy", from_=None, to=OLD,
                      result="committed")
FAILED = PastDeploy(deploy="d2", at="2024-05-01T11:00:00Z", by=EVIL, command="deploy", from_=OLD, to=NEW,
                    result="restored")


def status(host, **more):
    return Status(**{
        "environment": "production", "host": host, "service": "api", "state": "RUNNING", "pid": 7, "uptime": 60.0,
        "commit": OLD, "branch": "main", "strategy": "in_place", "deployed_by": "alice",
        "deployed_at": "2024-05-01T10:00:00Z", "oddities": [], "deploys": [DEPLOYED, FAILED], **more})


EVENTS = [
    status("web1", programs=[ProgramStatus(program="web", state="RUNNING", pid=7, uptime=60.0, processes=PROCESSES)]),
    status("web2", branch=EVIL, state="FATAL", uptime=None, oddities=[f"not running: {EVIL}\n| a line of the log"]),
    Error(message="web3: no route", hint="try again", host="web3"),
    Finished(command="status", outcome="unreachable", exit_code=3, hosts={
        host: {"api": Result(outcome=outcome, why=why)} for host, outcome, why in (
            ("web1", "unchanged", None), ("web2", "unchanged", None), ("web3", "unreachable", "no route"))})]


def shown(format, events=EVENTS, output=""):
    out, err = io.StringIO(), io.StringIO()
    with choose(format, False, {}, out, err) as reporter:
        if output:
            reporter.write_to(output)
        for event in events:
            reporter.on(event)
    return out.getvalue(), err.getvalue()


class Page(HTMLParser):
    VOID = ("meta",)

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def test_html_page_is_well_formed_and_says_all_that_status_knows():
    text, _ = shown("html")
    page = Page(text)
    words = " ".join(page.words)
    assert page.open == [] and text.startswith("<!doctype html>\n")
    for fact in ("production", "web1", "web2", "web3", "RUNNING 1/2", "FATAL", "unreachable", "no route",
                 "a line of the log", "2024-05-01 10:00 UTC", "went back", "deployed", "Asked at",
                 "2 of 3 need a look"):
        assert fact in words


def test_html_page_shows_what_a_host_says_as_text():
    text, _ = shown("html")
    page = Page(text)
    assert EVIL in " ".join(page.words)
    assert not {"script", "img", "link", "iframe", "object"} & {*page.tags}


def test_html_page_loads_nothing():
    page = Page(shown("html")[0])
    assert not {"src", "href", "srcset", "background", "action"} & {name for name, _ in page.attributes}
    assert "url(" not in shown("html")[0] and "@import" not in shown("html")[0]


def test_html_page_shows_a_deploy_of_several_hosts_once():
    from_another = replace(FAILED, from_="2" * 40)
    words = " ".join(Page(shown("html", [status("web4", deploys=[from_another]), *EVENTS])[0]).words)
    assert words.count("went back") == 1 and "several → 11111111" in words and "web1, web2, web4" in words
    assert "No deploy is known." in shown("html", EVENTS[-1:])[0]


def test_prometheus_metrics_are_read_by_the_reference_parser():
    families = {family.name: family for family in text_string_to_metric_families(shown("prometheus")[0])}
    assert all(family.documentation and family.type == "gauge" for family in families.values())
    values = {name: {sample.labels["host"]: sample.value for sample in family.samples}
              for name, family in families.items()}
    assert values["fabvisor_service_up"] == {"web1": 1, "web2": 0, "web3": 0}
    assert values["fabvisor_oddities"] == {"web1": 0, "web2": 1, "web3": 1}
    assert values["fabvisor_last_deploy_success"] == {"web1": 0, "web2": 0}
    assert values["fabvisor_deployed_timestamp_seconds"]["web1"] == 1714557600
    processes = {sample.labels["process"]: sample.value for sample in families["fabvisor_program_up"].samples}
    assert processes == {"api-web_00": 1, "api-web_01": 0}
    branches = {sample.labels["branch"] for sample in families["fabvisor_commit_info"].samples}
    assert branches == {"main", EVIL}


@pytest.mark.parametrize("result", ["committed", "restored"])
def test_restart_does_not_hide_that_the_last_deploy_went_back(result):
    restart = replace(FAILED, deploy="d3", command="restart", to=OLD, result=result)
    events = [status("web1", deploys=[DEPLOYED, FAILED, restart]), status("web2", deploys=[DEPLOYED, restart]),
              Finished(command="status", outcome="unchanged", exit_code=0)]
    metrics = shown("prometheus", events)[0]
    assert 'fabvisor_last_deploy_success{environment="production",host="web1",service="api"} 0\n' in metrics
    assert 'fabvisor_last_deploy_success{environment="production",host="web2",service="api"} 1\n' in metrics
    table = shown("plain", events)[0]
    assert f"api: the last {'deploy' if result == 'committed' else 'restart'} went back" in " ".join(table.split())


@pytest.mark.parametrize("format", DOCUMENTS)
def test_document_replaces_its_file_and_leaves_nothing_beside_it(format, tmp_path):
    path = tmp_path / "status"
    path.write_text("old")
    inode = path.stat().st_ino
    with path.open() as reader:
        out, err = shown(format, output=str(path))
        assert reader.read() == "old"
    assert "web1" in path.read_text() and path.stat().st_ino != inode
    assert os.listdir(tmp_path) == ["status"]
    assert (out, err) == ("", "error: web3: no route\nhint:  try again\nweb3 did not answer\n")


@pytest.mark.parametrize("format", DOCUMENTS)
def test_document_is_left_as_it_is_when_no_host_was_asked(format, tmp_path):
    path = tmp_path / "status"
    path.write_text("old")
    shown(format, [Error(message="hosts.yaml:3: unknown key"),
                   Finished(command="status", outcome="refused", exit_code=2)], str(path))
    assert path.read_text() == "old"


def test_document_that_cannot_be_written_is_refused_before_a_host_is_asked(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "file"):
        with pytest.raises(SelectionError, match="cannot be written"):
            choose("html", False, {}, io.StringIO(), io.StringIO()).write_to(str(path))
    with pytest.raises(SelectionError, match="writes no file"):
        choose("plain", False, {}, io.StringIO(), io.StringIO()).write_to("file")


def test_format_of_a_document_is_refused_for_other_commands():
    for format in DOCUMENTS:
        require_fit(format, "status")
        with pytest.raises(SelectionError) as raised:
            require_fit(format, "deploy")
        assert raised.value.message == f"--format {format} is for fab status"


@pytest.mark.parametrize(("oddities", "tone", "up"), [([], "good", 1), (["not running"], "bad", 0)])
def test_program_that_was_to_run_once_is_well_when_nothing_is_odd(oddities, tone, up):
    """`status` ends with 0 then; it was called down for ever."""
    events = [status("web1", state="EXITED", pid=None, uptime=None, oddities=oddities, deploys=[]),
              Finished(command="status", outcome="ok", exit_code=0, hosts={})]
    assert ("class", tone) in Page(shown("html", events)[0]).attributes
    assert f'host="web1",service="api"}} {up}\n' in "".join(
        line + "\n" for line in shown("prometheus", events)[0].splitlines() if line.startswith("fabvisor_service_up"))
