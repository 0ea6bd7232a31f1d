"""What stands in the way of a deploy, by supervisord and the disk: it is named before anything changes."""

from __future__ import annotations

import pytest

from tests.executor.driver import Example
from tests.support.lab import LabHost


@pytest.mark.parametrize("text", [b"[program:zz]\n", b"[program:zz]\ncommand=sleep 9 ; f\xfcr uns\n"])
def test_broken_file_of_another_program_refuses_the_deploy(example: Example, text: bytes) -> None:
    example.write()
    broken = example.host.root / "conf.d/zz-broken.conf"
    broken.write_bytes(text)
    try:
        with example.deploy() as deploy:
            deploy.hello()
            problems = deploy.executor.until("not_ready")["problems"]
            assert "zz" in problems[0]["message"]
    finally:
        broken.unlink()
    assert not example.directory.exists()


def test_program_defined_in_another_file_is_refused(example: Example) -> None:
    example.write()
    stranger = example.host.root / "conf.d/stranger.conf"
    stranger.write_text(f"; a comment\n[program:{example.name}]\ncommand=/bin/true\n")
    try:
        with example.deploy() as deploy:
            deploy.hello()
            assert f"{stranger}:2" in str(deploy.executor.until("not_ready")["problems"])
    finally:
        stranger.unlink()


@pytest.mark.parametrize("log", ["", "stdout_logfile=logs/a.log\n"])
def test_log_folder_is_made_where_a_program_file_by_hand_names_it_and_nowhere_else(example: Example, log: str) -> None:
    """Without it supervisord reads no file. Any other folder is a change of what a deploy may refuse."""
    example.write()
    example.directory.mkdir(parents=True)
    example.program_file.write_text(f"[program:{example.name}]\ncommand=/bin/true\nautostart=false\n{log}")
    with example.deploy() as deploy:
        deploy.hello()
        deploy.executor.until("facts", "not_ready")
    assert (example.directory / "logs").is_dir() is bool(log)


def test_missing_root_is_not_ready(example: Example) -> None:
    with example.deploy() as deploy:
        deploy.layout["root"] = "/no/such/root"
        deploy.hello()
        problem = deploy.executor.until("problem")
        assert problem["kind"] == "not_ready" and "/no/such/root" in problem["message"]
        deploy.executor.rest()


def test_supervisord_that_is_down_is_named_with_a_remedy(example: Example, host: LabHost) -> None:
    example.write()
    conf = host.root / "down.conf"
    conf.write_text(host.conf.read_text().replace("supervisor.sock", "nobody.sock"))
    with example.deploy() as deploy:
        deploy.layout["supervisord_conf"] = "down.conf"
        deploy.hello()
        (problem,) = deploy.executor.until("not_ready")["problems"]
        assert "nobody.sock" in problem["message"] and "supervisord -c" in problem["hint"]
    assert not example.directory.exists()
