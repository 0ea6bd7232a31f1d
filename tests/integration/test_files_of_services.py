"""`files`: the worked example of docs/services.md, deployed, changed, shown by `plan`, and rolled back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import Run
from tests.support.pages import CHECKOUT, blocks, section

PAGE = (CHECKOUT / "docs/services.md").read_text()
SHOP: dict[str, Any] = yaml.safe_load(blocks("yaml", "\n" + section("Files", PAGE))[0])["services"]["shop"]
KEY = '{"private_key": "MARK4711-of-a-file"}'
SECRETS = {"DB_PASSWORD": "MARK4711's", "SERVICE_ACCOUNT": KEY}


@pytest.fixture
def shop(make_app: MakeApp) -> App:
    app = make_app(files=SHOP["files"], secrets=SHOP["secrets"], variables=SHOP["variables"]).alone()
    (app.gate / "files").mkdir()
    source(app, "app.test.toml", "host = '${HOST}'\npassword = \"${DB_PASSWORD}\"\n")
    source(app, "limits.toml", "most = 1\n")
    return app


def source(app: App, name: str, text: str) -> None:
    (app.gate / "files" / name).write_text(text)


def planned(run: Run) -> dict[str, tuple[str, bool, list[str]]]:
    """By path: the change, whether it is secret, and the lines of the diff that say what changes."""
    event = next(event for event in run.events if event["event"] == "plan")
    return {file["path"]: (file["change"], file["secret"], [line for line in file["diff"][2:] if line[0] in "+-"])
            for file in event["files"]}


def lying(app: App, host: str, path: str = "") -> tuple[str, int]:
    full = app.lab[host].directory(app.name) / path
    return full.read_text(), full.stat().st_mode & 0o777


def shown(*runs: Run) -> str:
    return "".join(run.out + run.err for run in runs)


@pytest.mark.promise(7)
@pytest.mark.parametrize("strategy", ["releases", "in_place"])
@pytest.mark.rows(1)
def test_documented_files_are_deployed_changed_and_rolled_back(shop: App, strategy: str) -> None:
    shop.write(strategy=strategy)
    place = "current/" if strategy == "releases" else ""
    plan, first = shop.fab("plan", shop.name, **SECRETS), shop.deploy("--verbose", **SECRETS)
    assert (plan.code, first.code) == (0, 0), (plan, first)
    assert planned(plan) == {".env": ("added", True, []), "config/app.toml": ("added", True, []),
                             "config/key.json": ("added", True, []), "config/limits.toml": ("added", False, [])}
    for host in shop.hosts:
        assert lying(shop, host, place + "config/app.toml") == (
            f"host = '{host}'\npassword = \"{SECRETS['DB_PASSWORD']}\"\n", 0o640)
        assert lying(shop, host, place + "config/key.json") == (KEY, 0o600)
        assert lying(shop, host, place + "config/limits.toml") == ("most = 1\n", 0o644)
        text, mode = lying(shop, host, place + ".env")
        assert mode == 0o600 and 'DB_PASSWORD="MARK4711\'s"\n' in text and "PORT=8000\nRUN_MODE=test\n" in text
    assert shop.deploy(**SECRETS).finished["outcome"] == "unchanged"

    shop.commit(f"{shop.name}-2")
    source(shop, "limits.toml", "most = 2\n")
    secrets = {**SECRETS, "SERVICE_ACCOUNT": '{"private_key": "MARK4711-of-another"}'}
    plan, page, second = (shop.fab("plan", shop.name, **secrets),
                          shop.fab("plan", shop.name, format="plain", **secrets), shop.deploy(**secrets))
    assert second.code == 0, second
    assert planned(plan) == {"config/key.json": ("changed", True, []),
                             "config/limits.toml": ("changed", False, ["-most = 1", "+most = 2"])}
    assert "config/key.json changed (secret)" in page.out and "+most = 2" in page.out
    assert lying(shop, "web1", place + "config/limits.toml") == ("most = 2\n", 0o644)

    back = shop.fab("rollback", shop.name, **secrets)
    assert back.code == 0 and shop.running("web1") == f"{shop.name}-1", back
    assert lying(shop, "web1", place + "config/limits.toml")[0] == (
        "most = 1\n" if strategy == "releases" else "most = 2\n")
    assert "MARK4711" not in shown(plan, page, first, second, back, shop.fab("config", shop.name, **SECRETS))


@pytest.mark.promise(9)
def test_file_that_cannot_be_deployed_is_refused_before_a_change(shop: App) -> None:
    shop.write(files={"config/app.toml": "files/absent.toml"})
    for command in ("plan", "deploy"):
        run = shop.fab(command, shop.name, **SECRETS)
        assert run.code == 2 and "there is no file files/absent.toml beside" in messages(run), run
        assert not run.finished["hosts"]
    shop.write(files={"key": {"secret": "NOWHERE"}})
    run = shop.deploy(**SECRETS)
    assert run.code == 2 and f"the secret NOWHERE of {shop.name} has no value" in messages(run)
    shop.write(files={"source": "files/limits.toml"})
    for fetch in ("host", "client"):
        run = shop.deploy("--fetch", fetch, **SECRETS)
        assert run.code == 2 and "has source, where `files` puts files of its own" in messages(run), run
    assert not any(Path(shop.lab[host].directory(shop.name)).exists() for host in shop.hosts)


@pytest.mark.promise(7)
def test_plan_shows_the_difference_of_large_texts_and_of_line_ends_and_none_of_what_is_no_text(shop: App) -> None:
    """The host says the texts in one message, which is longer than what the client lets wait."""
    before = {**{f"large{number}": "a line\n" * 8000 for number in range(3)}, "bytes": "\0\x01",
              "ends": f"{SECRETS['DB_PASSWORD']}\r\n2"}
    for name, text in before.items():
        source(shop, name, text)
    shop.write(files={name: f"files/{name}" for name in before})
    assert shop.deploy(**SECRETS).code == 0
    for name, text in {**{name: text + "new\n" for name, text in before.items()}, "ends": "1\n2\n"}.items():
        source(shop, name, text)
    assert planned(shop.fab("plan", shop.name, DB_PASSWORD="another")) == {
        "bytes": ("changed", False, []), **{f"large{number}": ("changed", False, ["+new"]) for number in range(3)},
        "ends": ("changed", False, ["-***\r", "+1", "-\\ No newline at end of file"])}
    path = shop.lab["web1"].directory(shop.name) / "large0"
    path.unlink()
    os.mkfifo(path)
    plan = shop.fab("plan", shop.name, **SECRETS)
    assert plan.code == 2 and f"{path} is a pipe, where `files` puts a file" in plan.events[-2]["obstacles"], plan
    (row,) = shop.fab("status", "--service", shop.name).of("status")
    assert [oddity.partition(",")[0] for oddity in row["oddities"]] == [f"{path} is a pipe"]
