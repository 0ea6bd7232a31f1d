"""The password or token of a URL is a secret (promise 7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory import origins, secret_sources
from tasks.inventory.secret import reveal
from tasks.inventory.urls import split_login, without_password
from tasks.rollout import events
from tasks.rollout.redaction import redacted

from .samples import inventory, mistakes_in, whole

TOKEN = "glpat-hunter2MARK-0123456789"
HIDDEN = [
    ("https://deploy:MARK@host/x.git", "https://deploy:***@host/x.git"),
    ("https://gitlab+deploy-token-7:MARK@host:8443/x", "https://gitlab+deploy-token-7:***@host:8443/x"),
    ("HTTPS://u:MARK@host", "HTTPS://u:***@host"),
    ("https://u:MARK@MARK@host/x", "https://u:***@host/x"),
    ("https://u:MA%2FRK@host/x", "https://u:***@host/x"),
    ("https://:MARK@host/x", "https://:***@host/x"),
    (f"https://{TOKEN}@host/x", "https://***@host/x"),
    (f"https://{TOKEN}:@host/x", "https://***@host/x"),
    (f"https://{TOKEN}:x-oauth-basic@host/x", "https://***@host/x"),
    ("ssh://git:MARK@host/x", "ssh://git:***@host/x"),
    ("postgres://app:MARK@db:5432/app", "postgres://app:***@db:5432/app"),
]
SHOWN = ["https://host/x", "https://deploy@host/x", "ssh://git@host:2222/x.git", "git@host:x.git", "/srv/git/x.git",
         "https://host/a@b:c", "https://host:8080/?mail=a@b", "see https://host and ask bob:alice@example.com"]


@pytest.mark.promise(7)
@pytest.mark.parametrize(("url", "clean"), HIDDEN)
def test_password_is_hidden_wherever_the_url_stands(url: str, clean: str) -> None:
    assert without_password(url) == clean
    text = "fatal: unable to access '{}/': 403; {}\n({})"
    assert without_password(text.format(url, url, url)) == text.format(clean, clean, clean)


@pytest.mark.parametrize("url", SHOWN)
def test_url_without_a_password_is_shown(url: str) -> None:
    assert without_password(url) == url
    assert split_login(url) == (url, None)


@pytest.mark.parametrize(("url", "clean", "user", "password", "secret"), [
    ("https://u:p%40ss@host/x", "https://u@host/x", "u", "p@ss", "p@ss"),
    (f"https://{TOKEN}@host/x", "https://host/x", TOKEN, "", TOKEN),
    ("ssh://git:pw12@host:22/x", "ssh://git@host:22/x", "git", "pw12", "pw12"),
])
def test_login_is_split_off(url: str, clean: str, user: str, password: str, secret: str) -> None:
    kept, login = split_login(url)
    assert kept == clean and login is not None
    assert [reveal(part) for part in (login.user, login.password, login.secret)] == [user, password, secret]
    assert repr(login) == "Login(user=***, password=***, secret=***)"


@pytest.mark.promise(7)
def test_repo_is_clean_in_the_model_and_whole_for_git(tmp_path: Path) -> None:
    text = whole().replace("git@git.example.com:micro/monitor.git", "https://u:hunter2-MARK@git.example.com/m.git")
    read = inventory(tmp_path, text)
    [target] = read.environment("production").targets
    assert target.service.repo == "https://u@git.example.com/m.git" and "MARK" not in repr(target)
    assert target.service.login and reveal(target.service.login.password) == "hunter2-MARK"
    sources = secret_sources.of_environment(read, "production", {})
    assert sources.masked("said hunter2-MARK", [target.service]) == "said ***"
    settings = origins.of_service(read, "production", "monitor", ["web1"], {"web1": {}})
    shown = [redacted(events.Setting(environment="production", host=None, service="monitor", key=setting.key,
                                     value=setting.value, source=setting.source)) for setting in settings]
    assert "MARK" not in repr(shown)
    assert next(setting.value for setting in shown if setting.key == "repo") == "https://u:***@git.example.com/m.git"


@pytest.mark.promise(7)
@pytest.mark.parametrize("parts", [
    {"service": "strategy: https://u:MARK@host/x"}, {"service": "health: {http: 'https://u:MARK@host/x'}"},
    {"defaults": "address: https://u:MARK@host/ x"}, {"environment": "url: 'https://u:MARK@host/ x'"},
    {"service": "directory: ~https://u:MARK@host"}, {"defaults": "lease: https://u:MARK@host"},
    {"defaults": "port: https://u:MARK@host"}, {"service": "requires: ['https://u:MARK@host/..']"},
])
def test_mistake_hides_the_password_of_its_value(tmp_path: Path, parts: dict[str, str]) -> None:
    [message] = mistakes_in(tmp_path, whole(**parts))
    assert "MARK" not in message and "://u:***@host" in message


def test_event_is_redacted_in_all_its_texts() -> None:
    url, clean = "https://u:MARK@host/x", "https://u:***@host/x"
    assert redacted(events.Error(host="web1", message=f"a {url}", hint=url)) == events.Error(
        host="web1", message=f"a {clean}", hint=clean)
    value = {"run": [url, "make"], "once": True}
    setting = events.Setting(environment="e", host=None, service="s", key="k", value=value, source="x")
    assert redacted(setting).value == {"run": [clean, "make"], "once": True}
    untouched = events.Error(host="web1", message="https://host/x", hint="")
    assert redacted(untouched) is untouched
