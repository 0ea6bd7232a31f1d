"""Two environments or teams with a service of one name under one supervisord: none touches the other's program."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tasks.executor.layout import Layout
from tasks.executor.service import deployed
from tasks.executor.state import program_owner
from tasks.inventory.model import Service
from tests.executor.driver import Deploy, Example, Message
from tests.support.lab import wait_for
from tests.support.services import one_program


def below(root: Path, example: Example) -> Deploy:
    """A deploy of another environment: with a root of its own."""
    deploy = example.deploy()
    root.mkdir(exist_ok=True)
    deploy.layout.update(root=str(root), supervisord_conf=str(example.host.conf),
                         program_dir=str(example.host.root / "conf.d"))
    return deploy


def problem(deploy: Deploy, keeps_version: bool = False) -> Message:
    with deploy:
        deploy.hello(keeps_version=keeps_version)
        [found] = deploy.executor.until("not_ready")["problems"]
        return dict(found)


@pytest.mark.promise(11)
def test_deploy_and_remove_are_refused_where_another_environment_has_a_program_of_that_name(
        example: Example, folder: Path) -> None:
    """Before its own first deploy, and also when it has a history of its own."""
    example.write()
    with below(folder / "other", example) as deploy:
        deploy.commit()
    example.host.remove_programs()
    example.committed()
    before, mine = example.program_file.read_bytes(), example.host.root / ".fabvisor"
    first = problem(below(folder / "first", example))
    assert first["message"] == f"{example.program_file} is of another environment or team: its history is in {mine}"
    assert first["hint"].startswith(f"give {example.name} another name in one of the two")
    assert f"cp -a {mine}/. {folder}/first/.fabvisor/" in first["hint"]
    for keeps_version in (False, True):         # as of `fab remove`, which looks where the program file says
        again = problem(below(folder / "other", example), keeps_version)
        assert again["message"] == first["message"] and "cp -a" not in again["hint"]
    with below(folder / "other", example) as deploy:
        deploy.hello("logs", None)
        assert deploy.executor.until("problem", "log")["message"] == first["message"]
    assert example.program_file.read_bytes() == before


@pytest.mark.promise(7)
@pytest.mark.parametrize("is_renamed", [False, True], ids=["another environment", "an earlier name"])
def test_lines_of_a_program_that_a_service_of_another_name_has_are_not_shown(
        example: Example, folder: Path, is_renamed: bool) -> None:
    """The program `web` of `shop` is what supervisord calls shop-web. Nobody knows the secrets of that `shop` here."""
    example.write("echo a-secret; exec sleep 1000\n")
    example.committed(_with_program(example.service, "web", autorestart="false"))
    info = f"{example.name}-web:{example.name}-web"
    os.kill(example.host.rpc.getProcessInfo(info)["pid"], signal.SIGKILL)
    wait_for(lambda: example.host.rpc.getProcessInfo(info)["statename"] == "EXITED", "its end")
    other = one_program(f"{example.name}-web", "./x", repo=str(example.work))
    why = (f"the service {example.name} has it" if is_renamed else "another environment deploys to this supervisord")
    for verb in ("logs", "status"):
        with (deploy := example.deploy(other) if is_renamed else below(folder / "other", example)):
            deploy.services = [other]
            deploy.hello(verb, None)
            answer = deploy.executor.until("problem", "log", "facts")
            assert f"{example.program_file}:2 already defines [program:{example.name}-web]: {why}" in str(answer)
            assert "a-secret" not in str([answer, *deploy.executor.rest()])
            assert is_renamed is (f"fab remove {example.name}" in str(answer))


def _with_program(service: Service, name: str, **options: str) -> Service:
    program = replace(service.programs[0], name=name, group=f"{service.name}-{name}",
                      options={**service.programs[0].options, **options})
    return replace(service, programs=(program,))


@pytest.mark.promise(11)
def test_deploy_goes_back_beside_the_program_that_another_environment_deployed_meanwhile(
        example: Example, folder: Path) -> None:
    example.write()
    with below(folder / "late", example) as deploy:
        deploy.prepare()
        example.committed()
        before = example.program_file.read_bytes()
        deploy.run("activate")
        assert "is of another environment" in deploy.restored()
    assert (example.program_file.read_bytes(), example.info()["statename"]) == (before, "RUNNING")


def test_deploy_is_refused_where_a_service_of_another_name_has_the_directory(example: Example) -> None:
    """It can still be stopped and removed."""
    example.write()
    example.committed()
    other = one_program(f"{example.name}-new", "./x", repo=str(example.work), directory=example.service.directory)
    with example.deploy(other) as deploy:
        deploy.hello()
        [found] = deploy.executor.until("not_ready")["problems"]
    assert f"{example.program_file}:2 has the program {example.name}, which runs in the directory" in found["message"]
    assert found["hint"].endswith(f"fab remove {example.name}")
    with example.deploy(other) as deploy:
        deploy.look(keeps_version=True)


@pytest.mark.parametrize("move", [shutil.copytree, shutil.move])
@pytest.mark.rows(1)
def test_program_is_ours_where_the_root_was_moved_or_copied(
        example: Example, folder: Path, move: Callable[[Path, Path], object]) -> None:
    example.write()
    with below(folder / "before", example) as deploy:
        deploy.commit()
    move(folder / "before", folder / "after")
    with below(folder / "after", example) as deploy:
        assert deploy.commit()["event"] == "committed"
    assert f"directory={folder}/after/" in example.program_file.read_text()


def test_program_is_ours_where_hosts_yaml_writes_the_root_as_a_link_leads_there(example: Example, folder: Path) -> None:
    example.write()
    example.committed()
    (folder / "way").symlink_to(example.host.root)
    with example.deploy() as deploy:
        deploy.layout.update(root=str(folder / "way"))
        layout = Layout(deploy.layout)
        assert deployed.services(layout, layout.access.configuration()) == [example.name]
        deploy.look()
    moved = example.deploy()
    moved.layout.update(root=str(folder / "way"), state="elsewhere")
    assert "where `state` was before, has the history" in problem(moved)["message"]


def test_program_of_another_login_user_is_named_with_that_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other/.fabvisor"
    (other / "api").mkdir(parents=True)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "supervisord.conf").touch()
    (tmp_path / "conf.d/api.conf").write_text(
        f"; Written by Fabvisor\n[program:api]\ncommand=/bin/sh -c '. \"$0\" && exec \"$@\"' {other}/api/env ./api\n")
    monkeypatch.setattr("os.geteuid", lambda: other.stat().st_uid + 1)
    monkeypatch.setattr(program_owner, "user_name", lambda uid: "bob" if uid == other.stat().st_uid else "?")
    layout = Layout({"root": str(tmp_path / "root"), "supervisord_conf": str(tmp_path / "supervisord.conf"),
                     "program_dir": str(tmp_path / "conf.d")})
    [found] = program_owner.problems(layout, {"name": "api", "directory": "micro/api"})
    assert found.message.endswith(f"is of another environment or team: bob deploys it, with its history in {other}")
    assert found.hint.endswith("or let bob remove it first: fab remove api")
