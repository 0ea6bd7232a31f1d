"""Secrets: a value that hides itself, and where values come from."""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tasks._errors import InventoryError, NotReady
from tasks.inventory import model, origins, secret_command, secret_sources
from tasks.inventory.secret import Secret, reveal
from tasks.inventory.secret_sources import SecretSources
from tests.support.services import one_program

from .samples import inventory, mistakes_in, whole

VALUE = "hunter2-MARK"
SERVICE = one_program("monitor", "./monitor", secrets=("DB_PASSWORD", "TOKEN"))
TARGETS = (model.Target(host=model.Host(name="web1", root="/r"), service=SERVICE),)


def values(folder: Path, *names: str, **environ: str) -> dict[str, str]:
    targets = (replace(TARGETS[0], service=replace(SERVICE, secrets=names)),)
    (target,) = SecretSources("production", folder, environ).fill(targets)
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
def test_secret_that_a_file_has_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    keep(tmp_path, f"TOKEN={VALUE}\n\nOTHER=x\nexport TOKEN='{VALUE} 2'\n")
    message = refused(tmp_path, "TOKEN").message
    assert message == ".secrets/production.env:4: TOKEN is given twice, first at .secrets/production.env:1"


@pytest.mark.promise(9)
def test_missing_secrets_are_named_at_once(tmp_path: Path) -> None:
    keep(tmp_path, "TOKEN\n")                       # a name without a value is none
    error = refused(tmp_path, "TOKEN", "DB_PASSWORD", "THERE", THERE=VALUE)
    assert error.message == ("the secret DB_PASSWORD of monitor has no value\n"
                             "the secret TOKEN of monitor has no value")
    assert ".secrets/production.env" in error.hint


def test_missing_secret_hint_says_that_the_command_ran(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="the secret B of monitor has no value") as caught:
        filled(tmp_path, printing("echo A=1"))
    assert caught.value.hint.startswith("`secrets_from` does not print what is missing; set them in the environment")


@pytest.mark.parametrize(("protected", "words"), [
    ("false", ["protected variable", "feature is not: protect it"]), ("true", ["scope", "production", "protected"])])
def test_missing_secret_hint_names_the_likely_cause_in_gitlab(tmp_path: Path, protected: str, words: list[str]) -> None:
    job = {"GITLAB_CI": "true", "CI_COMMIT_REF_PROTECTED": protected, "CI_COMMIT_REF_NAME": "feature"}
    error = refused(tmp_path, "TOKEN", **job)
    assert [word for word in words if word not in error.hint] == []


def test_empty_secret_of_a_github_job_is_none(tmp_path: Path) -> None:
    """GitHub gives an empty text where it has none."""
    error = refused(tmp_path, "TOKEN", TOKEN="", GITHUB_ACTIONS="true")
    assert "TOKEN of monitor has no value" in error.message and "environment production" in error.hint


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
    targets = (replace(TARGETS[0], service=replace(SERVICE, secrets=())),)
    assert SecretSources("production", tmp_path, {}).fill(targets) == targets


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
    ({"service": "secrets: A"}, "services.monitor.secrets: expected a list or a mapping: names of secrets, not their "
                                "values"),
    ({"service": "secrets: {A: 1234}"}, "services.monitor.secrets.A: expected text: names of secrets, not their "
                                        "values"),
    ({"service": "secrets: {A B: A}"}, "services.monitor.secrets.'A B': 'A B' is not a variable's name: expected "
                                       "letters, digits and '_', no digit first"),
    ({"service": "secrets: {A: hunter-2}"}, "services.monitor.secrets.A: expected another name of the secret, not its "
                                            "value: letters, digits and '_', no digit first"),
    ({"service": "secrets: {B: , A: C}", "host": "variables: {A: x}"}, "services.monitor.secrets.A: A is among the "
     "variables, too (on web1 in production); leave one of them out"),
    ({"environment": 'secrets_from: ""'}, "environments.production.secrets_from: is empty"),
    ({"service": "secrets_from: x"}, "services.monitor.secrets_from: unknown key 'secrets_from'; it is a key of "
                                     "an environment"),
])
def test_invalid_secret_names_are_refused(tmp_path: Path, parts: dict[str, str], message: str) -> None:
    assert mistakes_in(tmp_path, whole(**parts)) == [message]


