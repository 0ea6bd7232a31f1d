"""Where a program's output goes, whatever its options say: what is shown of it, and what is said where nothing can be.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.layout import Layout
from tasks.executor.logs import log_sources, process_logs
from tasks.executor.service.context import ServiceContext
from tasks.inventory.model import Service
from tests.executor.driver import Deploy, Example
from tests.support.lab import CHECKOUT, wait_for
from tests.support.services import changed
from tests.support.users import let_enter

BOTH = "echo to out; echo to err >&2; exec sleep 1000\n"
CRASH = "echo the end; echo the cause >&2; exit 3\n"


def with_options(example: Example, **options: str) -> Service:
    return example.with_(program={"startsecs": "0", "stopwaitsecs": "5", **options})


def own_errors(folder: Path, **options: str) -> dict[str, str]:
    return {"redirect_stderr": "false", "stderr_logfile": str(folder / "errors"), **options}


def shown(deploy: Deploy) -> list[tuple[str, str, str]]:
    return [(event["process"], event["stream"], event["line"]) for event in deploy.executor.heard
            if event["event"] == "log"]


def notices(deploy: Deploy) -> str:
    return "\n".join(event["message"] for event in deploy.executor.heard if event["event"] == "notice")


def logs(example: Example, service: Service, **asked: Any) -> Deploy:
    with example.deploy(service) as deploy:
        deploy.hello("logs", **asked)
        deploy.executor.rest()
    return deploy


def failure(example: Example, service: Service) -> tuple[list[str], str]:
    """The output of the step that fails, and the hint of why it failed."""
    with example.deploy(service) as deploy:
        deploy.look().plan().done("prepare").run("activate")
        deploy.executor.until("failed")
        heard = deploy.executor.heard
        deploy.executor.rest()
    output = [event["line"] for event in heard if event["event"] == "output" and event["step"] == "verify"]
    return output, next(event["hint"] for event in heard if event["event"] == "failed")


def test_logs_show_standard_error_in_a_file_of_its_own_beside_standard_output(example: Example, tmp_path: Path) -> None:
    service, name = with_options(example, **own_errors(tmp_path)), example.name
    example.write(BOTH)
    example.committed(service)
    wait_for((tmp_path / "errors").read_text, "a line of both")
    assert sorted(shown(logs(example, service))) == [(name, "stderr", "to err"), (name, "stdout", "to out")]
    with example.deploy(service) as deploy:
        deploy.hello("logs", lines=0, follow=True)
        deploy.executor.until("mark")
        deploy.executor.until("mark")
        with (tmp_path / "errors").open("a") as file:
            file.write("later\n")
        assert deploy.executor.until("log")["stream"] == "stderr"
    cursor = shown(deploy) and deploy.executor.heard[-1]["mark"]
    with example.deploy(service) as deploy:
        deploy.hello("logs", follow=True, marks={name: {"stderr": cursor}})
        deploy.executor.until("mark")
        assert [stream for _, stream, _ in shown(deploy)] == ["stdout"], "it goes on behind the last line"


def test_logs_are_those_that_the_running_process_writes_after_an_option_changed(example: Example, tmp_path: Path
                                                                               ) -> None:
    """AUTO has a new name at each deploy; a path that is named anew may hold lines of last year. Followed meanwhile."""
    old = tmp_path / "old"
    old.write_text("of last year\n")
    example.write("echo first; exec sleep 1000\n")
    example.committed(with_options(example, stdout_logfile="AUTO"))
    with example.deploy(with_options(example, stdout_logfile="AUTO")) as deploy:
        deploy.hello("logs", lines=1, follow=True)
        assert deploy.executor.until("log")["line"] == "first"
        example.write("echo second; exec sleep 1000\n")
        example.committed(with_options(example, stdout_logfile=str(old)))
        assert deploy.executor.until("log")["line"] == "second"


def test_failed_deploy_shows_the_last_lines_of_both_streams(example: Example, tmp_path: Path) -> None:
    """Of this start alone: also where an option changed to a file that holds older lines."""
    example.write()
    example.committed()
    (tmp_path / "errors").write_text("of last year\n")
    example.write(CRASH)
    output, hint = failure(example, with_options(
        example, **own_errors(tmp_path, startsecs="1", stdout_logfile=str(tmp_path / "errors2"))))
    assert "the end" in output and "stderr: the cause" in output and "of last year" not in str(output), output
    assert hint == f"its last lines are above; more: fab logs {example.name}"


@pytest.mark.long
def test_failed_deploy_shows_last_lines_that_were_rotated_away(example: Example) -> None:
    example.write("echo before; exec sleep 1000\n")
    options = {"stdout_logfile_maxbytes": "30", "stdout_logfile_backups": "9"}
    example.committed(with_options(example, **options))
    example.write("for number in 1 2 3 4 5; do echo $number $number $number; sleep 0.01; done; exit 3\n")
    output, _ = failure(example, with_options(example, **options, startsecs="1", autorestart="false"))
    assert [f"{number} {number} {number}" for number in range(1, 6)] == output[:5], output


@pytest.mark.long
def test_failed_deploy_says_why_a_stream_cannot_be_shown(example: Example) -> None:
    example.write(CRASH)
    output, hint = failure(example, with_options(example, startsecs="1", redirect_stderr="false",
                                                 stderr_logfile="NONE"))
    assert "the end" in output
    assert hint.startswith("its last lines are above; but its stderr goes to no file (`stderr_logfile` is NONE)"), hint


@pytest.mark.promise(9)
def test_place_where_no_log_can_be_is_refused_before_the_fetch(example: Example, tmp_path: Path) -> None:
    """supervisord would hang at a pipe, and answer nobody from then on. A missing folder may be made by the build."""
    os.mkfifo(tmp_path / "pipe")
    example.write()
    for path, words, remedy in ((tmp_path, "which is a folder", f"such as {tmp_path}/{example.name}.log"),
                                (tmp_path / "pipe", "which is a pipe", f"mv {tmp_path}/pipe {tmp_path}/pipe.away")):
        with example.deploy(with_options(example, **own_errors(tmp_path, stderr_logfile=str(path)))) as deploy:
            deploy.hello()
            (problem,) = deploy.executor.until("not_ready")["problems"]
            deploy.executor.send({"do": "end"})
        assert problem["message"] == f"the log of {example.name} is {path}, {words}"
        assert problem["hint"].endswith(remedy)
    assert not example.directory.exists()
    made = with_options(example, stdout_logfile=f"{tmp_path}/made/log")
    example.committed(changed(made, build=(*made.build, f"mkdir {tmp_path}/made")))


@pytest.mark.promise(9)
def test_what_lies_at_the_usual_place_of_a_log_is_refused_while_the_program_still_runs(example: Example) -> None:
    """A person put it there since the start. A restart would end the program, and nothing could start it again."""
    example.write("echo hello; exec sleep 1000\n")
    example.committed()
    pid, log = example.info()["pid"], example.directory / "logs" / f"{example.name}.log"
    log.unlink()
    for make, unmake, words in (
            (log.mkdir, log.rmdir, "which is a folder"), (partial(os.mkfifo, log), log.unlink, "which is a pipe"),
            (partial(log.symlink_to, "/absent/log"), log.unlink, "which is a link into a folder that is not there")):
        make()
        with example.deploy(command="restart") as deploy:
            deploy.hello()
            (problem,) = deploy.executor.until("not_ready")["problems"]
            deploy.executor.send({"do": "end"})
        assert problem["message"] == f"the log of {example.name} is {log}, {words}"
        assert problem["hint"].endswith(f"mv {log} {log}.away")
        unmake()
    assert example.info()["pid"] == pid


SEES_AS_NOBODY = """
import os, pwd, shlex          # another user may not enter the folder of this Python
from tasks.executor.layout import Layout
from tasks.executor.logs import log_folder
layout = Layout({"root": %r, "supervisord_conf": "s", "program_dir": "p"})
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
service = {"directory": "a", "programs": [{"group": "a", "logs": [%r]}]}
print([problem.message for uid in (os.geteuid(), 0) for problem in log_folder.problems(service, layout, uid)])
"""


@pytest.mark.promise(9)
def test_log_that_supervisord_cannot_write_is_refused(tmp_path: Path) -> None:
    """As where somebody once started the program by hand, as root. root's supervisord can write all of them."""
    logs = tmp_path / "a/logs"
    logs.mkdir(parents=True)
    let_enter(logs)
    for name in ("closed", "open"):
        (logs / name).touch()
    (logs / "closed").chmod(0o444)
    (logs / "open").chmod(0o666)
    logs.chmod(0o555)
    for name, is_refused in (("closed", True), ("open", False), ("new", True), ("later/new", False)):
        done = subprocess.run([sys.executable, "-c", SEES_AS_NOBODY % (str(tmp_path), f"logs/{name}")], cwd=CHECKOUT,
                              capture_output=True, text=True, check=False)
        refused = [] if not is_refused else [f"the log of a is {logs}/{name}, and supervisord, which runs as "]
        assert done.returncode == 0, done.stderr
        said = ast.literal_eval(done.stdout)
        assert [line[:len(start)] for line, start in zip(said, refused, strict=True)] == refused, done


