from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.executor import errors
from tasks.executor.system import login_env, output_lines, processes, shell
from tests.support.lab import wait_for


def run(script: str, timeout: float = 20, **more: Any) -> list[str]:
    return shell.run(["/bin/sh", "-c", script], cwd="/", env=dict(os.environ), timeout=timeout, **more)


def in_time(work: Callable[[], Any], seconds: float = 20) -> Any:
    """The result of work(); a failure when it hangs."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, "it hangs"
    return found[0]


def pid_in(path: Path) -> int:
    return int(wait_for(lambda: path.exists() and path.read_text().strip(), str(path)))


def gone(pid: int) -> bool:
    return processes.start_time(pid) is None


def test_run_returns_lines_and_raises_the_exit_status() -> None:
    heard: list[str] = []
    assert run("echo a; echo b >&2; printf c", say=heard.append) == ["a", "b", "c"] == heard
    with pytest.raises(shell.CommandFailed) as failure:
        run("echo last words; exit 3")
    assert (failure.value.status, failure.value.output) == (3, ["last words"])
    with pytest.raises(shell.CommandFailed) as failure:
        run("kill -9 $$")
    assert failure.value.status == -9
    with pytest.raises(shell.CommandFailed, match="cannot run"):
        shell.run(["/no/such"], cwd="/", env={}, timeout=1)
    with pytest.raises(shell.CommandFailed, match="cannot run"):
        shell.run(["/bin/sh"], cwd="/no/such", env={}, timeout=1)


@pytest.mark.parametrize(("printed", "seen"), [
    ("10\\r50\\r100\\n", ["100"]), ("a\\r\\nb\\r\\n", ["a", "b"]), ("\\377\\376 x\\n", ["\ufffd\ufffd x"]),
    ("gr\\303\\274n\\n", ["grün"]), ("\\n\\n", ["", ""]), ("no end", ["no end"]), ("", [])])
def test_run_decodes_odd_lines(printed: str, seen: list[str]) -> None:
    assert run(f"printf '{printed}'") == seen


def test_run_joins_a_character_split_between_two_writes() -> None:
    assert run("printf 'gr\\303'; sleep 0.1; printf '\\274n\\n'") == ["grün"]


def test_run_gives_an_empty_standard_input() -> None:
    assert run("cat; echo end") == ["end"]


def test_run_ends_the_whole_group_after_its_timeout(tmp_path: Path) -> None:
    with pytest.raises(shell.CommandFailed, match="timed out") as failure:
        run(f"sleep 1000 & echo $! >{tmp_path}/pid; echo here; wait", timeout=2)
    assert failure.value.status is None
    assert failure.value.output == ["here"]
    wait_for(lambda: gone(pid_in(tmp_path / "pid")), "the end of the child")


def test_run_ends_the_whole_group_when_its_check_raises(tmp_path: Path) -> None:
    def check() -> None:
        if (tmp_path / "pid").exists():
            raise errors.Aborted("enough")

    with pytest.raises(errors.Aborted):
        run(f"sleep 1000 & echo $! >{tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; wait", check=check)
    wait_for(lambda: gone(pid_in(tmp_path / "pid")), "the end of the child")


def test_run_waits_for_a_command_that_closed_its_output(tmp_path: Path) -> None:
    with pytest.raises(shell.CommandFailed, match="timed out"):
        run("exec >&- 2>&-; sleep 1000", timeout=0.3)
    assert run("echo a; exec >&- 2>&-; sleep 0.1") == ["a"]


@pytest.mark.parametrize("child", ["sleep 1000 &", "yes &", "(while :; do echo x; done) &"])
def test_run_does_not_wait_for_background_processes(child: str) -> None:
    assert in_time(lambda: run(child + " echo here"))


def test_run_ignores_the_flood_of_an_escaped_process(tmp_path: Path) -> None:
    """It escapes the group: what it goes on writing is left unread, though there is always more."""
    pid = tmp_path / "pid"

    def fills_the_pipe(_: str) -> None:
        stat = Path(f"/proc/{pid_in(pid)}/stat")
        wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "S", "a full pipe")

    script = f"setsid sh -c 'echo $$ >{pid}; exec yes {'x' * 16000}' & until [ -s {pid} ]; do :; done; echo here"
    try:
        assert in_time(lambda: run(script, say=fills_the_pipe))
    finally:
        processes.end_group(pid_in(pid))


def test_run_keeps_only_the_end_of_a_flood() -> None:
    lines = run("seq 1 50000; head -c 3000000 /dev/zero | tr '\\0' x")
    assert len(lines) == 200
    assert max(map(len, lines)) <= output_lines.LONGEST_LINE


@pytest.mark.parametrize(("commands", "ends"), [
    (["true", "false", "echo never"], 1), (["false | cat"], 1), (["echo a", "echo b"], 0), (["exit 4"], 4)])
def test_script_stops_at_the_first_failure(commands: list[str], ends: int) -> None:
    try:
        status = 0 if shell.run(shell.script(commands), cwd="/", env=dict(os.environ), timeout=20) else None
    except shell.CommandFailed as failure:
        status = failure.status
        assert "never" not in failure.output
    assert status == ends


@pytest.mark.parametrize("before", ["", "sleep 300 &\n", "echo noise; echo noise >&2\n", "cat\n",
                                    "cat() { echo noise; }\n", "trap 'echo noise; exit 3' EXIT\n",
                                    "export BIG=$(head -c 100000 /dev/zero | tr '\\0' x)\n"])
def test_login_environment_is_that_of_the_profile(home: Path, before: str) -> None:
    (home / ".profile").write_text(f"{before}export FROM_PROFILE='two\nlines' ODD=$(printf '\\377')\n"
                                   "export PATH=/from/profile:$PATH\n"
                                   f"[ -z \"$!\" ] || echo $! >{home}/background\n")
    try:
        found = in_time(lambda: login_env.LoginShell().environment(10))
        assert found["FROM_PROFILE"] == "two\nlines"
        assert os.fsencode(found["ODD"]) == b"\xff"
        assert found["PATH"].split(":")[0] == "/from/profile"
        assert set(os.environ["PATH"].split(":")) <= set(found["PATH"].split(":"))
    finally:
        (home / ".profile").unlink()
        if (home / "background").exists():
            os.kill(pid_in(home / "background"), 9)
            (home / "background").unlink()


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_login_whose_path_leads_nowhere_is_named_and_finds_the_tools_of_the_system(home: Path, path: str) -> None:
    """What else its profile sets counts."""
    (home / ".profile").write_text(f"export FROM_PROFILE=yes PATH={path}\n")
    try:
        shell = login_env.LoginShell()
        found = in_time(lambda: shell.environment(10))
        assert found["FROM_PROFILE"] == "yes" and shutil.which("cp", path=found["PATH"])
        assert shell.problem == f"PATH of the login is {path!r}, and not even sh is there"
        assert "" not in found["PATH"].split(":"), "that would be the current folder"
    finally:
        (home / ".profile").unlink()


@pytest.mark.parametrize("profile", ["exit 0\n", "exit 1\n", "exec true\n", "exec /no/such\n", "if\n"])
def test_login_environment_survives_a_profile_that_ends_the_shell(home: Path, profile: str) -> None:
    (home / ".profile").write_text(profile)
    try:
        shell = login_env.LoginShell()
        found = in_time(lambda: shell.environment(10))
        assert shell.problem or profile == "if\n", "bash goes on after a syntax error"
        assert found["HOME"] == str(home)
        assert set(os.environ["PATH"].split(":")) <= set(found["PATH"].split(":"))
    finally:
        (home / ".profile").unlink()


def test_build_reads_no_bashrc_where_a_profile_ends_the_shell(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's bash does so for commands that sshd starts, and tells them by these variables."""
    monkeypatch.setenv("SSH_CLIENT", "127.0.0.1 1 22")
    monkeypatch.delenv("SHLVL", raising=False)
    (home / ".profile").write_text("exit 1\n")
    (home / ".bashrc").write_text("echo noise; exit 3\n")
    try:
        env = in_time(lambda: login_env.LoginShell().environment(10))
        assert shell.run(shell.script(["echo built"]), cwd="/", env=env, timeout=20) == ["built"]
    finally:
        (home / ".profile").unlink()
        (home / ".bashrc").unlink()


