from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks._errors import HostKeyError
from tasks.inventory.model import Host
from tasks.remote.configuration.ssh_config import Settings, effective
from tasks.remote.host_keys import known_hosts
from tasks.remote.host_keys.known_hosts import KnownHosts, fingerprint, matches, parse
from tasks.remote.host_keys.verifier import Verifier
from tests.support.sshd import keygen, public


def settings(port: int = 22, alias: str | None = None) -> Settings:
    return Settings(name="web1", hostname="web1.example.com", port=port, user="u", identity_files=(),
                    identities_only=False, identity_agent=None, jumps=(), proxy_command=None,
                    known_hosts_files=(), host_key_alias=alias)


def check(text: str, key: str, port: int = 22, alias: str | None = None) -> str:
    """"" when the key is accepted, else the message."""
    blob = parse(f"x {key}", "x")[0].blob
    verifier = Verifier("web1", settings(port, alias), KnownHosts(tuple(parse(text, "KH")), ("KH",)))
    try:
        verifier.verify(blob, key.split(maxsplit=1)[0])
    except HostKeyError as error:
        assert error.exit_code == 2
        assert error.hint
        return error.message
    return ""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("keys")
    return [public(keygen(folder / kind, kind.rstrip("2"))) for kind in ("ed25519", "ed255192", "ecdsa")]


@pytest.mark.parametrize(("patterns", "name", "expected"), [
    ("web1", "web1", True),
    ("WEB1", "web1", True),
    ("web1", "web10", False),
    ("a,web1,b", "web1", True),
    ("*.example.com", "web1.example.com", True),
    ("*.example.com", "[web1.example.com]:2222", False),
    ("[*.example.com]:2222", "[web1.example.com]:2222", True),
    ("[web1]:2222", "[web1]:2222", True),
    ("[web1]:2222", "w", False),                # brackets are no set of characters
    ("web?", "web1", True),
    ("web?", "web12", False),
    ("*,!web1", "web1", False),
    ("!web1,*", "web1", False),
    ("!web1,*", "web2", True),
    ("!web1", "web2", False),
    ("web.1", "webx1", False),
    ("|1|broken", "web1", False),
    ("|1|a|b", "web1", False),
])
def test_host_pattern_matches_as_in_openssh(patterns: str, name: str, expected: bool) -> None:
    assert matches(patterns, name) is expected


