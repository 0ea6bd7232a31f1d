"""The jobs of the templates as a shell runner runs them: see runner.py."""

from __future__ import annotations

import fcntl
import io
import re
import shlex
import tarfile
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.gitlab.conftest import TOKEN, URL, Company
from tests.gitlab.runner import File, Job, Runner
from tests.gitlab.server import GitServer
from tests.support.lab import CHECKOUT, git, wait_for

Start = Callable[..., Job]


def jobs_of(template: str, inputs: dict[str, str]) -> dict[str, Any]:
    """The jobs with the inputs put in; only what GitLab itself does with text."""
    header, body = (CHECKOUT / "templates" / template).read_text().split("\n---\n")
    known = yaml.safe_load(header)["spec"]["inputs"]
    values = {name: inputs.get(name, one.get("default")) for name, one in known.items()}
    text = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: str(values[found[1]]), body)
    jobs: dict[str, Any] = yaml.safe_load(text)
    return jobs


@pytest.fixture(scope="module")
def server(company: Company) -> Iterator[GitServer]:
    with GitServer(company.remotes, TOKEN) as made:
        yield made


@pytest.fixture(scope="module")
def runner(company: Company) -> Runner:
    return Runner(company.home, company.lab.folder / "builds")


@pytest.fixture
def start(company: Company, runner: Runner, server: GitServer) -> Start:
    """start(sha, **variables): the job that deploys to develop."""
    def begin(sha: str, template: str = "deploy.yml", args: str = "", artifact: str = "", **more: str | File) -> Job:
        inputs = {"service": "monitor", "environment": "develop", "args": args, "artifact": artifact}
        (job,) = jobs_of(template, inputs).values()
        return runner.start(job, {**company.variables("develop", sha, server.url), **more})
    return begin


def careless(text: str) -> File:
    """Without a last newline, and open to all."""
    return File(text.rstrip("\n"), 0o666)


@pytest.fixture(scope="module")
def deployed(company: Company, runner: Runner, server: GitServer) -> str:
    """The commit that the tests begin with; they leave it so."""
    sha = company.commit("develop", "monitor-good")
    (job,) = jobs_of("deploy.yml", {"service": "monitor", "environment": "develop"}).values()
    ours = {"SSH_PRIVATE_KEY": careless(company.key("develop")), "SSH_KNOWN_HOSTS": careless(company.known("develop")),
            "CI_SERVER_TLS_CA_FILE": File("of a server with https"), "GIT_TRACE": "1", "GIT_TRACE2": "1"}
    done = runner.start(job, {**company.variables("develop", sha, server.url), **ours})
    assert done.end() == 0, done.log
    assert TOKEN not in done.log, "neither printed nor in an argument of git"
    assert re.search(f"-c http.{server.url}.sslCAInfo=/.*/CI_SERVER_TLS_CA_FILE", done.log), "as the runner does"
    assert "password=%s" in done.log, "what git was told is in the log"
    assert TOKEN not in (runner.project / ".ops" / ".git" / "config").read_text()
    return sha


def case(job: Job) -> ElementTree.Element:
    found = ElementTree.fromstring(job.report("junit")).find("testsuite/testcase")
    assert found is not None
    assert (found.get("classname"), found.get("name")) == ("dev1", "monitor")
    return found


def test_job_deploys_its_own_commit(start: Start, company: Company, deployed: str) -> None:
    new = company.commit("develop", "monitor-2")
    job = start(deployed, args="--force")
    assert job.end() == 0, job.log
    assert company.head("develop") == deployed != new, "the job's commit, not the newest of the branch"
    assert company.by("develop") == f"anna {URL}/micro/monitor/-/jobs/7"
    assert job.report("dotenv").splitlines() == ["DEPLOY_URL=https://dev1.example.com", f"DEPLOY_REVISION={deployed}"]
    assert list(case(job)) == []
    assert re.search("section_start:\\d+:deploy-dev1\\[collapsed=true\\]\r", job.log)
    assert not job.left_behind


def windows(text: str) -> str:
    return text.replace("\n", "\r\n")


@pytest.mark.parametrize("shape", [
    pytest.param(lambda text: File(windows(text), 0o666), id="a File with CRLF"),
    pytest.param(lambda text: text, id="plain"),
    pytest.param(lambda text: windows(text).strip(), id="plain, with CRLF"),
])
@pytest.mark.long
def test_job_takes_key_and_known_hosts_in_every_form(start: Start, company: Company, deployed: str,
                                                     shape: Callable[[str], str | File]) -> None:
    job = start(deployed, SSH_PRIVATE_KEY=shape(company.key("develop")),
                SSH_KNOWN_HOSTS=shape(company.known("develop")))
    assert job.end() == 0, job.log
    assert "nothing had to change" in job.log


@pytest.mark.promise(6)
def test_job_refuses_an_unknown_host_key(start: Start, company: Company, deployed: str) -> None:
    job = start(deployed, SSH_KNOWN_HOSTS=File(company.known("production")))
    assert job.end() == 2, job.log
    assert "unknown host key" in job.log


@pytest.mark.promise(3)
def test_cancelled_job_restores_every_host(start: Start, company: Company, deployed: str) -> None:
    """While it builds; the job's reports are written, and nothing of it lives on."""
    pid = company.lab["dev1"].info("monitor")["pid"]
    bad = company.commit("develop", "monitor-cancelled")
    (company.gate / "block").write_text("monitor-cancelled\n")
    job = start(bad)
    wait_for(lambda: (company.gate / "building-dev1").exists() or not job.running(), "the build")
    job.cancel()
    assert job.end() != 0
    assert "interrupted: every host is as it was" in job.log, job.log
    assert company.head("develop") == deployed
    assert company.lab["dev1"].info("monitor")["pid"] == pid
    assert company.lab["dev1"].leftovers() == []
    assert job.report("dotenv").splitlines()[-1] == f"DEPLOY_REVISION={deployed}"
    assert case(job).find("error") is not None
    assert not job.left_behind


