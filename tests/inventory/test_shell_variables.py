"""A variable arrives exactly, or its name is refused because a shell keeps it for itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from tasks.executor.system import shell
from tasks.inventory.rules.values import check_variable_name
from tasks.inventory.secret import reveal
from tasks.program import files
from tests.support.services import one_program

from .samples import mistakes_in, whole

SERVICE = one_program("monitor", "./monitor")
# What may stand as /bin/sh on a host.
SHELLS = sorted({str(Path(path).resolve()) for name in ("sh", "bash", "dash") if (path := shutil.which(name))})
# Of bash's manual, and what services are told by.
NAMES = {
    "BASH_COMPAT", "BASH_ENV", "BASH_REMATCH", "BASH_XTRACEFD", "CDPATH", "CHILD_MAX", "COLUMNS", "COMPREPLY",
    "COMP_CWORD", "COMP_LINE", "COMP_WORDS", "COPROC", "ENV", "EXECIGNORE", "FCEDIT", "FIGNORE", "FUNCNEST",
    "GLOBIGNORE", "HISTFILE", "HISTSIZE", "HOME", "HOST", "HOSTNAME", "HOSTTYPE", "IGNOREEOF", "INPUTRC", "LANG",
    "LC_ALL", "LC_CTYPE", "LINES", "LOGNAME", "LOG_LEVEL", "MACHTYPE", "MAIL", "MAILCHECK", "MAPFILE", "OPTARG",
    "OSTYPE", "PORT", "PROMPT_COMMAND", "PS0", "PS3", "REPLY", "SHELL", "TIMEFORMAT", "TMOUT", "TMPDIR", "USER",
    "GID", "USERNAME", "VALUE", "__", "A", "a_1",
}
VALUES = ["x", "1000", "/tmp", " 7", "-1", "a b\nc", ""]


def names_of(path: str) -> set[str]:
    """The variables that the shell itself sets, or knows of."""
    script = "set; export; readonly; compgen -v 2>/dev/null"
    done = subprocess.run(["sh", "-c", script], executable=path, env={"PATH": "/usr/bin:/bin"}, capture_output=True,
                          text=True, check=False)
    return set(re.findall(r"^(?:export |readonly |declare -\S+ )?([A-Za-z_]\w*)(?:=|$)", done.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def taken() -> list[str]:
    """Every name that we can think of, and that hosts.yaml takes."""
    known = NAMES.union(*map(names_of, SHELLS))
    names = sorted(name for name in known - {"PATH"} if not check_variable_name(name))
    assert {"PORT", "HOSTNAME", "LC_ALL"} <= set(names) and not {"UID", "PPID", "_", "PWD", "SHLVL"} & set(names)
    return names


def environment(output: bytes) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in output.decode().split("\0") if "=" in entry)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("path", SHELLS)
def test_program_gets_every_variable_whose_name_is_taken(tmp_path: Path, taken: list[str], path: str,
                                                         value: str) -> None:
    service = replace(SERVICE, variables=dict.fromkeys(taken, value))
    (tmp_path / "env").write_text(reveal(files.env_file(service)))
    done = subprocess.run(["sh", "-c", files.START, str(tmp_path / "env"), "/usr/bin/env", "-0"], executable=path,
                          env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    arrived = environment(done.stdout)
    assert {name: arrived.get(name) for name in taken} == dict.fromkeys(taken, value)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("argv", [shell.script(["/usr/bin/env -0"]), *(
    ["sh", "-e", "-c", "/bin/true\n/usr/bin/env -0", path] for path in SHELLS)], ids=["as builds run", *SHELLS])
def test_build_gets_every_variable_whose_name_is_taken(taken: list[str], argv: list[str], value: str) -> None:
    command, path = (argv, argv[0]) if argv[0] != "sh" else (argv[:-1], argv[-1])
    # An empty BASH_ENV or ENV names no file; others are looked for in vain.
    done = subprocess.run(command, executable=path, capture_output=True, check=True,
                          env={"PATH": "/usr/bin:/bin", **dict.fromkeys(taken, value)})
    arrived = environment(done.stdout)
    assert {name: arrived.get(name) for name in taken} == dict.fromkeys(taken, value)


@pytest.mark.parametrize("name", ["UID", "EUID", "PPID", "GROUPS", "SHLVL", "_", "BASHOPTS", "SHELLOPTS", "PWD",
                                  "OLDPWD", "IFS", "RANDOM", "SECONDS", "LINENO"])
def test_name_of_the_shell_is_refused_for_variables_and_secrets(tmp_path: Path, name: str) -> None:
    message = f"{name} belongs to the shell, which gives it a value of its own: take another name"
    assert mistakes_in(tmp_path, whole(host=f"variables: {{{name}: x}}")) == [
        f"environments.production.hosts.web1.variables.{name}: {message}"]
    assert mistakes_in(tmp_path, whole(service=f"secrets: [{name}]")) == [f"services.monitor.secrets[0]: {message}"]
