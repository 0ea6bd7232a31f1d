"""A command line that nobody can read: one line says what is wrong with it, another what to type; exit code 2."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any

import fabric.main
import pytest
from invoke.collection import Collection
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.tasks import Task, task

from tasks import _wrong_words, on_hosts
from tasks._fabric_program import FabricProgram
from tasks.program.quoting import for_sh
from tasks.reports.reporters import Reporters
from tasks.run import run
from tests.test_fabric_options import HOSTS, ROOT, fab


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("branch: main,", "branch: main, confirm: true,"))
    (tmp_path / "files.yaml").write_text(HOSTS.replace("command: c", "command: c, files: {a: absent}"))
    return tmp_path


def test_options_of_run_end_the_command_that_is_not_quoted() -> None:
    """Also where Invoke has not said which options `run` has."""
    options = {*ParserContext("run", args=run.get_arguments()).flags, "-e"}
    assert {*_wrong_words.RUN_OPTIONS} == options - {"--command-line"}


@pytest.mark.promise(9)
@pytest.mark.parametrize(("words", "expected"), [
    (["deplyo", "api"], "there is no command 'deplyo'; did you mean 'deploy'?"),
    (["deploy", "api", "mailer"], "fab deploy api,mailer"),
], ids=["a command", "a service"])
def test_wrong_command_line_ends_with_2_and_a_remedy(folder: Path, words: list[str], expected: str) -> None:
    done = fab(folder, "./fab", *words)
    assert done.returncode == 2, done
    assert expected in done.stderr and "hint:  " in done.stderr and "Traceback" not in done.stderr


GIVEN_TWICE = ("--revision is given twice", "leave out one --revision")
NEAR = "deploy has no option --revison; did you mean '--revision'?"
QUOTED = "run takes its command as one word"
NO_COMMAND = "ssh opens a shell, and takes no command"
REVISION = "did you mean '--revision'?"
EMPTY = "or leave it out; is a variable of your script unset?"


@pytest.mark.promise(9)
@pytest.mark.parametrize(("words", "message", "hint"), [
    (["deploy", "--revison", "v1", "api"], NEAR, "fab --help deploy"),
    (["deploy", "api", "--revison", "v1"], NEAR, "fab --help deploy"),
    (["stop", "all"], "asks before anything changes", "fab stop … --yes"),
    (["status", "api"], "status does not take the word 'api'", "a service is --service api; fab --help status"),
    (["status", "--env"], "--env needs a value", "--env VALUE"),
    (["-e", "production", "status"], "-e before the command is Fabric's own", "fab COMMAND -e production"),
    (["-e", "test", "--promises"], "-e/--echo before a command is Fabric's own", "-e NAME, or --env NAME"),
    (["-e", "status"], "-e/--echo before a command is Fabric's own", "-e NAME, or --env NAME"),
    (["--help", "deplyo"], "did you mean 'deploy'?", "fab --list"),
    (["--nothing", "status"], "there is no option --nothing before the command", "fab COMMAND OPTIONS"),
    (["deploy", "api", "-r", "v1", "--revision", "v2"], *GIVEN_TWICE),
    (["deploy", "api", "--revision=v1", "--revision=v2"], *GIVEN_TWICE),
    (["history", "api", "-n3", "-n4"], "-n is given twice", "leave out one -n"),
    (["deploy", "api", "--host", "a", "--host", "b"], "--host is given twice", "comma list: --host A,B"),
    (["run", "ls", "--timeout", "5", "--timeout", "6"], "--timeout is given twice", "leave out one --timeout"),
    (["run", "grep", "-e", "a", "-e", "b c"], "-e is given twice", "leave out one -e; if it is of the command, quote"
     " that: fab run " + for_sh("grep -e a -e 'b c'")),
    (["run", "grep", "-e", "a", "file"], QUOTED, "quote it: fab run 'grep -e a file'"),
    (["deploy", "api", "--host", "web1", "--host", "status"], "--host is given twice", "--host A,B"),
    (["deploy", "--env", "test", "--env", "api"], "--env is given twice", "leave out one --env"),
    (["history", "api", "-n3", "--lines", "check"], "--lines is given twice", "leave out one --lines"),
    (["history", "api", "-n", "3", "3"], "history takes one word for its services", "--env or --host"),
    (["deploy", "api", "--force=yes"], "--force takes no value", "type it alone"),
    (["deploy", "api", "--yes=no", "mailer"], "--yes takes no value", "type it alone"),
    (["rollback", "api", "v1"], "several are a comma list", "fab rollback api,v1; if it is no service, put what it is "
     "before it: --to, --env or --host"),
    (["rollback", "api", "--revision", "v1"], "did you mean '--to'?", "fab --help rollback"),
    (["deploy", "api", "--branch", "v1"], REVISION, "fab --help deploy"),
    (["deploy", "api", "--limit", "web1"], "did you mean '--host'?", "fab --help deploy"),
    (["deploy", "api", "--environment", "x"], "did you mean '--env'?", "fab --help deploy"),
    (["deploy", "api", "--lines", "3"], "deploy has no option --lines\n", "fab --help deploy"),
    (["recover", "api", "--yes"], "recover has no option --yes\n", "fab --help recover"),
    (["deploy", "api", "--dry-run"], "deploy has no option --dry-run\n", "fab plan"),
    (["deploy", "--", "api"], "nothing may stand behind --", "leave the -- out"),
    (["run", "--", "ls", "-la"], "nothing may stand behind --", "fab run 'ls -la'"),
    (["run", "ls", "-la"], QUOTED, "fab run 'ls -la'"), (["run", "ls", "-l"], QUOTED, "fab run 'ls -l'"),
    (["run", "df", "-h", "--service", "api"], QUOTED, "fab run 'df -h'"),
    (["run", "systemctl", "stop", "all"], QUOTED, "fab run 'systemctl stop all'"),
    (["run", "ls", "status", "--env", "test"], QUOTED, "fab run 'ls status'"),
    (["run", "./manage.py", "check", "--once"], QUOTED, "fab run './manage.py check'"),
    (["ssh", "web1", "status"], NO_COMMAND, "fab run 'COMMAND' --host web1"),
    (["ssh", "web1", "uptime"], NO_COMMAND, "fab run 'COMMAND' --host web1"),
    (["run", "--env", "production", "df", "-la"], QUOTED, "fab run 'COMMAND'"),
    (["run", "tail", "-f", "x"], QUOTED, "fab run 'tail -f x'"), (["run", "ps", "aux"], QUOTED, "fab run 'ps aux'"),
    (["deploy", "api", "-l"], "-l/--list stands alone", "fab --list"),
    (["deploy", "api", "-V"], "-V/--version stands alone", "--revision REVISION"),
    (["deploy", "api", "-d"], "-d/--debug is Fabric's own", "--verbose"),
    (["deploy", "api", "-f"], "-f/--config is Fabric's own", "--force, --format and --follow are spelled out"),
    (["deploy", "api", "-t"], "-t/--connect-timeout is Fabric's own", "connect_timeout"),
    (["deploy", "api", "-c"], "-c/--collection is Fabric's own", "--revision REVISION"),
    (["deploy", "api", "--host", ""], "--host is empty", EMPTY), (["deploy", "api", "--env="], "--env is empty", EMPTY),
    (["rollback", "api", "--to", ""], "--to is empty", EMPTY), (["config", "api", "--diff", ""], "--diff is", EMPTY),
    (["run", "ls", "--service", ""], "--service is empty", EMPTY), (["ci.init", "api", "--for", ""], "--for is", EMPTY),
    (["run", "ls", "--timeout", "0"], "expected a number of seconds, 1 or more; got '0'", "--timeout 30"),
    (["history", "api", "--lines", "0"], "expected a whole number, 1 or more; got '0'", "--lines 30"),
    (["logs", "api", "--lines", "-1"], "expected a whole number, 0 or more; got '-1'", "--lines 30"),
    (["logs", "api", "--lines", "9" * 30], "999999999 or less; got '9999", "--lines 30"),
    (["logs", "api", "-fnx"], "--lines: expected a whole number, 0 or more; got 'x'", "--lines 30"),
    (["logs", "status", "-fnx"], "--lines: expected a whole number, 0 or more; got 'x'", "--lines 30"),
    (["logs", "api", "-fn", "x"], "--lines: expected a whole number, 0 or more; got 'x'", "--lines 30"),
    (["logs", "api", "--grep", "-fn("], "--grep '-fn('", "a regular expression"),
    (["deploy", "api", "--serial", "[1,50%"], "got '[1'", "--serial 1,50%"),
    (["deploy", "api", "--format", ""], "--format '': no such format", "choose one of"),
    (["deploy", "api", "--artifact", "no.tar.gz"], "there is no file no.tar.gz\n", "tar -czf"),
    (["deploy", "api", "--junit", "hosts.yaml"], "that is hosts.yaml itself, which would be lost", "--junit ANO"),
    (["deploy", "api", "--junit", "a", "--dotenv", "./a"], "./a: that is the file of --junit", "--dotenv ANOTHER"),
    (["status", "--format", "html", "--output", "hosts.yaml"], "that is hosts.yaml itself", "--output ANOTHER"),
    (["check", "--inventory", "files.yaml"], "there is no file absent beside files.yaml", "correct files.yaml"),
    (["deploy", "api", "-r", "HEAD"], "HEAD is another commit in each clone", "--revision . is"),
    (["deploy", "api", "-r", "refs/heads/main"], "expected the name alone, 'main', got", "give a commit, a branch"),
    (["check", "--env", "nowhere"], "--env names 'nowhere', but hosts.yaml has no", "environments: test"),
    (["ci.init", "api", "--project", "https://git.example.com/a.git"], "that is no path of a project", "such as"),
    (["ci.init", "api", "--tool-ref", "v2"], "--tool-ref is of the project of --tool", "--ref is that of --project"),
    (["ssh"], "no host was named", "name one of web1"),
    (["a'b"], "there is no command \"a'b\"\n", "fab --list"),
    (["a\x1b[31mb"], "there is no command 'a\\x1b[31mb'\n", "fab --list"),
    (["deploy", "--x\x1b[31mb"], "deploy has no option '--x\\x1b[31mb'\n", "fab --help deploy"),
    (["deploy", "x" * 5000], "there is no service 'xxx", "services in test: api"),
], ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "")
def test_wrong_word_is_named_with_what_to_type(
        folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str],
        message: str, hint: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    with pytest.raises(SystemExit) as ended:
        program.run(["fab", f"--search-root={ROOT}", *words])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and message in said
    assert hint in said.partition("\nhint:  ")[2]
    assert len(said) < 400


def test_wrong_word_is_explained_in_lines_that_fit_a_terminal(
        folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    with pytest.raises(SystemExit):
        program.run(["fab", f"--search-root={ROOT}", "deploy", "api", "mailer"])
    assert capsys.readouterr().err == (
        "error: deploy takes one word for its services: several are a\n"
        "       comma list\n"
        "hint:  fab deploy api,mailer; if it is no service, put what\n"
        "       it is before it: --revision, --env or --host\n")


def test_check_counts_what_hosts_yaml_has_and_the_hosts_of_the_sandbox(
        folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    for environment, expected in (("hosts: [web1]", "1 environment, 1 host, 1 service"),
                                  ("sandbox: true", "1 environment, 2 hosts, 1 service")):
        (folder / "hosts.yaml").write_text(
            "default_environment: test\nservices: {api: {repo: r, command: c}}\n"
            f"environments: {{test: {{branch: main, root: /srv, {environment}}}}}\n")
        monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
        with contextlib.suppress(SystemExit):
            program.run(["fab", f"--search-root={ROOT}", "check", "--format", "plain"])
        assert capsys.readouterr().out.rstrip().endswith(f"has no mistake: {expected}")


@pytest.fixture
def own_tasks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FabricProgram:
    """fab with one task of a team's own, by two names."""
    @on_hosts()
    def migrate(c: object) -> None:
        raise AssertionError("a host was contacted")

    own = Collection(db=Collection(migrate))
    own.add_task(migrate, name="move")  # type: ignore[no-untyped-call]
    monkeypatch.chdir(folder)
    monkeypatch.setattr(FabricProgram, "load_collection", lambda self: setattr(self, "collection", own))
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    return program


