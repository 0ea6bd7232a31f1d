"""What a plan shows of a program file that may hold values that nobody should see."""

from __future__ import annotations

import pytest

from tasks.rollout import preview
from tests.rollout.samples import SERVICE


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
