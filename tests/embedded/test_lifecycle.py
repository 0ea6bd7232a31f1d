from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks._errors import NotReady
from tasks.embedded import lifecycle, processes
from tasks.embedded.lifecycle import down, up
from tasks.embedded.sandbox import Sandbox
from tasks.embedded.state_dir import state_of


def pids(sandbox: Sandbox) -> list[int]:
    """The server, and web1's and web2's supervisord."""
    return [pid for pid, _ in json.loads((sandbox.state / "state.json").read_text())["processes"]]


def ctl(sandbox: Sandbox, *words: str) -> str:
    conf = Path(sandbox.hosts[0].root, "supervisord.conf")
    return subprocess.run([sys.executable, "-m", "supervisor.supervisorctl", "-c", conf, *words],
                          capture_output=True, text=True, check=False).stdout


def run_program(sandbox: Sandbox, command: str) -> int:
    """The pid of a program that web1's supervisord keeps running."""
    text = f"[program:sleeper]\ncommand={command}\nstartsecs=0\n"
    Path(sandbox.hosts[0].root, "conf.d", "sleeper.conf").write_text(text)
    ctl(sandbox, "update")
    return int(ctl(sandbox, "pid", "sleeper"))


def test_sandbox_without_its_packages_says_how_to_install_them(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "find_spec", lambda name: None)
    with pytest.raises(NotReady, match="needs asyncssh and supervisor") as refused:
        up(checkout)
    assert "pipx inject fabvisor asyncssh supervisor" in refused.value.hint
    assert not state_of(checkout).exists()


def test_down_leaves_nothing_behind(standing: Path, tmp_path: Path) -> None:
    sandbox = up(standing)
    note = tmp_path / "bare"
    program = run_program(sandbox, f"/bin/sh -c 'env -i sleep 1000 & echo $! >{note}; exec sleep 1000'")
    everything = [*pids(sandbox), program, int(note.read_text())]
    assert all(processes.start_time(pid) for pid in everything)
    assert [host.name for host in sandbox.hosts] == ["web1", "web2"]

    assert down(standing) is True

    assert not any(processes.start_time(pid) for pid in everything)
    assert processes.belonging(str(sandbox.state)) == {}
    assert not sandbox.state.exists()
    assert [path.name for path in standing.iterdir()] == ["hosts.yaml"]
    assert down(standing) is False


@pytest.mark.long
def test_down_kills_a_program_that_ignores_sigterm(checkout: Path) -> None:
    sandbox = up(checkout)
    program = run_program(sandbox, "/bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done'")
    started = time.monotonic()
    down(checkout)
    assert processes.start_time(program) is None
    assert time.monotonic() - started < 9


def test_second_up_is_quick_and_changes_nothing(standing: Path) -> None:
    first = up(standing)
    before = pids(first)
    started = time.process_time()           # a busy machine adds nothing to it
    assert up(standing) == first
    assert time.process_time() - started < 0.1
    assert pids(first) == before


@pytest.mark.parametrize("victim", [0, 1], ids=["the server", "a supervisord"])
@pytest.mark.rows(1)
def test_up_mends_hosts_that_were_killed(standing: Path, victim: int) -> None:
    first = up(standing)
    before = pids(first)
    program = run_program(first, "sleep 1000")
    os.kill(before[victim], signal.SIGKILL)
    while processes.start_time(before[victim]) is not None:
        time.sleep(0.01)

    second = up(standing)

    assert not any(processes.start_time(pid) for pid in [*before, program])
    assert all(processes.start_time(pid) for pid in pids(second))
    assert "RUNNING" in ctl(second, "status", "sleeper")
    assert second.repository == first.repository
    assert (second.state / "monitor" / "build.py").exists()


@pytest.mark.long
def test_up_mends_hosts_after_a_reboot(standing: Path) -> None:
    sandbox = up(standing)
    file = sandbox.state / "state.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "boot": "another"}))
    before = pids(sandbox)
    assert not set(pids(up(standing))) & set(before)


@pytest.mark.long
@pytest.mark.parametrize("part", ["key", "git", pytest.param("web2/root/conf.d", marks=pytest.mark.long)])
def test_up_mends_a_cleared_temporary_folder(standing: Path, tmp_path: Path, part: str) -> None:
    sandbox = up(standing)
    (sandbox.state / part).rename(tmp_path / "gone")
    up(standing)
    assert (sandbox.state / part).exists()


def test_concurrent_ups_make_one_sandbox_without_the_callers_environment(checkout: Path) -> None:
    code = "import sys, pathlib; from tasks.embedded.lifecycle import up; print(up(pathlib.Path(sys.argv[1])))"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "DB_PASSWORD": "hunter2", "GIT_DIR": "/nowhere"}

    def up_elsewhere(_: int) -> str:
        return subprocess.run([sys.executable, "-c", code, checkout], cwd=root, env=environment, check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    with ThreadPoolExecutor(3) as pool:
        printed = list(pool.map(up_elsewhere, range(3)))
    assert len(set(printed)) == 1
    sandbox = up(checkout)
    assert printed[0] == f"{sandbox}\n"
    for pid in pids(sandbox)[1:]:
        assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.long
def test_hosts_end_when_the_checkout_is_removed(checkout: Path) -> None:
    sandbox = up(checkout)
    (checkout / "hosts.yaml").unlink()
    checkout.rmdir()
    deadline = time.monotonic() + 20
    while processes.belonging(str(sandbox.state)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes.belonging(str(sandbox.state)) == {}


def test_state_folder_of_another_user_is_refused(checkout: Path, tmp_path: Path) -> None:
    state = state_of(checkout)
    (tmp_path / "trap").mkdir(mode=0o700)
    state.symlink_to(tmp_path / "trap")
    try:
        for action in (up, down):
            with pytest.raises(NotReady, match="not a private folder"):
                action(checkout)
    finally:
        state.unlink()
    state.mkdir(mode=0o777)
    state.chmod(0o777)
    try:
        with pytest.raises(NotReady, match="not a private folder"):
            up(checkout)
    finally:
        state.rmdir()


def test_socket_path_fits_below_a_long_temporary_folder(checkout: Path, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert len(str(state_of(checkout) / "web1/root/supervisor.sock.4194304")) < 107
