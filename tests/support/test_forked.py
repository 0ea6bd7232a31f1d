"""A forked `fab` is like the real program: in its input, its output, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.remote.sent_executor import bootstrap
from tests.support.forked import CHECKOUT, Forked, ForkedExecutor, clean_environ, start
from tests.support.host_python import host_python
from tests.support.lab import wait_for

pytestmark = pytest.mark.usefixtures("whole_suite")

HOSTS = """
default_environment: test
services: {web: {repo: r, build: b, command: c}}
environments: {test: {branch: main, root: /srv, hosts: [h]}}
"""
LATE = """
import atexit, threading
atexit.register(print, "the end")
threading.Thread(target=lambda: print("a thread")).start()
"""
SEEN = """
import gc, os, signal, sys

print(__name__, sys.argv, sys.path, os.getcwd(), sorted(os.environ.items()))
print(os.getsid(0) == os.getpid() == os.getpgid(0), sorted(os.listdir("/proc/self/fd")), os.umask(0))
for file in sys.stdin, sys.stdout, sys.stderr:
    print(file.encoding, file.errors, file.line_buffering, file.isatty())
print([str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)])
print(repr(sys.stdin.read()), sys.flags, file=sys.stderr)
"""
ENDINGS = {"falls through": "", "exits": "sys.exit(7)", "says why": "sys.exit('why')", "raises": "1 / 0",
           "is killed": "sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)",
           "is interrupted": "os.kill(os.getpid(), signal.SIGINT)"}
Said = tuple[int, str, str]


def both(words: list[str], folder: Path, **env: str) -> tuple[Said, Said]:
    """By the real program, and by the server."""
    environ = {**clean_environ(), "HOME": str(folder), **env}
    real = subprocess.run([sys.executable, *words], cwd=folder, env=environ, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, start_new_session=True)
    forked = Forked(words, folder, environ)
    out, err = forked.communicate(60)
    return (real.returncode, real.stdout, real.stderr), (forked.wait(), out, err)


@pytest.mark.parametrize("how", ENDINGS)
def test_forked_program_sees_and_ends_like_a_real_one(how: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(LATE + SEEN + ENDINGS[how])
    real, forked = both([str(script), "a b", "ä"], tmp_path, ONE="1\n2", TWO="ü")
    assert (forked[0], forked[1].splitlines()) == (real[0], real[1].splitlines())
    # A traceback begins at this program's own first line.
    assert [line for line in real[2].splitlines() if line not in forked[2].splitlines()] == []
    assert "a thread" in real[1] and (how == "is killed" or real[1].endswith("the end\n"))


@pytest.mark.parametrize(("words", "code"), [
    (["config", "web", "--format", "terminal"], 0), (["deploy", "weeb", "--format", "json"], 2)])
def test_forked_fab_prints_and_exits_like_the_real_one(words: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    real, forked = both(["-m", "fabric", "--search-root", str(CHECKOUT), *words], tmp_path)
    assert forked == real
    assert real[0] == code, real


def test_forked_executor_sees_and_ends_like_a_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"{SEEN}print(gc.get_threshold(), [name for name in sys.modules if name.partition('.')[0] in OURS])\n1 / 0"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bootstrap, "CODE", 'exec(__import__("os").environ["CODE"])')
    environ = {**without_locale(), "PWD": str(tmp_path), "CODE": f"OURS = 'executor', 'tasks', 'tests'\n{code}"}
    real, of_a_host = (subprocess.run(["/bin/sh", "-c", bootstrap.command(python)], env=environ, input=b"\xffx\n",
                                      capture_output=True, check=False, start_new_session=True)
                       for python in (sys.executable, host_python()))
    environ["LC_CTYPE"] = "C.UTF-8"         # which Python itself has set in the others
    forked = ForkedExecutor(bootstrap.CODE, environ)
    forked.stdin.write(b"\xffx\n")
    forked.stdin.close()
    assert (forked.stdout.read(), forked.wait()) == (real.stdout, real.returncode)
    assert (of_a_host.stdout, of_a_host.returncode) == (real.stdout, real.returncode)
    for errors in (forked.stderr.read(), of_a_host.stderr):
        assert [line for line in real.stderr.splitlines() if line not in errors.splitlines()] == []
    assert (real.returncode, b"[]" in real.stdout, b"udcff" in real.stderr) == (1, True, True)


def without_locale() -> dict[str, str]:
    return {name: value for name, value in clean_environ().items() if not name.startswith(("LC_", "LANG"))}


def executor_of_a_host(code: str, monkeypatch: pytest.MonkeyPatch, **env: str) -> subprocess.Popen[str]:
    monkeypatch.setattr(bootstrap, "CODE", code)
    return subprocess.Popen(["/bin/sh", "-c", bootstrap.command(host_python())], env={**without_locale(), **env},
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


PARENT = "import os; print(os.getpid(), os.getppid(), flush=True); input()"


def test_executor_of_a_host_and_what_its_login_has_started_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for ends_first in (0, 1):
        with executor_of_a_host(PARENT, monkeypatch) as started:
            assert started.stdout is not None
            executor, server = map(int, started.stdout.readline().split())
            assert server != os.getpid()
            os.kill((executor, started.pid)[ends_first], signal.SIGKILL)
            assert started.wait(60) == -signal.SIGKILL
            wait_for(lambda pid=executor: not Path(f"/proc/{pid}").exists(), "the end of the executor")


def test_executor_of_a_host_in_another_locale_is_started_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    with executor_of_a_host(PARENT, monkeypatch, LC_ALL="C") as started:
        out, _ = started.communicate("\n", timeout=60)
        assert out.split() == [str(started.pid), str(os.getpid())]


def test_forked_program_takes_signals_and_timeouts(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import time; print('here', flush=True); time.sleep(1000)")
    forked = Forked(["script.py"], tmp_path, {})
    assert forked.stdout.readline() == "here\n" and forked.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0.01)
    forked.send_signal(signal.SIGTERM)
    assert forked.wait(60) == -signal.SIGTERM
    forked.kill()                                       # it has ended: nobody else gets that signal
    assert forked.communicate(60) == ("", "")


@pytest.mark.parametrize("env", [{"PYTHONUTF8": "1"}, {"LC_ALL": "C"}])
def test_program_with_another_interpreter_state_is_started_for_real(env: dict[str, str], tmp_path: Path) -> None:
    process = start([sys.executable, "-c", "import os; print(os.environ)"], tmp_path, env)
    assert not isinstance(process, Forked)
    out, _ = process.communicate(timeout=60)
    assert f"{env}"[1:-1] in out
