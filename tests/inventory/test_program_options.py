"""The table of program options is supervisor's own, and what it accepts supervisor accepts too."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from tasks.inventory.rules import program_options


def test_option_table_knows_every_option_of_supervisor() -> None:
    source = inspect.getsource(ServerOptions._processes_from_section)
    read = set(re.findall(r"get\(section, ?'(\w+)'", source))
    read |= {f"{stream}_{rest}" for stream in ("stdout", "stderr") for rest in re.findall(r"'%s_(\w+)' % k", source)}
    read |= set(re.findall(r"get\(section, ?'(socket\w*)'", inspect.getsource(
        ServerOptions.process_groups_from_parser)))
    assert read == set(program_options.KINDS) | set(program_options.OWNED)


def accepted(folder: Path, option: str, value: program_options.Value) -> bool:
    conf = folder / "supervisord.conf"
    conf.write_text(f"[supervisord]\n[program:x]\ncommand=/bin/true\n{option}={program_options.as_text(value)}\n")
    server = ServerOptions()
    server.usage = lambda message: (_ for _ in ()).throw(ValueError(message))
    try:
        server.realize(args=["-c", str(conf)], doc="")
    except ValueError:
        return False
    return True


VALUES: dict[str, tuple[list[program_options.Value], list[program_options.Value]]] = {
    "priority": ([5, -1, "7"], ["high", "1.5"]),
    "autostart": ([True, False, "true"], ["maybe"]),
    "autorestart": ([True, False, "unexpected"], ["always"]),
    "startsecs": ([0, 10, "3"], ["soon", "2s"]),
    "exitcodes": ([0, 255, "0,2", "0, 2"], [256, "0 2", "-1", "a"]),
    "stopsignal": (["TERM", "SIGTERM", "usr1", 15, "9"], ["TREM", "SIG", 999]),
    "umask": (["022", "0022", 22, "77"], ["9", "u+x"]),
    "redirect_stderr": ([True], ["2"]),
    "stdout_logfile": (["AUTO", "NONE", "/tmp/x.log"], []),
    "stdout_logfile_maxbytes": ([0, 1000, "20MB", "1gb", "5KB"], ["200B", "20 megabytes", "MB", "1.5MB"]),
    "stderr_logfile_backups": ([0, 20], ["many"]),
}


@pytest.mark.parametrize("option", VALUES)
def test_option_check_agrees_with_supervisor(tmp_path: Path, option: str) -> None:
    good, bad = VALUES[option]
    for value in good:
        assert program_options.check_option(option, value) == "", value
        assert accepted(tmp_path, option, value), value
    for value in bad:
        assert program_options.check_option(option, value), value
        assert not accepted(tmp_path, option, value), value


def test_booleans_are_written_as_supervisor_reads_them() -> None:
    assert [program_options.as_text(value) for value in (True, False, 5, "x")] == ["true", "false", "5", "x"]
