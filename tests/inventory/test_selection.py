"""From what was typed to the targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks._errors import SelectionError
from tasks.inventory.loading import Inventory
from tasks.inventory.model import Environment
from tasks.inventory.program_selection import select_programs
from tasks.inventory.selection import choose_environment, select, services_by_host

from .samples import inventory

TEXT = """\
{default}
defaults: {{root: /srv/app}}
services:
  api: &base {{repo: git@x:y, command: ./run}}
  web: *base
  old: *base
environments:
  production: {{branch: main, services: [web, api], hosts: [web2, web1, db1]}}
  develop: {{branch: develop, hosts: [dev1]}}
"""


def read(folder: Path, default: str = "default_environment: develop") -> Inventory:
    return inventory(folder, TEXT.format(default=default))


@pytest.fixture
def production(tmp_path: Path) -> Environment:
    return read(tmp_path).environment("production")


def names(environment: Environment, services: str | None = None, hosts: str | None = None) -> list[str]:
    return [f"{target.host.name}/{target.service.name}" for target in select(environment, services, hosts)]


@pytest.mark.parametrize(("option", "environ", "chosen"), [
    pytest.param("production", {"FAB_ENV": "develop"}, "production", id="option"),
    pytest.param(None, {"FAB_ENV": "production", "CI_ENVIRONMENT_NAME": "develop"}, "production", id="FAB_ENV"),
    pytest.param(None, {"FAB_ENV": "", "CI_ENVIRONMENT_NAME": "production"}, "production", id="GitLab"),
    pytest.param(None, {}, "develop", id="default"),
])
def test_environment_is_chosen_by_option_then_variable_then_default(tmp_path: Path, option: str | None,
                                                                    environ: dict[str, str], chosen: str) -> None:
    assert choose_environment(read(tmp_path), option, environ) == chosen


@pytest.mark.parametrize(("option", "environ", "origin"), [
    ("prodution", {}, "--env"),
    (None, {"FAB_ENV": "prodution"}, "FAB_ENV"),
    (None, {"CI_ENVIRONMENT_NAME": "prodution"}, "CI_ENVIRONMENT_NAME"),
])
def test_unknown_environment_is_refused_with_its_origin(tmp_path: Path, option: str | None, environ: dict[str, str],
                                                        origin: str) -> None:
    with pytest.raises(SelectionError) as caught:
        choose_environment(read(tmp_path), option, environ)
    assert caught.value.message.startswith(f"{origin} names 'prodution', but ")
    assert caught.value.message.endswith("hosts.yaml has no such environment; did you mean 'production'?")
    assert caught.value.hint == "environments: production, develop"


def test_missing_environment_lists_the_choices(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="no environment was chosen") as caught:
        choose_environment(read(tmp_path, default=""), None, {})
    assert caught.value.hint == "choose one with --env: production, develop"


ALL = ["db1/api", "db1/web", "web1/api", "web1/web", "web2/api", "web2/web"]


@pytest.mark.parametrize(("services", "hosts", "expected"), [
    pytest.param(None, None, ALL, id="everything"),
    pytest.param("all", None, ALL, id="all"),
    pytest.param("web", None, ["db1/web", "web1/web", "web2/web"], id="one service"),
    pytest.param("web, api", "db1", ["db1/api", "db1/web"], id="a list"),
    pytest.param("web", "web*", ["web1/web", "web2/web"], id="glob"),
    pytest.param("web", "web2,db?", ["db1/web", "web2/web"], id="two globs"),
    pytest.param("web", "!db1", ["web1/web", "web2/web"], id="all but one"),
    pytest.param("web", "!web1,web*", ["web2/web"], id="a glob but one"),
    pytest.param("web", "!web1,!db*", ["web2/web"], id="all but two"),
])
def test_targets_are_selected_by_service_and_host(production: Environment, services: str | None, hosts: str | None,
                                                  expected: list[str]) -> None:
    assert names(production, services, hosts) == expected


@pytest.mark.parametrize(("services", "hosts", "message", "hint"), [
    pytest.param("wbe", None, r"there is no service 'wbe' in .*hosts.yaml; did you mean 'web'\?",
                 "services in production: api, web", id="unknown service"),
    pytest.param("web,zzz", None, "there is no service 'zzz' in .*hosts.yaml$", "services in production: api, web",
                 id="one unknown of two"),
    pytest.param("all,zzz", None, "there is no service 'zzz'", "services in production: api, web", id="all and more"),
    pytest.param("old", None, "service 'old' does not run in production", "services in production: api, web",
                 id="not here"),
    pytest.param("", None, "no service was named", "services: api, web; name one, several with commas, or all",
                 id="nothing"),
    pytest.param("web", "wbe1", r"no host of production matches 'wbe1'; did you mean 'web1'\?",
                 "hosts of production: db1, web1, web2", id="unknown host"),
    pytest.param("web", "web1,app*", r"no host of production matches 'app\*'", "hosts of production: db1, web1, web2",
                 id="one glob of two"),
    pytest.param("web", "!web9", "no host of production matches 'web9'", "hosts of production: db1, web1, web2",
                 id="nothing to leave out"),
    pytest.param("web", "web1,!web*", r"--host web1,!web\* leaves no host of production",
                 "hosts of production: db1, web1, web2", id="all left out"),
    pytest.param("web", " , ", "--host names no host", "hosts of production: db1, web1, web2", id="no host"),
])
def test_empty_selection_is_refused_with_a_hint(production: Environment, services: str | None, hosts: str | None,
                                                message: str, hint: str) -> None:
    with pytest.raises(SelectionError, match=message) as caught:
        select(production, services, hosts)
    assert caught.value.hint == hint


@pytest.mark.parametrize("asked", ["api", "web,api"])
def test_service_that_none_of_the_chosen_hosts_runs_is_refused(tmp_path: Path, asked: str) -> None:
    text = """
        defaults: {root: /srv/app}
        services: {api: {repo: r, command: c}, web: {repo: r, command: c}}
        environments: {production: {branch: main, hosts: {db1: {services: [api]}, web1: {services: [web]}}}}
        """
    environment = inventory(tmp_path, text).environment("production")
    assert names(environment, "all", "web1") == ["web1/web"]
    with pytest.raises(SelectionError, match="api does not run on web1") as caught:
        select(environment, asked, "web*")
    assert caught.value.hint == "hosts of production with it: db1"


@pytest.mark.parametrize(("asked", "missing"), [
    ("shop:beat", "shop:beat"), ("shop:beat,web", "shop:beat"), ("shop:beat,shop:work", "shop:beat"),
    ("idle,web", "idle")])
def test_program_that_none_of_the_chosen_hosts_runs_is_refused_beside_others(tmp_path: Path, asked: str,
                                                                             missing: str) -> None:
    text = """
        defaults: {root: /srv/app}
        services:
          shop: {repo: r, programs: {work: {command: c}, beat: {command: c, hosts: [web1]}}}
          idle: {repo: r, programs: {one: {command: c, hosts: [web1]}}}
          web: {repo: r, command: c}
        environments: {production: {branch: main, hosts: [web1, web2]}}
        """
    environment = inventory(tmp_path, text).environment("production")
    assert select_programs(environment, "all", "web2") and select_programs(environment, asked, None)
    with pytest.raises(SelectionError, match=f"^{missing} does not run on web2"):
        select_programs(environment, asked, "web2")


def test_services_of_a_host_are_those_of_all_environments_under_all_its_names(tmp_path: Path) -> None:
    """`fab status` says of what is there beside them that it may be removed."""
    staging = ("{branch: main, services: [old], hosts: "
               "{web1: {address: 10.0.0.1}, web9: {address: Web2.}, dev2: {address: dev1, port: 2}}}")
    text = f"{TEXT.format(default='default_environment: develop')}  staging: {staging}\n"
    known = inventory(tmp_path, text)
    named = services_by_host(map(known.environment, known.environments))
    assert {host: {*services} for host, services in named.items()} == {
        "web1": {"api", "web", "old"}, "web2": {"api", "web", "old"}, "web9": {"api", "web", "old"},
        "db1": {"api", "web"}, "dev1": {"api", "web", "old"}, "dev2": {"old"}}
