"""The parts of a supervisord.conf that the executor reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.executor import errors
from tasks.executor.supervisor import program_sections, quoted_text
from tasks.executor.supervisor import supervisord_conf as configurations
from tasks.executor.supervisor.supervisord_access import SupervisordAccess

CONF = """[unix_http_server]
file = %(here)s/s.sock      ; a comment
username = u
password = p%%w
[supervisord]
[include]
files = conf.d/*.conf micro/*/*.ini
"""


def conf(folder: Path, text: str = CONF, **env: str) -> configurations.SupervisordConf:
    (folder / "supervisord.conf").write_text(text)
    return configurations.SupervisordConf(str(folder / "supervisord.conf"), env)


def test_supervisord_conf_gives_socket_credentials_and_includes(tmp_path: Path) -> None:
    found = conf(tmp_path)
    assert found.socket() == f"{tmp_path}/s.sock"
    assert found.credentials() == ("u", "p%w")
    (tmp_path / "micro/a").mkdir(parents=True)
    for path, so in (("conf.d/x.conf", True), ("conf.d/x.ini", False), ("micro/a/x.ini", True), ("conf.d/.x", False),
                     ("other/x.conf", False)):
        assert found.configuration().includes(str(tmp_path / path)) is so, path


@pytest.mark.parametrize(("pattern", "ending"), [
    ("*.conf", ".conf"), ("*.ini", ".ini"), ("*", ""), ("*.conf.enabled", ".conf.enabled"), ("*.[ci]*", ".conf"),
    ("*.co?f", ".conf"), ("*conf", ".conf"), ("*-live.conf", "-live.conf"), ("web*.ini", ".ini"),
    ("shop.conf", ".conf"), ("[a-z]*.cfg", ".cfg"), ("?*", "")])
def test_program_file_ends_so_that_the_pattern_takes_it_in(tmp_path: Path, pattern: str, ending: str) -> None:
    """Never with a wildcard: the hint to include such a name would lead in a circle."""
    (tmp_path / "conf.d").mkdir()
    found = conf(tmp_path, f"[supervisord]\n[include]\nfiles = conf.d/{pattern}\n")
    assert found.ending(str(tmp_path / "conf.d")) == ending


def test_file_that_cannot_be_read_for_another_reason_than_its_rights_asks_for_no_sudo(tmp_path: Path) -> None:
    with pytest.raises(errors.NotReady) as raised:
        configurations.parse(str(tmp_path))
    assert raised.value.message == f"cannot read {tmp_path}: Is a directory"
    assert raised.value.hint == "correct `supervisord_conf` in hosts.yaml"


def test_password_is_that_of_supervisorctl_where_supervisord_has_its_digest_only(tmp_path: Path) -> None:
    """Supervisor's manual: `password` of [unix_http_server] may be a {SHA}, that of [supervisorctl] may not."""
    digest = CONF.replace("p%%w", "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d")
    assert conf(tmp_path, digest + "[supervisorctl]\nusername = u\npassword = p%%w\n").credentials() == ("u", "p%w")
    assert conf(tmp_path, digest).credentials() is None


@pytest.mark.parametrize(("text", "path"), [
    ("[unix_http_server]\nfile=%(ENV_RUN)s/s.sock\n", "/run/x/s.sock"),
    ("[unix_http_server]\nfile=rel.sock\n", "HERE/rel.sock"),
    ("[unix_http_server]\nfile=~/s.sock\n", "HOME/s.sock"),
    ("[supervisorctl]\nserverurl=unix:///a/b.sock\n", "/a/b.sock")])
def test_socket_path_is_expanded_as_supervisord_does(tmp_path: Path, text: str, path: str) -> None:
    expected = path.replace("HERE", str(tmp_path)).replace("HOME", os.path.expanduser("~"))
    assert conf(tmp_path, text, RUN="/run/x").socket() == expected


@pytest.mark.parametrize("text", ["[unix_http_server]\nfile=%(ENV_NONE)s/s\n", "[unix_http_server]\nfile=50%\n",
                                  "[inet_http_server]\nport=9001\n", "no section\n", ""])
def test_unusable_supervisord_conf_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(errors.NotReady, match=r"supervisord\.conf"):
        conf(tmp_path, text).socket()


@pytest.mark.parametrize(("text", "line"), [
    ("[program:a]\n", 1), ("\n; [program:a]\n  [group:a]\nprograms=x\n", 3), ("[program:ab]\n[program:b]\n", None),
    ("[eventlistener:a]\n", 1), ("[program: a]\n", 1), ("[program:\ta  ] ; x\n", 1), ("[program:A]\n", None),
    ("[Program:a]\n", None), ("[x]\ny=1\n  [program:a]\n", None), (";[program:a]\n", None)])
def test_definition_in_another_file_is_found_with_its_line(tmp_path: Path, text: str, line: int | None) -> None:
    """As supervisor reads sections: with blanks around the name, which counts by its case."""
    (tmp_path / "conf.d").mkdir()
    own = tmp_path / "conf.d/a.conf"
    own.write_text("[program:a]\n")
    stranger = tmp_path / "conf.d/b.conf"
    stranger.write_text(text)
    definitions = conf(tmp_path).configuration().definitions
    others = [found for found in definitions if found.name == "a" and found.path != str(own)]
    assert [(found.path, found.line) for found in others] == ([(str(stranger), line)] if line else [])


