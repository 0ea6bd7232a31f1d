"""Private keys as other tools write them: PKCS#8, with text or parameters in front, from Windows."""

from __future__ import annotations

import base64
import functools
import subprocess
import tempfile
from pathlib import Path

import pytest

from tasks._errors import LoginError
from tasks.inventory.model import Host
from tasks.remote.configuration.ssh_config import effective
from tasks.remote.user_keys.keys import keys_for
from tests.remote.test_keys import offered
from tests.support.sshd import keygen, public

BAGS = """Bag Attributes
    localKeyID: 54 69 6D 65 20 31
    friendlyName: deploy
Key Attributes: <No Attributes>
"""
EC_PARAMETERS = """-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
"""


def openssl(*words: str) -> str:
    return subprocess.run(["openssl", *words], check=True, capture_output=True, text=True).stdout


def rewritten(key: Path, form: str, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-p", "-m", form, "-P", "", "-N", passphrase, "-f", str(key)], check=True,
                   capture_output=True)
    return key


@functools.cache
def written(kind: str, form: str) -> tuple[str, str]:
    """A private key in that form, made once, and the base64 of its public one."""
    with tempfile.TemporaryDirectory() as folder:
        key = keygen(Path(folder) / "key", kind)
        return (rewritten(key, form) if form else key).read_text(), public(key).split()[1]


FORMS = {
    "rsa PKCS#8": ("rsa", "PKCS8", ""), "rsa PKCS#1": ("rsa", "PEM", ""), "ecdsa PKCS#8": ("ecdsa", "PKCS8", ""),
    "ecdsa with parameters": ("ecdsa", "PEM", EC_PARAMETERS), "rsa with bags": ("rsa", "PKCS8", BAGS),
    "openssh with words": ("ed25519", "", "the key of production\n"),
}


@pytest.mark.rows(8)
@pytest.mark.parametrize("crlf", [False, True], ids=["", "CRLF"])
@pytest.mark.parametrize("where", ["file", "variable"])
@pytest.mark.parametrize(("kind", "form", "before"), FORMS.values(), ids=FORMS)
def test_key_is_read_in_every_form_that_openssh_takes(home: Path, monkeypatch: pytest.MonkeyPatch, kind: str, form: str,
                                                      before: str, where: str, crlf: bool) -> None:
    key = home / "key"
    private, base64 = written(kind, form)
    text = before + private
    text = text.replace("\n", "\r\n") if crlf else text
    key.write_bytes(text.encode())
    key.chmod(0o600)
    if where == "variable":
        monkeypatch.setenv("SSH_PRIVATE_KEY", text)
    (offer,) = (offered() if where == "variable" else offered(identity_file=str(key))).offers
    assert offer.key.get_base64() == base64


def test_ed25519_key_of_openssl_is_read(home: Path) -> None:
    (home / "key").write_text(openssl("genpkey", "-algorithm", "ed25519"))
    (home / "key").chmod(0o600)
    answer = subprocess.run(["ssh-keygen", "-y", "-f", str(home / "key")], check=False, capture_output=True, text=True)
    (offer,) = offered(identity_file=str(home / "key")).offers
    assert offer.key.get_name() == "ssh-ed25519"
    assert answer.returncode or offer.key.get_base64() == answer.stdout.split()[1]


@pytest.mark.parametrize("form", ["PKCS8", "PEM", "RFC4716"])
def test_encrypted_key_of_every_form_says_ssh_add(home: Path, form: str) -> None:
    key = rewritten(keygen(home / "key", "rsa"), form, "secret")
    with pytest.raises(LoginError, match="the key has a passphrase") as caught:
        offered(identity_file=str(key))
    assert caught.value.hint == f"ssh-add {key}"


@pytest.mark.parametrize("words", [("genpkey", "-algorithm", "ed448"), ("ecparam", "-name", "secp256k1", "-genkey")],
                         ids=["ed448", "secp256k1"])
def test_key_that_ssh_does_not_have_is_named(home: Path, words: tuple[str, ...]) -> None:
    (home / "key").write_text(openssl(*words))
    with pytest.raises(LoginError, match="cannot be read as an Ed25519, ECDSA or RSA private key"):
        offered(identity_file=str(home / "key"))


def test_key_of_a_security_token_is_left_to_the_agent(home: Path) -> None:
    """What such a file begins with; nobody but the token has the rest."""
    def string(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    public_half = string(string(b"sk-ssh-ed25519@openssh.com") + string(bytes(32)) + string(b"ssh:"))
    body = b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + b"\0\0\0\1" + public_half + string(bytes(64))
    (home / ".ssh/id_ed25519_sk").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.b64encode(body).decode()
                                             + "\n-----END OPENSSH PRIVATE KEY-----\n")
    (home / ".ssh/config").write_text("IdentityFile ~/.ssh/id_ed25519_sk\nIdentityFile ~/.ssh\n")
    assert offered().unusable == (
        f"{home}/.ssh/id_ed25519_sk: its security token signs only by way of an agent: ssh-add",
        f"{home}/.ssh: cannot be read: Is a directory")


def test_damaged_keys_never_crash_the_reader(home: Path) -> None:
    """Each byte of a key replaced, in turn: it is read, or named."""
    for kind in ("ed25519", "ecdsa"):
        key = keygen(home / kind, kind)
        data = key.read_bytes()
        host = Host(name="web1", root="/srv", identity_file=str(key))
        settings = effective(host)
        for at in range(0, len(data), 7):
            key.write_bytes(data[:at] + b"!" + data[at + 1:])
            try:
                with keys_for(host, settings):
                    pass
            except LoginError as error:
                assert str(key) in error.message
