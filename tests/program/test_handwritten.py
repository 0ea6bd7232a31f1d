"""The settings that a deploy over a handwritten program file would lose."""

from __future__ import annotations

import pytest

from tasks.program import files, handwritten
from tests.rollout.samples import SERVICE
from tests.support.services import changed

PATH = "/r/conf.d/monitor.conf"
NEW = files.program_file(SERVICE, files.Paths(directory="/r/d", env_file="/r/e", logs="/r/d/logs"))


@pytest.mark.parametrize(("options", "names"), [
    ("", []),
    ("user=www-data\numask=027", ["umask", "user"]),
    ("environment=A=\"x,y\",RUN_MODE='old',X=2", ["variable A"]),
    ("environment=SECRET=a,\n  B=b", ["variable SECRET", "variable B"]),
    ("autostart=yes\npriority=999\nstopsignal=SIGTERM\nexitcodes= 00\nnumprocs=1\numask=NONE", []),
    ("autorestart=unexpected\nstopasgroup=on\nkillasgroup=true", ["autorestart", "stopasgroup"]),
    ("numprocs=2\nprocess_name=%(program_name)s_%(process_num)02d", ["numprocs", "process_name"]),
    ("startsecs=9 ; hosts.yaml sets it\nstopwaitsecs=1", []),
    ("stdout_logfile=%(here)s/../d/logs/monitor.log\nstdout_logfile_maxbytes=20480KB", []),
    ("stdout_logfile=/var/log/monitor.log", ["stdout_logfile"]),
    ("redirect_stderr=true\nstderr_logfile=/x", []),
    ("stderr_logfile=/x", ["stderr_logfile"]),
    ("socket_mode=0777", []),
    ("no_such_option=1", []),
])
def test_handwritten_options_and_variables_that_would_be_lost_are_named(options: str, names: list[str]) -> None:
    text = f"[program: monitor]\ncommand=x\ndirectory=/y\n{options}\n[program:other]\nuser=z\n"
    assert handwritten.losses(SERVICE, PATH, text, NEW) == names


def test_socket_of_a_handwritten_program_is_lost_unless_hosts_yaml_has_one() -> None:
    text = "[fcgi-program:monitor]\ncommand=x\nsocket=tcp://127.0.0.1:80\n"
    assert handwritten.losses(SERVICE, PATH, text, NEW) == ["socket"]
    listening = changed(SERVICE, socket="tcp://127.0.0.1:81")
    assert handwritten.losses(listening, PATH, text, NEW) == []


def test_variables_with_the_number_of_a_process_are_not_lost_where_the_command_gives_them() -> None:
    """As fab adopt writes them."""
    text = '[program:monitor]\ncommand=x\nenvironment=PROCESS_NUM="%(process_num)d",PORT="80%(process_num)02d",B="b"\n'
    numbered = changed(SERVICE, numprocs=2, command="""sh -c 'export PORT=80"$(printf %02d "$PROCESS_NUM")"; exec x'""")
    assert handwritten.losses(numbered, PATH, text, NEW) == ["variable B"]
    assert handwritten.losses(SERVICE, PATH, text, NEW) == ["variable PROCESS_NUM", "variable PORT", "variable B"]


@pytest.mark.parametrize("text", [None, NEW + "umask=027\n", "no section", "[program:other]\numask=1\n"])
def test_nothing_is_lost_where_no_person_wrote_the_program(text: str | None) -> None:
    assert handwritten.losses(SERVICE, PATH, text, NEW) == []