def test_program_with_a_socket_is_a_program(tmp_path: Path) -> None:
    text = "[fcgi-program: web]\ncommand=w\nsocket=unix:///run/%(program_name)s.sock\n[program:job]\ncommand=j\n"
    assert configurations.programs_in(text) == ["web", "job"]
    assert configurations.options(text, "web") == {"command": "w", "socket": "unix:///run/%(program_name)s.sock"}
    (tmp_path / "x.conf").write_text(text)
    web, job = program_sections.programs(configurations.read_file(str(tmp_path / "x.conf"))[0], {})
    assert (web.definition.name, web.options["socket"], job.definition.name) == ("web", "unix:///run/web.sock", "job")


@pytest.mark.parametrize(("first", "command"), [("; Written by Fabvisor for web", "./web"), ("; by hand", "")])
def test_command_is_told_of_a_program_file_of_ours_alone(tmp_path: Path, first: str, command: str) -> None:
    """A command that somebody wrote may hold a secret."""
    (tmp_path / "x.conf").write_text(f"{first}\n[program:web]\ncommand=./web\n")
    [definition] = configurations.read_file(str(tmp_path / "x.conf"))[0]
    assert definition.command == command


def test_commands_that_somebody_types_are_of_the_supervisord_that_is_there(tmp_path: Path) -> None:
    debian = SupervisordAccess("/etc/supervisor/supervisord.conf", "/etc/supervisor/conf.d", {})
    debian.prefix = "sudo "
    assert debian.start_command == "sudo service supervisor start"
    red_hat = SupervisordAccess("/etc/supervisord.conf", "/etc/supervisord.d", {})
    assert red_hat.start_command == "service supervisord start"
    assert debian.supervisorctl == "sudo supervisorctl -c /etc/supervisor/supervisord.conf"
    own = SupervisordAccess(f"{tmp_path}/supervisord.conf", f"{tmp_path}/conf.d", {})
    assert own.start_command == f"supervisord -c {tmp_path}/supervisord.conf"
    (tmp_path / ".supervisor/bin").mkdir(parents=True)
    (tmp_path / ".supervisor/bin/supervisord").touch(mode=0o755)
    assert own.start_command == f"{tmp_path}/.supervisor/bin/supervisord -c {tmp_path}/supervisord.conf"


def test_file_of_many_programs_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each verb that asks for its programs. It was read for each program: a thousand took minutes."""
    (tmp_path / "x.conf").write_text("".join(f"[program:p{number}]\ncommand=c\nenvironment=A={number}\n"
                                             for number in range(9)))
    found = configurations.read_file(str(tmp_path / "x.conf"))[0]
    read: list[str] = []
    monkeypatch.setattr(program_sections, "parse", lambda path: read.append(path) or configurations.parse(path))
    assert [program.variables for program in program_sections.programs(found, {})] == [{"A": str(n)} for n in range(9)]
    assert program_sections.variable_names(found)["p8"] == {"A"} and len(read) == 2


def test_each_file_of_the_configuration_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that tell nothing: what cannot be read, and what is not UTF-8."""
    read = conf(tmp_path)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.conf").write_text("[program: a]\ncommand=true\n[eventlistener:b]\ncommand=true\n")
    (tmp_path / "conf.d/b.conf").write_text("command=true\n")
    (tmp_path / "conf.d/c.conf").write_bytes(b"[program:c]\ncommand=\xff\n")
    parsed: list[str] = []
    parse = configurations.parse
    monkeypatch.setattr(configurations, "parse", lambda path: (parsed.append(path), parse(path))[1])
    found = read.configuration()
    assert [(each.name, each.line) for each in found.definitions] == [("a", 1), ("b", 3), ("c", 1)]
    assert [problem.partition(" ")[0] for problem in found.problems] == [
        str(tmp_path / "conf.d" / name) for name in ("b.conf", "c.conf")]
    assert len(parsed) == len(set(parsed)) == 4


@pytest.mark.parametrize("message", [
    """Format string 'PW="hush%x"' for 'environment' is badly formatted: %x format in section 'program:o'""",
    """Format string "A='b',PW=hush%" for 'supervisord.environment' is badly formatted: incomplete format""",
    """Format string 'hush%' for 'unix_http_server.password' is badly formatted: incomplete format""",
    "Unexpected end of key/value pairs in value 'A='b',PW=hush@x' in section 'program:o' (file: '/o')",
    "Unexpected end of key/value pairs in value 'PW=hush@x')",
    "File contains no section headers.\nfile: '/o', line: 1\n'PW=hush\\n'",
    "Source contains parsing errors: '/o'\n\t[line  3]: 'hush\\n'\n\t[line  4]: \"hush'\\n\""])
def test_error_hides_what_it_quotes_of_a_configuration_file(message: str) -> None:
    hidden = quoted_text.hide(message)
    assert "hush" not in hidden and "***" in hidden


def test_error_names_no_variable_of_supervisord_but_the_missing_one() -> None:
    words = "Format string 'x %(ENV_NO)s' for 'program:o.command' contains names ('ENV_NO') which cannot be expanded"
    where = " in section 'program:o' (file: '/o')"
    assert quoted_text.hide(f"{words}. Available names: ENV_A, here{where}") == words + where


def test_file_that_cannot_be_parsed_shows_no_line_of_itself(tmp_path: Path) -> None:
    conf(tmp_path)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/o.conf").write_text("PASSWORD=hush\n")
    (problem,) = configurations.SupervisordConf(str(tmp_path / "supervisord.conf"), {}).configuration().problems
    assert "line: 1" in problem and "hush" not in problem