def test_log_that_all_processes_of_a_program_write_to_is_shown_once(example: Example, tmp_path: Path) -> None:
    example.write("echo hello; exec sleep 1000\n")
    service = example.with_(numprocs=3, program={"startsecs": "0", "stdout_logfile": str(tmp_path / "log")})
    example.committed(service)
    wait_for(lambda: (tmp_path / "log").read_text().count("hello") == 3, "all of them")
    assert shown(logs(example, service)) == [(example.name, "stdout", "hello")] * 3


@pytest.mark.rows(1)
@pytest.mark.parametrize(("path", "words"), [
    ("relative.log", None),
    ("NONE", "its stdout goes to no file (`stdout_logfile` is NONE); give the program another `stdout_logfile`"),
    ("/dev/stdout", "its stdout goes to /dev/stdout, supervisord's own output; read that on the host")])
def test_log_of_a_running_program_is_called_what_it_is(example: Example, path: str, words: str | None) -> None:
    """supervisord writes a relative one below the folder that it was started in."""
    example.write("echo hello; exec sleep 1000\n")
    service = with_options(example, stdout_logfile=path)
    example.committed(service)
    if words is None:
        wait_for(lambda: shown(logs(example, service)) == [(example.name, "stdout", "hello")], "its line")
        Path(example.info()["stdout_logfile"]).unlink(missing_ok=True)
    else:
        deploy = logs(example, service)
        assert f"{example.name}: {words}" in notices(deploy) and not shown(deploy)


