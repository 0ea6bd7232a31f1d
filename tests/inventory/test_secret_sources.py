"""Secrets: a value that hides itself, and where values come from."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tasks._errors import NotReady
from tasks.inventory import model, secret_sources
from tasks.inventory.secret import Secret, reveal
from tests.support.services import one_program

from .samples import mistakes_in, whole

VALUE = "hunter2-MARK"
SERVICE = one_program("monitor", "./monitor", secrets=("DB_PASSWORD", "TOKEN"))
TARGETS = (model.Target(host=model.Host(name="web1", root="/r"), service=SERVICE),)


def values(folder: Path, *names: str, **environ: str) -> dict[str, str]:
    targets = (replace(TARGETS[0], service=replace(SERVICE, secrets=names)),)
    (target,) = secret_sources.fill(targets, "production", folder, environ)
    return {name: reveal(value) for name, value in target.service.secret_values.items()}


def keep(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / ".secrets/production.env"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


def refused(folder: Path, *names: str, **environ: str) -> NotReady:
    with pytest.raises(NotReady) as caught:
        values(folder, *names, **environ)
    assert caught.value.exit_code == 2
    assert "MARK" not in caught.value.message + caught.value.hint
    return caught.value


@pytest.mark.promise(7)
def test_secret_hides_itself_in_every_text_form() -> None:
    secret = Secret(VALUE)
    made = Secret("export X=") + secret.map(str.upper) + "\n"
    assert reveal(made) == f"export X={VALUE.upper()}\n"
    service = replace(SERVICE, secret_values={"DB_PASSWORD": secret})
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>9}", f"{[secret]}", f"{secret:>40}",
                  repr(service), repr(made), str({"a": secret})):
        assert "MARK" not in shown.upper() and "***" in shown
    with pytest.raises(TypeError):
        json.dumps({"a": secret})
    for encode in (msgspec.json.encode, msgspec.to_builtins):
        with pytest.raises(TypeError):
            encode(service)
    with pytest.raises(TypeError):
        reveal(VALUE)


@pytest.mark.promise(7)
def test_secret_hides_itself_in_a_traceback() -> None:
    def fails(secret: Secret) -> None:
        raise ValueError(f"what is wrong with {secret}?")

    try:
        fails(Secret(VALUE))
    except ValueError as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert "secret = ***" in "".join(report.format()) and "MARK" not in "".join(report.format())


def test_secret_of_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    keep(tmp_path, "DB_PASSWORD=from-file\nTOKEN=from-file\nOTHER=x\n")
    assert values(tmp_path, "DB_PASSWORD", "TOKEN", DB_PASSWORD="given") == {
        "DB_PASSWORD": "given", "TOKEN": "from-file"}
    assert values(tmp_path, "DB_PASSWORD", DB_PASSWORD="") == {"DB_PASSWORD": ""}


EXACT = ["~/x", "50%", "it's", '"quoted"', "$(id) ${HOME} `id`", "back\\slash\\", "two\nlines\n", "a\r\nb", " spaces ",
         "ünï ¢ö∂é", "x # y", "\\n", "\\'", "'", "", "\t", "a=b", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"]


@pytest.mark.parametrize("value", EXACT)
def test_secret_of_any_value_is_read_exactly(tmp_path: Path, value: str) -> None:
    (tmp_path / "file").write_bytes(value.encode())
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    keep(tmp_path, f"# a comment\nA=1\n\nexport KEPT='{quoted}' # and another\nB=2\n")
    found = values(tmp_path, "GIVEN", "FILE", "KEPT", "B", GIVEN=value, FILE=str(tmp_path / "file"))
    assert found == {"GIVEN": value, "FILE": value, "KEPT": value, "B": "2"}


def test_secret_keeps_bytes_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff\xfe")
    assert values(tmp_path, "FILE", FILE=str(tmp_path / "file"))["FILE"].encode("utf-8", "surrogateescape") == \
        b"\xff\xfe"


def test_file_variable_is_an_absolute_path_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").write_text("content")
    for value in ("here", str(tmp_path), "/no/such/file", "/" + "x" * 5000):
        assert values(tmp_path, "A", A=value) == {"A": value}


@pytest.mark.promise(9)
def test_missing_secrets_are_named_at_once(tmp_path: Path) -> None:
    keep(tmp_path, "TOKEN\n")                       # a name without a value is none
    error = refused(tmp_path, "TOKEN", "DB_PASSWORD", "THERE", THERE=VALUE)
    assert error.message == ("the secret DB_PASSWORD of monitor has no value\n"
                             "the secret TOKEN of monitor has no value")
    assert ".secrets/production.env" in error.hint


@pytest.mark.parametrize(("protected", "words"), [
    ("false", ["protected variable", "feature is not: protect it"]), ("true", ["scope", "production", "protected"])])
def test_missing_secret_hint_names_the_likely_cause_in_gitlab(tmp_path: Path, protected: str, words: list[str]) -> None:
    job = {"GITLAB_CI": "true", "CI_COMMIT_REF_PROTECTED": protected, "CI_COMMIT_REF_NAME": "feature"}
    error = refused(tmp_path, "TOKEN", **job)
    assert [word for word in words if word not in error.hint] == []


@pytest.mark.promise(7)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_secret_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    keep(tmp_path, f"TOKEN={VALUE}\n", mode)
    assert refused(tmp_path, "TOKEN", TOKEN="x").hint == "chmod 600 .secrets/production.env"


@pytest.mark.promise(7)
@pytest.mark.parametrize("line", ["TOKEN='MARK", "MARK MARK", "TOKEN='MARK' MARK"])
def test_unreadable_line_of_a_secret_file_is_named_by_number(tmp_path: Path, line: str) -> None:
    """It is named by its number, not quoted."""
    keep(tmp_path, f"# x\n\nOTHER=1\n\n  {line}\n")
    assert refused(tmp_path, "TOKEN").message == ".secrets/production.env:5: this line cannot be read"


def test_folder_in_place_of_a_secret_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".secrets/production.env").mkdir(parents=True, mode=0o700)
    assert "cannot be read" in refused(tmp_path, "TOKEN").message


def test_secret_with_a_nul_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"MARK\0")
    assert "TOKEN (environment) holds a NUL" in refused(tmp_path, "TOKEN", TOKEN=str(tmp_path / "file")).message


def test_secret_file_is_not_read_when_no_secret_is_needed(tmp_path: Path) -> None:
    keep(tmp_path, "", 0o644)
    assert secret_sources.fill((replace(TARGETS[0], service=replace(SERVICE, secrets=())),), "production", tmp_path, {})


@pytest.mark.promise(9)
@pytest.mark.parametrize(("parts", "message"), [
    ({"service": "secrets: [A B]"}, "services.monitor.secrets[0]: 'A B' is not a variable's name: expected letters, "
                                    "digits and '_', no digit first"),
    ({"service": "secrets: [RUN_MODE]"}, "services.monitor.secrets[0]: RUN_MODE is set by the environment's "
                                         "`run_mode`"),
    ({"service": "secrets: [A, A]"}, "services.monitor.secrets[1]: 'A' is listed twice"),
    ({"service": "secrets: [B, A]", "host": "variables: {A: x}"}, "services.monitor.secrets[1]: A is among the "
     "variables, too (on web1 in production); leave one of them out"),
    ({"environment": "services: {monitor: {secrets: [A], variables: {A: x}}}"}, "environments.production.services."
     "monitor.secrets[0]: A is among the variables, too (on web1 in production); leave one of them out"),
    ({"service": "secrets: {A: hunter2}"}, "services.monitor.secrets: expected a list, got a mapping"),
])
def test_invalid_secret_names_are_refused(tmp_path: Path, parts: dict[str, str], message: str) -> None:
    assert mistakes_in(tmp_path, whole(**parts)) == [message]