def test_profile_that_takes_too_long_is_named_with_its_limit(home: Path) -> None:
    (home / ".profile").write_text("sleep 300\n")
    try:
        shell = login_env.LoginShell()
        assert in_time(lambda: shell.environment(0.2))["HOME"] == str(home)
        assert "0.2 s" in shell.problem and "login_timeout" in shell.problem
    finally:
        (home / ".profile").unlink()


def test_processes_of_a_deploy_are_found_by_its_tag(tmp_path: Path) -> None:
    script = f"setsid sh -c 'echo $$ >{tmp_path}/pid; exec sleep 1000' &"
    shell.run(["/bin/sh", "-c", script + f" until [ -s {tmp_path}/pid ]; do :; done"], cwd="/", timeout=20,
              env={**os.environ, processes.TAG: "the-deploy"})
    pid = pid_in(tmp_path / "pid")
    start = processes.start_time(pid)
    assert processes.alive(pid, start)
    assert not processes.alive(pid, (start or 0) + 1)
    assert not processes.alive(pid, None) and not processes.alive(None, start) and not processes.alive("1", start)
    processes.end_tagged("another-deploy")
    assert processes.alive(pid, start)
    begin = time.monotonic()
    processes.end_tagged("the-deploy")
    assert not processes.alive(pid, start)
    assert time.monotonic() - begin < 10
