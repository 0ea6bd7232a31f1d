"""What a message tells to write is right there: whoever follows it gets no second message about the same place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks._errors import InventoryError
from tasks.inventory import serial
from tasks.inventory.loading import load

from .samples import mistakes_in, whole

M = "services.monitor."
D = "defaults."
P = "environments.production."
REPLACED = "is not replaced here: write out what it stands for; got "
SHELL = "services.monitor.command: "
QUOTE = "a text that begins with one of *&!%@` or holds ': ' stands in quotes"


@pytest.mark.promise(9)
@pytest.mark.parametrize(("part", "text", "expected"), [
    ("defaults", "user:", D + "user: expected text, got nothing; give it a value, or leave it out"),
    ("defaults", "user: ~", D + 'user: expected text, got ~, which YAML reads as nothing; quote it: "~"'),
    ("defaults", "port: 022", D + "port: YAML reads 022 as 18; write 22 or 18"),
    ("defaults", "lease: 1_000", D + "lease: YAML reads 1_000 as 1000; write 1000"),
    ("defaults", "branch: main", D + "branch: unknown key 'branch'; it is a key of an environment"),
    ("service", "variables: {A: }", M + 'variables.A: expected text or a whole number, got nothing; write "" for an '
     "empty text"),
    ("service", "requires: go.mod", M + "requires: expected a list, got the text 'go.mod'; write [go.mod]"),
    ("service", "shared: 'a: b'", M + "shared: expected a list, got the text 'a: b'"),
    ("service", "startsecs: 3", M + "startsecs: unknown key 'startsecs'; it is an option of `program`: {startsecs: …}"),
    ("service", "user: ann", M + "user: unknown key 'user'; it is an option of `program`: {user: …}"),
    ("service", "branch: main", M + "branch: unknown key 'branch'; it is a key of an environment"),
    ("service", "port: 22", M + "port: unknown key 'port'; it is a key of a host"),
    ("service", "directory: micro/${RUN_MODE}", M + "directory: ${RUN_MODE} " + REPLACED + "'micro/${RUN_MODE}'"),
    ("environment", "build: make", P + "build: unknown key 'build'; it is a key of a service"),
    ("environment", "services: {monitor: {repo: }}", P + "services.monitor.repo: expected text, got nothing; give it a "
     "value"),
    ("environment", "serial: [[1]]", P + f"serial[0]: {serial.EXPECTED}; got [1]"),
    ("environment", "notify: x", P + "notify: expected a list or a mapping, got the text 'x'"),
    ("environment", "services: [{monitor: {build: make}}]", P + "services[0]: expected text, got a mapping; where "
     "names have settings, services is a mapping: NAME: {…}"),
    ("host", "root: /srv/${NAME}", P + "hosts.web1.root: ${NAME} " + REPLACED + "'/srv/${NAME}'"),
    ("host", "identity_file: $HOME/key", P + "hosts.web1.identity_file: $HOME " + REPLACED + "'$HOME/key'"),
])
def test_message_says_how_to_write_it(tmp_path: Path, part: str, text: str, expected: str) -> None:
    assert mistakes_in(tmp_path, whole(**{part: text})) == [expected]


@pytest.mark.promise(9)
@pytest.mark.parametrize(("text", "expected"), [
    ("services: {secrets: api}", "services.secrets: expected a mapping"),
    ("services: {hosts: api}", "services.hosts: expected a mapping, got the text 'api'"),
    ("services: {on: }", "services.on: expected a mapping, got nothing; give it a value, or leave it out"),
    ("services: {variables: {directory: }}", "services.variables.directory: expected text, got nothing; give it a "
     "value, or leave it out"),
    ("services: {program: {directory: 7}}", 'services.program.directory: expected text, got 7, a number; quote it: '
     '"7"'),
    ("services: {a: {programs: {secrets: 7}}}", "services.a.programs.secrets: expected a mapping"),
    ("environments: {secrets: 7}", "environments.secrets: expected a mapping"),
    ("environments: {hosts: {hosts: api}}", "environments.hosts.hosts: expected a list or a mapping, got the text 'api'"
     "; write [api]"),
    ("environments: {hosts: {hosts: {hosts: api}}}", "environments.hosts.hosts.hosts: expected a mapping, got the text "
     "'api'"),
])
def test_name_that_reads_like_a_key_is_a_name(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in mistakes_in(tmp_path, text)


@pytest.mark.promise(9)
def test_misspelt_key_is_not_missing_too(tmp_path: Path) -> None:
    messages = mistakes_in(tmp_path, whole().replace("services:", "service:").replace("environments:", "Environments:"))
    assert messages == ["service: unknown key 'service'; did you mean 'services'?",
                        "Environments: unknown key 'Environments'; did you mean 'environments'?"]


@pytest.mark.promise(9)
@pytest.mark.parametrize(("command", "remedy"), [
    ("./a $PORT", "$PORT is replaced by a shell only: write ${PORT} for one of `variables`, or sh -c './a $PORT'"),
    ('./a "$PORT"', "$PORT is replaced by a shell only"),
    ("exec ./a", "needs a shell for `exec` in front: write sh -c 'exec ./a'"),
    (". venv/bin/activate", "needs a shell for `.` in front"), ("cd backend", "needs a shell for `cd` in front"),
    ("./a ${PORT:-1}", "${PORT:-1} is replaced by a shell only: write sh -c './a ${PORT:-1}'"),
    ("./a ${NAME%.*}", "${NAME%.*} is replaced by a shell only"),
    ("(./a)", "needs a shell for `(` in front: write sh -c '(./a)'"),
    ("~/bin/a", "cannot begin with `~`, which only a shell replaces: write the whole path"),
])
def test_command_for_a_shell_is_refused_with_what_to_write(tmp_path: Path, command: str, remedy: str) -> None:
    [message] = mistakes_in(tmp_path, whole().replace("./monitor", f"'{command}'"))
    assert message.startswith(SHELL + remedy)


@pytest.mark.parametrize("command", [
    'sh -c "./a $PORT"', "/bin/bash -ec 'exec ./a $PORT'", "awk '{print $1}'", "./a '$PORT'", "./a '${PORT:-1}'",
    r"./a \$PORT", "./a 5$", "./.hidden", "./cd", "java -Dlog=${sys:log.dir:-/tmp} ${server.port}"])
def test_dollar_that_no_shell_would_replace_is_taken(tmp_path: Path, command: str) -> None:
    (tmp_path / "hosts.yaml").write_text(whole().replace("./monitor", f"|\n      {command}"))
    load(tmp_path / "hosts.yaml")


@pytest.mark.promise(9)
@pytest.mark.parametrize(("line", "hint"), [
    ("    build: *.sh", QUOTE), ("    build: %x", QUOTE), ("    build: @x", QUOTE), ("    build: `x`", QUOTE),
    ("    build: echo: hi: x", QUOTE), ("    repo:x\n    build: y", "a space follows the ':' of a key"),
    ("\tbuild: x", "indent with spaces"),
])
def test_broken_yaml_is_refused_with_what_is_mostly_meant(tmp_path: Path, line: str, hint: str) -> None:
    (tmp_path / "hosts.yaml").write_text("services:\n  a:\n" + line + "\n")
    with pytest.raises(InventoryError) as caught:
        load(tmp_path / "hosts.yaml")
    assert hint in caught.value.hint and caught.value.problems[0].line >= 3
