from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks._errors import Mistake
from tasks.inventory import loading
from tasks.pipelines import github
from tasks.pipelines.sources import Sources
from tests.support.pipeline_schemas import github_mistakes

SOURCES = Sources("acme/deploy", "v1")

HOSTS = """
defaults: {root: /srv}
services:
  api: {repo: "git@git.example.com:micro/api.git", command: ./api, secrets: {PASSWORD: API_PASSWORD}}
  site: {repo: ./dist, command: ./site}
environments:
  develop: {branch: "it's/on", hosts: [a], url: "https://dev.example.com", notify: {webhook: CHAT_URL}}
  "1.0": {branch: "on", hosts: [a], services: [api], secrets_from: cat secrets}
  "1-0": {branch: "on", hosts: [a], services: [api]}
  production: {branch: main, hosts: {a: {services: {api: {secrets: [OF_A]}}}, b: {}}, services: [api]}
  try: {sandbox: true, services: [api]}
"""


def made(inventory: loading.Inventory, *services: str) -> dict[str, Any]:
    text = github.text(inventory, {*services}, SOURCES)
    assert "\non:\n" in text
    workflow: dict[str, Any] = yaml.safe_load(text.replace("\non:", "\n'on':"))
    return workflow


def test_workflow_has_a_job_for_each_environment_of_the_service(inventory: loading.Inventory) -> None:
    workflow = made(inventory, "api")
    assert workflow["on"] == {"push": {"branches": ["it's/on", "on", "main"]}, "workflow_dispatch": {}}
    assert list(workflow["jobs"]) == ["deploy-api-develop", "deploy-api-1-0", "deploy-api-1-0-2",
                                      "deploy-api-production"]
    develop, production = workflow["jobs"]["deploy-api-develop"], workflow["jobs"]["deploy-api-production"]
    assert develop["if"] == "github.ref_name == 'it''s/on'"
    assert production["if"] == "github.ref_name == 'main' && github.event_name == 'workflow_dispatch'"
    assert develop["environment"] == {"name": "develop", "url": "https://dev.example.com"}
    assert develop["concurrency"] == {"group": "deploy-api-develop", "cancel-in-progress": False}
    checkout, deploy = develop["steps"]
    assert (checkout["with"]["repository"], checkout["with"]["ref"]) == ("acme/deploy", "v1")
    assert deploy["run"] == 'exec ./fab deploy api --env develop --yes --revision "$GITHUB_SHA"'


def test_workflow_gives_each_job_the_secrets_that_it_needs(inventory: loading.Inventory) -> None:
    """None where a command prints them: GitHub gives an empty text for a secret that is not there."""
    jobs = made(inventory, "api", "site")["jobs"]
    names = {job: set(jobs[job]["steps"][1]["env"]) - set(github.LOGIN) for job in jobs}
    assert names == {"deploy-api-develop": {"API_PASSWORD", "CHAT_URL"}, "deploy-site-develop": {"CHAT_URL"},
                     "deploy-api-1-0": set(), "deploy-api-1-0-2": {"API_PASSWORD"},
                     "deploy-api-production": {"API_PASSWORD", "OF_A"}}
    assert jobs["deploy-api-develop"]["steps"][1]["env"]["API_PASSWORD"] == "${{ secrets.API_PASSWORD }}"
    assert jobs["deploy-site-develop"]["steps"][1]["run"] == "exec ./fab deploy site --env develop --yes"


def test_workflow_takes_no_secret_by_a_name_that_github_keeps_to_itself(tmp_path: Path) -> None:
    """The service would get the token of the job, which ends with it."""
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("[OF_A]", "[github_token]"))
    with pytest.raises(Mistake, match="github_token: GitHub keeps secrets that begin with GITHUB_") as refused:
        made(loading.load(tmp_path / "hosts.yaml"), "api")
    assert refused.value.hint == "take another name: secrets: {github_token: OUR_GITHUB_TOKEN}"


def test_workflow_brings_the_tool_from_a_repository_of_its_own(inventory: loading.Inventory) -> None:
    workflow = yaml.safe_load(github.text(inventory, {"api"}, Sources("acme/deploy", "main", "acme/fabvisor", "v2")))
    inventory_, tool, deploy = workflow["jobs"]["deploy-api-production"]["steps"]
    assert (inventory_["with"]["repository"], inventory_["with"]["path"]) == ("acme/deploy", "inventory")
    assert [tool["with"][name] for name in ("repository", "ref", "path")] == ["acme/fabvisor", "v2", "fabvisor"]
    assert deploy["run"].startswith("exec fabvisor/fab deploy api --inventory inventory/hosts.yaml --env production ")


def test_workflow_deploys_from_a_clone_of_the_service_where_hosts_do_not_fetch(tmp_path: Path) -> None:
    """GitHub gives a job no key for the repository, but a checkout of it."""
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("command: ./api", "command: ./api, fetch: client"))
    inventory = loading.load(tmp_path / "hosts.yaml")
    *_, clone, deploy = made(inventory, "api")["jobs"]["deploy-api-develop"]["steps"]
    assert clone["with"] == {"path": "service", "fetch-depth": 0} and deploy["working-directory"] == "service"
    assert deploy["run"] == (
        "exec ../fab deploy api --inventory ../hosts.yaml --env develop --yes --revision .")
    apart = github.text(inventory, {"api", "site"}, Sources("acme/deploy", "v1", "acme/fabvisor", "v2"))
    assert "exec ../fabvisor/fab deploy api --inventory ../inventory/hosts.yaml --env production" in apart
    assert "exec fabvisor/fab deploy site --inventory inventory/hosts.yaml" in apart
    (tmp_path / "deploy.yml").write_text(apart)
    assert github_mistakes(tmp_path / "deploy.yml") == ""


def test_workflow_follows_githubs_schema(inventory: loading.Inventory, tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    file.write_text(github.text(inventory, {"api", "site"}, Sources("acme/deploy", "v1", "acme/fabvisor", "v2")))
    assert github_mistakes(file) == ""
    file.write_text("on: push\njobs: {a: {runs-on: x, steps: [{run: 1, uses: 2}]}}\n")
    assert "uses" in github_mistakes(file)


def test_workflow_matches_a_branch_by_the_letter(inventory: loading.Inventory) -> None:
    """In a filter of GitHub + repeats the character before it."""
    assert github.exactly("c++/!x") == r"c\+\+/\!x"