def sources(folder: Path, parts: dict[str, str], **environ: str) -> SecretSources:
    return secret_sources.of_environment(inventory(folder, whole(**parts)), "production",
                                         {"PATH": os.environ["PATH"], **environ})


def filled(folder: Path, parts: dict[str, str], **environ: str) -> dict[str, str]:
    """The values of the one service on the one host."""
    targets = inventory(folder, whole(**parts)).environment("production").targets
    (target,) = sources(folder, parts, **environ).fill(targets)
    return {name: reveal(value) for name, value in target.service.secret_values.items()}


def test_secret_of_the_service_wins_over_that_of_the_environment(tmp_path: Path) -> None:
    keep(tmp_path, "A=common\nB=common\n")
    own = tmp_path / ".secrets/production/monitor.env"
    own.parent.mkdir()
    own.write_text("B=own\nC=own\n")
    own.chmod(0o600)
    assert values(tmp_path, "A", "B", "C", C="given") == {"A": "common", "B": "own", "C": "given"}
    own.chmod(0o640)
    assert refused(tmp_path, "A").hint == "chmod 600 .secrets/production/monitor.env"


def test_secret_takes_its_value_from_another_name(tmp_path: Path) -> None:
    parts = {"service": "secrets: {SECRET_KEY: SHOP_SECRET_KEY, DB: SHOP_DB, PLAIN: }"}
    keep(tmp_path, "SHOP_DB=kept\nDB=no\nPLAIN=plain\n")
    assert filled(tmp_path, parts, SHOP_SECRET_KEY="given", SECRET_KEY="no") == {
        "SECRET_KEY": "given", "DB": "kept", "PLAIN": "plain"}
    with pytest.raises(NotReady) as caught:
        filled(tmp_path, parts, SECRET_KEY="no")
    assert caught.value.message == "the secret SECRET_KEY (SHOP_SECRET_KEY) of monitor has no value"


def test_mapping_of_secrets_adds_to_those_before_and_a_list_replaces_them(tmp_path: Path) -> None:
    added = {"service": "secrets: [A, B]", "host": "services: {monitor: {secrets: {B: WEB1_B, C: }}}"}
    assert filled(tmp_path, added, A="a", WEB1_B="b", C="c") == {"A": "a", "B": "b", "C": "c"}
    replaced = {"service": "secrets: {A: X, B: }", "host": "services: {monitor: {secrets: [B]}}"}
    assert filled(tmp_path, replaced, B="b") == {"B": "b"}


def printing(command: str, names: str = "[A, B]") -> dict[str, str]:
    return {"service": f"secrets: {names}", "environment": f"secrets_from: {json.dumps(command)}"}


@pytest.mark.parametrize("text", [
    "A='it\\'s'\nB=2.50\n", '\ufeff{"A": "it\'s", "B": "2.50"}', '{"A": "it\'s", "B": 2.50, "OTHER": null}'])
def test_command_prints_secrets_as_dotenv_or_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "production.txt").write_text(text)
    assert filled(tmp_path, printing("cat ${ENVIRONMENT}.txt")) == {"A": "it's", "B": "2.50"}


def test_command_comes_after_the_environment_and_before_the_files(tmp_path: Path) -> None:
    keep(tmp_path, "A=kept\nB=kept\nC=kept\n")
    found = sources(tmp_path, printing("echo A=printed; echo B=printed"), A="given").find(
        "monitor", {"A": "A", "B": "B", "C": "C"})
    assert {name: (reveal(value), source) for name, (value, source) in found.items()} == {
        "A": ("given", "environment"), "B": ("printed", "secrets_from"), "C": ("kept", ".secrets/production.env:3")}


