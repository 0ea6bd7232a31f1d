"""A command with the number of its process starts, by way of sh, the same words as by supervisord."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from tasks.adoption import process_number
from tasks.inventory.rules import values
from tasks.program import quoting

SHOW = f"{sys.executable} -c 'import json,os,sys; print(json.dumps([sys.argv[1:], os.environ[\"PORT\"]]))'"


@pytest.mark.parametrize(("written", "options", "text"), [
    ("w-%(process_num)d.log", {"numprocs": "20"}, "w-${PROCESS_NUM}.log"),
    ("w-%(process_num)02d.log", {"numprocs": "10"}, "w-0${PROCESS_NUM}.log"),
    ("w-%(process_num)02d.log", {"numprocs": "11"}, "w-%(process_num)02d.log"),
    ("w-%(process_num)2d.log", {"numprocs": "2"}, "w-%(process_num)2d.log"),
    ("w-%(process_num)d.log", {"numprocs": "2", "numprocs_start": "1"}, "w-%(process_num)d.log")])
def test_number_is_written_as_hosts_yaml_has_it_where_that_is_the_same(written: str, options: dict[str, str],
                                                                       text: str) -> None:
    assert process_number.for_hosts_yaml(written, options) == text


@pytest.mark.parametrize("words", [
    "--port=80%(process_num)02d", "-n w%(process_num)d@%(process_num)s",
    "%(process_num)03d 'it''s' \"$HOME ${X}\" '' 50%"])
@pytest.mark.parametrize(("first", "number"), [(0, 7), (3, 12)])
def test_command_of_sh_becomes_what_supervisord_started(words: str, first: int, number: int) -> None:
    text = process_number.script(f"{SHOW} {words}", {"PORT": "80%(process_num)02d x"}, first)
    assert not values.check_command(text)
    run = subprocess.run(quoting.words(text), env={"PROCESS_NUM": str(number)}, capture_output=True, check=True)
    expected = words.replace("50%", "50%%") % {"process_num": number + first}
    assert json.loads(run.stdout) == [shlex.split(expected), f"80{number + first:02d} x"]
