"""`notify` of an environment: a deploy tells a chat and a command how it ended."""

from __future__ import annotations

import json

import pytest

from tests.integration.app import App
from tests.notification.test_notifier import chat


@pytest.mark.promise(7)
def test_deploy_tells_a_chat_and_a_command_how_it_ended(app: App) -> None:
    command = {"run": "cat >>told; echo no chat with $PASSWORD; exit 3", "on": ["failed"]}
    app.environment = {"notify": [{"webhook": "CHAT_URL"}, command]}
    app.write(secrets=["PASSWORD"])
    with chat() as (url, heard):
        run = app.deploy("--host", "web1", CHAT_URL=url, PASSWORD="s3cret-of-api")
        assert (run.code, run.of("notice")) == (0, [])
        app.shut("fail", app.name + "-2")
        app.commit(app.name + "-2")
        failed = app.deploy("--host", "web1", CHAT_URL=url, PASSWORD="s3cret-of-api")
    texts = [message["text"] for _, message in heard]
    assert f"deploy of {app.name}, test: {app.name} is at" in texts[0]
    assert "went back: every host is as it was" in texts[1] and "exit status 9" in texts[1]
    assert f" {app.name}-2\n" in texts[1]
    assert failed.code == 1
    (notice,) = failed.of("notice")
    assert "exit status 3: no chat with ***;" in notice["message"] and url not in failed.out + failed.err
    assert json.loads((app.inventory.parent / "told").read_text()) == failed.finished


def test_webhook_without_a_value_does_not_change_the_outcome(app: App) -> None:
    app.environment = {"notify": {"webhook": "CHAT_URL"}}
    app.write()
    run = app.deploy("--host", "web1", format="plain")
    assert run.code == 0
    assert "notify: CHAT_URL: the secret CHAT_URL has no value; the outcome does not depend on it" in run.out + run.err
