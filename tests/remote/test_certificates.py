"""Certificates: of users (CertificateFile, PATH-cert.pub, the agent) and of hosts (@cert-authority)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks._errors import HostKeyError, LoginError
from tasks.inventory.model import Host
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import HostConnection
from tests.remote.test_keys import add_to_agent
from tests.remote.test_keys import agent as agent_fixture
from tests.support.sshd import Sshd, keygen, public

pytestmark = pytest.mark.usefixtures("real_hosts")
Open = Callable[..., HostConnection]
agent = agent_fixture


def sign(authority: Path, key: Path, *options: str) -> Path:
    """KEY-cert.pub, signed by the authority."""
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "test", *options, f"{key}.pub"], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    return Path(f"{key}-cert.pub")


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return keygen(tmp_path / "authority")


@pytest.fixture
def server(tmp_path: Path, authority: Path) -> Iterator[Sshd]:
    """Trusts the authority, and no key of its own."""
    with Sshd(tmp_path, options=[f"TrustedUserCAKeys {authority}.pub", "AuthorizedKeysFile none"]) as sshd:
        yield sshd


def login(server: Sshd, open_to: Open, home: Path, config: str) -> HostConnection:
    (home / ".ssh/config").write_text(config)
    return open_to(server, identity_file=None)


@pytest.mark.rows(1)
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_certificate_file_logs_in_with_a_key_of_a_file(server: Sshd, authority: Path, home: Path, open_to: Open,
                                                       kind: str) -> None:
    key = keygen(home / "key", kind)
    certificate = sign(authority, key, "-n", server.user).rename(home / "elsewhere.pub")
    config = f"IdentityFile {key}\nIdentitiesOnly yes\nCertificateFile {certificate}\n"
    assert login(server, open_to, home, config).is_connected


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_certificate_file_logs_in_with_a_key_of_the_agent(server: Sshd, authority: Path, home: Path, agent: str,
                                                          open_to: Open, kind: str) -> None:
    key = keygen(home / "key", kind)
    certificate = sign(authority, key, "-n", server.user).rename(home / "elsewhere.pub")
    add_to_agent(key)
    key.unlink()
    assert login(server, open_to, home, f"CertificateFile {certificate}\n").is_connected


@pytest.mark.rows(1)
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_certificate_in_the_agent_logs_in_without_its_key_there(server: Sshd, authority: Path, home: Path, agent: str,
                                                                open_to: Open, kind: str) -> None:
    """As step and vault leave it there."""
    key = keygen(home / "key", kind)
    sign(authority, key, "-n", server.user)
    add_to_agent(key)
    bare = home / "bare.pub"
    bare.write_text(f"{public(key)}\n")
    subprocess.run(["ssh-add", "-q", "-d", str(bare)], check=True, capture_output=True)
    key.unlink()
    assert login(server, open_to, home, "").is_connected


def test_certificate_beside_an_identity_file_logs_in(server: Sshd, authority: Path, open_to: Open, home: Path) -> None:
    key = keygen(home / "key")
    sign(authority, key, "-n", server.user)
    assert open_to(server, identity_file=str(key)).is_connected


def test_key_is_offered_alone_when_its_certificate_is_refused(sshd: Sshd, authority: Path, open_to: Open) -> None:
    sign(authority, sshd.client_key, "-n", "somebody")
    assert open_to(sshd).is_connected


def test_refused_login_names_an_expired_certificate(server: Sshd, authority: Path, home: Path) -> None:
    key = keygen(home / "key")
    sign(authority, key, "-n", server.user, "-V", "20200101:20200102")
    with pytest.raises(LoginError, match=r"key with .*key-cert\.pub \(expired\)"):
        connect(Host(**server.host_settings(identity_file=str(key))))


@contextmanager
def certified(folder: Path, authority: Path, *options: str, kind: str = "ed25519") -> Iterator[Sshd]:
    """A host that shows a certificate."""
    server = Sshd(folder, host_keys=[kind])
    certificate = sign(authority, server.host_keys[0], "-h", *options)
    server._options.append(f"HostCertificate {certificate}")
    with server:
        yield server


def trusting(server: Sshd, lines: str) -> dict[str, Any]:
    known = server.folder / "known"
    known.write_text(lines)
    return {"known_hosts": str(known)}


@pytest.mark.rows(3)
@pytest.mark.promise(6)
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("signer", ["ed25519", "ecdsa", "rsa"])
def test_host_with_a_certificate_of_a_known_authority_is_accepted(tmp_path: Path, open_to: Open, kind: str,
                                                                  signer: str) -> None:
    authority = keygen(tmp_path / "ca", signer)
    with certified(tmp_path, authority, "-n", "127.0.0.1,web1", kind=kind) as server:
        known = trusting(server, f"@cert-authority [127.0.0.*]:* {public(authority)}\n")
        assert open_to(server, **known).is_connected


@pytest.mark.promise(6)
@pytest.mark.parametrize(("options", "words"), [
    (["-n", "web2"], "it is for web2, not for 127.0.0.1"), ([], "it is for no host"),
    (["-n", "127.0.0.1", "-V", "20200101:20200102"], "it is valid from 20"),
    (["-n", "127.0.0.1", "-V", "+1d:+2d"], "it is valid from 20"),
], ids=["another host", "no host", "expired", "not yet"])
def test_host_certificate_that_does_not_hold_is_refused(tmp_path: Path, authority: Path, options: list[str],
                                                        words: str) -> None:
    with certified(tmp_path, authority, *options) as server:
        known = trusting(server, f"@cert-authority * {public(authority)}\n")
        with pytest.raises(HostKeyError, match="does not hold: " + words.replace(".", r"\.")):
            connect(Host(**server.host_settings(**known)))


@pytest.mark.promise(6)
def test_host_certificate_of_an_unknown_or_revoked_authority_is_refused(tmp_path: Path, authority: Path) -> None:
    other = keygen(tmp_path / "other")
    with certified(tmp_path, authority, "-n", "127.0.0.1") as server:
        for lines, words in ((f"@cert-authority * {public(other)}\n", "no certificate of the authority"),
                             ("", "unknown host key"),
                             (f"@cert-authority * {public(authority)}\n@revoked * {public(authority)}\n", "is revoked"),
                             (f"@cert-authority web2 {public(authority)}\n", "unknown host key")):
            with pytest.raises(HostKeyError, match=words):
                connect(Host(**server.host_settings(**trusting(server, lines))))


@pytest.mark.promise(6)
def test_key_of_an_authority_is_no_key_of_a_host(tmp_path: Path, authority: Path, sshd: Sshd) -> None:
    """A host that shows the authority's own key as its host key is not known by it."""
    with pytest.raises(HostKeyError, match="unknown host key"):
        connect(Host(**sshd.host_settings(**trusting(sshd, f"@cert-authority * {public(sshd.host_keys[0])}\n"))))


def test_host_with_a_certificate_is_known_by_its_plain_key_too(tmp_path: Path, authority: Path, open_to: Open) -> None:
    with certified(tmp_path, authority, "-n", "127.0.0.1") as server:
        assert open_to(server).is_connected
