"""The templates, and the files that include them, are what GitLab takes, by its own schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.inventory import loading
from tasks.pipelines import gitlab
from tasks.pipelines.sources import Sources
from tests.support.lab import CHECKOUT
from tests.support.pipeline_schemas import gitlab_mistakes

TEMPLATES = sorted((CHECKOUT / "templates").glob("*.yml"))


HOSTS = """
defaults: {root: /srv}
services:
  monitor: {repo: "git@git.example.com:micro/monitor.git", command: ./monitor}
environments:
  develop: {branch: develop, hosts: [a]}
  production: {branch: main, hosts: [b]}
"""


def documents(template: Path) -> list[dict[str, Any]]:
    """The inputs' header, and the jobs."""
    return list(yaml.safe_load_all(template.read_text()))


def test_template_headers_and_our_pipeline_pass_gitlabs_schema(tmp_path: Path) -> None:
    headers = []
    for template in TEMPLATES:
        headers.append(tmp_path / template.name)
        headers[-1].write_text(yaml.safe_dump(documents(template)[0]))
    assert len(headers) == 2
    assert gitlab_mistakes(*headers, CHECKOUT / ".gitlab-ci.yml") == ""


def test_ci_init_output_passes_gitlabs_schema(tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    text = gitlab.text(loading.load(tmp_path / "hosts.yaml"), {"monitor"}, Sources())
    assert text.count("service: monitor") == 2
    (tmp_path / "service.yml").write_text(text)
    assert gitlab_mistakes(tmp_path / "service.yml") == ""


def test_readme_example_passes_the_schema_and_fits_the_templates(tmp_path: Path) -> None:
    """It passes the schema, and gives the templates what they take."""
    text = re.sub("(?m)^   ", "", re.findall("   ```yml\n(.*?)   ```", (CHECKOUT / "README.md").read_text(), re.S)[0])
    (tmp_path / "example.yml").write_text(text)
    assert gitlab_mistakes(tmp_path / "example.yml") == ""
    known = documents(CHECKOUT / "templates/deploy.yml")[0]["spec"]["inputs"]
    included = yaml.safe_load(text)["include"]
    assert len(included) == 2
    for one in included:
        assert {name for name, about in known.items() if "default" not in about} <= set(one["inputs"]) <= set(known)
        for name, value in one["inputs"].items():
            assert value in known[name].get("options", [value])


@pytest.mark.parametrize(("service", "fits"), [
    ("api", True), ("api,worker", True), ("api,worker,beat-2", True), ("api,", False), ("api worker", False),
    ("$(x)", False), (",api", False)])
def test_templates_take_a_comma_list_as_one_job(service: str, fits: bool) -> None:
    """GitLab refuses a comma in a resource group."""
    for template in TEMPLATES:
        header, jobs = documents(template)
        assert bool(re.fullmatch(header["spec"]["inputs"]["service"]["regex"], service)) == fits
        assert not [job for job in jobs.values() if "service" in job.get("resource_group", "")]


def test_schema_check_notices_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "wrong.yml").write_text("job: {script: [x], retry: {max: 9}}\n")
    assert "retry" in gitlab_mistakes(tmp_path / "wrong.yml")


def test_deploy_and_status_templates_begin_alike() -> None:
    (deploy,), (status,) = (documents(template)[1].values() for template in TEMPLATES)
    for key in ("cache", "tags", "stage"):
        assert deploy[key] == status[key]
    assert deploy["before_script"][1:] == status["before_script"]
    assert {**deploy["variables"], "GIT_STRATEGY": "none"} == status["variables"]
    inputs = [documents(template)[0]["spec"]["inputs"] for template in TEMPLATES]
    for name in ("service", "environment", "tags", "stage", "project", "ref", "tool", "tool_ref"):
        assert inputs[0][name] == inputs[1][name]


def test_deploy_job_has_the_promised_settings() -> None:
    (job,) = documents(CHECKOUT / "templates/deploy.yml")[1].values()
    assert job["rules"][0]["if"].endswith(' && $CI_PIPELINE_SOURCE != "schedule"'), "it would undo a rollback"
    assert job["interruptible"] is False
    assert job["retry"] == {"max": 2, "exit_codes": [75]}
    assert job["dependencies"] == "$[[ inputs.artifacts_of ]]"
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"] == {"junit": "deploy.xml", "dotenv": "deploy.env"}
    assert not {"only", "except"} & set(job)
    assert "ssh-keyscan" not in (CHECKOUT / "templates/deploy.yml").read_text()