def test_command_runs_once_and_only_for_what_the_environment_lacks(tmp_path: Path) -> None:
    parts, runs = printing("echo run >>runs; echo A=a; echo B=b"), tmp_path / "runs"
    assert filled(tmp_path, parts, A="x", B="y") == {"A": "x", "B": "y"}
    asked = sources(tmp_path, parts)
    service = inventory(tmp_path, whole(**parts)).environment("production").targets[0].service
    assert asked.masked("nothing", [service]) == "nothing" and not runs.exists()
    for name in ("A", "B"):
        asked.find("monitor", {name: name})
    assert runs.read_text() == "run\n"


@pytest.mark.promise(7)
@pytest.mark.promise(9)
@pytest.mark.parametrize(("command", "message"), [
    ("echo A=MARK; echo MARK >&2; exit 3", "the command failed: exit status 3"),
    ("echo A=MARK; false | true", "the command failed: exit status 1"),
    ("kill -9 $$", "the command failed: signal 9"),
    ("exec no-such-MARK", "the command failed: exit status 127"),
    ("echo A=MARK; sleep 60", "the command did not end within 0.5 s"),
    ("exec >&-; sleep 60", "the command did not end within 0.5 s"),
    ("yes A=MARK", "the command printed more than 1 MB"),
    ("echo A=1; echo MARK: no such key", "the command printed neither dotenv nor a JSON object: line 2"),
    ("echo MARK", "the command printed neither dotenv nor a JSON object: line 1"),
    ("echo '{\"A\": MARK}'", "the command printed neither dotenv nor a JSON object"),
    ("echo '{\"A\": \"\\ud800 MARK\"}'", "the command printed neither dotenv nor a JSON object"),
    ("echo '{\"A\": [\"MARK\"]}'", "the command printed JSON with values inside of values: print names and texts only"),
])
def test_command_that_fails_is_one_line_without_its_output(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str,
        message: str) -> None:
    if "sleep" in command:
        monkeypatch.setattr(secret_command, "LONGEST", 0.5)
    with pytest.raises(InventoryError) as caught:
        filled(tmp_path, printing(command))
    line = whole(**printing(command)).splitlines().index(f"    secrets_from: {json.dumps(command)}") + 1
    assert caught.value.exit_code == 2 and caught.value.message.endswith(
        f"hosts.yaml:{line}: environments.production.secrets_from: {message}")
    assert "MARK" not in caught.value.message + caught.value.hint + "".join(capfd.readouterr())


def test_child_that_the_command_leaves_does_not_hold_it(tmp_path: Path) -> None:
    assert filled(tmp_path, printing("sleep 60 & echo A=a; echo B=b")) == {"A": "a", "B": "b"}


def test_config_names_the_source_of_a_secret(tmp_path: Path) -> None:
    parts = printing("echo SHOP_A=a", "{A: SHOP_A, B: SHOP_B, C: }")
    read, names = inventory(tmp_path, whole(**parts)), {"A": "SHOP_A", "B": "SHOP_B", "C": "C"}
    found = sources(tmp_path, parts, SHOP_B="b").find("monitor", names)
    shown = {setting.key: (setting.value, setting.source) for setting in origins.of_service(
        read, "production", "monitor", ["web1"], {"web1": found})}
    assert [shown[f"secrets.{name}"] for name in names] == [
        ("***", "secrets_from, as SHOP_A"), ("***", "environment, as SHOP_B"), (None, "missing")]
    assert shown["secrets_from"][0] == "echo SHOP_A=a"


def test_missing_secrets_of_all_services_are_named(tmp_path: Path) -> None:
    targets = tuple(replace(TARGETS[0], service=replace(SERVICE, name=name, secrets=("A",))) for name in ("api", "web"))
    with pytest.raises(NotReady) as caught:
        SecretSources("production", tmp_path, {}).fill(targets)
    assert caught.value.message == "the secret A of api has no value\nthe secret A of web has no value"
