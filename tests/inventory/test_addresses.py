"""What names a machine: a part that has a setting of its own is refused with that setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory.rules import addresses

from .samples import inventory, mistakes_in, whole

PORT = "the port has a setting of its own, `port`"
USER = "the user has a setting of its own, `user`"


@pytest.mark.promise(9)
@pytest.mark.parametrize(("text", "wrong"), [
    ("web1.example.com:22", PORT), ("10.0.0.1:22", PORT), ("[::1]", "an IPv6 address has no brackets here"),
    ("[::1]:22", PORT), ("ann@web1", USER), ("ssh://web1", "expected a name"), ("/", "expected a name"),
    ("..", "expected a name"), ("web1,web2", "expected a name"), ("*", "expected a name"),
    ("-x", "cannot begin with '-'"), ("web 1", "cannot hold spaces"), ("", "is empty"),
])
def test_address_that_is_none_is_refused(text: str, wrong: str) -> None:
    assert wrong in addresses.check_address(text)


@pytest.mark.parametrize("text", ["web1", "web_1", "web1.example.com", "web1.example.com.", "10.0.0.1", "::1",
                                  "fe80::1%eth0", "b\u00fccher.example.com"])
def test_address_of_every_form_is_taken(text: str) -> None:
    assert addresses.check_address(text) == ""


@pytest.mark.promise(9)
@pytest.mark.parametrize("text", ["ann@", "@jump", "jump:", "jump:ssh", "jump:70000", "jump:0", "a,,b", "a b", "-J",
                                  "::1", "http://jump", ""])
def test_gateway_that_is_none_is_refused(text: str) -> None:
    assert addresses.check_gateway(text)


@pytest.mark.parametrize("text", ["jump", "ann@jump:22", "ann@[::1]:22", "ssh://ann@jump:22", "a,b@c:2", "none",
                                  "EXAMPLE\\ann@jump", "ann@example.com@jump"])
def test_gateway_of_every_form_is_taken(text: str) -> None:
    assert addresses.check_gateway(text) == ""


@pytest.mark.promise(9)
def test_host_name_with_a_port_is_refused_with_the_setting(tmp_path: Path) -> None:
    [message] = mistakes_in(tmp_path, whole().replace("      web1:", "      web1:22:"))
    assert PORT in message


@pytest.mark.promise(9)
@pytest.mark.parametrize("root", ["/srv/app/", "//srv/app", "/srv/./app"])
def test_root_in_other_words_is_the_same_root(tmp_path: Path, root: str) -> None:
    text = whole() + f"      web2: {{user: deploy, address: web1, root: {root}}}\n"
    assert mistakes_in(tmp_path, text) == ["environments.production.hosts.web2: is the same machine and root as web1"]


@pytest.mark.promise(9)
@pytest.mark.parametrize("login", ["user: deploy, root: /srv/other", "user: other", "user: other, root: ~/app"])
def test_service_is_named_once_for_each_supervisord_of_a_machine(tmp_path: Path, login: str) -> None:
    """A deploy would start it under one name of the machine, and be refused under the other."""
    folder = "program_dir: /etc/supervisor/conf.d"
    text = whole(host=folder) + f"      web2: {{address: web1, {login}, {folder}}}\n"
    assert mistakes_in(tmp_path, text) == [
        "environments.production.hosts.web2: has monitor in the `program_dir` of web1, which is the same machine; name"
        " it for one of them, or give web2 a supervisord of its own"]
    assert inventory(tmp_path, text.replace(f", {folder}", "")).environment("production")


@pytest.mark.promise(9)
@pytest.mark.parametrize("names", [("Web1.example.com.", "web1.example.com"), ("'2001:DB8::1'", "'2001:db8:0:0::0:1'")])
def test_one_machine_in_other_letters_is_one_machine(tmp_path: Path, names: tuple[str, str]) -> None:
    text = whole(host=f"address: {names[0]}") + f"      web2: {{user: deploy, address: {names[1]}}}\n"
    assert mistakes_in(tmp_path, text) == ["environments.production.hosts.web2: is the same machine and root as web1"]