def test_job_shows_a_failed_build_in_log_and_junit(start: Start, company: Company, deployed: str) -> None:
    bad = company.commit("develop", "monitor-bad")
    (company.gate / "fail").write_text("monitor-bad\n")
    job = start(bad)
    assert job.end() == 1, job.log
    assert re.search("section_start:\\d+:deploy-dev1\r", job.log)
    failure = case(job).find("failure")
    assert failure is not None and "no space for dev1" in (failure.text or "")
    assert job.report("dotenv").splitlines()[-1] == f"DEPLOY_REVISION={deployed}"
    assert company.head("develop") == deployed


def test_job_that_ends_before_fab_has_no_report_of_an_earlier_job(start: Start, runner: Runner, deployed: str) -> None:
    """The folder is the same, and GitLab would take the files that lie there."""
    reports = [runner.project / name for name in ("deploy.xml", "deploy.env")]
    for report in reports:
        report.touch()
    job = start(deployed, CI_JOB_TOKEN="expired")
    assert job.end() == 2 and "ops/deploy must have main, and its Settings" in job.log, job.log
    assert not any(report.exists() for report in reports)


def test_job_is_tried_again_when_the_git_server_is_busy_or_cannot_be_reached(
        start: Start, server: GitServer, deployed: str) -> None:
    """Before fab is there: a refusal of the server ends with 2, and is not tried again."""
    server.busy = 1
    ways = [({}, 75, "error: 503"), ({"CI_SERVER_URL": "http://127.0.0.1:1"}, 75, "does not hand out ops/deploy now"),
            ({"CI_SERVER_URL": f"{server.url}/nobody"}, 2, "ops/deploy must have main, and its Settings")]
    for variables, code, said in ways:
        job = start(deployed, **variables)
        assert job.end() == code and said in job.log, job.log


def test_job_says_which_project_lacks_fabvisor(company: Company, runner: Runner, server: GitServer,
                                                deployed: str) -> None:
    """hosts.yaml has a project of its own, and nobody named the tool's; or another one was named."""
    for inputs in ({"project": "ops/hosts"}, {"tool": "ops/hosts"}):
        [job] = jobs_of("deploy.yml", {"service": "monitor", "environment": "develop", **inputs}).values()
        done = runner.start(job, company.variables("develop", deployed, server.url))
        assert done.end() == 2 and "ops/hosts has no ./fab to run: the input 'tool' names" in done.log, done.log


@pytest.mark.long
@pytest.mark.promise(5)
def test_job_ends_with_the_exit_code_that_gitlab_retries_when_locked(start: Start, company: Company,
                                                                     deployed: str) -> None:
    lock = company.lab["dev1"].root / ".fabvisor" / "monitor" / "lock"
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        job = start(deployed, args="--force")
        assert job.end() == 75, job.log


@pytest.mark.long
def test_status_job_shows_who_deployed(start: Start, company: Company, deployed: str) -> None:
    job = start(deployed, "status.yml")
    assert job.end() == 0, job.log
    assert "anna, job 7" in job.log and "all well" in job.log


@pytest.mark.long
def test_old_job_says_how_far_it_goes_back(start: Start, company: Company, deployed: str) -> None:
    """The rollback button, twice: there and back."""
    new = company.commit("develop", "monitor-newer")
    count = git(company.project, "rev-list", "--count", f"{deployed}..{new}")
    assert start(new).end() == 0
    job = start(deployed)
    assert job.end() == 0, job.log
    assert re.search(f"back {count} commits?\\b", job.log)
    assert company.head("develop") == deployed


@pytest.mark.long
def test_job_deploys_what_an_earlier_job_built(start: Start, company: Company, runner: Runner, deployed: str) -> None:
    """Its artifact lies in the job's folder; the hosts build nothing. The last job here, for it stays deployed."""
    with tarfile.open(runner.project / "monitor.tar.gz", "w:gz") as file:
        built = tarfile.TarInfo("built")
        built.size = len(b"monitor-art")
        file.addfile(built, io.BytesIO(b"monitor-art"))
    job = start(deployed, artifact="monitor.tar.gz")
    assert job.end() == 0, job.log
    directory = company.lab["dev1"].directory("monitor")
    assert (directory / "built").read_text() == "monitor-art"
    assert git(directory, "rev-parse", "HEAD~") == deployed


def test_stand_in_runner_is_as_strict_as_gitlabs(runner: Runner) -> None:
    """No input, no terminal, no variable of ours; the first command that fails ends the job."""
    job = runner.start({"script": ["cat; tty || true", "env", "false", "echo never"]}, {"GIVEN": "yes"})
    assert job.end() == 1
    assert "not a tty" in job.log and "GIVEN=yes" in job.log
    assert "PYTEST_CURRENT_TEST" not in job.log and "\nnever" not in job.log


def test_stand_in_runner_cancels_the_whole_group(runner: Runner) -> None:
    mark = runner.project / "told"
    wait = f"trap 'touch {mark}; exit 3' TERM; echo ready; while true; do sleep 0.05; done"
    job = runner.start({"script": ["trap : TERM", f"bash -c {shlex.quote(wait)}"]}, {})
    wait_for(lambda: "ready\n" in (runner.project.parent / "job.log").read_text(), "the command")
    job.cancel()
    assert job.end() != 0
    assert mark.exists()
