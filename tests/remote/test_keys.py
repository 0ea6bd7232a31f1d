from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko import Message

from tasks._errors import LoginError
from tasks.inventory.model import Host
from tasks.remote.configuration.ssh_config import effective
from tasks.remote.user_keys.key_files import load_text
from tasks.remote.user_keys.key_offers import Keys
from tasks.remote.user_keys.keys import keys_for
from tests.support import guard
from tests.support.sshd import keygen


def labels(keys: Keys) -> list[str]:
    return [offer.label for offer in keys.offers]


def offered(**more: Any) -> Keys:
    host = Host(name="web1", root="/srv", **more)
    with keys_for(host, effective(host)) as keys:
        return keys


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    path = str(tmp_path / "agent.sock")
    guard.watch(tmp_path)               # a daemon: else it would outlive tests that are killed
    out = subprocess.run(["ssh-agent", "-s", "-a", path], check=True, capture_output=True, text=True).stdout
    found = re.search(r"SSH_AGENT_PID=(\d+)", out)
    assert found is not None
    monkeypatch.setenv("SSH_AUTH_SOCK", path)
    yield path
    os.kill(int(found[1]), signal.SIGTERM)


def add_to_agent(key: Path, passphrase: str = "", options: tuple[str, ...] = ()) -> Path:
    ask = key.parent / "ask"
    ask.write_text(f"#!/bin/sh\necho {passphrase}\n")
    ask.chmod(0o700)
    subprocess.run(["ssh-add", "-q", *options, str(key)], check=True, stdin=subprocess.DEVNULL, capture_output=True,
                   env={**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"})
    return key


@pytest.mark.rows(4)
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["text", "crlf", "no final newline", "path", "wide open"])
def test_private_key_variable_is_read_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str,
                                                    form: str) -> None:
    key = keygen(tmp_path / "key", kind)
    text = key.read_text()
    if form in ("path", "wide open"):
        key.chmod(0o666 if form == "wide open" else 0o600)
        key.write_text(text.rstrip().replace("\n", "\r\n"))
        value = str(key)
    else:
        value = {"crlf": text.replace("\n", "\r\n"), "no final newline": text.rstrip()}.get(form, text)
    monkeypatch.setenv("SSH_PRIVATE_KEY", value)
    (offer,) = offered().offers
    assert offer.key.get_base64() == Path(f"{key}.pub").read_text().split()[1]
    assert offer.label.startswith("SSH_PRIVATE_KEY")


