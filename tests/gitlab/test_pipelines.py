"""Whole pipelines under gitlab-ci-local: both ways to include the template, deployed to real hosts by SSH."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.gitlab.conftest import URL, Company, GitLabCiLocal
from tests.support.lab import CHECKOUT, git
from tests.support.pages import blocks
from tests.support.pipeline_schemas import gitlab_mistakes

COMPONENT = """\
stages: [test, deploy]
include:
  - component: $CI_SERVER_FQDN/ops/deploy/deploy@1.0.0
    inputs: {service: monitor, environment: production, branch: main, tier: production, run: manual}
  - component: $CI_SERVER_FQDN/ops/deploy/status@1.0.0
    inputs: {service: monitor, environment: production, branch: main}
test:
  stage: test
  script: [echo tested]
"""


@pytest.fixture(scope="module")
def generated(company: Company) -> str:
    made = company.lab.fab("ci.init", "monitor", format="plain",
                           FAB_INVENTORY=str(company.lab.folder / "ops" / "hosts.yaml"))
    return made.out


@pytest.mark.seconds(10)
def test_pipeline_deploys_develop_and_an_old_job_deploys_its_own_commit(local: GitLabCiLocal, company: Company,
                                                                        generated: str) -> None:
    """The files are those that ci.init makes; they include by project."""
    assert "project: ops/deploy" in generated
    old = company.commit("develop", "monitor-old", {".gitlab-ci.yml": generated})

    # hosts.yaml has a project of its own now.
    apart = company.lab.fab("ci.init", "monitor", "--project", "ops/hosts", "--tool", "ops/deploy", format="plain",
                            FAB_INVENTORY=str(company.lab.folder / "ops" / "hosts.yaml"))
    new = company.commit("develop", "monitor-new", {".gitlab-ci.yml": apart.out})
    newest = local.pipeline()
    assert newest.code == 0, newest.out + newest.err
    assert company.head("develop") == new
    assert "back" not in newest.out

    # GitLab's rollback button: an old job again, with its commit and its file.
    git(company.project, "checkout", "--quiet", "--detach", old)
    again = local.pipeline(CI_COMMIT_BRANCH="develop")
    git(company.project, "checkout", "--quiet", "develop")
    assert again.code == 0, again.out + again.err
    assert "deploy:monitor:production" not in again.out
    assert company.head("develop") == old
    assert company.by("develop").startswith(f"anna {URL}/micro/monitor/-/jobs/")
    assert f"monitor: {old[:8]}" in again.out and "back 1 commit" in again.out


@pytest.mark.long
def test_pipeline_deploys_production_by_hand(local: GitLabCiLocal, company: Company, tmp_path: Path) -> None:
    """Included as a component, at a release."""
    commit = company.commit("main", "monitor-3", {".gitlab-ci.yml": COMPONENT})
    expanded = tmp_path / "expanded.yml"
    expanded.write_text(local.run("--preview", "--no-json-schema-validation").out)
    assert gitlab_mistakes(expanded) == ""
    job = yaml.safe_load(expanded.read_text())["deploy:monitor:production"]
    assert job["environment"]["deployment_tier"] == "production"

    pushed = local.pipeline()
    assert pushed.code == 0, pushed.out + pushed.err
    assert "tested" in pushed.out
    assert not company.lab["web1"].directory("monitor").exists(), "nobody has clicked yet"
    clicked = local.pipeline("deploy:monitor:production")
    assert clicked.code == 0, clicked.out + clicked.err
    assert company.head("production") == commit
    seen = local.pipeline("status:monitor:production")
    assert seen.code == 0, seen.out + seen.err
    assert "anna, job " in seen.out and "all well" in seen.out


@pytest.mark.long
def test_pipeline_of_the_ops_project_checks_hosts_yaml(local: GitLabCiLocal, company: Company, tmp_path: Path) -> None:
    ops = tmp_path / "deploy"
    git(tmp_path, "clone", "--quiet", str(company.remotes / "ops" / "deploy.git"), str(ops))
    git(ops, "config", "remote.origin.url", f"{URL}/ops/deploy.git")
    check = ("--force-shell-executor", "--no-color", "hosts.yaml")
    (ops / "hosts.yaml").write_text((ops / "hosts.yaml").read_text().replace("branch:", "brunch:"))
    wrong = local.run(*check, project=ops)
    assert wrong.code == 1 and "did you mean 'branch'?" in wrong.out + wrong.err


@pytest.mark.long
def test_pipeline_of_a_schedule_publishes_the_status_also_of_a_host_that_is_down(
        local: GitLabCiLocal, company: Company, tmp_path: Path) -> None:
    """The job of docs/gitlab.md, by the letter."""
    ops = tmp_path / "deploy"
    git(tmp_path, "clone", "--quiet", str(company.remotes / "ops" / "deploy.git"), str(ops))
    git(ops, "config", "remote.origin.url", f"{URL}/ops/deploy.git")
    [job] = [block for block in blocks("yml", (CHECKOUT / "docs/gitlab.md").read_text()) if block.startswith("pages:")]
    (ops / ".gitlab-ci.yml").write_text(job)
    company.lab["web1"].sshd.__exit__(None, None, None)
    try:
        seen = local.run("--force-shell-executor", "--no-color", "--variable", "CI_PIPELINE_SOURCE=schedule", "pages",
                         project=ops)
    finally:
        company.lab["web1"].sshd.__enter__()
    assert seen.code == 0, seen.out + seen.err
    assert "unreachable" in (ops / "public/index.html").read_text()
