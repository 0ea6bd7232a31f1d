"""Both readers of what we write read it back: supervisor's own parser, and sh."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from supervisor.options import ServerOptions

from tasks._errors import Mistake
from tasks.inventory.secret import Secret, reveal
from tasks.program import files, quoting
from tests.support.services import changed, one_program

SERVICE = one_program("monitor", "./monitor")
PATHS = files.Paths(directory="/srv/micro/monitor", env_file="/srv/.fabvisor/monitor/env",
                    logs="/srv/micro/monitor/logs")
HOSTILE = [
    "plain", "a b", "  a  ", "50%", "%(here)s", "%%", "x ; y", "x # y", ";x", "#x", "a=b,c=d", "it's", '"quoted"',
    "'", '"', "\\", "a\\b", "$HOME", "`id`", "$(id)", "!", "~", "*", "ä ü €", "\u2028", "-n", "--", "", "{a,b}",
    "a\tb", "a;b", "a\t;b", "http://h:1/p?q=1&x#y", "{'k': [1]}", " ;", " #", "a  ;  b", "' ;'", "\u007f", "x\\ ;y",
    "%(ENV_HOME)s", "ends\\",
]


def parsed(folder: Path, text: str) -> ServerOptions:
    """As supervisord itself reads it."""
    (folder / "program.conf").write_text(text, encoding="utf-8")
    (folder / "supervisord.conf").write_text("[supervisord]\n[include]\nfiles = program.conf\n")
    options = ServerOptions()
    options.realize(args=["-c", str(folder / "supervisord.conf")], doc="")
    (group,) = options.process_group_configs
    return group.process_configs[-1]


def paths(folder: Path, name: str = "service") -> files.Paths:
    directory = folder / name
    (directory / "logs").mkdir(parents=True)
    return files.Paths(directory=str(directory), env_file=str(directory / "env"), logs=str(directory / "logs"))


def test_program_file_of_an_ordinary_service_is_read_by_supervisor(tmp_path: Path) -> None:
    where = paths(tmp_path)
    service = changed(SERVICE, program={"startsecs": "7", "stopsignal": "INT"})
    program = parsed(tmp_path, files.program_file(service, where))
    assert (program.name, program.directory, program.environment) == ("monitor", where.directory, {"RUN_MODE": "prod"})
    assert (program.startsecs, program.stopsignal, program.autorestart.__name__) == (7, 2, "RestartUnconditionally")
    assert (program.stopasgroup, program.killasgroup, program.redirect_stderr) == (False, True, True)
    assert (program.stdout_logfile, program.stdout_logfile_maxbytes, program.stdout_logfile_backups) == (
        f"{where.logs}/monitor.log", 20 << 20, 20)


@pytest.mark.parametrize("value", HOSTILE)
def test_program_gets_exactly_its_arguments(tmp_path: Path, value: str) -> None:
    """Through supervisor's parser, its split into words, sh and the environment file."""
    where = paths(tmp_path)
    command = f"/usr/bin/printf '%s\\n' {quoting.for_sh(value)} last"
    Path(where.env_file).write_text(reveal(files.env_file(changed(SERVICE, variables={"X": value}))))
    program = parsed(tmp_path, files.program_file(changed(SERVICE, command=command), where))
    done = subprocess.run(_split(program.command), capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
    assert done.stdout.decode() == f"{value}\nlast\n"


@pytest.mark.parametrize("value", [value for value in HOSTILE if "/" not in value and value not in ("", "~")])
def test_directory_is_written_exactly_or_refused(tmp_path: Path, value: str) -> None:
    """A value that supervisord's format cannot hold is refused here, never cut short there."""
    where = paths(tmp_path, f"x{value}y")
    try:
        text = files.program_file(SERVICE, where)
    except Mistake:
        assert "%" in value or ";" in value or "#" in value
        return
    program = parsed(tmp_path, text)
    assert (program.directory, program.stdout_logfile) == (where.directory, f"{where.logs}/monitor.log")
    assert _split(program.command)[3] == where.env_file


@pytest.mark.parametrize("value", ["prod", "a b", "50%", "x;y", "x#y", "a,b=c", "it's", "ä", ""])
def test_run_mode_reaches_the_program_file_exactly(tmp_path: Path, value: str) -> None:
    program = parsed(tmp_path, files.program_file(changed(SERVICE, run_mode=value), paths(tmp_path)))
    assert program.environment == {"RUN_MODE": value}


@pytest.mark.parametrize("value", [*HOSTILE, "two\nlines\n", "\r\n", "\n", "a\rb", "x" * 100_000, "\x01\x1b[0m"])
def test_environment_file_gives_each_value_exactly_to_each_shell(tmp_path: Path, value: str) -> None:
    service = changed(SERVICE, secrets=("A", "C"), secret_values={"A": Secret(value), "C": Secret("after")},
                      variables={"B": value, "D": "the last"})
    (tmp_path / "env").write_bytes(reveal(files.env_file(service)).encode())
    script = '. "$0" && exec env -0'
    for shell in ("/bin/sh", "/bin/bash"):
        if not Path(shell).exists():
            continue
        done = subprocess.run([shell, "-c", script, str(tmp_path / "env")], capture_output=True, check=True, env={
            "PATH": "/usr/bin:/bin"})
        found = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
        assert [found[name] for name in "ABCD"] == [value, value, "after", "the last"]


@pytest.mark.parametrize(("fields", "path"), [
    ({}, "/login's/bin"), ({"variables": {"PATH": "/mine"}}, "/mine"),
    ({"secrets": ("PATH",), "secret_values": {"PATH": Secret("/secret")}}, "/secret")])
def test_environment_file_has_path_of_the_login_unless_hosts_yaml_sets_it(tmp_path: Path, fields: dict[str, Any],
                                                                         path: str) -> None:
    (tmp_path / "env").write_text(reveal(files.env_file(changed(SERVICE, **fields), "/login's/bin")))
    done = subprocess.run(["/bin/sh", "-c", '. "$0" && echo "$PATH"', str(tmp_path / "env")], capture_output=True,
                          text=True, check=True)
    assert done.stdout == f"{path}\n"


def test_variables_of_one_program_reach_it_alone_whatever_its_name(tmp_path: Path) -> None:
    names = ("esac", "in", "case", "a.b-c_d", "1")
    programs = tuple(replace(SERVICE.programs[0], name=name, variables={"WHO": name}) for name in names)
    (tmp_path / "env").write_text(reveal(files.env_file(replace(SERVICE, programs=programs))))
    for name in (*names, "other"):
        argv = ["/bin/sh", "-c", files.START_NAMED, str(tmp_path / "env"), name, "sh", "-c", 'echo "$WHO"']
        done = subprocess.run(argv, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True)
        assert done.stdout == ("\n" if name == "other" else f"{name}\n")


def test_environment_file_without_variables_is_valid(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(reveal(files.env_file(SERVICE)))
    assert subprocess.run(["/bin/sh", str(tmp_path / "env")], check=True, capture_output=True).stdout == b""


@pytest.mark.promise(7)
def test_program_file_holds_no_value_of_a_variable() -> None:
    assert "hunter2" not in files.program_file(changed(SERVICE, variables={"PASSWORD": "hunter2"}), PATHS)


@pytest.mark.parametrize("value", ["50%.log", "%%", "a%b%%c", "%s", "100 % sure"])
@pytest.mark.parametrize("option", ["stdout_logfile", "stderr_logfile"])
def test_percent_sign_in_a_log_path_stands_for_itself(tmp_path: Path, option: str, value: str) -> None:
    """supervisord expands these twice, and other options once."""
    path = str(tmp_path / value)
    service = changed(SERVICE, program={"redirect_stderr": "false", option: path})
    program = parsed(tmp_path, files.program_file(service, paths(tmp_path)))
    assert getattr(program, option) == path


def test_percent_sign_in_an_option_stands_for_itself(tmp_path: Path) -> None:
    service = changed(SERVICE, program={"serverurl": "http://x/%41?a=%s"})
    assert parsed(tmp_path, files.program_file(service, paths(tmp_path))).serverurl == "http://x/%41?a=%s"


@pytest.mark.parametrize("broken", ["./x 'unbalanced", 'a "b', "a\\"])
def test_command_that_cannot_be_split_is_refused(broken: str) -> None:
    with pytest.raises(Mistake, match="command"):
        files.program_file(changed(SERVICE, command=broken), PATHS)


@pytest.mark.parametrize("broken", ["a\nb", "a\rb"])
def test_line_break_in_a_program_file_is_refused(broken: str) -> None:
    with pytest.raises(Mistake, match="line break"):
        files.program_file(changed(SERVICE, run_mode=broken), PATHS)


def test_seconds_of_an_option_have_a_default() -> None:
    assert files.seconds(SERVICE.programs[0], "startsecs", 1) == 1
    assert files.seconds(changed(SERVICE, program={"startsecs": "5"}).programs[0], "startsecs", 1) == 5


def _split(command: str) -> list[str]:
    """supervisor.process.Subprocess.get_execv_args."""
    import shlex

    return shlex.split(command)


@pytest.mark.parametrize(("command", "words"), [
    ("./a --port=${PORT} '${TEXT}' $HOME", ["./a", "--port=80", "it's a \"b\" ; $c", "$HOME"]),
    ("sh -c 'exec ./a ${PORT} ${OTHER}'", ["sh", "-c", "exec ./a ${PORT} ${OTHER}"]),
    ("/usr/bin/env X=${PORT} bash -lc './a ${PORT}'", ["/usr/bin/env", "X=80", "bash", "-lc", "./a ${PORT}"])])
def test_variable_stays_in_its_word_of_the_command(tmp_path: Path, command: str, words: list[str]) -> None:
    service = changed(SERVICE, command=command, variables={"PORT": "80", "TEXT": "it's a \"b\" ; $c"})
    assert _split(parsed(tmp_path, files.program_file(service, paths(tmp_path))).command)[4:] == words


@pytest.mark.parametrize("numprocs", [1, 3])
def test_number_of_a_process_is_in_its_command_and_its_log(tmp_path: Path, numprocs: int) -> None:
    log = {"stdout_logfile": f"/tmp/50%-{quoting.PROCESS_NUMBER}.log"}
    service = changed(SERVICE, command="./a 80${PROCESS_NUM} 50% '${PROCESS_NUM} ; x'", numprocs=numprocs, program=log)
    last, number = parsed(tmp_path, files.program_file(service, paths(tmp_path))), numprocs - 1
    assert _split(last.command)[4:] == ["./a", f"80{number}", "50%", f"{number} ; x"]
    assert last.stdout_logfile == f"/tmp/50%-{number}.log"
