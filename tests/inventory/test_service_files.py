"""`files` of a service: what is read of them, by host, and each mistake in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory import origins
from tasks.inventory.model import Service

from .samples import inventory, mistakes_in

S = "services.shop.files."
WEB1 = "(on web1, web2 in production)"


def text(files: str, others: str = "", production: str = "", hosts: str = "[web1, web2]") -> str:
    return f"""\
        defaults: {{root: /srv/app}}
        services:
          shop: {{repo: git@x:y, command: ./shop, files: {{{files}}}, {others}}}
        environments:
          production: {{branch: main, hosts: {hosts}, {production}}}
        """


def services(folder: Path, *args: str, **parts: str) -> dict[str, Service]:
    """By host."""
    environment = inventory(folder, text(*args, **parts)).environment("production")
    return {target.host.name: target.service for target in environment.targets}


def test_files_are_read_in_all_their_forms(tmp_path: Path) -> None:
    service = services(tmp_path, """a/b.toml: "./files/${ENVIRONMENT}/${A}.toml", key: {secret: KEY, mode: "400"},
        .env: {variables: true}, t: {source: "${HOST}", template: true, mode: "0640"}""",
                       'variables: {A: "1"}, secrets: {KEY: OTHER}')["web1"]
    assert [(file.path, file.source, file.template, file.secret, file.variables, file.mode)
            for file in service.files] == [
        (".env", "", False, "", True, None), ("a/b.toml", "files/production/1.toml", False, "", False, None),
        ("key", "", False, "KEY", False, 0o400), ("t", "web1", True, "", False, 0o640)]
    assert service.names_of_secrets() == {"KEY": "OTHER"}


def test_secret_of_a_file_alone_is_no_secret_of_the_program(tmp_path: Path) -> None:
    service = services(tmp_path, "key: {secret: KEY}", "secrets: [TOKEN]")["web1"]
    assert service.names_of_secrets() == {"TOKEN": "TOKEN", "KEY": "KEY"}
    assert service.secrets == ("TOKEN",)


def test_file_of_a_host_takes_the_place_of_the_one_before_as_a_whole(tmp_path: Path) -> None:
    parts = {"production": "services: {shop: {files: {b: {secret: B}, c: c}}}",
             "hosts": "{web1: , web2: {services: {shop: {files: {a: {variables: true}}}}}}"}
    by_host = services(tmp_path, 'a: {source: a, template: true, mode: "0600"}, b: b', **parts)
    assert {host: [(file.path, file.source or file.secret or "dotenv", file.mode) for file in service.files]
            for host, service in by_host.items()} == {
        "web1": [("a", "a", 0o600), ("b", "B", None), ("c", "c", None)],
        "web2": [("a", "dotenv", None), ("b", "B", None), ("c", "c", None)]}
    read = inventory(tmp_path, text("a: x, b: b", **parts))
    shown = [(one.key, one.host, one.value, one.source.rpartition(":")[2])
             for one in origins.of_service(read, "production", "shop", ["web1", "web2"], {})
             if one.key.startswith("files.")]
    assert shown == [("files.a", "web1", "x", "3"), ("files.a", "web2", {"variables": True}, "5"),
                     ("files.b", None, {"secret": "B"}, "5"), ("files.c", None, "c", "5")]


SHORT = "must be in its shortest form, "
BELOW = "is a file below the service's directory, so it cannot begin with '/' or '~', nor end with '/'; got "
BESIDE = "is a file beside hosts.yaml, so it cannot begin with '/' or '~'; got "
OWN = "logs, releases, current, .git are looked after already"


@pytest.mark.parametrize(("files", "expected"), [
    ("../a: x", "'../a': cannot hold '..', got '../a'"),
    ("a/../b: x", "'a/../b': cannot hold '..', got 'a/../b'"),
    ("/etc/a: x", f"'/etc/a': {BELOW}'/etc/a'"),
    ("~/a: x", f"'~/a': {BELOW}'~/a'"),
    ("a/: x", f"'a/': {BELOW}'a/'"),
    ("'': x", "'': is empty"),
    (".: x", ".: names the directory itself"),
    ("-a: x", "-a: cannot begin with '-', got '-a'"),
    ("./a: x, a: y", f"'./a': {SHORT}'a'; got './a'"),
    ("a//b: x", f"'a//b': {SHORT}'a/b'; got 'a//b'"),
    ("logs/a: x", f"'logs/a': cannot be 'logs/a': {OWN}"),
    (".git/hooks/update: x", f"'.git/hooks/update': cannot be '.git/hooks/update': {OWN}"),
    ("a/.git/config: x", f"'a/.git/config': cannot be 'a/.git/config': {OWN}"),
    (f"a/{'ü' * 126}: x", f"'a/{'ü' * 57}…': has a name of more than 241 bytes"),
    (".a.fabvisor.new: x", ".a.fabvisor.new: cannot end with .fabvisor.new: other files have that name while they are "
     "written"),
    ("a: x, a/b: y", f"'a/b': lies inside 'a', which is a file of `files`, too {WEB1}"),
    ("etc/a: x", f"'etc/a': overlaps 'etc', which is `shared`: leave one of them out {WEB1}"),
    ("a: x, a: y", "a: is given twice, first on line 3"),
    ("a: /etc/passwd", f"a: {BESIDE}'/etc/passwd'"),
    ("a: ../x", "a: cannot hold '..', got '../x'"),
    ("a: {source: ./}", "a.source: names no file"),
    ('a: "x.${LEVE}"', f"a: no variable ${{LEVE}} is set; did you mean 'LEVEL'? {WEB1}"),
    ('a: {source: "${UP}/x"}', f"a.source: cannot hold '..', got '../x' {WEB1}"),
    ("a: {secret: A, source: b}", "a: expected one of source, secret and variables, got source and secret"),
    ("a: {variables: false}", "a: expected one of source, secret and variables, got none"),
    ("a: {}", "a: expected one of source, secret and variables, got none"),
    ("a: {secret: A, template: true}", "a.template: goes with `source` only"),
    ("a: {secret: 'p4ss word'}",
     "a.secret: expected the name of a secret, not its value: letters, digits and '_', no digit first"),
    ("a: {source: b, mode: 0640}", 'a.mode: expected text, got 0640, a number; quote it: "0640"'),
    ('a: {source: b, mode: "0840"}', "a.mode: expected a file mode in quotes, such as \"0640\", got '0840'"),
    ('a: {source: b, mode: "0040"}', "a.mode: must let its owner read the file, got '0040'"),
    ("a: {src: b}", "a.src: unknown key 'src'; did you mean 'source'?"),
    ("a: [b]", "a: expected text or a mapping, got a list"),
])
def test_mistake_in_files_is_one_line(tmp_path: Path, files: str, expected: str) -> None:
    others = "variables: {LEVEL: info, UP: ..}, shared: [etc/]"
    assert mistakes_in(tmp_path, text(files, others)) == [S + expected]