def test_names_hashed_by_ssh_keygen_are_found(tmp_path: Path, keys: list[str]) -> None:
    file = tmp_path / "kh"
    file.write_text(f"web1.example.com,10.0.0.1 {keys[0]}\n[web1.example.com]:2222 {keys[1]}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert "example" not in file.read_text()
    assert check(file.read_text(), keys[0]) == ""
    assert check(file.read_text(), keys[1], port=2222) == ""
    assert "changed" in check(file.read_text(), keys[1])


def test_odd_lines_do_not_break_the_file(keys: list[str]) -> None:
    text = f"""# a comment

    nonsense
    web1.example.com ssh-ed25519 notbase64!
    web1.example.com ssh-rsa {keys[0].split()[1]}
    @cert-authority *.example.com {keys[1]}
    @strange web1.example.com {keys[1]}
    web1.example.com\t{keys[0]}  a comment with words
    """
    assert [entry.line for entry in parse(text, "KH") if not entry.authority] == [8]
    assert check(text, keys[0]) == ""
    assert check(text.replace("\n", "\r\n"), keys[0]) == ""
    assert "changed" in check(text, keys[1])    # an authority's key is no host's key


@pytest.mark.promise(6)
def test_unknown_key_is_named_with_its_fingerprint(keys: list[str]) -> None:
    message = check("", keys[0])
    assert "unknown host key" in message and "'web1.example.com' is not in KH" in message
    assert fingerprint(parse(f"x {keys[0]}", "")[0].blob) in message and "ssh-ed25519" in message


@pytest.mark.promise(6)
def test_unknown_key_that_ssh_would_not_keep_has_another_remedy_than_to_connect(keys: list[str]) -> None:
    blob = parse(f"x {keys[0]}", "x")[0].blob
    with pytest.raises(HostKeyError) as caught:
        Verifier("web1", settings(), KnownHosts((), ("/dev/null", "KH"))).verify(blob, "ssh-ed25519")
    assert "take UserKnownHostsFile /dev/null out of ~/.ssh/config" in caught.value.hint
    assert "connect once" not in caught.value.hint


@pytest.mark.promise(6)
def test_changed_key_names_both_fingerprints_and_the_line(keys: list[str]) -> None:
    message = check(f"\nweb1.example.com {keys[0]}\n", keys[1])
    assert "changed" in message and "KH:2" in message
    for key in keys[:2]:
        assert fingerprint(parse(f"x {key}", "")[0].blob) in message


@pytest.mark.promise(6)
def test_key_of_another_type_counts_as_changed(keys: list[str]) -> None:
    assert "changed" in check(f"web1.example.com {keys[0]}", keys[2])


def test_any_of_several_known_keys_is_accepted(keys: list[str]) -> None:
    assert check(f"web1.example.com {keys[0]}\nweb1.example.com {keys[1]}", keys[1]) == ""


@pytest.mark.promise(6)
def test_revoked_key_is_refused_wherever_else_it_stands(keys: list[str]) -> None:
    message = check(f"web1.example.com {keys[0]}\n@revoked * {keys[0]}\n", keys[0])
    assert "revoked" in message and "KH:2" in message
    assert check(f"web1.example.com {keys[1]}\n@revoked * {keys[0]}\n", keys[1]) == ""
    assert "unknown" in check(f"@revoked * {keys[0]}\n", keys[1])
    assert "revoked" in check(f"@revoked web1.example.com {keys[0]}\n[web1.example.com]:2222 {keys[0]}\n",
                              keys[0], port=2222)


def test_port_is_part_of_the_name(keys: list[str]) -> None:
    assert check(f"[web1.example.com]:2222 {keys[0]}", keys[0], port=2222) == ""
    assert "'[web1.example.com]:2222' is not in" in check(f"[web1.example.com]:22 {keys[0]}", keys[0], port=2222)
    assert check(f"web1.example.com {keys[0]}", keys[0], port=2222) == "", "as OpenSSH: the bare name will do"
    assert "unknown" in check(f"web1.example.com {keys[1]}", keys[0], port=2222)


def test_alias_is_looked_up_without_a_port(keys: list[str]) -> None:
    assert check(f"prod {keys[0]}", keys[0], port=2222, alias="Prod") == ""
    assert "'prod' is not in" in check(f"web1.example.com {keys[0]}", keys[0], alias="Prod")


class TestSources:
    def load(self, **more: Any) -> KnownHosts:
        host = Host(name="web1", root="/srv", address="web1.example.com", **more)
        return known_hosts.load(host, effective(host))

    def test_known_hosts_are_those_of_the_home_folder(self, home: Path, keys: list[str]) -> None:
        (home / ".ssh/known_hosts").write_text(f"web1.example.com {keys[0]}\n")
        known = self.load()
        assert [entry.place for entry in known.of("web1.example.com")] == [f"{home}/.ssh/known_hosts:1"]

    def test_known_hosts_variable_excludes_the_home_folder(self, home: Path, keys: list[str],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
        (home / ".ssh/known_hosts").write_text(f"web1.example.com {keys[0]}\n")
        monkeypatch.setenv("SSH_KNOWN_HOSTS", f"web1.example.com {keys[1]}\r\nother {keys[0]}\r\n" * 100)
        assert {entry.source for entry in self.load().of("web1.example.com")} == {"SSH_KNOWN_HOSTS"}

    def test_known_hosts_variable_may_be_a_path(self, tmp_path: Path, keys: list[str],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "with space"
        file.write_text(f"web1.example.com {keys[1]}\r\n")
        monkeypatch.setenv("SSH_KNOWN_HOSTS", str(file))
        assert [entry.place for entry in self.load().of("web1.example.com")] == [f"{file}:1"]

    def test_empty_known_hosts_variable_counts_as_unset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSH_KNOWN_HOSTS", " \n")
        assert "SSH_KNOWN_HOSTS" not in self.load().sources

    def test_known_hosts_of_the_host_win_over_the_variable(self, home: Path, keys: list[str],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
        (home / "pinned").write_text(f"web1.example.com {keys[0]}\n")
        monkeypatch.setenv("SSH_KNOWN_HOSTS", f"web1.example.com {keys[1]}")
        assert self.load(known_hosts="~/pinned").sources == (f"{home}/pinned",)

    @pytest.mark.promise(6)
    def test_missing_known_hosts_file_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSH_KNOWN_HOSTS", "/nowhere at/all")
        with pytest.raises(HostKeyError, match="SSH_KNOWN_HOSTS: /nowhere at/all cannot be read"):
            self.load()