@pytest.mark.promise(9)
@pytest.mark.parametrize("name", ["move", "db.migrate"])
def test_own_task_takes_no_empty_host_for_all_hosts_whatever_its_name(
        own_tasks: FabricProgram, capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        own_tasks.run(["fab", name, "--host="])
    assert (ended.value.code, "--host is empty" in capsys.readouterr().err) == (2, True)


def test_own_task_asks_where_the_environment_says_so(own_tasks: FabricProgram, capsys: pytest.CaptureFixture[str]
                                                     ) -> None:
    with pytest.raises(SystemExit) as ended:
        own_tasks.run(["fab", "move"])
    assert (ended.value.code, "asks before anything changes" in capsys.readouterr().err) == (2, True)


def test_own_task_that_nobody_agrees_to_contacts_no_host(own_tasks: FabricProgram, monkeypatch: pytest.MonkeyPatch
                                                         ) -> None:
    monkeypatch.setattr(Reporters, "attended", True)
    monkeypatch.setattr(Reporters, "ask", lambda self, question: question != "migrate on test?")
    with pytest.raises(SystemExit) as ended:
        own_tasks.run(["fab", "move"])
    assert ended.value.code == 130


@pytest.mark.parametrize("words", [["run", "true"], ["stop", "all"], ["remove", "api"]], ids=" ".join)
def test_command_that_nobody_agrees_to_contacts_no_host(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                                        words: list[str]) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    monkeypatch.setattr(Reporters, "attended", True)
    monkeypatch.setattr(Reporters, "ask", lambda self, question: question != f"{words[0]} on test?")
    with pytest.raises(SystemExit) as ended:
        program.run(["fab", f"--search-root={ROOT}", *words])
    assert ended.value.code == 130


@pytest.mark.parametrize("words", [
    ["config.schema", "--env", "x", "--host", "web9"], ["config.schema", "--inventory", "absent.yaml"],
    ["ci.init", "api", "--env", "x", "--host", "web9"], ["check", "--host", "web9"],
], ids=" ".join)
def test_shared_option_that_chooses_nothing_is_taken_by_each_command(
        folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """A script gives --inventory, --env and --host to every command."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    program.run(["fab", f"--search-root={ROOT}", *words])           # a refusal is a SystemExit
    assert capsys.readouterr().out


def test_only_the_command_on_the_line_gets_its_options_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = Task.get_arguments

    def get_arguments(task: Task[Any], ignore_unknown_help: bool | None = None) -> list[Argument]:
        made.append(task.name)
        return make(task, ignore_unknown_help)

    monkeypatch.setattr(Task, "get_arguments", get_arguments)
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    program.run(["fab", f"--search-root={ROOT}", "config.schema"])
    assert made == ["schema"]


def test_empty_values_of_the_template_mean_what_hosts_yaml_says(folder: Path) -> None:
    done = fab(folder, "./fab", "plan", "api", "--fetch", "", "--revision", "", "--artifact", "", "--host", "web2")
    assert done.returncode == 2 and "no host of test matches 'web2'" in done.stderr


@pytest.mark.parametrize("command", ["deploy", "status"])
def test_help_of_a_command_explains_each_option(folder: Path, command: str) -> None:
    """Before and behind the command; deploy needs a word more than status, and is parsed twice."""
    done = fab(folder, "./fab", command, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"Usage: fab {command} ")
    options = re.findall(r"^  (-\S.*?)(?:  +(\S.*))?$", done.stdout, re.MULTILINE)
    assert len(options) > 5 and all(words for _, words in options), done.stdout
    assert fab(folder, "./fab", "--help", command).stdout == done.stdout


@pytest.mark.parametrize("words", [["--help"], ["deploy", "--help"]], ids=" ".join)
def test_help_fits_a_narrow_terminal(folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    lines = fab(folder, "./fab", *words).stdout.splitlines()
    assert len(lines) > 20 and max(map(len, lines)) <= 64


def test_help_without_a_command_begins_with_our_own(folder: Path) -> None:
    done = fab(folder, "./fab", "--help")
    assert done.returncode == 0 and "--hosts" not in done.stdout
    assert done.stdout.index("  deploy ") < done.stdout.index("  --env ")


def test_second_word_for_a_task_that_invoke_made_is_named() -> None:
    @task
    def mine(context: object, service: str) -> None: ...

    (context,) = Collection(mine).to_contexts()
    assert "mine does not take the word 'b'" in _wrong_words._too_many("b", context)


@pytest.mark.parametrize(("line", "words"), [
    ("@on_hosts\ndef own(c): ...", "parentheses are missing: @on_hosts()"),
    ("@on_hosts()\ndef own(): ...", "own takes no connection: def own(c)"),
    ("@on_hosts()\ndef own(c, *, x=1, **more): ...", "own has **more: write out each of its options"),
    ("@on_hosts()\nasync def own(c): ...", "a call of own runs nothing, for it has `async` or `yield`"),
    ("@on_hosts()\ndef own(c): yield", "a call of own runs nothing, for it has `async` or `yield`")])
def test_function_that_cannot_be_called_for_a_host_makes_no_task(line: str, words: str) -> None:
    with pytest.raises(TypeError) as refused:
        exec(line, {"on_hosts": on_hosts})
    assert str(refused.value).startswith(f"on_hosts: {words}")


def test_own_task_may_have_options_that_are_named_only() -> None:
    @on_hosts()
    def own(c: object, *, how: str = "fast", what: str) -> None: ...

    (context,) = Collection(own).to_contexts()
    assert {"--how", "--what", "--host"} <= {*context.flags}
    assert [argument.name for argument in context.positional_args] == ["what"]


@pytest.mark.promise(9)
@pytest.mark.parametrize("place", ["fabfile.py", "fabfile/__init__.py", "other.py"])
@pytest.mark.parametrize(("fabfile", "helper", "expected"), [
    ("def broken(:\n", "", "{place}:1: SyntaxError: "),
    ("\n\nimport absent_module\n", "", "{place}:3: ModuleNotFoundError: "),
    ("import helper\n", "import json\njson.loads('{{')\n", "helper.py:2: JSONDecodeError: "),
    ("from tasks import on_hosts\n@on_hosts()\ndef own(c, env=''): pass\n", "",
     "{place}:2: TypeError: on_hosts: each command has an option --env; own cannot have its own"),
    ("", "", "the fabfile has: from fabvisor import namespace"),
], ids=["syntax", "import", "module beside it", "option that every command has", "empty"])
def test_fabfile_that_cannot_be_used_is_a_mistake_with_its_line(
        folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str, fabfile: str,
        helper: str, expected: str) -> None:
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(fabfile)
    (path.parent / "helper.py").write_text(helper)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("fabfile", "helper", "other"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    with pytest.raises(SystemExit) as ended:
        program.run(["fab", *(["-c", "other"] if path.stem == "other" else []), "check"])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and expected.format(place=place) in said and "\nhint:  " in said


def test_fabfile_that_nobody_can_look_for_is_a_mistake_without_a_line(
        folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").touch()
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    with pytest.raises(SystemExit) as ended:
        program.run(["fab", f"--search-root={folder}/file", "check"])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "the fabfile cannot be loaded: NotADirectoryError: " in said
