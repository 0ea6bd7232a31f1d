"""What a plan shows of a program file that may hold values that nobody should see."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.deploy import recipe
from tasks.inventory.model import Target
from tasks.inventory.secret import Secret
from tasks.inventory.service_file import FileContent, ServiceFile, content
from tasks.rollout.events import FileChange
from tasks.rollout.facts import PlacedFile
from tasks.rollout.goal import key
from tasks.rollout.plan import changes
from tasks.rollout.plan.planner import deploy_planner
from tests.rollout.samples import GOAL, HOST, SERVICE, facts
from tests.support.services import changed


@pytest.mark.promise(7)
@pytest.mark.parametrize(("written", "shown"), [
    ('RUN_MODE="dev",PROCESS_NUM="%(process_num)d"', 'RUN_MODE="dev",PROCESS_NUM="%(process_num)d"'),
    ("PORT=%(process_num)02d,TOKEN=s3cret", "PORT=%(process_num)02d,TOKEN=***"),
    ('PROCESS_NUM="s3cret"', "PROCESS_NUM=***"),
    ('PORT="80%(process_num)d"', "PORT=***"),
])
def test_number_of_a_process_is_shown_and_values_are_not(written: str, shown: str) -> None:
    text = "[program:monitor]\nenvironment={}\ncommand=./monitor\n"
    assert changes.hidden(text.format(written)) == text.format(shown)


def file_change(file: FileContent, there: str, **fields: Any) -> FileChange:
    """What a plan shows of a file whose text on the host is `there`."""
    service = changed(SERVICE, files=(ServiceFile(path=file.path, origin=(), source="app.toml"),),
                      file_contents=(file,), **fields)
    before = content(file.path, there, 0o640, "none").sha256
    found = facts(files={file.path: PlacedFile(sha256=before, mode=0o640, written=before)})
    target = Target(host=HOST, service=service)
    (plan,) = deploy_planner(recipe)((target,), {key(target): found}, {service.name: GOAL}).values()
    (shown,) = changes.files(service, found, plan, {file.path: there})
    return shown


def test_change_of_a_mode_alone_is_shown_with_both_modes() -> None:
    shown = file_change(content("conf/app.toml", "most = 1\n", 0o600, "none"), "most = 1\n")
    assert (shown.change, shown.mode, shown.diff) == ("changed", ["0640", "0600"], [])


@pytest.mark.promise(7)
def test_difference_of_a_file_shows_no_value_of_a_secret() -> None:
    """Somebody wrote it into a file that is for everybody to see."""
    shown = file_change(content("conf/app.toml", "a = s3cret\nb = 2\n", 0o640, "none"), "a = s3cret\nb = s3cret\n",
                        secrets=("TOKEN",), secret_values={"TOKEN": Secret("s3cret")})
    assert shown.diff[3:] == [" a = ***", "-b = ***", "+b = 2"]


@pytest.mark.parametrize(("text", "there"), [
    ("a\n", "K\N{REPLACEMENT CHARACTER}ln\n"), (b"K\xf6ln\n".decode("utf-8", "surrogateescape"), "a\n"),
    ("a\0\n", "a\n")], ids=["the host's", "ours", "NUL"])
def test_difference_of_what_is_no_text_is_not_shown(text: str, there: str) -> None:
    shown = file_change(content("conf/data", text, 0o640, "none"), there)
    assert (shown.change, shown.diff) == ("changed", [])
