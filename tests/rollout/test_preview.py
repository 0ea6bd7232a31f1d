"""What a plan shows of a program file that may hold values that nobody should see."""

from __future__ import annotations

import pytest

from tasks.deploy import recipe
from tasks.inventory.model import Target
from tasks.inventory.service_file import ServiceFile, content
from tasks.rollout import preview
from tasks.rollout.facts import PlacedFile
from tasks.rollout.goal import key
from tasks.rollout.planner import deploy_planner
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
    assert preview.hidden(text.format(written), SERVICE) == text.format(shown)


def test_change_of_a_mode_alone_is_shown_with_both_modes() -> None:
    file = content("conf/app.toml", "most = 1\n", 0o600, "none")
    service = changed(SERVICE, files=(ServiceFile(path=file.path, origin=(), source="app.toml"),),
                      file_contents=(file,))
    found = facts(files={file.path: PlacedFile(sha256=file.sha256, mode=0o640, written=file.sha256)})
    target = Target(host=HOST, service=service)
    (plan,) = deploy_planner(recipe)((target,), {key(target): found}, {service.name: GOAL}).values()
    (shown,) = preview.file_changes(service, found, plan)
    assert (shown.change, shown.mode) == ("changed", ["0640", "0600"])
