"""The reports that lie in files: JUnit and dotenv."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree as xml

import pytest

from tasks._errors import SelectionError
from tasks.reports.formats import choose
from tasks.reports.reporters import Reporters
from tasks.rollout.events import Error, Finished, Output, Result, Started, StepFinished, StepStarted

WHY = "web2.example.com: verify: it did not stay up: EXITED, exit status 7"
OLD, NEW = "0" * 40, "1" * 40


def written(tmp_path, kind, events):
    path = tmp_path / kind
    reporters = Reporters(choose("plain", False, {}, io.StringIO(), io.StringIO()))
    with reporters:
        reporters.add_file(kind, str(path))
        assert not path.exists()
        for event in events:
            reporters.on(event)
    return path.read_text("utf-8")


def cases(tmp_path, events):
    """(host, service) → (what, message, text), and the counts of the suite."""
    suite = xml.fromstring(written(tmp_path, "junit", events)).find("testsuite")
    results = {}
    for case in suite.findall("testcase"):
        inner = next(iter(case), None)
        outcome = ("passed", "", "") if inner is None else (inner.tag, inner.get("message"), inner.text or "")
        results[case.get("classname"), case.get("name")] = outcome
    return results, {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")}


def started(**more):
    return Started(command="deploy", environment="dev", hosts=["a", "b"], services=["api"], **more)


def ended(exit_code, **results):
    return Finished(command="deploy", outcome="restored", exit_code=exit_code,
                    hosts={host: {"api": result} for host, result in results.items()})


def test_junit_skips_a_host_that_no_batch_has_reached(tmp_path, recorded):
    """Why it was not reached is the failure of another case."""
    found, counts = cases(tmp_path, recorded("batches"))
    assert {host[:4]: what[:2] for (host, _), what in found.items()} == {
        "web1": ("skipped", f"went back: {WHY}"),
        "web2": ("failure", "verify: it did not stay up: EXITED, exit status 7"),
        "web3": ("skipped", f"not reached: {WHY}")}
    assert (counts["tests"], counts["failures"], counts["skipped"]) == ("3", "1", "2")


def test_junit_has_a_case_for_each_host_and_service(tmp_path):
    at = {"host": "b", "service": "api", "step": "build"}
    results, counts = cases(tmp_path, [
        started(),
        StepStarted(host="a", service="api", step="build"),
        Output(host="a", service="api", step="build", line="fine here"),
        StepFinished(host="a", service="api", step="build", ok=True, changed=True, seconds=1.5),
        StepStarted(**at), Output(**at, line="\x1b[31m<no> & \x00space\udce9\ufffe"),
        StepFinished(**at, ok=False, changed=True, seconds=1, why="exit status 9\nsee above"),
        ended(1, a=Result(outcome="restored", why="b: build: exit status 9"),
              b=Result(outcome="restored", why="build: exit status 9"))])
    assert results["b", "api"] == ("failure", "build: exit status 9", "<no> & space?\nexit status 9\nsee above")
    assert results["a", "api"][:2] == ("skipped", "went back: b: build: exit status 9")
    assert counts == {"name": "deploy dev", "tests": "2", "failures": "1", "errors": "0", "skipped": "1"}


def test_junit_skips_a_host_that_went_along_also_where_its_hook_on_failure_failed(tmp_path):
    at = {"host": "b", "service": "api", "step": "on_failure"}
    results, _ = cases(tmp_path, [
        started(), StepFinished(host="a", service="api", step="restart", ok=False, changed=True, seconds=1, why="no"),
        StepStarted(**at), StepFinished(**at, ok=False, changed=True, seconds=1, why="exit status 4"),
        ended(1, a=Result(outcome="restored", why="restart: no"), b=Result(outcome="not_reached", why="a: restart"))])
    assert results["a", "api"][:2] == ("failure", "restart: no")
    assert results["b", "api"][:2] == ("skipped", "not reached: a: restart")


def test_junit_has_a_case_for_a_build_that_failed_where_fab_runs(tmp_path):
    at = {"host": "client", "service": "api", "step": "build"}
    results, _ = cases(tmp_path, [
        started(), StepStarted(**at), Output(**at, line="no compiler"),
        StepFinished(**at, ok=False, changed=True, seconds=1, why="exit status 127"),
        ended(1, a=Result(outcome="refused", why="api: build on this machine: exit status 127"))])
    assert results["client", "api"] == ("failure", "build: exit status 127", "no compiler\nexit status 127")
    assert results["a", "api"][0] == "skipped"


def test_junit_has_only_passed_cases_when_all_went_well(tmp_path):
    results, counts = cases(tmp_path, [started(), ended(
        0, a=Result(now=NEW, outcome="committed"), b=Result(now=NEW, outcome="unchanged"))])
    assert set(results.values()) == {("passed", "", "")}
    assert counts["failures"] == counts["errors"] == counts["skipped"] == "0"


def test_junit_keeps_the_end_of_a_long_output(tmp_path):
    at = {"host": "a", "service": "api", "step": "build"}
    results, _ = cases(tmp_path, [started(), StepStarted(**at), *(Output(**at, line=f"line {n}") for n in range(1000)),
                                StepFinished(**at, ok=False, changed=True, seconds=1, why="no"),
                                ended(1, a=Result(outcome="restored"))])
    lines = results["a", "api"][2].splitlines()
    assert lines[-2:] == ["line 999", "no"] and len(lines) == 200


@pytest.mark.parametrize(("errors", "result", "case"), [
    ([Error(host="a", message="a: refused the connection", hint="is it up?")], Result(outcome="unreachable"),
     ("error", "unreachable", "a: refused the connection\nis it up?")),
    ([], Result(outcome="refused", why="interrupted"), ("error", "refused: interrupted", "interrupted")),
    ([Error(host="b", message="b: locked")], Result(outcome="refused", why="b: locked"),
     ("skipped", "refused: b: locked", "")),
    ([Error(host="b", message="lost")], Result(outcome="unknown"), ("error", "unknown", "")),
])
def test_junit_shows_errors_outside_of_steps(tmp_path, errors, result, case):
    results, _ = cases(tmp_path, [started(), *errors, ended(75, a=result)])
    assert results["a", "api"] == case


def test_junit_has_one_case_when_no_host_was_reached(tmp_path):
    results, counts = cases(tmp_path, [Error(message="hosts.yaml:3: unknown key", hint="correct it"), ended(2)])
    assert results == {("deploy", "deploy"): ("error", "restored", "hosts.yaml:3: unknown key\ncorrect it")}
    assert counts["tests"] == counts["errors"] == "1"


@pytest.mark.parametrize(("url", "nows", "lines"), [
    ("https://www.example.com/", (NEW, NEW), ["DEPLOY_URL=https://www.example.com/", f"DEPLOY_REVISION={NEW}"]),
    ("", (OLD, NEW), []),
    ("", (NEW, None), []),
    ("", (OLD, OLD), [f"DEPLOY_REVISION={OLD}"]),
])
def test_dotenv_holds_outcome_revision_and_url(tmp_path, url, nows, lines):
    a, b = (Result(outcome="restored", tried=NEW, now=now) for now in nows)
    assert written(tmp_path, "dotenv", [started(url=url), ended(1, a=a, b=b)]).splitlines() == lines


def test_dotenv_of_an_earlier_job_is_emptied(tmp_path):
    (tmp_path / "dotenv").write_text("DEPLOY_REVISION=old\n")
    assert written(tmp_path, "dotenv", [ended(2)]) == ""


@pytest.mark.parametrize("kind", ["junit", "dotenv"])
def test_unwritable_report_file_is_refused_at_the_start(tmp_path, kind):
    with pytest.raises(SelectionError, match=f"--{kind} .*nowhere/x: cannot be written: No such file"):
        Reporters(choose("plain", False, {}, io.StringIO(), io.StringIO())).add_file(kind, str(tmp_path / "nowhere/x"))


@pytest.mark.promise(8)
@pytest.mark.parametrize("kind", ["junit", "dotenv"])
def test_report_that_cannot_be_written_is_said_before_the_end(tmp_path, kind):
    path, screen = tmp_path / "gone" / kind, io.StringIO()
    path.parent.mkdir()
    with Reporters(choose("json", False, {}, screen, io.StringIO())) as reporters:
        reporters.add_file(kind, str(path))
        path.parent.rmdir()
        for event in [started(), ended(0, a=Result(now=NEW, outcome="committed"))]:
            reporters.on(event)
    _, notice, finished = map(json.loads, screen.getvalue().splitlines())
    assert notice["level"] == "warning"
    assert notice["message"].startswith(f"--{kind} {path}: cannot be written: No such file")
    assert (finished["event"], finished["exit_code"]) == ("finished", 0)