INFO = {"name": "api", "stdout_logfile": "/var/log/api", "stderr_logfile": ""}


@pytest.mark.parametrize(("info", "config", "found"), [
    ({}, {"redirect_stderr": True}, [("stdout", "/var/log/api", "")]),
    ({}, {}, [("stdout", "/var/log/api", "")]),
    ({}, {"redirect_stderr": False, "stderr_syslog": True},
     [("stdout", "/var/log/api", ""), ("stderr", "", "journalctl -t supervisord -g api")]),
    ({"stderr_logfile": "/var/log/api"}, {}, [("stdout", "/var/log/api", "")]),
    ({"stderr_logfile": "/var/log/err"}, {}, [("stdout", "/var/log/api", ""), ("stderr", "/var/log/err", "")]),
    ({"stdout_logfile": "/dev/fd/1"}, {}, [("stdout", "", "goes to /dev/fd/1, supervisord's own output")]),
    ({"stdout_logfile": "/proc/self/fd/2"}, {}, [("stdout", "", "supervisord's own output")]),
    ({"stdout_logfile": "/dev/null"}, {}, [("stdout", "", "goes to /dev/null, which cannot be read again")]),
    ({"stdout_logfile": "x.log"}, {}, [("stdout", "", "x.log, in the folder that supervisord was started in")]),
])
def test_streams_of_a_process_are_named_by_where_they_go(info: dict[str, str], config: dict[str, Any],
                                                         found: list[tuple[str, str, str]]) -> None:
    streams = process_logs.of_process({**INFO, **info}, [{"name": "other"}, {"name": "api", **config}])
    assert [(log.stream, log.path) for log in streams] == [(stream, path) for stream, path, _ in found]
    assert all(words in log.why for log, (_, _, words) in zip(streams, found, strict=True))


@pytest.mark.parametrize(("options", "found"), [
    ("", [("api_00", "stdout", ""), ("api_00", "stderr", ""), ("api_01", "stdout", ""), ("api_01", "stderr", "")]),
    ("stdout_logfile=%(here)s/%(program_name)s-%(process_num)02d.log\nredirect_stderr=true",
     [("api_00", "stdout", "FOLDER/api-00.log"), ("api_01", "stdout", "FOLDER/api-01.log")]),
    ("stdout_logfile=/var/log/all\nstderr_logfile=/var/log/all", [("api", "stdout", "/var/log/all")]),
    ("stdout_logfile=/var/log/%(ENV_KIND)s\nredirect_stderr=yes", [("api", "stdout", "/var/log/web")]),
    ("stdout_logfile=NONE\nredirect_stderr=on", [("api_00", "stdout", ""), ("api_01", "stdout", "")]),
])
def test_logs_follow_from_the_program_file_when_supervisord_is_down(layout: Layout, tmp_path: Path, options: str,
                                                                    found: list[tuple[str, str, str]]) -> None:
    """Expanded as supervisord would."""
    (tmp_path / "supervisord.conf").write_text("[unix_http_server]\nfile=s\n[include]\nfiles=conf.d/*.conf\n")
    (tmp_path / "conf.d/api.conf").write_text(
        f"[program:api]\ncommand=x\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\n"
        f"environment=KIND=\"web\"\n{options}\n")
    ctx = ServiceContext(layout, {"name": "api", "directory": "api", "repo": "r"}, {}, "")
    sources = log_sources.of_files(ctx, {"api": ["api"]})
    assert [(source.writer, source.log.stream, source.log.path) for source in sources] == [
        (writer, stream, path.replace("FOLDER", str(tmp_path / "conf.d"))) for writer, stream, path in found]


def test_logs_of_an_unknown_program_are_those_that_a_deploy_would_write(layout: Layout, tmp_path: Path) -> None:
    ctx = ServiceContext(layout, {"name": "api", "directory": "api", "repo": "r"}, {}, "")
    (source,) = log_sources.of_files(ctx, {"api": ["api"]})
    assert source.log.path == str(tmp_path / "api/logs/api.log")