def test_private_key_variable_and_identity_file_exclude_all_others(home: Path, agent: str,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    add_to_agent(keygen(home / "of_agent"))
    keygen(home / ".ssh/id_ed25519")
    mine = keygen(home / "mine")
    monkeypatch.setenv("SSH_PRIVATE_KEY", str(keygen(home / "variable")))
    assert labels(offered(identity_file="~/mine")) == [f"SSH_PRIVATE_KEY ({home}/variable)", str(mine)]
    assert labels(offered()) == [f"SSH_PRIVATE_KEY ({home}/variable)"]


def test_host_of_the_sandbox_is_offered_no_key_but_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = keygen(home / "mine")
    for value in (str(keygen(home / "variable")), "no key at all"):
        monkeypatch.setenv("SSH_PRIVATE_KEY", value)
        assert labels(offered(identity_file="~/mine", known_hosts="pinned")) == [str(mine)]


def test_missing_identity_file_falls_back_to_the_default_keys(home: Path) -> None:
    default = keygen(home / ".ssh/id_ed25519")
    keys = offered(identity_file="~/not there")
    assert labels(keys) == [str(default)]
    assert keys.unusable == ("~/not there: there is no such file",)


def test_key_that_cannot_be_looked_at_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a closed folder; this fails for root, too."""
    path = home / ("k" * 300)
    with pytest.raises(LoginError, match="k: cannot be read: File name too long"):
        offered(identity_file=str(path))
    (home / ".ssh/config").write_text(f"IdentityFile {path}\n")
    assert offered().unusable == (f"{path}: cannot be read: File name too long",)
    monkeypatch.setenv("HOME", str(path))
    assert offered().offers == ()


def test_missing_key_files_of_the_ssh_config_are_skipped(home: Path) -> None:
    (home / ".ssh/config").write_text("IdentityFile ~/.ssh/missing\nIdentityFile ~/.ssh/there\n")
    keygen(home / ".ssh/there")
    assert labels(offered()) == [str(home / ".ssh/there")]


def test_agent_keys_come_first_and_configured_ones_before_all(home: Path, agent: str) -> None:
    add_to_agent(keygen(home / "other", comment="other key"))
    locked = keygen(home / ".ssh/id_rsa", "rsa", passphrase="secret")
    add_to_agent(locked, "secret")
    plain = keygen(home / ".ssh/id_ed25519")
    assert labels(offered()) == [f"{locked} (agent)", "agent: other key", str(plain)]
    (home / ".ssh/config").write_text("IdentitiesOnly yes\n")
    assert labels(offered()) == [f"{locked} (agent)", str(plain)]


def test_locked_identity_file_is_taken_from_the_agent(home: Path, agent: str) -> None:
    key = keygen(home / "locked", passphrase="secret")
    add_to_agent(key, "secret")
    Path(f"{key}.pub").unlink()
    assert labels(offered(identity_file=str(key))) == [f"{key} (agent)"]


def test_dead_agent_offers_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "nobody"))
    assert offered().offers == ()


@pytest.mark.rows(1)
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_key_with_a_passphrase_says_ssh_add(home: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    key = keygen(home / "locked", kind, passphrase="secret")
    with pytest.raises(LoginError, match="locked: the key has a passphrase") as caught:
        offered(identity_file=str(key))
    assert caught.value.hint == f"ssh-add {key}"
    for value in (str(key), key.read_text()):
        monkeypatch.setenv("SSH_PRIVATE_KEY", value)
        with pytest.raises(LoginError, match=r"SSH_PRIVATE_KEY.*the key has a passphrase") as caught:
            offered()
        assert "ssh-add" in caught.value.hint


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_rsa_key_is_not_proved_sound_and_shows_nothing_of_itself(form: PrivateFormat) -> None:
    """The proof takes up to 0.2 s. A signature by wrong parts of a key would tell the server its factors."""
    sound = rsa.generate_private_key(65537, 2048).private_numbers()
    damaged = rsa.RSAPrivateNumbers(sound.p, sound.q, sound.d, sound.dmp1, sound.dmq1, sound.iqmp + 2,
                                    sound.public_numbers)
    text = damaged.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(Encoding.PEM, form, NoEncryption())
    key = load_text(text.decode())
    signature = Message(key.sign_ssh_data(b"words", "rsa-sha2-512").asbytes())
    assert key.verify_ssh_sig(b"words", signature)


@pytest.mark.promise(7)
@pytest.mark.parametrize("value", ["hunter2", "MIIEpAIBAAKCAQEA\nmore", "x" * 9000])
def test_variable_without_a_key_is_never_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SSH_PRIVATE_KEY", value)
    with pytest.raises(LoginError, match="neither a private key nor the path") as caught:
        offered()
    assert value.split(maxsplit=1)[0] not in caught.value.message + caught.value.hint


@pytest.mark.promise(7)
def test_truncated_key_is_never_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = keygen(home / "key").read_text()
    monkeypatch.setenv("SSH_PRIVATE_KEY", text[:150])
    with pytest.raises(LoginError, match="SSH_PRIVATE_KEY: cannot be read") as caught:
        offered()
    assert text[50:80] not in caught.value.message + caught.value.hint


def test_file_that_is_no_private_key_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoginError, match="a public key"):
        offered(identity_file=f"{keygen(home / 'key')}.pub")
    (home / "x.ppk").write_text("PuTTY-User-Key-File-2: ssh-rsa\n")
    with pytest.raises(LoginError, match="PuTTY"):
        offered(identity_file="~/x.ppk")
    monkeypatch.setenv("SSH_PRIVATE_KEY", "/nowhere/key")
    with pytest.raises(LoginError, match="there is no file /nowhere/key"):
        offered()
