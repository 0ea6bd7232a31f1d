from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

import pytest

from tasks._errors import Bug, FabvisorError, Mistake, NotReady
from tasks.remote import start_errors
from tasks.remote.connection.host_connection import HostConnection
from tasks.remote.paramiko_private import key_exchange
from tasks.remote.sent_executor import bootstrap
from tests.remote.test_session import Talk, through
from tests.support.program_pieces import modules_of
from tests.support.proxy import Proxy
from tests.support.pythons import interpreters
from tests.support.sshd import Sshd

MAIN = '''
import json, sys, traceback
from . import inner, other, third
import executor.third

def main(stdin, stdout, compile_ahead):
    def say(**message):
        stdout.write(json.dumps(message).encode() + b"\\n")
        stdout.flush()
    say(file=__file__, value=other.VALUE, inner=[inner.FILE, inner.VALUE == other.VALUE, inner.fourth.__package__],
        same=executor.third is third, here="" in sys.path, site="site" in sys.modules)
    for line in iter(stdin.readline, b""):
        say(echo=json.loads(line))
        try:
            third.boom()
        except ValueError:
            say(trace=traceback.format_exc())
        return
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "stand_in"
    path.mkdir()
    (path / "__init__.py").write_text('"""the stand-in"""\n')
    (path / "main.py").write_text(MAIN)
    (path / "other.py").write_text("from __future__ import annotations\nfrom .third import VALUE\n")
    (path / "inner").mkdir()
    (path / "inner/__init__.py").write_text("from . import fourth\nfrom .fourth import VALUE\nFILE = __file__\n")
    (path / "inner/fourth.py").write_text("from ..third import VALUE\n")
    (path / "third.py").write_text("VALUE = 'it\\'s \"5\" \\\\ ü'\ndef boom():\n    raise ValueError('no')  # here\n")
    return path


def versions(*wanted: str) -> list[str]:
    """Interpreters of pyenv, by version; "" stands for none."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [str(path) for version in wanted for path in root.glob(f"{version}.*/bin/python")] or [""]


def check(talk: Talk) -> None:
    first = talk.next()
    assert first == {"file": "executor/main.py", "value": "it's \"5\" \\ ü", "same": True,
                     "inner": ["executor/inner/__init__.py", True, "executor.inner"], "here": False, "site": False}
    talk.session.send({"do": "x"})
    assert talk.next() == {"echo": {"do": "x"}}
    trace = talk.next()
    assert trace is not None
    assert 'third.py", line 3, in boom\n    raise ValueError' in trace["trace"]
    assert talk.rest() == []
    assert talk.session.exit_status == 0
    assert talk.session.complaint == ""


@pytest.mark.rows(2)
@pytest.mark.parametrize("python", [sys.executable, *versions("3.8", "3.9", "3.10", "3.12", "3.13")])
def test_program_runs_on_every_supported_python(sshd: Sshd, open_to: Callable[..., HostConnection], folder: Path,
                                                python: str) -> None:
    if not python:
        pytest.skip("no other interpreters")
    check(Talk(open_to(sshd), bootstrap.command(python), bootstrap.Program("status", folder)))


@pytest.mark.parametrize(("delay", "near", "asks"), [(0, 60, MAGIC_NUMBER.hex()), (0.05, key_exchange.NEAR, "")])
def test_program_is_sent_compiled_when_the_host_is_near(sshd: Sshd, folder: Path, monkeypatch: pytest.MonkeyPatch,
                                                        delay: float, near: float, asks: str) -> None:
    """Waiting for the interpreter's word is a round trip: not worth it far away."""
    monkeypatch.setattr(key_exchange, "NEAR", near)      # where all is near, a busy machine must not look far
    asked = []
    program = bootstrap.Program("status", folder)

    def spy(interpreter: str) -> bytes:
        asked.append(interpreter)
        return program(interpreter)

    with Proxy(sshd.host, sshd.port, delay) as proxy:
        check(Talk(through(proxy, sshd), bootstrap.command(sys.executable), spy))
    assert asked[-1] == asks


def test_program_for_an_interpreter_like_ours_is_compiled_as_a_whole(folder: Path) -> None:
    modules = modules_of(bootstrap.Program("status", folder)(bootstrap.OURS))
    assert "loader" in modules and {type(module) for module in modules.values()} == {CodeType}


def test_program_is_sent_as_source_to_another_interpreter(folder: Path) -> None:
    program = bootstrap.Program("status", folder)
    assert program("00000000") == program("") != program(MAGIC_NUMBER.hex())


@pytest.mark.rows(2)
@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "fish", "tcsh"])
def test_interpreter_path_is_quoted_for_every_login_shell(tmp_path: Path, open_to: Callable[..., HostConnection],
                                                          folder: Path, home: Path, shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell}")
    odd = home / "a b $HOME"
    odd.mkdir()
    (odd / "python").write_text(f"#!/bin/sh\nexec {sys.executable} \"$@\"\n")
    (odd / "python").chmod(0o755)
    with Sshd(tmp_path, environment={"HOME": str(home)}, shell=path) as server:
        for python in (str(odd / "python"), "~/a b $HOME/python"):
            check(Talk(open_to(server), bootstrap.command(python), bootstrap.Program("status", folder)))


def why(talk: Talk, python: str) -> FabvisorError | None:
    session = talk.session
    assert not session.lost and session.exit_status is not None
    return start_errors.explain("web1", python, session.exit_status, session.complaint, session.began)


@pytest.mark.parametrize("python", versions("2.7", "3.6", "3.7"))
def test_python_that_is_too_old_says_so_itself(sshd: Sshd, open_to: Callable[..., HostConnection], folder: Path,
                                               python: str) -> None:
    if not python:
        pytest.skip("no old interpreters")
    talk = Talk(open_to(sshd), bootstrap.command(python), bootstrap.Program("status", folder))
    version = Path(python).parent.parent.name
    if version.startswith("2."):            # it does not know -X, and ends before its first line
        assert talk.rest() == []
        error = why(talk, python)
        assert error is not None and "is Python 2" in error.message
        return
    assert talk.rest() == [{"event": "unusable", "why": f"python {version} is older than 3.8"}]
    assert talk.session.exit_status == 3


def test_missing_interpreter_is_named(sshd: Sshd, open_to: Callable[..., HostConnection], folder: Path) -> None:
    for python in ("no-such-python", "/no/such/python"):
        talk = Talk(open_to(sshd), bootstrap.command(python), bootstrap.Program("status", folder))
        assert talk.rest() == []
        error = why(talk, python)
        assert error is not None
        assert f"web1: there is no {python} on the host" in error.message


def test_interpreter_that_cannot_be_run_is_named(sshd: Sshd, open_to: Callable[..., HostConnection], folder: Path,
                                                 tmp_path: Path) -> None:
    file = tmp_path / "python"
    file.write_text("")
    talk = Talk(open_to(sshd), bootstrap.command(str(file)), bootstrap.Program("status", folder))
    assert talk.rest() == []
    error = why(talk, str(file))
    assert error is not None
    assert "cannot be run" in error.message


# What a ~/.bashrc, a login shell or an sshd does in place of our command; the words, and those that must not be said.
SURROUNDINGS = {
    "forced command": ("echo only git is allowed here; exit 1", "exit status 1", "only git is allowed here"),
    "nologin": ("exec /usr/sbin/nologin", "exit status 1", "This account is currently not available"),
    "restricted shell": ('exec bash -r -c "$SSH_ORIGINAL_COMMAND"', "exit status", "restricted"),
    "a .bashrc that exits": ("exit 0", "exit status 0", "without a word"),
    "a .bashrc that exits with words": ("echo maintenance until noon >&2; exit 3", "exit status 3", "maintenance"),
    "sftp alone": ("internal-sftp", "exit status 1", "sftp connections only"),
}


@pytest.mark.rows(2)
@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize(("command", "status", "words"), SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_login_that_runs_something_else_is_named_with_its_words(
    tmp_path: Path, open_to: Callable[..., HostConnection], folder: Path, command: str, status: str, words: str
) -> None:
    with Sshd(tmp_path, options=[f"ForceCommand {command}"]) as server:
        talk = Talk(open_to(server), bootstrap.command("python3"), bootstrap.Program("status", folder))
        assert talk.rest() == []
        error = why(talk, "python3")
    assert isinstance(error, NotReady), error
    assert status in error.message and words in error.message
    assert "ssh web1 'python3 -V'" in error.hint


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("shell", ["bash", "zsh", "dash"])
def test_login_that_starts_another_shell_is_named(tmp_path: Path, open_to: Callable[..., HostConnection], folder: Path,
                                                  shell: str) -> None:
    """`exec zsh` in ~/.bashrc: it reads our program as commands, and no more than the first of them."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell}")
    with Sshd(tmp_path, options=[f"ForceCommand exec {path}"]) as server:
        talk = Talk(open_to(server), bootstrap.command("python3"), bootstrap.Program("status", folder))
        assert talk.rest() == []
        error = why(talk, "python3")
    assert isinstance(error, NotReady)
    assert error.message == "web1: the login starts another shell, which reads what is sent to python3"
    assert talk.session.complaint == ""


@pytest.mark.usefixtures("real_hosts")
def test_login_that_asks_something_takes_nothing_of_the_program(tmp_path: Path, open_to: Callable[..., HostConnection],
                                                                folder: Path) -> None:
    """`read` in a ~/.bashrc."""
    with Sshd(tmp_path, options=['ForceCommand read x; eval "$SSH_ORIGINAL_COMMAND"']) as server:
        check(Talk(open_to(server), bootstrap.command(sys.executable), bootstrap.Program("status", folder)))


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("login", ["read x; read y", "exec </dev/null"])
def test_login_that_takes_what_is_sent_is_named(tmp_path: Path, open_to: Callable[..., HostConnection], login: str
                                                ) -> None:
    with Sshd(tmp_path, options=[f'ForceCommand {login}; eval "$SSH_ORIGINAL_COMMAND"']) as server:
        talk = Talk(open_to(server), bootstrap.command(sys.executable), bootstrap.Program("status"))
        assert talk.rest() == []
        error = why(talk, "python3")
    assert isinstance(error, NotReady)
    assert error.message == "web1: what was sent to python3 did not arrive whole" and "`read`" in error.hint


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize(("script", "words"), [
    ("kill -SEGV $$", "was ended by a signal"), ("echo Illegal instruction >&2; exit 132", "exit status 132"),
    (f'mkdir -p "$0.d"; echo "raise ImportError" >"$0.d/json.py"; PYTHONPATH="$0.d" exec {sys.executable} -X utf8 -u '
     '-S "${@: -2}"', "lacks a part of Python's library: ImportError"),
], ids=["crash", "illegal instruction", "no json"])
def test_broken_interpreter_is_named(sshd: Sshd, open_to: Callable[..., HostConnection], folder: Path, tmp_path: Path,
                                     script: str, words: str) -> None:
    python = tmp_path / "python-of-ours"
    python.write_text(f"#!/bin/bash\n{script}\n")
    python.chmod(0o755)
    talk = Talk(open_to(sshd), bootstrap.command(str(python)), bootstrap.Program("status", folder))
    assert talk.rest() == []
    error = why(talk, str(python))
    assert isinstance(error, NotReady) and words in error.message


def test_failed_executor_is_a_bug_and_its_orderly_end_is_none() -> None:
    complaint = "Traceback (most recent call last):\nFileNotFoundError: No such file or directory: python3"
    assert isinstance(start_errors.explain("web1", "python3", 1, complaint, True), Bug)
    assert start_errors.explain("web1", "python3", 0, "", True) is None


@pytest.mark.parametrize("python", ["a'b", 'a"b', "a\\b", "a\nb", "a!b", "-c", ""])
def test_interpreter_path_that_cannot_be_quoted_is_refused(python: str) -> None:
    with pytest.raises(Mistake, match="interpreter's path"):
        bootstrap.command(python)


def test_bootstrap_command_has_nothing_that_a_shell_expands() -> None:
    text = bootstrap.command("python3")
    code = text.partition(" -c '")[2].removesuffix("'")
    assert not set("'!\\\n") & set(code)
    assert len(text) < 1000


def test_program_starts_behind_a_banner_without_line_break(sshd: Sshd, open_to: Callable[..., HostConnection],
                                                           folder: Path) -> None:
    command = f"printf 'Welcome: '; {bootstrap.command(sys.executable)}"
    first = Talk(open_to(sshd), command, bootstrap.Program("status", folder)).next()
    assert first is not None and first["file"] == "executor/main.py"


def test_executor_is_compiled_and_started_as_sent() -> None:
    """It is read, compiled and started: with no input at all it ends by itself."""
    done = subprocess.run(["/bin/sh", "-c", bootstrap.command(sys.executable)], input=bootstrap.Program("rollout")(),
                          capture_output=True, timeout=60, check=False)
    assert b"SyntaxError" not in done.stderr and b"ImportError" not in done.stderr, done.stderr.decode()


@pytest.mark.parametrize("python", dict.fromkeys([next(iter(interpreters().values()), sys.executable), sys.executable]))
def test_sources_are_compiled_while_the_next_are_on_their_way(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                                              python: str) -> None:
    """Python warns of what it compiles."""
    monkeypatch.setattr(bootstrap, "PIECE", 0)                  # each module is one
    (folder / "main.py").write_text("from . import other, warned\n" + MAIN.replace("compile_ahead)", "ahead)").replace(
        "    def say", "    ahead()\n    def say"))
    (folder / "warned.py").write_text("def late():\n    from . import afterwards, last\n")
    (folder / "afterwards.py").write_text("import nothing_of_this_name\n2 is 3\n")
    (folder / "last.py").write_text("import nothing_of_this_name\n")
    sent = bootstrap.Program("status", folder)()
    last = sent.rindex(b"program ")
    process = subprocess.Popen(["/bin/sh", "-c", bootstrap.command(python)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(sent[:last])
        process.stdin.flush()
        assert b"executor/afterwards.py:2: SyntaxWarning" in process.stderr.readline()
        process.stdin.write(sent[last:] + b"{}\n")
        process.stdin.close()
        said = process.stdout.read()
        assert b'{"echo": {}}' in said and b"here" in said
    assert process.returncode == 0


@pytest.mark.parametrize("part", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["", bootstrap.OURS])
def test_executor_ends_when_its_client_is_gone_before_all_is_sent(kind: str, part: float) -> None:
    sent = bootstrap.Program("rollout")(kind)
    done = subprocess.run(["/bin/sh", "-c", bootstrap.command(sys.executable)], input=sent[:int(len(sent) * part)],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1) and b"Fatal" not in done.stderr


def test_modules_imported_ahead_are_those_that_the_executor_takes() -> None:
    sources = [path.read_text(encoding="utf-8") for path in bootstrap.EXECUTOR.rglob("*.py")]
    for name in bootstrap.AHEAD.split(","):
        package, _, module = name.rpartition(".")
        forms = f"import {name}", f"from {name} import", f"from {package} import {module}"
        assert any(form in source for source in sources for form in forms), name
