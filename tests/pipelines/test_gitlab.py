from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks._errors import SelectionError
from tasks.inventory import loading, selection
from tasks.pipelines import environments, github, gitlab
from tasks.pipelines.sources import Sources

HOSTS = """
defaults: {root: /srv}
services:
  api: {repo: "git@git.example.com:micro/api.git", command: ./api}
  mailer: {repo: "git@git.example.com:micro/mailer.git", command: ./mailer}
environments:
  develop: {branch: develop, hosts: [a]}
  "1.0": {branch: "on", hosts: [a], services: [mailer]}
  production: {branch: main, hosts: [b], services: [api]}
  try: {sandbox: true, services: [api]}
"""


def made(inventory: loading.Inventory, services: set[str], **sources: str) -> list[dict[str, Any]]:
    data = yaml.safe_load(gitlab.text(inventory, services, Sources(**sources)))
    assert data["stages"] == ["build", "test", "deploy"]
    included: list[dict[str, Any]] = data["include"]
    return included


def test_pipeline_has_an_include_for_each_environment_of_the_service(inventory: loading.Inventory) -> None:
    assert made(inventory, {"api"}) == [
        {"project": "ops/deploy", "ref": "main", "file": "/templates/deploy.yml", "inputs": {
            "service": "api", "environment": "develop", "branch": "develop", "tier": "development"}},
        {"project": "ops/deploy", "ref": "main", "file": "/templates/deploy.yml", "inputs": {
            "service": "api", "environment": "production", "branch": "main", "tier": "production", "run": "manual"}}]


def test_pipeline_takes_the_template_from_the_project_of_the_tool(inventory: loading.Inventory) -> None:
    included = made(inventory, {"mailer"}, project="ops/hosts", tool="ops/fabvisor", tool_ref="v2.0.0")[0]
    assert (included["project"], included["ref"]) == ("ops/fabvisor", "v2.0.0")
    inputs = included["inputs"]
    assert (inputs["project"], inputs["tool"], inputs["tool_ref"]) == ("ops/hosts", "ops/fabvisor", "v2.0.0")
    assert "ref" not in inputs


def test_pipeline_is_manual_when_the_environment_asks_first(tmp_path: Path) -> None:
    """Whatever its name; and one that does not ask waits only where it is production."""
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("develop: {", "develop: {confirm: true, ", 1))
    develop, production = made(loading.load(tmp_path / "hosts.yaml"), {"api"})
    assert (develop["inputs"]["tier"], develop["inputs"]["run"]) == ("development", "manual")
    assert production["inputs"]["run"] == "manual"


def test_pipeline_deploys_a_folder_without_a_revision_and_without_files_of_earlier_jobs(tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("git@git.example.com:micro/api.git", "./dist", 1))
    inputs = [one["inputs"] for one in made(loading.load(tmp_path / "hosts.yaml"), {"api", "mailer"})]
    assert {one["service"]: (one.get("revision"), one.get("git_strategy")) for one in inputs} == {
        "api": ("", "empty"), "mailer": (None, None)}


def test_services_of_one_repository_are_one_deploy_job(tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("micro/mailer.git", "micro/api.git"))
    inputs = [one["inputs"] for one in made(loading.load(tmp_path / "hosts.yaml"), {"api", "mailer"})]
    assert [(one["service"], one["environment"]) for one in inputs] == [
        ("api,mailer", "develop"), ("mailer", "1.0"), ("api", "production")]


def test_services_of_several_repositories_are_told_apart(tmp_path: Path) -> None:
    """A pipeline has the commit of one."""
    file = tmp_path / "hosts.yaml"
    for repo, groups in (("micro/mailer.git", ["api", "mailer"]), ("micro/api.git", ["api,mailer"])):
        file.write_text(HOSTS.replace("micro/mailer.git", repo))
        assert environments.of_repositories(loading.load(file), {"api", "mailer"}) == groups
    file.write_text(HOSTS.replace("git@git.example.com:micro/mailer.git", "./dist"))
    assert environments.of_repositories(loading.load(file), {"api", "mailer"}) == ["api"]


def test_pipeline_keeps_names_that_look_like_numbers_as_text(inventory: loading.Inventory) -> None:
    inputs = [one["inputs"] for one in made(inventory, {"mailer"})]
    assert inputs[1] == {"service": "mailer", "environment": "1.0", "branch": "on", "tier": "other"}


def test_pipeline_passes_the_project_when_it_is_not_the_default(inventory: loading.Inventory) -> None:
    first = made(inventory, {"api"}, project="tools/fab", ref="v2")[0]
    assert (first["project"], first["ref"]) == ("tools/fab", "v2")
    assert (first["inputs"]["project"], first["inputs"]["ref"]) == ("tools/fab", "v2")


def test_pipeline_defaults_are_those_of_the_template() -> None:
    header = next(iter(yaml.safe_load_all((Path(__file__).parents[2] / "templates/deploy.yml").read_text())))
    inputs = header["spec"]["inputs"]
    assert {name: inputs[name]["default"] for name in Sources._fields} == Sources()._asdict()


def test_pipeline_leaves_out_services_that_run_in_a_sandbox_only(inventory: loading.Inventory) -> None:
    assert environments.deployed(inventory) == {"api", "mailer"}
    inventory.data["services"]["toy"] = {"repo": "sandbox:toy", "command": "./toy"}
    for name in ("develop", "1.0"):
        inventory.data["environments"][name]["services"] = ["mailer"]
    inventory.data["environments"]["try"]["services"] = ["toy"]
    assert environments.deployed(inventory) == {"api", "mailer"}
    assert made(inventory, {"toy"}) == []


@pytest.mark.parametrize(("name", "tier"), [
    ("production", "production"), ("PROD", "production"), ("live", "production"), ("pre-production", "staging"),
    ("develop", "development"), ("qa", "testing"), ("staging", "staging"), ("eu-1", "other")])
def test_tier_is_the_one_that_gitlab_would_guess(name: str, tier: str) -> None:
    assert environments.tier(name) == tier


def test_service_names_of_the_file_are_selected(inventory: loading.Inventory) -> None:
    assert selection.services_of_file(inventory, "all") == {"api", "mailer"}
    assert selection.services_of_file(inventory, "api, mailer") == {"api", "mailer"}
    with pytest.raises(SelectionError, match=r"there is no service 'apii' in .*; did you mean 'api'"):
        selection.services_of_file(inventory, "apii")


@pytest.mark.parametrize("text", ["12e4567", "1e3", "0o17", "1,000", "+1e3", ".5e3"])
def test_pipeline_quotes_what_a_server_would_read_as_a_number(inventory: loading.Inventory, text: str) -> None:
    """YAML 1.2 and Ruby's reader have more numbers than ours."""
    sources = Sources("acme/deploy", text)
    for made_text in (gitlab.text(inventory, {"api"}, sources), github.text(inventory, {"api"}, sources)):
        assert f"ref: '{text}'\n" in made_text
